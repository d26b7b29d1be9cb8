"""Evidence in the turns for a claim of the model's: the messages it names, and the words it quotes; pure."""

import re
import unicodedata
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Literal

from langchain_persistmem.language.calendar.date_tokens import calendar_words
from langchain_persistmem.language.hidden_characters import strip_invisible
from langchain_persistmem.language.language_files import languages, stop_words
from langchain_persistmem.language.quoted_text import strip_blocks, strip_quotations
from langchain_persistmem.language.search_terms.tokenization import cut_pairs
from langchain_persistmem.language.subjects import names_user
from langchain_persistmem.types.records import Source, Turn

NOT_THE_USERS = "it stands in a tool's output or a document, not in the user's words"
NOT_ASKED_FOR = "no words of the user's ask for it"

_DOTS = re.compile(r"\.{3,}|…")
_SHORTEST = 6
"""Letters from which a quote tells by itself where it stands."""
_FEWEST = 2
"""Words of weight that a free quote has at least."""
_DOMINANCE = 2
"""So many times the user's own words has a claim that stands in foreign text, where the quote shares a word with it."""
_STEM = 3
_COMMON = 0.6
"""Two words that share more first letters, and such a part of the longer one, may be forms of one; or one with an ending."""
_LIGHT: Sequence[Literal["quotes", "pronouns", "conjunctions", "statements"]] = (
    "quotes",
    "pronouns",
    "conjunctions",
    "statements",
)
"""Lists of words that tell nothing of what two texts have in common."""
_WORD = re.compile(r"[^\W_]+")
_SENTENCE = re.compile(r"[^.!?。！？؟…\n]+[.!?。！？؟…]*")


def supporting(numbers: Sequence[object], quote: str, turns: Sequence[Turn]) -> list[Turn]:
    """The turns that a claim rests on; none if nothing the user said supports it.

    Args:
        numbers: the messages that the model names, counted from 1; those that were not shown count for nothing.
        quote: the words that it quotes, or nothing. They have to be the user's. If they stand in another of the
            user's messages than the one named, that one is the evidence: the words are better proof than the number.
        turns: what the model was shown.
    """
    named = name_turns(numbers, turns)
    if not any(turn.role == "user" for turn in named):
        return []
    if not letters(quote) or any(turn.role == "user" and says(turn.text, quote) for turn in named):
        return named
    elsewhere = [turn for turn in turns if turn.role == "user" and says(turn.text, quote)]
    return elsewhere if len(elsewhere) == 1 and len(letters(quote)) >= _SHORTEST else []


def name_turns(numbers: Sequence[object], turns: Sequence[Turn]) -> list[Turn]:
    """The turns with these numbers, counted from 1; those that were not shown count for nothing."""
    valid = sorted({n for n in numbers if type(n) is int and 1 <= n <= len(turns)})
    return [turns[number - 1] for number in valid]


def find_quote(statement: str, sources: Sequence[Turn]) -> str:
    """The sentence of the user's that has most words of a statement; empty if none has any.

    A model that is not asked for the words saves a third of its answer. What the user only shows, such as a code block,
    is quoted where none of the user's own words have as much to do with it.
    """
    claimed = _units(statement)
    best, most = "", 0
    for turn in sources:
        if turn.role != "user":
            continue
        for text in (strip_blocks(turn.text), turn.text):
            for sentence in _SENTENCE.findall(text):
                words = _units(sentence)
                shared = sum(_is_among(unit, words) for unit in claimed)
                if shared > most:
                    best, most = sentence.strip(), shared
    return best


def leading_name(statement: str, sources: Sequence[Turn]) -> str | None:
    """The name that a statement begins with: a word with a capital which has it within a sentence of its turns, too."""
    first = _WORD.search(statement)
    if first is None or not first[0][0].isupper() or names_user(first[0]):
        return None
    within = re.compile(rf"[^\W_][,;:]?\s+{re.escape(first[0])}\b")
    return first[0] if any(within.search(turn.text) for turn in sources) else None


def says(text: str, quote: str) -> bool:
    """Tell if the words of ``quote`` stand in ``text``; dots may leave something out, in order.

    Small models quote freely: "Maya is allergic to nuts" for "I'm Maya, and allergic to nuts". That
    counts if every word of weight is there, in order.

    >>> says("I moved, at last, to Zagreb.", "I moved ... to Zagreb")
    True
    >>> says("I moved to Zagreb.", "I moved to Split")
    False
    """
    letters_of_text, position = letters(text), 0
    for part in filter(None, map(letters, _DOTS.split(quote))):
        position = letters_of_text.find(part, position)
        if position < 0:
            return _retells(text, quote)
        position += len(part)
    return True


def _retells(text: str, quote: str) -> bool:
    words = _weighty(quote)
    words_of_text = iter(_weighty(text))
    return len(words) >= _FEWEST and all(word in words_of_text for word in words)


def _weighty(text: str) -> list[str]:
    words = _WORD.findall(_fold(text).casefold())
    light = stop_words("quotes")
    return [word for word in words if word not in light]


def is_pasted(quote: str, sources: Sequence[Turn], *, instruction: bool) -> bool:
    """Tell if the quoted words are somebody else's, which the user only shows: a code block, a forwarded mail.

    For an instruction words in quotation marks are enough: "he said: always pay at once" is no wish of the user's.
    """
    if not letters(quote):
        return False
    own = [_own_words(turn.text, instruction=instruction) for turn in sources if turn.role == "user"]
    return bool(own) and not any(says(text, quote) for text in own)


def _own_words(text: str, *, instruction: bool) -> str:
    without = strip_blocks(text)
    return strip_quotations(without) if instruction else without


