"""Large namespaces have a partial HNSW index each: found as by comparing all, whatever was written, changed or erased."""

import threading
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

import numpy as np
import psycopg
import pytest
from langgraph.store.base import PutOp
from psycopg import conninfo, sql

from langchain_persistmem import PersistMem, Settings
from langchain_persistmem.errors import StorageError
from langchain_persistmem.learning.decisions.existing_memories import CONSOLIDATED
from langchain_persistmem.postgres.queries import changes
from langchain_persistmem.postgres.queries.embedding_models import EmbeddingModel
from langchain_persistmem.postgres.queries.memories import page
from langchain_persistmem.postgres.queries.rows import StoredItem
from langchain_persistmem.postgres.queries.search_index import to_halfvec, to_halfvecs
from langchain_persistmem.postgres.vector_index import hnsw_indexes, hnsw_search
from langchain_persistmem.privacy import row_security
from langchain_persistmem.runtime import hnsw_upkeep
from langchain_persistmem.runtime.backend import Backend
from langchain_persistmem.runtime.setup import ready
from langchain_persistmem.types.namespace import encode
from langchain_persistmem.types.recall_results import SearchResult
from langchain_persistmem.types.records import Kind, Memory, Vector
from tests.postgres.test_big_namespaces import DIMENSIONS, Topics, fill, found, nearest, recall_at_10

pytestmark = pytest.mark.slow

FEW, BATCH, MOST_UNINDEXED = 60, 8, 150
ADA = ("memories", "ada")


@pytest.fixture(scope="module", params=DIMENSIONS)
def topics(request: pytest.FixtureRequest) -> Topics:
    return Topics(request.param)


@pytest.fixture(scope="module")
def prepared(topics: Topics, server: str) -> Iterator[str]:
    """A database that knows the model."""
    name = f"persistmem_{uuid4().hex}"
    with psycopg.connect(server, autocommit=True) as admin:
        admin.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
    database = conninfo.make_conninfo(server, dbname=name)
    with PersistMem.open(database, embeddings=topics) as memory:
        memory.setup()
    yield database
    with psycopg.connect(server, autocommit=True) as admin:
        admin.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name)))


@pytest.fixture
def early(monkeypatch: pytest.MonkeyPatch) -> None:
    """A namespace is large early."""
    monkeypatch.setattr(hnsw_indexes, "EXACT_UP_TO", FEW)
    monkeypatch.setattr(hnsw_indexes, "EXACT_UP_TO_WIDE", FEW)
    monkeypatch.setattr(hnsw_indexes, "BATCH", BATCH)
    monkeypatch.setattr(hnsw_search, "MOST_UNINDEXED", MOST_UNINDEXED)
    monkeypatch.setattr(hnsw_search, "MOST_UNINDEXED_WIDE", MOST_UNINDEXED)


@pytest.fixture
def big(prepared: str, early: None) -> Iterator[str]:
    yield prepared
    for table in ("namespaces", "vectors", "terms"):
        do(prepared, f"DELETE FROM persistmem.{table}")
    do(prepared, "UPDATE persistmem.hnsw_indexes SET documents = 0")


@pytest.fixture
def many(topics: Topics, big: str) -> Iterator[PersistMem]:
    with PersistMem.open(big, embeddings=topics) as memory:
        yield memory


@pytest.fixture
def six_hundred(topics: Topics, early: None, copied: Callable[[str, Callable[[str], object]], str]) -> str:
    """A database with 600 memories of Ada, all in their HNSW index, which takes long to build."""

    def fill_it(database: str) -> None:
        with PersistMem.open(database, embeddings=topics) as memory:
            memory.setup()
            grown(memory, range(600))

    return copied(f"six hundred of {topics.dimensions}", fill_it)


@pytest.fixture
def hundreds(topics: Topics, six_hundred: str) -> Iterator[PersistMem]:
    with PersistMem.open(six_hundred, embeddings=topics) as memory:
        assert found(memory, "text 5", 1) == {"k5"}  # the first search learns which way the next ones go
        yield memory


def do(database: str, text: str) -> list[tuple[Any, ...]]:
    with psycopg.connect(database, autocommit=True) as connection:
        cursor = connection.execute(text.encode())
        return cursor.fetchall() if cursor.description else []


def grown(memory: PersistMem, numbers: Sequence[int], user: str = "ada") -> None:
    """Filled, and all of it in its HNSW index."""
    fill(memory, numbers, user)
    memory.backend.run(index_all, ("memories", user))


