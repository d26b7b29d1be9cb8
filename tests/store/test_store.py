"""PersistMemStore: LangGraph's store contract, and what it promises beyond it. Each test runs in both colours."""

import asyncio
import json
import math
from collections.abc import Awaitable, Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from types import MappingProxyType
from typing import Any, cast

import psycopg
import pytest
from langchain_core.embeddings import Embeddings
from langgraph.store.base import (
    GetOp,
    InvalidNamespaceError,
    ListNamespacesOp,
    MatchCondition,
    PutOp,
    SearchOp,
    TTLConfig,
)
from langgraph.store.memory import InMemoryStore
from psycopg import sql

from langchain_persistmem import (
    AsyncPersistMemStore,
    InvalidInputError,
    LocalEmbeddings,
    PersistMem,
    PersistMemStore,
    Settings,
    UseAsyncMethodError,
)
from langchain_persistmem.errors import EmbeddingError, StorageError
from langchain_persistmem.postgres.queries import memories
from tests.conftest import Either

ADA = ("memories", "ada")


class EitherStore:
    """A store whose ``x`` is the blocking method or the awaited ``ax``, so that one test body serves both."""

    def __init__(
        self, memory: PersistMem, prefix: str, store: PersistMemStore | AsyncPersistMemStore | None = None
    ) -> None:
        self.memory = memory
        self.prefix = prefix
        self.store = store or memory.store

    def __getattr__(self, name: str) -> Callable[..., Awaitable[Any]]:
        return self._caller(self.store, name)

    def of_memory(self, name: str) -> Callable[..., Awaitable[Any]]:
        return self._caller(self.memory, name)

    def with_options(self, **options: Any) -> "EitherStore":
        kind: Any = type(self.memory.store)
        return EitherStore(self.memory, self.prefix, kind(self.memory._backend, **options))

    def _caller(self, owner: object, name: str) -> Callable[..., Awaitable[Any]]:
        async def call(*args: Any, **kwargs: Any) -> Any:
            done = getattr(owner, self.prefix + name)(*args, **kwargs)
            return await done if self.prefix else done

        return call


@pytest.fixture
def either_store(either: Either) -> EitherStore:
    return EitherStore(either.memory, "a" if either.asynchronous else "")


def rows(database: str, query: str) -> list[tuple[Any, ...]]:
    with psycopg.connect(database) as connection:
        return connection.execute(cast("Any", query)).fetchall()


def model_of(database: str) -> str:
    ((name,),) = rows(database, "SELECT name FROM persistmem.embedding_models")
    return name


def check_counters(database: str) -> None:
    """The sums that BM25 needs are those of the words that are there."""
    wrong = """
        SELECT n.namespace, n.documents, n.terms, count(DISTINCT w.memory_id), coalesce(sum(w.times), 0)
        FROM persistmem.namespaces n LEFT JOIN persistmem.terms w USING (namespace)
        GROUP BY n.namespace
        HAVING n.documents <> count(DISTINCT w.memory_id) OR n.terms <> coalesce(sum(w.times), 0)"""
    assert rows(database, wrong) == []


# -- batches ---------------------------------------------------------------------------------------------


async def test_results_come_in_the_order_of_the_operations(either_store: EitherStore) -> None:
    await either_store.put(ADA, "k", {"text": "likes tea"})
    results = await either_store.batch(
        [
            SearchOp(ADA, query="tea"),
            PutOp(ADA, "new", {"n": 1}),
            GetOp(ADA, "k"),
            ListNamespacesOp(),
            GetOp(ADA, "absent"),
            SearchOp(ADA),
        ]
    )
    assert [item.key for item in results[0]] == ["k"]
    assert results[0][0].score is not None
    assert results[1] is None
    assert results[2].value == {"text": "likes tea"}
    assert results[3] == [ADA]
    assert results[4] is None
    assert [(item.key, item.score) for item in results[5]] == [("k", None)]
    assert await either_store.batch([]) == []


async def test_reads_of_a_batch_see_the_state_before_its_writes(either_store: EitherStore) -> None:
    await either_store.put(ADA, "k", {"n": 1}, index=False)
    _, before, listed, _ = await either_store.batch(
        [PutOp(ADA, "k", {"n": 2}, False), GetOp(ADA, "k"), SearchOp(ADA), PutOp(ADA, "other", None)]
    )
    assert before.value == {"n": 1}
    assert [item.value for item in listed] == [{"n": 1}]
    assert (await either_store.get(ADA, "k")).value == {"n": 2}


