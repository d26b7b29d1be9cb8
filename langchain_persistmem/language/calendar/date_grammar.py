"""Times that a text gives by their date (7 May 2023, in March) or as seen from today (last spring, two weeks ago); pure."""

import re
from datetime import date

from langchain_persistmem.language.calendar import calendar_arithmetic
from langchain_persistmem.language.calendar.calendar_arithmetic import Days
from langchain_persistmem.language.calendar.date_tokens import EARLIEST, LATEST, Time, Tokens, move

_NUMERIC = re.compile(r"(\d+)[-/.](\d+)(?:[-/.](\d+))?")
_CENTURY = 69
"""A year of two digits up to this one is of this century."""
_SLACK = {"day": (0, 0.9), "week": (3, 0.8), "weekend": (1, 0.8), "month": (15, 0.7), "year": (182, 0.6)}
"""Days around "so many units ago", and how sure that is."""


class Dates(Tokens):
    """Grammar of times that have a number or the name of a month."""

    def _month(self, index: int, *, short: bool) -> int | None:
        word = self._word(index)
        return self.calendar.months.get(word) or (self.calendar.short_months.get(word) if short else None)

    def _numeric(self, index: int) -> Time | None:
        match = _NUMERIC.fullmatch(self._word(index))
        if match is None:
            return None
        one, two, three = int(match[1]), int(match[2]), int(match[3] or 0)
        sure = 1.0
        if len(match[1]) == 4:  # noqa: PLR2004
            span = calendar_arithmetic.day(one, two, three) if match[3] else self._month_of_year(match[0], one, two)
        else:
            year = three if three > 99 else 2000 + three if three < _CENTURY else 1900 + three  # noqa: PLR2004
            span = calendar_arithmetic.day(year, two, one)
            other = calendar_arithmetic.day(year, one, two)
            if "/" in self._word(index) and other is not None:  # 3/4 is read as in the United States
                sure = 1.0 if span is None or span == other else 0.6
                span = other
        return None if span is None else Time(index, index + 1, span, sure)

    def _month_of_year(self, word: str, year: int, month: int) -> Days | None:
        """2023-05, 2023/5, 2023.05; a decimal number is none."""
        decimal = "." in word and len(word.partition(".")[2]) != 2  # noqa: PLR2004
        within = EARLIEST <= year <= LATEST and 1 <= month <= 12  # noqa: PLR2004
        return calendar_arithmetic.months(year, month) if within and not decimal else None

    def _day_first(self, index: int) -> Time | None:
        """7 May 2023, 7th of May, 3-7 May, 7. Mai, el 7 de mayo."""
        number = self._digits(index)
        if number is None or not 1 <= number <= 31:  # noqa: PLR2004
            return None
        at, until = self._after_fillers(index + 1), number
        if (
            self._word(at) in self.calendar.conjunctions or self._digits(at) is not None
        ):  # "3 to 7 May", or "3-7 May" without a word
            at = at if self._digits(at) is not None else at + 1
            until = self._digits(at) or 0
            at = self._after_fillers(at + 1)
        month = self._month(at, short=True)
        return None if month is None else self._read_days(index, at + 1, month, number, until)

    def _month_first(self, index: int, previous: Time | None) -> Time | None:
        """May 7th, 2023; May 2023; in May."""
        month = self._month(index, short=True)
        if month is None:
            return None
        # A day of the month is looked for before a year: "May 7, 2023" has both.
        at = index + 1 + (self._word(index + 1) == "the")
        number = self._digits(at)
        if number is not None and 1 <= number <= 31:  # noqa: PLR2004
            at = self._after_fillers(at + 1) if self._word(at + 1) in self.calendar.fillers else at + 1
            until = number
            if self._word(at) in self.calendar.conjunctions and number < (self._digits(at + 1) or 0) <= 31:  # noqa: PLR2004
                until, at = self._digits(at + 1) or number, at + 2
            return self._read_days(index, at, month, number, until)
        year = self._year_at(self._after_fillers(index + 1))
        if year is not None:
            return Time(index, self._after_fillers(index + 1) + 1, calendar_arithmetic.months(year, month), 1.0)
        word = self._word(index)
        follows = (
            previous is not None and previous.last == index - 1 and self._word(index - 1) in self.calendar.conjunctions
        )
        if word not in self.calendar.months or not (
            word not in self.calendar.ambiguous or follows or self._mark(index)
        ):
            return None
        way = self._way(index)
        certainty = 0.7 if word in self.calendar.ambiguous else 0.9
        days = self._nearest(lambda y: calendar_arithmetic.months(y, month), way)
        return Time(index - (way != 0), index + 1, days, certainty, floating=not way)

    def _read_days(self, index: int, at: int, month: int, number: int, until: int) -> Time | None:
        """Days of a month, with the year that follows or else the latest one."""
        year = self._year_at(self._after_fillers(at))

        def of(year: int) -> Days | None:
            first, last = (
                calendar_arithmetic.day(year, month, number),
                calendar_arithmetic.day(year, month, max(until, number)),
            )
            return None if first is None or last is None else (first[0], last[1])

        if year is not None:
            span = of(year)
            return None if span is None else Time(index, self._after_fillers(at) + 1, span, 1.0)
        years = (self.today.year + (1 if self.ahead else 0) - back for back in range(9))
        fitting = [days for days in map(of, years) if days is not None]
        wanted = [days for days in fitting if self.ahead or days[0] <= self.today]
        if self.ahead:
            wanted = [days for days in fitting if days[1] > self.today][-1:]
        return Time(index, at, wanted[0], 0.9, floating=True) if wanted else None

    def _year(self, index: int) -> Time | None:
        year = self._year_at(index)
        if year is None or self._word(index - 1) not in self.calendar.before_year or self._word(index + 1) == "s":
            return None
        sure = 0.6 if self._word(index - 1) == "the" else 1.0
        return Time(index, index + 1, (date(year, 1, 1), date(year + 1, 1, 1)), sure)