async def index_all(backend: Backend, namespace: tuple[str, ...]) -> int:
    await ready(backend)
    return await hnsw_upkeep.index_all(backend, namespace)


def asked_for(vector: Vector, model: EmbeddingModel, limit: int) -> dict[str, object]:
    """What a store's search gives to its statements."""
    where = page(ADA, limit=limit, offset=0, now=datetime.now(UTC))
    return {**where, "namespace": encode(ADA), "embedding": to_halfvec(vector), "model": model.id, "reach": limit}


async def searched(backend: Backend, query: str, limit: int = 10) -> list[tuple[StoredItem, float]] | None:
    vector, model = await backend.embed_query(query), await ready(backend)
    async with backend.transaction(ADA, atomic=False) as tx:
        return await hnsw_search.search(tx, ADA, asked_for(vector, model, limit), model=model, end=limit)


async def recalled(backend: Backend, query: str, own_view: bool = False) -> SearchResult | None:
    vector, model = await backend.embed_query(query), await ready(backend)
    parameters = {
        "namespace": encode(ADA), "query": query, "terms": [], "weights": [], "period_starts": [], "period_ends": [], "embedding": to_halfvec(vector), "model": model.id, "language": "english",
        "candidates": 20, "hits_with_next_turn": 10, "nearest_for_period": 500, "instructions": 0, "now": datetime.now(UTC), "thread_id": None, "own_view": own_view,
    }  # fmt: skip
    async with backend.transaction(ADA, atomic=False) as tx:
        return await hnsw_search.recall(tx, ADA, parameters, model=model, candidates=20)


def index_of(memory: PersistMem, user: str = "ada") -> int | None:
    """The index that the namespace has; searches go there from then on."""

    async def asked(backend: Backend) -> int | None:
        model, where = await ready(backend), ("memories", user)
        async with backend.transaction(where, atomic=False) as tx:
            return (await hnsw_indexes.index_of(tx, where, model))[0]

    number = memory.backend.run(asked)
    assert (memory.backend.search_plans.of(f"memories/{user}") == "hnsw") == (number is not None)
    return number


def along_the_index(memory: PersistMem, query: str, limit: int = 10) -> set[str]:
    """Of the statement itself, so that nothing else can have answered."""
    items = memory.backend.run(searched, query, limit)
    assert items is not None
    return {item.key for item, _ in items}


def same_as_by_comparing_all(memory: PersistMem, topics: Topics, numbers: Sequence[int]) -> bool:
    """By the statement and through the store."""
    queries = [f"question {each}" for each in range(20)]
    hits = sum(len(along_the_index(memory, query) & nearest(topics, query, numbers)) for query in queries)
    return hits >= 0.97 * 200 and recall_at_10(memory, topics, numbers) >= 0.97


def test_a_large_namespace_is_searched_along_its_index(many: PersistMem, topics: Topics, big: str) -> None:
    fill(many, range(100))
    fill(many, range(100, 400))
    assert do(big, "SELECT count(*) FROM persistmem.vectors WHERE hnsw_index IS NOT NULL") == [(400,)]
    assert same_as_by_comparing_all(many, topics, range(400))
    assert many.recall("question 1", limit=10, threshold=0, user_id="ada")


def test_the_batch_with_which_a_namespace_becomes_large_is_indexed(many: PersistMem, big: str) -> None:
    fill(many, range(40))
    assert do(big, "SELECT count(*) FROM persistmem.vectors WHERE hnsw_index IS NOT NULL") == [(0,)]
    fill(many, range(40, 100))
    assert do(big, "SELECT count(*) FROM persistmem.vectors WHERE hnsw_index IS NOT NULL") == [(100,)]


def test_recall_finds_the_same_and_knows_what_is_usual(many: PersistMem, topics: Topics) -> None:
    numbers = range(1_600)  # an eighth of which is the sample
    grown(many, numbers)
    by_index = many.backend.run(recalled, "question 3")
    assert by_index is not None
    assert by_index.count == len(numbers)
    keys = {each.key for each in by_index.candidates}
    assert len(keys & nearest(topics, "question 3", numbers, 10)) >= 9
    cosines = [float(topics.vector("question 3") @ topics.vector(f"text {each}")) for each in numbers]
    mean = sum(cosines) / len(numbers)
    deviation = (sum((each - mean) ** 2 for each in cosines) / len(numbers)) ** 0.5
    assert by_index.mean == pytest.approx(mean, abs=0.3 * deviation)
    assert by_index.deviation == pytest.approx(deviation, rel=0.25)


