"""Vectors that this process wrote into large namespaces and has not put into their HNSW indexes yet."""

from collections.abc import Hashable
from contextvars import ContextVar
from typing import Generic, TypeVar

from langchain_persistmem.postgres.owners import ProcessLock

N = TypeVar("N", bound=Hashable)

BATCH = 16
"""Vectors that are indexed together: what comes before is compared exactly meanwhile, which costs a search nothing."""

_mine: ContextVar[frozenset[Hashable]] = ContextVar("persistmem_unindexed", default=frozenset())
"""Where this thread or task has written: a search beside it is not to wait until that is indexed."""


class Unindexed(Generic[N]):
    """Counts of vectors by namespace, of large ones only; for many threads and tasks."""

    def __init__(self) -> None:
        self._counts: dict[N, int] = {}
        self._lock = ProcessLock()

    def begin_write(self, namespace: N, *, large: bool) -> None:
        """A write of ``namespace`` begins, which is large or is not."""
        if large:
            with self._lock:
                self._counts.setdefault(namespace, 0)
        elif self._counts:
            with self._lock:
                self._counts.pop(namespace, None)

    def add(self, namespace: N, vectors: int) -> None:
        """Count vectors that were written; not where the namespace is small."""
        if self._counts:
            with self._lock:
                if namespace in self._counts:
                    self._counts[namespace] += vectors
                    _mine.set(_mine.get() | {namespace})

    def take(self) -> dict[N, int]:
        """The namespaces that this thread or task wrote to, if there is enough to index, with its count; others are counted on."""
        namespaces = _mine.get()
        if not namespaces:
            return {}
        _mine.set(frozenset())
        with self._lock:
            due = {
                namespace: count
                for namespace, count in self._counts.items()
                if namespace in namespaces and count >= BATCH
            }
            for namespace in due:
                del self._counts[namespace]
            return due
