"""Times that a text gives as seen from today: last spring, on Tuesday, two weeks ago, the week before that; pure."""

from langchain_persistmem.language import calendar_words as calendar_words_flow
from langchain_persistmem.language import periods
from langchain_persistmem.language.date_tokens import THE, Time, Tokens, moved
from langchain_persistmem.language.periods import Days

_SLACK = {"day": (0, 0.9), "week": (3, 0.8), "weekend": (1, 0.8), "month": (15, 0.7), "year": (182, 0.6)}
"""Days around "so many units ago", and how sure that is."""
_VAGUE = frozenset("few couple paar".split())  # noqa: SIM905
_AFTER_UNIT = frozenset("dernier dernière pasado pasada scorso scorsa passato passata passado passada".split())  # noqa: SIM905


class RelativeDates(Tokens):
    """What is counted from today, or from another time in the text."""

    def _shifted(self, place: int, previous: Time | None) -> Time | None:
        """Two weeks ago, vor zwei Wochen; two weeks before 7 May; the week after that."""
        word = self._word(place)
        prefix = word in calendar_words_flow.AGO_BEFORE or (
            word == "il" and self.words[place + 1 : place + 3] == ["y", "a"]
        )
        at = place + (3 if word == "il" else 1) if prefix else place
        vague = self._word(at) in _VAGUE or self._word(at + 1) in _VAGUE
        count = self._number(at + 1 if vague and self._word(at + 1) in _VAGUE else at)
        if self._word(at) in THE and self._unit(at + 1) is not None:  # "the week before"
            count = 1
        skipped = at + 1
        while skipped < at + 4 and self._word(skipped) in calendar_words_flow.FILLERS | _VAGUE:
            skipped += 1
        unit = self._unit(skipped)
        if count is None or unit is None:
            return None
        end = skipped + 1
        if prefix:
            return self._ago(place, end, count, unit, vague=vague)
        if self._word(end) in calendar_words_flow.AGO_AFTER and self._word(at) != "the":
            return self._ago(place, end + 1, count, unit, vague=vague)
        return self._from_anchor(place, end, count, unit, previous)

    def _ago(self, place: int, end: int, count: int, unit: str, *, vague: bool) -> Time:
        around, sure = _SLACK[unit]
        around = round(around * 1.5) + 1 if vague else around if unit != "day" or count < 7 else 1  # noqa: PLR2004
        then = moved(self.today, -count, unit)
        if unit == "weekend":
            return Time(place, end, periods.weekend(self.today, -count), sure)
        days = periods.days(periods.shifted(then, -around), 2 * around + 1)
        return Time(place, end, days, sure - 0.2 * vague)

    def _from_anchor(self, place: int, end: int, count: int, unit: str, previous: Time | None) -> Time | None:
        word = self._word(end)
        way = (
            -1
            if word in calendar_words_flow.EARLIER | calendar_words_flow.BEFORE
            else 1
            if word in calendar_words_flow.LATER
            else 0
        )
        if not way or self.words[end - 1 : end + 2] == ["day", "before", "yesterday"]:
            return None
        at = self._after_fillers(end + 1)
        anchor = self._read(at) if self._word(at) not in calendar_words_flow.THAT else None
        last = anchor.last if anchor else end + 1 + (self._word(end + 1) in calendar_words_flow.THAT)
        anchor = anchor or (
            previous if self._word(end + 1) in calendar_words_flow.THAT or not self._word(end + 1) else None
        )
        if anchor is None:
            return None
        start = anchor.days[0] if way < 0 else periods.shifted(anchor.days[1], -1)
        around, sure = _SLACK[unit]
        then = moved(start, way * count, unit)
        days = periods.days(periods.shifted(then, -around), 2 * around + 1)
        return Time(place, last, days, min(sure, anchor.certainty))

    def _said(self, place: int) -> Time | None:
        """Yesterday, the day before yesterday, last night."""
        word = self._word(place)
        if self.words[place : place + 3] == ["day", "before", "yesterday"]:
            return Time(place, place + 3, periods.days(periods.shifted(self.today, -2)), 0.9)
        if word in calendar_words_flow.LAST and self._word(place + 1) in ("night", "evening"):
            return Time(place, place + 2, periods.days(periods.shifted(self.today, -1), 2), 0.9)
        shift = calendar_words_flow.DAYS.get(word)
        if (
            shift is None
            or (word == "hier" and not self.french)
            or (word == "mañana" and self._word(place - 1) == "la")
        ):
            return None
        shift -= word == "hier" and self._word(place - 1) == "avant"
        return Time(place, place + 1, periods.days(periods.shifted(self.today, shift)), 0.9 if shift < 0 else 0.3)

    def _relative(self, place: int) -> Time | None:
        """Last week, this month, the past two weeks, la semaine dernière, el mes pasado."""
        way = self._way(place + 1)
        word = self._word(place)
        if way:
            count, unit = self._number(place + 1), self._unit(place + 2)
            if way < 0 and count is not None and unit is not None:  # the last two weeks
                return self._up_to_today(place, place + 3, count, unit)
            unit = self._unit(place + 1)
            if unit is not None and word == "past":
                return self._up_to_today(place, place + 2, 1, unit)
            return None if unit is None else self._whole(place, place + 2, unit, way)
        if (
            word in calendar_words_flow.THIS
            and self._unit(place + 1) is not None
            and self._word(place + 2) not in _AFTER_UNIT
        ):
            return self._whole(place, place + 2, self._unit(place + 1) or "", 0)
        unit, count = self._unit(place), self._number(place)
        if (
            unit is not None
            and self._word(place + 1) in calendar_words_flow.LAST | calendar_words_flow.NEXT
            and self._word(place - 1) not in calendar_words_flow.NUMBERS
        ):
            return self._whole(place, place + 2, unit, -1 if self._word(place + 1) in calendar_words_flow.LAST else 1)
        if (
            count is not None
            and self._word(place + 1) in calendar_words_flow.LAST
            and self._unit(place + 2) is not None
        ):
            return self._up_to_today(place, place + 3, count, self._unit(place + 2) or "")
        return None

    def _whole(self, place: int, end: int, unit: str, way: int) -> Time:
        today, sure = self.today, 0.9 if way else 0.5
        if unit == "day":
            found = periods.days(periods.shifted(today, way))
        elif unit == "week":
            found = periods.week(today, way)
        elif unit == "weekend":
            found = periods.weekend(today, way)
        elif unit == "month":
            found = periods.months(today.year, today.month + way)
        else:
            found = periods.months(today.year + way, 1, 12)
        return Time(place, end, found, sure)

    def _up_to_today(self, place: int, end: int, count: int, unit: str) -> Time:
        first = moved(self.today, -count, unit)
        return Time(place, end, (first, periods.shifted(self.today, 1)), 0.8)

    def _season_or_feast(self, place: int) -> Time | None:
        word = self._word(place)
        season, feast = calendar_words_flow.SEASONS.get(word), calendar_words_flow.FEASTS.get(word)
        end, new_year = place + 1, word == "new" and self._word(place + 1) in ("year", "years")
        if new_year and (self._word(place + 2) in ("s", "eve", "day") or self._word(place + 1) == "years"):
            feast, end = "silvester", place + 2 + (self._word(place + 2) == "s")
            end += self._word(end) in ("eve", "day")
        if season is None and feast is None:
            return None

        def of(year: int) -> Days:
            return periods.season(year, season) if season is not None else periods.feast(feast or "", year)

        after = self._after_fillers(end)
        year = self._year_at(after)
        if year is not None:
            return Time(place, after + 1, of(year), 1.0)
        if (
            word in calendar_words_flow.ALSO_WORDS
            and not self._marked(place)
            and self._word(place + 1) not in calendar_words_flow.LAST
        ):
            return None
        way = self._way(place)
        last = end + (way == 0 and self._word(end) in calendar_words_flow.LAST | calendar_words_flow.NEXT)
        if last > end:
            way = -1 if self._word(end) in calendar_words_flow.LAST else 1
        return Time(
            place - (way != 0 and last == end), last, self._nearest(of, way or self._this(place)), 0.8, floating=True
        )

    def _this(self, place: int) -> int:
        return 2 if self._word(place - 1) in calendar_words_flow.THIS else 0

    def _weekday(self, place: int) -> Time | None:
        """Last Tuesday, on Tuesday, mardi dernier."""
        number, way = calendar_words_flow.WEEKDAYS.get(self._word(place)), self._way(place)
        if number is None:
            return None
        end = place + 1 + (self._word(place + 1) == "feira")
        after = self._word(end) in calendar_words_flow.LAST | calendar_words_flow.NEXT
        if after:
            way = -1 if self._word(end) in calendar_words_flow.LAST else 1
        ambiguous = (
            self._word(place) in calendar_words_flow.ALSO_WORDS and self._word(place + 1) != "feira" and not after
        )
        if ambiguous or not (way or self._marked(place) or self._word(place - 1) in THE):
            return None
        back = (self.today.weekday() - number - 1) % 7 + 1
        ahead = (number - self.today.weekday() - 1) % 7 + 1
        then = periods.shifted(self.today, ahead if way > 0 or (not way and self.ahead) else -back)
        return Time(place - (way != 0 and not after), end + after, periods.days(then), 0.8 if way < 0 else 0.6)
