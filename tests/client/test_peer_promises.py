"""Failures that were measured in other stores, savers and vector stores, and the test that each is kept away by.

``PROMISES`` says which. Tests that stood elsewhere already are named; the others are here.
"""

import ast
import asyncio
import threading
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import psycopg
import pytest
from langchain_core.embeddings import DeterministicFakeEmbedding, Embeddings
from langgraph.checkpoint.base import empty_checkpoint
from langgraph.store.base import GetOp, PutOp, SearchOp
from psycopg_pool import AsyncConnectionPool, ConnectionPool

from langchain_persistmem import InvalidInputError, LocalEmbeddings, PersistMem, PersistMemRetriever, Settings
from langchain_persistmem.postgres.migrate import migrations
from tests.conftest import Either
from tests.store.test_store import model_of, rows
from tests.support.pooler import pooled
from tests.support.processes import forkserver

pytestmark = pytest.mark.slow

ADA = ("memories", "ada")

PROMISES: dict[str, dict[str, tuple[str, ...]]] = {
    "PostgresStore": {
        "recall@10 is 0.19 for 20 users of 2,000 memories: the approximate index is filtered after the fact": (
            "client/test_peer_promises.py::test_the_ten_nearest_of_each_of_20_users_are_found_exactly",
        ),
        "`$gt 9` over 2, 9, 10, 100 finds nothing: numbers are compared as text": (
            "store/test_store.py::test_filters_compare_by_type",
        ),
        "`$or`, `$in` and nested filters are absent, or silently find nothing": (
            "store/test_store.py::test_filters_compare_by_type",
            "store/test_store_machine.py::test_whatever_is_done_the_store_answers_as_langgraphs_own",
        ),
        "a removed list entry is still found, with score 1.0": (
            "store/test_store.py::test_a_removed_list_entry_is_not_found_any_more",
        ),
        "offset 30 of 60 rows finds nothing": ("store/test_store.py::test_paging_works_past_any_offset",),
        "one item of 60 chunks crowds a search for 5 down to 1": (
            "store/test_store.py::test_an_item_of_many_parts_does_not_crowd_out_the_others",
            "postgres/test_recall_statement.py::test_an_item_of_many_parts_does_not_crowd_out_the_others",
        ),
        "a time to live below a minute expires at the first read": (
            "store/test_store.py::test_a_ttl_below_a_minute_does_not_expire_at_once",
        ),
        "setup() by 8 processes: 7 fail": ("client/test_peer_promises.py::test_eight_processes_set_up_one_database",),
        "PgBouncer in transaction mode: 66 to 90 % errors, some running another session's statement": (
            "client/test_peer_promises.py::test_every_transaction_may_run_on_a_session_that_was_reset",
            "client/test_peer_promises.py::test_it_works_through_pgbouncer_in_transaction_mode",
        ),
        "batches in opposite order deadlock, 233 of 360": (
            "client/test_peer_promises.py::test_none_of_360_pairs_of_batches_in_opposite_order_deadlocks",
            "store/test_store.py::test_batches_in_opposite_order_do_not_deadlock",
        ),
        "the embedding model is called while the connection is held": (
            "client/test_peer_promises.py::test_others_read_over_the_only_connection_while_a_model_embeds",
            "store/test_store.py::test_no_connection_is_held_while_a_model_works",
        ),
        "queries are embedded with embed_documents": (
            "client/test_peer_promises.py::test_a_query_is_embedded_as_a_query",
            "store/test_store_alone.py::test_the_queries_of_a_batch_are_embedded_together_and_as_queries",
        ),
        "reads write, so that no replica can serve them": (
            "client/test_peer_promises.py::test_every_read_runs_where_nothing_can_be_written",
            "store/test_store.py::test_a_read_does_not_fail_where_nothing_can_be_written",
            "postgres/test_recall_statement.py::test_reading_writes_nothing",
        ),
        "more than 65,535 parameters fail": (
            "client/test_peer_promises.py::test_a_batch_or_a_filter_may_have_more_than_65535_parameters",
            "store/test_store.py::test_a_batch_has_no_limit_of_65535_parameters",
        ),
        "one NUL in one caller's put fails 21 of 21 concurrent puts": (
            "client/test_peer_promises.py::test_what_one_of_21_callers_does_wrong_fails_for_that_one_only",
        ),
        "floats from 1e16 on come back as whole numbers": ("store/test_store.py::test_values_come_back_to_the_letter",),
        '`{"n": {}}` matches everything': (
            "client/test_peer_promises.py::test_an_empty_nested_filter_matches_objects_only",
            "store/test_store.py::test_filters_compare_by_type",
        ),
        "idle connections were killed: 8 of 40 operations fail": (
            "client/test_peer_promises.py::test_all_of_40_operations_succeed_though_idle_connections_were_killed",
        ),
    },
    "PostgresSaver": {
        "the pool is serialised by a lock": (
            "checkpointer/test_checkpointer.py::test_eight_calls_use_eight_connections_at_once",
            "checkpointer/test_checkpointer.py::test_eight_awaits_use_eight_connections_at_once",
        ),
        "get_tuple inside a list() loop hangs for ever": (
            "checkpointer/test_checkpointer.py::test_get_tuple_inside_a_list_loop_needs_one_connection",
            "checkpointer/test_checkpointer.py::test_aget_tuple_inside_an_alist_loop_needs_one_connection",
        ),
        "8 processes of 20 turns on one thread: 136 of 160 acknowledged turns are lost without an error": (
            "checkpointer/test_checkpointer_writers.py::test_of_eight_processes_on_one_thread_every_acknowledged_turn_is_visible",
            "checkpointer/test_checkpointer_writers.py::test_the_slower_of_two_runs_is_told",
        ),
        "a worker whose clock is 1 h ahead makes the next acknowledged turn invisible": (
            "checkpointer/test_checkpointer_writers.py::test_a_worker_whose_clock_is_an_hour_ahead_hides_no_turn",
        ),
        "200 KB of chat become 23 MB of checkpoints, and there is no retention": (
            "checkpointer/test_prune.py::test_keep_latest_leaves_the_head_and_only_its_blobs_and_writes",
            "checkpointer/test_prune.py::test_what_is_too_old_goes_but_never_the_head_of_a_thread_in_use",
            "checkpointer/test_prune.py::test_the_newest_few_stay",
        ),
        "delete_thread during a run: rows come back": (
            "checkpointer/test_checkpointer_writers.py::test_a_thread_that_is_deleted_during_a_run_does_not_come_back",
        ),
    },
    "PGVectorStore": {
        "hybrid search keeps the first query's text for ever": (
            "client/test_peer_promises.py::test_each_search_uses_its_own_query",
            "store/test_store_hybrid.py::test_several_hybrid_searches_share_a_batch",
        ),
        "50 documents are 50 INSERTs and 50 COMMITs": (
            "client/test_peer_promises.py::test_fifty_documents_are_one_transaction_of_few_statements",
        ),
        "session ids have to be UUIDs": (
            "integrations/test_history.py::test_messages_come_back_as_they_were_under_any_session_id",
        ),
    },
}
"""By package: what was seen there, and the tests that keep it away from here."""


