"""Storing a statement that the application, a user or a tool gives."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime

from langchain_persistmem.errors import InvalidInputError
from langchain_persistmem.language.trust import INSTRUCTORS, find_suspicion, may_supersede
from langchain_persistmem.learning.background.missing_vectors import make_some_missing
from langchain_persistmem.learning.decisions.apply_decisions import apply, end_under_key, link
from langchain_persistmem.learning.decisions.consolidation import (
    CONTRADICTS,
    LESS_TRUSTED,
    PINNED,
    Add,
    Contradictions,
    Quarantine,
    Reinforce,
)
from langchain_persistmem.learning.decisions.fact_keys import own_key, spellings, under_key
from langchain_persistmem.learning.decisions.sameness import is_repetition
from langchain_persistmem.learning.insert import insert, prepare
from langchain_persistmem.learning.kind_and_category import sort_statement
from langchain_persistmem.learning.turns.turns_follow_statements import follow
from langchain_persistmem.learning.upgrade.rewrite import rewrite_some
from langchain_persistmem.postgres.answer import Answer
from langchain_persistmem.postgres.queries import changes, edit, memories
from langchain_persistmem.postgres.queries import consent as consent_queries
from langchain_persistmem.postgres.transaction import Transaction
from langchain_persistmem.runtime import generations
from langchain_persistmem.runtime.audit_log import MemoryIds, record
from langchain_persistmem.runtime.backend import Backend
from langchain_persistmem.runtime.consent_checks import check_not_paused, check_on_record
from langchain_persistmem.runtime.record_redaction import redact_candidate
from langchain_persistmem.runtime.setup import ready
from langchain_persistmem.types import moments, validation
from langchain_persistmem.types.moments import offset_of
from langchain_persistmem.types.namespace import Namespace, encode
from langchain_persistmem.types.records import KINDS, SOURCES, Candidate, DatePrecision, Memory, NewMemory
from langchain_persistmem.types.representation import represent

_LONGEST_CATEGORY = 64
"""Bytes."""


async def remember(
    backend: Backend,
    namespace: Namespace,
    candidate: Candidate,
    *,
    now: datetime,
    sort: bool = False,
    thread_id: str | None = None,
    seen: generations.Snapshot | None = None,
) -> Memory:
    """Store one statement and return the memory.

    The same statement again confirms the memory instead of storing a second one. A statement
    under a key that exists supersedes what was known under it; the old one stays in the history.
    What its source may not say or replace, or what reads like an attack, is quarantined: it waits for review.

    Args:
        sort: let the rules choose the kind, and the category and the key where there are none.
        thread_id: the conversation in which it is said.
        seen: the generations that the caller has seen, before a model worked or a connection was lost.

    Raises:
        InvalidInputError: a field cannot be stored; nothing was.
        EmbeddingError: there is no vector; nothing was stored.
        ErasedError: the namespace was erased meanwhile; nothing was stored.
        MemoryDisabledError: memory is paused, or the conversation off the record; nothing was stored.
    """
    candidate = check(candidate, max_chars=backend.settings.max_text_chars)
    candidate = _dated(candidate, now)
    if sort:  # redacted before, because a key is made of words of the text
        candidate = sort_statement(redact_candidate(backend.settings.redaction, candidate))
    encode(namespace)
    thread_id = thread_id or candidate.provenance.thread_id
    if thread_id is not None:
        validation.name(thread_id, "thread_id")
    await ready(backend)
    await make_some_missing(backend, now=now)
    await rewrite_some(backend, namespace, now=now)
    seen = {} if seen is None else seen
    await generations.see(backend, [namespace], seen, now=now)
    (new,) = await prepare(backend, [candidate], later=True)
    candidate = new.candidate  # as it is kept: redacted, where that is set
    reason = find_suspicion(candidate)
    async with backend.transaction(namespace) as tx:
        holders = await _hold(tx, backend, namespace, candidate, thread_id, seen, now=now)
        new = _under_own_key(new, holders)
        holder = holders.get(new.candidate.key) if new.candidate.key is not None else None
        change = None if holder is None or _repeats(candidate, holder) else holder
        if reason is None and holder is not None and change is None and candidate.text != holder.text:
            # The same in another spelling: what stands there keeps its words, its source and its pin.
            done = await apply(tx, backend, namespace, [Reinforce(new, holder)], now=now)
            await record(tx, backend, namespace, "remembered", done.memory_ids.all, **done.memory_ids.counts)
            return (await memories.get_memories(tx, namespace, [holder.key], now=now))[holder.key]
        if change is not None:
            reason = reason or _objection(candidate, change, backend.settings.contradictions)
        if reason is not None:
            done = await apply(tx, backend, namespace, [Quarantine(new, reason, change)], now=now)
            await record(tx, backend, namespace, "remembered", done.memory_ids.all, **done.memory_ids.counts)
            return await changes.find_quarantined(tx, namespace, new.identity)
        if change is not None and backend.settings.contradictions == "both":
            new = under_key(new, None)
        elif change is not None:
            await end_under_key(tx, backend, namespace, change, new, now=now)
        result = await insert(tx, backend, namespace, [new], now=now)
        memory_ids = result.memory_ids
        if change is not None and new.candidate.key is not None:
            memory_ids += MemoryIds(superseded=(change.id,))
            if change.pinned:  # what stands under a key stays pinned in each new version
                await edit.pin_memories(tx, namespace, [new.id], pinned=True)
        link(tx, namespace, [Add(new)], result.ids)
        await follow(tx, backend, namespace, memory_ids.all, now=now)
        record(tx, backend, namespace, "remembered", memory_ids.all, **memory_ids.counts)
        (key,) = (*result.added, *result.reinforced)
        stored = memories.get_memories(tx, namespace, [key], now=now)  # which comes with the COMMIT
    if stored.is_lost:
        async with backend.transaction(namespace, atomic=False) as tx:
            stored = memories.get_memories(tx, namespace, [key], now=now)
    return (await stored)[key]


async def _hold(
    tx: Transaction,
    backend: Backend,
    namespace: Namespace,
    candidate: Candidate,
    thread_id: str | None,
    seen: generations.Snapshot,
    *,
    now: datetime,
) -> Mapping[str, Memory]:
    """Lock the namespace for a statement that may be stored, and read what stands under its keys, in one round trip."""
    held = generations.hold(tx, backend, namespace, now=now)
    off_record = Answer(False) if thread_id is None else consent_queries.is_off_record(tx, namespace, thread_id)
    holders = await memories.get_memories(tx, namespace, spellings(candidate), now=now)
    state = await held
    generations.check(namespace, state.generation, seen)
    check_not_paused(state)
    check_on_record(is_off_record=await off_record)
    return holders


def _dated(candidate: Candidate, now: datetime) -> Candidate:
    """The statement with when, and at which offset, it is told; a moment that the caller names is when an event was."""
    named = candidate.valid_from != now
    precision: DatePrecision | None = ("time" if named else "told") if candidate.kind == "episodic" else None
    return replace(
        candidate,
        told_at=candidate.told_at or now,
        # UTC is where most programs stand, and tells nothing of a person's place.
        utc_offset=candidate.utc_offset
        if candidate.utc_offset is not None
        else offset_of(candidate.valid_from) or None,
        date_precision=candidate.date_precision or precision,
    )


def _repeats(candidate: Candidate, holder: Memory) -> bool:
    """Tell if the statement is the one that stands under its key: the same words, and no other value."""
    if candidate.value is not None and dict(candidate.value) != dict(holder.value):
        return False
    return is_repetition(candidate, holder)


def _objection(candidate: Candidate, holder: Memory, contradictions: Contradictions) -> str | None:
    """The reason why another statement under a key has to be looked at first; None if it may take its place."""
    source = candidate.provenance.source
    if not may_supersede(source, holder.provenance.source):
        return LESS_TRUSTED
    if holder.pinned and source not in INSTRUCTORS:
        return PINNED
    return CONTRADICTS if contradictions == "ask" else None


def _under_own_key(new: NewMemory, holders: Mapping[str, Memory]) -> NewMemory:
    """``new`` under the key that was given: only where another person speaks under it does it get the speaker's name."""
    rival = holders.get(new.candidate.key) if new.candidate.key is not None else None
    return own_key(new, holders) if rival is not None and rival.speaker and new.candidate.speaker else new


