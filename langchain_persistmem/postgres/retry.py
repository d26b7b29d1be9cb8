"""Retries of what met a lost connection or another writer, where nothing of it was done; never twice what was done.

A server that restarts, fails over or ends a backend takes the connections of a pool with it, some of them only a moment
later. Callers do not see that: a flow of which nothing was committed is run again, with a connection of the pool that
still works, until ``Settings.connect_seconds`` have passed. A COMMIT whose answer was lost may have been done or not; the
server is asked for the signature that every write leaves in its namespace, and so the write counts exactly once.
"""

import random
import time
from collections.abc import AsyncGenerator, Awaitable, Callable, Coroutine, Generator
from contextlib import AbstractAsyncContextManager, asynccontextmanager, contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any, TypeVar

from langchain_persistmem.errors import ConcurrentUpdateError, StorageError, StorageUnavailableError
from langchain_persistmem.postgres.queries.namespaces import was_committed
from langchain_persistmem.postgres.transaction import Signature, Transaction

T = TypeVar("T")
Pause = Callable[[float], Awaitable[None]]
"""Waits so many seconds."""

_FIRST_PAUSE = 0.01  # seconds; it doubles
_LONGEST_PAUSE = 0.25
_MOST_CONFLICTS = 10
"""So often may a call meet another writer before that is an error."""


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


@asynccontextmanager
async def confirm_commit(
    begin: Callable[[], AbstractAsyncContextManager[Transaction]],
    pause: Pause,
    backoff: Backoff,
    *,
    writes: bool,
    repeatable: bool = False,
) -> AsyncGenerator[Transaction]:
    """A transaction whose end is certain: where the answer to its COMMIT is lost, the server is asked what became of it.

    Args:
        begin: begins it.
        pause: waits so many seconds.
        backoff: for the question.
        writes: whether anything may be committed.
        repeatable: doing it twice is as good as doing it once.
    """
    failure: StorageUnavailableError | None = None
    try:
        async with begin() as tx:
            yield tx
    except StorageUnavailableError as error:
        if not error.unanswered:
            raise
        failure = error
    if failure is not None:
        signature, failure.unanswered = failure.unanswered, False
        # Without a signature nothing can be asked for: whether it was committed stays unknown.
        committed = await _was_committed(begin, signature, pause, backoff) if isinstance(signature, Signature) else None
        if not committed:
            failure.nothing_was_done = repeatable or committed is False
            raise failure
    step = _current.get()
    if step is not None and writes:
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


class _UndoError(Exception):
    """Rolls back what the question itself wrote."""


async def _was_committed(
    begin: Callable[[], AbstractAsyncContextManager[Transaction]], signature: Signature, pause: Pause, backoff: Backoff
) -> bool | None:
    """Find out if the transaction was committed; None if that cannot be found out."""
    committed: bool | None = None
    while True:
        try:
            async with begin() as tx:
                committed = await was_committed(tx, signature)
                raise _UndoError
        except _UndoError:
            return committed
        except StorageError as error:
            seconds = backoff.pause(error) if error.nothing_was_done else None
        if seconds is None:
            return None
        await pause(seconds)


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
