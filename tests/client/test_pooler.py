"""Behind PgBouncer: lost sessions, prepared statements, and settings of the database that no start-up parameter reaches."""

import asyncio
import dataclasses
import random
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import AsyncExitStack
from typing import Any

import psycopg
import pytest

from langchain_persistmem import (
    AsyncPersistMemSaver,
    AsyncPersistMemStore,
    ConfigurationError,
    LocalEmbeddings,
    PersistMem,
    PersistMemError,
    PersistMemSaver,
    PersistMemStore,
    Settings,
    StorageUnavailableError,
)
from langchain_persistmem.postgres.connections.conninfo import read_conninfo
from tests.client.test_peer_promises import bouncer, days_at_once
from tests.conftest import Either
from tests.postgres.test_session_settings import configure
from tests.support.pooler import pooled

__all__ = ["bouncer"]

WRITES, USERS = 150, 6
BEHIND = Settings(prepare_threshold=None, worker=False, connect_seconds=20.0)


@pytest.mark.ci
def test_writes_whose_sessions_are_ended_behind_the_pooler_count_once_and_nobody_sees_it(
    bouncer: str, database: str, embeddings: LocalEmbeddings
) -> None:
    # One session is ended for every other write that was acknowledged, however fast this machine is.
    acknowledged = threading.Semaphore(0)
    ended = 0

    def end_sessions() -> None:
        nonlocal ended
        with psycopg.connect(database, autocommit=True) as admin:
            while ended < WRITES // 2 and acknowledged.acquire(timeout=30) and acknowledged.acquire(timeout=30):
                time.sleep(random.uniform(0.0, 0.02))
                ended += 1
                admin.execute(
                    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() "
                    "AND pid <> pg_backend_pid() ORDER BY random() LIMIT 1"
                )

    def write(number: int) -> None:
        memory.remember(f"My locker number is {number}", user_id=f"u{number % USERS}")
        acknowledged.release()

    with PersistMem.open(bouncer, embeddings=embeddings, settings=BEHIND) as memory, ThreadPoolExecutor(7) as threads:
        killer = threads.submit(end_sessions)
        list(threads.map(write, range(WRITES)))
        killer.result()
        for user in range(USERS):
            texts = [each.text for each in memory.list(user_id=f"u{user}", limit=100)]
            assert sorted(texts) == sorted(f"My locker number is {n}" for n in range(WRITES) if n % USERS == user)


@pytest.mark.ci
@pytest.mark.own_database
@pytest.mark.parametrize(
    "settings",
    [
        ("datestyle = 'SQL, DMY'", "timezone = 'Europe/Paris'"),
        ("client_encoding = 'LATIN1'", "intervalstyle = 'sql_standard'"),
        ("search_path = app, public", "bytea_output = 'escape'"),
    ],
    ids=["French", "LATIN1", "search_path"],
)
async def test_settings_of_the_database_change_nothing_behind_the_pooler(
    bouncer: str, database: str, embeddings: LocalEmbeddings, settings: tuple[str, ...]
) -> None:
    configure(database, *settings)
    with PersistMem.open(bouncer, embeddings=embeddings, settings=BEHIND) as memory:
        await days_at_once(Either(memory, asynchronous=False))
        memory.remember("I like téa 🍵", user_id="zoë")
        assert [each.text for each in memory.list(user_id="zoë")] == ["I like téa 🍵"]


@pytest.mark.ci
@pytest.mark.own_database
def test_a_role_without_a_search_path_behind_a_pooler_is_told_so_by_name(
    bouncer: str, database: str, embeddings: LocalEmbeddings
) -> None:
    configure(database, "search_path = ''")
    with pytest.raises(ConfigurationError, match=r"^search_path names no schema"):
        PersistMem.open(bouncer, embeddings=embeddings, settings=BEHIND)


PATIENT = Settings(worker=False, connect_seconds=3600.0, statement_seconds=None)
"""Whoever waits for a session that nobody gives back waits for longer than a test may take."""


@pytest.mark.ci
@pytest.mark.parametrize("smallest", [1, 8])
def test_callers_behind_too_few_sessions_share_those_that_there_are(
    database: str, embeddings: LocalEmbeddings, smallest: int
) -> None:
    settings = dataclasses.replace(PATIENT, pool_min=smallest, pool_max=8)
    texts = [f"My locker number is {number}" for number in range(100)]
    with (
        pooled(database, mode="session", sessions=1) as where,
        PersistMem.open(where, embeddings=embeddings, settings=settings) as memory,
        ThreadPoolExecutor(8) as threads,
    ):
        list(threads.map(lambda text: memory.remember(text, user_id="ada"), texts))
        assert sorted(each.text or "" for each in memory.list(user_id="ada", limit=200)) == sorted(texts)


