"""Searching by meaning, against LangGraph's ``InMemoryStore`` with the same model: order, scores, and every page."""

import random
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from langgraph.store.base import Op, PutOp, SearchOp

from tests.support import reference_store
from tests.support.reference_store import FIELDS, Reference, Remembering, check_found

pytestmark = pytest.mark.slow

call, remembering = reference_store.call, reference_store.remembering

SUBJECTS = ["My dog", "The cat next door", "My sister", "A colleague", "The mayor of Oslo", "我的老师"]
VERBS = ["likes", "dislikes", "paints", "sells", "writes about"]
OBJECTS = ["green tea", "old bicycles", "tax law", "zebras", "the sea", "jazz", "wooden chairs", "rain"]
QUERIES = ["Who is fond of tea?", "animals", "My sister paints the sea", "music", "我的老师"]
NAMESPACES = [("notes", "ada"), ("notes", "bob"), ("notes", "ada", "private"), ("other",)]


def items(seed: int, count: int = 120) -> Iterator[PutOp]:
    """Items of zero to seven texts at several paths; some texts occur in many of them."""
    chance = random.Random(seed)

    def sentence() -> str:
        return f"{chance.choice(SUBJECTS)} {chance.choice(VERBS)} {chance.choice(OBJECTS)}"

    for n in range(count):
        value: dict[str, Any] = {"n": n, "tags": [sentence() for _ in range(chance.randrange(5))]}
        if chance.random() < 0.7:
            value["text"] = sentence()
        if chance.random() < 0.3:
            value["deep"] = {"note": sentence()}
        index = chance.choice([None, None, None, False, ["tags[0]"], ["tags[*]", "deep.note"]])
        yield PutOp(chance.choice(NAMESPACES), f"k{chance.randrange(90)}", value, index)


@pytest.fixture
def filled(call: Callable[..., Any], remembering: Remembering) -> Reference:
    """What the store should answer: both have been filled, and half of it was put again with other texts."""
    reference = Reference(remembering)
    for seed in (1, 2):
        for put in items(seed, 120 // seed):
            call("batch", [put])
            reference.batch([put])
    return reference


def test_scores_and_order_are_those_of_an_exact_search(call: Callable[..., Any], filled: Reference) -> None:
    filters: list[dict[str, Any] | None] = [None, {"n": 3}]
    asked: list[Op] = [
        SearchOp(prefix, filter, 1000, 0, query)
        for query in QUERIES
        for prefix in ((), ("notes",), ("notes", "ada"), ("nobody",))
        for filter in filters
    ]
    for ours, theirs in zip(call("batch", asked), filled.batch(asked), strict=True):
        check_found(ours, theirs)


def test_items_of_equal_scores_come_as_without_a_query(call: Callable[..., Any], filled: Reference) -> None:
    for key in ("b", "a", "c"):
        call("put", ("notes", "eve"), key, {"text": "My dog likes rain"})
    call("put", ("notes", "eve"), "b", {"text": "My dog likes rain", "again": True})
    found = call("search", ("notes", "eve"), query="weather")
    assert [item.key for item in found] == ["b", "c", "a"]
    assert len({item.score for item in found}) == 1


@pytest.mark.parametrize("size", [1, 7, 50])
def test_pages_join_without_gaps_to_the_end(call: Callable[..., Any], filled: Reference, size: int) -> None:
    for prefix in ((), ("notes", "ada")):
        everything = call("search", prefix, query=QUERIES[0], limit=1000)
        (expected,) = filled.batch([SearchOp(prefix, None, 1000, 0, QUERIES[0])])
        assert len(everything) == len(expected)
        starts = range(0, len(everything) + 2 * size, size)
        pages = call("batch", [SearchOp(prefix, None, size, start, QUERIES[0]) for start in starts])
        assert [item for page in pages for item in page] == everything


def test_every_path_counts_and_the_best_text_decides(call: Callable[..., Any]) -> None:
    assert FIELDS == ["text", "tags[*]", "deep.note"]
    best = "My sister paints the sea"
    others = ["rain", "tax law", "old bicycles"]
    for key, value in {
        "text": {"text": best, "tags": others},
        "first tag": {"tags": [best, *others]},
        "last tag": {"tags": [*others, best], "text": "jazz"},
        "deep": {"text": "zebras", "deep": {"note": best}},
        "nowhere": {"text": "zebras", "tags": others, "deep": {"other": best}},
    }.items():
        call("put", ("a",), key, value)
    found = {item.key: item.score for item in call("search", ("a",), query=best)}
    assert {key for key, score in found.items() if score > 0.99} == {"text", "first tag", "last tag", "deep"}
    assert found["nowhere"] < 0.9
