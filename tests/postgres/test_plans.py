"""No statement reads a big table from one end to the other, unless it is maintenance across all namespaces, named below."""

import re
from collections.abc import Iterator

import psycopg
import pytest
from psycopg import conninfo, sql

from langchain_persistmem.postgres.statements import all_statements, statement
from langchain_persistmem.postgres.value_filter import TRUE
from langchain_persistmem.postgres.vector_index.hnsw_indexes import INDEXES
from tests.conftest import _create, _drop
from tests.postgres.test_schema import OF_CITUS, SLOTS

pytestmark = pytest.mark.slow

USERS, EACH = 500, 100
"""50,000 memories."""

BIG = ("memories", "vectors", "terms", "messages", "changes", "uses", "namespaces")

ACROSS = {
    "count_hnsw_documents": "upkeep, once a night, counts what the HNSW indexes hold",
    "count_everything": "the status command counts what the whole database holds",
    "count_memories_by_period": "the chart of everybody counts all rows; that of one person is by the index",
    "count_messages_by_period": "the chart of everybody counts all rows; that of one person is by the index",
    "count_models": "the doctor counts vectors, up to a limit",
    "pick_namespaces": "the doctor picks a sample of namespaces",
    "sample_namespaces": "the doctor picks a sample of namespaces, on a cluster",
    "unqueued_work": "upkeep on a cluster looks for work that is in no queue",
    "diagnose_counters": "the doctor compares counters of a sample of namespaces",
    "diagnose_orphans": "the doctor looks for rows without parents, up to a limit",
    "diagnose_vectors": "the doctor looks for memories without a vector, up to a limit",
    "other_models_in_use": "after a change of the embedding model, once",
    "namespaces_living": "a replay of erasures after a restore looks for generations that are back",
    "note_missing_everywhere": "a new embedding model has no vector anywhere",
    "open_erasures": "erases that were interrupted, in a log that is small",
    "find_expired_memories": "the sweep looks through its own index, unless nearly everything has expired",
}
"""Statements that may, and why."""

FILL = """
INSERT INTO persistmem.namespaces (namespace, generation, documents, terms, created_at)
SELECT 'memories/u' || u, gen_random_uuid(), %(each)s, %(each)s * 8, now() FROM generate_series(1, %(users)s::int) u;
INSERT INTO persistmem.memories (namespace, id, key, kind, text, value, importance, confidence, source, provenance,
                                 thread_id, position, valid_from, recorded_at, updated_at)
SELECT 'memories/u' || u, gen_random_uuid(), 'k' || i, CASE i %% 9 WHEN 0 THEN 'procedural' ELSE 'episodic' END, 'text ' || i,
       '{"a": 1}', 0.5, 1, 'user', '{"message_ids": ["m1"]}', 't', i, now(), now(), now()
FROM generate_series(1, %(users)s::int) u, generate_series(1, %(each)s::int) i;
INSERT INTO persistmem.vectors (namespace, memory_id, model, part, active, embedding)
SELECT namespace, id, 1, 0, true, (SELECT array_fill(0.05::real, ARRAY[384])::halfvec) FROM persistmem.memories;
INSERT INTO persistmem.terms (namespace, term, memory_id, times, length)
SELECT namespace, 'word' || (i * 7 + position) %% 500, id, 1, 8 FROM persistmem.memories, generate_series(1, 8) i;
INSERT INTO persistmem.messages (namespace, thread_id, id, position, role, text, content, sent_at, recorded_at, extracted_at)
SELECT namespace, 't', 'm' || position, position, 'user', text, '{}', now(), now(), now() FROM persistmem.memories;
INSERT INTO persistmem.uses (namespace, memory_id, times, last_used_at) SELECT namespace, id, 1, now() FROM persistmem.memories;
INSERT INTO persistmem.changes (namespace, id, memory_id, change, reason, changed_at)
SELECT namespace, gen_random_uuid(), id, 'reinforced', 'it was said again', now() FROM persistmem.memories;
"""


@pytest.fixture(scope="module")
def grown(server: str, template: str) -> Iterator[str]:
    """A database of many users, whose statistics are up to date."""
    name = _create(server, template)
    database = conninfo.make_conninfo(server, dbname=name)
    with psycopg.connect(database, autocommit=True) as connection:
        with connection.cursor() as cursor, connection.transaction():
            for part in FILL.split(";\n")[:-1]:
                cursor.execute(part.encode(), {"users": USERS, "each": EACH})
        connection.execute("VACUUM ANALYZE")
    yield database
    _drop(server, name)


