"""Turns that can be stored: refused with the field where the application gave them, cleaned where a graph did; pure."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, time
from typing import Any, cast

from langchain_persistmem.errors import InvalidInputError
from langchain_persistmem.types import validation
from langchain_persistmem.types.records import Turn
from langchain_persistmem.types.representation import type_name

_LONGEST_TURN = 1_000_000
_LONGEST_SPEAKER = 200
_LONGEST_ID = 1_024
_MOST_DIGITS = 10**4_000
_MESSAGE_FIELDS = ("data", "content", "additional_kwargs", "response_metadata", "tool_calls", "args", "artifact")
"""LangChain's own names in a message, which an error may show."""
_NEEDED = ("type", "id", "name", "tool_call_id")
"""Fields of a message without which it is none."""


@dataclass(frozen=True, slots=True)
class CleanTurns:
    """Turns that can be stored, and what that took."""

    turns: list[Turn]
    cleaned: int = 0
    """Turns without something that cannot be stored."""
    left_out: int = 0
    """Turns that cannot be stored in any form."""


def check_turn(turn: Turn, where: str) -> None:
    """Refuse a turn that cannot be stored as it is.

    Raises:
        InvalidInputError: the message has the field.
    """
    validation.name(turn.id, f"{where}.id")
    validation.storable(turn.text, f"{where}.content")
    if len(turn.text) > _LONGEST_TURN:
        validation.check_text(turn.text, f"{where}.content", at_most=_LONGEST_TURN)
    validation.json_object(turn.content, where, names=_MESSAGE_FIELDS)
    validation.aware(turn.sent_at, f"{where}.timestamp")
    if turn.speaker is not None:
        validation.check_text(turn.speaker, f"{where}.name", at_most=_LONGEST_SPEAKER)


def clean_turns(turns: Sequence[Turn]) -> CleanTurns:
    """Take out of turns what cannot be stored, such as NUL, a moment in an artifact, or the end of a text without one."""
    result: list[Turn] = []
    count = 0
    for index, turn in enumerate(turns):
        if _is_storable(turn, index):
            result.append(turn)
            continue
        clean = _clean_turn(turn)
        # Where so much is in it that cleaning does not help, its words are what is to be remembered.
        versions = (clean, replace(clean, content=_shorten(clean)))
        storable = next((version for version in versions if _is_storable(version, index)), None)
        if storable is not None:
            result.append(storable)
            count += 1
    return CleanTurns(result, count, len(turns) - len(result))


def _is_storable(turn: Turn, index: int) -> bool:
    try:
        check_turn(turn, f"messages[{index}]")
    except InvalidInputError:
        return False
    return True


def _clean_turn(turn: Turn) -> Turn:
    speaker = _clean_text(turn.speaker or "").strip()[:_LONGEST_SPEAKER]
    id = _clean_text(turn.id).encode()[:_LONGEST_ID].decode(errors="ignore")
    content = cast("Mapping[str, Any]", _clean_json(turn.content, 0))
    return replace(
        turn,
        id=id or "-",
        text=_clean_text(turn.text)[:_LONGEST_TURN],
        speaker=speaker or None,
        content=content,
    )


def _clean_text(text: str) -> str:
    return text.replace("\x00", "").encode(errors="replace").decode()


def _clean_json(value: object, depth: int) -> object:
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, str):
        return _clean_text(value)
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, int):
        return value if abs(value) < _MOST_DIGITS else None
    if depth >= validation.MAX_DEPTH:
        return None
    if isinstance(value, Mapping):
        fields = cast("Mapping[object, object]", value).items()
        return {_clean_text(str(key)): _clean_json(inner, depth + 1) for key, inner in fields}
    if isinstance(value, list | tuple | set | frozenset):
        return [_clean_json(inner, depth + 1) for inner in cast("Sequence[object]", value)]
    return value.isoformat() if isinstance(value, date | time) else f"<{type_name(value)}>"


def _shorten(turn: Turn) -> Mapping[str, Any]:
    """The message with its words alone."""
    data: object = turn.content.get("data")
    fields: Mapping[str, object] = cast("Mapping[str, object]", data) if isinstance(data, Mapping) else {}
    required_fields = {name: fields[name] for name in _NEEDED if isinstance(fields.get(name), str)}
    return {"type": turn.content.get("type"), "data": {**required_fields, "content": turn.text}}
