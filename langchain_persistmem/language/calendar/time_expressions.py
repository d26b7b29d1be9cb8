"""Time expressions in questions and memories: "on 7 May", "last spring", "two weeks ago", "zwischen Juni und August"; pure.

Dates are read against a given moment, token by token from left to right, in one pass whose time grows with the length
of the text alone. What could be a time or something else ("may", "March", "spring") counts only beside a word or a
number that makes a time of it. Why this is no library is said in ``docs/decisions/0024-dates-in-questions.md``.
"""

import re
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime
from functools import cache, lru_cache

from langchain_persistmem.language.calendar import calendar_arithmetic, cjk_dates
from langchain_persistmem.language.calendar.calendar_arithmetic import Days
from langchain_persistmem.language.calendar.date_grammar import Dates, RelativeDates
from langchain_persistmem.language.calendar.date_steps import ComposedDates
from langchain_persistmem.language.calendar.date_tokens import Time, calendar_words
from langchain_persistmem.types.recall_results import Period, RecallCandidate
from langchain_persistmem.types.records import Memory

LONGEST = 4_000
"""Characters of a text that are read: who asks about a time does so early."""
READ_FOR_TIMES = 500
"""Characters of a memory in which a date is looked for."""
_MOST = 8
_LONGEST_START = 6
"""A time begins at most so many tokens before the one that makes a time of it, which is counted too."""
_FEWEST_DIGITS = 4
"""A shorter number is a time only beside a word that is."""
_WORD = re.compile(r"\w+")
_TOKEN = re.compile(
    r"\d{4}[-/.]\d{1,2}(?:[-/.]\d{1,2})?(?!\d)|\d{1,2}[./-]\d{1,2}[./-](?:\d{4}|\d{2})(?!\d)|\d+|[^\W\d_]+"
)


@lru_cache(16)  # the search and the ranking of one question ask for the same
def find_periods(text: str, *, now: datetime) -> tuple[Period, ...]:
    """Find the stretches of time that ``text`` speaks of, as seen from ``now``; in the time zone of ``now``, in order.

    >>> from datetime import UTC
    >>> (found,) = find_periods("What did I say last March?", now=datetime(2023, 10, 23, tzinfo=UTC))
    >>> found.start.date().isoformat(), found.end.date().isoformat(), found.text
    ('2023-03-01', '2023-04-01', 'last March')
    """
    tokens = list(_TOKEN.finditer(text[:LONGEST]))
    words = [token[0].casefold() for token in tokens]
    times = list(_Reader(words, now.date()).times()) if any(map(_is_telling, words)) else []
    result = [
        calendar_arithmetic.period(
            time.days, now.tzinfo, certainty=time.certainty, text=text[tokens[time.first].start() : tokens[time.last - 1].end()]
        )
        for time in times
    ]  # fmt: skip
    result += [
        calendar_arithmetic.period(days, now.tzinfo, certainty=certainty, text=words)
        for days, certainty, words in cjk_dates.find_times(text[:LONGEST], now.date())
    ]
    return tuple(time for time in result if time.start < time.end)[:_MOST]


def _is_telling(word: str) -> bool:
    """Tell whether a token can be part of a time at all: most texts have none, and cost nothing more."""
    return word in calendar_words().telling or (word[0].isdigit() and len(word) >= _FEWEST_DIGITS)


