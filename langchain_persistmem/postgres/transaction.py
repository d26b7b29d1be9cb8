"""A transaction, in two colours with one face; and the port at which PostgreSQL's errors become ours.

The methods are ``async def`` in both. Those of :class:`SyncTransaction` never wait, so that a
coroutine over them runs to its end in one step (see ``backend.py``).
"""

from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from typing import Any, Protocol

import psycopg
import psycopg_pool
from pgvector.psycopg import register_vector, register_vector_async
from psycopg import errors, sql
from psycopg.rows import DictRow, dict_row

from langchain_persistmem.errors import (
    ConcurrentUpdate,
    ConfigurationError,
    PersistMemError,
    SchemaOutOfDate,
    StorageError,
    StorageUnavailable,
)
from langchain_persistmem.postgres.statements import Query

Parameters = Mapping[str, object]
SyncPool = psycopg_pool.ConnectionPool[psycopg.Connection[DictRow]]
AsyncPool = psycopg_pool.AsyncConnectionPool[psycopg.AsyncConnection[DictRow]]

_ONE_SNAPSHOT = sql.SQL("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")


class Transaction(Protocol):
    """What a statement function needs: rows for parameters."""

    async def fetch(self, query: Query, parameters: Parameters) -> Sequence[DictRow]:
        """Run ``query`` and return its rows, each a dict by column name."""
        ...

    async def execute(self, query: Query, parameters: Parameters) -> int:
        """Run ``query`` and return the number of rows that it changed."""
        ...


class SyncTransaction:
    """A :class:`Transaction` on a blocking connection."""

    def __init__(self, connection: psycopg.Connection[DictRow]) -> None:
        self._connection = connection

    async def fetch(self, query: Query, parameters: Parameters) -> Sequence[DictRow]:
        return self._run(query, parameters).fetchall()

    async def execute(self, query: Query, parameters: Parameters) -> int:
        return self._run(query, parameters).rowcount

    def _run(self, query: Query, parameters: Parameters) -> psycopg.Cursor[DictRow]:
        try:
            if self._connection.row_factory is dict_row:
                return self._connection.execute(query, parameters)
            return self._connection.cursor(row_factory=dict_row).execute(query, parameters)  # a user's own pool
        except psycopg.Error as error:
            failure = _statement_failure(error, self._connection)
        raise failure  # outside the handler: the original, which quotes rows, is not its context


class AsyncTransaction:
    """A :class:`Transaction` on an asyncio connection."""

    def __init__(self, connection: psycopg.AsyncConnection[DictRow]) -> None:
        self._connection = connection

    async def fetch(self, query: Query, parameters: Parameters) -> Sequence[DictRow]:
        return await (await self._run(query, parameters)).fetchall()

    async def execute(self, query: Query, parameters: Parameters) -> int:
        return (await self._run(query, parameters)).rowcount

    async def _run(self, query: Query, parameters: Parameters) -> psycopg.AsyncCursor[DictRow]:
        try:
            if self._connection.row_factory is dict_row:
                return await self._connection.execute(query, parameters)
            return await self._connection.cursor(row_factory=dict_row).execute(query, parameters)
        except psycopg.Error as error:
            failure = _statement_failure(error, self._connection)
        raise failure


@asynccontextmanager
async def sync_transaction(pool: SyncPool, *, atomic: bool, snapshot: bool = False) -> AsyncGenerator[Transaction]:
    """A connection of ``pool``: in a transaction if ``atomic``, else each statement on its own (one round trip).

    With ``snapshot`` the transaction only reads, and all its statements see one moment.
    """
    failure: BaseException | None = None
    begun = False
    try:
        with pool.connection() as connection:
            _check_autocommit(connection)
            if not _knows_vectors(connection):
                with suppress(psycopg.ProgrammingError):  # before setup() the type does not exist yet
                    register_vector(connection)
            if atomic or snapshot:
                with connection.transaction():
                    if snapshot:
                        connection.execute(_ONE_SNAPSHOT)
                    begun = True
                    yield SyncTransaction(connection)
            else:
                begun = True
                yield SyncTransaction(connection)
    except psycopg.Error as error:
        failure = _transaction_failure(error, begun=begun)
    if failure is not None:
        raise failure


