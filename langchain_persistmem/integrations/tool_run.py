"""What memory's tools share: whose call it is, the conversation around it, short keys, and who has been asked."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, ParamSpec, TypeVar, cast

from langchain_core.messages import AIMessage, BaseMessage, HumanMessage, ToolMessage

from langchain_persistmem.client import both
from langchain_persistmem.client.persistmem import PersistMem
from langchain_persistmem.errors import InvalidInputError, MemoryNotFoundError
from langchain_persistmem.types.namespace import Namespace
from langchain_persistmem.types.records import Memory, Source

P = ParamSpec("P")
T = TypeVar("T")

_UUID = re.compile(r"[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}")
_SHORT = 8
_SHORTEST = 6
_MOST = 10_000
"""Memories, the last changed first, among which a short key is looked up."""


@dataclass(frozen=True, kw_only=True, slots=True)
class ToolRun:
    """One call of a tool."""

    memory: PersistMem
    asynchronous: bool
    whose: Namespace
    tool: str
    """The name that the model called."""
    messages: Sequence[BaseMessage]
    """The conversation; empty outside of an agent."""
    thread_id: str | None
    interruptible: bool
    """True where the run can wait for a person: in a graph with a checkpointer."""

    async def call(self, function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Call a method of the memory, or await its twin."""
        return await both.call(self.asynchronous, function, *args, **kwargs)


def short(key: str) -> str:
    """A key as a model is shown it: of an id its end, which is random where its beginning is the time."""
    return key[-_SHORT:] if _UUID.fullmatch(key) else key


def line(memory: Memory) -> str:
    """A memory on one line, so that none can speak for another."""
    text = " ".join((memory.text or "").split())
    return f"[{short(memory.key)}] {memory.valid_from.date().isoformat()}, {memory.kind}: {text}"


async def find(run: ToolRun, given: str) -> Memory | str:
    """The memory that a model means by ``given``, or what to tell it.

    Taken are a whole key, and the end of an id, with whatever brackets or quotes stand around.
    """
    key = given.strip().strip("[]()<>#'\"` .…").strip()
    ending = key.lower()
    with suppress(MemoryNotFoundError, InvalidInputError):
        return await run.call(run.memory.get, key, namespace=run.whose)
    found: list[Memory] = []
    if len(ending) >= _SHORTEST:
        known = await run.call(run.memory.list, limit=_MOST, namespace=run.whose)
        found = [memory for memory in known if _UUID.fullmatch(memory.key) and memory.key.endswith(ending)]
    if len(found) == 1:
        return found[0]
    if found:
        lines = "\n".join(f"{memory.key}: {line(memory)}" for memory in found[:5])
        return f"The key {key!r:.60} fits several memories; give the whole key of one:\n{lines}"
    return f"No memory has the key {key!r:.60}."


async def together(run: ToolRun, memories: Sequence[Memory]) -> list[Memory]:
    """The other memories that go when these are erased: those that were learnt from the same messages."""
    wanted = {each.key for each in memories}
    sources = {(each.provenance.thread_id, id) for each in memories for id in each.provenance.message_ids}
    if not sources:
        return []
    known = await run.call(run.memory.list, limit=_MOST, namespace=run.whose)
    return [
        each
        for each in known
        if each.key not in wanted
        and any((each.provenance.thread_id, id) in sources for id in each.provenance.message_ids)
    ]


def source_of(run: ToolRun, text: str) -> Source:
    """``user`` only for words that stand so in a message of the user; else it is the model that says so."""
    wanted = _plain(text)
    said = (_plain(str(message.text)) for message in run.messages if isinstance(message, HumanMessage))
    return "user" if wanted and any(wanted in each for each in said) else "assistant"


def erased_unasked(run: ToolRun) -> int:
    """How many memories the tool has erased since the user's last message, without having asked."""
    return sum(len(artifact.get("erased", ())) for artifact in _artifacts(_since_user(run.messages), run.tool))


def wanted_at_once(run: ToolRun) -> int:
    """How many keys the model's last message wants erased, in however many calls."""
    for message in reversed(run.messages):
        if isinstance(message, AIMessage):
            calls: list[Any] = [call["args"].get("keys") for call in message.tool_calls if call["name"] == run.tool]
            return sum(len(keys) if isinstance(keys, list) else 1 for keys in calls if keys)  # pyright: ignore[reportUnknownArgumentType]
    return 0


def was_asked(run: ToolRun, keys: Sequence[str]) -> bool:
    """Whether the erasure of all these was put to the user, who has spoken since."""
    spoken = False
    for message in reversed(run.messages):
        if isinstance(message, HumanMessage):
            spoken = True
        elif spoken:
            for artifact in _artifacts([message], run.tool):
                if set(keys) <= set(artifact.get("proposed", ())):
                    return True
    return False


def _since_user(messages: Sequence[BaseMessage]) -> Sequence[BaseMessage]:
    spoken = [place for place, message in enumerate(messages) if isinstance(message, HumanMessage)]
    return messages[spoken[-1] + 1 :] if spoken else messages


def _artifacts(messages: Sequence[BaseMessage], tool: str) -> list[dict[str, Any]]:
    """What our tool left with its answers: keys, no texts."""
    return [
        cast("dict[str, Any]", message.artifact)
        for message in messages
        if isinstance(message, ToolMessage) and message.name == tool and isinstance(message.artifact, dict)
    ]


def _plain(text: str) -> str:
    return " ".join(text.casefold().split()).strip(" .!?\"'")
