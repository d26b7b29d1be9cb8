"""A transaction for sync and async, written once.

The methods are ``async def``. Those of :class:`SyncTransaction` answer every await at once, so that a
coroutine over them runs to its end in one step: see :func:`finished`.

A statement is sent when its answer is awaited, together with all that were given before it, in one round trip: BEGIN and what
the transaction sets for itself (:attr:`Opening.settings`) travel with its first statement, and statements whose answers nobody
awaits with the next one, or with COMMIT. Several statements are one pipeline, which begins with BEGIN and ends with COMMIT where
they are a transaction of their own: on Citus the first statement of a pipeline is otherwise in none. So nothing is ever set
for a session, and it works through PgBouncer.
"""

import json
import logging
import struct
from abc import ABC, abstractmethod
from collections.abc import AsyncGenerator, Callable, Coroutine, Generator, Mapping, Sequence
from contextlib import (
    AbstractAsyncContextManager,
    AbstractContextManager,
    AsyncExitStack,
    asynccontextmanager,
    nullcontext,
    suppress,
)
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any, Generic, TypeVar, cast
from uuid import UUID

import psycopg
import psycopg_pool
from pgvector.psycopg.halfvec import register_halfvec_info
from psycopg import sql
from psycopg.abc import Buffer
from psycopg.adapt import Loader
from psycopg.pq import Format, PipelineStatus
from psycopg.rows import DictRow, dict_row
from psycopg.types import TypeInfo

from langchain_persistmem.errors import ConfigurationError, ReplicaError, StorageError
from langchain_persistmem.postgres import telemetry
from langchain_persistmem.postgres.error_mapping import statement_failure, transaction_failure
from langchain_persistmem.postgres.forks import check_owner
from langchain_persistmem.postgres.statements import NamedSQL, Query, Schemas, statement
from langchain_persistmem.postgres.timeouts import name_statements_apart

T = TypeVar("T")
U = TypeVar("U")
Connection = psycopg.Connection[DictRow] | psycopg.AsyncConnection[DictRow]
Parameters = Mapping[str, object]
SyncPool = psycopg_pool.ConnectionPool[psycopg.Connection[DictRow]]
AsyncPool = psycopg_pool.AsyncConnectionPool[psycopg.AsyncConnection[DictRow]]

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


class Answer(Generic[T]):
    """The answer to a statement: there once it, or one that was given later, was awaited, or the transaction has ended.

    Whoever awaits one behind its transaction asks :attr:`is_lost` before.
    """

    def __init__(self, value: "T | _Statement", read: Callable[[Any], T] | None = None) -> None:
        """Make one of a value that is known, or of the statement that will give it, and of a function that reads it."""
        self._value = value
        self._read = read

    def __await__(self) -> Generator[Any, Any, T]:
        value = self._value
        if not isinstance(value, _Statement):
            return cast("T", value)
        if not value.is_done:
            yield from value.flush().__await__()
        read = value.result if self._read is None else self._read(value.result)
        self._value = read
        return read

    @property
    def is_lost(self) -> bool:
        """True if the connection went while its transaction was committed, which it was: what came with that is not known."""
        return isinstance(self._value, _Statement) and not self._value.is_done

    def then(self, read: Callable[[T], U]) -> "Answer[U]":
        """The answer as ``read`` makes it, once it is awaited."""
        value, before = self._value, self._read
        if not isinstance(value, _Statement):
            return Answer(read(cast("T", value)))
        return Answer(value, read if before is None else lambda result: read(before(result)))


