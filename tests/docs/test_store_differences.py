"""What ``docs/explanation/what-the-store-does-differently.md`` says of three stores, asked of the three stores."""

import re
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from datetime import UTC, datetime
from importlib.metadata import version
from math import nan
from pathlib import Path
from typing import Any

import psycopg
import pytest
from langgraph.store.base import BaseStore, PutOp
from langgraph.store.memory import InMemoryStore
from langgraph.store.postgres import PostgresStore

from langchain_persistmem import LocalEmbeddings, PersistMem

PAGE = (Path(__file__).parents[2] / "docs" / "explanation" / "what-the-store-does-differently.md").read_text()
NS = ("notes", "ada")

Ask = Callable[[BaseStore], str]


def matches(value: dict[str, Any], filter: dict[str, Any]) -> Ask:
    def ask(store: BaseStore) -> str:
        store.put(NS, "k", value, index=False)
        return "matches" if store.search(NS, filter=filter) else "does not match"

    return ask


def kept(value: Any, shown: Callable[[Any], str] = lambda _: "is kept", *, key: str = "k", namespace: Any = NS) -> Ask:
    def ask(store: BaseStore) -> str:
        store.put(namespace, key, {"x": value}, index=False)
        item = store.get(namespace, key)
        assert item is not None
        return shown(item.value["x"])

    return ask


def listing(store: BaseStore) -> str:
    store.put(NS, "a", {}, index=False)
    store.put(NS, "b", {}, index=False)
    return ", ".join(item.key for item in store.search(NS))


def without_vector(store: BaseStore) -> str:
    store.put(NS, "a", {"text": "likes tea"})
    store.put(NS, "b", {"text": "likes tea"}, index=False)
    found = {item.key: item.score for item in store.search(NS, query="tea")}
    return "is left out" if "b" not in found else "comes without a score" if found["b"] is None else "has a score"


def put_without_index(store: BaseStore) -> str:
    store.put(NS, "a", {"text": "likes tea"})
    store.put(NS, "a", {"text": "likes dogs"}, index=False)
    found = store.search(NS, query="likes tea")
    return "is not found" if not found or found[0].score is None else "is found by its old text"


def blank_query(store: BaseStore) -> str:
    store.put(NS, "a", {"text": "likes tea"})
    (item,) = store.search(NS, query="  ")
    return "is none" if item.score is None else "is embedded"


def negative_limit(store: BaseStore) -> str:
    store.put(NS, "a", {}, index=False)
    store.put(NS, "b", {}, index=False)
    return f"finds {len(store.search(NS, limit=-1))} of 2"


def same_text_twice(store: BaseStore) -> str:
    store.batch([PutOp(NS, "a", {"text": "likes tea"}), PutOp(NS, "b", {"text": "likes tea"})])
    return f"puts {len(store.search(NS))}"


def update(store: BaseStore) -> str:
    store.put(NS, "a", {}, index=False)
    first = store.get(NS, "a")
    store.put(NS, "a", {"n": 1}, index=False)
    second = store.get(NS, "a")
    assert first
    assert second
    return "stays" if first.created_at == second.created_at else "is that of the update"


def changed_by_its_reader(store: BaseStore) -> str:
    store.put(NS, "a", {"list": []}, index=False)
    item = store.get(NS, "a")
    assert item
    item.value["list"].append(1)
    again = store.get(NS, "a")
    assert again
    return "is a copy" if again.value == {"list": []} else "is the stored one"


def bad_one_of_two(store: BaseStore) -> str:
    try:
        store.batch([PutOp(NS, "good", {}, False), PutOp(NS, "bad", {"x": nan}, False)])
    except Exception as error:  # noqa: BLE001 - which one is the answer
        return f"{type(error).__name__}, {len(store.search(NS))} put"
    return f"{len(store.search(NS))} put"


def label_with_a_period(store: BaseStore) -> str:
    store.batch([PutOp(("a.b",), "k", {}, False)])
    return "is accepted"


def listed(*calls: Callable[[BaseStore], object]) -> Ask:
    def ask(store: BaseStore) -> str:
        for call in calls:
            call(store)
        return "is listed" if store.list_namespaces() else "is not listed"

    return ask


def depth_of_zero(store: BaseStore) -> str:
    store.put(NS, "a", {}, index=False)
    return f"lists {store.list_namespaces(max_depth=0)}"


