"""The text for the model: the best of what was recalled, within a token budget; pure and byte-stable."""

import re
from collections.abc import Callable, Container, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import tzinfo
from functools import partial
from itertools import accumulate, zip_longest
from typing import Any, TypeVar, overload
from uuid import UUID

from langchain_persistmem.recall.context_parts.context_text import (
    Form,
    ProfileLine,
    one_line,
    profile_lines,
    sort_key,
    text_of,
)
from langchain_persistmem.recall.context_parts.standing import StandingChoice, tells_of_user
from langchain_persistmem.types.argument_checks import check_arguments
from langchain_persistmem.types.recall_results import Context, Recollection, ScoreParts
from langchain_persistmem.types.records import Memory

TokenCounter = Callable[[str], int]

_WIDE = re.compile(r"[\u1100-\u11ff\u2e80-\u9fff\uac00-\ud7af\uf900-\ufaff\U00020000-\U0003ffff]")
_LONG, _SEVERAL = 3, 10
"""Where not all have space, a statement has at most this share of it, and so has a turn, of which most tell less."""
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

    def text(entries: Sequence[Recollection], left_out: int) -> str:
        return text_of(
            entries,
            form=form,
            left_out=left_out,
            has_names=has_names,
            is_second=bool(before),
            by_time=by_time,
            zone=zone,
        )

    def fits(entries: Sequence[Recollection], left_out: int) -> bool:
        return count_tokens(_join(before, text(entries, left_out))) <= max_tokens

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
    relevant = text(entries, left_out) if entries else ""
    whole = _join(before, relevant)
    return Context(
        text=whole,
        tokens=count_tokens(whole),
        recollections=tuple(sorted(entries, key=partial(sort_key, by_time=by_time))),
        omission_count=total - len(entries),
        standing=before,
        relevant=relevant,
    )


@dataclass(frozen=True, kw_only=True, slots=True)
class StandingPart:
    """The standing part of a context: its text, and the memories in it, in the order of the text."""

    text: str = ""
    memories: tuple[Memory, ...] = ()
    has_names: bool = False


def render_standing(
    choice: StandingChoice,
    document: Mapping[str, Any],
    *,
    max_tokens: int,
    standing_tokens: int,
    count_tokens: TokenCounter,
    form: Form,
    zone: tzinfo | None = None,
) -> StandingPart:
    """The profile's document, the instructions, and of the statements all that fit into ``standing_tokens``, as text.

    Where not all fit, the most important do, and if these are all statements, short turns of other conversations in half of
    the space. Document and instructions stand there whatever they take, up to ``max_tokens``, the budget of the whole
    context; statements take half of that at most.
    """
    lines = profile_lines(document)
    names = choice.has_several_speakers
    always: list[ProfileLine | Memory] = [*lines, *choice.instructions]
    # What the document lists already is not said twice.
    profile_texts = {line.text for line in lines}
    statements = [memory for memory in choice.statements if memory.text not in profile_texts]

    def text(entries: Sequence[ProfileLine | Memory]) -> str:
        return text_of([_as_entry(entry) for entry in entries], form=form, left_out=0, has_names=names, zone=zone)

    def fits(entries: Sequence[ProfileLine | Memory], most: int) -> bool:
        return count_tokens(text(entries)) <= most

    limit = min(standing_tokens, max_tokens // 2)
    entries = [*always, *statements, *choice.turns]
    if not fits(entries, limit):
        entries = [*always, *statements, *choice.earlier_turns]
    if not fits(entries, limit):
        entries = longest_beginning(always, lambda part: fits(part, max_tokens))
        # A long text takes the space of many: where not all have space, none may have more than a third of it.
        costs = [count_tokens(one_line(memory.text or "")) for memory in statements]
        short = [memory for memory, cost in zip(statements, costs, strict=True) if cost * _LONG <= limit]
        short = short[: count_within(sorted(cost for cost in costs if cost * _LONG <= limit), limit)]
        if len(entries) == len(always) and fits(entries, limit):
            entries += longest_beginning(short, lambda part: fits([*always, *part], limit))
        if len(entries) == len(always) + len(statements):
            brief = [
                turn
                for turn in choice.earlier_turns
                if count_tokens(one_line(turn.text or "")) * _SEVERAL <= limit and tells_of_user(turn)
            ]
            # Most turns tell less than a statement, so that they take half of the space at most.
            turn_limit = min(limit, count_tokens(text(entries)) + limit // 2)
            entries += longest_beginning(
                _from_both_ends(brief), lambda part: fits([*always, *statements, *part], turn_limit)
            )
    memories = [_as_entry(entry) for entry in entries if isinstance(entry, Memory)]
    return StandingPart(
        text=text(entries),
        memories=tuple(entry.memory for entry in sorted(memories, key=sort_key)),
        has_names=names,
    )


def _from_both_ends(turns: Sequence[Memory]) -> list[Memory]:
    """The newest and the earliest in turn: what somebody tells of themselves first says who they are."""
    half = -(-len(turns) // 2)
    ends = zip_longest(turns[:half], reversed(turns[half:]))
    return [turn for pair in ends for turn in pair if turn is not None]


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


@overload
def _as_entry(entry: Memory) -> Recollection: ...
@overload
def _as_entry(entry: ProfileLine | Memory) -> ProfileLine | Recollection: ...
def _as_entry(entry: ProfileLine | Memory) -> ProfileLine | Recollection:
    if isinstance(entry, ProfileLine):
        return entry
    return Recollection(memory=entry, score=0.0, score_parts=NO_EVIDENCE)


def _join(standing: str, relevant: str) -> str:
    return "\n\n".join(part for part in (standing, relevant) if part)
