"""Whether a message is a command to the memory, and what a user answers to its question; pure, by a table of phrases.

Rather a command too few than one too many: the model still understands what the rules let pass, but
what was erased by mistake is gone. The phrases are in ``language/command_phrases.py``.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cache
from typing import Literal

from langchain_persistmem.language.command_phrases import TABLE, Words
from langchain_persistmem.types.results import Command

_LONGEST = 2_000
"""Characters; what is longer was pasted, not said."""
_MOST_WORDS = 12
"""An object of "forget" with more words is a story."""
_MOST_SIGNS = 40
"""... and in a language without spaces, one with more characters."""

_MARKS = r"[\s,;:.!…~–—\-，。、！；：]"
_GAP = r"(?:[\s,;:–—\-]+|(?<='))"
_NO_GAP = r"[\s,:，、：]*"
_PIECE = re.compile(r"(\.\.\.|[\[\]<>!:：,]|\s+)")
_QUESTION = re.compile(r"(.*[.!。！])\s*([^.!。！?？]+[?？])", re.DOTALL)
_BROKEN = re.compile(r"[,;.!?\n，。；！？](?=.)")
_LETTER = re.compile(r"[^\W_]")
_NUMBER = re.compile(r"\d+")

Meaning = Literal["yes", "no"] | tuple[int, ...]
"""An answer: to all, to nothing, or to these numbers, counted from 1."""


@dataclass(frozen=True, slots=True)
class Detected:
    """A command."""

    command: Command
    language: str
    what: str = ""
    """The object, in the user's words; empty where there is none."""
    everything: bool = False
    """Forget all that is known."""
    goes_on: bool = False
    """The message says more, which the model has to answer."""
    answer: Meaning | None = None
    """What was answered to our question, if it is no new command."""


def detect(text: str) -> Detected | None:
    """The command that ``text`` is; None if it is none, or may be something else.

    >>> detect("Please remember that I'm allergic to nuts!")
    Detected(command='remember', language='en', what="I'm allergic to nuts", everything=False, goes_on=False, answer=None)
    >>> detect("Do you remember that film?") is None
    True
    """
    said = plain(text)
    if len(said) > _LONGEST:
        return None
    for words in spoken_in(said):
        found = _detect(said, words)
        if found is not None:
            return found
    apart = _QUESTION.fullmatch(said)  # "Remember that I'm vegan. What can I cook?"
    first = detect(apart[1]) if apart else None
    return replace(first, goes_on=True) if first is not None and first.command == "remember" else None


def is_unsure(text: str) -> bool:
    """Whether ``text`` has words of a command and is none by the rules: a model may know better."""
    said = plain(text)
    spoken = spoken_in(said) if len(said) <= _LONGEST else []
    return bool(spoken) and detect(text) is None and not any(_matches(said, words, words.idioms) for words in spoken)


def meaning(text: str, count: int) -> Meaning | None:
    """What ``text`` answers to "shall these be erased?"; None if it answers something else.

    >>> meaning("Yes, please", 3), meaning("1 and 3", 3), meaning("What is the weather?", 3)
    ('yes', (1, 3), None)
    """
    said = re.sub(rf"{_MARKS}+", " ", plain(text)).strip().casefold()
    numbers = tuple(dict.fromkeys(int(each) for each in _NUMBER.findall(said)[:100]))
    if numbers:
        others = set(_NUMBER.sub(" ", said).split()) - _between()
        return numbers if not others and all(1 <= each <= count for each in numbers) else None
    bare = said
    for ending in sorted(_polite(), key=len, reverse=True):
        bare = bare.removesuffix(f" {ending}")
    for answer in (said, bare):
        if answer in _answers("no"):
            return "no"
        if answer in _answers("yes") or answer in _answers("all"):
            return "yes"
    return None


def language_of(text: str) -> str | None:
    """The language of a command's or an answer's words, where they tell; None if they do not."""
    said = plain(text)
    spoken = {words.language for words in spoken_in(said)}
    bare = re.sub(rf"{_MARKS}+", " ", said).strip().casefold()
    spoken |= {
        words.language
        for words in TABLE
        if bare in {each.casefold() for each in f"{words.yes}|{words.no}|{words.all}".split("|")}
    }
    return spoken.pop() if len(spoken) == 1 else None


def _detect(said: str, words: Words) -> Detected | None:
    if _matches(said, words, words.idioms):
        return None
    asked = said.rstrip().endswith(("?", "？"))
    quiet = words.private_asked if asked else (*words.private, *words.private_asked)
    if _matches(said, words, quiet):
        return Detected("private", words.language)
    if not asked and _matches(said, words, words.everything):
        return Detected("forget", words.language, everything=True)
    if _matches(said, words, words.show):
        return Detected("show", words.language)
    what = _object(said, words, words.private_then)
    if what is not None:
        return Detected("private", words.language, what, goes_on=True)
    what = _object(said, words, words.forget_asked if asked else (*words.forget, *words.forget_asked))
    if what is not None:
        return Detected("forget", words.language, what) if _is_short(what, words) else None
    what = _object(said, words, words.remember_asked if asked else (*words.remember, *words.remember_asked))
    return Detected("remember", words.language, what) if what is not None else None


