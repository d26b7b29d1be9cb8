"""A store that stands alone: what a user of LangGraph's PostgresStore gets by changing an import and a class name."""

import asyncio
import inspect
import json
import math
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Any

import psycopg
import pytest
from langchain_core.embeddings import Embeddings
from langgraph.store.base import GetOp, PutOp, SearchOp
from langgraph.store.postgres import AsyncPostgresStore, PostgresStore
from pgvector.psycopg import register_vector
from psycopg import sql
from psycopg.rows import tuple_row
from psycopg_pool import AsyncConnectionPool, ConnectionPool

from langchain_persistmem import (
    AsyncPersistMemStore,
    ConfigurationError,
    EmbeddingError,
    EmbeddingMismatchError,
    LocalEmbeddings,
    PersistMem,
    PersistMemStore,
    SchemaOutOfDateError,
    Settings,
)
from langchain_persistmem.postgres import migrate
from langchain_persistmem.postgres.migrate import migrations
from langchain_persistmem.postgres.queries import memories, rewrites
from langchain_persistmem.postgres.queries.search_index import to_halfvec
from langchain_persistmem.postgres.statements import statement
from langchain_persistmem.postgres.value_filter import condition
from langchain_persistmem.postgres.vector_index.distances import similarity_by
from langchain_persistmem.types.vectors import unit_vectors
from tests.store.test_store import ADA, model_of, rows

own_database = pytest.mark.own_database
MINE = "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'mine' AND datname = current_database()"


class Alone:
    """A store of either colour: ``await alone.put(...)`` calls ``put`` or awaits ``aput``."""

    def __init__(self, store: PersistMemStore | AsyncPersistMemStore) -> None:
        self.store = store

    def __getattr__(self, name: str) -> Callable[..., Awaitable[Any]]:
        awaited = isinstance(self.store, AsyncPersistMemStore)
        method = getattr(self.store, f"a{name}", None) if awaited else None

        async def call(*args: Any, **kwargs: Any) -> Any:
            done = (method or getattr(self.store, name))(*args, **kwargs)
            return await done if awaited else done

        return call


@asynccontextmanager
async def opened(colour: str, conninfo: str, **options: Any) -> AsyncIterator[Alone]:
    if colour == "sync":
        with PersistMemStore.from_conn_string(conninfo, **options) as store:
            yield Alone(store)
    else:
        async with AsyncPersistMemStore.from_conn_string(conninfo, **options) as store:
            yield Alone(store)


@pytest.fixture(params=["sync", "async"])
def colour(request: pytest.FixtureRequest) -> str:
    return request.param


class Arrows(Embeddings):
    """Texts that are vectors: "3 4" has length 5."""

    def embed_documents(self, texts: list[str]) -> list[list[float]]:
        return [self.embed_query(text) for text in texts]

    def embed_query(self, text: str) -> list[float]:
        try:
            return [float(part) for part in text.split()]
        except ValueError:  # a sentence by which the model is measured
            return [1.0 + len(text), float(len(set(text)))]


def arrows(texts: Sequence[str]) -> list[list[float]]:
    return Arrows().embed_documents(list(texts))


async def aarrows(texts: Sequence[str]) -> list[list[float]]:
    return arrows(texts)


# -- the shape of upstream's -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("ours", "theirs"), [(PersistMemStore, PostgresStore), (AsyncPersistMemStore, AsyncPostgresStore)]
)
def test_only_the_import_and_the_class_name_change(ours: type, theirs: type) -> None:
    inner = {"MIGRATIONS", "VECTOR_MIGRATIONS", "conn", "lock", "pipe", "supports_pipeline", "loop"}
    public = {name for name in dir(theirs) if not name.startswith("_")} - inner
    instance = {"index_config", "embeddings", "ttl_config"}
    assert public - instance <= {name for name in dir(ours) if not name.startswith("_")}
    for name in ("__init__", "from_conn_string", "setup", "sweep_ttl", "start_ttl_sweeper", "stop_ttl_sweeper"):
        method, upstream = getattr(ours, name), getattr(theirs, name)
        assert inspect.iscoroutinefunction(method) == inspect.iscoroutinefunction(upstream), name
        taken, wanted = inspect.signature(method).parameters, inspect.signature(upstream).parameters
        for parameter in wanted.values():
            assert taken[parameter.name].kind == parameter.kind, (name, parameter)
            assert taken[parameter.name].default == parameter.default, (name, parameter)


