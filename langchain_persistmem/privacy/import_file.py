"""The rows of an exported file back into the database: those that are here already are left as they are.

An import writes rows under their own ids: one that was killed can be run again, and ends as if it had run once.
"""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from langchain_persistmem.errors import InvalidInputError
from langchain_persistmem.language.trust import find_suspicion
from langchain_persistmem.postgres.queries import consent as consent_queries
from langchain_persistmem.postgres.queries import export, rewrites, search_index, work_leases
from langchain_persistmem.postgres.transaction import Transaction
from langchain_persistmem.postgres.transaction_opening import undo_if
from langchain_persistmem.privacy.export_file_checks import ExportFile, components_of
from langchain_persistmem.runtime import generations, hnsw_upkeep
from langchain_persistmem.runtime.audit_log import record
from langchain_persistmem.runtime.backend import Backend
from langchain_persistmem.runtime.consent_checks import check_not_paused
from langchain_persistmem.runtime.record_redaction import redact_row
from langchain_persistmem.runtime.setup import ready
from langchain_persistmem.types.namespace import Namespace, Several, encode
from langchain_persistmem.types.progress import Meter, Report
from langchain_persistmem.types.records import CONSENTS, Candidate, Consent, Provenance, Vector
from langchain_persistmem.types.results import ImportFileResult
from langchain_persistmem.types.vectors import UnitVector

_BATCH = 500
"""Rows that are written in one transaction."""

_PRESENT_FORM = {"memory": "told_at", "message": "outcome"}
"""The columns that every row of the present form has, by kind."""

_BY_NAME: Mapping[str, Consent] = {each: each for each in CONSENTS}


async def import_file(
    backend: Backend,
    source: ExportFile,
    root: Namespace | None,
    *,
    trusted: bool,
    dry_run: bool,
    progress: Report | None = None,
    now: datetime,
) -> ImportFileResult:
    """Bring back what was exported, under its own namespaces or, with ``root``, under that one.

    Args:
        trusted: believe the sources that the file names; otherwise no statement counts as the operator's, and
            suspicious ones wait for review.
        progress: called after each batch, first while all is tried, then while it is stored.

    Raises:
        MemoryDisabledError: memory is paused for the person.
        InvalidInputError: a row cannot be stored; none was.
        EmbeddingError: a text has no vector; what stands before it is stored.
        ErasedError: the namespace was erased meanwhile; what stands before it was stored and erased.
    """
    # A wrong namespace fails here, before the schema is looked at and the file is read.
    if root is not None:
        encode(root)
    model = await ready(backend)
    odd = source.dimensions.get(model.name, set()) - {model.dimensions}
    if odd:
        raise InvalidInputError(
            f"a vector of the file has {min(odd):,} dimensions, not {model.dimensions:,}; export again"
        )
    length, where = source.longest_text
    if length > backend.settings.max_text_chars:
        raise InvalidInputError(
            f"{where}: text has {length:,} characters, at most {backend.settings.max_text_chars:,} are possible; raise "
            "Settings.max_text_chars to what it was where the file was written"
        )
    # All of it is tried before anything stays: the database refuses more than can be seen in a row.
    rows, lines = sum(source.counts.values()), source.counts["namespace"]
    counts = await backend.step(_count_new, source, root, progress, trusted=trusted, now=now)
    if not dry_run:
        counts = await _restore_all(backend, source, root, Meter(progress, "rows", rows), trusted=trusted, now=now)
    read = rows - lines
    return ImportFileResult(
        dry_run=dry_run,
        read=read,
        memories=counts["memory"],
        messages=counts["message"],
        threads=counts["thread"],
        changes=counts["change"],
        unchanged=read - counts.total() + counts["namespace"],
    )


async def _restore_all(
    backend: Backend, source: ExportFile, root: Namespace | None, meter: Meter, *, trusted: bool, now: datetime
) -> Counter[str]:
    """Write the file batch by batch, each in a transaction of its own; returns the new rows by kind."""
    counts: Counter[str] = Counter()
    seen: generations.Snapshot = {}
    stricter: dict[Namespace, str] = {}
    older: set[Namespace] = set()
    # Batch by batch, in the order of the file: threads before messages, memories before the changes that point at them.
    for kind, origin, rows in _batches(source, trusted=trusted):
        namespace = _target_namespace(origin, source, root)
        if kind == "namespace":
            stricter[namespace] = str(rows[0].get("consent", "allowed"))
        if any(row.get(_PRESENT_FORM.get(kind, "")) is None for row in rows if kind in _PRESENT_FORM):
            older.add(namespace)
        counts[kind] += await backend.step(_restore, namespace, kind, rows, seen, now=now)
        meter.advance(len(rows))
    for namespace in sorted(older, key=encode):  # after all rows: links need messages and memories
        await backend.step(_request_rewrite, namespace, seen, now=now)
    # Consent comes last: a person who had paused memory there would be refused here.
    for namespace, consent in stricter.items():
        await backend.step(_restrict, namespace, consent, seen, now=now)
    return counts


