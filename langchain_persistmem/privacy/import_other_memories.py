"""Bringing another memory over: page by page, each page a flow of its own, so that a lost connection repeats one page.

A row that is here already is found by its key, and replaced only by one that was written later: an import that was
killed can be run again, and ends as if it had run once.
"""

import json
import logging
from collections.abc import Callable, Coroutine, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any, Protocol
from uuid import UUID

from langchain_persistmem.learning.decisions.sameness import identity
from langchain_persistmem.postgres.answer import Answer
from langchain_persistmem.postgres.queries import import_other_memories, namespaces, search_index
from langchain_persistmem.postgres.queries.embedding_models import EmbeddingModel
from langchain_persistmem.postgres.queries.generations import hold_existing
from langchain_persistmem.postgres.queries.namespaces import NamespaceState
from langchain_persistmem.postgres.transaction import Transaction
from langchain_persistmem.privacy.import_entries import Cursor, Entry, Fate, Page, by_namespace, judge, row_of_entry
from langchain_persistmem.redaction import Redaction
from langchain_persistmem.redaction.nested_values import redact_json
from langchain_persistmem.runtime import generations, hnsw_upkeep
from langchain_persistmem.runtime.audit_log import record
from langchain_persistmem.runtime.backend import Backend
from langchain_persistmem.runtime.consent_checks import may_write
from langchain_persistmem.runtime.setup import migrated, ready
from langchain_persistmem.types.namespace import Namespace, Several, encode
from langchain_persistmem.types.records import Candidate, Provenance, Vector
from langchain_persistmem.types.results import ImportResult, Refusal

logger = logging.getLogger(__name__)

Connect = Callable[[], AbstractAsyncContextManager[Transaction]]
"""Opens a transaction on the source that can only read."""
_MAX_REFUSALS = 1000


class Source(Protocol):
    """Another memory, open for reading."""

    @property
    def name(self) -> str:
        """The name of the source; it becomes part of the provenance."""
        ...

    async def count(self, tx: Transaction) -> int:
        """The number of rows that it has."""
        ...

    async def page(self, tx: Transaction, after: Cursor | None, *, limit: int) -> Page:
        """The rows that follow ``after``."""
        ...


Opening = Callable[[Transaction, EmbeddingModel | None], Coroutine[Any, Any, Source]]
"""Looks at the tables, and refuses what cannot be read or compared; there is no model in a store without an index."""


@dataclass(frozen=True, slots=True)
class State:
    """The progress of an import."""

    source: Source
    counts: ImportResult
    after: Cursor | None = None
    done: bool = False
    stated: set[tuple[Namespace, bytes]] = field(default_factory=set[tuple[Namespace, bytes]])
    """Only with ``dry_run``: what would have been written so far, by which the same again is known. It only grows."""
    seen: generations.Snapshot = field(default_factory=dict[Namespace, NamespaceState])
    """The generations of the namespaces that it has written to: what is erased meanwhile it does not write again."""


@dataclass(frozen=True, slots=True)
class _Existing:
    """The keys and statements of a page that are here already, in one namespace."""

    changed: dict[str, datetime]
    stated: dict[bytes, str]


@dataclass(frozen=True, slots=True)
class _Writing:
    """Entries whose rows are written, and not yet what these are found by."""

    namespace: Namespace
    entries: Sequence[Entry]
    new_ids: Mapping[str, UUID]
    """By key; a row that is replaced keeps another."""
    ids: Answer[Mapping[str, UUID]]


async def begin(backend: Backend, opening: Opening, connect: Connect, *, dry_run: bool) -> State:
    """Look at the source.

    Raises:
        ConfigurationError: its tables are not there, or not what they should be.
        EmbeddingMismatchError: its vectors are to be kept, and are of another dimension.
    """
    model = await _model(backend)
    async with connect() as tx:
        source = await opening(tx, model)
        return State(source, ImportResult(dry_run=dry_run, total=await source.count(tx)))


