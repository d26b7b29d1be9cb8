"""A transaction for sync and async, written once.

The methods are ``async def``. Those of :class:`SyncTransaction` answer every await at once, so that a
coroutine over them runs to its end in one step: see :func:`finished`.

A statement is sent when its answer is awaited, together with all that were given before it, in one round trip: BEGIN and what
the transaction sets for itself (:attr:`Opening.settings`) travel with its first statement, and statements whose answers nobody
awaits with the next one, or with COMMIT. Several statements are one pipeline, which begins with BEGIN and ends with COMMIT where
they are a transaction of their own: on Citus the first statement of a pipeline would otherwise be in no transaction. So nothing is ever set
for a session, and it works through PgBouncer.
"""

import json
import logging
from abc import ABC, abstractmethod
from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from contextlib import (
    AbstractAsyncContextManager,
    asynccontextmanager,
)
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

import psycopg
from pgvector.psycopg.halfvec import register_halfvec_info
from psycopg import sql
from psycopg.pq import PipelineStatus
from psycopg.rows import DictRow, RowFactory, dict_row, namedtuple_row

from langchain_persistmem.errors import ReplicaError, StorageError
from langchain_persistmem.postgres import telemetry
from langchain_persistmem.postgres.answer import Answer, Parameters, Statement
from langchain_persistmem.postgres.blocking import Blocking
from langchain_persistmem.postgres.connections.connection_setup import (
    Connection,
    ShortestFloat,
    VectorType,
    check_settings,
)
from langchain_persistmem.postgres.connections.timeouts import name_statements_apart
from langchain_persistmem.postgres.error_mapping import statement_failure, transaction_failure
from langchain_persistmem.postgres.failover import names_several_servers
from langchain_persistmem.postgres.statements import NamedSQL, Query, Schemas, statement

logger = logging.getLogger(__name__)

_BEGIN = sql.SQL("BEGIN")
_COMMIT = sql.SQL("COMMIT")
_BEGIN_SNAPSHOT = sql.SQL("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY")
_BEGIN_READ_COMMITTED = sql.SQL("BEGIN ISOLATION LEVEL READ COMMITTED")
READ_COMMITTED = sql.SQL("SET TRANSACTION ISOLATION LEVEL READ COMMITTED")


@dataclass(frozen=True, kw_only=True, slots=True)
class Opening:
    """The mode in which a transaction begins."""

    atomic: bool = True
    """All or nothing; else each statement on its own, in one round trip."""
    snapshot: bool = False
    """It only reads, and all its statements see one moment."""
    read_committed: bool = False
    """Each statement sees what others have committed by then, whatever the server's default is."""
    settings: Mapping[str, str] = field(default_factory=dict[str, str])
    """PostgreSQL's settings by name, for as long as the transaction lasts."""
    schema: str = "persistmem"
    """``Settings.schema``, in which the tables are."""

    @property
    def begins(self) -> bool:
        """Tell if there is a BEGIN."""
        return self.atomic or self.snapshot or self.read_committed

    @property
    def begin(self) -> sql.SQL:
        """The statement that comes before all others."""
        return _BEGIN_SNAPSHOT if self.snapshot else _BEGIN_READ_COMMITTED if self.read_committed else _BEGIN


_AROUND = (_BEGIN, _BEGIN_SNAPSHOT, _BEGIN_READ_COMMITTED, _COMMIT)
_PLAIN = Opening(atomic=False)


@dataclass(frozen=True, slots=True)
class Signature:
    """The mark of a write in its namespace, by which the server is asked for it if the answer to its COMMIT is lost."""

    namespace: str
    write: UUID
    before: UUID | None
    """The write before it."""


