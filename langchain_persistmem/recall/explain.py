"""How an answer came about: what was understood, what was left out, and why."""

from collections.abc import Iterator, Sequence
from dataclasses import replace

from langchain_persistmem.language.query_terms import terms, without_names
from langchain_persistmem.language.question import parse_question
from langchain_persistmem.postgres.queries import explain
from langchain_persistmem.recall import ranking
from langchain_persistmem.recall.search import Considered
from langchain_persistmem.runtime.backend import Backend
from langchain_persistmem.types.namespace import Namespace
from langchain_persistmem.types.recalled import Context, Explanation, Omission, RankedCandidate, Reason, Recollection
from langchain_persistmem.types.records import Memory

_MOST_PASSED_OVER = 20
"""Memories that the indexes do not hold, shown at most."""


async def explanation(
    backend: Backend, namespace: Namespace, considered: Considered, *, limit: int, threshold: float, floor: float
) -> Explanation:
    """What recall returns, and what it does not; two further statements."""
    query, language, findings = considered.queries[0], backend.settings.language, considered.findings
    further = terms(query, language)
    async with backend.transaction(namespace, atomic=False) as tx:
        words = await explain.query_words(tx, namespace, query=query, words=further, language=language)
        hidden = await explain.recall_left_out(
            tx,
            namespace,
            query=query,
            words=further,
            embedding=considered.embedding,
            model=considered.model,
            language=language,
            wanted=considered.wanted,
            at=considered.at,
            now=considered.now,
            most=_MOST_PASSED_OVER,
        )
    moment = considered.at or considered.now
    background = (considered.model.background_mean, considered.model.background_deviation)
    passed_over = ranking.rank(
        replace(findings, candidates=tuple(hidden)),
        query,
        background=background,
        weights=backend.settings.ranking,
        now=moment,
    )
    every = [each.recollection() for each in considered.ranked]
    decided = ranking.decide(considered.ranked, limit=limit, threshold=threshold, floor=floor)
    return Explanation(
        query=query,
        queries=considered.queries,
        embedded_text=without_names(query),
        terms=words,
        interpretation=parse_question(findings, query, now=moment),
        recollections=tuple(_chosen(every, decided)),
        omissions=(*_left_out(every, decided), *_passed_over(passed_over, considered)),
        compared_count=findings.count,
        candidate_count=len(considered.ranked),
        threshold=threshold,
        min_score=floor,
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
    known = {each.memory.id for each in (*explained.recollections, *explained.omissions, *chosen)}
    wanted, shown = {each.memory.id for each in chosen}, {each.memory.id for each in made.recollections}

    def left(each: Recollection, reason: Reason) -> Omission:
        return Omission(memory=each.memory, reason=reason, score=each.score, score_parts=each.score_parts)

    left_out = [left(each, "budget") for each in chosen if each.memory.id not in shown]
    left_out += [left(each, dropped) for each in explained.recollections if each.memory.id not in wanted]
    left_out += [left(each, "shown") for each in ranked if each.memory.id not in known]
    left_out += [each for each in explained.omissions if each.memory.id not in wanted]
    return replace(explained, recollections=made.recollections, omissions=tuple(left_out), candidate_count=len(ranked))


def _left_out(
    ranked: Sequence[Recollection], decided: Sequence[tuple[Reason | None, str | None]]
) -> Iterator[Omission]:
    """The candidates that do not come back."""
    for each, (reason, instead) in zip(ranked, decided, strict=True):
        if reason is not None:
            yield Omission(
                memory=each.memory,
                reason=reason,
                score=each.score,
                score_parts=each.score_parts,
                replacement_key=instead,
            )


def _passed_over(hidden: Sequence[RankedCandidate], considered: Considered) -> Iterator[Omission]:
    """What was no candidate, because the indexes do not hold it or the conditions exclude it."""
    keys = {each.candidate.id: each.candidate.key for each in considered.ranked}
    for each in (each.recollection() for each in hidden):
        memory = each.memory
        instead = keys.get(memory.superseded_by) if memory.superseded_by else None
        reason = _reason(memory, considered)
        yield Omission(
            memory=memory, reason=reason, score=each.score, score_parts=each.score_parts, replacement_key=instead
        )


def _chosen(ranked: Sequence[Recollection], decided: Sequence[tuple[Reason | None, str | None]]) -> list[Recollection]:
    return [each for each, (reason, _) in zip(ranked, decided, strict=True) if reason is None]


def _reason(memory: Memory, considered: Considered) -> Reason:
    """Why a memory was passed over; a memory for which several hold has the first of them."""
    if memory.status == "quarantined":
        return "quarantined"
    if memory.expires_at is not None and memory.expires_at <= considered.now:
        return "expired"
    at = considered.at
    if at is not None:
        valid = memory.valid_from <= at and (memory.valid_until is None or memory.valid_until > at)
        return "filter" if valid else "not valid then"
    return "filter" if memory.status == "active" else memory.status
