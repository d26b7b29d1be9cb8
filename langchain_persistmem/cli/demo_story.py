"""The story of the demo as records: Maya's conversations and the questions, read from ``demo_data``."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from importlib.resources import files
from typing import Any

from langchain_persistmem.recall.context_parts.context_budget import approximate_tokens


@dataclass(frozen=True, slots=True)
class Conversation:
    """One thread, as ``observe()`` takes it."""

    thread_id: str
    day: str
    messages: list[dict[str, str]]


@dataclass(frozen=True, slots=True)
class Question:
    """A question, its answer, and the ids of the turns that have it; none if it was never told."""

    text: str
    answer: str
    evidence: frozenset[str]


@dataclass(frozen=True, kw_only=True, slots=True)
class Story:
    """The script of the demo."""

    conversations: Sequence[Conversation]
    questions: Sequence[Question]
    to_forget: Sequence[str]
    secret: frozenset[str]
    """The turns that tell what is to be forgotten."""
    neighbours: Sequence[str]
    """Turns of the same conversation that have to stay."""
    asked_at: datetime
    """The moment that the questions are asked at; dates of the story, whenever it is played."""

    @property
    def history_tokens(self) -> int:
        """The length of all conversations together."""
        messages: list[Mapping[str, str]] = [
            message for conversation in self.conversations for message in conversation.messages
        ]
        return approximate_tokens("\n".join(f"{message['role']}: {message['content']}" for message in messages))


def read_story() -> Story:
    """The conversations and questions that come with the package."""
    threads: dict[str, list[dict[str, Any]]] = {}
    for line in read_lines("conversations.jsonl"):
        threads.setdefault(line["thread_id"], []).append(line)
    conversations = [
        Conversation(
            thread_id=thread_id,
            day=datetime.fromisoformat(turns[0]["timestamp"]).strftime("%d %b %Y"),
            messages=[{name: turn[name] for name in ("id", "role", "content", "timestamp")} for turn in turns],
        )
        for thread_id, turns in threads.items()
    ]
    lines = read_lines("questions.jsonl")
    questions = [Question(line["question"], line["answer"], frozenset(line["evidence"])) for line in lines[:-1]]
    last = datetime.fromisoformat(conversations[-1].messages[-1]["timestamp"])
    return Story(
        conversations=conversations,
        questions=questions,
        to_forget=tuple(lines[-1]["forget"]),
        secret=frozenset(lines[-1]["evidence"]),
        neighbours=tuple(lines[-1]["neighbours"]),
        asked_at=last + timedelta(days=1),
    )


def read_lines(name: str) -> list[dict[str, Any]]:
    """The objects of a file of JSON Lines in the package."""
    text = files("langchain_persistmem.cli").joinpath("demo_data", name).read_text(encoding="utf-8")
    return [json.loads(line) for line in text.splitlines()]
