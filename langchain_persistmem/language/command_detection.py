"""Commands to the memory in a message; pure, by the phrases of each language.

Rather a command too few than one too many: the model still understands what the rules let pass, but
what was erased by mistake is gone. The phrases are in ``data/``.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cache
from typing import Literal

from langchain_persistmem.language.language_files import Language, languages
from langchain_persistmem.language.phrases.conversation import Commands
from langchain_persistmem.types.results import Command

_LONGEST = 2_000
"""Characters; what is longer was pasted, not said."""
_MOST_WORDS = 12
"""An object of "forget" with more words is a story."""
_MOST_CHARACTERS = 40
"""... and in a language without spaces, one with more characters."""

_MARKS = r"[\s,;:.!…~–—\-，。、！；：]"
_GAP = r"(?:[\s,;:–—\-]+|(?<='))"
_NO_GAP = r"[\s,:，、：]*"
_PIECE = re.compile(r"(\.\.\.|[\[\]<>!:：,]|\s+)")
_QUESTION = re.compile(r"(.*[.!。！])\s*([^.!。！?？]+[?？])", re.DOTALL)
_BROKEN = re.compile(r"[,;.!?\n，。；！？](?=.)")
_LETTER = re.compile(r"[^\W_]")

Answer = Literal["yes", "no"] | tuple[int, ...]
"""An answer: to all, to nothing, or to these numbers, counted from 1."""
PhraseList = Literal[
    "idioms", "remember", "remember_question", "forget", "forget_question", "forget_everything", "pause", "pause_question",
    "show", "private", "private_question", "private_with_text",
]  # fmt: skip
Opening = Literal["private_opening", "private_opening_before"]


@dataclass(frozen=True, slots=True)
class DetectedCommand:
    """A command."""

    command: Command
    language: str
    what: str = ""
    """The object, in the user's words; empty where there is none."""
    everything: bool = False
    """Forget all that is known."""
    goes_on: bool = False
    """The message says more, which the model has to answer."""
    answer: Answer | None = None
    """The answer to our question, if it is no new command."""


class Phrasebook:
    """The phrases of one language, each list compiled when it is first needed."""

    def __init__(self, language: Language, commands: Commands) -> None:
        self.language = language.code
        self.spaced = language.spaced
        self.commands = commands
        self.stems = re.compile(
            (r"\b" if language.spaced else "") + f"(?:{'|'.join(map(re.escape, commands.stems))})", re.IGNORECASE
        )
        """The beginnings of words one of which stands in every command."""
        self._patterns: dict[PhraseList, Sequence[re.Pattern[str]]] = {}
        self._openings: dict[Opening, re.Pattern[str] | None] = {}
        self._gap, self._end = (_GAP, r"\b") if language.spaced else (_NO_GAP, "")
        self._between = f"{_MARKS}{'+' if language.spaced else '*'}"
        self._before = f"(?:(?:{'|'.join(map(re.escape, commands.before))}){self._end}{self._between})*"
        self._after = f"(?:{self._between}(?:{'|'.join(map(re.escape, commands.after))}))*{_MARKS}*[?？]?{_MARKS}*"

    def has(self, text: str, *lists: PhraseList) -> bool:
        """Tell whether ``text`` is one of the phrases."""
        return any(pattern.fullmatch(text) for name in lists for pattern in self.patterns(name))

    def find_object(self, text: str, *lists: PhraseList) -> str | None:
        """Find the object of the first phrase that ``text`` is; None if it is none, or one without an object."""
        for name in lists:
            for pattern in self.patterns(name):
                match = pattern.fullmatch(text)
                what = match["what"].strip() if match else ""
                if len(_LETTER.findall(what)) > 1:
                    return what
        return None

    def patterns(self, name: PhraseList) -> Sequence[re.Pattern[str]]:
        """The phrases of one list as regular expressions, with the courtesies before and after them."""
        match = self._patterns.get(name)
        if match is None:
            match = self._patterns[name] = tuple(
                re.compile(f"{self._before}{self._translate(phrase)}{self._after}", re.IGNORECASE | re.DOTALL)
                for phrase in getattr(self.commands, name)
            )
        return match

    def opening(self, name: Opening) -> re.Pattern[str] | None:
        """Any of the phrases with the courtesies before it, whatever comes behind; None if the language has none."""
        if name not in self._openings:
            bodies = "|".join(map(self._translate, getattr(self.commands, name)))
            end = r"(?!\w)" if self.spaced else ""
            self._openings[name] = (
                re.compile(f"{self._before}(?:{bodies}){end}", re.IGNORECASE | re.DOTALL) if bodies else None
            )
        return self._openings[name]

    def _translate(self, phrase: str) -> str:
        return translate(phrase, gap=self._gap, end=self._end)


