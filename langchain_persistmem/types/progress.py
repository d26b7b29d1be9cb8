"""Progress of long work: the one record that every method with ``progress=`` reports."""

from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True, slots=True)
class Progress:
    """The position of long work. A lost connection may take it back: then a part is done again."""

    step: str
    """The things counted: ``rows``, ``rows checked``, ``memories``, ``namespaces``, ``threads``, ``messages``, ``turns``,
    ``questions`` or ``checks``. Work with several steps reports one after the other."""
    done: int
    total: int | None = None
    """None where nobody knows it before the end."""


Report = Callable[[Progress], object]
"""The function that a method calls with each advance; an exception in it ends the work as an interruption does."""


class Meter:
    """Counts one step of work, and reports each advance where somebody wants to know."""

    def __init__(self, report: Report | None, step: str, total: int | None = None) -> None:
        self._report = report
        self._progress = Progress(step=step, done=0, total=total)

    def advance(self, count: int = 1) -> None:
        """Report that ``count`` more are done; the total grows where there were more than foreseen."""
        if self._report is None:
            return
        step, done, total = self._progress.step, self._progress.done + count, self._progress.total
        self._progress = Progress(step=step, done=done, total=None if total is None else max(total, done))
        self._report(self._progress)
