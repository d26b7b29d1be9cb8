"""Conversations as they were: storing turns without learning from them, reading them, clearing a thread."""

import logging
from collections.abc import Sequence
from datetime import datetime

from langchain_persistmem.postgres.queries import messages, retention, turns
from langchain_persistmem.postgres.queries.generations import hold_existing
from langchain_persistmem.postgres.queries.namespaces import NamespaceState
from langchain_persistmem.postgres.transaction import Transaction
from langchain_persistmem.runtime import generations
from langchain_persistmem.runtime.audit_log import note_read, record
from langchain_persistmem.runtime.backend import Backend
from langchain_persistmem.runtime.setup import ready
from langchain_persistmem.types import validation
from langchain_persistmem.types.namespace import Namespace, encode
from langchain_persistmem.types.records import UNSTORED_REASONS, SkipReason, Turn
from langchain_persistmem.types.results import MemoryChange, TurnOutcome

logger = logging.getLogger(__name__)

_LONGEST_TURN = 1_000_000
_LONGEST_THREAD = 2**62
_MESSAGE_FIELDS = ("data", "content", "additional_kwargs", "response_metadata", "tool_calls", "args", "artifact")
"""LangChain's own names in a message, which an error may show."""


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
        state = await generations.hold(tx, backend, namespace, now=now)
        stored, withheld = await store_turns(tx, namespace, thread_id, turns, state, now=now)
        await record(tx, backend, namespace, "observed", turns=stored)
    if withheld in UNSTORED_REASONS:
        logger.info("a conversation is not stored: %s", withheld)
    return stored


async def store_turns(
    tx: Transaction,
    namespace: Namespace,
    thread_id: str,
    turns: Sequence[Turn],
    state: NamespaceState,
    *,
    now: datetime,
) -> tuple[int, SkipReason | None]:
    """Append the turns that are new, if that is allowed; the caller holds the namespace's lock.

    Returns:
        How many were stored, and why nothing is to be learnt from the thread, if it is not.
    """
    if state.paused:
        return 0, "paused"
    stored = await messages.insert_messages(tx, namespace, thread_id, turns, withheld=not state.learns, now=now)
    if stored is None:
        return 0, "off_record"
    return stored, None if state.learns else "no_extract"


async def get_messages(
    backend: Backend, namespace: Namespace, *, thread_id: str, limit: int | None, offset: int
) -> list[Turn]:
    """Turns of a thread, counted from its end, oldest first.

    Raises:
        InvalidInputError: an argument is out of range; the message names it.
    """
    encode(namespace)
    validation.name(thread_id, "thread_id")
    if limit is not None:
        validation.count(limit, "limit", at_most=_LONGEST_THREAD)
    validation.count(offset, "offset", at_most=_LONGEST_THREAD)
    await ready(backend)
    async with backend.transaction(namespace, atomic=False) as tx:
        found = await messages.read_messages(tx, namespace, thread_id, limit=limit, offset=offset)
    await note_read(backend, namespace, "read_messages", turns=len(found))
    return found


async def get_outcomes(
    backend: Backend, namespace: Namespace, *, thread_id: str, limit: int | None, offset: int
) -> list[TurnOutcome]:
    """What came of the messages of a thread, oldest first; pages are counted from its end.

    Raises:
        InvalidInputError: an argument is out of range; the message names it.
    """
    encode(namespace)
    validation.name(thread_id, "thread_id")
    if limit is not None:
        validation.count(limit, "limit", at_most=_LONGEST_THREAD)
    validation.count(offset, "offset", at_most=_LONGEST_THREAD)
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
                MemoryChange(
                    change="dropped",
                    text=text,
                    reason=reason,
                    message_ids=(outcome.message_id,),
                    thread_id=thread_id,
                )
                for text, reason in outcome.omissions
            ),
        )
        for outcome in outcomes
    ]


async def clear_messages(backend: Backend, namespace: Namespace, *, thread_id: str) -> int:
    """Delete the turns of a thread; what was learnt from them stays. Returns how many there were."""
    encode(namespace)
    validation.name(thread_id, "thread_id")
    await ready(backend)
    async with backend.transaction(namespace) as tx:
        if await hold_existing(tx, namespace) is None:
            return 0
        cleared = await messages.clear_thread(tx, namespace, thread_id)
        await record(tx, backend, namespace, "cleared", turns=cleared)
        return cleared


def check_turns(turns: Sequence[Turn], namespace: Namespace, thread_id: str) -> None:
    """Refuse a conversation that cannot be stored as it is.

    Raises:
        InvalidInputError: the message has the place, such as ``messages[2].content``.
    """
    encode(namespace)
    validation.name(thread_id, "thread_id")
    for index, turn in enumerate(turns):
        _check_turn(turn, f"messages[{index}]")


def _check_turn(turn: Turn, where: str) -> None:
    validation.name(turn.id, f"{where}.id")
    validation.storable(turn.text, f"{where}.content")
    if len(turn.text) > _LONGEST_TURN:
        validation.check_text(turn.text, f"{where}.content", at_most=_LONGEST_TURN)
    validation.json_object(turn.content, where, names=_MESSAGE_FIELDS)
    validation.aware(turn.sent_at, f"{where}.timestamp")
    if turn.speaker is not None:
        validation.check_text(turn.speaker, f"{where}.name", at_most=200)
