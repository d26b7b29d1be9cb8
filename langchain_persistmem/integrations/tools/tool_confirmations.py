"""Confirmations of what memory's tools erase or replace: the user has to have answered in between."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, cast

from langchain_core.messages import AIMessage, BaseMessage, HumanMessage, ToolMessage
from langgraph.types import interrupt

from langchain_persistmem.integrations.tools.short_keys import format_memory, shorten_key
from langchain_persistmem.integrations.tools.tool_run import ToolRun
from langchain_persistmem.types.records import Memory


def count_unconfirmed(run: ToolRun) -> int:
    """Count the memories that the tool has erased without a question since the user's last message."""
    return sum(len(artifact.get("erased", ())) for artifact in _artifacts(_since_user(run.messages), run.tool))


def count_keys_at_once(run: ToolRun) -> int:
    """Count the keys that the model's last message wants erased, in any number of calls."""
    for message in reversed(run.messages):
        if isinstance(message, AIMessage):
            calls: list[Any] = [call["args"].get("keys") for call in message.tool_calls if call["name"] == run.tool]
            return sum(len(keys) if isinstance(keys, list) else 1 for keys in calls if keys)  # pyright: ignore[reportUnknownArgumentType]
    return 0


def is_confirmed(run: ToolRun, keys: Sequence[str]) -> bool:
    """True where the user was asked about the erasure of all these, and has spoken since."""
    has_spoken = False
    for message in reversed(run.messages):
        if isinstance(message, HumanMessage):
            has_spoken = True
        elif has_spoken:
            for artifact in _artifacts([message], run.tool):
                if set(keys) <= set(artifact.get("proposed", ())):
                    return True
    return False


def _since_user(messages: Sequence[BaseMessage]) -> Sequence[BaseMessage]:
    positions = [position for position, message in enumerate(messages) if isinstance(message, HumanMessage)]
    return messages[positions[-1] + 1 :] if positions else messages


def _artifacts(messages: Sequence[BaseMessage], tool: str) -> list[dict[str, Any]]:
    """The artifacts that our tool left with its answers: keys, no texts."""
    return [
        cast("dict[str, Any]", message.artifact)
        for message in messages
        if isinstance(message, ToolMessage) and message.name == tool and isinstance(message.artifact, dict)
    ]


Answer = tuple[str, dict[str, Any] | None]
"""A text for the model, and an artifact that stays with the message for later calls: keys, no texts."""


def is_approved(run: ToolRun, memories: Sequence[Memory], related: Sequence[Memory]) -> bool:
    """Ask through LangGraph's interrupt, in the form of LangChain's human-in-the-loop middleware."""
    keys = [shorten_key(memory.key) for memory in memories]
    description = "\n".join(["Erase for good?", *_with_others(memories, related)])
    answer: object = interrupt(
        {
            "action_requests": [{"name": run.tool, "args": {"keys": keys}, "description": description}],
            "review_configs": [{"action_name": run.tool, "allowed_decisions": ["approve", "reject"]}],
        }
    )
    if isinstance(answer, dict):
        decisions = cast("dict[str, Any]", answer).get("decisions")
        return isinstance(decisions, list) and [decision.get("type") for decision in cast("list[Any]", decisions)] == [
            "approve"
        ]
    return answer is True


def ask_first(run: ToolRun, memories: Sequence[Memory], related: Sequence[Memory]) -> Answer:
    """Tell the model to ask the user about all that would go, where a run cannot be interrupted."""
    lines = ["Nothing was erased yet. The user has to be asked about these:", *_with_others(memories, related)]
    lines += [f"Show them and ask. If the user agrees, call {run.tool} again with all of these keys in one call."]
    return "\n".join(lines), {"proposed": [memory.key for memory in memories]}


def _with_others(memories: Sequence[Memory], related: Sequence[Memory]) -> list[str]:
    lines = ["These go with them, because they were learnt from the same messages:"] if related else []
    return [*map(format_memory, memories), *lines, *map(format_memory, related)]
