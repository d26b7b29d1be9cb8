"""Opening what an object needs, and closing it in the reverse order: the embedded server, then the pool."""

import asyncio
import threading
from collections.abc import AsyncGenerator, Generator, Mapping
from contextlib import AsyncExitStack, ExitStack, asynccontextmanager, contextmanager
from typing import Any, cast

import psycopg
import psycopg_pool
from psycopg import sql
from psycopg.conninfo import conninfo_to_dict
from psycopg.rows import DictRow, dict_row, scalar_row

from langchain_persistmem.errors import ConfigurationError, PersistMemError, StorageUnavailableError
from langchain_persistmem.postgres.connections.connection_setup import AsyncPool, SyncPool
from langchain_persistmem.postgres.connections.conninfo import read_conninfo
from langchain_persistmem.postgres.connections.embedded import EmbeddedServer
from langchain_persistmem.postgres.connections.forks import check_owner, note_owner
from langchain_persistmem.postgres.connections.pools import AsyncReconnection, LoopPool, ProcessPool, Reconnection
from langchain_persistmem.postgres.connections.timeouts import NoSessionError, with_async_deadline, with_deadline
from langchain_persistmem.postgres.error_mapping import translate
from langchain_persistmem.settings import Settings
from langchain_persistmem.types.representation import represent, type_name

_KEPT_ALIVE = 30
"""Seconds of silence after which the system asks whether the other side is still there, and for which it waits for it."""

PoolConfig = Mapping[str, Any]
"""Arguments of psycopg_pool's pools, such as ``min_size``, ``max_size``, and ``kwargs`` for each connection."""


def open_pool(
    stack: ExitStack, conninfo: str | None, settings: Settings, pool_config: PoolConfig | None = None
) -> SyncPool:
    """A pool that ``stack`` closes, on ``conninfo`` or, without one, on the embedded server.

    Raises:
        ConfigurationError: the connection string is malformed, or ``pool_config`` is not usable.
        StorageUnavailableError: nothing answers there; the message says why.
    """
    parts = None if conninfo is None else read_conninfo(conninfo)

    def address(stack: ExitStack) -> str:
        return parts.text if parts is not None else _start_embedded(stack, settings)

    where = address(stack)
    classes = {
        "connection_class": with_deadline(settings.statement_seconds, settings.connect_seconds),
        "reconnect_failed": Reconnection(),
    }
    options = _pool_options(where, settings, pool_config, prepares=parts is None or parts.prepares, **classes)
    with translate_errors():
        # A plain connection says why it fails, where a pool only times out.
        with options["connection_class"].connect(where, **_probe(options, settings)) as probe:
            first = probe.cursor(row_factory=scalar_row).execute(_FIRST_SCHEMA, prepare=False).fetchone()
        if first is None:
            _name_a_schema(options, where)
            with _refused_search_path():
                psycopg.connect(where, **_probe(options, settings)).close()
        pool = stack.enter_context(ProcessPool(where, address=address, **options))
        if pool.min_size == 1:  # whoever asks while the only connection is on its way makes the pool open a second one
            pool.wait(pool.timeout)
    return pool


async def open_async_pool(
    stack: AsyncExitStack, conninfo: str | None, settings: Settings, pool_config: PoolConfig | None = None
) -> AsyncPool:
    """:func:`open_pool` for the running event loop, to which the pool then belongs."""
    parts = None if conninfo is None else read_conninfo(conninfo)
    where = parts.text if parts is not None else await _start_embedded_async(stack, settings)
    classes = {
        "connection_class": with_async_deadline(settings.statement_seconds, settings.connect_seconds),
        "reconnect_failed": AsyncReconnection(),
    }
    options = _pool_options(where, settings, pool_config, prepares=parts is None or parts.prepares, **classes)
    with translate_errors():
        async with await options["connection_class"].connect(where, **_probe(options, settings)) as probe:
            first = await (await probe.cursor(row_factory=scalar_row).execute(_FIRST_SCHEMA, prepare=False)).fetchone()
        if first is None:
            _name_a_schema(options, where)
            with _refused_search_path():
                await (await psycopg.AsyncConnection.connect(where, **_probe(options, settings))).close()
        pool = LoopPool(where, **options)
        note_owner(pool, asyncio.get_running_loop())
        await stack.enter_async_context(pool)
        if pool.min_size == 1:  # as above
            await pool.wait(pool.timeout)
    return pool


