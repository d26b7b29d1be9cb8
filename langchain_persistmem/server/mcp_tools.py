"""Memory's tools over MCP: remember, recall, correct, forget, list. Whose memory it is, no argument can say."""

from __future__ import annotations

import hashlib
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from mcp import types
from mcp.server.session import ServerSession
from pydantic import Field

from langchain_persistmem.integrations.tools import tool_calls
from langchain_persistmem.integrations.tools.short_keys import find_memory, format_memory, shorten_key
from langchain_persistmem.integrations.tools.tool_run import ToolRun, find_related
from langchain_persistmem.integrations.tools.tool_schemas import (
    Arguments,
    CorrectMemory,
    ForgetMemories,
    ListMemories,
    RecallMemories,
    Remember,
)
from langchain_persistmem.server.access import Access
from langchain_persistmem.types.records import Memory

_WAITS = (
    "This waits for review and is not used before: {line}. The user can approve it in the inspector, or with "
    "`persistmem approve`."
)


class Correct(CorrectMemory):
    """Replace a memory that is wrong or out of date. The old statement stays in the history."""

    key: str = Field(description="The key in brackets before the memory, from recall or list.")


class Forget(ForgetMemories):
    """Erase memories for good, when the user wants them forgotten. With a query nothing is erased: you get the
    memories that it means. With keys the user is asked first, and erased is what they agree to.
    """

    confirmation: str = Field(
        default="",
        description="Only the code that an earlier answer of this tool names, once the user has agreed to what it lists.",
    )


@dataclass(frozen=True, kw_only=True, slots=True)
class ToolCall:
    """One call of a tool by a client."""

    access: Access
    session: ServerSession
    request_id: types.RequestId
    secret: bytes
    """Of this process; confirmations are made with it."""

    @property
    def run(self) -> ToolRun:
        """The same call in the form of the tools for agents; of the conversation nothing is known."""
        return ToolRun(
            memory=self.access.memory,
            asynchronous=True,
            namespace=self.access.memory.namespace_of(**self.access.owner),
            tool="forget",
            messages=(),
            thread_id=None,
            interruptible=False,
        )

    @property
    def can_ask(self) -> bool:
        """True where the client can put a question to its user."""
        wanted = types.ClientCapabilities(elicitation=types.ElicitationCapability())
        return self.session.check_client_capability(wanted)

    async def ask(self, question: str) -> str:
        """Put a question to the user: ``accept``, ``decline`` or ``cancel``."""
        schema: types.ElicitRequestedSchema = {"type": "object", "properties": {}}
        return (await self.session.elicit(question, schema, self.request_id)).action


async def remember(call: ToolCall, arguments: Remember) -> str:
    """Store a statement; what a model may not say by itself, the user is asked about."""
    memory = await call.access.memory.aremember(
        arguments.text, kind=arguments.kind, source="assistant", **call.access.owner
    )
    if memory.status == "quarantined":
        return await _decide(call, memory, "Remember this?")
    opening = "That was known already" if memory.confirmations else "Remembered"
    return f"{opening}: {format_memory(memory)}"


async def recall(call: ToolCall, arguments: RecallMemories) -> str:
    """Find the memories that are relevant for a query."""
    return (await tool_calls.recall(call.run, arguments))[0]


async def list_(call: ToolCall, arguments: ListMemories) -> str:
    """A page of all that is known."""
    return (await tool_calls.list_(call.run, arguments))[0]


async def correct(call: ToolCall, arguments: Correct) -> str:
    """Give a memory new words; the user is asked where they are not the model's to change."""
    old = await find_memory(call.run, arguments.key)
    if isinstance(old, str):
        return f"{old} Nothing was changed. recall and list show the keys."
    new = await call.access.memory.aedit(old.key, text=arguments.text, source="assistant", **call.access.owner)
    if new.status == "quarantined":
        return await _decide(call, new, f"Replace this memory?\n{format_memory(old)}\nThe new one:")
    return f"Corrected: {format_memory(new)}\nBefore: {' '.join((old.text or '').split())}"


