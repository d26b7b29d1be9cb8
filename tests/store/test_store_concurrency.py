"""Many callers of one store at once: each has its own answer, its own failure, and its turn."""

import asyncio
import math
from collections.abc import Awaitable
from typing import Any

import pytest
from langchain_core.embeddings import Embeddings
from langgraph.store.base import GetOp, InvalidNamespaceError, Item, PutOp, SearchOp

from langchain_persistmem import (
    AsyncPersistMemStore,
    EmbeddingError,
    InvalidInputError,
    LocalEmbeddings,
    MemoryDisabledError,
    PersistMem,
    Settings,
    StorageUnavailableError,
    acting_as,
)
from langchain_persistmem.postgres.connections.pools import ConnectionQueue
from tests.store.test_store import ADA, model_of
from tests.support.round_trips import proxied


class Gated(Embeddings):
    """Embeds as ``inner`` does; "slow" waits until it may, "bad" fails."""

    def __init__(self, inner: Embeddings) -> None:
        self.inner = inner
        self.asked = asyncio.Event()
        self.may = asyncio.Event()

    def embed_documents(self, texts: list[str]) -> list[list[float]]:
        return self.inner.embed_documents(texts)

    def embed_query(self, text: str) -> list[float]:
        return self.inner.embed_query(text)

    async def aembed_documents(self, texts: list[str]) -> list[list[float]]:
        if "slow" in texts:
            self.asked.set()
            await self.may.wait()
        if "bad" in texts:
            raise RuntimeError("quota")
        return self.embed_documents(texts)


async def test_one_callers_failure_is_never_anothers(database: str, embeddings: LocalEmbeddings) -> None:
    settings = Settings(pool_max=3, embedding_model=model_of(database))
    async with PersistMem.aopen(database, embeddings=Gated(embeddings), settings=settings) as memory:
        store = memory.store
        await store.aput(ADA, "known", {"text": "likes tea"})
        calls: list[tuple[Awaitable[Any], type[Exception] | None]] = []
        for n in range(20):
            calls += [
                (store.aput(ADA, f"good{n}", {"text": f"likes tea {n}"}), None),
                (store.aput(ADA, f"bad{n}", {"text": "bad"}), EmbeddingError),
                (store.aput(ADA, f"nan{n}", {"n": math.nan}), InvalidInputError),
                (store.aput(("a.b",), "k", {"n": 1}), InvalidNamespaceError),
                (store.asearch(ADA, query="tea", limit=-1), InvalidInputError),
                (store.abatch([PutOp(ADA, f"half{n}", {"n": 1}, False), SearchOp(ADA, limit=-1)]), InvalidInputError),
                (store.aget(ADA, "known"), None),
                (store.asearch(ADA, query="tea", limit=1), None),
            ]
        results = await asyncio.gather(*(call for call, _ in calls), return_exceptions=True)
        for result, (_, failure) in zip(results, calls, strict=True):
            if failure is None:
                assert not isinstance(result, BaseException)
            else:
                assert isinstance(result, failure)
        keys = {item.key for item in await store.asearch(ADA, limit=1000)}
        assert keys == {"known", *(f"good{n}" for n in range(20))}


async def test_a_caller_whose_model_is_slow_delays_nobody(database: str, embeddings: LocalEmbeddings) -> None:
    gated = Gated(embeddings)
    settings = Settings(pool_max=1, embedding_model=model_of(database))
    async with PersistMem.aopen(database, embeddings=gated, settings=settings) as memory:
        store = memory.store
        slow = asyncio.create_task(store.abatch([PutOp(ADA, "slow", {"text": "slow"})]))
        await gated.asked.wait()
        await asyncio.gather(*(store.aput(ADA, f"k{n}", {"text": f"likes tea {n}"}) for n in range(20)))
        assert len(await store.asearch(ADA, query="tea", limit=100)) == 20
        assert not slow.done()
        gated.may.set()
        await slow
        assert await store.aget(ADA, "slow") is not None


async def test_far_more_callers_than_connections_are_all_served(database: str) -> None:
    async with AsyncPersistMemStore.from_conn_string(database, pool_config={"max_size": 2}) as store:
        puts = (store.aput((f"u{n % 5}",), f"k{n}", {"n": n}, index=False) for n in range(400))
        await asyncio.gather(*puts)
        found = await asyncio.gather(*(store.aget((f"u{n % 5}",), f"k{n}") for n in range(400)))
        assert [item and item.value["n"] for item in found] == list(range(400))


async def test_cancelled_callers_leave_the_queue(database: str) -> None:
    async with AsyncPersistMemStore.from_conn_string(database, pool_config={"min_size": 1, "max_size": 2}) as store:
        for turn in range(5):
            tasks = [asyncio.create_task(store.aput(ADA, f"k{n}", {"turn": turn}, index=False)) for n in range(40)]
            await asyncio.sleep(0.01 * turn)
            for task in tasks[::2]:
                task.cancel()
            done = await asyncio.gather(*tasks, return_exceptions=True)
            assert not any(isinstance(each, Exception) for each in done[1::2])
        await asyncio.gather(*(store.aget(ADA, "k1") for _ in range(40)))


# -- waiting in turn -------------------------------------------------------------------------------------


async def held(queue: ConnectionQueue, until: asyncio.Event) -> None:
    async with queue.turn():
        await until.wait()


