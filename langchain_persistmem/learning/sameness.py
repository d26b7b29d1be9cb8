"""Whether two statements are the same, and about the same person: by their words, because cosines cannot tell; pure."""

import re
from typing import cast

from langchain_persistmem.language.data import stop_words
from langchain_persistmem.language.subjects import Subject, same_subject, subject_of
from langchain_persistmem.types.records import Candidate, Memory

_WORD = re.compile(r"[^\W_]+")


def same_statement(one: str, other: str) -> bool:
    """Whether two statements differ in small words at most: cosines do not tell Oslo from Bergen, nor who likes whom."""
    mine, yours = _content(one), _content(other)
    return bool(mine) and mine == yours


def _content(text: str) -> tuple[str, ...]:
    light = stop_words("statements")
    return tuple(word for word in _WORD.findall(text.casefold()) if word not in light)


def _figures(text: str) -> frozenset[str]:
    """Numbers, which make two statements different whatever else they share."""
    return frozenset(word for word in _WORD.findall(text) if any(map(str.isdigit, word)))


def same_person(one: Candidate, other: Candidate | Memory) -> bool:
    """Whether two statements may be about the same person: "my sister" is not me, nor is who speaks after me."""
    if one.speaker and other.speaker and one.speaker != other.speaker:
        return False
    return same_subject(_subject(one), _subject(other))


def _subject(statement: Candidate | Memory) -> Subject:
    topics: object = (statement.value or {}).get("topics")
    names = [each for each in cast("list[object]", topics) if isinstance(each, str)] if isinstance(topics, list) else []
    return subject_of(statement.text or "", [*names, *([statement.speaker] if statement.speaker else [])])


def adds_no_figure(candidate: Candidate, known: Memory | None) -> bool:
    """Whether every number of the candidate is in the known memory: numbers make two statements different."""
    return known is not None and _figures(candidate.text) <= _figures(known.text or "")