def wait_for_end_of_connections(database: str) -> None:
    """Wait until the server has ended the sessions of connections that are closed, which it does on its own."""
    for _ in range(600):
        if rows(database, MINE) == [(0,)]:
            return
        time.sleep(0.05)
    raise AssertionError(rows(database, MINE))


async def test_a_store_that_stands_alone_sets_up_and_serves(
    colour: str, empty_database: str, embeddings: LocalEmbeddings
) -> None:
    index = {"dims": 384, "embed": embeddings, "fields": ["text"]}
    pool = {"min_size": 2, "max_size": 3, "kwargs": {"application_name": "mine"}}
    async with opened(colour, empty_database, index=index, pool_config=pool, pipeline=True) as alone:
        with pytest.raises(SchemaOutOfDateError, match=r"setup\(\)"):
            await alone.put(ADA, "k", {"text": "likes tea"})
        assert await alone.setup() == list(migrations())
        assert await alone.setup() == []
        await alone.put(ADA, "tea", {"text": "likes tea"})
        await alone.put(ADA, "job", {"text": "works as a tax lawyer"})
        found = await alone.search(ADA, query="hot drinks", limit=1)
        assert [item.key for item in found] == ["tea"]
        assert alone.store.embeddings is embeddings
        assert alone.store.index_config == index
        names = rows(empty_database, MINE)
        assert 2 <= names[0][0] <= 3
    wait_for_end_of_connections(empty_database)
    assert rows(empty_database, "SELECT to_regclass('checkpoints')") == [(None,)]


async def test_without_an_index_no_model_is_needed_and_a_query_does_not_count(colour: str, empty_database: str) -> None:
    async with opened(colour, empty_database) as alone:
        await alone.setup()
        await alone.put(ADA, "a", {"text": "likes tea"}, index=["text"])
        await alone.put(ADA, "b", {"text": "likes dogs"})
        found = await alone.search(ADA, query="tea")
        assert [(item.key, item.score) for item in found] == [("b", None), ("a", None)]
        assert alone.store.embeddings is None
        for table in ("vectors", "embedding_models"):
            assert rows(empty_database, f"SELECT count(*) FROM persistmem.{table}") == [(0,)]


async def test_without_an_index_the_vectors_of_others_stay(colour: str, memory: PersistMem, database: str) -> None:
    memory.remember("Likes tea", key="tea", user_id="ada")
    memory.store.put(ADA, "dog", {"text": "has a dog"})
    async with opened(colour, database) as alone:
        await alone.setup()
        await alone.put(ADA, "new", {"text": "plays the violin"})
        assert (await alone.get(ADA, "tea")).value == {"text": "Likes tea"}
        assert await alone.sweep_ttl() == 0
    assert rows(database, "SELECT count(*) FROM persistmem.vectors") == [(2,)]
    assert [item.key for item in memory.store.search(ADA, query="pets", limit=1)] == ["dog"]
    assert memory.recall("violin", user_id="ada")[0].memory.key == "new"  # its words are kept


# -- models ----------------------------------------------------------------------------------------------


async def test_any_kind_of_embed_works(colour: str, empty_database: str) -> None:
    kinds: list[Any] = [Arrows(), arrows]
    if colour == "async":
        kinds.append(aarrows)
    for embed in kinds:
        settings = Settings(embedding_model="arrows")
        async with opened(
            colour, empty_database, index={"dims": 2, "embed": embed, "fields": "v"}, settings=settings
        ) as alone:
            await alone.setup()
            await alone.batch([PutOp(ADA, "right", {"v": "1 0"}), PutOp(ADA, "up", {"v": "0 1"})])
            found = await alone.search(ADA, query="0.2 2")
            assert [item.key for item in found] == ["up", "right"]


def test_an_async_function_does_not_embed_for_a_store_that_blocks(database: str) -> None:
    with (
        pytest.raises(ConfigurationError, match="AsyncPersistMemStore"),
        PersistMemStore.from_conn_string(database, index={"dims": 2, "embed": aarrows}),
    ):
        pass


async def test_a_function_is_known_by_its_name(colour: str, empty_database: str) -> None:
    async with opened(colour, empty_database, index={"dims": 2, "embed": arrows}) as alone:
        await alone.setup()
    assert model_of(empty_database) == "arrows"

    def others(texts: Sequence[str]) -> list[list[float]]:
        return arrows(texts)

    async with opened(colour, empty_database, index={"dims": 2, "embed": others}) as alone:
        with pytest.raises(EmbeddingMismatchError, match="'arrows'"):
            await alone.setup()


