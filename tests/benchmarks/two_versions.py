"""Two checkouts of this package beside each other: what a search costs in each, and what it finds.

    uv run --no-sync python -m tests.benchmarks.two_versions --before ../old --after . [--dimensions 1536]

The checkout of before fills a database, of which that of after gets a copy, which its ``setup()`` migrates. Each runs in a process of its
own, on one server, and they take turns call by call. On a busy machine the CPU time of the server is the truer figure.
"""

import argparse
import json
import subprocess
import sys
import time
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import numpy as np
import psycopg
from psycopg import conninfo

from tests.benchmarks.people import NOISE, TOPICS, TOPICS_OF_ONE, People, Vectors

SIZES = {
    384: [60_000, 20_000, 8_500, *[3_000] * 5, *[1_000] * 10, *[400] * 20, *[100] * 100],
    1536: [20_000, 5_000, 3_500, 3_000, 2_000, 1_500, 1_000, 700, 500, 400, 300, *[100] * 30],
    4096: [5_000, 1_000],
}
"""Memories of each user, by the dimensions of the vectors."""
CALLS, WARM = 40, 14
"""For each size and kind of search."""
BATCH = 1_000


def crowd(dimensions: int) -> People:
    """The people of ``people.py`` with these sizes."""
    sizes = SIZES[dimensions]
    starts = np.concatenate([[0], np.cumsum(sizes)[:-1]])
    rng = np.random.default_rng(1)

    def noise(rows: int) -> Vectors:
        return rng.standard_normal((rows, dimensions), dtype=np.float32) / np.float32(np.sqrt(dimensions))

    topics, vectors = noise(TOPICS), np.empty((sum(sizes), dimensions), np.float32)
    for start, size in zip(starts, sizes, strict=True):
        own = rng.choice(TOPICS, TOPICS_OF_ONE, replace=False)
        made = topics[own[rng.integers(TOPICS_OF_ONE, size=size)]] + NOISE * noise(size)
        vectors[start : start + size] = made / np.linalg.norm(made, axis=1, keepdims=True)
    return People(len(vectors), len(sizes), dimensions, sizes, starts.tolist(), vectors)


def work(dimensions: int, dsn: str, *, fill: bool) -> None:
    """A worker: answers one line of JSON with another; what it imports is of its own checkout."""
    from tests.benchmarks.contenders import Ours

    people = crowd(dimensions)
    ours = Ours(people, dsn)
    for user in range(people.users) if fill else ():
        numbers = people.numbers(user)
        for start in range(0, len(numbers), BATCH):
            ours.put(user, numbers[start : start + BATCH])
    calls = {"search": ours.search, **ours.besides}
    admin = psycopg.connect(dsn, autocommit=True, application_name="admin")
    query = "SELECT pid FROM pg_stat_activity WHERE datname = current_database() AND application_name <> 'admin' AND backend_type = 'client backend'"
    print("ready", flush=True)
    for line in sys.stdin:
        call, user, question = json.loads(line)
        files = [Path(f"/proc/{pid}/schedstat") for (pid,) in admin.execute(query.encode())]
        before = sum(int(file.read_text().split()[0]) for file in files)
        own, start = time.process_time(), time.perf_counter()
        found = calls[call](user, question)
        clock, own = time.perf_counter() - start, time.process_time() - own
        spent = sum(int(file.read_text().split()[0]) for file in files) - before
        print(
            json.dumps({"ms": clock * 1e3, "server_ms": spent / 1e6, "own_ms": own * 1e3, "found": found}), flush=True
        )


class Version:
    """A checkout at work in a process of its own."""

    def __init__(self, checkout: Path, dimensions: int, dsn: str, *, fill: bool) -> None:
        options = ["--worker", dsn, "--dimensions", str(dimensions), *(["--fill"] if fill else [])]
        self._process = subprocess.Popen(
            [sys.executable, str(Path(__file__).resolve()), *options],
            cwd=checkout, env={"PYTHONPATH": str(checkout)}, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
        )  # fmt: skip
        assert self._answer() == "ready"

    def ask(self, call: str, user: int, question: str) -> dict[str, Any]:
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps([call, user, question]) + "\n")
        self._process.stdin.flush()
        return json.loads(self._answer())

    def stop(self) -> None:
        assert self._process.stdin is not None
        self._process.stdin.close()
        self._process.wait()

    def _answer(self) -> str:
        assert self._process.stdout is not None
        return self._process.stdout.readline().strip()


def compare(versions: dict[str, Version], people: People, call: str, users: list[int]) -> str:
    """Medians of the clock, and of the CPU of the server and of the program, and recall@10, of each version."""
    names, answers = list(versions), {name: list[dict[str, Any]]() for name in versions}
    recall = {name: list[float]() for name in versions}
    for turn in range(WARM + CALLS):
        user = users[turn % len(users)]
        question = people.question(user, turn)
        truth = set(people.nearest(user, question, 10))
        for place in range(len(names)):
            name = names[(turn + place) % len(names)]  # nobody is always the first
            answer = versions[name].ask(call, user, question)
            if turn >= WARM:
                answers[name].append(answer)
                recall[name].append(len(truth & set(answer["found"])) / len(truth))
    shown = [
        f"{name}: {np.median([each['ms'] for each in found]):.1f} ms, "
        f"CPU {np.median([each['server_ms'] for each in found]):.2f} + {np.median([each['own_ms'] for each in found]):.2f}"
        + (f", recall {np.mean(recall[name]):.3f}" if call == "search" else "")
        for name, found in answers.items()
    ]
    return " | ".join(shown)


def main() -> None:
    """Fill, copy, compare, print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--before", type=Path, help="a checkout of this package")
    parser.add_argument("--after", type=Path, default=Path())
    parser.add_argument("--dimensions", type=int, choices=SIZES, default=384)
    parser.add_argument("--worker", help=argparse.SUPPRESS)
    parser.add_argument("--fill", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.worker:
        work(options.dimensions, options.worker, fill=options.fill)
        return
    from tests.benchmarks.recall_speed import embedded

    people = crowd(options.dimensions)
    with ExitStack() as stack:
        server = embedded(stack)
        dsn = {name: conninfo.make_conninfo(server, dbname=f"bench_{name}") for name in ("before", "after")}
        with psycopg.connect(server, autocommit=True) as admin:
            admin.execute("CREATE DATABASE bench_before")
            Version(options.before.resolve(), people.dimensions, dsn["before"], fill=True).stop()
            admin.execute("CREATE DATABASE bench_after TEMPLATE bench_before")
        versions: dict[str, Version] = {}
        for name, checkout in (("before", options.before), ("after", options.after)):
            versions[name] = Version(checkout.resolve(), people.dimensions, dsn[name], fill=False)
            stack.callback(versions[name].stop)
            with psycopg.connect(dsn[name], autocommit=True) as admin:
                admin.execute("VACUUM FULL persistmem.vectors")
                admin.execute("VACUUM ANALYZE")
        for size in sorted(set(people.sizes), reverse=True):
            users = [user for user, count in enumerate(people.sizes) if count == size]
            for call in ("search", "hybrid", "recall"):
                print(f"{size:7} {call:8}{compare(versions, people, call, users)}", flush=True)


if __name__ == "__main__":
    main()
