"""Names that are not how a speaker is written: "Mel" for Melanie, "Mom" as her child says it, "Mohammed" for Muhammad; pure."""

import re
from collections.abc import Collection, Container, Iterator, Sequence

from langchain_persistmem.language.search_terms.accents_and_case import fold
from langchain_persistmem.language.search_terms.query_terms import find_names
from langchain_persistmem.language.small_talk import is_small_talk
from langchain_persistmem.types.recall_results import RecallCandidate

_NAME = re.compile(r"(?<=[^\W_] )[^\W\d_]{2,}")
"""A word that is not the first one; only those with a capital are names."""
_SHORTEST = 3
"""Letters of a name that is cut short."""
_CONSONANTS = 3
"""Of a name that may be spelt otherwise: two are common to too many names."""
_NO_SOUND = re.compile(r"(?<=.)[aeiouy]|h$")
"""Vowels behind the first letter, and a mute end."""
_PAUSE = r"[,.!?;:…。！？、，-]"


def find_by_alias(candidates: Sequence[RecallCandidate], query: str, speakers: Collection[str]) -> set[str]:
    """Find the speakers whom ``query`` calls by a name that is not theirs.

    A speaker is called so if others address them by it ("Hey Mom!", "Thanks, Mel.") and no third one speaks in those
    conversations, or if it is the beginning of one speaker's name alone.

    Args:
        candidates: those of the search: what has the name in it is among them.
        query: the question.
        speakers: the names of who speaks in them.
    """
    if len(speakers) < 2:  # noqa: PLR2004 - nobody is called anything where one speaks alone
        return set()
    by_alias: set[str] = set()
    for name in dict.fromkeys((*find_names(query), *filter(str.istitle, _NAME.findall(query)))):
        called = set(_find_addressed(candidates, name)) or set(_find_shortened(name, speakers))
        if len(called) == 1:
            by_alias |= called
    return by_alias


def find_respelt(query: str, speakers: Collection[str], existing: Container[str]) -> dict[str, str]:
    """Find the names of ``query`` that are a speaker's but for the spelling, folded: the same consonants, and nobody else's.

    Args:
        query: the question.
        speakers: the names of who speaks in the candidates of the search.
        existing: folded, the names that this memory has: whoever is called so is not meant otherwise.

    >>> find_respelt("Where do Mohammed and Nora live?", ["Muhammad", "Lea"], existing=())
    {'mohammed': 'Muhammad'}
    """
    sounds: dict[str, set[str]] = {}
    for speaker in speakers:
        for word in fold(speaker).split():
            sounds.setdefault(_sound(word), set()).add(speaker)
    respelt: dict[str, str] = {}
    for name in map(fold, find_names(query)):
        called = sounds.get(_sound(name), ()) if name not in existing else ()
        if len(called) == 1 and len(_sound(name)) >= _CONSONANTS:
            (respelt[name],) = called
    return respelt


def _sound(name: str) -> str:
    """The first letter and the consonants of a folded name, as they sound."""
    letters = name.replace("ph", "f").replace("ck", "k").replace("c", "k").replace("q", "k")
    return re.sub(r"(.)\1+", r"\1", _NO_SOUND.sub("", letters))


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