class _Reader(Dates, RelativeDates, ComposedDates):
    """The tokens of one text, read from left to right."""

    def times(self) -> Iterator[Time]:
        """Read the times of the text, with what "between", "since" and the like make of them."""
        # Reading is tried only where a time may begin, so that the cost grows with the times of a text and not its length.
        near = {
            index - back for index, word in enumerate(self.words) if _is_telling(word) for back in range(_LONGEST_START)
        }
        index, previous = 0, None
        while index < len(self.words):
            read = self._read(index, previous) if index in near else None
            if read is None:
                index += 1
                continue
            read = self._in_year(read) or read
            joined = self._join(read) or self._join_weekday(read)
            read = joined or self._add_bounds(read)
            yield read
            index, previous = max(read.last, index + 1), read

    def _read(self, index: int, previous: Time | None = None) -> Time | None:
        """Read the time that begins with the token at ``index``."""
        if not (self._word(index) in self.calendar.starts or self._word(index)[:1].isdigit()):
            return None
        return (
            self._numeric(index)
            or self._composed(index)
            or self._day_first(index)
            or self._month_first(index, previous)
            or self._read_shifted(index, previous)
            or self._day_name(index)
            or self._relative(index)
            or self._season_or_feast(index)
            or self._weekday(index)
            or self._year(index)
        )

    def _join(self, read: Time) -> Time | None:
        """Join two times that "between ... and ..." or "from ... to ..." makes one of; None if there is none."""
        before = self._opening(read.first)
        if self._word(before) not in self.calendar.between or self._word(read.last) not in self.calendar.conjunctions:
            return None
        other = self._read(self._after_fillers(read.last + 1), read)
        if other is None:
            other = self._read(self._after_fillers(read.last + 1) + 1, read)
        if other is None or other.first > read.last + 3:
            return None
        one, two = read.days, other.days
        if read.floating and not other.floating:
            one = _moved_to_year(one, two[0].year)
        if one[0] > two[0]:
            one = _moved_to_year(one, one[0].year - 1) if read.floating else one
        if one[0] > two[1]:
            return None
        return Time(before, other.last, (one[0], two[1]), min(read.certainty, other.certainty))

    def _add_bounds(self, read: Time) -> Time:
        """Make of a time what "since", "before" and "after" before it say."""
        before = self._opening(read.first)
        opened = self._start(read, before)
        if opened is not None:
            return opened
        word, (start, end), tomorrow = self._word(before), read.days, calendar_arithmetic.shift(self.today, 1)
        if word in self.calendar.since and start < tomorrow:
            return replace(read, first=before, days=(start, tomorrow), certainty=min(read.certainty, 0.8))
        if word in self.calendar.after and end < tomorrow:
            return replace(read, first=before, days=(end, tomorrow), certainty=min(read.certainty, 0.5))
        if word in self.calendar.before:
            until = end if word in self.calendar.until else start
            return replace(
                read, first=before, days=(calendar_arithmetic.FIRST.date(), until), certainty=min(read.certainty, 0.5)
            )
        return read

    def _opening(self, index: int) -> int:
        """Find the index of the word before, articles passed over."""
        before = index - 1
        while before > index - 4 and self._word(before) in self.calendar.passed_over and before > 0:
            if self._word(before) in self.calendar.between and self._word(before) in ("de", "het"):
                break
            before -= 1
        return before


def _moved_to_year(days: Days, year: int) -> Days:
    length = (days[1] - days[0]).days
    first = days[0]
    moved = calendar_arithmetic.day(year, first.month, min(first.day, 28) if first.month == 2 else first.day)  # noqa: PLR2004
    return calendar_arithmetic.days(moved[0], length) if moved else days


def mentions_time(memory: Memory | RecallCandidate) -> bool:
    """Tell whether a memory's text seems to speak of a time: it names a day, a month or a year, or a unit beside "last", "ago" ...

    Its words are looked at and not read, which takes a tenth of the time and is right as often as it matters.
    """
    begin = (memory.text or "")[:READ_FOR_TIMES]
    words = frozenset(_WORD.findall(begin.casefold()))
    dates, spans, marks = _telling_words()
    if not dates.isdisjoint(words) or (not spans.isdisjoint(words) and not marks.isdisjoint(words)):
        return True
    return not begin.isascii() and any(cjk_dates.find_times(begin, memory.valid_from.date()))


@cache
def _telling_words() -> tuple[frozenset[str], frozenset[str], frozenset[str]]:
    """Words that name a time, words that do so beside one of the third, and these."""
    words = calendar_words()
    names = frozenset((*words.months, *words.weekdays)) | words.days.single_words | words.feasts.single_words
    dates = (names - words.ambiguous) | {str(year) for year in range(1900, 2100)}
    spans = frozenset((*words.units, *words.seasons)) | words.nights | words.parts_of_day | (names & words.ambiguous)
    marks = words.last | words.this | words.next | words.ago_before.single_words | words.ago_after | words.vague
    return dates, spans, marks