async def test_wrong_dims_are_refused_with_the_right_number(colour: str, empty_database: str) -> None:
    index = {"dims": 3, "embed": arrows}
    async with opened(colour, empty_database, index=index) as alone:
        with pytest.raises(ConfigurationError, match=r"index\['dims'\] is 3, .* set dims to 2"):
            await alone.setup()
    assert rows(empty_database, "SELECT count(*) FROM persistmem.embedding_models") == [(0,)]
    async with opened(colour, empty_database, index={**index, "dims": 2}) as alone:
        await alone.setup()
    async with opened(colour, empty_database, index=index) as alone:
        for call in (alone.setup(), alone.put(ADA, "k", {"v": "1 1"}), alone.search(ADA, query="1 1")):
            with pytest.raises(ConfigurationError, match="set dims to 2"):
                await call


# -- distances -------------------------------------------------------------------------------------------

ARROWS = {"short": "0.1 0", "long": "30 3", "up": "0 2", "back": "-1 0.5"}


def cosine(a: Sequence[float], b: Sequence[float]) -> float:
    return inner(a, b) / math.hypot(*a) / math.hypot(*b)


def inner(a: Sequence[float], b: Sequence[float]) -> float:
    return sum(x * y for x, y in zip(a, b, strict=True))


def minus_distance(a: Sequence[float], b: Sequence[float]) -> float:
    return -math.dist(a, b)


@own_database
@pytest.mark.parametrize("vector_type", ["vector", "halfvec"])
@pytest.mark.parametrize(
    ("distance", "similarity"), [("cosine", cosine), ("inner_product", inner), ("l2", minus_distance)]
)
async def test_distances_are_those_of_the_vectors_as_the_model_made_them(
    colour: str, empty_database: str, vector_type: str, distance: str, similarity: Callable[..., float]
) -> None:
    index = {
        "dims": 2,
        "embed": arrows,
        "fields": ["v", "w"],
        "distance_type": distance,
        "ann_index_config": {"kind": "hnsw", "vector_type": vector_type, "m": 16},
    }
    async with opened(colour, empty_database, index=index) as alone:
        await alone.setup()
        await alone.batch([PutOp(ADA, key, {"v": v}) for key, v in ARROWS.items()])
        for query in ("0.1 0", "4 3", "30 3"):
            expected = {key: similarity(arrows([v])[0], arrows([query])[0]) for key, v in ARROWS.items()}
            found = await alone.search(ADA, query=query)
            assert [item.key for item in found] == sorted(expected, key=lambda key: -expected[key])
            for item in found:
                assert item.score == pytest.approx(expected[item.key], rel=2e-3, abs=2e-3), (query, item.key)
        same = {item.key: item.score for item in await alone.search(ADA, query="30 3")}["long"]
        assert distance != "l2" or same == 0
        await alone.put(ADA, "both", {"v": "-1 -1", "w": "30 3"})  # its best vector counts
        (best, second, *_) = await alone.search(ADA, query="30 3")
        assert {best.key, second.key} == {"long", "both"}
        assert best.score == second.score
        page = await alone.search(ADA, query="30 3", limit=2, offset=3)
        assert len(page) == 2


async def test_what_the_engine_remembers_keeps_its_length_too(empty_database: str) -> None:
    settings = Settings(embedding_model="arrows")
    with PersistMem.open(
        empty_database, embeddings=Arrows(), settings=settings, store_index={"distance_type": "inner_product"}
    ) as memory:
        memory.setup()
        memory.remember("3 4", key="k", user_id="ada")
        (found,) = memory.store.search(ADA, query="1 0")
        assert found.score == pytest.approx(3, rel=1e-3)


def test_a_vector_keeps_its_direction_and_its_length() -> None:
    (vector,) = unit_vectors([[3.0, 4.0]], expected=1, dimensions=2)
    assert (vector, vector.norm) == ([0.6, 0.8], 5.0)
    assert len(to_halfvec(vector).to_list()) == 2


async def _has_none(_: object) -> bool:
    return False


