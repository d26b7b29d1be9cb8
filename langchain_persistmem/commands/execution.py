"""Execution of the commands that a user gives in a conversation. Nothing is erased before it was listed and confirmed."""

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal, cast

from langchain_persistmem.commands import confirmation
from langchain_persistmem.commands.classification_by_chat_model import (
    INSTRUCTIONS,
    SCHEMA,
    material,
    read_classification,
)
from langchain_persistmem.commands.confirmation import Question
from langchain_persistmem.errors import ExtractionError, InvalidInputError, MemoryDisabledError, PersistMemError
from langchain_persistmem.language.command_detection import DetectedCommand, detect, is_unsure
from langchain_persistmem.language.language_files import replies_by_language
from langchain_persistmem.learning import remember
from langchain_persistmem.learning.chat_model.daily_cap import CapReachedError, spend
from langchain_persistmem.learning.turns.turn_memories import withdraw_waiting
from langchain_persistmem.operations.status import status
from langchain_persistmem.postgres.queries import changes, messages
from langchain_persistmem.postgres.queries import forget as forget_queries
from langchain_persistmem.postgres.queries.generations import hold_existing
from langchain_persistmem.privacy import forget
from langchain_persistmem.privacy.consent import off_record
from langchain_persistmem.recall import listing
from langchain_persistmem.runtime import generations
from langchain_persistmem.runtime.backend import Backend
from langchain_persistmem.runtime.setup import ready
from langchain_persistmem.types import validation
from langchain_persistmem.types.namespace import Namespace, encode
from langchain_persistmem.types.records import Candidate, Kind, Memory, Provenance, Turn
from langchain_persistmem.types.representation import represent
from langchain_persistmem.types.results import CommandReply

logger = logging.getLogger(__name__)

OnError = Literal["raise", "say"]
"""A failure is raised, or told to the user."""

_MAX_LISTED = 100
_MAX_CANDIDATES = 100
_MAX_SHOWN = 20
"""Memories that are shown where all are to go."""
_TURNS_BEFORE = 10
_ORDER: Sequence[Kind] = ("profile", "procedural", "semantic", "episodic")


@dataclass(frozen=True, slots=True)
class UserMessage:
    """A message of the user."""

    turn: Turn
    message_id: str | None
    """None where the message has no id of its own."""
    thread_id: str | None


async def command(
    backend: Backend,
    namespace: Namespace,
    message: UserMessage,
    *,
    question: Question | None,
    ask_model: bool,
    on_error: OnError,
    now: datetime,
) -> CommandReply | None:
    """Carry out the command in a message; None if there is none.

    Args:
        question: of the reply before, if that asked one: this message may answer it. An answer to
            something else leaves everything as it is.
        ask_model: where the rules are unsure, ask the chat model, if there is one.
        on_error: with ``"say"`` a failure becomes a reply.

    Raises:
        InvalidInputError: an argument is malformed, or the statement cannot be stored; nothing was done.
        EmbeddingError: the statement has no vector; nothing was done.
    """
    encode(namespace)
    if message.thread_id is not None:
        validation.name(message.thread_id, "thread_id")
    if on_error not in ("raise", "say"):
        raise InvalidInputError(f"on_error is {represent(on_error)}; use 'raise' or 'say'")
    pending_question = confirmation.check_question(question) if question is not None else None
    text = message.turn.text
    if message.turn.role != "user":
        return None
    request = confirmation.read_reply(text, pending_question) or detect(text)
    # The generation of the namespace is noted before a model is asked: what is erased meanwhile is not written again.
    snapshot: generations.Snapshot = {}
    consults_model = request is None and ask_model and backend.model_name is not None and is_unsure(text)
    try:
        if (
            (request or consults_model)
            and message.thread_id
            and await off_record(backend, namespace, message.thread_id)
        ):
            return reply_memory_off(text, question)
        if consults_model:
            await generations.see(backend, [namespace], snapshot, now=now)
            request = await _ask_model(backend, namespace, text, now=now)
        if request is None:
            return None
        return await _carry_out(backend, namespace, message, request, pending_question, snapshot, now=now)
    except MemoryDisabledError:  # the person has said so: no failure
        return reply_memory_off(text, question)
    except PersistMemError as error:
        if on_error == "raise":
            raise
        logger.warning("a command to the memory failed: %s: %s", type(error).__name__, error)
        if request is None:
            return None
        return confirmation.reply(request, replies_by_language()[request.language].unavailable, failed=True)