@pytest.mark.ci
@pytest.mark.parametrize("smallest", [1, 8])
async def test_tasks_behind_too_few_sessions_share_those_that_there_are(
    database: str, embeddings: LocalEmbeddings, smallest: int
) -> None:
    settings = dataclasses.replace(PATIENT, pool_min=smallest, pool_max=8)
    texts = [f"My locker number is {number}" for number in range(100)]
    with pooled(database, mode="session", sessions=1) as where:
        async with PersistMem.aopen(where, embeddings=embeddings, settings=settings) as memory:
            await asyncio.gather(*(memory.aremember(text, user_id="ada") for text in texts))
            assert sorted(each.text or "" for each in await memory.alist(user_id="ada", limit=200)) == sorted(texts)


async def _open_either(kind: Any, where: str, **options: Any) -> None:
    """Open it, sync or async, and close it again."""
    manager = kind(where, **options)
    if hasattr(manager, "__aenter__"):
        async with manager:
            pass
    else:
        with manager:
            pass


BRIEF = Settings(worker=False, connect_seconds=2.0)


@pytest.mark.ci
@pytest.mark.parametrize(
    ("opens", "options"),
    [
        (PersistMem.open, {"settings": BRIEF}),
        (PersistMem.aopen, {"settings": BRIEF}),
        (PersistMemStore.from_conn_string, {"settings": BRIEF}),
        (AsyncPersistMemStore.from_conn_string, {"settings": BRIEF}),
        (PersistMemSaver.from_conn_string, {}),
        (AsyncPersistMemSaver.from_conn_string, {}),
    ],
)
async def test_whatever_opens_behind_a_pooler_without_a_free_session_names_its_settings(
    database: str, opens: Any, options: dict[str, Any]
) -> None:
    with (
        pooled(database, mode="session", sessions=1) as where,
        psycopg.connect(where, autocommit=True) as other,
    ):
        other.execute("SELECT 1")  # it keeps the session that there is
        with pytest.raises(StorageUnavailableError, match=r"pool_mode = transaction.*default_pool_size"):
            await _open_either(opens, where, **options)


@pytest.mark.ci
@pytest.mark.parametrize("asynchronous", [False, True], ids=["sync", "async"])
async def test_a_call_that_finds_no_session_names_the_poolers_settings(
    database: str, embeddings: LocalEmbeddings, asynchronous: bool
) -> None:
    """The session of its only connection is ended, and somebody else is first to ask for the next one."""
    with pooled(database, mode="session", sessions=1) as where, ThreadPoolExecutor(1) as threads:
        async with AsyncExitStack() as stack:
            if asynchronous:
                opened: Any = await stack.enter_async_context(
                    PersistMem.aopen(where, embeddings=embeddings, settings=BRIEF)
                )
            else:
                opened = stack.enter_context(PersistMem.open(where, embeddings=embeddings, settings=BRIEF))
            memory = Either(opened, asynchronous=asynchronous)
            other = stack.enter_context(psycopg.connect(where, autocommit=True))
            waiting = threads.submit(other.execute, "SELECT 1")
            with psycopg.connect(database, autocommit=True) as admin:
                while not waiting.done():
                    admin.execute(
                        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() "
                        "AND pid <> pg_backend_pid() AND query NOT LIKE 'SELECT 1'"
                    )
                    await asyncio.sleep(0.05)
            with pytest.raises(StorageUnavailableError, match=r"pool_mode = transaction.*default_pool_size"):
                await memory.list(user_id="ada")


def _duplicate(memory: PersistMem) -> Any:
    return memory.list(user_id="ada")


@pytest.mark.ci
@pytest.mark.parametrize("spelling", ["?pgbouncer=true", "prepare_threshold"])
def test_prepared_statements_behind_a_pooler_that_does_not_keep_them_are_named(
    bouncer: str, embeddings: LocalEmbeddings, spelling: str
) -> None:
    where = psycopg.conninfo.conninfo_to_dict(bouncer)
    uri = f"postgresql+psycopg://{where['user']}@/{where['dbname']}?host={where['host']}&port={where['port']}"
    if spelling == "?pgbouncer=true":
        with (
            PersistMem.open(f"  {uri}&pgbouncer=true", embeddings=embeddings, settings=Settings(pool_min=8)) as memory,
            ThreadPoolExecutor(8) as threads,
        ):
            assert list(threads.map(lambda _: len(_duplicate(memory)), range(200))) == [0] * 200
        return
    prepared = Settings(prepare_threshold=0, pool_min=8, worker=False)
    with (
        PersistMem.open(uri, embeddings=embeddings, settings=prepared) as memory,
        pytest.raises(ConfigurationError, match=r"prepare_threshold=None"),
    ):
        _until_refused(lambda: _duplicate(memory))
    with PersistMemSaver.from_conn_string(uri) as saver, PersistMemSaver.from_conn_string(uri) as other:
        config: Any = {"configurable": {"thread_id": "t", "checkpoint_ns": ""}}
        with pytest.raises(ConfigurationError, match=r"prepare_threshold=None"):
            _until_refused(lambda: (saver.get_tuple(config), other.get_tuple(config)))


