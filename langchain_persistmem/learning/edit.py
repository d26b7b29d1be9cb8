"""Changes by hand in a memory: its wording, its pin. The version before stays in the history."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any
from uuid import UUID

from langchain_persistmem.errors import ConcurrentUpdateError, InvalidInputError, MemoryNotFoundError
from langchain_persistmem.language.trust import INSTRUCTORS, find_suspicion, may_supersede
from langchain_persistmem.learning.decisions.apply_decisions import apply
from langchain_persistmem.learning.decisions.consolidation import PINNED, Quarantine
from langchain_persistmem.learning.insert import insert, log, prepare
from langchain_persistmem.learning.remember import check
from langchain_persistmem.learning.turns.turns_follow_statements import follow
from langchain_persistmem.postgres.queries import changes as changes_queries
from langchain_persistmem.postgres.queries import edit as edit_queries
from langchain_persistmem.postgres.queries import memories, search_index
from langchain_persistmem.postgres.transaction import Transaction
from langchain_persistmem.runtime import generations
from langchain_persistmem.runtime.audit_log import record
from langchain_persistmem.runtime.backend import Backend
from langchain_persistmem.runtime.consent_checks import check_not_paused
from langchain_persistmem.runtime.setup import ready
from langchain_persistmem.types import validation
from langchain_persistmem.types.namespace import Namespace, encode
from langchain_persistmem.types.records import Candidate, Kind, Memory, NewMemory, Provenance, Source
from langchain_persistmem.types.representation import quote, type_name

EXTRACTOR = "edit"


@dataclass(frozen=True, kw_only=True, slots=True)
class Edit:
    """The fields to change; None stays as it is."""

    text: str | None
    kind: Kind | None
    importance: float | None
    value: Mapping[str, Any] | None
    valid_from: datetime | None
    pinned: bool | None
    source: Source

    @property
    def pins_only(self) -> bool:
        """True where no new version is asked for."""
        values = (self.text, self.kind, self.importance, self.value, self.valid_from)
        return self.pinned is not None and all(field is None for field in values)


async def edit(backend: Backend, namespace: Namespace, key: str, wanted: Edit, *, now: datetime) -> Memory:
    """Write a new version of the memory under ``key``; the one before stays in the history. Or only pin it.

    What its source may not say or replace waits for review, as in :func:`remember`, and then nothing is pinned.

    Raises:
        MemoryNotFoundError: there is no current memory under the key.
        InvalidInputError: a field cannot be stored, nothing is to be changed, or it is no statement.
        EmbeddingError: the new wording has no vector; nothing was changed.
        ConcurrentUpdateError: the memory was changed meanwhile; nothing was changed.
        MemoryDisabledError: memory is paused; nothing was changed.
    """
    validation.name(key, "key")
    if wanted.pinned is not None and not isinstance(wanted.pinned, bool):  # pyright: ignore[reportUnnecessaryIsInstance] - "false" would be True
        raise InvalidInputError(f"pinned is of type {type_name(wanted.pinned)}; pass True, False or None")
    encode(namespace)
    await ready(backend)
    if wanted.pins_only:
        return await _pin(backend, namespace, key, pinned=bool(wanted.pinned), now=now)
    async with backend.transaction(namespace, atomic=False) as tx:
        old = await _current(tx, namespace, key, now=now)
    candidate = edited(old, wanted)
    candidate = check(candidate, max_chars=backend.settings.max_text_chars)
    (new,) = await prepare(backend, [candidate])
    new, candidate = replace(new, key=key), new.candidate  # as it is kept: redacted, where that is set
    async with backend.transaction(namespace) as tx:
        state = await generations.hold(tx, backend, namespace, now=now)
        check_not_paused(state)
        if (await _current(tx, namespace, key, now=now)).id != old.id:
            raise ConcurrentUpdateError("the memory was changed meanwhile; look at it and edit it again")
        reason = _objection(candidate, old)
        if reason is not None:
            done = await apply(tx, backend, namespace, [Quarantine(new, reason, old)], now=now)
            await record(tx, backend, namespace, "edited", done.memory_ids.all, **done.memory_ids.counts)
            return await changes_queries.find_quarantined(tx, namespace, new.identity)
        return await _replace(tx, backend, namespace, old, new, pinned=wanted.pinned, now=now)


def edited(old: Memory, wanted: Edit) -> Candidate:
    """The new version; pure.

    Raises:
        InvalidInputError: nothing is to be changed, or the memory is a document or an item of the application's.
    """
    changes = (wanted.text, wanted.kind, wanted.importance, wanted.value, wanted.valid_from)
    if all(change is None for change in changes):
        raise InvalidInputError("edit() changes nothing; pass text, kind, importance, value, valid_from or pinned")
    if old.kind == "profile":
        raise InvalidInputError("the profile is a document; change it with update_profile()")
    if old.provenance.source == "store" or old.text is None:
        raise InvalidInputError("the memory is an item that was put into the store; put it again to change it")
    return Candidate(
        text=old.text if wanted.text is None else wanted.text,
        kind=old.kind if wanted.kind is None else wanted.kind,
        key=None if _is_id(old.key) else old.key,
        value=_value(old, wanted),
        importance=old.importance if wanted.importance is None else wanted.importance,
        confidence=1.0 if wanted.text is not None else old.confidence,
        speaker=old.speaker,
        valid_from=old.valid_from if wanted.valid_from is None else wanted.valid_from,
        provenance=Provenance(source=wanted.source, extractor=EXTRACTOR),
    )


async def _pin(backend: Backend, namespace: Namespace, key: str, *, pinned: bool, now: datetime) -> Memory:
    """Protect the memory under ``key`` from rules and models, or, with ``pinned=False``, end that; no new version."""
    async with backend.transaction(namespace) as tx:
        state = await generations.hold(tx, backend, namespace, now=now)
        check_not_paused(state)
        memory = await _current(tx, namespace, key, now=now)
        if memory.pinned == pinned:
            return memory
        return await _set_pin(tx, backend, namespace, memory.id, pinned=pinned, now=now)


async def _set_pin(
    tx: Transaction, backend: Backend, namespace: Namespace, id: UUID, *, pinned: bool, now: datetime
) -> Memory:
    (memory,) = await edit_queries.pin_memories(tx, namespace, [id], pinned=pinned)
    change = "pinned" if pinned else "unpinned"
    await log(tx, backend, namespace, [(id, change, "it was asked for", None)], now=now)
    await record(tx, backend, namespace, change, [id])
    return memory


async def _current(tx: Transaction, namespace: Namespace, key: str, *, now: datetime) -> Memory:
    memories_by_key = await memories.get_memories(tx, namespace, [key], now=now)
    if key not in memories_by_key:
        raise MemoryNotFoundError(f"there is no memory with the key {quote(key)} here; list() shows the keys")
    return memories_by_key[key]


async def _replace(
    tx: Transaction,
    backend: Backend,
    namespace: Namespace,
    old: Memory,
    new: NewMemory,
    *,
    pinned: bool | None,
    now: datetime,
) -> Memory:
    """End the old version where the new one begins; where another memory says the same already, that stays instead."""
    twin = await edit_queries.current_twin(tx, namespace, new.identity, but=old.id)
    successor = new.id if twin is None else twin.id
    until = max(old.valid_from, new.candidate.valid_from)
    await changes_queries.supersede_memories(tx, namespace, [(old.id, successor, until)], now=now)
    await search_index.unindex_memories(tx, namespace, [old.id])
    await log(tx, backend, namespace, [(old.id, "superseded", "it was edited", successor)], now=now)
    if twin is None:
        await insert(tx, backend, namespace, [new], now=now)
    if old.pinned:
        await edit_queries.pin_memories(tx, namespace, [successor], pinned=True)
    await follow(tx, backend, namespace, [old.id, successor], now=now)
    await record(tx, backend, namespace, "edited", [successor, old.id], superseded=1)
    if pinned is not None and pinned != (old.pinned or (twin is not None and twin.pinned)):
        await _set_pin(tx, backend, namespace, successor, pinned=pinned, now=now)
    version = await changes_queries.get_version(tx, namespace, successor)
    if version is None:  # it was written above
        raise MemoryNotFoundError
    return version


def _objection(candidate: Candidate, old: Memory) -> str | None:
    """The reason why somebody has to look at the edit first; None if nothing speaks against it."""
    source = candidate.provenance.source
    if not may_supersede(source, old.provenance.source):
        return "a less trusted source contradicts what is known"
    return find_suspicion(candidate) or (PINNED if old.pinned and source not in INSTRUCTORS else None)


def _value(old: Memory, wanted: Edit) -> Mapping[str, Any]:
    """The value that goes with the new wording: what repeats the old one is written anew."""
    if wanted.value is not None:
        return wanted.value
    if wanted.text is None or wanted.text == old.text:
        return old.value
    stale = {"value"} if old.provenance.extractor == "model" else set[str]()  # the old wording, as a model put it
    return {name: wanted.text if value == old.text else value for name, value in old.value.items() if name not in stale}


def _is_id(key: str) -> bool:
    """Tell if a memory stands under its own id, or that of an earlier version, rather than a name."""
    try:
        return str(UUID(key)) == key
    except ValueError:
        return False
