"""Connections on which no statement waits for ever: for a lock, for a frozen server, or for a network that is gone.

The deadline is kept here, on the client, where it costs no round trip, needs no setting of the server and works
behind PgBouncer. When it passes, the server is asked to cancel the statement, and the connection is closed: the
server undoes what was not committed.
"""

import secrets
import time
from collections.abc import Generator
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from types import TracebackType
from typing import Any, TypeVar

import psycopg
from psycopg import capabilities
from psycopg.abc import PQGen
from psycopg.pq.abc import PGconn
from psycopg.rows import DictRow, dict_row

from langchain_persistmem.postgres.connections.forks import (
    check_owner,
    cut_off,
    is_inherited,
    note_owner,
    react_to_forks,
)

T = TypeVar("T")

_CANCELLING = 2.0
"""Seconds to ask the server to cancel; a frozen one does not answer."""
_FIRST_NAME, _RANDOM_BITS = 1 << 63, 62
"""The number of the first prepared statement of a connection: beyond all that psycopg counts itself, and by chance its own."""
_unhurried: ContextVar[bool] = ContextVar("persistmem_unhurried", default=False)


class DeadlineError(psycopg.OperationalError):
    """A statement took longer than the connection allows; the connection is closed."""


class NoSessionError(DeadlineError):
    """The first statement of a connection got no answer: a pooler in between has no session of the server's for it."""


@contextmanager
def without_deadline() -> Generator[None]:
    """Within the block statements may take as long as they need: those that build indexes do."""
    token = _unhurried.set(True)
    try:
        yield
    finally:
        _unhurried.reset(token)


def name_statements_apart(connection: psycopg.BaseConnection[Any]) -> None:
    """Have the prepared statements of ``connection`` named as those of no other.

    psycopg counts from 0 on every connection. Behind a pooler that gives a transaction another session than the one before,
    a name would stand for somebody else's statement, which would run, with these parameters; so it is not known there.
    """
    # psycopg has no public way to say it; without the counter in a later version its own names stay.
    prepared: Any = getattr(connection, "_prepared", None)
    count = getattr(prepared, "_prepared_idx", None)
    if isinstance(count, int) and count < _FIRST_NAME:
        prepared._prepared_idx = _FIRST_NAME + secrets.randbits(_RANDOM_BITS)


class DeadlineConnection(psycopg.Connection[DictRow]):
    """A blocking connection with a deadline, which belongs to the process that opened it."""

    seconds: float | None = None
    """For one statement; None means no deadline."""
    first_seconds: float | None = None
    """For the first statement, which only asks what server this is: a pooler may have no session for it."""

    def __init__(self, pgconn: PGconn, row_factory: Any = dict_row) -> None:
        super().__init__(pgconn, row_factory)
        self._answered = False
        name_statements_apart(self)
        note_owner(self)
        react_to_forks(self)

    def begin_anew(self) -> None:
        """Cut it off in the child of a fork; see :class:`~langchain_persistmem.postgres.connections.forks.ForkAware`."""
        _cut_off(self)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if not is_inherited(self):
            super().__exit__(kind, error, trace)

    def close(self) -> None:
        """Close it, in the process that opened it."""
        if not is_inherited(self):
            super().close()

    def wait(self, gen: PQGen[T], *args: Any, **kwargs: Any) -> T:
        """Run one exchange with the server to its end, or to the deadline."""
        check_owner(self)
        try:
            answer = super().wait(_limited(gen, self.seconds, self.first_seconds, self._answered), *args, **kwargs)
        except psycopg.InternalError as error:
            if error.sqlstate is None:  # it would take the answers of this exchange for those of the next
                self.close()
            raise
        except DeadlineError:
            if capabilities.has_cancel_safe():  # the older way could wait for ever itself
                with suppress(psycopg.Error):
                    self.cancel_safe(timeout=_CANCELLING)
            self.close()
            raise
        self._answered = True
        return answer


class AsyncDeadlineConnection(psycopg.AsyncConnection[DictRow]):
    """An asyncio connection with a deadline, which belongs to the process that opened it."""

    seconds: float | None = None
    """See :class:`DeadlineConnection`."""
    first_seconds: float | None = None

    def __init__(self, pgconn: PGconn, row_factory: Any = dict_row) -> None:
        super().__init__(pgconn, row_factory)
        self._answered = False
        name_statements_apart(self)
        note_owner(self)
        react_to_forks(self)

    def begin_anew(self) -> None:
        """Cut it off in the child of a fork."""
        _cut_off(self)

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if not is_inherited(self):
            await super().__aexit__(kind, error, trace)

    async def close(self) -> None:
        """Close it, in the process that opened it."""
        if not is_inherited(self):
            await super().close()

    async def wait(self, gen: PQGen[T], *args: Any, **kwargs: Any) -> T:
        """See :meth:`DeadlineConnection.wait`."""
        check_owner(self)
        try:
            answer = await super().wait(
                _limited(gen, self.seconds, self.first_seconds, self._answered), *args, **kwargs
            )
        except psycopg.InternalError as error:
            if error.sqlstate is None:
                await self.close()
            raise
        except DeadlineError:
            try:
                if capabilities.has_cancel_safe():
                    with suppress(psycopg.Error):
                        await self.cancel_safe(timeout=_CANCELLING)
            finally:
                await self.close()
            raise
        self._answered = True
        return answer


def _cut_off(connection: psycopg.BaseConnection[Any]) -> None:
    with suppress(psycopg.Error):  # it is closed, or was never made
        cut_off(connection.pgconn.socket)


def with_deadline(seconds: float | None, first_seconds: float | None = None) -> type[DeadlineConnection]:
    """The class of connections whose statements take at most so many seconds, and the first of them ``first_seconds``."""
    return type("DeadlineConnection", (DeadlineConnection,), {"seconds": seconds, "first_seconds": first_seconds})


def with_async_deadline(seconds: float | None, first_seconds: float | None = None) -> type[AsyncDeadlineConnection]:
    """:func:`with_deadline` for asyncio."""
    options = {"seconds": seconds, "first_seconds": first_seconds}
    return type("AsyncDeadlineConnection", (AsyncDeadlineConnection,), options)


def _limited(gen: PQGen[T], seconds: float | None, first_seconds: float | None, answered: bool) -> PQGen[T]:
    if first_seconds is not None and not answered:
        return _within(gen, min(first_seconds, seconds or first_seconds), NoSessionError)
    return gen if seconds is None or _unhurried.get() else _within(gen, seconds, DeadlineError)


def _within(gen: PQGen[T], seconds: float, failure: type[DeadlineError]) -> PQGen[T]:
    """Run ``gen`` until the time is over; psycopg wakes it ten times a second when nothing comes."""
    until = time.monotonic() + seconds
    try:
        state = next(gen)
        while True:
            ready = yield state
            if time.monotonic() >= until:
                gen.close()
                raise failure(f"no answer within {seconds:g} s")
            state = gen.send(ready)
    except StopIteration as done:
        return done.value
