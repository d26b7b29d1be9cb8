"""A transaction for sync and async, written once.

The methods are ``async def``. Those of :class:`SyncTransaction` answer every await at once, so that a
coroutine over them runs to its end in one step: see :func:`finished`.

What a transaction sets for itself (:attr:`Opening.settings`) travels with its first statement, in one round trip: the two
are one pipeline. A statement on its own is then the second of two in PostgreSQL's implicit transaction, which a pipeline
is up to its end; no BEGIN and no COMMIT is sent. So nothing is ever set for a session, and it works through PgBouncer.
"""

import json
import struct
from abc import ABC, abstractmethod
from collections.abc import AsyncGenerator, Callable, Coroutine, Mapping, Sequence
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
from typing import Any, TypeVar, cast
from uuid import UUID

import psycopg
import psycopg_pool
from pgvector.psycopg.halfvec import register_halfvec_info
from psycopg import sql
from psycopg.abc import Buffer
from psycopg.adapt import Loader
from psycopg.pq import Format
from psycopg.rows import DictRow, dict_row
from psycopg.types import TypeInfo

from langchain_persistmem.errors import ConfigurationError
from langchain_persistmem.postgres import telemetry
from langchain_persistmem.postgres.error_mapping import statement_failure, transaction_failure
from langchain_persistmem.postgres.owners import check_owner
from langchain_persistmem.postgres.statements import NamedSQL, Query, Schemas, statement

T = TypeVar("T")
Connection = psycopg.Connection[DictRow] | psycopg.AsyncConnection[DictRow]
Parameters = Mapping[str, object]
SyncPool = psycopg_pool.ConnectionPool[psycopg.Connection[DictRow]]
AsyncPool = psycopg_pool.AsyncConnectionPool[psycopg.AsyncConnection[DictRow]]