def check(candidate: Candidate, *, max_chars: int) -> Candidate:
    """Return the candidate, its value in Python's own types, if it can be stored.

    Raises:
        InvalidInputError: the message names the field.
    """
    validation.check_text(candidate.text, "text", at_most=max_chars)
    if candidate.kind not in KINDS:
        raise InvalidInputError(f"kind is {represent(candidate.kind)}; use one of {', '.join(KINDS)}")
    if candidate.provenance.source not in SOURCES:
        raise InvalidInputError(f"source is {represent(candidate.provenance.source)}; use one of {', '.join(SOURCES)}")
    validation.check_stored_share(candidate.importance, "importance")
    validation.check_stored_share(candidate.confidence, "confidence")
    moments.aware(candidate.valid_from, "valid_from")
    if candidate.key is not None:
        validation.name(candidate.key, "key")
    if candidate.speaker is not None:
        validation.check_text(candidate.speaker, "speaker", at_most=200)
    if candidate.provenance.thread_id is not None:
        validation.name(candidate.provenance.thread_id, "thread_id")
    if candidate.category is not None:
        validation.check_text(candidate.category, "category", at_most=_LONGEST_CATEGORY)
        # The column counts bytes, and a character may have four.
        if len(candidate.category.encode()) > _LONGEST_CATEGORY:
            raise InvalidInputError(f"category is longer than {_LONGEST_CATEGORY} bytes; use a shorter word")
    if candidate.value is None:
        return candidate
    return replace(candidate, value=validation.json_object(candidate.value, "value"))