async def test_the_last_put_of_a_key_wins(either_store: EitherStore) -> None:
    puts = [PutOp(ADA, "k", {"text": f"number {n}"}) for n in range(5)]
    await either_store.batch([*puts, PutOp(ADA, "gone", {"n": 1}), PutOp(ADA, "gone", None)])
    assert (await either_store.get(ADA, "k")).value == {"text": "number 4"}
    assert await either_store.get(ADA, "gone") is None


@pytest.mark.parametrize(
    ("bad", "path"),
    [
        (PutOp(ADA, "k", {"tags": ["a", {"x": math.nan}]}), r"ops\[1\]: value\.<key 1>\[1\]\.<key 1>"),
        (PutOp(ADA, "k", {"when": datetime.now(UTC)}), r"ops\[1\]: value.<key 1>"),
        (PutOp(ADA, "k", {"o": object()}), r"ops\[1\]: value.<key 1>"),
        (PutOp(ADA, "k", {"nul": "a\x00b"}), r"ops\[1\]: value.<key 1>"),
        (PutOp(ADA, "k", {"s": "\ud800"}), r"ops\[1\]: value.<key 1>"),
        (PutOp(ADA, "k", cast("Any", {1: "x"})), r"ops\[1\]: value has a key"),
        (PutOp(ADA, "k", {"n": 10**5000}), r"ops\[1\]: value"),
        (PutOp(ADA, "k", cast("Any", ["x"])), r"ops\[1\]: value is of type list"),
        (PutOp(ADA, "", {"n": 1}), r"ops\[1\]: key"),
        (PutOp(ADA, cast("Any", 7), {"n": 1}), r"ops\[1\]: key"),
        (PutOp((), "k", {"n": 1}), r"ops\[1\]: namespace"),
        (PutOp(cast("Any", "ada"), "k", {"n": 1}), r"ops\[1\]: namespace is of type str"),
        (PutOp(("x" * 600,), "k", {"n": 1}), r"ops\[1\]: namespace takes 600 bytes"),
        (PutOp(ADA, "k", {"n": 1}, cast("Any", True)), r"ops\[1\]: index"),
        (PutOp(ADA, "k", {"n": 1}, cast("Any", "text")), r"ops\[1\]: index"),
        (PutOp(ADA, "k", {"n": 1}, None, 0), r"ops\[1\]: ttl"),
        (PutOp(ADA, "k", {"n": 1}, None, -1.0), r"ops\[1\]: ttl"),
        (PutOp(ADA, "k", {"n": 1}, None, math.inf), r"ops\[1\]: ttl"),
        (GetOp(ADA, "a\x00"), r"ops\[1\]: key"),
        (SearchOp(ADA, limit=-1), r"ops\[1\]: limit"),
        (SearchOp(ADA, offset=-1), r"ops\[1\]: offset"),
        (SearchOp(ADA, filter={"n": {"$near": 1}}), r"ops\[1\]: filter\.<key 1>\.\$near"),
        (SearchOp(ADA, query=cast("Any", 5)), r"ops\[1\]: query"),
        (SearchOp(ADA, query="\ud800"), r"ops\[1\]: query"),
        (ListNamespacesOp(limit=-1), r"ops\[1\]: limit"),
        (ListNamespacesOp(max_depth=0), r"ops\[1\]: max_depth"),
        (ListNamespacesOp((MatchCondition(cast("Any", "infix"), ("a",)),)), r"ops\[1\]: match_type"),
        (cast("Any", "put"), r"ops\[1\]: an operation is of type str"),
    ],
)
async def test_a_bad_operation_stores_nothing_and_names_the_path(memory: PersistMem, bad: Any, path: str) -> None:
    store = memory.store
    with pytest.raises(InvalidInputError, match=path) as caught:
        store.batch([PutOp(ADA, "good", {"text": "a secret"}), bad])
    assert isinstance(caught.value, ValueError)
    assert store.get(ADA, "good") is None


@pytest.mark.parametrize("label", ["a.b", "", "a\x00b", 5])
async def test_labels_that_langgraph_forbids_are_forbidden_in_direct_batches_too(
    either_store: EitherStore, label: Any
) -> None:
    for bad in (
        PutOp(("x", label), "k", {"n": 1}),
        GetOp((label,), "k"),
        SearchOp((label,)),
        ListNamespacesOp((MatchCondition("prefix", (label,)),)),
    ):
        with pytest.raises(
            (InvalidNamespaceError, InvalidInputError)
        ):  # LangGraph itself looks for NUL only since 4.3.1
            await either_store.batch([PutOp(ADA, "good", {"n": 1}), bad])
    assert await either_store.get(ADA, "good") is None


