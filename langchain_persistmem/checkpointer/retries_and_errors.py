"""Retries of the savers' methods, and PostgreSQL's errors in them as ours; their own statements on the user's connections.

A :class:`~langchain_persistmem.postgres.transaction.Transaction` for sync and async; but the connection may be a
user's, so that nothing is registered on it. PostgreSQL's errors pass, and become ours where a method of a saver ends.
"""

from collections.abc import Awaitable, Callable, Coroutine
from functools import wraps
from types import CoroutineType
from typing import Any, ParamSpec, TypeVar

import psycopg
import psycopg_pool
from psycopg import errors
from psycopg.conninfo import conninfo_to_dict

from langchain_persistmem.errors import (
    ConfigurationError,
    PersistMemError,
    ReplicaError,
    SchemaOutOfDateError,
    StorageError,
)
from langchain_persistmem.postgres.blocking import finished
from langchain_persistmem.postgres.connections.forks import check_owner
from langchain_persistmem.postgres.error_mapping import translate
from langchain_persistmem.postgres.failover import names_several_servers
from langchain_persistmem.postgres.retry import Backoff, is_over
from langchain_persistmem.postgres.transaction import AsyncTransaction, SyncTransaction

P = ParamSpec("P")
T = TypeVar("T")


class SyncStatements(SyncTransaction):
    """Statements on a blocking connection."""

    translates = False


class AsyncStatements(AsyncTransaction):
    """Statements on an asyncio connection."""

    translates = False


def adapt_sync(method: Callable[P, T]) -> Callable[P, T]:
    """Raise our errors from ``method`` of a saver instead of PostgreSQL's.

    With a pool behind it, it is called again when a connection was lost or a deadlock broken: it may be done twice.
    """

    @wraps(method)
    def adapted(*args: P.args, **kwargs: P.kwargs) -> T:
        saver: Any = args[0]

        async def call() -> T:
            return method(*args, **kwargs)

        async def pause(seconds: float) -> None:
            saver.sleep(seconds)

        return finished(_retry(call, pause, saver.conn))

    return adapted


def adapt_async(method: Callable[P, Coroutine[Any, Any, T]]) -> "Callable[P, CoroutineType[Any, Any, T]]":
    """:func:`adapt_sync` for a coroutine."""

    @wraps(method)
    async def adapted(*args: P.args, **kwargs: P.kwargs) -> T:
        saver: Any = args[0]
        return await _retry(lambda: method(*args, **kwargs), saver.sleep, saver.conn)

    return adapted


async def _retry(call: Callable[[], Awaitable[T]], pause: Callable[[float], Awaitable[None]], conn: object) -> T:
    check_owner(conn)
    backoff = _backoff(conn)
    while True:
        try:
            return await call()
        except psycopg.Error as error:
            failure = _failure(error, conn)
        seconds = backoff.pause(failure) if isinstance(failure, StorageError) and failure.nothing_was_done else None
        if seconds is None:
            raise failure  # outside the handler: the original, which may quote rows, is not its context
        await pause(seconds)


def _backoff(conn: object) -> Backoff:
    if isinstance(conn, psycopg_pool.ConnectionPool | psycopg_pool.AsyncConnectionPool):
        return Backoff(conn.timeout, at_once=conn.max_size)
    return Backoff(0.0)  # a connection that was lost stays lost


def _failure(error: psycopg.Error, conn: object) -> PersistMemError:
    ours = translate(error)
    if isinstance(ours, StorageError):
        ours.nothing_was_done = is_over(error)
    if isinstance(ours, ReplicaError):  # another server than this one may be the primary by now, if there is another
        ours.nothing_was_done = names_several_servers(conninfo_to_dict(getattr(conn, "conninfo", "")))
    if isinstance(error, (errors.UndefinedTable, errors.UndefinedColumn)):
        better = SchemaOutOfDateError(
            "LangGraph's checkpoint tables, or persistmem_order in them, are missing; "
            "call setup() of the saver once, as their owner and on the primary server"
        )
    elif isinstance(error, errors.InvalidSchemaName):
        better = ConfigurationError(
            "search_path names no schema that this role may use, and LangGraph's checkpoint tables are found by it; "
            "ALTER ROLE ... SET search_path = public, or add options='-c search_path=public' to conninfo"
        )
    elif isinstance(error, errors.InsufficientPrivilege):
        better = ConfigurationError(
            "the database role lacks rights on LangGraph's checkpoint tables, or on the sequence "
            "checkpoints_persistmem_order_seq; run setup() once as their owner, who grants them"
        )
    else:
        return ours
    better.__cause__ = ours.__cause__
    return better
