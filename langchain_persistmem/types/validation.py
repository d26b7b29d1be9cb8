"""Checks of values that PostgreSQL and JSON cannot hold; an error names the path of the value."""

import itertools
import json
import math
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar, cast
from uuid import UUID

from langchain_persistmem.errors import InvalidInputError, PersistMemError
from langchain_persistmem.types.representation import cut, is_a, path_of, plain, represent, type_name

T = TypeVar("T")

MAX_NAME_BYTES = 1024
"""The longest key or id: it is part of index entries."""

MAX_PATH_CHARS = 4_096
"""The longest path: what Linux takes."""

MAX_DEPTH = 100
"""A value nested deeper is refused: the database's own limit is a crash of the statement."""

MAX_JSON_CHARS = 50_000_000
"""The longest value, as JSON text: PostgreSQL's own limit is memory."""

MAX_JSON_VALUES = 1_000_000
"""The most values in one, at all depths: checking more takes seconds."""

MAX_INTEGER_DIGITS = 4_300
"""A whole number with more is refused: Python itself does not read it again."""

LEAST_SHARE = 1e-37
"""A smaller number that is not 0 does not fit into PostgreSQL's ``real``."""


_MOST_ID_BITS = 1_024
_YEAR = 366 * 86_400  # seconds
_TOO_LARGE = 10**MAX_INTEGER_DIGITS


def storable(text: str, where: str) -> str:
    """Return ``text`` if PostgreSQL can hold it.

    Raises:
        InvalidInputError: it holds NUL or a lone surrogate; the message names ``where`` and the position.
    """
    text = plain(text)
    position = text.find("\x00")
    if position >= 0:
        raise InvalidInputError(f"{where} has a NUL character at position {position}; remove it")
    try:
        text.encode()
    except UnicodeEncodeError as error:
        at = error.start
    else:
        return text
    raise InvalidInputError(f"{where} has a lone surrogate at position {at}; decode the text properly")


def check_text(text: object, where: str, *, at_most: int) -> str:
    """Return ``text`` if it is a string with at least one word and at most ``at_most`` characters."""
    text = plain(text)
    if not is_a(text, str):
        raise InvalidInputError(f"{where} is of type {type_name(text)}; pass a string")
    if not text.strip():
        raise InvalidInputError(f"{where} is empty; pass at least one word")
    if len(text) > at_most:
        raise InvalidInputError(
            f"{where} has {len(text)} characters, at most {at_most} are possible; shorten or split it"
        )
    return storable(text, where)


def name(text: object, where: str) -> str:
    """Return ``text`` if it can be a key or an id: 1 to 1,024 bytes."""
    text = plain(text)
    if not is_a(text, str) or not text:
        raise InvalidInputError(f"{where} is {represent(text)}; pass a string with at least one character")
    if len(text.encode(errors="replace")) > MAX_NAME_BYTES:
        raise InvalidInputError(f"{where} is longer than 1,024 bytes; use a shorter one")
    return storable(text, where)


def id_text(id: object, where: str) -> str:
    """Return an id of LangGraph's as text: it makes a text of every id, and of these types no two values make the same one.

    Raises:
        InvalidInputError: it is of another type, or a number of many digits.
    """
    id = plain(id)
    if is_a(id, bool) or not (is_a(id, str) or is_a(id, int) or is_a(id, UUID)):
        raise InvalidInputError(f"{where} is of type {type_name(id)}; pass a string")
    if is_a(id, int) and id.bit_length() > _MOST_ID_BITS:
        raise InvalidInputError(f"{where} is {represent(id)}; pass a string")
    return str(id)


def plain_json(value: object, where: str, *, names: Collection[str] = ()) -> Any:
    """Return a copy of a value in Python's own types, at any depth, if JSON can hold it.

    No method of a class that is derived from them is called, so that whatever reads the copy reads what was checked.
    A tuple becomes a list, and any mapping a dict.

    Args:
        value: any value.
        where: its name in the message.
        names: keys, at any depth, that a program has chosen, so that the message may have them. Any other is named
            by its position: it may say as much about a person as a text.

    Raises:
        InvalidInputError: the message has the path, such as ``value.<key 1>[2]``.
    """
    check_value_count(value, where)  # at once; to look at a million takes longer
    return _plain_json(value, where, 0, names, itertools.count(1))


