"""Whether everybody else's memories slow a person down: the same people in a small database and in a large one, in turns.

    uv run --no-default-groups --group bench python -m tests.benchmarks.growth [--sizes 10000 1000000] [--server ...]

The databases are those of ``recall_speed`` with a hundredth as many users as memories, on the same server. Into each come a
user with 100 memories and one with 1,000, of the same texts and vectors; each is asked the same questions.
"""

import argparse
import json
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import Any

from tests.benchmarks.contenders import opened
from tests.benchmarks.people import people
from tests.benchmarks.recall_speed import Meter, note, spread

QUERIES, WARM = 300, 30
PROBES = (100, 1_000)
"""Memories of the users who are compared."""


def main() -> None:
    """Measure, print, write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sizes", type=int, nargs=2, default=[10_000, 1_000_000])
    parser.add_argument("--who", default="persistmem")
    parser.add_argument("--server", required=True, help="connection string of the server that has them")
    parser.add_argument("--out", default="growth.json")
    options = parser.parse_args()
    results: list[dict[str, Any]] = []
    crowd = people(max(PROBES) * 10, 1, 384)  # whose memories the probes have
    with ExitStack() as stack:
        server, every = options.server, dict[int, Any]()
        for size in options.sizes:
            named = replace(crowd, memories=size, users=size // 100)
            every[size] = stack.enter_context(opened(options.who, named, server, reuse=True))
            every[size].people = every[size].lookup.people = crowd
        for probe in PROBES:
            user, numbers = 10_000_000 + probe, list(range(probe))
            for each in every.values():
                each.put(user, numbers)
            times: dict[int, list[Any]] = {size: [] for size in every}
            meters = {size: Meter(server, each.dsn) for size, each in every.items()}
            for seed in range(QUERIES + WARM):
                question = f"q{seed % probe}.{seed} word{seed % 50 + 20} word{seed % 70 + 20}"
                for size, each in every.items():
                    spent, _ = meters[size].spent(lambda each=each: each.search(user, question))  # noqa: B023 - called at once
                    if seed >= WARM:
                        times[size].append(spent)
            for size, spent in times.items():
                note(results, what=f"search, {probe} of {size:,}", who=options.who, **spread(spent))
            for each in every.values():
                each.forget(user, numbers)
    Path(options.out).write_text(json.dumps(results, indent=1))


if __name__ == "__main__":
    main()
