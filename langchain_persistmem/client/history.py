"""``memory.history``: versions of memories, their changes, and the way back."""

from __future__ import annotations

from datetime import UTC, datetime
from uuid import UUID

from langchain_persistmem.client.group import Group
from langchain_persistmem.client.sync_and_async import both, run
from langchain_persistmem.lifecycle import approve_and_restore, history
from langchain_persistmem.types.namespace import Namespace
from langchain_persistmem.types.records import Change, Memory, MemoryRecord


class History(Group):
    """The past of memories: ``memory.history``."""

    async def _of(self, key: str, *, user_id: str | None = None, namespace: Namespace | None = None) -> MemoryRecord:
        """Return a memory with its source messages, versions, changes and uses.

        Raises:
            MemoryNotFoundError: there never was one under ``key``.
        """
        namespace = self._memory.namespace_of(user_id, namespace)
        return await run(self.backend, history.show, namespace, key, now=datetime.now(UTC))

    of, aof = both(_of)

    async def _version(
        self, version: UUID, *, user_id: str | None = None, namespace: Namespace | None = None
    ) -> Memory:
        """Return one memory by its id, whatever its status: a successor, a summary, or what waits for review.

        Args:
            version: a ``Memory.id``, such as ``Memory.superseded_by`` or ``Change.by_memory``.

        Raises:
            MemoryNotFoundError: there is none.
        """
        return await run(self.backend, history.version, self._memory.namespace_of(user_id, namespace), version)

    version, aversion = both(_version)

    async def _versions(
        self, key: str, *, user_id: str | None = None, namespace: Namespace | None = None
    ) -> list[Memory]:
        """List every version under ``key``, and the memories that they replaced, the latest first.

        Raises:
            MemoryNotFoundError: there never was one.
        """
        return await run(self.backend, history.history, self._memory.namespace_of(user_id, namespace), key)

    versions, aversions = both(_versions)

    async def _changes(
        self,
        key: str | None = None,
        *,
        limit: int = 100,
        user_id: str | None = None,
        namespace: Namespace | None = None,
    ) -> list[Change]:
        """List changes with their reasons, newest first, without content.

        Args:
            key: only those under one key; by default all.
            limit: at most this many, up to 10,000.

        Raises:
            InvalidInputError: an argument is out of range; the message names it.
        """
        namespace = self._memory.namespace_of(user_id, namespace)
        return await run(self.backend, history.changes, namespace, key, limit=limit)

    changes, achanges = both(_changes)

    async def _restore(
        self, version: UUID, *, user_id: str | None = None, namespace: Namespace | None = None
    ) -> Memory:
        """Make a superseded or archived memory current again; the one that is current now becomes its past.

        A memory that was archived into a summary comes back with all the others of it, and the summary goes.

        Args:
            version: ``Memory.id`` of one of :meth:`versions`.

        Raises:
            MemoryNotFoundError: there is no such memory.
            InvalidInputError: it waits for review; see ``memory.review.approve()``.
            MemoryDisabledError: memory is paused.
        """
        namespace = self._memory.namespace_of(user_id, namespace)
        return await run(self.backend, approve_and_restore.restore, namespace, version, now=datetime.now(UTC))

    restore, arestore = both(_restore)
