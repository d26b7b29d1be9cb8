"""Retries of what met a lost connection or another writer, where nothing of it was done; never twice what was done.

A server that restarts, fails over or ends a backend takes the connections of a pool with it, some of them only a moment
later. Callers do not see that: a flow of which nothing was committed is run again, with a connection of the pool that
still works, until ``Settings.connect_seconds`` have passed. What
becomes of a COMMIT whose answer was lost: ``postgres/commit_confirmation.py``.
"""

import random
import time
from collections.abc import Awaitable, Callable, Coroutine, Generator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any, TypeVar

import psycopg
import psycopg_pool
from psycopg import errors

from langchain_persistmem.errors import ConcurrentUpdateError, StorageError
from langchain_persistmem.postgres.connections.timeouts import DeadlineError

T = TypeVar("T")
Pause = Callable[[float], Awaitable[None]]
"""Waits so many seconds."""

_FIRST_PAUSE = 0.01  # seconds; it doubles
_LONGEST_PAUSE = 0.25
_MOST_CONFLICTS = 10
"""So often may a call meet another writer before that is an error."""

_POOL_SAYS_NO = (psycopg_pool.PoolTimeout, psycopg_pool.PoolClosed, psycopg_pool.TooManyRequests)
"""The pool has no connection to give; the caller has waited for one already."""
_LOST = (psycopg.OperationalError, psycopg.InterfaceError, psycopg.InternalError)


def is_over(error: psycopg.Error) -> bool:
    """Tell if ``error`` ended the transaction with nothing done, so that another try may succeed."""
    if isinstance(error, _POOL_SAYS_NO):
        return False
    if isinstance(
        error,
        errors.DeadlockDetected | errors.SerializationFailure | errors.UniqueViolation | errors.ReadOnlySqlTransaction,
    ):
        return True
    if isinstance(error, DeadlineError):  # it would pass again
        return False
    # Without a code it is libpq's, of a connection that is gone, or psycopg's, of one that answers what was not asked: a
    # pooler puts the farewell of a server that it lost before its own answer. 57P0x is the server's farewell, 08xxx a pooler's.
    lost = error.sqlstate is None or error.sqlstate.startswith(("57P0", "08"))
    return lost and isinstance(error, _LOST)


class Backoff:
    """The pauses between tries, each longer than the one before, and when to stop.

    Args:
        seconds: of trying altogether, from the first failure.
        at_once: so many tries come without a pause: each may meet another dead connection of the pool.
    """

    def __init__(self, seconds: float, *, at_once: int = 0) -> None:
        self._seconds = seconds
        self._at_once = at_once
        self._failures = 0
        self._until: float | None = None

    def pause(self, error: StorageError) -> float | None:
        """Seconds to wait before the next try; None if ``error`` is to be raised."""
        now = time.monotonic()
        self._until = now + self._seconds if self._until is None else self._until
        self._failures += 1
        conflict = isinstance(error, ConcurrentUpdateError)
        if now >= self._until or (conflict and self._failures > _MOST_CONFLICTS):
            return None
        late = self._failures if conflict else self._failures - self._at_once
        if late <= 0:
            return 0.0
        # writers that met and wait for the same time would meet again
        return min(_FIRST_PAUSE * 2 ** min(late - 1, 10), _LONGEST_PAUSE) * random.uniform(0.5, 1.0)  # noqa: S311


@dataclass(slots=True)
class _Step:
    """The step that runs now."""

    committed: bool = False
    """A part of it was committed."""


_current: ContextVar[_Step | None] = ContextVar("persistmem_step", default=None)


async def retry(flow: Callable[[], Coroutine[Any, Any, T]], pause: Pause, backoff: Backoff) -> T:
    """Run ``flow``, again as long as it fails with nothing done and ``backoff`` allows another try."""
    while True:
        with _step() as step:
            try:
                return await flow()
            except StorageError as error:
                seconds = backoff.pause(error) if error.nothing_was_done and not step.committed else None
                if seconds is None:
                    raise
        await pause(seconds)


def note_commit() -> None:
    """Note that a part of the step that runs was committed, so that it is not run again."""
    step = _current.get()
    if step is not None:
        step.committed = True


@contextmanager
def apart() -> Generator[None]:
    """A block whose commits do not count for the step around it.

    Upkeep beside a write may be done whether or not the write is: a write whose connection is lost is tried again all the same.
    """
    token = _current.set(None)
    try:
        yield
    finally:
        _current.reset(token)


@contextmanager
def _step() -> Generator[_Step]:
    """A step that notes its commits; the step around it has committed what this one has."""
    outer, step = _current.get(), _Step()
    token = _current.set(step)
    try:
        yield step
    finally:
        _current.reset(token)
        if outer is not None and step.committed:
            outer.committed = True
