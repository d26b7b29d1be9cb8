"""The tokens of a text in which times are looked for, and the words for times that one of them can be; pure."""

import re
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from functools import cache
from typing import TypeVar

from langchain_persistmem.language.calendar import calendar_arithmetic
from langchain_persistmem.language.calendar.calendar_arithmetic import Days
from langchain_persistmem.language.language_files import languages
from langchain_persistmem.language.phrases.calendar_words import Calendar, Day
from langchain_persistmem.language.phrases.word_lists import Groups, Words

EARLIEST, LATEST = 1900, 2200
"""A number outside is no year."""
QUARTER = "q"
"""Before its number: Q3 2023."""
_SHIFTS: Mapping[Day, int] = {
    "day_before_yesterday": -2,
    "yesterday": -1,
    "today": 0,
    "tomorrow": 1,
    "day_after_tomorrow": 2,
}
_WORD = re.compile(r"[^\W\d_]+")
_Value = TypeVar("_Value")


class Phrases(dict[str, _Value]):
    """Words, and phrases of several words joined by spaces, with what they mean."""

    def __init__(self, meanings: Iterable[tuple[str, _Value]]) -> None:
        super().__init__((" ".join(_WORD.findall(phrase)), meaning) for phrase, meaning in meanings)
        self._by_first: dict[str, list[list[str]]] = {}
        for phrase in sorted(self, key=len, reverse=True):
            words = phrase.split()
            if len(words) > 1:
                self._by_first.setdefault(words[0], []).append(words)

    @property
    def first_words(self) -> frozenset[str]:
        """The words with which one may begin."""
        return frozenset(phrase.split()[0] for phrase in self)

    @property
    def single_words(self) -> frozenset[str]:
        """Those of one word."""
        return frozenset(phrase for phrase in self if " " not in phrase)

    def length_at(self, words: Sequence[str], index: int) -> int:
        """Count the words of the longest phrase that begins at ``index``; 0 if none does."""
        word = words[index] if 0 <= index < len(words) else ""
        for phrase in self._by_first.get(word, ()):
            if words[index : index + len(phrase)] == phrase:
                return len(phrase)
        return int(word in self)


class _JoinedCalendars:
    """The calendars of all languages, of which one table each is made."""

    def __init__(self, calendars: Sequence[Calendar]) -> None:
        self._calendars = calendars

    def union(self, words: Callable[[Calendar], Words]) -> frozenset[str]:
        """The words of all languages."""
        return frozenset(word for calendar in self._calendars for word in words(calendar))

    def phrases(self, words: Callable[[Calendar], Words]) -> Phrases[bool]:
        """The same, where some are of several words."""
        return Phrases((word, True) for calendar in self._calendars for word in words(calendar))

    def count(self, groups: Callable[[Calendar], Groups], first: int) -> Mapping[str, int]:
        """The words of lists that have an order, with their numbers."""
        return {
            word: number
            for calendar in self._calendars
            for number, group in enumerate(groups(calendar), first)
            for word in group
        }


