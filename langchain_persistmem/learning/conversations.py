"""Conversations as they were: storing turns without learning from them, reading them, clearing a thread."""

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from langchain_persistmem.learning.insert import log
from langchain_persistmem.learning.turns import EDITED, turn_id_of
from langchain_persistmem.postgres.answer import Answer
from langchain_persistmem.postgres.queries import forget, messages, retention, search_index, threads, turns
from langchain_persistmem.postgres.queries.generations import hold_existing
from langchain_persistmem.postgres.queries.namespaces import NamespaceState
from langchain_persistmem.postgres.transaction import Transaction
from langchain_persistmem.runtime import generations
from langchain_persistmem.runtime.audit_log import note_read, record
from langchain_persistmem.runtime.backend import Backend
from langchain_persistmem.runtime.messages import check_turn, digest_words
from langchain_persistmem.runtime.setup import ready
from langchain_persistmem.types import validation
from langchain_persistmem.types.namespace import Namespace, encode
from langchain_persistmem.types.records import UNSTORED_REASONS, SkipReason, Turn
from langchain_persistmem.types.results import Conversation, MemoryChange, TurnOutcome

logger = logging.getLogger(__name__)

_LONGEST_THREAD = 2**62


@dataclass(frozen=True, slots=True)
class StoredTurns:
    """The outcome of storing turns."""

    stored: int
    """Turns that are new, new versions among them."""
    withheld: SkipReason | None
    """The reason why nothing is to be learnt from the thread, if there is one."""
    state: NamespaceState
    """The namespace's, under its lock."""


async def add_messages(
    backend: Backend, namespace: Namespace, turns: Sequence[Turn], *, thread_id: str, now: datetime
) -> int:
    """Append the turns that are new, all or none; returns how many those were.

    Raises:
        InvalidInputError: a turn cannot be stored; none was.
    """
    check_turns(turns, namespace, thread_id)
    await ready(backend)
    async with backend.transaction(namespace) as tx:
        done = await store_turns(tx, backend, namespace, thread_id, turns, now=now)
        record(tx, backend, namespace, "observed", turns=done.stored)
    if done.withheld in UNSTORED_REASONS:
        logger.info("a conversation is not stored: %s", done.withheld)
    return done.stored


async def store_turns(
    tx: Transaction,
    backend: Backend,
    namespace: Namespace,
    thread_id: str,
    turns: Sequence[Turn],
    *,
    now: datetime,
) -> StoredTurns:
    """Lock the namespace, and append the turns that are new, if that is allowed, when the transaction ends at the latest.

    Other words under an id that is there are a new version of the message. Turns without ids are compared with the end of
    the stored thread, so that a window of it may be given again and again.
    """
    # One turn alone is no window: nothing tells a second "yes" from the first one that is given again.
    is_window = len(turns) > 1 and not any(turn.has_id for turn in turns)
    held = generations.hold(tx, backend, namespace, now=now)
    existing = messages.existing_messages(tx, namespace, thread_id, turns)
    last = messages.read_messages(tx, namespace, thread_id, limit=len(turns), offset=0) if is_window else Answer([])
    tail, existing_ids, state = await last, await existing, await held
    if state.paused:
        return StoredTurns(0, "paused", state)
    if existing_ids.off_record:
        return StoredTurns(0, "off_record", state)
    new = [turn for turn in turns if turn.id not in existing_ids.digests]
    if len(new) > 1 and is_window:
        new = new[overlap_of([_words_of(turn) for turn in tail], [_words_of(turn) for turn in new]) :]
    first: dict[str, Turn] = {}
    for turn in new:
        first.setdefault(turn.id, turn)
    edited = [turn for turn in turns if is_edit(existing_ids.digests.get(turn.id), turn.digest)]
    messages.insert_messages(tx, namespace, thread_id, list(first.values()), withheld=not state.learns, now=now)
    if edited:
        await _edit_messages(tx, backend, namespace, thread_id, edited, state, now=now)
    return StoredTurns(len(first) + len(edited), None if state.learns else "no_extract", state)


def overlap_of(tail: Sequence[bytes], window: Sequence[bytes]) -> int:
    """The number of turns at the beginning of a window that are the last ones of the stored thread.

    >>> overlap_of([b"a", b"b", b"c"], [b"b", b"c", b"d"]), overlap_of([b"a", b"yes"], [b"b", b"yes"])
    (2, 0)
    """
    most = min(len(tail), len(window))
    return next((count for count in range(most, 0, -1) if tail[-count:] == window[:count]), 0)


def is_edit(stored: bytes | None, digest: bytes | None) -> bool:
    """Tell if a message has other words than the stored one of its id. Redacted by other rules, nothing is concluded."""
    return stored is not None and digest is not None and stored[:4] == digest[:4] and stored != digest


def _words_of(turn: Turn) -> bytes:
    return digest_words(turn.role, turn.speaker, turn.text, turn.content)


