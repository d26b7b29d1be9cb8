"""One spelling for what people write in several: a text as search knows it, stored and asked alike; pure."""

import re
import unicodedata

from langchain_persistmem.language.hidden_characters import strip_invisible

# Accents and strokes that stand on their own in decomposed text, of Latin, Greek and Cyrillic; the points of Hebrew and the
# vowel signs of Arabic, which are rarely written. Vowel signs of other scripts are letters in all but name, and not here.
_MARKS = re.compile(
    "[\u0300-\u036f\u1ab0-\u1aff\u1dc0-\u1dff\u20d0-\u20ff\ufe20-\ufe2f\u0483-\u0489\u2de0-\u2dff\ua66f-\ua672\ua674-\ua67d"
    "\ua69e-\ua69f\u0591-\u05bd\u05bf\u05c1\u05c2\u05c4\u05c5\u05c7\u0610-\u061a\u0640\u064b-\u065f\u0670\u06d6-\u06dc\u06df-\u06e8"
    "\u06ea-\u06ed\u08d3-\u08e1\u08e3-\u08ff]+"
)

_LETTERS = {
    # Latin letters that have no decomposition.
    "ø": "o", "ł": "l", "đ": "d", "ð": "d", "þ": "th", "ħ": "h", "ŧ": "t", "ŋ": "n", "æ": "ae", "œ": "oe", "ß": "ss", "ẞ": "SS", "ı": "i",
    "ĸ": "k", "ɓ": "b", "ƃ": "b", "ƈ": "c", "ɖ": "d", "ɗ": "d", "ƌ": "d", "ǝ": "e", "ə": "e", "ɛ": "e", "ƒ": "f", "ɠ": "g", "ɣ": "g",
    "ɨ": "i", "ɩ": "i", "ƙ": "k", "ƚ": "l", "ɲ": "n", "ƞ": "n", "ɔ": "o", "ɵ": "o", "ƥ": "p", "ʀ": "r", "ɍ": "r", "ʃ": "s", "ƭ": "t",
    "ʈ": "t", "ʉ": "u", "ʊ": "u", "ʋ": "v", "ƴ": "y", "ɏ": "y", "ƶ": "z", "ʒ": "z", "ɉ": "j", "ǥ": "g", "ƀ": "b", "ȼ": "c", "ⱥ": "a",
    "ɇ": "e", "ⱡ": "l", "ᵽ": "p", "ɽ": "r", "ⱦ": "t", "ȿ": "s", "ɀ": "z",
    # Cyrillic letters that many keyboards lack, by those that are typed instead.
    "ґ": "г", "ғ": "г", "ҕ": "г", "җ": "ж", "ҙ": "з", "қ": "к", "ҝ": "к", "ҟ": "к", "ҡ": "к", "ң": "н", "ҥ": "н", "ө": "о", "ҫ": "с",
    "ҭ": "т", "ү": "у", "ұ": "у", "ҳ": "х", "һ": "х", "ә": "а", "ҷ": "ч", "ҹ": "ч",
    # One Arabic letter, as Persian, Urdu and Egyptian keyboards write it.
    "ی": "ي", "ى": "ي", "ې": "ي", "ک": "ك", "ہ": "ه", "ھ": "ه", "ە": "ه",
    # Signs that are typed for one another.
    "’": "'", "‘": "'", "ʼ": "'", "ʻ": "'", "ʹ": "'", "ʽ": "'", "ʿ": "'", "ʾ": "'", "՚": "'", "׳": "'",
    "‐": "-", "‑": "-", "‒": "-", "–": "-", "−": "-", "⁄": "/", "∕": "/", "־": "-", "،": ",", "٫": ".", "٬": ",",
}  # fmt: skip
"""Letters by what they are searched as: those that no decomposition of Unicode tells apart from their plain neighbours."""


class _Table(dict[int, str]):
    """The plain form of code points, computed at the first look-up: of letters in both cases, and of digits of all scripts."""

    def __missing__(self, code: int) -> str:
        character = chr(code)
        plain = _LETTERS.get(character)
        if plain is None and (capital := _LETTERS.get(character.lower())) is not None and character.isupper():
            plain = capital.capitalize()
        if plain is None:
            plain = str(unicodedata.decimal(character)) if character.isdecimal() else character
        self[code] = plain
        return plain


_TABLE = _Table()


def fold(text: str) -> str:
    """Fold ``text`` into the spelling that search compares: without case, accents and all that is written in several ways.

    >>> fold("Jürgen Łukasz"), fold("STRASSE") == fold("Straße"), fold("الغرفة ٤١٠٧"), fold("किताब")
    ('jurgen lukasz', True, 'الغرفة 4107', 'किताब')
    """
    return text.lower() if text.isascii() else _small(simplify(text))


def simplify(text: str) -> str:
    """Fold everything of ``text`` but capitals, by which a token such as ``getUserName`` is cut.

    >>> simplify("Şükrü has 47 or ٤٧")
    'Sukru has 47 or 47'
    """
    if text.isascii():
        return text
    # Decomposed with compatibility (NFKD), marks stand by themselves; what is left of them is put together again.
    apart = unicodedata.normalize("NFKD", strip_invisible(text))
    plain = _MARKS.sub("", apart).translate(_TABLE)
    return unicodedata.normalize("NFC", plain)


def _small(plain: str) -> str:
    """Without capitals; a capital may stand for more than one letter, or for one with a mark."""
    small = plain.casefold()
    return small if small.isascii() or small == plain else simplify(small)
