"""The journal: all statements in the order of telling, within its tokens, and behind them the corrections since; pure."""

from collections.abc import Mapping, Sequence
from datetime import tzinfo
from typing import Any

from langchain_persistmem.recall.context_parts.context_budget import (
    TokenCounter,
    count_within,
    longest_beginning,
)
from langchain_persistmem.recall.context_parts.context_text import (
    journal_of,
    profile_lines,
    telling_time,
)
from langchain_persistmem.recall.context_parts.standing import (
    StandingPart,
    by_importance,
    is_instruction,
    is_statement,
)
from langchain_persistmem.types.recall_results import StandingMemory
from langchain_persistmem.types.records import Memory


def arrange_journal(entries: Sequence[StandingMemory]) -> tuple[list[Memory], list[Memory]]:
    """The statements of a journal in the order of telling, and behind them the corrections since the conversation began."""
    statements = [entry for entry in entries if is_statement(entry.memory) or is_instruction(entry.memory)]
    before = [entry.memory for entry in statements if entry.memory.recorded_at < entry.started_at]
    since = [entry.memory for entry in statements if entry.memory.recorded_at >= entry.started_at]
    before.sort(key=lambda memory: (telling_time(memory), memory.id))
    # By the time of writing: only so is a new correction always the last line.
    since.sort(key=lambda memory: (memory.recorded_at, memory.id))
    return before, since


def render_journal(
    before: Sequence[Memory],
    since: Sequence[Memory],
    document: Mapping[str, Any],
    *,
    journal_tokens: int,
    count_tokens: TokenCounter,
    has_names: bool,
    zone: tzinfo | None = None,
) -> StandingPart:
    """The journal as text; of what was told before the conversation, the most important that fits into ``journal_tokens``.

    Corrections since then come behind it whatever they take, so that nothing before them changes.
    """
    lines = profile_lines(document)

    def text(memories: Sequence[Memory], corrections: Sequence[Memory]) -> str:
        return journal_of(lines, memories, corrections, has_names=has_names, zone=zone)

    memories = list(before)
    if count_tokens(text(memories, ())) > journal_tokens:
        candidates = [*filter(is_instruction, before), *by_importance(m for m in before if not is_instruction(m))]
        # The texts alone say how many it can be at most: to write out and count all of a long journal again and again is slow.
        most = count_within([count_tokens(memory.text or "") for memory in candidates], journal_tokens)

        def fits(part: Sequence[Memory]) -> bool:
            ids = {memory.id for memory in part}
            return count_tokens(text([memory for memory in before if memory.id in ids], ())) <= journal_tokens

        ids = {memory.id for memory in longest_beginning(candidates[:most], fits)}
        memories = [memory for memory in before if memory.id in ids]
    return StandingPart(text=text(memories, since), memories=(*memories, *since), has_names=has_names)
