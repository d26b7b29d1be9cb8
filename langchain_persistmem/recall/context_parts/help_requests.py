"""The nearest of what the user told, for messages that ask for help, such as a dinner that is to be suggested; pure."""

from collections.abc import Callable, Sequence
from itertools import accumulate, islice

from langchain_persistmem.language.question import is_about_oneself
from langchain_persistmem.language.requests import asks_for_explanation
from langchain_persistmem.language.subjects import USER, find_subject
from langchain_persistmem.types.recall_results import RankedCandidate, RecallCandidate, Recollection

_NEAREST = 20
"""So many of the nearest by meaning are in a context that is to help with something: what helps need not be near, and a score cannot
tell "The user is vegetarian" from noise where a dinner is to be suggested."""
_MORE_OF_USER = 10
"""And so many of the next by meaning that the user told of themselves: they bear on what is wanted more than what neighbours do."""
_OF_USER_FOR_EXPLANATION = 5
"""So many of these alone where something is to be explained, which is much the same for everybody."""
_READ = 500
"""Characters of a memory that are read for whom it is about."""
_SHARE_OF_BUDGET = 1 / 3
"""What people tell of themselves is short, and pages of a long conversation are not to fill a context."""


def nearest_for_help(ranked: Sequence[RankedCandidate]) -> list[RankedCandidate]:
    """Of what people said, or stated, the nearest by meaning alone, and behind them the next that tell of the user.

    Nothing that is further than usual, or has no vector yet.
    """
    entries = _by_meaning(ranked)
    return [*entries[:_NEAREST], *_of_user(entries[_NEAREST:], _MORE_OF_USER)]


def nearest_for_explanation(ranked: Sequence[RankedCandidate], query: str) -> list[RankedCandidate]:
    """The nearest that tell of the user, where something is to be explained; none for any other query.

    What recursion is depends on nobody, but how it is explained may depend on who asks.
    """
    return _of_user(_by_meaning(ranked), _OF_USER_FOR_EXPLANATION) if asks_for_explanation(query) else []


def _by_meaning(ranked: Sequence[RankedCandidate]) -> list[RankedCandidate]:
    entries = [entry for entry in ranked if entry.row.source == "user" and entry.parts[0] > 0]
    return sorted(entries, key=lambda entry: -entry.parts[0])


def _of_user(entries: Sequence[RankedCandidate], most: int) -> list[RankedCandidate]:
    return list(islice((entry for entry in entries if _is_about_user(entry.row)), most))


def _is_about_user(candidate: RecallCandidate) -> bool:
    begin = (candidate.text or "")[:_READ]
    return is_about_oneself(begin) if candidate.is_turn else find_subject(begin) == USER


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
