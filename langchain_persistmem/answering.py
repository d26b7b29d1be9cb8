"""Commands to the memory in a run: who answers the user's message, and what becomes of the conversation's messages."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from langchain_core.messages import AIMessage, BaseMessage

from langchain_persistmem.awaiting import Awaited
from langchain_persistmem.conversation_run import is_the_users, newly_off, taken_off
from langchain_persistmem.engine.commanding import OnError, switched_off
from langchain_persistmem.namespace import Namespace
from langchain_persistmem.outcomes import CommandReply


@dataclass(frozen=True, kw_only=True, slots=True)
class Answered:
    """What came of the user's latest message."""

    messages: Sequence[BaseMessage]
    """All of the conversation's, with marks and with the memory's answer."""
    changed: Sequence[BaseMessage]
    """Those of them that are new or newly marked."""
    question: Mapping[str, Any] | None = None
    """What the memory has asked the user."""
    ends_turn: bool = False
    """Whether nothing is left for the model."""


async def answered(
    memory: Awaited,
    messages: Sequence[BaseMessage],
    *,
    question: Mapping[str, Any] | None,
    whose: Namespace,
    thread_id: str | None,
    ask_model: bool,
    on_error: OnError,
) -> Answered:
    """Do what the latest message asks of the memory, if it is the user's and asks anything."""
    if not messages or not is_the_users(messages[-1]):
        return Answered(messages=messages, changed=())
    reply = await memory.command(
        messages[-1], question=question, namespace=whose, thread_id=thread_id, ask_model=ask_model, on_error=on_error
    )
    if reply is None:
        return Answered(messages=messages, changed=())
    off = _first_off(messages, reply)
    return _with(reply, [*messages[:off], *taken_off(messages[off:])], newly_off(messages[off:]))


def answered_without_memory(messages: Sequence[BaseMessage], question: Mapping[str, Any] | None) -> Answered:
    """In a run off the record all is marked, and a command is told that memory is off: nobody should believe it done."""
    told, changed = taken_off(messages), newly_off(messages)
    commands = bool(messages) and is_the_users(messages[-1])
    reply = switched_off(str(messages[-1].text), question) if commands else None
    return Answered(messages=told, changed=changed) if reply is None else _with(reply, told, changed)


def _with(reply: CommandReply, messages: Sequence[BaseMessage], changed: Sequence[BaseMessage]) -> Answered:
    said = taken_off([AIMessage(reply.text)]) if reply.ends_turn else []
    question = dict(reply.question) if reply.question is not None else None
    return Answered(
        messages=[*messages, *said], changed=[*changed, *said], question=question, ends_turn=reply.ends_turn
    )


def _first_off(messages: Sequence[BaseMessage], reply: CommandReply) -> int:
    """From which on nothing is to be learnt: the command, and for "don't remember this" the turn before it."""
    last = len(messages) - 1
    if not reply.ends_turn:
        return last if reply.command == "private" else len(messages)
    if reply.command != "private" or reply.receipt is not None:
        return last
    before = [place for place in range(last) if is_the_users(messages[place])]
    return before[-1] if before else last
