"""E-mail addresses; pure."""

import re
from collections.abc import Iterator

from langchain_persistmem.redaction.spans import Span

_LETTER = r"A-Za-z0-9À-ÖØ-öø-ɏͰ-ϿЀ-ӿ"
"""Chinese and Japanese have no spaces: their letters would drag the sentence into the address."""
_LABEL = rf"[{_LETTER}](?:[{_LETTER}\-]{{0,62}})"
_LAST = r"(?:xn--[a-z0-9\-]{2,59}|[A-Za-zÀ-ÖØ-öø-ɏЀ-ӿ]{2,24})"
_ADDRESS = re.compile(
    rf"(?<![{_LETTER}.+_%'\-])[{_LETTER}_](?:[{_LETTER}.+_%'\-]{{0,63}}+)@(?:{_LABEL}\.){{1,8}}{_LAST}(?![{_LETTER}_@])",
)
_QUOTED = re.compile(rf'"[^"\s@]{{1,64}}"@(?:{_LABEL}\.){{1,8}}{_LAST}')
_AT = r"(?:\s?[\[({<]\s?(?:at|AT|At|ät|arroba)\s?[\])}>]\s?)"
_DOT = r"(?:\s?[\[({<]\s?(?:dot|DOT|Dot|punkt|punto|point)\s?[\])}>]\s?|\s(?:dot|DOT|punkt|punto|point)\s|\.)"
_SPELT = re.compile(
    rf"(?<![{_LETTER}.])[{_LETTER}][{_LETTER}._+\-]{{0,63}}+{_AT}(?:{_LABEL}{_DOT}){{1,4}}[A-Za-z]{{2,12}}(?![{_LETTER}])"
)
_SPOKEN = re.compile(
    rf"(?<![{_LETTER}.])[{_LETTER}][{_LETTER}._+\-]{{0,63}}+(?: dot [{_LETTER}]{{1,30}}){{0,2}} at "
    rf"(?:{_LABEL} dot ){{1,3}}(?:com|org|net|edu|gov|io|de|fr|es|it|nl|uk|co|eu|ch|at|me|info)(?![{_LETTER}])",
    re.IGNORECASE,
)
_PICTURE = re.compile(r"@[0-9]x\.(?:png|jpe?g|gif|webp|svg|pdf)\Z", re.IGNORECASE)


def emails(text: str) -> Iterator[Span]:
    """Find e-mail addresses, also with ``(at)`` or ``[dot]``; not the user of a URL, nor pictures such as ``a@2x.png``."""
    if "@" in text:
        for pattern in (_ADDRESS, _QUOTED):
            for match in pattern.finditer(text):
                start, end = match.span()
                start += len(match[0]) - len(match[0].lstrip("'_%.-"))
                part_of_url = text.startswith("git@", start) or text[max(0, start - 3) : start] == "://"
                if not part_of_url and not _PICTURE.search(match[0]):
                    yield Span(start, end, "EMAIL")
    for match in _SPELT.finditer(text):
        yield Span(*match.span(), "EMAIL")
    if " dot " in text or " DOT " in text:
        for match in _SPOKEN.finditer(text):
            yield Span(*match.span(), "EMAIL")
