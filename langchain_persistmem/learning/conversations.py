"""Conversations as they were: storing turns without learning from them, reading them, clearing a thread."""

import logging
from collections.abc import Sequence
from datetime import datetime

from langchain_persistmem.learning.turns.new_turns import check_turns, store_turns
from langchain_persistmem.postgres.queries import forget, messages, retention, threads, turns
from langchain_persistmem.postgres.queries.generations import hold_existing
from langchain_persistmem.runtime.audit_log import note_read, record
from langchain_persistmem.runtime.backend import Backend
from langchain_persistmem.runtime.setup import ready
from langchain_persistmem.types import validation
from langchain_persistmem.types.namespace import Namespace, encode
from langchain_persistmem.types.records import UNSTORED_REASONS, Turn
from langchain_persistmem.types.results import Conversation, MemoryChange, TurnOutcome

logger = logging.getLogger(__name__)

_LONGEST_THREAD = 2**62


async def add_messages(
    backend: Backend, namespace: Namespace, turns: Sequence[Turn], *, thread_id: str, now: datetime
) -> int:
    """Append the turns that are new, all or none; returns how many those were.

    Raises:
        InvalidInputError: a turn cannot be stored; none was.
    """
    turns = check_turns(turns, namespace, thread_id)
    await ready(backend)
    async with backend.transaction(namespace) as tx:
        done = await store_turns(tx, backend, namespace, thread_id, turns, now=now)
        record(tx, backend, namespace, "observed", turns=done.stored)
    if done.withheld in UNSTORED_REASONS:
        logger.info("a conversation is not stored: %s", done.withheld)
    return done.stored


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
        # Where a turn says more than a rule understood, no link makes it follow its statements, whose origin has it all the same.
        unlinked = [entry.message_id for entry in outcomes if entry.outcome == "learnt" and not entry.memory_ids]
        apart = await forget.memories_of_messages(tx, namespace, thread_id, unlinked) if unlinked else []
        ids = sorted({*apart, *(id for outcome in outcomes for id in outcome.memory_ids)})
        memories = {memory.id: memory for memory in await retention.memories_by_id(tx, namespace, ids)}
    statements = [memories[id] for id in apart if id in memories and not memories[id].is_turn]
    await note_read(backend, namespace, "read", sorted(memories))
    return [
        TurnOutcome(
            message_id=outcome.message_id,
            outcome=outcome.outcome,
            memories=tuple(memories[id] for id in outcome.memory_ids if id in memories)
            or tuple(memory for memory in statements if outcome.message_id in memory.provenance.message_ids),
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
