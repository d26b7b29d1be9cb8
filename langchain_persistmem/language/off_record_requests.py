"""Requests of the user not to remember something; pure.

Such a turn stays in the conversation and is shown to no model for learning: what was never seen is
never written down. The whole turn is left out, because nobody can say where the secret ends, and so
is what was answered to it. A command has to be the whole message; here one sentence of it is enough,
since a turn too many that is left out does less harm than one too few.
"""

import re
from collections.abc import Iterator, Sequence
from functools import cache

from langchain_persistmem.language.command_detection import (
    Opening,
    Phrasebook,
    detect,
    find_phrasebooks,
    phrasebooks,
    strip_quotes,
)
from langchain_persistmem.language.language_files import languages
from langchain_persistmem.types.records import Turn

_END = re.compile(r"[.!?;:\n。！？；：]|\Z")
_LONGEST = 2_000
"""Characters of a request; with longer ones, something was pasted."""


def asks_not_to_remember(text: str) -> bool:
    """Tell whether ``text`` asks that something be kept out of memory.

    >>> asks_not_to_remember("Please don't remember this: I am looking for another job.")
    True
    >>> asks_not_to_remember("I don't remember that film.")
    False
    """
    message = strip_quotes(text)
    if _without_commands().search(message) is not None:
        return True
    return any(_has_request(message, phrases) for phrases in find_phrasebooks(message))


def find_off_record(turns: Sequence[Turn]) -> frozenset[str]:
    """Find the ids of the turns that memory has to leave alone.

    They are the requests, what was answered to them, what they point back at, and what was marked when it was said.
    """
    spans: set[str] = set()
    before: list[str] = []
    exchange: list[str] = []
    off = False
    for turn in turns:
        if turn.role == "user":
            before, exchange = exchange, []
            off = turn.is_off_record or asks_not_to_remember(turn.text)
            if off and _points_back(turn.text):
                spans.update(before)
        exchange.append(turn.id)
        if off or turn.is_off_record:
            spans.add(turn.id)
    return frozenset(spans)


def _has_request(message: str, phrases: Phrasebook) -> bool:
    if _has_opening(message, phrases, "private_opening", anywhere=not phrases.spaced):
        return True
    for start in _starts(message):
        end = _END.search(message, start)
        if phrases.has(message[start : end.start() if end else None], "private"):
            return True
        if phrases.has(message[start : start + _LONGEST], "private_with_text"):
            return True
    return False


def _points_back(text: str) -> bool:
    """Tell whether the message before is meant too: "don't remember this" by itself, "what I just said"."""
    message = strip_quotes(text)
    match = detect(message)
    if match is not None and match.command == "private" and not match.goes_on:
        return True
    return any(_has_opening(message, phrases, "private_opening_before") for phrases in find_phrasebooks(message))


def _has_opening(message: str, phrases: Phrasebook, name: Opening, *, anywhere: bool = False) -> bool:
    opening = phrases.opening(name)
    if opening is None:
        return False
    if anywhere:  # words that do not stand apart have no beginnings to look at
        return opening.search(message) is not None
    return any(opening.match(message, start) for start in _starts(message))


def _starts(message: str) -> Iterator[int]:
    return (match.end() for match in _sentence_start().finditer(message))


@cache
def _sentence_start() -> re.Pattern[str]:
    """Beginnings of sentences, where a request may begin: "I don't remember that film" is none."""
    courtesies = [rf"\b{re.escape(word)}\b" for phrases in phrasebooks() for word in phrases.commands.please]
    return re.compile("|".join([r"(?:^|[.!?;:\n,，。！？；：、]", *courtesies]) + r")[\s\"'“„«(¡¿]*", re.IGNORECASE)


@cache
def _without_commands() -> re.Pattern[str]:
    """Requests in languages that have no commands."""
    patterns = [pattern for language in languages() for pattern in language.off_record]
    return re.compile("|".join(patterns) or r"(?!)")
