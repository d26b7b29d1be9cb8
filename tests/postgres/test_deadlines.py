"""Whatever hangs, a call ends: in a typed error, within its deadline, and the next call finds a whole pool."""

import asyncio
import os
import signal
import threading
import time
from contextlib import closing

import psycopg
import pytest

from langchain_persistmem import ConfigurationError, PersistMem, Settings, StorageUnavailableError
from langchain_persistmem.postgres.connections.pool_opening import _network, _pool_options
from langchain_persistmem.postgres.connections.timeouts import with_deadline
from tests.conftest import Open

PATIENT = Settings(worker=False)
"""For what has to succeed, on a busy machine too."""
IMPATIENT = Settings(statement_seconds=2.0, worker=False)
WAITING = "SELECT pid FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()"


async def test_a_lock_that_somebody_holds_ends_the_write_and_nothing_was_written(
    either_with: Open, database: str
) -> None:
    patient, either = await either_with(settings=PATIENT), await either_with(settings=IMPATIENT)
    await patient.remember("I like tea", user_id="ada")
    with psycopg.connect(database) as other:
        other.execute("SELECT FROM persistmem.namespaces FOR UPDATE")
        with pytest.raises(StorageUnavailableError, match="statement_seconds"):
            await either.remember("I have two dogs", user_id="ada")
        assert await patient.recall("tea", user_id="ada")  # readers wait for nobody
        waiting = other.execute(f"SELECT count(*) FROM ({WAITING}) waiting".encode()).fetchone()
        assert waiting == (0,)  # the server was told to cancel, too
    await patient.remember("I have two cats", user_id="ada")
    assert {each.text for each in await patient.list(user_id="ada")} == {"I like tea", "I have two cats"}


@pytest.mark.own_database
async def test_a_frozen_backend_ends_the_call_and_the_next_one_has_another(either_with: Open, database: str) -> None:
    either = await either_with(settings=Settings(statement_seconds=5.0, worker=False))
    await either.remember("I like tea", user_id="ada")
    with psycopg.connect(database, autocommit=True) as admin:
        frozen = [
            row[0]
            for row in admin.execute(
                "SELECT pid FROM pg_stat_activity WHERE application_name = 'persistmem' AND datname = current_database()"
            )
        ]
    for pid in frozen:
        os.kill(pid, signal.SIGSTOP)
    try:
        for _ in frozen:
            with pytest.raises(StorageUnavailableError):
                await either.list(user_id="ada")
        assert [each.text for each in await either.list(user_id="ada")] == ["I like tea"]
    finally:
        for pid in frozen:
            os.kill(pid, signal.SIGCONT)


async def test_the_checkpointer_on_the_same_pool_has_the_deadline_too(either_with: Open, database: str) -> None:
    either = await either_with(settings=Settings(statement_seconds=5.0, worker=False))
    config = {"configurable": {"thread_id": "t", "checkpoint_ns": ""}}
    saver = either.memory.checkpointer
    with psycopg.connect(database) as other:
        other.execute("LOCK TABLE checkpoints")
        with pytest.raises(StorageUnavailableError):
            await saver.aget_tuple(config) if either.asynchronous else saver.get_tuple(config)  # type: ignore[arg-type]
    assert (await saver.aget_tuple(config) if either.asynchronous else saver.get_tuple(config)) is None  # type: ignore[arg-type]


async def test_a_cancelled_call_gives_its_connection_back(database: str, embeddings: object) -> None:
    async with PersistMem.aopen(
        database,
        embeddings=embeddings,  # type: ignore[arg-type]
        settings=Settings(statement_seconds=5, pool_max=1, pool_min=1, worker=False),
    ) as memory:
        await memory.aremember("I like tea", user_id="ada")
        with psycopg.connect(database) as other:
            other.execute("SELECT FROM persistmem.namespaces FOR UPDATE")
            with pytest.raises(TimeoutError):
                await asyncio.wait_for(memory.aremember("I have two dogs", user_id="ada"), 0.3)
            assert [each.text for each in await memory.alist(user_id="ada")] == ["I like tea"]


async def test_a_deadline_is_not_met_twice(either_with: Open, database: str) -> None:
    await (await either_with(settings=PATIENT)).remember("I like tea", user_id="ada")
    either = await either_with(settings=IMPATIENT)
    tries: list[int] = []
    with psycopg.connect(database) as other:
        other.execute("SELECT FROM persistmem.namespaces FOR UPDATE")
        watching = threading.Event()

        def watch() -> None:
            with psycopg.connect(database, autocommit=True) as admin:
                while not watching.is_set():
                    tries.extend(row[0] for row in admin.execute(WAITING))
                    time.sleep(0.02)

        watcher = threading.Thread(target=watch)
        watcher.start()
        with pytest.raises(StorageUnavailableError):
            await either.remember("I have two dogs", user_id="ada")
        watching.set()
        watcher.join()
    assert len(set(tries)) == 1


async def test_without_a_deadline_a_call_waits(either_with: Open, database: str) -> None:
    either = await either_with(settings=Settings(statement_seconds=None, worker=False))
    await either.remember("I like tea", user_id="ada")
    with psycopg.connect(database) as other:
        other.execute("SELECT FROM persistmem.namespaces FOR UPDATE")
        release = threading.Timer(1.0, other.rollback)
        release.start()
        await either.remember("I have two dogs", user_id="ada")
        release.join()


def test_setup_may_take_its_time(empty_database: str, embeddings: object) -> None:
    with (
        psycopg.connect(empty_database) as other,
        closing(PersistMem.open(empty_database, embeddings=embeddings, settings=IMPATIENT)) as memory,  # type: ignore[arg-type]
    ):
        other.execute("SELECT pg_advisory_xact_lock(7305170512023411)")  # another process's setup()
        release = threading.Timer(3.0, other.rollback)
        release.start()
        assert memory.setup()
        release.join()


def test_what_the_connection_string_says_counts() -> None:
    ours = _network("postgresql://h/d", Settings())
    assert ours["connect_timeout"] == 10
    assert ours["tcp_user_timeout"] == 30_000
    assert ours["keepalives_idle"] == 30
    given = _network("postgresql://h/d?connect_timeout=3&keepalives=0&application_name=mine", Settings())
    assert "connect_timeout" not in given
    assert "keepalives" not in given
    assert "options" not in given  # PgBouncer refuses it
    assert _network("host=/tmp", Settings(statement_seconds=2.5))["tcp_user_timeout"] == 2000
    kwargs = _pool_options("host=/tmp", None, Settings(), {"kwargs": {"keepalives": 0}}, with_deadline, None)["kwargs"]
    assert kwargs["keepalives"] == 0


def test_a_deadline_is_more_than_nothing() -> None:
    with pytest.raises(ConfigurationError, match="statement_seconds"):
        Settings(statement_seconds=0)
