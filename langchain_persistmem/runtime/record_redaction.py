"""Redaction at the entry points of the engine: statements, turns, questions, profiles, rows of an export; pure.

Without a redaction everything passes as it is. Keys, namespaces and ids are names, and are left alone.
"""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from langchain_persistmem.redaction import Redaction
from langchain_persistmem.redaction.nested_values import redact_json, redact_message
from langchain_persistmem.types.prompt_fence import remove_context
from langchain_persistmem.types.recall_results import Question
from langchain_persistmem.types.records import Candidate, Turn


def redact_candidate(redaction: Redaction | None, candidate: Candidate) -> Candidate:
    """A statement, its value and its speaker."""
    if redaction is None:
        return candidate
    return replace(
        candidate,
        text=redaction.redact(candidate.text),
        speaker=redaction.redact(candidate.speaker) if candidate.speaker is not None else None,
        value=redact_json(redaction, candidate.value) if candidate.value is not None else None,
    )


def redact_turn(redaction: Redaction | None, turn: Turn) -> Turn:
    """A stored turn."""
    if redaction is None:
        return turn
    speaker = redaction.redact(turn.speaker) if turn.speaker is not None else None
    return replace(turn, text=redaction.redact(turn.text), speaker=speaker)


def turn_to_learn(redaction: Redaction | None, turn: Turn) -> Turn:
    """A stored turn as it is learnt from: redacted, and without the context that was put before a model."""
    turn = redact_turn(redaction, turn)
    own = remove_context(turn.text)
    return turn if own == turn.text else replace(turn, text=own)


def redact_value(redaction: Redaction | None, value: Mapping[str, Any]) -> Mapping[str, Any]:
    """JSON of the application's."""
    return value if redaction is None else redact_json(redaction, value)


def redact_filter(redaction: Redaction | None, filter: Mapping[str, Any] | None) -> Mapping[str, Any] | None:
    """Conditions on values, which are stored redacted."""
    return filter if redaction is None or filter is None else redact_json(redaction, filter)


def redact_question(redaction: Redaction | None, question: Question) -> Question:
    """A question with its filter, in the writing of what is stored: pseudonyms are found by their values."""
    if redaction is None:
        return question
    return replace(question, query=redaction.redact(question.query), filter=redact_filter(redaction, question.filter))


def redact_row(redaction: Redaction | None, kind: str, row: dict[str, Any]) -> dict[str, Any]:
    """A row of an export, which may be older than the redaction.

    A memory whose text changes loses the hash that told what it said, and is embedded anew.
    """
    if redaction is None or kind not in ("memory", "message", "link", "omission"):
        return row
    if kind in ("link", "omission"):
        texts_of_row = {
            name: redaction.redact(row[name]) for name in ("text", "quote") if isinstance(row.get(name), str)
        }
        return row | texts_of_row
    texts = {name: redaction.redact(row[name]) for name in ("text", "speaker") if isinstance(row.get(name), str)}
    if kind == "message":
        content: Any = row.get("content")
        return row | texts | ({"content": redact_message(redaction, content)} if content else {})
    result = row | texts | {"value": redact_json(redaction, row.get("value"))}
    if result.get("text") != row.get("text"):
        result["identity"] = None
        result["vectors"] = [{**vector, "model": ""} for vector in row.get("vectors") or ()]
    return result