def test_what_was_written_last_is_found_at_once(many: PersistMem) -> None:
    for number in range(0, 240, 20):
        fill(many, range(number, number + 20))
        (best, *_) = many.store.search(ADA, query=f"text {number + 7}", limit=1)
        assert best.key == f"k{number + 7}"
    many.store.put(ADA, "one", {"text": "text 5000"})
    assert along_the_index(many, "text 5000", 1) == {"one"}


def test_what_was_deleted_replaced_or_has_expired_is_not_found(many: PersistMem, topics: Topics, big: str) -> None:
    grown(many, range(300))
    for number in range(0, 300, 3):
        many.store.delete(ADA, f"k{number}")
    many.store.put(ADA, "k1", {"text": "text 9001"})
    do(big, "UPDATE persistmem.vectors v SET expires_at = now() - interval '1 s' FROM persistmem.memories m "
            "WHERE m.namespace = v.namespace AND m.id = v.memory_id AND m.key = 'k2'")  # fmt: skip
    do(big, "UPDATE persistmem.memories SET expires_at = now() - interval '1 s' WHERE key = 'k2'")
    left = [number for number in range(4, 300) if number % 3]
    assert same_as_by_comparing_all(many, topics, left)
    assert along_the_index(many, "text 9001", 1) == {"k1"}
    assert not along_the_index(many, "text 2", 20) & {"k2"}
    many.backend.run(index_all, ADA)
    assert along_the_index(many, "text 9001", 1) == {"k1"}


def test_what_was_superseded_is_not_found_and_is_again_once_it_is_restored(many: PersistMem) -> None:
    grown(many, range(100))
    first = many.remember("the colour is blue", key="colour", user_id="ada")
    grown(many, range(100, 120))
    many.remember("the colour is green", key="colour", user_id="ada")
    (old, *_) = [each for each in many.history.versions("colour", user_id="ada") if each.status == "superseded"]
    assert old.key == first.key
    assert "the colour is blue" not in texts_of(many, "the colour is blue")
    many.history.restore(old.id, user_id="ada")
    assert "the colour is blue" in texts_of(many, "the colour is blue")


def texts_of(memory: PersistMem, query: str) -> list[str | None]:
    items = memory.backend.run(searched, query)
    assert items is not None
    return [item.value["text"] for item, _ in items]


def test_an_erased_namespace_gives_its_index_back(many: PersistMem, big: str) -> None:
    grown(many, range(100))
    assert do(big, "SELECT sum(documents) FROM persistmem.hnsw_indexes") == [(100,)]
    many.forget(user_id="ada", everything=True)
    assert do(big, "SELECT sum(documents) FROM persistmem.hnsw_indexes") == [(0,)]
    assert many.backend.run(searched, "text 5") is None
    assert found(many, "text 5") == set()
    grown(many, range(50, 150))
    assert along_the_index(many, "text 70", 1) == {"k70"}


def test_the_statement_says_when_it_is_the_wrong_way(many: PersistMem, big: str) -> None:
    grown(many, range(100))
    number = index_of(many)
    assert many.backend.run(searched, "text 5") is not None
    do(big, "UPDATE persistmem.namespaces SET hnsw_index = NULL")
    assert many.backend.run(searched, "text 5") is None
    assert many.backend.run(recalled, "text 5") is None
    do(big, f"UPDATE persistmem.namespaces SET hnsw_index = {number}")
    assert many.backend.run(recalled, "text 5") is not None
    do(big, "UPDATE persistmem.vectors SET hnsw_index = NULL")
    assert many.backend.run(searched, "text 5") is not None  # all compared: not too many
    do(big, "INSERT INTO persistmem.vectors (namespace, memory_id, model, part, active, embedding, wide) "
            f"SELECT namespace, memory_id, model, part + 1, true, embedding, wide FROM persistmem.vectors, generate_series(1, {MOST_UNINDEXED // 100 + 1}) g "
            "WHERE g = 1")  # fmt: skip
    assert many.backend.run(searched, "text 5") is None
    do(big, "UPDATE persistmem.vectors SET hnsw_index = (SELECT hnsw_index FROM persistmem.namespaces)")
    assert many.backend.run(searched, "text 5") is not None
    many.store.put((*ADA, "below"), "k", {"text": "text 5"})
    assert many.backend.run(searched, "text 5") is None
    assert {item.namespace for item in many.store.search(ADA, query="text 5", limit=2)} == {ADA, (*ADA, "below")}


