"""Whatever is handed over is stored without loss or refused with the field's name; never a driver's error, never the text."""

import logging
import os
import random
import traceback
from collections.abc import AsyncIterator, Iterator
from typing import Any

import psycopg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from langgraph.store.base import InvalidNamespaceError
from pydantic import ValidationError

from langchain_persistmem import InvalidInputError, NamespaceMissingError, PersistMem, PersistMemError, StorageError
from tests.bad_input.corpus import MARK
from tests.bad_input.entry_points import ENTRY_POINTS, USER, EntryPoint, prepare, remember
from tests.bad_input.hashed import Hashed
from tests.bad_input.hashed import settings as hashed_settings
from tests.conftest import Either

REFUSALS = (InvalidInputError, NamespaceMissingError)
REFUSED = ""
UPSTREAM = (InvalidNamespaceError, ValidationError)
"""LangGraph's store checks namespaces, and LangChain a message's or a tool's fields, before we see them."""


SEED = int(os.environ.get("PERSISTMEM_SEED", str(random.randrange(10**6))))


@pytest.fixture(params=["sync", "async"])
async def filled(request: pytest.FixtureRequest, database: str) -> AsyncIterator[Either]:
    chosen = hashed_settings(max_text_chars=200_000)
    if request.param == "async":
        async with PersistMem.aopen(database, embeddings=Hashed(), settings=chosen) as opened:
            either = Either(opened, asynchronous=True)
            await prepare(either)
            yield either
    else:
        with PersistMem.open(database, embeddings=Hashed(), settings=chosen) as opened:
            either = Either(opened, asynchronous=False)
            await prepare(either)
            yield either


def chosen(entry_point: EntryPoint, asynchronous: bool) -> dict[str, Any]:
    """Every case in one colour, and a quarter of them in the other too; which, the seed says."""
    draw = random.Random(f"{SEED} {entry_point.name}")
    first = {name: (draw.random() < 0.5, draw.random() < 0.25) for name in entry_point.cases}
    return {
        name: value for name, value in entry_point.cases.items() if first[name][0] == asynchronous or first[name][1]
    }


Rows = tuple[int, ...]


def stored(connection: psycopg.Connection[Any]) -> Rows:
    """How much there is."""
    row = connection.execute(
        "SELECT (SELECT count(*) FROM persistmem.memories), (SELECT count(*) FROM persistmem.messages), "
        "(SELECT count(*) FROM persistmem.vectors), (SELECT count(*) FROM checkpoints)"
    ).fetchone()
    assert row is not None
    return tuple(row)


def chain(error: BaseException | None) -> Iterator[BaseException]:
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__


def same(got: Any, wanted: Any) -> bool:
    """Equal, to the sign of a zero and the type of a number."""
    if isinstance(got, float) and isinstance(wanted, float):
        return repr(got) == repr(wanted)
    if isinstance(got, dict) and isinstance(wanted, dict):
        return list(got) == list(wanted) and all(same(got[key], wanted[key]) for key in got)
    if isinstance(got, (list, tuple)) and isinstance(wanted, (list, tuple)):
        return len(got) == len(wanted) and all(map(same, got, wanted))
    return (type(got) is type(wanted) and got == wanted) or (isinstance(wanted, str) and got == wanted)


async def problem(
    memory: Either, entry_point: EntryPoint, value: Any, connection: psycopg.Connection[Any], before: Rows
) -> str | None:
    """What is wrong with the answer to one case; None if it was stored, REFUSED if it was refused as it should be."""
    try:
        answer = await entry_point.act(memory, value)
    except PersistMemError as error:
        return _refused(entry_point, error, before, stored(connection))
    except UPSTREAM as error:
        return REFUSED if stored(connection) == before else f"stored in part: {type(error).__name__}"
    except TypeError as error:  # no such call: a list where Python itself wants keywords
        return REFUSED if "unexpected keyword" in str(error) else f"{type(error).__name__}: {error}"
    except Exception as error:  # noqa: BLE001 - whatever else comes out is the finding
        return f"not ours: {type(error).__module__}.{type(error).__qualname__}: {str(error)[:100]!r}"
    if answer is not None and not same(*answer):
        return f"changed in silence: {str(answer[0])[:80]!r} for {str(answer[1])[:80]!r}"
    return None


