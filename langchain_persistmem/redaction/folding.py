"""Normal form of a text for the detectors: one kind of digit, space, dash and dot, nothing invisible; pure."""

import unicodedata
from dataclasses import dataclass

_INVISIBLE = 0x200B
_FILLERS = {0x034F, 0x115F, 0x1160, 0x17B4, 0x17B5, 0x3164, 0xFFA0, *range(0xFE00, 0xFE10)}
_DASHES = {0x2212, 0x2043, 0x30FC, 0xFF70}
"""Minus, hyphen bullet, and the long vowel signs that are typed for dashes in Japanese numbers."""
_OTHERS = {0x2024: ".", 0xFE52: ".", 0xFE6B: "@", 0x2215: "/", 0x2044: "/", 0x2236: ":", 0x02D7: "-"}
_FULL_WIDTH = range(0xFF01, 0xFF5F)
_MATHEMATICAL = range(0x1D400, 0x1D7CC)


@dataclass(frozen=True, slots=True)
class FoldedText:
    """The folded text, with the original position of each of its characters."""

    text: str
    positions: list[int] | None
    """None if all characters have their original position."""

    def original(self, start: int, end: int) -> tuple[int, int]:
        """Map a range of the folded text to the original text; invisible characters inside belong to it."""
        return (start, end) if self.positions is None else (self.positions[start], self.positions[end - 1] + 1)


class _Table(dict[int, int]):
    """Folded code point by code point, computed at the first lookup."""

    def __missing__(self, code: int) -> int:
        self[code] = folding = _fold(code)
        return folding


def fold(text: str) -> FoldedText:
    """Fold ``text`` for the detectors: full-width digits become digits, a no-break space becomes a space."""
    if text.isascii():
        return FoldedText(text, None)
    visible = text.translate(_TABLE)
    if "\u200b" not in visible:
        return FoldedText(visible, None)
    positions = [index for index, character in enumerate(visible) if character != "\u200b"]
    return FoldedText(visible.replace("\u200b", ""), positions)


def _fold(code: int) -> int:
    character = chr(code)
    if code in _OTHERS:
        return ord(_OTHERS[code])
    kind = unicodedata.category(character)
    if kind == "Cf" or code in _FILLERS:
        return _INVISIBLE
    if kind == "Nd":
        return ord("0") + unicodedata.decimal(character)
    if kind == "Zs":
        return ord(" ")
    if kind == "Pd" or code in _DASHES:
        return ord("-")
    if code in _FULL_WIDTH:
        return code - 0xFEE0
    if code in _MATHEMATICAL:
        plain = unicodedata.normalize("NFKC", character)
        return ord(plain) if len(plain) == 1 else code
    return code


_TABLE = _Table()
