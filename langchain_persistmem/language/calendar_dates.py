"""Times that a text gives by their date: 7 May 2023, 2023-05-07, in March, in 2022; pure."""

import re
from datetime import date

from langchain_persistmem.language import calendar_words as calendar_words_flow
from langchain_persistmem.language import periods
from langchain_persistmem.language.date_tokens import EARLIEST, LATEST, Time, Tokens
from langchain_persistmem.language.periods import Days

_NUMERIC = re.compile(r"(\d+)[-/.](\d+)(?:[-/.](\d+))?")
_YEAR_MARKS = (
    frozenset("in im en em nel del of year jahr anno année año ano the during des von van".split())  # noqa: SIM905
    | calendar_words_flow.SINCE
    | calendar_words_flow.BEFORE
    | calendar_words_flow.AFTER
    | calendar_words_flow.BETWEEN
)
_CENTURY = 69
"""A year of two digits up to this one is of this century."""


class Dates(Tokens):
    """What has a number or the name of a month."""

    def _month(self, place: int, *, short: bool) -> int | None:
        word = self._word(place)
        return calendar_words_flow.MONTHS.get(word) or (calendar_words_flow.SHORT_MONTHS.get(word) if short else None)

    def _numeric(self, place: int) -> Time | None:
        match = _NUMERIC.fullmatch(self._word(place))
        if match is None:
            return None
        one, two, three = int(match[1]), int(match[2]), int(match[3] or 0)
        sure = 1.0
        if len(match[1]) == 4:  # noqa: PLR2004
            found = periods.day(one, two, three) if match[3] else self._month_of_year(match[0], one, two)
        else:
            year = three if three > 99 else 2000 + three if three < _CENTURY else 1900 + three  # noqa: PLR2004
            found = periods.day(year, two, one)
            other = periods.day(year, one, two)
            if "/" in self._word(place) and other is not None:  # 3/4 is read as in the United States
                sure = 1.0 if found is None or found == other else 0.6
                found = other
        return None if found is None else Time(place, place + 1, found, sure)

    def _month_of_year(self, word: str, year: int, month: int) -> Days | None:
        """2023-05, 2023/5, 2023.05; a decimal number is none."""
        decimal = "." in word and len(word.partition(".")[2]) != 2  # noqa: PLR2004
        within = EARLIEST <= year <= LATEST and 1 <= month <= 12  # noqa: PLR2004
        return periods.months(year, month) if within and not decimal else None

    def _day_first(self, place: int) -> Time | None:
        """7 May 2023, 7th of May, 3-7 May, 7. Mai, el 7 de mayo."""
        number = self._digits(place)
        if number is None or not 1 <= number <= 31:  # noqa: PLR2004
            return None
        at, until = self._after_fillers(place + 1), number
        if (
            self._word(at) in calendar_words_flow.AND or self._digits(at) is not None
        ):  # "3 to 7 May", or "3-7 May" without a word
            at = at if self._digits(at) is not None else at + 1
            until = self._digits(at) or 0
            at = self._after_fillers(at + 1)
        month = self._month(at, short=True)
        return None if month is None else self._dated(place, at + 1, month, number, until)

    def _month_first(self, place: int, previous: Time | None) -> Time | None:
        """May 7th, 2023; May 2023; in May."""
        month = self._month(place, short=True)
        if month is None:
            return None
        at = place + 1 + (self._word(place + 1) == "the")
        number = self._digits(at)
        if number is not None and 1 <= number <= 31:  # noqa: PLR2004
            at = self._after_fillers(at + 1) if self._word(at + 1) in calendar_words_flow.FILLERS else at + 1
            until = number
            if self._word(at) in calendar_words_flow.AND and number < (self._digits(at + 1) or 0) <= 31:  # noqa: PLR2004
                until, at = self._digits(at + 1) or number, at + 2
            return self._dated(place, at, month, number, until)
        year = self._year_at(self._after_fillers(place + 1))
        if year is not None:
            return Time(place, self._after_fillers(place + 1) + 1, periods.months(year, month), 1.0)
        word = self._word(place)
        follows = (
            previous is not None and previous.last == place - 1 and self._word(place - 1) in calendar_words_flow.AND
        )
        if word not in calendar_words_flow.MONTHS or not (
            word not in calendar_words_flow.ALSO_WORDS or follows or self._marked(place)
        ):
            return None
        way = self._way(place)
        certainty = 0.7 if word in calendar_words_flow.ALSO_WORDS else 0.9
        return Time(
            place - (way != 0), place + 1, self._nearest(lambda y: periods.months(y, month), way), certainty, floating=True
        )  # fmt: skip

    def _dated(self, place: int, at: int, month: int, number: int, until: int) -> Time | None:
        """Days of a month, with the year that follows or else the latest one."""
        year = self._year_at(self._after_fillers(at))

        def of(year: int) -> Days | None:
            first, last = periods.day(year, month, number), periods.day(year, month, max(until, number))
            return None if first is None or last is None else (first[0], last[1])

        if year is not None:
            found = of(year)
            return None if found is None else Time(place, self._after_fillers(at) + 1, found, 1.0)
        years = (self.today.year + (1 if self.ahead else 0) - back for back in range(9))
        fitting = [days for days in map(of, years) if days is not None]
        wanted = [days for days in fitting if self.ahead or days[0] <= self.today]
        if self.ahead:
            wanted = [days for days in fitting if days[1] > self.today][-1:]
        return Time(place, at, wanted[0], 0.9, floating=True) if wanted else None

    def _year(self, place: int) -> Time | None:
        year = self._year_at(place)
        if year is None or self._word(place - 1) not in _YEAR_MARKS or self._word(place + 1) == "s":
            return None
        sure = 0.6 if self._word(place - 1) == "the" else 1.0
        return Time(place, place + 1, (date(year, 1, 1), date(year + 1, 1, 1)), sure)
