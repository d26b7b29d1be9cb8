"""The checkpointers' promises, each kept on a real PostgreSQL."""

import asyncio
import operator
import threading
import time
from collections.abc import AsyncGenerator, Callable, Generator
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager, contextmanager
from typing import Annotated, Any, TypedDict
from uuid import uuid4

import psycopg
import pytest
from langchain_core.runnables import RunnableConfig
from langgraph.checkpoint.base import BaseCheckpointSaver, empty_checkpoint
from langgraph.checkpoint.postgres import PostgresSaver
from langgraph.checkpoint.serde.jsonplus import JsonPlusSerializer
from langgraph.graph import END, START, StateGraph
from psycopg.rows import dict_row
from psycopg_pool import AsyncConnectionPool, ConnectionPool

from langchain_persistmem.checkpointer.async_saver import AsyncPersistMemSaver
from langchain_persistmem.checkpointer.sync_saver import PersistMemSaver
from langchain_persistmem.errors import (
    ConcurrentUpdateError,
    ConfigurationError,
    ReplicaError,
    SchemaOutOfDateError,
    StorageError,
    StorageUnavailableError,
    UseAsyncMethodError,
)
from langchain_persistmem.postgres.transaction_opening import AsyncPool, SyncPool

AUTOCOMMIT: dict[str, Any] = {"autocommit": True, "row_factory": dict_row}
UPSTREAM_TABLES = {"checkpoints", "checkpoint_blobs", "checkpoint_writes", "checkpoint_migrations"}


class Turns(TypedDict):
    """What was said in a thread."""

    said: Annotated[list[str], operator.add]


@contextmanager
def pool_on(database: str, size: int = 8) -> Generator[SyncPool]:
    pool: SyncPool = ConnectionPool(database, min_size=size, max_size=size, timeout=60, kwargs=AUTOCOMMIT, open=False)
    with pool:
        yield pool


@asynccontextmanager
async def async_pool_on(database: str, size: int = 8) -> AsyncGenerator[AsyncPool]:
    pool: AsyncPool = AsyncConnectionPool(
        database, min_size=size, max_size=size, timeout=60, kwargs=AUTOCOMMIT, open=False
    )
    async with pool:
        yield pool


def thread(name: str) -> RunnableConfig:
    return {"configurable": {"thread_id": name, "checkpoint_ns": ""}}


def echo(saver: "BaseCheckpointSaver[Any]") -> Any:
    """A graph that appends an answer to what was said."""

    def answer(state: Turns) -> Turns:
        return {"said": [f"re: {state['said'][-1]}"]}

    graph: Any = StateGraph(Turns)
    graph.add_node("answer", answer)
    graph.add_edge(START, "answer")
    graph.add_edge("answer", END)
    return graph.compile(checkpointer=saver)


def waiting_readers(database: str) -> int:
    """How many backends wait for the table at once; gives up as soon as 8 do, or after a minute."""
    waiting = (
        "SELECT count(DISTINCT pid) FROM pg_locks WHERE NOT granted AND relation = 'checkpoints'::regclass "
        "AND database = (SELECT oid FROM pg_database WHERE datname = current_database())"
    )
    deadline = time.monotonic() + 60
    with psycopg.connect(database, autocommit=True) as observer:
        while True:
            (count,) = observer.execute(waiting).fetchone() or (0,)
            if count == 8 or time.monotonic() > deadline:
                return count
            time.sleep(0.02)


def test_invoke_keeps_two_threads_apart_and_remembers_each(empty_database: str) -> None:
    """A graph compiled with the blocking saver continues each thread, and only that thread."""
    with pool_on(empty_database) as pool:
        saver = PersistMemSaver(pool)
        saver.setup()
        graph = echo(saver)
        graph.invoke({"said": ["tea"]}, thread("a"))
        graph.invoke({"said": ["rain"]}, thread("b"))
        assert graph.invoke({"said": ["milk"]}, thread("a"))["said"] == ["tea", "re: tea", "milk", "re: milk"]
        assert graph.get_state(thread("b")).values["said"] == ["rain", "re: rain"]
        saver.delete_thread("a")
        assert graph.get_state(thread("a")).values == {}
        assert saver.get_tuple(thread("b")) is not None