def _refused(entry_point: EntryPoint, error: PersistMemError, before: Rows, after: Rows) -> str:
    if before != after:
        return f"refused, and stored in part: {before} -> {after}"
    if any(isinstance(each, psycopg.Error) for each in chain(error)) or isinstance(error, StorageError):
        return f"refused by the driver: {error}"
    if MARK in "".join(traceback.format_exception(error, limit=0)):  # and of those behind it
        return f"quotes the text: {str(error)[:150]!r}"
    if isinstance(error, REFUSALS) and not any(word in str(error) for word in entry_point.field.split("|")):
        return f"does not name {entry_point.field}: {str(error)[:150]!r}"
    return REFUSED


METHODS: dict[str, list[EntryPoint]] = {}
"""The entry points that are arguments of one method: their cases share a memory, as making one takes as long as many cases."""
for _entry_point in ENTRY_POINTS:
    METHODS.setdefault(_entry_point.name.split(":")[0], []).append(_entry_point)


@pytest.mark.timeout(900)
@pytest.mark.parametrize("entry_points", METHODS.values(), ids=METHODS)
async def test_every_case_is_stored_as_it_is_or_refused_by_name(
    filled: Either, entry_points: list[EntryPoint], database: str, caplog: pytest.LogCaptureFixture
) -> None:
    print(f"PERSISTMEM_SEED={SEED}")
    caplog.set_level(logging.DEBUG, logger="langchain_persistmem")
    found: dict[tuple[str, str], str] = {}
    with psycopg.connect(database, autocommit=True) as connection:
        before = stored(connection)
        for entry_point in entry_points:
            for name, value in chosen(entry_point, filled.asynchronous).items():
                wrong = await problem(filled, entry_point, value, connection, before)
                if wrong != REFUSED:
                    before = stored(connection)
                if wrong:
                    found[entry_point.name, name] = wrong
            assert len(await filled.list(user_id=USER)) >= 1, f"memory works after {entry_point.name}"
    assert found == {}
    assert MARK not in caplog.text, "no text in a log"


def test_the_corpus_is_large() -> None:
    assert sum(len(entry_point.cases) for entry_point in ENTRY_POINTS) >= 5_000
    assert len({id(value) for entry_point in ENTRY_POINTS for value in entry_point.cases.values()}) >= 1_000


plain = st.none() | st.booleans() | st.integers() | st.floats() | st.text()
json_values: st.SearchStrategy[Any] = st.deferred(
    lambda: plain | st.lists(json_values, max_size=4) | st.dictionaries(st.text(), json_values, max_size=4)
)


@pytest.mark.parametrize("colour", ["sync"])
def test_any_text_key_and_value_come_back_or_are_refused(memory: PersistMem, database: str, colour: str) -> None:
    either = Either(memory, asynchronous=False)
    entry_point = EntryPoint("any", "text|key|value|user_id|namespace", {}, lambda m, v: remember(m, **v))

    @settings(max_examples=100, deadline=None, suppress_health_check=list(HealthCheck))
    @given(
        st.fixed_dictionaries(
            {
                "text": st.text(),
                "key": st.text(),
                "value": st.dictionaries(st.text(), json_values),
                "user_id": st.text(),
            }
        )
    )
    def check(case: dict[str, Any]) -> None:
        from langchain_persistmem.runtime.backend import finished

        with psycopg.connect(database, autocommit=True) as connection:
            assert not finished(problem(either, entry_point, case, connection, stored(connection)))

    check()
