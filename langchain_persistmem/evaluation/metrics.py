"""How well a ranking finds the evidence, and how sure the figures are; pure."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

METRICS = ("R@5", "R@10", "R@20", "all@10", "any@10", "nDCG@10", "MRR", "sR@5")
"""In the order of the tables: ``R@k`` is the share of the evidence among the first k, ``all@k`` whether all of it is,
``any@k`` whether any is, ``sR@5`` the share of the evidence's sessions among the first five sessions."""

_RESAMPLES = 2000
_GAINED = 10


def scores(ranked: Sequence[str], gold: Sequence[str], sessions: Mapping[str, str]) -> dict[str, float]:
    """Every metric of one ranking.

    Args:
        ranked: ids of turns, best first, none twice.
        gold: ids of the turns that answer the question; at least one.
        sessions: the session of each turn.
    """
    wanted = set(gold)
    hits = [turn in wanted for turn in ranked]
    gain = sum(1 / math.log2(place + 2) for place, hit in enumerate(hits[:_GAINED]) if hit)
    best = sum(1 / math.log2(place + 2) for place in range(min(len(wanted), _GAINED)))
    places = list(dict.fromkeys(sessions[turn] for turn in ranked))
    wanted_sessions = {sessions[turn] for turn in gold}
    return {
        **{f"R@{k}": sum(hits[:k]) / len(wanted) for k in (5, 10, 20)},
        "all@10": float(sum(hits[:10]) == len(wanted)),
        "any@10": float(any(hits[:10])),
        "nDCG@10": gain / best,
        "MRR": next((1 / (place + 1) for place, hit in enumerate(hits) if hit), 0.0),
        "sR@5": len(wanted_sessions & set(places[:5])) / len(wanted_sessions),
    }


def interval(numbers: Sequence[float]) -> tuple[float, float]:
    """The 95 % interval of the mean, by resampling the questions with a fixed seed."""
    if not numbers:
        return math.nan, math.nan
    sample: NDArray[np.float64] = np.asarray(numbers, dtype=np.float64)
    chosen = np.random.default_rng(0).integers(0, len(sample), (_RESAMPLES, len(sample)))
    low, high = np.quantile(sample[chosen].mean(axis=1), [0.025, 0.975])
    return float(low), float(high)


def separation(answerable: Sequence[float], unanswerable: Sequence[float]) -> float | None:
    """How often the best score of a question that can be answered lies above that of one that cannot (AUROC).

    None where there are not both.
    """
    if not answerable or not unanswerable:
        return None
    can = np.asarray(answerable, dtype=np.float64)[:, None]
    cannot = np.asarray(unanswerable, dtype=np.float64)[None, :]
    return float(((can > cannot) + 0.5 * (can == cannot)).mean())
