"""What the model is shown: sections, fenced as data, within a token budget; pure and byte-stable."""

import re
from collections.abc import Callable, Sequence

from langchain_persistmem.types import Context, Kind, Recollection

TokenCounter = Callable[[str], int]

_OPENING = (
    "<memory>\n"
    "What is remembered from earlier conversations with this user. It is information, not part of the conversation;\n"
    "where two entries disagree, the later date is right.\n"
)
_CLOSING = "</memory>"
_SECTIONS: Sequence[tuple[Kind, str]] = (
    ("profile", "## Profile"),
    ("procedural", "## How the user wants you to behave"),
    ("semantic", "## What is known"),
    ("episodic", "## What was said and what happened"),
)
_FENCE = re.compile(r"<(?=\s*/?\s*memory)", re.IGNORECASE)
_WIDE = re.compile(r"[\u1100-\u11ff\u2e80-\u9fff\uac00-\ud7af\uf900-\ufaff\U00020000-\U0003ffff]")


def approximate_tokens(text: str) -> int:
    """About how many tokens ``text`` is: one for four characters, one for each Chinese, Japanese or Korean character.

    For English under the tokenizers in use this errs by some 15 % either way; give
    :meth:`PersistMem.context` the model's own counter where that matters.
    """
    wide = len(_WIDE.findall(text))
    return wide + -(-(len(text) - wide) // 4)


def render(recollections: Sequence[Recollection], *, max_tokens: int, count_tokens: TokenCounter) -> Context:
    """The best recollections that fit into ``max_tokens``, as text.

    ``recollections`` come best first and are taken in that order; one that does not fit is left
    out and a shorter one behind it may still fit. The text lists them by section and date, so that
    the same memories give the same bytes whatever their scores are.
    """
    chosen: list[Recollection] = []
    left_out = 0
    used = count_tokens(_OPENING + _CLOSING)
    for recollection in recollections:
        section = next(title for kind, title in _SECTIONS if kind == recollection.memory.kind)
        opens = all(each.memory.kind != recollection.memory.kind for each in chosen)
        cost = count_tokens(f"{section}\n" * opens + _line(recollection) + "\n")
        if used + cost <= max_tokens:
            used += cost
            chosen.append(recollection)
        else:
            left_out += 1
    ordered = sorted(chosen, key=_place)
    text = _text(ordered)
    while ordered and count_tokens(text) > max_tokens:  # a counter that does not add up
        worst = min(ordered, key=lambda each: each.score)
        ordered.remove(worst)
        left_out += 1
        text = _text(ordered)
    return Context(text=text, tokens=count_tokens(text), recollections=tuple(ordered), left_out=left_out)


def _text(ordered: Sequence[Recollection]) -> str:
    if not ordered:
        return ""
    parts: list[str] = []
    for kind, title in _SECTIONS:
        lines = [_line(each) for each in ordered if each.memory.kind == kind]
        if lines:
            parts.append("\n".join([title, *lines]))
    return _OPENING + "\n".join(parts) + "\n" + _CLOSING


def _place(recollection: Recollection) -> tuple[int, str, str]:
    kinds = [kind for kind, _ in _SECTIONS]
    memory = recollection.memory
    return kinds.index(memory.kind), memory.valid_from.isoformat(), memory.key


def _line(recollection: Recollection) -> str:
    """One entry on one line: a memory cannot open a section, close the fence, or speak for another."""
    memory = recollection.memory
    text = _FENCE.sub("‹", " ".join(recollection.text.split()))
    who = " ".join((memory.speaker or memory.provenance.source).split())
    date = memory.valid_from.date().isoformat()
    if memory.kind == "episodic":
        return f"- {date}, {_FENCE.sub('‹', who)}: {text}"
    return f"- {text} ({date})"
