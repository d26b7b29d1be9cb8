"""What this process has written into large namespaces and has not put on their shelves yet."""

import threading
from collections.abc import Hashable
from contextvars import ContextVar
from typing import Generic, TypeVar

N = TypeVar("N", bound=Hashable)

SOME = 16
"""Vectors that are put on a shelf together: what comes before is compared exactly meanwhile, which costs a search nothing."""

_mine: ContextVar[frozenset[Hashable]] = ContextVar("persistmem_written", default=frozenset())
"""Where this thread or task has written: a search beside it is not to wait until that is shelved."""


class Written(Generic[N]):
    """Counts of vectors by namespace, of large ones only; for many threads and tasks."""

    def __init__(self) -> None:
        self._counts: dict[N, int] = {}
        self._lock = threading.Lock()

    def held(self, namespace: N, *, large: bool) -> None:
        """A write of ``namespace`` begins, which is large or is not."""
        if large:
            with self._lock:
                self._counts.setdefault(namespace, 0)
        elif self._counts:
            with self._lock:
                self._counts.pop(namespace, None)

    def note(self, namespace: N, vectors: int) -> None:
        """So many vectors were written; forgotten where the namespace is small."""
        if self._counts:
            with self._lock:
                if namespace in self._counts:
                    self._counts[namespace] += vectors
                    _mine.set(_mine.get() | {namespace})

    def take(self) -> dict[N, int]:
        """The namespaces that this thread or task wrote to, if it is time, with what was written; others are counted on."""
        mine = _mine.get()
        if not mine:
            return {}
        _mine.set(frozenset())
        with self._lock:
            due = {each: count for each, count in self._counts.items() if each in mine and count >= SOME}
            for namespace in due:
                del self._counts[namespace]
            return due
