"""A random soak: ``python -m tests.faults.soak --minutes N --seed S``.

Worker processes keep, read, observe and learn through two pools each, while the driver kills at random: a worker (-9), a
backend (-9 or ended), the server (fast, immediate, away for seconds), a backend frozen for a while, and PgBouncer where
one is installed. In the middle one person is erased. At the end the history of every call, written down before and after
it, is judged against the tables, and all tables are searched for the words of who was erased.
"""

import argparse
import asyncio
import json
import multiprocessing
import random
import sys
import time
from collections import Counter
from pathlib import Path
from typing import Any

import psycopg

from langchain_persistmem import LocalEmbeddings, PersistMem, PersistMemError, Settings
from tests.faults.cluster import PLAIN, Cluster, running
from tests.faults.history import Event, History, judge
from tests.faults.invariants import broken
from tests.faults.load import kept, told

USERS = 4
ERASED = "erased"
MARKER = "zanzibar"
"""A word that only the erased person says."""


def work(dsn: str, path: str, name: str, seed: str, native: bool) -> None:
    """One process, until it is killed: every call is written down before it is made and after it was answered."""
    chance = random.Random(seed)
    settings = Settings(
        worker=True, pool_max=4, connect_seconds=5.0, statement_seconds=5.0, quiet_seconds=0.5, lease_seconds=5.0
    )
    given: dict[str, Any] = {"embeddings": LocalEmbeddings(), "settings": settings}

    async def run(file: Any) -> None:
        memory = await _opened(dsn, given, native)
        for number in range(10**9):
            user = f"user{chance.randrange(USERS)}"
            await _step(memory, file, chance, user, f"{name}.{number}")

    with Path(path).open("a", buffering=1) as file:
        asyncio.run(run(file))


async def _opened(dsn: str, given: dict[str, Any], native: bool) -> PersistMem:
    while True:
        try:
            return await PersistMem.aopen(dsn, **given) if native else PersistMem.open(dsn, **given)
        except PersistMemError:
            await asyncio.sleep(0.2)


async def _step(memory: PersistMem, file: Any, chance: random.Random, user: str, item: str) -> None:
    text = f"I own the boat number {item}"
    said = {"role": "user", "content": f"Remember my key {item}", "id": f"m{item}"}
    calls: dict[str, Any] = {
        "remember": lambda: memory.aremember(text, user_id=user),
        "observe": lambda: memory.aobserve(
            [said], thread_id=f"t{item.split('.', maxsplit=1)[0]}", background=chance.random() < 0.5, user_id=user
        ),
        "recall": lambda: _recall(memory, user),
    }
    for operation, call in calls.items():
        file.write(json.dumps(["call", operation, user, text if operation == "remember" else item, time.time()]) + "\n")
        outcome, error = "ok", None
        try:
            await call()
        except PersistMemError as raised:
            outcome, error = "unknown", type(raised).__name__
        except Exception as raised:  # noqa: BLE001 - looked for
            outcome, error = "foreign", f"{type(raised).__name__}: {raised}"
        file.write(json.dumps([outcome, operation, user, error, time.time()]) + "\n")


async def _recall(memory: PersistMem, user: str) -> None:
    for found in await memory.arecall("Which boat do I own?", user_id=user, threshold=0):
        if found.memory.namespace != ("memories", user):
            raise AssertionError("a row of somebody else")


def read(paths: list[Path]) -> History:
    """What all processes wrote down; a call without an answer is unknown."""
    history = History()
    for path in paths:
        open_event: Event | None = None
        for line in path.read_text().splitlines():
            try:
                kind, operation, user, rest, at = json.loads(line)
            except ValueError:
                continue  # the process was killed in the middle of it
            if kind == "call":
                open_event = Event(operation, user, rest, at)
                history.events.append(open_event)
            elif open_event is not None:
                open_event.ended, open_event.error = at, rest
                open_event.outcome = "ok" if kind == "ok" else "unknown"
                if kind == "foreign":
                    history.foreign.append(f"{operation}: {rest}")
                open_event = None
    return history


