"""``memory.admin``: figures, background work, upkeep and imports, for whoever runs the database."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime

from langchain_persistmem.client import importers
from langchain_persistmem.client.group import Group
from langchain_persistmem.client.sync_and_async import both, run
from langchain_persistmem.learning.background import failed_work, learning_rounds, reembedding
from langchain_persistmem.lifecycle import maintenance
from langchain_persistmem.operations import doctor
from langchain_persistmem.operations import status as status_flow
from langchain_persistmem.types.namespace import Namespace, decode, encode
from langchain_persistmem.types.progress import Progress
from langchain_persistmem.types.records import Finding
from langchain_persistmem.types.results import (
    Activity,
    DeadLetter,
    MaintainResult,
    Person,
    ProcessResult,
    ReembedResult,
    StatusResult,
)


class Admin(Group):
    """Figures, background work, upkeep and imports: ``memory.admin``."""

    import_mem0 = importers.import_mem0
    aimport_mem0 = importers.aimport_mem0
    import_postgres_store = importers.import_postgres_store
    aimport_postgres_store = importers.aimport_postgres_store

    async def _status(self, *, user_id: str | None = None, namespace: Namespace | None = None) -> StatusResult:
        """Count rows and waiting work, without content: of one namespace, or, if none is named, of the whole database.

        Raises:
            ConfigurationError: the whole database is meant, and row-level security does not let this role see it.
        """
        return await run(self.backend, status_flow.status, self._namespace_or_none(user_id, namespace))

    status, astatus = both(_status)

    async def _activity(
        self,
        *,
        since: datetime | None = None,
        step: status_flow.Step = "day",
        user_id: str | None = None,
        namespace: Namespace | None = None,
    ) -> list[Activity]:
        """Count what was added by period, without content: to one namespace, or, if none is named, to the whole database.

        A period in which nothing was added is left out. For the whole database all its rows are counted, which takes
        seconds where there are millions.

        Args:
            since: only what was added at this moment or later.
            step: the length of a period, in UTC.

        Raises:
            InvalidInputError: an argument is malformed; the message names it.
            ConfigurationError: the whole database is meant, and row-level security does not let this role see it.
        """
        namespace = self._namespace_or_none(user_id, namespace)
        return await run(self.backend, status_flow.activity, namespace, since=since, step=step)

    activity, aactivity = both(_activity)

    async def _people(self, *, begins_with: str = "", after: Namespace | None = None, limit: int = 100) -> list[Person]:
        """List the people that have memory, by the template of ``open(namespace=...)``, with figures and without content.

        Namespaces of another shape, such as shared or deeper ones, are not among them. For the next page, pass
        ``Person.namespace`` of the last one as ``after``.

        Args:
            begins_with: only those whose ``user_id`` begins with this.
            after: the namespace before the page; by default the page is the first.
            limit: at most this many, up to 10,000.

        Raises:
            InvalidInputError: an argument is malformed, or out of range.
            ConfigurationError: row-level security does not let this role see all namespaces.
        """
        template = self._memory.namespace
        return await run(self.backend, status_flow.people, template, begins_with=begins_with, after=after, limit=limit)

    people, apeople = both(_people)

    async def _maintain(
        self,
        *,
        dry_run: bool = False,
        drop_turns: bool = False,
        progress: Callable[[Progress], object] | None = None,
        user_id: str | None = None,
        namespace: Namespace | None = None,
    ) -> MaintainResult:
        """Follow ``Settings.retention``: derive preferences from habits, compress, archive, and erase what is due.

        For schedulers, such as once a night. By default nothing is archived or erased.

        Args:
            dry_run: change nothing and ask no chat model; count what would be done.
            drop_turns: erase the turns too, where ``Settings.turns`` is False. The messages stay, and a later call with
                ``Settings(turns=True)`` makes the turns again.
            progress: called after each namespace.
            user_id: the person; without it and without ``namespace``, everybody.

        Raises:
            InvalidInputError: both ``user_id`` and ``namespace`` were given, or one is malformed.
            ConfigurationError: ``drop_turns``, and ``Settings.turns`` is True; or everybody is meant, and row-level security does not let this role see all namespaces.
        """
        # Nobody named means everybody, which is only for those who may see all namespaces.
        namespace = self._namespace_or_none(user_id, namespace)
        return await run(
            self.backend,
            maintenance.maintain,
            namespace,
            dry_run=dry_run,
            drop_turns=drop_turns,
            progress=progress,
            now=datetime.now(UTC),
        )

    maintain, amaintain = both(_maintain)

    async def _process_pending(
        self, *, limit: int = 100, progress: Callable[[Progress], object] | None = None
    ) -> ProcessResult:
        """Learn from up to ``limit`` threads that are due, of any person: one round of background work.

        For schedulers such as cron and Celery; where memory is open with a chat model, a worker of
        its own does the same all the time.

        Args:
            limit: at most this many threads.
            progress: called after each thread.

        Raises:
            InvalidInputError: ``limit`` is out of range.
        """
        return await run(self.backend, learning_rounds.run_once, limit=limit, progress=progress, now=datetime.now(UTC))

    process_pending, aprocess_pending = both(_process_pending)

    async def _dead_letters(
        self, *, user_id: str | None = None, namespace: Namespace | None = None
    ) -> list[DeadLetter]:
        """List the turns from which no attempt could learn, by thread; they are stored, and :meth:`retry` tries again.

        Of one namespace, or, if none is named, of the whole database.

        Raises:
            ConfigurationError: the whole database is meant, and row-level security does not let this role see it.
        """
        return await run(self.backend, failed_work.dead_letters, self._namespace_or_none(user_id, namespace))

    dead_letters, adead_letters = both(_dead_letters)

    async def _retry(self, thread_id: str, *, user_id: str | None = None, namespace: Namespace | None = None) -> int:
        """Queue a thread's dead letters to be learnt from again.

        Returns:
            The number of turns.

        Raises:
            InvalidInputError: ``thread_id`` is malformed.
        """
        namespace = self._memory.namespace_of(user_id, namespace)
        return await run(self.backend, failed_work.retry, namespace, thread_id, now=datetime.now(UTC))

    retry, aretry = both(_retry)

    async def _diagnose(self, *, progress: Callable[[Progress], object] | None = None) -> list[Finding]:
        """Examine this database: faults, their effect and their fix; content is not read, nothing is changed.

        It works before ``memory.setup()``, on a replica, and with few rights: what cannot be seen is a finding too.

        Args:
            progress: called after each check.

        Raises:
            StorageUnavailableError: the server does not answer.
        """
        return await run(self.backend, doctor.diagnose, progress=progress, now=datetime.now(UTC))

    diagnose, adiagnose = both(_diagnose)

    async def _reembed(
        self, *, drop_others: bool = False, progress: Callable[[Progress], object] | None = None
    ) -> ReembedResult:
        """Make vectors of the present embedding model for every memory that has none, while memory is in use.

        Open with the new model and call this. Until it is done, applications go on with the old model, whose vectors
        stay. Afterwards open them with the new model, and call this once more with ``drop_others``, for the memories
        that they wrote meanwhile. May be stopped and called again at any time.

        Args:
            drop_others: then delete the vectors of all other models.
            progress: called after each page with the memories done so far.

        Raises:
            EmbeddingError: the new model fails at once. If it fails later, the namespace waits and is counted.
            ConfigurationError: ``drop_others``, and namespaces still wait; nothing was dropped.
        """
        return await run(
            self.backend, reembedding.reembed, drop_others=drop_others, progress=progress, now=datetime.now(UTC)
        )

    reembed, areembed = both(_reembed)

    def _namespace_or_none(self, user_id: str | None, namespace: Namespace | None) -> Namespace | None:
        """The namespace that is meant; None for all of them."""
        if user_id is None and namespace is None:
            return None
        return decode(encode(self._memory.namespace_of(user_id, namespace)))
