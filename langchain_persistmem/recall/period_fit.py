"""Fit of a memory's time to the periods that a question asks about; pure."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta

from langchain_persistmem.language.calendar import calendar_arithmetic
from langchain_persistmem.language.calendar.time_expressions import READ_FOR_TIMES, find_periods
from langchain_persistmem.types.recall_results import Period, RecallCandidate
from langchain_persistmem.types.records import Memory

_TAIL = timedelta(days=7)
"""Events are told of for some days after: a turn counts less and less until so long after the period."""
_LONGEST_MENTION = timedelta(days=31)
"""A longer time that a memory mentions ("this year") tells nothing of a shorter one that is asked for."""
_LATER = 0.6
"""What was told after the time that is asked for counts so much at most, or its neighbours would stand before the day itself."""
_WHOLE: Mapping[str, int] = {"month": 1, "season": 3, "year": 12}
"""Months in which an event was, where its day is not known."""
_STILL = 0.5
"""A memory that became true earlier and still was counts less than one that happened then."""


def fit(memory: Memory | RecallCandidate, wanted: Sequence[Period]) -> float:
    """0 to 1: how well a memory's time fits one of the times ``wanted``, times how sure that one is.

    A memory's time is its valid time, or a time that its text speaks of, as seen from the day it was said.
    """
    best = 0.0
    for period in wanted:
        if best < period.certainty:
            best = max(best, period.certainty * _valid(memory, period))
    if best < max((period.certainty for period in wanted), default=0.0):
        mentions = find_periods((memory.text or "")[:READ_FOR_TIMES], now=memory.valid_from)
        pairs = ((mention, period) for mention in mentions for period in wanted)
        best = max([best, *(period.certainty for mention, period in pairs if _is_about(mention, period))])
    return best


def _valid(memory: Memory | RecallCandidate, period: Period) -> float:
    start, end = memory.valid_from, memory.valid_until
    months = _WHOLE.get(memory.date_precision or "") if memory.kind == "episodic" else None
    if months is not None:
        return _share(calendar_arithmetic.whole(start, months), period)
    if period.start <= start < period.end:
        return 1.0
    if start < period.start:
        lasting = memory.kind != "episodic" and (end is None or end > period.start)
        return _STILL if lasting else 0.0
    return _fade(start, period.end) if memory.kind == "episodic" else 0.0


def _share(whole: tuple[datetime, datetime], period: Period) -> float:
    """The fit of an event of which only the month, or the year, is known: it may have been on the day that is asked for."""
    if period.start <= whole[0] and whole[1] <= period.end:
        return 1.0
    return _STILL if whole[0] < period.end and period.start < whole[1] else 0.0


def _fade(start: datetime, end: datetime) -> float:
    """Less and less for what was told later: never as much as for what lies within, or says itself that it does."""
    return _LATER * max(0.0, 1.0 - (start - end) / _TAIL)


def _is_about(mention: Period, period: Period) -> bool:
    if mention.end - mention.start > max(period.end - period.start, _LONGEST_MENTION):
        return False
    return mention.start < period.end and period.start < mention.end