async def _edit_messages(
    tx: Transaction,
    backend: Backend,
    namespace: Namespace,
    thread_id: str,
    edited: Sequence[Turn],
    state: NamespaceState,
    *,
    now: datetime,
) -> None:
    """Let messages have other words, and end what rested on the older ones alone; they are learnt from anew."""
    by_id = {turn.id: turn for turn in edited}  # the last of several under one id
    versions = [
        (old, turn_id_of(state.generation, thread_id, old.id, old.version + 1, old.recorded_at))
        for old in await messages.message_versions(tx, namespace, thread_id, list(by_id))
    ]
    new = [(by_id[old.id], turn_id) for old, turn_id in versions]
    messages.edit_messages(tx, namespace, thread_id, new, withheld=not state.learns, now=now)
    ended = await messages.supersede_wordings(tx, namespace, thread_id, versions, now=now)
    search_index.unindex_memories(tx, namespace, [id for id, *_ in ended])
    log(tx, backend, namespace, [(id, "superseded", EDITED, by) for id, _, by in ended], now=now)


async def get_messages(
    backend: Backend, namespace: Namespace, *, thread_id: str, limit: int | None, offset: int
) -> list[Turn]:
    """Turns of a thread, counted from its end, oldest first.

    Raises:
        InvalidInputError: an argument is out of range; the message names it.
    """
    _check_page(namespace, thread_id, limit, offset)
    await ready(backend)
    async with backend.transaction(namespace, atomic=False) as tx:
        rows = await messages.read_messages(tx, namespace, thread_id, limit=limit, offset=offset)
    await note_read(backend, namespace, "read_messages", turns=len(rows))
    return rows


async def list_conversations(backend: Backend, namespace: Namespace, *, limit: int, offset: int) -> list[Conversation]:
    """The conversations of a person in figures, the one of the latest message first.

    Raises:
        InvalidInputError: an argument is out of range; the message names it.
    """
    encode(namespace)
    validation.count(limit, "limit", at_most=10_000)
    validation.count(offset, "offset", at_most=_LONGEST_THREAD)
    await ready(backend)
    async with backend.transaction(namespace, atomic=False) as tx:
        return await threads.list_conversations(tx, namespace, limit=limit, offset=offset)


async def get_outcomes(
    backend: Backend, namespace: Namespace, *, thread_id: str, limit: int | None, offset: int
) -> list[TurnOutcome]:
    """The outcomes of the messages of a thread, oldest first; pages are counted from its end.

    Raises:
        InvalidInputError: an argument is out of range; the message names it.
    """
    _check_page(namespace, thread_id, limit, offset)
    await ready(backend)
    # One snapshot: the statements of a turn, and the reasons of those that it lacks, belong together.
    async with backend.transaction(namespace, atomic=False, snapshot=True) as tx:
        outcomes = await turns.read_outcomes(tx, namespace, thread_id, limit=limit, offset=offset)
        ids = sorted({id for outcome in outcomes for id in outcome.memory_ids})
        memories = {memory.id: memory for memory in await retention.memories_by_id(tx, namespace, ids)}
    await note_read(backend, namespace, "read", sorted(memories))
    return [
        TurnOutcome(
            message_id=outcome.message_id,
            outcome=outcome.outcome,
            memories=tuple(memories[id] for id in outcome.memory_ids if id in memories),
            dropped=tuple(
                dropped_change(text, reason, (outcome.message_id,), thread_id) for text, reason in outcome.omissions
            ),
        )
        for outcome in outcomes
    ]


async def clear_messages(backend: Backend, namespace: Namespace, *, thread_id: str, turn_memories: bool = False) -> int:
    """Delete the messages of a thread; what was learnt from them stays. Returns how many there were.

    Args:
        turn_memories: erase the turns as memories too; statements that rest on them stay.
    """
    encode(namespace)
    validation.name(thread_id, "thread_id")
    await ready(backend)
    async with backend.transaction(namespace) as tx:
        if await hold_existing(tx, namespace) is None:
            return 0
        if turn_memories:
            await forget.erase_memories(tx, namespace, await messages.turns_of_thread(tx, namespace, thread_id))
        cleared = await messages.clear_thread(tx, namespace, thread_id)
        await record(tx, backend, namespace, "cleared", turns=cleared)
        return cleared


def dropped_change(
    text: str, reason: str, message_ids: Sequence[str], thread_id: str, namespace: Namespace | None = None
) -> MemoryChange:
    """Describe a statement that was found in messages and dropped."""
    return MemoryChange(
        change="dropped",
        text=text,
        reason=reason,
        message_ids=tuple(message_ids),
        thread_id=thread_id,
        namespace=namespace,
    )


def _check_page(namespace: Namespace, thread_id: str, limit: int | None, offset: int) -> None:
    encode(namespace)
    validation.name(thread_id, "thread_id")
    if limit is not None:
        validation.count(limit, "limit", at_most=_LONGEST_THREAD)
    validation.count(offset, "offset", at_most=_LONGEST_THREAD)


def check_turns(turns: Sequence[Turn], namespace: Namespace, thread_id: str) -> None:
    """Refuse a conversation that cannot be stored as it is.

    Raises:
        InvalidInputError: the message has the place, such as ``messages[2].content``.
    """
    encode(namespace)
    validation.name(thread_id, "thread_id")
    for index, turn in enumerate(turns):
        check_turn(turn, f"messages[{index}]")
