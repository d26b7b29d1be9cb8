"""Many memories of one user: found as before, whatever was written, changed or erased, with an HNSW index and without."""

import asyncio
import threading
from collections.abc import Iterator, Sequence
from uuid import uuid4

import numpy as np
import psycopg
import pytest
from langchain_core.embeddings import Embeddings
from langgraph.store.base import PutOp
from psycopg import conninfo

from langchain_persistmem import PersistMem
from langchain_persistmem.postgres.vector_index import hnsw_indexes

pytestmark = pytest.mark.slow

FEW = 60
"""So small that 200 items are many."""
DIMENSIONS = (96, 1_030)
"""Of vectors that lie in the covering index, and of vectors that are too wide for it."""


class Topics(Embeddings):
    """Vectors near one of ten topics, known by the text; so much spread that ten of them have a clear order."""

    model_name = "topics"

    def __init__(self, dimensions: int) -> None:
        self.dimensions = dimensions
        self.topics = np.random.default_rng(0).standard_normal((10, dimensions))
        self._vectors: dict[str, np.ndarray[tuple[int], np.dtype[np.float64]]] = {}

    def embed_documents(self, texts: list[str]) -> list[list[float]]:
        return [self.vector(text).tolist() for text in texts]

    def embed_query(self, text: str) -> list[float]:
        return self.vector(text).tolist()

    def vector(self, text: str) -> "np.ndarray[tuple[int], np.dtype[np.float64]]":
        if text not in self._vectors:  # a test asks for each some forty times
            seed = sum(ord(char) * 31**place for place, char in enumerate(text)) % 2**32
            rng = np.random.default_rng(seed)
            vector = self.topics[rng.integers(10)] + rng.standard_normal(self.dimensions)
            self._vectors[text] = vector / np.linalg.norm(vector)
        return self._vectors[text]


@pytest.fixture(scope="module", params=DIMENSIONS)
def topics(request: pytest.FixtureRequest) -> Topics:
    return Topics(request.param)


@pytest.fixture(scope="module")
def prepared(topics: Topics, server: str) -> Iterator[str]:
    """A database that knows the model."""
    name = f"persistmem_{uuid4().hex}"
    with psycopg.connect(server, autocommit=True) as admin:
        admin.execute(f"CREATE DATABASE {name}".encode())
    database = conninfo.make_conninfo(server, dbname=name)
    with PersistMem.open(database, embeddings=topics) as memory:
        memory.setup()
    yield database
    with psycopg.connect(server, autocommit=True) as admin:
        admin.execute(f"DROP DATABASE {name} WITH (FORCE)".encode())


