"""The present form of memories that were written before turns and statements were two layers.

What is derived of a memory is computed from its row and set, so that a batch may be done twice: whether it is a turn, its
identity, when it was told, its category, and the links of a statement to the turns that it rests on.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import cast
from uuid import UUID

from langchain_persistmem.language.requests import is_request
from langchain_persistmem.learning.background.missing_vectors import note_missing
from langchain_persistmem.learning.decisions.consolidation import statement_time
from langchain_persistmem.learning.insert import log
from langchain_persistmem.learning.summary_originals import DERIVED
from langchain_persistmem.learning.turns.turn_memories import EDITED, LONGEST_TEXT, turn_id_of
from langchain_persistmem.learning.turns.turns_follow_statements import follow
from langchain_persistmem.learning.upgrade.identities import present_identity
from langchain_persistmem.postgres.queries import rewrites, search_index
from langchain_persistmem.postgres.queries import turns as turn_queries
from langchain_persistmem.postgres.queries.rewrites import OldMemory, SourceMessage
from langchain_persistmem.postgres.transaction import Transaction
from langchain_persistmem.runtime.backend import Backend
from langchain_persistmem.runtime.record_redaction import redact_turn
from langchain_persistmem.types.moments import at_offset, offset_of
from langchain_persistmem.types.namespace import Namespace
from langchain_persistmem.types.records import CATEGORIES, TURNS_EXTRACTOR, Memory

SAME = "the same statement, found when the database was rewritten"

_Messages = dict[tuple[str, str], SourceMessage]
"""The messages that memories came from, by thread and id; changed as they get their turns."""


async def rewrite_memories(
    tx: Transaction,
    backend: Backend,
    namespace: Namespace,
    batch: Sequence[OldMemory],
    generation: UUID,
    *,
    now: datetime,
) -> None:
    """Bring memories to the present form; the caller holds the namespace's lock. Their texts are not indexed anew."""
    wanted = {pair for old in batch for pair in _message_ids(old.memory)}
    messages_by_memory = await rewrites.messages_of_memories(tx, namespace, sorted(wanted))
    messages = {(message.thread_id, message.turn.id): message for message in messages_by_memory}
    old_turns = [old.memory for old in batch if _is_old_turn(old.memory)]
    statements = [old for old in batch if not _is_old_turn(old.memory)]
    await _mark_turns(tx, backend, namespace, old_turns, messages, now=now)
    await _derive(tx, backend, namespace, statements, messages, now=now)
    await _link(tx, backend, namespace, [old.memory for old in statements], messages, generation, now=now)


def _is_old_turn(memory: Memory) -> bool:
    """A turn as it was stored without a chat model."""
    return memory.provenance.extractor == TURNS_EXTRACTOR and memory.provenance.source in ("user", "assistant")


def _message_ids(memory: Memory) -> list[tuple[str, str]]:
    thread_id = memory.provenance.thread_id
    return [(thread_id, id) for id in memory.provenance.message_ids] if thread_id is not None else []


async def _mark_turns(
    tx: Transaction,
    backend: Backend,
    namespace: Namespace,
    memories: Sequence[Memory],
    messages: _Messages,
    *,
    now: datetime,
) -> None:
    """Let memories that were turns be turns, under their ids; where one message has two, the one with its words is."""
    rows: list[dict[str, object]] = []
    settled: list[dict[str, object]] = []
    moved: list[tuple[UUID, UUID]] = []
    merged: list[tuple[UUID, UUID]] = []
    longer: dict[UUID, Memory] = {}
    for memory in memories:
        pairs = _message_ids(memory)
        message = messages.get(pairs[0]) if len(pairs) == 1 else None
        text = None if message is None else _whole_text(backend, memory, message)
        offset = None if message is None else _offset(message)
        rows.append({"id": str(memory.id), "identity": None, "is_turn": True, "text": text, "told_at": memory.valid_from.isoformat(),
                     "utc_offset": offset, "date_precision": "told"})  # fmt: skip
        if text is not None and memory.text is not None and len(text) > len(memory.text) + _SPACES:
            longer[memory.id] = replace(memory, text=text)
        if message is None or message.turn_id == memory.id:
            continue
        rival = message.turn_id
        if rival is not None and message.has_turn and text is None:
            merged.append((memory.id, rival))  # other words than the message has: an older version of it
            continue
        if rival is not None:
            moved.append((rival, memory.id))
            merged += [(rival, memory.id)] if message.has_turn else []
        asks = message.turn.role == "user" and is_request(message.turn.text)
        settled.append({"thread_id": message.thread_id, "id": message.turn.id, "turn_id": str(memory.id),
                        "outcome": "asks" if asks else "nothing", "utc_offset": offset})  # fmt: skip
        messages[pairs[0]] = replace(message, turn_id=memory.id, has_turn=True)
    await rewrites.rewrite_memories(tx, namespace, rows)
    last = {(str(row["thread_id"]), str(row["id"])): row for row in settled}
    await rewrites.set_turn_ids(tx, namespace, list(last.values()))
    await rewrites.move_links(tx, namespace, moved)
    await _merge(tx, backend, namespace, merged, EDITED, now=now)
    if longer:  # one that was cut: it is found by all of its words now, and by vectors of its pieces
        current = {id: memory for id, memory in longer.items() if memory.status == "active"}
        await search_index.delete_vectors(tx, namespace, sorted(longer))
        await search_index.unindex_memories(tx, namespace, sorted(longer))
        terms = {id: (memory.text or "", memory.speaker) for id, memory in current.items()}
        await search_index.insert_terms(tx, namespace, terms, language=backend.settings.language)
        await note_missing(tx, backend, namespace)


_SPACES = 100
"""Characters by which a text may be longer because its lines are there again; its vector is as good."""


