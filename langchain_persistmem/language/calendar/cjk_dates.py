"""Times in Chinese, Japanese and Korean text, which writes them with signs and without spaces; pure."""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import date
from functools import cache

from langchain_persistmem.language.calendar import calendar_arithmetic
from langchain_persistmem.language.calendar.calendar_arithmetic import Days
from langchain_persistmem.language.language_files import languages
from langchain_persistmem.language.phrases.calendar_words import CompactCalendar, CompactTime
from langchain_persistmem.language.phrases.word_lists import Words

_CJK = re.compile(r"[\u3040-\u30ff\u4e00-\u9fff\uac00-\ud7af]")
_TIMES: Mapping[CompactTime, tuple[Callable[[date], Days], float]] = {
    "day_before_yesterday": (lambda today: calendar_arithmetic.days(calendar_arithmetic.shift(today, -2)), 0.9),
    "yesterday": (lambda today: calendar_arithmetic.days(calendar_arithmetic.shift(today, -1)), 0.9),
    "today": (calendar_arithmetic.days, 0.3),
    "last_weekend": (lambda today: calendar_arithmetic.weekend(today, -1), 0.9),
    "last_week": (lambda today: calendar_arithmetic.week(today, -1), 0.9),
    "last_month": (lambda today: calendar_arithmetic.months(today.year, today.month - 1), 0.9),
    "last_year": (lambda today: calendar_arithmetic.months(today.year - 1, 1, 12), 0.9),
    "year_before_last": (lambda today: calendar_arithmetic.months(today.year - 2, 1, 12), 0.9),
    "this_week": (calendar_arithmetic.week, 0.5),
    "this_month": (lambda today: calendar_arithmetic.months(today.year, today.month), 0.5),
    "this_year": (lambda today: calendar_arithmetic.months(today.year, 1, 12), 0.5),
}
"""The days of a relative time, and how sure they are."""


def find_times(text: str, today: date) -> Iterator[tuple[Days, float, str]]:
    """Find the times in ``text``: their days, how sure they are, and the words."""
    if _CJK.search(text) is None:
        return
    characters = _characters()
    # What is read is taken out, so that no sign counts twice: the year of "last year's spring" is no time of its own.
    for match in characters.season.finditer(text):
        year = int(match[1]) if match[1] else today.year - bool(characters.last_year.fullmatch(match[3]))
        yield calendar_arithmetic.season(year, characters.seasons[match[2] or match[4]]), 0.9, match[0]
    rest = characters.season.sub("", text)
    for match in characters.ago.finditer(rest):
        yield (*_count(-characters.count(match[1]), characters.units[match[2]], today), match[0])
    for match in characters.from_now.finditer(rest):
        yield (*_count(characters.count(match[1]), characters.units[match[2]], today), match[0])
    for match in characters.weekday.finditer(rest):
        number = characters.weekdays[match[match.lastindex or 0]]
        yield (
            calendar_arithmetic.days(calendar_arithmetic.shift(calendar_arithmetic.week(today, -1)[0], number)),
            0.8,
            match[0],
        )
    rest = characters.weekday.sub("", rest)
    for name, pattern in characters.times.items():
        match = pattern.search(rest)
        if match is not None:
            of, certainty = _TIMES[name]
            yield of(today), certainty, match[0]
    for match in characters.date.finditer(characters.from_now.sub("", characters.ago.sub("", rest))):
        days = _read_date(match, today)
        if days is not None:
            yield days, 1.0 if match[1] else 0.9, match[0]


def _read_date(match: re.Match[str], today: date) -> Days | None:
    if match[1] is None and match[2] is None:
        return None
    month, number = int(match[2] or 0), int(match[3] or 0)
    latest = today.year - ((month, number) > (today.month, today.day))
    year = latest if match[1] is None else max(int(match[1]), 1)
    if match[2] is None:
        return calendar_arithmetic.months(year, 1, 12)
    if not 1 <= month <= 12:  # noqa: PLR2004 - months of a year
        return None
    return calendar_arithmetic.day(year, month, number) if match[3] else calendar_arithmetic.months(year, month)


