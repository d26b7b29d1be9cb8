"""Times and persons that a question speaks of, and what an answer to it has to tell; pure."""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from typing import Literal

from langchain_persistmem.language.aliases import find_by_alias
from langchain_persistmem.language.calendar.time_expressions import find_periods
from langchain_persistmem.language.language_files import languages, match_words
from langchain_persistmem.language.phrases.statement_words import Questions
from langchain_persistmem.language.phrases.word_lists import Words
from langchain_persistmem.language.requests import asks_for_help, is_request
from langchain_persistmem.types.recall_results import Interpretation, RecallCandidate, SearchResult

_WORD = re.compile(r"[^\W_]+")
_LONGEST = 4_000
"""Characters of a text that are read as a question: what is longer asks at its beginning, or is material."""


def parse_question(findings: SearchResult, query: str, *, now: datetime) -> Interpretation:
    """Find the times and persons that ``query`` speaks of, as seen from ``now``."""
    words = _question_words()
    periods = find_periods(query, now=now)
    about_assistant = bool(words.assistant_statement.search(query))
    about_user = bool(words.first_person.search(query)) and not about_assistant
    return Interpretation(
        periods=periods,
        speakers=tuple(sorted(_find_speakers(findings.candidates, query))),
        is_about_user=about_user,
        is_about_present=about_user and not periods and not words.past.search(query),
        is_about_assistant=about_assistant,
        # What somebody tells with what they want ("My kitchen is a mess, any tips?") has the words of what bears on it.
        is_request=is_request(query) and asks_for_help(query),
        asks_for=_asks_for(query, words),
    )


def asks_for_list(query: str) -> bool:
    """Tell whether the answer is in several memories: a plural, a count, an order.

    >>> asks_for_list("Which books did I read?"), asks_for_list("How many times did I swim?"), asks_for_list("Who is Nora?")
    (True, True, False)
    """
    return bool(_question_words().list_question.search(query[:_LONGEST])) or asks_for_order(query)


def asks_for_order(query: str) -> bool:
    """Tell whether the answer is the order in which things happened."""
    return bool(_question_words().order_question.search(query[:_LONGEST]))


def speaks_of_self(text: str) -> bool:
    """Tell whether somebody speaks of themselves, by "I", "my" and "we"."""
    words = frozenset(_WORD.findall(text.casefold()))
    return not words.isdisjoint(_own_words()) or (
        not text.isascii() and bool(_question_words().first_person.search(text))
    )


@cache
def _own_words() -> frozenset[str]:
    """Single words of the languages that stand for who speaks."""
    parts = [language.requests.statements for language in languages() if language.requests is not None]
    return frozenset(word for part in parts for word in part if _WORD.fullmatch(word))


def _find_speakers(candidates: Sequence[RecallCandidate], query: str) -> set[str]:
    """Find the speakers whom the query names, by their names or as others call and spell them."""
    words = set(_WORD.findall(query.casefold()))
    speakers = {candidate.speaker for candidate in candidates if candidate.speaker}
    by_name = {speaker for speaker in speakers if words & set(_WORD.findall(speaker.casefold()))}
    return by_name | find_by_alias(candidates, query, speakers)


@dataclass(frozen=True, slots=True)
class _QuestionWords:
    """The words of all languages, as expressions that find one of them."""

    first_person: re.Pattern[str]
    past: re.Pattern[str]
    time_opening: re.Pattern[str]
    time: re.Pattern[str]
    number: re.Pattern[str]
    assistant_statement: re.Pattern[str]
    list_question: re.Pattern[str]
    order_question: re.Pattern[str]


@cache
def _question_words() -> _QuestionWords:
    parts = [language.questions for language in languages() if language.questions is not None]

    def union(words: Callable[[Questions], Words]) -> Words:
        return tuple(word for part in parts for word in words(part))

    openings = "|".join(map(re.escape, union(lambda part: part.time_opening))) or r"(?!)"

    def expression(patterns: Callable[[Questions], Words]) -> re.Pattern[str]:
        return re.compile("|".join(union(patterns)) or r"(?!)", re.IGNORECASE)

    return _QuestionWords(
        first_person=match_words(union(lambda part: part.first_person)),
        past=match_words(union(lambda part: part.past)),
        time_opening=re.compile(rf"^\W*({openings})\b[^,]*$", re.IGNORECASE),
        time=match_words(union(lambda part: part.time)),
        number=match_words(union(lambda part: part.number)),
        assistant_statement=expression(lambda part: part.assistant_statement),
        list_question=expression(lambda part: part.list_question),
        order_question=expression(lambda part: part.order_question),
    )


def _asks_for(query: str, words: _QuestionWords) -> Literal["time", "number"] | None:
    if words.time_opening.search(query) or words.time.search(query):
        return "time"
    return "number" if words.number.search(query) else None
