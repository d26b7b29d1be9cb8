"""LangGraph checkpoints in the same database: upstream's savers and tables, on a pool that works in parallel.

Both take what upstream's constructors take, so one can replace the other at any time. A pool that
is passed in is neither opened nor closed here; its connections must be in autocommit mode.
"""

import asyncio
import time
from collections.abc import AsyncGenerator, AsyncIterator, Generator, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, contextmanager, nullcontext
from datetime import timedelta
from threading import Lock
from typing import Any, cast

import psycopg
from langchain_core.runnables import RunnableConfig as Config
from langgraph.checkpoint.base import ChannelVersions, Checkpoint, CheckpointMetadata, CheckpointTuple
from langgraph.checkpoint.base import DeltaChannelHistory as History
from langgraph.checkpoint.postgres import Conn as SyncConn
from langgraph.checkpoint.postgres import PostgresSaver
from psycopg.rows import DictRow, dict_row
from psycopg_pool import ConnectionPool

from langchain_persistmem.checkpointer import checkpoint_ids, checkpoint_rows
from langchain_persistmem.checkpointer.checkpoint_ids import Writes
from langchain_persistmem.checkpointer.checkpoint_rows import Filter, Serde
from langchain_persistmem.checkpointer.thread_owners import Claim, Register, check
from langchain_persistmem.postgres import checkpoint_setup
from langchain_persistmem.postgres.checkpoint_adapter import SyncStatements, adapt_sync
from langchain_persistmem.postgres.queries import checkpoint_retention as checkpoint_retention_queries
from langchain_persistmem.postgres.queries import checkpoints
from langchain_persistmem.postgres.statements import statement
from langchain_persistmem.postgres.transaction import READ_COMMITTED, Transaction
from langchain_persistmem.runtime.backend import finished