def _count(count: int, unit: str, today: date) -> tuple[Days, float]:
    """So many units later than today or, if negative, earlier."""
    if unit in ("month", "year"):
        return calendar_arithmetic.months(today.year, today.month + count * (12 if unit == "year" else 1)), 0.6
    around = 0 if unit == "day" else 3
    then = calendar_arithmetic.shift(today, count * (1 if unit == "day" else 7))
    return calendar_arithmetic.days(calendar_arithmetic.shift(then, -around), 2 * around + 1), 0.8


class _Characters:
    """The signs for times of all languages, and the expressions that they make."""

    def __init__(self, calendars: Iterable[CompactCalendar]) -> None:
        calendars = tuple(calendars)

        def union(words: Callable[[CompactCalendar], Iterable[str]]) -> str:
            return _alternatives(word for calendar in calendars for word in words(calendar))

        def number(groups: Callable[[CompactCalendar], Iterable[Words]], first: int) -> dict[str, int]:
            """Number the signs of lists that have an order."""
            return {
                word: index
                for calendar in calendars
                for index, group in enumerate(groups(calendar), first)
                for word in group
            }

        self.numbers = number(lambda calendar: calendar.numbers, 1)
        self.seasons = number(lambda calendar: calendar.seasons, 0)
        self.weekdays = number(lambda calendar: calendar.weekdays, 0)
        self.units = {word: unit for calendar in calendars for unit, words in calendar.units.items() for word in words}
        year, month, day = (union(lambda calendar, name=name: getattr(calendar, name)) for name in _MARKS)
        of = union(lambda calendar: calendar.of)
        self.date = re.compile(rf"(?:(\d{{4}})\s?{year}\s?)?(?:(\d{{1,2}})\s?{month}\s?(?:(\d{{1,2}})\s?{day})?)?")
        span = (
            rf"(\d{{1,3}}|{_alternatives(self.numbers)})\s?{union(lambda calendar: calendar.counters)}?\s?"
            rf"({_alternatives(self.units)})\s?"
        )
        self.ago = re.compile(span + union(lambda calendar: calendar.ago))
        self.from_now = re.compile(span + union(lambda calendar: calendar.from_now))
        # Which signs a weekday has depends on the language: 日 is Sunday behind 上周, and begins a country behind 先週.
        self.weekday = re.compile(
            "|".join(
                f"{_alternatives(calendar.last)}{_alternatives(calendar.weeks)}{_alternatives(calendar.of)}?"
                f"({_alternatives(word for group in calendar.weekdays for word in group)})"
                for calendar in calendars
                if calendar.weekdays
            )
            or r"(?!)"
        )
        self.times: Mapping[CompactTime, re.Pattern[str]] = {
            name: re.compile("|".join(patterns))
            for name in _TIMES
            if (patterns := dict.fromkeys(word for calendar in calendars for word in calendar.times.get(name, ())))
        }
        no_match = re.compile(r"(?!)")
        self.last_year = self.times.get("last_year", no_match)
        this_year = self.times.get("this_year", no_match)
        season = _alternatives(self.seasons)
        self.season = re.compile(
            rf"(\d{{4}}){year}{of}?({season})|({self.last_year.pattern}|{this_year.pattern}){of}?({season})"
        )

    def count(self, text: str) -> int:
        """Read a number in digits or signs."""
        return self.numbers[text] if text in self.numbers else int(text)


_MARKS = ("year_marks", "month_marks", "day_marks")


def _alternatives(words: Iterable[str]) -> str:
    """Make an expression for any of the words, the longest first, since one may begin another."""
    ordered = sorted(dict.fromkeys(words), key=len, reverse=True)
    return f"(?:{'|'.join(map(re.escape, ordered)) or '(?!)'})"


@cache
def _characters() -> _Characters:
    return _Characters(part for language in languages() if (part := language.compact_calendar) is not None)
