"""What another memory holds is here after an import: to the letter, once, and never over something newer."""

import json
import os
import signal
import subprocess
import sys
import textwrap
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import timedelta
from functools import cache
from typing import Any

import psycopg
import pytest
from langgraph.store.base import PutOp, SearchItem
from langgraph.store.postgres import PostgresStore
from psycopg.conninfo import make_conninfo
from psycopg.rows import dict_row

from langchain_persistmem import (
    AsyncPersistMemStore,
    ConfigurationError,
    EmbeddingError,
    EmbeddingMismatchError,
    ImportResult,
    InvalidInputError,
    LocalEmbeddings,
    PersistMem,
    PersistMemStore,
    Progress,
    Settings,
    StorageUnavailableError,
    UseAsyncMethodError,
    aimport_postgres_store,
    import_postgres_store,
)
from langchain_persistmem.privacy.import_postgres_store import paths_of
from langchain_persistmem.types.namespace import decode
from tests.support.round_trips import proxied

pytestmark = pytest.mark.slow

UNICODE = "Grüße aus 東京 🐈 \u202e\U0010ffff \\ \" ' % {} .."
ITEMS: dict[tuple[tuple[str, ...], str], tuple[dict[str, Any], dict[str, Any]]] = {
    (("memories", "ada"), "tea"): ({"text": "Ada drinks green tea in the morning"}, {}),
    (("memories", "ada"), "dog"): ({"content": "Ada has a dog called Rex", "kind": "episodic", "importance": 0.9}, {}),
    (("memories", "ben"), "tea"): ({"text": "Ben drinks coffee"}, {}),
    (("memories", "ben", "facts"), "deep"): (
        {
            "a": {"b": [{"c": None}, 1, 2.5, True, "x", []]},
            "e": {},
            "big": 1e16,
            "tiny": 1e-7,
            "n": 12345678901234567890,
        },
        {},
    ),
    (("docs", UNICODE.replace(".", "")), UNICODE): ({UNICODE: UNICODE, "tags": ["tea", "dogs", UNICODE]}, {}),
    (("docs",), "several"): (
        {"title": "On cats", "tags": ["cats", "pets"], "body": "Cats sleep a lot"},
        {"index": ["title", "tags[*]", "body"]},
    ),
    (("docs",), "secret"): ({"text": "The vault opens at noon"}, {"index": False}),
    (("docs",), "empty"): ({}, {}),
    (("sessions",), "soon"): ({"text": "Ada is in Oslo today"}, {"ttl": 60}),
    (("sessions",), "short"): ({"text": "A quarter of a minute"}, {"ttl": 0.25}),
}


class Counting(LocalEmbeddings):
    """The local model; it knows how many texts it was given, and can be made to do something first."""

    def __init__(self) -> None:
        super().__init__()
        self.texts: list[str] = []
        self.first: Callable[[], object] = lambda: None

    def embed_documents(self, texts: list[str]) -> list[list[float]]:
        self.first()
        self.texts += texts
        return super().embed_documents(texts)


@pytest.fixture(scope="session")
def counting() -> Counting:
    return Counting()


@pytest.fixture
def model(counting: Counting) -> Iterator[Counting]:
    """The local embedding model, counting from zero; the same model as that of the other fixtures."""
    counting.texts.clear()
    yield counting
    counting.first = lambda: None


SAME_MODEL = Settings(embedding_model="LocalEmbeddings:all-MiniLM-L6-v2-int8:384")


@contextmanager
def upstream(conninfo: str, index: dict[str, Any] | None) -> Iterator[PostgresStore]:
    """LangGraph's own store."""
    with PostgresStore.from_conn_string(conninfo, index=index) as store:  # type: ignore[arg-type]
        store.setup()
        yield store


def index_of(embeddings: LocalEmbeddings, **options: Any) -> dict[str, Any]:
    return {"dims": 384, "embed": embeddings, **options}


