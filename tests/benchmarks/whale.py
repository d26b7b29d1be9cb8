"""One user grows from nothing to 200,000 memories while others search and write: pauses, gaps, and what everybody pays.

    uv run --no-default-groups --group bench python -m tests.benchmarks.whale [--memories 200000] [--server ...]

A writer puts batches of 500 into one namespace. Beside it a thread searches that namespace without a pause: there have to be
ten items whenever there are ten, and the last one of the last batch that was acknowledged has to be the first that its own text
finds. Another thread puts and searches memories of small users. At each mark the writer stands still while recall@10 is
measured against comparing everything. The vectors are synthetic (``people.py``). All threads are of one process, so that they
wait for each other too.
"""

import argparse
import json
import threading
import time
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import numpy as np

from tests.benchmarks.contenders import opened
from tests.benchmarks.people import People, people
from tests.benchmarks.recall_speed import Spent, embedded, note, spread

MARKS = (100, 1_000, 4_000, 8_000, 20_000, 50_000, 100_000, 200_000)
BATCH, QUESTIONS, SMALL = 500, 100, 50
WHALE, OTHERS = 0, 1_000
"""The user who grows, and the first of those who do not."""


def main() -> None:
    """Measure, print, write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--memories", type=int, default=MARKS[-1])
    parser.add_argument("--server", help="connection string of a server on which databases may be made")
    parser.add_argument("--out", default="whale.json")
    options = parser.parse_args()
    results: list[dict[str, Any]] = []
    crowd = people(options.memories, 1, 384)
    with ExitStack() as stack:
        server = options.server or embedded(stack)
        nobody = People(0, 0, 384, [], [], crowd.vectors)  # an empty database, whose people come below
        each = stack.enter_context(opened("persistmem", nobody, server, reuse=False))
        each.people = each.lookup.people = crowd
        grow(each, crowd, [mark for mark in MARKS if mark <= options.memories], results)
    Path(options.out).write_text(json.dumps({"memories": options.memories, "results": results}, indent=1))


def grow(each: Any, crowd: People, marks: list[int], results: list[dict[str, Any]]) -> None:
    """From mark to mark, with the threads beside the writer."""
    written = 0
    for mark in marks:
        watch = Watch(each, crowd, written)
        with watch:
            puts = []
            while written < mark:
                numbers = range(written, min(written + BATCH, mark))
                puts.append(timed(lambda numbers=numbers: each.put(WHALE, numbers)))
                written = watch.written = numbers.stop
        shown = {"to": mark, "searches": len(watch.searches), "short": watch.short, "missed": watch.missed}
        note(results, what="the whale is searched", who="persistmem", **shown, **longest(watch.searches))
        note(results, what="a batch is put", who="persistmem", to=mark, batches=len(puts), **longest(puts))
        for what, times in watch.others.items():
            note(results, what=f"small users: {what}", who="persistmem", to=mark, **longest(times))
        recall, times = exactness(each, crowd, written)
        note(results, what="standing still", who="persistmem", to=mark, recall=recall, **longest(times))


class Watch:
    """Threads that search and write beside the writer, and what they saw."""

    def __init__(self, each: Any, crowd: People, written: int) -> None:
        self._each, self._crowd, self.written = each, crowd, written
        self.searches: list[Spent] = []
        self.others: dict[str, list[Spent]] = {"search": [], "put 1": []}
        self.short = self.missed = 0
        """Searches with fewer items than there were, and without the newest."""
        self._ended = threading.Event()
        self._failures: list[BaseException] = []
        steps = (self._search, self._live)
        self._threads = [threading.Thread(target=self._repeat, args=(step,)) for step in steps]

    def __enter__(self) -> "Watch":
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *error: object) -> None:
        self._ended.set()
        for thread in self._threads:
            thread.join()
        if self._failures:
            raise self._failures[0]

    def _repeat(self, step: Callable[[int], None]) -> None:
        turn = 0
        try:
            while not self._ended.is_set():
                step(turn)
                turn += 1
        except BaseException as error:  # noqa: BLE001 - raised in the main thread
            self._failures.append(error)

    def _search(self, turn: int) -> None:
        there = self.written
        if not there:
            return
        number = there - 1 if turn % 2 else turn * 7919 % there
        found: list[int] = []
        self.searches.append(timed(lambda: found.extend(self._each.search(WHALE, self._crowd.text(number)))))
        self.short += len(found) < min(10, there)
        self.missed += bool(turn % 2) and found[:1] != [number]

    def _live(self, turn: int) -> None:
        user, number = OTHERS + turn % SMALL, turn % self._crowd.memories
        self.others["put 1"].append(timed(lambda: self._each.put(user, [number])))
        self.others["search"].append(timed(lambda: self._each.search(user, self._crowd.text(number))))


def exactness(each: Any, crowd: People, written: int) -> tuple[float, list[Spent]]:
    """The share of the ten nearest that are found, and how long each of the questions took."""
    questions = [f"q{seed * 104_729 % written}.{seed} words" for seed in range(QUESTIONS)]
    truths = [  # beforehand: they sweep the caches
        set(np.argsort(-(crowd.vectors[:written] @ crowd.vector(question)))[:10].tolist()) for question in questions
    ]
    hits, times = 0, []
    for question, truth in zip(questions, truths, strict=True):
        found: list[int] = []
        times.append(timed(lambda question=question, found=found: found.extend(each.search(WHALE, question))))
        hits += len(truth & set(found))
    return round(hits / sum(map(len, truths)), 4), times


def timed(call: Callable[[], object]) -> Spent:
    start = time.perf_counter()
    call()
    return Spent(time.perf_counter() - start)


def longest(spent: list[Spent]) -> dict[str, Any]:
    """The median, the 95th percentile, and the longest."""
    return {**spread(spent), "max_ms": round(max(each.clock for each in spent) * 1e3, 2)} if spent else {}


if __name__ == "__main__":
    main()
