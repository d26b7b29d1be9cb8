"""Carrying out what a user asks of the memory in a conversation. Nothing is erased before it was shown and confirmed."""

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal, cast

from langchain_persistmem.commands import confirmation
from langchain_persistmem.commands.classification import INSTRUCTIONS, SCHEMA, detected, material
from langchain_persistmem.commands.confirmation import Question
from langchain_persistmem.errors import ExtractionError, InvalidInputError, MemoryDisabledError, PersistMemError
from langchain_persistmem.language.command_detection import Detected, detect, is_unsure
from langchain_persistmem.language.data import replies_by_language
from langchain_persistmem.learning import remember
from langchain_persistmem.learning.extraction import CapReached, spend
from langchain_persistmem.operations.status import status
from langchain_persistmem.postgres.queries import changes, messages
from langchain_persistmem.postgres.queries import forget as forget_queries
from langchain_persistmem.postgres.queries.consent import withhold_messages
from langchain_persistmem.postgres.queries.generation import hold_living
from langchain_persistmem.privacy import forget
from langchain_persistmem.privacy.consent import off_record
from langchain_persistmem.recall import listing
from langchain_persistmem.runtime import generation
from langchain_persistmem.runtime.backend import Backend
from langchain_persistmem.runtime.setup import ready
from langchain_persistmem.types import validation
from langchain_persistmem.types.namespace import Namespace, encode
from langchain_persistmem.types.records import Candidate, Kind, Memory, Provenance, Turn
from langchain_persistmem.types.results import CommandReply

logger = logging.getLogger(__name__)

OnError = Literal["raise", "say"]
"""What becomes of a failure: it is raised, or said to the user."""

_MOST_SHOWN = 100
_MOST_CANDIDATES = 10
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
    said: UserMessage,
    *,
    question: Question | None,
    ask_model: bool,
    on_error: OnError,
    now: datetime,
) -> CommandReply | None:
    """Do what the message asks of the memory; None if it asks nothing.

    Args:
        question: of the reply before, if that asked: this message may answer it. An answer to
            something else leaves everything as it is.
        ask_model: where the rules are unsure, ask the chat model, if there is one.
        on_error: ``"say"``: what fails becomes a reply.

    Raises:
        InvalidInputError: an argument is none, or what is to be kept cannot be stored; nothing was done.
        EmbeddingError: what was said has no vector; nothing was done.
    """
    encode(namespace)
    if said.thread_id is not None:
        validation.name(said.thread_id, "thread_id")
    if on_error not in ("raise", "say"):
        raise InvalidInputError(f"on_error is {on_error!r:.40}; use 'raise' or 'say'")
    asked = confirmation.checked(question) if question is not None else None
    text = said.turn.text
    if said.turn.role != "user":
        return None
    found = confirmation.answering(text, asked) or detect(text)
    seen: generation.Seen = {}
    asks = found is None and ask_model and backend.model_name is not None and is_unsure(text)
    try:
        if (found or asks) and said.thread_id and await off_record(backend, namespace, said.thread_id):
            return switched_off(text, question)
        if asks:
            await generation.see(backend, [namespace], seen, now=now)
            found = await _ask_model(backend, namespace, text, now=now)
        return None if found is None else await _carry_out(backend, namespace, said, found, asked, seen, now=now)
    except MemoryDisabledError:  # the person has said so: no failure
        return switched_off(text, question)
    except PersistMemError as error:
        if on_error == "raise":
            raise
        logger.warning("a command to the memory failed: %s: %s", type(error).__name__, error)
        return (
            confirmation.reply(found, replies_by_language()[found.language].unavailable, failed=True)
            if found is not None
            else None
        )


def switched_off(text: str, question: Question | None) -> CommandReply | None:
    """What a command is told in a run without memory, lest the user believe it done; nothing is read, kept or erased.

    None for all other messages, for "don't remember this", which such a run keeps to anyway, and where the
    message says something more, which the model has to answer.

    Raises:
        InvalidInputError: the question is none.
    """
    asked = confirmation.checked(question) if question is not None else None
    found = confirmation.answering(text, asked) or detect(text)
    if found is None or found.goes_on or (found.command == "private" and found.answer is None):
        return None
    return confirmation.reply(found, replies_by_language()[found.language].memory_off, failed=True)


async def _carry_out(
    backend: Backend,
    namespace: Namespace,
    said: UserMessage,
    found: Detected,
    question: Question | None,
    seen: generation.Seen,
    *,
    now: datetime,
) -> CommandReply:
    if found.answer is not None and question is not None:
        return await confirmation.answer(backend, namespace, found, question, now=now)
    if found.command == "remember":
        return await _remember(backend, namespace, said, found, seen, now=now)
    if found.command == "show":
        return await _show(backend, namespace, found, now=now)
    if found.command == "private":
        return await _private(backend, namespace, said, found, now=now)
    return await _plan(backend, namespace, found, now=now)


