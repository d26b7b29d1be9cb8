"""The command as a person uses it: in processes of its own, on a real server."""

import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psycopg
import pytest

from langchain_persistmem import LocalEmbeddings, PersistMem
from langchain_persistmem.__main__ import main
from langchain_persistmem.cli.tables import PARTS
from langchain_persistmem.cli.terminal import plain
from langchain_persistmem.runtime.models import local_embeddings

HOSTILE = "Ada said [red]hello[/red] \x1b[2J\x1b]0;owned\x07 and :smile: \u202egnp.exe"


@pytest.fixture(autouse=True)
def _loaded_once(embeddings: LocalEmbeddings, monkeypatch: pytest.MonkeyPatch) -> None:
    """The same model for every command that runs in this process; loading it takes longer than using it."""
    monkeypatch.setattr(local_embeddings, "LocalEmbeddings", lambda: embeddings)


def stored(database: str) -> int:
    with psycopg.connect(database) as connection:
        row = connection.execute("SELECT count(*) FROM persistmem.messages").fetchone()
    assert row
    return row[0]


@contextmanager
def interrupted(*arguments: str, database: str, at: str) -> "Iterator[subprocess.Popen[str]]":
    """The command in a process of its own, which has stored turns and waits at those of the person ``at``.

    However late whoever interrupts it may be: that person's namespace belongs to a transaction that does not end before.
    """
    command = [sys.executable, "-m", "langchain_persistmem", *arguments]
    environment = {**os.environ, "PERSISTMEM_DSN": database}
    with psycopg.connect(database) as gate:
        gate.execute(
            "INSERT INTO persistmem.namespaces (namespace, generation, created_at) "
            "VALUES (%s, gen_random_uuid(), now())",
            (f"memories/{at}",),
        )
        process = subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        try:
            while not stored(database):
                assert process.poll() is None
                time.sleep(0.005)
            yield process
        finally:
            process.kill()
            process.communicate()
            gate.rollback()


def turn(user: str, content: str, *, thread: str = "t1", minute: int = 0, **more: Any) -> dict[str, Any]:
    timestamp = f"2026-03-02T19:{minute:02}:00+01:00"
    fields = {"user_id": user, "thread_id": thread, "role": "user", "content": content, "timestamp": timestamp}
    return {**fields, **more}


def lines(path: Path, *turns: dict[str, Any] | str) -> str:
    path.write_text("".join(f"{each if isinstance(each, str) else json.dumps(each)}\n" for each in turns))
    return str(path)


def rows(database: str) -> list[tuple[Any, ...]]:
    """Everything that is remembered, without ids and times of its own."""
    with psycopg.connect(database) as connection:
        memories = connection.execute(
            "SELECT namespace, text, status, speaker, valid_from, thread_id, position, confirmations "
            "FROM persistmem.memories ORDER BY namespace, thread_id, position, text"
        ).fetchall()
        messages = connection.execute(
            "SELECT namespace, thread_id, position, id, role, text, extracted_at IS NOT NULL "
            "FROM persistmem.messages ORDER BY namespace, thread_id, position"
        ).fetchall()
        terms = connection.execute(
            "SELECT namespace, documents, terms FROM persistmem.namespaces ORDER BY 1"
        ).fetchall()
        vectors = connection.execute("SELECT count(*) FROM persistmem.vectors").fetchall()
    return [*memories, *messages, *terms, *vectors]


def run(*arguments: str, database: str, capsys: pytest.CaptureFixture[str]) -> str:
    """The output of a command that succeeds, run in this process."""
    assert main([arguments[0], "--dsn", database, *arguments[1:]]) == 0
    return capsys.readouterr().out