async def test_a_batch_has_no_limit_of_65535_parameters(either_store: EitherStore) -> None:
    await either_store.batch([PutOp((f"user{n % 3}",), f"k{n}", {"n": n}, False) for n in range(7_000)])
    got = await either_store.batch([GetOp((f"user{n % 3}",), f"k{n}") for n in range(7_000)])
    assert [item.value["n"] for item in got] == list(range(7_000))


def test_batches_in_opposite_order_do_not_deadlock(memory: PersistMem, database: str) -> None:
    labels = [f"user{n}" for n in range(6)]

    def work(worker: int) -> None:
        order = labels if worker % 2 else labels[::-1]
        for turn in range(12):
            memory.store.batch([PutOp((label,), key, {"n": turn}, False, 5.0) for label in order for key in order])
            memory.store.batch([GetOp((label,), key) for label in order for key in order])  # refreshes
            memory.store.batch([PutOp((label,), order[0], None) for label in order])

    with ThreadPoolExecutor(4) as threads:
        list(threads.map(work, range(4)))
    assert rows(database, "SELECT count(*) FROM persistmem.memories") != [(0,)]


def test_a_sync_call_on_a_store_of_aopen_names_the_method_to_await(database: str, embeddings: LocalEmbeddings) -> None:
    async def body() -> Any:
        async with PersistMem.aopen(database, embeddings=embeddings) as memory:
            with pytest.raises(UseAsyncMethodError, match="abatch") as caught:
                memory.store.put(ADA, "k", {"n": 1})
            assert isinstance(caught.value, asyncio.InvalidStateError)
            await asyncio.to_thread(memory.store.put, ADA, "k", {"n": 1})  # other threads may block
            assert (await asyncio.to_thread(memory.store.get, ADA, "k")) is not None
            return memory.store

    store = asyncio.run(body())
    with pytest.raises(UseAsyncMethodError, match="does not run"):
        store.get(ADA, "k")


class Probe(Embeddings):
    """Embeds as ``inner`` does, after it has used the store; or fails."""

    def __init__(self, inner: Embeddings) -> None:
        self.inner = inner
        self.before: Callable[[], object] = lambda: None
        self.calls: list[Sequence[str]] = []

    def embed_documents(self, texts: list[str]) -> list[list[float]]:
        self.calls.append(texts)
        self.before()
        return self.inner.embed_documents(texts)

    def embed_query(self, text: str) -> list[float]:
        self.calls.append([text])
        self.before()
        return self.inner.embed_query(text)


def test_no_connection_is_held_while_a_model_works(database: str, embeddings: LocalEmbeddings) -> None:
    probe = Probe(embeddings)
    settings = Settings(pool_max=1, connect_seconds=30, embedding_model=model_of(database))
    with PersistMem.open(database, embeddings=probe, settings=settings) as memory:
        probe.before = lambda: memory.store.get(ADA, "other")  # needs the only connection
        memory.store.batch(
            [PutOp(ADA, "k", {"text": "tea"}), SearchOp(ADA, query="tea"), PutOp(ADA, "j", {"text": "tea"})]
        )
        assert probe.calls == [["tea"], ["tea"]]  # the query; the text, once
        assert memory.store.get(ADA, "j") is not None


def test_nothing_is_stored_when_the_model_fails(database: str, embeddings: LocalEmbeddings) -> None:
    def fail() -> None:
        raise RuntimeError("quota")

    probe = Probe(embeddings)
    settings = Settings(embedding_model=model_of(database))
    with PersistMem.open(database, embeddings=probe, settings=settings) as memory:
        probe.before = fail
        with pytest.raises(EmbeddingError):
            memory.store.batch([PutOp(ADA, "a", {"n": 1}, False), PutOp(ADA, "b", {"text": "tea"})])
        assert memory.store.get(ADA, "a") is None


# -- items -----------------------------------------------------------------------------------------------


async def test_values_come_back_to_the_letter(either_store: EitherStore) -> None:
    value = {
        "big": 1e16,
        "minus": -0.0,
        "int": 12345678901234567890123,
        "tiny": 5e-324,
        "z": {"b": [1, [2.5, None, True]], "a": {}},
        "é": 'naïve 😀 我 \u2028 \\u0000 "q"',
        "": "empty key",
        "a.b": 1,
    }
    await either_store.put(ADA, "k.1/%", value)
    got = (await either_store.get(ADA, "k.1/%")).value
    assert json.dumps(got) == json.dumps(value)  # tells -0.0 from 0, 1e16 from an int, and the order of keys
    got["z"]["b"].append("mine")
    again, twin = await either_store.batch([GetOp(ADA, "k.1/%"), GetOp(ADA, "k.1/%")])
    again.value["z"]["a"]["x"] = 1
    assert twin.value == value


