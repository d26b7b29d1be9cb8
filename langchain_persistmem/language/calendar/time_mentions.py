"""Memories whose text seems to speak of a time; pure."""

import re
from functools import cache

from langchain_persistmem.language.calendar import cjk_dates
from langchain_persistmem.language.calendar.date_tokens import calendar_words
from langchain_persistmem.types.recall_results import RecallCandidate
from langchain_persistmem.types.records import Memory

READ_FOR_TIMES = 500
"""Characters of a memory in which a date is looked for."""

_WORD = re.compile(r"\w+")


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