@pytest.mark.parametrize("start", [["ingest"], ["import", "chats", "--source"]], ids=["ingest", "import chats"])
def test_a_dry_run_of_chats_counts_them_and_stores_nothing(
    tmp_path: Path, database: str, start: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    file = lines(tmp_path / "chats.jsonl", turn("ada", "I live in Oslo"), turn("ben", "I play the viola"))
    out = run(*start, file, "--dry-run", database=database, capsys=capsys)
    assert re.search(r"turns read +2", out)
    assert not stored(database)


def test_ingesting_a_file_again_changes_nothing(
    empty_database: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = lines(
        tmp_path / "chat.jsonl",
        turn("ada", "I moved to Oslo."),
        turn("ada", "Thanks!", role="assistant", minute=1),
        turn("ada", "My cat is called Otis.", thread="t2", name="Ada", id="own-id"),
        turn("ben", "I play the tuba."),
        turn("ada", "I moved to Oslo."),  # repeated: a turn of its own
    )
    out = run("ingest", file, database=empty_database, capsys=capsys)
    assert "PostgreSQL at" in out
    before = rows(empty_database)
    assert sum(1 for row in before if "I moved to Oslo." in row and row[-1] is True) == 2
    again = run("ingest", file, file, database=empty_database, capsys=capsys)
    assert rows(empty_database) == before
    assert [line.split()[-1] for line in again.splitlines() if "new" in line] == ["0"]


def test_benchmark_files_keep_speakers_and_take_dates_as_utc(
    database: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    said = {"id": "u/1", "session": "u/S1", "ts": "2023-05-08T13:56:00", "speaker": "Caroline", "role": "user"}
    told = {**said, "id": "u/2", "speaker": "assistant", "role": "assistant", "text": "It opens at nine on Sundays."}
    user = {"user_id": "u", "turns": [{**said, "text": "I paint every Sunday."}, told]}
    run("ingest", lines(tmp_path / "bench.jsonl", user), database=database, capsys=capsys)
    listed = json.loads(run("list", "--user", "u", "--json", database=database, capsys=capsys))["memories"]
    assert {each["speaker"] for each in listed} == {"Caroline", None}
    assert {each["valid_from"] for each in listed} == {"2023-05-08T13:56:00+00:00"}


def test_a_killed_ingest_ends_as_if_it_had_not_been(empty_database: str, tmp_path: Path, database: str) -> None:
    turns = [turn(f"user{n % 2}", f"Fact {n}: box {n} holds {n * 7} marbles.", minute=n % 60) for n in range(400)]
    turns += [turn("user0", "The bell rang."), turn("user0", "Thanks!")] * 30  # repeated, and small talk
    file = lines(tmp_path / "long.jsonl", *turns)
    assert main(["ingest", file, "--dsn", empty_database]) == 0
    with interrupted("ingest", file, database=database, at="user1") as process:
        process.send_signal(signal.SIGKILL)
        process.wait()
        assert 0 < stored(database) < len(turns)
    assert main(["ingest", file, "--dsn", database]) == 0
    assert stored(database) == len(turns)
    assert rows(database) == rows(empty_database)


def test_bad_lines_are_named_and_nothing_is_stored(
    database: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    good = turn("ada", "I moved to Oslo.")
    file = lines(
        tmp_path / "bad.jsonl",
        good,
        {**good, "timestamp": None},
        {**good, "timestamp": "2026-03-02T19:04:00"},
        "{'user_id': 'ada'}",
        {**good, "role": "robot"},
        {**good, "content": "NUL \x00"},
        {**good, "user_id": ""},
    )
    assert main(["ingest", file, "--dsn", database]) == 2
    error = capsys.readouterr().err
    for expected in (
        "6 lines", "nothing was", "bad.jsonl, line 2: timestamp is missing; add", "line 3: timestamp has no time zone",
        "write 2026-03-02T19:04:00Z", "line 4: is no JSON", "line 5: role is 'robot'", "line 6: content has a NUL",
        "and 1 more",
    ):  # fmt: skip
        assert expected in error
    assert rows(database) == [(0,)]


def test_one_id_for_two_turns_is_refused(database: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = lines(tmp_path / "ids.jsonl", turn("ada", "One.", id="1"), turn("ada", "Two.", id="1"))
    assert main(["ingest", file, "--dsn", database]) == 2
    assert "line 2: id '1' belongs to another turn" in capsys.readouterr().err


@pytest.mark.parametrize("name", ["no-such.jsonl", "."])
def test_a_file_that_is_none_is_named(
    database: str, tmp_path: Path, name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["ingest", str(tmp_path / name), "--dsn", database]) == 2
    assert str(tmp_path / name) in capsys.readouterr().err


def test_a_packed_file_that_is_cut_short_is_refused(
    database: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    import gzip

    packed = gzip.compress(json.dumps(turn("ada", "I moved to Oslo." * 200)).encode())
    (tmp_path / "cut.gz").write_bytes(packed[:-12])
    assert main(["ingest", str(tmp_path / "cut.gz"), "--dsn", database]) == 2
    assert "cannot be read to its end" in capsys.readouterr().err
    assert rows(database) == [(0,)]


def test_user1_never_sees_what_user10_said(database: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = lines(tmp_path / "two.jsonl", turn("user1", "I live in Oslo."), turn("user10", "I live in Bergen."))
    run("ingest", file, database=database, capsys=capsys)
    for user, city in (("user1", "Oslo"), ("user10", "Bergen")):
        for arguments in (["recall", "Where do I live?"], ["list"]):
            out = run(*arguments, "--user", user, database=database, capsys=capsys)
            assert f"I live in {city}." in out
            assert out.count("I live in") == 1


def test_recall_as_json_has_every_part_of_the_score(
    memory: PersistMem, database: str, capsys: pytest.CaptureFixture[str]
) -> None:
    stored = memory.remember("Ada lives in Oslo.", user_id="ada", speaker="Ada")
    out = run("recall", "Where does Ada live?", "--user", "ada", "--json", database=database, capsys=capsys)
    found = json.loads(out)
    assert set(found) == {"query", "milliseconds", "recollections"}
    (only,) = found["recollections"]
    assert set(only) == {"score", "score_parts", "memory"}
    assert set(only["score_parts"]) == {*PARTS, "evidence", "similarity"}
    assert sum(only["score_parts"][part] for part in PARTS) == pytest.approx(only["score_parts"]["evidence"])
    assert 0 <= only["score"] <= 1
    assert only["memory"]["key"] == stored.key
    assert only["memory"]["provenance"]["source"] == "user"


@pytest.mark.parametrize("arguments", [["recall", "Ada"], ["recall", "Ada", "--explain"], ["list"]])
def test_the_text_of_a_memory_cannot_steer_the_terminal(
    memory: PersistMem, database: str, arguments: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    kept = memory.remember(HOSTILE, user_id="ada")
    memory.review.approve(kept.id, user_id="ada")  # hidden characters are quarantined
    out = run(*arguments, "--user", "ada", database=database, capsys=capsys)
    assert "[red]hello[/red]" in out
    assert ":smile:" in out
    assert not {"\x1b", "\x07", "\u202e"} & set(out)


def test_control_characters_are_shown_and_letters_kept() -> None:
    assert plain("a\tb\x1b[2J\x9b\ud800") == "a b\u241b[2J\N{REPLACEMENT CHARACTER}\N{REPLACEMENT CHARACTER}"
    assert plain("Zoë 东京 👩‍🔬") == "Zoë 东京 👩‍🔬"


def test_forgetting_by_query_shows_candidates_and_a_receipt(
    memory: PersistMem, database: str, capsys: pytest.CaptureFixture[str]
) -> None:
    memory.observe([turn("ada", "My salary is 47,200 a year.")], thread_id="t1", user_id="ada")
    memory.observe([turn("ada", "Otis, my cat, is grey.")], thread_id="t2", user_id="ada")
    arguments = ("forget", "--query", "my salary", "--user", "ada")
    assert "nothing was erased" in run(*arguments, "--dry-run", database=database, capsys=capsys)
    assert len(memory.list(user_id="ada")) == 2
    out = run(*arguments, "--yes", database=database, capsys=capsys)
    assert "47,200" in out
    assert "erased for good" in out
    assert "not reached" not in out
    assert [each.text for each in memory.list(user_id="ada")] == ["Otis, my cat, is grey."]


def test_forgetting_by_key_and_everything_answers_programs(
    memory: PersistMem, database: str, capsys: pytest.CaptureFixture[str]
) -> None:
    keys = [memory.remember(text, user_id="ada").key for text in ("I like tea.", "I live in Oslo.", "I run.")]
    arguments = ("--user", "ada", "--yes", "--json")
    receipt = json.loads(run("forget", keys[0], *arguments, database=database, capsys=capsys))
    assert receipt["erased"] is True
    assert receipt["counts"]["memories"] == 1
    receipt = json.loads(run("forget", "--everything", *arguments, database=database, capsys=capsys))
    assert receipt["counts"]["memories"] == 2
    status = json.loads(run("status", "--user", "ada", "--json", database=database, capsys=capsys))
    assert set(status["counts"].values()) == {0}
    assert set(status["versions"]) == {"PostgreSQL", "pgvector"}


@pytest.mark.parametrize("what", [["--everything"], ["--query", "tea"]])
def test_forgetting_without_anybody_to_ask_is_refused(
    memory: PersistMem, database: str, what: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    memory.remember("I like tea.", user_id="ada")
    assert main(["forget", *what, "--user", "ada", "--dsn", database]) == 2
    assert "--yes" in capsys.readouterr().err
    assert len(memory.list(user_id="ada")) == 1


@pytest.mark.parametrize(
    ("answer", "left"),
    [("1", 1), ("none", 2), ("", 2), ("9\nall", 0), ("1 2", 0)],
    ids=["1", "none", "empty", "all", "2"],
)
def test_the_person_chooses_what_is_forgotten(
    memory: PersistMem, database: str, monkeypatch: pytest.MonkeyPatch, answer: str, left: int
) -> None:
    for text in ("I drink green tea every morning.", "I drink black tea every evening."):
        memory.remember(text, user_id="ada")
    answers = iter(answer.split("\n"))
    monkeypatch.setattr("sys.stdin.isatty", lambda: True, raising=False)
    monkeypatch.setattr("builtins.input", lambda *_: next(answers))
    assert main(["forget", "--query", "which tea do I drink?", "--user", "ada", "--dsn", database]) == 0
    assert len(memory.list(user_id="ada")) == left


@pytest.mark.parametrize(("typed", "left"), [("ada", 0), ("y", 1)])
def test_everything_is_forgotten_only_when_the_name_is_typed(
    memory: PersistMem, database: str, monkeypatch: pytest.MonkeyPatch, typed: str, left: int
) -> None:
    memory.remember("I like tea.", user_id="ada")
    monkeypatch.setattr("sys.stdin.isatty", lambda: True, raising=False)
    monkeypatch.setattr("builtins.input", lambda *_: typed)
    assert main(["forget", "--everything", "--user", "ada", "--dsn", database]) == 0
    assert len(memory.list(user_id="ada")) == left


def test_a_dsn_that_leads_nowhere_is_one_error_without_the_password(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["status", "--dsn", "postgresql://ada:secret@127.0.0.1:1/none"]) == 1
    shown = capsys.readouterr()
    assert shown.err.startswith("error: ")
    assert "secret" not in shown.out + shown.err


def test_a_process_that_fails_prints_no_traceback() -> None:
    command = [sys.executable, "-m", "langchain_persistmem", "status", "--dsn", "postgresql://127.0.0.1:1/none"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=250, check=False)
    assert done.returncode == 1
    assert done.stderr.startswith("error: cannot connect")
    assert "Traceback" not in done.stderr


def test_a_database_that_was_never_set_up_says_what_to_do(
    empty_database: str, capsys: pytest.CaptureFixture[str]
) -> None:
    for command in (["recall", "x", "--user", "ada"], ["list", "--user", "ada"], ["status"]):
        assert main([*command, "--dsn", empty_database]) == 1
        assert "persistmem ingest" in capsys.readouterr().err


@pytest.mark.parametrize(
    "arguments",
    [
        [],
        ["recall", "x"],
        ["recall", "x", "--user", "a", "--namespace", "b"],
        ["recall", "x", "--user", "a", "--limit", "0"],
        ["forget", "--user", "a"],
        ["forget", "key", "--everything", "--user", "a"],
        ["status", "--base-url", "http://localhost:1/v1"],
        ["status", "--dsn", "host=x", "--data-dir", "y"],
        ["status", "--dsn", "nonsense"],
        ["forget", "--every", "--user", "a"],
    ],
)
def test_bad_usage_ends_with_2(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(arguments)
    assert ended.value.code == 2
    assert "usage: persistmem" in capsys.readouterr().err


def test_without_rich_the_extra_is_named(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    for name in [name for name in sys.modules if name.startswith(("rich", "langchain_persistmem.cli"))]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "rich", None)
    assert main(["status"]) == 2
    assert 'pip install "langchain-persistmem[cli]"' in capsys.readouterr().err


def test_ctrl_c_says_that_what_is_stored_is_kept(database: str, tmp_path: Path) -> None:
    turns = [turn(user, f"Fact {n}.", thread=user, minute=n % 60) for user in ("ada", "ben") for n in range(300)]
    file = lines(tmp_path / "long.jsonl", *turns)
    with interrupted("ingest", file, database=database, at="ben") as process:
        process.send_signal(signal.SIGINT)
        _, error = process.communicate(timeout=250)
    assert process.returncode == 130
    assert (
        error == "error: interrupted; what is stored is kept; run the same command again: it goes on where it stopped\n"
    )


def test_reembed_names_every_count(database: str, capsys: pytest.CaptureFixture[str]) -> None:
    out = run("reembed", database=database, capsys=capsys)
    names = ("namespaces looked through", "memories embedded", "namespaces that failed", "vectors of other models")
    assert [name for name in names if name not in out] == []


def test_a_reader_that_has_enough_is_no_error(memory: PersistMem, database: str) -> None:
    memory.observe([turn("ada", f"Fact {n}: {'x' * 400}") for n in range(300)], thread_id="t", user_id="ada")
    command = f"{sys.executable} -m langchain_persistmem list --limit 1000 --user ada | head -c 10"
    environment = {**os.environ, "PERSISTMEM_DSN": database}
    done = subprocess.run(
        command, shell=True, env=environment, capture_output=True, text=True, timeout=250, check=False
    )
    assert done.stderr == ""
