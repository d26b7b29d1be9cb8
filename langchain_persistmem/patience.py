"""How long and how often to try once more."""

import random
import time

from langchain_persistmem.errors import ConcurrentUpdate, StorageError

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
        met = isinstance(error, ConcurrentUpdate)
        if now >= self._until or (met and self._failures > _MEETINGS):
            return None
        late = self._failures if met else self._failures - self._at_once
        if late <= 0:
            return 0.0
        # in step with each other, those who met would meet again
        return min(_FIRST_PAUSE * 2 ** min(late - 1, 10), _LONGEST_PAUSE) * random.uniform(0.5, 1.0)  # noqa: S311
