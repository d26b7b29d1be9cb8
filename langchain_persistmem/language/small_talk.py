"""Small talk, which is not worth remembering: greetings, thanks, yes and no; pure."""

import re
from collections.abc import Iterator
from functools import cache

from langchain_persistmem.language.language_files import languages

QUESTION_MARK = re.compile("[?？؟]")
_SENTENCE = re.compile(r"[.!?,;:…。！？、()\-–—\s]*(?:[.!?,;…。！？、]|\s[-–—]\s|$)[\s]*")
_MOST_WORDS = 8
"""A longer sentence without a comma says something."""
_NOISE = re.compile(r"[^\w\s']+")


def is_small_talk(text: str) -> bool:
    """Tell whether every phrase of ``text`` is a greeting, a thanks, or an assent.

    >>> is_small_talk("Hi there! Thanks, sounds good."), is_small_talk("haha ok thanks")
    (True, True)
    >>> is_small_talk("Hi, I moved to Oslo.")
    False
    """
    return all(map(_is_made_of_small_talk, _phrases(text)))


def is_answer(text: str, before: str) -> bool:
    """Tell whether ``text`` says yes or no to what was asked just ``before``: then it says something.

    >>> is_answer("Yes.", "Are you a vegetarian?")
    True
    >>> is_answer("No, thanks!", "Is there anything else?")
    False
    """
    is_question = QUESTION_MARK.search(before) is not None and not is_small_talk(before)
    return is_question and not _assents().isdisjoint(_phrases(text))


def _phrases(text: str) -> Iterator[str]:
    return (phrase for phrase in map(_bare, _SENTENCE.split(text)) if phrase)


def _is_made_of_small_talk(phrase: str) -> bool:
    """Tell whether it is a phrase of the lists, or several without a comma: "haha ok", "thanks that works"."""
    small_talk = _small_talk()
    words = phrase.split()
    if phrase in small_talk or len(words) > _MOST_WORDS:
        return phrase in small_talk
    # The places up to which the words are small talk.
    reached = {0}
    for end in range(1, len(words) + 1):
        if any(" ".join(words[start:end]) in small_talk for start in reached):
            reached.add(end)
    return len(words) in reached


def _bare(phrase: str) -> str:
    return " ".join(_NOISE.sub(" ", phrase.casefold().replace("’", "'")).split())


@cache
def _small_talk() -> frozenset[str]:
    parts = (language.small_talk for language in languages())
    return frozenset(phrase for part in parts if part is not None for phrase in part.phrases) | _assents()


@cache
def _assents() -> frozenset[str]:
    return frozenset(
        phrase for language in languages() if language.small_talk is not None for phrase in language.small_talk.assents
    )