async def test_any_mapping_is_a_value_and_later_changes_to_it_do_not_count(either_store: EitherStore) -> None:
    await either_store.put(ADA, "k", MappingProxyType({"inner": MappingProxyType({"t": (1, 2)})}))
    assert (await either_store.get(ADA, "k")).value == {"inner": {"t": [1, 2]}}


async def test_an_update_keeps_created_at_and_moves_updated_at(either_store: EitherStore) -> None:
    await either_store.put(ADA, "k", {"n": 1})
    first = await either_store.get(ADA, "k")
    await either_store.put(ADA, "k", {"n": 2})
    second = await either_store.get(ADA, "k")
    assert second.created_at == first.created_at < second.updated_at
    assert second.created_at.utcoffset() == timedelta(0)


async def test_delete_leaves_nothing_behind(either_store: EitherStore, database: str) -> None:
    await either_store.put(ADA, "k", {"text": "likes tea"})
    await either_store.put(ADA, "k", {"text": "likes coffee"})
    await either_store.put(ADA, "stays", {"text": "likes dogs"})
    await either_store.delete(ADA, "k")
    await either_store.delete(ADA, "never was")
    assert await either_store.get(ADA, "k") is None
    assert [item.key for item in await either_store.search(ADA, query="tea or coffee")] == ["stays"]
    for table, column in (("memories", "id"), ("vectors", "memory_id"), ("terms", "memory_id")):
        assert rows(database, f"SELECT count(DISTINCT {column}) FROM persistmem.{table}") == [(1,)]
    check_counters(database)


async def test_counters_stay_right_through_puts_and_deletes(either_store: EitherStore, database: str) -> None:
    for turn in range(3):
        await either_store.batch(
            [PutOp(("u", str(n % 2)), f"k{n}", {"text": f"turn {turn} tea {'x ' * n}"}) for n in range(6)]
        )
        await either_store.put(("u", "0"), "k0", {"text": "no words of old"}, index=False)
        await either_store.delete(("u", "1"), "k3")
        check_counters(database)


# -- search ----------------------------------------------------------------------------------------------


async def test_without_a_query_the_last_changed_comes_first_then_the_key(either_store: EitherStore) -> None:
    await either_store.batch([PutOp(ADA, key, {"n": 1}, False) for key in ("b", "a", "c")])
    await either_store.put(ADA, "b", {"n": 2}, index=False)
    assert [item.key for item in await either_store.search(ADA)] == ["b", "a", "c"]
    assert [item.key for item in await either_store.search(ADA, query="")] == ["b", "a", "c"]
    assert [item.key for item in await either_store.search(ADA, query="  ", limit=1, offset=1)] == ["a"]
    assert await either_store.search(ADA, limit=0) == []


async def test_filters_compare_by_type(either_store: EitherStore) -> None:
    for n in (2, 9, 10, 100):
        await either_store.put(ADA, f"n{n}", {"n": n, "s": str(n), "deep": {"x": n}, "tags": ["t", n]}, index=False)

    async def keys(**filter: Any) -> set[str]:
        return {item.key for item in await either_store.search(ADA, filter=filter)}

    assert await keys(n={"$gt": 9}) == {"n10", "n100"}
    assert await keys(n={"$gte": 9, "$lt": 100}) == {"n9", "n10"}
    assert await keys(s={"$gt": "10"}) == {"n100", "n2", "n9"}
    assert await keys(n={"$in": [2, 9]}) == {"n2", "n9"}
    assert await keys(deep={"x": 10}) == {"n10"}
    assert await keys(tags={"$contains": [100]}) == {"n100"}
    assert await keys(missing=None, n={"$ne": 2}) == {"n9", "n10", "n100"}
    assert await keys(n={}) == set()
    assert await keys(n={"x": None}) == await keys(missing={"x": None}) == set()
    assert len(await keys(deep={"y": None})) == 4
    assert await keys(n={"$in": [True, "2"]}) == set()
    assert {i.key for i in await either_store.search(ADA, filter={"$or": [{"n": 2}, {"s": "9"}]})} == {"n2", "n9"}


async def test_a_filter_also_holds_for_a_query(either_store: EitherStore) -> None:
    for n in range(4):
        await either_store.put(ADA, f"k{n}", {"text": f"likes tea number {n}", "n": n})
    found = await either_store.search(ADA, query="tea", filter={"n": {"$gte": 2}})
    assert {item.key for item in found} == {"k2", "k3"}


