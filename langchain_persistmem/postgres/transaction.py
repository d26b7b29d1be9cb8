"""A transaction, in two colours with one face.

The methods are ``async def`` in both. Those of :class:`SyncTransaction` never wait, so that a
coroutine over them runs to its end in one step (see ``runtime/backend.py``).

What a transaction sets for itself (:attr:`Opening.settings`) travels with its first statement, in one round trip: the two
are one pipeline. A statement on its own is then the second of two in PostgreSQL's implicit transaction, which a pipeline
is up to its end; no BEGIN and no COMMIT is sent. So nothing is ever set for a session, and it works through PgBouncer.
"""

import json
from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import (
    AbstractAsyncContextManager,
    AbstractContextManager,
    AsyncExitStack,
    asynccontextmanager,
    nullcontext,
    suppress,
)
from dataclasses import dataclass, field
from typing import Any, Protocol
from uuid import UUID

import psycopg
import psycopg_pool
from pgvector.psycopg import register_vector, register_vector_async
from psycopg import sql
from psycopg.rows import DictRow, dict_row

from langchain_persistmem.errors import ConfigurationError
from langchain_persistmem.postgres import telemetry
from langchain_persistmem.postgres.error_mapping import statement_failure, transaction_failure
from langchain_persistmem.postgres.statements import Query, statement

Parameters = Mapping[str, object]
SyncPool = psycopg_pool.ConnectionPool[psycopg.Connection[DictRow]]
AsyncPool = psycopg_pool.AsyncConnectionPool[psycopg.AsyncConnection[DictRow]]

