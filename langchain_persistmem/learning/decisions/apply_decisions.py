"""Changes of memories: the decisions of consolidation, carried out in one transaction, with their log."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from functools import partial
from uuid import UUID

from langchain_persistmem.learning.background.missing_vectors import note_missing
from langchain_persistmem.learning.decisions.consolidation import (
    CONTRADICTED,
    DOUBT_LOST,
    PINNED,
    Add,
    Decision,
    Past,
    Quarantine,
    Reinforce,
    Skip,
    Supersede,
    ends_at,
    for_approval,
)
from langchain_persistmem.learning.decisions.fact_keys import own_key, spellings
from langchain_persistmem.learning.decisions.sameness import same_person
from langchain_persistmem.learning.insert import ChangeResult, insert, log
from langchain_persistmem.learning.turns.turns_follow_statements import follow
from langchain_persistmem.learning.upgrade.identities import carry_over
from langchain_persistmem.postgres.answer import Answer
from langchain_persistmem.postgres.queries import changes as changes_queries
from langchain_persistmem.postgres.queries import memories, search_index, turns
from langchain_persistmem.postgres.transaction import Transaction
from langchain_persistmem.runtime import hnsw_upkeep
from langchain_persistmem.runtime.audit_log import MemoryIds
from langchain_persistmem.runtime.backend import Backend
from langchain_persistmem.runtime.setup import ready
from langchain_persistmem.types.namespace import Namespace
from langchain_persistmem.types.records import RULES_EXTRACTOR, Memory, NewMemory
from langchain_persistmem.types.results import MemoryChange

BEFORE = "something newer is known already"


async def apply(
    tx: Transaction, backend: Backend, namespace: Namespace, decisions: Sequence[Decision], *, now: datetime
) -> ChangeResult:
    """Carry out decisions; the caller holds the namespace's lock. What has changed since they were made is added instead.

    Where what was learnt is to be approved, it waits for review instead.
    """
    # The decisions were made on reads without a lock, while a model worked. Under the lock each is looked at again:
    # a memory that was changed or pinned meanwhile is not ended, and what was to end it is added instead.
    changing = [decision for decision in decisions if isinstance(decision, Supersede | Reinforce)]
    ids = {memory.id for decision in changing for memory in (decision.existing, *decision.ended)}
    current = await changes_queries.still_active(tx, namespace, sorted(ids))
    decisions = [_still_true(decision, current) for decision in decisions]
    decisions = await _apart(tx, namespace, decisions, now=now)
    if backend.settings.approval == "learnt":
        decisions = for_approval(decisions)
    repeated = [decision for decision in decisions if isinstance(decision, Reinforce)]
    _reinforce(tx, backend, namespace, repeated, now=now)
    # Endings come before inserts: a key, and an identity, has one active row, and the index would refuse a second.
    endings = [
        (old, decision.new.id if isinstance(decision, Supersede) else decision.existing.id, decision.new.candidate)
        for decision in decisions
        if isinstance(decision, Supersede | Reinforce)
        for old in decision.ended
    ]
    ended = await changes_queries.supersede_memories(
        tx, namespace, [(old.id, by, ends_at(old, new)) for old, by, new in endings], now=now
    )
    search_index.unindex_memories(tx, namespace, ended)
    added = [decision.new for decision in decisions if isinstance(decision, Add | Supersede)]
    result = await insert(tx, backend, namespace, added, now=now)
    quarantined = await _insert_inactive(tx, backend, namespace, decisions, now=now)
    linked = link(tx, namespace, decisions, result.ids)
    changed = [old.id for old, _, _ in endings] + quarantined + list(result.memory_ids.all)
    changed += [decision.existing.id for decision in repeated]
    changed += [decision.new.id for decision in decisions if isinstance(decision, Past)]
    await follow(tx, backend, namespace, changed, now=now)
    # The log comes last: its entries point at rows of this transaction, and only what really ended is in it.
    reasons = {
        by: decision.reason if isinstance(decision, Supersede) else CONTRADICTED
        for decision in decisions
        if isinstance(decision, Supersede | Reinforce)
        for by in [decision.new.id if isinstance(decision, Supersede) else decision.existing.id]
    }
    entries = [(old.id, "superseded", reasons[by], by) for old, by, _ in endings if old.id in ended]
    log(tx, backend, namespace, entries, now=now)
    reinforced = tuple({decision.existing.id: None for decision in repeated})
    return ChangeResult(
        added=len(result.added),
        reinforced=len(repeated) + len(result.reinforced),
        superseded=len(ended),
        quarantined=len(quarantined),
        memory_ids=result.memory_ids
        + MemoryIds(reinforced=reinforced, superseded=tuple(ended), quarantined=tuple(quarantined)),
        changes=_describe(decisions, result.ids, set(ended), set(quarantined), reasons),
        unlisted=frozenset(await linked),
    )


def _describe(
    decisions: Sequence[Decision],
    stored: Mapping[bytes, UUID],
    ended: Collection[UUID],
    quarantined: Collection[UUID],
    reasons: Mapping[UUID, str],
) -> tuple[MemoryChange, ...]:
    """Tell what became of each statement, with its text."""
    changes: list[MemoryChange] = []
    # By what is stored in the end, not by what was decided: two writers at once may have said the same.
    for decision in decisions:
        new, candidate = decision.new, decision.new.candidate
        source = {"thread_id": candidate.provenance.thread_id, "message_ids": candidate.provenance.message_ids}
        describe = partial(MemoryChange, **source)
        if isinstance(decision, Reinforce):
            existing = decision.existing
            changes.append(
                describe(change="reinforced", text=existing.text or "", key=existing.key, memory_id=existing.id)
            )
        elif isinstance(decision, Quarantine) and new.id in quarantined:
            changes.append(
                describe(
                    change="quarantined", text=candidate.text, reason=decision.reason, key=new.key, memory_id=new.id
                )
            )
        elif isinstance(decision, Add | Supersede | Past):
            id = stored.get(new.identity, new.id)
            change = "added" if id == new.id else "reinforced"
            reason = BEFORE if isinstance(decision, Past) else None
            changes.append(describe(change=change, text=candidate.text, reason=reason, key=new.key, memory_id=id))
        by = decision.existing.id if isinstance(decision, Reinforce) else new.id
        changes += [
            describe(change="superseded", text=old.text or "", reason=reasons[by], key=old.key, memory_id=old.id)
            for old in (decision.ended if isinstance(decision, Supersede | Reinforce) else ())
            if old.id in ended
        ]
    return tuple(changes)


def link(
    tx: Transaction, namespace: Namespace, decisions: Sequence[Decision], stored: Mapping[bytes, UUID]
) -> Answer[list[UUID]]:
    """Link what decisions have left to the turns that it rests on, with the words that say so.

    Args:
        stored: the ids under which new statements are there, by identity: a statement that was known has its own.
    """
    rows: list[dict[str, object]] = []
    for decision in decisions:
        provenance = decision.new.candidate.provenance
        if isinstance(decision, Skip) or provenance.thread_id is None:
            continue
        if isinstance(decision, Quarantine) and decision.new.candidate.doubt is not None:
            continue  # the user's words do not say it, so it rests on no turn, and withholds none
        if provenance.extractor == RULES_EXTRACTOR and decision.new.candidate.quote is None:
            continue  # the turn says more than the rules understood, so it goes on by itself
        existing_id = decision.existing.id if isinstance(decision, Reinforce) else stored.get(decision.new.identity)
        shared: dict[str, object] = {
            "memory_id": str(existing_id or decision.new.id),
            "thread_id": provenance.thread_id,
            "quote": decision.new.candidate.quote,
            "alone": len(provenance.message_ids) == 1,
        }
        rows += [{**shared, "message_id": message_id} for message_id in provenance.message_ids]
    return turns.link_turns(tx, namespace, rows)


async def _apart(
    tx: Transaction, namespace: Namespace, decisions: Sequence[Decision], *, now: datetime
) -> list[Decision]:
    """The decisions with keys that nobody else has taken meanwhile: what another person says under one is not ended."""
    added = [decision.new for decision in decisions if isinstance(decision, Add) and decision.new.candidate.speaker]
    keys = sorted({key for new in added for key in spellings(new.candidate)})
    if not keys:
        return list(decisions)
    holders = await memories.get_memories(tx, namespace, keys, now=now)

    def apart(new: NewMemory) -> NewMemory:
        rival = holders.get(new.candidate.key or "")
        return new if rival is None or same_person(new.candidate, rival) else own_key(new, holders)

    return [
        replace(decision, new=apart(decision.new)) if isinstance(decision, Add) else decision for decision in decisions
    ]


def _still_true(decision: Decision, current: Mapping[UUID, bool]) -> Decision:
    """The decision, or what is left of it when the memory that it was about is not current any more, or pinned by now."""
    if not isinstance(decision, Supersede | Reinforce):
        return decision
    new = decision.new
    if decision.existing.id not in current:
        return Add(new if new.candidate.key is not None else replace(new, key=str(new.id)))
    if isinstance(decision, Reinforce):
        return replace(decision, ended=tuple(old for old in decision.ended if not current.get(old.id)))
    if current[decision.existing.id]:
        return Quarantine(new, PINNED, decision.existing)
    return replace(decision, also=tuple(old for old in decision.also if not current.get(old.id)))


async def end_under_key(
    tx: Transaction, backend: Backend, namespace: Namespace, holder: Memory, new: NewMemory, *, now: datetime
) -> None:
    """End what stands under the key, also where the words are the same and only the value is another."""
    until = max(holder.valid_from, new.candidate.valid_from)
    await changes_queries.supersede_memories(tx, namespace, [(holder.id, new.id, until)], now=now)
    search_index.unindex_memories(tx, namespace, [holder.id])
    entry = (holder.id, "superseded", "another statement was made under its key", new.id)
    log(tx, backend, namespace, [entry], now=now)


def _reinforce(
    tx: Transaction, backend: Backend, namespace: Namespace, again: Sequence[Reinforce], *, now: datetime
) -> None:
    statements = [(decision.existing.id, decision.new.candidate) for decision in again]
    rows = [(id, candidate.importance, candidate.confidence, candidate.provenance) for id, candidate in statements]
    once = {id: row for row in rows for id in (row[0],)}  # one statement changes a row once
    changes_queries.reinforce_memories(tx, namespace, list(once.values()), doubt_lost=DOUBT_LOST, now=now)
    log(tx, backend, namespace, [(id, "reinforced", "it was said again", None) for id in once], now=now)


async def _insert_inactive(
    tx: Transaction, backend: Backend, namespace: Namespace, decisions: Sequence[Decision], *, now: datetime
) -> list[UUID]:
    """Write what is past and what waits for review, with vectors that are not searched; returns what waits."""
    model = await ready(backend)
    new: list[tuple[NewMemory, dict[str, object]]] = []
    for decision in decisions:
        if isinstance(decision, Past):
            until = max(decision.until, decision.new.candidate.valid_from).isoformat()
            new.append(
                (decision.new, {"status": "superseded", "valid_until": until, "superseded_by": str(decision.successor)})
            )
        elif isinstance(decision, Quarantine):
            about = str(decision.about.id) if decision.about is not None else None
            key = decision.about.key if decision.about is not None else decision.new.key
            new.append(
                (
                    replace(decision.new, key=key),
                    {"status": "quarantined", "review": decision.reason, "review_of": about},
                )
            )
    await carry_over(tx, backend, namespace, [memory for memory, _ in new])
    # Vectors only for rows that are new: one that existed has its own.
    stored = set(await changes_queries.insert_inactive(tx, namespace, new, now=now))
    vectors = {memory.id: memory.vectors for memory, _ in new if memory.id in stored}
    hnsw_upkeep.insert_vectors(tx, backend, namespace, vectors, model=model)
    search_index.unindex_memories(tx, namespace, list(vectors))
    if not all(vectors.values()):
        await note_missing(tx, backend, namespace)
    waiting = [decision for decision in decisions if isinstance(decision, Quarantine) and decision.new.id in stored]
    log(
        tx,
        backend,
        namespace,
        [(quarantine.new.id, "quarantined", quarantine.reason, None) for quarantine in waiting],
        now=now,
    )
    return [quarantine.new.id for quarantine in waiting]