def test_a_database_of_the_first_release_is_brought_up_to_date(
    empty_database: str, embeddings: LocalEmbeddings, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, *later = migrations()
    options: dict[str, Any] = {"index": {"dims": 384, "embed": embeddings}}
    with monkeypatch.context() as before:
        before.setattr(migrate, "migrations", lambda: {first: migrations()[first]})
        before.setattr(rewrites, "has_rewrites", _has_none)  # whose table came later
        with PersistMemStore.from_conn_string(empty_database, **options) as store:
            assert store.setup() == [first]
    vector = f"[{','.join(map(str, embeddings.embed_query('likes tea')))}]"
    with psycopg.connect(empty_database) as connection:  # as the first release wrote
        connection.execute("INSERT INTO persistmem.namespaces VALUES ('memories/ada', gen_random_uuid(), 0, 0, now())")
        connection.execute(
            """
            WITH item AS (
                INSERT INTO persistmem.memories (namespace, id, key, kind, value, importance, confidence, source,
                                                 provenance, valid_from, recorded_at, updated_at)
                VALUES ('memories/ada', gen_random_uuid(), 'tea', 'semantic', '{"text": "likes tea"}', 0.5, 1, 'store',
                        '{"source": "store"}', now(), now(), now())
                RETURNING namespace, id
            )
            INSERT INTO persistmem.vectors (namespace, memory_id, model, part, active, embedding)
            SELECT namespace, id, 1, 0, true, %s::halfvec FROM item
            """,
            [vector],
        )
    options["index"]["distance_type"] = "l2"
    with PersistMemStore.from_conn_string(empty_database, **options) as store:
        with pytest.raises(SchemaOutOfDateError, match=later[0]):
            store.search(ADA, query="likes tea")
        assert store.setup() == later
        (found,) = store.search(ADA, query="likes tea")
        assert found.score == pytest.approx(0, abs=1e-3)


@own_database
@own_database  # a plan depends on what earlier tests left behind
def test_a_search_by_cosine_reads_the_index_alone(database: str, memory: PersistMem) -> None:
    memory.store.batch([PutOp(("u", str(n % 40)), f"k{n}", {"text": f"likes tea number {n % 50}"}) for n in range(800)])
    model = memory.backend.embedding_model
    assert model is not None
    query = memory._backend._embedder().embed_query("tea")  # type: ignore[union-attr]
    with psycopg.connect(database, autocommit=True) as connection:
        connection.execute("VACUUM ANALYZE persistmem.vectors, persistmem.namespaces, persistmem.memories")
        text = statement(
            "search_prefix",
            condition=condition(None).text,
            similarity=similarity_by("cosine", sql.SQL("v.embedding")),
        )
        parameters = {
            **memories.page(("u", "7"), limit=10, offset=0, now=datetime.now(UTC)),
            "embedding": to_halfvec(query),
            "model": model.id,
            "reach": 10,
        }
        register_vector(connection)
        plan = "\n".join(row[0] for row in connection.execute(sql.SQL("EXPLAIN ") + text, parameters).fetchall())
    assert "Index Only Scan using vectors_scan" in plan


# -- arguments -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"index": {"embed": arrows}}, "no 'dims'"),
        ({"index": {"dims": 2}}, "no 'embed'"),
        ({"index": {"dims": 0, "embed": arrows}}, r"index\['dims'\] is 0"),
        ({"index": {"dims": 2, "embed": 7}}, "type int"),
        ({"index": {"dims": 2, "embed": Arrows}}, "type ABCMeta"),
        ({"index": {"dims": 2, "embed": "nobody:nothing"}}, "nobody"),
        ({"index": {"dims": 2, "embed": arrows, "fields": [1]}}, r"index\['fields'\]"),
        ({"index": {"dims": 2, "embed": arrows, "filds": ["a"]}}, "unknown key 'filds'"),
        ({"index": {"dims": 2, "embed": arrows, "distance_type": "hamming"}}, "use one of cosine, l2, inner_product"),
        ({"index": {"dims": 2, "embed": arrows, "hybrid": "yes"}}, r"index\['hybrid'\]"),
        ({"index": {"dims": 2, "embed": arrows, "hybrid": True, "distance_type": "l2"}}, "leave out distance_type"),
        ({"index": {"dims": 2, "embed": arrows, "ann_index_config": {"kind": "tree"}}}, "hnsw, ivfflat, flat"),
        ({"index": {"dims": 2, "embed": arrows, "ann_index_config": {"vector_type": "int"}}}, "vector, halfvec, bit"),
        ({"index": {"dims": 2, "embed": arrows, "ann_index_config": {"m": 0}}}, "whole number of at least 1"),
        ({"index": {"dims": 2, "embed": arrows, "ann_index_config": 3}}, "type int"),
        ({"index": "text"}, "type str"),
        ({"ttl": {"default_ttl": 0}}, r"ttl\['default_ttl'\] is 0"),
        ({"ttl": {"default_ttl": 1e10}}, "at most 1000000000"),
        ({"ttl": {"sweep_interval_minutes": math.nan}}, r"ttl\['sweep_interval_minutes'\] is nan"),
        ({"ttl": {"refresh_on_read": 1}}, r"ttl\['refresh_on_read'\]"),
        ({"ttl": {"ttl": 1}}, "unknown key 'ttl'"),
        ({"pool_config": {"min_size": "many"}}, "min_size"),
        ({"pool_config": {"min_size": 3, "max_size": 1}}, "pool_config is not usable"),
        ({"pool_config": {"size": 3}}, "pool_config is not usable"),
        ({"pool_config": {"kwargs": {"autocommit": False}}}, "autocommit=True"),
    ],
)
async def test_an_option_that_cannot_work_is_named(
    colour: str, database: str, options: dict[str, Any], says: str
) -> None:
    with pytest.raises(ConfigurationError, match=says):
        async with opened(colour, database, **options) as alone:
            await alone.get(ADA, "k")