class CalendarWords:
    """The words for times of all languages.

    They share one table each: a question is in one language, and few words mean a time in one and something else in
    another. Those few count only beside a word that makes a time of them.
    """

    def __init__(self, calendars: Sequence[Calendar]) -> None:
        # Joined once: a word is then looked up once, however many languages there are.
        joined = _JoinedCalendars(calendars)
        self._read_names(calendars, joined)
        self._read_relations(joined)
        self._read_steps(joined)
        self._derive()
        self._evidence = [
            (
                frozenset(calendar.evidence),
                frozenset(calendar.only_with_evidence),
                frozenset(calendar.not_with_evidence),
            )
            for calendar in calendars
            if calendar.evidence
        ]

    def _read_names(self, calendars: Sequence[Calendar], joined: _JoinedCalendars) -> None:
        """Read the names of times: months, weekdays, units, days, feasts, and numbers."""
        self.months = joined.count(lambda calendar: calendar.months, 1)
        self.short_months = joined.count(lambda calendar: calendar.short_months, 1)
        self.weekdays = joined.count(lambda calendar: calendar.weekdays, 0)
        self.seasons = joined.count(lambda calendar: calendar.seasons, 0)
        """Winter is 0 and begins in December of the year before."""
        self.numbers = joined.count(lambda calendar: calendar.numbers, 1)
        self.ordinals = joined.count(lambda calendar: calendar.ordinals, 1)
        self.units: Mapping[str, str] = {
            word: unit for calendar in calendars for unit, words in calendar.units.items() for word in words
        }
        self.days = Phrases(
            (word, _SHIFTS[day]) for calendar in calendars for day, words in calendar.days.items() for word in words
        )
        """Days from today."""
        self.feasts = Phrases[str](
            (word, feast) for calendar in calendars for feast, words in calendar.feasts.items() for word in words
        )
        self.nights = joined.union(lambda calendar: calendar.nights)
        self.parts_of_day = joined.union(lambda calendar: calendar.parts_of_day)
        self.weekday_suffixes = joined.union(lambda calendar: calendar.weekday_suffixes)
        self.ambiguous = joined.union(lambda calendar: calendar.ambiguous)

    def _read_relations(self, joined: _JoinedCalendars) -> None:
        """Read the words that set a time in relation to today or to another time."""
        self.last = joined.union(lambda calendar: calendar.last)
        self.last_after_unit = joined.union(lambda calendar: calendar.last_after_unit)
        self.last_up_to_today = joined.union(lambda calendar: calendar.last_up_to_today)
        self.this = joined.union(lambda calendar: calendar.this)
        self.next = joined.union(lambda calendar: calendar.next)
        self.ago_before = joined.phrases(lambda calendar: calendar.ago_before)
        self.ago_after = joined.union(lambda calendar: calendar.ago_after)
        self.vague = joined.union(lambda calendar: calendar.vague)
        self.articles = joined.union(lambda calendar: calendar.articles)
        # Not an article that is a number too: "eine" and "un" count.
        self.passed_over = (self.articles - frozenset(self.numbers)) | {"s"}
        """Articles between "since" and a time; "s" is what follows an apostrophe."""
        self.fillers = joined.union(lambda calendar: calendar.fillers)
        self.since = joined.union(lambda calendar: calendar.since)
        self.before = joined.union(lambda calendar: calendar.before)
        self.until = joined.union(lambda calendar: calendar.until)
        self.after = joined.union(lambda calendar: calendar.after)
        self.between = joined.union(lambda calendar: calendar.between)
        self.conjunctions = joined.union(lambda calendar: calendar.conjunctions)
        self.future = joined.union(lambda calendar: calendar.future)
        self.that = joined.union(lambda calendar: calendar.that)
        self.earlier = joined.union(lambda calendar: calendar.earlier)
        self.later = joined.union(lambda calendar: calendar.later)
        self.prepositions = joined.union(lambda calendar: calendar.prepositions)
        self.year_prepositions = joined.union(lambda calendar: calendar.year_prepositions)

    def _read_steps(self, joined: _JoinedCalendars) -> None:
        """Read the words for times in several steps, see ``date_steps``."""
        self.from_now_before = joined.phrases(lambda calendar: calendar.from_now_before)
        self.from_now_after = joined.phrases(lambda calendar: calendar.from_now_after)
        self.before_last = joined.phrases(lambda calendar: calendar.before_last)
        self.after_next = joined.phrases(lambda calendar: calendar.after_next)
        self.starting = joined.phrases(lambda calendar: calendar.starting)
        self.no_days = joined.union(lambda calendar: calendar.no_days)
        self.counted_from = joined.union(lambda calendar: calendar.counted_from)
        self.lasting = joined.union(lambda calendar: calendar.lasting)
        self.past = joined.union(lambda calendar: calendar.past)
        self.onwards = joined.union(lambda calendar: calendar.onwards)
        self.last_but_one = joined.union(lambda calendar: calendar.last_but_one)
        self.next_but_one = joined.union(lambda calendar: calendar.next_but_one)
        self.half = joined.union(lambda calendar: calendar.half)
        self.one_and_half = joined.union(lambda calendar: calendar.one_and_half)
        self.half_years = joined.union(lambda calendar: calendar.half_years)
        self.quarters = joined.union(lambda calendar: calendar.quarters)
        self.day_endings = joined.union(lambda calendar: calendar.day_endings)

    def _derive(self) -> None:
        """Join the tables to the larger ones that a text is searched with."""
        self.parts = self.half_years | self.quarters | self.day_endings
        """Words that can be part of a time beside a number or a year."""
        bounds = self.since | self.before | self.after | self.between
        self.marks = self.prepositions | bounds | self.last | self.this | self.next
        """Words beside which an ambiguous one is a time."""
        self.before_year = self.year_prepositions | bounds
        named = {*self.months, *self.short_months, *self.weekdays, *self.seasons, *self.units}
        self.telling = frozenset(named | self.parts | self.nights | self.days.first_words | self.feasts.first_words)
        """Words that can be part of a time at all."""
        # "Last", "two", "the", "since", "half" and their like tell of a time only with a word behind them.
        self.starts = frozenset(
            self.telling
            | {*self.numbers}
            | self.last
            | self.this
            | self.next
            | self.ago_before.first_words
            | self.articles
            | self.from_now_before.first_words
            | self.since
            | self.lasting
            | self.last_but_one
            | self.next_but_one
            | self.one_and_half
            | self.half
            | {*self.ordinals, QUARTER}
        )
        """Words with which a time may begin."""

    def foreign_words(self, words: Sequence[str]) -> frozenset[str]:
        """Find the units and days that are none in the language of these words."""
        foreign: frozenset[str] = frozenset()
        for evidence, only, never in self._evidence:
            foreign |= only if evidence.isdisjoint(words) else never
        return foreign


