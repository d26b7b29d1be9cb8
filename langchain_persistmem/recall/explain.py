"""The explanation of an answer: how the question was understood, what was left out, and why."""

from collections.abc import Iterator, Sequence
from dataclasses import replace

from langchain_persistmem.language.person_names import without_names
from langchain_persistmem.language.question import understood
from langchain_persistmem.postgres.queries import explain
from langchain_persistmem.recall import ranking
from langchain_persistmem.recall.search import Candidates
from langchain_persistmem.runtime.backend import Backend
from langchain_persistmem.types.recalled import (
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


async def explanation(backend: Backend, candidates: Candidates, *, threshold: float, floor: float) -> Explanation:
    """The memories that recall returns, those that it does not, and why; two further statements."""
    query, result = candidates.query, candidates.result
    question, limit = query.question, query.question.limit
    async with backend.transaction(query.namespace, atomic=False) as tx:
        found_terms = await explain.query_terms(tx, query)
        hidden = await explain.recall_left_out(tx, query, most=_MOST_PASSED_OVER)
    # What was passed over is weighed with the statistics of what was compared: a score of its own would mean nothing.
    passed_over = ranking.rank(
        replace(result, found=tuple(hidden)),
        question.query,
        background=query.model.background,
        weights=backend.settings.ranking,
        now=question.moment,
    )
    ranked = [candidate.recollection() for candidate in candidates.ranked]
    decisions = ranking.decide(candidates.ranked, limit=limit, threshold=threshold, floor=floor)
    return Explanation(
        query=question.query,
        queries=candidates.queries,
        embedded=without_names(question.query),
        words=found_terms,
        understood=understood(result, question.query, now=question.moment),
        recollections=tuple(_chosen(ranked, decisions)),
        left_out=(*_left_out(ranked, decisions), *_passed_over(passed_over, candidates)),
        compared=result.count,
        candidates=len(candidates.ranked),
        threshold=threshold,
        floor=floor,
        limit=limit,
    )


def of_context(
    explained: Explanation,
    made: Context,
    chosen: Sequence[Recollection],
    ranked: Sequence[Recollection],
    *,
    dropped: Reason,
) -> Explanation:
    """An explanation of what may be shown, made one of what is: with what was known already, and what did not fit.

    Args:
        explained: of the memories that the model does not have before it yet.
        chosen: what was to be shown.
        ranked: all candidates.
        dropped: why what recall would return was not to be shown.
    """
    known = {each.memory.id for each in (*explained.recollections, *explained.left_out, *chosen)}
    wanted, shown = {each.memory.id for each in chosen}, {each.memory.id for each in made.recollections}

    def left(each: Recollection, reason: Reason) -> Omission:
        return Omission(memory=each.memory, reason=reason, score=each.score, why=each.why)

    left_out = [left(each, "budget") for each in chosen if each.memory.id not in shown]
    left_out += [left(each, dropped) for each in explained.recollections if each.memory.id not in wanted]
    left_out += [left(each, "shown") for each in ranked if each.memory.id not in known]
    left_out += [each for each in explained.left_out if each.memory.id not in wanted]
    return replace(explained, recollections=made.recollections, left_out=tuple(left_out), candidates=len(ranked))


def _left_out(
    ranked: Sequence[Recollection], decided: Sequence[tuple[Reason | None, str | None]]
) -> Iterator[Omission]:
    """The candidates that do not come back."""
    for each, (reason, instead) in zip(ranked, decided, strict=True):
        if reason is not None:
            yield Omission(memory=each.memory, reason=reason, score=each.score, why=each.why, instead=instead)


def _passed_over(hidden: Sequence[RankedCandidate], candidates: Candidates) -> Iterator[Omission]:
    """The memories that were no candidates, because the indexes do not hold them or the conditions exclude them."""
    keys = {each.found.id: each.found.key for each in candidates.ranked}
    for each in (each.recollection() for each in hidden):
        memory = each.memory
        instead = keys.get(memory.superseded_by) if memory.superseded_by else None
        reason = _reason(memory, candidates.query.question)
        yield Omission(memory=memory, reason=reason, score=each.score, why=each.why, instead=instead)


def _chosen(ranked: Sequence[Recollection], decided: Sequence[tuple[Reason | None, str | None]]) -> list[Recollection]:
    return [each for each, (reason, _) in zip(ranked, decided, strict=True) if reason is None]


def _reason(memory: Memory, question: Question) -> Reason:
    """The reason why a memory was passed over; a memory for which several hold has the first of them."""
    if memory.status == "quarantined":
        return "quarantined"
    if memory.expires_at is not None and memory.expires_at <= question.now:
        return "expired"
    at = question.at
    if at is not None:
        valid = memory.valid_from <= at and (memory.valid_until is None or memory.valid_until > at)
        return "filter" if valid else "not valid then"
    return "filter" if memory.status == "active" else memory.status