def fill(conninfo: str, index: dict[str, Any] | None) -> dict[tuple[tuple[str, ...], str], Any]:
    """Put ITEMS there; returns them as the store returns them. None expires by itself, however busy the machine is."""
    with upstream(conninfo, index) as store:
        store.batch([PutOp(namespace, key, value, **options) for (namespace, key), (value, options) in ITEMS.items()])
        change(conninfo, "UPDATE store SET expires_at = now() + interval '1 day' WHERE expires_at IS NOT NULL")
        return {place: store.get(*place, refresh_ttl=False) for place in ITEMS}


@pytest.fixture
def source(copied: Callable[..., str], embeddings: LocalEmbeddings) -> str:
    """Connection string of another database, with LangGraph's store and ITEMS in it."""
    return copied("a store to import", lambda where: fill(where, index_of(embeddings)))


async def carried(either: Any, *arguments: Any, into: Any = None, **options: Any) -> ImportResult:
    """import_postgres_store in either colour."""
    place = into or either.memory
    if either.asynchronous:
        return await aimport_postgres_store(place, *arguments, **options)
    return import_postgres_store(place, *arguments, **options)


def counts(imported: ImportResult) -> dict[str, int]:
    """The counts that are not zero, but for the total."""
    names = ("read", "added", "replaced", "unchanged", "duplicates", "expired", "refused", "embedded")
    return {name: getattr(imported, name) for name in names if getattr(imported, name)}


def rows(database: str, query: str, **parameters: Any) -> list[dict[str, Any]]:
    with psycopg.connect(database, row_factory=dict_row) as connection:
        return connection.execute(query.encode(), parameters).fetchall()


def change(database: str, query: str, *parameters: Any) -> None:
    with psycopg.connect(database, autocommit=True) as connection:
        connection.execute(query.encode(), parameters)


def content(database: str) -> dict[str, Any]:
    """Everything that can be found here, without what differs from run to run: ids."""
    return {
        "memories": rows(
            database,
            "SELECT namespace, key, kind, status, text, value::text, importance, confirmations, speaker, source, provenance,"
            " encode(identity, 'hex') AS identity, valid_from, recorded_at, updated_at, expires_at, time_to_live"
            " FROM persistmem.memories ORDER BY namespace, key, status",
        ),
        "vectors": rows(
            database,
            "SELECT m.namespace, m.key, v.part, v.active, v.expires_at, v.embedding::text FROM persistmem.vectors v"
            " JOIN persistmem.memories m ON m.namespace = v.namespace AND m.id = v.memory_id ORDER BY 1, 2, 3",
        ),
        "terms": rows(
            database,
            "SELECT m.namespace, m.key, w.term, w.times, w.length FROM persistmem.terms w"
            " JOIN persistmem.memories m ON m.namespace = w.namespace AND m.id = w.memory_id ORDER BY 1, 2, 3",
        ),
        "namespaces": rows(database, "SELECT namespace, documents, terms FROM persistmem.namespaces ORDER BY 1"),
    }


@pytest.mark.parametrize("vectors", ["keep", "embed"])
async def test_every_item_is_here_to_the_letter_with_its_dates(
    either, empty_database: str, embeddings: LocalEmbeddings, vectors: str
) -> None:
    there = fill(empty_database, index_of(embeddings))
    imported = await carried(either, empty_database, vectors=vectors)
    assert imported.total == imported.read == imported.added == len(ITEMS)
    assert (imported.embedded > 0) == (vectors == "embed")
    for (namespace, key), item in there.items():
        store = either.memory.store
        here = await store.aget(namespace, key, refresh_ttl=False) if either.asynchronous else None
        here = here or store.get(namespace, key, refresh_ttl=False)
        assert here is not None, key
        assert here.dict() == item.dict()
        assert repr(here.value) == repr(item.value)  # 1e16 and 10000000000000000 are equal


@pytest.mark.parametrize("vectors", ["keep", "embed"])
async def test_what_was_imported_is_recalled_by_meaning_and_by_words(either, source: str, vectors: str) -> None:
    await carried(either, source, vectors=vectors)
    (best, *_) = await either.recall("What does Ada drink?", user_id="ada")
    assert (best.memory.key, best.memory.provenance.source) == ("tea", "import")
    assert best.score_parts.meaning > 0
    assert best.score_parts.terms > 0
    (best, *_) = await either.recall("her pet", threshold=0, user_id="ada")
    assert (best.memory.key, best.memory.kind, best.memory.importance) == ("dog", "episodic", pytest.approx(0.9))
    assert "Rex" in (await either.context("What is the dog called?", user_id="ada")).text


