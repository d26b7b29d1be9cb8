"""What mem0 keeps in pgvector is here after an import: for its user, once, with its dates."""

import hashlib
import json
import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import psycopg
import pytest
from langgraph.store.postgres import PostgresStore
from psycopg import sql

from langchain_persistmem import (
    ConfigurationError,
    EmbeddingMismatchError,
    ImportResult,
    InvalidInputError,
    LocalEmbeddings,
    PersistMem,
    Settings,
    UseAsyncMethodError,
)
from langchain_persistmem.__main__ import main

TABLE = """
CREATE EXTENSION IF NOT EXISTS vector;
CREATE TABLE IF NOT EXISTS {table} (id UUID PRIMARY KEY, vector vector({dims}), payload JSONB);
CREATE INDEX ON {table} USING hnsw (vector vector_cosine_ops);
CREATE INDEX ON {table} USING gin(to_tsvector('simple', payload->>'text_lemmatized'));
"""
"""As mem0ai 2.2.1 makes a collection in pgvector."""

CREATED = "2026-03-02T19:04:00.123456+00:00"
UPDATED = "2026-04-01T08:00:00+02:00"


def payload(data: str, user: str | None = "ada", **more: Any) -> dict[str, Any]:
    """As mem0's add() writes it."""
    scope = {} if user is None else {"user_id": user}
    return {
        "data": data,
        "hash": hashlib.md5(data.encode()).hexdigest(),
        "text_lemmatized": data.lower(),
        "created_at": CREATED,
        "updated_at": UPDATED,
        **scope,
        **more,
    }


PAYLOADS: list[Any] = [
    payload("Ada is allergic to hazelnuts", category="health", confidence=1e16),
    payload("Ada lives in Oslo", run_id="session-7", agent_id="helper", role="user", actor_id="Ada"),
    payload("Ben lives in Bergen 🐈 東京", "ben"),
]


def id_of(number: int) -> str:
    return str(UUID(int=number + 1))


def collect(
    conninfo: str, payloads: list[Any], embeddings: LocalEmbeddings, table: str = "mem0", dims: int = 384
) -> str:
    """A collection of mem0 with these payloads; returns the connection string."""
    texts = [str(each.get("data")) if isinstance(each, dict) else "" for each in payloads]
    vectors = [vector[:dims] for vector in embeddings.embed_documents(texts)] if texts else []
    with psycopg.connect(conninfo, autocommit=True) as connection:
        connection.execute(sql.SQL(TABLE).format(table=sql.Identifier(table), dims=sql.Literal(dims)))  # type: ignore[arg-type]
        insert = sql.SQL("INSERT INTO {} (id, vector, payload) VALUES (%s, %s, %s)").format(sql.Identifier(table))
        for number, (vector, each) in enumerate(zip(vectors, payloads, strict=True)):
            connection.execute(insert, (id_of(number), str(vector), None if each is None else json.dumps(each)))
    return conninfo


@pytest.fixture
def source(copied: Callable[..., str], embeddings: LocalEmbeddings) -> str:
    """Connection string of a database with a collection that has PAYLOADS."""
    return copied("a collection of mem0", lambda where: collect(where, PAYLOADS, embeddings))


async def carried(either: Any, *arguments: Any, **options: Any) -> ImportResult:
    """import_mem0 in either colour."""
    if either.asynchronous:
        return await either.memory.admin.aimport_mem0(*arguments, **options)
    return either.memory.admin.import_mem0(*arguments, **options)


def counts(imported: ImportResult) -> dict[str, int]:
    names = ("read", "added", "replaced", "unchanged", "duplicates", "expired", "refused")
    return {name: getattr(imported, name) for name in names if getattr(imported, name)}


def change(database: str, query: str, *parameters: Any) -> None:
    with psycopg.connect(database, autocommit=True) as connection:
        connection.execute(query.encode(), parameters)


