"""Connections on which no statement waits for ever: for a lock, for a frozen server, or for a network that is gone.

The deadline is kept here, on the client, where it costs no round trip, needs no setting of the server and works
behind PgBouncer. When it passes, the server is asked to cancel the statement, and the connection is closed: the
server undoes what was not committed.
"""

import time
from collections.abc import Generator
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from typing import Any, TypeVar

import psycopg
from psycopg import capabilities
from psycopg.abc import PQGen
from psycopg.rows import DictRow

T = TypeVar("T")

_CANCELLING = 2.0
"""Seconds to ask the server to cancel; a frozen one does not answer."""
_unhurried: ContextVar[bool] = ContextVar("persistmem_unhurried", default=False)


class DeadlineError(psycopg.OperationalError):
    """A statement took longer than the connection allows; the connection is closed."""


@contextmanager
def without_deadline() -> Generator[None]:
    """Within the block statements may take as long as they need: those that build indexes do."""
    token = _unhurried.set(True)
    try:
        yield
    finally:
        _unhurried.reset(token)


class DeadlineConnection(psycopg.Connection[DictRow]):
    """A blocking connection with a deadline."""

    seconds: float | None = None
    """For one statement; None means no deadline."""

    def wait(self, gen: PQGen[T], *args: Any, **kwargs: Any) -> T:
        """Run one exchange with the server to its end, or to the deadline."""
        if self.seconds is None or _unhurried.get():
            return super().wait(gen, *args, **kwargs)
        try:
            return super().wait(_within(gen, self.seconds), *args, **kwargs)
        except DeadlineError:
            if capabilities.has_cancel_safe():  # the older way could wait for ever itself
                with suppress(psycopg.Error):
                    self.cancel_safe(timeout=_CANCELLING)
            self.close()
            raise


class AsyncDeadlineConnection(psycopg.AsyncConnection[DictRow]):
    """An asyncio connection with a deadline."""

    seconds: float | None = None
    """See :class:`DeadlineConnection`."""

    async def wait(self, gen: PQGen[T], *args: Any, **kwargs: Any) -> T:
        """See :meth:`DeadlineConnection.wait`."""
        if self.seconds is None or _unhurried.get():
            return await super().wait(gen, *args, **kwargs)
        try:
            return await super().wait(_within(gen, self.seconds), *args, **kwargs)
        except DeadlineError:
            try:
                if capabilities.has_cancel_safe():
                    with suppress(psycopg.Error):
                        await self.cancel_safe(timeout=_CANCELLING)
            finally:
                await self.close()
            raise


def with_deadline(seconds: float | None) -> type[DeadlineConnection]:
    """The class of connections whose statements take at most so many seconds."""
    return type("DeadlineConnection", (DeadlineConnection,), {"seconds": seconds})


def with_async_deadline(seconds: float | None) -> type[AsyncDeadlineConnection]:
    """:func:`with_deadline` for asyncio."""
    return type("AsyncDeadlineConnection", (AsyncDeadlineConnection,), {"seconds": seconds})


def _within(gen: PQGen[T], seconds: float) -> PQGen[T]:
    """Run ``gen`` until the time is over; psycopg wakes it ten times a second when nothing comes."""
    until = time.monotonic() + seconds
    try:
        state = next(gen)
        while True:
            ready = yield state
            if time.monotonic() >= until:
                gen.close()
                raise DeadlineError(f"no answer within {seconds:g} s")
            state = gen.send(ready)
    except StopIteration as done:
        return done.value
