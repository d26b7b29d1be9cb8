"""The words for times of one language: the tables ``calendar`` and ``compact_calendar`` of its file."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from langchain_persistmem.language.phrases.word_lists import Groups, Words

Unit = Literal["day", "week", "weekend", "month", "year"]

Day = Literal["today", "yesterday", "day_before_yesterday", "tomorrow", "day_after_tomorrow"]

CompactTime = Literal[
    "day_before_yesterday", "yesterday", "today", "last_weekend", "last_week", "last_month", "last_year",
    "year_before_last", "this_week", "this_month", "this_year",
]  # fmt: skip

Feast = Literal["christmas", "easter", "halloween", "thanksgiving", "silvester", "valentine"]


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Calendar:
    """Words for times, where words stand apart.

    Days, feasts and ``ago_before`` may be phrases of several words.
    """

    months: Groups
    """January first."""
    short_months: Groups
    """Count as a month only beside a number."""
    weekdays: Groups
    """Monday first."""
    seasons: Groups
    """Winter first."""
    numbers: Groups
    """One to twelve."""
    units: Mapping[Unit, Words]
    """Day, week, weekend, month, year."""
    days: Mapping[Day, Words]
    feasts: Mapping[Feast, Words]
    ambiguous: Words = ()
    """Words and names that are times only beside a word that says so."""
    last: Words
    last_after_unit: Words = ()
    """Those of ``last`` that may follow a unit: la semaine dernière."""
    last_up_to_today: Words = ()
    """Those of ``last`` that mean the time up to now: the past week."""
    this: Words
    next: Words
    ago_before: Words = ()
    """Stand before a span that lies back: vor zwei Wochen."""
    ago_after: Words = ()
    """Stand behind it: two weeks ago."""
    from_now_before: Words = ()
    """Stand before a span that lies ahead: in 8 months; phrases."""
    from_now_after: Words = ()
    """Stand behind it: two weeks from now; phrases."""
    counted_from: Words = ()
    """Stand between a span and the time that it is counted from: a week from tomorrow."""
    lasting: Words = ()
    """Stand before a span that goes on until now: for 3 years."""
    past: Words = ()
    """Tell that a text looks back, so that a span is only how long something took."""
    starting: Words = ()
    """Stand before a time from which something holds: as of November; phrases."""
    onwards: Words = ()
    """Stand behind it: from May on."""
    ordinals: Groups = ()
    """First to fifth."""
    before_last: Words = ()
    """Stand behind a unit or a weekday: the week before last; phrases."""
    last_but_one: Words = ()
    """Stand before it: vorletzte Woche."""
    after_next: Words = ()
    """Stand behind a unit or a weekday: the week after next; phrases."""
    next_but_one: Words = ()
    """Stand before it: übernächste Woche."""
    half: Words = ()
    """Behind a number and "and": a year and a half."""
    one_and_half: Words = ()
    """The same in one word: anderthalb."""
    half_years: Words = ()
    """Behind first or second: the first half of 2023, im ersten Halbjahr."""
    quarters: Words = ()
    """Behind first to fourth: the second quarter of 2023."""
    day_endings: Words = ()
    """Stand behind the number of a day, and tell that it is one: on the 10th."""
    vague: Words = ()
    """Make a number of units a rough one: a few weeks."""
    prepositions: Words
    """Stand before a time and make one of a word that could be something else."""
    year_prepositions: Words
    """Stand before a year."""
    articles: Words = ()
    fillers: Words
    """Stand between a day, a month and a year."""
    since: Words
    before: Words
    """``until`` included."""
    until: Words
    after: Words = ()
    between: Words
    conjunctions: Words
    """Stand between two times that make one."""
    future: Words
    """Tell that a text looks ahead."""
    that: Words
    """Refer back to a time: the week before that."""
    earlier: Words
    later: Words = ()
    nights: Words = ()
    """Last night is yesterday and today."""
    parts_of_day: Words = ()
    """The others: they make no time, but tell that one is spoken of."""
    weekday_suffixes: Words = ()
    """Stand behind a weekday and belong to it: segunda-feira."""
    no_days: Words = ()
    """A word and a day that make something else: la mañana."""
    evidence: Words = ()
    """Words that tell the language of a text, where one of the next two lists is needed."""
    only_with_evidence: Words = ()
    """Units and days that are none in texts of other languages: hier is yesterday, or German for here."""
    not_with_evidence: Words = ()
    """Units and days of other languages that are none in this one: mes is a month, or French for my."""


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class CompactCalendar:
    """Signs for times, where words do not stand apart."""

    year_marks: Words
    """Stand behind the number of a year."""
    month_marks: Words
    day_marks: Words
    numbers: Groups = ()
    """One to ten."""
    counters: Words = ()
    """Stand between a number and a unit."""
    units: Mapping[Unit, Words]
    """Day, week, month, year."""
    ago: Words
    """Stand behind a span that lies back."""
    from_now: Words = ()
    """Stand behind a span that lies ahead."""
    times: Mapping[CompactTime, Words]
    """Regular expressions."""
    seasons: Groups = ()
    """Winter first."""
    weekdays: Groups = ()
    """Monday first."""
    weeks: Words = ()
    """Stand before a weekday."""
    last: Words = ()
    """Stand before a week."""
    of: Words = ()
    """Stand between a year and its season, or a week and its weekday."""