def test_where_there_is_no_index_nothing_is_put_into_it_and_no_search_asks_for_it(
    empty_database: str, early: None, topics: Topics
) -> None:
    database = empty_database
    with PersistMem.open(database, embeddings=topics) as memory:
        memory.setup()
        indexes = [
            name for (name,) in do(database, "SELECT indexname FROM pg_indexes WHERE indexname ^@ 'vectors_hnsw_'")
        ]
        do(database, "; ".join(f"DROP INDEX persistmem.{name}" for name in indexes[1:]))
        fill(memory, range(100))
        grown(memory, range(100, 200))
        number = index_of(memory)  # of which there is one left
        assert number is not None
        assert memory.backend.run(searched, "text 5") is not None
        do(database, f"DROP INDEX persistmem.{indexes[0]}")
        assert memory.backend.run(searched, "text 5") is None
        assert memory.backend.run(recalled, "text 5") is None
        assert found(memory, "text 5", 1) == {"k5"}
        fill(memory, range(100), "bob")
        memory.backend.run(index_all, ("memories", "bob"))
        assert index_of(memory, "bob") is None


def test_nothing_is_found_while_memory_is_paused(many: PersistMem) -> None:
    grown(many, range(100))
    many.privacy.set_consent("paused", user_id="ada")
    assert many.backend.run(searched, "text 5") is None
    assert many.backend.run(recalled, "text 5") is None
    assert many.backend.run(recalled, "text 5", True) is not None
    assert many.store.search(ADA, query="text 5") == []


def test_an_item_of_many_parts_does_not_crowd_out_the_others(many: PersistMem) -> None:
    grown(many, range(100))
    parts = {"texts": [f"part {each}" for each in range(130)]}
    for copy in range(3):
        many.store.put(ADA, f"long{copy}", parts, index=["texts[*]"])
    many.backend.run(index_all, ADA)
    assert len(found(many, "part 7", 30)) == 30
    assert many.recall("part 7", limit=20, threshold=0, user_id="ada")


def test_there_are_always_as_many_as_asked_for(many: PersistMem) -> None:
    grown(many, range(300))
    for limit in (1, 10, 45, 299, 300, 500):
        assert len(found(many, "question 1", limit)) == min(limit, 300)
    assert len(many.store.search(ADA, query="question 1", limit=50, offset=270)) == 30


def test_pgvectors_settings_take_effect_and_do_not_stay(
    many: PersistMem, monkeypatch: pytest.MonkeyPatch, statements: list[str]
) -> None:
    async def settings(backend: Backend, inside: bool) -> list[tuple[str, str]]:
        vector, model = await backend.embed_query("text 5"), await ready(backend)
        asked = sql.SQL(
            "SELECT current_setting('hnsw.ef_search') AS ef, current_setting('hnsw.iterative_scan') AS scan"
        )
        async with backend.transaction(ADA, atomic=inside) as tx:
            await hnsw_search.search(tx, ADA, asked_for(vector, model, 3), model=model, end=3)
            return [(row["ef"], row["scan"]) for row in await tx.fetch(asked, {})]

    grown(many, range(200))
    with psycopg.connect(many.backend.pool.conninfo, autocommit=True) as connection:  # type: ignore[attr-defined]
        connection.execute("SELECT '[1]'::vector")
        usual = connection.execute("SELECT current_setting('hnsw.ef_search')").fetchone()
    assert many.backend.run(settings, True) == [("128", "relaxed_order")]
    assert many.backend.run(settings, False) == [(usual[0], "off")]  # type: ignore[index]
    statements.clear()
    assert many.backend.run(searched, "text 5") is not None
    assert len(statements) == 1
    monkeypatch.setattr(hnsw_search, "EF_SEARCH", 2)
    monkeypatch.setattr(hnsw_search, "ITERATIVE_SCAN", "off")
    monkeypatch.setattr(hnsw_search, "NEAREST", (2,))
    assert many.backend.run(searched, "text 5", 10) is None  # two were found


def test_a_namespace_grows_while_it_is_searched(many: PersistMem, topics: Topics) -> None:
    fill(many, range(10))
    done, failures = threading.Event(), list[str]()

    def search() -> None:
        while not done.is_set():
            hits = found(many, "text 5", 5)
            if "k5" not in hits or len(hits) != 5:
                failures.append(str(sorted(hits)))
            if len(many.recall("text 5", limit=5, threshold=0, user_id="ada")) != 5:
                failures.append("recall")

    searchers = [threading.Thread(target=search) for _ in range(2)]
    for searcher in searchers:
        searcher.start()
    for start in range(10, 310, 20):
        fill(many, range(start, start + 20))
        if found(many, f"text {start + 7}", 1) != {f"k{start + 7}"}:
            failures.append(f"text {start + 7}")
    done.set()
    for searcher in searchers:
        searcher.join()
    assert not failures
    assert same_as_by_comparing_all(many, topics, range(310))


