"""Carrying out what a user asks of the memory in a conversation. Nothing is erased before it was shown and confirmed."""

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal, cast

from langchain_persistmem import values
from langchain_persistmem.backend import Backend
from langchain_persistmem.engine import forgetting, listing, remember
from langchain_persistmem.engine.command_prompts import INSTRUCTIONS, SCHEMA, detected, material
from langchain_persistmem.engine.command_replies import REPLIES
from langchain_persistmem.engine.commands import Detected, detect, is_unsure, language_of, meaning
from langchain_persistmem.engine.context_forms import one_line, profile_lines
from langchain_persistmem.errors import ExtractionFailed, InvalidInput, ModelError, StorageError
from langchain_persistmem.namespace import Namespace, encode
from langchain_persistmem.postgres import evolution, memories, messages, namespaces, work
from langchain_persistmem.postgres import forgetting as erasing
from langchain_persistmem.readiness import ready
from langchain_persistmem.types import COMMANDS, Candidate, Command, CommandReply, Kind, Memory, Provenance, Turn

logger = logging.getLogger(__name__)

Question = Mapping[str, Any]
OnError = Literal["raise", "say"]
"""What becomes of a failing database or model: it is raised, or said to the user."""

_MOST_SHOWN = 100
_MOST_CANDIDATES = 10
_LONGEST_SHOWN = 300
_TURNS_BEFORE = 10
_ORDER: Sequence[Kind] = ("profile", "procedural", "semantic", "episodic")


@dataclass(frozen=True, slots=True)
class Said:
    """A message of the user."""

    turn: Turn
    message_id: str | None
    """None where the message has no id of its own."""
    thread_id: str | None


