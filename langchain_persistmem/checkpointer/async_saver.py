"""The async checkpointer: upstream's ``AsyncPostgresSaver``, with the additions of ``sync_saver.py``."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Coroutine, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, nullcontext, suppress
from datetime import timedelta
from typing import Any, TypeVar, cast

import psycopg
from langchain_core.runnables import RunnableConfig as Config
from langgraph.checkpoint.base import ChannelVersions, Checkpoint, CheckpointMetadata, CheckpointTuple
from langgraph.checkpoint.base import DeltaChannelHistory as History
from langgraph.checkpoint.postgres import aio
from psycopg.rows import DictRow, dict_row
from psycopg_pool import AsyncConnectionPool

from langchain_persistmem.checkpointer import checkpoint_id_checks, checkpoint_rows, checkpoint_setup, concurrent_writes
from langchain_persistmem.checkpointer.checkpoint_id_checks import Writes
from langchain_persistmem.checkpointer.checkpoint_rows import Filter, Serde
from langchain_persistmem.checkpointer.retries_and_errors import AsyncStatements, adapt_async
from langchain_persistmem.checkpointer.thread_owners import Claim, Register
from langchain_persistmem.errors import ConfigurationError, UseAsyncMethodError
from langchain_persistmem.postgres.connections.connection_setup import check_session
from langchain_persistmem.postgres.connections.conninfo import read_conninfo
from langchain_persistmem.postgres.connections.forks import ProcessBound, note_owner
from langchain_persistmem.postgres.connections.pool_opening import translate_errors
from langchain_persistmem.postgres.connections.timeouts import with_async_deadline
from langchain_persistmem.postgres.failover import is_replica_of_several
from langchain_persistmem.postgres.queries import checkpoint_retention as checkpoint_retention_queries
from langchain_persistmem.postgres.queries import checkpoints
from langchain_persistmem.postgres.statements import statement
from langchain_persistmem.postgres.transaction import READ_COMMITTED, Transaction
from langchain_persistmem.settings import Settings
from langchain_persistmem.types.argument_checks import check_arguments

T = TypeVar("T")


class AsyncPersistMemSaver(aio.AsyncPostgresSaver):
    """Upstream's ``AsyncPostgresSaver``, for the event loop on which it was made.

    The blocking methods are for other threads only. On the loop's own thread they raise
    ``asyncio.InvalidStateError``, which :class:`~langchain_persistmem.errors.UseAsyncMethodError` is too.
    """

    sleep = staticmethod(asyncio.sleep)  # between two attempts

    def __init__(
        self,
        conn: aio.Conn,
        pipe: psycopg.AsyncPipeline | None = None,
        serde: Serde = None,
        *,
        register: Register | None = None,
    ) -> None:
        """Take upstream's arguments, and ``register`` as :class:`PersistMemSaver` does."""
        self._bound = ProcessBound()  # pickling meets it before upstream's serializer, whose error would name no fix
        super().__init__(conn, pipe, serde)
        note_owner(conn, self.loop)
        self._register = register
        if isinstance(conn, AsyncConnectionPool):  # see PersistMemSaver
            self.lock = cast("asyncio.Lock", nullcontext())

    @asynccontextmanager
    async def _cursor(self, *, pipeline: bool = False) -> AsyncGenerator[psycopg.AsyncCursor[DictRow]]:
        """Upstream's, on a session that says what it is told: all of its methods and ours come through here."""
        async with super()._cursor(pipeline=pipeline) as cursor:
            check_session(cursor.connection)
            yield cursor

    @classmethod
    @check_arguments(ConfigurationError)
    @asynccontextmanager
    async def from_conn_string(
        cls, conn_string: str, *, pipeline: bool = False, prepare_threshold: int | None = 0, serde: Serde = None
    ) -> "AsyncGenerator[AsyncPersistMemSaver]":
        """Open a saver with its own connection; see :meth:`PersistMemSaver.from_conn_string`."""
        where = read_conninfo(conn_string)
        with translate_errors():
            new_connection = await with_async_deadline(None, Settings().connect_seconds).connect(
                where.text,
                autocommit=True,
                prepare_threshold=prepare_threshold if where.prepares else None,
                row_factory=dict_row,
                client_encoding="UTF8",
            )
            await new_connection.execute("", prepare=False)  # a pooler may have no session for it
        async with new_connection as connection:
            if pipeline:
                async with connection.pipeline() as pipe:
                    yield cls(connection, pipe, serde)
            else:
                yield cls(connection, serde=serde)

    @check_arguments()
    @adapt_async
    async def setup(self, *, timeout: float = 60.0) -> None:  # noqa: ASYNC109 - bounds the wait for others only
        """Create or update the tables; see :meth:`PersistMemSaver.setup`."""
        deadline = checkpoint_rows.deadline_of(timeout)
        async with self._cursor() as cursor:
            statements = AsyncStatements(cursor.connection)
            checkpoint_rows.check_autocommit(cursor.connection)
            if await checkpoint_setup.is_complete(statements, len(self.MIGRATIONS)):
                return
            try:
                while not await checkpoint_setup.try_lock(statements):
                    checkpoint_rows.check_deadline(deadline)
                    await asyncio.sleep(checkpoint_rows.LOCK_PAUSE)
                await aio.AsyncPostgresSaver(cursor.connection).setup()
                await checkpoint_setup.complete(statements)
            finally:
                if not cursor.connection.closed:
                    await checkpoint_setup.unlock(statements)

    asetup = setup  # the name that both savers share

    @adapt_async
    async def aget_tuple(self, config: Config) -> CheckpointTuple | None:
        """Read a checkpoint; see :meth:`PersistMemSaver.get_tuple`."""
        config = checkpoint_id_checks.read_config(config)
        search = checkpoint_rows.search_one(config)
        if self._register is not None:
            await self._register.aclaim(config, begins=True)
        for row in await checkpoint_rows.read(self._begin, self.SELECT_SQL, search, self._migrate_pending_sends):
            checkpoint = await self._load_checkpoint_tuple(row)
            return checkpoint if search.checkpoint_id is None else checkpoint_rows.with_named_id(checkpoint)
        return None

    async def alist(
        self, config: Config | None, *, filter: Filter = None, before: Config | None = None, limit: int | None = None
    ) -> AsyncIterator[CheckpointTuple]:
        """Yield checkpoints, newest first; see :meth:`PersistMemSaver.list`."""
        for checkpoint in await self._list_all(checkpoint_rows.search(config, filter, before, limit)):
            yield checkpoint

    @adapt_async
    async def _list_all(self, search: checkpoint_rows.Search) -> Sequence[CheckpointTuple]:
        rows = await checkpoint_rows.read(self._begin, self.SELECT_SQL, search, self._migrate_pending_sends)
        return [checkpoint_rows.with_named_id(await self._load_checkpoint_tuple(row)) for row in rows]

    @adapt_async
    async def aput(
        self, config: Config, checkpoint: Checkpoint, metadata: CheckpointMetadata, new_versions: ChannelVersions
    ) -> Config:
        """Store a checkpoint; see :meth:`PersistMemSaver.put`."""
        config = checkpoint_id_checks.read_config(config)
        new = await asyncio.to_thread(
            checkpoint_rows.new_checkpoint, self.serde, config, checkpoint, metadata, new_versions
        )
        claim = await self._register.aclaim(config) if self._register is not None else None
        new["owned"] = claim is not None
        async with self._write(claim) as connection:
            await connection.execute(statement("lock_checkpoints"), new)
            answer = await connection.execute(statement("put_checkpoint"), new)
        hold = claim.hold if claim is not None else None
        count = answer.rowcount or await checkpoints.put_again(self._begin, new, hold)
        return concurrent_writes.config_of_new(new, count)

    @adapt_async
    async def aput_writes(self, config: Config, writes: Writes, task_id: str, task_path: str = "") -> None:
        """Store the writes of a task; see :meth:`PersistMemSaver.put_writes`."""
        task = checkpoint_id_checks.read_task(config, writes, task_id, task_path)
        claim = await self._register.aclaim(task.config) if self._register is not None else None
        if claim is None or not task.writes:
            await super().aput_writes(task.config, task.writes, task.id, task.path)
            return
        ids = checkpoint_id_checks.ids_in(task.config)
        key = (ids["thread_id"], ids["checkpoint_ns"], ids["checkpoint_id"])
        rows = await asyncio.to_thread(self._dump_writes, *key, task.id, task.path, task.writes)
        async with self._write(claim) as connection:
            await connection.execute(
                statement("put_checkpoint_writes"),
                checkpoint_rows.new_writes(task.config, rows, replace=checkpoint_rows.are_replaceable(task.writes)),
            )

    def _dump_writes(self, *arguments: Any) -> Any:  # pyright: ignore[reportIncompatibleMethodOverride] - all of upstream's
        dump = super()._dump_writes
        return checkpoint_rows.serialize(lambda: dump(*arguments), "writes")

    @adapt_async
    async def adelete_thread(self, thread_id: str) -> None:
        """Erase a thread; see :meth:`PersistMemSaver.delete_thread`."""
        await checkpoint_retention_queries.delete_threads(
            self._begin, [checkpoint_id_checks.storable_id(thread_id, "thread_id")]
        )

    @adapt_async
    async def adelete_for_runs(self, run_ids: Sequence[str]) -> None:
        """Erase the checkpoints of runs; see :meth:`PersistMemSaver.delete_for_runs`."""
        await checkpoint_retention_queries.delete_runs(
            self._begin, checkpoint_id_checks.storable_ids(run_ids, "run_ids")
        )

    @adapt_async
    async def acopy_thread(self, source_thread_id: str, target_thread_id: str) -> None:
        """Copy a thread; see :meth:`PersistMemSaver.copy_thread`."""
        source, target = checkpoint_id_checks.check_copy(source_thread_id, target_thread_id)
        if self._register is not None:
            await self._register.acopy(source, target)
        await checkpoint_retention_queries.copy_thread(self._begin, source, target)

    @adapt_async
    async def aprune(self, thread_ids: Sequence[str], *, strategy: str = "keep_latest") -> None:
        """Erase threads or old checkpoints; see :meth:`PersistMemSaver.prune`."""
        await checkpoint_retention_queries.prune(
            self._begin,
            checkpoint_id_checks.storable_ids(thread_ids, "thread_ids"),
            checkpoint_id_checks.storable_id(strategy, "strategy"),
        )

    @check_arguments()
    @adapt_async
    async def aretain(
        self,
        *,
        keep_latest: int | None = None,
        older_than: timedelta | None = None,
        thread_ids: Sequence[str] | None = None,
        dry_run: bool = False,
    ) -> Mapping[str, int]:
        """Erase old checkpoints; see :meth:`PersistMemSaver.retain`."""
        rule = checkpoint_rows.retention_rule(keep_latest, older_than)
        threads = None if thread_ids is None else checkpoint_id_checks.storable_ids(thread_ids, "thread_ids")
        return await checkpoint_retention_queries.retain(self._begin, rule, threads, dry_run=dry_run)

    @adapt_async
    async def aget_delta_channel_history(self, *, config: Config, channels: Sequence[str]) -> Mapping[str, History]:
        """Read the history of delta channels; see :meth:`PersistMemSaver.get_delta_channel_history`."""
        return await checkpoint_rows.delta_histories(self._begin, self.serde, config, channels)

    def get_tuple(self, config: Config) -> CheckpointTuple | None:
        """Call :meth:`aget_tuple` from another thread.

        Raises:
            UseAsyncMethodError: called on the loop's own thread, where this would wait for itself for ever.
        """
        return self._from_thread("aget_tuple", self.aget_tuple(config))

    def list(
        self, config: Config | None, *, filter: Filter = None, before: Config | None = None, limit: int | None = None
    ) -> Iterator[CheckpointTuple]:
        """Call :meth:`alist` from another thread; raises as :meth:`get_tuple` does."""
        yield from self._from_thread("alist", self._list_all(checkpoint_rows.search(config, filter, before, limit)))

    def put(
        self, config: Config, checkpoint: Checkpoint, metadata: CheckpointMetadata, new_versions: ChannelVersions
    ) -> Config:
        """Call :meth:`aput` from another thread; raises as :meth:`get_tuple` does."""
        return self._from_thread("aput", self.aput(config, checkpoint, metadata, new_versions))

    def put_writes(self, config: Config, writes: Writes, task_id: str, task_path: str = "") -> None:
        """Call :meth:`aput_writes` from another thread; raises as :meth:`get_tuple` does."""
        self._from_thread("aput_writes", self.aput_writes(config, writes, task_id, task_path))

    def delete_thread(self, thread_id: str) -> None:
        """Call :meth:`adelete_thread` from another thread; raises as :meth:`get_tuple` does."""
        self._from_thread("adelete_thread", self.adelete_thread(thread_id))

    def delete_for_runs(self, run_ids: Sequence[str]) -> None:
        """Call :meth:`adelete_for_runs` from another thread; raises as :meth:`get_tuple` does."""
        self._from_thread("adelete_for_runs", self.adelete_for_runs(run_ids))

    def copy_thread(self, source_thread_id: str, target_thread_id: str) -> None:
        """Call :meth:`acopy_thread` from another thread; raises as :meth:`get_tuple` does."""
        self._from_thread("acopy_thread", self.acopy_thread(source_thread_id, target_thread_id))

    def prune(self, thread_ids: Sequence[str], *, strategy: str = "keep_latest") -> None:
        """Call :meth:`aprune` from another thread; raises as :meth:`get_tuple` does."""
        self._from_thread("aprune", self.aprune(thread_ids, strategy=strategy))

    def retain(
        self,
        *,
        keep_latest: int | None = None,
        older_than: timedelta | None = None,
        thread_ids: Sequence[str] | None = None,
        dry_run: bool = False,
    ) -> Mapping[str, int]:
        """Call :meth:`aretain` from another thread; raises as :meth:`get_tuple` does."""
        flow = self.aretain(keep_latest=keep_latest, older_than=older_than, thread_ids=thread_ids, dry_run=dry_run)
        return self._from_thread("aretain", flow)

    def get_delta_channel_history(self, *, config: Config, channels: Sequence[str]) -> Mapping[str, History]:
        """Call :meth:`aget_delta_channel_history` from another thread; raises as :meth:`get_tuple` does."""
        flow = self.aget_delta_channel_history(config=config, channels=channels)
        return self._from_thread("aget_delta_channel_history", flow)

    def _from_thread(self, method: str, call: Coroutine[Any, Any, T]) -> T:
        with suppress(RuntimeError):  # no loop runs in this thread: the usual case
            if asyncio.get_running_loop() is self.loop:
                call.close()
                raise UseAsyncMethodError(f"a blocking call would stop its own event loop; use: await ...{method}(...)")
        return asyncio.run_coroutine_threadsafe(call, self.loop).result()

    @asynccontextmanager
    async def _begin(self, *, atomic: bool = True) -> AsyncGenerator[Transaction]:
        async with self._cursor() as cursor:
            if self.pipe:
                await self.pipe.sync()  # what was sent before is not part of this
            async with cursor.connection.transaction() if atomic else nullcontext():
                if atomic:
                    await cursor.execute(READ_COMMITTED)
                yield AsyncStatements(cursor.connection)

    @asynccontextmanager
    async def _write(self, claim: Claim | None) -> "AsyncGenerator[psycopg.AsyncConnection[Any]]":
        """A transaction in one round trip; see :meth:`PersistMemSaver._write`."""
        async with self._cursor() as cursor:
            connection = cursor.connection
            if self.pipe:
                await self.pipe.sync()
            try:
                async with connection.pipeline() if self.supports_pipeline else nullcontext():
                    await connection.execute(checkpoint_rows.BEGIN, prepare=False)
                    for query, parameters in claim.statements if claim is not None else ():
                        await connection.execute(query, parameters)
                    yield connection
                    await connection.execute(checkpoint_rows.COMMIT, prepare=False)
            except BaseException as error:
                if not connection.closed:
                    await connection.rollback()
                    if is_replica_of_several(error, connection):
                        await connection.close()  # the pool's next one may be the new primary's
                raise
