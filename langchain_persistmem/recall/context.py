"""The text for the model: the best of what was recalled, within a token budget; pure and byte-stable."""

import re
from collections.abc import Callable, Mapping, Sequence
from datetime import tzinfo
from typing import Any

from langchain_persistmem.language.trust import find_suspicion
from langchain_persistmem.recall.context_formats import FORMS, Form, ProfileLine, profile_lines, sort_key, text_of
from langchain_persistmem.types.recall_results import Context, RecallCandidate, Recollection
from langchain_persistmem.types.records import Candidate, Provenance, Turn

TokenCounter = Callable[[str], int]

_WIDE = re.compile(r"[\u1100-\u11ff\u2e80-\u9fff\uac00-\ud7af\uf900-\ufaff\U00020000-\U0003ffff]")
_WORD = re.compile(r"[^\W_]+")
_FEWEST_WORDS = 3
"""A shorter text may stand in a message by chance."""

__all__ = ["FORMS", "Form", "TokenCounter", "Window", "approximate_tokens", "is_withheld", "render"]


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
    profile: Mapping[str, Any] | None = None,
    zone: tzinfo | None = None,
) -> Context:
    """The profile, and the best recollections that fit into ``max_tokens`` beside it, as text.

    ``recollections`` come best first and are taken in that order; one that does not fit is left
    out and a shorter one behind it may still fit. How many were left out is said in the text, unless
    that line would cost the only entry. The text lists them by section and date, so that the same
    memories give the same bytes whatever their scores are. Their dates are in ``zone``, or else those of the senders' clocks.
    """
    lines = profile_lines(profile or {})
    entries: list[ProfileLine | Recollection] = [
        *lines,
        *(each for each in recollections if not _in_profile(each, lines)),
    ]
    total = len(entries)

    def text(chosen: Sequence[ProfileLine | Recollection], left_out: int) -> str:
        return text_of(chosen, form=form, left_out=left_out, zone=zone)

    def fits(chosen: Sequence[ProfileLine | Recollection], left_out: int) -> bool:
        return count_tokens(text(chosen, left_out)) <= max_tokens

    chosen: list[ProfileLine | Recollection] = []
    if fits(entries, 0):
        chosen = entries
    else:
        for entry in entries:
            if fits([*chosen, entry], total - len(chosen) - 1):
                chosen.append(entry)
        while chosen and not fits(chosen, total - len(chosen)):  # a counter that does not add up
            chosen.pop()
    told = total - len(chosen)
    if not chosen:  # rather one entry than the line that says how many there are
        chosen, told = [entry for entry in entries if fits([entry], 0)][:1], 0
    made = text(chosen, told) if chosen else ""
    return Context(
        text=made,
        tokens=count_tokens(made),
        recollections=tuple(sorted((each for each in chosen if isinstance(each, Recollection)), key=sort_key)),
        omission_count=total - len(chosen),
    )


class Window:
    """The messages before the model, made ready to be compared with many memories."""

    def __init__(self, turns: Sequence[Turn], thread_id: str | None) -> None:
        self._thread_id = thread_id
        self._ids = {turn.id for turn in turns}
        self._words = "\n".join(f" {_words(turn.text)} " for turn in turns)

    def says(self, found: RecallCandidate) -> bool:
        """Tell if they say it already: it was learnt from them, or stands in one word for word."""
        if self._thread_id is not None and found.thread_id == self._thread_id:
            messages = found.build_memory().provenance.message_ids
            if messages and self._ids.issuperset(messages):
                return True
        words = _words(found.text or "")
        return words.count(" ") >= _FEWEST_WORDS - 1 and f" {words} " in self._words


def is_withheld(found: RecallCandidate) -> bool:
    """Tell if it is kept from the model: a store takes what it is given, so what reads like an attack gets in there."""
    if found.source != "store":  # everybody else's was looked at when it came
        return False
    statement = Candidate(
        text=found.text or "", kind="semantic", provenance=Provenance(source="store"), valid_from=found.valid_from
    )
    return find_suspicion(statement) is not None


def _words(text: str) -> str:
    return " ".join(_WORD.findall(text.casefold()))


def _in_profile(recollection: Recollection, lines: Sequence[ProfileLine]) -> bool:
    """A preference or goal that the profile lists is not said twice."""
    return recollection.memory.kind == "semantic" and any(line.text == recollection.text for line in lines)
