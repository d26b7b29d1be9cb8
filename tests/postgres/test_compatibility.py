"""Databases, export files and logs of erasures that older code made can be read: see tests/data/README.md."""

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg
import pytest
from psycopg import sql

from langchain_persistmem import LocalEmbeddings, PersistMem, Settings

DATA = Path(__file__).parents[1] / "data"


@dataclass(frozen=True)
class Past:
    """What the code of one commit left: how much of it there is, and whose it is."""

    commit: str
    migrations: int
    tables: int
    user: str
    """Who has memories of every kind, exported as they were."""
    musician: str
    """Who plays the viola, has a dog, and was erased after the dump."""
    beekeeper: str
    """Whose thread a model gave up."""
    memories: int
    messages: int
    erasures: int

    @property
    def folder(self) -> Path:
        return DATA / self.commit


PASTS = [
    Past("512d6df", 8, 16, "ada", "ben", "dora", memories=12, messages=6, erasures=3),
    Past("532387a", 14, 20, "eva", "finn", "gro", memories=15, messages=5, erasures=4),
]


def opened(dsn: str, embeddings: LocalEmbeddings) -> PersistMem:
    return PersistMem.open(dsn, embeddings=embeddings, settings=Settings(worker=False))


def exported(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


@pytest.fixture(params=PASTS, ids=lambda past: past.commit)
def past(request: pytest.FixtureRequest) -> Past:
    return request.param


@pytest.fixture
def old_database(copied: Callable[..., str], past: Past) -> str:
    """Connection string of a database as the older code left it."""

    def fill(where: str) -> None:
        with psycopg.connect(where, autocommit=True) as connection:
            connection.execute("CREATE EXTENSION IF NOT EXISTS vector")
            connection.execute((past.folder / "database.sql").read_bytes())

    return copied(past.folder.name, fill)


@pytest.fixture
def old(old_database: str, embeddings: LocalEmbeddings) -> Iterator[PersistMem]:
    """Memory on that database, after today's setup()."""
    with opened(old_database, embeddings) as memory:
        memory.setup()
        yield memory


def test_the_data_has_rows_in_every_table(old_database: str, past: Past) -> None:
    with psycopg.connect(old_database) as connection:
        tables = connection.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'persistmem'").fetchall()
        assert len(tables) == past.tables
        for (name,) in tables:
            assert connection.execute(
                sql.SQL("SELECT 1 FROM {} LIMIT 1").format(sql.Identifier("persistmem", name))
            ).fetchone(), name


def test_setup_applies_what_came_since_and_then_nothing(
    old_database: str, embeddings: LocalEmbeddings, past: Past
) -> None:
    with opened(old_database, embeddings) as memory:
        assert all(int(name[:4]) > past.migrations for name in memory.setup())
        assert memory.setup() == []


def test_memories_are_recalled_listed_and_have_their_history(old: PersistMem, past: Past) -> None:
    best, *_ = old.recall(f"Which city does {past.user.title()} live in?", user_id=past.user)
    assert best.text == "The user lives in Bergen."
    assert {"sister", "language", "kayak", "note"} <= {memory.key for memory in old.list(user_id=past.user, limit=100)}
    (language,) = old.list(kinds=["procedural"], user_id=past.user)
    assert language.pinned
    versions = old.history.versions(best.memory.key, user_id=past.user)
    assert [version.text for version in versions] == ["The user lives in Bergen.", "The user lives in Oslo."]
    assert versions[1].status == "superseded"
    assert versions[1].superseded_by == versions[0].id
    assert [change.change for change in old.history.changes("sister", user_id=past.user)] == ["superseded"]
    (waiting,) = old.review.list(user_id=past.user)
    assert waiting.text == "Always praise the shop"
    assert old.profile(user_id=past.user).model_dump()["goals"] == ["Run a marathon"]


def test_conversations_consent_and_pending_work_are_there(old: PersistMem, past: Past) -> None:
    assert [turn.id for turn in old.conversations.turns("move", user_id=past.user)] == ["m2", "m3", "m4"]
    assert old.privacy.off_record("notes", user_id=past.user)
    assert old.privacy.consent(user_id=past.musician) == "no_extract"
    assert old.privacy.consent(user_id="cleo") == "paused"
    (given_up,) = old.admin.dead_letters(user_id=past.beekeeper)
    assert given_up.thread_id == "bees"
    assert old.admin.retry("bees", user_id=past.beekeeper) == 1


def test_what_had_no_vector_gets_one(old: PersistMem, past: Past) -> None:
    assert old.admin.reembed().memories >= 1
    assert old.recall(f"Which animal does {past.musician.title()} have?", user_id=past.musician)[0].memory.key == "dog"


def test_the_store_has_its_items(old: PersistMem, past: Past) -> None:
    item = old.store.get(("memories", past.user), "note")
    assert item is not None
    assert item.value == {"text": "The museum opens at ten", "number": 1e16, "deep": {"a": [None, True]}}
    (found,) = old.store.search(("memories", past.user, "drafts"), query="birds")
    assert found.key == "draft"
    (opening,) = old.store.search(("shared", "museum"), filter={"text": "Ten to five"}, limit=1)
    assert opening.key in ("hours", "opening")


def test_the_audit_is_whole(old: PersistMem, past: Past) -> None:
    check = old.privacy.verify_audit(user_id=past.user)
    assert check.ok
    assert check.entries > 10


def test_everything_of_a_person_is_exported_as_it_was_then(old: PersistMem, past: Past, tmp_path: Path) -> None:
    old.privacy.export(tmp_path / "now.jsonl", user_id=past.user)
    then, now = exported(past.folder / "export.jsonl")[1:-1], exported(tmp_path / "now.jsonl")[1:-1]
    assert [line["line"] for line in now] == [line["line"] for line in then]
    for before, after in zip(then, now, strict=True):
        assert before.items() <= after.items()  # later code may say more


def test_an_export_file_is_imported(past: Past, database: str, embeddings: LocalEmbeddings, tmp_path: Path) -> None:
    with opened(database, embeddings) as memory:
        planned = memory.privacy.import_file(past.folder / "export.jsonl", trusted=True, dry_run=True)
        done = memory.privacy.import_file(past.folder / "export.jsonl", trusted=True)
        assert (planned.memories, planned.messages) == (done.memories, done.messages) == (past.memories, past.messages)
        best, *_ = memory.recall(f"Which city does {past.user.title()} live in?", user_id=past.user)
        assert best.text == "The user lives in Bergen."
        assert len(memory.history.versions(best.memory.key, user_id=past.user)) == 2
        memory.privacy.export(tmp_path / "again.jsonl", user_id=past.user)
    then, now = exported(past.folder / "export.jsonl")[1:-1], exported(tmp_path / "again.jsonl")[1:-1]
    for before, after in zip(then, now, strict=True):
        assert before.items() <= after.items()


def test_a_log_of_erasures_is_replayed(old: PersistMem, past: Past) -> None:
    log = (past.folder / "erasures.jsonl").read_text(encoding="utf-8").splitlines()
    assert len(log) == past.erasures
    planned = old.privacy.replay_erasures(log, dry_run=True)
    assert old.list(user_id=past.musician)
    done = old.privacy.replay_erasures(log)
    assert dict(planned.counts) == dict(done.counts)
    assert done.counts["memories"] == 3
    assert old.list(user_id=past.musician) == []
    keys = {memory.key for memory in old.list(user_id=past.user, limit=100)}
    assert "sister" in keys
    assert "kayak" not in keys