ROWS: dict[str, Ask] = {
    '`{"n": 1}` on `{"n": True}`': matches({"n": True}, {"n": 1}),
    '`{"n": 10**23}` on `{"n": 1e23}`': matches({"n": 1e23}, {"n": 10**23}),
    '`{"n": {"$gt": 9}}` on `{"n": 10}`': matches({"n": 10}, {"n": {"$gt": 9}}),
    '`{"n": {"$gt": 9}}` on `{"n": "10"}`': matches({"n": "10"}, {"n": {"$gt": 9}}),
    '`{"n": {"$gt": 2**53}}` on `{"n": 2**53 + 1}`': matches({"n": 2**53 + 1}, {"n": {"$gt": 2**53}}),
    '`{"n": {"$gt": "a"}}` on `{"n": "b"}`': matches({"n": "b"}, {"n": {"$gt": "a"}}),
    '`{"n": {"$gt": 9}}` on `{}`': matches({}, {"n": {"$gt": 9}}),
    '`{"n": {"$ne": 1}}` on `{}`': matches({}, {"n": {"$ne": 1}}),
    '`{"n": None}` on `{}`': matches({}, {"n": None}),
    '`{"n": {}}` on `{"n": 1}`': matches({"n": 1}, {"n": {}}),
    '`{"n": {"a": 1}}` on `{"n": {"a": 1, "b": 2}}`': matches({"n": {"a": 1, "b": 2}}, {"n": {"a": 1}}),
    '`{"n": [{"a": 1}]}` on `{"n": [{"a": 1, "b": 2}]}`': matches({"n": [{"a": 1, "b": 2}]}, {"n": [{"a": 1}]}),
    '`{"a.b": 1}` on `{"a": {"b": 1}}`': matches({"a": {"b": 1}}, {"a.b": 1}),
    '`{"a.b": 1}` on `{"a.b": 1}`': matches({"a.b": 1}, {"a.b": 1}),
    '`{"n": {"$in": [1, 2]}}` on `{"n": 1}`': matches({"n": 1}, {"n": {"$in": [1, 2]}}),
    '`{"$or": [{"n": 1}, {"n": 2}]}` on `{"n": 1}`': matches({"n": 1}, {"$or": [{"n": 1}, {"n": 2}]}),
    '`{"$odd": 1}` on `{"$odd": 1}`': matches({"$odd": 1}, {"$odd": 1}),
    "the order of `a`, put first, and `b`": listing,
    "an item without a vector, for a query": without_vector,
    "an item that was put again with `index=False`, for a query": put_without_index,
    "a blank query": blank_query,
    "`limit=-1`": negative_limit,
    "`created_at`, after an update": update,
    "the value that `get` returns": changed_by_its_reader,
    "two items of the same text in one batch": same_text_twice,
    "a batch of a good value and one with NaN": bad_one_of_two,
    "`1e16`": kept(1e16, lambda value: f"is {value!r}"),
    "`-0.0`": kept(-0.0, lambda value: f"is {value!r}"),
    "a tuple": kept((1, 2), lambda value: f"is a {type(value).__name__}"),
    'the order of the keys in `{"b": 1, "a": 2}`': kept({"b": 1, "a": 2}, lambda value: "is " + ", ".join(value)),
    "NUL in a text": kept("a\x00b"),
    "a datetime": kept(datetime(2026, 1, 1, tzinfo=UTC)),
    'the key `""`': kept(1, key=""),
    "a namespace of 600 bytes": kept(1, namespace=("x" * 600,)),
    "the label `a.b` in a direct `batch`": label_with_a_period,
    "a namespace that was only read": listed(lambda store: store.get(NS, "k")),
    "a namespace whose last item was deleted": listed(
        lambda store: store.put(NS, "k", {}, index=False), lambda store: store.delete(NS, "k")
    ),
    "`max_depth=0`": depth_of_zero,
}
VERSIONS = dict(re.findall(r"`(langgraph-checkpoint(?:-postgres)?)` (\d+\.\d+\.\d+)", PAGE))
STORES = {
    "InMemoryStore": "langgraph-checkpoint",
    "PostgresStore": "langgraph-checkpoint-postgres",
    "PersistMemStore": None,
}
AS_DESCRIBED = [name for name, package in STORES.items() if package is None or version(package) == VERSIONS[package]]
"""Upstream's stores may change; ours may not, whatever is installed."""


def table() -> dict[str, list[str]]:
    rows = re.findall(r"^\| (.+?) \| (.+?) \| (.+?) \| (.+?) \| (.+?) \|$", PAGE, re.MULTILINE)
    return {name: list(cells) for name, *cells, _ in rows if not re.fullmatch("-+|what", name)}


def test_the_page_has_a_row_for_each_difference_and_no_other() -> None:
    assert list(table()) == list(ROWS)


@pytest.fixture(scope="module")
def postgres_store(server: str, template: str, embeddings: LocalEmbeddings) -> Iterator[PostgresStore]:
    from tests.conftest import _create, _drop

    name = _create(server)
    where = psycopg.conninfo.make_conninfo(server, dbname=name)
    with psycopg.connect(where, autocommit=True) as admin:
        admin.execute("CREATE EXTENSION IF NOT EXISTS vector")
    with PostgresStore.from_conn_string(where, index=index(embeddings)) as store:
        store.setup()
        yield store
    _drop(server, name)


def index(embeddings: LocalEmbeddings) -> Any:
    return {"dims": 384, "embed": embeddings, "fields": ["text"]}


@pytest.fixture
def store(request: pytest.FixtureRequest, database: str, embeddings: LocalEmbeddings) -> Iterator[BaseStore]:
    with ExitStack() as stack:
        if request.param == "InMemoryStore":
            yield InMemoryStore(index=index(embeddings))
        elif request.param == "PostgresStore":
            upstreams: PostgresStore = request.getfixturevalue("postgres_store")
            with upstreams._cursor() as cursor:
                cursor.execute("DELETE FROM store")
            yield upstreams
        else:
            memory = stack.enter_context(
                PersistMem.open(database, embeddings=embeddings, store_index={"fields": ["text"]})
            )
            yield memory.store


@pytest.mark.parametrize("store", AS_DESCRIBED, indirect=True)
@pytest.mark.parametrize("name", ROWS)
def test_each_store_does_what_the_page_says(request: pytest.FixtureRequest, name: str, store: BaseStore) -> None:
    said = dict(zip(STORES, table()[name], strict=True))[request.node.callspec.params["store"]]
    try:
        answer = ROWS[name](store)
    except Exception as error:  # noqa: BLE001 - which one is the answer
        answer = f"`{type(error).__name__}`"
    assert answer == said
