"""Charts as SVG: what stands where, worked out here; the templates draw it, and the style sheet paints it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import accumulate, pairwise

from langchain_persistmem.server.display import tokens_of
from langchain_persistmem.types.records import KINDS
from langchain_persistmem.types.results import Activity

WIDTH, HEIGHT = 720.0, 200.0
"""Units of the drawing; a page stretches it to its own width."""
_STEPS = (1.0, 2.0, 2.5, 5.0, 10.0)
_BINS = 100


@dataclass(frozen=True, slots=True)
class Band:
    """One area of a stacked chart."""

    name: str
    path: str
    """The outline, in the language of SVG."""
    total: int
    """Its height at the end."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Chart:
    """A chart over time: bands, from the lowest, with a line at ``line_y`` where there is a limit."""

    bands: Sequence[Band]
    top: int
    """The value at the upper edge."""
    first: datetime
    last: datetime
    line_y: float | None = None


@dataclass(frozen=True, slots=True)
class Bar:
    """A bar with its value, and its length from 0 to 100."""

    name: str
    value: int
    length: float


def kinds_over_time(activities: Sequence[Activity]) -> Chart | None:
    """Draw the current memories by kind, added up; None where there are none."""
    series = {kind: list(accumulate(activity.memories.get(kind, 0) for activity in activities)) for kind in KINDS}
    return _stack({kind: values for kind, values in series.items() if any(values)}, activities)


def messages_over_time(activities: Sequence[Activity]) -> Chart | None:
    """Draw the stored messages, added up; None where there are none."""
    return _stack({"messages": list(accumulate(activity.messages for activity in activities))}, activities)


def tokens_over_time(activities: Sequence[Activity], *, budget: int) -> Chart | None:
    """Draw the tokens of all conversations, added up, with a line at what a context has at most."""
    series = [tokens_of(characters) for characters in accumulate(activity.characters for activity in activities)]
    return _stack({"tokens": series}, activities, least=budget, line=budget)


def bars(values: Mapping[str, int]) -> list[Bar]:
    """Draw the values beside each other; those of 0 have no length."""
    most = max(values.values(), default=0) or 1
    return [Bar(name, value, round(100 * value / most, 1)) for name, value in values.items()]


def strip(scores: Iterable[float]) -> list[float]:
    """Find where scores from 0 to 1 stand on a line of 100 units; equal ones once."""
    return sorted({round(min(1.0, max(0.0, score)) * _BINS, 1) for score in scores})


def _stack(
    series: Mapping[str, Sequence[int]], activities: Sequence[Activity], *, least: int = 0, line: int | None = None
) -> Chart | None:
    """Stack series over each other; the scale ends at a round number that is no smaller than ``least``."""
    sums = [sum(values) for values in zip(*series.values(), strict=True)]
    if not any(sums):
        return None
    top = _round_up(max(*sums, least))
    # One period alone would be a line without width: what was before it was nothing.
    starts = [activity.start for activity in activities]
    starts = [starts[0] - _period(starts), *starts]
    span = (starts[-1] - starts[0]).total_seconds()
    positions = [WIDTH * (start - starts[0]).total_seconds() / span for start in starts]
    bands: list[Band] = []
    below = [0] * len(starts)
    for name, values in series.items():
        above = [low + value for low, value in zip(below, [0, *values], strict=True)]
        bands.append(Band(name, _outline(positions, below, above, top), values[-1]))
        below = above
    line_y = None if line is None else round(HEIGHT * (1 - line / top), 1)
    return Chart(bands=bands, top=top, first=starts[1], last=starts[-1], line_y=line_y)


def _outline(positions: Sequence[float], below: Sequence[int], above: Sequence[int], top: int) -> str:
    forth = [f"{x:.1f},{HEIGHT * (1 - y / top):.1f}" for x, y in zip(positions, above, strict=True)]
    back = [f"{x:.1f},{HEIGHT * (1 - y / top):.1f}" for x, y in zip(positions, below, strict=True)]
    return f"M{' L'.join([*forth, *reversed(back)])} Z"


def _period(starts: Sequence[datetime]) -> timedelta:
    """The shortest distance of two periods; a day where there is one."""
    return min((later - earlier for earlier, later in pairwise(starts)), default=timedelta(days=1))


def _round_up(value: int) -> int:
    """Return the next round number: 1, 2, 2.5, 5 or 10 times a power of ten.

    >>> _round_up(7), _round_up(130), _round_up(2100)
    (10, 200, 2500)
    """
    power = 10 ** max(0, len(str(value)) - 1)
    return next(int(step * power) for step in _STEPS if step * power >= value and (step * power).is_integer())