_ONE_SNAPSHOT = sql.SQL("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
READ_COMMITTED = sql.SQL("SET TRANSACTION ISOLATION LEVEL READ COMMITTED")


@dataclass(frozen=True, kw_only=True, slots=True)
class Opening:
    """How a transaction begins."""

    atomic: bool = True
    """All or nothing; else each statement on its own, in one round trip."""
    snapshot: bool = False
    """It only reads, and all its statements see one moment."""
    read_committed: bool = False
    """Each statement sees what others have committed by then, whatever the server's default is."""
    settings: Mapping[str, str] = field(default_factory=dict[str, str])
    """PostgreSQL's settings by name, for as long as the transaction lasts."""

    @property
    def begins(self) -> bool:
        """Whether there is a BEGIN."""
        return self.atomic or self.snapshot or self.read_committed

    @property
    def isolation(self) -> sql.SQL | None:
        """The statement that comes before all others."""
        return _ONE_SNAPSHOT if self.snapshot else READ_COMMITTED if self.read_committed else None


_PLAIN = Opening()


@dataclass(frozen=True, slots=True)
class Signature:
    """What a write leaves in its namespace, by which it can be asked after if the answer to its COMMIT is lost."""

    namespace: str
    write: UUID
    before: UUID | None
    """The write before it."""


class Transaction(Protocol):
    """What a statement function needs: rows for parameters."""

    signature: Signature | None
    """How it signed, once it has."""

    @property
    def told_pid(self) -> int:
        """The server's process as the connection was told of it; a pooler in between tells of one of its own."""
        ...

    async def fetch(self, query: Query, parameters: Parameters) -> Sequence[DictRow]:
        """Run ``query`` and return its rows, each a dict by column name."""
        ...

    async def execute(self, query: Query, parameters: Parameters) -> int:
        """Run ``query`` and return the number of rows that it changed."""
        ...


async def say(tx: Transaction, settings: Mapping[str, str]) -> None:
    """Set what is not in the transaction's :class:`Opening`, until it ends."""
    await tx.fetch(statement("set_locally"), {"settings": json.dumps(dict(settings))})


class SyncTransaction:
    """A :class:`Transaction` on a blocking connection."""

    def __init__(self, connection: psycopg.Connection[DictRow], opening: Opening = _PLAIN) -> None:
        self._connection = connection
        self._opening = opening
        self._settings: Mapping[str, str] = opening.settings
        self.signature: Signature | None = None

    @property
    def told_pid(self) -> int:
        return self._connection.info.backend_pid

    async def fetch(self, query: Query, parameters: Parameters) -> Sequence[DictRow]:
        with telemetry.statement(query) as seen:
            rows = self._run(query, parameters).fetchall()
            seen.count(len(rows))
        return rows

    async def execute(self, query: Query, parameters: Parameters) -> int:
        with telemetry.statement(query) as seen:
            changed = self._run(query, parameters).rowcount
            seen.count(max(changed, 0))
        return changed

    def _run(self, query: Query, parameters: Parameters) -> psycopg.Cursor[DictRow]:
        try:
            if not self._settings:
                return self._execute(query, parameters)
            with self._together():
                self._execute(statement("set_locally"), {"settings": json.dumps(dict(self._settings))})
                cursor = self._execute(query, parameters)
            if self._opening.begins:
                self._settings = {}
            return cursor  # noqa: TRY300 - the handler is for all of it
        except psycopg.Error as error:
            failure = statement_failure(error)
        raise failure  # outside the handler: the original, which quotes rows, is not its context

    def _execute(self, query: Query, parameters: Parameters) -> psycopg.Cursor[DictRow]:
        if self._connection.row_factory is dict_row:
            return self._connection.execute(query, parameters)
        return self._connection.cursor(row_factory=dict_row).execute(query, parameters)  # a user's own pool

    def _together(self) -> AbstractContextManager[object]:
        if psycopg.Pipeline.is_supported():
            return self._connection.pipeline()
        return nullcontext() if self._opening.begins else self._connection.transaction()  # libpq before 14


class AsyncTransaction:
    """A :class:`Transaction` on an asyncio connection."""

    def __init__(self, connection: psycopg.AsyncConnection[DictRow], opening: Opening = _PLAIN) -> None:
        self._connection = connection
        self._opening = opening
        self._settings: Mapping[str, str] = opening.settings
        self.signature: Signature | None = None

    @property
    def told_pid(self) -> int:
        return self._connection.info.backend_pid

    async def fetch(self, query: Query, parameters: Parameters) -> Sequence[DictRow]:
        with telemetry.statement(query) as seen:
            rows = await (await self._run(query, parameters)).fetchall()
            seen.count(len(rows))
        return rows

    async def execute(self, query: Query, parameters: Parameters) -> int:
        with telemetry.statement(query) as seen:
            changed = (await self._run(query, parameters)).rowcount
            seen.count(max(changed, 0))
        return changed

    async def _run(self, query: Query, parameters: Parameters) -> psycopg.AsyncCursor[DictRow]:
        try:
            if not self._settings:
                return await self._execute(query, parameters)
            async with self._together():
                await self._execute(statement("set_locally"), {"settings": json.dumps(dict(self._settings))})
                cursor = await self._execute(query, parameters)
            if self._opening.begins:
                self._settings = {}
            return cursor  # noqa: TRY300
        except psycopg.Error as error:
            failure = statement_failure(error)
        raise failure

    async def _execute(self, query: Query, parameters: Parameters) -> psycopg.AsyncCursor[DictRow]:
        if self._connection.row_factory is dict_row:
            return await self._connection.execute(query, parameters)
        return await self._connection.cursor(row_factory=dict_row).execute(query, parameters)

    def _together(self) -> AbstractAsyncContextManager[object]:
        if psycopg.Pipeline.is_supported():
            return self._connection.pipeline()
        return nullcontext() if self._opening.begins else self._connection.transaction()


@asynccontextmanager
async def sync_transaction(pool: SyncPool, opening: Opening) -> AsyncGenerator[Transaction]:
    """A connection of ``pool`` in a transaction, or for single statements."""
    failure: BaseException | None = None
    signature: Signature | None = None
    begun = read = False  # whether it has begun; whether all that was to be read is here, so that nothing can be lost
    try:
        with pool.connection() as connection:
            _check_autocommit(connection)
            if not _knows_vectors(connection):
                with suppress(psycopg.ProgrammingError):  # before setup() the type does not exist yet
                    register_vector(connection)
            if opening.begins:
                with connection.transaction():
                    if opening.isolation is not None:
                        connection.execute(opening.isolation)
                    begun = True
                    transaction = SyncTransaction(connection, opening)
                    yield transaction
                    signature, read = transaction.signature, opening.snapshot  # COMMIT comes next
            else:
                begun = True
                yield SyncTransaction(connection, opening)
                read = True
    except psycopg.Error as error:
        failure = None if read else transaction_failure(error, begun=begun, signature=signature)
    if failure is not None:
        raise failure


@asynccontextmanager
async def async_transaction(pool: AsyncPool, opening: Opening) -> AsyncGenerator[Transaction]:
    """:func:`sync_transaction` for an asyncio pool."""
    failure: BaseException | None = None
    signature: Signature | None = None
    begun = read = False  # whether it has begun; whether all that was to be read is here, so that nothing can be lost
    try:
        async with AsyncExitStack() as stack:
            connection = await _checked_out(stack, pool)
            _check_autocommit(connection)
            if not _knows_vectors(connection):
                with suppress(psycopg.ProgrammingError):
                    await register_vector_async(connection)
            if opening.begins:
                async with connection.transaction():
                    if opening.isolation is not None:
                        await connection.execute(opening.isolation)
                    begun = True
                    transaction = AsyncTransaction(connection, opening)
                    yield transaction
                    signature, read = transaction.signature, opening.snapshot
            else:
                begun = True
                yield AsyncTransaction(connection, opening)
                read = True
    except psycopg.Error as error:
        failure = None if read else transaction_failure(error, begun=begun, signature=signature)
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