def test_all_of_upstreams_index_options_are_taken(database: str) -> None:
    for ann in ({}, {"kind": "ivfflat", "nlist": 10}, {"kind": "flat", "vector_type": "bit"}, None):
        index = {"dims": 2, "embed": arrows, "fields": None, "ann_index_config": ann, "distance_type": "l2"}
        with PersistMemStore.from_conn_string(database, index=index):
            pass


def test_the_index_of_memory_store_has_its_model_from_open(database: str, embeddings: LocalEmbeddings) -> None:
    with pytest.raises(ConfigurationError, match="embeddings="):
        PersistMem.open(database, embeddings=embeddings, store_index={"embed": arrows, "dims": 2})
    with PersistMem.open(database, embeddings=embeddings, store_index={"dims": 2}) as memory:
        with pytest.raises(ConfigurationError, match="set dims to 384"):
            memory.store.search(ADA, query="tea")
        assert memory.recall("tea", user_id="ada") == []


# -- connections of the user's ---------------------------------------------------------------------------


def test_a_pool_or_a_connection_of_the_users_serves_and_stays_open(database: str) -> None:
    with ConnectionPool(database, kwargs={"autocommit": True}, min_size=1, max_size=2, open=True) as pool:
        with PersistMemStore(pool) as store:
            store.put(ADA, "pool", {"n": 1})
            assert store.batch([GetOp(ADA, "pool"), SearchOp(ADA)])[0].value == {"n": 1}
        with pool.connection() as connection:
            connection.execute("SELECT 1")
    with psycopg.connect(database, autocommit=True, row_factory=tuple_row) as connection:
        with connection.pipeline() as pipe:
            store = PersistMemStore(connection, pipe=pipe)
            store.batch([PutOp(ADA, "one", {"n": 2}), GetOp(ADA, "pool")])
        assert store.get(ADA, "one").value == {"n": 2}
        assert connection.execute("SELECT 1").fetchone() == (1,)


async def test_an_async_pool_or_connection_of_the_users_serves_and_stays_open(database: str) -> None:
    async with AsyncConnectionPool(database, kwargs={"autocommit": True}, min_size=1, max_size=2, open=False) as pool:
        store = AsyncPersistMemStore(pool)
        await store.aput(ADA, "pool", {"n": 1})
        assert (await store.abatch([GetOp(ADA, "pool"), SearchOp(ADA)]))[0].value == {"n": 1}
    async with await psycopg.AsyncConnection.connect(database, autocommit=True) as connection:
        store = AsyncPersistMemStore(connection)
        await store.abatch([PutOp(ADA, "one", {"n": 2}), GetOp(ADA, "pool")])
        assert (await store.aget(ADA, "one")).value == {"n": 2}
        assert await (await connection.execute("SELECT 1")).fetchone() == (1,)