async def test_a_query_finds_by_meaning_with_cosines_as_scores(either_store: EitherStore) -> None:
    await either_store.put(ADA, "pet", {"text": "I have a little dog called Rex"})
    await either_store.put(ADA, "job", {"text": "I work as a tax lawyer"})
    found = await either_store.search(ADA, query="Which animals live at my place?")
    assert [item.key for item in found] == ["pet", "job"]
    assert 1.0 > found[0].score > found[1].score > -1.0
    exact = await either_store.search(ADA, query="I work as a tax lawyer", limit=1)
    assert exact[0].score == pytest.approx(1.0, abs=2e-3)


async def test_index_false_is_found_by_key_and_listing_only(either_store: EitherStore, database: str) -> None:
    await either_store.put(ADA, "k", {"text": "likes tea"}, index=False)
    assert await either_store.search(ADA, query="tea") == []
    assert [item.key for item in await either_store.search(ADA)] == ["k"]
    assert await either_store.of_memory("recall")("tea", user_id="ada", threshold=0) == []
    assert rows(database, "SELECT text FROM persistmem.memories") == [(None,)]
    await either_store.put(ADA, "k", {"text": "likes tea"})
    assert len(await either_store.search(ADA, query="tea")) == 1
    await either_store.put(ADA, "k", {"text": "likes tea"}, index=False)
    assert await either_store.search(ADA, query="tea") == []
    assert rows(database, "SELECT count(*) FROM persistmem.vectors") == [(0,)]
    check_counters(database)


async def test_each_element_of_a_list_has_its_own_vector(either_store: EitherStore, database: str) -> None:
    by_field = either_store.with_options(index={"fields": ["title", "notes[*].body"]})
    value = {
        "title": "Diary",
        "notes": [{"body": "The cat is ill"}, {"body": "Bought a bicycle"}, {"body": "The cat is ill"}, {"body": " "}],
        "text": "the stock market fell",
    }
    await by_field.put(ADA, "k", value)
    assert rows(database, "SELECT text FROM persistmem.memories") == [("Diary\nThe cat is ill\nBought a bicycle",)]
    assert rows(database, "SELECT count(*) FROM persistmem.vectors") == [(3,)]
    (found,) = await by_field.search(ADA, query="Bought a bicycle")
    assert found.score == pytest.approx(1.0, abs=2e-3)
    (unindexed,) = await by_field.search(ADA, query="the stock market fell")
    assert unindexed.score < 0.6
    await by_field.put(ADA, "k", value, index=["text"])
    assert rows(database, "SELECT count(*) FROM persistmem.vectors") == [(1,)]
    await by_field.put(ADA, "k", value, index=["absent"])
    assert await by_field.search(ADA, query="bicycle") == []
    check_counters(database)


async def test_the_whole_value_is_embedded_as_its_statement(either_store: EitherStore, database: str) -> None:
    await either_store.put(ADA, "a", {"content": "likes tea", "n": 1})
    await either_store.put(ADA, "b", {"text": " ", "b": 1, "a": "x"})
    await either_store.put(ADA, "c", {"text": "likes dogs", "content": "unused"}, index=["$"])
    await either_store.put(ADA, "d", {})
    texts = dict(rows(database, "SELECT key, text FROM persistmem.memories"))
    assert texts == {"a": "likes tea", "b": '{"a": "x", "b": 1, "text": " "}', "c": "likes dogs", "d": None}


async def test_a_removed_list_entry_is_not_found_any_more(either_store: EitherStore) -> None:
    by_field = either_store.with_options(index={"fields": ["notes[*]"]})
    await by_field.put(ADA, "k", {"notes": ["I own a zebra", "Paris in May"]})
    await by_field.put(ADA, "k", {"notes": ["Paris in May"]})
    (found,) = await by_field.search(ADA, query="I own a zebra")
    assert found.score < 0.6
    recalled = await either_store.of_memory("recall")("zebra", user_id="ada", threshold=0)
    assert "zebra" not in "".join(each.text for each in recalled)


async def test_paging_works_past_any_offset(either_store: EitherStore) -> None:
    await either_store.batch([PutOp(ADA, f"k{n:02}", {"text": f"likes tea number {n}"}) for n in range(60)])
    for query in (None, "tea"):
        pages = [await either_store.search(ADA, query=query, limit=15, offset=offset) for offset in range(0, 75, 15)]
        keys = [item.key for page in pages for item in page]
        assert [len(page) for page in pages] == [15, 15, 15, 15, 0]
        assert len(set(keys)) == 60