@pytest.mark.parametrize("native", [True, False], ids=["async saver", "blocking saver"])
async def test_ainvoke_keeps_two_threads_apart_and_remembers_each(empty_database: str, native: bool) -> None:
    """Both savers serve ainvoke, the thread's history, prune and delete."""
    async with async_pool_on(empty_database) as async_pool:
        with pool_on(empty_database) as pool:
            saver = AsyncPersistMemSaver(async_pool) if native else PersistMemSaver(pool)
            await saver.asetup()
            graph = echo(saver)
            await graph.ainvoke({"said": ["tea"]}, thread("a"))
            await graph.ainvoke({"said": ["rain"]}, thread("b"))
            answer = await graph.ainvoke({"said": ["milk"]}, thread("a"))
            assert answer["said"] == ["tea", "re: tea", "milk", "re: milk"]
            history = [state async for state in graph.aget_state_history(thread("a"))]
            assert len(history) == 6
            assert len([each async for each in saver.alist(thread("a"), limit=2)]) == 2
            deltas = await saver.aget_delta_channel_history(config=thread("a"), channels=["said"])
            assert set(deltas) == {"said"}
            await saver.aprune(["a"])
            assert len([each async for each in saver.alist(thread("a"))]) == 1
            assert (await graph.aget_state(thread("a"))).values == answer
            await saver.adelete_thread("a")
            assert await saver.aget_tuple(thread("a")) is None
            assert (await graph.aget_state(thread("b"))).values["said"] == ["rain", "re: rain"]


def test_eight_calls_use_eight_connections_at_once(empty_database: str) -> None:
    """No lock serialises the pool: with the table locked, eight backends wait for it together."""
    with pool_on(empty_database) as pool, ThreadPoolExecutor(8) as workers, psycopg.connect(empty_database) as blocker:
        saver = PersistMemSaver(pool)
        saver.setup()
        blocker.execute("LOCK TABLE checkpoints IN ACCESS EXCLUSIVE MODE")
        calls = [workers.submit(saver.get_tuple, thread(str(number))) for number in range(8)]
        at_once = waiting_readers(empty_database)
        blocker.rollback()
        assert [call.result() for call in calls] == [None] * 8
        assert at_once == 8


async def test_eight_awaits_use_eight_connections_at_once(empty_database: str) -> None:
    """The same for the async saver: one event loop keeps eight backends busy."""
    async with async_pool_on(empty_database) as pool:
        saver = AsyncPersistMemSaver(pool)
        await saver.setup()
        with psycopg.connect(empty_database) as blocker:
            blocker.execute("LOCK TABLE checkpoints IN ACCESS EXCLUSIVE MODE")
            calls = [asyncio.create_task(saver.aget_tuple(thread(str(number)))) for number in range(8)]
            at_once = await asyncio.to_thread(waiting_readers, empty_database)
            blocker.rollback()
            assert await asyncio.gather(*calls) == [None] * 8
        assert at_once == 8


def test_get_tuple_inside_a_list_loop_needs_one_connection(empty_database: str) -> None:
    """list() has given its connection back before its caller sees the first checkpoint."""
    with pool_on(empty_database, size=1) as pool:
        saver = PersistMemSaver(pool)
        saver.setup()
        echo(saver).invoke({"said": ["tea"]}, thread("a"))
        found = [saver.get_tuple(each.config) for each in saver.list(thread("a"))]
        assert [each and each.metadata.get("step") for each in found] == [1, 0, -1]


