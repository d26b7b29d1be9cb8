"""F7, F14, F18: callers that give up, that are bad or slow, and that write the same things in opposite order."""

import asyncio
import random
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest
from langchain_core.embeddings import Embeddings
from langgraph.store.base import PutOp

from langchain_persistmem import EmbeddingError, InvalidInputError, LocalEmbeddings, PersistMem, Settings
from tests.faults.conftest import Place
from tests.faults.history import History, judge
from tests.faults.invariants import broken
from tests.faults.load import kept

pytestmark = [pytest.mark.ci, pytest.mark.slow]


@pytest.mark.timeout(900)
@pytest.mark.parametrize("operations", [300, pytest.param(2000, marks=pytest.mark.long_faults)])
async def test_cancelled_operations_are_all_or_nothing_and_give_everything_back(
    place: Place, embeddings: LocalEmbeddings, seed: int, operations: int, figure: Callable[..., None]
) -> None:
    """F7: half of the tasks are cancelled, at any moment."""
    chance, history = random.Random(seed), History()
    settings = Settings(worker=False, pool_max=6)
    async with PersistMem.aopen(place.dsn, embeddings=embeddings, settings=settings) as memory:

        async def call(number: int) -> None:
            user = f"user{number % 4}"
            if number % 2:
                with history.doing("remember", user, f"I own the car number {number}"):
                    await memory.aremember(f"I own the car number {number}", user_id=user)
            else:
                with history.doing("recall", user):
                    for found in await memory.arecall("Which car do I own?", user_id=user, threshold=0):
                        assert found.memory.namespace == ("memories", user)

        cancelled = 0
        for start in range(0, operations, 100):
            tasks = [asyncio.create_task(call(number)) for number in range(start, start + 100)]
            for task in tasks:
                if chance.random() < 0.5:
                    await asyncio.sleep(chance.random() / 100)
                    cancelled += task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
        pool = memory.backend.pool
        await asyncio.gather(*(memory.admin.astatus(user_id="user0") for _ in range(12)))
        stats = pool.get_stats()
        assert stats["pool_available"] == stats["pool_size"]
    verdict = judge(history, "remember", kept(place.admin_dsn))
    assert history.foreign == []
    assert history.errors() == {}
    assert verdict.clean
    assert broken(place.admin_dsn) == {}
    figure(
        "F7 asyncio operations, half of them cancelled",
        f"{operations} operations, {cancelled} cancelled",
        "0 wrong-tenant reads, pool whole, a cancelled write is all or nothing",
        f"{verdict.acknowledged} acknowledged, 0 lost, 0 doubled, 0 half-written, pool whole",
    )


class Slow(Embeddings):
    """Takes a second for what says so, and fails for what says so."""

    def __init__(self, inner: Embeddings) -> None:
        self.inner = inner

    def embed_documents(self, texts: list[str]) -> list[list[float]]:
        if any("slow" in text for text in texts):
            time.sleep(1)
        if any("bad" in text for text in texts):
            raise RuntimeError("quota")
        return self.inner.embed_documents(texts)

    def embed_query(self, text: str) -> list[float]:
        return self.inner.embed_query(text)


def test_bad_and_slow_callers_cost_the_others_nothing(
    place: Place, embeddings: LocalEmbeddings, figure: Callable[..., None]
) -> None:
    """F14: three bad and three slow callers beside two good ones, with four connections."""
    with PersistMem.open(place.dsn, embeddings=embeddings, settings=Settings(worker=False)) as first:
        name = first.backend.embedding_name
    settings = Settings(worker=False, pool_max=4, embedding_model=name)
    with PersistMem.open(place.dsn, embeddings=Slow(embeddings), settings=settings) as memory:
        memory.remember("I like tea", user_id="good")

        def good(count: int) -> list[float]:
            taken: list[float] = []
            for _ in range(count):
                begun = time.monotonic()
                assert memory.recall("tea", user_id="good")
                taken.append(time.monotonic() - begun)
            return taken

        def spoil(number: int) -> int:
            failures = 0
            for _ in range(3):
                try:
                    memory.remember(f"slow {number}" if number % 2 else "bad", user_id=f"other{number}")
                    memory.remember("x" * 30_000, user_id="other")
                except (EmbeddingError, InvalidInputError):
                    failures += 1
            return failures

        alone = sorted(good(100))[98]
        with ThreadPoolExecutor(8) as threads:
            spoilers = [threads.submit(spoil, number) for number in range(6)]
            together = sorted(threads.submit(good, 100).result())[98]
            failures = sum(each.result() for each in spoilers)
    assert failures == 18
    figure(
        "F14 bad and slow callers beside a good one",
        f"{failures} failing or slow calls, 100 reads",
        "no collateral failure, p99 at most doubled",
        f"0 failures of others, p99 {alone * 1000:.0f} ms alone, {together * 1000:.0f} ms together",
    )


def test_batches_in_opposite_order_do_not_meet(
    place: Place, embeddings: LocalEmbeddings, figure: Callable[..., None]
) -> None:
    """F18."""
    with PersistMem.open(place.dsn, embeddings=embeddings, settings=Settings(worker=False, pool_max=8)) as memory:
        names = [("u", str(number)) for number in range(12)]

        def put(turn: int) -> None:
            order = names if turn % 2 else list(reversed(names))
            memory.store.batch([PutOp(name, f"k{key}", {"turn": turn}, index=False) for name in order for key in "ab"])

        with ThreadPoolExecutor(8) as threads:
            list(threads.map(put, range(64)))
        assert len(memory.store.search(("u",), limit=100)) == 24
    assert broken(place.admin_dsn) == {}
    figure("F18 batches in opposite order", "64 batches of 24 puts, 8 threads", "0 visible deadlocks", "0 errors")


def test_a_deadlock_with_somebody_elses_transaction_is_not_seen(
    place: Place, embeddings: LocalEmbeddings, figure: Callable[..., None]
) -> None:
    """F18: another program takes the same locks the other way round; the server breaks the deadlock, and we go again."""
    with PersistMem.open(place.dsn, embeddings=embeddings, settings=Settings(worker=False)) as memory:
        for name in ("a", "b"):
            memory.store.put(("u", name), "k", {"n": 0}, index=False)
        with place.cluster.admin(place.name) as other, ThreadPoolExecutor(1) as threads:
            other.execute("SET deadlock_timeout = '10s'")  # so that it is ours that the server breaks
            with other.transaction():
                other.execute("SELECT FROM persistmem.namespaces WHERE namespace LIKE '%b' FOR UPDATE")
                ops = [PutOp(("u", name), "k", {"n": 1}, index=False) for name in ("a", "b")]
                ours = threads.submit(memory.store.batch, ops)
                place.cluster.wait_for_locks(place.name, 1)
                other.execute("SELECT FROM persistmem.namespaces WHERE namespace LIKE '%a' FOR UPDATE")
            ours.result(100)
        assert [memory.store.get(("u", name), "k").value["n"] for name in ("a", "b")] == [1, 1]
    figure("F18 a deadlock with another program", "1", "retried, 0 visible", "0 errors")