@asynccontextmanager
async def async_transaction(pool: AsyncPool, *, atomic: bool, snapshot: bool = False) -> AsyncGenerator[Transaction]:
    """:func:`sync_transaction` for an asyncio pool."""
    failure: BaseException | None = None
    begun = False
    try:
        async with AsyncExitStack() as stack:
            connection = await _checked_out(stack, pool)
            _check_autocommit(connection)
            if not _knows_vectors(connection):
                with suppress(psycopg.ProgrammingError):
                    await register_vector_async(connection)
            if atomic or snapshot:
                async with connection.transaction():
                    if snapshot:
                        await connection.execute(_ONE_SNAPSHOT)
                    begun = True
                    yield AsyncTransaction(connection)
            else:
                begun = True
                yield AsyncTransaction(connection)
    except psycopg.Error as error:
        failure = _transaction_failure(error, begun=begun)
    if failure is not None:
        raise failure


def _knows_vectors(connection: psycopg.BaseConnection[Any]) -> bool:
    """Whether pgvector's types are known to this connection; they are looked up once in its life."""
    return connection.adapters.types.get("halfvec") is not None


async def _checked_out(stack: AsyncExitStack, pool: AsyncPool) -> psycopg.AsyncConnection[DictRow]:
    """A connection of ``pool``, which ``stack`` gives back."""
    half = pool.timeout / 2
    with suppress(psycopg_pool.PoolTimeout):  # once may be the loop's own fault, which was too busy to look
        return await stack.enter_async_context(pool.connection(half))
    return await stack.enter_async_context(pool.connection(half))


def _check_autocommit(connection: psycopg.BaseConnection[Any]) -> None:
    """Refuse connections that open transactions by themselves: nobody would end them."""
    if not connection.autocommit:
        raise ConfigurationError("the connections need autocommit; open them, or the pool, with autocommit=True")


def _statement_failure(error: psycopg.Error, connection: psycopg.BaseConnection[Any]) -> PersistMemError:
    failure = translated(error)
    if isinstance(failure, StorageUnavailable):
        # 57P0x is the server's farewell, which arrives before the connection counts as closed
        farewell = (error.sqlstate or "").startswith("57P0")
        failure.nothing_was_done = connection.closed or farewell  # the transaction went with the connection
    return failure


def _transaction_failure(error: psycopg.Error, *, begun: bool) -> PersistMemError:
    """A failure of the pool, of BEGIN or of COMMIT; those of statements were translated where they ran."""
    failure = translated(error)
    if isinstance(failure, StorageUnavailable):
        # a pool that has no connection to give was waited for already; a COMMIT may have been done
        failure.nothing_was_done = not begun and not isinstance(error, psycopg_pool.PoolTimeout)
    return failure


def translated(error: psycopg.Error) -> PersistMemError:
    """Our error for PostgreSQL's, chained to a copy of it that quotes no row."""
    diagnostic = error.diag
    code = error.sqlstate or "no SQLSTATE"
    place = ", ".join(
        f"{label} {name}"
        for label, name in (("table", diagnostic.table_name), ("constraint", diagnostic.constraint_name))
        if name
    )
    summary = f"{type(error).__name__} ({code}{', ' + place if place else ''})"
    clean = type(error)(summary)
    ours = _ours(error, summary)
    ours.__cause__ = clean
    return ours


def _ours(error: psycopg.Error, summary: str) -> PersistMemError:
    if isinstance(error, (errors.UndefinedTable, errors.InvalidSchemaName, errors.UndefinedColumn)):
        return SchemaOutOfDate(f"a table of persistmem is missing: {summary}; call setup() once on this database")
    if isinstance(error, (errors.UndefinedObject, errors.UndefinedFunction)) or (
        isinstance(error, psycopg.ProgrammingError) and error.sqlstate is None
    ):
        # UndefinedObject: an unknown text search configuration; without SQLSTATE: pgvector's type look-up
        return ConfigurationError(
            f"PostgreSQL lacks something that is needed: {summary}; call setup() once (it creates the extension "
            "vector), and check Settings.language against the text search configurations of the server"
        )
    if isinstance(error, errors.InsufficientPrivilege):
        return ConfigurationError(
            f"the database role may not do this: {summary}; grant it USAGE on the schema persistmem and SELECT, INSERT, "
            "UPDATE, DELETE on its tables, and run setup() as a role that may create schemas and extensions"
        )
    if isinstance(error, (errors.DeadlockDetected, errors.SerializationFailure, errors.UniqueViolation)):
        return ConcurrentUpdate(f"somebody else changed the same memories: {summary}; try again")
    if isinstance(error, (psycopg.OperationalError, psycopg.InterfaceError)):
        return StorageUnavailable(f"PostgreSQL is not available: {summary}; check the server, then try again")
    return StorageError(f"PostgreSQL refused: {summary}")
