"""The run of an evaluation: every question to every system. Each answer is stored at once, so that a run can resume."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from langchain_persistmem.client.persistmem import PersistMem
from langchain_persistmem.evaluation.metrics import scores
from langchain_persistmem.evaluation.questions import Question
from langchain_persistmem.evaluation.systems import OURS, ConversationTurn, System
from langchain_persistmem.recall.context_parts.context_budget import approximate_tokens
from langchain_persistmem.types.progress import Meter, Report


@dataclass(frozen=True, kw_only=True, slots=True)
class Answer:
    """The result of one question to one system."""

    system: str
    question: str
    category: str
    metrics: Mapping[str, float] | None
    """None for an unanswerable question."""
    best: float
    """The score of the first turn; 0 without one."""
    milliseconds: float
    """Duration of the ranking, with the embedding of the question unless it was in the cache."""
    context: Mapping[str, float] | None = None
    """Of our context at its default budget: ``evidence`` (share of the gold turns in it), ``tokens``, ``history`` (tokens
    of all the user's turns), and ``silent`` (1 if no memory passed the threshold)."""


class AnswerLog:
    """The answers so far, in a JSON Lines file."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self.answers: list[Answer] = []
        if path.exists():
            # an interrupted run may have cut its last line short: that question is put again
            complete = path.read_bytes().rpartition(b"\n")[0]
            self.answers = [Answer(**json.loads(line)) for line in complete.splitlines()]
            path.write_bytes(complete + b"\n" if complete else b"")
        self._keys = {(answer.system, answer.question) for answer in self.answers}

    def has(self, system: str, question: str) -> bool:
        """Return True if the system has answered the question."""
        return (system, question) in self._keys

    def add(self, answer: Answer) -> None:
        """Append an answer to the file."""
        with self._path.open("ab") as file:
            file.write(json.dumps(asdict(answer)).encode() + b"\n")
        self.answers.append(answer)
        self._keys.add((answer.system, answer.question))


def evaluate(
    systems: Sequence[System],
    users: Mapping[str, Sequence[ConversationTurn]],
    questions: Sequence[Question],
    log: AnswerLog,
    *,
    memory: PersistMem,
    progress: Report | None = None,
) -> None:
    """Put every question that has no answer yet to every system, user by user.

    Args:
        systems: the systems to compare.
        users: each user's turns, in order.
        questions: the questions.
        log: the file of the answers.
        memory: its context is measured beside the ranking of the system called ``persistmem``.
        progress: called after each user's turns and questions.
    """
    sessions = {turn.id: turn.session for turns in users.values() for turn in turns}
    turn_meter = Meter(progress, "turns", len(systems) * sum(map(len, users.values())))
    question_meter = Meter(progress, "questions", len(systems) * len(questions))
    for user_id, turns in users.items():
        users_questions = [question for question in questions if question.user_id == user_id]
        history = sum(approximate_tokens(turn.text) for turn in turns)
        for system in systems:
            pending = [question for question in users_questions if not log.has(system.name, question.id)]
            # learning takes most of the time: a resumed run skips the users whose questions are all answered
            if pending:
                system.learn(user_id, turns)
            turn_meter.advance(len(turns))
            for question in pending:
                start = time.perf_counter()
                ranked = system.rank(question)
                seconds = time.perf_counter() - start
                log.add(
                    Answer(
                        system=system.name,
                        question=question.id,
                        category=question.category,
                        metrics=scores(ranked.turns, question.gold, sessions) if question.gold else None,
                        best=ranked.best,
                        milliseconds=1000 * seconds,
                        context=_context_metrics(memory, question, history) if system.name == OURS else None,
                    )
                )
            question_meter.advance(len(users_questions))


def _context_metrics(memory: PersistMem, question: Question, history: int) -> dict[str, float]:
    """Measure the context that a model would get."""
    context = memory.context(question.text, now=question.asked_at, user_id=question.user_id)
    ids = {id for item in context.recollections for id in item.memory.provenance.message_ids}
    metrics: dict[str, Any] = {"tokens": context.tokens, "history": history, "silent": float(not context.recollections)}
    if question.gold:
        metrics["evidence"] = len(ids & set(question.gold)) / len(question.gold)
    return metrics
