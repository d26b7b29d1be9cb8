"""Words that two texts have in common, in whatever form, and quotes that stand in a text; pure."""

import re
import unicodedata
from collections.abc import Collection, Sequence
from functools import cache
from typing import Literal

from langchain_persistmem.language.hidden_characters import strip_invisible
from langchain_persistmem.language.language_files import languages, stop_words
from langchain_persistmem.language.search_terms.tokenization import cut_pairs
from langchain_persistmem.language.subjects import names_user, strip_user

_DOTS = re.compile(r"\.{3,}|…")
_FEWEST = 2
"""Words of weight that a free quote has at least."""
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
WORD = re.compile(r"[^\W_]+")


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
    words = WORD.findall(_fold(text).casefold())
    light = stop_words("quotes")
    return [word for word in words if word not in light]


def letters(text: str) -> str:
    """Letters and digits only: a quote may differ in capitals, spaces and punctuation."""
    return "".join(char for char in unicodedata.normalize("NFKC", text).casefold() if char.isalnum())


def shares_words(one: str, other: str) -> bool:
    """Tell if two texts share a word of weight, in whatever form; in scripts without spaces two neighbouring characters.

    >>> shares_words("please answer briefly", "The user wants brief answers."), shares_words("...", "The user wants it.")
    (True, False)
    """
    words = units(one)
    return any(is_among(unit, words) for unit in units(other))


def units(text: str) -> frozenset[str]:
    """Words of weight in small letters, and neighbouring characters where there are no spaces."""
    return frozenset(units_in_order(text))


def units_in_order(text: str) -> list[str]:
    """The same as they stand in the text, pairs of characters after the words."""
    folded = _fold(text).casefold()
    words = (word for word in WORD.findall(folded) if word not in _light() and not names_user(word))
    return [word for word in words if not cut_pairs(word)] + list(cut_pairs(strip_user(folded)))


def is_among(unit: str, words: Collection[str]) -> bool:
    """Tell if a word is among others, in whatever form."""
    return unit in words or any(_is_form(unit, other) for other in words if other[:_STEM] == unit[:_STEM])


def _is_form(one: str, other: str) -> bool:
    """Tell if two words may be forms of one: "answer" and "answers", "brief" and "briefly"; a figure has no forms."""
    shorter, longer = sorted((one, other), key=len)
    if len(shorter) < _STEM or any(map(str.isdigit, longer)):
        return False
    common = next((index for index, (a, b) in enumerate(zip(shorter, longer, strict=False)) if a != b), len(shorter))
    return common >= _COMMON * len(longer) and (common > _STEM or common == len(shorter) >= len(longer) - 2)


def details_of(text: str) -> frozenset[str]:
    """Figures, and words with a capital that begin no sentence, in small letters."""
    normal = _fold(text)
    details: set[str] = set()
    for match in WORD.finditer(normal):
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
