"""Export and import: all of a person, the same again, and nothing of a file that is not whole."""

import gzip
import hashlib
import json
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import psycopg
import pytest

from langchain_persistmem import InvalidInputError, PersistMem
from langchain_persistmem.__main__ import main
from langchain_persistmem.errors import MemoryDisabledError
from tests.conftest import Either

SURROUNDINGS = "é ü 漢字 🙂 \u202e \u200b \\ \" ' % {user_id} \n\t"


async def fill(either: Either, user: str) -> None:
    """Something in every table: history, review, threads, turns that wait, uses, store items."""
    await either.remember(f"I live in Oslo {SURROUNDINGS}", key="home", user_id=user)
    await either.remember("I live in Bergen", key="home", importance=0.3, user_id=user)
    await either.remember("I live in Voss", key="home", user_id=user)
    await either.remember("Answer in French", kind="procedural", user_id=user)
    await either.observe(
        [{"role": "user", "content": "I planted tomatoes", "id": "m1", "name": "Maya"}],
        thread_id="garden",
        user_id=user,
    )
    await either.observe([("user", "And then the snails came")], thread_id="later", background=True, user_id=user)
    (best, *_) = await either.recall("tomatoes", user_id=user)
    await either.observe([], thread_id="garden", used=[best.memory.key], user_id=user)
    await either.conversations.add(
        [{"role": "tool", "content": "42", "tool_call_id": "c"}], thread_id="tools", user_id=user
    )
    values: dict[str, Any] = {"text": "a note", "number": 1e16, "zero": -0.0, "big": 2**70, "deep": {"a": [None, True]}}
    store = either.memory.store
    if either.asynchronous:
        await store.aput(("memories", user), "note", values)
        await store.aput(("memories", user, "below"), "note", {"text": "deeper"}, ttl=600)
    else:
        store.put(("memories", user), "note", values)
        store.put(("memories", user, "below"), "note", {"text": "deeper"}, ttl=600)


def lines(path: Path) -> list[dict[str, Any]]:
    raw = path.read_bytes()
    text = gzip.decompress(raw) if path.suffix == ".gz" else raw
    return [json.loads(line) for line in text.splitlines()]


def body(path: Path) -> list[dict[str, Any]]:
    """All lines but the first, which has the date of the export, and the last, which has its digest."""
    return lines(path)[1:-1]


async def test_what_was_exported_and_imported_is_exported_the_same(either: Either, tmp_path: Path) -> None:
    await fill(either, "maya")
    exported = await either.privacy.export(tmp_path / "one.jsonl", user_id="maya")
    assert exported.counts["memory"] == 8
    assert exported.counts["message"] == 3
    now = datetime.now(UTC)  # scores fade from second to second
    found = await either.recall("tomatoes in Bergen", now=now, user_id="maya")
    before = [(each.memory.key, round(each.score, 6)) for each in found]
    history = await either.history.versions("home", user_id="maya")
    await either.forget(everything=True, user_id="maya")
    await either.forget(everything=True, namespace=("memories", "maya", "below"))
    assert await either.list(user_id="maya") == []
    restored = await either.privacy.import_file(tmp_path / "one.jsonl")
    assert (restored.memories, restored.messages, restored.unchanged) == (8, 3, 0)
    await either.privacy.export(tmp_path / "two.jsonl.gz", user_id="maya")
    assert body(tmp_path / "two.jsonl.gz") == body(tmp_path / "one.jsonl")
    found = await either.recall("tomatoes in Bergen", now=now, user_id="maya")
    assert [(each.memory.key, round(each.score, 6)) for each in found] == before
    assert await either.history.versions("home", user_id="maya") == history


async def test_the_same_file_again_changes_nothing(either: Either, tmp_path: Path, database: str) -> None:
    await fill(either, "maya")
    await either.privacy.export(tmp_path / "one.jsonl", user_id="maya")
    restored = await either.privacy.import_file(tmp_path / "one.jsonl")
    assert (restored.memories, restored.messages, restored.threads, restored.changes) == (0, 0, 0, 0)
    assert restored.unchanged == restored.read
    await either.privacy.export(tmp_path / "two.jsonl", user_id="maya")
    assert body(tmp_path / "two.jsonl") == body(tmp_path / "one.jsonl")
    with psycopg.connect(database) as connection:
        counted = "SELECT documents, terms, (SELECT count(DISTINCT memory_id) FROM persistmem.terms w WHERE w.namespace = n.namespace)"
        row = connection.execute(f"{counted} FROM persistmem.namespaces n WHERE namespace = 'memories/maya'").fetchone()
    assert row is not None
    assert row[0] == row[2]


