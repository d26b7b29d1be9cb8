"""The other half of the demo: the same conversations once more, with rules where a model was used, or the reverse."""

from __future__ import annotations

import argparse
import re
import time
from collections.abc import Sequence
from typing import Any

from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessage, BaseMessage
from langchain_core.messages.utils import convert_to_messages
from langchain_core.outputs import ChatGeneration, ChatResult
from langchain_core.runnables import Runnable, RunnableLambda
from pydantic import Field
from rich.text import Text

from langchain_persistmem.cli.demo_story import Conversation, Story, read_lines
from langchain_persistmem.cli.opening import open_memory
from langchain_persistmem.cli.terminal import note, out, plain
from langchain_persistmem.client.persistmem import PersistMem
from langchain_persistmem.types.namespace import Namespace

_USER = "maya-other"
_KEYS = ("fact:home_city", "fact:running_shoes")
"""The change in the story: the model names the fact, so that the new value ends the old one."""
_MESSAGE = re.compile(r"^(\d+) [^:\n]*: (.*(?:\n\| .*)*)", re.MULTILINE)


class PreparedModel(BaseChatModel):
    """No model: it answers from a file, with what a model would write down of the messages that it is shown."""

    prepared: Sequence[dict[str, Any]] = Field(default_factory=lambda: read_lines("prepared.jsonl"))
    model_name: str = "prepared-answers"

    @property
    def _llm_type(self) -> str:
        return "prepared"

    def _generate(self, messages: list[BaseMessage], *args: Any, **kwargs: Any) -> ChatResult:
        return ChatResult(generations=[ChatGeneration(message=AIMessage(""))])

    def with_structured_output(self, schema: Any, **kwargs: Any) -> Runnable[Any, Any]:
        """Answer a question about messages with what is prepared for them."""
        return RunnableLambda(self._answer)

    def has_answers(self, conversation: Conversation) -> bool:
        """Tell whether anything is prepared for a conversation."""
        texts = [message["content"] for message in conversation.messages]
        return any(entry["quote"] in text for entry in self.prepared for text in texts)

    def _answer(self, messages: Any) -> dict[str, object]:
        material = str(convert_to_messages(messages)[-1].content)
        message_pairs = [(int(number), text) for number, text in _MESSAGE.findall(material)]
        return {
            "memories": [
                {**entry, "messages": [number]}
                for number, text in message_pairs
                for entry in self.prepared
                if entry["quote"] in text
            ]
        }


def show_other_model(options: argparse.Namespace, story: Story, namespace: Namespace) -> None:
    """Learn from the conversations once more: with prepared answers in the place of a model, or, after a model, by rules."""
    if options.model is None:
        out().print("So far no chat model was asked: turns became dated memories, and rules found a few statements.")
        note("No model here either: for some of the conversations, prepared answers from a file stand in for one.")
        note("persistmem demo --model NAME asks a real one.")
    else:
        out().print("So far a chat model has learnt from the conversations. The same without one:")
    model = PreparedModel() if options.model is None else None
    start = time.perf_counter()
    with open_memory(options, namespace=namespace, model=model, worker=False, turns=False, announce=False) as memory:
        memory.forget(everything=True, user_id=_USER)  # of an earlier demo
        for conversation in story.conversations:
            if model is not None and not model.has_answers(conversation):
                continue
            memory.observe(conversation.messages, thread_id=conversation.thread_id, user_id=_USER)
        memories = memory.list(limit=10_000, user_id=_USER)
        for item in reversed(memories):
            key = f"  {item.key}" if item.key.startswith("fact:") else ""
            out().print(Text.assemble(("  · ", "dim"), plain(str(item.text)), (key, "dim")), soft_wrap=True)
        out().print(f"{len(memories)} statements, without the turns, in {time.perf_counter() - start:.1f} s")
        if model is not None:
            _show_corrections(memory)
        memory.forget(everything=True, user_id=_USER)


def _show_corrections(memory: PersistMem) -> None:
    """Print what was true once, until when, and what is true now."""
    out().print("\nWhat Maya said later ends what was true before, and both stay in the history:")
    for key in _KEYS:
        for version in memory.history.versions(key, user_id=_USER):
            until = f"until {version.valid_until.date()}" if version.valid_until is not None else "now"
            style = "green" if version.valid_until is None else "dim"
            out().print(Text(f"  {key:<20} {until:<17} {plain(str(version.text))}", style=style), soft_wrap=True)