def _object(said: str, words: Words, phrases: Sequence[str]) -> str | None:
    for phrase in phrases:
        match = pattern(words, phrase).fullmatch(said)
        what = match["what"].strip() if match else ""
        if len(_LETTER.findall(what)) > 1:
            return what
    return None


def _matches(said: str, words: Words, phrases: Sequence[str]) -> bool:
    return any(pattern(words, phrase).fullmatch(said) for phrase in phrases)


def _is_short(what: str, words: Words) -> bool:
    long = len(what.split()) > _MOST_WORDS if words.spaced else len(what) > _MOST_SIGNS
    return not long and not _BROKEN.search(what)


def spoken_in(said: str) -> list[Words]:
    """The languages of which ``said`` has a word that a command would have."""
    return [words for words in TABLE if signs(words).search(said)]


def plain(text: str) -> str:
    """``text`` without quotes around it, and with one kind of apostrophe."""
    return text.replace("’", "'").replace("ʼ", "'").strip().strip("\"“”„«»¿¡'").strip()


@cache
def signs(words: Words) -> re.Pattern[str]:
    """The beginnings of words one of which stands in every command."""
    start = r"\b" if words.spaced else ""
    return re.compile(f"{start}(?:{words.signs})", re.IGNORECASE)


@cache
def pattern(words: Words, phrase: str) -> re.Pattern[str]:
    """The phrase as a regular expression, with the courtesies before and after it."""
    after = f"(?:{_MARKS}{'+' if words.spaced else '*'}(?:{words.after}))*"
    body = f"{_before(words)}{_body(words, phrase)}{after}{_MARKS}*[?？]?{_MARKS}*"
    return re.compile(body, re.IGNORECASE | re.DOTALL)


@cache
def opening(words: Words, phrases: Sequence[str]) -> re.Pattern[str]:
    """Any of the phrases with the courtesies before it, whatever comes behind."""
    bodies = "|".join(_body(words, phrase) for phrase in phrases)
    end = r"(?!\w)" if words.spaced else ""
    return re.compile(f"{_before(words)}(?:{bodies}){end}", re.IGNORECASE | re.DOTALL)


def _before(words: Words) -> str:
    end = r"\b" if words.spaced else ""
    return f"(?:(?:{words.before}){end}{_MARKS}{'+' if words.spaced else '*'})*"


def _body(words: Words, phrase: str) -> str:
    return _translated(phrase, *((_GAP, r"\b") if words.spaced else (_NO_GAP, "")))


def _translated(phrase: str, gap: str, end: str) -> str:
    """The notation of the table, in that of ``re``; a gap before an optional part belongs to that part."""
    parts: list[str] = []
    eaten = negated = False
    pieces = [piece for piece in _PIECE.split(phrase) if piece]
    for place, piece in enumerate(pieces):
        following = pieces[place + 1] if place + 1 < len(pieces) else ""
        skipped, eaten = eaten, False
        if piece.isspace():
            parts.append("" if skipped or following == "[" else gap)
        elif piece == "[":
            parts.append(f"(?:{gap if place else ''}(?:")
        elif piece == "]":
            begins = "[" in pieces[:1] and "]" not in pieces[:place]
            parts.append(f"){gap})?" if begins else "))?")
            eaten = begins
        elif piece == "<":
            parts.append("(?=(?:")
        elif piece == ">":
            parts.append(f"){end})")
            eaten = True
        elif piece == "!":
            parts.append(f"){end})" if negated else f"(?!{_MARKS}*(?:")
            negated, eaten = not negated, negated
        elif piece in ":：,":
            parts.append(r"\s*[,，、:：;–—-]\s*" if piece == "," else r"\s*[:：]\s*")
            eaten = True
        else:
            parts.append("(?P<what>.+?)" if piece == "..." else re.sub(r"\((?!\?)", "(?:", piece).replace(" ", gap))
    return "".join(parts)


@cache
def _answers(name: Literal["yes", "no", "all"]) -> frozenset[str]:
    """In any language: who is asked in one may answer in another."""
    return frozenset(each.casefold() for words in TABLE for each in getattr(words, name).split("|"))


@cache
def _polite() -> frozenset[str]:
    return frozenset(each.casefold() for words in TABLE for each in words.after.split("|"))


@cache
def _between() -> frozenset[str]:
    """What may stand beside numbers."""
    small = [
        "and",
        "und",
        "et",
        "y",
        "e",
        "en",
        "и",
        "和",
        "と",
        "와",
        "과",
        "only",
        "nur",
        "just",
        "number",
        "nummer",
        "numéro",
        "número",
        "numero",
        "номер",
        "nr",
        "no",
        "the",
        "#",
        "&",
        "+",
    ]
    return frozenset(small) | _answers("yes") | _polite()
