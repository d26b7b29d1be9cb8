"""Many at once: one row for one fact, each turn learnt from once, nothing half-written, every connection given back."""

import asyncio
import random
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import psycopg
import pytest

from langchain_persistmem import LocalEmbeddings, PersistMem, Settings

pytestmark = pytest.mark.slow

TURNS: list[Any] = [{"role": "user", "content": f"I planted tree {n} in the orchard", "id": f"m{n}"} for n in range(12)]


def count(database: str, query: str) -> int:
    with psycopg.connect(database) as connection:
        (number,) = connection.execute(query.encode()).fetchone() or (0,)
    return number


def check_whole(database: str) -> None:
    """Each memory has its vector and its words, and the sums for ranking are those of a recount."""
    bare = (
        "SELECT count(*) FROM persistmem.memories m WHERE status = 'active' AND NOT (EXISTS (SELECT FROM persistmem.vectors v "
        "WHERE v.namespace = m.namespace AND v.memory_id = m.id AND v.active) AND EXISTS (SELECT FROM persistmem.terms w "
        "WHERE w.namespace = m.namespace AND w.memory_id = m.id))"
    )
    assert count(database, bare) == 0
    wrong = (
        "SELECT count(*) FROM persistmem.namespaces n, LATERAL (SELECT count(DISTINCT memory_id) AS documents, "
        "coalesce(sum(times), 0) AS terms FROM persistmem.terms w WHERE w.namespace = n.namespace) r "
        "WHERE n.documents <> r.documents OR n.terms <> r.terms"
    )
    assert count(database, wrong) == 0


def test_one_fact_remembered_by_many_at_once_is_one_memory(memory: PersistMem, database: str) -> None:
    with ThreadPoolExecutor(8) as threads:
        kept = list(threads.map(lambda _: memory.remember("I like green tea", user_id="ada").id, range(16)))
    assert len(set(kept)) == 1
    (tea,) = memory.list(user_id="ada")
    assert tea.confirmations == 15
    check_whole(database)


def test_statements_under_one_key_at_once_leave_one_current_and_a_chain(memory: PersistMem, database: str) -> None:
    with ThreadPoolExecutor(8) as threads:
        list(threads.map(lambda n: memory.remember(f"I live in city {n}", key="home", user_id="ada"), range(16)))
    assert len(memory.list(user_id="ada")) == 1
    assert count(database, "SELECT count(*) FROM persistmem.memories WHERE superseded_by IS NOT NULL") == 15
    check_whole(database)


def test_a_thread_observed_by_many_at_once_is_learnt_from_once(memory: PersistMem, database: str) -> None:
    with ThreadPoolExecutor(6) as threads:
        observed = list(threads.map(lambda _: memory.observe(TURNS, thread_id="t", user_id="ada"), range(6)))
    assert sum(each.stored for each in observed) == len(TURNS)
    assert sum(each.added for each in observed) == len(TURNS)
    assert memory.admin.status(user_id="ada").counts == {"memories": 12, "messages": 12, "threads": 1}
    check_whole(database)


async def test_cancelled_calls_are_all_or_nothing_and_give_their_connection_back(
    database: str, embeddings: LocalEmbeddings
) -> None:
    seed = random.randrange(10**6)
    print("seed", seed)
    chance = random.Random(seed)
    async with PersistMem.aopen(database, embeddings=embeddings, settings=Settings(pool_max=4)) as memory:

        async def work(number: int) -> None:
            user = f"user{number % 3}"
            if number % 2:
                await memory.aremember(f"I own boat number {number}", user_id=user)
            else:
                for found in await memory.arecall("Which boat do I own?", user_id=user, threshold=0):
                    assert found.memory.namespace == ("memories", user)

        tasks = [asyncio.create_task(work(number)) for number in range(200)]
        for task in tasks:
            if chance.random() < 0.5:
                await asyncio.sleep(chance.random() / 200)
                task.cancel()
        results = await asyncio.gather(*tasks, return_exceptions=True)
        assert {type(result) for result in results} <= {type(None), asyncio.CancelledError}
        acknowledged = {number for number, result in enumerate(results) if result is None and number % 2}
        texts = {each.text for user in range(3) for each in await memory.alist(user_id=f"user{user}", limit=1000)}
        assert {f"I own boat number {number}" for number in acknowledged} <= texts
        assert len(await asyncio.gather(*(memory.admin.astatus() for _ in range(8)))) == 8  # twice the pool
    check_whole(database)


_READS = """
import asyncio, sys

import langchain_persistmem
from langchain_persistmem import PersistMem
from tests.bad_input.hashed import Hashed, settings

read, where = [], langchain_persistmem.__path__[0]


def note(event, arguments):
    if event == "open" and str(arguments[0]).startswith(where) and str(arguments[0]).endswith((".toml", ".sql")):
        read.append(arguments[0])


async def main(conninfo):
    async with PersistMem.aopen(conninfo, embeddings=Hashed(), settings=settings()) as memory:
        sys.addaudithook(note)
        await memory.aobserve([("user", "I keep bees and live in Oslo")], thread_id="t", user_id="ada")
        await memory.arecall("Where does Ada live?", user_id="ada")
        await memory.acontext("Where does Ada live?", user_id="ada")
        await memory.aforget(everything=True, user_id="ada")


asyncio.run(main(sys.argv[1]))
print(len(read))
"""


def test_once_it_is_open_no_call_makes_the_event_loop_wait_for_a_file(database: str) -> None:
    """`langgraph dev` ends a run that reads one."""
    ended = subprocess.run([sys.executable, "-c", _READS, database], capture_output=True, text=True, check=False)
    assert (ended.stdout.strip(), ended.returncode) == ("0", 0), ended.stderr