@pytest.mark.parametrize(
    "test", sorted({test for package in PROMISES.values() for tests in package.values() for test in tests})
)
def test_the_test_of_a_promise_exists(test: str) -> None:
    file, _, name = test.partition("::")
    tree = ast.parse((Path(__file__).parents[1] / file).read_text())
    assert name in {each.name for each in tree.body if isinstance(each, (ast.FunctionDef, ast.AsyncFunctionDef))}


async def store_call(either: Either, name: str, *args: Any, **kwargs: Any) -> Any:
    """``store.name(...)`` in the colour of ``either``."""
    store = either.memory.store
    return (
        await getattr(store, f"a{name}")(*args, **kwargs)
        if either.asynchronous
        else getattr(store, name)(*args, **kwargs)
    )


async def at_once(either: Either, calls: Sequence[tuple[str, tuple[Any, ...]]]) -> list[Any]:
    """Store calls by that many tasks, or threads, and what each returned or raised."""
    if either.asynchronous:
        waiting = [getattr(either.memory.store, f"a{name}")(*args) for name, args in calls]
        return await asyncio.gather(*waiting, return_exceptions=True)
    with ThreadPoolExecutor(len(calls)) as threads:
        running = [threads.submit(getattr(either.memory.store, name), *args) for name, args in calls]
        return [each.exception() or each.result() for each in running]