def reply_memory_off(text: str, question: Question | None) -> CommandReply | None:
    """Reply that memory is off, lest the user believe the command done; nothing is read, stored or erased.

    None for all other messages, for "don't remember this", which such a run keeps to anyway, and where the
    message says something more, which the model has to answer.

    Raises:
        InvalidInputError: the question is not one of ours.
    """
    pending_question = confirmation.check_question(question) if question is not None else None
    request = confirmation.read_reply(text, pending_question) or detect(text)
    if request is None or request.goes_on or (request.command == "private" and request.answer is None):
        return None
    return confirmation.reply(request, replies_by_language()[request.language].memory_off, failed=True)


async def _carry_out(
    backend: Backend,
    namespace: Namespace,
    message: UserMessage,
    request: DetectedCommand,
    question: Question | None,
    snapshot: generations.Snapshot,
    *,
    now: datetime,
) -> CommandReply:
    if request.answer is not None and question is not None:
        return await confirmation.answer(backend, namespace, request, question, now=now)
    if request.command == "remember":
        return await _remember(backend, namespace, message, request, snapshot, now=now)
    if request.command == "show":
        return await _show(backend, namespace, request, now=now)
    if request.command == "private":
        return await _private(backend, namespace, message, request, now=now)
    return await _plan(backend, namespace, request, now=now)


async def _remember(
    backend: Backend,
    namespace: Namespace,
    message: UserMessage,
    request: DetectedCommand,
    snapshot: generations.Snapshot,
    *,
    now: datetime,
) -> CommandReply:
    # An id of a message means something within its thread only.
    has_source = message.thread_id is not None and message.message_id is not None
    provenance = Provenance(
        source="user",
        thread_id=message.thread_id,
        message_ids=(cast("str", message.message_id),) if has_source else (),
        extractor="command",
    )
    statement = Candidate(
        text=request.what,
        kind="semantic",
        speaker=message.turn.speaker,
        valid_from=message.turn.sent_at,
        provenance=provenance,
    )
    memory = await remember.remember(
        backend, namespace, statement, now=now, sort=True, thread_id=message.thread_id, seen=snapshot
    )
    replies = replies_by_language()[request.language]
    text = replies.in_review if memory.status == "quarantined" else replies.will_remember
    return confirmation.reply(
        request, text.format(what=request.what), keys=(memory.key,), ends_turn=not request.goes_on
    )


async def _show(backend: Backend, namespace: Namespace, request: DetectedCommand, *, now: datetime) -> CommandReply:
    """List the memories, by kind and date, with their sources."""
    replies = replies_by_language()[request.language]
    memories = await listing.list_(backend, namespace, limit=_MAX_LISTED + 1, now=now)
    visible = sorted(
        memories[:_MAX_LISTED], key=lambda memory: (_ORDER.index(memory.kind), memory.valid_from, memory.key)
    )
    if not visible:
        return confirmation.reply(request, replies.no_memories)
    lines = [replies.memories]
    for kind in _ORDER:
        entries = [line for memory in visible if memory.kind == kind for line in confirmation.entries(memory)]
        lines += ["", replies.kinds[kind], *(f"- {line}" for line in entries)] if entries else []
    lines += ["", replies.more_memories] if len(memories) > _MAX_LISTED else []
    return confirmation.reply(
        request, "\n".join(lines), keys=tuple(memory.key for memory in visible), candidates=tuple(visible)
    )