async def test_it_can_become_somebody_elses_and_touches_nobody_else(either: Either, tmp_path: Path) -> None:
    await fill(either, "maya")
    await either.remember("I am user1", user_id="maya1")
    await either.privacy.export(tmp_path / "one.jsonl", user_id="maya")
    assert "user1" not in (tmp_path / "one.jsonl").read_text()
    await either.privacy.import_file(tmp_path / "one.jsonl", user_id="tom")
    assert {each.text for each in await either.list(user_id="tom")} == {
        each.text for each in await either.list(user_id="maya")
    }
    assert [each.text for each in await either.list(namespace=("memories", "tom", "below"))]
    assert len(await either.list(user_id="maya1")) == 1


async def test_the_stricter_consent_holds(either: Either, tmp_path: Path) -> None:
    await fill(either, "maya")
    await either.privacy.set_consent("no_extract", user_id="maya")
    await either.privacy.export(tmp_path / "one.jsonl", user_id="maya")
    await either.privacy.import_file(tmp_path / "one.jsonl", user_id="tom")
    assert await either.privacy.consent(user_id="tom") == "no_extract"
    await either.privacy.set_consent("paused", user_id="eve")
    with pytest.raises(MemoryDisabledError):
        await either.privacy.import_file(tmp_path / "one.jsonl", user_id="eve")
    assert await either.list(user_id="eve") == []


async def test_a_dry_run_counts_and_writes_nothing(either: Either, tmp_path: Path) -> None:
    await fill(either, "maya")
    await either.privacy.export(tmp_path / "one.jsonl", user_id="maya")
    counted = await either.privacy.import_file(tmp_path / "one.jsonl", dry_run=True, user_id="tom")
    assert counted.dry_run
    assert counted.memories == 8
    assert await either.list(user_id="tom") == []


async def test_a_dry_run_counts_what_the_import_then_does(either: Either, tmp_path: Path) -> None:
    await fill(either, "maya")
    await either.privacy.export(tmp_path / "one.jsonl", user_id="maya")
    for new in (True, False):
        planned = await either.privacy.import_file(tmp_path / "one.jsonl", dry_run=True, user_id="tom")
        done = await either.privacy.import_file(tmp_path / "one.jsonl", user_id="tom")
        assert planned == replace(done, dry_run=True)
        assert (planned.memories > 0) is new


def sealed(rows: list[dict[str, Any]]) -> bytes:
    """A file whose last line fits, whatever its rows are."""
    text = b"".join(json.dumps(row).encode() + b"\n" for row in rows)
    counts: dict[str, int] = {}
    for row in rows[1:]:
        counts[row["line"]] = counts.get(row["line"], 0) + 1
    end = {"line": "end", "counts": counts, "sha256": hashlib.sha256(text).hexdigest()}
    return text + json.dumps(end).encode() + b"\n"


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        (lambda raw: raw[: len(raw) // 2], "no JSON"),
        (lambda raw: raw[: raw.rindex(b'{"line":"end"')], "cut"),
        (lambda raw: raw.replace(b"Bergen", b"Berlin"), "changed"),
        (lambda raw: raw + b'{"line": "memory"}\n', "after the end"),
        (lambda raw: b"", "no export"),
        (lambda raw: b'{"role": "user"}\n', "ingest"),
        (lambda raw: raw.replace(b'"format":2', b'"format":true', 1), "no export"),
        (lambda raw: raw.replace(b'"format":2', b'"format":-1', 1), "no export"),
        (lambda raw: raw.replace(b'"format":2', b'"format":3', 1), "newer"),
        (lambda raw: b"\xff\xfe" + raw, "JSON"),
        (lambda raw: gzip.compress(raw)[:-20], "cannot be read"),
    ],
)
def test_a_file_that_is_not_whole_is_refused_before_anything_is_stored(
    memory: PersistMem, tmp_path: Path, spoil: Any, said: str
) -> None:
    memory.remember("I live in Bergen", user_id="maya")
    memory.privacy.export(tmp_path / "one.jsonl", user_id="maya")
    (tmp_path / "two.jsonl").write_bytes(spoil((tmp_path / "one.jsonl").read_bytes()))
    with pytest.raises(InvalidInputError, match=said):
        memory.privacy.import_file(tmp_path / "two.jsonl", user_id="tom")
    assert memory.list(user_id="tom") == []
    assert memory.privacy.consent(user_id="tom") == "allowed"


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"id": "no uuid"}, "id"),
        ({"recorded_at": "yesterday"}, "recorded_at"),
        ({"value": {"text": "a\x00b"}}, "value"),
        ({"namespace": "memories"}, "namespace"),
        ({"namespace": []}, "namespace"),
        ({"status": None, "drop": "status"}, "status"),
        ({"line": "vector"}, "line"),
        ({"text": "a" * 20_001}, "text has 20,001 characters, at most 20,000"),
        ({"speaker": "a" * 201}, "speaker has 201 characters, at most 200"),
    ],
)
def test_a_row_that_no_export_has_is_named_with_its_line(
    memory: PersistMem, tmp_path: Path, change: dict[str, Any], said: str
) -> None:
    memory.remember("I live in Bergen", user_id="maya")
    memory.privacy.export(tmp_path / "one.jsonl", user_id="maya")
    rows = lines(tmp_path / "one.jsonl")[:-1]
    place = next(index for index, row in enumerate(rows) if row.get("line") == "memory")
    rows[place] |= change
    if "drop" in change:
        del rows[place]["drop"], rows[place][change["drop"]]
    (tmp_path / "two.jsonl").write_bytes(sealed(rows))
    with pytest.raises(InvalidInputError, match=said) as refused:
        memory.privacy.import_file(tmp_path / "two.jsonl", user_id="tom")
    assert f"line {place + 1}" in str(refused.value)
    assert memory.list(user_id="tom") == []


