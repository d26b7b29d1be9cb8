"""An entry of the log of erasures, and its line of JSON: how that is written, and how it is read and checked."""

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import cast
from uuid import UUID

from langchain_persistmem.errors import InvalidInputError
from langchain_persistmem.types import moments, validation
from langchain_persistmem.types.representation import is_a, type_name

_MOST = 10_000_000
"""Entries of one log."""
_DIGEST = re.compile(r"[0-9a-f]{64}", re.ASCII)
FORMAT = 2
"""The version of a line. Lines without one were written before migration 9."""
_FIELDS = {"format", "id", "generation", "everything", "memory_ids", "turns", "counts", "erased_at", "completed_at"}


@dataclass(frozen=True, kw_only=True, slots=True)
class Erasure:
    """An entry in the log of erasures, by which a restored backup is erased again. It names nobody and has no content."""

    id: UUID
    generation: UUID
    """The id of the namespace's generation: a restored namespace has it again, a new one has another."""
    everything: bool
    memory_ids: tuple[UUID, ...]
    """The memories that went, where not everything did."""
    turns: tuple[str, ...]
    """SHA-256, in hexadecimal, over generation, thread and message id: the turns that went with them."""
    counts: Mapping[str, int]
    """Rows by table."""
    erased_at: datetime
    completed_at: datetime | None
    """None for an erasure that was interrupted; see ``privacy.resume_erasures()``."""

    @property
    def line(self) -> str:
        """One line of JSON, as ``privacy.replay_erasures()`` takes it."""
        return json.dumps(
            {
                "format": FORMAT,
                "id": str(self.id),
                "generation": str(self.generation),
                "everything": self.everything,
                "memory_ids": [str(id) for id in self.memory_ids],
                "turns": list(self.turns),
                "counts": dict(self.counts),
                "erased_at": self.erased_at.isoformat(),
                "completed_at": self.completed_at.isoformat() if self.completed_at is not None else None,
            }
        )


def erasures_of(log: Iterable[Erasure | str]) -> list[Erasure]:
    """Entries as they are, and lines as entries; empty lines are left out.

    Raises:
        InvalidInputError: the message names the line and the field, and quotes neither.
    """
    if is_a(log, str):
        raise InvalidInputError("erasures is a string; pass an iterable of lines, such as an open file")
    erasures: list[Erasure] = []
    for number, entry in enumerate(validation.check_list(log, "entries", at_most=_MOST), 1):
        if is_a(entry, Erasure):
            erasures.append(entry)
        elif not is_a(entry, str):
            raise InvalidInputError(f"line {number} is of type {type_name(entry)}; pass lines of text")
        elif entry.strip():
            erasures.append(_erasure_of(entry, f"line {number}"))
    return erasures


def _erasure_of(line: str, where: str) -> Erasure:
    try:
        content: object = json.loads(line)
    except (ValueError, RecursionError):
        content = None
    if not isinstance(content, Mapping):
        raise InvalidInputError(f"{where} is no JSON object; pass what `persistmem erasures list --out` wrote")
    entry = dict(cast("Mapping[str, object]", content))
    if "incarnation" in entry and "format" not in entry:  # written before migration 9, which renamed the column
        entry = {**entry, "format": FORMAT, "generation": entry["incarnation"]}
        entry.pop("incarnation")
    if set(entry) != _FIELDS:  # a line that was edited, or of another format, is refused before it erases anything
        odd = sorted(_FIELDS.symmetric_difference(entry))
        raise InvalidInputError(
            f"{where} lacks, or has too much of: {', '.join(odd)[:200]}; pass a line of the log as it is"
        )
    if entry["format"] != FORMAT:
        raise InvalidInputError(f"{where}: format is none that this version reads; upgrade langchain-persistmem")
    if not isinstance(entry["everything"], bool):
        raise InvalidInputError(f"{where}: everything is neither true nor false; pass a line of the log as it is")
    return Erasure(
        id=_uuid(entry["id"], f"{where}: id"),
        generation=_uuid(entry["generation"], f"{where}: generation"),
        everything=entry["everything"],
        memory_ids=tuple(
            _uuid(item, f"{where}: memory_ids") for item in _list(entry["memory_ids"], f"{where}: memory_ids")
        ),
        turns=tuple(_digest(item, f"{where}: turns") for item in _list(entry["turns"], f"{where}: turns")),
        counts=_counts(entry["counts"], f"{where}: counts"),
        erased_at=_time(entry["erased_at"], f"{where}: erased_at"),
        completed_at=None if entry["completed_at"] is None else _time(entry["completed_at"], f"{where}: completed_at"),
    )


def _list(value: object, where: str) -> list[object]:
    if not isinstance(value, list):
        raise InvalidInputError(f"{where} is no list; pass a line of the log as it is")
    return cast("list[object]", value)


def _uuid(value: object, where: str) -> UUID:
    try:
        if isinstance(value, str):
            return UUID(value)
    except ValueError:
        pass
    raise InvalidInputError(f"{where} is no UUID; pass a line of the log as it is")


def _digest(value: object, where: str) -> str:
    if isinstance(value, str) and _DIGEST.fullmatch(value):
        return value
    raise InvalidInputError(f"{where} has what is no SHA-256 in hexadecimal; pass a line of the log as it is")


def _counts(value: object, where: str) -> Mapping[str, int]:
    if isinstance(value, Mapping):
        counts = cast("Mapping[str, object]", value)
        if all(isinstance(count, int) and not isinstance(count, bool) and count >= 0 for count in counts.values()):
            return cast("Mapping[str, int]", counts)
    raise InvalidInputError(f"{where} is not of numbers by table; pass a line of the log as it is")


def _time(value: object, where: str) -> datetime:
    try:
        if isinstance(value, str):
            return moments.aware(datetime.fromisoformat(value), where)
    except ValueError:
        pass
    raise InvalidInputError(f"{where} is no time with a zone; pass a line of the log as it is")