async def test_an_item_of_many_parts_does_not_crowd_out_the_others(either_store: EitherStore) -> None:
    by_field = either_store.with_options(index={"fields": ["chunks[*]"]})
    await by_field.put(ADA, "long", {"chunks": [f"Green tea, harvest {n}" for n in range(60)]})
    for n in range(4):
        await by_field.put(ADA, f"short{n}", {"chunks": [f"Coffee {n}"]})
    found = await by_field.search(ADA, query="green tea", limit=5)
    assert len(found) == 5
    assert found[0].key == "long"


async def test_a_prefix_does_not_reach_into_a_neighbour(either_store: EitherStore) -> None:
    for user in ("user1", "user10", "user1/x", "user2"):
        await either_store.put(("memories", user), "k", {"text": f"secret of {user}"})
    await either_store.put(("memories", "user1", "deep"), "k", {"text": "secret below"})
    for query in (None, "secret"):
        found = {item.namespace for item in await either_store.search(("memories", "user1"), query=query)}
        assert found == {("memories", "user1"), ("memories", "user1", "deep")}
        assert len(await either_store.search((), query=query)) == 5
        assert await either_store.search(("memories", "user"), query=query) == []


async def test_long_texts_are_cut_for_the_index_and_kept_in_the_value(either_store: EitherStore, database: str) -> None:
    text = " ".join(f"word{n}" for n in range(300_000))
    await either_store.put(ADA, "k", {"text": text})
    await either_store.put(ADA, "parts", {"list": [f"{n} {'y' * 9_000}" for n in range(40)]}, index=["list[*]"])
    assert (await either_store.get(ADA, "k")).value == {"text": text}
    assert rows(database, "SELECT max(length(text)) FROM persistmem.memories") == [(100_000,)]


# -- namespaces ------------------------------------------------------------------------------------------


async def test_namespaces_are_listed_by_prefix_suffix_wildcard_and_depth(either_store: EitherStore) -> None:
    known = [
        ("a", "b", "c"),
        ("a", "b", "d", "e"),
        ("a", "b", "d", "i"),
        ("a", "b", "f"),
        ("a", "c", "f"),
        ("z",),
        ("a/", "c"),
    ]
    await either_store.batch([PutOp(namespace, "k", {"n": 1}, False) for namespace in known])
    await either_store.put(("gone",), "k", {"n": 1}, index=False)
    await either_store.delete(("gone",), "k")
    assert await either_store.list_namespaces() == sorted(known)
    assert await either_store.list_namespaces(prefix=("a", "b"), max_depth=3) == [
        ("a", "b", "c"),
        ("a", "b", "d"),
        ("a", "b", "f"),
    ]
    assert await either_store.list_namespaces(suffix=("f",)) == [("a", "b", "f"), ("a", "c", "f")]
    assert await either_store.list_namespaces(prefix=("a", "*", "f")) == [("a", "b", "f"), ("a", "c", "f")]
    assert await either_store.list_namespaces(prefix=("*", "c")) == [("a", "c", "f"), ("a/", "c")]
    assert await either_store.list_namespaces(suffix=("d", "*")) == [("a", "b", "d", "e"), ("a", "b", "d", "i")]
    assert await either_store.list_namespaces(prefix=("a", "b"), suffix=("f",)) == [("a", "b", "f")]
    assert await either_store.list_namespaces(prefix=("a", "b", "c", "*")) == []
    assert await either_store.list_namespaces(limit=2, offset=1) == sorted(known)[1:3]
    assert await either_store.list_namespaces(prefix=("nobody",)) == []


# -- time to live ----------------------------------------------------------------------------------------


def age(database: str, minutes: float) -> None:
    """Let ``minutes`` pass."""
    with psycopg.connect(database) as connection:
        for table in ("memories", "vectors"):
            connection.execute(
                cast("Any", f"UPDATE persistmem.{table} SET expires_at = expires_at - %s * interval '1 minute'"),
                [minutes],
            )


async def test_a_ttl_below_a_minute_does_not_expire_at_once(either_store: EitherStore, database: str) -> None:
    await either_store.put(ADA, "k", {"text": "likes tea"}, ttl=0.5)
    assert await either_store.get(ADA, "k") is not None
    assert len(await either_store.search(ADA, query="tea")) == 1
    ((left,),) = rows(database, "SELECT extract(epoch FROM expires_at - now())::float8 FROM persistmem.memories")
    assert 20 < left <= 30