async def forget(call: ToolCall, arguments: Forget) -> str:
    """List what a query means, or erase by key what the user agrees to."""
    run, owner = call.run, call.access.owner
    if bool(arguments.keys) == bool(arguments.query.strip()):
        return "Nothing was erased. Give either keys=[...] or query='...'."
    if arguments.query:
        return (await tool_calls.forget(run, arguments))[0]
    results = [await find_memory(run, key) for key in dict.fromkeys(arguments.keys)]
    wrong = [result for result in results if isinstance(result, str)]
    if wrong:
        return "\n".join([*wrong, "Nothing was erased. recall and list show the keys."])
    memories = list({result.key: result for result in results if isinstance(result, Memory)}.values())
    related = await find_related(run, memories)
    lines = [format_memory(memory) for memory in memories]
    lines += ["These go with them, because they were learnt from the same messages:"] if related else []
    lines += [format_memory(memory) for memory in related]
    if call.can_ask:
        if await call.ask("\n".join(["Erase for good?", *lines])) != "accept":
            return "Nothing was erased: the user did not agree."
    else:
        # In two steps: the code stands for these memories in these words, so that nothing else goes with it.
        code = _confirmation(call.secret, [*memories, *related])
        if arguments.confirmation.strip().lower() != code:
            first = "Nothing was erased yet. Show these to the user, and ask:"
            last = f"If the user agrees, call forget again with the same keys and confirmation={code!r}."
            return "\n".join([first, *lines, last])
    keys = [memory.key for memory in memories]
    receipt = await call.access.memory.aforget(keys, **owner)
    turns = receipt.counts.get("messages", 0)
    text = f"Erased for good: {', '.join(shorten_key(memory.key) for memory in [*memories, *related])}"
    return text + (f", and {turns} stored messages that it came from." if turns else ".")


async def _decide(call: ToolCall, memory: Memory, question: str) -> str:
    """Have the user approve or reject what waits for review, where the client can ask them."""
    line = format_memory(memory)
    answer = await call.ask(f"{question}\n{line}") if call.can_ask else "cancel"
    review, owner = call.access.memory.review, call.access.owner
    if answer == "accept":
        await review.aapprove(memory.id, **owner)
        return f"The user agreed. Remembered: {line}"
    if answer == "decline":
        await review.areject(memory.id, **owner)
        return "The user said no: nothing was stored."
    return _WAITS.format(line=line)


def _confirmation(secret: bytes, memories: Sequence[Memory]) -> str:
    wording = "\n".join(sorted(memory.fingerprint for memory in memories))
    return hashlib.blake2b(wording.encode(), key=secret, digest_size=4).hexdigest()


@dataclass(frozen=True, kw_only=True, slots=True)
class Tool:
    """A tool, as it is described and as it behaves."""

    arguments: type[Arguments]
    behaviour: Callable[[ToolCall, Any], Awaitable[str]]
    title: str
    writes: bool = True
    erases: bool = False

    def describe(self, name: str) -> types.Tool:
        """Return the description that a client is sent."""
        return types.Tool(
            name=name,
            title=self.title,
            description=" ".join((self.arguments.__doc__ or "").split()),
            inputSchema=self.arguments.model_json_schema(),
            annotations=types.ToolAnnotations(
                readOnlyHint=not self.writes, destructiveHint=self.erases, openWorldHint=False
            ),
        )


TOOLS: Mapping[str, Tool] = {
    "remember": Tool(arguments=Remember, behaviour=remember, title="Remember"),
    "recall": Tool(arguments=RecallMemories, behaviour=recall, title="Recall", writes=False),
    "correct": Tool(arguments=Correct, behaviour=correct, title="Correct a memory"),
    "forget": Tool(arguments=Forget, behaviour=forget, title="Forget", erases=True),
    "list": Tool(arguments=ListMemories, behaviour=list_, title="List memories", writes=False),
}
"""The tools by name."""
