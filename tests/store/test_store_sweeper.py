"""Erasing what has expired, again and again: the store's own sweeper, in a thread or in a task."""

import asyncio
import logging
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import psycopg
import pytest

from langchain_persistmem import (
    AsyncPersistMemStore,
    ConfigurationError,
    LocalEmbeddings,
    PersistMem,
    PersistMemStore,
    StorageUnavailableError,
)
from langchain_persistmem.store import expiry
from langchain_persistmem.store.sweeper import TaskSweeper, ThreadSweeper
from tests.store.test_store import ADA, age, rows
from tests.store.test_store_alone import Alone, opened

SOON = 0.0005
"""Minutes: 30 ms."""


@pytest.fixture(params=["sync", "async"])
def colour(request: pytest.FixtureRequest) -> str:
    return request.param


async def until(found: Callable[[], bool]) -> None:
    """Wait for what another thread or task does; pytest's own timeout ends it."""
    while not found():  # noqa: ASYNC110 - no event reaches from the database here
        await asyncio.sleep(0.01)


def left(database: str) -> int:
    ((count,),) = rows(database, "SELECT count(*) FROM persistmem.memories")
    return count


async def expired(alone: Alone, database: str, key: str = "k") -> None:
    await alone.put(ADA, key, {"text": "likes tea"}, ttl=1)
    age(database, 2)


async def test_entering_starts_the_sweeper_that_the_ttl_asks_for(colour: str, database: str) -> None:
    async with opened(colour, database, ttl={"sweep_interval_minutes": SOON}) as alone:
        await expired(alone, database)
        await alone.put(ADA, "stays", {"n": 1})
        await until(lambda: left(database) == 1)
        assert (await alone.get(ADA, "stays")).value == {"n": 1}
    await_end(alone)


def await_end(alone: Alone) -> None:
    sweeper = alone.store._sweeper
    if isinstance(sweeper, ThreadSweeper):
        assert sweeper._thread is None or not sweeper._thread.is_alive()
    else:
        assert sweeper._task is None or sweeper._task.done()


async def test_without_an_interval_nothing_sweeps_until_it_is_started(colour: str, database: str) -> None:
    async with opened(colour, database, ttl={"default_ttl": 1}) as alone:
        await_end(alone)
        await expired(alone, database)
        handle = await alone.start_ttl_sweeper(sweep_interval_minutes=SOON)
        assert await alone.start_ttl_sweeper() is handle  # it runs already
        await until(lambda: left(database) == 0)
        assert await alone.stop_ttl_sweeper(timeout=30)
        assert handle.done()
        await expired(alone, database)
        again = await alone.start_ttl_sweeper(sweep_interval_minutes=SOON)
        assert again is not handle
        await until(lambda: left(database) == 0)
    assert again.done()


async def test_without_a_ttl_nothing_is_started(colour: str, database: str) -> None:
    async with opened(colour, database) as alone:
        handle = await alone.start_ttl_sweeper()
        assert await alone.stop_ttl_sweeper()
        await until(handle.done)
        await_end(alone)
        with pytest.raises(ConfigurationError, match="sweep_interval_minutes is 0"):
            await alone.start_ttl_sweeper(0)


async def test_cancelling_what_was_returned_stops_the_sweeper(colour: str, database: str) -> None:
    async with opened(colour, database, ttl={}) as alone:
        handle = await alone.start_ttl_sweeper(sweep_interval_minutes=SOON)
        assert handle.cancel()
        sweeper: Any = alone.store._sweeper
        await until(lambda: not sweeper._thread.is_alive() if colour == "sync" else sweeper._task.done())
        again = await alone.start_ttl_sweeper(sweep_interval_minutes=SOON)
        await expired(alone, database)
        await until(lambda: left(database) == 0)
        assert not again.done()


