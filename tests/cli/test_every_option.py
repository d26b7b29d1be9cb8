"""Every option and argument of every subcommand, found by reflection: a value that is none ends with 2, and nothing is lost."""

import argparse
import contextlib
import functools
import os
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest

from langchain_persistmem import LocalEmbeddings, PersistMem, __main__
from langchain_persistmem.__main__ import _parser, main
from langchain_persistmem.cli import values
from langchain_persistmem.runtime.models import local_embeddings

PARSER = _parser()
"""Built once: building it takes longer than refusing a value."""
UNSTORABLE = {"NUL": "a\x00b", "lone surrogate": "a\udc80b", "empty": "", "a megabyte": "x" * 2**20}
SERVERS = {"serve", "mcp", "token"}
"""They end when they are told to, so that no value may be tried that they could start with."""
GIVEN = {
    "forget": ["--everything", "--yes"],
    "approve": ["--all"],
    "reject": ["--all", "--yes"],
    "prune": ["--keep", "1", "--yes"],
    "maintain": ["--purge-days", "1", "--yes"],
    "reembed": ["--drop-others", "--yes"],
    "edit": ["--text", "other"],
    "worker": ["--once"],
    "erasures": ["--yes"],
    "audit": ["--verify"],
}
"""Beside what a subcommand needs in any case: it would erase, if it got that far."""
PLACEHOLDERS: dict[Any, str] = {values.version: "0198c5a2-6c1e-7d3f-9a50-0c6a4bfb3c11", values.path: "/nowhere.jsonl"}
CHECKED_LATER = {values.label, values.path}
"""Types whose values are looked at by whoever uses them."""


@functools.cache
def parsers() -> dict[str, argparse.ArgumentParser]:
    (found,) = (action for action in PARSER._actions if isinstance(action, argparse._SubParsersAction))
    return dict(found.choices)


def actions(parser: argparse.ArgumentParser) -> list[argparse.Action]:
    return [action for action in parser._actions if not isinstance(action, argparse._HelpAction)]


EVERY = [(name, action) for name, parser in parsers().items() for action in actions(parser)]


def ids(case: tuple[str, argparse.Action]) -> str:
    name, action = case
    return f"{name} {action.option_strings[-1] if action.option_strings else action.dest}"


def valid(name: str, leave_out: argparse.Action) -> list[str]:
    """Words with which the subcommand would run, without those of one option."""
    parser, words = parsers()[name], list[str]()
    whose = {"--user", "--namespace"}
    for action in actions(parser):
        if action.dest == leave_out.dest:
            continue
        value = str(next(iter(action.choices))) if action.choices else PLACEHOLDERS.get(action.type, "x")
        if not action.option_strings and action.nargs not in ("?", "*"):
            words.append(value)
        elif action.required and action.option_strings:
            words += [action.option_strings[-1], value]
    given = list(GIVEN.get(name, []))
    for option in leave_out.option_strings:
        if option in given:
            at = given.index(option)
            del given[at : at + (1 if leave_out.nargs == 0 else 2)]
    owners = [group for group in parser._mutually_exclusive_groups if group.required]
    if owners and not whose & set(leave_out.option_strings):
        given += ["--user", "ada"]
    return [*words, *given]


def ended(*words: str, capsys: pytest.CaptureFixture[str]) -> tuple[int, str]:
    """Exit code and standard error."""
    capsys.readouterr()
    try:
        code = main(words)
    except SystemExit as end:
        code = int(str(end.code))
    return code, capsys.readouterr().err