@contextmanager
def translate_errors() -> Generator[None]:
    """Our errors for a plain connection, which says why it failed where a pool only times out, and for a pool's options."""
    failure: PersistMemError | None = None
    try:
        yield
    except psycopg.Error as error:
        failure = _unreachable(error)
    except (TypeError, ValueError) as error:
        raise ConfigurationError(f"pool_config is not usable: {error}") from error
    if failure is not None:
        raise failure  # outside the handler: the original may quote a password


def pool_of(conn: object) -> SyncPool:
    """A user's pool as it is, or a user's connection as a pool of one; neither is opened or closed here.

    Raises:
        ConfigurationError: it is neither.
    """
    if isinstance(conn, psycopg_pool.ConnectionPool):
        note_owner(cast("object", conn))
        return cast("SyncPool", conn)
    if isinstance(conn, psycopg.Connection):
        return cast("SyncPool", _OneConnection(cast("psycopg.Connection[DictRow]", conn)))
    raise ConfigurationError(f"conn is of type {type_name(conn)}; pass a ConnectionPool or a Connection of psycopg")


def async_pool_of(conn: object) -> AsyncPool:
    """:func:`pool_of` for asyncio."""
    if isinstance(conn, psycopg_pool.AsyncConnectionPool):
        note_owner(cast("object", conn), asyncio.get_running_loop())
        return cast("AsyncPool", conn)
    if isinstance(conn, psycopg.AsyncConnection):
        return cast("AsyncPool", _OneAsyncConnection(cast("psycopg.AsyncConnection[DictRow]", conn)))
    raise ConfigurationError(
        f"conn is of type {type_name(conn)}; pass an AsyncConnectionPool or an AsyncConnection of psycopg"
    )


class _OneConnection:
    """A single connection with the face of a pool; its callers take turns."""

    max_size = 1

    def __init__(self, connection: psycopg.Connection[DictRow]) -> None:
        self._connection = connection
        self._free = threading.Lock()
        note_owner(connection)

    @contextmanager
    def connection(self) -> Generator[psycopg.Connection[DictRow]]:
        check_owner(self._connection)  # first: in the child of a fork, a thread of the parent's may hold the lock
        with self._free:
            _check_open(self._connection)
            yield self._connection


class _OneAsyncConnection:
    """:class:`_OneConnection` for asyncio."""

    max_size = 1
    timeout = 0.0
    """Seconds; nobody but its own store uses the connection, so there is nothing to wait for."""

    def __init__(self, connection: psycopg.AsyncConnection[DictRow]) -> None:
        self._connection = connection
        self._free = asyncio.Lock()
        note_owner(connection, asyncio.get_running_loop())

    @asynccontextmanager
    async def connection(self, timeout: float) -> AsyncGenerator[psycopg.AsyncConnection[DictRow]]:  # noqa: ASYNC109 - a pool's
        check_owner(self._connection)
        async with self._free:
            _check_open(self._connection)
            yield self._connection


def _check_open(connection: psycopg.BaseConnection[Any]) -> None:
    """A connection that was lost stays lost: it is the user's."""
    if connection.closed:
        raise StorageUnavailableError(
            "the connection that was passed in is closed; pass a pool, which replaces lost ones"
        )


def _start_embedded(stack: ExitStack, settings: Settings) -> str:
    server = EmbeddedServer.start(settings.data_dir)
    stack.callback(server.stop)
    return server.conninfo


async def _start_embedded_async(stack: AsyncExitStack, settings: Settings) -> str:
    # Starting takes seconds, of files and processes, for which an event loop must not stand still. A start that is
    # cancelled goes on in its thread; that server is stopped when the process ends.
    server = await asyncio.to_thread(EmbeddedServer.start, settings.data_dir)
    stack.push_async_callback(asyncio.to_thread, server.stop)
    return server.conninfo