# -- finding ----------------------------------------------------------------------------------------------


class Scattered(Embeddings):
    """A vector of chance for each text, the same each time: nearest neighbours without any structure to lean on."""

    def embed_documents(self, texts: list[str]) -> list[list[float]]:
        return [np.random.default_rng(list(text.encode())).normal(size=32).tolist() for text in texts]

    def embed_query(self, text: str) -> list[float]:
        return self.embed_documents([text])[0]


@pytest.mark.timeout(900)  # 40,000 items
def test_the_ten_nearest_of_each_of_20_users_are_found_exactly(empty_database: str) -> None:
    embeddings = Scattered()
    texts = [f"memory {n}" for n in range(2_000)]
    with PersistMem.open(empty_database, embeddings=embeddings) as memory:
        memory.setup()
        for user in range(20):
            memory.store.batch([PutOp((f"user{user}",), text, {"text": f"{user} {text}"}) for text in texts])
        for user in range(20):
            made = np.array(embeddings.embed_documents([f"{user} {text}" for text in texts]))
            query = np.array(embeddings.embed_query(f"question of {user}"))
            scores = made @ query / np.linalg.norm(made, axis=1) / np.linalg.norm(query)
            best = dict(zip(texts, scores, strict=True))
            found = memory.store.search((f"user{user}",), query=f"question of {user}", limit=10)
            assert len({item.key for item in found}) == 10
            tenth = sorted(scores)[-10]
            assert all(best[item.key] >= tenth - 1e-3 for item in found)  # the precision of stored vectors
            assert [item.score for item in found] == pytest.approx([best[item.key] for item in found], abs=1e-3)


async def test_an_empty_nested_filter_matches_objects_only(either: Either) -> None:
    for key, value in {"int": 1, "text": "x", "null": None, "list": [], "empty": {}, "object": {"a": 1}}.items():
        await store_call(either, "put", ADA, key, {"n": value}, index=False)
    await store_call(either, "put", ADA, "absent", {}, index=False)
    found = await store_call(either, "search", ADA, filter={"n": {}})
    assert {item.key for item in found} == {"empty", "object"}


async def test_each_search_uses_its_own_query(either: Either) -> None:
    facts = {"zebra": "I own a zebra", "violin": "I play the violin", "Oslo": "I was born in Oslo"}
    for word, fact in facts.items():
        await either.remember(fact, key=word, user_id="ada")
    for word in (*facts, *reversed(facts)):
        (best, *_) = await either.recall(f"What about the {word}?", user_id="ada")
        assert best.memory.key == word
        assert best.score_parts.terms > 0  # hybrid: the words of this query, and not of the first one
        (item, *_) = await store_call(either, "search", ADA, query=word)
        assert item.key == word
    found = await store_call(either, "batch", [SearchOp(ADA, query=word, limit=1) for word in facts])
    assert [item.key for (item,) in found] == list(facts)
    retriever = PersistMemRetriever(memory=either.memory, user_id="ada", k=1)
    for word, fact in facts.items():
        (document,) = await retriever.ainvoke(word) if either.asynchronous else retriever.invoke(word)
        assert document.page_content == fact