async def step(backend: Backend, state: State, connect: Connect, *, batch_size: int, now: datetime) -> State:
    """Bring one page over, all of it or nothing; no connection is held while the model works.

    Raises:
        EmbeddingError: a text has no vector; nothing of this page was stored.
    """
    async with connect() as tx:
        page = await state.source.page(tx, state.after, limit=batch_size)
    refusals = [row for row in page.rows if isinstance(row, Refusal)]
    for refusal in refusals:
        logger.warning("not imported: key %.80r of %.80r: %s", refusal.key, refusal.namespace, refusal.reason)
    redaction = backend.settings.redaction
    entries = [_redact(redaction, row) for row in page.rows if isinstance(row, Entry)]
    living = [entry for entry in entries if entry.expires_at is None or entry.expires_at > now]
    counts = replace(
        state.counts,
        read=state.counts.read + len(page.rows),
        expired=state.counts.expired + len(entries) - len(living),
        refused=state.counts.refused + len(refusals),
        refusals=(*state.counts.refusals, *refusals)[:_MAX_REFUSALS],
    )
    if counts.dry_run:  # a plan and no transaction that is undone: embedding each page would cost as much as the import
        fates = await _plan(backend, living, state.stated)
    else:
        fates, embedded = await _bring(backend, living, extractor=state.source.name, seen=state.seen, now=now)
        counts = replace(counts, embedded=counts.embedded + embedded)
    held = fates.count("paused") + fates.count("erased")
    if held:
        logger.warning("not imported: %d rows of people who have paused memory, or were erased meanwhile", held)
    counts = replace(
        counts,
        added=counts.added + fates.count("added"),
        replaced=counts.replaced + fates.count("replaced"),
        unchanged=counts.unchanged + fates.count("unchanged"),
        duplicates=counts.duplicates + fates.count("duplicates"),
        refused=counts.refused + held,
    )
    return replace(state, counts=counts, after=page.after, done=page.after is None)


async def _plan(backend: Backend, entries: Sequence[Entry], stated: set[tuple[Namespace, bytes]]) -> list[Fate]:
    """Foresee the fate of ``entries`` without writing; adds their statements to ``stated``."""
    fates: list[Fate] = []
    more: set[tuple[Namespace, bytes]] = set()
    async with backend.transaction(_of(entries), atomic=False) as tx:
        for namespace, group in by_namespace(entries).items():
            state = await namespaces.read_state(tx, namespace)
            if not may_write(backend.settings.consent if state is None else state.consent):
                fates.extend("paused" for _ in group)
                continue
            existing = await _find_existing(tx, namespace, group)
            for entry in group:
                if entry.identity is not None and (namespace, entry.identity) in stated:
                    existing.stated.setdefault(entry.identity, "")
            pairs = judge(group, existing.changed, existing.stated)
            fates.extend(fate for _, fate in pairs)
            more.update(
                (namespace, new_entry.identity) for new_entry, fate in pairs if new_entry.identity and fate == "added"
            )
    stated.update(more)  # at the end: a page that is read again must not find itself
    return fates


async def _bring(
    backend: Backend, entries: Sequence[Entry], *, extractor: str, seen: generations.Snapshot, now: datetime
) -> tuple[list[Fate], int]:
    """Write what is new; returns what became of each, and how many texts were embedded."""
    fates: list[Fate] = []
    fresh: list[Entry] = []
    async with backend.transaction(_of(entries), atomic=False) as tx:
        # All are asked for in one round trip.
        answers = [(group, _find_existing(tx, namespace, group)) for namespace, group in by_namespace(entries).items()]
        for group, answer in answers:
            existing = await answer
            for entry, fate in judge(group, existing.changed, existing.stated):
                if fate in ("added", "replaced"):
                    fresh.append(entry)
                else:
                    fates.append(fate)
    if not fresh:
        return fates, 0
    await generations.see(backend, (entry.namespace for entry in fresh), seen, now=now)
    vectors, embedded = await _vectors(backend, fresh)
    # In one order for all writers, so that no two wait for each other.
    groups = sorted(by_namespace(fresh).items(), key=lambda pair: encode(pair[0]))
    async with backend.transaction(_of(fresh)) as tx:
        # All namespaces share their round trips: one that locks and looks again, now that nobody else writes, and one that writes.
        looks = [
            (hold_existing(tx, namespace), namespaces.read_state(tx, namespace), _find_existing(tx, namespace, group))
            for namespace, group in groups
        ]
        writings: list[_Writing] = []
        for (namespace, group), (generation, answer, existing) in zip(groups, looks, strict=True):
            state, present = await answer, await existing
            if namespace in seen and await generation != seen[namespace].generation:
                fates.extend("erased" for _ in group)  # since this import met it first; a later one may bring it over
            elif state is None or not may_write(state.consent):  # it would begin paused, or is
                fates.extend("paused" for _ in group)
            else:
                generations.begin_write(backend, namespace, state)
                pairs = judge(group, present.changed, present.stated)
                wanted = [entry for entry, fate in pairs if fate in ("added", "replaced")]
                fates.extend(fate for _, fate in pairs)
                if wanted:
                    writings.append(_begin_writing(tx, backend, namespace, wanted, extractor=extractor, now=now))
        for writing in writings:
            await _write(tx, backend, writing, vectors)
    return fates, embedded