async def test_times_to_live_go_on_and_what_has_expired_stays_behind(either, source: str) -> None:
    change(source, "UPDATE store SET expires_at = now() - interval '1 minute' WHERE key = 'short'")
    imported = await carried(either, source)
    assert counts(imported)["expired"] == 1
    (theirs,) = rows(source, "SELECT expires_at FROM store WHERE key = 'soon'")
    (ours,) = rows(
        either.memory.backend.pool.conninfo,
        "SELECT expires_at, time_to_live FROM persistmem.memories WHERE namespace = 'sessions'",
    )
    assert ours == {**theirs, "time_to_live": timedelta(minutes=60)}
    vectors = rows(
        either.memory.backend.pool.conninfo, "SELECT expires_at FROM persistmem.vectors WHERE namespace = 'sessions'"
    )
    assert vectors == [theirs]


async def test_kept_vectors_are_the_same_and_no_model_is_asked(database: str, source: str, model: Counting) -> None:
    async with PersistMem.aopen(database, embeddings=model, settings=SAME_MODEL) as memory:
        imported = await aimport_postgres_store(memory, source, vectors="keep")
    assert (imported.embedded, model.texts) == (0, [])
    theirs: dict[Any, list[list[float]]] = {}
    for row in rows(
        source, "SELECT prefix, key, embedding::text AS e FROM store_vectors ORDER BY prefix, key, field_name"
    ):
        theirs.setdefault((tuple(row["prefix"].split(".")), row["key"]), []).append(json.loads(row["e"]))
    ours: dict[Any, list[list[float]]] = {}
    query = (
        "SELECT m.namespace, m.key, v.embedding::text AS e FROM persistmem.vectors v"
        " JOIN persistmem.memories m ON m.namespace = v.namespace AND m.id = v.memory_id"
        " WHERE v.active ORDER BY m.namespace, m.key, v.part"
    )
    for row in rows(database, query):
        ours.setdefault((decode(row["namespace"]), row["key"]), []).append(json.loads(row["e"]))
    del theirs[("docs",), "empty"]  # there, the text "{}" is embedded; here, nothing is
    assert ours.keys() == theirs.keys()
    for place, vectors in theirs.items():
        assert len(ours[place]) == len(vectors)
        for here, there in zip(ours[place], vectors, strict=True):
            assert here == pytest.approx(there, abs=1e-3)  # halfvec has three digits


async def test_an_item_is_found_by_the_fields_that_the_source_indexed_it_by(either, source: str) -> None:
    await carried(either, source)
    (several,) = [each for each in await either.list(namespace=("docs",)) if each.key == "several"]
    assert several.text is not None
    assert sorted(several.text.splitlines()) == ["Cats sleep a lot", "On cats", "cats", "pets"]


async def test_the_text_has_the_fields_in_the_order_of_the_store_here(either, source: str) -> None:
    kind = AsyncPersistMemStore if either.asynchronous else PersistMemStore
    await carried(either, source, into=kind(either.memory.backend, index={"fields": ["title", "tags[*]", "body"]}))
    assert (await either.get("several", namespace=("docs",))).text == "On cats\ncats\npets\nCats sleep a lot"


async def test_given_fields_decide_what_an_item_is_found_by(either, source: str) -> None:
    await carried(either, source, fields=["body"])
    found = {each.key: each.text for each in await either.list(namespace=("docs",))}
    assert found == {"several": "Cats sleep a lot", "secret": None, "empty": None}


@pytest.mark.parametrize("vectors", ["keep", "embed"])
async def test_what_the_source_keeps_out_of_its_search_stays_out_unless_it_is_asked_for(
    either, source: str, vectors: str
) -> None:
    await carried(either, source, vectors=vectors)
    assert "secret" not in [each.memory.key for each in await either.recall("vault", threshold=0, namespace=("docs",))]
    change(source, "UPDATE store SET updated_at = now() WHERE key = 'secret'")
    imported = await carried(either, source, vectors=vectors, unindexed="embed")
    assert counts(imported) == {"read": len(ITEMS), "replaced": 1, "unchanged": len(ITEMS) - 1, "embedded": 1}
    assert (await either.recall("vault", namespace=("docs",)))[0].memory.key == "secret"