async def test_connections_that_cannot_serve_are_refused(database: str) -> None:
    with psycopg.connect(database) as connection:
        with pytest.raises(ConfigurationError, match="autocommit=True"):
            PersistMemStore(connection).get(ADA, "k")
        with pytest.raises(ConfigurationError, match="AsyncConnection of psycopg"):
            AsyncPersistMemStore(connection)  # type: ignore[arg-type]
    async with AsyncConnectionPool(database, min_size=1, open=False) as pool:
        with pytest.raises(ConfigurationError, match="a Connection of psycopg"):
            PersistMemStore(pool)  # type: ignore[arg-type]


def test_a_deserializer_makes_the_values(database: str) -> None:
    with psycopg.connect(database, autocommit=True) as connection:
        store = PersistMemStore(connection, deserializer=lambda text: {"made from": json.loads(text)})
        store.put(ADA, "k", {"é": 1})
        assert store.get(ADA, "k").value == {"made from": {"é": 1}}
        assert [item.value for item in store.search(ADA)] == [{"made from": {"é": 1}}]


# -- batches ---------------------------------------------------------------------------------------------


async def test_the_reads_of_a_batch_see_one_moment(
    colour: str, database: str, memory: PersistMem, monkeypatch: pytest.MonkeyPatch
) -> None:
    memory.store.put(ADA, "k", {"n": 1}, index=False)
    got = memories.get_items

    async def got_just_before_a_put(tx: Any, *args: Any, now: datetime) -> Any:
        found = await got(tx, *args, now=now)
        monkeypatch.undo()
        memory.store.batch([PutOp(ADA, "k", {"n": 2}, False), PutOp(ADA, "new", {"n": 2}, False)])
        return found

    async with opened(colour, database) as alone:
        monkeypatch.setattr(memories, "get_items", got_just_before_a_put)
        item, found = await alone.batch([GetOp(ADA, "k"), SearchOp(ADA)])
        assert item.value == {"n": 1}
        assert [each.value for each in found] == [{"n": 1}]
        assert len(await alone.search(ADA)) == 2


async def test_a_single_read_needs_no_transaction(colour: str, database: str) -> None:
    asked: list[bool] = []
    async with opened(colour, database) as alone:
        await alone.get(ADA, "k")
        transaction = alone.store._backend.transaction

        def noted(reach: Any, *, atomic: bool = True, snapshot: bool = False, **more: Any) -> Any:
            asked.append(atomic or snapshot)
            return transaction(reach, atomic=atomic, snapshot=snapshot, **more)

        alone.store._backend.transaction = noted  # type: ignore[method-assign]
        await alone.batch([GetOp(ADA, "k"), GetOp(ADA, "j")])
        await alone.search(ADA)
        assert asked == [False, False]
        await alone.batch([GetOp(ADA, "k"), GetOp(("other",), "k")])
        assert asked == [False, False, True]


class Asymmetric(Embeddings):
    """Questions are embedded in another way than texts; counts how many calls run at once."""

    def __init__(self) -> None:
        self.running = 0
        self.most = 0
        self.fails_on = ""

    def embed_documents(self, texts: list[str]) -> list[list[float]]:
        return [[1.0, len(text)] for text in texts]

    def embed_query(self, text: str) -> list[float]:
        if text == self.fails_on:
            raise RuntimeError("quota")
        return [-1.0, len(text)]

    async def aembed_query(self, text: str) -> list[float]:
        self.running += 1
        self.most = max(self.most, self.running)
        try:
            await asyncio.sleep(0)
            return self.embed_query(text)
        finally:
            self.running -= 1


async def test_the_queries_of_a_batch_are_embedded_together_and_as_queries(colour: str, empty_database: str) -> None:
    model = Asymmetric()
    async with opened(colour, empty_database, index={"dims": 2, "embed": model}) as alone:
        await alone.setup()
        await alone.put(ADA, "k", {"text": "xxx"})
        results = await alone.batch([SearchOp(ADA, query="y" * (n % 20 + 1)) for n in range(40)])
        for n, (found,) in enumerate(results):
            question = [-1.0, n % 20 + 1.0]
            assert found.score == pytest.approx(cosine([1.0, 3.0], question), abs=2e-3)
        assert colour == "sync" or 1 < model.most <= 8
        model.fails_on = "y" * 25  # not one of those that are known by now
        with pytest.raises(EmbeddingError):
            await alone.batch([PutOp(ADA, "j", {"n": 1}), *(SearchOp(ADA, query="y" * n) for n in range(3, 30))])
        assert model.running == 0
        assert await alone.get(ADA, "j") is None
