"""Spans: ranges of a text with a category, as detectors return them."""

from collections.abc import Iterable, Sequence
from typing import Literal, NamedTuple, Protocol, get_args

Category = Literal[
    "PRIVATE_KEY",
    "JWT",
    "API_KEY",
    "PASSWORD",
    "EMAIL",
    "IBAN",
    "CARD",
    "CRYPTO",
    "SSN",
    "NATIONAL_ID",
    "MAC",
    "IP",
    "PHONE",
]
"""The categories of the built-in rules, in the order of :data:`CATEGORIES`."""
CATEGORIES: tuple[Category, ...] = get_args(Category)
"""In the order of reliability: of two overlapping spans, the one of the earlier category counts."""


class Span(NamedTuple):
    """A range of a text, in characters from 0, the end not included."""

    start: int
    end: int
    category: str
    """Capital letters, digits and underscores, such as ``EMAIL`` or ``PERSON``."""


class Detector(Protocol):
    """A detector for data that the built-in rules cannot find, such as names and addresses."""

    def detect(self, text: str) -> Iterable[tuple[int, int, str]]:
        """Return the spans in ``text``, in any order: :class:`Span`, or plain tuples of start, end and category.

        Called for every text that is stored, embedded or searched with, from any thread. The result should depend on
        the text alone, and the call should not block. An error that it raises ends the call, and nothing is stored.
        """
        ...


def resolve_overlaps(spans: Sequence[Span]) -> list[Span]:
    """Drop the less reliable of two overlapping built-in spans; the result is in the order of the text."""
    rank = {category: index for index, category in enumerate(CATEGORIES)}
    result: list[Span] = []
    ends, best = -1, None
    for span in sorted(spans):
        if best is not None and span.start < ends:
            if (rank[span.category], span.start - span.end) < (rank[best.category], best.start - best.end):
                result[-1] = best = span
                ends = span.end
            continue
        result.append(span)
        best, ends = span, span.end
    return result


def merge_spans(spans: Sequence[Span]) -> list[Span]:
    """Merge overlapping spans into one, of the category of its longest part; the result is in the order of the text."""
    result: list[Span] = []
    longest = 0
    for span in sorted(spans, key=lambda item: (item.start, -item.end)):
        if result and span.start < result[-1].end:
            last = result[-1]
            category = span.category if span.end - span.start > longest else last.category
            result[-1] = Span(last.start, max(last.end, span.end), category)
            longest = max(longest, span.end - span.start)
        else:
            result.append(span)
            longest = span.end - span.start
    return result