@pytest.mark.parametrize("vectors", ["keep", "embed"])
async def test_a_memory_is_its_users_with_its_text_its_dates_and_the_rest_of_its_payload(
    either, source: str, vectors: str
) -> None:
    imported = await carried(either, source, vectors=vectors)
    assert counts(imported) == {"read": 3, "added": 3}
    assert (imported.total, imported.embedded) == (3, 0 if vectors == "keep" else 3)
    oslo, nuts = sorted(await either.list(user_id="ada"), key=lambda each: each.key, reverse=True)
    assert (nuts.key, nuts.text) == (id_of(0), "Ada is allergic to hazelnuts")
    assert nuts.value == {"text": nuts.text, "user_id": "ada", "category": "health", "confidence": 1e16}
    created = datetime.fromisoformat(CREATED)
    assert (nuts.valid_from, nuts.recorded_at) == (created, created)
    assert nuts.updated_at == datetime.fromisoformat(UPDATED)
    assert (nuts.provenance.source, nuts.provenance.extractor, nuts.kind) == ("import", "mem0", "semantic")
    assert oslo.speaker == "Ada"
    assert (oslo.value["run_id"], oslo.value["agent_id"]) == ("session-7", "helper")
    (best, *_) = await either.recall("Which nuts must I avoid?", threshold=0, user_id="ada")
    assert best.memory.key == nuts.key
    assert (await either.recall("Bergen", user_id="ben"))[0].score_parts.terms > 0


async def test_again_changes_nothing_and_a_change_there_comes(either, source: str) -> None:
    await carried(either, source)
    assert counts(await carried(either, source)) == {"read": 3, "unchanged": 3}
    newer = {**payload("Ada lives in Tromsø"), "updated_at": "2026-05-01T00:00:00+00:00"}
    change(source, "UPDATE mem0 SET payload = %s WHERE id = %s", json.dumps(newer), id_of(1))
    assert counts(await carried(either, source)) == {"read": 3, "replaced": 1, "unchanged": 2}
    assert [each.text for each in await either.recall("Where does Ada live?", limit=1, user_id="ada")] == [
        "Ada lives in Tromsø"
    ]
    await either.remember("Ada lives in Paris", key=id_of(1), user_id="ada")
    again = {**payload("Ada lives in Rome"), "updated_at": "2026-06-01T00:00:00+00:00"}
    change(source, "UPDATE mem0 SET payload = %s WHERE id = %s", json.dumps(again), id_of(1))
    assert counts(await carried(either, source)) == {"read": 3, "unchanged": 3}
    assert (await either.get(id_of(1), user_id="ada")).text == "Ada lives in Paris"


async def test_the_same_statement_of_a_user_is_kept_once(
    either, empty_database: str, embeddings: LocalEmbeddings
) -> None:
    same = [
        payload("Ada likes tea", mood="good"),
        payload("Ada likes tea", mood="bad"),
        payload("Ada  likes   tea"),
        payload("Ada likes tea", "ben"),
    ]
    collect(empty_database, same, embeddings)
    expected = {"read": 4, "added": 2, "duplicates": 2}
    assert counts(await carried(either, empty_database, dry_run=True, batch_size=1)) == expected
    assert counts(await carried(either, empty_database, batch_size=1)) == expected
    assert [each.value["mood"] for each in await either.list(user_id="ada")] == ["good"]
    await either.remember("Ada likes tea", user_id="ada")
    assert [each.confirmations for each in await either.list(user_id="ada")] == [1]
    newer = {**payload("Ada likes coffee", "ben"), "updated_at": "2026-05-01T00:00:00+00:00"}
    change(empty_database, "UPDATE mem0 SET payload = %s WHERE id = %s", json.dumps(newer), id_of(3))
    await either.remember("Ada likes coffee", user_id="ben")  # what is here says the same under another key
    assert counts(await carried(either, empty_database)) == {"read": 4, "replaced": 1, "unchanged": 1, "duplicates": 2}
    assert [each.text for each in await either.list(user_id="ben")] == ["Ada likes coffee", "Ada likes coffee"]


