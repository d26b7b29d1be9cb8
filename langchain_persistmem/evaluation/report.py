"""Figures of an evaluation with their uncertainty, as data, as rows of a table and as a plot."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from statistics import fmean, median
from typing import Any

from langchain_persistmem.errors import MissingDependencyError
from langchain_persistmem.evaluation.metrics import METRICS, interval, separation
from langchain_persistmem.evaluation.run import Answer
from langchain_persistmem.evaluation.systems import OURS, RERANKED

ALL = "all"
_RULED = ("R@5", "R@10")
_POINT = 0.01
_MAIN_METRICS = ("R@5", "R@10", "nDCG@10")


def figures(answers: Sequence[Answer], *, excluded: Sequence[str] = ()) -> dict[str, Any]:
    """Compute means with 95 % intervals by system and category.

    Args:
        answers: of all systems.
        excluded: categories with a row of their own that do not count in ``all``.

    Returns:
        ``systems``: by system, ``categories`` (each with ``n`` and, by metric, ``mean``, ``low``, ``high``), ``auroc``
        and ``milliseconds``; ``differences``: by metric, ours less the better of the others on the same questions;
        ``rule``: the same by category, with ``kept``, which says that ours is no more than a point lower; ``context``:
        metrics of our context.
    """
    names = list(dict.fromkeys(answer.system for answer in answers))
    systems = {name: _system([answer for answer in answers if answer.system == name], excluded) for name in names}
    return {
        "systems": systems,
        "differences": _differences(answers, excluded) if len(names) > 1 and names[0] == OURS else {},
        "rule": _rule(systems),
        "context": _context([answer for answer in answers if answer.context is not None], excluded),
    }


def _system(answers: Sequence[Answer], excluded: Sequence[str]) -> dict[str, Any]:
    answerable = [answer for answer in answers if answer.metrics is not None]
    unanswerable = [answer for answer in answers if answer.metrics is None]
    categories = {ALL: [answer for answer in answerable if answer.category not in excluded]}
    for name in sorted({answer.category for answer in answerable}):
        categories[name] = [answer for answer in answerable if answer.category == name]
    return {
        "categories": {name: _means(group) for name, group in categories.items() if group},
        "auroc": separation([answer.best for answer in answerable], [answer.best for answer in unanswerable]),
        "milliseconds": median(answer.milliseconds for answer in answers),
    }


def _means(answers: Sequence[Answer]) -> dict[str, Any]:
    means: dict[str, Any] = {"n": len(answers)}
    for metric in METRICS:
        numbers = [answer.metrics[metric] for answer in answers if answer.metrics is not None]
        low, high = interval(numbers)
        means[metric] = {"mean": fmean(numbers), "low": low, "high": high}
    return means


def _differences(answers: Sequence[Answer], excluded: Sequence[str]) -> dict[str, Any]:
    """Compare question by question, so that the difficulty of the questions cancels out."""
    by_system: dict[str, dict[str, Answer]] = {}
    for answer in answers:
        if answer.metrics is not None and answer.category not in excluded:
            by_system.setdefault(answer.system, {})[answer.question] = answer
    ours, baselines = by_system.pop(OURS, {}), by_system
    baselines.pop(RERANKED, None)
    differences: dict[str, Any] = {}
    for metric in METRICS if ours and baselines else ():
        best = max(baselines, key=lambda name: fmean(_of(answer, metric) for answer in baselines[name].values()))
        gains = [_of(ours[id], metric) - _of(baselines[best][id], metric) for id in ours if id in baselines[best]]
        low, high = interval(gains)
        differences[metric] = {"against": best, "mean": fmean(gains), "low": low, "high": high}
    return differences


def _rule(systems: dict[str, Any]) -> dict[str, Any]:
    """Compare ours with the better of the others, category by category: no sort of question may be served worse."""
    baselines = [name for name in systems if name not in (OURS, RERANKED)]
    comparisons: dict[str, Any] = {}
    for category in systems[OURS]["categories"] if OURS in systems and baselines else ():
        by_metric: dict[str, Any] = {}
        for metric in _RULED:
            means = {name: systems[name]["categories"][category][metric]["mean"] for name in (OURS, *baselines)}
            best = max(baselines, key=lambda name: means[name])
            gain = means[OURS] - means[best]
            by_metric[metric] = {"against": best, "gain": gain, "kept": gain >= -_POINT}
        comparisons[category] = by_metric
    return comparisons


def _of(answer: Answer, metric: str) -> float:
    return 0.0 if answer.metrics is None else answer.metrics[metric]


def _context(answers: Sequence[Answer], excluded: Sequence[str]) -> dict[str, float]:
    """Compute the share of the gold turns in our context, and the context's share of the history's tokens."""
    contexts = [(answer, answer.context) for answer in answers if answer.context is not None]
    if not contexts:
        return {}
    figures = {
        "tokens": fmean(context["tokens"] for _, context in contexts),
        "history_tokens": fmean(context["history"] for _, context in contexts),
        "share": fmean(context["tokens"] / context["history"] for _, context in contexts if context["history"]),
    }
    evidence = [
        context["evidence"] for answer, context in contexts if "evidence" in context and answer.category not in excluded
    ]
    unanswerable = [context["silent"] for answer, context in contexts if answer.metrics is None]
    answerable = [context["silent"] for answer, context in contexts if answer.metrics is not None]
    for name, numbers in (
        ("evidence", evidence), ("silent_unanswerable", unanswerable), ("silent_answerable", answerable)
    ):  # fmt: skip
        if numbers:
            figures[name] = fmean(numbers)
    return figures


def plot(report: dict[str, Any], path: Path, title: str) -> None:
    """Draw the main metrics and the categories as bars with their intervals, in a PNG file.

    Raises:
        MissingDependencyError: matplotlib is not installed.
    """
    try:
        from matplotlib.figure import Figure
    except ImportError as error:
        raise MissingDependencyError(
            "the plot needs matplotlib; run: pip install 'langchain-persistmem[eval]'"
        ) from error
    systems: dict[str, Any] = report["systems"]
    categories = list(next(iter(systems.values()))["categories"])
    # The object interface of matplotlib: pyplot would open a display and keep every figure in memory.
    figure: Any = Figure(figsize=(max(9.0, 2.0 + 1.2 * len(categories)), 8.0), layout="constrained")
    upper, lower = figure.subplots(2, 1)
    _bars(
        upper,
        list(_MAIN_METRICS),
        {name: [system["categories"][ALL][m] for m in _MAIN_METRICS] for name, system in systems.items()},
    )
    upper.set_title(title)
    _bars(
        lower,
        categories,
        {name: [system["categories"][c]["R@10"] for c in categories] for name, system in systems.items()},
    )
    lower.set_title("R@10 by category")
    figure.savefig(path, format="png", dpi=150)


def _bars(axes: Any, labels: Sequence[str], bars: dict[str, list[dict[str, float]]]) -> None:
    width = 0.8 / len(bars)
    for index, (name, heights) in enumerate(bars.items()):
        positions = [label + (index - (len(bars) - 1) / 2) * width for label in range(len(labels))]
        means = [100 * bar["mean"] for bar in heights]
        below = [100 * max(0.0, bar["mean"] - bar["low"]) for bar in heights]
        above = [100 * max(0.0, bar["high"] - bar["mean"]) for bar in heights]
        axes.bar(positions, means, width, yerr=[below, above], capsize=3, label=name)
    axes.set_xticks(range(len(labels)), labels, rotation=20 if len(labels) > 4 else 0)  # noqa: PLR2004 - they would touch
    axes.set_ylabel("%")
    axes.set_ylim(0, 100)
    axes.grid(axis="y", alpha=0.3)
    axes.legend()