def _pool_options(
    where: str, settings: Settings, pool_config: PoolConfig | None, *, prepares: bool = True, **classes: object
) -> dict[str, Any]:
    """The arguments of a pool; those of ``pool_config`` count before ours, and before the pool's ``classes``."""
    config = dict(pool_config or {})
    smallest = config.get("min_size", settings.pool_min)
    if not isinstance(smallest, int):
        raise ConfigurationError(f"pool_config['min_size'] is {represent(smallest)}; pass a whole number")
    # autocommit: a transaction is opened where one is meant, and a single read is a single round trip
    connection = {
        "autocommit": True,
        "row_factory": dict_row,
        "prepare_threshold": settings.prepare_threshold if prepares else None,
        "client_encoding": "UTF8",  # whatever the role or the database has: it would not say every text
    }
    return {
        # A pool gives a lost connection up at once and looks for the server, instead of doubling its pauses.
        "reconnect_timeout": 0.0,
        **classes,
        "min_size": smallest,
        "max_size": max(settings.pool_max, smallest),
        "timeout": settings.connect_seconds,
        "name": "persistmem",
        **config,
        "kwargs": {**_network(where, settings), **connection, **(config.get("kwargs") or {})},
    }


_FIRST_SCHEMA = sql.SQL("SELECT current_schema()")


def _name_a_schema(options: Mapping[str, Any], where: str) -> None:
    """A search_path for a role that has none: LangGraph's checkpoint tables are found by it, ours are not.

    As a start-up parameter, since a session's SET would leak behind a pooler.
    """
    before = options["kwargs"].get("options") or conninfo_to_dict(where).get("options") or ""
    options["kwargs"]["options"] = f"{before} -c search_path=public".strip()


@contextmanager
def _refused_search_path() -> Generator[None]:
    refused = False
    try:
        yield
    except psycopg.Error:  # PgBouncer takes no start-up parameter that it does not know
        refused = True
    if refused:
        raise ConfigurationError(
            "search_path names no schema for this role, LangGraph's checkpoint tables are found by it, and the pooler in "
            "between passes none on; ALTER ROLE ... SET search_path = public"
        )


def _network(where: str, settings: Settings) -> dict[str, Any]:
    """The settings of libpq and the system for a server that cannot be reached; what the connection string says counts."""
    longest = int(settings.statement_seconds or _KEPT_ALIVE)
    wanted = {
        "connect_timeout": max(2, int(settings.connect_seconds)),  # libpq takes whole seconds, and at least two
        "keepalives": 1,
        "keepalives_idle": _KEPT_ALIVE,
        "keepalives_interval": 10,
        "keepalives_count": 3,
        "tcp_user_timeout": 1000 * max(1, min(longest, _KEPT_ALIVE)),
        "fallback_application_name": "persistmem",
    }
    try:
        parts = conninfo_to_dict(where)
    except psycopg.Error:  # connecting says what is wrong
        return {}
    return {name: value for name, value in wanted.items() if name not in parts}


def _probe(options: Mapping[str, Any], settings: Settings) -> dict[str, Any]:
    return {"connect_timeout": max(2, int(settings.connect_seconds)), **options["kwargs"]}


def _unreachable(error: psycopg.Error) -> PersistMemError:
    if isinstance(error, NoSessionError):
        return translate(error)
    if error.sqlstate is not None and not isinstance(
        error, psycopg.OperationalError
    ):  # a statement, not the connection
        return translate(error)
    if isinstance(error, psycopg.ProgrammingError):  # libpq would quote the string, which may be a password alone
        return ConfigurationError("conninfo is malformed; write it as 'postgresql://user:password@host:5432/database'")
    reason = " ".join(str(error).split())  # libpq's text: host, port, role and database, never a password
    return StorageUnavailableError(f"cannot connect to PostgreSQL: {reason}; check conninfo, and that the server runs")