class Roles(Embeddings):
    """The local model, which notes what it was asked as a query and what as a document."""

    def __init__(self, inner: Embeddings) -> None:
        self.inner = inner
        self.queries: list[str] = []
        self.documents: list[str] = []

    def embed_documents(self, texts: list[str]) -> list[list[float]]:
        self.documents += texts
        return self.inner.embed_documents(texts)

    def embed_query(self, text: str) -> list[float]:
        self.queries.append(text)
        return self.inner.embed_query(text)


@pytest.fixture(params=["sync", "async"])
async def opened_with(
    request: pytest.FixtureRequest, database: str
) -> AsyncIterator[Callable[[Embeddings, Settings], Awaitable[Either]]]:
    """Opens memory with a model and settings of the test's own, in each colour in turn."""
    opened: list[PersistMem] = []

    async def opening(embeddings: Embeddings, settings: Settings) -> Either:
        asynchronous = request.param == "async"
        if asynchronous:
            memory = await PersistMem.aopen(database, embeddings=embeddings, settings=settings)
        else:
            memory = PersistMem.open(database, embeddings=embeddings, settings=settings)
        opened.append(memory)
        return Either(memory, asynchronous=asynchronous)

    yield opening
    for memory in opened:
        await memory.aclose()


async def test_a_query_is_embedded_as_a_query(opened_with: Any, database: str, embeddings: LocalEmbeddings) -> None:
    roles = Roles(embeddings)
    either = await opened_with(roles, Settings(embedding_model=model_of(database)))
    await store_call(either, "put", ADA, "k", {"text": "likes tea"})
    await either.remember("Likes dogs", user_id="ada")
    assert set(roles.documents) == {"likes tea", "Likes dogs"}
    assert roles.queries == []
    roles.documents.clear()
    await store_call(either, "search", ADA, query="store")
    await either.recall("recall", user_id="ada")
    await either.context("context", user_id="ada")
    assert roles.queries == ["store", "recall", "context"]
    assert roles.documents == []


# -- many at once -----------------------------------------------------------------------------------------


def set_up(database: str, start: Any, applied: Any) -> None:
    """One process: sets up when all are there, and tells how many migrations it applied."""
    with PersistMem.open(database, embeddings=DeterministicFakeEmbedding(size=8)) as memory:
        start.wait(250)
        applied.put(len(memory.setup()))


def test_eight_processes_set_up_one_database(empty_database: str) -> None:
    context = forkserver()
    start, counts = context.Barrier(8), context.Queue()
    started = [context.Process(target=set_up, args=(empty_database, start, counts)) for _ in range(8)]
    for process in started:
        process.start()
    applied = [counts.get(timeout=280) for _ in started]
    for process in started:
        process.join()
    assert [process.exitcode for process in started] == [0] * 8
    assert sorted(applied) == [0] * 7 + [len(migrations())]


async def test_none_of_360_pairs_of_batches_in_opposite_order_deadlocks(either: Either, database: str) -> None:
    places = [((f"user{n}",), key) for n in range(3) for key in ("a", "b")]
    await store_call(either, "batch", [PutOp(*place, {"n": -1}, False, 5.0) for place in places])
    for trial in range(360):
        orders = (places, places[::-1]) if trial % 2 else (places[::-1], places)
        if trial % 3:
            ops: list[list[Any]] = [[PutOp(*place, {"n": trial}, False, 5.0) for place in order] for order in orders]
        else:  # reads prolong a time to live
            ops = [
                [GetOp(*place) for place in orders[0]],
                [PutOp(*place, {"n": trial}, False, 5.0) for place in orders[1]],
            ]
        failed = [
            each for each in await at_once(either, [("batch", (each,)) for each in ops]) if isinstance(each, Exception)
        ]
        assert failed == []
    assert {row[0]["n"] for row in rows(database, "SELECT value FROM persistmem.memories")} == {359}


