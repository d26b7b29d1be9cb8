"""Four looks a second for a server that is away: a pool alone doubles its pauses, and is late by as long as an outage."""

import asyncio
import threading
from contextlib import suppress
from typing import Any

import psycopg
import psycopg_pool

_PAUSE = 0.25  # seconds


class Reconnection:
    """The reaction of a pool that cannot connect: it looks again soon, as long as it has no connection.

    One object for each pool: ``ConnectionPool(reconnect_timeout=0, reconnect_failed=Reconnection())``.
    """

    def __init__(self) -> None:
        self._waiting = False

    def __call__(self, pool: "psycopg_pool.ConnectionPool[Any]") -> None:
        """Called in a thread of the pool, for each connection that it gave up."""
        if not self._waiting:
            self._waiting = True
            timer = threading.Timer(_PAUSE, self._look, (pool,))
            timer.daemon = True
            timer.start()

    def _look(self, pool: "psycopg_pool.ConnectionPool[Any]") -> None:
        self._waiting = False
        with suppress(psycopg.Error):  # whoever asks a pool that has no connection makes it open one
            pool.putconn(pool.getconn(timeout=0.001))


class AsyncReconnection:
    """:class:`Reconnection` for an asyncio pool."""

    def __init__(self) -> None:
        self._looking: asyncio.Task[None] | None = None

    def __call__(self, pool: "psycopg_pool.AsyncConnectionPool[Any]") -> None:
        """Called in a task of the pool, for each connection that it gave up."""
        if self._looking is None or self._looking.done():
            self._looking = asyncio.create_task(self._look(pool), name="persistmem-reconnect")

    async def _look(self, pool: "psycopg_pool.AsyncConnectionPool[Any]") -> None:
        await asyncio.sleep(_PAUSE)
        self._looking = None
        with suppress(psycopg.Error):
            await pool.putconn(await pool.getconn(timeout=0.001))
