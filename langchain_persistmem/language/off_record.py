"""What the user asks not to be remembered; pure. The phrases are those of the commands, ``language/command_phrases.py``.

Such a turn stays in the conversation and is shown to no model for learning: what was never seen is
never written down. The whole turn is left out, because nobody can say where the secret ends, and so
is what was answered to it. A command has to be the whole message; here one sentence of it is enough,
since a turn too many that is left out does less harm than one too few.
"""

import re
from collections.abc import Iterator, Sequence

from langchain_persistmem.language.command_detection import detect, opening, pattern, plain, spoken_in
from langchain_persistmem.language.command_phrases import PRIVATE_ELSEWHERE, Words
from langchain_persistmem.types.records import Turn

_ELSEWHERE = re.compile(PRIVATE_ELSEWHERE)
_SENTENCE = re.compile(r"(?:^|[.!?;:\n,，。！？；：、]|\bplease\b|\bbitte\b)[\s\"'“„«(¡¿]*", re.IGNORECASE)
"""Where a request may begin: "I don't remember that film" is none."""
_END = re.compile(r"[.!?;:\n。！？；：]|\Z")
_LONGEST = 2_000
"""Characters of a request; with longer ones, something was pasted."""


def asks_not_to_remember(text: str) -> bool:
    """Whether ``text`` asks that something be kept out of memory.

    >>> asks_not_to_remember("Please don't remember this: I am looking for another job.")
    True
    >>> asks_not_to_remember("I don't remember that film.")
    False
    """
    said = plain(text)
    if _ELSEWHERE.search(said) is not None:
        return True
    return any(_asks(said, words) for words in spoken_in(said))


def off_record(turns: Sequence[Turn]) -> frozenset[str]:
    """The ids of the turns that memory has to leave alone.

    They are the requests, what was answered to them, what they point back at, and what was marked when it was said.
    """
    hidden: set[str] = set()
    before: list[str] = []
    exchange: list[str] = []
    off = False
    for turn in turns:
        if turn.role == "user":
            before, exchange = exchange, []
            off = turn.is_off_record or asks_not_to_remember(turn.text)
            if off and _points_back(turn.text):
                hidden.update(before)
        exchange.append(turn.id)
        if off or turn.is_off_record:
            hidden.add(turn.id)
    return frozenset(hidden)


def _asks(said: str, words: Words) -> bool:
    if words.private_opening and not words.spaced:
        if opening(words, words.private_opening).search(said):
            return True
    elif words.private_opening and any(
        opening(words, words.private_opening).match(said, start) for start in _starts(said)
    ):
        return True
    for start in _starts(said):
        end = _END.search(said, start)
        sentence, rest = said[start : end.start() if end else None], said[start : start + _LONGEST]
        if any(pattern(words, phrase).fullmatch(sentence) for phrase in words.private):
            return True
        if any(pattern(words, phrase).fullmatch(rest) for phrase in words.private_then):
            return True
    return False


def _points_back(text: str) -> bool:
    """Whether the message before is meant too: "don't remember this" by itself, "what I just said"."""
    said = plain(text)
    found = detect(said)
    if found is not None and found.command == "private" and not found.goes_on:
        return True
    return any(
        opening(words, words.private_before).match(said, start)
        for words in spoken_in(said)
        if words.private_before
        for start in _starts(said)
    )


def _starts(said: str) -> Iterator[int]:
    return (match.end() for match in _SENTENCE.finditer(said))
