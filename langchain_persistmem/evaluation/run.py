"""Asking every system every question; each answer is written down at once, so that an interrupted run goes on."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from langchain_persistmem.client.persistmem import PersistMem
from langchain_persistmem.evaluation.metrics import scores
from langchain_persistmem.evaluation.questions import Question
from langchain_persistmem.evaluation.systems import SaidTurn, System
from langchain_persistmem.recall.context import approximate_tokens


@dataclass(frozen=True, kw_only=True, slots=True)
class Answer:
    """What became of one question put to one system."""

    system: str
    question: str
    category: str
    metrics: Mapping[str, float] | None
    """None for a question that cannot be answered."""
    best: float
    """The score of the first turn; 0 if there was none."""
    milliseconds: float
    """How long the ranking took, the embedding of the question included unless it was known."""
    shown: Mapping[str, float] | None = None
    """Of our context at its default budget: ``evidence`` (share of the gold turns in it), ``tokens``, ``history`` (tokens
    of all the user's turns), and ``silent`` (1 if the threshold held everything back)."""


class Notes:
    """The answers so far, in a JSON Lines file."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self.answers: list[Answer] = []
        if path.exists():
            whole = path.read_bytes().rpartition(b"\n")[0]  # a line that was cut short is asked for again
            self.answers = [Answer(**json.loads(line)) for line in whole.splitlines()]
            path.write_bytes(whole + b"\n" if whole else b"")
        self._known = {(answer.system, answer.question) for answer in self.answers}

    def has(self, system: str, question: str) -> bool:
        """Whether the question was put to the system already."""
        return (system, question) in self._known

    def add(self, answer: Answer) -> None:
        """Write an answer down."""
        with self._path.open("ab") as file:
            file.write(json.dumps(asdict(answer)).encode() + b"\n")
        self.answers.append(answer)
        self._known.add((answer.system, answer.question))


def evaluate(
    systems: Sequence[System],
    users: Mapping[str, Sequence[SaidTurn]],
    questions: Sequence[Question],
    notes: Notes,
    *,
    memory: PersistMem,
    progress: Callable[[str, int], None] = lambda _what, _done: None,
) -> None:
    """Put every question that has no answer yet to every system, user by user.

    Args:
        systems: what is compared.
        users: each user's turns, in order.
        questions: what is asked.
        notes: where the answers go.
        memory: whose context is measured beside the ranking of the system called ``persistmem``.
        progress: told, as it goes, what was done (``"turns"`` or ``"questions"``) and how much of it.
    """
    sessions = {turn.id: turn.session for turns in users.values() for turn in turns}
    for user_id, turns in users.items():
        asked = [question for question in questions if question.user_id == user_id]
        history = sum(approximate_tokens(turn.text) for turn in turns)
        for system in systems:
            open_ = [question for question in asked if not notes.has(system.name, question.id)]
            if open_:
                system.learn(user_id, turns)
            progress("turns", len(turns))
            for question in open_:
                began = time.perf_counter()
                ranked = system.rank(question)
                took = time.perf_counter() - began
                notes.add(
                    Answer(
                        system=system.name,
                        question=question.id,
                        category=question.category,
                        metrics=scores(ranked.turns, question.gold, sessions) if question.gold else None,
                        best=ranked.best,
                        milliseconds=1000 * took,
                        shown=_shown(memory, question, history) if system.name == "persistmem" else None,
                    )
                )
            progress("questions", len(asked))


def _shown(memory: PersistMem, question: Question, history: int) -> dict[str, float]:
    """What the model would see."""
    context = memory.context(question.text, now=question.asked_at, user_id=question.user_id)
    seen = {id for each in context.recollections for id in each.memory.provenance.message_ids}
    found: dict[str, Any] = {"tokens": context.tokens, "history": history, "silent": float(not context.recollections)}
    if question.gold:
        found["evidence"] = len(seen & set(question.gold)) / len(question.gold)
    return found