def _plain_json(value: object, where: str, depth: int, names: Collection[str], counter: Iterator[int]) -> Any:
    if depth > MAX_DEPTH:
        raise InvalidInputError(f"{where} is nested deeper than {MAX_DEPTH} levels; flatten it")
    # One list can stand in a value many times, so that a small object is a JSON text without end.
    if next(counter) > MAX_JSON_VALUES:
        raise InvalidInputError(f"{where} is behind {MAX_JSON_VALUES:,} other values, which is the most; split it")
    if value is None:
        return None
    if is_a(value, str):
        return storable(value, where)
    if is_a(value, int) or is_a(value, float):
        return _plain_number(plain(value), where)
    if is_a(value, Mapping):
        copy = dict[str, Any]()
        for position, (key, inner) in enumerate(plain_dict(cast("object", value), where).items()):
            path = cut(f"{where}.{key}") if key in names else path_of(where, position)
            copy[storable(key, path)] = _plain_json(inner, path, depth + 1, names, counter)
        return copy
    if is_a(value, list) or is_a(value, tuple):
        items: Sequence[object] = plain(cast("object", value))
        return [
            _plain_json(inner, cut(f"{where}[{index}]"), depth + 1, names, counter) for index, inner in enumerate(items)
        ]
    raise InvalidInputError(f"{where} is of type {type_name(value)}, which JSON does not have; pass text or numbers")


def _plain_number(number: float, where: str) -> float:
    if type(number) is float and not math.isfinite(number):
        raise InvalidInputError(f"{where} is {represent(number)}; JSON has no such number")
    # Python refuses to parse more digits (CVE-2020-10735), so that the row could be written and never read.
    if type(number) is int and abs(number) >= _TOO_LARGE:
        raise InvalidInputError(
            f"{where} is a whole number of more than {MAX_INTEGER_DIGITS:,} digits; store it as a string"
        )
    return number


def check_value_count(value: object, where: str) -> None:
    """Refuse a value whose JSON would hold more than a million values: one list can stand in it many times, so that it has no end.

    Raises:
        InvalidInputError: it does.
    """
    # Each container is read once, however often it stands there; one that is met again before it is counted holds itself, and has no end.
    counts: dict[int, int] = {}
    contents: dict[int, tuple[int, list[object]]] = {}
    waiting, total, endless = [value], 0, MAX_JSON_VALUES + 1
    while waiting:
        container = waiting[-1]
        key = id(container)
        if key in counts:
            waiting.pop()
            continue
        if key not in contents:
            inner = _elements(container)
            total += len(inner)
            contents[key] = len(inner), [item for item in inner if issubclass(type(item), (dict, list, tuple))]
            waiting.extend(item for item in contents[key][1] if id(item) not in contents)
        else:
            length, containers = contents[key]
            counts[key] = min(endless, length + sum(counts.get(id(item), endless) for item in containers))
        if max(total, counts.get(key, 0)) > MAX_JSON_VALUES:
            raise InvalidInputError(f"{where} has more than {MAX_JSON_VALUES:,} values, at all depths; split it")


def _elements(container: object) -> Collection[object]:
    """The values directly in a container; none, where it is no container."""
    if is_a(container, dict):
        return [*dict[object, object].values(cast("dict[object, object]", container))]
    if is_a(container, list) or is_a(container, tuple):
        return cast("Collection[object]", plain(cast("object", container)))
    return ()


def json_object(value: object, where: str, *, names: Collection[str] = ()) -> dict[str, Any]:
    """Return a copy of a dict in Python's own types, if JSON can hold it; see :func:`plain_json`.

    Raises:
        InvalidInputError: the message has the path.
    """
    if not is_a(value, Mapping):
        raise InvalidInputError(f"{where} is of type {type_name(value)}; pass a dict")
    copy = plain_json(cast("object", value), where, names=names)
    length = len(json.dumps(copy, ensure_ascii=False))
    if length > MAX_JSON_CHARS:
        raise InvalidInputError(
            f"{where} is JSON of {length:,} characters, at most {MAX_JSON_CHARS:,} are possible; split it"
        )
    return copy


def check_list(
    values: object, where: str, *, at_most: int = MAX_JSON_VALUES, error: type[PersistMemError] = InvalidInputError
) -> list[Any]:
    """Return an iterable as a list; a string is refused, though it is a sequence of letters.

    Raises:
        PersistMemError: it is no iterable, or one string, or has more elements than ``at_most``; of the type ``error``.
    """
    values = plain(values)
    if issubclass(type(values), (str, bytes, Mapping)) or not issubclass(type(values), Iterable):
        kind = "a string" if is_a(values, str) else f"of type {type_name(values)}"
        raise error(f"{where} is {kind}; pass a list")
    return plain(_read(cast("Iterable[Any]", values), where, "a list", at_most, error))


