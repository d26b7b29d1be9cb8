"""Keeping given statements."""

from datetime import datetime

from langchain_persistmem import values
from langchain_persistmem.backend import Backend
from langchain_persistmem.engine.consolidation import Quarantine, same_statement
from langchain_persistmem.engine.evolution import apply
from langchain_persistmem.engine.keeping import keep, prepare
from langchain_persistmem.engine.trust import may_supersede, suspicion
from langchain_persistmem.errors import InvalidInput
from langchain_persistmem.namespace import Namespace, encode
from langchain_persistmem.postgres import evolution, memories, namespaces
from langchain_persistmem.postgres.transaction import Transaction
from langchain_persistmem.readiness import ready
from langchain_persistmem.types import KINDS, SOURCES, Candidate, Memory


async def remember(backend: Backend, namespace: Namespace, candidate: Candidate, *, now: datetime) -> Memory:
    """Keep one statement and return the memory.

    The same statement again confirms the memory instead of storing a second one. A statement
    under a key that exists supersedes what was known under it; the old one stays in the history.
    What its source may not say or replace, or what reads like an attack, is quarantined: it waits for review.

    Raises:
        InvalidInput: a field cannot be stored; nothing was.
        EmbeddingFailed: there is no vector; nothing was stored.
    """
    check(candidate, max_chars=backend.settings.max_text_chars)
    encode(namespace)
    await ready(backend)
    (new,) = await prepare(backend, [candidate])
    reason = suspicion(candidate)
    async with backend.transaction(namespace) as tx:
        await namespaces.hold_namespace(tx, namespace, incarnation=backend.new_id(), now=now)
        about = await _better_known(tx, namespace, candidate, now=now)
        if about is not None:
            reason = reason or "a less trusted source contradicts what is known"
        if reason is not None:
            await apply(tx, backend, namespace, [Quarantine(new, reason, about)], now=now)
            return await evolution.quarantined_twin(tx, namespace, new.identity)
        kept = await keep(tx, backend, namespace, [new], now=now)
        (key,) = (*kept.added, *kept.reinforced)
        return (await memories.get_memories(tx, namespace, [key], now=now))[key]


async def _better_known(tx: Transaction, namespace: Namespace, candidate: Candidate, *, now: datetime) -> Memory | None:
    """What is known under the candidate's key from a more trusted source, and says something else."""
    if candidate.key is None:
        return None
    known = (await memories.get_memories(tx, namespace, [candidate.key], now=now)).get(candidate.key)
    if known is None or may_supersede(candidate.provenance.source, known.provenance.source):
        return None
    return None if same_statement(candidate.text, known.text or "") else known


def check(candidate: Candidate, *, max_chars: int) -> None:
    """Refuse what cannot be stored.

    Raises:
        InvalidInput: the message names the field.
    """
    values.required_text(candidate.text, "text", at_most=max_chars)
    if candidate.kind not in KINDS:
        raise InvalidInput(f"kind is {candidate.kind!r:.40}; use one of {', '.join(KINDS)}")
    if candidate.provenance.source not in SOURCES:
        raise InvalidInput(f"source is {candidate.provenance.source!r:.40}; use one of {', '.join(SOURCES)}")
    values.share(candidate.importance, "importance")
    values.share(candidate.confidence, "confidence")
    values.aware(candidate.valid_from, "valid_from")
    if candidate.key is not None:
        values.name(candidate.key, "key")
    if candidate.speaker is not None:
        values.required_text(candidate.speaker, "speaker", at_most=200)
    if candidate.provenance.thread_id is not None:
        values.name(candidate.provenance.thread_id, "thread_id")
    if candidate.value is not None:
        values.check_json(candidate.value, "value")