@pytest.mark.parametrize("native", [True, False], ids=["async saver", "blocking saver"])
async def test_aget_tuple_inside_an_alist_loop_needs_one_connection(empty_database: str, native: bool) -> None:
    """alist() has given its connection back before its caller sees the first checkpoint."""
    async with async_pool_on(empty_database, size=1) as async_pool:
        with pool_on(empty_database, size=1) as pool:
            saver = AsyncPersistMemSaver(async_pool) if native else PersistMemSaver(pool)
            await saver.asetup()
            await echo(saver).ainvoke({"said": ["tea"]}, thread("a"))
            found = [await saver.aget_tuple(each.config) async for each in saver.alist(thread("a"))]
            assert [each and each.metadata.get("step") for each in found] == [1, 0, -1]


def test_eight_workers_set_up_one_database_at_once(empty_database: str) -> None:
    """Eight workers, each with its own pool as in eight processes, all succeed, as does a later setup()."""
    start = threading.Barrier(8)

    def worker(_: int) -> None:
        with pool_on(empty_database, size=1) as pool:
            start.wait(100)
            PersistMemSaver(pool).setup()

    with ThreadPoolExecutor(8) as workers:
        assert list(workers.map(worker, range(8))) == [None] * 8
    with psycopg.connect(empty_database) as connection:
        assert connection.execute("SELECT bool_and(indisvalid) FROM pg_index").fetchone() == (True,)
        tables = connection.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'public'").fetchall()
    assert {name for (name,) in tables} == UPSTREAM_TABLES
    with pool_on(empty_database, size=1) as pool:
        PersistMemSaver(pool).setup()


async def test_eight_async_workers_set_up_one_database_at_once(empty_database: str) -> None:
    """The same for the async saver, mixed with blocking ones: they share one lock."""

    async def worker(number: int) -> None:
        if number % 2:
            async with async_pool_on(empty_database, size=1) as pool:
                await AsyncPersistMemSaver(pool).setup()
        else:
            with pool_on(empty_database, size=1) as blocking_pool:
                await PersistMemSaver(blocking_pool).asetup()

    assert await asyncio.gather(*(worker(number) for number in range(8))) == [None] * 8


async def test_setup_gives_up_with_a_storage_error_when_another_one_hangs(empty_database: str) -> None:
    """A stuck set-up elsewhere costs a bounded wait; once it is gone, setup() works."""
    async with async_pool_on(empty_database, size=2) as async_pool:
        with pool_on(empty_database, size=2) as pool:
            blocking, native = PersistMemSaver(pool), AsyncPersistMemSaver(async_pool)
            with psycopg.connect(empty_database, autocommit=True) as stuck:
                stuck.execute("SELECT pg_advisory_lock(%s)", (int.from_bytes(b"pm-saver", "big"),))
                with pytest.raises(StorageUnavailableError, match="timeout="):
                    await native.setup(timeout=0.1)
                with pytest.raises(StorageUnavailableError, match="timeout="):
                    blocking.setup(timeout=0.1)
            await native.setup()
            blocking.setup()


async def test_setup_frees_its_lock_and_redacts_when_a_migration_fails(empty_database: str) -> None:
    """A failed set-up is one of our errors, hides what PostgreSQL quoted, and does not lock out the next one."""
    with psycopg.connect(empty_database, autocommit=True) as owner:
        owner.execute("CREATE VIEW checkpoints AS SELECT 'secret' AS thread_id")
    async with async_pool_on(empty_database, size=1) as async_pool:
        with pool_on(empty_database, size=1) as pool:
            for saver in (PersistMemSaver(pool), AsyncPersistMemSaver(async_pool)):
                with pytest.raises(StorageError, match="WrongObjectType") as caught:
                    await saver.asetup()
                assert caught.value.__context__ is None
            with psycopg.connect(empty_database, autocommit=True) as owner:
                held = owner.execute(
                    "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' "
                    "AND database = (SELECT oid FROM pg_database WHERE datname = current_database())"
                ).fetchone()
            assert held == (0,)


async def test_setup_names_the_missing_autocommit(empty_database: str) -> None:
    """A pool with psycopg's default of transactions is refused with the fix, not with an SQL error."""
    async with AsyncConnectionPool(empty_database, min_size=1, open=False) as async_pool:
        with ConnectionPool(empty_database, min_size=1, open=False) as pool:
            savers: Any = (PersistMemSaver(pool), AsyncPersistMemSaver(async_pool))  # pyright: ignore[reportArgumentType]
            for saver in savers:
                with pytest.raises(ConfigurationError, match="'autocommit': True"):
                    await saver.asetup()


