"""From answers to figures with their uncertainty, as data, as a table's rows and as a plot."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from statistics import fmean, median
from typing import Any

from langchain_persistmem.errors import MissingDependencyError
from langchain_persistmem.evaluation.metrics import METRICS, interval, separation
from langchain_persistmem.evaluation.run import Answer

ALL = "all"
_PLOTTED = ("R@5", "R@10", "nDCG@10")


def figures(answers: Sequence[Answer], *, left_out: Sequence[str] = ()) -> dict[str, Any]:
    """Means with 95 % intervals by system and category.

    Args:
        answers: of all systems.
        left_out: categories that have a row of their own and do not count in ``all``.

    Returns:
        ``systems``: by system, ``categories`` (each with ``n`` and, by metric, ``mean``, ``low``, ``high``), ``auroc``
        and ``milliseconds``; ``differences``: by metric, ours less the better of the others on the same questions;
        ``context``: what a model would see.
    """
    names = list(dict.fromkeys(answer.system for answer in answers))
    systems = {name: _system([each for each in answers if each.system == name], left_out) for name in names}
    return {
        "systems": systems,
        "differences": _differences(answers, left_out) if len(names) > 1 and names[0] == "persistmem" else {},
        "context": _context([each for each in answers if each.shown is not None], left_out),
    }


def _system(answers: Sequence[Answer], left_out: Sequence[str]) -> dict[str, Any]:
    answered = [each for each in answers if each.metrics is not None]
    categories = {ALL: [each for each in answered if each.category not in left_out]}
    for name in sorted({each.category for each in answered}):
        categories[name] = [each for each in answered if each.category == name]
    return {
        "categories": {name: _means(each) for name, each in categories.items() if each},
        "auroc": separation([each.best for each in answered], [each.best for each in answers if each.metrics is None]),
        "milliseconds": median(each.milliseconds for each in answers),
    }


def _means(answers: Sequence[Answer]) -> dict[str, Any]:
    found: dict[str, Any] = {"n": len(answers)}
    for metric in METRICS:
        numbers = [each.metrics[metric] for each in answers if each.metrics is not None]
        low, high = interval(numbers)
        found[metric] = {"mean": fmean(numbers), "low": low, "high": high}
    return found


def _differences(answers: Sequence[Answer], left_out: Sequence[str]) -> dict[str, Any]:
    """Question by question, so that what is hard for everybody cancels out."""
    by_system: dict[str, dict[str, Answer]] = {}
    for each in answers:
        if each.metrics is not None and each.category not in left_out:
            by_system.setdefault(each.system, {})[each.question] = each
    ours, others = by_system.pop("persistmem", {}), by_system
    found: dict[str, Any] = {}
    for metric in METRICS if ours and others else ():
        best = max(others, key=lambda name: fmean(_of(each, metric) for each in others[name].values()))
        gains = [_of(ours[id], metric) - _of(others[best][id], metric) for id in ours if id in others[best]]
        low, high = interval(gains)
        found[metric] = {"against": best, "mean": fmean(gains), "low": low, "high": high}
    return found


def _of(answer: Answer, metric: str) -> float:
    return 0.0 if answer.metrics is None else answer.metrics[metric]


def _context(answers: Sequence[Answer], left_out: Sequence[str]) -> dict[str, float]:
    """Of our context: how much of the evidence is in it, at which share of the history's tokens."""
    shown = [each.shown for each in answers if each.shown is not None]
    if not shown:
        return {}
    found = {
        "tokens": fmean(each["tokens"] for each in shown),
        "history_tokens": fmean(each["history"] for each in shown),
        "share": fmean(each["tokens"] / each["history"] for each in shown if each["history"]),
    }
    evidence = [
        each.shown["evidence"]
        for each in answers
        if each.shown is not None and "evidence" in each.shown and each.category not in left_out
    ]
    unanswerable = [each.shown["silent"] for each in answers if each.shown is not None and each.metrics is None]
    answerable = [each.shown["silent"] for each in answers if each.shown is not None and each.metrics is not None]
    for name, numbers in (
        ("evidence", evidence), ("silent_unanswerable", unanswerable), ("silent_answerable", answerable)
    ):  # fmt: skip
        if numbers:
            found[name] = fmean(numbers)
    return found


def plot(found: dict[str, Any], path: Path, title: str) -> None:
    """The main metrics and the categories as bars with their intervals, in a PNG file.

    Raises:
        MissingDependencyError: matplotlib is not installed.
    """
    try:
        from matplotlib.figure import Figure
    except ImportError as error:
        raise MissingDependencyError(
            "the plot needs matplotlib; run: pip install 'langchain-persistmem[eval]'"
        ) from error
    systems: dict[str, Any] = found["systems"]
    categories = list(next(iter(systems.values()))["categories"])
    figure: Any = Figure(figsize=(max(9.0, 2.0 + 1.2 * len(categories)), 8.0), layout="constrained")
    upper, lower = figure.subplots(2, 1)
    _bars(
        upper, list(_PLOTTED), {name: [each["categories"][ALL][m] for m in _PLOTTED] for name, each in systems.items()}
    )
    upper.set_title(title)
    _bars(
        lower, categories, {name: [each["categories"][c]["R@10"] for c in categories] for name, each in systems.items()}
    )
    lower.set_title("R@10 by category")
    figure.savefig(path, format="png", dpi=150)


def _bars(axes: Any, labels: Sequence[str], bars: dict[str, list[dict[str, float]]]) -> None:
    width = 0.8 / len(bars)
    for index, (name, each) in enumerate(bars.items()):
        places = [place + (index - (len(bars) - 1) / 2) * width for place in range(len(labels))]
        means = [100 * bar["mean"] for bar in each]
        below = [100 * max(0.0, bar["mean"] - bar["low"]) for bar in each]
        above = [100 * max(0.0, bar["high"] - bar["mean"]) for bar in each]
        axes.bar(places, means, width, yerr=[below, above], capsize=3, label=name)
    axes.set_xticks(range(len(labels)), labels, rotation=20 if len(labels) > 4 else 0)  # noqa: PLR2004 - they would touch
    axes.set_ylabel("%")
    axes.set_ylim(0, 100)
    axes.grid(axis="y", alpha=0.3)
    axes.legend()