def test_writers_at_the_same_time_lose_nothing(many: PersistMem, topics: Topics, big: str) -> None:
    fill(many, range(80))

    def write(start: int) -> None:
        for number in range(start, start + 80, 10):
            fill(many, range(number, number + 10))

    writers = [threading.Thread(target=write, args=(100 * each,)) for each in range(1, 5)]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()
    many.backend.run(index_all, ADA)
    assert do(big, "SELECT count(*), count(hnsw_index), count(DISTINCT hnsw_index) FROM persistmem.vectors") == [
        (400, 400, 1)
    ]
    every = [number for start in range(0, 500, 100) for number in range(start, start + 80)]
    assert same_as_by_comparing_all(many, topics, every)


def test_a_write_does_not_fail_because_indexing_does(
    many: PersistMem, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    async def fail(*args: Any, **kwargs: Any) -> int:
        raise StorageError("no room")

    fill(many, range(100))
    monkeypatch.setattr(hnsw_indexes, "index_vectors", fail)
    fill(many, range(100, 120))
    assert "stay out of their HNSW index" in caplog.text
    assert found(many, "text 110", 1) == {"k110"}


def test_each_large_namespace_takes_the_emptiest_index_if_it_will_be_half_of_it(
    many: PersistMem, monkeypatch: pytest.MonkeyPatch, big: str, topics: Topics
) -> None:
    do(big, "UPDATE persistmem.hnsw_indexes SET documents = 1000 WHERE hnsw_index > 1")
    for user, count in (("bob", 100), ("eve", 120), ("ada", 90)):
        fill(many, range(count), user)
        many.backend.run(index_all, ("memories", user))
    assert {index_of(many, user) for user in ("bob", "eve")} == {0, 1}
    assert index_of(many) is None  # it would be the smaller half
    grown(many, range(90, 170))
    assert index_of(many) is None  # asked again when it has doubled
    grown(many, range(170, 200))
    assert index_of(many) == 0
    assert same_as_by_comparing_all(many, topics, range(200))


def test_upkeep_indexes_all_and_counts_anew(many: PersistMem, big: str) -> None:
    fill(many, range(100))
    assert do(big, "SELECT count(hnsw_index) FROM persistmem.vectors") == [(0,)]
    do(big, "UPDATE persistmem.hnsw_indexes SET documents = 7 WHERE hnsw_index = 3")
    many.admin.maintain()
    assert do(big, "SELECT count(hnsw_index) FROM persistmem.vectors") == [(100,)]
    assert do(big, "SELECT documents FROM persistmem.hnsw_indexes WHERE documents > 0") == [(100,)]


def test_small_namespaces_are_written_in_the_same_statements_as_before(many: PersistMem, statements: list[str]) -> None:
    fill(many, range(50))
    statements.clear()
    fill(many, range(50, 55))
    assert not [
        text for text in statements if "hnsw_indexes" in text or "UPDATE persistmem.vectors v\nSET hnsw_index" in text
    ]


def test_setup_makes_the_indexes_of_a_model_that_was_known_before(topics: Topics, big: str) -> None:
    do(big, "DROP INDEX " + ", ".join(f"persistmem.vectors_hnsw_1_{number}" for number in range(hnsw_indexes.INDEXES)))
    with PersistMem.open(big, embeddings=topics) as memory:
        memory.setup()
        grown(memory, range(100))
        assert along_the_index(memory, "text 5", 1) == {"k5"}
    assert len(do(big, "SELECT 1 FROM pg_indexes WHERE indexname ^@ 'vectors_hnsw_'")) == hnsw_indexes.INDEXES


@pytest.mark.own_database
def test_another_model_gets_indexes_of_its_own_and_the_old_ones_go(
    database: str, early: None, embeddings: Any, caplog: pytest.LogCaptureFixture
) -> None:
    wide = Topics(64)
    with PersistMem.open(database, embeddings=embeddings) as memory:
        memory.store.batch([PutOp(ADA, f"k{each}", {"text": f"text {each}"}) for each in range(70)])
        memory.backend.run(index_all, ADA)
        number = index_of(memory)
    with PersistMem.open(database, embeddings=wide) as memory:
        memory.admin.reembed()
        assert memory.backend.run(searched, "text 5") is not None
        memory.admin.reembed(drop_others=True)
        memory.backend.run(index_all, ADA)
        assert index_of(memory) == number
        assert along_the_index(memory, "text 5", 1) == {"k5"}
        assert same_as_by_comparing_all(memory, wide, range(70))
    names = {name for (name,) in do(database, "SELECT indexname FROM pg_indexes WHERE indexname ^@ 'vectors_hnsw_'")}
    assert names == {f"vectors_hnsw_2_{each}" for each in range(hnsw_indexes.INDEXES)}


def test_expired_items_are_swept_from_the_index(many: PersistMem, big: str) -> None:
    grown(many, range(100))
    do(big, "UPDATE persistmem.memories SET expires_at = now() - interval '1 s' WHERE key = 'k5'")
    do(big, "UPDATE persistmem.vectors v SET expires_at = m.expires_at FROM persistmem.memories m "
            "WHERE m.namespace = v.namespace AND m.id = v.memory_id")  # fmt: skip
    assert "k5" not in along_the_index(many, "text 5")
    assert many.store.sweep_ttl() == 1
    assert "k5" not in along_the_index(many, "text 5")
    assert len(found(many, "text 5", 99)) == 99


def test_with_row_level_security_the_index_finds_the_same(topics: Topics, big: str, server: str) -> None:
    role = f"hnsw_reader_{uuid4().hex[:8]}"
    with psycopg.connect(big, autocommit=True) as admin:
        for statement in (
            "CREATE ROLE {} LOGIN PASSWORD 'x'",
            "GRANT USAGE ON SCHEMA persistmem TO {}",
            "GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA persistmem TO {}",
            "GRANT SELECT ON checkpoints, checkpoint_blobs, checkpoint_writes TO {}",
        ):
            admin.execute(statement.format(role).encode())
    secured = Settings(row_level_security=True)
    try:
        with PersistMem.open(big, embeddings=topics, settings=secured) as owner:
            owner.backend.run(row_security.enable, everywhere_to=[role])
        as_reader = conninfo.make_conninfo(big, user=role, password="x")
        with PersistMem.open(as_reader, embeddings=topics, settings=secured) as memory:
            grown(memory, range(300))
            fill(memory, range(300, 350), "bob")
            assert same_as_by_comparing_all(memory, topics, range(300))
            assert memory.recall("question 1", limit=10, threshold=0, user_id="ada")
            memory.forget(user_id="ada", everything=True)
    finally:
        with PersistMem.open(big, embeddings=topics, settings=secured) as owner:
            owner.backend.run(row_security.disable)
        do(big, f"GRANT {role} TO CURRENT_USER")  # who may create roles need not be theirs
        do(big, f"DROP OWNED BY {role}")
        do(big, f"DROP ROLE {role}")


def test_a_search_does_not_wait_for_what_others_wrote_to_be_indexed() -> None:
    counts = hnsw_indexes.Unindexed[str]()
    counts.begin_write("ada", large=True)
    counts.add("ada", hnsw_indexes.BATCH)
    taken: list[dict[str, int]] = []
    searcher = threading.Thread(target=lambda: taken.append(counts.take()))
    searcher.start()
    searcher.join()
    assert taken == [{}]
    assert counts.take() == {"ada": hnsw_indexes.BATCH}
    assert counts.take() == {}


async def test_what_is_written_on_the_event_loop_is_indexed_too(topics: Topics, big: str) -> None:
    async with PersistMem.aopen(big, embeddings=topics) as memory:
        for start in (0, 100, 150):
            numbers = range(start, start + 100)
            await memory.store.abatch([PutOp(ADA, f"k{each}", {"text": f"text {each}"}) for each in numbers])
        assert do(big, "SELECT count(*), count(hnsw_index) FROM persistmem.vectors") == [(250, 250)]
        (best, *_) = await memory.store.asearch(ADA, query="text 7", limit=3)
        assert best.key == "k7"
        assert await memory.arecall("text 7", threshold=0, user_id="ada")


async def neighbours(
    backend: Backend, queries: Sequence[str], kinds: Sequence[Kind], limit: int = 5, number: int | None = None
) -> list[set[str]] | None:
    """The keys of the neighbours of several texts; with ``number``, of the statement that searches that index."""
    vectors, model, now = await backend.embed(list(queries)), await ready(backend), datetime.now(UTC)
    async with backend.transaction(ADA, atomic=False) as tx:
        if number is None:
            found = await changes.neighbours(tx, ADA, vectors, model=model, kinds=kinds, limit=limit, now=now)
        else:
            parameters = {"namespace": encode(ADA), "embeddings": to_halfvecs(vectors), "model": model.id, "kinds": list(kinds), "limit": limit, "now": now}  # fmt: skip
            found = await hnsw_search.neighbours(tx, number, parameters, model=model, count=len(vectors), limit=limit)
    return None if found is None else [{memory.key for memory, _ in each} for each in found]


def near_along_the_index(
    memory: PersistMem, queries: Sequence[str], kinds: Sequence[Kind] = CONSOLIDATED, limit: int = 5
) -> list[set[str]] | None:
    return memory.backend.run(neighbours, queries, kinds, limit, index_of(memory))


def near(
    memory: PersistMem, queries: Sequence[str], kinds: Sequence[Kind] = CONSOLIDATED, limit: int = 5
) -> list[set[str]]:
    found = memory.backend.run(neighbours, queries, kinds, limit)
    assert found is not None
    return found


def of_kind(database: str, kind: Kind, every: int) -> None:
    """Each ``every``-th memory, by the number in its key."""
    do(database, f"UPDATE persistmem.memories SET kind = '{kind}' WHERE substr(key, 2)::integer % {every} = 0")


QUESTIONS = [f"question {each}" for each in range(20)]


def exactly(topics: Topics, numbers: Sequence[int], limit: int = 5) -> list[set[str]]:
    """The nearest to each question, by the vectors as they are kept."""
    kept = np.array([topics.vector(f"text {each}") for each in numbers], np.float16).astype(np.float32)
    asked = np.array([topics.vector(query) for query in QUESTIONS], np.float16).astype(np.float32)
    return [{f"k{numbers[place]}" for place in np.argsort(-row)[:limit]} for row in asked @ kept.T]


def hits(found: Sequence[set[str]] | None, truth: Sequence[set[str]]) -> float:
    assert found is not None
    assert [len(each) for each in found] == [len(each) for each in truth]
    return sum(len(one & other) for one, other in zip(found, truth, strict=True)) / sum(map(len, truth))


@pytest.mark.parametrize("every", [1, 2, 5])
def test_neighbours_are_found_along_the_index_and_are_of_the_kinds_asked_for(
    every: int, hundreds: PersistMem, topics: Topics, six_hundred: str, statements: list[str]
) -> None:
    of_kind(six_hundred, "procedural", every)
    for limit in (5, 12, 40):
        truth = exactly(topics, range(0, 600, every), limit)
        assert hits(near_along_the_index(hundreds, QUESTIONS, ["procedural"], limit), truth) >= 0.95
    statements.clear()
    assert hits(near(hundreds, QUESTIONS, ["procedural"]), exactly(topics, range(0, 600, every))) >= 0.95  # fmt: skip
    assert [each.split()[1] for each in statements if each.startswith("/*")] == ["hnsw_index_of", "neighbours_hnsw"]


@pytest.mark.parametrize("count", [3, 50, 400])
def test_neighbours_are_exactly_those_of_comparing_all_where_no_index_is_searched(
    count: int, many: PersistMem, topics: Topics, big: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    fill(many, range(count))
    of_kind(big, "procedural", 7)
    monkeypatch.setattr(hnsw_search, "is_reachable", lambda model, count: False)
    for nearby in (4_000, 3):  # in the latter case there are too few among the nearest, and all are asked for
        monkeypatch.setattr(changes, "NEAREST", nearby)
        assert near(many, QUESTIONS) == exactly(topics, range(count))
        some = exactly(topics, range(0, count, 7))
        assert near(many, QUESTIONS, ["procedural"]) == some
    assert near(many, QUESTIONS, ["profile"]) == [set()] * 20
    assert near(many, []) == []


def test_rare_kinds_are_compared_exactly(
    hundreds: PersistMem, topics: Topics, six_hundred: str, statements: list[str]
) -> None:
    of_kind(six_hundred, "procedural", 60)
    assert near_along_the_index(hundreds, QUESTIONS, ["procedural"]) is None
    statements.clear()
    assert near(hundreds, QUESTIONS, ["procedural"]) == exactly(topics, range(0, 600, 60))  # fmt: skip
    assert sum("/* neighbours */" in each for each in statements) == 1
    assert near(hundreds, QUESTIONS, ["procedural"], 20) == [{f"k{each}" for each in range(0, 600, 60)}] * 20
    assert near(hundreds, QUESTIONS, ["profile"]) == [set()] * 20


def test_neighbours_written_last_are_known_at_once_and_what_is_gone_is_not(many: PersistMem, big: str) -> None:
    grown(many, range(200))
    many.store.put(ADA, "k5000", {"text": "text 5000"})
    assert near_along_the_index(many, ["text 5000", "text 7"], limit=1) == [{"k5000"}, {"k7"}]
    many.store.delete(ADA, "k7")
    many.store.put(ADA, "k8", {"text": "text 9001"})
    do(big, "UPDATE persistmem.vectors v SET expires_at = now() - interval '1 s' FROM persistmem.memories m "
            "WHERE m.namespace = v.namespace AND m.id = v.memory_id AND m.key = 'k9'")  # fmt: skip
    asked = ["text 7", "text 8", "text 9", "text 9001"]
    for _ in range(2):
        gone, replaced, expired, new = near_along_the_index(many, asked, limit=1) or []
        assert "k7" not in gone
        assert "k8" not in replaced
        assert "k9" not in expired
        assert new == {"k8"}
        many.backend.run(index_all, ADA)
    first = many.remember("the colour is blue", key="colour", user_id="ada")
    many.remember("the colour is green", key="colour", user_id="ada")
    assert first.id not in {memory.id for memory, _ in many.backend.run(colours)}


async def colours(backend: Backend) -> list[tuple[Memory, float]]:
    vectors, model, now = await backend.embed(["the colour is blue"]), await ready(backend), datetime.now(UTC)
    async with backend.transaction(ADA, atomic=False) as tx:
        (found,) = await changes.neighbours(tx, ADA, vectors, model=model, kinds=CONSOLIDATED, limit=60, now=now)
    return found


def test_the_statement_of_neighbours_says_when_it_is_the_wrong_way(many: PersistMem, topics: Topics, big: str) -> None:
    grown(many, range(100))
    number = index_of(many)
    assert number is not None
    assert many.backend.run(neighbours, QUESTIONS, CONSOLIDATED, 5, number) is not None
    assert many.backend.run(neighbours, QUESTIONS, CONSOLIDATED, 5, number + 1) is None
    assert many.backend.run(neighbours, QUESTIONS, CONSOLIDATED, 101, number) is None
    assert [len(each) for each in near(many, QUESTIONS, limit=101)] == [100] * 20
    do(big, "UPDATE persistmem.vectors SET hnsw_index = NULL")
    assert many.backend.run(neighbours, QUESTIONS, CONSOLIDATED, 5, number) is None
    assert near(many, QUESTIONS) == exactly(topics, range(100))
    fill(many, range(100, 100 + MOST_UNINDEXED))
    do(big, "UPDATE persistmem.vectors SET hnsw_index = NULL WHERE part = 0")
    assert near(many, QUESTIONS) == exactly(topics, range(100 + MOST_UNINDEXED))


def test_neighbours_of_many_parts_are_each_found_once(many: PersistMem, topics: Topics) -> None:
    grown(many, range(100))
    for copy in range(2):
        many.store.put(ADA, f"long{copy}", {"texts": [f"part {each}" for each in range(60)]}, index=["texts[*]"])
    many.backend.run(index_all, ADA)
    (found,) = near(many, ["part 7"], limit=10)
    assert {"long0", "long1"} < found
    assert len(found) == 10


def test_the_search_for_neighbours_takes_its_ef_search_from_the_statement(
    many: PersistMem, monkeypatch: pytest.MonkeyPatch
) -> None:
    grown(many, range(200))
    assert near_along_the_index(many, QUESTIONS) is not None
    monkeypatch.setattr(hnsw_search, "EF_SEARCH_NEIGHBOURS", 2)
    monkeypatch.setattr(hnsw_search, "ITERATIVE_SCAN", "off")
    monkeypatch.setattr(hnsw_search, "NEAREST_NEIGHBOURS", (2,))
    assert near_along_the_index(many, QUESTIONS) is None  # two were found


async def test_neighbours_are_known_on_the_event_loop_too(topics: Topics, big: str) -> None:
    async with PersistMem.aopen(big, embeddings=topics) as memory:
        numbers = range(300)
        for start in (0, 100, 200):
            some = numbers[start : start + 100]
            await memory.store.abatch([PutOp(ADA, f"k{each}", {"text": f"text {each}"}) for each in some])
        await memory.backend.arun(index_all, ADA)
        found = await memory.backend.arun(neighbours, QUESTIONS, CONSOLIDATED)
        assert hits(found, [nearest(topics, query, numbers, 5) for query in QUESTIONS]) >= 0.95
