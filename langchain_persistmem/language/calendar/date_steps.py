"""Times that a text gives in several steps: in 8 months, a year and a half ago, the first Monday of May; pure."""

from dataclasses import replace
from datetime import date

from langchain_persistmem.language.calendar import calendar_arithmetic
from langchain_persistmem.language.calendar.calendar_arithmetic import Days
from langchain_persistmem.language.calendar.date_tokens import QUARTER, Time, Tokens, move

Steps = list[tuple[int, str]]
"""Numbers of units, one behind the other."""

_SLACK = {"day": 0, "week": 3, "weekend": 1, "month": 10, "year": 120}
"""Days around a time that is counted in units, by the smallest of them."""
_HALVES = {"year": (6, "month"), "month": (15, "day"), "week": (4, "day")}
_MOST_STEPS = 4
_LEAST_OF_MONTH, _LONGEST_MONTH = 28, 31
_MONTHS, _QUARTERS, _HALVES_OF_YEAR = 12, 4, 2
_HALF_A_YEAR = 182
"""Days."""
_WEEK = 7
_LONGEST_GAP = 2
"""Words between the two parts of "on Tuesday of last week"."""


class ComposedDates(Tokens):
    """Grammar of times that are worked out from a number of steps, or from another time."""

    def _composed(self, index: int) -> Time | None:
        return (
            self._part_of_year(index)
            or self._day_of_month(index)
            or self._ordinal(index)
            or self._lasting(index)
            or self._from_now(index)
            or self._ago_in_steps(index)
            or self._two_back_or_ahead(index)
            or self._weekday_beside(index)
        )

    def _steps(self, index: int) -> tuple[Steps, int] | None:
        """Numbers of units from ``index`` on: "one year and two months", "two and a half years"; and where they end."""
        steps: Steps = []
        at = index
        while len(steps) < _MOST_STEPS and (step := self._step(at)) is not None:
            several, end = step
            steps += several
            if self._word(end) in self.calendar.conjunctions and self._is_half(end + 1):
                halves = _HALVES.get(several[-1][1])
                return ([*steps, halves] if halves else steps), self._after_half(end + 1)
            at = end + (self._word(end) in self.calendar.conjunctions)
            if at == end or self._step(at) is None:
                return steps, end
        return (steps, at) if steps else None

    def _step(self, at: int) -> tuple[Steps, int] | None:
        """One number and its unit, with a half between them or not."""
        if (bare := self._bare_half(at)) is not None:
            return bare
        count, half = self._number(at), False
        end = at + 1
        if count is not None and self._word(end) in self.calendar.conjunctions and self._is_half(end + 1):
            half, end = True, self._after_half(end + 1)
        elif self._word(at) in self.calendar.one_and_half:
            count, half = 1, True
        if self._word(end) in self.calendar.vague:
            end += 1
        unit = self._unit(self._after_fillers(end))
        if count is None or unit is None:
            return None
        steps = [(count, unit), *([_HALVES[unit]] if half and unit in _HALVES else [])]
        return steps, self._after_fillers(end) + 1

    def _bare_half(self, at: int) -> tuple[Steps, int] | None:
        """Half a year, einem halben Jahr."""
        at += self.calendar.numbers.get(self._word(at)) == 1
        if self._word(at) not in self.calendar.half:
            return None
        end = at + 1 + (self.calendar.numbers.get(self._word(at + 1)) == 1)
        halves = _HALVES.get(self._unit(end) or "")
        return None if halves is None else ([halves], end + 1)

    def _is_half(self, at: int) -> bool:
        """Tell whether "a half" or "half" stands there."""
        return self._word(self._after_half(at) - 1) in self.calendar.half

    def _after_half(self, at: int) -> int:
        article = self._word(at) in self.calendar.articles or self.calendar.numbers.get(self._word(at)) == 1
        return at + 1 + article

    def _count(self, steps: Steps, way: int) -> Days:
        """The days around so many steps before today (-1) or after it (1)."""
        then = _move_all(self.today, steps, way)
        around = min(_SLACK[unit] for _, unit in steps)
        if all(unit == "day" for _, unit in steps):
            around = 0 if sum(count for count, _ in steps) < _WEEK else 1
        return calendar_arithmetic.days(calendar_arithmetic.shift(then, -around), 2 * around + 1)

    def _ago_in_steps(self, index: int) -> Time | None:
        """A year and a half ago, vor einem Jahr und zwei Monaten; a single step is read elsewhere."""
        prefix = self.calendar.ago_before.length_at(self.words, index)
        reading = self._steps(index + prefix)
        if reading is None:
            return None
        steps, end = reading
        if len(steps) < 2 and self.calendar.half.isdisjoint(self.words[index:end]):  # noqa: PLR2004
            return None
        if not prefix and self._word(end) not in self.calendar.ago_after:
            return None
        return Time(index, end + (not prefix), self._count(steps, -1), 0.7)

    def _from_now(self, index: int) -> Time | None:
        """In 8 months, two weeks from now, a week from tomorrow; of what is past, "in 8 months" is how long it took."""
        prefix = self.calendar.from_now_before.length_at(self.words, index)
        reading = self._steps(index + prefix)
        if reading is None:
            return None
        steps, end = reading
        suffix = self.calendar.from_now_after.length_at(self.words, end)
        if suffix:
            return Time(index, end + suffix, self._count(steps, 1), 0.8)
        if self._word(end) in self.calendar.counted_from:
            anchor = self._anchor(self._after_fillers(end + 1))
            if anchor is not None and anchor.first <= end + 2:
                start, ahead = anchor.days[0], anchor.days[0] > self.today
                if not ahead and self._weekday_in(anchor) is not None:
                    start = calendar_arithmetic.shift(start, _WEEK)
                return Time(
                    index, anchor.last, calendar_arithmetic.days(_move_all(start, steps, 1)), min(anchor.certainty, 0.7)
                )
        behind = self.calendar.ago_after | self.calendar.later | self.calendar.earlier | self.calendar.last
        if not prefix or self._word(end) in behind or not self.calendar.past.isdisjoint(self.words):
            return None
        return Time(index, end, self._count(steps, 1), 0.8 if self.ahead else 0.6)

    def _lasting(self, index: int) -> Time | None:
        """For 3 years, seit drei Jahren: from then on until today."""
        since = self._word(index) in self.calendar.since
        if not since and (
            self._word(index) not in self.calendar.lasting or not self.calendar.past.isdisjoint(self.words)
        ):
            return None
        # Some languages say "since ago": desde hace tres años.
        reading = self._steps(index + 1 + (self.calendar.ago_before.length_at(self.words, index + 1) if since else 0))
        if reading is None or self._word(reading[1]) in self.calendar.ago_after:
            return None
        steps, end = reading
        first = _move_all(self.today, steps, -1)
        return Time(index, end, (first, calendar_arithmetic.shift(self.today, 1)), 0.6 if since else 0.5)

    def _part_of_year(self, index: int) -> Time | None:
        """The first half of 2023, im zweiten Quartal des letzten Jahres, Q3 2023."""
        if self._word(index) == QUARTER:
            number, parts = self._digits(index + 1), _QUARTERS
        else:
            number, word = self.calendar.ordinals.get(self._word(index)), self._word(index + 1)
            parts = _HALVES_OF_YEAR if word in self.calendar.half_years else _QUARTERS
            if parts == _QUARTERS and word not in self.calendar.quarters:
                return None
        if number is None or not 1 <= number <= parts:
            return None
        at = self._after_gap(index + 2)
        year, outer = self._year_at(at), self._anchor(at)
        if year is None and (outer is None or not _is_year(outer.days)):
            return None
        last = at + 1 if outer is None or year is not None else outer.last
        months = _MONTHS // parts
        first = outer.days[0].year if outer is not None and year is None else year or 0
        return Time(index, last, calendar_arithmetic.months(first, 1 + months * (number - 1), months), 0.9)

    def _day_of_month(self, index: int) -> Time | None:
        """The 3rd of last month, el 3 del mes pasado, on the 10th."""
        number, words = self._digits(index), self.calendar
        if number is None or not 1 <= number <= _LONGEST_MONTH:
            return None
        at = self._after_fillers(index + 1)
        outer = self._read(at) if at > index + 1 else None
        if outer is not None:
            is_month = any(words.units.get(word) == "month" for word in self.words[outer.first : outer.last])
            days = calendar_arithmetic.day(outer.days[0].year, outer.days[0].month, number) if is_month else None
            return None if days is None or outer.first > at else replace(outer, first=index, days=days)
        # "The 10th floor" is no day: it has to end there, and "on the" to stand before it.
        is_day = self._word(index + 1) in words.day_endings and self._word(index - 1) in words.articles
        if (
            not is_day
            or self._word(index - 2) not in words.marks
            or self._word(index + 2) not in {"", *words.conjunctions}
        ):
            return None
        months = [calendar_arithmetic.months(self.today.year, self.today.month + count)[0] for count in (1, 0, -1, -2)]
        fitting = [
            days for month in months if (days := calendar_arithmetic.day(month.year, month.month, number)) is not None
        ]
        past = [days for days in fitting if days[0] <= self.today]
        ahead = [days for days in fitting if days[0] > self.today]
        choice = ahead[-1:] if self.ahead else past[:1]
        return Time(index, index + 2, choice[0], 0.7) if choice else None

    def _ordinal(self, index: int) -> Time | None:
        """The first Monday of May, the last weekend of August, the second week of June 2023."""
        number = self.calendar.ordinals.get(self._word(index))
        last = self._word(index) in self.calendar.last
        weekday, unit = self.calendar.weekdays.get(self._word(index + 1)), self._unit(index + 1)
        if (number is None and not last) or (weekday is None and unit not in ("day", "week", "weekend")):
            return None
        outer = self._read(self._after_gap(index + 2))
        if outer is None or (outer.days[1] - outer.days[0]).days < _LEAST_OF_MONTH:
            return None
        inner = _inside(outer.days, weekday, unit or "", -1 if last else number or 1)
        return None if inner is None else replace(outer, first=index, days=inner, floating=False)

    def _two_back_or_ahead(self, index: int) -> Time | None:
        """The week before last, the Friday before last, the month after next; vorletzte Woche."""
        adjective = (self._word(index) in self.calendar.next_but_one) - (
            self._word(index) in self.calendar.last_but_one
        )
        at = index + (adjective != 0)
        unit, weekday = self._unit(at), self.calendar.weekdays.get(self._word(at))
        if unit is None and weekday is None:
            return None
        back = self.calendar.before_last.length_at(self.words, at + 1)
        ahead = self.calendar.after_next.length_at(self.words, at + 1)
        way = adjective or (1 if ahead else -1 if back else 0)
        if not way:
            return None
        end = at + 1 + (0 if adjective else back or ahead)
        if weekday is not None:
            monday = calendar_arithmetic.shift(calendar_arithmetic.week(self.today, way)[0], weekday)
            # The Friday before last is the one before the latest, which may be of this week.
            behind = (self.today.weekday() - weekday - 1) % _WEEK + 1
            before_that = (weekday - self.today.weekday() - 1) % _WEEK + 1
            days = calendar_arithmetic.shift(self.today, -behind - _WEEK if way < 0 else before_that + _WEEK)
            return Time(index, end, calendar_arithmetic.days(days if not adjective else monday), 0.8)
        return Time(index, end, self._whole_unit(unit or "", 2 * way), 0.9)

    def _whole_unit(self, unit: str, count: int) -> Days:
        if unit == "day":
            return calendar_arithmetic.days(calendar_arithmetic.shift(self.today, count))
        if unit == "week":
            return calendar_arithmetic.week(self.today, count)
        if unit == "weekend":
            return calendar_arithmetic.weekend(self.today, count)
        if unit == "month":
            return calendar_arithmetic.months(self.today.year, self.today.month + count)
        return calendar_arithmetic.months(self.today.year + count, 1, 12)

    def _weekday_beside(self, index: int) -> Time | None:
        """On the Sunday after Easter, the Monday before 7 May 2023."""
        weekday = self.calendar.weekdays.get(self._word(index))
        word = self._word(index + 1)
        later = word in self.calendar.later | self.calendar.after
        if weekday is None or not (later or word in self.calendar.earlier | self.calendar.before):
            return None
        at = self._after_fillers(index + 2)
        anchor = self._anchor(at)
        if anchor is None:
            return None
        start, end = anchor.days
        if later:
            then = calendar_arithmetic.shift(end, (weekday - end.weekday()) % _WEEK)
        else:
            then = calendar_arithmetic.shift(start, -((start.weekday() - weekday - 1) % _WEEK + 1))
        return replace(anchor, first=index, days=calendar_arithmetic.days(then), floating=False)

    def _after_gap(self, index: int) -> int:
        """Pass over "of", "in the" and the like."""
        end = index + _LONGEST_GAP
        words = self.calendar.fillers | self.calendar.prepositions | self.calendar.articles
        while index < end and self._word(index) in words:
            index += 1
        return index

    def _join_weekday(self, read: Time) -> Time | None:
        """Tuesday of last week, two weeks ago on Tuesday: the weekday in the week that stands beside it."""
        at = self._after_gap(read.last)
        other = self._read(at, read)
        if other is None or other.first > at:
            return None
        day, week = (read, other) if self._weekday_in(read) is not None else (other, read)
        weekday = self._weekday_in(day)
        if weekday is None or (week.days[1] - week.days[0]).days != _WEEK:
            return None
        then = calendar_arithmetic.shift(week.days[0], (weekday - week.days[0].weekday()) % _WEEK)
        return Time(read.first, other.last, calendar_arithmetic.days(then), 0.8)

    def _in_year(self, read: Time) -> Time | None:
        """May last year, the summer two years ago, letztes Jahr im Mai: of what comes every year that of the year beside it."""
        # "Il" of "il y a" is an article of another language.
        at = self._after_gap(read.last)
        other = self._anchor(read.last) or self._anchor(at)
        if other is None or other.first > at:
            return None
        named, year = (read, other) if read.floating else (other, read)
        if not named.floating or year.floating or not _is_year(year.days):
            return None
        # Read as on the last day of that year, when the latest one is its own.
        middle = calendar_arithmetic.shift(year.days[0], _HALF_A_YEAR).year
        reader = type(self)(self.words, date(middle, _MONTHS, 31))
        reader.ahead = False
        reading = reader._read(named.first)
        return None if reading is None else replace(reading, first=read.first, last=other.last, floating=False)

    def _weekday_in(self, read: Time) -> int | None:
        if (read.days[1] - read.days[0]).days != 1:
            return None
        words = (self.calendar.weekdays.get(word) for word in self.words[read.first : read.last])
        return next((number for number in words if number is not None), None)

    def _start(self, read: Time, before: int) -> Time | None:
        """As of November, ab Mai, from June on: from then, which may lie ahead, without an end; else until today."""
        lengths = [n for n in (3, 2, 1) if before + 1 - n >= 0]
        phrases = {n: " ".join(self.words[before + 1 - n : before + 1]) for n in lengths}
        opening = next((n for n in lengths if phrases[n] in self.calendar.starting), 0)
        onwards = self._word(before) in self.calendar.between and self._word(read.last) in self.calendar.onwards
        if not opening and not onwards:
            return None
        start = read.days[0]
        if read.floating:  # of the years that may be meant the nearest
            starts = [move(start, years, "year") for years in (-1, 0, 1, 2)]
            start = min(starts, key=lambda day: abs((day - self.today).days))
        tomorrow = calendar_arithmetic.shift(self.today, 1)
        end = tomorrow if start < tomorrow else calendar_arithmetic.LAST.date()
        first = before + 1 - opening if opening else before
        return Time(first, read.last + onwards, (start, end), min(read.certainty, 0.8))


