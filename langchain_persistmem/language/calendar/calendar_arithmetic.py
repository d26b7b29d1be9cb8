"""Arithmetic of the calendar: the days that a date, a month, a season or a feast has; pure."""

from datetime import UTC, date, datetime, time, timedelta, tzinfo

from langchain_persistmem.types.recall_results import Period

FIRST = datetime(1, 1, 2, tzinfo=UTC)
LAST = datetime(9999, 12, 30, tzinfo=UTC)
"""Beginning and end of what has none; a day from the ends of the calendar, so that every time zone has it."""
_THURSDAY = 3
_SEASON_MONTHS = 3
_MONTHS = 12


Days = tuple[date, date]
"""First day, and the day after the last."""


def day(year: int, month: int, number: int) -> Days | None:
    """A day, or None if the calendar does not have it."""
    try:
        first = date(year, month, number)
        return first, first + timedelta(days=1)
    except (ValueError, OverflowError):
        return None


def days(first: date, count: int = 1) -> Days:
    """So many days from ``first`` on; ends with the calendar."""
    return first, shift(first, count)


def shift(start: date, count: int) -> date:
    """Shift ``start`` so many days later or, if negative, earlier; no further than the calendar goes."""
    return date.fromordinal(min(max(start.toordinal() + count, 2), date.max.toordinal() - 1))


def months(year: int, month: int, count: int = 1) -> Days:
    """So many months, from the first of ``month``; month 0 is December of the year before, 13 January of the next."""
    return _first(year * _MONTHS + month - 1), _first(year * _MONTHS + month - 1 + count)


def _first(number: int) -> date:
    year, month = divmod(number, _MONTHS)
    return date(min(max(year, 1), 9999), month + 1, 1)


def season(year: int, number: int) -> Days:
    """Three months: winter (0) is December to February, spring (1) March to May, and so on."""
    return months(year, _SEASON_MONTHS * number, _SEASON_MONTHS)


def week(of: date, weeks: int = 0) -> Days:
    """Monday to Sunday of the week that holds ``of``, or of one some weeks later."""
    return days(shift(of, 7 * weeks - of.weekday()), 7)


def weekend(of: date, weeks: int = 0) -> Days:
    """Saturday and Sunday of the same."""
    return days(shift(week(of, weeks)[0], 5), 2)


def feast(name: str, year: int) -> Days:
    """The days that a feast is spoken of."""
    if name == "christmas":
        return days(date(year, 12, 24), 3)
    if name == "silvester":
        return days(date(year, 12, 31), 2) if year < LAST.year else days(date(year, 12, 30))
    if name == "valentine":
        return days(date(year, 2, 14))
    if name == "halloween":
        return days(date(year, 10, 31))
    if name == "thanksgiving":
        first = date(year, 11, 1)
        return days(shift(first, (_THURSDAY - first.weekday()) % 7 + 21))
    return days(shift(_easter(year), -2), 4)


def _easter(year: int) -> date:
    """Easter Sunday in the Gregorian calendar (the algorithm of Meeus, Jones and Butcher)."""
    golden, century, rest = year % 19, year // 100, year % 100
    epact = (19 * golden + century - century // 4 - (century - (century + 8) // 25 + 1) // 3 + 15) % 30
    sunday = (32 + 2 * (century % 4) + 2 * (rest // 4) - epact - rest % 4) % 7
    full = (golden + 11 * epact + 22 * sunday) // 451
    month, number = divmod(epact + sunday - 7 * full + 114, 31)
    return date(year, month, number + 1)


def period(days: Days, zone: tzinfo | None, *, certainty: float, text: str) -> Period:
    """Days as a stretch of time in a time zone."""
    return Period(start=_midnight(days[0], zone), end=_midnight(days[1], zone), certainty=certainty, text=text)


def whole(moment: datetime, count: int) -> tuple[datetime, datetime]:
    """The months, so many, of which ``moment`` is in the first, in its time zone; a year begins in January."""
    first = moment.month if count < _MONTHS else 1
    start, end = months(moment.year, first, count)
    return _midnight(start, moment.tzinfo), _midnight(end, moment.tzinfo)


def _midnight(of: date, zone: tzinfo | None) -> datetime:
    if of <= FIRST.date():
        return FIRST
    return LAST if of >= LAST.date() else datetime.combine(of, time(), zone or UTC)
