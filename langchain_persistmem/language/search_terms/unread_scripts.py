"""Texts in scripts that an embedding model may not read, and nonsense in their letters; pure."""

import unicodedata
from collections.abc import Mapping

_HAN = range(0x4E00, 0x9FFF)
_HANGUL = range(0xAC00, 0xD7A4)
_STEP = 997
"""Of Chinese characters, the one so many places on: to put the same ones in another order would leave their meaning."""


def find_script(text: str) -> str | None:
    """Find the script that most letters of ``text`` are of; None for Latin, which every model reads, and for no letters.

    >>> find_script("Где я живу?"), find_script("Wo wohne ich?"), find_script("17?")
    ('CYRILLIC', None, None)
    """
    if text.isascii():
        return None
    counts: dict[str, int] = {}
    for letter in filter(str.isalpha, text):
        name = unicodedata.name(letter, "").partition(" ")[0]
        counts[name] = counts.get(name, 0) + 1
    script = max(counts, key=lambda name: counts[name], default="LATIN")
    return None if script == "LATIN" or 2 * counts[script] <= sum(counts.values()) else script


def make_nonsense(text: str) -> str:
    """Put other letters of its script in place of each letter of ``text``: it has the same shape, and says nothing.

    A model that finds the two alike does not read the script.

    >>> make_nonsense("תה, בבקשה")
    'הש, קקתבש'
    """
    # Syllables of Korean are taken apart into their letters, of which those at one place of a syllable stand for one another.
    apart = "".join(unicodedata.normalize("NFD", letter) if ord(letter) in _HANGUL else letter for letter in text)
    other_letters: dict[str, str] = {}
    for belongs in (_is_vowel, _is_final, _is_neither):
        letters = sorted({letter for letter in apart if letter.isalpha() and not letter.isascii() and belongs(letter)})
        half = len(letters) // 2
        other_letters |= zip(letters, letters[half:] + letters[:half], strict=True)
    return unicodedata.normalize("NFC", "".join(_other(letter, other_letters) for letter in apart))


def _is_vowel(letter: str) -> bool:
    return "\u1160" <= letter < "\u11a8"


def _is_final(letter: str) -> bool:
    return "\u11a8" <= letter <= "\u11ff"


def _is_neither(letter: str) -> bool:
    return not _is_vowel(letter) and not _is_final(letter)


def _other(letter: str, other_letters: Mapping[str, str]) -> str:
    if ord(letter) in _HAN:
        return chr(_HAN[(ord(letter) - _HAN.start + _STEP) % len(_HAN)])
    return other_letters.get(letter, letter)
