"""Storing a statement that the application, a user or a tool gives."""

from datetime import datetime

from langchain_persistmem.errors import InvalidInputError, MemoryDisabledError
from langchain_persistmem.language.trust import INSTRUCTORS, find_suspicion, may_supersede
from langchain_persistmem.learning.changes import apply, link
from langchain_persistmem.learning.consolidation import PINNED, Add, Quarantine, same_statement
from langchain_persistmem.learning.insert import insert, prepare
from langchain_persistmem.learning.missing_vectors import make_some_missing
from langchain_persistmem.learning.turns import follow
from langchain_persistmem.postgres.queries import changes, memories
from langchain_persistmem.postgres.queries import consent as consent_queries
from langchain_persistmem.postgres.transaction import Transaction
from langchain_persistmem.runtime import generations
from langchain_persistmem.runtime.audit_log import record
from langchain_persistmem.runtime.backend import Backend
from langchain_persistmem.runtime.setup import ready
from langchain_persistmem.types import validation
from langchain_persistmem.types.namespace import Namespace, encode
from langchain_persistmem.types.records import KINDS, SOURCES, Candidate, Memory


async def remember(
    backend: Backend,
    namespace: Namespace,
    candidate: Candidate,
    *,
    now: datetime,
    thread_id: str | None = None,
    seen: generations.Seen | None = None,
) -> Memory:
    """Store one statement and return the memory.

    The same statement again confirms the memory instead of storing a second one. A statement
    under a key that exists supersedes what was known under it; the old one stays in the history.
    What its source may not say or replace, or what reads like an attack, is quarantined: it waits for review.

    Args:
        thread_id: the conversation in which it is said.
        seen: the generations that the caller has seen, before a model worked or a connection was lost.

    Raises:
        InvalidInputError: a field cannot be stored; nothing was.
        EmbeddingError: there is no vector; nothing was stored.
        ErasedError: the namespace was erased meanwhile; nothing was stored.
        MemoryDisabledError: memory is paused, or the conversation off the record; nothing was stored.
    """
    check(candidate, max_chars=backend.settings.max_text_chars)
    encode(namespace)
    thread_id = thread_id or candidate.provenance.thread_id
    if thread_id is not None:
        validation.name(thread_id, "thread_id")
    await ready(backend)
    await make_some_missing(backend, now=now)
    seen = {} if seen is None else seen
    await generations.see(backend, [namespace], seen, now=now)
    (new,) = await prepare(backend, [candidate], later=True)
    candidate = new.candidate  # as it is kept: redacted, where that is set
    reason = find_suspicion(candidate)
    async with backend.transaction(namespace) as tx:
        state = await generations.hold(tx, backend, namespace, now=now)
        generations.check(namespace, state.generation, seen)
        state.check_not_paused()
        if thread_id is not None and await consent_queries.is_off_record(tx, namespace, thread_id):
            raise MemoryDisabledError(
                "this conversation is off the record: nothing of it is kept; see privacy.set_off_record()"
            )
        about = await _find_protected(tx, namespace, candidate, now=now)
        if about is not None:
            reason = reason or (PINNED if about.pinned else "a less trusted source contradicts what is known")
        if reason is not None:
            done = await apply(tx, backend, namespace, [Quarantine(new, reason, about)], now=now)
            await record(tx, backend, namespace, "remembered", done.memory_ids.all, **done.memory_ids.counts)
            return await changes.find_quarantined(tx, namespace, new.identity)
        result = await insert(tx, backend, namespace, [new], now=now)
        await link(tx, namespace, [Add(new)], result.ids)
        await follow(tx, backend, namespace, result.memory_ids.all, now=now)
        await record(tx, backend, namespace, "remembered", result.memory_ids.all, **result.memory_ids.counts)
        (key,) = (*result.added, *result.reinforced)
        return (await memories.get_memories(tx, namespace, [key], now=now))[key]


async def _find_protected(
    tx: Transaction, namespace: Namespace, candidate: Candidate, *, now: datetime
) -> Memory | None:
    """The memory under the candidate's key that it may not replace: another statement, more trusted or pinned."""
    if candidate.key is None:
        return None
    known = (await memories.get_memories(tx, namespace, [candidate.key], now=now)).get(candidate.key)
    source = candidate.provenance.source
    if known is None:
        return None
    if may_supersede(source, known.provenance.source) and (source in INSTRUCTORS or not known.pinned):
        return None
    return None if same_statement(candidate.text, known.text or "") else known


def check(candidate: Candidate, *, max_chars: int) -> None:
    """Refuse what cannot be stored.

    Raises:
        InvalidInputError: the message names the field.
    """
    validation.check_text(candidate.text, "text", at_most=max_chars)
    if candidate.kind not in KINDS:
        raise InvalidInputError(f"kind is {candidate.kind!r:.40}; use one of {', '.join(KINDS)}")
    if candidate.provenance.source not in SOURCES:
        raise InvalidInputError(f"source is {candidate.provenance.source!r:.40}; use one of {', '.join(SOURCES)}")
    validation.check_stored_share(candidate.importance, "importance")
    validation.check_stored_share(candidate.confidence, "confidence")
    validation.aware(candidate.valid_from, "valid_from")
    if candidate.key is not None:
        validation.name(candidate.key, "key")
    if candidate.speaker is not None:
        validation.check_text(candidate.speaker, "speaker", at_most=200)
    if candidate.provenance.thread_id is not None:
        validation.name(candidate.provenance.thread_id, "thread_id")
    if candidate.value is not None:
        validation.json_object(candidate.value, "value")