def test_checkpoints_survive_reopening_and_the_pool_is_left_alone(empty_database: str) -> None:
    """What was acknowledged is there for the next pool, and the saver never closes the one it was given."""
    with pool_on(empty_database) as pool:
        saver = PersistMemSaver(pool)
        saver.setup()
        echo(saver).invoke({"said": ["tea"]}, thread("a"))
        del saver
        assert not pool.closed
    with pool_on(empty_database) as pool:
        assert echo(PersistMemSaver(pool)).get_state(thread("a")).values["said"] == ["tea", "re: tea"]


async def test_either_saver_and_a_single_connection_read_the_same_rows(empty_database: str) -> None:
    """The async saver, the blocking saver and upstream's from_conn_string see one another's checkpoints."""
    async with async_pool_on(empty_database) as pool:
        saver = AsyncPersistMemSaver(pool)
        await saver.setup()
        await echo(saver).ainvoke({"said": ["tea"]}, thread("a"))
        assert not pool.closed
    with PersistMemSaver.from_conn_string(empty_database) as single:
        single.setup()
        assert echo(single).get_state(thread("a")).values["said"] == ["tea", "re: tea"]
    async with AsyncPersistMemSaver.from_conn_string(empty_database) as async_single:
        assert (await echo(async_single).aget_state(thread("a"))).values["said"] == ["tea", "re: tea"]


async def test_a_serde_of_ones_own_writes_and_reads_the_values(empty_database: str) -> None:
    """serde= is honoured, so that values can be stored encrypted."""

    class Sealed(JsonPlusSerializer):
        def dumps_typed(self, obj: Any) -> tuple[str, bytes]:
            kind, data = super().dumps_typed(obj)
            return kind, bytes(byte ^ 0x5A for byte in data)

        def loads_typed(self, data: tuple[str, bytes]) -> Any:
            return super().loads_typed((data[0], bytes(byte ^ 0x5A for byte in data[1])))

    async with async_pool_on(empty_database) as async_pool:
        with pool_on(empty_database) as pool:
            blocking, native = PersistMemSaver(pool, serde=Sealed()), AsyncPersistMemSaver(async_pool, serde=Sealed())
            await native.setup()
            await echo(native).ainvoke({"said": ["a secret"]}, thread("a"))
            assert echo(blocking).get_state(thread("a")).values["said"] == ["a secret", "re: a secret"]
            with pool.connection() as connection:
                rows = connection.execute("SELECT blob FROM checkpoint_blobs WHERE channel = 'said'").fetchall()
    assert rows
    assert not any(b"secret" in row["blob"] for row in rows if row["blob"])


async def test_blocking_methods_of_the_async_saver_never_hang_their_own_loop(empty_database: str) -> None:
    """On the loop's thread each raises InvalidStateError at once; from another thread each works."""
    async with async_pool_on(empty_database) as pool:
        saver = AsyncPersistMemSaver(pool)
        await saver.setup()
        with pytest.raises(UseAsyncMethodError, match="aput"):
            saver.put(thread("a"), empty_checkpoint(), {}, {})
        refused: list[Callable[[], object]] = [
            lambda: saver.put(thread("a"), empty_checkpoint(), {}, {}),
            lambda: saver.put_writes(thread("a"), [], "task"),
            lambda: saver.get_tuple(thread("a")),
            lambda: list(saver.list(thread("a"))),
            lambda: saver.delete_thread("a"),
            lambda: saver.prune(["a"]),
            lambda: saver.get_delta_channel_history(config=thread("a"), channels=["said"]),
        ]
        for call in refused:
            with pytest.raises(asyncio.InvalidStateError):
                call()
        stored = await asyncio.to_thread(saver.put, thread("a"), empty_checkpoint(), {"step": 1}, {})
        await asyncio.to_thread(saver.put_writes, stored, [("said", "tea")], "task")
        (found,) = await asyncio.to_thread(lambda: list(saver.list(thread("a"))))
        assert found.metadata.get("step") == 1
        assert found.pending_writes == [("task", "said", "tea")]