def _whole_text(backend: Backend, memory: Memory, message: SourceMessage) -> str | None:
    """The message's own words, where the memory has them, cut and on one line as it was made; else None."""
    text = redact_turn(backend.settings.redaction, message.turn).text.strip()[:LONGEST_TEXT]
    cut = memory.text or ""
    return text if cut and " ".join(text.split())[: len(cut)].rstrip() == cut.rstrip() else None


def _offset(message: SourceMessage) -> int | None:
    """The sender's minutes from UTC: as stored, or from the date that the message itself has."""
    if message.turn.utc_offset is not None:
        return message.turn.utc_offset
    data = message.turn.content.get("data")
    kwargs: object = cast("Mapping[str, object]", data).get("additional_kwargs") if isinstance(data, Mapping) else None
    moment = cast("Mapping[str, object]", kwargs).get("timestamp") if isinstance(kwargs, Mapping) else None
    try:
        return offset_of(datetime.fromisoformat(moment)) if isinstance(moment, str) else None
    except ValueError:
        return None


async def _derive(
    tx: Transaction,
    backend: Backend,
    namespace: Namespace,
    olds: Sequence[OldMemory],
    messages: _Messages,
    *,
    now: datetime,
) -> None:
    """Set what statements and items are known by: identity, category, and when they were told."""
    rows: dict[UUID, dict[str, object]] = {}
    fingerprints: dict[UUID, bytes] = {}
    for old in olds:
        memory = old.memory
        source = next((messages[pair] for pair in _message_ids(memory) if pair in messages), None)
        offset = memory.utc_offset if source is None or memory.utc_offset is not None else _offset(source)
        dated = replace(old, memory=replace(memory, valid_from=at_offset(memory.valid_from, offset)))
        fingerprint = present_identity(dated) if old.identity is not None else None
        rows[memory.id] = {
            "id": str(memory.id),
            "identity": None if fingerprint is None else fingerprint.hex(),
            "is_turn": False,
            "category": _category(memory),
            "told_at": statement_time(memory).isoformat(),
            "utc_offset": offset,
            "date_precision": _date_precision(memory) if fingerprint is not None and memory.kind != "profile" else None,
        }
        if fingerprint is not None and memory.status in ("active", "quarantined"):
            fingerprints[memory.id] = fingerprint
    # Two rows are rarely the same by the day at the sender's: the one with the smaller id stays.
    holders = await rewrites.find_identities(tx, namespace, sorted(set(fingerprints.values())))
    statuses = {old.memory.id: old.memory.status for old in olds}
    first: dict[tuple[bytes, str], UUID] = {}
    claims = [(holder.id, holder.identity, holder.status) for holder in holders if holder.id not in fingerprints]
    claims += [(id, fingerprint, statuses[id]) for id, fingerprint in fingerprints.items()]
    merged: list[tuple[UUID, UUID]] = []
    for id, fingerprint, status in sorted(claims):
        winner = first.setdefault((fingerprint, status), id)
        if winner != id:
            merged.append((id, winner))
    await _merge(tx, backend, namespace, merged, SAME, now=now)
    await rewrites.rewrite_memories(tx, namespace, list(rows.values()))


async def _merge(
    tx: Transaction,
    backend: Backend,
    namespace: Namespace,
    pairs: Sequence[tuple[UUID, UUID]],
    reason: str,
    *,
    now: datetime,
) -> None:
    """Let the first of each pair be an older version of the second, and not be searched any more."""
    if not pairs:
        return
    await rewrites.merge_memories(tx, namespace, pairs, now=now)
    await rewrites.move_links(tx, namespace, pairs)
    await search_index.unindex_memories(tx, namespace, [old for old, _ in pairs])
    await log(tx, backend, namespace, [(old, "superseded", reason, new) for old, new in pairs], now=now)


def _category(memory: Memory) -> str | None:
    category = memory.value.get("type")
    return category if memory.provenance.source != "store" and category in CATEGORIES else None


def _date_precision(memory: Memory) -> str:
    """An event on another day than that of telling has a day; everything else was dated by its telling."""
    days = {moment.astimezone(UTC).date() for moment in (memory.valid_from, statement_time(memory))}
    return "day" if memory.kind == "episodic" and len(days) > 1 else "told"


async def _link(
    tx: Transaction,
    backend: Backend,
    namespace: Namespace,
    memories: Sequence[Memory],
    messages: _Messages,
    generation: UUID,
    *,
    now: datetime,
) -> None:
    """Link statements to the turns that they rest on, or to the ids that these will have; turns follow."""
    linked = [memory for memory in memories if memory.provenance.extractor not in (None, TURNS_EXTRACTOR, *DERIVED)]
    rows: list[dict[str, object]] = []
    new_ids: list[dict[str, object]] = []
    for memory in linked:
        for pair in _message_ids(memory):
            message = messages.get(pair)
            if message is None or message.withheld or message.turn.role not in ("user", "assistant"):
                continue
            if message.turn_id is None:  # its turn comes in the second step, under the same id
                thread_id, id = pair
                turn_id = turn_id_of(generation, thread_id, id, message.version, message.recorded_at)
                messages[pair] = replace(message, turn_id=turn_id)
                new_ids.append(
                    {"thread_id": thread_id, "id": id, "turn_id": str(turn_id), "utc_offset": _offset(message)}
                )
            rows.append({"memory_id": str(memory.id), "thread_id": pair[0], "message_id": pair[1], "quote": None,
                         "alone": len(memory.provenance.message_ids) == 1})  # fmt: skip
    await rewrites.set_turn_ids(tx, namespace, new_ids)
    await turn_queries.link_turns(tx, namespace, rows)
    await follow(tx, backend, namespace, [memory.id for memory in linked], now=now)
