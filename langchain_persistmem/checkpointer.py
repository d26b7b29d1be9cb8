"""LangGraph checkpoints in the same database: upstream's savers and tables, on a pool that works in parallel.

Both take what upstream's constructors take, so one can replace the other at any time. A pool that
is passed in is neither opened nor closed here; its connections must be in autocommit mode.
"""

import asyncio
import time
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import nullcontext, suppress
from threading import Lock
from typing import Any, cast

import psycopg
from langchain_core.runnables import RunnableConfig as Config
from langgraph.checkpoint.base import ChannelVersions, Checkpoint, CheckpointMetadata, CheckpointTuple
from langgraph.checkpoint.base import DeltaChannelHistory as History
from langgraph.checkpoint.postgres import Conn as SyncConn
from langgraph.checkpoint.postgres import PostgresSaver, aio
from langgraph.checkpoint.serde.base import SerializerProtocol
from psycopg.rows import DictRow
from psycopg_pool import AsyncConnectionPool, ConnectionPool

from langchain_persistmem.errors import ConfigurationError, PersistMemError, StorageUnavailable, UseAsyncMethod
from langchain_persistmem.postgres.transaction import translated

Filter = dict[str, Any] | None
Serde = SerializerProtocol | None
Writes = Sequence[tuple[str, Any]]

# Upstream's migrations use CREATE INDEX CONCURRENTLY, which waits for every older snapshot: also for that of
# a session blocked in pg_advisory_lock, which in turn waits for us. So the lock is only ever tried, and held by
# the session, since CONCURRENTLY runs in no transaction.
_TRY_LOCK = "SELECT pg_try_advisory_lock(%s) AS locked"
_UNLOCK = "SELECT pg_advisory_unlock(%s)"
_LOCK_KEY = (int.from_bytes(b"pm-saver", "big"),)
_LOCK_PAUSE = 0.05  # seconds


class PersistMemSaver(PostgresSaver):
    """Upstream's ``PostgresSaver``; its async methods run the blocking ones in a thread.

    A cancelled async call does not stop its thread: what it was writing may still be stored.
    """

    def __init__(self, conn: SyncConn, pipe: psycopg.Pipeline | None = None, serde: Serde = None) -> None:
        super().__init__(conn, pipe, serde)
        if isinstance(conn, ConnectionPool):
            # Upstream holds its lock from before the checkout until the connection is back, so that a pool
            # serves one call at a time. A pool needs no lock; a single connection does.
            self.lock = cast("Lock", nullcontext())

    def setup(self, *, timeout: float = 60.0) -> None:
        """Create upstream's tables, or bring them up to date; any number of processes may do so at once.

        Not through PgBouncer in transaction mode: the lock is a session's. ``timeout``: seconds to wait for others.

        Raises:
            ConfigurationError: the connections are not in autocommit mode, or the role may not create tables.
            StorageUnavailable: PostgreSQL cannot be reached, or another set-up outlasted ``timeout``.
        """
        failure: PersistMemError | None = None
        deadline = time.monotonic() + timeout
        try:
            with self._cursor() as cursor:
                _check_autocommit(cursor.connection)
                try:
                    while not _locked(cursor.execute(_TRY_LOCK, _LOCK_KEY).fetchone()):
                        _check_deadline(deadline)
                        time.sleep(_LOCK_PAUSE)
                    PostgresSaver(cursor.connection).setup()
                finally:  # also when interrupted in mid-try, when the lock may be ours already
                    if not cursor.connection.closed:  # a lost session has lost its lock as well
                        cursor.execute(_UNLOCK, _LOCK_KEY)
        except psycopg.Error as error:
            failure = translated(error)
        if failure is not None:  # outside the handler: the original, which may quote rows, is not its context
            raise failure

    def list(
        self, config: Config | None, *, filter: Filter = None, before: Config | None = None, limit: int | None = None
    ) -> Iterator[CheckpointTuple]:
        """Checkpoints, newest first; all are read before the first is yielded, so bound long threads with ``limit``."""
        # Upstream keeps the connection while its caller loops: a get_tuple in the loop then waits for ever.
        yield from [*super().list(config, filter=filter, before=before, limit=limit)]

    async def asetup(self, *, timeout: float = 60.0) -> None:  # noqa: ASYNC109 - as setup
        """:meth:`setup`, in a thread."""
        await asyncio.to_thread(self.setup, timeout=timeout)

    async def aget_tuple(self, config: Config) -> CheckpointTuple | None:
        """:meth:`get_tuple`, in a thread."""
        return await asyncio.to_thread(self.get_tuple, config)

    async def alist(
        self, config: Config | None, *, filter: Filter = None, before: Config | None = None, limit: int | None = None
    ) -> AsyncIterator[CheckpointTuple]:
        """:meth:`list`, in a thread."""
        found = await asyncio.to_thread(lambda: [*self.list(config, filter=filter, before=before, limit=limit)])
        for checkpoint in found:
            yield checkpoint

    async def aput(
        self, config: Config, checkpoint: Checkpoint, metadata: CheckpointMetadata, new_versions: ChannelVersions
    ) -> Config:
        """:meth:`put`, in a thread."""
        return await asyncio.to_thread(self.put, config, checkpoint, metadata, new_versions)

    async def aput_writes(self, config: Config, writes: Writes, task_id: str, task_path: str = "") -> None:
        """:meth:`put_writes`, in a thread."""
        await asyncio.to_thread(self.put_writes, config, writes, task_id, task_path)

    async def adelete_thread(self, thread_id: str) -> None:
        """:meth:`delete_thread`, in a thread."""
        await asyncio.to_thread(self.delete_thread, thread_id)

    async def aprune(self, thread_ids: Sequence[str], *, strategy: str = "keep_latest") -> None:
        """:meth:`prune`, in a thread."""
        await asyncio.to_thread(self.prune, thread_ids, strategy=strategy)

    async def aget_delta_channel_history(self, *, config: Config, channels: Sequence[str]) -> Mapping[str, History]:
        """:meth:`get_delta_channel_history`, in a thread."""
        return await asyncio.to_thread(self.get_delta_channel_history, config=config, channels=channels)