def plain_dict(
    value: object, where: str, *, at_most: int = MAX_JSON_VALUES, error: type[PersistMemError] = InvalidInputError
) -> dict[str, Any]:
    """Return the entries of a dict, whose keys are strings, as a dict of Python's own; the values stay as they are.

    Raises:
        PersistMemError: it is no dict, has a key of another type, or cannot be read; of the type ``error``.
    """
    if not is_a(value, Mapping):
        raise error(f"{where} is of type {type_name(value)}; pass a dict")
    if is_a(cast("object", value), dict):
        items = [*dict[object, object].items(cast("dict[object, object]", value))]
    else:
        items = _read(_items(cast("Mapping[object, object]", value)), where, "a dict", at_most, error)
    for key, _ in items:
        if not is_a(key, str):
            raise error(f"{where} has a key of type {type_name(key)}; keys are strings")
    return {plain(key): inner for key, inner in items}


def _items(mapping: Mapping[object, object]) -> Iterator[tuple[object, object]]:
    for entry in mapping.items():
        key, inner = entry  # no pair fails here, where it is noticed
        yield key, inner


def _read(values: Iterable[T], where: str, kind: str, at_most: int, error: type[PersistMemError]) -> list[T]:
    """Read what may have no end, or fail, by code of its own."""
    items = call_foreign(
        lambda: list(itertools.islice(values, at_most + 1)),
        f"{where} cannot be read to its end",
        f"pass {kind}",
        error=error,
    )
    if len(items) > at_most:
        raise error(f"{where} has more than {at_most:,} elements; pass them in several calls")
    return items


def call_foreign(
    function: Callable[[], T], problem: str, advice: str, *, error: type[PersistMemError] = InvalidInputError
) -> T:
    """Call what runs code of the caller's own, which may raise anything: of that, the type alone is told.

    Raises:
        PersistMemError: it failed; of the type ``error``, unless the caller's code raised one of ours.
    """
    try:
        return function()
    except PersistMemError:
        raise
    except Exception as failure:  # noqa: BLE001 - whatever it is; its text may quote ours
        reason = type_name(failure)
    raise error(f"{problem} ({reason}); {advice}")


def path(value: object, where: str) -> Path:
    """Return a path of a file from a text or a ``Path``.

    Raises:
        InvalidInputError: no file can be called so.
    """
    text = str(value) if is_a(value, Path) else plain(value)
    if not is_a(text, str):
        raise InvalidInputError(f"{where} is of type {type_name(value)}; pass a string or a Path")
    if not Path(storable(text, where)).name or len(text) > MAX_PATH_CHARS:
        raise InvalidInputError(f"{where} is no name of a file; pass the path of one")
    return Path(text)


def names(values: object, where: str) -> list[str]:
    """Return a list of keys or ids, checked.

    Raises:
        InvalidInputError: it is something else; the message has the index.
    """
    return [name(value, f"{where}[{index}]") for index, value in enumerate(check_list(values, where))]


def uuid(value: object, where: str) -> UUID:
    """Return a UUID from a UUID or its text.

    Raises:
        InvalidInputError: it is something else.
    """
    value = plain(value)
    if is_a(value, UUID):
        return value
    try:
        if is_a(value, str):
            return UUID(value)
    except (TypeError, ValueError):
        pass
    raise InvalidInputError(f"{where} is no UUID; pass Memory.id or another id of that type")


def share(number: object, where: str) -> float:
    """Return ``number`` if it lies from 0 to 1."""
    number = plain(number)
    if is_a(number, bool) or not (is_a(number, int) or is_a(number, float)) or not 0.0 <= number <= 1.0:
        raise InvalidInputError(f"{where} is {represent(number)}; pass a number from 0 to 1")
    return float(number)


def check_stored_share(number: object, where: str) -> float:
    """Check a share that is stored with single precision, some seven digits; see :func:`share`."""
    result = share(number, where)
    if 0 < result < LEAST_SHARE:
        raise InvalidInputError(f"{where} is {represent(result)}; pass 0, or a number from {LEAST_SHARE} to 1")
    return result


def count(number: object, where: str, *, at_least: int = 0, at_most: int = 1_000_000) -> int:
    """Return ``number`` if it is a whole number in the range."""
    number = plain(number)
    if is_a(number, bool) or not is_a(number, int) or not at_least <= number <= at_most:
        raise InvalidInputError(f"{where} is {represent(number)}; pass a whole number from {at_least} to {at_most}")
    return number


def seconds(number: object, where: str) -> float:
    """Return a number of seconds to wait; a year is as good as more."""
    number = plain(number)
    if is_a(number, bool) or not (is_a(number, int) or is_a(number, float)) or not number >= 0:
        raise InvalidInputError(f"{where} is {represent(number)}; pass a number of seconds from 0")
    return float(min(number, _YEAR))