async def test_a_store_that_had_no_index_is_embedded_whole(either, empty_database: str) -> None:
    fill(empty_database, None)
    with pytest.raises(ConfigurationError, match=r"no table public\.store_vectors"):
        await carried(either, empty_database, vectors="keep")
    assert (await carried(either, empty_database)).added == len(ITEMS)
    assert (await either.recall("What does Ada drink?", user_id="ada"))[0].memory.key == "tea"


async def test_a_store_of_before_times_to_live_is_read_too(either, empty_database: str) -> None:
    fill(empty_database, None)
    change(empty_database, "ALTER TABLE store DROP COLUMN expires_at, DROP COLUMN ttl_minutes")
    assert (await carried(either, empty_database)).added == len(ITEMS)


async def test_the_same_database_and_another_schema_are_possible(
    either, database: str, empty_database: str, embeddings: LocalEmbeddings
) -> None:
    change(empty_database, 'CREATE SCHEMA IF NOT EXISTS "My agents\'"')
    fill(make_conninfo(empty_database, options='-csearch_path="My\\ agents\'",public'), index_of(embeddings))
    assert (await carried(either, empty_database, schema="My agents'", vectors="keep")).added == len(ITEMS)
    change(database, "DROP TABLE IF EXISTS store, store_vectors, store_migrations, vector_migrations CASCADE")
    with upstream(database, index_of(embeddings)) as store:
        store.put(("memories", "eve"), "x", {"text": "Eve likes cocoa"})
    try:
        assert counts(await carried(either, vectors="keep")) == {"read": 1, "added": 1}
        assert (await either.recall("cocoa", user_id="eve"))[0].memory.key == "x"
    finally:
        change(database, "DROP TABLE store, store_vectors, store_migrations, vector_migrations CASCADE")


@pytest.mark.parametrize(
    "options", [{"ann_index_config": {"vector_type": "halfvec"}}, {"distance_type": "inner_product"}]
)
async def test_each_vector_type_and_distance_can_be_kept(
    either, empty_database: str, embeddings: LocalEmbeddings, options: dict[str, Any]
) -> None:
    fill(empty_database, index_of(embeddings, **options))
    assert (await carried(either, empty_database, vectors="keep")).embedded == 0
    assert (await either.recall("What does Ada drink?", user_id="ada"))[0].memory.key == "tea"


async def test_a_vector_that_cannot_be_compared_is_made_anew(either, source: str) -> None:
    change(source, f"UPDATE store_vectors SET embedding = '[{','.join(['0'] * 384)}]' WHERE key = 'dog'")
    assert (await carried(either, source, vectors="keep")).embedded == 1
    assert (await either.recall("dog", user_id="ada"))[0].memory.key == "dog"


async def test_vectors_of_another_model_are_refused_before_anything_is_written(either, empty_database: str) -> None:
    with upstream(empty_database, {"dims": 3, "embed": lambda texts: [[1.0, 2.0, 3.0] for _ in texts]}) as store:
        store.put(("memories", "ada"), "a", {"text": "Ada likes tea"})
    with pytest.raises(EmbeddingMismatchError, match="3 dimensions and those here 384"):
        await carried(either, empty_database, vectors="keep")
    assert await either.list(user_id="ada") == []
    assert counts(await carried(either, empty_database)) == {"read": 1, "added": 1, "embedded": 1}
    change(empty_database, "DROP INDEX store_vectors_embedding_idx")
    change(empty_database, "ALTER TABLE store_vectors ALTER embedding TYPE bit(3) USING B'101'")
    with pytest.raises(ConfigurationError, match=r"type bit\(3\)"):
        await carried(either, empty_database, vectors="keep")


async def test_again_changes_nothing_and_asks_no_model(database: str, source: str, model: Counting) -> None:
    with PersistMem.open(database, embeddings=model, settings=SAME_MODEL) as memory:
        first = import_postgres_store(memory, source)
        assert first.embedded == len(model.texts) > 0
        before = content(database)
        again = import_postgres_store(memory, source)
    assert counts(again) == {"read": len(ITEMS), "unchanged": len(ITEMS)}
    assert len(model.texts) == first.embedded
    assert content(database) == before