async def _plan(backend: Backend, namespace: Namespace, request: DetectedCommand, *, now: datetime) -> CommandReply:
    """List the memories that would be erased, or say what pausing means, and ask."""
    replies = replies_by_language()[request.language]
    question: Question
    if request.command == "pause":
        question = {"command": "pause", "language": request.language, "everything": False, "keys": []}
        return confirmation.reply(request, replies.pause_question, needs_confirmation=True, question=question)
    if request.everything:
        counts = (await status(backend, namespace)).counts
        if not any(counts.values()):
            return confirmation.reply(request, replies.no_memories)
        question = {"command": "forget", "language": request.language, "everything": True, "keys": []}
        # The first ones are shown, so that nobody agrees to what they have not seen anything of.
        existing = await listing.list_(backend, namespace, limit=_MAX_SHOWN + 1, now=now)
        lines = [f"- {line}" for memory in existing[:_MAX_SHOWN] for line in confirmation.entries(memory)]
        lines += [replies.more_memories] if len(existing) > _MAX_SHOWN else []
        lines += [replies.erase_everything_question.format(count=counts["memories"])]
        return confirmation.reply(request, "\n".join(lines), needs_confirmation=True, question=question)
    plan = forget.Plan(None, request.what, everything=False, dry_run=False, limit=_MAX_CANDIDATES)
    receipt = await forget.forget(backend, namespace, plan, now=now)
    if not receipt.candidates:
        return confirmation.reply(request, replies.no_match.format(what=request.what))
    return await confirmation.ask(
        backend, namespace, request, replies.erase_list, [candidate.memory for candidate in receipt.candidates]
    )


async def _private(
    backend: Backend, namespace: Namespace, message: UserMessage, request: DetectedCommand, *, now: datetime
) -> CommandReply:
    """Leave this message out; if it is nothing but the command, the one before too, and ask about memories learnt from that."""
    replies = replies_by_language()[request.language]
    if request.goes_on:
        return confirmation.reply(request, replies.will_not_remember, ends_turn=False)
    memories = await _close_turn_before(backend, namespace, message, now=now)
    if not memories:
        return confirmation.reply(request, replies.will_not_remember)
    return await confirmation.ask(backend, namespace, request, replies.will_not_remember_list, memories)


async def _close_turn_before(
    backend: Backend, namespace: Namespace, message: UserMessage, *, now: datetime
) -> list[Memory]:
    """End learning from the user's message before this one and its answer; return the memories made of them."""
    if message.thread_id is None:
        return []
    await ready(backend)
    async with backend.transaction(namespace, atomic=False) as tx:
        turns = await messages.read_messages(tx, namespace, message.thread_id, limit=_TURNS_BEFORE, offset=0)
    earlier = [turn for turn in turns if turn.id != message.message_id]
    last = max((position for position, turn in enumerate(earlier) if turn.role == "user"), default=None)
    if last is None:
        return []
    ids = [turn.id for turn in earlier[last:]]
    # A second transaction: reading took no lock, and an erasure meanwhile must find no new row under its namespace.
    async with backend.transaction(namespace) as tx:
        if await hold_existing(tx, namespace) is None:
            return []
        await generations.hold(tx, backend, namespace, now=now)
        await withdraw_waiting(tx, namespace, message.thread_id, ids, now=now)
        memory_ids = await forget_queries.memories_of_messages(tx, namespace, message.thread_id, ids)
        versions = [await changes.get_version(tx, namespace, id) for id in memory_ids]
    return [version for version in versions if version is not None and version.status == "active"]


async def _ask_model(backend: Backend, namespace: Namespace, text: str, *, now: datetime) -> DetectedCommand | None:
    """Ask the chat model, counted against the day's cap; None where it sees no command."""
    try:
        await spend(backend, namespace, now=now)
        answer = await backend.ask(INSTRUCTIONS, material(text), SCHEMA, purpose="command")
    except CapReachedError:
        return None
    except ExtractionError as error:
        logger.warning("the chat model could not say whether a message is a command: %s", error)
        return None
    return read_classification(answer, text)
