"""Cutting a text into what it is found by: plain words, tokens with their parts, and characters where no spaces stand; pure."""

import re
import unicodedata
from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import NamedTuple

from langchain_persistmem.language.search_terms.accents_and_case import fold, simplify

# Scripts in which words do not stand apart, without their punctuation and figures: Thai, Lao, Tibetan, Burmese, Khmer and their
# neighbours; Chinese, Japanese, Korean (whose particles are part of the word), Yi.
_UNSPACED = (
    "\u0e01-\u0e3a\u0e40-\u0e4e\u0e81-\u0edf\u0f0b\u0f40-\u0fbc\u1000-\u103f\u1050-\u109f\u1780-\u17d3\u17d7\u17dc\u17dd\u1950-\u19df"
    "\u1a00-\u1a1b\u1a20-\u1a7f\u1b00-\u1b4b\ua980-\ua9c0\ua9e0-\ua9fe\uaa00-\uaa4d\uaa60-\uaadf\u1100-\u11ff\u3005-\u3007\u3041-\u309f"
    "\u30a1-\u30fa\u30fc-\u30ff\u3105-\u312f\u31a0-\u31bf\u31f0-\u31ff\u3400-\u4dbf\u4e00-\u9fff\ua000-\ua48c\uac00-\ud7ff\uf900-\ufaff"
    "\U00011700-\U0001173f\U00017000-\U00018cff\U0001b000-\U0001b2fb\U00020000-\U000323af"
)
# Signs that belong to the letter before them, which Python does not count as parts of words: of India, Ethiopia, the Maldives ...
_SIGNS = (
    "\u0711\u0730-\u074a\u07a6-\u07b0\u07eb-\u07f3\u0816-\u082d\u0859-\u085b\u0900-\u0903\u093a-\u094f\u0951-\u0957\u0962\u0963"
    "\u0981-\u0983\u09bc-\u09cd\u09d7\u09e2\u09e3\u0a01-\u0a03\u0a3c-\u0a51\u0a70\u0a71\u0a75\u0a81-\u0a83\u0abc-\u0acd\u0ae2\u0ae3"
    "\u0afa-\u0b03\u0b3c-\u0b57\u0b62\u0b63\u0b82\u0bbe-\u0bd7\u0c00-\u0c04\u0c3c-\u0c56\u0c62\u0c63\u0c81-\u0c83\u0cbc-\u0cd6\u0ce2\u0ce3"
    "\u0d00-\u0d03\u0d3b-\u0d4d\u0d57\u0d62\u0d63\u0d81-\u0d83\u0dca-\u0df3\u135d-\u135f\u1712-\u1734\u1b80-\u1b82\u1ba1-\u1bad"
    "\u1be6-\u1bf3\u1c24-\u1c37\u1cd0-\u1cf9\ua802-\ua827\ua880-\ua8c5\ua926-\ua953\uabe3-\uabed\U00010a01-\U00010a3f\U00011000-\U00011fff"
    "\U0001e944-\U0001e94a"
)
_RUN = re.compile(rf"[{_UNSPACED}]+")
_ATOM = rf"(?:(?![{_UNSPACED}])[^\W_]|[{_SIGNS}])+"
_JOINTS = r"(?:::|__|[-._/@:+#&=~\\]|(?<=\d),(?=\d))"
_TOKEN = re.compile(rf"[{_UNSPACED}]+|{_ATOM}(?:{_JOINTS}{_ATOM})*")
_ASCII_TOKEN = re.compile(rf"[A-Za-z0-9]+(?:{_JOINTS}[A-Za-z0-9]+)*")
"""The same for most texts of Europe, in half the time."""
_PHONE = re.compile(r"(?<![\w.,/-])\+?\(?\d[\d ()./-]{5,24}\d(?![\w-])")
_NO_PHONE = re.compile(r"^\d{1,4}([./-])\d{1,2}\1\d{1,4}(?![./-]?\d)|^\d{1,3}(?:\.\d{1,3}){3}$")
"""Dates and addresses of the Internet."""
_SEPARATORS = re.compile(r"[./@:+#&=~\\,]+")
_NO_DIGIT, _NO_DIGITS = re.compile(r"\D"), re.compile(r"\D+")
_HYPHENS = re.compile(r"[-_]+")
_THOUSANDS = re.compile(r"\d{1,3}(?:,\d{3})+")
_STACKERS = "\u1039\u17d2\u1a60"
"""Signs below which the next letter is written: Burmese, Khmer, Tai Tham."""
_SYLLABLE_END = "\u0f0b"
"""Tibetan syllables are marked off, its words are not."""
_LONGEST = 200
"""Characters of a term: what is longer, such as a key or an image in letters, is found by its parts only."""
_MOST_PIECES = 4
"""An identifier in which letters and figures change more often is no name with a number, but random."""
_PHONE_DIGITS = range(7, 16)
_SUBSCRIBER_DIGITS = 7
"""So many digits at the end are the same whatever stands before them: a country, a leading zero or nothing."""


class Token(NamedTuple):
    """A token of a text: a whole, and the parts that it is found by as well. Both are folded."""

    whole: str
    parts: tuple[str, ...] = ()
    is_run: bool = False
    """The parts are all that it is found by: characters and pairs of them, where no spaces tell words apart."""


class SearchableText(NamedTuple):
    """A text as the index takes it."""

    words: str
    """Plain words, for PostgreSQL's stemmers and stop words."""
    terms: tuple[str, ...]
    """What is found as it stands, with repetitions."""