def generic(name: str, connection: psycopg.Connection) -> str:
    """The statement with ``$1`` for its first parameter, as a server sees it that plans it once for all values."""
    text = all_statements()[name]
    slots = {slot: SLOTS[slot] for slot in re.findall(r"\{(\w+)\}", text)}
    rendered = statement(name, **slots).as_string(connection)  # type: ignore[arg-type]
    names = list(dict.fromkeys(re.findall(r"%\((\w+)\)s", rendered)))
    return re.sub(r"%\((\w+)\)s", lambda match: f"${names.index(match[1]) + 1}", rendered).replace("%%", "%")


def explained(connection: psycopg.Connection, text: str) -> list[str]:
    return [row[0] for row in connection.execute(f"EXPLAIN (GENERIC_PLAN) {text}".encode()).fetchall()]


OURS = sorted(name for name in all_statements() if "checkpoint" not in name and name not in OF_CITUS)


def test_no_statement_reads_a_big_table_from_end_to_end(grown: str) -> None:
    reading: dict[str, str] = {}
    with psycopg.connect(grown, autocommit=True) as connection:
        if connection.info.server_version < 160_000:
            pytest.skip("EXPLAIN (GENERIC_PLAN) came with PostgreSQL 16")
        for name in OURS:
            text = generic(name, connection)
            if re.match(r"/\*[^*]*\*/\s*(SELECT|WITH|INSERT|UPDATE|DELETE)", text):  # others are not planned
                plan = explained(connection, text)
                if name not in ACROSS and any(re.search(rf"Seq Scan on ({'|'.join(BIG)})\b", line) for line in plan):
                    reading[name] = "\n".join(plan)
    assert reading == {}


@pytest.mark.parametrize("name", ["search_prefix", "search_prefix_hybrid"])
def test_a_search_planned_once_for_all_users_reads_vectors_by_their_index(name: str, grown: str) -> None:
    with psycopg.connect(grown, autocommit=True) as connection:
        if connection.info.server_version < 160_000:
            pytest.skip("EXPLAIN (GENERIC_PLAN) came with PostgreSQL 16")
        text = generic(name, connection).replace("v.norm", "1::real")  # the cosine reads no lengths
        plan = "\n".join(explained(connection, text))
    assert "Index Only Scan using vectors_scan" in plan
    assert "JIT" not in plan


@pytest.mark.parametrize("name", ["recall", "search_exact", "search_exact_hybrid"])
def test_an_exact_search_scans_the_vectors_of_its_namespace_only(name: str, grown: str) -> None:
    with psycopg.connect(grown, autocommit=True) as connection:
        if connection.info.server_version < 160_000:
            pytest.skip("EXPLAIN (GENERIC_PLAN) came with PostgreSQL 16")
        text = generic(name, connection).replace("v.norm", "1::real")
        text = re.sub(r"EXISTS \(SELECT FROM persistmem\.memories m.*", "TRUE", text) if name == "recall" else text
        plan = "\n".join(explained(connection, text))
    assert "Index Only Scan using vectors_scan" in plan
    assert "vectors_sample" not in plan


LARGE, NUMBER = 2_000, 5


@pytest.fixture(scope="module")
def indexed(server: str, grown: str) -> Iterator[str]:
    """The same with a namespace in an HNSW index, of which the statistics know nothing yet."""
    name = _create(server, str(conninfo.conninfo_to_dict(grown)["dbname"]))
    database = conninfo.make_conninfo(server, dbname=name)
    with psycopg.connect(database, autocommit=True) as connection:
        connection.execute("ALTER TABLE persistmem.vectors SET (autovacuum_enabled = off)")
        connection.execute(
            "INSERT INTO persistmem.namespaces (namespace, generation, documents, created_at, hnsw_index) "
            f"VALUES ('memories/large', gen_random_uuid(), {LARGE}, now(), {NUMBER})".encode()
        )
        connection.execute(
            "INSERT INTO persistmem.memories (namespace, id, key, kind, text, value, importance, confidence, source, "
            "provenance, valid_from, recorded_at, updated_at) SELECT 'memories/large', gen_random_uuid(), 'k' || i, "
            "'episodic', 'text', '{}', 0.5, 1, 'user', '{\"source\": \"user\"}', now(), now(), now() "
            f"FROM generate_series(1, {LARGE}) i".encode()
        )
        connection.execute(
            "INSERT INTO persistmem.vectors (namespace, memory_id, model, part, active, hnsw_index, embedding) "
            f"SELECT namespace, id, 1, 0, true, {NUMBER}, (SELECT array_agg(random() - 0.5)::real[]::halfvec "
            "FROM generate_series(1, 384) WHERE m.id IS NOT NULL) FROM persistmem.memories m WHERE namespace = 'memories/large'".encode()
        )
    yield database
    _drop(server, name)


