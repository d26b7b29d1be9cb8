"""Moments: the range of dates that can be stored, the offset from UTC where a person was speaking, time zones by name; pure."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta, timezone, tzinfo
from functools import lru_cache
from typing import cast
from zoneinfo import ZoneInfo

from langchain_persistmem.errors import InvalidInputError
from langchain_persistmem.types.records import Turn
from langchain_persistmem.types.representation import is_a, plain, type_name

EARLIEST, LATEST = datetime(1, 1, 3, tzinfo=UTC), datetime(9999, 12, 30, tzinfo=UTC)
"""Every moment between them can be read again in every time zone that a connection may have."""
_MINUTE = timedelta(minutes=1)


def aware(moment: object, where: str) -> datetime:
    """Return ``moment`` if it is a datetime with a time zone that PostgreSQL and Python can both hold.

    Raises:
        InvalidInputError: it is something else, or in the first or last two days of what Python knows; or naive, so that
            nobody knows which hour is meant.
    """
    if not is_a(moment, datetime):
        raise InvalidInputError(f"{where} is of type {type_name(moment)}; pass a datetime")
    try:
        is_aware = moment.tzinfo is not None and moment.utcoffset() is not None
        is_in_range = is_aware and EARLIEST <= moment < LATEST
    except Exception:  # noqa: BLE001 - a time zone of one's own
        problem = f"{where} has a time zone that fails; pass one of zoneinfo, or timezone.utc"
        raise InvalidInputError(problem) from None
    if not is_aware:
        raise InvalidInputError(f"{where} has no time zone; pass an aware datetime, such as datetime.now(timezone.utc)")
    if not is_in_range:
        raise InvalidInputError(
            f"{where} is out of range; pass a moment from {EARLIEST:%Y-%m-%d} until {LATEST:%Y-%m-%d}"
        )
    return moment


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
    if value is None:
        return value
    value = plain(value)
    if is_a(value, tzinfo):
        try:
            EARLIEST.astimezone(value)
        except Exception:  # noqa: BLE001 - a time zone of one's own
            raise InvalidInputError(f"{name} fails as a time zone; pass one of zoneinfo, or timezone.utc") from None
        return value
    if is_a(value, str) and value and len(value) <= 100:  # noqa: PLR2004 - no zone has a longer name
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
