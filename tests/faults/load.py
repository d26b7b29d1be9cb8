"""Users at work: threads, or tasks, that keep unique statements and read them back, until they are told to stop."""

import asyncio
import random
import threading
import time
from collections import Counter
from typing import Any

import psycopg

from langchain_persistmem import PersistMem
from tests.faults.history import History

THINGS = ("boat", "garden", "piano", "recipe", "house", "car", "book", "dog")


class Load:
    """``workers`` threads over ``users`` people; one write, then one read, and so on.

    Args:
        pause: seconds between two operations of a thread.
    """

    def __init__(
        self, memory: PersistMem, history: History, *, seed: int, workers: int = 8, users: int = 4, pause: float = 0.0
    ) -> None:
        self.memory = memory
        self.history = history
        self._users = users
        self._pause = pause
        self._stop = threading.Event()
        self._threads = [
            threading.Thread(target=self._work, args=(number, random.Random(f"{seed}.{number}")), daemon=True)
            for number in range(workers)
        ]

    def __enter__(self) -> "Load":
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join(250)

    def _work(self, worker: int, chance: random.Random) -> None:
        number = 0
        while not self._stop.is_set():
            number += 1
            user = f"user{chance.randrange(self._users)}"
            item = f"I own the {chance.choice(THINGS)} number {worker}.{number}"
            with self.history.doing("remember", user, item):
                self.memory.remember(item, user_id=user)
            with self.history.doing("recall", user):
                for found in self.memory.recall(f"Which {THINGS[number % 8]} do I own?", user_id=user, threshold=0):
                    assert found.memory.namespace == ("memories", user), "a row of somebody else"
            with self.history.doing("observe", user, f"{worker}.{number}"):
                said = {"role": "user", "content": f"Remember, please: {item}", "id": f"m{worker}.{number}"}
                self.memory.observe([said], thread_id=f"t{worker}", background=True, user_id=user)
            time.sleep(self._pause)


async def aload(memory: PersistMem, history: History, *, seed: int, seconds: float, workers: int = 8) -> None:
    """The same for asyncio, for a time."""
    until = time.monotonic() + seconds

    async def work(worker: int) -> None:
        chance = random.Random(f"{seed}.{worker}")
        number = 0
        while time.monotonic() < until:
            number += 1
            user = f"user{chance.randrange(4)}"
            item = f"I own the {chance.choice(THINGS)} number a{worker}.{number}"
            with history.doing("remember", user, item):
                await memory.aremember(item, user_id=user)
            with history.doing("recall", user):
                for found in await memory.arecall("What do I own?", user_id=user, threshold=0):
                    assert found.memory.namespace == ("memories", user), "a row of somebody else"

    await asyncio.gather(*(work(worker) for worker in range(workers)))


def kept(dsn: str) -> Counter[tuple[str, str]]:
    """How often each (user, statement) is there; one that was confirmed counts again, because nothing was said twice."""
    with psycopg.connect(dsn) as connection:
        rows: list[Any] = connection.execute(
            "SELECT namespace, text, 1 + confirmations FROM persistmem.memories "
            "WHERE status = 'active' AND text LIKE 'I own the %'"
        ).fetchall()
    found: Counter[tuple[str, str]] = Counter()
    for namespace, text, times in rows:
        found[namespace.split("/")[-1], text] += times
    return found


def told(dsn: str) -> Counter[tuple[str, str]]:
    """How often each observed turn is there."""
    with psycopg.connect(dsn) as connection:
        rows: list[Any] = connection.execute("SELECT namespace, substr(id, 2) FROM persistmem.messages").fetchall()
    return Counter((namespace.split("/")[-1], id) for namespace, id in rows)
