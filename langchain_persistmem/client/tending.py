"""How memory is looked after: profile, history, review, background work, upkeep; each as ``x`` and as ``ax``."""

from __future__ import annotations

import builtins
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from pydantic import BaseModel

from langchain_persistmem.client.base import Hall
from langchain_persistmem.learning import background
from langchain_persistmem.learning import changes as changes_flow
from langchain_persistmem.learning import profile as profile_flow
from langchain_persistmem.lifecycle import retention
from langchain_persistmem.types.namespace import Namespace
from langchain_persistmem.types.records import Change, Memory
from langchain_persistmem.types.results import DeadLetter, MaintainResult, ProcessResult


class Tending(Hall):
    """The methods of :class:`PersistMem` that look after what is remembered."""

    def profile(self, *, user_id: str | None = None, namespace: Namespace | None = None) -> BaseModel:
        """The structured document about the user, as the class that was given to ``open(profile=...)``.

        With the default class, :class:`Profile`, it is joined with the name, the preferences, the goals
        and the instructions among the current memories, so that it is always in step with them.

        Raises:
            InvalidInputError: the stored document does not fit the class.
        """
        whose, now = self.whose(user_id, namespace), datetime.now(UTC)
        return self._as_profile(self._backend.run(profile_flow.read, whose, join=self._joined, now=now))

    async def aprofile(self, *, user_id: str | None = None, namespace: Namespace | None = None) -> BaseModel:
        """:meth:`profile`, awaited."""
        whose, now = self.whose(user_id, namespace), datetime.now(UTC)
        return self._as_profile(await self._backend.arun(profile_flow.read, whose, join=self._joined, now=now))

    def update_profile(
        self, changes: Mapping[str, Any], *, user_id: str | None = None, namespace: Namespace | None = None
    ) -> BaseModel:
        """Merge ``changes`` into the profile's document: objects field by field, None removes, all else replaces.

        The version before stays in ``history("profile")``, and can be restored.

        Raises:
            InvalidInputError: the result does not fit the profile's class; nothing was changed.
            MemoryDisabledError: memory is paused; nothing was changed.
        """
        whose, now = self.whose(user_id, namespace), datetime.now(UTC)
        return self._as_profile(
            self._backend.run(profile_flow.update, whose, changes, check=self._check_profile, now=now)
        )

    async def aupdate_profile(
        self, changes: Mapping[str, Any], *, user_id: str | None = None, namespace: Namespace | None = None
    ) -> BaseModel:
        """:meth:`update_profile`, awaited."""
        whose, now = self.whose(user_id, namespace), datetime.now(UTC)
        return self._as_profile(
            await self._backend.arun(profile_flow.update, whose, changes, check=self._check_profile, now=now)
        )

    def history(
        self, key: str, *, user_id: str | None = None, namespace: Namespace | None = None
    ) -> builtins.list[Memory]:
        """Every version under ``key``, and what they replaced, the latest first.

        Raises:
            MemoryNotFoundError: there never was one.
        """
        return self._backend.run(changes_flow.history, self.whose(user_id, namespace), key)

    async def ahistory(
        self, key: str, *, user_id: str | None = None, namespace: Namespace | None = None
    ) -> builtins.list[Memory]:
        """:meth:`history`, awaited."""
        return await self._backend.arun(changes_flow.history, self.whose(user_id, namespace), key)

    def changes(
        self,
        key: str | None = None,
        *,
        limit: int = 100,
        user_id: str | None = None,
        namespace: Namespace | None = None,
    ) -> builtins.list[Change]:
        """What changed and why, newest first, without content; under one key, or everywhere."""
        return self._backend.run(changes_flow.changes, self.whose(user_id, namespace), key, limit=limit)

    async def achanges(
        self,
        key: str | None = None,
        *,
        limit: int = 100,
        user_id: str | None = None,
        namespace: Namespace | None = None,
    ) -> builtins.list[Change]:
        """:meth:`changes`, awaited."""
        return await self._backend.arun(changes_flow.changes, self.whose(user_id, namespace), key, limit=limit)

    def restore(self, version: UUID, *, user_id: str | None = None, namespace: Namespace | None = None) -> Memory:
        """Make a superseded or archived memory current again; what is current in its place becomes its past.

        One that was archived into a summary comes back with all its others, and the summary goes.

        Args:
            version: ``Memory.id`` of one of :meth:`history`.

        Raises:
            MemoryNotFoundError: there is no such memory.
            InvalidInputError: it waits for review; see :meth:`approve`.
            MemoryDisabledError: memory is paused.
        """
        return self._backend.run(changes_flow.restore, self.whose(user_id, namespace), version, now=datetime.now(UTC))

    async def arestore(
        self, version: UUID, *, user_id: str | None = None, namespace: Namespace | None = None
    ) -> Memory:
        """:meth:`restore`, awaited."""
        whose = self.whose(user_id, namespace)
        return await self._backend.arun(changes_flow.restore, whose, version, now=datetime.now(UTC))

    def review(
        self, *, limit: int = 100, user_id: str | None = None, namespace: Namespace | None = None
    ) -> builtins.list[Memory]:
        """What waits for review and is not recalled, oldest first; see ``Memory.review`` for the reason.

        With ``Settings.contradictions="ask"`` these are also the open questions: ``Memory.review_of``
        is the memory that it would replace. :meth:`approve` or :meth:`reject` it.
        """
        return self._backend.run(changes_flow.review, self.whose(user_id, namespace), limit=limit)

    async def areview(
        self, *, limit: int = 100, user_id: str | None = None, namespace: Namespace | None = None
    ) -> builtins.list[Memory]:
        """:meth:`review`, awaited."""
        return await self._backend.arun(changes_flow.review, self.whose(user_id, namespace), limit=limit)

    def approve(self, version: UUID, *, user_id: str | None = None, namespace: Namespace | None = None) -> Memory:
        """Let a memory that waits for :meth:`review` be recalled; it supersedes what it contradicts.

        Raises:
            MemoryNotFoundError: nothing with this id waits for review.
            MemoryDisabledError: memory is paused.
        """
        return self._backend.run(changes_flow.approve, self.whose(user_id, namespace), version, now=datetime.now(UTC))

    async def aapprove(
        self, version: UUID, *, user_id: str | None = None, namespace: Namespace | None = None
    ) -> Memory:
        """:meth:`approve`, awaited."""
        whose = self.whose(user_id, namespace)
        return await self._backend.arun(changes_flow.approve, whose, version, now=datetime.now(UTC))

    def reject(self, version: UUID, *, user_id: str | None = None, namespace: Namespace | None = None) -> None:
        """Delete a memory that waits for :meth:`review`.

        Raises:
            MemoryNotFoundError: nothing with this id waits for review.
        """
        self._backend.run(changes_flow.reject, self.whose(user_id, namespace), version, now=datetime.now(UTC))

    async def areject(self, version: UUID, *, user_id: str | None = None, namespace: Namespace | None = None) -> None:
        """:meth:`reject`, awaited."""
        whose = self.whose(user_id, namespace)
        await self._backend.arun(changes_flow.reject, whose, version, now=datetime.now(UTC))

    def run_once(self, *, limit: int = 100) -> ProcessResult:
        """Learn from up to ``limit`` threads that are due, whoever's they are: a round of background work.

        For schedulers such as cron and Celery; where memory is open with a chat model, a worker of
        its own does the same all the time.
        """
        return self._backend.run(background.run_once, limit=limit, now=datetime.now(UTC))

    async def arun_once(self, *, limit: int = 100) -> ProcessResult:
        """:meth:`run_once`, awaited."""
        return await self._backend.arun(background.run_once, limit=limit, now=datetime.now(UTC))

    def dead_letters(
        self, *, user_id: str | None = None, namespace: Namespace | None = None
    ) -> builtins.list[DeadLetter]:
        """The turns that no attempt could be learnt from, by thread; they are stored, and :meth:`retry` tries again."""
        return self._backend.run(background.dead_letters, self.whose(user_id, namespace))

    async def adead_letters(
        self, *, user_id: str | None = None, namespace: Namespace | None = None
    ) -> builtins.list[DeadLetter]:
        """:meth:`dead_letters`, awaited."""
        return await self._backend.arun(background.dead_letters, self.whose(user_id, namespace))

    def retry(self, thread_id: str, *, user_id: str | None = None, namespace: Namespace | None = None) -> int:
        """Let the turns of a thread that were given up be learnt from again.

        Returns:
            How many there were.
        """
        whose = self.whose(user_id, namespace)
        return self._backend.run(background.retry, whose, thread_id, now=datetime.now(UTC))

    async def aretry(self, thread_id: str, *, user_id: str | None = None, namespace: Namespace | None = None) -> int:
        """:meth:`retry`, awaited."""
        whose = self.whose(user_id, namespace)
        return await self._backend.arun(background.retry, whose, thread_id, now=datetime.now(UTC))

    def maintain(
        self, *, dry_run: bool = False, user_id: str | None = None, namespace: Namespace | None = None
    ) -> MaintainResult:
        """Follow ``Settings.retention``: draw preferences from habits, compress, archive, erase what is to go.

        For schedulers, such as once a night. By default nothing is archived or erased.

        Args:
            dry_run: change nothing and ask no chat model; count what would be done.
            user_id: whose memory; without it and without ``namespace``, everybody's.

        Raises:
            InvalidInputError: both ``user_id`` and ``namespace`` were given, or one is malformed.
        """
        whose = None if user_id is None and namespace is None else self.whose(user_id, namespace)
        return self._backend.run(retention.maintain, whose, dry_run=dry_run, now=datetime.now(UTC))

    async def amaintain(
        self, *, dry_run: bool = False, user_id: str | None = None, namespace: Namespace | None = None
    ) -> MaintainResult:
        """:meth:`maintain`, awaited."""
        whose = None if user_id is None and namespace is None else self.whose(user_id, namespace)
        return await self._backend.arun(retention.maintain, whose, dry_run=dry_run, now=datetime.now(UTC))