@pytest.fixture(scope="module")
def analysed(server: str, indexed: str) -> Iterator[str]:
    """The same when the statistics know it."""
    name = _create(server, str(conninfo.conninfo_to_dict(indexed)["dbname"]))
    database = conninfo.make_conninfo(server, dbname=name)
    with psycopg.connect(database, autocommit=True) as connection:
        connection.execute("VACUUM ANALYZE persistmem.vectors")
    yield database
    _drop(server, name)


@pytest.fixture(scope="module")
def uneven(server: str, indexed: str) -> Iterator[str]:
    """One large namespace and some small ones, as the statistics know."""
    name = _create(server, str(conninfo.conninfo_to_dict(indexed)["dbname"]))
    database = conninfo.make_conninfo(server, dbname=name)
    with psycopg.connect(database, autocommit=True) as connection:
        for table in ("vectors", "terms", "memories"):
            connection.execute(f"DELETE FROM persistmem.{table} WHERE namespace ~ '/u[0-9]{{2,}}'".encode())
        connection.execute("VACUUM ANALYZE")
    yield database
    _drop(server, name)


@pytest.fixture(params=["indexed", "analysed"])
def large(request: pytest.FixtureRequest, indexed: str, analysed: str) -> str:
    """One after the other."""
    return {"indexed": indexed, "analysed": analysed}[request.param]


def of_the_index(name: str, text: str) -> str:
    if name == "neighbours_hnsw":  # which is of one index
        text = text.replace("v.hnsw_index = 0", f"v.hnsw_index = {NUMBER}").replace(
            "n.hnsw_index = 0", f"n.hnsw_index = {NUMBER}"
        )
    return text


VALUES: dict[str, object] = {
    "namespace": "memories/large", "from": "memories/large/", "until": "memories/large0", "ef_search": 128, "iterative_scan": "relaxed_order",
    "model": 1, "most_unindexed": 3000, "reach": 10, "limit": 10, "offset": 0, "now": "2026-01-01", "candidates": 60, "hits_with_next_turn": 10,
    "nearest_for_period": 500, "instructions": 0,
    "language": "english", "query": "text", "terms": "{}", "weights": "{}", "period_starts": "{}", "period_ends": "{}", "sample": 256, "thread_id": None, "own_view": False,
    "embedding": "[" + ",".join(["0.05"] * 384) + "]", "exact": "memories/large", "best_by_terms": 60,
    **dict.fromkeys(("prior", "usual", "deviation", "rarity", "coverage", "score_midpoint", "score_midpoint_per_log", "score_scale"), 1),
    "look_for_hnsw": False, "name_prefix": "vectors_hnsw_1_", "looked_at": 28, "norm": 1, "kinds": ["episodic", "semantic"], "share": 0.1,
    "embeddings": ["[" + ",".join(["0.05"] * 384) + "]"] * 3,
}  # fmt: skip
"""Of a search of one namespace."""


@pytest.mark.parametrize("secured", [False, True])
@pytest.mark.parametrize("name", ["search_hnsw", "search_hnsw_hybrid", "recall_hnsw", "neighbours_hnsw"])
def test_a_search_of_a_large_namespace_scans_its_hnsw_index_and_nothing_else(
    name: str, secured: bool, large: str
) -> None:
    with psycopg.connect(large, autocommit=True) as connection:
        if connection.info.server_version < 160_000:
            pytest.skip("EXPLAIN (GENERIC_PLAN) came with PostgreSQL 16")
        with connection.transaction(force_rollback=True):
            if secured:
                connection.execute("CREATE ROLE hnsw_planner")
                connection.execute("GRANT hnsw_planner TO CURRENT_USER")  # to be it; a superuser alone may without
                connection.execute("GRANT USAGE ON SCHEMA persistmem TO hnsw_planner")
                connection.execute("GRANT SELECT ON ALL TABLES IN SCHEMA persistmem TO hnsw_planner")
                connection.execute("ALTER TABLE persistmem.vectors ENABLE ROW LEVEL SECURITY")
                connection.execute("SET LOCAL ROLE hnsw_planner")
                connection.execute("SET LOCAL persistmem.namespace = 'memories/large'")
            text = of_the_index(name, generic(name, connection))
            slots = {slot: SLOTS[slot] for slot in re.findall(r"\{(\w+)\}", all_statements()[name])}
            query = of_the_index(name, statement(name, **slots).as_string(connection))  # type: ignore[arg-type]
            rows = connection.execute(f"EXPLAIN (ANALYZE, TIMING OFF) {query}".encode(), VALUES).fetchall()
            for plan in ("\n".join(explained(connection, text)), "\n".join(row[0] for row in rows)):
                scanned = [NUMBER] if name == "neighbours_hnsw" else range(INDEXES)
                assert all(f"Index Scan using vectors_hnsw_1_{number} on" in plan for number in scanned), plan
                assert "Seq Scan on vectors" not in plan
                assert "Seq Scan on memories" not in plan
                assert "JIT" not in plan
                assert name == "search_hnsw" or "Index Only Scan using vectors_sample" in plan, plan
            (scan,) = (line for (line,) in rows if "using vectors_hnsw" in line and "never executed" not in line)
            assert f"vectors_hnsw_1_{NUMBER} on" in scan


