"""The database is what the files say, and every statement in them runs."""

import re
from concurrent.futures import ThreadPoolExecutor
from uuid import uuid4

import psycopg
import pytest
from psycopg import conninfo, sql
from psycopg.rows import dict_row

from langchain_persistmem import (
    ConfigurationError,
    EmbeddingMismatchError,
    LocalEmbeddings,
    PersistMem,
    SchemaOutOfDateError,
    Settings,
    StorageUnavailableError,
)
from langchain_persistmem.postgres.migrate import _MIGRATIONS_TABLE, check_server, checksum, migrations
from langchain_persistmem.postgres.queries.import_other_memories import _NO_VECTORS
from langchain_persistmem.postgres.statements import all_statements, part, statement
from langchain_persistmem.postgres.value_filter import condition
from langchain_persistmem.postgres.vector_index.distances import similarity_by
from langchain_persistmem.postgres.vector_index.hnsw_indexes import INDEXES

CATALOG = """
SELECT 'column' AS what, table_name || '.' || column_name AS name,
       concat_ws(' ', data_type, udt_name, is_nullable, column_default, collation_name) AS detail
FROM information_schema.columns WHERE table_schema = 'persistmem'
UNION ALL
SELECT 'index', indexname, indexdef FROM pg_indexes WHERE schemaname = 'persistmem'
    AND NOT indexname ^@ 'vectors_hnsw_' -- made with a model, not by the schema
UNION ALL
SELECT 'constraint', conrelid::regclass || '.' || conname, pg_get_constraintdef(oid)
FROM pg_constraint WHERE connamespace = 'persistmem'::regnamespace
UNION ALL
SELECT 'storage', attrelid::regclass || '.' || attname, attstorage::text
FROM pg_attribute WHERE attrelid = 'persistmem.vectors'::regclass AND attnum > 0 AND NOT attisdropped
UNION ALL
SELECT 'options', relname, array_to_string(reloptions, ' ')
FROM pg_class WHERE relnamespace = 'persistmem'::regnamespace AND relkind = 'r'
UNION ALL
SELECT 'policy', tablename || '.' || policyname, concat_ws(' ', permissive, roles, cmd, qual, with_check)
FROM pg_policies WHERE schemaname = 'persistmem'
UNION ALL
SELECT 'guarded', relname, concat_ws(' ', relrowsecurity, relforcerowsecurity)
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


WITHOUT_NAMESPACE = {
    "migrations": "what the database has been through: nobody's data",
    "embedding_models": "the names of models and what they call unrelated: nobody's data",
    "hnsw_indexes": "how full the HNSW indexes of large namespaces are: sums, nobody's data",
    "erasures": "names nobody: random ids of what is gone, kept so that it stays gone after a restore",
}
POLICIES = {"persistmem_all_namespaces": "*", "persistmem_by_prefix": "r", "persistmem_own_namespace": "*"}


def test_keys_of_personal_data_begin_with_the_namespace(
    database: str,
) -> None:
    with psycopg.connect(database) as connection:
        columns = connection.execute(
            "SELECT c.relname, array_agg(a.attname::text ORDER BY a.attnum) "
            "FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped "
            "WHERE c.relnamespace = 'persistmem'::regnamespace AND c.relkind IN ('r', 'p') GROUP BY c.relname"
        ).fetchall()
        tables = dict(columns)
        keys = connection.execute(
            "SELECT k.conrelid::regclass::text, k.contype::text, k.confrelid::regclass::text, a.attname::text "
            "FROM pg_constraint k JOIN pg_attribute a ON a.attrelid = k.conrelid AND a.attnum = k.conkey[1] "
            "WHERE k.connamespace = 'persistmem'::regnamespace AND k.contype IN ('p', 'u', 'f')"
        ).fetchall()
        unique = connection.execute(
            "SELECT i.indrelid::regclass::text, 'i', '-', a.attname::text "
            "FROM pg_index i JOIN pg_class c ON c.oid = i.indrelid "
            "JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = i.indkey[0] "
            "WHERE c.relnamespace = 'persistmem'::regnamespace AND i.indisunique"
        ).fetchall()
    assert {name for name, names in tables.items() if names[0] != "namespace"} == WITHOUT_NAMESPACE.keys()
    guarded = {f"persistmem.{name}" for name in tables.keys() - WITHOUT_NAMESPACE.keys()}
    for table, kind, target, column in [*keys, *unique]:
        if table in guarded and target.removeprefix("persistmem.") not in WITHOUT_NAMESPACE:
            assert column == "namespace", f"a key ({kind}) of {table} does not begin with the namespace"
    assert {table for table, kind, _, _ in keys if kind == "p"} >= guarded


def test_every_table_with_a_namespace_has_the_three_policies(database: str) -> None:
    with psycopg.connect(database) as connection:
        found: dict[str, dict[str, str]] = {}
        for table, policy, command in connection.execute(
            "SELECT c.relname, p.polname, p.polcmd::text FROM pg_class c LEFT JOIN pg_policy p ON p.polrelid = c.oid "
            "WHERE c.relnamespace = 'persistmem'::regnamespace AND c.relkind IN ('r', 'p')"
        ):
            found.setdefault(table, {}).update({policy: command} if policy else {})
    assert {table for table, policies in found.items() if not policies} == WITHOUT_NAMESPACE.keys()
    assert all(policies in (POLICIES, {}) for policies in found.values())


_VECTOR = sql.SQL("(v.embedding::halfvec(384))")


def _in_index(number: int) -> sql.Composed:
    return sql.SQL("nullif(v.active AND v.model = 1 AND v.hnsw_index = {}, false) IS NOT NULL").format(
        sql.Literal(number)
    )


def _scan(number: int) -> sql.Composed:
    return part(
        "hnsw_scan", vector=_VECTOR, in_index=_in_index(number), number=sql.Literal(number), nearest=sql.Literal(128)
    )


SLOTS = {
    "some": sql.SQL("LIMIT %(most)s::bigint"),
    "embedding": sql.Identifier("embedding"),
    "table": sql.Identifier("persistmem", "memories"),
    "roles": sql.SQL("PUBLIC"),
    "similarity": similarity_by("l2", sql.SQL("v.embedding")),
    "condition": condition({"a": {"$gt": 1}}).text,
    "chosen": condition({"a": 1}, ["semantic"]).once(),
    "vectors_condition": condition({"a": 1}, ["semantic"]).among("v"),
    "terms_condition": condition(None).among("w"),
    # what another memory's tables have, where their names would stand
    "items": sql.SQL(
        "(SELECT ''::text AS prefix, ''::text AS key, '{}'::jsonb AS value, now() AS created_at, now() AS updated_at)"
    ),
    "vectors": _NO_VECTORS,
    "expires_at": sql.SQL("NULL::timestamptz"),
    "minutes": sql.SQL("NULL::integer"),
    # an HNSW index
    "hnsw_index": sql.Identifier("tried"),
    "dimensions": sql.Literal(384),
    "model": sql.Literal(1),
    "number": sql.Literal(0),
    "unowned": sql.SQL("c.persistmem_owned IS NOT TRUE"),
    "vector": _VECTOR,
    "in_index": _in_index(0),
    "hnsw_scans": sql.SQL(" UNION ALL ").join(map(_scan, range(INDEXES))),
    "nearest": sql.Literal(128),
    "source": sql.SQL("(SELECT NULL::uuid AS id, NULL::vector AS vector, '{}'::jsonb AS payload)"),
}


OF_CITUS = {
    "citus_cluster", "citus_tables", "drop_foreign_key", "add_foreign_key", "move_tables_in_turn", "copy_to_every_node",
    "distribute_first", "distribute_beside", "drop_local_rows", "gather",
}  # fmt: skip
"""Statements that only a cluster knows, or that rest on others of these: tests/postgres/test_citus.py runs them."""


def test_every_statement_can_be_prepared(database: str) -> None:
    refused: dict[str, psycopg.Error] = {}
    with psycopg.connect(database) as connection:
        for name in sorted(all_statements().keys() - OF_CITUS):
            text = all_statements()[name]
            slots = {slot: SLOTS[slot] for slot in re.findall(r"\{(\w+)\}", text)}
            rendered = statement(name, **slots).as_string(connection)  # type: ignore[arg-type]
            names = list(dict.fromkeys(re.findall(r"%\((\w+)\)s", rendered)))
            numbered = re.sub(r"%\((\w+)\)s", lambda match, names=names: f"${names.index(match[1]) + 1}", rendered)
            prepared = not re.search(r"^(ALTER|CREATE INDEX|DROP INDEX)", numbered, re.MULTILINE)  # those cannot be
            try:
                connection.execute(f"PREPARE {name} AS {numbered}".encode() if prepared else numbered.encode())
            except psycopg.Error as error:
                refused[name] = error
            connection.rollback()
    assert refused == {}


def test_every_parameter_has_a_type() -> None:
    for name, text in all_statements().items():
        assert not re.search(r"%\(\w+\)s(?!::)", text), f"{name} has a parameter without a cast"


def test_who_could_erase_before_the_graphs_came_still_can(empty_database: str, embeddings: LocalEmbeddings) -> None:
    role = f"app_{uuid4().hex}"
    with psycopg.connect(empty_database, autocommit=True) as admin:
        admin.execute("CREATE EXTENSION IF NOT EXISTS vector")
        admin.execute(_MIGRATIONS_TABLE)
        for name, text in migrations().items():
            if name < "0007":
                admin.execute(text.encode())
                admin.execute("INSERT INTO persistmem.migrations VALUES (%s, %s, now())", [name, checksum(text)])
        admin.execute(sql.SQL("CREATE ROLE {} LOGIN PASSWORD 'x'").format(sql.Identifier(role)))
        admin.execute(sql.SQL("GRANT USAGE ON SCHEMA persistmem TO {}").format(sql.Identifier(role)))
        admin.execute(sql.SQL("GRANT ALL ON ALL TABLES IN SCHEMA persistmem TO {}").format(sql.Identifier(role)))
    with PersistMem.open(empty_database, embeddings=embeddings) as owner:
        owner.setup()
    with psycopg.connect(empty_database, autocommit=True) as admin:  # LangGraph's tables, which were there before
        admin.execute(sql.SQL("GRANT ALL ON ALL TABLES IN SCHEMA public TO {}").format(sql.Identifier(role)))
    with PersistMem.open(
        conninfo.make_conninfo(empty_database, user=role, password="x"), embeddings=embeddings
    ) as memory:
        memory.remember("I like tea", user_id="ada")
        assert memory.forget(everything=True, user_id="ada").counts["memories"] == 1
    with psycopg.connect(empty_database, autocommit=True) as admin:
        admin.execute(sql.SQL("GRANT {} TO CURRENT_USER").format(sql.Identifier(role)))
        admin.execute(sql.SQL("DROP OWNED BY {}").format(sql.Identifier(role)))
        admin.execute(sql.SQL("DROP ROLE {}").format(sql.Identifier(role)))


def test_migration_10_renames_hnsw_indexes_and_builds_none_anew(
    empty_database: str, embeddings: LocalEmbeddings
) -> None:
    """A large namespace as it was after migration 8, with indexes by their old names."""
    indexes = (
        "SELECT c.relname, pg_relation_filenode(c.oid) FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid "
        "WHERE i.indrelid = 'persistmem.vectors'::regclass AND c.relname ~ '^vectors_(graph|hnsw|scan|sample)' ORDER BY 2"
    )
    name = "LocalEmbeddings:all-MiniLM-L6-v2-int8:384"
    with psycopg.connect(empty_database, autocommit=True) as admin:
        admin.execute("CREATE EXTENSION IF NOT EXISTS vector")
        admin.execute(_MIGRATIONS_TABLE)
        for each, text in migrations().items():
            if each < "0009":
                admin.execute(text.encode())
                admin.execute("INSERT INTO persistmem.migrations VALUES (%s, %s, now())", [each, checksum(text)])
        admin.execute(
            "INSERT INTO persistmem.embedding_models VALUES (1, %s, 384, 0.1, 0.1, now())", [name], prepare=False
        )
        for number in (0, 1):
            admin.execute(
                f"CREATE INDEX vectors_graph_1_{number} ON persistmem.vectors "
                "USING hnsw ((embedding::halfvec(384)) halfvec_ip_ops) WITH (ef_construction = 200) "
                f"WHERE nullif(active AND model = 1 AND shelf = {number}, false) IS NOT NULL".encode()
            )
        admin.execute(OLD_LARGE_NAMESPACE.encode())
        before = dict(admin.execute(indexes).fetchall())
    with PersistMem.open(empty_database, embeddings=embeddings) as memory:
        memory.setup()
        with psycopg.connect(empty_database) as connection:
            after = dict(connection.execute(indexes).fetchall())
            assert {
                key.replace("vectors_graph_", "vectors_hnsw_"): file for key, file in before.items()
            }.items() <= after.items()
            assert connection.execute("SELECT hnsw_index, hnsw_documents FROM persistmem.namespaces").fetchone() == (
                1,
                40,
            )
            assert connection.execute("SELECT documents FROM persistmem.hnsw_indexes ORDER BY 1 DESC").fetchone() == (
                40,
            )
            assert connection.execute("SELECT count(hnsw_index) FROM persistmem.vectors").fetchone() == (40,)
        found = memory.store.search(("memories", "ada"), query="anything", limit=40)
        assert memory.backend.search_plans.of("memories/ada") == "hnsw"  # along the index that was there before
        assert len(found) == 40


OLD_LARGE_NAMESPACE = """
INSERT INTO persistmem.namespaces (namespace, incarnation, documents, created_at, shelf, shelved)
VALUES ('memories/ada', gen_random_uuid(), 40, now(), 1, 40);
UPDATE persistmem.shelves SET memories = 40 WHERE shelf = 1;
INSERT INTO persistmem.memories (namespace, id, key, kind, text, value, importance, confidence, source, provenance, valid_from,
                                 recorded_at, updated_at)
