"""Progress of long work, on standard error: bars with an estimate on a terminal, a plain line now and then elsewhere."""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable, Generator
from contextlib import contextmanager

from rich.progress import BarColumn, MofNCompleteColumn, TaskID, TextColumn, TimeRemainingColumn
from rich.progress import Progress as Bars

from langchain_persistmem.cli.terminal import err
from langchain_persistmem.types.progress import Progress, Report

_INTERVAL = 10.0
"""Seconds between two plain lines; work that is done before has none."""
_MINUTE = 60


@contextmanager
def show_progress(options: argparse.Namespace) -> Generator[Report]:
    """Give what a method takes as ``progress=``; what it shows is gone at the end of the block, but for plain lines."""
    if options.json or not err().is_terminal:
        yield PlainLines()
        return
    with bars() as shown:
        tasks: dict[str, TaskID] = {}

        def report(progress: Progress) -> None:
            task = tasks.get(progress.step)
            if task is None:
                task = tasks[progress.step] = shown.add_task(progress.step, total=progress.total)
            shown.update(task, completed=progress.done, total=progress.total)

        yield report


def bars() -> Bars:
    """Bars that vanish when they are done; nothing where standard error is no terminal."""
    return Bars(
        TextColumn("{task.description}", markup=False),
        BarColumn(bar_width=None),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
        console=err(),
        transient=True,
        expand=False,
        disable=not err().is_terminal,
    )


class PlainLines:
    """Prints where work is, at most once in ten seconds, for a log."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._step = ""
        self._began = self._printed = clock()

    def __call__(self, progress: Progress) -> None:
        """Print a line if it is time for one."""
        now = self._clock()
        if progress.step != self._step:
            self._step, self._began = progress.step, now
        if now - self._printed < _INTERVAL:
            return
        self._printed = now
        err().print(line_of(progress, seconds=now - self._began), soft_wrap=True, style="dim")


def line_of(progress: Progress, *, seconds: float) -> str:
    """A line with an estimate, of work that has taken so many seconds.

    >>> line_of(Progress(step="rows", done=50, total=200), seconds=30)
    'rows: 50 of 200 (25 %), about 2 min left'
    """
    if progress.total is None:
        return f"{progress.step}: {progress.done:,}"
    share = progress.done / progress.total if progress.total else 1.0
    line = f"{progress.step}: {progress.done:,} of {progress.total:,} ({share:.0%})".replace("%", " %")
    remaining = seconds / share - seconds if share else 0.0
    if not remaining >= 1:
        return line
    return (
        f"{line}, about {remaining:.0f} s left"
        if remaining < _MINUTE
        else f"{line}, about {remaining / _MINUTE:.0f} min left"
    )
