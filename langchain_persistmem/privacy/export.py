"""A person's rows out to a file, history and all, as the database is at one moment; the way back is in ``import_file.py``."""

from collections.abc import Callable
from datetime import datetime

from langchain_persistmem.postgres.answer import Answer
from langchain_persistmem.postgres.queries import export
from langchain_persistmem.postgres.queries.export import Row
from langchain_persistmem.postgres.transaction import Transaction
from langchain_persistmem.privacy.export_file import ExportWriter
from langchain_persistmem.runtime.audit_log import note_read
from langchain_persistmem.runtime.backend import Backend
from langchain_persistmem.runtime.setup import ready
from langchain_persistmem.types.namespace import Namespace, Within, encode
from langchain_persistmem.types.progress import Meter, Report
from langchain_persistmem.types.results import ExportResult

_PAGE = 500
"""Rows that are read at a time."""

Page = Callable[..., Answer[list[Row]]]
_PAGES: tuple[tuple[str, Page], ...] = (
    ("thread", export.export_threads),
    ("message", export.export_messages),
    ("memory", export.export_memories),
    ("link", export.export_links),
    ("omission", export.export_omissions),
    ("change", export.export_changes),
)


async def export_file(
    backend: Backend, namespace: Namespace, writer: ExportWriter, *, progress: Report | None = None, now: datetime
) -> ExportResult:
    """Write everything of ``namespace``, and of those that begin with it, to a file.

    Raises:
        InvalidInputError: the file cannot be written.
    """
    encode(namespace)
    await ready(backend)
    async with backend.reading(Within(namespace), snapshot=True) as tx:
        owners = await export.namespaces_below(tx, namespace)
        total = sum([await export.count_export_rows(tx, owner) for owner, _ in owners]) if progress else None
        meter = Meter(progress, "rows", total)
        writer.begin({"root": list(namespace), "exported_at": now.isoformat()})
        for owner, consent in owners:
            writer.add("namespace", owner, {"consent": consent})
            # Most namespaces have no more than a page of each kind, which are so read in one round trip.
            first = [page(tx, owner, None, limit=_PAGE) for _, page in _PAGES]
            for (kind, page), rows in zip(_PAGES, first, strict=True):
                await _write_all(tx, writer, owner, kind, page, await rows, meter)
    digest = writer.finish()
    counts = dict(writer.counts)
    for owner, _ in owners:
        await note_read(backend, owner, "exported", memories=counts.get("memory", 0))
    return ExportResult(counts=counts, sha256=digest)


async def _write_all(
    tx: Transaction, writer: ExportWriter, namespace: Namespace, kind: str, page: Page, rows: list[Row], meter: Meter
) -> None:
    """Write ``rows``, and the pages that follow."""
    while rows:
        for row in rows:
            writer.add(kind, namespace, row)
        meter.advance(len(rows))
        if len(rows) < _PAGE:
            return
        rows = await page(tx, namespace, rows[-1], limit=_PAGE)
