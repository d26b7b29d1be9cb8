"""Metrics of a ranking against the gold turns, with confidence intervals; pure."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

METRICS = ("R@5", "R@10", "R@20", "all@10", "any@10", "nDCG@10", "MRR", "sR@5")
"""In the order of the tables: ``R@k`` is the share of the gold turns among the first k, ``all@k`` 1 if all of them are,
``any@k`` 1 if any is, ``sR@5`` the share of the gold turns' sessions among the first five sessions."""

_RESAMPLES = 2000
_NDCG_DEPTH = 10


def scores(ranking: Sequence[str], gold: Sequence[str], sessions: Mapping[str, str]) -> dict[str, float]:
    """Compute every metric of one ranking.

    Args:
        ranking: ids of turns, best first, none twice.
        gold: ids of the turns that answer the question; at least one.
        sessions: the session of each turn.
    """
    relevant = set(gold)
    hits = [turn in relevant for turn in ranking]
    gain = sum(1 / math.log2(rank + 2) for rank, hit in enumerate(hits[:_NDCG_DEPTH]) if hit)
    best = sum(1 / math.log2(rank + 2) for rank in range(min(len(relevant), _NDCG_DEPTH)))
    ranked_sessions = list(dict.fromkeys(sessions[turn] for turn in ranking))
    relevant_sessions = {sessions[turn] for turn in gold}
    return {
        **{f"R@{k}": sum(hits[:k]) / len(relevant) for k in (5, 10, 20)},
        "all@10": float(sum(hits[:10]) == len(relevant)),
        "any@10": float(any(hits[:10])),
        "nDCG@10": gain / best,
        "MRR": next((1 / (rank + 1) for rank, hit in enumerate(hits) if hit), 0.0),
        "sR@5": len(relevant_sessions & set(ranked_sessions[:5])) / len(relevant_sessions),
    }


def interval(numbers: Sequence[float]) -> tuple[float, float]:
    """Compute the 95 % interval of the mean, by resampling the questions with a fixed seed."""
    if not numbers:
        return math.nan, math.nan
    sample: NDArray[np.float64] = np.asarray(numbers, dtype=np.float64)
    resamples = np.random.default_rng(0).integers(0, len(sample), (_RESAMPLES, len(sample)))
    low, high = np.quantile(sample[resamples].mean(axis=1), [0.025, 0.975])
    return float(low), float(high)


def separation(answerable: Sequence[float], unanswerable: Sequence[float]) -> float | None:
    """Compute the AUROC: the share of pairs in which the answerable question has the higher best score.

    None without both sorts of questions.
    """
    if not answerable or not unanswerable:
        return None
    can = np.asarray(answerable, dtype=np.float64)[:, None]
    cannot = np.asarray(unanswerable, dtype=np.float64)[None, :]
    return float(((can > cannot) + 0.5 * (can == cannot)).mean())