def analyze(text: str) -> SearchableText:
    """Cut a text that is stored into its words and terms.

    >>> analyze("Host db-07 runs")
    SearchableText(words='host db runs', terms=('db-07', '07'))
    """
    words: list[str] = []
    terms: list[str] = []
    for token in cut_tokens(text):
        for form in token.parts if token.is_run else (token.whole, *token.parts):
            (words if is_word(form) and not token.is_run else terms).append(form)
    return SearchableText(" ".join(words), tuple(term for term in terms if len(term) <= _LONGEST))


def is_word(form: str) -> bool:
    """Tell if ``form`` is a word with forms of its own, which stemmers know: of letters alone."""
    return form.isalpha() or not any(character.isdigit() or character in "-._/@:+#&=~\\," for character in form)


def cut_tokens(text: str) -> Iterator[Token]:
    """Cut ``text`` into tokens; a telephone number is one, however it is spaced.

    >>> [token.whole for token in cut_tokens("Ada called +47 22 12 34 56, twice")]
    ['ada', 'called', '4722123456', 'twice']
    """
    plain = simplify(text)
    start = 0
    for match in _PHONE.finditer(plain):
        digits = _NO_DIGIT.sub("", match[0])
        if _is_phone(match[0], digits):
            yield from _cut(plain[start : match.start()])
            yield _phone(match[0], digits)
            start = match.end()
    yield from _cut(plain[start:])


def _is_phone(spelling: str, digits: str) -> bool:
    if len(digits) not in _PHONE_DIGITS or _NO_PHONE.search(spelling):
        return False
    joints = len(_NO_DIGITS.findall(spelling))
    return spelling[0] in "+(0" or joints > 1 or (joints == 0 and len(digits) > _SUBSCRIBER_DIGITS)


def _phone(spelling: str, digits: str) -> Token:
    groups = [group for group in re.findall(r"\d+", spelling) if len(group) > 1 and group != digits]
    ending = [digits[-_SUBSCRIBER_DIGITS:]] if len(digits) > _SUBSCRIBER_DIGITS else []
    return Token(digits, tuple(dict.fromkeys([*ending, *groups])))


def _cut(plain: str) -> Iterator[Token]:
    tokens: dict[str, Token] = {}  # a long text says most of its words often
    for spelling in (_ASCII_TOKEN if plain.isascii() else _TOKEN).findall(plain):
        if spelling not in tokens:
            tokens[spelling] = _token(spelling)
        yield tokens[spelling]


def _token(spelling: str) -> Token:
    if not spelling.isascii() and _RUN.match(spelling):
        characters = cut_characters(fold(spelling))
        return Token(spelling, (*characters, *_pairs(characters)), is_run=True)
    if spelling.isalpha() and spelling[1:].islower():  # nearly all of most texts
        return Token(fold(spelling))
    whole = fold(spelling)
    return Token(whole, tuple(part for part in dict.fromkeys(map(fold, _parts(spelling))) if part != whole))


def _parts(token: str) -> Iterator[str]:
    """The parts of a compound token, at every level at which it can be cut; single letters are none."""
    if _THOUSANDS.fullmatch(token):
        yield token.replace(",", "")
    for segment in _SEPARATORS.split(token):
        yield from _longer_than_a_letter([segment])
        for atom in _HYPHENS.split(segment):
            yield from _longer_than_a_letter([atom])
            pieces = _pieces(atom)
            if 1 < len(pieces) <= _MOST_PIECES:
                yield from _longer_than_a_letter(pieces)


def _longer_than_a_letter(parts: Sequence[str]) -> Iterator[str]:
    return (part for part in parts if len(part) > 1 or part.isdigit())


def _pieces(atom: str) -> list[str]:
    """Cut where a capital begins a word, and between letters and figures: "getUserName", "HTTPServer", "mp3"."""
    if (atom.isalpha() and (atom[1:].islower() or atom.isupper())) or atom.isdigit():
        return [atom]
    cuts = [0]
    for index in range(1, len(atom)):
        before, here, rest = atom[index - 1], atom[index], atom[index + 1 : index + 3]
        begins_word = here.isupper() and (
            before.islower() or (before.isupper() and rest[1:].islower() and rest.islower())
        )
        if begins_word or before.isdigit() != here.isdigit():
            cuts.append(index)
    return [atom[start:end] for start, end in zip(cuts, [*cuts[1:], len(atom)], strict=True)]


def cut_characters(run: str) -> tuple[str, ...]:
    """Cut text without spaces into characters as they are written: a letter with its signs; in Tibetan, a syllable.

    >>> cut_characters("喜欢茶"), cut_characters("ကော်ဖီ")
    (('喜', '欢', '茶'), ('ကော်', 'ဖီ'))
    """
    if _SYLLABLE_END in run:
        return tuple(filter(None, run.split(_SYLLABLE_END)))
    characters: list[str] = []
    for character in run:
        if characters and (unicodedata.category(character)[0] == "M" or characters[-1][-1] in _STACKERS):
            characters[-1] += character
        else:
            characters.append(character)
    return tuple(characters)


def _pairs(characters: Sequence[str]) -> tuple[str, ...]:
    return tuple(one + other for one, other in pairwise(characters))


def cut_pairs(text: str) -> tuple[str, ...]:
    """Cut what stands in scripts without spaces into pairs of neighbouring characters, as a measure of what two texts share.

    >>> cut_pairs("我喜欢茶 and tea")
    ('我喜', '喜欢', '欢茶')
    """
    pairs: list[str] = []
    for run in _RUN.findall(text):
        characters = cut_characters(run)
        pairs += characters if len(characters) == 1 else _pairs(characters)
    return tuple(pairs)