@cache
def calendar_words() -> CalendarWords:
    """The words for times of all languages."""
    return CalendarWords([language.calendar for language in languages() if language.calendar is not None])


@dataclass(frozen=True, slots=True)
class Time:
    """A time in the text: which tokens, which days."""

    first: int
    last: int
    days: Days
    certainty: float
    floating: bool = False
    """No year was said: it was chosen."""


class Tokens(ABC):
    """The tokens of one text, and the day it was said."""

    def __init__(self, words: list[str], today: date) -> None:
        self.words = words
        self.today = today
        self.calendar = calendar_words()
        self.ahead = not self.calendar.future.isdisjoint(words)
        self.foreign = self.calendar.foreign_words(words)
        """Units and days of other languages."""

    @abstractmethod
    def _read(self, index: int, previous: Time | None = None) -> Time | None:
        """Read the time that begins with the token at ``index``."""

    def _word(self, index: int) -> str:
        return self.words[index] if 0 <= index < len(self.words) else ""

    def _number(self, index: int) -> int | None:
        word = self._word(index)
        if word.isascii() and word.isdigit() and len(word) <= 4:  # noqa: PLR2004 - no longer number counts time
            return int(word)
        return self.calendar.numbers.get(word)

    def _digits(self, index: int) -> int | None:
        word = self._word(index)
        return int(word) if word.isascii() and word.isdigit() and len(word) <= 4 else None  # noqa: PLR2004

    def _after_fillers(self, index: int) -> int:
        end = index + 3
        while index < end and self._word(index) in self.calendar.fillers:
            index += 1
        return index

    def _anchor(self, index: int) -> Time | None:
        """The time that another one is counted from: "after Easter", "after last Easter"."""
        is_shifted = self._word(index) in self.calendar.last | self.calendar.this | self.calendar.next
        return self._read(index) or (self._read(index + 1) if is_shifted else None)

    def _year_at(self, index: int) -> int | None:
        number = self._digits(index)
        return number if number is not None and EARLIEST <= number <= LATEST and len(self._word(index)) == 4 else None  # noqa: PLR2004

    def _unit(self, index: int) -> str | None:
        word = self._word(index)
        return None if word in self.foreign else self.calendar.units.get(word)

    def _mark(self, index: int) -> bool:
        before = self._word(index - 1)
        marks = self.calendar.marks
        return before in marks or (before in self.calendar.articles and self._word(index - 2) in marks)

    def _way(self, index: int) -> int:
        """-1 if the word before says "last", 1 if it says "next", else 0."""
        before = self._word(index - 1)
        return -1 if before in self.calendar.last else 1 if before in self.calendar.next else 0

    def _nearest(self, of: Callable[[int], Days], way: int) -> Days:
        """Of what comes every year: the last that is over (-1), the first to come (1), this year's (2), the latest (0)."""
        year = self.today.year
        occurrences = [of(number) for number in range(max(year - 2, 1), min(year + 2, 9998) + 1)]
        if way == 2:  # noqa: PLR2004
            return of(year + (self.today.month == 12 and of(year)[0].year < year))  # noqa: PLR2004
        if way > 0 or (not way and self.ahead):
            return next((days for days in occurrences if days[1 if not way else 0] > self.today), occurrences[-1])
        return next(
            (days for days in reversed(occurrences) if (days[1] if way else days[0]) <= self.today), occurrences[0]
        )


def move(start: date, count: int, unit: str) -> date:
    """``start`` so many units later or, if negative, earlier; the same day of another month, if that has it."""
    if unit in ("month", "year"):
        first, _ = calendar_arithmetic.months(start.year, start.month + count * (12 if unit == "year" else 1))
        last = (first.replace(day=28) + timedelta(days=4)).replace(day=1) - timedelta(days=1)
        return first.replace(day=min(start.day, last.day))
    return calendar_arithmetic.shift(start, count * (1 if unit == "day" else 7))
