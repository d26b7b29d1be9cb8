"""Answers to the question whether memories are to be erased: yes, no, all of them, or their numbers; pure, by the words of each language."""

import re
from collections.abc import Sequence
from functools import cache
from typing import Literal

from langchain_persistmem.language.command_detection import Answer, phrasebooks, strip_marks, strip_quotes
from langchain_persistmem.language.language_files import languages

_NUMBER = re.compile(r"\d+")
_BESIDE_NUMBERS = frozenset("#&+")


def read_answer(text: str, count: int) -> Answer | None:
    """Read the answer to "shall these be erased?"; None if ``text`` answers something else.

    >>> read_answer("Yes, please", 3), read_answer("1 and 3", 3), read_answer("What is the weather?", 3)
    ('yes', (1, 3), None)
    """
    message = strip_marks(strip_quotes(text))
    numbers = tuple(dict.fromkeys(int(number) for number in _NUMBER.findall(message)[:100]))
    if numbers:
        rest = set(_NUMBER.sub(" ", message).split()) - _beside_numbers()
        return numbers if not rest and all(1 <= number <= count for number in numbers) else None
    bare = message
    for ending in _endings():
        bare = bare.removesuffix(f" {ending}")
    for answer in (message, bare):
        if answer in _answers("no"):
            return "no"
        if answer in _answers("yes") or answer in _answers("all"):
            return "yes"
    return None


@cache
def _answers(name: Literal["yes", "no", "all", "with_numbers"]) -> frozenset[str]:
    """In any language: who is asked in one may answer in another."""
    parts = (language.answers for language in languages())
    return frozenset(word.casefold() for part in parts if part is not None for word in getattr(part, name))


@cache
def _endings() -> Sequence[str]:
    """Courtesies that may stand behind an answer, the longest first."""
    match = {word.casefold() for phrases in phrasebooks() for word in phrases.commands.after}
    return sorted(match, key=len, reverse=True)


@cache
def _beside_numbers() -> frozenset[str]:
    return _BESIDE_NUMBERS | _answers("with_numbers") | _answers("yes") | frozenset(_endings())