async def test_whose_memory_it_is_is_never_guessed_and_the_rest_goes_on(
    either, empty_database: str, embeddings: LocalEmbeddings, caplog
) -> None:
    secret = "the words of a memory"
    bad: list[tuple[Any, str]] = [
        (payload(secret, None, agent_id="helper"), "payload has no user_id"),
        (payload(secret, 7), "user_id is of type int"),  # type: ignore[arg-type]
        (payload(secret, ""), "user_id is empty"),
        (payload(secret, "u" * 600), "namespace takes"),
        (payload("   "), "payload.data is empty"),
        ({**payload(secret), "data": [secret]}, "payload.data is of type list"),
        ([secret], "payload is no JSON object"),
        (None, "payload is no JSON object"),
    ]
    collect(empty_database, [*(each for each, _ in bad), payload("Ada likes tea")], embeddings)
    imported = await carried(either, empty_database)
    assert counts(imported) == {"read": len(bad) + 1, "added": 1, "refused": len(bad)}
    assert [each.key for each in imported.refusals] == [id_of(number) for number in range(len(bad))]
    for refusal, (_, says) in zip(imported.refusals, bad, strict=True):
        assert says in refusal.reason
    assert secret not in str(imported) + caplog.text


async def test_a_template_can_name_the_agent_too(either, empty_database: str, embeddings: LocalEmbeddings) -> None:
    collect(empty_database, [payload("Ada likes tea", agent_id="cook"), payload("Ada likes jazz")], embeddings)
    imported = await carried(either, empty_database, namespace=("memories", "{user_id}", "{agent_id}"))
    assert counts(imported) == {"read": 2, "added": 1, "refused": 1}
    assert [each.text for each in await either.list(namespace=("memories", "ada", "cook"))] == ["Ada likes tea"]
    with pytest.raises(ConfigurationError, match="no name in braces"):
        await carried(either, empty_database, namespace=("memories",))


async def test_dates_of_every_kind_are_understood(either, empty_database: str, embeddings: LocalEmbeddings) -> None:
    today = datetime.now(UTC).date()
    odd = [
        {**payload("naive"), "created_at": "2026-03-02T19:04:00", "updated_at": None},
        {**payload("pacific"), "created_at": "2026-03-02T19:04:00-08:00"},
        {**payload("unknown"), "created_at": "yesterday", "updated_at": None},
        payload("gone", expiration_date=str(today - timedelta(days=1))),
        payload("until tonight", expiration_date=str(today)),
        payload("unclear", expiration_date="soon"),
    ]
    collect(empty_database, odd, embeddings)
    before = datetime.now(UTC)
    assert counts(await carried(either, empty_database)) == {"read": 6, "added": 5, "expired": 1}
    found = {each.text: each for each in await either.list(user_id="ada")}
    assert found["naive"].valid_from == found["naive"].updated_at == datetime(2026, 3, 2, 19, 4, tzinfo=UTC)
    assert found["pacific"].valid_from == datetime(2026, 3, 3, 3, 4, tzinfo=UTC)
    assert found["unknown"].valid_from >= before
    tomorrow = datetime.combine(today + timedelta(days=1), datetime.min.time(), UTC)
    assert (found["until tonight"].expires_at, found["unclear"].expires_at) == (tomorrow, None)
    assert counts(await carried(either, empty_database)) == {"read": 6, "unchanged": 5, "expired": 1}


async def test_the_record_of_an_agents_work_is_something_that_happened(
    either, empty_database: str, embeddings: LocalEmbeddings
) -> None:
    long = "The agent opened the page. " * 8_000
    collect(empty_database, [payload(long, memory_type="procedural_memory")], embeddings)
    await carried(either, empty_database)
    (kept,) = await either.list(user_id="ada")
    assert kept.kind == "episodic"  # an instruction would enter every context
    assert (len(kept.text or ""), kept.value["text"]) == (100_000, long)


async def test_any_name_of_a_collection_and_of_a_schema_is_possible(
    either, database: str, embeddings: LocalEmbeddings
) -> None:
    name = 'my "best" memories; DROP TABLE x --'
    try:
        collect(database, PAYLOADS, embeddings, table=name)
        assert counts(await carried(either, table=name, vectors="keep")) == {"read": 3, "added": 3}
        with pytest.raises(ConfigurationError, match=r"no collection of mem0 at public\.other"):
            await carried(either, table="other")
        with pytest.raises(ConfigurationError, match=r"no collection of mem0 at persistmem\.memories"):
            await carried(either, table="memories", schema="persistmem")
    finally:
        with psycopg.connect(database, autocommit=True) as connection:
            connection.execute(sql.SQL("DROP TABLE {}").format(sql.Identifier(name)))


