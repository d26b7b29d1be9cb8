"""The exported file as it is read at an import: checked from the first line to the last before anything of it is stored."""

from __future__ import annotations

import hashlib
import json
import math
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Any, cast, get_args
from uuid import UUID

from langchain_persistmem.errors import InvalidInputError
from langchain_persistmem.privacy.export_file import FORMAT, LINES, Line
from langchain_persistmem.runtime.line_file import open_lines
from langchain_persistmem.runtime.messages import MAX_SPEAKER_CHARS, MAX_TURN_CHARS
from langchain_persistmem.types import moments, validation
from langchain_persistmem.types.namespace import Namespace, encode
from langchain_persistmem.types.records import CONSENTS, KINDS, SOURCES, Change, DatePrecision, Status
from langchain_persistmem.types.representation import represent


class ExportFile:
    """A file that was exported, checked from the first line to the last.

    Raises:
        InvalidInputError: it is no export, is not whole, was changed, or comes from a newer version.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        lines = self._lines()
        _, first = next(lines, (b"", dict[str, Any]()))
        version = first.get("format")
        if first.get("line") != "export" or type(version) is not int or version < 1:
            raise InvalidInputError(f"{path} is no export of persistmem; to read chats, use: persistmem ingest")
        if version > FORMAT:
            raise InvalidInputError(
                f"{path} was written by a newer version of langchain-persistmem; upgrade the package"
            )
        self.root = _namespace(first.get("root"), f"{path.name}, line 1")
        self.counts: Counter[str] = Counter()
        self.dimensions: dict[str, set[int]] = {}
        """The dimensions of the vectors by the name of their model."""
        self.longest_text = 0, ""
        """The characters of the longest text of a memory, and where it stands."""
        self._check()

    def rows(self) -> Iterator[tuple[str, Namespace, dict[str, Any]]]:
        """Every row with its kind and its namespace, in the order of the file."""
        for _, line in self._lines():
            if line["line"] in LINES:
                kind, namespace = line.pop("line"), line.pop("namespace")
                yield kind, tuple(namespace), line

    def _check(self) -> None:
        digest, whole = hashlib.sha256(), False
        for number, (text, line) in enumerate(self._lines(), 1):
            where, kind = f"{self._path.name}, line {number}", line.get("line")
            if whole:
                raise InvalidInputError(f"{where} stands after the end; export again")
            if kind == "end":
                whole = True
                if line.get("sha256") != digest.hexdigest() or line.get("counts") != dict(self.counts):
                    raise InvalidInputError(f"{self._path} was changed since it was exported; nothing was stored")
                continue
            digest.update(text)
            if kind in LINES:
                _check_row(kind, line, where)
                self.counts[kind] += 1
                if kind == "memory" and len(line.get("text") or "") > self.longest_text[0]:
                    self.longest_text = len(line["text"]), where
                for vector in line.get("vectors") or ():
                    self.dimensions.setdefault(vector["model"], set()).add(len(components_of(vector)))
            elif number > 1:
                raise InvalidInputError(f"{where}: line is {represent(kind)}; use one of {', '.join(LINES)}")
        if not whole:
            raise InvalidInputError(f"{self._path} has no end: it was cut; export or copy it again")

    def _lines(self) -> Iterator[tuple[bytes, dict[str, Any]]]:
        with open_lines(self._path, expected="a file of `persistmem export`") as lines:
            for number, text in enumerate(lines, 1):
                problem = ""
                try:
                    row: object = json.loads(text)
                except (ValueError, RecursionError):
                    problem, row = "is no JSON", {}
                if not isinstance(row, dict):
                    problem = "is no JSON object"
                if problem:
                    raise InvalidInputError(
                        f"{self._path.name}, line {number} {problem}; export or copy the file again"
                    )
                yield text, cast("dict[str, Any]", row)


def _check_row(kind: str, line: Line, where: str) -> None:
    """Refuse a row that no export would have.

    Raises:
        InvalidInputError: a column is missing or misshapen.
    """
    _namespace(line.get("namespace"), where)
    try:
        check_row(kind, {name: value for name, value in line.items() if name not in ("line", "namespace")})
    except InvalidInputError as error:
        raise InvalidInputError(f"{where}: {error}") from None


def _namespace(labels: object, where: str) -> Namespace:
    if not isinstance(labels, list):
        raise InvalidInputError(f"{where}: namespace is no list of strings; export the file again")
    namespace = tuple(cast("list[str]", labels))
    try:
        encode(namespace)
    except InvalidInputError as error:
        raise InvalidInputError(f"{where}: {error}") from error
    return namespace


_Check = Callable[[object, str], object]
"""Given a column's value and its name; raises a ValueError, such as InvalidInputError, for what no export has."""


_MOST = 2**62


_ROLES = ("user", "assistant", "system", "tool")


_CHANGES: tuple[str, ...] = get_args(Change.__annotations__["change"])


_LONGEST_WAIT = 1e9  # minutes, as in the store


@dataclass(frozen=True, slots=True)
class _Columns:
    needed: Mapping[str, _Check]
    optional: Mapping[str, _Check]


def check_row(kind: str, row: Mapping[str, Any]) -> None:
    """Refuse a row that no export would have; the namespace is checked elsewhere.

    Raises:
        InvalidInputError: the message names the column.
    """
    columns = _COLUMNS[kind]
    validation.plain_json(row, kind, names={*columns.needed, *columns.optional})
    for name in columns.needed:
        if row.get(name) is None:
            raise InvalidInputError(f"{name} is missing; export the file again")
    for name, check in (*columns.needed.items(), *columns.optional.items()):
        if row.get(name) is not None:
            _check(check, row[name], name)
    # Written twice, and believed as it is read: a file in which they differ would pass as what it is not.
    if kind == "memory" and row["source"] != row["provenance"]["source"]:
        raise InvalidInputError("source is not that of the provenance; export the file again")


