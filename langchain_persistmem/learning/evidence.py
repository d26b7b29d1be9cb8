"""Evidence in the turns for a claim of the model's: the messages it names, and the words it quotes; pure."""

import re
import unicodedata
from collections.abc import Sequence

from langchain_persistmem.language.data import stop_words
from langchain_persistmem.language.own_words import strip_blocks, strip_quotations
from langchain_persistmem.types.records import Turn

_DOTS = re.compile(r"\.{3,}|…")
_SHORTEST = 6
"""Letters from which a quote tells by itself where it stands."""
_FEWEST = 2
"""Words of weight that a free quote has at least."""
_WORD = re.compile(r"[^\W_]+")


def supporting(numbers: Sequence[object], quote: str, turns: Sequence[Turn]) -> list[Turn]:
    """The turns that a claim rests on; none if nothing the user said supports it.

    Args:
        numbers: the messages that the model names, counted from 1; those that were not shown count for nothing.
        quote: the words that it quotes, or nothing. They have to be the user's. If they stand in another of the
            user's messages than the one named, that one is the evidence: the words are better proof than the number.
        turns: what the model was shown.
    """
    numbers_shown = sorted({n for n in numbers if type(n) is int and 1 <= n <= len(turns)})
    named = [turns[number - 1] for number in numbers_shown]
    if not any(turn.role == "user" for turn in named):
        return []
    if not letters(quote) or any(turn.role == "user" and says(turn.text, quote) for turn in named):
        return named
    elsewhere = [turn for turn in turns if turn.role == "user" and says(turn.text, quote)]
    return elsewhere if len(elsewhere) == 1 and len(letters(quote)) >= _SHORTEST else []


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
    words = _WORD.findall(unicodedata.normalize("NFKC", text).casefold())
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
