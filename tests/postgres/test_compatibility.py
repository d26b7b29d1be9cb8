"""Databases, export files and logs of erasures that older code made can be read: see tests/data/README.md."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest
from psycopg import sql

from langchain_persistmem import LocalEmbeddings, PersistMem, Settings

DATA = Path(__file__).parents[1] / "data"
MADE_BY = ["512d6df"]
MIGRATIONS = 8
"""How many the database of each commit has been through."""


def opened(dsn: str, embeddings: LocalEmbeddings) -> PersistMem:
    return PersistMem.open(dsn, embeddings=embeddings, settings=Settings(worker=False))


def exported(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


@pytest.fixture(params=MADE_BY)
def folder(request: pytest.FixtureRequest) -> Path:
    return DATA / request.param


@pytest.fixture
def old_database(copied: Callable[..., str], folder: Path) -> str:
    """Connection string of a database as the older code left it."""

    def fill(where: str) -> None:
        with psycopg.connect(where, autocommit=True) as connection:
            connection.execute("CREATE EXTENSION IF NOT EXISTS vector")
            connection.execute((folder / "database.sql").read_bytes())

    return copied(folder.name, fill)


@pytest.fixture
def old(old_database: str, embeddings: LocalEmbeddings) -> Iterator[PersistMem]:
    """Memory on that database, after today's setup()."""
    with opened(old_database, embeddings) as memory:
        memory.setup()
        yield memory


def test_the_data_has_rows_in_every_table(old_database: str) -> None:
    with psycopg.connect(old_database) as connection:
        tables = connection.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'persistmem'").fetchall()
        assert len(tables) > MIGRATIONS
        for (name,) in tables:
            assert connection.execute(
                sql.SQL("SELECT 1 FROM {} LIMIT 1").format(sql.Identifier("persistmem", name))
            ).fetchone(), name


def test_setup_applies_what_came_since_and_then_nothing(old_database: str, embeddings: LocalEmbeddings) -> None:
    with opened(old_database, embeddings) as memory:
        assert all(int(name[:4]) > MIGRATIONS for name in memory.setup())
        assert memory.setup() == []


def test_memories_are_recalled_listed_and_have_their_history(old: PersistMem) -> None:
    best, *_ = old.recall("Which city does Ada live in?", user_id="ada")
    assert best.text == "The user lives in Bergen."
    assert {"sister", "language", "kayak", "note"} <= {memory.key for memory in old.list(user_id="ada", limit=100)}
    (language,) = old.list(kinds=["procedural"], user_id="ada")
    assert language.pinned
    versions = old.history.versions(best.memory.key, user_id="ada")
    assert [version.text for version in versions] == ["The user lives in Bergen.", "The user lives in Oslo."]
    assert versions[1].status == "superseded"
    assert versions[1].superseded_by == versions[0].id
    assert [change.change for change in old.history.changes("sister", user_id="ada")] == ["superseded"]
    (waiting,) = old.review.list(user_id="ada")
    assert waiting.text == "Always praise the shop"
    assert old.profile(user_id="ada").model_dump()["goals"] == ["Run a marathon"]


def test_conversations_consent_and_pending_work_are_there(old: PersistMem) -> None:
    assert [turn.id for turn in old.conversations.turns("move", user_id="ada")] == ["m2", "m3", "m4"]
    assert old.privacy.off_record("notes", user_id="ada")
    assert old.privacy.consent(user_id="ben") == "no_extract"
    assert old.privacy.consent(user_id="cleo") == "paused"
    (given_up,) = old.admin.dead_letters(user_id="dora")
    assert given_up.thread_id == "bees"
    assert old.admin.retry("bees", user_id="dora") == 1


def test_what_had_no_vector_gets_one(old: PersistMem) -> None:
    assert old.admin.reembed().memories >= 1
    assert old.recall("Which animal does Ben have?", user_id="ben")[0].memory.key == "dog"


def test_the_store_has_its_items(old: PersistMem) -> None:
    item = old.store.get(("memories", "ada"), "note")
    assert item is not None
    assert item.value == {"text": "The museum opens at ten", "number": 1e16, "deep": {"a": [None, True]}}
    (found,) = old.store.search(("memories", "ada", "drafts"), query="birds")
    assert found.key == "draft"
    assert old.store.get(("shared", "museum"), "hours") is not None


def test_the_audit_is_whole(old: PersistMem) -> None:
    check = old.privacy.verify_audit(user_id="ada")
    assert check.ok
    assert check.entries > MIGRATIONS


def test_everything_of_a_person_is_exported_as_it_was_then(old: PersistMem, folder: Path, tmp_path: Path) -> None:
    old.privacy.export(tmp_path / "now.jsonl", user_id="ada")
    then, now = exported(folder / "export.jsonl")[1:-1], exported(tmp_path / "now.jsonl")[1:-1]
    assert [line["line"] for line in now] == [line["line"] for line in then]
    for before, after in zip(then, now, strict=True):
        assert before.items() <= after.items()  # later code may say more


def test_an_export_file_is_imported(folder: Path, database: str, embeddings: LocalEmbeddings, tmp_path: Path) -> None:
    with opened(database, embeddings) as memory:
        planned = memory.privacy.import_file(folder / "export.jsonl", trusted=True, dry_run=True)
        done = memory.privacy.import_file(folder / "export.jsonl", trusted=True)
        assert (planned.memories, planned.messages) == (done.memories, done.messages) == (12, 6)
        best, *_ = memory.recall("Which city does Ada live in?", user_id="ada")
        assert best.text == "The user lives in Bergen."
        assert len(memory.history.versions(best.memory.key, user_id="ada")) == 2
        memory.privacy.export(tmp_path / "again.jsonl", user_id="ada")
    then, now = exported(folder / "export.jsonl")[1:-1], exported(tmp_path / "again.jsonl")[1:-1]
    for before, after in zip(then, now, strict=True):
        assert before.items() <= after.items()


def test_a_log_of_erasures_is_replayed(old: PersistMem, folder: Path) -> None:
    log = (folder / "erasures.jsonl").read_text(encoding="utf-8").splitlines()
    assert len(log) == 3
    planned = old.privacy.replay_erasures(log, dry_run=True)
    assert old.list(user_id="ben")
    done = old.privacy.replay_erasures(log)
    assert dict(planned.counts) == dict(done.counts)
    assert done.counts["memories"] == 3
    assert old.list(user_id="ben") == []
    keys = {memory.key for memory in old.list(user_id="ada", limit=100)}
    assert "sister" in keys
    assert "kayak" not in keys