@dataclass(slots=True)
class _Statement:
    """A statement that was given to a transaction."""

    query: Query
    parameters: Parameters | None
    flush: Callable[[], Coroutine[Any, Any, None]]
    """Sends it, and all that wait beside it."""
    wants_rows: bool
    result: Any = None
    is_done: bool = False


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
        self._waiting: list[_Statement] = []
        self._begun = False

    @property
    def connection_pid(self) -> int:
        """The server's process as the connection was told of it; a pooler in between tells of one of its own."""
        return self._connection.info.backend_pid

    def fetch(self, query: Query, parameters: Parameters) -> Answer[Sequence[DictRow]]:
        """Run ``query``, at the latest when the transaction ends; the answer is its rows, each a dict by column name."""
        return Answer(self._add(query, parameters, wants_rows=True))

    def execute(self, query: Query, parameters: Parameters) -> Answer[int]:
        """Run ``query``, at the latest when the transaction ends; the answer is the number of rows that it changed."""
        return Answer(self._add(query, parameters, wants_rows=False))

    def _add(self, query: Query, parameters: Parameters, *, wants_rows: bool) -> _Statement:
        # A utility statement takes no parameters.
        added = _Statement(query, parameters or None, self._flush, wants_rows)
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
        return isinstance(self._connection.adapters.types.get("halfvec"), _VectorType)

    @property
    def has_citus(self) -> bool:
        """Tell if the database has Citus, so that tables may be distributed over several nodes."""
        vectors = self._connection.adapters.types.get("halfvec")
        return isinstance(vectors, _VectorType) and vectors.has_citus

    async def look_up_vectors(self) -> None:
        """Look up pgvector's types for the connection, in whatever schema they are, and check its settings.

        Raises:
            ConfigurationError: a setting of the role or the database changes what is written or read.
        """
        name_statements_apart(self._connection)
        (row,) = await self._rows(await self._execute(statement("connection_facts"), None))
        status = self._connection.pgconn.parameter_status
        _check_settings(row, status(b"client_encoding"), status(b"server_encoding"))
        self._connection.adapters.register_loader("float4", _ShortestFloat)
        if row["vector_oid"] is not None:  # before setup() the type does not exist yet
            register_halfvec_info(
                self._connection,
                _VectorType(
                    row["vector_schema"], row["vector_oid"], row["vector_array_oid"], has_citus=row["has_citus"]
                ),
            )

    async def leave_replica(self, error: ReplicaError) -> None:
        """Close the connection where it names several servers: another one may be the primary by now, and is tried next."""
        if "," in self._connection.info.get_parameters().get("host", ""):
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
        before: list[_Statement] = []
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
        self, before: Sequence[_Statement], batch: Sequence[_Statement], after: Sequence[_Statement]
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
                    entry.result = await self._rows(cursor) if entry.wants_rows else cursor.rowcount
                    entry.is_done = True
                    if id(entry) in counted:
                        counted[id(entry)].count(len(entry.result) if entry.wants_rows else max(entry.result, 0))
            if failure is not None:
                raise failure  # outside the handler: the original, which quotes rows, is not its context

    async def _execute_all(self, statements: Sequence[_Statement], cursors: list[Any]) -> None:
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

    async def _execute_in_turn(self, statements: Sequence[_Statement], cursors: list[Any]) -> None:
        for entry in statements:
            cursors.append(await self._execute(entry.query, entry.parameters))  # noqa: PERF401 - known also if a later one fails

    async def _undo(self) -> None:
        """ROLLBACK, where anything was sent; an error of it is not worth more than the one that it comes after."""
        self._waiting = []
        if self._begun and not self._connection.closed:
            self._begun = False
            try:
                await self._call(self._connection.rollback)
            except psycopg.Error as error:
                logger.warning("a transaction could not be rolled back: %s", type(error).__name__)

    def _settings(self) -> "list[_Statement]":
        """What the transaction sets for itself. Citus passes SET LOCAL on to the other nodes, and no function."""
        if self.has_citus:
            return [self._around(query) for query in set_local(self._opening.settings)]
        settings = {"settings": json.dumps(dict(self._opening.settings))}
        return [self._around(statement("set_locally"), settings)]

    def _around(self, query: Query, parameters: Parameters | None = None) -> _Statement:
        """A statement around those of a caller, who does not wait for it."""
        return _Statement(query, parameters, self._flush, wants_rows=False)

    def _send(self, query: Query, parameters: Parameters | None) -> Any:
        """Execute on the connection: the result is a cursor, or the coroutine that returns one.

        Values come in PostgreSQL's binary format, which no DateStyle, IntervalStyle or extra_float_digits changes; not
        those of a script, whose several commands PostgreSQL takes as text only.
        """
        binary = isinstance(query, NamedSQL) or not isinstance(query, sql.SQL)
        if isinstance(query, NamedSQL):
            vectors = self._connection.adapters.types.get("halfvec")
            vectors = vectors if isinstance(vectors, _VectorType) else None
            query = query.within(Schemas(self.schema, vectors and vectors.schema, self.has_citus))
        # BEGIN and COMMIT are no statements of ours, and worth no preparing.
        prepare = False if any(query is entry for entry in _AROUND) else None
        if isinstance(query, NamedSQL) and parameters and query.is_long:
            numbered, names = query.numbered()
            cursor = self._raw_cursor(self._connection, row_factory=dict_row)
            return cursor.execute(numbered, [parameters[name] for name in names], prepare=prepare, binary=True)
        if self._connection.row_factory is dict_row:
            return self._connection.execute(query, parameters, prepare=prepare, binary=binary)
        # A user's pool, with rows of its own.
        return self._connection.cursor(row_factory=dict_row, binary=binary).execute(query, parameters, prepare=prepare)

    @abstractmethod
    async def _execute(self, query: Query, parameters: Parameters | None) -> Any:
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

    async def _execute(self, query: Query, parameters: Parameters | None) -> Any:
        return self._send(query, parameters)

    async def _rows(self, cursor: Any) -> Sequence[DictRow]:
        return cursor.fetchall()

    async def _call(self, method: Callable[[], Any]) -> None:
        method()

    def _block(self, manager: Any) -> AbstractAsyncContextManager[object]:
        return _Blocking(manager)


