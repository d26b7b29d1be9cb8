"""Sessions of the tests' shared database that outlive a pool: the next pool goes on with them, as behind a pooler.

A new session reads about every table that it uses, and plans every statement, which takes longer than most tests. One that
is kept still has the statements that were prepared in it, and the defaults with which it began: a test that changes those of
the database is marked ``own_database``, and so is one that counts sessions.
"""

import os
import threading
from collections.abc import Generator
from dataclasses import dataclass
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


@dataclass(frozen=True)
class _Kept:
    parameters: dict[str, Any]
    session: pq.abc.PGconn
    prepared: Any  # psycopg's list of what is prepared there


class KeptSessions:
    """Within the block, pools on ``database`` leave their sessions here and take them from here."""

    def __init__(self, database: str) -> None:
        self._name = conninfo_to_dict(database)["dbname"]
        self._process = os.getpid()
        self._lock = threading.Lock()
        self._kept: list[_Kept] = []

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
        for each in self._kept:
            each.session.finish()

    def _connector(self, connect: Any) -> Any:
        def connector(kind: Any, conninfo: str = "", **options: Any) -> Generator[Any, Any, Any]:
            parameters = _parameters(conninfo)
            kept = self._take(parameters)
            if kept is None:
                connection = yield from connect(kind, conninfo, **options)
            else:
                connection = kind(kept.session)
                connection._prepared = kept.prepared
            connection.start_up = parameters
            return connection

        return connector

    def _take(self, parameters: dict[str, Any]) -> _Kept | None:
        if os.getpid() != self._process:  # the child of a fork, whose parent goes on with them
            return None
        with self._lock:
            place = next((place for place, kept in enumerate(self._kept) if kept.parameters == parameters), None)
            kept = None if place is None else self._kept.pop(place)
        if kept is None or _is_usable(kept):
            return kept
        kept.session.finish()
        return None

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
            self._kept.append(_Kept(parameters, session, connection._prepared))
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


def _is_usable(kept: _Kept) -> bool:
    """Take back what was set and locked in a session; False if it has ended, or lost a statement, by DISCARD ALL for one."""
    result = kept.session.exec_(b"RESET ALL; SELECT pg_advisory_unlock_all(); SELECT name FROM pg_prepared_statements")
    if result.status != pq.ExecStatus.TUPLES_OK:
        return False
    return {*kept.prepared._names.values()} <= {result.get_value(row, 0) for row in range(result.ntuples)}