def _statement(database: str, text: str) -> list[tuple[Any, ...]]:
    with psycopg.connect(database, autocommit=True) as connection:
        cursor = connection.execute(text.encode())
        return cursor.fetchall() if cursor.description else []


@contextmanager
def interrupted_index(database: str, table: str, name: str) -> Generator[None]:
    """CREATE INDEX CONCURRENTLY that is cancelled while it waits for a writer: it leaves an invalid index."""
    with psycopg.connect(database) as writer:
        writer.execute(f"LOCK TABLE {table} IN ROW EXCLUSIVE MODE".encode())
        with psycopg.connect(database, autocommit=True) as builder, ThreadPoolExecutor(1) as threads:
            index = f"CREATE INDEX CONCURRENTLY {name} ON {table} (thread_id)"
            building = threads.submit(builder.execute, index.encode())
            waits = f"SELECT wait_event_type = 'Lock' FROM pg_stat_activity WHERE pid = {builder.info.backend_pid}"
            while _statement(database, waits) != [(True,)]:
                time.sleep(0.01)
            builder.cancel()
            with pytest.raises(psycopg.errors.QueryCanceled):
                building.result()
    yield


@pytest.mark.parametrize("native", [True, False], ids=["async saver", "blocking saver"])
async def test_setup_rebuilds_an_index_that_was_interrupted(empty_database: str, native: bool) -> None:
    """A killed set-up leaves an invalid index, which IF NOT EXISTS skips: the next set-up makes it whole."""
    invalid = "SELECT c.relname FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid WHERE NOT i.indisvalid"
    async with async_pool_on(empty_database, size=1) as async_pool:
        with pool_on(empty_database, size=1) as pool:
            saver = AsyncPersistMemSaver(async_pool) if native else PersistMemSaver(pool)
            await saver.asetup()
            for table, name in (
                ("checkpoint_writes", "checkpoint_writes_thread_id_idx"),
                ("checkpoints", "checkpoints_persistmem_head_idx"),
                ("checkpoints", "checkpoints_thread_id_idx_ccnew"),
            ):
                _statement(empty_database, f"DROP INDEX IF EXISTS {name}")
                with interrupted_index(empty_database, table, name):
                    assert _statement(empty_database, invalid) == [(name,)]
                await saver.asetup()
                assert _statement(empty_database, invalid) == []
                found = _statement(empty_database, f"SELECT to_regclass('{name}') IS NOT NULL")
                assert found == [("ccnew" not in name,)]


def as_role(database: str, role: str) -> str:
    return psycopg.conninfo.make_conninfo(database, user=role, password=role)


@pytest.fixture
def writer(empty_database: str) -> Generator[str]:
    """A role that may use the checkpoint tables and owns nothing."""
    name = f"writer_{uuid4().hex[:12]}"
    _statement(empty_database, f"CREATE ROLE {name} LOGIN PASSWORD '{name}'")
    yield name
    _statement(empty_database, f"GRANT {name} TO CURRENT_USER")
    _statement(empty_database, f"DROP OWNED BY {name}")
    _statement(empty_database, f"DROP ROLE {name}")


async def test_a_role_that_only_writes_needs_no_more_rights_than_before(empty_database: str, writer: str) -> None:
    """The order's sequence is granted to who may insert; their setup() finds nothing to do."""
    with pool_on(empty_database, size=1) as pool:
        PostgresSaver(pool).setup()
        _statement(empty_database, f"GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO {writer}")
        with pool_on(as_role(empty_database, writer), size=1) as theirs:
            with pytest.raises(SchemaOutOfDateError, match=r"setup\(\).*owner"):
                PersistMemSaver(theirs).get_tuple(thread("a"))
            with pytest.raises(ConfigurationError, match="owner"):
                PersistMemSaver(theirs).setup()
        PersistMemSaver(pool).setup()
    with pool_on(as_role(empty_database, writer), size=1) as theirs:
        PersistMemSaver(theirs).setup()
        for saver in (PersistMemSaver(theirs), PostgresSaver(theirs)):
            echo(saver).invoke({"said": ["tea"]}, thread("a"))
        assert echo(PersistMemSaver(theirs)).get_state(thread("a")).values["said"] == ["tea", "re: tea"] * 2
    async with async_pool_on(as_role(empty_database, writer), size=1) as async_theirs:
        await AsyncPersistMemSaver(async_theirs).setup()


