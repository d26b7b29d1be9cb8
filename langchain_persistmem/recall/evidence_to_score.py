"""The evidence that an answer needs: where the score 0.5 lies, given how many memories there are and how near the nearest one is; pure."""

import math
from collections.abc import Iterable, Iterator

from langchain_persistmem.language.search_terms.accents_and_case import fold
from langchain_persistmem.language.search_terms.query_terms import find_names
from langchain_persistmem.settings import Ranking
from langchain_persistmem.types.recall_results import Interpretation, RankedCandidate, RecallCandidate, SearchResult

_NEAR = 3.0
"""In deviations of unrelated sentences: what is nearer has something to do with the question, among however many."""
_WELL_COVERED = 0.5
"""The share of a question that a memory has by its words, from which it has to do with it whatever its meaning is."""
_CHANCE_BY_WORDS = 0.5
"""The share of chance that is left where only the words tell memories apart, since the embedding model does not read the script."""
_MOST_ODDS = 60.0
"""In logarithms; beyond it no score differs any more."""


class Scale:
    """The scale of one search, worked out once for all that it found."""

    def __init__(
        self,
        result: SearchResult,
        query: str,
        reading: Interpretation,
        background: tuple[float, float],
        weights: Ranking,
    ) -> None:
        usual, deviation = background
        # The best of many looks good by chance, by its meaning more than by its words.
        chance = 1.0 if result.is_read else _CHANCE_BY_WORDS
        self.toss_up = weights.score_midpoint + chance * weights.score_midpoint_per_log * math.log(max(result.count, 1))
        """The evidence at which the score is 0.5."""
        self._doubt = _unknown_name(result, query, weights) + _distance(result, reading, background, weights)
        self._softness = weights.score_scale
        self._certain = usual + weights.strong_match * deviation

    def weigh(
        self, candidates: Iterable[RecallCandidate], parts: Iterable[tuple[float, ...]], usual: float
    ) -> Iterator[RankedCandidate]:
        """The candidates with the sums of their parts, and their scores without what is usual.

        A score is the evidence on a scale from 0 to 1; at least 0.5 where the meaning is nearer than chance brings it: where all
        of a user's memories are about one thing, none of them stands out from the others.
        """
        toss_up, doubt, softness, certain = self.toss_up, self._doubt, self._softness, self._certain
        for candidate, summands in zip(candidates, parts, strict=True):
            total = math.fsum(summands)
            evidence, similarity = total - usual, candidate.similarity
            if similarity is not None and similarity >= certain:
                evidence = max(evidence, toss_up + doubt)
            odds = (evidence - toss_up - doubt) / softness
            odds = max(-_MOST_ODDS, min(odds, _MOST_ODDS))
            score = 1.0 / (1.0 + math.exp(-odds))
            yield RankedCandidate(candidate, score, total, summands)


def _unknown_name(result: SearchResult, query: str, weights: Ranking) -> float:
    """The evidence that an answer has to have more, since the question names somebody of whom this memory has never heard."""
    if not result.count or all(fold(name) in result.existing_terms for name in find_names(query)):
        return 0.0
    return weights.unknown_name


def _distance(
    result: SearchResult, reading: Interpretation, background: tuple[float, float], weights: Ranking
) -> float:
    """The evidence that an answer has to have more, since even the nearest memory is hardly nearer than unrelated sentences.

    Not where one has half of the question by its words, such as a number. What helps with a dinner that is to be suggested need not
    be near, and in a script that the model does not read nothing is.
    """
    if reading.is_request or not result.is_read:
        return 0.0
    usual, deviation = background
    similarities = [entry.similarity for entry in result.candidates if entry.similarity is not None]
    if not similarities:
        return 0.0
    # The nearest of many unrelated sentences is nearer than that of a few, by the maximum of so many normal draws.
    by_chance = min(_NEAR, math.sqrt(2 * math.log(1 + result.count)))
    missing = max(0.0, by_chance - (max(similarities) - usual) / deviation)
    coverage = max(entry.lexical for entry in result.candidates) / max(result.lexical_max, 1e-9)
    return weights.distance * missing * max(0.0, 1.0 - coverage / _WELL_COVERED)