async def test_expired_items_are_never_returned(either_store: EitherStore, database: str) -> None:
    await either_store.put(ADA, "k", {"text": "likes tea"}, ttl=1)
    age(database, 2)
    assert await either_store.get(ADA, "k") is None
    assert await either_store.search(ADA) == []
    assert await either_store.search(ADA, query="tea") == []
    assert await either_store.list_namespaces() == []
    assert await either_store.of_memory("recall")("tea", user_id="ada", threshold=0) == []
    await either_store.put(ADA, "k", {"text": "likes tea again"})
    item = await either_store.get(ADA, "k")
    assert item.created_at == item.updated_at  # a new item, not the old one's second life
    check_counters(database)


async def test_reading_lets_items_live_on_unless_it_is_asked_not_to(either_store: EitherStore, database: str) -> None:
    async def left() -> int:
        ((minutes, same),) = rows(
            database,
            "SELECT round(extract(epoch FROM m.expires_at - now()) / 60)::int, m.expires_at = v.expires_at"
            " FROM persistmem.memories m JOIN persistmem.vectors v ON v.memory_id = m.id",
        )
        assert same
        return minutes

    await either_store.put(ADA, "k", {"text": "likes tea"}, ttl=10)
    reads: list[Callable[..., Awaitable[Any]]] = [
        lambda **how: either_store.get(ADA, "k", **how),
        lambda **how: either_store.search(ADA, **how),
        lambda **how: either_store.search(ADA, query="tea", **how),
    ]
    for read in reads:
        age(database, 4)
        await read(refresh_ttl=False)
        assert await left() == 6
        await read()
        assert await left() == 10
    before = await either_store.get(ADA, "k")
    assert before.updated_at == before.created_at  # reading is not changing
    quiet = either_store.with_options(ttl=TTLConfig(refresh_on_read=False, default_ttl=30.0))
    age(database, 4)
    await quiet.get(ADA, "k")
    assert await left() == 6
    await quiet.put(ADA, "k", {"text": "likes tea"})
    assert await left() == 30
    await quiet.put(ADA, "k", {"text": "likes tea"}, ttl=None)
    assert rows(database, "SELECT expires_at, time_to_live FROM persistmem.memories") == [(None, None)]


@pytest.mark.own_database
async def test_a_read_does_not_fail_where_nothing_can_be_written(either_store: EitherStore, database: str) -> None:
    await either_store.put(ADA, "k", {"text": "likes tea"}, ttl=10)
    embeddings = cast("Embeddings", either_store.memory._backend._embeddings)
    with psycopg.connect(database, autocommit=True) as admin:
        here = sql.Identifier(admin.info.dbname)
        admin.execute(sql.SQL("ALTER DATABASE {} SET default_transaction_read_only = on").format(here))
        try:
            with PersistMem.open(database, embeddings=embeddings) as replica:
                assert replica.store.get(ADA, "k") is not None
                assert len(replica.store.search(ADA, query="tea")) == 1
                with pytest.raises(StorageError):
                    replica.store.put(ADA, "k", {"n": 1}, index=False)
        finally:
            admin.execute(sql.SQL("ALTER DATABASE {} RESET default_transaction_read_only").format(here))


async def test_the_sweep_erases_what_has_expired_and_nothing_else(either_store: EitherStore, database: str) -> None:
    await either_store.batch([PutOp((f"u{n}",), "k", {"text": "likes tea"}, None, 1.0) for n in range(3)])
    await either_store.put(("u0",), "longer", {"text": "likes dogs"}, ttl=60)
    await either_store.put(("u1",), "ever", {"text": "likes cats"})
    assert await either_store.sweep_ttl() == 0
    age(database, 2)
    assert await either_store.sweep_ttl() == 3
    assert await either_store.sweep_ttl() == 0
    assert {item.key for item in await either_store.search(())} == {"longer", "ever"}
    assert rows(database, "SELECT count(*) FROM persistmem.vectors") == [(2,)]
    check_counters(database)


