"""Erasing at a user's word: what would go is shown first, and the user's next message decides."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, cast

from langchain_persistmem.errors import InvalidInputError
from langchain_persistmem.language.command_detection import Detected, detect_language, read_answer
from langchain_persistmem.language.data import replies_by_language
from langchain_persistmem.postgres.queries import changes, memories
from langchain_persistmem.postgres.queries import forget as forget_queries
from langchain_persistmem.privacy import forget
from langchain_persistmem.recall.context_formats import one_line, profile_lines
from langchain_persistmem.runtime.backend import Backend
from langchain_persistmem.runtime.setup import ready
from langchain_persistmem.types.namespace import Namespace
from langchain_persistmem.types.records import Memory
from langchain_persistmem.types.results import COMMANDS, Command, CommandReply

Question = Mapping[str, Any]
"""Plain JSON: the command, its language, and the keys and marks of what was shown."""

_LONGEST_SHOWN = 300


async def ask(
    backend: Backend, namespace: Namespace, found: Detected, opening: str, candidates: Sequence[Memory]
) -> CommandReply:
    """The candidates, numbered, each with what goes with it, and the question whether to erase them."""
    with_each = await _together(backend, namespace, candidates)
    lines, shown = [opening], dict[str, Memory]()
    for number, (each, others) in enumerate(zip(candidates, with_each, strict=True), 1):
        lines += [f"{number}. {entries(each)[0]}", *(f"   + {entries(other)[0]}" for other in others)]
        shown |= {memory.key: memory for memory in (each, *others)}
    return reply(
        found,
        "\n".join([*lines, replies_by_language()[found.language].erase_question]),
        keys=tuple(each.key for each in candidates),
        candidates=tuple(shown.values()),
        needs_confirmation=True,
        question={
            "command": found.command,
            "language": found.language,
            "everything": False,
            "keys": [[each.key, each.fingerprint] for each in candidates],
        },
    )


async def _together(backend: Backend, namespace: Namespace, candidates: Sequence[Memory]) -> list[list[Memory]]:
    """For each candidate what was learnt from the same messages: those are erased, so that goes too."""
    found: list[list[Memory]] = []
    async with backend.transaction(namespace, atomic=False) as tx:
        for each in candidates:
            thread, ids = each.provenance.thread_id, each.provenance.message_ids
            same = await forget_queries.memories_of_messages(tx, namespace, thread, ids) if thread and ids else []
            versions = [await changes.get_version(tx, namespace, id) for id in same if id != each.id]
            found.append([other for other in versions if other is not None and other.status == "active"])
    return found


def answering(text: str, question: Question | None) -> Detected | None:
    """What the user said to our question; None if there was none, or the message is about something else."""
    if question is None:
        return None
    everything = bool(question["everything"])
    said = read_answer(text, 0 if everything else len(question["keys"]))
    if said is None:
        return None
    language = detect_language(text) or str(question["language"])
    return Detected(cast("Command", question["command"]), language, everything=everything, answer=said)


async def answer(
    backend: Backend, namespace: Namespace, found: Detected, question: Question, *, now: datetime
) -> CommandReply:
    """Erase what the user agreed to."""
    replies, said = replies_by_language()[found.language], found.answer
    if said == "no":
        return reply(found, replies.nothing_erased)
    if found.everything:
        plan = forget.Plan(None, None, everything=True, dry_run=False, limit=1)
        receipt = await forget.forget(backend, namespace, plan, now=now)
        return reply(found, replies.erased_everything, receipt=receipt)
    marks = [cast("Sequence[str]", pair) for pair in question["keys"]]
    chosen = [marks[number - 1] for number in said] if isinstance(said, tuple) else marks
    keys = await _unchanged(backend, namespace, chosen, now=now)
    if not keys:
        return reply(found, replies.outdated)
    plan = forget.Plan(keys, None, everything=False, dry_run=False, limit=1)
    receipt = await forget.forget(backend, namespace, plan, now=now)
    text = replies.erased.format(count=receipt.counts.get("memories", 0))
    return reply(found, text, keys=tuple(keys), receipt=receipt)


async def _unchanged(
    backend: Backend, namespace: Namespace, marks: Sequence[Sequence[str]], *, now: datetime
) -> list[str]:
    """The keys under which still stands what was shown: nobody agreed to the erasing of anything else."""
    await ready(backend)
    async with backend.transaction(namespace, atomic=False) as tx:
        known = await memories.get_memories(tx, namespace, [key for key, _ in marks], now=now)
    return [key for key, mark in marks if key in known and known[key].fingerprint == mark]


def entries(memory: Memory) -> list[str]:
    """A memory on one line, with its date and, if it is not the user, who says so; a profile has a line for each field."""
    about = [memory.valid_from.date().isoformat()]
    who = memory.speaker or (memory.provenance.source if memory.provenance.source != "user" else None)
    about += [one_line(who)] if who else []
    texts = [memory.text] if memory.text else [f"{line.field}: {line.text}" for line in profile_lines(memory.value)]
    texts = texts or [memory.key]
    return [f"{one_line(text)[:_LONGEST_SHOWN]} ({', '.join(about)})" for text in texts]


def reply(found: Detected, text: str, **fields: Any) -> CommandReply:
    """The reply to a command."""
    return CommandReply(command=found.command, language=found.language, text=text, **fields)


def checked(question: Question) -> Question:
    """The question, if it is one of ours; it was in a caller's hands.

    Raises:
        InvalidInputError: it is not.
    """
    if not isinstance(cast("object", question), Mapping):
        raise InvalidInputError(
            f"question is of type {type(question).__name__}; pass CommandReply.question as it is, or None"
        )
    keys: object = question.get("keys")
    pairs = cast("list[object]", keys) if isinstance(keys, (list, tuple)) else [None]
    fits = (
        question.get("command") in COMMANDS
        and question.get("language") in replies_by_language()
        and isinstance(question.get("everything"), bool)
        and all(isinstance(each, (list, tuple)) and _are_names(cast("Sequence[object]", each)) for each in pairs)
    )
    if not fits:
        raise InvalidInputError("question is not of a reply; pass CommandReply.question as it is, or None")
    return question


def _are_names(pair: Sequence[object]) -> bool:
    return len(pair) == 2 and all(isinstance(each, str) and each for each in pair)  # noqa: PLR2004 - key and mark