class AsyncPersistMemSaver(aio.AsyncPostgresSaver):
    """Upstream's ``AsyncPostgresSaver``; it belongs to the event loop on which it was made.

    Its blocking methods serve other threads only. On the loop's own thread they raise
    ``asyncio.InvalidStateError``, which :class:`~langchain_persistmem.errors.UseAsyncMethod` is too.
    """

    def __init__(self, conn: aio.Conn, pipe: psycopg.AsyncPipeline | None = None, serde: Serde = None) -> None:
        super().__init__(conn, pipe, serde)
        if isinstance(conn, AsyncConnectionPool):  # see PersistMemSaver
            self.lock = cast("asyncio.Lock", nullcontext())

    async def setup(self, *, timeout: float = 60.0) -> None:  # noqa: ASYNC109 - bounds the wait for others only
        """:meth:`PersistMemSaver.setup`, awaiting; it raises the same."""
        failure: PersistMemError | None = None
        deadline = time.monotonic() + timeout
        try:
            async with self._cursor() as cursor:
                _check_autocommit(cursor.connection)
                try:
                    while not _locked(await (await cursor.execute(_TRY_LOCK, _LOCK_KEY)).fetchone()):
                        _check_deadline(deadline)
                        await asyncio.sleep(_LOCK_PAUSE)
                    await aio.AsyncPostgresSaver(cursor.connection).setup()
                finally:
                    if not cursor.connection.closed:
                        await cursor.execute(_UNLOCK, _LOCK_KEY)
        except psycopg.Error as error:
            failure = translated(error)
        if failure is not None:
            raise failure

    asetup = setup  # the name that both savers share

    async def alist(
        self, config: Config | None, *, filter: Filter = None, before: Config | None = None, limit: int | None = None
    ) -> AsyncIterator[CheckpointTuple]:
        """:meth:`PersistMemSaver.list`, awaiting."""
        for found in [each async for each in super().alist(config, filter=filter, before=before, limit=limit)]:
            yield found

    def put(
        self, config: Config, checkpoint: Checkpoint, metadata: CheckpointMetadata, new_versions: ChannelVersions
    ) -> Config:
        """:meth:`aput`, from another thread.

        Raises:
            UseAsyncMethod: called on the loop's own thread, where upstream would wait for itself for ever.
        """
        self._check_thread("aput")
        return super().put(config, checkpoint, metadata, new_versions)

    def put_writes(self, config: Config, writes: Writes, task_id: str, task_path: str = "") -> None:
        """:meth:`aput_writes`, from another thread; raises as :meth:`put` does."""
        self._check_thread("aput_writes")
        super().put_writes(config, writes, task_id, task_path)

    def _check_thread(self, method: str) -> None:
        with suppress(RuntimeError):  # no loop runs in this thread: the usual case
            if asyncio.get_running_loop() is self.loop:
                raise UseAsyncMethod(f"a blocking call would stop its own event loop; use: await ...{method}(...)")


def _locked(row: DictRow | None) -> bool:
    return row is not None and bool(row["locked"])


def _check_autocommit(connection: psycopg.BaseConnection[Any]) -> None:
    if not connection.autocommit:
        raise ConfigurationError("the pool's connections need autocommit; make it with kwargs={'autocommit': True}")


def _check_deadline(deadline: float) -> None:
    if time.monotonic() >= deadline:
        raise StorageUnavailable("another process still sets up the checkpoints; try again, or pass a longer timeout=")
