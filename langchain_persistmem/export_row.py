"""What a row of an exported file may hold: the columns of each kind, checked before anything is stored."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Any, cast, get_args
from uuid import UUID

from langchain_persistmem import values
from langchain_persistmem.errors import InvalidInput
from langchain_persistmem.types import CONSENTS, KINDS, SOURCES, Change, Status

_Check = Callable[[object, str], object]
"""Given a column's value and its name; raises a ValueError, such as InvalidInput, for what no export has."""

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
        InvalidInput: the message names the column.
    """
    values.check_json(row, kind)
    columns = _COLUMNS[kind]
    for name in columns.needed:
        if row.get(name) is None:
            raise InvalidInput(f"{name} is missing; export the file again")
    for name, check in (*columns.needed.items(), *columns.optional.items()):
        if row.get(name) is not None:
            _checked(check, row[name], name)


def _checked(check: _Check, value: object, name: str) -> None:
    try:
        check(value, name)
    except InvalidInput:
        raise
    except (TypeError, ValueError, AttributeError, KeyError):
        reason = f"{name} is not as an export has it; export the file again"
    else:
        return
    raise InvalidInput(reason)


def _text(value: object, where: str) -> None:
    if not isinstance(value, str):
        raise TypeError
    values.storable(value, where)


def _one_of(known: tuple[str, ...], value: object, _where: str) -> None:
    if value not in known:
        raise ValueError


def _id(value: object, _where: str) -> None:
    UUID(cast("str", value))


def _moment(value: object, where: str) -> None:
    values.aware(datetime.fromisoformat(cast("str", value)), where)


def _flag(value: object, _where: str) -> None:
    if not isinstance(value, bool):
        raise TypeError


def _hex(value: object, _where: str) -> None:
    bytes.fromhex(cast("str", value))


def _minutes(value: object, _where: str) -> None:
    if isinstance(value, bool) or not 0 < cast("float", value) <= _LONGEST_WAIT:
        raise ValueError


def _message(value: object, where: str) -> None:
    """As ``message_to_dict`` makes it."""
    values.json_object(value, where)
    found = cast("Mapping[str, object]", value)
    if not isinstance(found["type"], str) or not isinstance(found["data"], Mapping):
        raise TypeError


def _provenance(value: object, where: str) -> None:
    values.json_object(value, where)
    found = cast("Mapping[str, object]", value)
    _one_of(SOURCES, found["source"], where)
    for name in ("message_ids", "memory_ids"):
        if found.get(name) is not None:
            values.names(found[name], f"{where}.{name}")


def _vectors(value: object, where: str) -> None:
    for each in values.listed(value, where):
        if not isinstance(each["model"], str) or not values.count(each["part"], where, at_most=2**15 - 1) >= 0:
            raise TypeError
        _ = [float(component) for component in str(each["vector"]).strip("[]").split(",")], float(each["norm"])


_number: _Check = partial(values.count, at_most=_MOST)
_few: _Check = partial(values.count, at_most=2**31 - 1)

_COLUMNS: Mapping[str, _Columns] = {
    "namespace": _Columns({"consent": partial(_one_of, CONSENTS)}, {}),
    "thread": _Columns({"thread_id": values.name, "off_record": _flag, "recorded_at": _moment}, {}),
    "message": _Columns(
        {
            "thread_id": values.name,
            "id": values.name,
            "position": _number,
            "role": partial(_one_of, _ROLES),
            "text": _text,
            "content": _message,
            "sent_at": _moment,
            "recorded_at": _moment,
        },
        {"speaker": _text, "extracted_at": _moment, "given_up_at": _moment, "failure": _text, "withheld": _flag},
    ),
    "memory": _Columns(
        {
            "id": _id,
            "key": values.name,
            "kind": partial(_one_of, KINDS),
            "status": partial(_one_of, get_args(Status)),
            "value": values.json_object,
            "importance": values.kept_share,
            "confidence": values.kept_share,
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
            "speaker": _text,
            "thread_id": values.name,
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
        },
    ),
    "change": _Columns(
        {"id": _id, "memory_id": _id, "change": partial(_one_of, _CHANGES), "reason": _text, "changed_at": _moment},
        {"by_memory": _id},
    ),
}