_ONE_SNAPSHOT = sql.SQL("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
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
    def isolation(self) -> sql.SQL | None:
        """The statement that comes before all others."""
        return _ONE_SNAPSHOT if self.snapshot else READ_COMMITTED if self.read_committed else None


_PLAIN = Opening()


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

    def __init__(self, connection: Connection, opening: Opening = _PLAIN) -> None:
        self.signature: Signature | None = None
        """Its mark, once it has left one."""
        self._connection: Any = connection  # psycopg's two classes share names, not types
        self.schema = opening.schema
        """The schema of the tables, as the statements are sent."""
        self._opening = opening
        self._settings: Mapping[str, str] = opening.settings

    @property
    def connection_pid(self) -> int:
        """The server's process as the connection was told of it; a pooler in between tells of one of its own."""
        return self._connection.info.backend_pid

    async def fetch(self, query: Query, parameters: Parameters) -> Sequence[DictRow]:
        """Run ``query`` and return its rows, each a dict by column name."""
        with telemetry.statement(query) as seen:
            rows = await self._rows(await self._run(query, parameters))
            seen.count(len(rows))
        return rows

    async def execute(self, query: Query, parameters: Parameters) -> int:
        """Run ``query`` and return the number of rows that it changed."""
        with telemetry.statement(query) as seen:
            changed = (await self._run(query, parameters)).rowcount
            seen.count(max(changed, 0))
        return changed

    @asynccontextmanager
    async def begin(self) -> AsyncGenerator[None]:
        """BEGIN and COMMIT around the block."""
        async with self._block(self._connection.transaction()):
            if self._opening.isolation is not None:
                await self._execute(self._opening.isolation, None)
            yield

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
        (row,) = await self._rows(await self._execute(statement("connection_facts"), None))
        _check_settings(row, self._connection.pgconn.parameter_status(b"client_encoding"))
        self._connection.adapters.register_loader("float4", _ShortestFloat)
        if row["vector_oid"] is not None:  # before setup() the type does not exist yet
            register_halfvec_info(
                self._connection,
                _VectorType(
                    row["vector_schema"], row["vector_oid"], row["vector_array_oid"], has_citus=row["has_citus"]
                ),
            )

    async def _run(
        self, query: Query, parameters: Parameters
    ) -> psycopg.Cursor[DictRow] | psycopg.AsyncCursor[DictRow]:
        bound = parameters or None  # a utility statement takes none
        try:
            if not self._settings:
                return await self._execute(query, bound)
            async with self._together():
                settings = {"settings": json.dumps(dict(self._settings))}
                await self._execute(statement("set_locally"), settings)
                cursor = await self._execute(query, bound)
            if self._opening.begins:
                self._settings = {}
            return cursor  # noqa: TRY300 - the handler is for all of it
        except psycopg.Error as error:
            if not self.translates:
                raise
            failure = statement_failure(error)
        raise failure  # outside the handler: the original, which quotes rows, is not its context

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
        if self._connection.row_factory is dict_row:
            return self._connection.execute(query, parameters, binary=binary)
        # A user's pool, with rows of its own.
        return self._connection.cursor(row_factory=dict_row, binary=binary).execute(query, parameters)

    def _together(self) -> AbstractAsyncContextManager[object]:
        """A block whose statements are one pipeline, or one transaction where libpq is older than 14."""
        if psycopg.Pipeline.is_supported():
            return self._block(self._connection.pipeline())
        return nullcontext() if self._opening.begins else self._block(self._connection.transaction())

    @abstractmethod
    async def _execute(self, query: Query, parameters: Parameters | None) -> Any:
        """The cursor of what :meth:`_send` has begun."""

    @abstractmethod
    async def _rows(self, cursor: Any) -> Sequence[DictRow]: ...

    @abstractmethod
    def _block(self, manager: Any) -> AbstractAsyncContextManager[object]:
        """A block of psycopg's."""


class SyncTransaction(Transaction):
    """A :class:`Transaction` on a blocking connection: it never waits in the sense of asyncio."""

    async def _execute(self, query: Query, parameters: Parameters | None) -> Any:
        return self._send(query, parameters)

    async def _rows(self, cursor: Any) -> Sequence[DictRow]:
        return cursor.fetchall()

    def _block(self, manager: Any) -> AbstractAsyncContextManager[object]:
        return _Blocking(manager)


class AsyncTransaction(Transaction):
    """A :class:`Transaction` on an asyncio connection."""

    async def _execute(self, query: Query, parameters: Parameters | None) -> Any:
        return await self._send(query, parameters)

    async def _rows(self, cursor: Any) -> Sequence[DictRow]:
        return await cursor.fetchall()

    def _block(self, manager: Any) -> AbstractAsyncContextManager[object]:
        return manager


def set_local(settings: Mapping[str, str]) -> list[sql.Composed]:
    """Statements that set what lasts as long as a transaction; as literals, which Citus passes on to the other nodes."""
    return [
        sql.SQL("SET LOCAL {} = {}").format(sql.Identifier(*name.split(".")), sql.Literal(value))
        for name, value in settings.items()
    ]


async def set_locally(tx: Transaction, settings: Mapping[str, str]) -> None:
    """Set what is not in the transaction's :class:`Opening`, until it ends."""
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
    begun = committing = False
    try:
        async with checked_out as connection:
            _check_autocommit(connection)
            tx = kind(connection, opening)
            if not tx.has_vectors:
                await tx.look_up_vectors()
            async with tx.begin() if opening.begins else nullcontext():
                begun = True
                yield tx
                committing = True
    except psycopg.Error as error:
        if not (committing and (opening.snapshot or not opening.begins)):
            # Until all statements ran, an error cannot be that of a COMMIT, and the signature is not asked after.
            signature = tx.signature if tx is not None and committing else None
            failure = transaction_failure(error, begun=begun, signature=signature)
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
    return next((each for each in shorter if struct.pack("!f", each) == data), number)


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


def _check_settings(found: Mapping[str, Any], client_encoding: bytes | None) -> None:
    wrong = [name for name, is_right in _NEEDED_SETTINGS.items() if not is_right(found[name])]
    if wrong:
        raise ConfigurationError(
            f"{wrong[0]} is {found[wrong[0]]!r} for this role or database, and texts or numbers would be written or read "
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
