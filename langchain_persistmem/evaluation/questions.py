"""Questions with the turns that answer them, read from a JSON Lines file and checked against the conversations."""

from __future__ import annotations

import itertools
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, cast

from langchain_persistmem.errors import InvalidInputError
from langchain_persistmem.runtime.line_file import MOST_LINES, open_lines
from langchain_persistmem.types import validation
from langchain_persistmem.types.representation import represent

_MOST_ERRORS = 5
_MOST_BAD = 1_000


@dataclass(frozen=True, kw_only=True, slots=True)
class Question:
    """A question of a user, with the turns that answer it."""

    id: str
    user_id: str
    text: str
    asked_at: datetime
    category: str
    gold: tuple[str, ...]
    """Ids of the turns that answer it; none if it cannot be answered."""


def read_questions(path: Path, turns: Mapping[str, frozenset[str]]) -> list[Question]:
    """Read every question of a file, plain or gzip.

    Args:
        path: one object per line with ``qid``, ``user_id``, ``query``, ``asked_at``, ``category`` and ``gold``.
        turns: ids of the turns by user, which ``gold`` has to be among.

    Raises:
        InvalidInputError: the file cannot be read, or lines are not questions; the message has the first five.
    """
    questions: list[Question] = []
    bad: list[str] = []
    # Errors are collected over the whole file, so that several mistakes are corrected in one go.
    with open_lines(path, whole_path=True) as lines:
        for number, line in enumerate(itertools.islice(lines, MOST_LINES), 1):
            if not line.strip():
                continue
            try:
                questions.append(_question(line, turns))
            except InvalidInputError as error:
                bad.append(f"{path.name}, line {number}: {error}")
                if len(bad) == _MOST_BAD:  # the file is of another kind, and need not be read to its end
                    break
    if bad:
        more = f"\n... and {len(bad) - _MOST_ERRORS:,} more" if len(bad) > _MOST_ERRORS else ""
        raise InvalidInputError("the questions cannot be used:\n" + "\n".join(bad[:_MOST_ERRORS]) + more)
    duplicate = _first_duplicate([question.id for question in questions])  # answers are looked up by id
    if duplicate is not None:
        raise InvalidInputError(f"{path.name}: qid {represent(duplicate)} stands for two questions; give each its own")
    if not questions:
        raise InvalidInputError(f"{path} has no question; write one object per line")
    return questions


def _question(line: bytes, turns: Mapping[str, frozenset[str]]) -> Question:
    try:
        document: object = json.loads(line.decode("utf-8-sig"))
    except (ValueError, RecursionError) as error:
        raise InvalidInputError("is no JSON; write one JSON object per line") from error
    if not isinstance(document, dict):
        raise InvalidInputError("is no JSON object; write one object per line")
    fields = cast("dict[str, Any]", document)
    user_id = validation.check_text(fields.get("user_id"), "user_id", at_most=validation.MAX_NAME_BYTES)
    if user_id not in turns:
        raise InvalidInputError(f"user_id {represent(user_id)} has no conversations in the other file")
    gold: object = fields.get("gold", [])
    if not isinstance(gold, list) or not all(isinstance(id, str) for id in cast("list[object]", gold)):
        raise InvalidInputError(
            "gold is no list of strings; write the ids of the turns that answer the question, or []"
        )
    ids = tuple(dict.fromkeys(cast("list[str]", gold)))
    # A gold turn that nobody said would count as missed by every system.
    unknown = [id for id in ids if id not in turns[user_id]]
    if unknown:
        raise InvalidInputError(f"gold has {represent(unknown[0])}, which is no turn of this user")
    return Question(
        id=validation.check_text(fields.get("qid"), "qid", at_most=validation.MAX_NAME_BYTES),
        user_id=user_id,
        text=validation.check_text(fields.get("query"), "query", at_most=20_000),
        asked_at=_moment(fields.get("asked_at")),
        category=str(fields.get("category") or "all"),
        gold=ids,
    )


def _moment(text: object) -> datetime:
    try:
        if isinstance(text, str):
            moment = datetime.fromisoformat(text)
            return moment if moment.utcoffset() is not None else moment.replace(tzinfo=UTC)
    except ValueError:
        pass
    raise InvalidInputError(f"asked_at is {represent(text)}; write ISO 8601, such as 2026-03-02T19:04:00+01:00")


def _first_duplicate(ids: Sequence[str]) -> str | None:
    seen: set[str] = set()
    for id in ids:
        if id in seen:
            return id
        seen.add(id)
    return None