class Waiting(Embeddings):
    """The local model, which answers when it is released."""

    def __init__(self, inner: Embeddings) -> None:
        self.inner = inner
        self.asked = threading.Event()
        self.released = threading.Event()

    def embed_documents(self, texts: list[str]) -> list[list[float]]:
        self.asked.set()
        assert self.released.wait(250)
        return self.inner.embed_documents(texts)

    def embed_query(self, text: str) -> list[float]:
        return self.embed_documents([text])[0]


EMBEDDING: dict[str, Callable[[Either], Awaitable[Any]]] = {
    "put": lambda either: store_call(either, "put", ADA, "k", {"text": "likes tea"}),
    "search": lambda either: store_call(either, "search", ADA, query="tea"),
    "remember": lambda either: either.remember("Likes tea", user_id="ada"),
    "recall": lambda either: either.recall("tea", user_id="ada"),
    "context": lambda either: either.context("tea", user_id="ada"),
    "observe": lambda either: either.observe(
        [{"role": "user", "content": "I planted a tree"}], thread_id="t", user_id="ada"
    ),
}


@pytest.mark.parametrize("name", EMBEDDING)
async def test_others_read_over_the_only_connection_while_a_model_embeds(
    name: str, opened_with: Any, database: str, embeddings: LocalEmbeddings
) -> None:
    waiting = Waiting(embeddings)
    either = await opened_with(waiting, Settings(pool_max=1, embedding_model=model_of(database)))
    await store_call(either, "put", ADA, "other", {"n": 1}, index=False)
    if either.asynchronous:
        slow = asyncio.ensure_future(EMBEDDING[name](either))
    else:
        slow = asyncio.ensure_future(asyncio.to_thread(lambda: asyncio.run(_done(EMBEDDING[name](either)))))
    try:
        assert await asyncio.to_thread(waiting.asked.wait, 60)
        assert (await store_call(either, "get", ADA, "other")).value == {"n": 1}
        assert not slow.done()
    finally:
        waiting.released.set()
        await slow


async def _done(waiting: Awaitable[Any]) -> Any:
    return await waiting


async def test_what_one_of_21_callers_does_wrong_fails_for_that_one_only(either: Either) -> None:
    values = [{"text": f"likes tea {n}"} for n in range(20)]
    values.insert(7, {"text": "a\x00b"})
    results = await at_once(either, [("put", (ADA, f"k{n}", value)) for n, value in enumerate(values)])
    assert [n for n, result in enumerate(results) if result is not None] == [7]
    assert isinstance(results[7], InvalidInputError)
    assert {item.key for item in await store_call(either, "search", ADA, limit=30)} == {
        f"k{n}" for n in range(21) if n != 7
    }


# -- the server -------------------------------------------------------------------------------------------


async def test_a_batch_or_a_filter_may_have_more_than_65535_parameters(either: Either) -> None:
    await store_call(either, "batch", [PutOp(ADA, f"k{n}", {"n": n}, False) for n in range(100)])
    got = await store_call(either, "batch", [GetOp(ADA, f"k{n}") for n in range(66_000)])
    assert [item.value["n"] for item in got if item] == list(range(100))
    for key, value in {"none": {}, "object": {"n": {"a": 1}}, "more": {"n": {"a": 1, "b": 2}}}.items():
        await store_call(either, "put", ADA, key, value, index=False)
    wanted: list[Any] = [*range(90, 66_000), None, "text", {"a": 1}]
    found = await store_call(either, "search", ADA, filter={"n": {"$in": wanted}}, limit=200)
    assert {item.key for item in found} == {"none", "object", *(f"k{n}" for n in range(90, 100))}
    found = await store_call(either, "search", ADA, filter={"n": {"$nin": wanted}}, limit=200)
    assert {item.key for item in found} == {"more", *(f"k{n}" for n in range(90))}
    one_by_one = {"$or": [{"n": n} for n in range(90, 66_000)]}
    with pytest.raises(InvalidInputError, match=r"use \$in"):
        await store_call(either, "search", ADA, filter=one_by_one)
    found = await store_call(either, "search", ADA, filter={"$or": one_by_one["$or"][:1_000]}, limit=200)
    assert {item.key for item in found} == {f"k{n}" for n in range(90, 100)}