async def test_what_is_newer_here_stays_and_what_is_newer_there_comes(
    either, source: str, embeddings: LocalEmbeddings
) -> None:
    await carried(either, source)
    store = either.memory.store
    if either.asynchronous:
        await store.aput(("memories", "ada"), "tea", {"text": "Ada drinks water now"})
    else:
        store.put(("memories", "ada"), "tea", {"text": "Ada drinks water now"})
    with upstream(source, index_of(embeddings)) as theirs:
        theirs.put(("memories", "ada"), "dog", {"text": "The dog is called Max now"})
        theirs.put(("memories", "ada"), "new", {"text": "Ada learns Norwegian"})
        theirs.delete(("memories", "ben"), "tea")
        created = theirs.get(("memories", "ada"), "dog").created_at
    imported = await carried(either, source, vectors="keep")
    assert counts(imported) == {"read": len(ITEMS), "added": 1, "replaced": 1, "unchanged": len(ITEMS) - 2}
    texts = {each.key: each.text for each in await either.list(user_id="ada")}
    assert texts == {"tea": "Ada drinks water now", "dog": "The dog is called Max now", "new": "Ada learns Norwegian"}
    assert (await either.get("dog", user_id="ada")).recorded_at == created
    assert [
        each.memory.key for each in await either.recall("Rex", threshold=0, user_id="ada") if each.score_parts.terms
    ] == []
    assert len(await either.list(user_id="ben")) == 1


def test_what_is_put_while_the_model_works_is_not_overwritten(database: str, source: str, model: Counting) -> None:
    with PersistMem.open(database, embeddings=model, settings=SAME_MODEL) as memory:

        def put() -> None:
            model.first = lambda: None
            memory.store.put(("memories", "ada"), "tea", {"text": "Ada drinks water now"})

        model.first = put
        imported = import_postgres_store(memory, source)
        assert counts(imported)["unchanged"] == 1
        assert memory.get("tea", user_id="ada").text == "Ada drinks water now"


def test_no_connection_is_held_while_the_model_works(database: str, source: str, model: Counting) -> None:
    with PersistMem.open(database, embeddings=model, settings=SAME_MODEL) as memory:
        open_transactions: list[Any] = []
        query = "SELECT state FROM pg_stat_activity WHERE state LIKE 'idle in%%' AND datname = ANY (%(names)s)"
        names = [psycopg.conninfo.conninfo_to_dict(each)["dbname"] for each in (database, source)]
        model.first = lambda: open_transactions.extend(rows(database, query, names=names))
        assert import_postgres_store(memory, source, batch_size=3).embedded > 0
        assert open_transactions == []


def test_several_imports_at_once_bring_every_item_once(memory: PersistMem, source: str) -> None:
    with ThreadPoolExecutor(4) as threads:
        runs = list(
            threads.map(lambda _: import_postgres_store(memory, source, vectors="keep", batch_size=3), range(4))
        )
    assert sum(each.added for each in runs) == len(ITEMS)
    assert all(each.added + each.unchanged == len(ITEMS) for each in runs)
    assert len(memory.store.search((), limit=100)) == len(ITEMS)


async def test_an_import_can_be_awaited_on_a_blocking_memory_too(memory: PersistMem, source: str) -> None:
    seen: list[Progress] = []
    assert (await aimport_postgres_store(memory, source, vectors="keep", progress=seen.append)).added == len(ITEMS)
    assert len(seen) == 1


async def test_a_dry_run_counts_and_writes_nothing(either, database: str, source: str) -> None:
    change(source, "UPDATE store SET expires_at = now() - interval '1 minute' WHERE key = 'short'")
    change(source, "UPDATE store SET value = '[1]' WHERE key = 'empty'")
    before = content(database)
    foreseen = await carried(either, source, dry_run=True, batch_size=4)
    assert foreseen.dry_run
    assert content(database) == before
    happened = await carried(either, source)
    assert {**counts(foreseen), "embedded": 0} == {**counts(happened), "embedded": 0}
    assert foreseen.refusals == happened.refusals


