"""``memory.privacy``: consent, a person's data in a file, proof of erasure, and the audit log."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from pathlib import Path
from uuid import UUID

from langchain_persistmem.client.group import Group
from langchain_persistmem.client.sync_and_async import both, run
from langchain_persistmem.privacy import audit as audit_flow
from langchain_persistmem.privacy import audit_chain, erasure_log, import_file
from langchain_persistmem.privacy import consent as consent_flow
from langchain_persistmem.privacy import export as export_flow
from langchain_persistmem.privacy.export_file import ExportWriter
from langchain_persistmem.privacy.export_file_checks import ExportFile
from langchain_persistmem.types import validation
from langchain_persistmem.types.erasure_log_line import Erasure, erasures_of
from langchain_persistmem.types.namespace import Namespace
from langchain_persistmem.types.progress import Progress
from langchain_persistmem.types.records import AuditCheck, AuditEntry, Consent
from langchain_persistmem.types.results import ExportResult, ImportFileResult, Receipt


class Privacy(Group):
    """A person's rights over their data: ``memory.privacy``."""

    async def _consent(self, *, user_id: str | None = None, namespace: Namespace | None = None) -> Consent:
        """Return the person's consent: ``"allowed"``, ``"no_extract"`` or ``"paused"``.

        ``"allowed"`` allows everything, ``"no_extract"`` no learning from conversations, ``"paused"`` neither writing
        nor recalling. A person who has not been stored yet has ``Settings.consent``.
        """
        return await run(self.backend, consent_flow.consent, self._memory.namespace_of(user_id, namespace))

    consent, aconsent = both(_consent)

    async def _set_consent(
        self, consent: Consent, *, user_id: str | None = None, namespace: Namespace | None = None
    ) -> None:
        """Change the person's consent, from this moment on; stored memories stay.

        With ``"no_extract"`` conversations are stored and given statements stored, and nothing is learnt from
        conversations. With ``"paused"`` nothing is written and nothing recalled; listing, reading, the history and
        ``memory.forget()`` go on working. Turns that waited to be learnt from never are, and neither are those that are
        stored meanwhile, also when everything is allowed again.

        Raises:
            InvalidInputError: there is no such consent.
        """
        namespace = self._memory.namespace_of(user_id, namespace)
        await run(self.backend, consent_flow.set_consent, namespace, consent, now=datetime.now(UTC))

    set_consent, aset_consent = both(_set_consent)

    async def _off_record(
        self, thread_id: str, *, user_id: str | None = None, namespace: Namespace | None = None
    ) -> bool:
        """Return True if a conversation is off the record; see :meth:`set_off_record`.

        Raises:
            InvalidInputError: ``thread_id`` is malformed.
        """
        return await run(
            self.backend, consent_flow.off_record, self._memory.namespace_of(user_id, namespace), thread_id
        )

    off_record, aoff_record = both(_off_record)

    async def _set_off_record(
        self, thread_id: str, off: bool = True, *, user_id: str | None = None, namespace: Namespace | None = None
    ) -> None:
        """Put a conversation off the record, or back on it: nothing is recalled into it, stored or learnt from it.

        Turns that were stored before stay, and so do memories; turns that waited to be learnt from never are.
        LangGraph's checkpoints are the graph's own and stay.

        Raises:
            InvalidInputError: ``thread_id`` is malformed, or ``off`` is neither True nor False.
        """
        namespace = self._memory.namespace_of(user_id, namespace)
        await run(self.backend, consent_flow.set_off_record, namespace, thread_id, off, now=datetime.now(UTC))

    set_off_record, aset_off_record = both(_set_off_record)

    async def _export(
        self,
        path: str | Path,
        *,
        progress: Callable[[Progress], object] | None = None,
        user_id: str | None = None,
        namespace: Namespace | None = None,
    ) -> ExportResult:
        """Write all stored data of a person to a file: memories with their history, conversations, consent.

        JSON Lines, packed if ``path`` ends with ``.gz``; only the owner may read it. It appears under its name when it
        is whole. Namespaces that begin with the person's are in it too. LangGraph's checkpoints are not.

        Args:
            path: the file: a new one, or an earlier export, which it replaces.
            progress: called after each page of rows.
            user_id: the person. Or ``namespace``.

        Raises:
            InvalidInputError: the file cannot be written, or is one that is no export.
        """
        # Given up whatever happens: what is not whole never stands under the name of the file.
        writer, namespace = ExportWriter(validation.path(path, "path")), self._memory.namespace_of(user_id, namespace)
        try:
            return await run(
                self.backend, export_flow.export_file, namespace, writer, progress=progress, now=datetime.now(UTC)
            )
        finally:
            writer.give_up()

    export, aexport = both(_export)

    async def _import_file(
        self,
        path: str | Path,
        *,
        trusted: bool = False,
        dry_run: bool = False,
        progress: Callable[[Progress], object] | None = None,
        user_id: str | None = None,
        namespace: Namespace | None = None,
    ) -> ImportFileResult:
        """Bring back the rows that :meth:`export` wrote, under the same ids, with their history.

        Rows that are here already stay as they are, so that the same file again changes nothing. Vectors are taken from
        the file if the same model made them, otherwise made anew. Of two consents the stricter holds.

        Args:
            path: the file; it is checked from the first line to the last before anything is stored.
            trusted: the file comes from where nobody else writes. Otherwise nothing in it counts as the operator's, and what
                reads like an attack waits for review again.
            dry_run: only check and count.
            progress: called after each batch, first while all is tried, then while it is stored.
            user_id: the person it is to belong to here; by default the one it belonged to there. Or ``namespace``.

        Raises:
            InvalidInputError: the file is not whole, was changed, or is no export.
            MemoryDisabledError: memory is paused here for the person.
        """
        # Without a name the file's own namespaces hold, so that a backup comes back to where it was.
        has_target = user_id is not None or namespace is not None
        root = self._memory.namespace_of(user_id, namespace) if has_target else None
        source = ExportFile(validation.path(path, "path"))
        return await run(
            self.backend,
            import_file.import_file,
            source,
            root,
            trusted=trusted,
            dry_run=dry_run,
            progress=progress,
            now=datetime.now(UTC),
        )

    import_file, aimport_file = both(_import_file)

    async def _erasures(self, *, after: UUID | None = None, limit: int = 1000) -> list[Erasure]:
        """List the log of erasures, the oldest first; it names nobody, and has no content.

        Store it outside of the database (``Erasure.line`` is a line of JSON): after a restore
        :meth:`replay_erasures` erases again.

        Args:
            after: ``Erasure.id`` of the last entry that is known.
            limit: at most this many.

        Raises:
            InvalidInputError: ``limit`` is out of range.
        """
        return await run(self.backend, erasure_log.list_, after=after, limit=limit)

    erasures, aerasures = both(_erasures)

    async def _replay_erasures(
        self,
        entries: Iterable[Erasure | str],
        *,
        shared_threads: bool = False,
        dry_run: bool = False,
        progress: Callable[[Progress], object] | None = None,
    ) -> Receipt:
        """Erase again, after a backup was restored, everything that had been erased since it was made.

        Entries whose rows are not there do nothing, so that it may be run again at any time. The entries become
        part of this database's log.

        Args:
            entries: of :meth:`erasures`, or lines of JSON, such as an open file.
            shared_threads: as for ``memory.forget()``.
            dry_run: do it all, count it, and roll it back.
            progress: called after each namespace.

        Raises:
            InvalidInputError: a line is not of a log; the message has its number, and nothing was erased.
        """
        # All of the log is read and checked before anything goes.
        log, now = erasures_of(entries), datetime.now(UTC)
        return await run(
            self.backend,
            erasure_log.replay,
            log,
            shared_threads=shared_threads,
            dry_run=dry_run,
            progress=progress,
            now=now,
        )

    replay_erasures, areplay_erasures = both(_replay_erasures)

    async def _resume_erasures(
        self, *, shared_threads: bool = False, progress: Callable[[Progress], object] | None = None
    ) -> Receipt:
        """Finish the erasures that were interrupted: those without ``Erasure.completed_at``.

        Args:
            shared_threads: as for ``memory.forget()``.
            progress: called after each namespace.
        """
        return await run(
            self.backend, erasure_log.resume, shared_threads=shared_threads, progress=progress, now=datetime.now(UTC)
        )

    resume_erasures, aresume_erasures = both(_resume_erasures)

    async def _audit(
        self,
        *,
        after: int | None = None,
        since: datetime | None = None,
        limit: int = 100,
        user_id: str | None = None,
        namespace: Namespace | None = None,
    ) -> list[AuditEntry]:
        """List the audit log: actor, action, memories and time, oldest first, without content; the latest, or a page.

        Args:
            after: the page that follows the entry of this number; 0 for the first page.
            since: only entries of this moment or later.
            limit: at most this many, up to 10,000.

        Raises:
            InvalidInputError: an argument is out of range; the message names it.
        """
        namespace = self._memory.namespace_of(user_id, namespace)
        return await run(self.backend, audit_flow.audit, namespace, after=after, since=since, limit=limit)

    audit, aaudit = both(_audit)

    async def _verify_audit(
        self, *, head: str | None = None, user_id: str | None = None, namespace: Namespace | None = None
    ) -> AuditCheck:
        """Check the audit log's chain, and name every entry where something was changed, removed or inserted.

        Args:
            head: :attr:`AuditCheck.head` of an earlier check that was stored elsewhere. With it, even somebody
                who may write everything in the database cannot have changed the entries before it.

        Raises:
            InvalidInputError: ``head`` is malformed.
        """
        return await run(
            self.backend, audit_chain.verify_audit, self._memory.namespace_of(user_id, namespace), head=head
        )

    verify_audit, averify_audit = both(_verify_audit)