@pytest.mark.ci
def test_opening_behind_a_pooler_prepares_nothing(bouncer: str, embeddings: LocalEmbeddings) -> None:
    for _ in range(12):
        with PersistMem.open(bouncer, embeddings=embeddings, settings=Settings(prepare_threshold=0, worker=False)):
            pass


@pytest.mark.ci
def test_statements_that_a_pooler_mixes_up_are_never_run_for_one_another(
    bouncer: str, embeddings: LocalEmbeddings
) -> None:
    prepared = Settings(prepare_threshold=0, pool_min=8, worker=False)
    with PersistMem.open(bouncer, embeddings=embeddings, settings=prepared) as memory:

        def call(number: int) -> str:
            user = f"u{number % 6}"
            calls: list[Callable[[], Any]] = [
                lambda: memory.remember(f"My locker number is {number}", user_id=user),
                lambda: memory.list(user_id=user),
                lambda: memory.recall("Which locker?", user_id=user),
                lambda: memory.store.put(("memories", user), f"k{number}", {"n": number}),
                lambda: memory.privacy.consent(user_id=user),
            ]
            try:
                calls[number % 5]()
            except PersistMemError as error:  # what is not known to a session is refused by it
                return type(error).__name__
            return "done"

        with ThreadPoolExecutor(8) as threads:
            assert set(threads.map(call, range(300))) <= {"done", "ConfigurationError"}


def _until_refused(act: Callable[[], Any]) -> None:
    with ThreadPoolExecutor(8) as threads:
        list(threads.map(lambda _: act(), range(200)))


SPELLINGS = {
    "postgresql+psycopg://u:p@h/d": "postgresql://u:p@h/d",
    "postgres+asyncpg://h/d?sslmode=require": "postgres://h/d?sslmode=require",
    "\n  postgresql://h/d  ": "postgresql://h/d",
    " host=h dbname=d": "host=h dbname=d",
    "postgresql://h/d?pgbouncer=false&sslmode=require": "postgresql://h/d?sslmode=require",
    "postgresql://u:p?q@h/d?ssl=true": "postgresql://u:p?q@h/d?ssl=true",
    "postgresql://h:1,i:2/d?target_session_attrs=any&options=-csearch_path%3Da": "postgresql://h:1,i:2/d?target_session_attrs=any&options=-csearch_path%3Da",
}


@pytest.mark.parametrize("given", SPELLINGS)
def test_connection_strings_of_other_libraries_are_understood(given: str) -> None:
    assert read_conninfo(given) == (SPELLINGS[given], True)


def test_pgbouncer_in_a_connection_string_prepares_nothing() -> None:
    assert read_conninfo("postgresql://h/d?pgbouncer=true") == ("postgresql://h/d", False)


OPENING: dict[str, Callable[[str], Any]] = {
    "PersistMem": lambda where: PersistMem.open(where).__enter__(),
    "PersistMemStore": lambda where: PersistMemStore.from_conn_string(where).__enter__(),
    "PersistMemSaver": lambda where: PersistMemSaver.from_conn_string(where).__enter__(),
}


@pytest.mark.parametrize("open_with", OPENING.values(), ids=OPENING.keys())
@pytest.mark.parametrize(
    ("given", "message"),
    [
        ("postgresql://u:secret@h/d?schema=app", r"'schema'.*Settings\(schema="),
        ("postgresql://u:secret@h/d?sslmode=require&connection_limit=5", r"'connection_limit'.*pool_max"),
        ("host=h password=secret schema=app", r"'schema'.*Settings\(schema="),
        ("postgresql://u:secret@h/d?statement_cache_size=0", "'statement_cache_size'"),
        ("postgresql://u:secret@h/d?pgbouncer=yes", "'pgbouncer'"),
        ("postgresql://u:secret@h/d?a%20secret=1", r"'\.\.\.'"),
        ("secret", "malformed"),
        (b"postgresql://u:secret@h/d", "type bytes"),
    ],
)
def test_what_no_library_of_ours_knows_is_refused_by_its_name_and_without_its_value(
    open_with: Callable[[str], Any], given: Any, message: str
) -> None:
    with pytest.raises(ConfigurationError, match=message) as caught:
        open_with(given)
    assert "secret" not in repr(caught.value)
