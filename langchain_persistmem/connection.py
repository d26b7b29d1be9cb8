"""Opening what an object needs, and closing it in the reverse order: the embedded server, then the pool."""

from contextlib import AsyncExitStack, ExitStack
from typing import Any

import psycopg
import psycopg_pool
from psycopg.rows import dict_row

from langchain_persistmem.errors import ConfigurationError, PersistMemError, StorageUnavailable
from langchain_persistmem.postgres.embedded import EmbeddedServer
from langchain_persistmem.postgres.transaction import AsyncPool, SyncPool
from langchain_persistmem.settings import Settings


def open_pool(stack: ExitStack, conninfo: str | None, settings: Settings) -> SyncPool:
    """A pool that ``stack`` closes, on ``conninfo`` or, without one, on the embedded server.

    Raises:
        ConfigurationError: the connection string is malformed.
        StorageUnavailable: nothing answers there; the message says why.
    """
    where = conninfo if conninfo is not None else _embedded(stack, settings)
    failure: PersistMemError | None = None
    try:  # a pool only says that it timed out; one plain connection says why
        psycopg.connect(where, connect_timeout=_seconds(settings)).close()
    except psycopg.Error as error:
        failure = _unreachable(error)
    if failure is not None:
        raise failure
    pool: SyncPool = psycopg_pool.ConnectionPool(where, open=False, **_pool_options(settings))
    stack.enter_context(pool)
    return pool


async def open_async_pool(stack: AsyncExitStack, conninfo: str | None, settings: Settings) -> AsyncPool:
    """:func:`open_pool` for the running event loop, to which the pool then belongs."""
    where = conninfo if conninfo is not None else _embedded(stack, settings)
    failure: PersistMemError | None = None
    try:
        probe = await psycopg.AsyncConnection.connect(where, connect_timeout=_seconds(settings))
        await probe.close()
    except psycopg.Error as error:
        failure = _unreachable(error)
    if failure is not None:
        raise failure
    pool: AsyncPool = psycopg_pool.AsyncConnectionPool(where, open=False, **_pool_options(settings))
    await stack.enter_async_context(pool)
    return pool


def _embedded(stack: ExitStack | AsyncExitStack, settings: Settings) -> str:
    server = EmbeddedServer.start(settings.data_dir)
    stack.callback(server.stop)
    return server.conninfo


def _pool_options(settings: Settings) -> dict[str, Any]:
    # autocommit: a transaction is opened where one is meant, and a single read is a single round trip
    connection = {"autocommit": True, "row_factory": dict_row, "prepare_threshold": settings.prepare_threshold}
    return {
        "kwargs": connection,
        "min_size": settings.pool_min,
        "max_size": settings.pool_max,
        "timeout": settings.connect_seconds,
        "name": "persistmem",
    }


def _seconds(settings: Settings) -> int:
    return max(2, int(settings.connect_seconds))  # libpq takes whole seconds, and at least two


def _unreachable(error: psycopg.Error) -> PersistMemError:
    if isinstance(error, psycopg.ProgrammingError):  # libpq would quote the string, which may be a password alone
        return ConfigurationError("conninfo is malformed; write it as 'postgresql://user:password@host:5432/database'")
    reason = " ".join(str(error).split())  # libpq's text: host, port, role and database, never a password
    return StorageUnavailable(f"cannot connect to PostgreSQL: {reason}; check conninfo, and that the server runs")