async def _remember(
    backend: Backend, namespace: Namespace, said: UserMessage, found: Detected, seen: generation.Seen, *, now: datetime
) -> CommandReply:
    sourced = said.thread_id is not None and said.message_id is not None
    provenance = Provenance(
        source="user",
        thread_id=said.thread_id,
        message_ids=(cast("str", said.message_id),) if sourced else (),
        extractor="command",
    )
    statement = Candidate(
        text=found.what,
        kind="semantic",
        speaker=said.turn.speaker,
        valid_from=said.turn.sent_at,
        provenance=provenance,
    )
    kept = await remember.remember(backend, namespace, statement, now=now, thread_id=said.thread_id, seen=seen)
    replies = replies_by_language()[found.language]
    text = replies.in_review if kept.status == "quarantined" else replies.will_remember
    return confirmation.reply(found, text.format(what=found.what), keys=(kept.key,), ends_turn=not found.goes_on)


async def _show(backend: Backend, namespace: Namespace, found: Detected, *, now: datetime) -> CommandReply:
    """What is known, by kind and date, with where it comes from."""
    replies = replies_by_language()[found.language]
    known = await listing.list_(backend, namespace, kinds=None, filter=None, limit=_MOST_SHOWN + 1, offset=0, now=now)
    shown = sorted(known[:_MOST_SHOWN], key=lambda each: (_ORDER.index(each.kind), each.valid_from, each.key))
    if not shown:
        return confirmation.reply(found, replies.no_memories)
    lines = [replies.memories]
    for kind in _ORDER:
        entries = [line for each in shown if each.kind == kind for line in confirmation.entries(each)]
        lines += ["", replies.kinds[kind], *(f"- {line}" for line in entries)] if entries else []
    lines += ["", replies.more_memories] if len(known) > _MOST_SHOWN else []
    return confirmation.reply(found, "\n".join(lines), keys=tuple(each.key for each in shown), candidates=tuple(shown))


async def _plan(backend: Backend, namespace: Namespace, found: Detected, *, now: datetime) -> CommandReply:
    """Show what would be erased, and ask."""
    replies = replies_by_language()[found.language]
    if found.everything:
        counts = (await status(backend, namespace)).counts
        if not any(counts.values()):
            return confirmation.reply(found, replies.no_memories)
        question: Question = {"command": "forget", "language": found.language, "everything": True, "keys": []}
        text = replies.erase_everything_question.format(count=counts["memories"])
        return confirmation.reply(found, text, needs_confirmation=True, question=question)
    plan = forget.Plan(None, found.what, everything=False, dry_run=False, limit=_MOST_CANDIDATES)
    receipt = await forget.forget(backend, namespace, plan, now=now)
    if not receipt.candidates:
        return confirmation.reply(found, replies.no_match.format(what=found.what))
    return await confirmation.ask(
        backend, namespace, found, replies.erase_list, [each.memory for each in receipt.candidates]
    )


async def _private(
    backend: Backend, namespace: Namespace, said: UserMessage, found: Detected, *, now: datetime
) -> CommandReply:
    """Leave this message out; said by itself, the one before too, and ask about what was learnt from that already."""
    replies = replies_by_language()[found.language]
    if found.goes_on:
        return confirmation.reply(found, replies.will_not_remember, ends_turn=False)
    learnt = await _close_turn_before(backend, namespace, said, now=now)
    if not learnt:
        return confirmation.reply(found, replies.will_not_remember)
    return await confirmation.ask(backend, namespace, found, replies.will_not_remember_list, learnt)


async def _close_turn_before(
    backend: Backend, namespace: Namespace, said: UserMessage, *, now: datetime
) -> list[Memory]:
    """Nothing more is learnt from the user's message before this one, nor from its answer; returns what was."""
    if said.thread_id is None:
        return []
    await ready(backend)
    async with backend.transaction(namespace, atomic=False) as tx:
        stored = await messages.read_messages(tx, namespace, said.thread_id, limit=_TURNS_BEFORE, offset=0)
    earlier = [turn for turn in stored if turn.id != said.message_id]
    last = max((place for place, turn in enumerate(earlier) if turn.role == "user"), default=None)
    if last is None:
        return []
    ids = [turn.id for turn in earlier[last:]]
    async with backend.transaction(namespace) as tx:
        if await hold_living(tx, namespace) is None:
            return []
        await generation.hold(tx, backend, namespace, now=now)
        await withhold_messages(tx, namespace, said.thread_id, ids, now=now)
        learnt = await forget_queries.memories_of_messages(tx, namespace, said.thread_id, ids)
        versions = [await changes.get_version(tx, namespace, id) for id in learnt]
    return [each for each in versions if each is not None and each.status == "active"]


async def _ask_model(backend: Backend, namespace: Namespace, text: str, *, now: datetime) -> Detected | None:
    """The model's opinion, counted against the day's cap; None where it has none."""
    try:
        await spend(backend, namespace, now=now)
        answer = await backend.ask(INSTRUCTIONS, material(text), SCHEMA, purpose="command")
    except CapReached:
        return None
    except ExtractionError as error:
        logger.warning("the chat model could not say whether a message is a command: %s", error)
        return None
    return detected(answer, text)
