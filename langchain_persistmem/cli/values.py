"""Values of options, checked while the command line is read: a wrong one ends with exit code 2 before anything is opened."""

from __future__ import annotations

import argparse
import json
import math
import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar, cast
from uuid import UUID

from langchain_persistmem.errors import ConfigurationError, InvalidInputError
from langchain_persistmem.postgres.connections.conninfo import read_conninfo
from langchain_persistmem.types import moments, validation
from langchain_persistmem.types.namespace import decode, encode

T = TypeVar("T")

_MOST = 1000
_MOST_CHARACTERS = 1_000_000
"""Characters of a text; memories have the narrower limit of ``Settings.max_text_chars``."""
_AGE = re.compile(r"([1-9][0-9]{0,5})([mhdw])", re.ASCII)
_UNITS = {"m": "minutes", "h": "hours", "d": "days", "w": "weeks"}
_MOST_DIGITS = 9


def _checked(check: Callable[[str], T]) -> Callable[[str], T]:
    """Make a type for argparse of a check, whose message then stands behind the name of the option."""

    def convert(text: str) -> T:
        try:
            return check(text)
        except (InvalidInputError, ConfigurationError) as error:
            raise argparse.ArgumentTypeError(str(error)) from None

    return convert


def _namespace(text: str) -> str:
    encode(decode(validation.check_text(text, "the namespace", at_most=_MOST_CHARACTERS)))
    return text


def _user(text: str) -> str:
    encode((validation.check_text(text, "the id", at_most=_MOST_CHARACTERS),))
    return text


def _conninfo(text: str) -> str:
    if not text.strip():
        raise InvalidInputError("it is empty; write a URI such as postgresql://user@host/database")
    read_conninfo(validation.storable(text, "the URI"))
    return text


def _json_object(text: str) -> dict[str, Any]:
    try:
        value: object = json.loads(text)
    except (ValueError, RecursionError):
        value = None
    if not isinstance(value, dict):
        raise InvalidInputError('it is no JSON object; write one such as \'{"room": "kitchen"}\'')
    return validation.json_object(cast("object", value), "the object")


def _moment(text: str) -> datetime:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise InvalidInputError(f"{text[:40]!r} is no time; write 2026-01-31 or 2026-01-31T09:30+01:00") from None
    return moments.aware(moment if moment.tzinfo is not None else moment.replace(tzinfo=UTC), "the time")


def _share(text: str) -> float:
    try:
        number = float(text)
    except ValueError:
        number = math.nan
    if not 0 <= number <= 1:
        raise InvalidInputError(f"{text[:20]!r} is no number from 0 to 1")
    return validation.check_stored_share(number, "the number")


def _label(text: str) -> str:
    return validation.check_text(text, "it", at_most=_MOST_CHARACTERS)


user = _checked(_user)
"""A user's id."""
namespace = _checked(_namespace)
"""A namespace as text, such as ``team/blue``."""
name = _checked(lambda text: validation.name(text, "it"))
"""A key, or the id of a thread: 1 to 1,024 bytes."""
label = _checked(_label)
"""A name of a model, a schema or the like; whether it exists is found out by who uses it."""
text = _checked(_label)
"""A statement or a question."""
path = _checked(lambda text: validation.path(text, "it"))
"""A path of a file or a folder."""
conninfo = _checked(_conninfo)
"""A connection string."""
json_object = _checked(_json_object)
"""An object in JSON."""
moment = _checked(_moment)
"""A date or a time in ISO 8601; without a zone in UTC."""
share = _checked(_share)
"""A number from 0 to 1."""


def number(least: int, most: int) -> Callable[[str], int]:
    """A whole number in a range."""

    def convert(text: str) -> int:
        digits = text.isascii() and text.isdecimal() and len(text) <= _MOST_DIGITS
        if not digits or not least <= int(text) <= most:
            raise argparse.ArgumentTypeError(f"{text[:20]!r} is no whole number from {least} to {most}")
        return int(text)

    return convert


whole_number = number(1, _MOST)
"""A number from 1 to 1,000, as of ``--limit``."""
count = number(1, 10**_MOST_DIGITS - 1)
"""A whole number from 1."""


def days(text: str) -> float:
    """A number of days above 0."""
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not (math.isfinite(value) and value > 0):
        raise argparse.ArgumentTypeError(f"{text[:20]!r} is no number of days; write one above 0, such as 90")
    return value


def age(text: str) -> timedelta:
    """A number and a unit, as of ``--older-than``."""
    match = _AGE.fullmatch(text)
    if match is None:
        raise argparse.ArgumentTypeError(f"{text[:20]!r} is no age; write a number and m, h, d or w, such as 30d")
    return timedelta(**{_UNITS[match[2]]: int(match[1])})


def version(text: str) -> UUID:
    """The id of a version of a memory."""
    try:
        return UUID(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text[:40]!r} is no id of a memory") from None
