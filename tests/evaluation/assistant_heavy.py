"""The assistant-heavy set beside this file: long answers, short users, and what users mean to hold beyond the day."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

_TURN = re.compile(r"(?P<role>[UA])(?:\[(?P<label>\w+)\])?: (?P<text>.+)")
_ASKED_AT = datetime(2026, 8, 1, 12, tzinfo=UTC)
_ROLES = {"U": "user", "A": "assistant"}


@dataclass(slots=True)
class AssistantHeavySet:
    """The conversations and the questions, in the form of the files of `persistmem eval`."""

    users: list[dict[str, Any]] = field(default_factory=list[dict[str, Any]])
    questions: list[dict[str, Any]] = field(default_factory=list[dict[str, Any]])


def read_assistant_heavy_set() -> AssistantHeavySet:
    """Read the set: ``#`` begins a user, ``##`` a session, ``U`` and ``A`` turns, which may have labels, ``?`` a question.

    Every turn is a minute after the one before.
    """
    found = AssistantHeavySet()
    for user, lines in _users():
        turns: list[dict[str, Any]] = []
        session, moment = "", _ASKED_AT
        for line in lines:
            if line.startswith("## "):
                _, day, session = line.split()
                moment = datetime.fromisoformat(day).replace(tzinfo=UTC)
            elif line.startswith("? "):
                category, query, gold = (part.strip() for part in line[2:].split("|"))
                found.questions.append(
                    {"qid": f"{user}-{len(found.questions)}", "user_id": user, "query": query, "category": category,
                     "asked_at": _ASKED_AT.isoformat(), "gold": [f"{user}-{label}" for label in gold.split()]}
                )  # fmt: skip
            elif turn := _TURN.fullmatch(line):
                label = turn["label"] or f"{len(turns)}"
                turns.append(
                    {"id": f"{user}-{label}", "session": f"{user}-{session}", "ts": moment.isoformat(),
                     "role": _ROLES[turn["role"]], "text": turn["text"]}
                )  # fmt: skip
                moment += timedelta(minutes=1)
        found.users.append({"user_id": user, "turns": turns})
    return found


def _users() -> Iterator[tuple[str, list[str]]]:
    text = Path(__file__).with_name("assistant_heavy.txt").read_text(encoding="utf-8")
    for part in re.split(r"^# ", text, flags=re.MULTILINE)[1:]:
        name, *lines = part.splitlines()
        yield name.strip(), lines
