"""The nearest of what the user told, for messages that ask for help, such as a dinner that is to be suggested; pure."""

from collections.abc import Callable, Sequence
from heapq import nlargest
from itertools import accumulate

from langchain_persistmem.types.recall_results import RankedCandidate, Recollection

_NEAREST = 20
"""So many of the nearest by meaning are in a context that is to help with something: what helps need not be near, and a score cannot
tell "The user is vegetarian" from noise where a dinner is to be suggested."""
_SHARE_OF_BUDGET = 1 / 3
"""What people tell of themselves is short, and pages of a long conversation are not to fill a context."""


def nearest_of_people(ranked: Sequence[RankedCandidate]) -> list[RankedCandidate]:
    """Of what people said, or stated, the nearest by meaning alone; nothing that is further than usual, or has no vector yet."""
    entries = [entry for entry in ranked if entry.row.source == "user" and entry.parts[0] > 0]
    return nlargest(_NEAREST, entries, key=lambda entry: entry.parts[0])


def add_nearest(
    relevant: Sequence[Recollection],
    nearest: Sequence[RankedCandidate],
    budget: int,
    count_tokens: Callable[[str], int],
) -> list[Recollection]:
    """The relevant memories, and behind them the nearest that are not among them, best first, within their share of the budget."""
    ids = {entry.memory.id for entry in relevant}
    remaining = [entry.recollection() for entry in nearest if entry.row.id not in ids]
    totals = accumulate(count_tokens(entry.excerpt or entry.text) for entry in remaining)
    most = budget * _SHARE_OF_BUDGET
    return [*relevant, *(entry for entry, total in zip(remaining, totals, strict=True) if total <= most)]
