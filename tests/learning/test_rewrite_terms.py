"""The terms of a database of before are made anew in the background, while it is used, and found at any moment."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest

from langchain_persistmem import LocalEmbeddings, PersistMem, Settings
from langchain_persistmem.learning.upgrade import rewrite
from tests.learning.test_rewrite import KilledError, kill_after, rows

DATABASE = Path(__file__).parents[1] / "data" / "e0a099c" / "database.sql"
ADA: dict[str, Any] = {"user_id": "ada"}
EVE: dict[str, Any] = {"user_id": "eve"}
# Questions that the terms of before answer as well, with the memory that is meant.
ALWAYS = {
    "Jørgen": "Jørgen lives in the yellow house by the quay.",
    "mx-12.berlin.acme.dev": "The backup of mx-12.berlin.acme.dev runs at night.",
    "很喜欢茶": "我很喜欢茶",
    "Renée": "Renée collects stamps.",
    "Århus": "My brother Søren works in Århus.",
}
AFTERWARDS = {
    "Jorgen": ALWAYS["Jørgen"],
    "mx-12": ALWAYS["mx-12.berlin.acme.dev"],
    "茶": ALWAYS["很喜欢茶"],
    "แมว": "ฉันมีแมวสามตัว",
    "5512": "The invoice 5512/2025 was paid.",
    "22855050": "Call the plumber at +47 22 85 50 50.",
    "renee": ALWAYS["Renée"],
    "Arhus": ALWAYS["Århus"],
}


@pytest.fixture
def old_database(copied: Callable[..., str], embeddings: LocalEmbeddings) -> str:
    """Connection string of a database in form 2, after today's setup()."""

    def fill(where: str) -> None:
        with psycopg.connect(where, autocommit=True) as connection:
            connection.execute("CREATE EXTENSION vector")
            connection.execute(DATABASE.read_bytes())
        with PersistMem.open(where, embeddings=embeddings, settings=Settings(worker=False)) as memory:
            assert memory.setup()

    return copied("terms as they were before", fill)


@pytest.fixture
def old(old_database: str, embeddings: LocalEmbeddings) -> Iterator[PersistMem]:
    """Memory on it; nobody works in the background."""
    with PersistMem.open(old_database, embeddings=embeddings, settings=Settings(worker=False)) as memory:
        yield memory


def by_terms(memory: PersistMem, question: str, **whose: Any) -> str:
    """The text that has most of the question's terms, "" if none has any."""
    found = memory.recall(question, threshold=0, **whose)
    best = max(found, key=lambda each: each.score_parts.terms)
    return best.text if best.score_parts.terms > 0 else ""


def state(database: str) -> list[list[tuple[Any, ...]]]:
    return [
        rows(database, "SELECT * FROM persistmem.terms ORDER BY 1, 2, 3"),
        rows(database, "SELECT namespace, form, documents, terms FROM persistmem.namespaces ORDER BY 1"),
    ]


def test_new_terms_are_found_when_all_is_done_and_the_sums_are_right(old: PersistMem, old_database: str) -> None:
    assert old.admin.status().work["rewrites"] == 2
    before = rows(old_database, "SELECT id, text, identity, status, told_at FROM persistmem.memories ORDER BY 1")
    vectors = rows(old_database, "SELECT count(*) FROM persistmem.vectors WHERE active")
    assert old.admin.maintain().rewrites == 2
    for question, text in (ALWAYS | AFTERWARDS).items():
        assert by_terms(old, question, **ADA) == text
    assert by_terms(old, "ငါး", **EVE) == "ကျွန်တော် ငါး မွေးတယ်"
    assert by_terms(old, "user agent", **EVE) == "The function parseUserAgent is slow."
    assert (
        rows(old_database, "SELECT id, text, identity, status, told_at FROM persistmem.memories ORDER BY 1") == before
    )
    assert rows(old_database, "SELECT count(*) FROM persistmem.vectors WHERE active") == vectors
    sums = "SELECT namespace, count(DISTINCT memory_id), sum(times)::bigint FROM persistmem.terms GROUP BY 1 ORDER BY 1"
    assert rows(old_database, sums) == rows(
        old_database, "SELECT namespace, documents, terms FROM persistmem.namespaces ORDER BY 1"
    )
    assert {form for (form,) in rows(old_database, "SELECT form FROM persistmem.namespaces")} == {3}


def test_what_was_found_before_is_found_at_any_moment(
    old: PersistMem, old_database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rewrite, "_BATCH", 1)
    monkeypatch.setattr(rewrite, "_ROUND_BATCHES", 1)
    for step in range(100):
        assert {question: by_terms(old, question, **ADA) for question in ALWAYS} == ALWAYS, step
        old.admin.process_pending(limit=1)
        if not old.admin.status().work["rewrites"]:
            break
    assert not old.admin.status().work["rewrites"]
    old.admin.process_pending(limit=1)
    assert not old.backend.may_have_rewrites
    assert by_terms(old, "Jorgen", **ADA) == ALWAYS["Jørgen"]


@pytest.mark.parametrize("batches", [0, 2, 5])
def test_one_that_was_killed_ends_as_if_it_had_run_once(
    batches: int, old: PersistMem, old_database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rewrite, "_BATCH", 3)
    with monkeypatch.context() as killing:
        kill_after(killing, batches)
        with pytest.raises(KilledError):
            old.admin.maintain()
    old.admin.maintain()
    once = state(old_database)
    with psycopg.connect(old_database) as connection:
        connection.execute(
            "INSERT INTO persistmem.rewrites (namespace, generation, due_at, created_at) "
            "SELECT namespace, generation, now(), now() FROM persistmem.namespaces"
        )
    old.backend.may_have_rewrites = True
    old.admin.maintain()
    assert state(old_database) == once


def test_forgetting_and_writing_half_way_leave_nothing_behind(
    old: PersistMem, old_database: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(rewrite, "_BATCH", 2)
    monkeypatch.setattr(rewrite, "_ROUND_BATCHES", 1)
    old.admin.process_pending(limit=1)
    file = tmp_path / "ada.jsonl"
    old.privacy.export(file, **ADA)
    old.forget([old.list(limit=100, **EVE)[0].key], **EVE)
    old.forget(["brother"], **ADA)
    old.remember("My cousin Bjørg sails", **ADA)
    old.admin.maintain()
    terms = {term for (term,) in rows(old_database, "SELECT term FROM persistmem.terms")}
    assert not terms & {"soren", "søren", "arhus", "århus", "brother"}
    assert by_terms(old, "bjorg", **ADA) == "My cousin Bjørg sails"
    old.forget(everything=True, **ADA)
    old.privacy.import_file(file, **ADA)
    assert by_terms(old, "Jorgen", **ADA) == ALWAYS["Jørgen"]


def test_a_process_that_opens_a_finished_database_asks_for_new_terms_only(
    old: PersistMem, old_database: str, embeddings: LocalEmbeddings
) -> None:
    old.recall("tea", **ADA)
    assert old.backend.may_have_rewrites
    old.admin.maintain()
    with PersistMem.open(old_database, embeddings=embeddings, settings=Settings(worker=False)) as memory:
        assert set(memory.explain("Jørgen", **ADA).terms) == {"jorgen"}
        assert not memory.backend.may_have_rewrites