def _check(check: _Check, value: object, name: str) -> None:
    try:
        check(value, name)
    except InvalidInputError:
        raise
    except (TypeError, ValueError, AttributeError, KeyError):
        reason = f"{name} is not as an export has it; export the file again"
    else:
        return
    raise InvalidInputError(reason)


def _text(value: object, where: str) -> None:
    if not isinstance(value, str):
        raise TypeError
    validation.storable(value, where)


def _text_within(at_most: int, value: object, where: str) -> None:
    _text(value, where)
    if len(cast("str", value)) > at_most:
        raise InvalidInputError(f"{where} has {len(cast('str', value)):,} characters, at most {at_most:,} are possible")


def _one_of(choices: tuple[str, ...], value: object, _where: str) -> None:
    if value not in choices:
        raise ValueError


def _id(value: object, _where: str) -> None:
    UUID(cast("str", value))


def _moment(value: object, where: str) -> None:
    moments.aware(datetime.fromisoformat(cast("str", value)), where)


def _flag(value: object, _where: str) -> None:
    if not isinstance(value, bool):
        raise TypeError


def _offset(value: object, _where: str) -> None:
    if isinstance(value, bool) or not isinstance(value, int) or abs(value) >= 24 * 60:  # minutes from UTC
        raise ValueError


def _hex(value: object, _where: str) -> None:
    bytes.fromhex(cast("str", value))


def _minutes(value: object, _where: str) -> None:
    if isinstance(value, bool) or not 0 < cast("float", value) <= _LONGEST_WAIT:
        raise ValueError


def _message(value: object, where: str) -> None:
    """As ``message_to_dict`` makes it."""
    validation.json_object(value, where)
    fields = cast("Mapping[str, object]", value)
    if not isinstance(fields["type"], str) or not isinstance(fields["data"], Mapping):
        raise TypeError


def _provenance(value: object, where: str) -> None:
    validation.json_object(value, where)
    fields = cast("Mapping[str, object]", value)
    _one_of(SOURCES, fields["source"], where)
    for name in ("message_ids", "memory_ids"):
        if fields.get(name) is not None:
            validation.names(fields[name], f"{where}.{name}")


def components_of(vector: Mapping[str, Any]) -> list[float]:
    """The components of a vector as the file has it."""
    return [float(component) for component in str(vector["vector"]).strip("[]").split(",")]


def _vectors(value: object, where: str) -> None:
    for vector in validation.check_list(value, where):
        if not isinstance(vector["model"], str) or not validation.count(vector["part"], where, at_most=2**15 - 1) >= 0:
            raise TypeError
        # PostgreSQL would refuse the rest only in the middle of an import.
        if not all(map(math.isfinite, components_of(vector))) or not 0 < float(vector["norm"]) < math.inf:
            raise ValueError


_number: _Check = partial(validation.count, at_most=_MOST)
_few: _Check = partial(validation.count, at_most=2**31 - 1)

_COLUMNS: Mapping[str, _Columns] = {
    "namespace": _Columns({"consent": partial(_one_of, CONSENTS)}, {}),
    "thread": _Columns({"thread_id": validation.name, "off_record": _flag, "recorded_at": _moment}, {}),
    "message": _Columns(
        {
            "thread_id": validation.name,
            "id": validation.name,
            "position": _number,
            "role": partial(_one_of, _ROLES),
            "text": partial(_text_within, MAX_TURN_CHARS),
            "content": _message,
            "sent_at": _moment,
            "recorded_at": _moment,
        },
        {
            "speaker": partial(_text_within, MAX_SPEAKER_CHARS),
            "extracted_at": _moment,
            "given_up_at": _moment,
            "failure": _text,
            "withheld": _flag,
            "turn_id": _id,
            "version": _few,
            "utc_offset": _offset,
            "outcome": _text,
        },
    ),
    "memory": _Columns(
        {
            "id": _id,
            "key": validation.name,
            "kind": partial(_one_of, KINDS),
            "status": partial(_one_of, get_args(Status)),
            "value": validation.json_object,
            "importance": validation.check_stored_share,
            "confidence": validation.check_stored_share,
            "confirmations": _few,
            "pinned": _flag,
            "source": partial(_one_of, SOURCES),
            "provenance": _provenance,
            "valid_from": _moment,
            "recorded_at": _moment,
            "updated_at": _moment,
        },
        {
            "text": _text,
            "identity": _hex,
            "speaker": partial(_text_within, MAX_SPEAKER_CHARS),
            "thread_id": validation.name,
            "position": _number,
            "valid_until": _moment,
            "superseded_by": _id,
            "expires_at": _moment,
            "minutes_to_live": _minutes,
            "review": _text,
            "review_of": _id,
            "used": _number,
            "last_used_at": _moment,
            "vectors": _vectors,
            "is_turn": _flag,
            "listed": _flag,
            "category": _text,
            "told_at": _moment,
            "utc_offset": _offset,
            "date_precision": partial(_one_of, get_args(DatePrecision)),
            "prior_used_at": _moment,
        },
    ),
    "link": _Columns({"memory_id": _id, "turn_id": _id}, {"quote": _text}),
    "omission": _Columns(
        {
            "id": _id,
            "thread_id": validation.name,
            "message_id": validation.name,
            "version": _few,
            "text": _text,
            "reason": _text,
            "recorded_at": _moment,
        },
        {"about": _id},
    ),
    "change": _Columns(
        {"id": _id, "memory_id": _id, "change": partial(_one_of, _CHANGES), "reason": _text, "changed_at": _moment},
        {"by_memory": _id},
    ),
}