@pytest.mark.own_database
async def test_every_read_runs_where_nothing_can_be_written(
    database: str, embeddings: LocalEmbeddings, opened_with: Any
) -> None:
    with PersistMem.open(database, embeddings=embeddings) as writer:
        writer.store.put(ADA, "k", {"text": "likes tea"}, ttl=60)
        writer.observe([{"role": "user", "content": "I planted a tree"}], thread_id="t", user_id="ada")
    with psycopg.connect(database, autocommit=True) as admin:
        name = admin.info.dbname
        admin.execute(f'ALTER DATABASE "{name}" SET default_transaction_read_only = on'.encode())
    either = await opened_with(embeddings, Settings())
    assert (await store_call(either, "get", ADA, "k")).value == {"text": "likes tea"}
    assert len(await store_call(either, "search", ADA, query="tea", filter={"text": "likes tea"})) == 1
    assert await store_call(either, "list_namespaces") == [ADA]
    assert await either.recall("tree", user_id="ada", threshold=0)
    assert (await either.context("tree", user_id="ada")).text
    assert await either.list(user_id="ada")
    assert len(await either.conversations.messages("t", user_id="ada")) == 1
    config: Any = {"configurable": {"thread_id": "t", "checkpoint_ns": ""}}
    saver = either.memory.checkpointer
    assert (await saver.aget_tuple(config) if either.asynchronous else saver.get_tuple(config)) is None


def kill_others(database: str) -> int:
    with psycopg.connect(database, autocommit=True) as admin:
        kill = "SELECT pid, pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"
        pids = [pid for pid, _ in admin.execute(kill)]  # a pool may open others at any moment
        while admin.execute("SELECT FROM pg_stat_activity WHERE pid = ANY (%s)", (pids,)).fetchone() is not None:
            time.sleep(0.01)
    return len(pids)


async def test_all_of_40_operations_succeed_though_idle_connections_were_killed(
    opened_with: Any, database: str, embeddings: LocalEmbeddings
) -> None:
    either = await opened_with(embeddings, Settings(pool_min=8, pool_max=8))
    pool = either.memory._backend.pool
    await pool.wait() if either.asynchronous else pool.wait()
    await store_call(either, "put", ADA, "k", {"text": "likes tea"})
    done: list[Any] = []
    for turn in range(5):
        assert kill_others(database) >= 8
        calls: list[tuple[str, tuple[Any, ...]]] = [("put", (ADA, f"{turn} {n}", {"n": n}, False)) for n in range(4)]
        calls += [("get", (ADA, "k")), ("search", (ADA,)), ("list_namespaces", ())]
        calls += [("batch", ([SearchOp(ADA, query="tea"), PutOp(ADA, f"{turn} 4", {"n": 4}, False)],))]
        done += await at_once(either, calls)
    assert len(done) == 40
    assert [each for each in done if isinstance(each, Exception)] == []
    assert len(await store_call(either, "search", ADA, limit=100)) == 26


