"""The sync checkpointer: upstream's saver and tables, on a pool whose connections work in parallel.

The constructors take the arguments of upstream's, so that one can replace the other at any time. A pool
passed in is neither opened nor closed here; its connections must be in autocommit mode.
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

from langchain_persistmem.checkpointer import checkpoint_id_checks, checkpoint_rows, checkpoint_setup, concurrent_writes
from langchain_persistmem.checkpointer.checkpoint_id_checks import Writes
from langchain_persistmem.checkpointer.checkpoint_rows import Filter, Serde
from langchain_persistmem.checkpointer.retries_and_errors import SyncStatements, adapt_sync
from langchain_persistmem.checkpointer.thread_owners import Claim, Register
from langchain_persistmem.errors import ConfigurationError
from langchain_persistmem.postgres.connections.connection_setup import check_session
from langchain_persistmem.postgres.connections.conninfo import read_conninfo
from langchain_persistmem.postgres.connections.forks import ProcessBound, note_owner
from langchain_persistmem.postgres.connections.pool_opening import translate_errors
from langchain_persistmem.postgres.connections.timeouts import with_deadline
from langchain_persistmem.postgres.failover import is_replica_of_several
from langchain_persistmem.postgres.queries import checkpoint_retention as checkpoint_retention_queries
from langchain_persistmem.postgres.queries import checkpoints
from langchain_persistmem.postgres.statements import statement
from langchain_persistmem.postgres.transaction import READ_COMMITTED, Transaction
from langchain_persistmem.runtime.backend import finished
from langchain_persistmem.settings import Settings
from langchain_persistmem.types.argument_checks import check_arguments


class PersistMemSaver(PostgresSaver):
    """Upstream's ``PostgresSaver``; its async methods run the blocking ones in a thread.

    A cancelled async call does not stop its thread: what it was writing may still be stored.
    """

    sleep = staticmethod(time.sleep)  # between two attempts

    def __init__(
        self,
        conn: SyncConn,
        pipe: psycopg.Pipeline | None = None,
        serde: Serde = None,
        *,
        register: Register | None = None,
    ) -> None:
        """Take upstream's arguments.

        Args:
            register: the register of the threads' owners, as in :attr:`PersistMem.checkpointer`. Without it, erasing a
                person does not find the person's checkpoints here.
        """
        self._bound = ProcessBound()  # pickling meets it before upstream's serializer, whose error would name no fix
        super().__init__(conn, pipe, serde)
        note_owner(conn)
        self._register = register
        if isinstance(conn, ConnectionPool):
            # Upstream holds its lock from before the checkout until the connection is back, so that a pool
            # serves one call at a time. A pool needs no lock; a single connection does.
            self.lock = cast("Lock", nullcontext())

    @contextmanager
    def _cursor(self, *, pipeline: bool = False) -> "Generator[psycopg.Cursor[DictRow]]":
        """Upstream's, on a session that says what it is told: all of its methods and ours come through here."""
        with super()._cursor(pipeline=pipeline) as cursor:
            check_session(cursor.connection)
            yield cursor

    @classmethod
    @check_arguments(ConfigurationError)
    @contextmanager
    def from_conn_string(
        cls, conn_string: str, *, pipeline: bool = False, prepare_threshold: int | None = 0, serde: Serde = None
    ) -> "Generator[PersistMemSaver]":
        """Open a saver with its own connection, which is closed at the end.

        ``prepare_threshold``: number of uses after which a statement is prepared; None, for poolers such as
        PgBouncer before 1.21, means never.
        """
        where = read_conninfo(conn_string)
        with translate_errors():
            new_connection = with_deadline(None, Settings().connect_seconds).connect(
                where.text,
                autocommit=True,
                prepare_threshold=prepare_threshold if where.prepares else None,
                row_factory=dict_row,
                client_encoding="UTF8",
            )
            new_connection.execute("", prepare=False)  # a pooler may have no session for it
        with new_connection as connection:
            if pipeline:
                with connection.pipeline() as pipe:
                    yield cls(connection, pipe, serde)
            else:
                yield cls(connection, serde=serde)

    @check_arguments()
    @adapt_sync
    def setup(self, *, timeout: float = 60.0) -> None:
        """Create upstream's tables, or bring them up to date; any number of processes may do so at once.

        Adds ``checkpoints.persistmem_order`` and its index, rebuilds invalid indexes, and grants the order's sequence to who
        may insert checkpoints. Where nothing is left to do it only reads, so that it may be called on a replica and by a role without rights. Not
        through PgBouncer in transaction mode: the lock is a session's. ``timeout``: seconds to wait for others.

        Raises:
            ConfigurationError: the connections are not in autocommit mode, or the role may not create tables.
            StorageUnavailableError: PostgreSQL cannot be reached, or another set-up outlasted ``timeout``.
        """
        deadline = checkpoint_rows.deadline_of(timeout)
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
        """Return the checkpoint that ``config`` names, or the head: the one stored last, by the server's order."""
        config = checkpoint_id_checks.read_config(config)
        search = checkpoint_rows.search_one(config)
        if self._register is not None:
            self._register.claim(config, begins=True)
        for row in finished(checkpoint_rows.read(self._begin, self.SELECT_SQL, search, self._migrate_pending_sends)):
            checkpoint = self._load_checkpoint_tuple(row)
            return checkpoint if search.checkpoint_id is None else checkpoint_rows.with_named_id(checkpoint)
        return None

    def list(
        self, config: Config | None, *, filter: Filter = None, before: Config | None = None, limit: int | None = None
    ) -> Iterator[CheckpointTuple]:
        """Yield checkpoints, newest first; all are read before the first is yielded, so bound long threads with ``limit``."""
        # Upstream keeps the connection while its caller loops: a get_tuple in the loop then waits for ever.
        yield from self._list_all(config, filter, before, limit)

    @adapt_sync
    def _list_all(self, *arguments: Any) -> "tuple[CheckpointTuple, ...]":
        search = checkpoint_rows.search(*arguments)
        rows = finished(checkpoint_rows.read(self._begin, self.SELECT_SQL, search, self._migrate_pending_sends))
        return tuple(checkpoint_rows.with_named_id(self._load_checkpoint_tuple(row)) for row in rows)

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
        config = checkpoint_id_checks.read_config(config)
        new = checkpoint_rows.new_checkpoint(self.serde, config, checkpoint, metadata, new_versions)
        claim = self._register.claim(config) if self._register is not None else None
        new["owned"] = claim is not None
        with self._write(claim) as connection:
            connection.execute(statement("lock_checkpoints"), new)
            answer = connection.execute(statement("put_checkpoint"), new)
        hold = claim.hold if claim is not None else None
        count = answer.rowcount or finished(checkpoints.put_again(self._begin, new, hold))
        return concurrent_writes.config_of_new(new, count)

    @adapt_sync
    def put_writes(self, config: Config, writes: Writes, task_id: str, task_path: str = "") -> None:
        """Store the writes of a task, for the checkpoint on which it ran; raises :class:`ErasedError` as :meth:`put` does."""
        task = checkpoint_id_checks.read_task(config, writes, task_id, task_path)
        claim = self._register.claim(task.config) if self._register is not None else None
        if claim is None or not task.writes:
            super().put_writes(task.config, task.writes, task.id, task.path)
            return
        ids = checkpoint_id_checks.ids_in(task.config)
        key = (ids["thread_id"], ids["checkpoint_ns"], ids["checkpoint_id"])
        rows = self._dump_writes(*key, task.id, task.path, task.writes)
        with self._write(claim) as connection:
            connection.execute(
                statement("put_checkpoint_writes"),
                checkpoint_rows.new_writes(task.config, rows, replace=checkpoint_rows.are_replaceable(task.writes)),
            )

    def _dump_writes(self, *arguments: Any) -> Any:  # pyright: ignore[reportIncompatibleMethodOverride] - all of upstream's
        dump = super()._dump_writes
        return checkpoint_rows.serialize(lambda: dump(*arguments), "writes")

    @adapt_sync
    def delete_thread(self, thread_id: str) -> None:
        """Erase a thread; a run that is under way on it ends with ``ConcurrentUpdateError`` at its next checkpoint."""
        finished(
            checkpoint_retention_queries.delete_threads(
                self._begin, [checkpoint_id_checks.storable_id(thread_id, "thread_id")]
            )
        )

    @adapt_sync
    def delete_for_runs(self, run_ids: Sequence[str]) -> None:
        """Erase the checkpoints of runs, apart from those that remaining ones need to rebuild a ``DeltaChannel``.

        Searches the whole table for ``run_id`` in the metadata.
        """
        finished(
            checkpoint_retention_queries.delete_runs(self._begin, checkpoint_id_checks.storable_ids(run_ids, "run_ids"))
        )

    @adapt_sync
    def copy_thread(self, source_thread_id: str, target_thread_id: str) -> None:
        """Copy a thread: all checkpoints, blobs and writes of all namespaces, in one transaction.

        Raises:
            InvalidInputError: there is no such thread, or the target exists.
        """
        source, target = checkpoint_id_checks.check_copy(source_thread_id, target_thread_id)
        if self._register is not None:
            self._register.copy(source, target)
        finished(checkpoint_retention_queries.copy_thread(self._begin, source, target))

    @adapt_sync
    def prune(self, thread_ids: Sequence[str], *, strategy: str = "keep_latest") -> None:
        """Erase threads (``"delete"``), or all but the head of each namespace (``"keep_latest"``).

        Unlike upstream's it takes threads with a ``DeltaChannel``: the checkpoints that rebuild one stay too.

        Raises:
            ValueError: another strategy.
        """
        finished(
            checkpoint_retention_queries.prune(
                self._begin,
                checkpoint_id_checks.storable_ids(thread_ids, "thread_ids"),
                checkpoint_id_checks.storable_id(strategy, "strategy"),
            )
        )

    @check_arguments()
    @adapt_sync
    def retain(
        self,
        *,
        keep_latest: int | None = None,
        older_than: timedelta | None = None,
        thread_ids: Sequence[str] | None = None,
        dry_run: bool = False,
    ) -> Mapping[str, int]:
        """Erase old checkpoints, of these threads or of all; return the number of rows by table.

        ``keep_latest`` keeps that many of each namespace of a thread; ``older_than`` erases older ones, by
        the checkpoint's own time. With both, a checkpoint goes only if both allow it. A thread's head stays;
        but with ``older_than`` alone, a thread whose checkpoints are all older goes altogether. Checkpoints that
        rebuild a ``DeltaChannel`` stay. At most 500 checkpoints go in one transaction; ``dry_run`` only counts.

        Raises:
            InvalidInputError: neither was given, or one is out of range.
        """
        rule = checkpoint_rows.retention_rule(keep_latest, older_than)
        threads = None if thread_ids is None else checkpoint_id_checks.storable_ids(thread_ids, "thread_ids")
        return finished(checkpoint_retention_queries.retain(self._begin, rule, threads, dry_run=dry_run))

    @adapt_sync
    def get_delta_channel_history(self, *, config: Config, channels: Sequence[str]) -> Mapping[str, History]:
        """Read the writes and snapshots that rebuild each channel's value, following the parents in one statement."""
        return finished(checkpoint_rows.delta_histories(self._begin, self.serde, config, channels))

    async def asetup(self, *, timeout: float = 60.0) -> None:  # noqa: ASYNC109 - as setup
        """Create or update the tables, in a thread; see :meth:`setup`."""
        await asyncio.to_thread(self.setup, timeout=timeout)

    async def aget_tuple(self, config: Config) -> CheckpointTuple | None:
        """Read a checkpoint in a thread; see :meth:`get_tuple`."""
        return await asyncio.to_thread(self.get_tuple, config)

    async def alist(
        self, config: Config | None, *, filter: Filter = None, before: Config | None = None, limit: int | None = None
    ) -> AsyncIterator[CheckpointTuple]:
        """Yield checkpoints, read in a thread; see :meth:`list`."""
        for checkpoint in await asyncio.to_thread(self._list_all, config, filter, before, limit):
            yield checkpoint

    async def aput(
        self, config: Config, checkpoint: Checkpoint, metadata: CheckpointMetadata, new_versions: ChannelVersions
    ) -> Config:
        """Store a checkpoint in a thread; see :meth:`put`."""
        return await asyncio.to_thread(self.put, config, checkpoint, metadata, new_versions)

    async def aput_writes(self, config: Config, writes: Writes, task_id: str, task_path: str = "") -> None:
        """Store the writes of a task in a thread; see :meth:`put_writes`."""
        await asyncio.to_thread(self.put_writes, config, writes, task_id, task_path)

    async def adelete_thread(self, thread_id: str) -> None:
        """Erase a thread, in a thread; see :meth:`delete_thread`."""
        await asyncio.to_thread(self.delete_thread, thread_id)

    async def adelete_for_runs(self, run_ids: Sequence[str]) -> None:
        """Erase the checkpoints of runs, in a thread; see :meth:`delete_for_runs`."""
        await asyncio.to_thread(self.delete_for_runs, run_ids)

    async def acopy_thread(self, source_thread_id: str, target_thread_id: str) -> None:
        """Copy a thread, in a thread; see :meth:`copy_thread`."""
        await asyncio.to_thread(self.copy_thread, source_thread_id, target_thread_id)

    async def aprune(self, thread_ids: Sequence[str], *, strategy: str = "keep_latest") -> None:
        """Erase threads or old checkpoints, in a thread; see :meth:`prune`."""
        await asyncio.to_thread(self.prune, thread_ids, strategy=strategy)

    async def aretain(
        self,
        *,
        keep_latest: int | None = None,
        older_than: timedelta | None = None,
        thread_ids: Sequence[str] | None = None,
        dry_run: bool = False,
    ) -> Mapping[str, int]:
        """Erase old checkpoints in a thread; see :meth:`retain`."""
        return await asyncio.to_thread(
            self.retain, keep_latest=keep_latest, older_than=older_than, thread_ids=thread_ids, dry_run=dry_run
        )

    async def aget_delta_channel_history(self, *, config: Config, channels: Sequence[str]) -> Mapping[str, History]:
        """Read the history of delta channels in a thread; see :meth:`get_delta_channel_history`."""
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

    @contextmanager
    def _write(self, claim: Claim | None) -> "Generator[psycopg.Connection[Any]]":
        """A transaction in one round trip: it begins by holding the owner's namespace, and nothing is stored if that was erased."""
        with self._cursor(pipeline=False) as cursor:
            connection = cursor.connection
            if self.pipe:
                self.pipe.sync()  # what was sent before is not part of this
            try:
                with connection.pipeline() if self.supports_pipeline else nullcontext():
                    connection.execute(checkpoint_rows.BEGIN, prepare=False)
                    for query, parameters in claim.statements if claim is not None else ():
                        connection.execute(query, parameters)
                    yield connection
                    connection.execute(checkpoint_rows.COMMIT, prepare=False)
            except BaseException as error:
                if not connection.closed:
                    connection.rollback()
                    if is_replica_of_several(error, connection):
                        connection.close()  # the pool's next one may be the new primary's
                raise
