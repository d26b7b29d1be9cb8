"""Most searches take a short statement; where it would not do, the answer is that of the general one."""

from collections.abc import Iterator, Sequence
from typing import Any

import psycopg
import pytest
from langgraph.store.base import PutOp, SearchItem

from langchain_persistmem import LocalEmbeddings, PersistMemStore
from langchain_persistmem.types.namespace import encode

ADA = ("memories", "ada")


@pytest.fixture(params=[False, True], ids=["dense", "hybrid"])
def store(request: pytest.FixtureRequest, database: str, embeddings: LocalEmbeddings) -> Iterator[PersistMemStore]:
    index: Any = {"dims": 384, "embed": embeddings, "fields": ["text"], "hybrid": request.param}
    with PersistMemStore.from_conn_string(database, index=index) as opened:
        opened.setup()
        yield opened


def put(store: PersistMemStore, texts: Sequence[str], namespace: tuple[str, ...] = ADA, **options: Any) -> None:
    for place, text in enumerate(texts):
        store.put(namespace, f"k{place}", {"text": text}, **options)


def both(store: PersistMemStore, query: str, **options: Any) -> list[SearchItem]:
    """The answer, which is the same whichever way is tried first."""
    store.backend.search_plans.forget(encode(ADA))
    short = store.search(ADA, query=query, **options)
    store.backend.search_plans.note(encode(ADA), "prefix")
    general = store.search(ADA, query=query, **options)
    assert [(each.key, each.namespace) for each in short] == [(each.key, each.namespace) for each in general]
    assert [each.score for each in short] == pytest.approx([each.score for each in general])
    return short


SAID = [f"I planted {count} {tree}s behind the {place}" for count in (2, 5) for tree in ("oak", "elm", "birch", "pear")
        for place in ("house", "school", "barn")]  # fmt: skip


def test_a_search_of_one_namespace_is_one_short_statement(store: PersistMemStore, statements: list[str]) -> None:
    put(store, SAID[:5])
    statements.clear()
    assert len(store.search(ADA, query="Which trees are behind the barn?")) == 5
    assert [each.split()[1].removesuffix("_hybrid") for each in statements] == ["search_exact"]
    statements.clear()
    assert store.search(("memories", "nobody"), query="Which trees?") == []
    assert len(statements) == 1


def test_any_page_is_that_of_the_general_statement(store: PersistMemStore) -> None:
    put(store, SAID)
    for limit, offset in ((1, 0), (3, 0), (10, 0), (10, 7), (10, 20), (100, 0), (5, 50)):
        found = both(store, "How many pears are behind the school?", limit=limit, offset=offset)
        assert len(found) == max(0, min(limit, len(SAID) - offset))


def test_the_forms_of_a_word_are_one_word_whichever_statement_answers(store: PersistMemStore) -> None:
    put(store, [*SAID, "My child bought an oak", "The children buy elms and have bought a birch", "We buy nothing"])
    found = both(store, "Which tree did the child buy?", limit=5)
    assert {each.key for each in found[:2]} == {f"k{len(SAID)}", f"k{len(SAID) + 1}"}


def test_what_lies_below_is_found_and_the_short_statement_is_not_tried_again(
    store: PersistMemStore, statements: list[str]
) -> None:
    put(store, SAID[:3])
    put(store, ["The oak behind the barn is ill"], (*ADA, "notes"))
    put(store, ["The oak behind the barn is mine"], ("memories", "ada2"))
    for count in (2, 1):
        statements.clear()
        found = store.search(ADA, query="What ails the oak behind the barn?")
        assert {each.namespace for each in found} == {ADA, (*ADA, "notes")}
        assert len(found) == 4
        assert len(statements) == count


def test_of_many_on_a_par_the_last_changed_come_first(store: PersistMemStore) -> None:
    put(store, ["I like the oak"] * 60)
    store.put(ADA, "k7", {"text": "I like the oak"})
    assert both(store, "What do I like?", limit=3)[0].key == "k7"


def test_items_of_many_parts_hide_no_others(database: str, embeddings: LocalEmbeddings) -> None:
    index: Any = {"dims": 384, "embed": embeddings, "fields": ["said[*]"]}
    with PersistMemStore.from_conn_string(database, index=index) as store:
        store.setup()
        store.put(ADA, "oak", {"said": [f"The oak number {number} is old" for number in range(80)]})
        store.batch([PutOp(ADA, f"k{place}", {"said": [text]}) for place, text in enumerate(SAID)])
        found = both(store, "How old is the oak?", limit=10)
        assert len({each.key for each in found}) == 10
        assert found[0].key == "oak"


def test_expired_items_leave_no_gap(store: PersistMemStore, database: str) -> None:
    put(store, SAID)
    with psycopg.connect(database, autocommit=True) as admin:  # as if their time had come, and no sweep
        for table, key in (("memories", "id"), ("vectors", "memory_id")):
            admin.execute(
                f"""UPDATE persistmem.{table} SET expires_at = now() - interval '1 day' WHERE {key} IN (
                        SELECT id FROM persistmem.memories WHERE key IN ('k1', 'k4', 'k7', 'k10'))""".encode()
            )
    found = both(store, "Which elms and oaks are behind the school?", limit=8)
    assert len(found) == 8
    assert not {each.key for each in found} & {"k1", "k4", "k7", "k10"}


def test_a_filter_compares_all_that_pass(store: PersistMemStore, statements: list[str]) -> None:
    put(store, SAID)
    store.put(ADA, "marked", {"text": "A rose", "mark": 1})
    statements.clear()
    assert [each.key for each in store.search(ADA, query="Which elms?", filter={"mark": 1})] == ["marked"]
    assert len(statements) == 1
