"""By meaning and by words, a large namespace is searched along its HNSW index too; the answer is that of comparing all."""

from collections.abc import Iterator, Sequence
from typing import Any

import pytest
from langgraph.store.base import PutOp, SearchItem

from langchain_persistmem.store import PersistMemStore
from langchain_persistmem.types.namespace import encode
from tests.postgres.test_big_namespaces import Topics
from tests.postgres.test_hnsw import ADA, big, do, early, prepared, topics

pytestmark = pytest.mark.slow

__all__ = ["big", "early", "prepared", "topics"]
TREES, PLACES = ("oak", "elm", "birch", "pear", "fir"), ("house", "school", "barn", "church")


@pytest.fixture
def store(topics: Topics, big: str) -> Iterator[PersistMemStore]:
    index: Any = {"dims": topics.dimensions, "embed": topics, "fields": ["text"], "hybrid": True}
    with PersistMemStore.from_conn_string(big, index=index) as opened:
        yield opened


def text(number: int) -> str:
    return f"{number} {TREES[number % 5]}s behind the {PLACES[number % 4]}"


def fill(store: PersistMemStore, numbers: Sequence[int]) -> None:
    for some in (numbers[:100], numbers[100:]):  # the second comes into a large namespace, and takes the first with it
        store.batch([PutOp(ADA, f"k{each}", {"text": text(each)}) for each in some])


def along_the_index(store: PersistMemStore, query: str, statements: list[str], **options: Any) -> list[SearchItem]:
    """By the one statement, and by no other."""
    store.search(ADA, query=query, **options)  # which finds the index
    statements.clear()
    found = store.search(ADA, query=query, **options)
    assert [each.split()[1] for each in statements] == ["search_hnsw_hybrid"]
    return found


def comparing_all(store: PersistMemStore, query: str, **options: Any) -> list[SearchItem]:
    store.backend.search_plans.note(encode(ADA), "exact")
    found = store.search(ADA, query=query, **options)
    store.backend.search_plans.forget(encode(ADA))
    return found


def test_the_answer_is_that_of_comparing_all(store: PersistMemStore, statements: list[str]) -> None:
    fill(store, range(400))
    same = 0
    for tree in TREES:
        for place in PLACES:
            query = f"which {tree} is behind the {place}?"
            short = along_the_index(store, query, statements)
            exact = comparing_all(store, query)
            assert len(short) == len(exact) == 10
            same += len({each.key for each in short} & {each.key for each in exact})
    assert same >= 0.95 * 200


def test_the_scores_are_those_of_comparing_all(store: PersistMemStore, statements: list[str]) -> None:
    fill(store, range(1_600))
    exact = {each.key: each.score for each in comparing_all(store, "which oak is behind the barn?", limit=50)}
    short = along_the_index(store, "which oak is behind the barn?", statements, limit=20)
    both = [(each.score, exact[each.key]) for each in short if each.key in exact]
    assert len(both) >= 15
    for one, other in both:  # what is usual comes from a sample, here of some 200
        assert one == pytest.approx(other, abs=0.3)


def test_what_was_written_last_is_found_by_its_words_at_once(store: PersistMemStore, statements: list[str]) -> None:
    fill(store, range(300))
    store.put(ADA, "named", {"text": "the word zanzibar"})
    assert "named" in {each.key for each in along_the_index(store, "zanzibar", statements, limit=40)}
    store.put(ADA, "named", {"text": "another word"})
    assert "named" not in {each.key for each in along_the_index(store, "zanzibar", statements)}
    store.delete(ADA, "k7")
    assert "k7" not in {each.key for each in along_the_index(store, text(7), statements, limit=100)}


def test_any_page_is_full(store: PersistMemStore, statements: list[str]) -> None:
    fill(store, range(300))
    for limit, offset in ((1, 0), (10, 0), (45, 10), (30, 100)):
        assert len(along_the_index(store, "oaks behind the barn", statements, limit=limit, offset=offset)) == limit
    pages = [along_the_index(store, "oaks behind the barn", statements, limit=10, offset=at) for at in (0, 10, 20)]
    assert len({each.key for page in pages for each in page}) == 30
    assert len(store.search(ADA, query="oaks", limit=500)) == 300


def test_an_item_without_a_vector_is_found_by_its_words(
    store: PersistMemStore, statements: list[str], big: str
) -> None:
    fill(store, range(200))
    store.put(ADA, "bare", {"text": "the word zanzibar"})
    do(big, "DELETE FROM persistmem.vectors v USING persistmem.memories m WHERE m.id = v.memory_id AND m.key = 'bare'")
    assert "bare" in {each.key for each in along_the_index(store, "zanzibar", statements, limit=60)}


def test_what_is_not_the_way_is_answered_by_another(store: PersistMemStore, statements: list[str]) -> None:
    fill(store, range(200))
    along_the_index(store, "oaks", statements)
    store.put((*ADA, "below"), "k", {"text": "zanzibar"})
    assert (*ADA, "below") in {each.namespace for each in store.search(ADA, query="zanzibar")}
    statements.clear()
    store.search(ADA, query="oaks", filter={"text": text(5)})
    assert [each.split()[1] for each in statements] == ["search_prefix_hybrid"]