async def test_vectors_of_another_model_are_not_kept(either, empty_database: str, embeddings: LocalEmbeddings) -> None:
    collect(empty_database, PAYLOADS, embeddings, dims=100)
    with pytest.raises(EmbeddingMismatchError, match="100 dimensions and those here 384"):
        await carried(either, empty_database, vectors="keep")
    assert counts(await carried(either, empty_database)) == {"read": 3, "added": 3}
    with pytest.raises(InvalidInputError, match="vectors is 'copy'"):
        await carried(either, empty_database, vectors="copy")


async def test_a_memory_without_a_vector_gets_one(either, source: str) -> None:
    change(source, "UPDATE mem0 SET vector = NULL WHERE id = %s", id_of(0))
    assert (await carried(either, source, vectors="keep")).embedded == 1
    assert (await either.recall("hazelnuts", user_id="ada"))[0].memory.key == id_of(0)


async def test_an_empty_collection_is_no_error(either, empty_database: str, embeddings: LocalEmbeddings) -> None:
    collect(empty_database, [], embeddings)
    assert await carried(either, empty_database) == ImportResult(dry_run=False)


async def test_a_blocking_import_into_an_asyncio_memory_names_the_other_one(amemory: PersistMem, source: str) -> None:
    with pytest.raises(UseAsyncMethodError, match=r"await memory\.admin\.aimport_mem0\("):
        amemory.admin.import_mem0(source)


async def test_a_long_text_is_found_by_its_beginning_and_kept_whole(
    database: str, empty_database: str, embeddings: LocalEmbeddings
) -> None:
    collect(empty_database, [payload("Ada likes tea. " + "And more. " * 50)], embeddings)
    async with PersistMem.aopen(database, embeddings=embeddings, settings=Settings(max_text_chars=50)) as memory:
        await memory.admin.aimport_mem0(empty_database)
        (kept,) = await memory.alist(user_id="ada")
        assert len(kept.text or "") > 500


def test_the_command_imports_and_tells_what_came_of_it(
    database: str, source: str, capsys: pytest.CaptureFixture[str]
) -> None:
    change(source, "INSERT INTO mem0 (id, payload) VALUES (%s, %s)", id_of(9), json.dumps(payload("secret", None)))
    arguments = ["import", "mem0", "--dsn", database, "--source", source, "--vectors", "keep"]
    assert main([*arguments, "--dry-run"]) == 1
    assert re.search(r"would be added +3\b", capsys.readouterr().out)
    assert main(arguments) == 1
    printed = capsys.readouterr()
    assert re.search(r" added +3\b.* refused +1\b", printed.out, re.DOTALL)
    assert f"refused: {id_of(9)}: payload has no user_id" in printed.err
    assert "secret" not in printed.out + printed.err
    assert main([*arguments, "--json"]) == 1
    told = json.loads(capsys.readouterr().out)
    assert (told["unchanged"], told["refusals"][0]["key"]) == (3, id_of(9))
    change(source, "DELETE FROM mem0 WHERE id = %s", id_of(9))
    assert main(arguments) == 0


def test_the_command_imports_a_store_and_names_what_is_not_there(
    database: str, empty_database: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with PostgresStore.from_conn_string(empty_database) as store:
        store.setup()
        store.put(("memories", "ada"), "tea", {"text": "Ada likes tea"})
    assert main(["import", "postgres-store", "--dsn", database, "--source", empty_database]) == 0
    assert re.search(r" added +1\b", capsys.readouterr().out)
    assert main(["import", "postgres-store", "--dsn", database, "--source", empty_database, "--schema", "x"]) == 1
    assert "no table of a PostgresStore at x.store" in capsys.readouterr().err
