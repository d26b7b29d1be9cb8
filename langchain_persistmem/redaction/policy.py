"""The redaction policy: categories, detectors and placeholders."""

import itertools
import re
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import cast

from langchain_persistmem.errors import ConfigurationError, InvalidInputError, RedactionError
from langchain_persistmem.redaction import contact, credentials, money, national, network, phone
from langchain_persistmem.redaction.folding import FoldedText, fold
from langchain_persistmem.redaction.pseudonyms import PLACEHOLDER, placeholder
from langchain_persistmem.redaction.spans import CATEGORIES, Detector, Span, merge_spans, resolve_overlaps
from langchain_persistmem.types.representation import is_a, plain, type_name

LONGEST = 5_000_000
"""Characters of one text; a longer one is refused, since it would be stored without a search."""
_FEW_SPANS = 1_000
"""A detector may return so many even for a short text, and two for each character of a long one."""
_SHORTEST_KEY = 16
_LONGEST_SHOWN = 40
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
    """Replacement of personal data and secrets by placeholders before any text is embedded, stored, or sent to a model.

    Raises:
        ConfigurationError: a category is not known, the key is too short, or a detector has no ``detect``.
    """

    categories: Collection[str] | None = None
    """The built-in :data:`CATEGORIES` to search for; by default all."""
    pseudonym_key: bytes | str | None = field(default=None, repr=False)
    """A secret of at least 16 bytes: placeholders become ``[EMAIL:c81d0f5b92ae]``, the same for the same value."""
    detectors: Sequence[Detector] = ()
    """Further detectors, such as for names and addresses."""

    def __post_init__(self) -> None:
        # By type() and not by isinstance(): an object that lies about its class would leave text unredacted.
        for name in ("categories", "pseudonym_key", "detectors"):
            object.__setattr__(self, name, plain(getattr(self, name)))
        categories: object = self.categories
        if issubclass(type(categories), str):
            raise ConfigurationError("Redaction.categories is a string; pass a list, such as ['EMAIL', 'CARD']")
        if categories is not None and not issubclass(type(categories), (list, tuple, set, frozenset)):
            raise ConfigurationError("Redaction.categories is no list; pass one, such as ['EMAIL', 'CARD']")
        for category in self.categories or ():
            if type(category) is not str or category not in CATEGORIES:
                text = repr(category) if type(category) is str and len(category) <= _LONGEST_SHOWN else "something else"
                raise ConfigurationError(f"Redaction.categories has {text}; use some of {', '.join(CATEGORIES)}")
        key: object = self.pseudonym_key
        if key is not None and not issubclass(cast("type", type(key)), (str, bytes)):
            raise ConfigurationError(
                "Redaction.pseudonym_key is neither bytes nor a string; use secrets.token_bytes(32)"
            )
        if isinstance(key, str) and key.encode(errors="replace").decode() != key:
            raise ConfigurationError("Redaction.pseudonym_key is no Unicode; use secrets.token_bytes(32), kept safe")
        detectors: object = self.detectors
        if not issubclass(type(detectors), (list, tuple)):
            raise ConfigurationError("Redaction.detectors is no list; pass a list of objects with detect(text)")
        if self.pseudonym_key is not None and len(_key(self.pseudonym_key) or b"") < _SHORTEST_KEY:
            raise ConfigurationError(
                f"Redaction.pseudonym_key is shorter than {_SHORTEST_KEY} bytes; use secrets.token_bytes(32), kept safe"
            )
        for detector in self.detectors:
            if not _can_detect(detector):
                raise ConfigurationError(f"Redaction.detectors has a {type_name(detector)}; it needs detect(text)")

    def redact(self, text: str) -> str:
        """Return ``text`` with placeholders; placeholders of an earlier call stay as they are.

        >>> Redaction().redact("Write to ada@example.com.")
        'Write to [EMAIL].'

        Raises:
            InvalidInputError: the text has more than 5,000,000 characters.
            RedactionError: a detector failed.
        """
        return self.redact_parts([text])[0]

    def redact_parts(self, parts: Sequence[str]) -> list[str]:
        """Redact the parts of one text as a whole; a placeholder stands at the beginning of its value."""
        if not is_a(parts, list) and not is_a(parts, tuple):
            raise InvalidInputError(f"parts is of type {type_name(parts)}; pass a list of strings")
        parts = [_check_text(part) for part in plain(cast("object", parts))]
        whole = "".join(parts)
        key = _key(self.pseudonym_key)
        replacements = [
            (span, placeholder(span.category, whole[span.start : span.end], key)) for span in self.find(whole)
        ]
        if not replacements:
            return list(parts)
        result: list[str] = []
        start = 0
        for part in parts:
            result.append(_replace_spans(part, start, replacements))
            start += len(part)
        return result

    def find(self, text: str) -> list[Span]:
        """Return the spans that :meth:`redact` would replace, in the order of the text."""
        text = _check_text(text)
        if len(text) > LONGEST:
            raise InvalidInputError(f"a text has {len(text)} characters, at most {LONGEST} can be redacted; split it")
        spans = self._find_built_in(text)
        if self.detectors:
            spans = merge_spans([*spans, *(span for item in self.detectors for span in _run_detector(item, text))])
        placeholders = [match.span() for match in PLACEHOLDER.finditer(text)] if "[" in text else []
        return _subtract_placeholders(spans, placeholders) if placeholders else spans

    def _find_built_in(self, text: str) -> list[Span]:
        folding = fold(text)
        categories = CATEGORIES if self.categories is None else self.categories
        spans: list[Span] = []
        digits = any(map(folding.text.__contains__, "0123456789"))
        for category in CATEGORIES:
            if category in categories and (digits or category not in _WITH_DIGITS):
                spans += _BUILT_IN[category](folding.text)
        return [_original_span(span, folding) for span in resolve_overlaps(spans)]