async def _request_rewrite(
    backend: Backend, namespace: Namespace, seen: generations.Snapshot, *, now: datetime
) -> None:
    """Rows of an older file get what is derived of them, in the background."""
    async with backend.transaction(namespace) as tx:
        await _hold(tx, backend, namespace, seen, now=now)
        await rewrites.request_rewrite(tx, namespace, "memories")
    backend.may_have_rewrites = True


async def _count_new(
    backend: Backend,
    source: ExportFile,
    root: Namespace | None,
    progress: Report | None,
    *,
    trusted: bool,
    now: datetime,
) -> Counter[str]:
    """Write the file in one transaction, without vectors, and take it back; returns the rows that were new by kind.

    One transaction, because a row counts only where the rows that it belongs to are there: the thread of a message, the
    memory of a change.
    """
    counts: Counter[str] = Counter()
    seen: generations.Snapshot = {}
    meter = Meter(progress, "rows checked", sum(source.counts.values()))
    # By name: row security lets a prefix be read, and not be written.
    targets = sorted({_target_namespace(origin, source, root) for _, origin, _ in source.rows()}, key=encode)
    async with undo_if(True, backend.transaction(Several(tuple(targets)))) as tx:
        for kind, origin, rows in _batches(source, trusted=trusted):
            namespace = _target_namespace(origin, source, root)
            clean_rows = [redact_row(backend.settings.redaction, kind, row) for row in rows]
            counts[kind] += await _restore_rows(tx, backend, namespace, kind, clean_rows, {}, seen, now=now)
            meter.advance(len(rows))
    return counts


def _target_namespace(namespace: Namespace, source: ExportFile, root: Namespace | None) -> Namespace:
    """The namespace under which rows of ``namespace`` are restored."""
    return namespace if root is None else (*root, *namespace[len(source.root) :])


def _batches(source: ExportFile, *, trusted: bool) -> Iterator[tuple[str, Namespace, list[dict[str, Any]]]]:
    """Rows that follow each other and are of one kind and namespace."""
    kind, namespace, rows = "", (), list[dict[str, Any]]()
    for row_kind, where, row in source.rows():
        if rows and ((row_kind, where) != (kind, namespace) or len(rows) == _BATCH):
            yield kind, namespace, rows
            rows = []
        kind, namespace = row_kind, where
        rows.append(row if trusted or kind != "memory" else _judge(row))
    if rows:
        yield kind, namespace, rows


def _judge(row: dict[str, Any]) -> dict[str, Any]:
    """A memory of a file that anybody may have written: nobody's word makes it the operator's, or spares it a review."""
    provenance = dict(row["provenance"])
    if row["source"] == "operator":
        row = {**row, "source": "import", "provenance": {**provenance, "source": "import"}}
    if row["status"] != "active" or row["kind"] == "profile" or not row.get("text"):
        return row
    candidate = Candidate(
        text=row["text"],
        kind=row["kind"],
        valid_from=datetime.fromisoformat(row["valid_from"]),
        provenance=Provenance(source=row["source"]),
    )
    reason = find_suspicion(candidate)
    return row if reason is None else {**row, "status": "quarantined", "review": reason}


async def _restore(
    backend: Backend,
    namespace: Namespace,
    kind: str,
    rows: Sequence[dict[str, Any]],
    seen: generations.Snapshot,
    *,
    now: datetime,
) -> int:
    """Write one batch, all or nothing; returns how many rows were new."""
    rows = [redact_row(backend.settings.redaction, kind, row) for row in rows]
    vectors = await _vectors(backend, namespace, rows) if kind == "memory" else {}
    # In a transaction of its own: a generation that began in one that was lost would be taken for an erased one.
    await generations.see(backend, [namespace], seen, now=now)
    async with backend.transaction(namespace) as tx:
        return await _restore_rows(tx, backend, namespace, kind, rows, vectors, seen, now=now)


