"""Names that a question calls a speaker by and that are not theirs: "Mel" for Melanie, "Mom" as her child says it, "Mohammed" for Muhamed; pure."""

import re
from collections.abc import Collection, Iterator, Sequence
from itertools import groupby

from langchain_persistmem.language.search_terms.accents_and_case import fold
from langchain_persistmem.language.search_terms.query_terms import find_names
from langchain_persistmem.language.small_talk import is_small_talk
from langchain_persistmem.types.recall_results import RecallCandidate

_NAME = re.compile(r"(?<=[^\W_] )[^\W\d_]{2,}")
"""A word that is not the first one; only those with a capital are names."""
_SHORTEST = 3
"""Letters of a name that is cut short."""
_PAUSE = r"[,.!?;:…。！？、，-]"
_VOWELS = frozenset("aeiouyаеиоуыэюяйьъαεηιουω")
"""Letters in which spellings of one name differ."""
_FEWEST_CONSONANTS = 3
"""Names of fewer are too much alike: "Jon" and "John" may be one name, "Jan" and "Jean" are two."""


def find_by_alias(candidates: Sequence[RecallCandidate], query: str, speakers: Collection[str]) -> set[str]:
    """Find the speakers whom ``query`` calls by a name that is not theirs.

    A speaker is called so if others address them by it ("Hey Mom!", "Thanks, Mel.") and no third one speaks in those
    conversations, or if it is the beginning or another spelling of one speaker's name alone.

    Args:
        candidates: those of the search: what has the name in it is among them.
        query: the question.
        speakers: the names of who speaks in them.
    """
    if len(speakers) < 2:  # noqa: PLR2004 - nobody is called anything where one speaks alone
        return set()
    by_alias: set[str] = set()
    for name in dict.fromkeys((*find_names(query), *filter(str.istitle, _NAME.findall(query)))):
        if any(name.casefold() in speaker.casefold().split() for speaker in speakers):
            continue
        called = (
            set(_find_addressed(candidates, name))
            or set(_find_shortened(name, speakers))
            or {speaker for speaker in speakers if is_spelling_of(name, speaker)}
        )
        if len(called) == 1:
            by_alias |= called
    return by_alias


def is_spelling_of(name: str, speaker: str) -> bool:
    """Tell if a name is one of a speaker's names as others spell it: with other vowels or doubled letters.

    >>> is_spelling_of("Mohammed", "Muhamed Khan"), is_spelling_of("Maria", "Mario"), is_spelling_of("Daniel", "Danielle")
    (True, False, False)
    """
    consonants = _consonants(name)
    return len(consonants) > _FEWEST_CONSONANTS and any(consonants == _consonants(word) for word in speaker.split())


def _consonants(name: str) -> str:
    """The consonants of a name, each once where it stands twice, and the vowel at its end, by which names of men and women differ.

    The end is marked, so that a vowel there is never left out.
    """
    letters = [letter for letter, _ in groupby(fold(name))]
    return "".join(letter for letter in letters if letter not in _VOWELS) + (
        letters[-1] if letters[-1:] and letters[-1] in _VOWELS else "."
    )


def _find_addressed(candidates: Sequence[RecallCandidate], name: str) -> Iterator[str]:
    """Find who is in conversation with those who address somebody as ``name``."""
    address = re.compile(rf"(?:^|{_PAUSE})\s*(?:([^\W\d_]+)\s+)?{re.escape(name)}\s*(?={_PAUSE}|$)", re.MULTILINE)
    threads: set[str] = set()
    for candidate in candidates:
        match = address.search(candidate.text or "") if candidate.speaker else None
        # Before it may stand a greeting or thanks. "Met Mel." addresses nobody.
        if match and candidate.thread_id and (not match[1] or is_small_talk(match[1])):
            threads.add(candidate.thread_id)
    # Nobody calls oneself by such a name: who says it too speaks of somebody else.
    word = re.compile(rf"\b{re.escape(name)}\b")
    callers_of_it = {candidate.speaker for candidate in candidates if word.search(candidate.text or "")}
    for candidate in candidates:
        if candidate.thread_id in threads and candidate.speaker and candidate.speaker not in callers_of_it:
            yield candidate.speaker


def _find_shortened(name: str, speakers: Collection[str]) -> Iterator[str]:
    """Find the speakers of whose name it is the beginning."""
    begin = name.casefold()
    for speaker in speakers:
        if len(begin) >= _SHORTEST and any(word.startswith(begin) for word in speaker.casefold().split()):
            yield speaker
