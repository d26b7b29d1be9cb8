"""The time of each call of /v1 that reads, with 10,000 memories of one person and 10,000 people.

``uv run python -m tests.benchmarks.http_calls``: an embedded server of its own, the application in the same process, no network.
The pages have a benchmark of their own.
"""

import argparse
import asyncio
import statistics
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from langchain_core.embeddings import DeterministicFakeEmbedding
from langgraph.store.base import PutOp

from langchain_persistmem import PersistMem, Settings
from langchain_persistmem.server import Limits, memory_app
from tests.server.walk import KEY, OPERATOR, client, every_request

PERSON, BATCH, TURNS, WORDS = "person-0", 500, 400, 5_000
WHOLE = ("/v1/export", "/v1/audit/check")
"""What reads everything there is."""
MOST = 300
"""Milliseconds that a call may take."""


def puts(memories: int, people: int) -> Iterator[PutOp]:
    """The memories of one person, and one for each of the others."""
    for number in range(memories):
        words = np.random.default_rng(number).zipf(1.3, 10) % WORDS  # as in tests/benchmarks/people.py
        text = f"On day {number} I read of " + " ".join(f"word{word}" for word in words)
        yield PutOp(("memories", PERSON), f"key-{number}", {"text": text})
    for number in range(1, people):
        yield PutOp(("memories", f"person-{number}"), "key-0", {"text": f"I am number {number}."})


def fill(memory: PersistMem, memories: int, people: int) -> dict[str, Any]:
    """Store everything; returns what the fields of requests are filled with."""
    batch: list[Any] = []
    for put in puts(memories, people):
        batch.append(put)
        if len(batch) == BATCH:
            memory.store.batch(batch)
            batch.clear()
    memory.store.batch(batch)
    messages = [
        {"role": "user", "content": f"My {number}th plan is to plant {number} trees."} for number in range(TURNS)
    ]
    memory.observe(messages, thread_id="thread-7", user_id=PERSON)
    waiting = [
        memory.remember(f"Always use rule {number}.", kind="procedural", source="assistant", user_id=PERSON)
        for number in range(50)
    ]
    with_history = memory.remember("I live in Oslo.", key="city", user_id=PERSON)
    memory.remember("I live in Bergen.", key="city", user_id=PERSON)
    return {
        "key": "city", "keys": ["city"], "version": str(with_history.id), "versions": [str(waiting[0].id)],
        "thread_id": "thread-7", "thread": "thread-7", "query": "When did I read of word31 and word52?", "text": "word31", "limit": 100,
        "message": "When did I read of word31?", "max_tokens": 2_000,
    }  # fmt: skip


async def measure(memory: PersistMem, values: dict[str, Any], rounds: int) -> None:
    """Print the times of each request that reads, the slowest first."""
    app = memory_app(memory, key=KEY, limits=Limits(requests_per_minute=10**9))
    found: list[tuple[float, float, int, int, str]] = []
    async with client(app, OPERATOR) as program:
        for request in every_request(app, values):
            if not request.path.startswith("/v1") or not request.reads or request.is_public or request.path in WHOLE:
                continue
            times: list[float] = []
            for _ in range(rounds):
                began = time.perf_counter()
                answer = await request.send(program, user_id=PERSON)
                times.append((time.perf_counter() - began) * 1000)
            slow = sorted(times)[max(0, round(0.95 * len(times)) - 1)]
            found.append((statistics.median(times), slow, answer.status_code, len(answer.content), request.id))
    print("median ms   95 %   status    bytes")
    for middle, slow, status, size, name in sorted(found, reverse=True):
        print(f"{middle:9.0f} {slow:6.0f} {status:8} {size:8}  {name}{'  TOO SLOW' if middle > MOST else ''}")


async def main() -> None:
    """Fill a database and measure."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--memories", type=int, default=10_000)
    parser.add_argument("--people", type=int, default=10_000)
    parser.add_argument("--rounds", type=int, default=10)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        settings = Settings(data_dir=Path(folder) / "data", worker=False)
        embeddings = DeterministicFakeEmbedding(size=384)
        with PersistMem.open(embeddings=embeddings, settings=settings) as memory:
            memory.setup()
            began = time.perf_counter()
            values = await asyncio.to_thread(fill, memory, options.memories, options.people)
            print(f"filled in {time.perf_counter() - began:.0f} s", flush=True)
            await measure(memory, values, options.rounds)


if __name__ == "__main__":
    asyncio.run(main())