async def test_a_failing_sweep_is_logged_and_the_next_one_goes_on(
    colour: str, database: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    swept = expiry.sweep_ttl
    failures = iter([StorageUnavailableError("PostgreSQL rests"), RuntimeError("surprise")])

    async def fails_twice(backend: Any, **how: Any) -> int:
        for failure in failures:
            raise failure
        return await swept(backend, **how)

    monkeypatch.setattr(expiry, "sweep_ttl", fails_twice)
    with caplog.at_level(logging.INFO, "langchain_persistmem"):
        async with opened(colour, database, ttl={"sweep_interval_minutes": SOON}) as alone:
            await expired(alone, database)
            await until(lambda: left(database) == 0)
    said = [record.getMessage() for record in caplog.records]
    assert any("PostgreSQL rests" in each for each in said)
    assert any("surprise" in each for each in said)
    assert "likes tea" not in str(said)


async def test_a_store_that_closes_does_not_wait_for_ever(colour: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("langchain_persistmem.store.sweeper.CLOSE_TIMEOUT", 0.01)
    begun: list[bool] = []
    if colour == "sync":
        released = []

        def stuck() -> int:
            begun.append(True)
            while not released:
                time.sleep(0.01)
            return 0

        thread = ThreadSweeper(stuck)
        future = thread.start(0.01)
        await until(lambda: bool(begun))
        assert not thread.stop(0.01)
        released.append(True)
        assert thread.stop(None)
        assert future.done()
    else:

        async def hangs() -> int:
            begun.append(True)
            await asyncio.Event().wait()
            return 0

        task = TaskSweeper(hangs)
        handle = task.start(0.01)
        await until(lambda: bool(begun))
        assert not await task.stop(0.01)
        await task.close()
        assert handle.cancelled()


async def test_memory_sweeps_its_store_until_it_is_closed(
    colour: str, database: str, embeddings: LocalEmbeddings
) -> None:
    options: dict[str, Any] = {
        "embeddings": embeddings,
        "store_ttl": {"default_ttl": 1, "sweep_interval_minutes": SOON},
        "store_index": {"fields": ["note"]},
    }
    memory = PersistMem.open(database, **options) if colour == "sync" else await PersistMem.aopen(database, **options)
    await memory.store.aput(ADA, "k", {"note": "likes tea"})
    assert rows(database, "SELECT text, expires_at IS NULL FROM persistmem.memories") == [("likes tea", False)]
    age(database, 2)
    await until(lambda: left(database) == 0)
    await memory.aclose()
    await_end(Alone(memory.store))


def test_a_sweep_works_through_more_than_one_statement_finds(
    memory: PersistMem, database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(expiry, "_SWEPT", 2)
    for n in range(7):
        memory.store.put((f"u{n % 3}",), f"k{n}", {"n": n}, index=False, ttl=1)
    age(database, 2)
    assert memory.store.sweep_ttl() == 7
    assert left(database) == 0


def test_many_sweeps_at_once_do_not_clash(memory: PersistMem, database: str) -> None:
    for n in range(40):
        memory.store.put((f"u{n % 8}",), f"k{n}", {"text": f"likes tea {n}"}, ttl=1)
    age(database, 2)
    with ThreadPoolExecutor(8) as threads:
        erased = list(threads.map(lambda _: memory.store.sweep_ttl(), range(8)))
    assert sum(erased) == 40
    assert left(database) == 0


async def test_the_sweeper_needs_no_model(colour: str, memory: PersistMem, database: str) -> None:
    memory.store.put(ADA, "k", {"text": "likes tea"}, ttl=1)
    age(database, 2)
    async with opened(colour, database) as alone:
        assert await alone.sweep_ttl() == 1
    with psycopg.connect(database) as connection:
        assert connection.execute("SELECT count(*) FROM persistmem.vectors").fetchone() == (0,)


async def test_options_are_those_of_langgraph(colour: str, database: str) -> None:
    async with opened(
        colour, database, ttl={"default_ttl": 10, "refresh_on_read": False, "omit_expired": None}
    ) as alone:
        assert alone.store.ttl_config == {"default_ttl": 10, "refresh_on_read": False}
        assert isinstance(alone.store, PersistMemStore if colour == "sync" else AsyncPersistMemStore)
        await alone.put(ADA, "k", {"n": 1})
        age(database, 5)
        await alone.get(ADA, "k")
        minutes = rows(
            database, "SELECT round(extract(epoch FROM expires_at - now()) / 60)::int FROM persistmem.memories"
        )
        assert minutes == [(5,)]
