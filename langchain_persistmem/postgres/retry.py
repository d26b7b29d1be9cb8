"""Beginning again what met a lost connection or another writer, where nothing of it was done; never twice what was done.

A server that restarts, fails over or ends a backend takes the connections of a pool with it, some of them only a moment
later. Nobody has to see that: a flow of which nothing was committed is begun again, with a connection of the pool that
still lives, until ``Settings.connect_seconds`` have passed. A COMMIT whose answer was lost may have been done or not; it
is asked after by the signature that every write leaves in its namespace, and so counts exactly once.
"""

import random
import time
from collections.abc import AsyncGenerator, Awaitable, Callable, Coroutine, Generator
from contextlib import AbstractAsyncContextManager, asynccontextmanager, contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any, TypeVar

from langchain_persistmem.errors import ConcurrentUpdateError, StorageError, StorageUnavailableError
from langchain_persistmem.postgres.queries.namespaces import was_written
from langchain_persistmem.postgres.transaction import Signature, Transaction

T = TypeVar("T")


_FIRST_PAUSE = 0.01  # seconds; it doubles
_LONGEST_PAUSE = 0.25
_MEETINGS = 10
"""So often may a call meet another writer before that is an error."""


class Patience:
    """Whether, and after how long, to try once more.

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
        met = isinstance(error, ConcurrentUpdateError)
        if now >= self._until or (met and self._failures > _MEETINGS):
            return None
        late = self._failures if met else self._failures - self._at_once
        if late <= 0:
            return 0.0
        # in step with each other, those who met would meet again
        return min(_FIRST_PAUSE * 2 ** min(late - 1, 10), _LONGEST_PAUSE) * random.uniform(0.5, 1.0)  # noqa: S311


@dataclass(slots=True)
class _Step:
    """What runs now, and whether any of it was committed."""

    committed: bool = False


_current: ContextVar[_Step | None] = ContextVar("persistmem_step", default=None)


async def again(
    flow: Callable[[], Coroutine[Any, Any, T]], pause: Callable[[float], Awaitable[None]], patience: Patience
) -> T:
    """The result of ``flow``, begun again as long as it fails with nothing done and ``patience`` lasts."""
    while True:
        with _step() as step:
            try:
                return await flow()
            except StorageError as error:
                seconds = patience.pause(error) if error.nothing_was_done and not step.committed else None
                if seconds is None:
                    raise
        await pause(seconds)


@asynccontextmanager
async def answered(
    begin: Callable[[], AbstractAsyncContextManager[Transaction]],
    pause: Callable[[float], Awaitable[None]],
    patience: Patience,
    *,
    writes: bool,
    repeatable: bool = False,
) -> AsyncGenerator[Transaction]:
    """A transaction whose end is known: where the answer to its COMMIT is lost, the server is asked what became of it.

    Args:
        begin: begins it.
        pause: waits so many seconds.
        patience: for the question.
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
        written = await _asked(begin, signature, pause, patience) if isinstance(signature, Signature) else None
        if not written:
            failure.nothing_was_done = repeatable or written is False
            raise failure
    step = _current.get()
    if step is not None and writes:
        step.committed = True


class _Undo(Exception):
    """Nothing that the question wrote is to stay."""


async def _asked(
    begin: Callable[[], AbstractAsyncContextManager[Transaction]],
    signature: Signature,
    pause: Callable[[float], Awaitable[None]],
    patience: Patience,
) -> bool | None:
    """Whether the transaction was committed; None if that cannot be found out."""
    written: bool | None = None
    while True:
        try:
            async with begin() as tx:
                written = await was_written(tx, signature)
                raise _Undo
        except _Undo:
            return written
        except StorageError as error:
            seconds = patience.pause(error) if error.nothing_was_done else None
        if seconds is None:
            return None
        await pause(seconds)


@contextmanager
def _step() -> Generator[_Step]:
    """Notes commits while it lasts; the step around it has committed what this one has."""
    outer, step = _current.get(), _Step()
    token = _current.set(step)
    try:
        yield step
    finally:
        _current.reset(token)
        if outer is not None and step.committed:
            outer.committed = True
