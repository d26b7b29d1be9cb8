"""One finding of two layers: a statement and the turns that it rests on are shown once, with the best evidence of both; pure."""

from collections.abc import Sequence

from langchain_persistmem.recall.excerpts import best_sentences, excerpt_of, stems_of
from langchain_persistmem.types.recall_results import RankedCandidate


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
