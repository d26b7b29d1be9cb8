"""The explanation of an answer: how the question was understood, what was left out, and why."""

from collections.abc import Iterator, Sequence
from dataclasses import replace

from langchain_persistmem.language.question import asks_for_list, asks_for_order, parse_question
from langchain_persistmem.postgres.queries import explain
from langchain_persistmem.recall.evidence import rank
from langchain_persistmem.recall.search import Candidates
from langchain_persistmem.recall.selection import decide
from langchain_persistmem.runtime.backend import Backend
from langchain_persistmem.types.recall_results import (
    Context,
    Explanation,
    Omission,
    Question,
    RankedCandidate,
    Reason,
    Recollection,
)
from langchain_persistmem.types.records import Memory

_MOST_PASSED_OVER = 20
"""Memories that the indexes do not hold, shown at most."""


async def explanation(backend: Backend, candidates: Candidates, *, threshold: float, min_score: float) -> Explanation:
    """The memories that recall returns, those that it does not, and why; two further statements."""
    query, result = candidates.query, candidates.result
    question, limit = query.question, query.question.limit
    async with backend.reading(query.namespace) as tx:
        terms = await explain.query_terms(tx, query)
        rows = await explain.recall_left_out(tx, query, most=_MOST_PASSED_OVER)
    # What was passed over is weighed with the statistics of what was compared: a score of its own would mean nothing.
    reading = parse_question(result, question.query, now=question.moment)
    passed_over = rank(
        replace(result, candidates=tuple(rows)),
        question.query,
        background=query.model.background,
        weights=backend.settings.ranking,
        now=question.moment,
    )
    ranked = [candidate.recollection() for candidate in candidates.ranked]
    decisions = decide(candidates.ranked, limit=limit, threshold=threshold, min_score=min_score)
    return Explanation(
        query=question.query,
        queries=candidates.queries,
        embedded_text=query.embedded_text,
        terms=terms,
        # Ranking does not ask for these two, which take the longest to find.
        interpretation=replace(reading, is_list=asks_for_list(question.query), is_order=asks_for_order(question.query)),
        recollections=tuple(_choose(ranked, decisions)),
        omissions=(*_omissions(ranked, decisions), *_passed_over_omissions(passed_over, candidates)),
        compared_count=result.count,
        candidate_count=len(candidates.ranked),
        threshold=threshold,
        min_score=min_score,
        limit=limit,
    )


def of_context(
    recall_explanation: Explanation,
    context: Context,
    selection: Sequence[Recollection],
    ranked: Sequence[Recollection],
    *,
    drop_reason: Reason,
) -> Explanation:
    """The explanation of a context, made of one of what may enter it: with what was known before, and what did not fit.

    Args:
        recall_explanation: of the memories that the model does not have before it yet.
        context: the one that is explained.
        selection: what was to enter it.
        ranked: all candidates.
        drop_reason: why what recall would return was not to enter it.
    """
    ids = {entry.memory.id for entry in (*recall_explanation.recollections, *recall_explanation.omissions, *selection)}
    selection_ids = {entry.memory.id for entry in selection}
    context_ids = {entry.memory.id for entry in context.recollections}

    def omission(recollection: Recollection, reason: Reason) -> Omission:
        return Omission(
            memory=recollection.memory, reason=reason, score=recollection.score, score_parts=recollection.score_parts
        )

    # Each memory has one reason, that of the last step that it reached: so the steps are gone through from the end.
    omissions = [omission(entry, "budget") for entry in selection if entry.memory.id not in context_ids]
    omissions += [
        omission(entry, drop_reason)
        for entry in recall_explanation.recollections
        if entry.memory.id not in selection_ids
    ]
    omissions += [omission(entry, "shown") for entry in ranked if entry.memory.id not in ids]
    omissions += [entry for entry in recall_explanation.omissions if entry.memory.id not in selection_ids]
    return replace(
        recall_explanation, recollections=context.recollections, omissions=tuple(omissions), candidate_count=len(ranked)
    )


def _omissions(
    ranked: Sequence[Recollection], decisions: Sequence[tuple[Reason | None, str | None]]
) -> Iterator[Omission]:
    """The candidates that do not come back."""
    for entry, (reason, replacement) in zip(ranked, decisions, strict=True):
        if reason is not None:
            yield Omission(
                memory=entry.memory,
                reason=reason,
                score=entry.score,
                score_parts=entry.score_parts,
                replacement_key=replacement,
            )


def _passed_over_omissions(entries: Sequence[RankedCandidate], candidates: Candidates) -> Iterator[Omission]:
    """The memories that were no candidates, because the indexes do not hold them or the conditions exclude them."""
    keys = {candidate.row.id: candidate.row.key for candidate in candidates.ranked}
    for entry in (candidate.recollection() for candidate in entries):
        memory = entry.memory
        replacement = keys.get(memory.superseded_by) if memory.superseded_by else None
        reason = _reason(memory, candidates.query.question)
        yield Omission(
            memory=memory, reason=reason, score=entry.score, score_parts=entry.score_parts, replacement_key=replacement
        )


def _choose(
    ranked: Sequence[Recollection], decisions: Sequence[tuple[Reason | None, str | None]]
) -> list[Recollection]:
    return [entry for entry, (reason, _) in zip(ranked, decisions, strict=True) if reason is None]


def _reason(memory: Memory, question: Question) -> Reason:
    """The reason why a memory was passed over; a memory for which several hold has the first of them."""
    if memory.status in ("quarantined", "withheld"):
        return "quarantined"
    if memory.expires_at is not None and memory.expires_at <= question.now:
        return "expired"
    at = question.at
    if at is not None:
        valid = memory.valid_from <= at and (memory.valid_until is None or memory.valid_until > at)
        return "filter" if valid else "not valid then"
    return "filter" if memory.status == "active" else memory.status
