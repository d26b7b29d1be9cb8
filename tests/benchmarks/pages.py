"""The time that the inspector's pages take over one person with 10,000 memories and over a list of 10,000 people.

``uv run python -m tests.benchmarks.pages``: an embedded server of its own, the application in the same process, no network.
Embedding is a look-up, as in the other benchmarks: what is measured is the page, not the model.
"""

import argparse
import asyncio
import re
import statistics
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import httpx
import numpy as np
import psycopg
from langchain_core.embeddings import Embeddings
from langchain_core.messages import AIMessage, HumanMessage
from langgraph.store.base import PutOp

from langchain_persistmem import PersistMem, Settings
from langchain_persistmem.postgres.connections.embedded import EmbeddedServer
from langchain_persistmem.server import Caller, memory_app
from langchain_persistmem.server.request_limits import Limits

PERSON = "person00000"
WHOSE = f"user_id={PERSON}"
TOPICS = [
    "tea",
    "chess",
    "rain",
    "trains",
    "cellos",
    "bread",
    "maps",
    "bees",
    "kites",
    "rivers",
    "moss",
    "clocks",
    "tiles",
    "yarn",
    "stamps",
    "sails",
]
VERBS = ["likes", "repairs", "paints", "collects", "studies", "sells", "draws", "photographs", "lends", "remembers"]
_BATCH = 500
_DIMENSIONS = 384


class Lookup(Embeddings):
    """Vectors that follow from the text, made in no time."""

    def embed_documents(self, texts: list[str]) -> list[list[float]]:
        return [self.embed_query(text) for text in texts]

    def embed_query(self, text: str) -> list[float]:
        rng = np.random.default_rng(list(text.encode()))
        return rng.standard_normal(_DIMENSIONS).tolist()


def main() -> None:
    """Fill a database, ask for each page again and again, and print the times."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--memories", type=int, default=10_000)
    parser.add_argument("--people", type=int, default=10_000)
    parser.add_argument("--times", type=int, default=20)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as data:
        server = EmbeddedServer.start(Path(data))
        try:
            asyncio.run(_run(server.conninfo, options.memories, options.people, options.times))
        finally:
            server.stop()


async def _run(conninfo: str, memories: int, people: int, times: int) -> None:
    settings = Settings(worker=False)
    async with PersistMem.aopen(conninfo, embeddings=Lookup(), settings=settings, store_index={}) as memory:
        await memory.asetup()
        began = time.perf_counter()
        await _fill(memory, conninfo, memories, people)
        print(f"filled in {time.perf_counter() - began:.0f} s")
        caller = Caller(is_operator=True, name="olga")
        limits = Limits(requests_per_minute=1_000_000)
        app = memory_app(memory, authorize=lambda request: caller, limits=limits)
        async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://benchmark") as client:
            (newest, *_) = await memory.alist(user_id=PERSON, limit=1)
            await _measure(client, str(newest.id), times)


async def _fill(memory: PersistMem, conninfo: str, memories: int, people: int) -> None:
    """One person has all the memories and conversations, everybody else one memory."""
    ops = [PutOp(("memories", PERSON), f"note{number}", {"text": _text(number)}) for number in range(memories)]
    ops += [PutOp(("memories", f"person{number:05}"), "note", {"text": _text(number)}) for number in range(1, people)]
    for start in range(0, len(ops), _BATCH):
        await memory.store.abatch(ops[start : start + _BATCH])
    for thread in range(100):
        messages = [
            (HumanMessage if number % 2 else AIMessage)(_text(number), id=f"m{number}") for number in range(100)
        ]
        await memory.conversations.aadd(messages, thread_id=f"thread {thread}", user_id=PERSON)
    await asyncio.to_thread(_make_statements, conninfo)


def _make_statements(conninfo: str) -> None:
    """Have the items be statements of the person, of a past of two years."""
    with psycopg.connect(conninfo, autocommit=True) as connection:
        connection.execute(
            "UPDATE persistmem.memories SET source = 'user', provenance = '{\"source\": \"user\"}', "
            "recorded_at = now() - (abs(hashtext(key)) % 730) * interval '1 day'"
        )
        connection.execute("VACUUM ANALYZE")


def _text(number: int) -> str:
    first, second = TOPICS[number % len(TOPICS)], TOPICS[number // len(TOPICS) % len(TOPICS)]
    return f"Somebody {VERBS[number % len(VERBS)]} {first} and {second}, as note {number} of the file says."


def _requests(newest: str) -> Iterator[tuple[str, str, dict[str, str]]]:
    """Method, address and fields of each page."""
    for path in ("/", "/people", "/people?after=memories%2Fperson05000", "/operations", "/activity"):
        yield "GET", path, {}
    for path in (
        "/",
        "/memories",
        "/conversations",
        "/review",
        "/activity",
        "/privacy",
        "/audit",
        f"/memories/{newest}",
    ):
        yield "GET", f"{path}?{WHOSE}", {}
    yield "GET", f"/memories?number=200&{WHOSE}", {}
    yield "GET", f"/memories?status=any&source=user&since=2025-01-01&number=100&{WHOSE}", {}
    yield "GET", f"/conversation?thread=thread%2050&{WHOSE}", {}
    yield "POST", "/people", {"begins_with": "person0999"}
    yield "POST", f"/memories?{WHOSE}", {"query": "Who repairs clocks and paints maps?"}
    yield "POST", f"/prompt?{WHOSE}", {"message": "Who repairs clocks and paints maps?"}
    yield "POST", f"/forget/preview?{WHOSE}", {"keys": "note17"}


async def _measure(client: httpx.AsyncClient, newest: str, times: int) -> None:
    csrf = re.findall('name="csrf" value="([^"]+)"', (await client.get(f"/prompt?{WHOSE}")).text)[0]
    print(f"{'page':<78} {'p50':>8} {'p95':>8}   bytes")
    for method, path, fields in _requests(newest):
        data = {"csrf": csrf, **fields} if method == "POST" else None
        spent: list[float] = []
        for _ in range(times + 1):
            began = time.perf_counter()
            answer = await client.request(method, path, data=data)
            spent.append(1_000 * (time.perf_counter() - began))
            answer.raise_for_status()
        print(f"{method + ' ' + path:<78} {_row(spent[1:])} {len(answer.content):>7,}")


def _row(spent: Sequence[float]) -> str:
    return f"{statistics.median(spent):>5.0f} ms {sorted(spent)[int(0.95 * (len(spent) - 1))]:>5.0f} ms"


if __name__ == "__main__":
    main()