@pytest.fixture(autouse=True)
def _loaded_once(embeddings: LocalEmbeddings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(local_embeddings, "LocalEmbeddings", lambda: embeddings)
    monkeypatch.setattr(__main__, "_parser", lambda: PARSER)


def rows(database: str) -> list[Any]:
    with psycopg.connect(database) as connection:
        tables = ("memories", "messages", "namespaces", "vectors")
        return [connection.execute(f"SELECT * FROM persistmem.{table} ORDER BY 1, 2, 3").fetchall() for table in tables]


@contextlib.contextmanager
def unchanged(memory: PersistMem, database: str) -> Iterator[None]:
    memory.observe([{"role": "user", "content": "I live in Oslo."}], thread_id="x", user_id="ada")
    before = rows(database)
    yield
    assert rows(database) == before


def at(name: str, database: str, action: argparse.Action) -> list[str]:
    own = {option for each in actions(parsers()[name]) for option in each.option_strings}
    return ["--dsn", database] if "--dsn" in own and action.dest not in ("dsn", "data_dir") else []


def words_with(name: str, action: argparse.Action, value: str, database: str) -> list[str]:
    start = [name, *at(name, database, action)]
    if action.option_strings:
        return [*start, *valid(name, action), f"{action.option_strings[-1]}={value}"]
    return [*start, *valid(name, action), "--", value]


@pytest.mark.parametrize("name", parsers())
def test_what_no_option_can_hold_ends_with_2_and_nothing_is_lost(
    memory: PersistMem, database: str, name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with unchanged(memory, database):
        for action in actions(parsers()[name]):
            if action.nargs != 0 and action.type is None and not action.choices:
                continue  # nothing is checked, which another test refuses; a server would start with it
            if action.nargs == 0:
                tried = {"a value for a flag": "false"}
            else:
                tried = dict(UNSTORABLE)
                if action.choices or (action.type not in CHECKED_LATER and _is_typed(action)):
                    tried["text"] = "seven"
            for what, value in tried.items():
                code, error = ended(*words_with(name, action, value, database), capsys=capsys)
                assert (code, "Traceback" in error, len(error) < 4_000) == (2, False, True), (ids((name, action)), what)
                assert "error: " in error, (ids((name, action)), what)


def _is_typed(action: argparse.Action) -> bool:
    """Whether the type refuses a word."""
    if action.type is None:
        return False
    try:
        action.type("seven")  # type: ignore[operator]
    except (argparse.ArgumentTypeError, ValueError):
        return True
    return False


def test_every_option_that_takes_a_value_checks_it() -> None:
    unchecked = [ids(case) for case in EVERY if case[1].nargs != 0 and case[1].type is None and not case[1].choices]
    assert unchecked == []


def once(cases: list[tuple[str, argparse.Action]]) -> list[tuple[str, argparse.Action]]:
    """Each option of every subcommand once, with one that uses it; each other one with every subcommand that has it."""
    common = {action.dest for action in parsers()["observe"]._actions} & {
        action.dest for action in parsers()["recall"]._actions
    }
    return [case for case in cases if case[1].dest not in common or case[0] == "observe"]


LATER = once([case for case in EVERY if case[1].type in CHECKED_LATER and case[0] not in SERVERS])
WRONG = {
    "embeddings": ["false", "nobody:nothing"],
    "model": ["false", "nobody:nothing"],
    "base_url": ["false", "http://127.0.0.1:1/v1"],
    "database_schema": ["FALSE", "false", "pg_x", "a b", "1"],
    "time_zone": ["false", "/dev/zero"],
    "head": ["false"],
    "schema": ["false", "os:nothing", "nowhere:Wish", ":"],
    "source": ["false", "http://localhost"],
}
"""Names that nobody has; for all others, paths at which no file can be."""


@pytest.mark.parametrize("case", LATER, ids=ids)
def test_a_wrong_name_or_file_ends_with_2_and_nothing_is_lost(
    memory: PersistMem,
    database: str,
    case: tuple[str, argparse.Action],
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    name, action = case
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "file").write_text("no JSON")
    paths = ["/dev/zero", str(tmp_path / "pipe"), str(tmp_path / "file" / "below")]
    with unchanged(memory, database):
        for value in WRONG.get(action.dest, paths):
            code, error = ended(*words_with(name, action, value, database), capsys=capsys)
            assert (code, "Traceback" in error) == (2, False), (value, error)
            assert "error: " in error
    assert stat.S_ISCHR(Path("/dev/zero").stat().st_mode)
