"""The parts of a memory that are reached through an attribute: ``memory.review``, ``memory.admin`` and the like."""

from __future__ import annotations

from typing import TYPE_CHECKING

from langchain_persistmem.runtime.backend import AsyncBackend, SyncBackend

if TYPE_CHECKING:
    from langchain_persistmem.client.persistmem import PersistMem


class Group:
    """Methods of one subject, over the memory that they belong to."""

    def __init__(self, memory: PersistMem) -> None:
        """Made by :class:`PersistMem`; use its attributes."""
        self._memory = memory

    @property
    def backend(self) -> SyncBackend | AsyncBackend:
        """The database and the models of the memory."""
        return self._memory.backend


def memory_of(target: PersistMem | Group) -> PersistMem:
    """The memory that ``target`` is, or belongs to."""
    return target._memory if isinstance(target, Group) else target  # pyright: ignore[reportPrivateUsage]