async def day_of(either: Either, user: str) -> None:
    """Everything that memory does, for one user who must never meet another."""
    namespace = ("memories", user)
    await store_call(either, "put", namespace, "k", {"text": f"{user} likes tea"}, ttl=60)
    assert (await store_call(either, "get", namespace, "k")).value == {"text": f"{user} likes tea"}
    (item,) = await store_call(either, "search", namespace, query="tea", filter={"text": {"$ne": "x"}})
    assert item.namespace == namespace
    assert await store_call(either, "list_namespaces", prefix=namespace) == [namespace]
    await either.remember("I own a zebra", user_id=user)
    await either.observe([{"role": "user", "content": "I planted a tree"}], thread_id=user, user_id=user)
    recalled = await either.recall("zebra", user_id=user, threshold=0)
    assert {each.memory.namespace for each in recalled} == {namespace}
    assert "zebra" in (await either.context("zebra", user_id=user)).text
    assert len(await either.conversations.messages(user, user_id=user)) == 1
    await store_call(either, "delete", namespace, "k")
    assert len(await either.list(user_id=user)) == 2
    config: Any = {"configurable": {"thread_id": user, "checkpoint_ns": ""}}
    saver, metadata = either.memory.checkpointer, {"source": "input", "step": -1, "parents": {}}
    checkpoint: Any = {**empty_checkpoint(), "channel_values": {"said": user}, "channel_versions": {"said": "1"}}
    if either.asynchronous:
        await saver.aput(config, checkpoint, metadata, {"said": "1"})
        found = await saver.aget_tuple(config)
    else:
        saver.put(config, checkpoint, metadata, {"said": "1"})
        found = saver.get_tuple(config)
    assert found.checkpoint["channel_values"] == {"said": user}


async def days_at_once(either: Either) -> None:
    users = [f"user{n}" for n in range(8)]
    for _ in range(3):
        if either.asynchronous:
            await asyncio.gather(*(day_of(either, user) for user in users))
        else:
            with ThreadPoolExecutor(8) as threads:
                list(threads.map(lambda user: asyncio.run(day_of(either, user)), users))
        for user in users:
            await either.forget(everything=True, user_id=user)


async def test_every_transaction_may_run_on_a_session_that_was_reset(
    opened_with: Any, embeddings: LocalEmbeddings, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def forget_the_session(connection: Any) -> None:
        await connection.execute("DISCARD ALL")

    for kind, reset in (
        (ConnectionPool, lambda connection: connection.execute("DISCARD ALL")),
        (AsyncConnectionPool, forget_the_session),
    ):
        made = kind.__init__

        def with_reset(self: Any, *args: Any, made: Any = made, reset: Any = reset, **kwargs: Any) -> None:
            made(self, *args, reset=reset, **kwargs)

        monkeypatch.setattr(kind, "__init__", with_reset)
    await days_at_once(await opened_with(embeddings, Settings(prepare_threshold=None, pool_max=4)))


@pytest.fixture
def bouncer(database: str) -> Iterator[str]:
    """Connection string of the same database through PgBouncer, in transaction mode, with 3 sessions for everybody."""
    with pooled(database) as where:
        yield where


@pytest.mark.ci
@pytest.mark.parametrize("asynchronous", [False, True], ids=["sync", "async"])
async def test_it_works_through_pgbouncer_in_transaction_mode(
    bouncer: str, embeddings: LocalEmbeddings, asynchronous: bool
) -> None:
    options: dict[str, Any] = {"embeddings": embeddings, "settings": Settings(prepare_threshold=None, pool_min=8)}
    if asynchronous:
        async with PersistMem.aopen(bouncer, **options) as memory:
            await days_at_once(Either(memory, asynchronous=True))
    else:
        with PersistMem.open(bouncer, **options) as memory:
            await days_at_once(Either(memory, asynchronous=False))


async def test_fifty_documents_are_one_transaction_of_few_statements(
    either: Either, database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    await store_call(either, "get", ADA, "warm")
    sent: list[Any] = []
    for kind in (psycopg.Cursor, psycopg.AsyncCursor):
        original = kind.execute

        def execute(self: Any, query: Any, *args: Any, original: Any = original, **kwargs: Any) -> Any:
            sent.append(query)
            return original(self, query, *args, **kwargs)

        monkeypatch.setattr(kind, "execute", execute)
    await store_call(either, "batch", [PutOp(ADA, f"k{n}", {"text": f"document {n}"}) for n in range(50)])
    assert 0 < len(sent) < 10
    for table, minimum in (("memories", 50), ("vectors", 50), ("terms", 100)):
        written = rows(database, f"SELECT count(*) >= {minimum}, count(DISTINCT xmin::text) FROM persistmem.{table}")
        assert written == [(True, 1)]
