"""Hybrid search of the store: by meaning and by words, in one statement, with scores from 0 to 1."""

import math
from collections.abc import AsyncIterator
from typing import Any

import pytest
from langgraph.store.base import PutOp, SearchOp

from langchain_persistmem import LocalEmbeddings, PersistMem, PersistMemStore, Settings
from langchain_persistmem.settings import Ranking
from tests.store.test_store import ADA, age
from tests.store.test_store_alone import Alone, opened

NOTES = {
    "pet": "I have a little dog called Rex",
    "job": "I work as a tax lawyer",
    "car": "My car is a blue Skoda Fabia",
    "code": "The door code of the office is QX7731",
    "trip": "We went to Lisbon in May",
}


@pytest.fixture(params=["sync", "async"])
async def hybrid(request: pytest.FixtureRequest, database: str, embeddings: LocalEmbeddings) -> AsyncIterator[Alone]:
    index = {"dims": 384, "embed": embeddings, "fields": ["text"], "hybrid": True}
    async with opened(request.param, database, index=index) as alone:
        await alone.batch([PutOp(ADA, key, {"text": text, "n": n}) for n, (key, text) in enumerate(NOTES.items())])
        yield alone


async def test_meaning_and_words_both_find(hybrid: Alone) -> None:
    for query, key in (("Which animals live at my place?", "pet"), ("QX7731", "code"), ("skoda", "car")):
        found = await hybrid.search(ADA, query=query)
        assert found[0].key == key
        assert all(0 <= item.score <= 1 for item in found)
        scores = [item.score for item in found]
        assert scores == sorted(scores, reverse=True)
        assert len(found) == len(NOTES)


async def test_scores_tell_an_answer_from_none(hybrid: Alone) -> None:
    (answered, *_) = await hybrid.search(ADA, query="What is the door code of the office?")
    (unanswered, *_) = await hybrid.search(ADA, query="How tall is the Eiffel tower?")
    assert answered.score > 0.9
    assert unanswered.score < 0.5


async def test_an_item_without_a_vector_is_found_by_its_words(hybrid: Alone, database: str) -> None:
    with PersistMemStore.from_conn_string(database) as plain:  # no model: no vectors
        plain.put(ADA, "bare", {"text": "The zebra fund matures in 2031"})
    found = await hybrid.search(ADA, query="zebra fund")
    assert found[0].key == "bare"
    assert found[0].score > 0.5
    assert "bare" not in {item.key for item in await hybrid.search(ADA, query="little dog")}


async def test_an_irregular_form_is_found_by_any_other(hybrid: Alone, database: str) -> None:
    with PersistMemStore.from_conn_string(database) as plain:
        plain.put(ADA, "bare", {"text": "Oma brought quinces"})
    await hybrid.put((*ADA, "deep"), "below", {"text": "The gloves lie on the shelf"})
    for prefix in (ADA, ("memories",)):
        assert "bare" in {item.key for item in await hybrid.search(prefix, query="Who brings them?")}


async def test_the_default_stays_search_by_vectors(memory: PersistMem, database: str) -> None:
    memory.store.put(ADA, "pet", {"text": NOTES["pet"]})
    with PersistMemStore.from_conn_string(database) as plain:
        plain.put(ADA, "bare", {"text": "The zebra fund matures in 2031"})
    assert [item.key for item in memory.store.search(ADA, query="zebra fund")] == ["pet"]


async def test_what_is_asked_without_words_is_found_by_meaning(hybrid: Alone) -> None:
    found = await hybrid.search(ADA, query="?!")  # no word at all
    assert len(found) == len(NOTES)
    assert all(math.isfinite(item.score) for item in found)
    assert await hybrid.search(("nobody",), query="dog") == []
    assert [item.score for item in await hybrid.search(ADA, limit=1)] == [None]


async def test_filters_prefixes_pages_and_expiry_hold(hybrid: Alone, database: str) -> None:
    await hybrid.put(("memories", "ada2"), "other", {"text": NOTES["pet"]})
    await hybrid.put((*ADA, "deep"), "below", {"text": "Rex is a dog with a red collar"})
    await hybrid.put(ADA, "gone", {"text": "Rex the dog was at the vet"}, ttl=1)
    age(database, 2)
    found = await hybrid.search(ADA, query="dog Rex", limit=100)
    assert {item.key for item in found} == {*NOTES, "below"}
    assert {item.key for item in found[:2]} == {"pet", "below"}
    filtered = await hybrid.search(ADA, query="dog Rex", filter={"n": {"$gte": 3}})
    assert {item.key for item in filtered} == {"code", "trip"}
    pages = [await hybrid.search(ADA, query="dog Rex", limit=2, offset=offset) for offset in range(0, 8, 2)]
    assert [item.key for page in pages for item in page] == [item.key for item in found]
    everywhere = await hybrid.search((), query="dog Rex", limit=100)
    assert len(everywhere) == len(NOTES) + 2


async def test_chinese_words_are_found(hybrid: Alone) -> None:
    await hybrid.put(ADA, "tea", {"text": "我喜欢茶"})
    await hybrid.put(ADA, "city", {"text": "她住在上海"})
    assert (await hybrid.search(ADA, query="喜欢"))[0].key == "tea"
    assert (await hybrid.search(ADA, query="上海"))[0].key == "city"


async def test_several_hybrid_searches_share_a_batch(hybrid: Alone) -> None:
    pet, code = await hybrid.batch([SearchOp(ADA, query="dog", limit=1), SearchOp(ADA, query="QX7731", limit=1)])
    assert (pet[0].key, code[0].key) == ("pet", "code")


@pytest.mark.parametrize("ranking", [Ranking(prior_count=0), Ranking(coverage=0, rarity=0), Ranking(score_scale=1e-6)])
def test_any_weights_give_scores(database: str, embeddings: LocalEmbeddings, ranking: Ranking) -> None:
    options: dict[str, Any] = {"embeddings": embeddings, "settings": Settings(ranking=ranking)}
    with PersistMem.open(database, store_index={"hybrid": True}, **options) as memory:
        assert memory.store.search(ADA, query="dog") == []
        memory.store.put(ADA, "pet", {"text": NOTES["pet"]})
        for query in ("dog", "?!", "zebra"):
            (found,) = memory.store.search(ADA, query=query)
            assert 0 <= found.score <= 1
