"""Moments at the place of the person who was speaking: their offset from UTC, and time zones by name; pure."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta, timezone, tzinfo
from functools import lru_cache
from typing import cast
from zoneinfo import ZoneInfo

from langchain_persistmem.errors import InvalidInputError
from langchain_persistmem.types.records import Turn
from langchain_persistmem.types.validation import aware

_MINUTE = timedelta(minutes=1)


def offset_of(moment: datetime) -> int | None:
    """Minutes from UTC of an aware moment, as stored; None for one without a zone."""
    offset = moment.utcoffset()
    return None if offset is None else round(offset / _MINUTE)


def at_offset(moment: datetime, minutes: int | None) -> datetime:
    """The same moment as the clock showed it there; as it is where the offset is not known."""
    return moment if minutes is None else in_zone(moment, _zone_at(minutes))


def in_zone(moment: datetime, zone: tzinfo | None) -> datetime:
    """The same moment in a time zone; as it is without one, and at the ends of the calendar, which no zone moves."""
    try:
        return moment if zone is None else moment.astimezone(zone)
    except OverflowError:
        return moment


@lru_cache(maxsize=128)
def _zone_at(minutes: int) -> tzinfo:
    return UTC if minutes == 0 else timezone(timedelta(minutes=minutes))


def check_zone(value: object, name: str) -> tzinfo | None:
    """The time zone that ``value`` means: a ``tzinfo``, or a name such as ``"Europe/Oslo"``; None stays None.

    Raises:
        InvalidInputError: it is neither, or nobody knows the name.
    """
    if value is None or isinstance(value, tzinfo):
        return value
    if isinstance(value, str) and value and len(value) <= 100:  # noqa: PLR2004 - no zone has a longer name
        try:
            return ZoneInfo(value)
        except (ValueError, OSError, LookupError):  # not found, no such path, no data for it
            pass
    raise InvalidInputError(f"{name} is no time zone; pass a tzinfo, or an IANA name such as 'Europe/Oslo'")


def zone_of(time_zone: tzinfo | str | None, now: datetime | None, window: Sequence[Turn] | None) -> tzinfo | None:
    """The time zone of a context: the given one, that of ``now``, or that of the user's latest turn in ``window``.

    None where none of these has one: each memory then has its own sender's date.

    Raises:
        InvalidInputError: ``time_zone`` is none, or ``now`` has none.
    """
    zone = check_zone(time_zone, "time_zone")
    if zone is not None or now is not None:
        return zone or aware(cast("datetime", now), "now").tzinfo
    local = (turn.sent_at for turn in reversed(window or ()) if turn.role == "user" and turn.utc_offset is not None)
    latest = next(local, None)
    return None if latest is None else latest.tzinfo