class Transaction(ABC):
    """A connection that runs named statements and returns rows, blocking or awaited.

    The bodies are written once. A subclass makes the calls that differ: to execute, to read the rows, and to open psycopg's
    blocks.
    """

    translates = True
    """PostgreSQL's errors become ours where a statement fails."""
    _raw_cursor: type[Any]
    """A cursor of psycopg's that takes numbered placeholders."""

    def __init__(self, connection: Connection, opening: Opening = _PLAIN) -> None:
        self.signature: Signature | None = None
        """Its mark, once it has left one."""
        self._connection: Any = connection  # psycopg's two classes share names, not types
        self.schema = opening.schema
        """The schema of the tables, as the statements are sent."""
        self._opening = opening
        self._waiting: list[Statement] = []
        self._begun = False

    @property
    def connection_pid(self) -> int:
        """The server's process as the connection was told of it; a pooler in between tells of one of its own."""
        return self._connection.info.backend_pid

    def fetch(self, query: Query, parameters: Parameters) -> Answer[Sequence[DictRow]]:
        """Run ``query``, at the latest when the transaction ends; the answer is its rows, each a dict by column name."""
        return Answer(self._add(query, parameters, dict_row))

    def fetch_tuples(self, query: Query, parameters: Parameters) -> Answer[Sequence[Any]]:
        """:meth:`fetch` with rows as named tuples, which take half the time where a hundred rows have thirty columns."""
        return Answer(self._add(query, parameters, namedtuple_row))

    def execute(self, query: Query, parameters: Parameters) -> Answer[int]:
        """Run ``query``, at the latest when the transaction ends; the answer is the number of rows that it changed."""
        return Answer(self._add(query, parameters))

    def _add(self, query: Query, parameters: Parameters, rows: RowFactory[Any] | None = None) -> Statement:
        # A utility statement takes no parameters.
        added = Statement(query, parameters or None, self._flush, rows)
        self._waiting.append(added)
        return added

    @asynccontextmanager
    async def begin(self) -> AsyncGenerator[None]:
        """BEGIN and COMMIT around the block; neither is a round trip of its own, nor sent where no statement was."""
        try:
            yield
            if self._waiting or self._begun:
                await self._commit()
        except BaseException:
            await self._undo()
            raise

    async def finish(self) -> None:
        """Send what nobody has waited for, where there is no COMMIT."""
        if self._waiting:
            await self._flush()

    @property
    def has_vectors(self) -> bool:
        """Tell if the connection knows pgvector's types, which are looked up once for each connection."""
        return isinstance(self._connection.adapters.types.get("halfvec"), VectorType)

    @property
    def has_citus(self) -> bool:
        """Tell if the database has Citus, so that tables may be distributed over several nodes."""
        vectors = self._connection.adapters.types.get("halfvec")
        return isinstance(vectors, VectorType) and vectors.has_citus

    async def look_up_vectors(self) -> None:
        """Look up pgvector's types for the connection, in whatever schema they are, and check its settings.

        Raises:
            ConfigurationError: a setting of the role or the database changes what is written or read.
        """
        name_statements_apart(self._connection)
        (row,) = await self._rows(await self._execute(statement("connection_facts"), None))
        status = self._connection.pgconn.parameter_status
        check_settings(row, status(b"client_encoding"), status(b"server_encoding"))
        self._connection.adapters.register_loader("float4", ShortestFloat)
        if row["vector_oid"] is not None:  # before setup() the type does not exist yet
            register_halfvec_info(
                self._connection,
                VectorType(
                    row["vector_schema"], row["vector_oid"], row["vector_array_oid"], has_citus=row["has_citus"]
                ),
            )

    async def leave_replica(self, error: ReplicaError) -> None:
        """Close the connection where it names several servers: another one may be the primary by now, and is tried next."""
        if names_several_servers(self._connection.info.get_parameters()):
            await self._call(self._connection.close)
        else:
            error.nothing_was_done = False  # this server alone is meant, and would say the same again

    async def _commit(self) -> None:
        # Once all that a snapshot reads is here, nothing can be lost any more.
        all_is_read = self._opening.snapshot and not self._waiting
        try:
            await self._flush(commit=True)
        except StorageError:
            if not all_is_read:
                raise
            await self._undo()

    async def _flush(self, *, commit: bool = False) -> None:
        """One round trip: what waits, with what comes before and after it."""
        batch, self._waiting = self._waiting, []
        if not batch and not commit:
            raise RuntimeError("the transaction has ended without an answer to this statement")
        alone = not self._opening.begins
        before: list[Statement] = []
        if not self._begun and (not alone or self._opening.settings or len(batch) > 1):
            before.append(self._around(self._opening.begin))
            if self._opening.settings:
                before += self._settings()
            self._begun = True
        after = [self._around(_COMMIT)] if commit or (alone and before) else []
        try:
            await self._exchange(before, batch, after)
        except BaseException:
            if alone:
                await self._undo()
            raise
        self._begun = self._begun and not after

    async def _exchange(
        self, before: Sequence[Statement], batch: Sequence[Statement], after: Sequence[Statement]
    ) -> None:
        failure: BaseException | None = None
        with telemetry.statements([entry.query for entry in batch]) as seen:
            counted = dict(zip(map(id, batch), seen, strict=True))
            statements, cursors = [*before, *batch, *after], list[Any]()
            try:
                await self._execute_all(statements, cursors)
            except psycopg.Error as error:
                if not self.translates:
                    raise
                # What comes with a COMMIT may have been done, like the COMMIT itself.
                committing = bool(after) and self._opening.begins
                failure = (
                    transaction_failure(error, is_begun=True, signature=self.signature)
                    if committing
                    else statement_failure(error)
                )
            finally:
                # Of a failed round trip too: what has an answer is not what failed.
                for entry, cursor in zip(statements, cursors, strict=False):
                    if cursor.pgresult is None:
                        break
                    entry.result = await self._rows(cursor) if entry.rows else cursor.rowcount
                    entry.is_done = True
                    if id(entry) in counted:
                        counted[id(entry)].count(len(entry.result) if entry.rows else max(entry.result, 0))
            if failure is not None:
                raise failure  # outside the handler: the original, which quotes rows, is not its context

    async def _execute_all(self, statements: Sequence[Statement], cursors: list[Any]) -> None:
        # A script is several commands, which a pipeline does not take.
        in_turn = any(_is_script(entry.query) for entry in statements)
        # Where the connection is in a pipeline of its user, one statement has to be waited for as well.
        is_single = len(statements) == 1 and self._connection.info.pipeline_status == PipelineStatus.OFF
        if is_single or in_turn or not psycopg.Pipeline.is_supported():
            await self._execute_in_turn(statements, cursors)
            return
        failure: psycopg.Error | None = None
        try:
            async with self._block(self._connection.pipeline()):
                try:
                    await self._execute_in_turn(statements, cursors)
                except psycopg.Error as error:  # the first; those behind it only say that it came
                    failure = error
        except psycopg.Error as error:
            failure = failure or error
        if failure is not None:
            raise failure

    async def _execute_in_turn(self, statements: Sequence[Statement], cursors: list[Any]) -> None:
        for entry in statements:
            cursors.append(await self._execute(entry.query, entry.parameters, entry.rows or dict_row))  # noqa: PERF401 - known also if a later one fails

    async def _undo(self) -> None:
        """ROLLBACK, where anything was sent; an error of it is not worth more than the one that it comes after."""
        self._waiting = []
        if self._begun and not self._connection.closed:
            self._begun = False
            try:
                await self._call(self._connection.rollback)
            except psycopg.Error as error:
                logger.warning("a transaction could not be rolled back: %s", type(error).__name__)

    def _settings(self) -> list[Statement]:
        """The statements by which a transaction sets its own settings. Citus passes SET LOCAL on to the other nodes, and no function."""
        if self.has_citus:
            return [self._around(query) for query in set_local(self._opening.settings)]
        settings = {"settings": json.dumps(dict(self._opening.settings))}
        return [self._around(statement("set_locally"), settings)]

    def _around(self, query: Query, parameters: Parameters | None = None) -> Statement:
        """A statement around those of a caller, who does not wait for it."""
        return Statement(query, parameters, self._flush)

    def _send(self, query: Query, parameters: Parameters | None, rows: RowFactory[Any]) -> Any:
        """Execute on the connection: the result is a cursor, or the coroutine that returns one.

        Values come in PostgreSQL's binary format, which no DateStyle, IntervalStyle or extra_float_digits changes; not
        those of a script, whose several commands PostgreSQL takes as text only.
        """
        binary = isinstance(query, NamedSQL) or not isinstance(query, sql.SQL)
        if isinstance(query, NamedSQL):
            vectors = self._connection.adapters.types.get("halfvec")
            vectors = vectors if isinstance(vectors, VectorType) else None
            query = query.within(Schemas(self.schema, vectors and vectors.schema, self.has_citus))
        # BEGIN and COMMIT are no statements of ours, and worth no preparing.
        prepare = False if any(query is entry for entry in _AROUND) else None
        if isinstance(query, NamedSQL) and parameters and query.is_long:
            numbered, names = query.numbered()
            cursor = self._raw_cursor(self._connection, row_factory=rows)
            return cursor.execute(numbered, [parameters[name] for name in names], prepare=prepare, binary=True)
        if self._connection.row_factory is rows:
            return self._connection.execute(query, parameters, prepare=prepare, binary=binary)
        # Other rows than the connection's, which may be of a user's pool.
        return self._connection.cursor(row_factory=rows, binary=binary).execute(query, parameters, prepare=prepare)

    @abstractmethod
    async def _execute(self, query: Query, parameters: Parameters | None, rows: RowFactory[Any] = dict_row) -> Any:
        """The cursor of what :meth:`_send` has begun."""

    @abstractmethod
    async def _rows(self, cursor: Any) -> Sequence[DictRow]: ...

    @abstractmethod
    async def _call(self, method: Callable[[], Any]) -> None:
        """Call a method of the connection."""

    @abstractmethod
    def _block(self, manager: Any) -> AbstractAsyncContextManager[object]:
        """A block of psycopg's."""


