"""Speed and recall of search, and the cost of writing, beside other memories on PostgreSQL, in one run on one server.

    uv run --no-default-groups --group bench python -m tests.benchmarks.recall_speed [--full] [--dimensions 1536]

By default 100,000 memories of 1,000 users; ``--full`` takes 1,000,000 of 10,000, and hours. Without ``--server`` the
embedded server is started. The contenders take turns, call by call, so whatever else the machine does meets them alike.
Where the server is on this machine and it is a Linux, the time that a call spent on a CPU, here and in the server, is
printed too (``cpu``): on a busy machine that is the truer figure. Databases stay on the server and are used again with ``--reuse``, which goes
on where filling was interrupted; results go to ``--out`` as JSON.
"""

import argparse
import json
import os
import statistics
import tempfile
import threading
import time
from collections import defaultdict
from collections.abc import Callable
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from itertools import cycle
from pathlib import Path
from typing import Any

import psycopg

from tests.benchmarks.contenders import KINDS, opened
from tests.benchmarks.people import People, people

QUERIES, WARM = 200, 20
"""Searches for each class of users, after as many as it takes until statements are prepared."""
SECONDS = 5.0
"""For each number of clients."""
NEW = 15
"""Users who are written and forgotten again."""

Result = dict[str, Any]


def main() -> None:
    """Measure, print, write."""
    options = _options()
    memories, users = (1_000_000, 10_000) if options.full else (options.memories, options.users)
    crowd = people(memories, users, options.dimensions)
    results: list[Result] = []
    with ExitStack() as stack:
        server = options.server or embedded(stack)
        every = {}
        for name in options.only:
            start = time.perf_counter()
            every[name] = stack.enter_context(opened(name, crowd, server, reuse=options.reuse))
            note(results, what="filled or opened", who=name, seconds=round(time.perf_counter() - start, 1))
        for step in (floor, searches, clients, writes):
            step(every, crowd, server, results)
    facts = {"memories": memories, "users": users, "dimensions": options.dimensions, "load": os.getloadavg()}
    Path(options.out).write_text(json.dumps({**facts, "results": results}, indent=1))


def floor(every: dict[str, Any], crowd: People, server: str, results: list[Result]) -> None:
    """What no search can be faster than: ``SELECT 1`` over an open connection."""
    with psycopg.connect(server, autocommit=True) as connection:
        meter = Meter(server, server)
        times = [meter.spent(lambda: connection.execute("SELECT 1").fetchone())[0] for _ in range(300)]
    note(results, what="SELECT 1", who="server", **spread(times))


def searches(every: dict[str, Any], crowd: People, server: str, results: list[Result]) -> None:
    """Search by meaning by classes of users, in turns; recall@10 against the exact answer; besides what else there is."""
    calls = {name: (name, each.search) for name, each in every.items()}
    for name, each in every.items():
        calls |= {f"{name} {what}": (name, call) for what, call in getattr(each, "besides", {}).items()}
    mix: dict[str, list[Spent]] = defaultdict(list)
    for kind, users in crowd.classes().items():
        times: dict[str, list[Spent]] = defaultdict(list)
        found: dict[str, list[float]] = defaultdict(list)
        rows: dict[str, list[int]] = defaultdict(list)
        meters = {name: Meter(server, each.dsn) for name, each in every.items()}
        asked = [
            (user, crowd.question(user, seed)) for seed, user in zip(range(QUERIES + WARM), cycle(users), strict=False)
        ]
        truths = [
            set(crowd.nearest(user, question, 10)) for user, question in asked
        ]  # beforehand: they sweep the caches
        for seed, ((user, question), truth) in enumerate(zip(asked, truths, strict=True)):
            for place in range(len(calls)):
                name = list(calls)[(seed + place) % len(calls)]  # nobody is always the first
                owner, search = calls[name]
                spent, numbers = meters[owner].spent(lambda search=search: search(user, question))  # noqa: B023 - called at once
                if seed >= WARM:
                    times[name].append(spent)
                    found[name].append(len(truth & set(numbers)) / len(truth))
                    rows[name].append(len(numbers))
        for name, spent in times.items():
            mix[name] += spent
            recall = {} if " " in name else {"recall": round(statistics.mean(found[name]), 3)}
            note(results, what=f"search, {kind}", who=name, **spread(spent), **recall, rows=statistics.mean(rows[name]))
    for name, spent in mix.items():
        note(results, what="search, mix", who=name, **spread(spent))