def _key(key: bytes | str | None) -> bytes | None:
    return key.encode() if isinstance(key, str) else key


def _original_span(span: Span, folding: FoldedText) -> Span:
    return Span(*folding.original(span.start, span.end), span.category)


def _check_text(text: object) -> str:
    text = plain(text)
    if not is_a(text, str):
        raise InvalidInputError(f"text is of type {type_name(text)}; pass a string")
    return text


def _can_detect(detector: object) -> bool:
    try:
        return callable(getattr(detector, "detect", None))
    except Exception:  # noqa: BLE001 - an object's own code
        return False


def _run_detector(detector: Detector, text: str) -> list[Span]:
    """Run a detector of the application.

    Raises:
        RedactionError: it raised an exception, a result is no range of the text, or there is no end of them.
    """
    name, reason = type_name(detector), ""
    try:
        return _read_spans(detector.detect(text), len(text))
    except Exception as error:  # noqa: BLE001 - whatever it was, nothing may pass unread; its text may quote ours
        reason = type(error).__name__
    raise RedactionError(f"the detector {name} failed with {reason}; nothing was stored, correct it and try again")


def _read_spans(spans: object, length: int) -> list[Span]:
    """Read what a detector returned, once and to its end; several of one place are right, but not without end."""
    at_most = max(_FEW_SPANS, 2 * length)
    result = [
        _check_span(span, length) for span in itertools.islice(cast("Iterable[object]", plain(spans)), at_most + 1)
    ]
    if len(result) > at_most:
        raise ValueError("more spans than the text has places")
    return result


def _check_span(span: object, length: int) -> Span:
    if not is_a(span, tuple) and not is_a(span, list):
        raise TypeError("no span")
    start, end, category = cast("tuple[object, object, object]", plain(cast("object", span)))
    # By the very type: plain() has made one of Python's own of all that are derived from them.
    if not (type(start) is int and type(end) is int and 0 <= start < end <= length):
        raise ValueError("no range of the text")
    if not (type(category) is str and _NAME.fullmatch(category)):
        raise ValueError("no category")
    return Span(start, end, category)


def _subtract_placeholders(spans: Sequence[Span], placeholders: Sequence[tuple[int, int]]) -> list[Span]:
    """Cut the placeholders out of ``spans``; both are in the order of the text."""
    rest: list[Span] = []
    index = 0
    for start, end, category in spans:
        while index < len(placeholders) and placeholders[index][1] <= start:
            index += 1
        # A further index, as the next span may overlap the same placeholder.
        at, inner = start, index
        while inner < len(placeholders) and placeholders[inner][0] < end:
            if placeholders[inner][0] > at:
                rest.append(Span(at, placeholders[inner][0], category))
            at = max(at, placeholders[inner][1])
            inner += 1
        if at < end:
            rest.append(Span(at, end, category))
    return rest


def _replace_spans(part: str, start: int, replacements: Sequence[tuple[Span, str]]) -> str:
    """Apply the replacements of a whole text to ``part``, which begins at its index ``start``."""
    pieces: list[str] = []
    at, end = start, start + len(part)
    for span, replacement in replacements:
        if span.end <= at or span.start >= end:
            continue
        pieces.append(part[at - start : max(at, span.start) - start])
        if span.start >= start:  # a value that began in an earlier part has its placeholder there
            pieces.append(replacement)
        at = min(span.end, end)
    pieces.append(part[at - start :])
    return "".join(pieces)
