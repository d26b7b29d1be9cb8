"""One call of a memory tool: its namespace and the conversation around it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import ParamSpec, TypeVar

from langchain_core.messages import BaseMessage, HumanMessage

from langchain_persistmem.client import sync_and_async
from langchain_persistmem.client.persistmem import PersistMem
from langchain_persistmem.language.statement_rules import is_own_statement
from langchain_persistmem.types.namespace import Namespace
from langchain_persistmem.types.records import Memory, Source

P = ParamSpec("P")
T = TypeVar("T")

MOST_LISTED = 10_000
"""Memories, the last changed first, among which those that a model means are looked up."""


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


async def find_related(run: ToolRun, memories: Sequence[Memory]) -> list[Memory]:
    """Find the other memories that go when these are erased: those that were learnt from the same messages."""
    keys = {memory.key for memory in memories}
    sources = {(memory.provenance.thread_id, id) for memory in memories for id in memory.provenance.message_ids}
    if not sources:
        return []
    current = await run.call(run.memory.list, limit=MOST_LISTED, namespace=run.namespace)
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
