"""Memories that change: carrying out decisions, the history, what waits for review, the log."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from functools import partial
from uuid import UUID

from langchain_persistmem.errors import InvalidInputError, MemoryNotFoundError
from langchain_persistmem.learning.consolidation import (
    CONTRADICTED,
    PINNED,
    Add,
    Decision,
    ExistingMemories,
    Past,
    Policy,
    Quarantine,
    Reinforce,
    Skip,
    Supersede,
    ends_at,
    for_approval,
    own_key,
    spellings,
)
from langchain_persistmem.learning.insert import ChangeResult, insert, log
from langchain_persistmem.learning.lineage import summary_of, unfold
from langchain_persistmem.learning.missing_vectors import note_missing
from langchain_persistmem.learning.sameness import same_person
from langchain_persistmem.learning.turns import follow, withhold
from langchain_persistmem.learning.upgrade.identities import carry_over
from langchain_persistmem.postgres.queries import changes as changes_queries
from langchain_persistmem.postgres.queries import edit, memories, namespaces, search_index, turns
from langchain_persistmem.postgres.queries.generations import hold_existing
from langchain_persistmem.postgres.transaction import Answer, Transaction
from langchain_persistmem.runtime import generations, hnsw_upkeep
from langchain_persistmem.runtime.audit_log import MemoryIds, note_read, record
from langchain_persistmem.runtime.backend import Backend
from langchain_persistmem.runtime.setup import ready
from langchain_persistmem.types import validation
from langchain_persistmem.types.namespace import Namespace, encode
from langchain_persistmem.types.records import RULES_EXTRACTOR, Change, Memory, NewMemory
from langchain_persistmem.types.representation import quote
from langchain_persistmem.types.results import MemoryChange

CONSOLIDATED = ("semantic", "procedural", "episodic")
"""The kinds among which a candidate can be known already; a profile is a document of its own."""
BEFORE = "something newer is known already"
_NEIGHBOURS = 5
_MOST_AT_ONCE = 10_000
"""Memories that are reviewed in one transaction."""


async def find_existing(
    backend: Backend, namespace: Namespace, new: Sequence[NewMemory], shown: Sequence[Memory], *, now: datetime
) -> ExistingMemories:
    """Find the memories near the candidates and under their keys; nothing is locked yet."""
    model = await ready(backend)
    keys = sorted({key for memory in new for key in spellings(memory.candidate)})
    embedded = [memory for memory in new if memory.vectors]  # what has no vector yet is known by its key alone
    if not new:
        return ExistingMemories(nearest={}, by_key={}, visible={memory.id: memory for memory in shown})
    async with backend.transaction(namespace, atomic=False) as tx:
        under_keys = memories.get_memories(tx, namespace, keys, now=now)
        nearest = await changes_queries.neighbours(
            tx,
            namespace,
            [memory.vectors[0] for memory in embedded],
            model=model,
            kinds=CONSOLIDATED,
            limit=_NEIGHBOURS,
            now=now,
        )
        by_key = await under_keys
    return ExistingMemories(
        nearest={memory.id: near for memory, near in zip(embedded, nearest, strict=True)},
        by_key=by_key,
        visible={memory.id: memory for memory in shown},
    )


async def policy_of(backend: Backend) -> Policy:
    """The rules of consolidation, with what "related" means under the embedder."""
    settings, model = backend.settings, await ready(backend)
    return Policy(
        contradictions=settings.contradictions,
        min_confidence=settings.min_confidence,
        max_superseded=settings.max_superseded,
        related=model.background_mean + 2 * model.background_deviation,
    )


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
    link(tx, namespace, decisions, result.ids)
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
) -> Answer[int]:
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


def _reinforce(
    tx: Transaction, backend: Backend, namespace: Namespace, again: Sequence[Reinforce], *, now: datetime
) -> None:
    statements = [(decision.existing.id, decision.new.candidate) for decision in again]
    rows = [(id, candidate.importance, candidate.confidence, candidate.provenance) for id, candidate in statements]
    once = {id: row for row in rows for id in (row[0],)}  # one statement changes a row once
    changes_queries.reinforce_memories(tx, namespace, list(once.values()), now=now)
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


async def history(backend: Backend, namespace: Namespace, key: str) -> list[Memory]:
    """Every version under ``key``, and what they replaced, the latest first.

    Raises:
        MemoryNotFoundError: there never was one.
    """
    validation.name(key, "key")
    encode(namespace)
    await ready(backend)
    async with backend.transaction(namespace, atomic=False) as tx:
        rows = await changes_queries.history(tx, namespace, key)
    if not rows:
        raise MemoryNotFoundError(f"there is no memory with the key {quote(key)} here; list() shows the keys")
    await note_read(backend, namespace, "read", [memory.id for memory in rows])
    return rows


async def changes(backend: Backend, namespace: Namespace, key: str | None, *, limit: int) -> list[Change]:
    """List what changed and why, newest first."""
    if key is not None:
        validation.name(key, "key")
    validation.count(limit, "limit", at_least=1, at_most=10_000)
    encode(namespace)
    await ready(backend)
    async with backend.transaction(namespace, atomic=False) as tx:
        return await changes_queries.list_changes(tx, namespace, key, limit=limit)


async def restore(backend: Backend, namespace: Namespace, id: UUID, *, now: datetime) -> Memory:
    """Make a superseded or archived memory current again; what is current under its key becomes its past.

    One that was archived into a summary comes back with all the others, and the summary goes.

    Raises:
        MemoryNotFoundError: there is no such memory.
        InvalidInputError: it waits for review: that is for review.approve() to decide.
        MemoryDisabledError: memory is paused.
    """
    return await _revive(backend, namespace, id, "restored", "it was asked for", now=now)


async def version(backend: Backend, namespace: Namespace, id: UUID) -> Memory:
    """Return one memory by its id, whatever its status.

    Raises:
        MemoryNotFoundError: there is none.
    """
    id = validation.uuid(id, "version")
    encode(namespace)
    await ready(backend)
    async with backend.transaction(namespace, atomic=False) as tx:
        memory_version = await changes_queries.get_version(tx, namespace, id)
    if memory_version is None:
        raise MemoryNotFoundError("there is no memory with this id here; list() shows the memories with their ids")
    await note_read(backend, namespace, "read", [memory_version.id])
    return memory_version


async def review(backend: Backend, namespace: Namespace, *, limit: int) -> list[Memory]:
    """List what waits for review, oldest first."""
    validation.count(limit, "limit", at_least=1, at_most=10_000)
    encode(namespace)
    await ready(backend)
    async with backend.transaction(namespace, atomic=False) as tx:
        waiting = await changes_queries.list_quarantined(tx, namespace, limit=limit)
    await note_read(backend, namespace, "listed", [memory.id for memory in waiting])
    return waiting


async def approve(backend: Backend, namespace: Namespace, ids: Sequence[UUID] | None, *, now: datetime) -> list[Memory]:
    """Let quarantined memories be recalled, all or none; None means all that waits, in the order in which it came.

    Each supersedes what is current under its key.

    Raises:
        MemoryNotFoundError: one of them does not wait for review; nothing was approved.
        MemoryDisabledError: memory is paused; nothing was approved.
        InvalidInputError: one is no UUID.
    """
    ids = None if ids is None else _ids(ids)
    encode(namespace)
    await ready(backend)
    async with backend.transaction(namespace) as tx:
        wanted = await _to_decide(tx, namespace, ids)
        if wanted and (state := await namespaces.read_state(tx, namespace)) is not None:
            state.check_not_paused()
        return [await _revive_held(tx, backend, namespace, id, "approved", "it was reviewed", now=now) for id in wanted]


async def reject(backend: Backend, namespace: Namespace, ids: Sequence[UUID] | None, *, now: datetime) -> int:
    """Delete quarantined memories for good, all or none; None means all that waits. Returns the number of them.

    Raises:
        MemoryNotFoundError: one of them does not wait for review; nothing was rejected.
        InvalidInputError: one is no UUID.
    """
    ids = None if ids is None else _ids(ids)
    encode(namespace)
    await ready(backend)
    async with backend.transaction(namespace) as tx:
        wanted = await _to_decide(tx, namespace, ids)
        await withhold(tx, namespace, wanted, now=now)  # before the links go with their statements
        if await changes_queries.reject_memories(tx, namespace, wanted) != len(wanted):
            raise MemoryNotFoundError("not all of these wait for review; review.list() shows what does")
        await record(tx, backend, namespace, "rejected", wanted)
    return len(wanted)


def _ids(versions: Sequence[UUID]) -> list[UUID]:
    entries = validation.check_list(versions, "versions")
    return [validation.uuid(entry, f"versions[{index}]") for index, entry in enumerate(entries)]


async def _to_decide(tx: Transaction, namespace: Namespace, ids: Sequence[UUID] | None) -> list[UUID]:
    """The memories that are meant, under the namespace's lock; of a namespace that does not exist, no row is made."""
    if await hold_existing(tx, namespace) is None or ids is not None:
        return list(dict.fromkeys(ids or ()))
    return [memory.id for memory in await changes_queries.list_quarantined(tx, namespace, limit=_MOST_AT_ONCE)]