async def test_the_sweep_spares_what_was_put_again_while_it_ran(
    either_store: EitherStore, database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    await either_store.put(ADA, "k", {"text": "likes tea"}, ttl=1)
    age(database, 2)
    listed = memories.find_expired_memories

    async def listed_just_before_a_put(tx: Any, *, limit: int, now: datetime) -> Any:
        found = await listed(tx, limit=limit, now=now)
        age(database, -60)
        return found

    monkeypatch.setattr(memories, "find_expired_memories", listed_just_before_a_put)
    assert await either_store.sweep_ttl() == 0
    assert await either_store.get(ADA, "k") is not None


# -- one table, two entry points --------------------------------------------------------------------------------


async def test_what_was_remembered_is_an_item(either_store: EitherStore, database: str) -> None:
    memory = await either_store.of_memory("remember")("My dog is called Rex", user_id="ada")
    item = await either_store.get(ADA, memory.key)
    assert item.value == {"text": "My dog is called Rex"}
    assert item.created_at == memory.recorded_at
    assert [each.key for each in await either_store.search(ADA, query="the name of the pet")] == [memory.key]
    await either_store.of_memory("remember")("Lives in Oslo", key="home", value={"city": "Oslo"}, user_id="ada")
    await either_store.of_memory("remember")("Lives in Rome", key="home", value={"city": "Rome"}, user_id="ada")
    assert [each.key for each in await either_store.search(ADA, filter={"city": "Rome"})] == ["home"]
    assert await either_store.search(ADA, filter={"city": "Oslo"}) == []
    await either_store.put(ADA, "home", {"text": "Lives in Bern"})
    assert rows(database, "SELECT status FROM persistmem.memories WHERE key = 'home' ORDER BY status") == [
        ("active",),
        ("superseded",),
    ]
    await either_store.delete(ADA, "home")
    assert rows(database, "SELECT count(*) FROM persistmem.memories WHERE key = 'home'") == [(0,)]
    check_counters(database)


async def test_what_was_put_is_recalled(either_store: EitherStore, database: str) -> None:
    await either_store.put(ADA, "pet", {"text": "My dog is called Rex", "kind": "episodic", "importance": 0.9})
    await either_store.put(ADA, "tea", {"content": "我喜欢茶", "kind": ["odd"], "importance": 7})
    (best, *_) = await either_store.of_memory("recall")("What is my dog called?", user_id="ada")
    assert (best.memory.key, best.memory.kind, best.memory.importance) == ("pet", "episodic", pytest.approx(0.9))
    assert best.memory.provenance.source == "store"
    (chinese, *_) = await either_store.of_memory("recall")("喜欢", user_id="ada", threshold=0)
    assert chinese.score_parts.terms > 0
    assert (chinese.memory.key, chinese.memory.kind, chinese.memory.importance) == ("tea", "semantic", 0.5)
    await either_store.of_memory("remember")("My cat is called Tom", key="pet", user_id="ada")
    assert (await either_store.get(ADA, "pet")).value == {"text": "My cat is called Tom"}
    check_counters(database)


# -- against LangGraph's own -----------------------------------------------------------------------------


async def test_it_answers_as_langgraphs_in_memory_store_does(either_store: EitherStore) -> None:
    """Differences by choice: the order without a query, typed ``$gt``, limits below 0, keys and namespaces that are empty."""
    reference = InMemoryStore()
    steps: list[tuple[str, tuple[Any, ...], dict[str, Any]]] = []
    for n in range(40):
        namespace = ("users", f"u{n % 3}", *(("notes",) if n % 4 == 0 else ()))
        steps.append(
            ("put", (namespace, f"k{n % 7}", {"n": n, "even": n % 2 == 0, "deep": {"m": n % 5, "l": [n]}}), {})
        )
        if n % 5 == 0:
            steps.append(("delete", (namespace, f"k{(n + 1) % 7}"), {}))
        steps.append(("get", (namespace, f"k{n % 6}"), {}))
        steps += [
            ("search", (namespace[:depth],), {"filter": filter, "limit": 100})
            for depth, filter in enumerate(
                [
                    None,
                    {"even": True},
                    {"n": {"$gte": 9, "$lt": 30}},
                    {"deep": {"m": 2}},
                    {"deep": {"l": [n]}},
                    {"n": {"$ne": 3}},
                ]
            )
        ]
    for what in (
        {},
        {"prefix": ("users", "*", "notes")},
        {"suffix": ("notes",)},
        {"max_depth": 2},
        {"limit": 2, "offset": 1},
    ):
        steps.append(("list_namespaces", (), what))
    for name, args, kwargs in steps:
        ours, theirs = await getattr(either_store, name)(*args, **kwargs), getattr(reference, name)(*args, **kwargs)
        if name == "list_namespaces":
            assert ours == theirs
        elif name == "get":
            assert (ours and ours.value) == (theirs and theirs.value)
        elif name == "search":
            assert by_key(ours) == by_key(theirs), (args, kwargs)


def by_key(items: Sequence[Any]) -> list[tuple[Any, ...]]:
    return sorted((item.namespace, item.key, json.dumps(item.value), item.score) for item in items)
