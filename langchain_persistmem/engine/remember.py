"""Keeping given statements, and the one way in which memories are written."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from langchain_persistmem import values
from langchain_persistmem.backend import Backend
from langchain_persistmem.cjk import pairs
from langchain_persistmem.errors import InvalidInput
from langchain_persistmem.namespace import Namespace, encode
from langchain_persistmem.postgres import memories, namespaces, search_index
from langchain_persistmem.postgres.transaction import Transaction
from langchain_persistmem.readiness import ready
from langchain_persistmem.types import KINDS, SOURCES, Candidate, Memory, NewMemory, Vector


@dataclass(frozen=True, slots=True)
class Kept:
    """What became of candidates: the keys of new memories, and of known ones that were confirmed."""

    added: tuple[str, ...]
    reinforced: tuple[str, ...]


async def remember(backend: Backend, namespace: Namespace, candidate: Candidate, *, now: datetime) -> Memory:
    """Keep one statement and return the memory.

    The same statement again confirms the memory instead of storing a second one. A statement
    under a key that exists supersedes what was known under it; the old one stays in the history.

    Raises:
        InvalidInput: a field cannot be stored; nothing was.
        EmbeddingFailed: there is no vector; nothing was stored.
    """
    check(candidate, max_chars=backend.settings.max_text_chars)
    encode(namespace)
    await ready(backend)
    (new,) = await prepare(backend, [candidate])
    async with backend.transaction() as tx:
        await namespaces.hold_namespace(tx, namespace, incarnation=backend.new_id(), now=now)
        kept = await keep(tx, backend, namespace, [new], now=now)
        (key,) = (*kept.added, *kept.reinforced)
        return (await memories.get_memories(tx, namespace, [key], now=now))[key]


async def prepare(
    backend: Backend, candidates: Sequence[Candidate], positions: Sequence[int | None] | None = None
) -> list[NewMemory]:
    """Candidates with ids and vectors; the same statement twice becomes one. No connection is held meanwhile."""
    unique = {identity(candidate): (candidate, place) for candidate, place in _with(candidates, positions)}
    vectors: list[Vector] = await backend.embed([candidate.text for candidate, _ in unique.values()])
    prepared: list[NewMemory] = []
    for (fingerprint, (candidate, place)), vector in zip(unique.items(), vectors, strict=True):
        id = backend.new_id()
        prepared.append(
            NewMemory(
                id=id,
                key=candidate.key or str(id),
                identity=fingerprint,
                candidate=candidate,
                vectors=(vector,),
                words=pairs(candidate.text),
                position=place,
            )
        )
    return prepared


async def keep(
    tx: Transaction, backend: Backend, namespace: Namespace, new: Sequence[NewMemory], *, now: datetime
) -> Kept:
    """Write prepared memories with their vectors and words; the caller holds the namespace's lock."""
    if not new:
        return Kept((), ())
    model = await ready(backend)
    keyed = [each for each in new if each.candidate.key is not None]
    if keyed:
        ended = await memories.supersede_keys(tx, namespace, keyed, now=now)
        await search_index.unindex_memories(tx, namespace, ended)
    stored = await memories.insert_memories(tx, namespace, new, now=now)
    added = [each for each in new if stored[each.identity][0] == each.id]
    await search_index.insert_vectors(tx, namespace, {each.id: each.vectors for each in added}, model=model)
    words: dict[UUID, tuple[str, Sequence[str]]] = {
        each.id: (_searchable(each.candidate), each.words) for each in added
    }
    await search_index.insert_words(tx, namespace, words, language=backend.settings.language)
    fresh = {each.key for each in added}
    return Kept(tuple(fresh), tuple(key for _, key in stored.values() if key not in fresh))


def identity(candidate: Candidate) -> bytes:
    """What makes two memories the same one.

    A statement is the same whatever its capitals and spaces; what happened is the same only on the
    same day; a turn is itself, however often it is observed; a key belongs to the statement.
    """
    provenance = candidate.provenance
    parts = [candidate.kind, candidate.key or ""]
    if candidate.kind == "episodic" and provenance.message_ids:
        parts += ["messages", provenance.thread_id or "", *provenance.message_ids]
    if candidate.kind == "episodic":
        parts.append(candidate.valid_from.date().isoformat())
    parts.append(" ".join(candidate.text.casefold().split()))
    return hashlib.sha256("\x1f".join(parts).encode()).digest()


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


def _searchable(candidate: Candidate) -> str:
    """What is searched by words: with the speaker's name, which questions ask by."""
    return f"{candidate.speaker}: {candidate.text}" if candidate.speaker else candidate.text


def _with(
    candidates: Sequence[Candidate], positions: Sequence[int | None] | None
) -> Sequence[tuple[Candidate, int | None]]:
    return list(zip(candidates, positions or [None] * len(candidates), strict=True))