@pytest.mark.parametrize("words", [[], ["buy bought", "child children"]])
@pytest.mark.parametrize(
    "name", ["search_exact", "search_exact_hybrid", "recall", "search_hnsw", "search_hnsw_hybrid", "recall_hnsw"]
)
def test_after_five_searches_a_connection_plans_no_more(name: str, words: list[str], indexed: str) -> None:
    where = "memories/large" if "hnsw" in name else "memories/u7"
    assert plans_made(name, where, words, indexed) == (5, 3)


@pytest.mark.parametrize("name", ["search_exact", "search_exact_hybrid", "recall"])
def test_nor_where_the_namespace_is_smaller_than_most(name: str, uneven: str) -> None:
    assert plans_made(name, "memories/u7", [], uneven) == (5, 3)


def plans_made(name: str, where: str, words: list[str], database: str) -> tuple[int, int]:
    """Plans for one search, and uses of one for all, of eight searches on a connection."""
    values = {**VALUES, "namespace": where, "exact": where, "from": f"{where}/", "until": f"{where}0", "terms": words}
    values |= {"weights": [1.0] * len(words)}
    slots = {slot: SLOTS[slot] for slot in re.findall(r"\{(\w+)\}", all_statements()[name])}
    with psycopg.connect(database, autocommit=True) as connection:
        unconditional = {"vectors_condition": TRUE, "chosen": sql.SQL("")}
        text = statement(name, **{slot: unconditional.get(slot, part) for slot, part in slots.items()})
        for _ in range(8):
            assert connection.execute(text, values, prepare=True).fetchone() is not None
        query = "SELECT custom_plans, generic_plans FROM pg_prepared_statements WHERE statement LIKE %s"
        (plans,) = connection.execute(query, [f"/* {name} */%"]).fetchall()
    return plans


@pytest.mark.parametrize("analysed", [False, True])
@pytest.mark.parametrize("mode", ["force_generic_plan", "force_custom_plan"])
def test_what_is_indexed_next_is_found_without_reading_past_what_is_indexed(
    mode: str, analysed: bool, indexed: str
) -> None:
    values = {"namespace": "memories/large", "model": 1, "hnsw_index": NUMBER, "limit": 32}
    with psycopg.connect(indexed, autocommit=True) as connection, connection.transaction(force_rollback=True):
        connection.execute(
            "UPDATE persistmem.vectors SET hnsw_index = NULL WHERE ctid IN (SELECT max(ctid) FROM persistmem.vectors)"
        )
        if analysed:
            connection.execute("ANALYZE persistmem.vectors")
        connection.execute(f"SET LOCAL plan_cache_mode = {mode}".encode())
        text = "EXPLAIN (ANALYZE, TIMING OFF) " + statement("index_vectors").as_string(connection)
        plan = "\n".join(row[0] for row in connection.execute(text.encode(), values, prepare=True).fetchall())
    assert "Index Only Scan using vectors_scan" in plan, plan
    assert "Rows Removed" not in plan, plan


@pytest.mark.parametrize("namespace", ["memories/large", "memories/u7"])
def test_exact_neighbours_scan_their_namespace_and_read_memories_by_id(namespace: str, large: str) -> None:
    values: dict[str, object] = {
        "namespace": namespace, "model": 1, "now": "2026-01-01", "looked_at": 4000, "limit": 5, "kinds": ["episodic", "semantic"],
        "embeddings": ["[" + ",".join(["0.05"] * 384) + "]"] * 3,
    }  # fmt: skip
    with psycopg.connect(large, autocommit=True) as connection:
        if connection.info.server_version < 160_000:
            pytest.skip("EXPLAIN (GENERIC_PLAN) came with PostgreSQL 16")
        query = statement("neighbours", embedding=SLOTS["embedding"]).as_string(connection)  # type: ignore[arg-type]
        rows = connection.execute(f"EXPLAIN (ANALYZE, TIMING OFF) {query}".encode(), values).fetchall()
        for plan in (
            "\n".join(explained(connection, generic("neighbours", connection))),
            "\n".join(row[0] for row in rows),
        ):
            assert "Index Only Scan using vectors_scan" in plan, plan
            assert "Index Scan using memories_pkey" in plan, plan
            assert "Seq Scan" not in plan
            assert "Bitmap" not in plan
            assert "JIT" not in plan