async def _restore_rows(
    tx: Transaction,
    backend: Backend,
    namespace: Namespace,
    kind: str,
    rows: Sequence[dict[str, Any]],
    vectors: Mapping[UUID, Sequence[Vector]],
    seen: generations.Snapshot,
    *,
    now: datetime,
) -> int:
    await _hold(tx, backend, namespace, seen, now=now)
    if kind == "thread":
        return await export.restore_threads(tx, namespace, rows)
    if kind == "message":
        return await _restore_messages(tx, backend, namespace, rows)
    if kind == "memory":
        return await _restore_memories(tx, backend, namespace, rows, vectors)
    if kind == "link":
        return await export.restore_links(tx, namespace, rows)
    if kind == "omission":
        return await export.restore_omissions(tx, namespace, rows)
    if kind == "change":
        return await export.restore_changes(tx, namespace, rows)
    return len(rows)


async def _hold(
    tx: Transaction, backend: Backend, namespace: Namespace, seen: generations.Snapshot, *, now: datetime
) -> None:
    state = await generations.hold(tx, backend, namespace, now=now)
    check_not_paused(state)
    generations.check(namespace, state.generation, seen)


async def _restore_messages(
    tx: Transaction, backend: Backend, namespace: Namespace, rows: Sequence[dict[str, Any]]
) -> int:
    new = await export.restore_messages(tx, namespace, rows)
    waiting = {row["thread_id"] for row in rows if "extracted_at" not in row and "given_up_at" not in row}
    for thread_id in sorted(waiting) if new else ():  # what waited to be learnt from goes on waiting
        longest = timedelta(seconds=backend.settings.max_wait_seconds)
        await work_leases.enqueue_thread(tx, namespace, thread_id, quiet=timedelta(0), longest=longest)
    return new


async def _restore_memories(
    tx: Transaction,
    backend: Backend,
    namespace: Namespace,
    rows: Sequence[dict[str, Any]],
    vectors: Mapping[UUID, Sequence[Vector]],
) -> int:
    new = await export.restore_memories(tx, namespace, rows)
    new_rows = {UUID(row["id"]): row for row in rows if UUID(row["id"]) in new}
    new_vectors = {id: vectors[id] for id in new_rows if vectors.get(id)}
    hnsw_upkeep.insert_vectors(tx, backend, namespace, new_vectors, model=await ready(backend))
    current = {id: row for id, row in new_rows.items() if row["status"] == "active" and row.get("text") is not None}
    search_index.unindex_memories(tx, namespace, sorted(set(new_rows) - set(current)))
    words = {id: (row["text"], row.get("speaker")) for id, row in current.items()}
    search_index.insert_terms(tx, namespace, words, language=backend.settings.language)
    record(tx, backend, namespace, "imported", sorted(new))
    return len(new)


async def _vectors(
    backend: Backend, namespace: Namespace, rows: Sequence[dict[str, Any]]
) -> dict[UUID, Sequence[Vector]]:
    """The vectors of what is not here yet: the file's own where the same model made them, else made anew."""
    model = await ready(backend)
    async with backend.transaction(namespace, atomic=False) as tx:
        existing = await export.find_existing_memories(tx, namespace, [UUID(row["id"]) for row in rows])
    vectors: dict[UUID, Sequence[Vector]] = {}
    missing: dict[UUID, str] = {}
    for row in rows:
        id, own = (
            UUID(row["id"]),
            [own_vector for own_vector in row.get("vectors") or () if own_vector["model"] == model.name],
        )
        if id in existing:
            continue
        if own:
            vectors[id] = [UnitVector(components_of(own_vector), float(own_vector["norm"])) for own_vector in own]
        elif row.get("vectors") and row.get("text"):
            missing[id] = row["text"]
    embeddings = await backend.embed(list(missing.values())) if missing else []
    return {**vectors, **{id: (vector,) for id, vector in zip(missing, embeddings, strict=True)}}


async def _restrict(
    backend: Backend, namespace: Namespace, wanted: str, seen: generations.Snapshot, *, now: datetime
) -> None:
    """The stricter of two consents holds: what the person allowed there, and what is allowed here."""
    consent = _BY_NAME.get(wanted, "allowed")
    async with backend.transaction(namespace) as tx:
        state = await generations.hold(tx, backend, namespace, now=now)
        generations.check(namespace, state.generation, seen)
        if CONSENTS.index(consent) > CONSENTS.index(state.consent):
            await consent_queries.set_consent(tx, namespace, consent, generation=state.generation, now=now)