DEEP = "[" * 300 + "]" * 300


async def test_what_cannot_be_stored_is_reported_and_the_rest_goes_on(either, source: str, caplog) -> None:
    secret = "the words of a memory"
    bad = {
        ("memories..ada", "empty label"): (f'{{"text": "{secret}"}}', "is empty"),
        ("memories." + "x" * 600, "long"): ("{}", "512"),
        ("memories.ada", "k" * 1025): ("{}", "key is longer than 1,024 bytes"),
        ("memories.ada", "list"): (f'["{secret}"]', "value is of type list"),
        ("memories.ada", "null"): ("null", "value is null"),
        ("memories.ada", "deep"): (f'{{"a": {DEEP}}}', "nested deeper than 100"),
        ("memories.ada", "number"): (f'{{"a": 1{"0" * 5000}}}', "4,300 digits"),
    }
    for (prefix, key), (value, _) in bad.items():
        change(source, "INSERT INTO store (prefix, key, value) VALUES (%s, %s, %s)", prefix, key, value)
    imported = await carried(either, source, batch_size=4)
    assert (imported.added, imported.refused) == (len(ITEMS), len(bad))
    reasons = {(".".join(each.namespace), each.key): each.reason for each in imported.refusals}
    for place, (_, says) in bad.items():
        assert says in reasons[place], place
    assert secret not in str(imported) + caplog.text
    assert len([record for record in caplog.records if "not imported" in record.message]) == len(bad)


async def test_progress_is_told_after_each_batch(either, source: str) -> None:
    seen: list[Progress] = []
    imported = await carried(either, source, batch_size=3, progress=seen.append)
    assert [each.done for each in seen] == [3, 6, 9, 10]
    assert {(each.step, each.total) for each in seen} == {("rows", 10)}
    assert imported.read == 10


async def test_an_import_of_nothing_is_told_once(either, empty_database: str) -> None:
    with upstream(empty_database, None):
        pass
    seen: list[Progress] = []
    assert await carried(either, empty_database, progress=seen.append) == ImportResult(dry_run=False)
    assert len(seen) == 1


async def test_a_store_can_be_the_place_too(either, source: str) -> None:
    kind = AsyncPersistMemStore if either.asynchronous else PersistMemStore
    store = kind(either.memory.backend, index={"fields": ["body"]})
    assert (await carried(either, source, into=store)).added == len(ITEMS)


async def test_the_fields_of_the_store_count_where_the_source_indexed_nothing(either, empty_database: str) -> None:
    fill(empty_database, None)
    kind = AsyncPersistMemStore if either.asynchronous else PersistMemStore
    await carried(either, empty_database, into=kind(either.memory.backend, index={"fields": ["title", "body"]}))
    texts = {each.key: each.text for each in await either.list(namespace=("docs",))}
    assert texts == {"several": "On cats\nCats sleep a lot", "secret": None, "empty": None}


def test_a_store_without_an_index_takes_items_over_without_vectors(
    source: str,
) -> None:
    with PersistMemStore.from_conn_string(source) as store:  # both in one database
        store.setup()
        with pytest.raises(ConfigurationError, match="by a store with an index"):
            import_postgres_store(store, vectors="keep")
        assert counts(import_postgres_store(store)) == {"read": len(ITEMS), "added": len(ITEMS)}
        assert store.get(("docs",), "secret") is not None


def test_the_source_needs_only_to_be_readable_and_is_not_written_to(
    memory: PersistMem, source: str, server: str
) -> None:
    before = rows(source, "SELECT * FROM store ORDER BY prefix, key")
    change(source, "CREATE ROLE persistmem_reader LOGIN PASSWORD 'x'")
    try:
        change(source, "GRANT SELECT ON store, store_vectors TO persistmem_reader")
        reader = make_conninfo(source, user="persistmem_reader", password="x")
        assert import_postgres_store(memory, reader).added == len(ITEMS)
        assert rows(source, "SELECT * FROM store ORDER BY prefix, key") == before
    finally:
        change(source, "GRANT persistmem_reader TO CURRENT_USER")
        change(source, "DROP OWNED BY persistmem_reader")
        change(server, "DROP ROLE persistmem_reader")