def _move_all(start: date, steps: Steps, way: int) -> date:
    for count, unit in steps:
        start = move(start, way * count, unit)
    return start


def _is_year(days: Days) -> bool:
    """Tell if it is a year, from January on or around a day."""
    return (days[1] - days[0]).days in (365, 366)


def _inside(days: Days, weekday: int | None, unit: str, number: int) -> Days | None:
    """The n-th weekday, day, week or weekend in a stretch of time, or with -1 the last; None if it has not so many."""
    first, end = days
    if unit == "day":
        then = calendar_arithmetic.shift(end, -1) if number < 0 else calendar_arithmetic.shift(first, number - 1)
        return calendar_arithmetic.days(then) if first <= then < end else None
    if unit == "week":
        then = (
            calendar_arithmetic.shift(end, -_WEEK)
            if number < 0
            else calendar_arithmetic.shift(first, _WEEK * (number - 1))
        )
        return (then, min(calendar_arithmetic.shift(then, _WEEK), end)) if first <= then < end else None
    wanted = 5 if weekday is None else weekday
    if number < 0:
        then = calendar_arithmetic.shift(end, -((end.weekday() - wanted - 1) % _WEEK + 1))
    else:
        then = calendar_arithmetic.shift(first, (wanted - first.weekday()) % _WEEK + _WEEK * (number - 1))
    return calendar_arithmetic.days(then, 2 if weekday is None else 1) if first <= then < end else None
