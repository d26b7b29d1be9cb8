"""Sessions of the tests' shared database that outlive a pool: the next pool goes on with them, as behind a pooler.

A new session first reads about every table that it uses, which takes longer than most tests. One that is kept forgets all
that was set or prepared in it (``DISCARD ALL``), as PgBouncer has it. It keeps the defaults with which it began: a test that
changes those of the database is marked ``own_database``, and so is one that counts sessions.
"""

import os
import threading
from collections.abc import Generator
from typing import Any, Self

import psycopg
from psycopg import pq
from psycopg.conninfo import conninfo_to_dict

from langchain_persistmem.postgres.connections.forks import is_inherited
from langchain_persistmem.postgres.connections.timeouts import AsyncDeadlineConnection, DeadlineConnection

_MOST = 4
"""Sessions that are kept: few tests have more at a time."""
_CLASSES: tuple[Any, Any] = (DeadlineConnection, AsyncDeadlineConnection)
_OWN = {each: (each.__dict__["close"], each._connect_gen.__func__) for each in _CLASSES}


class KeptSessions:
    """Within the block, pools on ``database`` leave their sessions here and take them from here."""

    def __init__(self, database: str) -> None:
        self._name = conninfo_to_dict(database)["dbname"]
        self._process = os.getpid()
        self._lock = threading.Lock()
        self._kept: list[tuple[dict[str, Any], pq.abc.PGconn]] = []

    def __enter__(self) -> Self:
        sync, asynchronous = _CLASSES

        def close(connection: Any) -> None:
            if not self._keep(connection):
                _OWN[sync][0](connection)

        async def aclose(connection: Any) -> None:
            if not self._keep(connection):
                await _OWN[asynchronous][0](connection)

        sync.close, asynchronous.close = close, aclose
        for each in _CLASSES:
            each._connect_gen = classmethod(self._connector(_OWN[each][1]))
        return self

    def __exit__(self, *error: object) -> None:
        for each in _CLASSES:
            each.close = _OWN[each][0]
            del each._connect_gen  # psycopg's own, inherited
        for _, session in self._kept:
            session.finish()

    def _connector(self, connect: Any) -> Any:
        def connector(kind: Any, conninfo: str = "", **options: Any) -> Generator[Any, Any, Any]:
            parameters = _parameters(conninfo)
            session = self._take(parameters)
            connection = kind(session) if session is not None else (yield from connect(kind, conninfo, **options))
            connection.start_up = parameters
            return connection

        return connector

    def _take(self, parameters: dict[str, Any]) -> pq.abc.PGconn | None:
        if os.getpid() != self._process:  # the child of a fork, whose parent goes on with them
            return None
        with self._lock:
            place = next((place for place, (other, _) in enumerate(self._kept) if other == parameters), None)
            session = None if place is None else self._kept.pop(place)[1]
        return session if session is not None and _forgets(session) else None

    def _keep(self, connection: psycopg.BaseConnection[Any]) -> bool:
        """Keep its session, if nothing is going on there; the connection is closed then."""
        if os.getpid() != self._process or is_inherited(connection):
            return False
        parameters, session = getattr(connection, "start_up", {}), connection.pgconn
        if parameters.get("dbname") != self._name or not _is_idle(session):
            return False
        with self._lock:
            if len(self._kept) >= _MOST:
                return False
            self._kept.append((parameters, session))
        connection.pgconn = pq.PGconn()
        connection._closed = True
        return True


def _parameters(conninfo: str) -> dict[str, Any]:
    """With what a session is begun; how long that may take says nothing about it."""
    return {name: value for name, value in conninfo_to_dict(conninfo).items() if name != "connect_timeout"}


def _is_idle(session: pq.abc.PGconn) -> bool:
    return (
        session.status == pq.ConnStatus.OK
        and session.transaction_status == pq.TransactionStatus.IDLE
        and session.pipeline_status == pq.PipelineStatus.OFF
    )


def _forgets(session: pq.abc.PGconn) -> bool:
    """Have it forget what was set and prepared in it; False if it has ended meanwhile."""
    return session.exec_(b"DISCARD ALL").status == pq.ExecStatus.COMMAND_OK