SELECT 'memories/ada', gen_random_uuid(), 'k' || i, 'semantic', 'text', '{"text": "text"}', 0.5, 1, 'store', '{"source": "store"}',
       now(), now(), now()
FROM generate_series(1, 40) i;
INSERT INTO persistmem.vectors (namespace, memory_id, model, part, active, shelf, embedding)
SELECT namespace, id, 1, 0, true, 1, l2_normalize((SELECT array_agg(random() - 0.5)::real[]::halfvec
                                                   FROM generate_series(1, 384) WHERE m.id IS NOT NULL))
FROM persistmem.memories m;
"""


def test_setup_by_eight_at_once_succeeds_for_all(empty_database: str, embeddings: LocalEmbeddings) -> None:
    def run(_: int) -> list[str]:
        with PersistMem.open(empty_database, embeddings=embeddings) as memory:
            return memory.setup()

    with ThreadPoolExecutor(8) as threads:
        applied = list(threads.map(run, range(8)))
    assert sorted(map(len, applied)) == [0] * 7 + [len(migrations())]


def test_before_setup_the_error_says_to_call_it(empty_database: str, embeddings: LocalEmbeddings) -> None:
    with PersistMem.open(empty_database, embeddings=embeddings) as memory:
        with pytest.raises(SchemaOutOfDateError, match=r"setup\(\)"):
            memory.remember("I like tea", user_id="ada")
        with pytest.raises(SchemaOutOfDateError, match=r"setup\(\)"):
            memory.store.put(("a",), "b", {"c": 1})


@pytest.mark.own_database
def test_a_newer_database_is_left_alone(database: str, embeddings: LocalEmbeddings) -> None:
    with psycopg.connect(database) as connection:
        connection.execute("INSERT INTO persistmem.migrations VALUES ('9999_future.sql', 'x', now())")
    with PersistMem.open(database, embeddings=embeddings) as memory:
        with pytest.raises(SchemaOutOfDateError, match="upgrade the package"):
            memory.recall("tea", user_id="ada")
        with pytest.raises(SchemaOutOfDateError, match="upgrade the package"):
            memory.setup()


def test_a_changed_embedding_model_is_refused_and_nothing_is_mixed(database: str, embeddings: LocalEmbeddings) -> None:
    with PersistMem.open(database, embeddings=embeddings, settings=Settings(embedding_model="other")) as memory:
        with pytest.raises(EmbeddingMismatchError, match="MiniLM"):
            memory.remember("I like tea", user_id="ada")
        with pytest.raises(EmbeddingMismatchError, match="MiniLM"):
            memory.setup()
    with psycopg.connect(database, row_factory=dict_row) as connection:
        assert connection.execute("SELECT count(*) AS n FROM persistmem.memories").fetchone() == {"n": 0}


def test_another_dimension_under_the_same_name_is_refused(database: str, embeddings: LocalEmbeddings) -> None:
    class Short(LocalEmbeddings):
        def embed_documents(self, texts: list[str]) -> list[list[float]]:
            return [vector[:100] for vector in super().embed_documents(texts)]

    name = "LocalEmbeddings:all-MiniLM-L6-v2-int8:384"
    with PersistMem.open(database, embeddings=Short(), settings=Settings(embedding_model=name)) as memory:
        with pytest.raises(EmbeddingMismatchError, match="100 dimensions where 384"):
            memory.remember("I like tea", user_id="ada")
        assert memory.admin.status().counts["memories"] == 0


def test_a_wrong_connection_string_says_what_is_wrong(embeddings: LocalEmbeddings, server: str) -> None:
    with pytest.raises(ConfigurationError, match="malformed"):
        PersistMem.open("postgresql://:::/x y=", embeddings=embeddings)
    with pytest.raises(StorageUnavailableError, match="check conninfo"):
        PersistMem.open("postgresql://nobody:secret@127.0.0.1:1/nothing", embeddings=embeddings)
    with pytest.raises(StorageUnavailableError, match="does not exist") as caught:
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
        assert memory.admin.status().counts["memories"] == 0


def test_another_language_of_postgresql_stems_its_words(database: str, embeddings: LocalEmbeddings) -> None:
    with PersistMem.open(database, embeddings=embeddings, settings=Settings(language="german")) as memory:
        memory.remember("Meine Häuser stehen in Lübeck", user_id="ada")
        (best,) = memory.recall("Welches Haus?", threshold=0, user_id="ada")
        assert best.score_parts.terms > 0