def clients(every: dict[str, Any], crowd: People, server: str, results: list[Result]) -> None:
    """Searches a second of several threads, over the same mix."""
    classes = list(crowd.classes().values())
    for count in (1, 4, 16):
        for name, each in every.items():
            done = [0] * count
            end = time.perf_counter() + SECONDS

            def run(place: int, each: Any = each, done: list[int] = done, end: float = end) -> None:
                while time.perf_counter() < end:
                    users = classes[done[place] % len(classes)]
                    user = users[(place + done[place]) % len(users)]
                    each.search(user, crowd.question(user, 1_000 + done[place]))
                    done[place] += 1

            threads = [threading.Thread(target=run, args=(place,)) for place in range(count)]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
            note(results, what=f"searches/s, {count} clients", who=name, per_second=round(sum(done) / SECONDS, 1))


def writes(every: dict[str, Any], crowd: People, server: str, results: list[Result]) -> None:
    """Put one, put 100, put them again, forget the user: by users whom nobody knew, in turns."""
    times: dict[tuple[str, str], list[Spent]] = defaultdict(list)
    meters = {name: Meter(server, each.dsn) for name, each in every.items()}
    for turn in range(NEW):
        user = crowd.users + turn + 1
        hundred = [number % crowd.memories for number in range(turn * 101, turn * 101 + 101)]
        for name, each in every.items():
            steps: dict[str, Callable[[], Any]] = {
                "put 1": lambda each=each: each.put(user, hundred[:1]),  # noqa: B023
                "put 100": lambda each=each: each.put(user, hundred[1:]),  # noqa: B023
                "put 100 again": lambda each=each: each.put(user, hundred[1:]),  # noqa: B023
                "forget a user of 101": lambda each=each: each.forget(user, hundred),  # noqa: B023
            }
            if not getattr(each, "replaces", True):
                del steps["put 100 again"]
            for what, step in steps.items():
                times[what, name].append(meters[name].spent(step)[0])
    for (what, name), spent in times.items():
        note(results, what=what, who=name, **spread(spent))


@dataclass(frozen=True)
class Spent:
    """Seconds of one call, on the clock and on a CPU; without the latter where it cannot be known."""

    clock: float
    cpu: float | None = None


class Meter:
    """What calls to one database cost."""

    def __init__(self, server: str, dsn: str) -> None:
        with psycopg.connect(server, autocommit=True) as connection:
            name = psycopg.conninfo.conninfo_to_dict(dsn)["dbname"]
            found = connection.execute("SELECT pid FROM pg_stat_activity WHERE datname = %s", [name]).fetchall()
        files = [Path(f"/proc/{pid}/schedstat") for (pid,) in found]
        self._backends = {file: 0 for file in files if file.exists()}

    def spent(self, call: Callable[[], Any]) -> tuple[Spent, Any]:
        """Call it; returns what it cost and its answer."""
        before, own, start = self._server(), time.process_time(), time.perf_counter()
        answer = call()
        clock, own = time.perf_counter() - start, time.process_time() - own
        return Spent(clock, self._server() - before + own if self._backends else None), answer

    def _server(self) -> float:
        """Seconds of CPU that the database's connections had so far."""
        for file in self._backends:
            with suppress(OSError):  # one that has ended keeps what it had
                self._backends[file] = int(file.read_text().split()[0])
        return sum(self._backends.values()) / 1e9


def spread(spent: list[Spent]) -> Result:
    clock, cpu = [each.clock for each in spent], [each.cpu for each in spent if each.cpu is not None]
    shown = {"p50_ms": _share(clock, 50), "p95_ms": _share(clock, 95)}
    return shown | ({"cpu_p50_ms": _share(cpu, 50), "cpu_p95_ms": _share(cpu, 95)} if cpu else {})


def _share(seconds: list[float], percent: int) -> float:
    return round(sorted(seconds)[len(seconds) * percent // 100] * 1e3, 2)


def note(results: list[Result], **result: Any) -> None:
    results.append(result)
    shown = "  ".join(f"{key} {value}" for key, value in result.items() if key not in ("what", "who"))
    print(f"{result['what']:24}{result['who']:22}{shown}", flush=True)


def embedded(stack: ExitStack) -> str:
    from langchain_persistmem.postgres.connections.embedded import EmbeddedServer

    server = EmbeddedServer.start(Path(tempfile.mkdtemp(prefix="persistmem-bench-")) / "data")
    stack.callback(server.stop)
    return server.conninfo


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--full", action="store_true")
    parser.add_argument("--memories", type=int, default=100_000)
    parser.add_argument("--users", type=int, default=1_000)
    parser.add_argument("--dimensions", type=int, default=384)
    parser.add_argument("--only", nargs="+", choices=KINDS, default=list(KINDS))
    parser.add_argument("--server", help="connection string of a server on which databases may be made")
    parser.add_argument("--reuse", action="store_true")
    parser.add_argument("--out", default="recall_speed.json")
    return parser.parse_args()


if __name__ == "__main__":
    main()