def translate(phrase: str, *, gap: str, end: str, what: str = "(?P<what>.+?)") -> str:
    """Translate the notation of the phrases in ``data/`` into that of ``re``.

    Args:
        gap: stands for the space between two words.
        end: stands behind the last of a list of words.
        what: stands for ``...``.
    """
    # A gap before an optional part belongs to that part, and so does the gap behind those that begin the phrase;
    # ``eaten`` says that the gap that follows is taken care of.
    parts: list[str] = []
    eaten = negated = False
    leading, depth = True, 0
    pieces = [piece for piece in _PIECE.split(phrase) if piece]
    for index, piece in enumerate(pieces):
        following = pieces[index + 1] if index + 1 < len(pieces) else ""
        skipped, eaten = eaten, False
        leading = leading and (depth > 0 or piece in "[]" or piece.isspace())
        if piece.isspace():
            parts.append("" if skipped or following == "[" else gap)
        elif piece == "[":
            parts.append(f"(?:{'' if leading else gap}(?:")
            depth += 1
        elif piece == "]":
            parts.append(f"){gap})?" if leading else "))?")
            eaten, depth = leading, depth - 1
        elif piece == "<":
            parts.append("(?=(?:")
        elif piece == ">":
            parts.append(f"){end})")
            eaten = True
        elif piece == "!":  # opens at the first, closes at the second
            parts.append(f"){end})" if negated else f"(?!{_MARKS}*(?:")
            negated, eaten = not negated, negated
        elif piece in ":：,":
            parts.append(r"\s*[,，、:：;–—-]\s*" if piece == "," else r"\s*[:：]\s*")
            eaten = True
        elif piece == "...":
            parts.append(what)
        else:  # plain words; their groups must not count as groups of the expression
            parts.append(re.sub(r"\((?!\?)", "(?:", piece).replace(" ", gap))
    return "".join(parts)


@cache
def phrasebooks() -> Sequence[Phrasebook]:
    """The phrases of every language that has commands."""
    return tuple(Phrasebook(language, language.commands) for language in languages() if language.commands is not None)


def detect(text: str) -> DetectedCommand | None:
    """Detect the command that ``text`` is; None if it is none, or may be something else.

    >>> detect("Please remember that I'm allergic to nuts!")
    DetectedCommand(command='remember', language='en', what="I'm allergic to nuts", everything=False, goes_on=False, answer=None)
    >>> detect("Do you remember that film?") is None
    True
    """
    message = strip_quotes(text)
    if len(message) > _LONGEST:
        return None
    for phrases in find_phrasebooks(message):
        match = _detect(message, phrases)
        if match is not None:
            return match
    split = _QUESTION.fullmatch(message)  # "Remember that I'm vegan. What can I cook?"
    first = detect(split[1]) if split else None
    return replace(first, goes_on=True) if first is not None and first.command == "remember" else None


def is_unsure(text: str) -> bool:
    """Tell whether ``text`` has words of a command and is none by the rules: a model may know better."""
    message = strip_quotes(text)
    words = find_phrasebooks(message) if len(message) <= _LONGEST else []
    return bool(words) and detect(text) is None and not any(phrases.has(message, "idioms") for phrases in words)


def detect_language(text: str) -> str | None:
    """Detect the language of a command's or an answer's words; None if they do not tell."""
    message = strip_quotes(text)
    match = {phrases.language for phrases in find_phrasebooks(message)}
    bare = strip_marks(message)
    match |= {code for code, answers in _answers_by_language().items() if bare in answers}
    return match.pop() if len(match) == 1 else None


def _detect(message: str, phrases: Phrasebook) -> DetectedCommand | None:
    if phrases.has(message, "idioms"):
        return None
    # A question mark makes a question of it: then only what is meant as one counts, but for "show", which always asks.
    question = message.rstrip().endswith(("?", "？"))
    if phrases.has(message, "pause_question") or (not question and phrases.has(message, "pause")):
        return DetectedCommand("pause", phrases.language)
    if phrases.has(message, "private_question") or (not question and phrases.has(message, "private")):
        return DetectedCommand("private", phrases.language)
    if not question and phrases.has(message, "forget_everything"):
        return DetectedCommand("forget", phrases.language, everything=True)
    if phrases.has(message, "show"):
        return DetectedCommand("show", phrases.language)
    what = phrases.find_object(message, "private_with_text")
    if what is not None:
        return DetectedCommand("private", phrases.language, what, goes_on=True)
    what = phrases.find_object(message, *(() if question else ("forget",)), "forget_question")
    if what is not None:
        return DetectedCommand("forget", phrases.language, what) if _is_short(what, phrases) else None
    what = phrases.find_object(message, *(() if question else ("remember",)), "remember_question")
    return DetectedCommand("remember", phrases.language, what) if what is not None else None


def _is_short(what: str, phrases: Phrasebook) -> bool:
    is_long = len(what.split()) > _MOST_WORDS if phrases.spaced else len(what) > _MOST_CHARACTERS
    return not is_long and not _BROKEN.search(what)


def find_phrasebooks(message: str) -> list[Phrasebook]:
    """Find the languages of which ``message`` has a word that a command would have."""
    return [phrases for phrases in phrasebooks() if phrases.stems.search(message)]


def strip_quotes(text: str) -> str:
    """Strip the quotes around ``text``, and give it one kind of apostrophe."""
    return text.replace("’", "'").replace("ʼ", "'").strip().strip("\"“”„«»¿¡'").strip()


def strip_marks(message: str) -> str:
    """Take the punctuation out of ``message``, and its case."""
    return re.sub(rf"{_MARKS}+", " ", message).strip().casefold()


@cache
def _answers_by_language() -> dict[str, frozenset[str]]:
    return {
        language.code: frozenset(word.casefold() for word in (*part.yes, *part.no, *part.all))
        for language in languages()
        if (part := language.answers) is not None
    }