async def command(
    backend: Backend,
    namespace: Namespace,
    said: Said,
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
        on_error: ``"say"``: a failing database or model becomes a reply.

    Raises:
        InvalidInput: an argument is none, or what is to be kept cannot be stored; nothing was done.
        EmbeddingFailed: what was said has no vector; nothing was done.
    """
    encode(namespace)
    if said.thread_id is not None:
        values.name(said.thread_id, "thread_id")
    if on_error not in ("raise", "say"):
        raise InvalidInput(f"on_error is {on_error!r:.40}; use 'raise' or 'say'")
    asked = _checked(question) if question is not None else None
    text = said.turn.text
    if said.turn.role != "user":
        return None
    found = _answering(text, asked) or detect(text)
    try:
        if found is None and ask_model and backend.model_name is not None and is_unsure(text):
            found = await _ask_model(backend, namespace, text, now=now)
        return None if found is None else await _carry_out(backend, namespace, said, found, asked, now=now)
    except (StorageError, ModelError) as error:
        if on_error == "raise":
            raise
        logger.warning("a command to the memory failed: %s: %s", type(error).__name__, error)
        return _reply(found, REPLIES[found.language].failed, failed=True) if found is not None else None


async def _carry_out(
    backend: Backend, namespace: Namespace, said: Said, found: Detected, question: Question | None, *, now: datetime
) -> CommandReply:
    if found.answer is not None and question is not None:
        return await _answer(backend, namespace, found, question, now=now)
    if found.command == "remember":
        return await _remember(backend, namespace, said, found, now=now)
    if found.command == "show":
        return await _show(backend, namespace, found, now=now)
    if found.command == "private":
        return await _private(backend, namespace, said, found, now=now)
    return await _plan(backend, namespace, found, now=now)


async def _remember(
    backend: Backend, namespace: Namespace, said: Said, found: Detected, *, now: datetime
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
    kept = await remember.remember(backend, namespace, statement, now=now)
    replies = REPLIES[found.language]
    text = replies.waits if kept.status == "quarantined" else replies.kept
    return _reply(found, text.format(what=found.what), keys=(kept.key,), ends_turn=not found.goes_on)


async def _show(backend: Backend, namespace: Namespace, found: Detected, *, now: datetime) -> CommandReply:
    """What is known, by kind and date, with where it comes from."""
    replies = REPLIES[found.language]
    known = await listing.list_(backend, namespace, kinds=None, filter=None, limit=_MOST_SHOWN + 1, offset=0, now=now)
    shown = sorted(known[:_MOST_SHOWN], key=lambda each: (_ORDER.index(each.kind), each.valid_from, each.key))
    if not shown:
        return _reply(found, replies.nothing)
    lines = [replies.known]
    for kind in _ORDER:
        entries = [line for each in shown if each.kind == kind for line in _entries(each)]
        lines += ["", replies.kinds[kind], *(f"- {line}" for line in entries)] if entries else []
    lines += ["", replies.more] if len(known) > _MOST_SHOWN else []
    return _reply(found, "\n".join(lines), keys=tuple(each.key for each in shown), candidates=tuple(shown))


async def _plan(backend: Backend, namespace: Namespace, found: Detected, *, now: datetime) -> CommandReply:
    """Show what would be erased, and ask."""
    replies = REPLIES[found.language]
    if found.everything:
        counts = await listing.status(backend, namespace)
        if not any(counts.values()):
            return _reply(found, replies.nothing)
        question: Question = {"command": "forget", "language": found.language, "everything": True, "keys": []}
        text = replies.ask_all.format(count=counts["memories"])
        return _reply(found, text, needs_confirmation=True, question=question)
    plan = forgetting.Plan(None, found.what, everything=False, dry_run=False, limit=_MOST_CANDIDATES)
    receipt = await forgetting.forget(backend, namespace, plan, now=now)
    if not receipt.candidates:
        return _reply(found, replies.not_found.format(what=found.what))
    return await _asking(backend, namespace, found, replies.ask, [each.memory for each in receipt.candidates])


async def _private(
    backend: Backend, namespace: Namespace, said: Said, found: Detected, *, now: datetime
) -> CommandReply:
    """Leave this message out; said by itself, the one before too, and ask about what was learnt from that already."""
    replies = REPLIES[found.language]
    if found.goes_on:
        return _reply(found, replies.private, ends_turn=False)
    learnt = await _close_turn_before(backend, namespace, said, now=now)
    if not learnt:
        return _reply(found, replies.private)
    return await _asking(backend, namespace, found, replies.private_learnt, learnt)


async def _close_turn_before(backend: Backend, namespace: Namespace, said: Said, *, now: datetime) -> list[Memory]:
    """Nothing more is learnt from the user's message before this one, nor from its answer; returns what was."""
    if said.thread_id is None:
        return []
    await ready(backend)
    async with backend.transaction(atomic=False) as tx:
        stored = await messages.read_messages(tx, namespace, said.thread_id, limit=_TURNS_BEFORE, offset=0)
    earlier = [turn for turn in stored if turn.id != said.message_id]
    last = max((place for place, turn in enumerate(earlier) if turn.role == "user"), default=None)
    if last is None:
        return []
    ids = [turn.id for turn in earlier[last:]]
    async with backend.transaction() as tx:
        await namespaces.hold_namespace(tx, namespace, incarnation=backend.new_id(), now=now)
        await messages.mark_extracted(tx, namespace, said.thread_id, ids, now=now)
        learnt = await erasing.memories_of_messages(tx, namespace, said.thread_id, ids)
        versions = [await evolution.get_version(tx, namespace, id) for id in learnt]
    return [each for each in versions if each is not None and each.status == "active"]


def _answering(text: str, question: Question | None) -> Detected | None:
    """What the user said to our question; None if there was none, or the message is about something else."""
    if question is None:
        return None
    everything = bool(question["everything"])
    said = meaning(text, 0 if everything else len(question["keys"]))
    if said is None:
        return None
    language = language_of(text) or str(question["language"])
    return Detected(cast("Command", question["command"]), language, everything=everything, answer=said)


async def _answer(
    backend: Backend, namespace: Namespace, found: Detected, question: Question, *, now: datetime
) -> CommandReply:
    """Erase what the user agreed to."""
    replies, said = REPLIES[found.language], found.answer
    if said == "no":
        return _reply(found, replies.spared)
    if found.everything:
        plan = forgetting.Plan(None, None, everything=True, dry_run=False, limit=1)
        receipt = await forgetting.forget(backend, namespace, plan, now=now)
        return _reply(found, replies.erased_all, receipt=receipt)
    marks = [cast("Sequence[str]", pair) for pair in question["keys"]]
    chosen = [marks[number - 1] for number in said] if isinstance(said, tuple) else marks
    keys = await _unchanged(backend, namespace, chosen, now=now)
    if not keys:
        return _reply(found, replies.changed)
    plan = forgetting.Plan(keys, None, everything=False, dry_run=False, limit=1)
    receipt = await forgetting.forget(backend, namespace, plan, now=now)
    text = replies.erased.format(count=receipt.counts.get("memories", 0))
    return _reply(found, text, keys=tuple(keys), receipt=receipt)


async def _unchanged(
    backend: Backend, namespace: Namespace, marks: Sequence[Sequence[str]], *, now: datetime
) -> list[str]:
    """The keys under which still stands what was shown: nobody agreed to the erasing of anything else."""
    await ready(backend)
    async with backend.transaction(atomic=False) as tx:
        known = await memories.get_memories(tx, namespace, [key for key, _ in marks], now=now)
    return [key for key, mark in marks if key in known and known[key].mark == mark]


async def _ask_model(backend: Backend, namespace: Namespace, text: str, *, now: datetime) -> Detected | None:
    """The model's opinion, counted against the day's cap; None where it has none."""
    cap = backend.settings.model_calls_per_day
    if cap is not None:
        await ready(backend)
        async with backend.transaction() as tx:
            await namespaces.hold_namespace(tx, namespace, incarnation=backend.new_id(), now=now)
            used, _ = await work.calls_today(tx, namespace)
            if used >= cap:
                return None
            await work.spend_call(tx, namespace)
    try:
        answer = await backend.ask(INSTRUCTIONS, material(text), SCHEMA)
    except ExtractionFailed as error:
        logger.warning("the chat model could not say whether a message is a command: %s", error)
        return None
    return detected(answer, text)


async def _asking(
    backend: Backend, namespace: Namespace, found: Detected, ask: str, candidates: Sequence[Memory]
) -> CommandReply:
    """The candidates, numbered, each with what goes with it, and the question whether to erase them."""
    with_each = await _together(backend, namespace, candidates)
    lines, shown = [ask], list[Memory]()
    for number, (each, others) in enumerate(zip(candidates, with_each, strict=True), 1):
        lines += [f"{number}. {_entries(each)[0]}", *(f"   + {_entries(other)[0]}" for other in others)]
        shown += [each, *others]
    return _reply(
        found,
        "\n".join([*lines, REPLIES[found.language].how]),
        keys=tuple(each.key for each in candidates),
        candidates=tuple(shown),
        needs_confirmation=True,
        question={
            "command": found.command,
            "language": found.language,
            "everything": False,
            "keys": [[each.key, each.mark] for each in candidates],
        },
    )


async def _together(backend: Backend, namespace: Namespace, candidates: Sequence[Memory]) -> list[list[Memory]]:
    """For each candidate what was learnt from the same messages: those are erased, so that goes too."""
    found: list[list[Memory]] = []
    mine = {each.id for each in candidates}
    async with backend.transaction(atomic=False) as tx:
        for each in candidates:
            thread, ids = each.provenance.thread_id, each.provenance.message_ids
            same = await erasing.memories_of_messages(tx, namespace, thread, ids) if thread and ids else []
            versions = [await evolution.get_version(tx, namespace, id) for id in same if id not in mine]
            found.append([other for other in versions if other is not None and other.status == "active"])
    return found


def _entries(memory: Memory) -> list[str]:
    """A memory on one line, with its date and, if it is not the user, who says so; a profile has a line for each field."""
    about = [memory.valid_from.date().isoformat()]
    who = memory.speaker or (memory.provenance.source if memory.provenance.source != "user" else None)
    about += [one_line(who)] if who else []
    texts = [memory.text] if memory.text else [f"{line.field}: {line.text}" for line in profile_lines(memory.value)]
    texts = texts or [memory.key]
    return [f"{one_line(text)[:_LONGEST_SHOWN]} ({', '.join(about)})" for text in texts]


def _reply(found: Detected, text: str, **fields: Any) -> CommandReply:
    return CommandReply(command=found.command, language=found.language, text=text, **fields)


def _checked(question: Question) -> Question:
    """The question, if it is one of ours; it was in a caller's hands.

    Raises:
        InvalidInput: it is not.
    """
    keys: object = question.get("keys")
    pairs = cast("list[object]", keys) if isinstance(keys, (list, tuple)) else [None]
    fits = (
        question.get("command") in COMMANDS
        and question.get("language") in REPLIES
        and isinstance(question.get("everything"), bool)
        and all(isinstance(each, (list, tuple)) and _are_names(cast("Sequence[object]", each)) for each in pairs)
    )
    if not fits:
        raise InvalidInput("question is not of a reply; pass CommandReply.question as it is, or None")
    return question


def _are_names(pair: Sequence[object]) -> bool:
    return len(pair) == 2 and all(isinstance(each, str) and each for each in pair)  # noqa: PLR2004 - key and mark
