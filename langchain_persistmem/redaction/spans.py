"""What a detector finds: places in a text, each with a category."""

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
"""What is found without further detectors, in the order of :data:`CATEGORIES`."""
CATEGORIES: tuple[Category, ...] = get_args(Category)
"""Of two that claim the same characters, the one that stands first here is right: the surer sign comes first."""


class Span(NamedTuple):
    """A place in a text, in characters from 0, the end not included."""

    start: int
    end: int
    category: str
    """Capital letters, digits and underscores, such as ``EMAIL`` or ``PERSON``."""


class Detector(Protocol):
    """Finds what the built-in rules cannot, such as names and addresses."""

    def detect(self, text: str) -> Iterable[tuple[int, int, str]]:
        """The places in ``text``, in any order: :class:`Span`, or plain tuples of start, end and category.

        Called for every text that is stored, embedded or searched with, from any thread; it should give the same
        for the same text, and wait for nothing. An error that it raises ends the call, and nothing is stored.
        """
        ...


def without_overlaps(spans: Sequence[Span]) -> list[Span]:
    """Of the built-in finds those that stand, in the order of the text: where two overlap, the surer one."""
    rank = {category: place for place, category in enumerate(CATEGORIES)}
    taken: list[Span] = []
    ends, best = -1, None
    for span in sorted(spans):
        if best is not None and span.start < ends:
            if (rank[span.category], span.start - span.end) < (rank[best.category], best.start - best.end):
                taken[-1] = best = span
                ends = span.end
            continue
        taken.append(span)
        best, ends = span, span.end
    return taken


def joined(spans: Sequence[Span]) -> list[Span]:
    """All of them, in order: what overlaps becomes one place, of the category of its longest part."""
    merged: list[Span] = []
    longest = 0
    for span in sorted(spans, key=lambda each: (each.start, -each.end)):
        if merged and span.start < merged[-1].end:
            last = merged[-1]
            category = span.category if span.end - span.start > longest else last.category
            merged[-1] = Span(last.start, max(last.end, span.end), category)
            longest = max(longest, span.end - span.start)
        else:
            merged.append(span)
            longest = span.end - span.start
    return merged
