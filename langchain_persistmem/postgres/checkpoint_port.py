"""Where the savers' own statements meet the connections that upstream's savers were given, and their errors.

A :class:`~langchain_persistmem.postgres.transaction.Transaction` in two colours, as in
``transaction.py``; but the connection may be a user's, so that nothing is registered on it, and
what upstream's code reads from it has to be binary. PostgreSQL's errors pass, and become ours
where a method of a saver ends.
"""

from collections.abc import Callable, Coroutine
from functools import wraps
from types import CoroutineType
from typing import Any, ParamSpec, TypeVar

import psycopg
import psycopg_pool
from psycopg import errors
from psycopg.rows import DictRow, dict_row

from langchain_persistmem.errors import ConfigurationError, PersistMemError, SchemaOutOfDateError, StorageError
from langchain_persistmem.postgres.error_mapping import is_over, translated
from langchain_persistmem.postgres.retry import Patience
from langchain_persistmem.postgres.statements import Query
from langchain_persistmem.postgres.transaction import AsyncTransaction, Parameters, SyncTransaction

P = ParamSpec("P")
T = TypeVar("T")


class SyncStatements(SyncTransaction):
    """Statements on a blocking connection."""

    def _run(self, query: Query, parameters: Parameters) -> psycopg.Cursor[DictRow]:
        # without parameters nothing is bound: a utility statement takes none
        return self._connection.cursor(binary=True, row_factory=dict_row).execute(query, parameters or None)


class AsyncStatements(AsyncTransaction):
    """Statements on an asyncio connection."""

    async def _run(self, query: Query, parameters: Parameters) -> psycopg.AsyncCursor[DictRow]:
        return await self._connection.cursor(binary=True, row_factory=dict_row).execute(query, parameters or None)


def sync_port(method: Callable[P, T]) -> Callable[P, T]:
    """``method`` of a saver, raising our errors instead of PostgreSQL's.

    With a pool behind it, it is called again when a connection was lost or a deadlock broken: it may be done twice.
    """

    @wraps(method)
    def ported(*args: P.args, **kwargs: P.kwargs) -> T:
        saver: Any = args[0]
        patience = _patience(saver.conn)
        while True:
            try:
                return method(*args, **kwargs)
            except psycopg.Error as error:
                failure = _failure(error)
            pause = patience.pause(failure) if isinstance(failure, StorageError) and failure.nothing_was_done else None
            if pause is None:
                raise failure  # outside the handler: the original, which may quote rows, is not its context
            saver.sleep(pause)

    return ported


def async_port(method: Callable[P, Coroutine[Any, Any, T]]) -> "Callable[P, CoroutineType[Any, Any, T]]":
    """:func:`sync_port` for a coroutine."""

    @wraps(method)
    async def ported(*args: P.args, **kwargs: P.kwargs) -> T:
        saver: Any = args[0]
        patience = _patience(saver.conn)
        while True:
            try:
                return await method(*args, **kwargs)
            except psycopg.Error as error:
                failure = _failure(error)
            pause = patience.pause(failure) if isinstance(failure, StorageError) and failure.nothing_was_done else None
            if pause is None:
                raise failure
            await saver.sleep(pause)

    return ported


def _patience(conn: object) -> Patience:
    if isinstance(conn, psycopg_pool.ConnectionPool | psycopg_pool.AsyncConnectionPool):
        return Patience(conn.timeout, at_once=conn.max_size)
    return Patience(0.0)  # a connection that was lost stays lost


def _failure(error: psycopg.Error) -> PersistMemError:
    ours = translated(error)
    if isinstance(ours, StorageError):
        ours.nothing_was_done = is_over(error)
    if isinstance(error, (errors.UndefinedTable, errors.UndefinedColumn)):
        better = SchemaOutOfDateError(
            "LangGraph's checkpoint tables, or persistmem_order in them, are missing; "
            "call setup() of the saver once, as their owner and on the primary server"
        )
    elif isinstance(error, errors.InsufficientPrivilege):
        better = ConfigurationError(
            "the database role lacks rights on LangGraph's checkpoint tables, or on the sequence "
            "checkpoints_persistmem_order_seq; run setup() once as their owner, who grants them"
        )
    elif isinstance(error, errors.ReadOnlySqlTransaction):
        better = ConfigurationError("this server only reads; give the saver the primary server's connection string")
    else:
        return ours
    better.__cause__ = ours.__cause__
    return better