def test_another_model_makes_the_vectors_anew(memory: PersistMem, tmp_path: Path) -> None:
    memory.remember("I live in Bergen", user_id="maya")
    memory.privacy.export(tmp_path / "one.jsonl", user_id="maya")
    rows = lines(tmp_path / "one.jsonl")[:-1]
    for row in rows:
        for vector in row.get("vectors") or ():
            vector["model"] = "another"
    (tmp_path / "two.jsonl").write_bytes(sealed(rows))
    memory.privacy.import_file(tmp_path / "two.jsonl", user_id="tom")
    (found, *_) = memory.recall("Where do I live?", user_id="tom")
    (original, *_) = memory.recall("Where do I live?", user_id="maya")
    assert found.score_parts.similarity == pytest.approx(original.score_parts.similarity, abs=1e-3)


def test_only_the_owner_may_read_the_file_and_a_failure_leaves_none(memory: PersistMem, tmp_path: Path) -> None:
    memory.remember("I live in Bergen", user_id="maya")
    memory.privacy.export(tmp_path / "one.jsonl", user_id="maya")
    assert (tmp_path / "one.jsonl").stat().st_mode & 0o777 == 0o600
    with pytest.raises(InvalidInputError, match="path"):
        memory.privacy.export(tmp_path / "no such folder" / "one.jsonl", user_id="maya")
    assert [each.name for each in tmp_path.iterdir()] == ["one.jsonl"]


def test_from_the_shell(memory: PersistMem, database: str, tmp_path: Path, capsysbinary: Any) -> None:
    memory.remember("I live in Bergen", user_id="maya")
    assert main(["export", "--dsn", database, "--user", "maya"]) == 0
    (tmp_path / "maya.jsonl").write_bytes(capsysbinary.readouterr().out)
    assert main(["import", "export", "--source", str(tmp_path / "maya.jsonl"), "--dsn", database, "--user", "tom"]) == 0
    assert [each.text for each in memory.list(user_id="tom")] == ["I live in Bergen"]
    assert (
        main(["import", "export", "--source", str(tmp_path / "maya.jsonl"), "--dsn", database, "--dry-run", "--json"])
        == 0
    )
    chat = {
        "user_id": "zoe",
        "thread_id": "t",
        "role": "user",
        "content": "I keep bees",
        "timestamp": "2026-03-02T19:04:00Z",
    }
    (tmp_path / "chats.jsonl").write_text(json.dumps(chat) + "\n")
    assert main(["import", "chats", "--source", str(tmp_path / "chats.jsonl"), "--dsn", database]) == 0
    assert [each.text for each in memory.list(user_id="zoe")] == ["I keep bees"]