class Driver:
    """Kills, and keeps count."""

    def __init__(self, cluster: Cluster, name: str, folder: Path, seed: int) -> None:
        self.cluster, self.name, self.folder, self.seed = cluster, name, folder, seed
        self.chance = random.Random(seed)
        self.done: Counter[str] = Counter()
        self._spawn = multiprocessing.get_context("spawn")
        self.processes: dict[str, Any] = {}
        self.born = 0

    def start_worker(self) -> None:
        """One more process, with a history of its own."""
        self.born += 1
        name = f"w{self.born}"
        given = (
            self.cluster.dsn(self.name, PLAIN),
            str(self.folder / f"{name}.jsonl"),
            name,
            f"{self.seed}.{name}",
            self.born % 2 == 0,
        )
        self.processes[name] = self._spawn.Process(target=work, args=given, daemon=True)
        self.processes[name].start()

    def strike(self) -> None:
        """One fault, at random."""
        faults = {
            "a worker killed -9": self._kill_worker,
            "a backend ended": lambda: self.cluster.terminate(self.name, limit=1),
            "all backends ended": lambda: self.cluster.terminate(self.name),
            "a backend killed -9": self._kill_backend,
            "a backend frozen for 3 s": self._freeze,
            "restart fast": lambda: self.cluster.restart("fast"),
            "restart immediate": lambda: self.cluster.restart("immediate"),
            "away for 3 s": lambda: self.cluster.restart("immediate", away=3.0),
        }
        name = self.chance.choice(list(faults))
        try:
            faults[name]()
        except psycopg.Error:
            return  # the server is still getting up from the last one
        self.done[name] += 1

    def _kill_worker(self) -> None:
        name = self.chance.choice(list(self.processes))
        process = self.processes.pop(name)
        process.kill()
        process.join(10)
        self.start_worker()

    def _kill_backend(self) -> None:
        pids = self.cluster.backends(self.name)
        if pids:
            self.cluster.kill(self.chance.choice(pids))

    def _freeze(self) -> None:
        pids = self.cluster.backends(self.name)
        if pids:
            with self.cluster.frozen(self.chance.choice(pids)):
                time.sleep(3)

    def stop(self) -> None:
        """Kill the rest."""
        for process in self.processes.values():
            process.kill()
            process.join(10)


def traces(dsn: str) -> list[str]:
    """Tables of any schema that still have the word of who was erased."""
    with psycopg.connect(dsn) as connection:
        tables = connection.execute(
            "SELECT format('%I.%I', table_schema, table_name) FROM information_schema.tables "
            "WHERE table_schema IN ('persistmem', 'public') AND table_type = 'BASE TABLE'"
        ).fetchall()
        found: list[str] = []
        for (table,) in tables:
            query = f"SELECT count(*) FROM {table} t WHERE t::text ILIKE %s OR t::text ILIKE %s"
            (count,) = connection.execute(query.encode(), (f"%{MARKER}%", f"%{ERASED}%")).fetchone() or (0,)
            if count:
                found.append(f"{table}: {count}")
        return found


def erase(cluster: Cluster, name: str, driver: Driver) -> str:
    """Let a person say things, and be forgotten while faults go on; tried until it is acknowledged."""
    embeddings, tries = LocalEmbeddings(), 0
    while True:
        tries += 1
        try:
            with PersistMem.open(
                cluster.dsn(name, PLAIN), embeddings=embeddings, settings=Settings(worker=False)
            ) as memory:
                if tries == 1:
                    for number in range(20):
                        memory.remember(f"I have been to {MARKER} {number} times", user_id=ERASED)
                    turn = {"role": "user", "content": f"I love {MARKER}", "id": "z"}
                    memory.observe([turn], thread_id=ERASED, background=True, user_id=ERASED)
                driver.strike()
                receipt = memory.forget(everything=True, user_id=ERASED)
                return f"acknowledged after {tries} tries, {sum(receipt.counts.values())} rows"
        except PersistMemError:
            time.sleep(0.5)


def soak(minutes: float, seed: int, workers: int) -> bool:
    """Run it; whether everything held."""
    with running() as cluster:
        name = cluster.prepared(LocalEmbeddings())
        driver = Driver(cluster, name, cluster.folder, seed)
        for _ in range(workers):
            driver.start_worker()
        begun = time.monotonic()
        erased = ""
        while time.monotonic() - begun < 60 * minutes:
            time.sleep(driver.chance.uniform(1, 6))
            driver.strike()
            if not erased and time.monotonic() - begun > 30 * minutes:
                erased = erase(cluster, name, driver)
        time.sleep(8)
        driver.stop()
        history = read(sorted(cluster.folder.glob("*.jsonl")))
        return _report(cluster.dsn(name), history, driver, erased, seed)


def _report(dsn: str, history: History, driver: Driver, erased: str, seed: int) -> bool:
    remembered, observed = judge(history, "remember", kept(dsn)), judge(history, "observe", told(dsn))
    wrong = broken(dsn)
    left = traces(dsn)
    answered = [each for each in history.events if each.ended]
    print("seed", seed)
    print("faults:", dict(driver.done))
    print("calls:", len(history.events), "answered:", len(answered), "errors:", dict(history.errors()))
    print("errors that are not ours:", history.foreign[:5])
    print("slowest answer:", round(max((each.seconds for each in answered), default=0.0), 2), "s")
    for title, verdict in (("remember", remembered), ("observe", observed)):
        print(title, "acknowledged:", verdict.acknowledged, "lost:", verdict.lost[:5], "doubled:", verdict.doubled[:5])
    print("invariants broken:", wrong)
    print("erase:", erased, "- traces left:", left)
    held = remembered.clean and observed.clean and not wrong and not left and not history.foreign
    print("verdict:", "held" if held else "BROKEN")
    return held


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=float, default=5.0)
    parser.add_argument("--seed", type=int, default=random.randrange(10**6))
    parser.add_argument("--workers", type=int, default=4)
    options = parser.parse_args()
    sys.exit(0 if soak(options.minutes, options.seed, options.workers) else 1)