async def test_a_lost_connection_repeats_one_batch_and_the_counts_are_right(either, source: str) -> None:
    name = psycopg.conninfo.conninfo_to_dict(source)["dbname"]
    lost: list[int] = []

    def cut(seen: Progress) -> None:
        if seen.done == 3:
            with psycopg.connect(either.memory.backend.pool.conninfo, autocommit=True) as admin:
                query = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s"
                lost.append(len(admin.execute(query, [name]).fetchall()))

    imported = await carried(either, source, batch_size=3, progress=cut)
    assert lost != [0]
    assert (imported.added, imported.unchanged) == (len(ITEMS), 0)


async def test_a_model_that_fails_leaves_the_batches_before_and_again_goes_on(
    database: str, source: str, model: Counting
) -> None:
    with PersistMem.open(database, embeddings=model, settings=SAME_MODEL) as memory:

        def fail() -> None:
            if len(model.texts) > 3:
                raise RuntimeError("too many requests")

        model.first = fail
        with pytest.raises(EmbeddingError):
            import_postgres_store(memory, source, batch_size=2)
        model.first = lambda: None
        again = import_postgres_store(memory, source, batch_size=2)
        assert again.unchanged > 0
        assert again.added + again.unchanged == len(ITEMS)


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"vectors": "copy"}, "vectors is 'copy'"),
        ({"unindexed": "no"}, "unindexed is 'no'"),
        ({"batch_size": 0}, "batch_size is 0"),
        ({"schema": ""}, "schema is ''"),
    ],
)
async def test_a_wrong_argument_is_named(either, options: dict[str, Any], says: str) -> None:
    with pytest.raises(InvalidInputError, match=says):
        await carried(either, **options)
    with pytest.raises(InvalidInputError, match=r"fields\[0\] is of type int; pass a string"):
        await carried(either, fields=[1])


async def test_a_source_that_is_not_there_is_named(either, empty_database: str) -> None:
    with pytest.raises(ConfigurationError, match=r"no table of a PostgresStore at public\.store"):
        await carried(either, empty_database)
    with pytest.raises(StorageUnavailableError, match="check conninfo"):
        await carried(either, "postgresql://nobody:secret@127.0.0.1:1/nothing")
    with pytest.raises(ConfigurationError, match="malformed"):
        await carried(either, "postgresql://:::/x y=")


async def test_a_blocking_import_into_an_asyncio_memory_names_the_other_one(amemory: PersistMem, source: str) -> None:
    with pytest.raises(UseAsyncMethodError, match=r"await aimport_postgres_store\("):
        import_postgres_store(amemory, source)


def test_the_paths_behind_the_names_of_vectors() -> None:
    value = {"tags": ["a", "b"], "x": {"0": "p", "1": "q"}, "one": ["c"]}
    assert paths_of(["$", "one[*]", "tags[*].0", "tags[*].1"], value) == ["$", "one[*]", "tags[*]"]
    assert paths_of(["x.0", "x.1"], value) == ["x.0", "x.1"]


ROWS = 5_000


