"""The setting: what is looked for, and what is put in its place."""

import re
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import cast

from langchain_persistmem.errors import ConfigurationError, InvalidInputError, RedactionError
from langchain_persistmem.redaction import contact, credentials, money, national, network, phone
from langchain_persistmem.redaction.folding import Folded, fold
from langchain_persistmem.redaction.pseudonyms import PLACEHOLDER, placeholder
from langchain_persistmem.redaction.spans import CATEGORIES, Detector, Span, joined, without_overlaps

LONGEST = 5_000_000
"""Characters of one text; a longer one is refused, since it would be stored unread."""
_SHORTEST_KEY = 16
_NAME = re.compile(r"[A-Z][A-Z0-9_]{0,40}")
_BUILT_IN: Mapping[str, Callable[[str], Iterator[Span]]] = {
    "PRIVATE_KEY": credentials.private_keys,
    "JWT": credentials.web_tokens,
    "API_KEY": credentials.api_keys,
    "PASSWORD": credentials.passwords,
    "EMAIL": contact.emails,
    "IBAN": money.accounts,
    "CARD": money.cards,
    "CRYPTO": money.wallets,
    "SSN": national.ssns,
    "NATIONAL_ID": national.national_ids,
    "MAC": network.hardware,
    "IP": network.addresses,
    "PHONE": phone.phones,
}
_WITH_DIGITS = frozenset({"IBAN", "CARD", "CRYPTO", "SSN", "NATIONAL_ID", "PHONE"})


@dataclass(frozen=True, kw_only=True, slots=True)
class Redaction:
    """Personal data and secrets are replaced by placeholders before anything is embedded, stored, or shown to a model.

    Raises:
        ConfigurationError: a category is not known, the key is too short, or a detector has no ``detect``.
    """

    categories: Collection[str] | None = None
    """Of the built-in :data:`CATEGORIES` those that are looked for; by default all."""
    pseudonym_key: bytes | str | None = field(default=None, repr=False)
    """A secret of at least 16 bytes: placeholders become ``[EMAIL:c81d0f5b92ae]``, the same for the same value."""
    detectors: Sequence[Detector] = ()
    """Further ones, for names, addresses, and what else a text may have."""

    def __post_init__(self) -> None:
        if isinstance(self.categories, str):
            raise ConfigurationError("Redaction.categories is a string; pass a list, such as ['EMAIL', 'CARD']")
        unknown = set(self.categories or ()) - set(CATEGORIES)
        if unknown:
            raise ConfigurationError(
                f"Redaction.categories has {min(map(repr, unknown)):.40}; use some of {', '.join(CATEGORIES)}"
            )
        if self.pseudonym_key is not None and len(_key(self.pseudonym_key) or b"") < _SHORTEST_KEY:
            raise ConfigurationError(
                f"Redaction.pseudonym_key is shorter than {_SHORTEST_KEY} bytes; use secrets.token_bytes(32), kept safe"
            )
        for each in self.detectors:
            if not callable(getattr(each, "detect", None)):
                raise ConfigurationError(f"Redaction.detectors has a {type(each).__name__}; it needs detect(text)")

    def redact(self, text: str) -> str:
        """``text`` with placeholders; what has been redacted stays as it is.

        >>> Redaction().redact("Write to ada@example.com.")
        'Write to [EMAIL].'

        Raises:
            InvalidInputError: the text has more than 5,000,000 characters.
            RedactionError: a detector failed.
        """
        return self.redact_parts([text])[0]

    def redact_parts(self, parts: Sequence[str]) -> list[str]:
        """The parts of one text, redacted as the whole that they are; a placeholder stands where its value began."""
        whole = "".join(parts)
        key = _key(self.pseudonym_key)
        replaced = [(span, placeholder(span.category, whole[span.start : span.end], key)) for span in self.find(whole)]
        if not replaced:
            return list(parts)
        redacted: list[str] = []
        start = 0
        for part in parts:
            redacted.append(_replaced(part, start, replaced))
            start += len(part)
        return redacted

    def find(self, text: str) -> list[Span]:
        """What :meth:`redact` would replace, in the order of the text."""
        if len(text) > LONGEST:
            raise InvalidInputError(f"a text has {len(text)} characters, at most {LONGEST} can be redacted; split it")
        kept = self._built_in(text)
        if self.detectors:
            kept = joined([*kept, *(span for each in self.detectors for span in _found_by(each, text))])
        marks = [match.span() for match in PLACEHOLDER.finditer(text)] if "[" in text else []
        return _outside(kept, marks) if marks else kept

    def _built_in(self, text: str) -> list[Span]:
        folded = fold(text)
        wanted = CATEGORIES if self.categories is None else self.categories
        found: list[Span] = []
        digits = any(map(folded.text.__contains__, "0123456789"))
        for category in CATEGORIES:
            if category in wanted and (digits or category not in _WITH_DIGITS):
                found += _BUILT_IN[category](folded.text)
        return [_back(span, folded) for span in without_overlaps(found)]


def _key(key: bytes | str | None) -> bytes | None:
    return key.encode() if isinstance(key, str) else key


def _back(span: Span, folded: Folded) -> Span:
    return Span(*folded.original(span.start, span.end), span.category)


def _found_by(detector: Detector, text: str) -> list[Span]:
    """What a detector of the application finds.

    Raises:
        RedactionError: it raised something, or what it gave is no place in the text.
    """
    name, reason = type(detector).__name__, ""
    try:
        return [_checked(each, len(text)) for each in cast("Iterable[object]", detector.detect(text))]
    except Exception as error:  # noqa: BLE001 - whatever it was, nothing may pass unread; its text may quote ours
        reason = type(error).__name__
    raise RedactionError(f"the detector {name} failed with {reason}; nothing was stored, correct it and try again")


def _checked(given: object, length: int) -> Span:
    start, end, category = cast("tuple[object, object, object]", given)
    if not (isinstance(start, int) and isinstance(end, int) and 0 <= start < end <= length):
        raise ValueError("no place in the text")
    if not (isinstance(category, str) and _NAME.fullmatch(category)):
        raise ValueError("no category")
    return Span(start, end, category)


def _outside(spans: Sequence[Span], marks: Sequence[tuple[int, int]]) -> list[Span]:
    """What of ``spans`` is not in a placeholder; both are in the order of the text."""
    left: list[Span] = []
    place = 0
    for start, end, category in spans:
        while place < len(marks) and marks[place][1] <= start:
            place += 1
        at, here = start, place
        while here < len(marks) and marks[here][0] < end:
            if marks[here][0] > at:
                left.append(Span(at, marks[here][0], category))
            at = max(at, marks[here][1])
            here += 1
        if at < end:
            left.append(Span(at, end, category))
    return left


def _replaced(part: str, start: int, replaced: Sequence[tuple[Span, str]]) -> str:
    """``part``, which begins at ``start`` of the whole, with what of it is to be replaced."""
    pieces: list[str] = []
    at, end = start, start + len(part)
    for span, mark in replaced:
        if span.end <= at or span.start >= end:
            continue
        pieces.append(part[at - start : max(at, span.start) - start])
        if span.start >= start:
            pieces.append(mark)
        at = min(span.end, end)
    pieces.append(part[at - start :])
    return "".join(pieces)