def _of(entries: Sequence[Entry]) -> Several:
    """The namespaces of ``entries``."""
    return Several(tuple(dict.fromkeys(entry.namespace for entry in entries)))


async def _model(backend: Backend) -> EmbeddingModel | None:
    await migrated(backend)
    return await ready(backend) if backend.embedding_name is not None else None


def _find_existing(tx: Transaction, namespace: Namespace, entries: Sequence[Entry]) -> Answer[_Existing]:
    identities = [entry.identity for entry in entries if entry.identity is not None]
    items = import_other_memories.find_existing_items(tx, namespace, [entry.key for entry in entries], identities)
    return items.then(lambda parts: _Existing(*parts))


async def _vectors(
    backend: Backend, entries: Sequence[Entry]
) -> tuple[dict[tuple[Namespace, str], Sequence[Vector]], int]:
    """Each entry's vectors by namespace and key: its own, or the model's; and how many texts the model was given."""
    if await _model(backend) is None:
        return {(entry.namespace, entry.key): () for entry in entries}, 0
    texts = list(dict.fromkeys(text for entry in entries if not entry.vectors for text in entry.texts))
    embeddings = dict(zip(texts, await backend.embed(texts), strict=True)) if texts else {}
    vectors: dict[tuple[Namespace, str], Sequence[Vector]] = {
        (entry.namespace, entry.key): entry.vectors or [embeddings[text] for text in entry.texts] for entry in entries
    }
    return vectors, len(texts)


def _begin_writing(
    tx: Transaction, backend: Backend, namespace: Namespace, entries: Sequence[Entry], *, extractor: str, now: datetime
) -> _Writing:
    new = {entry.key: backend.new_id() for entry in entries}
    rows = [row_of_entry(new[entry.key], entry, now=now) for entry in entries]
    ids = import_other_memories.import_items(tx, namespace, rows, extractor=extractor)
    return _Writing(namespace, entries, new, ids)


async def _write(
    tx: Transaction,
    backend: Backend,
    writing: _Writing,
    vectors: Mapping[tuple[Namespace, str], Sequence[Vector]],
) -> None:
    """Write what the entries are found by, and the audit."""
    namespace, entries, ids = writing.namespace, writing.entries, await writing.ids
    # A replaced row keeps its id: its old vectors and terms go before the new ones come.
    replaced = [id for key, id in ids.items() if id != writing.new_ids[key]]
    search_index.delete_vectors(tx, namespace, replaced)
    search_index.unindex_memories(tx, namespace, replaced)
    model = await _model(backend)
    if model is not None:
        parts = {id: vectors[namespace, key] for key, id in ids.items()}
        hnsw_upkeep.insert_vectors(tx, backend, namespace, parts, model=model)
    words = {
        ids[entry.key]: (entry.text, entry.speaker) for entry in entries if entry.text is not None and entry.key in ids
    }
    search_index.insert_terms(tx, namespace, words, language=backend.settings.language)
    record(tx, backend, namespace, "imported", list(ids.values()), replaced=len(replaced))


def _redact(redaction: Redaction | None, entry: Entry) -> Entry:
    """A row of another memory; its vectors are left behind if they were made of something that is taken out."""
    if redaction is None:
        return entry
    text = redaction.redact(entry.text) if entry.text is not None else None
    texts = tuple(map(redaction.redact, entry.texts))
    value = json.loads(entry.value)
    clean_value = redact_json(redaction, value)
    is_unchanged = entry.identity is None or text is None or text == entry.text
    return replace(
        entry,
        text=text,
        texts=texts,
        vectors=entry.vectors if texts == entry.texts else (),
        value=entry.value if clean_value == value else json.dumps(clean_value, ensure_ascii=False),
        speaker=redaction.redact(entry.speaker) if entry.speaker is not None else None,
        identity=entry.identity if is_unchanged else _identity(entry, text or ""),
    )


def _identity(entry: Entry, text: str) -> bytes:
    """The fingerprint of the redacted text; that of the text before would let it be guessed."""
    since = entry.valid_from or datetime.min.replace(tzinfo=UTC)
    return identity(Candidate(text=text, kind=entry.kind, provenance=Provenance(source="import"), valid_from=since))