class RelativeDates(Tokens):
    """Grammar of times that are counted from today, or from another time in the text."""

    def _read_shifted(self, index: int, previous: Time | None) -> Time | None:
        """Two weeks ago, vor zwei Wochen; two weeks before 7 May; the week after that."""
        prefix = self.calendar.ago_before.length_at(self.words, index)
        at = index + prefix
        vague = self._word(at) in self.calendar.vague or self._word(at + 1) in self.calendar.vague
        count = self._number(at + 1 if vague and self._word(at + 1) in self.calendar.vague else at)
        if self._word(at) in self.calendar.articles and self._unit(at + 1) is not None:  # "the week before"
            count = 1
        skipped = at + 1
        if count is None and self._is_counted_from(at):
            count, skipped = 1, at
        while skipped < at + 4 and self._word(skipped) in self.calendar.fillers | self.calendar.vague:
            skipped += 1
        unit = self._unit(skipped)
        if count is None or unit is None:
            return None
        end = skipped + 1
        if prefix:
            return self._ago(index, end, count, unit, vague=vague)
        if self._word(end) in self.calendar.ago_after and self._word(at) != "the":
            return self._ago(index, end + 1, count, unit, vague=vague)
        return self._from_anchor(index, end, count, unit, previous)

    def _is_counted_from(self, index: int) -> bool:
        """Tell if a unit without a number stands there, from which something is counted: am Tag vor Weihnachten."""
        words = self.calendar
        is_unit = self._unit(index) is not None and self._word(index - 1) in words.prepositions | words.articles
        return is_unit and self._word(index + 1) in words.before | words.after | words.earlier | words.later

    def _ago(self, index: int, end: int, count: int, unit: str, *, vague: bool) -> Time:
        around, sure = _SLACK[unit]
        around = round(around * 1.5) + 1 if vague else around if unit != "day" or count < 7 else 1  # noqa: PLR2004
        then = move(self.today, -count, unit)
        if unit == "weekend":
            return Time(index, end, calendar_arithmetic.weekend(self.today, -count), sure)
        days = calendar_arithmetic.days(calendar_arithmetic.shift(then, -around), 2 * around + 1)
        return Time(index, end, days, sure - 0.2 * vague)

    def _from_anchor(self, index: int, end: int, count: int, unit: str, previous: Time | None) -> Time | None:
        word = self._word(end)
        later = self.calendar.later | self.calendar.after
        way = -1 if word in self.calendar.earlier | self.calendar.before else 1 if word in later else 0
        if not way or self.calendar.days.length_at(self.words, end - 1) > 1:  # the day before yesterday
            return None
        at = self._after_fillers(end + 1)
        anchor = self._anchor(at) if self._word(at) not in self.calendar.that else None
        last = anchor.last if anchor else end + 1 + (self._word(end + 1) in self.calendar.that)
        anchor = anchor or (previous if self._word(end + 1) in self.calendar.that or not self._word(end + 1) else None)
        if anchor is None:
            return None
        start = anchor.days[0] if way < 0 else calendar_arithmetic.shift(anchor.days[1], -1)
        around, sure = _SLACK[unit]
        then = move(start, way * count, unit)
        days = calendar_arithmetic.days(calendar_arithmetic.shift(then, -around), 2 * around + 1)
        return Time(index, last, days, min(sure, anchor.certainty))

    def _day_name(self, index: int) -> Time | None:
        """Yesterday, the day before yesterday, last night."""
        if self._word(index) in self.calendar.last and self._word(index + 1) in self.calendar.nights:
            return Time(index, index + 2, calendar_arithmetic.days(calendar_arithmetic.shift(self.today, -1), 2), 0.9)
        length = self.calendar.days.length_at(self.words, index)
        name = self.words[index : index + length]
        if not length or not self.foreign.isdisjoint(name):
            return None
        if f"{self._word(index - 1)} {name[0]}" in self.calendar.no_days:
            return None
        days = self.calendar.days[" ".join(name)]
        return Time(
            index,
            index + length,
            calendar_arithmetic.days(calendar_arithmetic.shift(self.today, days)),
            0.9 if days < 0 else 0.3,
        )

    def _relative(self, index: int) -> Time | None:
        """Last week, this month, the past two weeks, la semaine dernière, el mes pasado."""
        way = self._way(index + 1)
        word = self._word(index)
        if way:
            count, unit = self._number(index + 1), self._unit(index + 2)
            if way < 0 and count is not None and unit is not None:  # the last two weeks
                return self._up_to_today(index, index + 3, count, unit)
            unit = self._unit(index + 1)
            if unit is not None and word in self.calendar.last_up_to_today:
                return self._up_to_today(index, index + 2, 1, unit)
            return None if unit is None else self._whole(index, index + 2, unit, way)
        if (
            word in self.calendar.this
            and self._unit(index + 1) is not None
            and self._word(index + 2) not in self.calendar.last_after_unit
        ):
            return self._whole(index, index + 2, self._unit(index + 1) or "", 0)
        unit, count = self._unit(index), self._number(index)
        if (
            unit is not None
            and self._word(index + 1) in self.calendar.last | self.calendar.next
            and self._word(index - 1) not in self.calendar.numbers
        ):
            return self._whole(index, index + 2, unit, -1 if self._word(index + 1) in self.calendar.last else 1)
        if count is not None and self._word(index + 1) in self.calendar.last and self._unit(index + 2) is not None:
            return self._up_to_today(index, index + 3, count, self._unit(index + 2) or "")
        return None

    def _whole(self, index: int, end: int, unit: str, way: int) -> Time:
        today, sure = self.today, 0.9 if way else 0.5
        if unit == "day":
            span = calendar_arithmetic.days(calendar_arithmetic.shift(today, way))
        elif unit == "week":
            span = calendar_arithmetic.week(today, way)
        elif unit == "weekend":
            span = calendar_arithmetic.weekend(today, way)
        elif unit == "month":
            span = calendar_arithmetic.months(today.year, today.month + way)
        else:
            span = calendar_arithmetic.months(today.year + way, 1, 12)
        return Time(index, end, span, sure)

    def _up_to_today(self, index: int, end: int, count: int, unit: str) -> Time:
        first = move(self.today, -count, unit)
        return Time(index, end, (first, calendar_arithmetic.shift(self.today, 1)), 0.8)

    def _season_or_feast(self, index: int) -> Time | None:
        word = self._word(index)
        season = self.calendar.seasons.get(word)
        length = self.calendar.feasts.length_at(self.words, index)
        feast = self.calendar.feasts.get(" ".join(self.words[index : index + length]))
        end = index + max(length, 1)
        if season is None and feast is None:
            return None

        def of(year: int) -> Days:
            return (
                calendar_arithmetic.season(year, season)
                if season is not None
                else calendar_arithmetic.feast(feast or "", year)
            )

        after = self._after_fillers(end)
        year = self._year_at(after)
        if year is not None:
            return Time(index, after + 1, of(year), 1.0)
        # "Spring" and "fall" are verbs too: without a year they need a word of time beside them.
        if (
            word in self.calendar.ambiguous
            and not self._mark(index)
            and self._word(index + 1) not in self.calendar.last
        ):
            return None
        way = self._way(index)
        last = end + (way == 0 and self._word(end) in self.calendar.last | self.calendar.next)
        if last > end:
            way = -1 if self._word(end) in self.calendar.last else 1
        first = index - (way != 0 and last == end)
        return Time(first, last, self._nearest(of, way or self._this(index)), 0.8, floating=not way)

    def _this(self, index: int) -> int:
        return 2 if self._word(index - 1) in self.calendar.this else 0

    def _weekday(self, index: int) -> Time | None:
        """Last Tuesday, on Tuesday, mardi dernier."""
        number, way = self.calendar.weekdays.get(self._word(index)), self._way(index)
        if number is None:
            return None
        end = index + 1 + (self._word(index + 1) in self.calendar.weekday_suffixes)
        after = self._word(end) in self.calendar.last | self.calendar.next
        if after:
            way = -1 if self._word(end) in self.calendar.last else 1
        ambiguous = self._word(index) in self.calendar.ambiguous and end == index + 1 and not after
        if ambiguous or not (way or self._mark(index) or self._word(index - 1) in self.calendar.articles):
            return None
        back = (self.today.weekday() - number - 1) % 7 + 1
        ahead = (number - self.today.weekday() - 1) % 7 + 1
        then = calendar_arithmetic.shift(self.today, ahead if way > 0 or (not way and self.ahead) else -back)
        return Time(
            index - (way != 0 and not after), end + after, calendar_arithmetic.days(then), 0.8 if way < 0 else 0.6
        )