class AsyncTransaction(Transaction):
    """A :class:`Transaction` on an asyncio connection."""

    _raw_cursor = psycopg.AsyncRawCursor

    async def _execute(self, query: Query, parameters: Parameters | None) -> Any:
        return await self._send(query, parameters)

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


def sync_transaction(pool: SyncPool, opening: Opening) -> AbstractAsyncContextManager[Transaction]:
    """A connection of ``pool`` in a transaction, or for single statements."""
    check_owner(pool)
    return _transaction(SyncTransaction, _Blocking(pool.connection()), opening)


def async_transaction(pool: AsyncPool, opening: Opening) -> AbstractAsyncContextManager[Transaction]:
    """:func:`sync_transaction` for an asyncio pool."""
    check_owner(pool)
    return _transaction(AsyncTransaction, _check_out(pool), opening)


@asynccontextmanager
async def _transaction(
    kind: type[Transaction], checked_out: AbstractAsyncContextManager[Connection], opening: Opening
) -> AsyncGenerator[Transaction]:
    failure: BaseException | None = None
    tx: Transaction | None = None
    # An error of BEGIN or COMMIT is ours to translate here, and says less the further the transaction had come: once all
    # that a snapshot or a single statement reads is here, nothing can be lost any more.
    is_begun = committing = False
    try:
        async with checked_out as connection:
            _check_autocommit(connection)
            tx = kind(connection, opening)
            if not tx.has_vectors:
                await tx.look_up_vectors()
            try:
                async with tx.begin() if opening.begins else nullcontext():
                    is_begun = True
                    yield tx
                    committing = True
                    if not opening.begins:
                        await tx.finish()
            except ReplicaError as error:
                await tx.leave_replica(error)
                raise
    except psycopg.Error as error:
        if not (committing and (opening.snapshot or not opening.begins)):
            # Until all statements ran, an error cannot be that of a COMMIT, and the signature is not asked after.
            signature = tx.signature if tx is not None and committing else None
            failure = transaction_failure(error, is_begun=is_begun, signature=signature)
    if failure is not None:
        raise failure


@asynccontextmanager
async def _check_out(pool: AsyncPool) -> AsyncGenerator[psycopg.AsyncConnection[DictRow]]:
    """A connection of ``pool``, until the block ends."""
    half = pool.timeout / 2
    async with AsyncExitStack() as stack:
        connection: psycopg.AsyncConnection[DictRow] | None = None
        with suppress(psycopg_pool.PoolTimeout):  # once may be the loop's own fault, which was too busy to look
            connection = await stack.enter_async_context(pool.connection(half))
        yield connection or await stack.enter_async_context(pool.connection(half))


class _ShortestFloat(Loader):
    """A binary float4 as PostgreSQL writes it: 0.8, and not the nearest double of what single precision has of it."""

    format = Format.BINARY

    def load(self, data: Buffer) -> float:
        """The number."""
        return _shortest_float(bytes(data))


_LARGEST_ROUNDED = 1e37  # rounded, a larger one may be beyond single precision


@lru_cache(1024)
def _shortest_float(data: bytes) -> float:
    (number,) = struct.unpack("!f", data)
    if not abs(number) < _LARGEST_ROUNDED:  # NaN too
        return number
    shorter = (float(f"{number:.{digits}g}") for digits in (6, 7, 8))
    return next((entry for entry in shorter if struct.pack("!f", entry) == data), number)