async def test_whoever_waits_while_others_get_on_is_served() -> None:
    queue, leave = ConnectionQueue(1, timeout=0.5), asyncio.Event()
    holder = asyncio.create_task(held(queue, leave))
    await asyncio.sleep(0)
    waiter = asyncio.create_task(held(queue, leave))
    for _ in range(150):  # far beyond the timeout
        queue._served += 1  # somebody else got on
        await asyncio.sleep(0.01)
    assert not waiter.done()
    leave.set()
    await asyncio.gather(holder, waiter)


async def test_a_standstill_is_a_failure_that_says_so() -> None:
    queue, leave = ConnectionQueue(1, timeout=0.01), asyncio.Event()
    holder = asyncio.create_task(held(queue, leave))
    await asyncio.sleep(0)
    with pytest.raises(StorageUnavailableError, match=r"all 1 connections were in use for 0\.01 s"):
        await held(queue, leave)
    leave.set()
    await holder
    await held(queue, leave)


async def test_failures_of_the_database_are_no_progress() -> None:
    queue = ConnectionQueue(1, timeout=10)
    with pytest.raises(StorageUnavailableError):
        async with queue.turn():
            raise StorageUnavailableError
    assert queue._served == 0
    with pytest.raises(InvalidInputError):
        async with queue.turn():
            raise InvalidInputError
    assert queue._served == 1


async def test_calls_of_one_moment_are_one_batch(database: str, embeddings: LocalEmbeddings) -> None:
    settings = Settings(worker=False, pool_min=1, pool_max=1)
    with proxied(database) as proxy:
        async with PersistMem.aopen(proxy.conninfo, embeddings=embeddings, settings=settings) as memory:
            store = memory.store
            await asyncio.gather(store.aput(ADA, "first", {"n": 0}, index=False), store.aget(ADA, "first"))
            before = proxy.round_trips
            await asyncio.gather(
                *(store.aput((*ADA, f"of{n % 5}"), f"k{n}", {"n": n}, index=False) for n in range(300))
            )
            found = await asyncio.gather(*(store.aget((*ADA, f"of{n % 5}"), f"k{n}") for n in range(300)))
            assert proxy.round_trips - before <= 10
    assert [item.value["n"] for item in found if item is not None] == list(range(300))


async def test_of_calls_of_one_moment_the_last_put_of_a_key_wins(database: str) -> None:
    async with AsyncPersistMemStore.from_conn_string(database) as store:
        await asyncio.gather(*(store.aput(ADA, "k", {"n": n}) for n in range(20)), store.adelete(ADA, "gone"))
        item = await store.aget(ADA, "k")
    assert item is not None
    assert item.value == {"n": 19}


async def test_a_person_who_has_paused_memory_stops_nobody_elses_put(
    database: str, embeddings: LocalEmbeddings
) -> None:
    async with PersistMem.aopen(database, embeddings=embeddings, settings=Settings(worker=False)) as memory:
        await memory.privacy.aset_consent("paused", user_id="bob")
        puts = [memory.store.aput(("memories", name), "k", {"n": 1}) for name in ("ada", "bob", "cleo")]
        results = await asyncio.gather(*puts, return_exceptions=True)
        assert [type(result) for result in results] == [type(None), MemoryDisabledError, type(None)]
        assert await memory.store.aget(("memories", "cleo"), "k") is not None


async def test_calls_of_one_moment_keep_their_actors(database: str, embeddings: LocalEmbeddings) -> None:
    async with PersistMem.aopen(database, embeddings=embeddings, settings=Settings(worker=False)) as memory:

        async def put(actor: str, key: str) -> None:
            with acting_as(actor):
                await memory.store.aput(("memories", "ada"), key, {"n": 1})

        await asyncio.gather(*(put(f"admin{n % 2}", f"k{n}") for n in range(6)))
        log = await memory.privacy.aaudit(user_id="ada")
    assert {entry.actor: len(entry.memory_ids) for entry in log if entry.action == "put"} == {"admin0": 3, "admin1": 3}


async def test_whoever_is_cancelled_takes_no_other_call_along(database: str) -> None:
    async with AsyncPersistMemStore.from_conn_string(database) as store:
        await store.setup()
        tasks = [asyncio.create_task(store.aput(ADA, f"k{n}", {"n": n})) for n in range(10)]
        await asyncio.sleep(0)
        tasks[3].cancel()
        results = await asyncio.gather(*tasks, return_exceptions=True)
        kept = [await store.aget(ADA, f"k{n}") for n in range(10) if n != 3]
    assert [n for n, result in enumerate(results) if isinstance(result, asyncio.CancelledError)] == [3]
    assert all(kept)


class _Same(str):
    """A text that claims to be every other one."""

    __slots__ = ()

    def __eq__(self, other: object) -> bool:
        return True

    def __hash__(self) -> int:
        return 1


def test_a_key_of_a_type_of_ones_own_is_the_text_that_it_is(database: str, embeddings: LocalEmbeddings) -> None:
    with PersistMem.open(database, embeddings=embeddings, settings=Settings(worker=False)) as memory:
        keys = [_Same("a"), _Same("b")]
        memory.store.batch([PutOp(ADA, key, {"key": str(key)}, False) for key in keys])
        found = memory.store.batch([GetOp(ADA, key) for key in keys])
    assert [item.value["key"] for item in found if isinstance(item, Item)] == ["a", "b"]