async def _revive(
    backend: Backend, namespace: Namespace, id: UUID, change: str, reason: str, *, now: datetime
) -> Memory:
    id = validation.uuid(id, "version")
    encode(namespace)
    await ready(backend)
    async with backend.transaction(namespace) as tx:
        state = await generations.hold(tx, backend, namespace, now=now)
        state.check_not_paused()
        return await _revive_held(tx, backend, namespace, id, change, reason, now=now)


async def _revive_held(
    tx: Transaction, backend: Backend, namespace: Namespace, id: UUID, change: str, reason: str, *, now: datetime
) -> Memory:
    """Make one memory current; the caller holds the namespace's lock."""
    old = await _revivable(tx, namespace, id, change)
    if old.status == "active":
        return old
    summary = await summary_of(tx, namespace, old)
    if summary is not None:  # a summary stands for all of its originals or for none
        await unfold(tx, backend, namespace, summary, but=[id], now=now)
    rivals = await changes_queries.rivals(tx, namespace, id)
    from_then = now if change == "restored" else old.valid_from
    ended = [(rival, id, max(from_then, since)) for rival, since, _ in rivals]
    superseded = await changes_queries.supersede_memories(tx, namespace, ended, now=now)
    await search_index.unindex_memories(tx, namespace, superseded)
    await log(
        tx, backend, namespace, [(old_id, "superseded", f"another was {change}", id) for old_id in superseded], now=now
    )
    await changes_queries.revive_memories(tx, namespace, [id], now=now)
    if any(pinned for *_, pinned in rivals):  # what stands under a key stays pinned in each new version
        await edit.pin_memories(tx, namespace, [id], pinned=True)
    words = {id: (old.text or "", old.speaker)}
    await search_index.insert_terms(tx, namespace, words, language=backend.settings.language)
    await follow(tx, backend, namespace, [id, *superseded], now=now)
    await log(tx, backend, namespace, [(id, change, reason, None)], now=now)
    await record(tx, backend, namespace, change, [id, *superseded], superseded=len(superseded))
    revived = await changes_queries.get_version(tx, namespace, id)
    if revived is None:  # it is there: the namespace is locked
        raise MemoryNotFoundError
    return revived


async def _revivable(tx: Transaction, namespace: Namespace, id: UUID, change: str) -> Memory:
    old = await changes_queries.get_version(tx, namespace, id)
    if old is None or (change == "approved") != (old.status == "quarantined"):
        if old is not None and old.status == "quarantined":
            raise InvalidInputError("the memory waits for review; use review.approve() or review.reject()")
        raise MemoryNotFoundError(
            "nothing with this id waits for review; review.list() shows what does"
            if change == "approved"
            else "there is no memory with this id; history(key) lists the versions with their ids"
        )
    return old