class _VectorType(TypeInfo):
    """pgvector's halfvec, with the schema in which it is, and what else was looked up with it."""

    def __init__(self, schema: str, oid: int, array_oid: int, *, has_citus: bool) -> None:
        super().__init__("halfvec", oid, array_oid)
        self.schema = schema
        self.has_citus = has_citus


_NEEDED_SETTINGS: Mapping[str, Callable[[str], bool]] = {
    "standard_conforming_strings": lambda value: value == "on",
    "array_nulls": lambda value: value == "on",
    "extra_float_digits": lambda value: int(value) >= 0,
}
"""Settings of a session that change what our statements mean, or the digits of a number within JSON."""


_WHOLE_ENCODINGS = (b"UTF8", b"SQL_ASCII", None)
"""Encodings of a database that hold every text: with SQL_ASCII it takes bytes as they come. Not every pooler tells it."""


def check_session(connection: Connection) -> None:
    """Refuse a session whose settings would change what is written, as far as the server tells of them unasked.

    That is enough for checkpoints, which have neither arrays with NULL nor numbers in a text format. Costs no round trip.

    Raises:
        ConfigurationError: they would.
    """
    name_statements_apart(connection)
    status = connection.pgconn.parameter_status
    strings = status(b"standard_conforming_strings") or b"on"
    facts = {"standard_conforming_strings": strings.decode()}
    _check_settings(facts, status(b"client_encoding"), status(b"server_encoding"))


def _check_settings(facts: Mapping[str, Any], client_encoding: bytes | None, server_encoding: bytes | None) -> None:
    if server_encoding not in _WHOLE_ENCODINGS:
        raise ConfigurationError(
            f"server_encoding is {server_encoding.decode()}: this database cannot hold every text; use one that was made with "
            "CREATE DATABASE ... ENCODING 'UTF8' TEMPLATE template0"
        )
    wrong = [name for name, is_right in _NEEDED_SETTINGS.items() if name in facts and not is_right(facts[name])]
    if wrong:
        raise ConfigurationError(
            f"{wrong[0]} is {facts[wrong[0]]!r} for this role or database, and texts or numbers would be written or read "
            f"wrongly; ALTER ROLE ... RESET {wrong[0]} (or ALTER DATABASE, or what conninfo says of it)"
        )
    if client_encoding != b"UTF8":
        raise ConfigurationError(
            f"client_encoding is {(client_encoding or b'?').decode()} on the connection that was passed in, which cannot say "
            "every text; open it, or its pool, with client_encoding='UTF8'"
        )


def _check_autocommit(connection: Connection) -> None:
    """Refuse connections that open transactions by themselves: nobody would end them."""
    if not connection.autocommit:
        raise ConfigurationError("the connections need autocommit; open them, or the pool, with autocommit=True")


class _Blocking(AbstractAsyncContextManager[T]):
    """A blocking context manager with the methods of an awaited one, which answer at once."""

    def __init__(self, manager: AbstractContextManager[T]) -> None:
        self._manager = manager

    async def __aenter__(self) -> T:
        return self._manager.__enter__()

    async def __aexit__(self, *error: Any) -> bool | None:
        return self._manager.__exit__(*error)


def finished(coroutine: Coroutine[Any, Any, T]) -> T:
    """The result of a flow whose every await answers at once, so that one step brings it to its end."""
    try:
        coroutine.send(None)
    except StopIteration as done:
        return cast("T", done.value)
    coroutine.close()
    raise RuntimeError(f"{coroutine.__qualname__} waited for something that is not its backend")


class _UndoneError(Exception):
    """Ends the transaction of a dry run: leaving its block with an exception is what rolls it back."""


@asynccontextmanager
async def undo_if(
    dry_run: bool,
    transaction: AbstractAsyncContextManager[Transaction],
) -> AsyncGenerator[Transaction]:
    """Run the block in ``transaction``; with ``dry_run`` roll back at its end, and go on after it all the same.

    The counts of a dry run are so those of the real run, and cannot drift from it. Where a run takes many transactions, or asks
    a model, a dry run counts with statements of its own instead, and says so.
    """
    try:
        async with transaction as tx:
            yield tx
            if dry_run:
                raise _UndoneError
    except _UndoneError:
        pass
