"""The beginnings of the words of a text that say something, by which two forms of a word count as one; pure."""

import re
from collections.abc import Set

STEM = 5
"""Letters by which two words count as one: "moved" and "moving" do not share more."""
_WORD = re.compile(r"[^\W_]+")


def word_beginnings(text: str, light: Set[str], *, shortest: int = 1) -> frozenset[str]:
    """Return the beginnings of the words of a text, in small letters.

    Args:
        light: words that say nothing where it is asked, and are left out.
        shortest: letters that a word has at least.

    >>> sorted(word_beginnings("She moved to Lyon, and is moving again", {"she", "to", "and", "is"}))
    ['again', 'lyon', 'moved', 'movin']
    """
    words = _WORD.findall(text.casefold())
    return frozenset(word[:STEM] for word in words if len(word) >= shortest and word not in light)
