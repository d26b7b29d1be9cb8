"""The text for the model: the best of what was recalled, within a token budget; pure and byte-stable."""

import re
from collections.abc import Callable, Container, Sequence
from dataclasses import replace
from datetime import tzinfo
from functools import partial
from itertools import accumulate
from typing import TypeVar
from uuid import UUID

from langchain_persistmem.recall.context_parts.context_text import (
    Form,
    TextWriter,
    sort_key,
)
from langchain_persistmem.types.argument_checks import check_arguments
from langchain_persistmem.types.recall_results import Context, Recollection, ScoreParts

TokenCounter = Callable[[str], int]

_WIDE = re.compile(r"[\u1100-\u11ff\u2e80-\u9fff\uac00-\ud7af\uf900-\ufaff\U00020000-\U0003ffff]")
NO_EVIDENCE = ScoreParts(
    evidence=0.0,
    meaning=0.0,
    terms=0.0,
    neighbours=0.0,
    speaker=0.0,
    recency=0.0,
    importance=0.0,
    use=0.0,
    similarity=0.0,
)
"""The parts of a score that nothing was measured for."""


@check_arguments()
def approximate_tokens(text: str) -> int:
    """About how many tokens ``text`` is: one for four characters, one for each Chinese, Japanese or Korean character.

    For English under the tokenizers in use this errs by some 15 % either way; give
    :meth:`PersistMem.context` the model's own counter where that matters.
    """
    wide = len(_WIDE.findall(text))
    return wide + -(-(len(text) - wide) // 4)


def render(
    recollections: Sequence[Recollection],
    *,
    max_tokens: int,
    count_tokens: TokenCounter,
    form: Form = "sections",
    before: str = "",
    has_names: bool = False,
    by_time: bool = False,
    is_list: bool = False,
    standing_ids: Container[UUID] = (),
    zone: tzinfo | None = None,
) -> Context:
    """The best recollections that fit into ``max_tokens``, as text.

    ``recollections`` come best first and are taken in that order; one that does not fit is left
    out and a shorter one behind it may still fit. How many were left out is said in the text, unless
    that line would cost the only entry. The text lists them by section and date, so that the same
    memories give the same bytes whatever their scores are; with ``by_time`` facts stand among events, by date. Their dates
    are in ``zone``, or else those of the senders' clocks. With ``is_list`` more statements are worth more than the words on
    which they rest: where not all fit, these are left out, and so are those of ``standing_ids``, which stand before it.
    ``before`` is the part that stands before it, and is paid from the same budget.
    """
    total = len(recollections)
    writer = TextWriter(form=form, has_names=has_names, is_second=bool(before), by_time=by_time, zone=zone)

    def fits(entries: Sequence[Recollection], left_out: int) -> bool:
        return count_tokens(_join(before, writer.write(entries, left_out=left_out))) <= max_tokens

    entries: list[Recollection] = []
    all_fit = fits(recollections, 0)
    if is_list and not all_fit:
        recollections = [
            entry if entry.memory.is_turn else replace(entry, excerpt=None)
            for entry in recollections
            if entry.memory.id not in standing_ids
        ]
        # What was drawn from turns says each item in fewer words than turns do.
        recollections.sort(key=lambda entry: entry.memory.is_turn)
        total = len(recollections)
        all_fit = fits(recollections, 0)
    if all_fit:
        entries = list(recollections)
    else:
        for recollection in recollections:
            if fits([*entries, recollection], total - len(entries) - 1):
                entries.append(recollection)
        while entries and not fits(entries, total - len(entries)):  # a counter that does not add up
            entries.pop()
    left_out = total - len(entries)
    if not entries:  # rather one entry than the line that says how many there are
        entries, left_out = [entry for entry in recollections if fits([entry], 0)][:1], 0
    relevant = writer.write(entries, left_out=left_out)
    whole = _join(before, relevant)
    return Context(
        text=whole,
        tokens=count_tokens(whole),
        recollections=tuple(sorted(entries, key=partial(sort_key, by_time=by_time))),
        omission_count=total - len(entries),
        standing=before,
        relevant=relevant,
    )


def count_within(costs: Sequence[int], most: int) -> int:
    """So many of the costs, from the first on, add up to at most ``most``."""
    return sum(total <= most for total in accumulate(costs))


_T = TypeVar("_T")


def longest_beginning(entries: Sequence[_T], fits: Callable[[Sequence[_T]], bool]) -> list[_T]:
    """The longest beginning that fits, found by halving: a counter of tokens may be slow."""
    low, high = 0, len(entries)
    while low < high:
        middle = (low + high + 1) // 2
        low, high = (middle, high) if fits(entries[:middle]) else (low, middle - 1)
    return list(entries[:low])


def _join(standing: str, relevant: str) -> str:
    return "\n\n".join(part for part in (standing, relevant) if part)