class PersistMemSaver(PostgresSaver):
    """Upstream's ``PostgresSaver``; its async methods run the blocking ones in a thread.

    A cancelled async call does not stop its thread: what it was writing may still be stored.
    """

    sleep = staticmethod(time.sleep)  # between two tries

    def __init__(
        self,
        conn: SyncConn,
        pipe: psycopg.Pipeline | None = None,
        serde: Serde = None,
        *,
        register: Register | None = None,
    ) -> None:
        """As upstream's.

        Args:
            register: of whose threads these are: :attr:`PersistMem.checkpointer` has one. Without it no erase of a
                person finds their checkpoints here.
        """
        super().__init__(conn, pipe, serde)
        self._register = register
        if isinstance(conn, ConnectionPool):
            # Upstream holds its lock from before the checkout until the connection is back, so that a pool
            # serves one call at a time. A pool needs no lock; a single connection does.
            self.lock = cast("Lock", nullcontext())

    @classmethod
    @contextmanager
    def from_conn_string(
        cls, conn_string: str, *, pipeline: bool = False, prepare_threshold: int | None = 0, serde: Serde = None
    ) -> "Generator[PersistMemSaver]":
        """A saver on a connection of its own, which is closed at the end.

        ``prepare_threshold``: after how many uses a statement is prepared; None, for poolers such as
        PgBouncer before 1.21, means never.
        """
        with psycopg.Connection[DictRow].connect(
            conn_string, autocommit=True, prepare_threshold=prepare_threshold, row_factory=dict_row
        ) as connection:
            if pipeline:
                with connection.pipeline() as pipe:
                    yield cls(connection, pipe, serde)
            else:
                yield cls(connection, serde=serde)

    @adapt_sync
    def setup(self, *, timeout: float = 60.0) -> None:
        """Create upstream's tables, or bring them up to date; any number of processes may do so at once.

        Adds ``checkpoints.persistmem_order`` and its index, and rebuilds invalid indexes. Where nothing is
        left to do it only reads, so that it may be called on a replica and by a role without rights. Not
        through PgBouncer in transaction mode: the lock is a session's. ``timeout``: seconds to wait for others.

        Raises:
            ConfigurationError: the connections are not in autocommit mode, or the role may not create tables.
            StorageUnavailableError: PostgreSQL cannot be reached, or another set-up outlasted ``timeout``.
        """
        deadline = time.monotonic() + timeout
        with self._cursor() as cursor:
            statements = SyncStatements(cursor.connection)
            checkpoint_rows.check_autocommit(cursor.connection)
            if finished(checkpoint_setup.is_complete(statements, len(self.MIGRATIONS))):
                return
            try:
                while not finished(checkpoint_setup.try_lock(statements)):
                    checkpoint_rows.check_deadline(deadline)
                    time.sleep(checkpoint_rows.LOCK_PAUSE)
                PostgresSaver(cursor.connection).setup()
                finished(checkpoint_setup.complete(statements))
            finally:  # also when interrupted in mid-try, when the lock may be ours already
                if not cursor.connection.closed:  # a lost session has lost its lock as well
                    finished(checkpoint_setup.unlock(statements))

    @adapt_sync
    def get_tuple(self, config: Config) -> CheckpointTuple | None:
        """The checkpoint that ``config`` names, or the head: the one stored last, by the server's order."""
        if self._register is not None:
            self._register.claim(config, begins=True)
        search = checkpoint_rows.search_one(config)
        for row in finished(checkpoint_rows.read(self._begin, self.SELECT_SQL, search, self._migrate_pending_sends)):
            return checkpoint_rows.named(self._load_checkpoint_tuple(row), search.checkpoint_id is not None)
        return None

    def list(
        self, config: Config | None, *, filter: Filter = None, before: Config | None = None, limit: int | None = None
    ) -> Iterator[CheckpointTuple]:
        """Checkpoints, newest first; all are read before the first is yielded, so bound long threads with ``limit``."""
        # Upstream keeps the connection while its caller loops: a get_tuple in the loop then waits for ever.
        yield from self._listed(config, filter, before, limit)

    @adapt_sync
    def _listed(self, *given: Any) -> "tuple[CheckpointTuple, ...]":
        found = finished(
            checkpoint_rows.read(
                self._begin, self.SELECT_SQL, checkpoint_rows.search(*given), self._migrate_pending_sends
            )
        )
        return tuple(checkpoint_rows.named(self._load_checkpoint_tuple(row)) for row in found)

    @adapt_sync
    def put(
        self, config: Config, checkpoint: Checkpoint, metadata: CheckpointMetadata, new_versions: ChannelVersions
    ) -> Config:
        """Store a checkpoint.

        Raises:
            ConcurrentUpdateError: it continues what was the head of its thread when the run read it, and somebody
                else has stored another one since, or deleted the thread. Nothing was stored.
            ErasedError: the person whose thread it is was erased since the run began. Nothing was stored.
        """
        new = checkpoint_rows.new_checkpoint(self.serde, config, checkpoint, metadata, new_versions)
        claim = self._register.claim(config) if self._register is not None else None
        with self._cursor(pipeline=True) as cursor:  # one trip, and so one transaction
            held = _hold(cursor.connection, claim)
            cursor.execute(statement("lock_checkpoints"), new)
            answer = cursor.connection.cursor().execute(statement("put_checkpoint"), new)
        _check(held)
        hold = claim.hold if claim is not None else None
        count = answer.rowcount or finished(checkpoints.put_again(self._begin, new, hold))
        return checkpoint_rows.stored(new, count)

    @adapt_sync
    def put_writes(self, config: Config, writes: Writes, task_id: str, task_path: str = "") -> None:
        """Store what a task wrote, for the checkpoint on which it ran; raises :class:`ErasedError` as :meth:`put` does."""
        checkpoint_ids.check_task(config, writes, task_id, task_path)
        claim = self._register.claim(config) if self._register is not None else None
        if claim is None or not writes:
            super().put_writes(config, writes, task_id, task_path)
            return
        given = config.get("configurable", {})
        place = (given["thread_id"], given["checkpoint_ns"], given["checkpoint_id"])
        dumped = self._dump_writes(*place, task_id, task_path, writes)
        with self._cursor(pipeline=True) as cursor:
            held = _hold(cursor.connection, claim)
            cursor.execute(
                statement("put_checkpoint_writes"),
                checkpoint_rows.new_writes(config, dumped, replace=checkpoint_rows.replaces(writes)),
            )
        _check(held)

    @adapt_sync
    def delete_thread(self, thread_id: str) -> None:
        """Erase a thread; a run that is under way on it ends with ``ConcurrentUpdateError`` at its next checkpoint."""
        finished(
            checkpoint_retention_queries.delete_threads(
                self._begin, [checkpoint_ids.storable_id(thread_id, "thread_id")]
            )
        )

    @adapt_sync
    def delete_for_runs(self, run_ids: Sequence[str]) -> None:
        """Erase the checkpoints of runs, apart from those from which a ``DeltaChannel`` of what stays is rebuilt.

        Looks for them by ``run_id`` in the metadata, in the whole table.
        """
        finished(checkpoint_retention_queries.delete_runs(self._begin, checkpoint_ids.ids(run_ids, "run_ids")))

    @adapt_sync
    def copy_thread(self, source_thread_id: str, target_thread_id: str) -> None:
        """Copy a thread: all checkpoints, blobs and writes of all namespaces, in one transaction.

        Raises:
            InvalidInputError: there is no such thread, or the target exists.
        """
        source, target = checkpoint_ids.copied(source_thread_id, target_thread_id)
        if self._register is not None:
            self._register.copy(source, target)
        finished(checkpoint_retention_queries.copy_thread(self._begin, source, target))

    @adapt_sync
    def prune(self, thread_ids: Sequence[str], *, strategy: str = "keep_latest") -> None:
        """Erase threads (``"delete"``), or all but the head of each namespace (``"keep_latest"``).

        Unlike upstream's it takes threads with a ``DeltaChannel``: what one is rebuilt from stays too.

        Raises:
            ValueError: another strategy.
        """
        finished(
            checkpoint_retention_queries.prune(self._begin, checkpoint_ids.ids(thread_ids, "thread_ids"), strategy)
        )

    @adapt_sync
    def retain(
        self,
        *,
        keep_latest: int | None = None,
        older_than: timedelta | None = None,
        thread_ids: Sequence[str] | None = None,
        dry_run: bool = False,
    ) -> Mapping[str, int]:
        """Erase old checkpoints, of these threads or of all; returns the number of rows by table.

        ``keep_latest`` keeps that many of each namespace of a thread; ``older_than`` erases what is older by
        the checkpoint's own time. With both, a checkpoint goes only if both say so. A thread's head stays;
        but with ``older_than`` alone a thread of which all is older goes altogether. What a ``DeltaChannel``
        is rebuilt from stays. At most 500 checkpoints go in one transaction; ``dry_run`` only counts.

        Raises:
            InvalidInputError: neither was given, or one is out of range.
        """
        rule = checkpoint_rows.rule(keep_latest, older_than)
        chosen = None if thread_ids is None else checkpoint_ids.ids(thread_ids, "thread_ids")
        return finished(checkpoint_retention_queries.retain(self._begin, rule, chosen, dry_run=dry_run))

    @adapt_sync
    def get_delta_channel_history(self, *, config: Config, channels: Sequence[str]) -> Mapping[str, History]:
        """Per channel what its value at a checkpoint is rebuilt from, following the parents in one statement."""
        return finished(checkpoint_rows.delta_histories(self._begin, self.serde, config, channels))

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
        for checkpoint in await asyncio.to_thread(self._listed, config, filter, before, limit):
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

    async def adelete_for_runs(self, run_ids: Sequence[str]) -> None:
        """:meth:`delete_for_runs`, in a thread."""
        await asyncio.to_thread(self.delete_for_runs, run_ids)

    async def acopy_thread(self, source_thread_id: str, target_thread_id: str) -> None:
        """:meth:`copy_thread`, in a thread."""
        await asyncio.to_thread(self.copy_thread, source_thread_id, target_thread_id)

    async def aprune(self, thread_ids: Sequence[str], *, strategy: str = "keep_latest") -> None:
        """:meth:`prune`, in a thread."""
        await asyncio.to_thread(self.prune, thread_ids, strategy=strategy)

    async def aretain(
        self,
        *,
        keep_latest: int | None = None,
        older_than: timedelta | None = None,
        thread_ids: Sequence[str] | None = None,
        dry_run: bool = False,
    ) -> Mapping[str, int]:
        """:meth:`retain`, in a thread."""
        return await asyncio.to_thread(
            self.retain, keep_latest=keep_latest, older_than=older_than, thread_ids=thread_ids, dry_run=dry_run
        )

    async def aget_delta_channel_history(self, *, config: Config, channels: Sequence[str]) -> Mapping[str, History]:
        """:meth:`get_delta_channel_history`, in a thread."""
        return await asyncio.to_thread(self.get_delta_channel_history, config=config, channels=channels)

    @asynccontextmanager
    async def _begin(self, *, atomic: bool = True) -> AsyncGenerator[Transaction]:
        with self._cursor(pipeline=False) as cursor:
            if self.pipe:
                self.pipe.sync()  # what was sent before is not part of this
            with cursor.connection.transaction() if atomic else nullcontext():
                if atomic:
                    cursor.execute(READ_COMMITTED)
                yield SyncStatements(cursor.connection)


def _hold(connection: psycopg.Connection[Any], claim: Claim | None) -> "psycopg.Cursor[DictRow] | None":
    """Before all else, as an erase does: whoever takes two locks takes them in one order."""
    if claim is None:
        return None
    if claim.settings:
        connection.cursor().execute(statement("set_locally"), claim.said)
    return connection.cursor(row_factory=dict_row).execute(statement("hold_life"), claim.parameters)


def _check(held: "psycopg.Cursor[DictRow] | None") -> None:
    if held is not None:
        check((held.fetchone() or {}).get("life"))
