"""``memory.review``: memories that wait for a person's decision, and are not recalled before."""

from __future__ import annotations

import builtins
from collections.abc import Sequence
from datetime import UTC, datetime
from uuid import UUID

from langchain_persistmem.client.group import Group
from langchain_persistmem.client.sync_and_async import both, run
from langchain_persistmem.errors import InvalidInputError
from langchain_persistmem.lifecycle import review
from langchain_persistmem.types.namespace import Namespace
from langchain_persistmem.types.records import Memory


class Review(Group):
    """Memories that wait for review: ``memory.review``."""

    async def _list(
        self, *, limit: int = 100, user_id: str | None = None, namespace: Namespace | None = None
    ) -> builtins.list[Memory]:
        """List the memories that wait for review, oldest first; ``Memory.review`` has the reason.

        With ``Settings.contradictions="ask"`` these are also the open questions: ``Memory.review_of``
        is the memory that it would replace. :meth:`approve` or :meth:`reject` it.

        Args:
            limit: at most this many, up to 10,000.

        Raises:
            InvalidInputError: ``limit`` is out of range.
        """
        namespace = self._memory.namespace_of(user_id, namespace)
        return await run(self.backend, review.review, namespace, limit=limit)

    list, alist = both(_list)

    async def _approve(
        self,
        *versions: UUID,
        everything: bool = False,
        user_id: str | None = None,
        namespace: Namespace | None = None,
    ) -> builtins.list[Memory]:
        """Let memories that wait for review be recalled, all or none; each supersedes what it contradicts.

        Give either ``versions`` or ``everything``; without both, nothing is done.

        Args:
            versions: their ``Memory.id``, as in :meth:`list`.
            everything: all that waits, up to 10,000, in the order in which it came.

        Returns:
            The memories, which are current now.

        Raises:
            MemoryNotFoundError: one of them does not wait for review; nothing was approved.
            InvalidInputError: both were given, or a version is no UUID.
            MemoryDisabledError: memory is paused; nothing was approved.
        """
        namespace = self._memory.namespace_of(user_id, namespace)
        return await run(self.backend, review.approve, namespace, _choose(versions, everything), now=datetime.now(UTC))

    approve, aapprove = both(_approve)

    async def _reject(
        self,
        *versions: UUID,
        everything: bool = False,
        user_id: str | None = None,
        namespace: Namespace | None = None,
    ) -> int:
        """Delete memories that wait for review for good, all or none.

        Give either ``versions`` or ``everything``; without both, nothing is done.

        Args:
            versions: their ``Memory.id``, as in :meth:`list`.
            everything: all that waits, up to 10,000.

        Returns:
            The number of memories deleted.

        Raises:
            MemoryNotFoundError: one of them does not wait for review; nothing was deleted.
            InvalidInputError: both were given, or a version is no UUID.
        """
        namespace = self._memory.namespace_of(user_id, namespace)
        return await run(self.backend, review.reject, namespace, _choose(versions, everything), now=datetime.now(UTC))

    reject, areject = both(_reject)


def _choose(versions: Sequence[UUID], everything: bool) -> Sequence[UUID] | None:
    """The chosen versions; None stands for all that waits. An empty selection never means everything."""
    if versions and everything:
        raise InvalidInputError(
            "give either versions (Memory.id of what waits for review) or everything=True, not both"
        )
    return None if everything else versions
