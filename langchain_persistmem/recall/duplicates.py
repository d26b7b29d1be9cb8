"""One finding of two layers: a statement and the turns that it rests on are shown once, with the best evidence of both; pure."""

from collections.abc import Callable, Sequence
from heapq import nlargest
from itertools import accumulate

from langchain_persistmem.language.requests import is_request
from langchain_persistmem.recall.excerpts import best_sentences, excerpt_of, stems_of
from langchain_persistmem.types.recall_results import RankedCandidate, Recollection

_ANSWER = 0.5
"""The score from which a memory is more likely than not an answer."""


def join_layers(
    ranked: Sequence[RankedCandidate], question: str, *, by_statement: bool = True, most: int = 20
) -> list[RankedCandidate]:
    """Let each turn with current statements speak through the best of these; best first again.

    Args:
        by_statement: a finding is shown as its statement. False: as that of its memories which has most to do with the
            question, such as where one is to be chosen and erased.
        most: so many are wanted; twice as many are read for their best sentences, as some may be left out.
    """
    words = stems_of(question)
    findings = list(ranked)
    if any(candidate.row.turn_ids for candidate in ranked):
        findings = _join_turns(ranked, words, by_statement=by_statement)
    findings.sort(key=lambda candidate: (-candidate.evidence, candidate.row.key))
    if by_statement:
        findings[: 2 * most] = [_with_best_sentences(candidate, words) for candidate in findings[: 2 * most]]
    return findings


def _join_turns(
    ranked: Sequence[RankedCandidate], words: frozenset[str], *, by_statement: bool
) -> list[RankedCandidate]:
    turns = {candidate.row.id: candidate for candidate in ranked if candidate.row.is_turn}
    turns_by_key: dict[str, list[RankedCandidate]] = {}
    spoken_for: set[object] = set()
    # The best statement of a turn comes first, and has its evidence; the others have their own.
    for candidate in ranked:
        for turn_id in candidate.row.turn_ids:
            if turn_id in turns and turn_id not in spoken_for:
                spoken_for.add(turn_id)
                turns_by_key.setdefault(candidate.row.key, []).append(turns[turn_id])
    findings: list[RankedCandidate] = []
    for candidate in ranked:
        if candidate.row.id in spoken_for:
            continue
        own_turns = turns_by_key.get(candidate.row.key, ())
        best = max((candidate, *own_turns), key=lambda finding: finding.evidence)
        if not by_statement:
            findings.append(best)
            continue
        quotes = (
            excerpt_of(words, candidate.row.text or "", turn, whole=turn.evidence > candidate.evidence)
            for turn in own_turns
        )
        excerpt = next((quote for quote in quotes if quote), None)
        findings.append(best._replace(row=candidate.row, excerpt=excerpt))
    return findings


def _with_best_sentences(candidate: RankedCandidate, words: frozenset[str]) -> RankedCandidate:
    if candidate.excerpt is not None:
        return candidate
    excerpt = best_sentences(words, candidate.row.text or "")
    return candidate if excerpt is None else candidate._replace(excerpt=excerpt)


def nearest_of_people(ranked: Sequence[RankedCandidate], most: int) -> list[RankedCandidate]:
    """Of what people said, or stated, the nearest by meaning alone; nothing that is further than usual, or has no vector yet."""
    entries = [entry for entry in ranked if entry.row.source == "user" and entry.parts[0] > 0]
    return nlargest(most, entries, key=lambda entry: entry.parts[0])


def others_within(
    entries: Sequence[RankedCandidate],
    relevant: Sequence[Recollection],
    most: float,
    count_tokens: Callable[[str], int],
) -> list[Recollection]:
    """Those that are not relevant anyway, best first, as far as they have so many tokens together."""
    ids = {entry.memory.id for entry in relevant}
    remaining = [entry.recollection() for entry in entries if entry.row.id not in ids]
    totals = accumulate(count_tokens(entry.excerpt or entry.text) for entry in remaining)
    return [entry for entry, total in zip(remaining, totals, strict=True) if total <= most]


def put_answers_first(ranked: Sequence[RankedCandidate]) -> list[RankedCandidate]:
    """Let no question of the user outrank its answer, however often it was asked: the same words are not what it asks for.

    Only the best are looked at: turns that only ask go behind the first memory that says something, if that is an answer
    by its score. Where nothing is, they are what is known ("what did I ask you about Rome?").
    """
    asking: list[RankedCandidate] = []
    for position, candidate in enumerate(ranked):
        if candidate.score < _ANSWER:
            break
        row = candidate.row
        if not (row.is_turn and row.source == "user" and is_request(row.text or "")):
            if not asking:
                break
            requests = [_lower(request, candidate) for request in asking]
            return [candidate, *requests, *ranked[position + 1 :]]
        asking.append(candidate)
    return list(ranked)


def _lower(request: RankedCandidate, answer: RankedCandidate) -> RankedCandidate:
    """The request with the evidence of the answer; what it loses is part of its score's explanation."""
    *before, question, telling, lacking, recency, importance, use = request.parts
    question += answer.evidence - request.evidence
    parts = (*before, question, telling, lacking, recency, importance, use)
    return request._replace(score=answer.score, evidence=answer.evidence, parts=parts)
