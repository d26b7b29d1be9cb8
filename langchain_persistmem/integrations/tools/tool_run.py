"""One call of a memory tool: its namespace, the conversation around it, and short keys."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import ParamSpec, TypeVar

from langchain_core.messages import BaseMessage, HumanMessage

from langchain_persistmem.client import sync_and_async
from langchain_persistmem.client.persistmem import PersistMem
from langchain_persistmem.errors import InvalidInputError, MemoryNotFoundError
from langchain_persistmem.language.statement_rules import is_own_statement
from langchain_persistmem.types.namespace import Namespace
from langchain_persistmem.types.records import Memory, Source
from langchain_persistmem.types.representation import represent

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
    namespace: Namespace
    tool: str
    """The name that the model called."""
    messages: Sequence[BaseMessage]
    """The conversation; empty outside of an agent."""
    thread_id: str | None
    interruptible: bool
    """True where the run can wait for a person: in a graph with a checkpointer."""

    async def call(self, function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Call a method of the memory, or await its twin."""
        return await sync_and_async.call(self.asynchronous, function, *args, **kwargs)


def shorten_key(key: str) -> str:
    """Shorten a key for a model: of an id only its end, which is random where its beginning is the time."""
    return key[-_SHORT:] if _UUID.fullmatch(key) else key


def format_memory(memory: Memory) -> str:
    """Put a memory on one line, so that none can speak for another."""
    text = " ".join((memory.text or "").split())
    return f"[{shorten_key(memory.key)}] {memory.valid_from.date().isoformat()}, {memory.kind}: {text}"


async def find_memory(run: ToolRun, reference: str) -> Memory | str:
    """Find the memory that a model means by ``reference``, or return the answer for the model.

    Taken are a whole key, and the end of an id, with whatever brackets or quotes stand around.
    """
    key = reference.strip().strip("[]()<>#'\"` .…").strip()
    ending = key.lower()
    with suppress(MemoryNotFoundError, InvalidInputError):
        return await run.call(run.memory.get, key, namespace=run.namespace)
    matches: list[Memory] = []
    if len(ending) >= _SHORTEST:
        current = await run.call(run.memory.list, limit=_MOST, namespace=run.namespace)
        matches = [memory for memory in current if _UUID.fullmatch(memory.key) and memory.key.endswith(ending)]
    if len(matches) == 1:
        return matches[0]
    if matches:
        lines = "\n".join(f"{memory.key}: {format_memory(memory)}" for memory in matches[:5])
        return f"The key {represent(key)} fits several memories; give the whole key of one:\n{lines}"
    return f"No memory has the key {represent(key)}."


async def find_related(run: ToolRun, memories: Sequence[Memory]) -> list[Memory]:
    """Find the other memories that go when these are erased: those that were learnt from the same messages."""
    keys = {memory.key for memory in memories}
    sources = {(memory.provenance.thread_id, id) for memory in memories for id in memory.provenance.message_ids}
    if not sources:
        return []
    current = await run.call(run.memory.list, limit=_MOST, namespace=run.namespace)
    return [
        memory
        for memory in current
        if memory.key not in keys
        and any((memory.provenance.thread_id, id) in sources for id in memory.provenance.message_ids)
    ]


def source_of(run: ToolRun, text: str) -> Source:
    """``user`` only for what the user says in a message, word for word and by oneself; else it is the model that says so.

    A quotation, a pasted text, a doubt, a denial or a story about somebody else is no statement of the user's own.
    """
    messages = (str(message.text) for message in run.messages if isinstance(message, HumanMessage))
    return "user" if any(is_own_statement(text, message) for message in messages) else "assistant"
