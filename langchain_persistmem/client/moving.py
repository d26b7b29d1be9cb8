"""Taking memory along: to a file, from one, and to another embedding model; each as ``x`` and as ``ax``."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

from langchain_persistmem.client.base import Hall
from langchain_persistmem.learning import missing_vectors
from langchain_persistmem.privacy import export
from langchain_persistmem.privacy.export_file import ExportFile, ExportWriter
from langchain_persistmem.types.namespace import Namespace
from langchain_persistmem.types.results import ExportResult, ImportFileResult, ReembedResult


class Moving(Hall):
    """The methods of :class:`PersistMem` that write memory to a file, read it back, and make its vectors anew."""

    def export_file(
        self, path: str | Path, *, user_id: str | None = None, namespace: Namespace | None = None
    ) -> ExportResult:
        """Write all that is kept of a person to a file: memories with their history, conversations, consent.

        JSON Lines, packed if ``path`` ends with ``.gz``; only the owner may read it. It appears under its name when it
        is whole. Namespaces that begin with the person's are in it too. LangGraph's checkpoints are not.

        Raises:
            InvalidInputError: the file cannot be written.
        """
        writer, whose = ExportWriter(Path(path)), self.whose(user_id, namespace)
        try:
            return self._backend.run(export.export_file, whose, writer, now=datetime.now(UTC))
        finally:
            writer.give_up()

    async def aexport_file(
        self, path: str | Path, *, user_id: str | None = None, namespace: Namespace | None = None
    ) -> ExportResult:
        """:meth:`export_file`, awaited."""
        writer, whose = ExportWriter(Path(path)), self.whose(user_id, namespace)
        try:
            return await self._backend.arun(export.export_file, whose, writer, now=datetime.now(UTC))
        finally:
            writer.give_up()

    def import_file(
        self,
        path: str | Path,
        *,
        dry_run: bool = False,
        user_id: str | None = None,
        namespace: Namespace | None = None,
    ) -> ImportFileResult:
        """Bring back what :meth:`export_file` wrote: the same rows under the same ids, history and all.

        What is here already stays as it is, so that the same file again changes nothing. Vectors are taken from the
        file if the same model made them, otherwise made anew. Of two consents the stricter holds.

        Args:
            path: the file; it is checked from the first line to the last before anything is stored.
            dry_run: only check and count.
            user_id: whose it is to be here; by default whose it was there. Or ``namespace``.

        Raises:
            InvalidInputError: the file is not whole, was changed, or is no export.
            MemoryDisabledError: memory is paused here for the person.
        """
        root = self.whose(user_id, namespace) if user_id is not None or namespace is not None else None
        source = ExportFile(Path(path))
        return self._backend.run(export.import_file, source, root, dry_run=dry_run, now=datetime.now(UTC))

    async def aimport_file(
        self,
        path: str | Path,
        *,
        dry_run: bool = False,
        user_id: str | None = None,
        namespace: Namespace | None = None,
    ) -> ImportFileResult:
        """:meth:`import_file`, awaited."""
        root = self.whose(user_id, namespace) if user_id is not None or namespace is not None else None
        source = ExportFile(Path(path))
        return await self._backend.arun(export.import_file, source, root, dry_run=dry_run, now=datetime.now(UTC))

    def reembed(self, *, drop_others: bool = False, progress: Callable[[int], object] | None = None) -> ReembedResult:
        """Make vectors of the present embedding model for every memory that has none, while memory is in use.

        Open with the new model and call this. Until it is done, applications go on with the old model, whose vectors
        stay; afterwards, open them with the new one, call this once more for what they wrote meanwhile, with
        ``drop_others``. May be stopped and called again at any time.

        Args:
            drop_others: then delete the vectors of all other models.
            progress: told how many memories were done, page by page.

        Raises:
            EmbeddingError: the new model fails at once. Where it fails later, a namespace waits and is counted.
            ConfigurationError: ``drop_others``, and namespaces still wait; nothing was dropped.
        """
        return self._backend.run(
            missing_vectors.reembed, drop_others=drop_others, progress=progress, now=datetime.now(UTC)
        )

    async def areembed(
        self, *, drop_others: bool = False, progress: Callable[[int], object] | None = None
    ) -> ReembedResult:
        """:meth:`reembed`, awaited."""
        return await self._backend.arun(
            missing_vectors.reembed, drop_others=drop_others, progress=progress, now=datetime.now(UTC)
        )
