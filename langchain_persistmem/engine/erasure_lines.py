"""The log of erasures as JSON Lines, and back: a line that is not of the log is refused by its number."""

import json
import re
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import cast
from uuid import UUID

from langchain_persistmem import values
from langchain_persistmem.errors import InvalidInput
from langchain_persistmem.outcomes import Erasure

_DIGEST = re.compile(r"[0-9a-f]{64}", re.ASCII)
_FIELDS = {"id", "incarnation", "everything", "memory_ids", "turns", "counts", "erased_at", "completed_at"}


def erasures_of(given: Iterable[Erasure | str]) -> list[Erasure]:
    """Entries as they are, and lines as entries; empty lines are left out.

    Raises:
        InvalidInput: the message names the line and the field, and quotes neither.
    """
    if isinstance(given, str):
        raise InvalidInput("erasures is a string; pass an iterable of lines, such as an open file")
    found: list[Erasure] = []
    for number, each in enumerate(given, 1):
        if isinstance(each, Erasure):
            found.append(each)
        elif not isinstance(each, str):  # pyright: ignore[reportUnnecessaryIsInstance] - what a caller passes is not known
            raise InvalidInput(f"line {number} is of type {type(each).__name__}; pass lines of text")
        elif each.strip():
            found.append(_erasure_of(each, f"line {number}"))
    return found


def _erasure_of(line: str, where: str) -> Erasure:
    try:
        given: object = json.loads(line)
    except (ValueError, RecursionError):
        given = None
    if not isinstance(given, Mapping):
        raise InvalidInput(f"{where} is no JSON object; pass what `persistmem erasures list --json` wrote")
    entry = cast("Mapping[str, object]", given)
    if set(entry) != _FIELDS:
        odd = sorted(_FIELDS.symmetric_difference(entry))
        raise InvalidInput(
            f"{where} lacks, or has too much of: {', '.join(odd)[:200]}; pass a line of the log as it is"
        )
    if not isinstance(entry["everything"], bool):
        raise InvalidInput(f"{where}: everything is neither true nor false; pass a line of the log as it is")
    return Erasure(
        id=_uuid(entry["id"], f"{where}: id"),
        incarnation=_uuid(entry["incarnation"], f"{where}: incarnation"),
        everything=entry["everything"],
        memory_ids=tuple(
            _uuid(each, f"{where}: memory_ids") for each in _list(entry["memory_ids"], f"{where}: memory_ids")
        ),
        turns=tuple(_digest(each, f"{where}: turns") for each in _list(entry["turns"], f"{where}: turns")),
        counts=_counts(entry["counts"], f"{where}: counts"),
        erased_at=_time(entry["erased_at"], f"{where}: erased_at"),
        completed_at=None if entry["completed_at"] is None else _time(entry["completed_at"], f"{where}: completed_at"),
    )


def _list(given: object, where: str) -> list[object]:
    if not isinstance(given, list):
        raise InvalidInput(f"{where} is no list; pass a line of the log as it is")
    return cast("list[object]", given)


def _uuid(given: object, where: str) -> UUID:
    try:
        if isinstance(given, str):
            return UUID(given)
    except ValueError:
        pass
    raise InvalidInput(f"{where} is no UUID; pass a line of the log as it is")


def _digest(given: object, where: str) -> str:
    if isinstance(given, str) and _DIGEST.fullmatch(given):
        return given
    raise InvalidInput(f"{where} has what is no SHA-256 in hexadecimal; pass a line of the log as it is")


def _counts(given: object, where: str) -> Mapping[str, int]:
    if isinstance(given, Mapping):
        counts = cast("Mapping[str, object]", given)
        if all(isinstance(count, int) and not isinstance(count, bool) and count >= 0 for count in counts.values()):
            return cast("Mapping[str, int]", counts)
    raise InvalidInput(f"{where} is not of numbers by table; pass a line of the log as it is")


def _time(given: object, where: str) -> datetime:
    try:
        if isinstance(given, str):
            return values.aware(datetime.fromisoformat(given), where)
    except ValueError:
        pass
    raise InvalidInput(f"{where} is no time with a zone; pass a line of the log as it is")
