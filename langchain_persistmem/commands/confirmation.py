"""Confirmation of what cannot be taken back: what would go is listed first, and the user's next message decides."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, cast

from langchain_persistmem.commands.confirmation_answers import read_answer
from langchain_persistmem.errors import InvalidInputError
from langchain_persistmem.language.command_detection import DetectedCommand, detect_language
from langchain_persistmem.language.language_files import replies_by_language
from langchain_persistmem.postgres.queries import changes, memories
from langchain_persistmem.postgres.queries import forget as forget_queries
from langchain_persistmem.privacy import consent, forget
from langchain_persistmem.recall.context_parts.context_text import one_line, profile_lines
from langchain_persistmem.runtime.backend import Backend
from langchain_persistmem.runtime.setup import ready
from langchain_persistmem.types import validation
from langchain_persistmem.types.namespace import Namespace
from langchain_persistmem.types.records import Memory
from langchain_persistmem.types.representation import type_name
from langchain_persistmem.types.results import COMMANDS, Command, CommandReply

Question = Mapping[str, Any]
"""Plain JSON: the command, its language, and the keys and marks of the memories listed."""

_MAX_LINE_CHARS = 300


async def ask(
    backend: Backend, namespace: Namespace, request: DetectedCommand, opening: str, candidates: Sequence[Memory]
) -> CommandReply:
    """Say how many would go, list the candidates, numbered, each with those that go with it, and ask whether to erase them."""
    neighbours = await _find_related(backend, namespace, candidates)
    lines, memories = list[str](), dict[str, Memory]()
    for number, (candidate, group) in enumerate(zip(candidates, neighbours, strict=True), 1):
        lines += [f"{number}. {entries(candidate)[0]}", *(f"   + {entries(neighbour)[0]}" for neighbour in group)]
        memories |= {memory.key: memory for memory in (candidate, *group)}
    return reply(
        request,
        "\n".join(
            [opening.format(count=len(memories)), *lines, replies_by_language()[request.language].erase_question]
        ),
        keys=tuple(memory.key for memory in candidates),
        candidates=tuple(memories.values()),
        needs_confirmation=True,
        question={
            "command": request.command,
            "language": request.language,
            "everything": False,
            "keys": [[memory.key, memory.fingerprint] for memory in candidates],
        },
    )


async def _find_related(backend: Backend, namespace: Namespace, candidates: Sequence[Memory]) -> list[list[Memory]]:
    """List for each candidate the memories learnt from the same messages: the messages are erased, and so are these
    memories.
    """
    neighbours: list[list[Memory]] = []
    async with backend.transaction(namespace, atomic=False) as tx:
        for candidate in candidates:
            thread, ids = candidate.provenance.thread_id, candidate.provenance.message_ids
            ids_of_messages = (
                await forget_queries.memories_of_messages(tx, namespace, thread, ids) if thread and ids else []
            )
            versions = [await changes.get_version(tx, namespace, id) for id in ids_of_messages if id != candidate.id]
            neighbours.append([version for version in versions if version is not None and version.status == "active"])
    return neighbours


def read_reply(text: str, question: Question | None) -> DetectedCommand | None:
    """Read the user's answer to our question; None if there was none, or the message is about something else."""
    if question is None:
        return None
    everything = bool(question["everything"])
    choice = read_answer(text, 0 if everything else len(question["keys"]))
    if choice is None:
        return None
    language = detect_language(text) or str(question["language"])
    return DetectedCommand(cast("Command", question["command"]), language, everything=everything, answer=choice)


async def answer(
    backend: Backend, namespace: Namespace, request: DetectedCommand, question: Question, *, now: datetime
) -> CommandReply:
    """Do what the user agreed to: erase, or remember nothing from now on."""
    replies, choice = replies_by_language()[request.language], request.answer
    if request.command == "pause":
        if choice == "no":
            return reply(request, replies.not_paused)
        await consent.set_consent(backend, namespace, "paused", now=now)
        return reply(request, replies.paused)
    if choice == "no":
        return reply(request, replies.nothing_erased)
    if request.everything:
        plan = forget.Plan(None, None, everything=True, dry_run=False, limit=1)
        receipt = await forget.forget(backend, namespace, plan, now=now)
        return reply(request, replies.erased_everything, receipt=receipt)
    marks = [cast("Sequence[str]", pair) for pair in question["keys"]]
    choices = [marks[number - 1] for number in choice] if isinstance(choice, tuple) else marks
    current = await _find_unchanged(backend, namespace, choices, now=now)
    if not current:
        return reply(request, replies.outdated)
    neighbours = await _find_related(backend, namespace, current)
    memories = {
        memory.key: memory for memory in (*current, *(neighbour for group in neighbours for neighbour in group))
    }
    keys = tuple(memory.key for memory in current)
    plan = forget.Plan(keys, None, everything=False, dry_run=False, limit=1)
    receipt = await forget.forget(backend, namespace, plan, now=now)
    # After "all of them" the reply lists them once more; an answer with numbers has named them already.
    lines = [f"- {entries(memory)[0]}" for memory in memories.values()] if choice == "yes" and len(memories) > 1 else []
    return reply(request, "\n".join([replies.erased.format(count=len(memories)), *lines]), keys=keys, receipt=receipt)


async def _find_unchanged(
    backend: Backend, namespace: Namespace, marks: Sequence[Sequence[str]], *, now: datetime
) -> list[Memory]:
    """Return the memories that are as they were listed: nobody agreed to the erasing of anything else."""
    await ready(backend)
    async with backend.transaction(namespace, atomic=False) as tx:
        current = await memories.get_memories(tx, namespace, [key for key, _ in marks], now=now)
    return [current[key] for key, mark in marks if key in current and current[key].fingerprint == mark]


def entries(memory: Memory) -> list[str]:
    """Put a memory on one line, with its date and its speaker if that is not the user; a profile has a line for each field."""
    about = [memory.valid_from.date().isoformat()]
    source = memory.speaker or (memory.provenance.source if memory.provenance.source != "user" else None)
    about += [one_line(source)] if source else []
    texts = [memory.text] if memory.text else [f"{line.field}: {line.text}" for line in profile_lines(memory.value)]
    texts = texts or [memory.key]
    return [f"{one_line(text)[:_MAX_LINE_CHARS]} ({', '.join(about)})" for text in texts]


def reply(request: DetectedCommand, text: str, **fields: Any) -> CommandReply:
    """Make the reply to a command."""
    return CommandReply(command=request.command, language=request.language, text=text, **fields)


def check_question(question: Question) -> Question:
    """Return a copy of the question, if it is one of ours; it was in a caller's hands.

    Raises:
        InvalidInputError: it is not.
    """
    if not issubclass(type(cast("object", question)), Mapping):
        raise InvalidInputError(
            f"question is of type {type_name(question)}; pass CommandReply.question as it is, or None"
        )
    question = validation.json_object(question, "question")
    keys: object = question.get("keys")
    pairs = cast("list[object]", keys) if isinstance(keys, (list, tuple)) else [None]
    fits = (
        question.get("command") in COMMANDS
        and question.get("language") in replies_by_language()
        and isinstance(question.get("everything"), bool)
        and all(isinstance(pair, (list, tuple)) and _are_names(cast("Sequence[object]", pair)) for pair in pairs)
    )
    if not fits:
        raise InvalidInputError("question is not of a reply; pass CommandReply.question as it is, or None")
    return question


def _are_names(pair: Sequence[object]) -> bool:
    return len(pair) == 2 and all(isinstance(name, str) and name for name in pair)  # noqa: PLR2004 - key and mark
