"""The database is what the files say, and every statement in them runs."""

import re
from concurrent.futures import ThreadPoolExecutor

import psycopg
import pytest
from psycopg import sql
from psycopg.rows import dict_row

from langchain_persistmem import (
    ConfigurationError,
    EmbeddingMismatch,
    LocalEmbeddings,
    PersistMem,
    SchemaOutOfDate,
    Settings,
    StorageUnavailable,
)
from langchain_persistmem.postgres.filters import condition
from langchain_persistmem.postgres.importing import _NO_VECTORS
from langchain_persistmem.postgres.item_search import _SIMILARITY
from langchain_persistmem.postgres.migrate import check_server, migrations
from langchain_persistmem.postgres.statements import all_statements, statement

CATALOG = """
SELECT 'column' AS what, table_name || '.' || column_name AS name,
       concat_ws(' ', data_type, udt_name, is_nullable, column_default, collation_name) AS detail
FROM information_schema.columns WHERE table_schema = 'persistmem'
UNION ALL
SELECT 'index', indexname, indexdef FROM pg_indexes WHERE schemaname = 'persistmem'
UNION ALL
SELECT 'constraint', conrelid::regclass || '.' || conname, pg_get_constraintdef(oid)
FROM pg_constraint WHERE connamespace = 'persistmem'::regnamespace
UNION ALL
SELECT 'storage', attrelid::regclass || '.' || attname, attstorage::text
FROM pg_attribute WHERE attrelid = 'persistmem.vectors'::regclass AND attnum > 0
UNION ALL
SELECT 'options', relname, array_to_string(reloptions, ' ')
FROM pg_class WHERE relnamespace = 'persistmem'::regnamespace AND relkind = 'r'
ORDER BY 1, 2, 3
"""


def catalog(database: str) -> list[tuple[str, str, str]]:
    with psycopg.connect(database) as connection:
        return connection.execute(CATALOG).fetchall()


@pytest.mark.own_database
def test_schema_sql_is_what_the_migrations_build(database: str, empty_database: str, server: str) -> None:
    from importlib.resources import files

    with psycopg.connect(empty_database, autocommit=True) as connection:
        connection.execute(files("langchain_persistmem.postgres").joinpath("schema.sql").read_text().encode())
    assert catalog(empty_database) == catalog(database)


def test_every_table_begins_with_the_namespace_except_three_without_personal_data(database: str) -> None:
    with psycopg.connect(database) as connection:
        first_columns = dict(
            connection.execute(
                "SELECT table_name, column_name FROM information_schema.columns "
                "WHERE table_schema = 'persistmem' AND ordinal_position = 1"
            ).fetchall()
        )
    assert {table for table, column in first_columns.items() if column != "namespace"} == {
        "migrations",
        "embedding_models",
        "erasures",
    }


SLOTS = {
    "embedding": sql.Identifier("embedding"),
    "similarity": sql.SQL(_SIMILARITY["l2"]).format(embedding=sql.SQL("v.embedding")),
    "condition": condition({"a": {"$gt": 1}}).text,
    "vectors_condition": condition({"a": 1}, ["semantic"]).among("v"),
    "words_condition": condition(None).among("w"),
    # what another memory's tables have, where their names would stand
    "items": sql.SQL(
        "(SELECT ''::text AS prefix, ''::text AS key, '{}'::jsonb AS value, now() AS created_at, now() AS updated_at)"
    ),
    "vectors": _NO_VECTORS,
    "expires_at": sql.SQL("NULL::timestamptz"),
    "minutes": sql.SQL("NULL::integer"),
    "source": sql.SQL("(SELECT NULL::uuid AS id, NULL::vector AS vector, '{}'::jsonb AS payload)"),
}


@pytest.mark.parametrize("name", sorted(all_statements()))
def test_every_statement_can_be_prepared(name: str, database: str) -> None:
    text = all_statements()[name]
    slots = {slot: SLOTS[slot] for slot in re.findall(r"\{(\w+)\}", text)}
    with psycopg.connect(database) as connection:
        if "checkpoint" in name and name != "checkpoint_tables":
            pytest.importorskip("langgraph.checkpoint.postgres")
            for table in ("checkpoints", "checkpoint_blobs", "checkpoint_writes"):
                connection.execute(f"CREATE TABLE IF NOT EXISTS {table} (thread_id text)".encode())
        rendered = statement(name, **slots).as_string(connection)  # type: ignore[arg-type]
        names: list[str] = []

        def number(match: re.Match[str]) -> str:
            if match[1] not in names:
                names.append(match[1])
            return f"${names.index(match[1]) + 1}"

        numbered = re.sub(r"%\((\w+)\)s", number, rendered)
        connection.execute(f"PREPARE tried AS {numbered}".encode())


def test_every_parameter_has_a_type() -> None:
    for name, text in all_statements().items():
        assert not re.search(r"%\(\w+\)s(?!::)", text), f"{name} has a parameter without a cast"


def test_setup_by_eight_at_once_succeeds_for_all(empty_database: str, embeddings: LocalEmbeddings) -> None:
    def run(_: int) -> list[str]:
        with PersistMem.open(empty_database, embeddings=embeddings) as memory:
            return memory.setup()

    with ThreadPoolExecutor(8) as threads:
        applied = list(threads.map(run, range(8)))
    assert sorted(map(len, applied)) == [0] * 7 + [len(migrations())]


