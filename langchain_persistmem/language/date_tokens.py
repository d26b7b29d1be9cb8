"""The tokens of a text in which times are looked for, and what a single one of them can be; pure."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, timedelta

from langchain_persistmem.language import calendar_words as calendar_words_flow
from langchain_persistmem.language import periods
from langchain_persistmem.language.periods import Days

_FRENCH = frozenset("je j ai nous que qu mon tu vous avons avez il elle ce cette quel quelle l".split())  # noqa: SIM905
"""Beside one of these ``hier`` is yesterday, and not German for here."""
_MARKS = (
    calendar_words_flow.IN
    | calendar_words_flow.SINCE
    | calendar_words_flow.BEFORE
    | calendar_words_flow.AFTER
    | calendar_words_flow.BETWEEN
    | calendar_words_flow.LAST
    | calendar_words_flow.THIS
    | calendar_words_flow.NEXT
)
THE = frozenset("the a le la les el il der dem den das die de het o".split())  # noqa: SIM905
EARLIEST, LATEST = 1900, 2200
"""A number outside is no year."""
_LONGEST_NUMBER = 4
THIS_YEAR = 2
"""The way of "this": beside -1 for "last", 1 for "next" and 0 for neither."""


@dataclass(frozen=True, slots=True)
class Time:
    """A time in the text: which tokens, which days."""

    first: int
    last: int
    days: Days
    certainty: float
    floating: bool = False
    """No year was said: it was chosen."""


class Tokens:
    """The tokens of one text, and the day it was said."""

    def __init__(self, words: list[str], today: date) -> None:
        self.words = words
        self.today = today
        self.ahead = not calendar_words_flow.FUTURE.isdisjoint(words)
        self.french = not _FRENCH.isdisjoint(words)

    def _read(self, place: int, previous: Time | None = None) -> Time | None:
        """The time that begins with the token at ``place``."""
        raise NotImplementedError

    def _word(self, place: int) -> str:
        return self.words[place] if 0 <= place < len(self.words) else ""

    def _number(self, place: int) -> int | None:
        word = self._word(place)
        if word.isascii() and word.isdigit() and len(word) <= 4:  # noqa: PLR2004 - no longer number counts time
            return int(word)
        return calendar_words_flow.NUMBERS.get(word)

    def _digits(self, place: int) -> int | None:
        word = self._word(place)
        return int(word) if word.isascii() and word.isdigit() and len(word) <= 4 else None  # noqa: PLR2004

    def _after_fillers(self, place: int) -> int:
        end = place + 3
        while place < end and self._word(place) in calendar_words_flow.FILLERS:
            place += 1
        return place

    def _year_at(self, place: int) -> int | None:
        number = self._digits(place)
        return number if number is not None and EARLIEST <= number <= LATEST and len(self._word(place)) == 4 else None  # noqa: PLR2004

    def _unit(self, place: int) -> str | None:
        word = self._word(place)
        return (
            None
            if (word == "an" and not self.french) or (word == "mes" and self.french)
            else calendar_words_flow.UNITS.get(word)
        )

    def _marked(self, place: int) -> bool:
        before = self._word(place - 1)
        return before in _MARKS or (before in THE and self._word(place - 2) in _MARKS)

    def _way(self, place: int) -> int:
        """-1 if the word before says "last", 1 if it says "next", else 0."""
        before = self._word(place - 1)
        return -1 if before in calendar_words_flow.LAST else 1 if before in calendar_words_flow.NEXT else 0

    def _nearest(self, of: Callable[[int], Days], way: int) -> Days:
        """Of what comes every year: the last that is over (-1), the first to come (1), this year's (2), the latest (0)."""
        year = self.today.year
        every = [of(each) for each in range(max(year - 2, 1), min(year + 2, 9998) + 1)]
        if way == 2:  # noqa: PLR2004
            return of(year + (self.today.month == 12 and of(year)[0].year < year))  # noqa: PLR2004
        if way > 0 or (not way and self.ahead):
            return next((days for days in every if days[1 if not way else 0] > self.today), every[-1])
        return next((days for days in reversed(every) if (days[1] if way else days[0]) <= self.today), every[0])


def moved(start: date, count: int, unit: str) -> date:
    """``start`` so many units later or, if negative, earlier; the same day of another month, if that has it."""
    if unit in ("month", "year"):
        first, _ = periods.months(start.year, start.month + count * (12 if unit == "year" else 1))
        last = (first.replace(day=28) + timedelta(days=4)).replace(day=1) - timedelta(days=1)
        return first.replace(day=min(start.day, last.day))
    return periods.shifted(start, count * (1 if unit == "day" else 7))