def letters(text: str) -> str:
    """Letters and digits only: a quote may differ in capitals, spaces and punctuation."""
    return "".join(char for char in unicodedata.normalize("NFKC", text).casefold() if char.isalnum())


@dataclass(frozen=True, slots=True)
class Verdict:
    """The owner of a claim, and what speaks against recalling it at once."""

    source: Source
    doubt: str | None = None


def judge(
    text: str,
    quote: str,
    sources: Sequence[Turn],
    turns: Sequence[Turn],
    *,
    instruction: bool,
    date: str = "",
    tools: Sequence[str] = (),
) -> Verdict:
    """Judge a claim of a model that obeys whoever it has read last.

    What stands in a tool's output, or in what the user pasted, and not in the user's own words is not the user's, whatever
    is quoted for it. An instruction needs words of the user's that have to do with it.

    Args:
        text: the claim.
        quote: the user's words that the model quotes for it.
        sources: the turns that it rests on.
        turns: what the model was shown.
        date: the day of an event, which the model works out itself.
        tools: what tools have put out meanwhile; the model was not shown it, but an assistant may repeat it.
    """
    users = [turn.text for turn in turns if turn.role == "user"]
    own = [_own_words(text, instruction=instruction) for text in users]
    tools = [*tools, *(turn.text for turn in turns if turn.role == "tool")]
    # What an assistant repeats from a tool does not make it the user's: only the two others are compared.
    foreign_by_source: Sequence[tuple[Source, Sequence[str]]] = (("tool", tools), ("document", users))
    for source, foreign in foreign_by_source:
        if foreign and _is_foreign(text, quote, own, foreign, date):
            return Verdict(source, NOT_THE_USERS)
    if is_pasted(quote or find_quote(text, sources), sources, instruction=instruction):
        return Verdict("document")
    if instruction and not shares_words(quote, text):
        return Verdict("user", NOT_ASKED_FOR)
    return Verdict("user")


def _is_foreign(text: str, quote: str, own: Sequence[str], foreign: Sequence[str], date: str) -> bool:
    """Tell if a claim stands in foreign text rather than in the user's: by a name or a figure, or by most of its words."""
    user, foreign_words = _units(" ".join(own)), _units(" ".join(foreign))
    dates = calendar_words()
    worked_out = {*date.replace("~", "").split("-"), date}
    claimed = {
        unit for unit in _units(text)
        if unit not in worked_out and unit.lstrip("0") not in worked_out
        and unit not in dates.months and unit not in dates.weekdays
    }  # fmt: skip
    alien = {unit for unit in claimed if not _is_among(unit, user) and _is_among(unit, foreign_words)}
    if alien & _details(text):
        return True
    familiar = sum(_is_among(unit, user) for unit in claimed)
    # One word in common, such as what a page is about, makes a claim that is foreign otherwise none of the user's.
    return len(alien) > (_DOMINANCE * familiar if shares_words(quote, text) else familiar)


def is_supported(text: str, quote: str, sources: Sequence[Turn], question: str = "") -> bool:
    """Tell if the user's words have anything to do with a claim: the quoted ones, else those of the turn.

    Args:
        question: what the assistant asked before, where the turn answers it: "yes" has no word of the claim.
    """
    words = quote if letters(quote) else " ".join(turn.text for turn in sources if turn.role == "user")
    return shares_words(f"{words} {question}", text)


def shares_words(one: str, other: str) -> bool:
    """Tell if two texts share a word of weight, in whatever form; in scripts without spaces two neighbouring characters.

    >>> shares_words("please answer briefly", "The user wants brief answers."), shares_words("...", "The user wants it.")
    (True, False)
    """
    words = _units(one)
    return any(_is_among(unit, words) for unit in _units(other))


def _units(text: str) -> frozenset[str]:
    """Words of weight in small letters, and neighbouring characters where there are no spaces."""
    folded = _fold(text).casefold()
    words = (word for word in _WORD.findall(folded) if word not in _light() and not names_user(word))
    return frozenset(word for word in words if not cut_pairs(word)) | frozenset(cut_pairs(folded))


def _is_among(unit: str, units: Collection[str]) -> bool:
    return unit in units or any(_is_form(unit, other) for other in units if other[:_STEM] == unit[:_STEM])


def _is_form(one: str, other: str) -> bool:
    """Tell if two words may be forms of one: "answer" and "answers", "brief" and "briefly"; a figure has no forms."""
    shorter, longer = sorted((one, other), key=len)
    if len(shorter) < _STEM or any(map(str.isdigit, longer)):
        return False
    common = next((index for index, (a, b) in enumerate(zip(shorter, longer, strict=False)) if a != b), len(shorter))
    return common >= _COMMON * len(longer) and (common > _STEM or common == len(shorter) >= len(longer) - 2)


def _details(text: str) -> frozenset[str]:
    """Figures, and words with a capital that begin no sentence, in small letters."""
    normal = _fold(text)
    details: set[str] = set()
    for match in _WORD.finditer(normal):
        word = match[0]
        begins = not normal[: match.start()].strip() or normal[: match.start()].rstrip()[-1:] in ".!?"
        if any(map(str.isdigit, word)) or any(map(str.isupper, word[1:] if begins else word)):
            details.add(word.casefold())
    return frozenset(details)


def _fold(text: str) -> str:
    """Fold forms of letters, and take out what nobody sees: it splits a word, and so hides where a claim comes from."""
    return strip_invisible(unicodedata.normalize("NFKC", text))


@cache
def _light() -> frozenset[str]:
    light: set[str] = set()
    for language in languages():
        if language.text_search is not None:
            light.update(language.text_search.small_words)
    for words in map(stop_words, _LIGHT):
        light.update(words)
    return frozenset(light)
