"""The selection among what was ranked: nothing below the threshold, no text twice, the limit, and what stands out for a context; pure."""

import re
from collections.abc import Iterator, Sequence
from itertools import islice

from langchain_persistmem.types.recall_results import (
    RankedCandidate,
    Reason,
    Recollection,
)
from langchain_persistmem.types.records import MODEL_EXTRACTOR

_WORD = re.compile(r"[^\W_]+")
_SURE = 10
"""So many of the best are outstanding whatever their share: where there are few memories, evidence is coarse."""
_SURE_WORDS = 260
"""Of what a model has drawn out of turns so many of the best as have these words together: it is shorter, and says less each."""


def select(ranked: Sequence[RankedCandidate], *, limit: int, threshold: float, min_score: float) -> list[Recollection]:
    """Choose the best ``limit``: none if even the best is below ``threshold``; no text twice; nothing below ``min_score``."""
    decisions = zip(ranked, _decisions(ranked, limit=limit, threshold=threshold, min_score=min_score), strict=True)
    selection = (candidate for candidate, (reason, _) in decisions if reason is None)
    return [candidate.recollection() for candidate in islice(selection, limit)]


def select_outstanding(selection: Sequence[Recollection], *, share: float) -> list[Recollection]:
    """The best ten, and what has ``share`` of the best one's evidence.

    A clear answer needs few memories, a question that none answers alone needs many: tokens go where the ranking is unsure.
    """
    if not share:
        return list(selection)
    least = share * max((recollection.score_parts.evidence for recollection in selection), default=0.0)
    outstanding: list[Recollection] = []
    words = 0
    for index, recollection in enumerate(selection):
        words += len((recollection.text + (recollection.excerpt or "")).split())
        is_short = words <= _SURE_WORDS and recollection.memory.provenance.extractor == MODEL_EXTRACTOR
        if index < _SURE or is_short or recollection.score_parts.evidence >= least:
            outstanding.append(recollection)
    return outstanding


def decide(
    ranked: Sequence[RankedCandidate], *, limit: int, threshold: float, min_score: float
) -> list[tuple[Reason | None, str | None]]:
    """Say of each candidate why it is left out, or None; and of a duplicate the key of the one that stands for it."""
    return list(_decisions(ranked, limit=limit, threshold=threshold, min_score=min_score))


def _decisions(
    ranked: Sequence[RankedCandidate], *, limit: int, threshold: float, min_score: float
) -> Iterator[tuple[Reason | None, str | None]]:
    """See :func:`decide`; one by one, so that :func:`select` reads no text behind the last that it takes."""
    keys: dict[str, str] = {}
    best = max((candidate.score for candidate in ranked), default=0.0)
    for candidate in ranked:
        if best < threshold:
            yield "threshold", None
            continue
        if candidate.score < min_score:
            yield "min_score", None
            continue
        key = candidate.row.key
        text = " ".join(_WORD.findall((candidate.row.text or "").casefold())) or key
        if text in keys:
            yield "duplicate", keys[text]
        else:
            yield (None if len(keys) < limit else "limit"), None
            keys[text] = key