@pytest.fixture(scope="module")
def large(server: str, embeddings: LocalEmbeddings) -> Iterator[str]:
    """Connection string of a database with 5,000 items of 100 users in LangGraph's store."""
    name = "persistmem_large_source"
    change(server, f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")
    change(server, f"CREATE DATABASE {name}")

    @cache
    def embedded(text: str) -> tuple[float, ...]:
        return tuple(embeddings.embed_query(text))

    things = ["tea", "dogs", "chess", "Oslo", "the sea", "old films", "jazz", "running", "maths", "bread"]
    conninfo = make_conninfo(server, dbname=name)
    with upstream(
        conninfo, {"dims": 384, "embed": lambda texts: [list(embedded(text)) for text in texts], "fields": ["text"]}
    ) as store:
        ops = [
            PutOp(
                ("memories", f"user{number % 100}"),
                f"item-{number}",
                {"text": f"I like {things[number // 100 % 10]}", "number": number, "half": number / 2},
                index=None if number % 10 else False,
                ttl=60 * 24 if number % 7 == 0 else None,
            )
            for number in range(ROWS)
        ]
        for start in range(0, ROWS, 1000):
            store.batch(ops[start : start + 1000])
    yield conninfo
    change(server, f"DROP DATABASE {name} WITH (FORCE)")


def test_five_thousand_items_come_over_in_bounded_batches_without_a_model(
    database: str, large: str, model: Counting
) -> None:
    with PersistMem.open(database, embeddings=model, settings=SAME_MODEL) as memory:
        seen: list[Progress] = []
        imported = import_postgres_store(memory, large, vectors="keep", progress=seen.append)
        assert counts(imported) == {"read": ROWS, "added": ROWS}
        assert [each.done for each in seen] == [*range(1_000, ROWS + 1, 1_000), ROWS]
        assert model.texts == []
        with upstream(large, None) as store:
            theirs = store.search((), limit=ROWS)
        ours = memory.store.search((), limit=ROWS)
        assert len(ours) == ROWS

        def plain(items: list[SearchItem]) -> dict[Any, Any]:
            return {(item.namespace, item.key): (item.value, item.created_at, item.updated_at) for item in items}

        assert plain(ours) == plain(theirs)
        assert "jazz" in memory.recall("Which music do I like?", user_id="user42")[0].text
        (found,) = rows(database, "SELECT count(*) AS n FROM persistmem.vectors")
        assert found["n"] == ROWS * 9 // 10


def test_the_people_of_a_page_share_their_round_trips(database: str, source: str, embeddings: LocalEmbeddings) -> None:
    settings = Settings(worker=False, pool_min=1, pool_max=1)
    with (
        proxied(database) as proxy,
        PersistMem.open(proxy.conninfo, embeddings=embeddings, settings=settings) as memory,
    ):
        assert memory.recall("tea", user_id="ada") == []  # what is looked up once is known
        before = proxy.round_trips
        result = import_postgres_store(memory, source, vectors="keep")
        taken = proxy.round_trips - before
    people = {namespace for namespace, _ in ITEMS}
    assert result.added == len(ITEMS)
    assert taken < len(people)


KILLED = """
    import os, signal, sys
    from langchain_persistmem import PersistMem, import_postgres_store
    from langchain_persistmem.postgres.queries import search_index

    database, source, at = sys.argv[1], sys.argv[2], int(sys.argv[3])
    insert_terms, calls = search_index.insert_terms, 0

    def killing(*arguments, **options):  # in the middle of the transaction that writes a batch
        global calls
        calls += 1
        if calls == at:
            os.kill(os.getpid(), signal.SIGKILL)
        return insert_terms(*arguments, **options)

    search_index.insert_terms = killing
    with PersistMem.open(database) as memory:
        import_postgres_store(memory, source, vectors="keep", batch_size=400)
"""


@pytest.mark.ci
@pytest.mark.own_database
def test_an_import_that_is_killed_and_run_again_ends_like_one_that_ran_once(
    database: str, large: str, server: str, template: str, embeddings: LocalEmbeddings
) -> None:
    other = "persistmem_large_target"
    change(server, f"DROP DATABASE IF EXISTS {other} WITH (FORCE)")
    change(server, f"CREATE DATABASE {other} TEMPLATE {template}")
    once = make_conninfo(server, dbname=other)
    try:
        with PersistMem.open(once, embeddings=embeddings) as memory:
            import_postgres_store(memory, large, vectors="keep")
        held: list[int] = []
        for at in (5, 40):
            killed = subprocess.run(
                [sys.executable, "-c", textwrap.dedent(KILLED), database, large, str(at)],
                env=dict(os.environ),
                capture_output=True,
                check=False,
            )
            assert killed.returncode == -signal.SIGKILL, killed.stderr.decode()
            held.append(len(rows(database, "SELECT 1 FROM persistmem.memories")))
        assert 0 <= held[0] < held[1] < ROWS
        assert held[1] % 400 == 0
        with PersistMem.open(database, embeddings=embeddings) as memory:
            last = import_postgres_store(memory, large, vectors="keep")
        assert (last.unchanged, last.added) == (held[1], ROWS - held[1])
        assert content(database) == content(once)
    finally:
        change(server, f"DROP DATABASE {other} WITH (FORCE)")