@pytest.fixture(params=[FEW, 10**6], ids=["hnsw", "exact"])
def big(prepared: str, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """Connection string of a database in which a namespace is big early, or never."""
    for name in ("EXACT_UP_TO", "EXACT_UP_TO_WIDE"):
        monkeypatch.setattr(hnsw_indexes, name, request.param)
    yield prepared
    with psycopg.connect(prepared, autocommit=True) as connection:
        for table in ("namespaces", "vectors", "terms"):
            connection.execute(f"DELETE FROM persistmem.{table}".encode())
        connection.execute("UPDATE persistmem.hnsw_indexes SET documents = 0")


@pytest.fixture
def many(topics: Topics, big: str) -> Iterator[PersistMem]:
    with PersistMem.open(big, embeddings=topics) as memory:
        yield memory


def fill(memory: PersistMem, numbers: Sequence[int], user: str = "ada") -> None:
    memory.store.batch([PutOp(("memories", user), f"k{each}", {"text": f"text {each}"}) for each in numbers])


def nearest(topics: Topics, query: str, numbers: Sequence[int], count: int = 10) -> set[str]:
    asked = topics.vector(query)
    ranked = sorted(numbers, key=lambda each: -float(asked @ topics.vector(f"text {each}")))
    return {f"k{each}" for each in ranked[:count]}


def found(memory: PersistMem, query: str, limit: int = 10) -> set[str]:
    return {item.key for item in memory.store.search(("memories", "ada"), query=query, limit=limit)}


def recall_at_10(memory: PersistMem, topics: Topics, numbers: Sequence[int]) -> float:
    queries = [f"question {each}" for each in range(20)]
    hits = [len(found(memory, query) & nearest(topics, query, numbers)) for query in queries]
    return sum(hits) / 200


def test_a_user_of_many_memories_finds_the_same_as_by_comparing_all(many: PersistMem, topics: Topics) -> None:
    fill(many, range(400))
    assert recall_at_10(many, topics, range(400)) >= 0.97
    for query in ("question 1", "question 2"):
        assert len(many.recall(query, limit=10, threshold=0, user_id="ada")) > 0


def test_there_are_always_as_many_as_asked_for(many: PersistMem) -> None:
    fill(many, range(300))
    for limit in (1, 10, 45, 299, 300, 500):
        assert len(found(many, "question 1", limit)) == min(limit, 300)
    assert len(many.store.search(("memories", "ada"), query="question 1", limit=50, offset=270)) == 30


def test_what_was_written_last_is_found_at_once(many: PersistMem) -> None:
    for number in range(0, 200, 20):
        fill(many, range(number, number + 20))
        (best, *_) = many.store.search(("memories", "ada"), query=f"text {number + 7}", limit=1)
        assert best.key == f"k{number + 7}"
        assert best.score == pytest.approx(1, abs=1e-3)


def test_what_was_deleted_replaced_or_superseded_is_not_found(many: PersistMem, topics: Topics) -> None:
    fill(many, range(300))
    for number in range(0, 300, 3):
        many.store.delete(("memories", "ada"), f"k{number}")
    many.store.put(("memories", "ada"), "k1", {"text": "text 9001"})
    left = [number for number in range(2, 300) if number % 3]
    assert recall_at_10(many, topics, left) >= 0.97
    assert {item.key for item in many.store.search(("memories", "ada"), query="text 9001", limit=1)} == {"k1"}
    (gone, *_) = many.store.search(("memories", "ada"), query="text 3", limit=1)
    assert gone.key != "k3"


def test_an_item_of_many_parts_does_not_crowd_out_the_others_here_either(many: PersistMem) -> None:
    fill(many, range(100))
    parts = {"texts": [f"part {each}" for each in range(120)]}
    for copy in range(3):
        many.store.put(("memories", "ada"), f"long{copy}", parts, index=["texts[*]"])
    assert len(found(many, "part 7", 30)) == 30
    assert len({each.memory.key for each in many.recall("part 7", limit=20, threshold=0, user_id="ada")}) > 0


def test_a_filter_is_exact_however_rare_what_it_asks_for(many: PersistMem, topics: Topics) -> None:
    fill(many, range(300))
    rare = [7, 77, 277]
    for number in rare:
        many.store.put(("memories", "ada"), f"k{number}", {"text": f"text {number}", "rare": True})
    hits = many.store.search(("memories", "ada"), query="question 1", filter={"rare": True}, limit=10)
    assert {item.key for item in hits} == {f"k{number}" for number in rare}
    assert len(many.recall("question 1", filter={"rare": True}, threshold=0, limit=10, user_id="ada")) > 0


def test_hybrid_search_finds_by_words_what_is_not_near(topics: Topics, big: str) -> None:
    from langchain_persistmem.store import PersistMemStore

    index = {"dims": topics.dimensions, "embed": topics, "fields": ["text"], "hybrid": True}
    with PersistMemStore.from_conn_string(big, index=index) as store:
        store.batch([PutOp(("a",), f"k{each}", {"text": f"text {each}"}) for each in range(300)])
        store.put(("a",), "named", {"text": "the word zanzibar"})
        assert "named" in {item.key for item in store.search(("a",), query="zanzibar", limit=40)}
        assert len(store.search(("a",), query="text", limit=60)) == 60


def test_a_namespace_grows_while_it_is_searched(many: PersistMem, topics: Topics) -> None:
    fill(many, range(10))
    done, failures = threading.Event(), list[str]()

    def search() -> None:
        while not done.is_set():
            hits = found(many, "text 5", 5)
            if "k5" not in hits or len(hits) != 5:
                failures.append(str(sorted(hits)))

    searcher = threading.Thread(target=search)
    searcher.start()
    for start in range(10, 310, 20):
        fill(many, range(start, start + 20))
    done.set()
    searcher.join()
    assert not failures
    assert recall_at_10(many, topics, range(310)) >= 0.97


async def test_searches_on_the_event_loop_take_the_same_way(topics: Topics, big: str) -> None:
    async with PersistMem.aopen(big, embeddings=topics) as memory:
        await memory.store.abatch(
            [PutOp(("memories", "ada"), f"k{each}", {"text": f"text {each}"}) for each in range(200)]
        )
        answers = await asyncio.gather(
            *(memory.store.asearch(("memories", "ada"), query=f"text {each}", limit=3) for each in range(8))
        )
        assert [items[0].key for items in answers] == [f"k{each}" for each in range(8)]
