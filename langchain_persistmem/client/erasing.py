"""The log of erasures: listing, replaying after a restore, going on after an interruption; each as ``x`` and as ``ax``."""

from __future__ import annotations

import builtins
from collections.abc import Iterable
from datetime import UTC, datetime
from uuid import UUID

from langchain_persistmem.client.base import Hall
from langchain_persistmem.privacy import erasure_log
from langchain_persistmem.privacy.erasure_log import erasures_of
from langchain_persistmem.types.results import Erasure, Receipt


class Erasing(Hall):
    """The methods of :class:`PersistMem` that see to it that what was erased stays erased."""

    def erasures(self, *, after: UUID | None = None, limit: int = 1000) -> builtins.list[Erasure]:
        """The log of erasures, the oldest first; it names nobody, and has no content.

        Keep it outside of the database (``Erasure.line`` is a line of JSON): after a restore
        :meth:`replay_erasures` erases again.

        Args:
            after: ``Erasure.id`` of the last one that is known.

        Raises:
            InvalidInputError: ``limit`` is out of range.
        """
        return self._backend.run(erasure_log.list_, after=after, limit=limit)

    async def aerasures(self, *, after: UUID | None = None, limit: int = 1000) -> builtins.list[Erasure]:
        """:meth:`erasures`, awaited."""
        return await self._backend.arun(erasure_log.list_, after=after, limit=limit)

    def replay_erasures(
        self, entries: Iterable[Erasure | str], *, shared_threads: bool = False, dry_run: bool = False
    ) -> Receipt:
        """Erase again, after a backup was restored, what had been erased since it was made.

        What is not there is left alone, so that it may be run again at any time. The entries become
        part of this database's log.

        Args:
            entries: of :meth:`erasures`, or lines of JSON, such as an open file.
            shared_threads: as for :meth:`forget`.
            dry_run: do it all, count it, and take it back.

        Raises:
            InvalidInputError: a line is not of a log; the message has its number, and nothing was erased.
        """
        found, now = erasures_of(entries), datetime.now(UTC)
        return self._backend.run(erasure_log.replay, found, shared_threads=shared_threads, dry_run=dry_run, now=now)

    async def areplay_erasures(
        self, entries: Iterable[Erasure | str], *, shared_threads: bool = False, dry_run: bool = False
    ) -> Receipt:
        """:meth:`replay_erasures`, awaited."""
        found, now = erasures_of(entries), datetime.now(UTC)
        return await self._backend.arun(
            erasure_log.replay, found, shared_threads=shared_threads, dry_run=dry_run, now=now
        )

    def resume_erasures(self, *, shared_threads: bool = False) -> Receipt:
        """Go on with the erasures that were interrupted: those without ``Erasure.completed_at``.

        Args:
            shared_threads: as for :meth:`forget`.
        """
        return self._backend.run(erasure_log.resume, shared_threads=shared_threads, now=datetime.now(UTC))

    async def aresume_erasures(self, *, shared_threads: bool = False) -> Receipt:
        """:meth:`resume_erasures`, awaited."""
        return await self._backend.arun(erasure_log.resume, shared_threads=shared_threads, now=datetime.now(UTC))