async def test_a_server_that_only_reads_serves_reads_and_names_the_primary(empty_database: str) -> None:
    """setup() finds nothing to do, reads answer, and writes are refused with the fix."""
    with pool_on(empty_database, size=1) as pool:
        PersistMemSaver(pool).setup()
        echo(PersistMemSaver(pool)).invoke({"said": ["tea"]}, thread("a"))
    (name,) = _statement(empty_database, "SELECT current_database()")[0]
    _statement(empty_database, f"ALTER DATABASE {name} SET default_transaction_read_only = on")
    async with async_pool_on(empty_database, size=2) as async_pool:
        with pool_on(empty_database, size=2) as pool:
            for saver in (PersistMemSaver(pool), AsyncPersistMemSaver(async_pool)):
                await saver.asetup()
                assert (await saver.aget_tuple(thread("a"))) is not None
                assert len([each async for each in saver.alist(thread("a"))]) == 3
                with pytest.raises(ReplicaError, match="primary"):
                    await saver.adelete_thread("a")
                with pytest.raises(ReplicaError, match="primary"):
                    await saver.aput(thread("a"), empty_checkpoint(), {}, {})


@pytest.mark.parametrize("isolation", ["repeatable read", "serializable"])
def test_a_stricter_default_isolation_hides_nobody(empty_database: str, isolation: str) -> None:
    """Eight writers at once under a server default that would show each of them an old snapshot."""
    (name,) = _statement(empty_database, "SELECT current_database()")[0]
    _statement(empty_database, f"ALTER DATABASE {name} SET default_transaction_isolation = '{isolation}'")
    with pool_on(empty_database) as pool, ThreadPoolExecutor(8) as workers:
        saver = PersistMemSaver(pool)
        saver.setup()

        def turn(number: int) -> bool:
            try:
                echo(saver).invoke({"said": [str(number)]}, thread("a"), durability="exit")
            except ConcurrentUpdateError:
                return False
            return True

        acknowledged = [number for number, kept in enumerate(workers.map(turn, range(40))) if kept]
        said = echo(saver).get_state(thread("a")).values["said"]
        assert [each for each in said if not each.startswith("re:")] == [
            each for each in said if each.isdecimal() and int(each) in acknowledged
        ]
        assert {f"re: {number}" for number in acknowledged} <= set(said)


@pytest.mark.parametrize("threshold", [None, 0, 5])
async def test_whether_statements_are_prepared_is_the_callers_choice(
    empty_database: str, threshold: int | None
) -> None:
    """prepare_threshold=None never prepares, for poolers that cannot follow; 0 is upstream's default."""
    given: dict[str, Any] = {} if threshold == 0 else {"prepare_threshold": threshold}
    prepared = "SELECT count(*) FROM pg_prepared_statements WHERE statement LIKE '%checkpoints%'"
    with PersistMemSaver.from_conn_string(empty_database, **given) as blocking:
        blocking.setup()
        blocking.get_tuple(thread("a"))
        connection: Any = blocking.conn
        assert connection.prepare_threshold == threshold
        assert (connection.execute(prepared).fetchone()["count"] > 0) == (threshold == 0)
    async with AsyncPersistMemSaver.from_conn_string(empty_database, **given) as native:
        await native.aget_tuple(thread("a"))
        async_connection: Any = native.conn
        assert async_connection.prepare_threshold == threshold
        found = await (await async_connection.execute(prepared)).fetchone()
        assert (found["count"] > 0) == (threshold == 0)
