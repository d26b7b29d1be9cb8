"""Texts in scripts that an embedding model may not read, and nonsense in their letters; pure."""

import unicodedata

_STEPS = ((range(0x4E00, 0x9FFF), 997), (range(0xAC00, 0xD7A4), 588))
"""Of Chinese and Korean characters, the one so many places on: to put the same ones in another order would leave their meaning."""


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
    letters = sorted({letter for letter in text if letter.isalpha() and not letter.isascii()})
    half = len(letters) // 2
    others = dict(zip(letters, letters[half:] + letters[:half], strict=True))
    return "".join(_other(letter, others) for letter in text)


def _other(letter: str, others: dict[str, str]) -> str:
    for block, step in _STEPS:
        if ord(letter) in block:
            return chr(block[(ord(letter) - block.start + step) % len(block)])
    return others.get(letter, letter)
