"""The one way in which statements become rows: ids and vectors first, then one transaction."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

from langchain_persistmem.learning.background.missing_vectors import embed_or_postpone, note_missing
from langchain_persistmem.learning.decisions.consolidation import DOUBT_LOST
from langchain_persistmem.learning.decisions.sameness import identity
from langchain_persistmem.learning.upgrade.identities import carry_over
from langchain_persistmem.postgres.answer import Answer
from langchain_persistmem.postgres.queries import changes, edit, memories, search_index
from langchain_persistmem.postgres.transaction import Transaction
from langchain_persistmem.runtime import hnsw_upkeep
from langchain_persistmem.runtime.audit_log import NOTHING, MemoryIds
from langchain_persistmem.runtime.backend import Backend
from langchain_persistmem.runtime.record_redaction import redact_candidate
from langchain_persistmem.runtime.setup import ready
from langchain_persistmem.types.namespace import Namespace
from langchain_persistmem.types.records import Candidate, Memory, NewMemory
from langchain_persistmem.types.results import ChangeKind, MemoryChange


@dataclass(frozen=True, slots=True)
class InsertResult:
    """The outcome of an insert: the keys of new memories, and of known ones that were confirmed."""

    added: tuple[str, ...]
    reinforced: tuple[str, ...]
    memory_ids: MemoryIds = NOTHING
    """The same by id, with what ended."""
    ids: Mapping[bytes, UUID] = field(default_factory=dict[bytes, UUID])
    """The ids under which the statements are there, by identity: a statement that was known keeps its own."""


@dataclass(frozen=True, slots=True)
class ChangeResult:
    """The outcome of decisions, in numbers."""

    added: int = 0
    reinforced: int = 0
    superseded: int = 0
    quarantined: int = 0
    memory_ids: MemoryIds = NOTHING
    """The memories themselves, for the audit."""
    changes: tuple[MemoryChange, ...] = ()
    """The same with their texts."""
    unlisted: frozenset[UUID] = frozenset()
    """Turns that are not listed any more beside the statements that rest on them now."""

    def __add__(self, other: "ChangeResult") -> "ChangeResult":
        # A statement that says all of its turn is told once: as the statement.
        repeated = Counter(change.change for change in self.changes if change.memory_id in other.unlisted)
        return ChangeResult(
            self.added - repeated["added"] + other.added,
            self.reinforced + other.reinforced,
            self.superseded + other.superseded,
            self.quarantined - repeated["quarantined"] + other.quarantined,
            self.memory_ids + other.memory_ids,
            (*(change for change in self.changes if change.memory_id not in other.unlisted), *other.changes),
            self.unlisted | other.unlisted,
        )


def change_of(memory: Memory, change: ChangeKind, reason: str) -> MemoryChange:
    """Describe what became of a memory that is stored."""
    return MemoryChange(
        change=change,
        text=memory.text or "",
        reason=reason,
        key=memory.key,
        memory_id=memory.id,
        message_ids=memory.provenance.message_ids,
        namespace=memory.namespace,
        thread_id=memory.provenance.thread_id,
    )


async def prepare(
    backend: Backend,
    candidates: Sequence[Candidate],
    *,
    later: bool = False,
) -> list[NewMemory]:
    """Candidates, redacted, with ids and vectors; the same statement twice becomes one. No connection is held meanwhile.

    Args:
        later: where the embedding model does not answer, go on without vectors, which are made later.
    """
    # Redaction comes before identity and embedding: neither a fingerprint nor a vector of what is taken out is made.
    candidates = [redact_candidate(backend.settings.redaction, candidate) for candidate in candidates]
    unique = {identity(candidate): candidate for candidate in candidates}
    vectors = await embed_or_postpone(backend, [(candidate.text,) for candidate in unique.values()], later=later)
    prepared: list[NewMemory] = []
    for (fingerprint, candidate), vector in zip(unique.items(), vectors, strict=True):
        id = backend.new_id()
        prepared.append(
            NewMemory(
                id=id,
                key=candidate.key or str(id),
                identity=fingerprint,
                candidate=candidate,
                vectors=vector,
                position=None,
            )
        )
    return prepared


async def insert(
    tx: Transaction, backend: Backend, namespace: Namespace, new: Sequence[NewMemory], *, now: datetime
) -> InsertResult:
    """Write prepared memories with their vectors and words; the caller holds the namespace's lock."""
    if not new:
        return InsertResult((), ())
    model = await ready(backend)
    await carry_over(tx, backend, namespace, new)
    keyed = [memory for memory in new if memory.candidate.key is not None]
    # Ended before anything is inserted, since a key has one current memory; both are one round trip.
    superseded, inserted = (
        memories.supersede_keys(tx, namespace, keyed, now=now),
        memories.insert_memories(tx, namespace, new, doubt_lost=DOUBT_LOST, now=now),
    )
    ended, stored = await superseded, await inserted
    search_index.unindex_memories(tx, namespace, [old for old, *_ in ended])
    entries = [(old, "superseded", "another statement was made under its key", by) for old, by, _ in ended]
    log(tx, backend, namespace, entries, now=now)
    heirs = [by for _, by, pinned in ended if pinned]
    if heirs:  # what stands under a key stays pinned in each new version
        await edit.pin_memories(tx, namespace, heirs, pinned=True)
    # Of the same statement made twice at once, one insert wins: the row that is there says whose it is.
    added = [memory for memory in new if stored[memory.identity][0] == memory.id]
    hnsw_upkeep.insert_vectors(
        tx, backend, namespace, {new_memory.id: new_memory.vectors for new_memory in added}, model=model
    )
    if not all(new_memory.vectors for new_memory in added):
        await note_missing(tx, backend, namespace)
    words = {new_memory.id: (new_memory.candidate.text, new_memory.candidate.speaker) for new_memory in added}
    search_index.insert_terms(tx, namespace, words, language=backend.settings.language)
    fresh = {new_memory.key for new_memory in added}
    again = [(id, key) for id, key in stored.values() if key not in fresh]
    memory_ids = MemoryIds(
        tuple(new_memory.id for new_memory in added), tuple(id for id, _ in again), tuple(old for old, *_ in ended)
    )
    ids = {fingerprint: id for fingerprint, (id, _) in stored.items()}
    return InsertResult(tuple(fresh), tuple(key for _, key in again), memory_ids, ids)


def log(
    tx: Transaction,
    backend: Backend,
    namespace: Namespace,
    entries: Sequence[tuple[UUID, str, str, UUID | None]],
    *,
    now: datetime,
) -> Answer[int]:
    """Record changes: the memory, what happened to it, why, and the memory that brought it about."""
    rows = [
        {
            "id": str(backend.new_id()),
            "memory_id": str(memory_id),
            "change": change,
            "reason": reason,
            "by_memory": str(by) if by is not None else None,
        }
        for memory_id, change, reason, by in entries
    ]
    return changes.record_changes(tx, namespace, rows, now=now)