def test_before_setup_the_error_says_to_call_it(empty_database: str, embeddings: LocalEmbeddings) -> None:
    with PersistMem.open(empty_database, embeddings=embeddings) as memory:
        with pytest.raises(SchemaOutOfDate, match=r"setup\(\)"):
            memory.remember("I like tea", user_id="ada")
        with pytest.raises(SchemaOutOfDate, match=r"setup\(\)"):
            memory.store.put(("a",), "b", {"c": 1})


@pytest.mark.own_database
def test_a_newer_database_is_left_alone(database: str, embeddings: LocalEmbeddings) -> None:
    with psycopg.connect(database) as connection:
        connection.execute("INSERT INTO persistmem.migrations VALUES ('9999_future.sql', 'x', now())")
    with PersistMem.open(database, embeddings=embeddings) as memory:
        with pytest.raises(SchemaOutOfDate, match="upgrade the package"):
            memory.recall("tea", user_id="ada")
        with pytest.raises(SchemaOutOfDate, match="upgrade the package"):
            memory.setup()


def test_a_changed_embedding_model_is_refused_and_nothing_is_mixed(database: str, embeddings: LocalEmbeddings) -> None:
    with PersistMem.open(database, embeddings=embeddings, settings=Settings(embedding_model="other")) as memory:
        with pytest.raises(EmbeddingMismatch, match="MiniLM"):
            memory.remember("I like tea", user_id="ada")
        with pytest.raises(EmbeddingMismatch, match="MiniLM"):
            memory.setup()
    with psycopg.connect(database, row_factory=dict_row) as connection:
        assert connection.execute("SELECT count(*) AS n FROM persistmem.memories").fetchone() == {"n": 0}


def test_another_dimension_under_the_same_name_is_refused(database: str, embeddings: LocalEmbeddings) -> None:
    class Short(LocalEmbeddings):
        def embed_documents(self, texts: list[str]) -> list[list[float]]:
            return [vector[:100] for vector in super().embed_documents(texts)]

    name = "LocalEmbeddings:all-MiniLM-L6-v2-int8:384"
    with PersistMem.open(database, embeddings=Short(), settings=Settings(embedding_model=name)) as memory:
        with pytest.raises(EmbeddingMismatch, match="100 dimensions where 384"):
            memory.remember("I like tea", user_id="ada")
        assert memory.status()["memories"] == 0


def test_a_wrong_connection_string_says_what_is_wrong(embeddings: LocalEmbeddings, server: str) -> None:
    with pytest.raises(ConfigurationError, match="malformed"):
        PersistMem.open("postgresql://:::/x y=", embeddings=embeddings)
    with pytest.raises(StorageUnavailable, match="check conninfo"):
        PersistMem.open("postgresql://nobody:secret@127.0.0.1:1/nothing", embeddings=embeddings)
    with pytest.raises(StorageUnavailable, match="does not exist") as caught:
        PersistMem.open(psycopg.conninfo.make_conninfo(server, dbname="no_such_database"), embeddings=embeddings)
    assert "secret" not in str(caught.value)


def test_a_role_without_rights_is_told_what_to_grant(database: str, server: str, embeddings: LocalEmbeddings) -> None:
    with psycopg.connect(database, autocommit=True) as admin:
        admin.execute("DROP ROLE IF EXISTS persistmem_nobody")
        admin.execute("CREATE ROLE persistmem_nobody LOGIN PASSWORD 'x'")
    try:
        as_nobody = psycopg.conninfo.make_conninfo(database, user="persistmem_nobody", password="x")
        with (
            PersistMem.open(as_nobody, embeddings=embeddings) as memory,
            pytest.raises(ConfigurationError, match="grant"),
        ):
            memory.remember("I like tea", user_id="ada")
    finally:
        with psycopg.connect(server, autocommit=True) as admin:
            admin.execute("DROP ROLE persistmem_nobody")


@pytest.mark.parametrize(
    ("server", "vector", "available", "says"),
    [
        (140_012, "0.8.0", True, "PostgreSQL 14 is too old"),
        (180_004, None, False, "pgvector is not installed"),
        (180_004, "0.7.4", True, "pgvector 0.7.4 is too old"),
        (150_003, "0.8.5-dev", True, None),
        (180_004, "0.10", True, None),
        (170_001, None, True, None),
    ],
)
def test_a_server_that_lacks_something_is_told_what(
    server: int, vector: str | None, available: bool, says: str | None
) -> None:
    if says is None:
        check_server(server, vector, available=available)
    else:
        with pytest.raises(ConfigurationError, match=says):
            check_server(server, vector, available=available)


def test_an_unknown_language_is_named_as_a_setting(database: str, embeddings: LocalEmbeddings) -> None:
    with PersistMem.open(database, embeddings=embeddings, settings=Settings(language="klingon")) as memory:
        with pytest.raises(ConfigurationError, match=r"Settings\.language"):
            memory.remember("I like tea", user_id="ada")
        assert memory.status()["memories"] == 0


def test_another_language_of_postgresql_stems_its_words(database: str, embeddings: LocalEmbeddings) -> None:
    with PersistMem.open(database, embeddings=embeddings, settings=Settings(language="german")) as memory:
        memory.remember("Meine Häuser stehen in Lübeck", user_id="ada")
        (best,) = memory.recall("Welches Haus?", threshold=0, user_id="ada")
        assert best.why.words > 0
