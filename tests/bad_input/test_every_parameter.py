"""Every parameter of every public function, found by reflection: what does not fit is refused by its name, at once, unquoted."""

import asyncio
import itertools
import logging
import time
import traceback
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import psycopg
import pytest

from langchain_persistmem import PersistMem, PersistMemError
from tests.bad_input.hashed import Hashed, settings
from tests.support.hostile_values import HOSTILE, MARK
from tests.support.parameters import OPTIONS, USER, Parameter, parameters

PARAMETERS = parameters()
READINGS = 50
"""As many readings of a million letters may an answer cost: a second, on a machine that needs 20 ms for one."""
LONGEST = 600
"""Characters of an error: a sentence or two."""


@pytest.fixture
def filled(database: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[PersistMem]:
    monkeypatch.chdir(tmp_path)  # what a path names must not lie in the checkout
    OPTIONS.folder, OPTIONS.database, OPTIONS.embeddings = tmp_path, database, Hashed()
    with PersistMem.open(database, embeddings=Hashed(), settings=settings()) as memory:
        memory.remember("I keep bees", key="known", user_id=USER)
        memory.privacy.export(tmp_path / "export.jsonl", user_id=USER)
        yield memory


@pytest.fixture
def look(database: str) -> Iterator[psycopg.Connection[Any]]:
    """One connection for all looks at what is stored: each new one takes longer than most cases."""
    with psycopg.connect(database, autocommit=True) as connection:
        yield connection


def rows(look: psycopg.Connection[Any]) -> list[tuple[Any, ...]]:
    return look.execute("SELECT id, status, text FROM persistmem.memories ORDER BY id").fetchall()


def fault_of(parameter: Parameter, memory: PersistMem, make: Callable[[], Any]) -> str | None:
    """What is wrong with the answer to what ``make`` gives; None if it was taken or refused as it should be, and soon."""
    value, begun = make(), time.thread_time()
    fault = fault_of_answer(parameter, memory, value)
    cost = time.thread_time() - begun  # of the processor, whatever else runs on the machine
    if fault or cost < 0.1 or cost <= READINGS * reading():
        return fault
    return f"took {cost:.1f} s of the processor"


def reading() -> float:
    """Seconds of the processor for reading a million letters one by one."""
    begun = time.thread_time()
    assert sum(letter == "a" for letter in "a" * 1_000_000) == 1_000_000
    return time.thread_time() - begun


def fault_of_answer(parameter: Parameter, memory: PersistMem, value: Any) -> str | None:
    """:func:`fault_of` however long it takes."""
    try:
        answer = parameter.call(memory, value)
        if asyncio.iscoroutine(answer):
            answer.close()
    except PersistMemError as error:
        text = "".join(traceback.format_exception(error, limit=0))  # and of those behind it
        if MARK in text:
            return f"quotes what was passed: {text[text.index(MARK) - 60 :][:160]!r}"
        if len(str(error)) > LONGEST:
            return f"is {len(str(error))} characters long"
    except Exception as error:  # noqa: BLE001 - whatever else comes out is the finding
        return f"not ours: {type(error).__module__}.{type(error).__qualname__}: {str(error)[:100]!r}"
    return None


def by_entry_point(several: list[Parameter]) -> dict[str, list[Parameter]]:
    """Those of one way in share a memory, as making one takes as long as many cases."""
    return {
        name: [each for each in several if each.entry_point == name]
        for name in sorted({each.entry_point for each in several})
    }


@pytest.mark.timeout(900)
@pytest.mark.parametrize("several", by_entry_point(PARAMETERS).values(), ids=by_entry_point(PARAMETERS))
def test_what_does_not_fit_is_refused_at_once_by_our_own_error(
    filled: PersistMem, several: list[Parameter], caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG, logger="langchain_persistmem")
    found: dict[tuple[str, str], str] = {}
    for parameter, (name, make) in itertools.product(several, HOSTILE.items()):
        fault = fault_of(parameter, filled, make)
        if fault:
            found[parameter.name, name] = fault
    assert found == {}
    assert MARK not in caplog.text


SWITCHES = [parameter for parameter in PARAMETERS if parameter.switch]


def test_the_switches_are_found() -> None:
    """So that the next test does not pass for want of any."""
    names = {(parameter.entry_point, parameter.name) for parameter in SWITCHES}
    assert {("forget", "everything"), ("forget", "dry_run"), ("admin.maintain", "dry_run")} <= names
    assert {("checkpointer.retain", "dry_run"), ("Settings", "row_level_security"), ("Settings", "worker")} <= names
    assert {("PersistMemMiddleware", "commands"), ("answer_commands", "ask_model")} <= names
    assert len(names) >= 25


@pytest.mark.parametrize("switches", by_entry_point(SWITCHES).values(), ids=by_entry_point(SWITCHES))
def test_only_true_and_false_are_booleans_and_nothing_else_changes_anything(
    filled: PersistMem, switches: list[Parameter], look: psycopg.Connection[Any]
) -> None:
    before = rows(look)
    for switch, (name, make) in itertools.product(switches, HOSTILE.items()):
        value = make()
        if value is None and switch.optional:
            continue
        with pytest.raises(PersistMemError, match=f"{switch.name} is of type .*; pass True or False"):
            switch.call(filled, value)
        assert rows(look) == before, (switch.name, name)


TEXTS = [parameter for parameter in PARAMETERS if parameter.text]
LONG = {
    "words": "some more words " * 65_536,
    "one word": "a" * 1_048_576,
    "marks": "?!. " * 262_144,
    "brackets": "[(" * 524_288,
    "digits": "12 34 " * 174_763,
    "Chinese": "我喜欢喝茶" * 209_716,
    "dates": "on the 3rd of May 2024 " * 45_591,
}


@pytest.mark.timeout(900)
@pytest.mark.parametrize("texts", by_entry_point(TEXTS).values(), ids=by_entry_point(TEXTS))
def test_a_megabyte_is_answered_or_refused_within_a_second(filled: PersistMem, texts: list[Parameter]) -> None:
    found: dict[tuple[str, str], str] = {}
    for text, (name, value) in itertools.product(texts, LONG.items()):
        fault = fault_of(text, filled, partial(str, value))
        if fault:
            found[text.name, name] = fault
    assert found == {}
