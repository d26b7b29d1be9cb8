"""What row-level security costs a recall: ``python -m tests.benchmarks.row_security CONNINFO``.

CONNINFO is a superuser's, on a server that may be filled: two databases and a role are made, and dropped at the end. The
vectors are random, so that no embedding model is timed. The ways take turns, call by call, and the fastest tenth of each
counts: what else the machine does then counts least.
"""

import random
import statistics
import sys
import time
from contextlib import ExitStack
from hashlib import sha256

import psycopg
from langchain_core.embeddings import Embeddings
from langgraph.store.base import PutOp
from psycopg import conninfo, sql

from langchain_persistmem import PersistMem, Settings
from langchain_persistmem.privacy import row_security

SIZES = {"small": 50, "large": 10_000}
ROLE = "persistmem_measured"
CALLS = {"small": 600, "large": 200}


class Random(Embeddings):
    """The same vector for the same text, at once."""

    def embed_documents(self, texts: list[str]) -> list[list[float]]:
        return [self.embed_query(text) for text in texts]

    def embed_query(self, text: str) -> list[float]:
        chance = random.Random(sha256(text.encode()).digest())
        return [chance.gauss(0, 1) for _ in range(384)]


def made(server: str, name: str, *, guarded: bool) -> str:
    """A filled database for the plain role."""
    where = conninfo.make_conninfo(server, dbname=name)
    with psycopg.connect(server, autocommit=True) as admin:
        admin.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
    words = [
        "tea",
        "kayak",
        "locker",
        "garden",
        "invoice",
        "train",
        "piano",
        "soup",
        "river",
        "winter",
        "market",
        "paper",
    ]
    with PersistMem.open(where, embeddings=Random()) as memory:
        memory.setup()
        for user, size in SIZES.items():
            for start in range(0, size, 500):
                puts = [
                    PutOp(("memories", user), f"k{n}", {"text": f"{words[n % 12]} {words[n % 7]} number {n}"})
                    for n in range(start, min(start + 500, size))
                ]
                memory.store.batch(puts)
        if guarded:
            memory.backend.run(row_security.enable)
    with psycopg.connect(where, autocommit=True) as admin:
        admin.execute("VACUUM ANALYZE")
        admin.execute(sql.SQL("GRANT USAGE ON SCHEMA persistmem TO {}").format(sql.Identifier(ROLE)))
        admin.execute(sql.SQL("GRANT SELECT ON ALL TABLES IN SCHEMA persistmem TO {}").format(sql.Identifier(ROLE)))
    return conninfo.make_conninfo(where, user=ROLE, password="x")


def timed(memory: PersistMem, user: str, question: int) -> float:
    """Milliseconds of one recall."""
    began = time.perf_counter()
    memory.recall(f"a kayak in winter {question}", user_id=user, threshold=0)
    return (time.perf_counter() - began) * 1000


def main(server: str) -> None:
    with psycopg.connect(server, autocommit=True) as admin:
        admin.execute(sql.SQL("CREATE ROLE {} LOGIN PASSWORD 'x'").format(sql.Identifier(ROLE)))
    names = {"measured_off": False, "measured_on": True}
    try:
        places = {name: made(server, name, guarded=guarded) for name, guarded in names.items()}
        with ExitStack() as stack:
            ways = {
                "off": (places["measured_off"], Settings()),
                "said, off": (places["measured_off"], Settings(row_level_security=True)),
                "on": (places["measured_on"], Settings(row_level_security=True)),
            }
            memories = {
                way: stack.enter_context(PersistMem.open(where, embeddings=Random(), settings=settings))
                for way, (where, settings) in ways.items()
            }
            for user, size in SIZES.items():
                taken: dict[str, list[float]] = {way: [] for way in memories}
                for question in range(CALLS[user]):
                    for way, memory in memories.items():
                        taken[way].append(timed(memory, user, question))
                tenth = {way: statistics.quantiles(times, n=10)[0] for way, times in taken.items()}
                middle = {way: statistics.median(times) for way, times in taken.items()}
                for way in memories:
                    print(
                        f"{size:>6} memories, {way:>9}: fastest tenth {tenth[way]:6.2f} ms ({tenth[way] / tenth['off']:.2f}), "
                        f"median {middle[way]:6.2f} ms ({middle[way] / middle['off']:.2f})",
                        flush=True,
                    )
    finally:
        with psycopg.connect(server, autocommit=True) as admin:
            for name in names:
                admin.execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name)))
            admin.execute(sql.SQL("DROP ROLE {}").format(sql.Identifier(ROLE)))


if __name__ == "__main__":
    main(sys.argv[1])