class SyncTransaction(Transaction):
    """A :class:`Transaction` on a blocking connection: it never waits in the sense of asyncio."""

    _raw_cursor = psycopg.RawCursor

    async def _execute(self, query: Query, parameters: Parameters | None, rows: RowFactory[Any] = dict_row) -> Any:
        return self._send(query, parameters, rows)

    async def _rows(self, cursor: Any) -> Sequence[DictRow]:
        return cursor.fetchall()

    async def _call(self, method: Callable[[], Any]) -> None:
        method()

    def _block(self, manager: Any) -> AbstractAsyncContextManager[object]:
        return Blocking(manager)


class AsyncTransaction(Transaction):
    """A :class:`Transaction` on an asyncio connection."""

    _raw_cursor = psycopg.AsyncRawCursor

    async def _execute(self, query: Query, parameters: Parameters | None, rows: RowFactory[Any] = dict_row) -> Any:
        return await self._send(query, parameters, rows)

    async def _rows(self, cursor: Any) -> Sequence[DictRow]:
        return await cursor.fetchall()

    async def _call(self, method: Callable[[], Any]) -> None:
        await method()

    def _block(self, manager: Any) -> AbstractAsyncContextManager[object]:
        return manager


def set_local(settings: Mapping[str, str]) -> list[sql.Composed]:
    """Statements that set what lasts as long as a transaction; as literals, which Citus passes on to the other nodes."""
    return [
        sql.SQL("SET LOCAL {} = {}").format(sql.Identifier(*name.split(".")), sql.Literal(value))
        for name, value in settings.items()
    ]


def _is_script(query: Query) -> bool:
    is_named = isinstance(query, NamedSQL) or not isinstance(query, sql.SQL)
    return not is_named and not any(query is entry for entry in _AROUND)


async def set_locally(tx: Transaction, settings: Mapping[str, str]) -> None:
    """Set what is not in the transaction's :class:`Opening`, until it ends."""
    if tx.has_citus:
        for query in set_local(settings):
            await tx.execute(query, {})
    else:
        await tx.fetch(statement("set_locally"), {"settings": json.dumps(dict(settings))})
