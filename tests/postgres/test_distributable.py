"""Every statement and migration keeps to what Citus can distribute, by PostgreSQL's own grammar; no cluster is needed for it.

Whether a function is immutable is asked of the server's catalog. What the rules are there for: docs/decisions/0034.
"""

import re
from collections.abc import Iterator
from functools import cache
from typing import Any

import psycopg
import pytest

from langchain_persistmem.postgres.migrate import migrations, split_commands
from langchain_persistmem.postgres.queries.table_locations import LOCAL, REFERENCE
from langchain_persistmem.postgres.statements import Schemas, all_statements, statement
from tests.postgres.test_schema import OF_CITUS, SLOTS
from tests.postgres.test_statements import ACROSS, WITHOUT_NAMESPACE, unbound, walk

pglast = pytest.importorskip("pglast", reason="pglast is not installed; run: uv sync")

CHECKPOINTS = {"checkpoints", "checkpoint_blobs", "checkpoint_writes", "checkpoint_migrations"}
READS_BOTH = {
    "open_erasures": "a short log, against the namespaces by their random ids; reads only",
    "diagnose_work": "counts side by side, each of its own table",
}
SETS_FOR_ITSELF = {"set_locally", "find_types", "search_hnsw", "search_hnsw_hybrid", "recall_hnsw", "neighbours_hnsw"}
"""Statements with set_config(): of no table, or for their own scan, beside which it is made on the same node."""
FREE = "0012"
"""Migrations up to this one were made before the rules were; they run before anything is distributed."""

WRITES = ("InsertStmt", "UpdateStmt", "DeleteStmt")


def parsed(text: str) -> Any:
    """The statement on a cluster, as a tree; parameters by number."""
    names = list(dict.fromkeys(re.findall(r"%\((\w+)\)s", text)))
    numbered = re.sub(r"%\((\w+)\)s", lambda match: f"${names.index(match[1]) + 1}", text).replace("%%", "%")
    return tuple(raw.stmt for raw in pglast.parse_sql(numbered))


def on_a_cluster(name: str) -> str:
    """The text that is sent to a database with Citus."""
    text = all_statements()[name]
    slots = {slot: SLOTS[slot] for slot in re.findall(r"\{(\w+)\}", text)}
    return statement(name, **slots).within(Schemas(has_citus=True)).as_string(None)  # type: ignore[arg-type]


def nodes(tree: Any, *kinds: str) -> Iterator[Any]:
    return (node for node in walk(tree) if type(node).__name__ in kinds)


def tables(tree: Any) -> tuple[set[str], set[str]]:
    """The distributed tables that a tree names, and those that stay on the coordinator."""
    distributed: set[str] = set()
    local: set[str] = set()
    for node in nodes(tree, "RangeVar"):
        if node.schemaname == "persistmem" and node.relname not in REFERENCE:
            (local if node.relname in LOCAL else distributed).add(node.relname)
        elif node.schemaname is None and node.relname in CHECKPOINTS:
            local.add(node.relname)
    return distributed, local


class Volatility:
    """The functions of which some form is not immutable, as the server's catalog has them."""

    def __init__(self, database: str) -> None:
        with psycopg.connect(database) as connection:
            self._changing = {
                name
                for (name,) in connection.execute("SELECT DISTINCT proname::text FROM pg_proc WHERE provolatile <> 'i'")
            }

    def changing(self, tree: Any) -> set[str]:
        """What in a tree is not immutable: calls, and sums of a moment with a time zone and an interval."""
        found = {call.funcname[-1].sval for call in nodes(tree, "FuncCall")} & self._changing - {"timezone"}
        found |= {"CURRENT_..." for _ in nodes(tree, "SQLValueFunction")}
        for sum_ in nodes(tree, "A_Expr"):
            if sum_.name[-1].sval in ("+", "-") and _is_interval(sum_.rexpr) and not _has_no_zone(sum_.lexpr):
                found.add("timestamptz + interval")
        return found


def _is_interval(node: Any) -> bool:
    return type(node).__name__ == "TypeCast" and node.typeName.names[-1].sval == "interval"


def _has_no_zone(node: Any) -> bool:
    return type(node).__name__ == "FuncCall" and node.funcname[-1].sval == "timezone"


@pytest.fixture(scope="module")
def volatility(shared_database: str) -> Volatility:
    return Volatility(shared_database)


def broken(text: str, volatility: Volatility, *, across: bool = False, name: str = "") -> list[str]:
    """The rules that a statement breaks; ``across``: every shard is asked, by design."""
    tree = parsed(text)
    distributed, local = tables(tree)
    found: list[str] = []
    writes = list(nodes(tree, *WRITES))
    if writes and distributed and local:
        found.append("mixed: it writes, and names tables on the nodes and tables of the coordinator")
    elif distributed and local and name not in READS_BOTH:
        found.append("mixed: it joins tables on the nodes with tables of the coordinator")
    if not distributed:
        return found
    if not across and (unbound(text, plainly=True) - WITHOUT_NAMESPACE.keys()):
        found.append("one shard: a table without the namespace, plainly")
    if any(not select.targetList and not select.valuesLists and select.op == 0 for select in nodes(tree, "SelectStmt")):
        found.append("columns: a SELECT without any, which cannot be sent between nodes")
    if across and any(select.lockingClause for select in nodes(tree, "SelectStmt")):
        found.append("locks: rows are locked without the namespace")
    if name not in SETS_FOR_ITSELF and any(call.funcname[-1].sval == "set_config" for call in nodes(tree, "FuncCall")):
        found.append("settings: set_config() would be made on another node")
    for write in writes:
        found += _broken_by(write, volatility)
    return found


def _broken_by(write: Any, volatility: Volatility) -> Iterator[str]:
    conflict = getattr(write, "onConflictClause", None)
    if conflict is not None and (changing := volatility.changing((conflict.targetList or (), conflict.whereClause))):
        yield f"conflict: DO UPDATE is not immutable: {sorted(changing)}"
    # Who writes to one row of many is to know it by a join: a list of rows would be made on one node for all.
    for link in nodes(getattr(write, "whereClause", None), "SubLink"):
        if type(link.testexpr).__name__ == "RowExpr":
            yield "rows: (a, b) IN (SELECT ...); join it in FROM"
    assignments = [*(getattr(write, "targetList", None) or ()), *((conflict and conflict.targetList) or ())]
    for assignment in assignments:
        if type(assignment.val).__name__ == "A_Indirection":
            yield "subscript: SET x = y[...] ends the server's process (Citus 14.0.1); wrap it in coalesce()"
    for choice in nodes((tuple(assignments), getattr(write, "whereClause", None)), "CaseExpr", "CoalesceExpr"):
        if changing := volatility.changing(choice):
            yield f"choice: CASE or COALESCE is not immutable: {sorted(changing)}"
    if changing := volatility.changing(getattr(write, "returningClause", None) or ()):
        yield f"returning: not immutable: {sorted(changing)}"


def test_every_statement_can_be_distributed(volatility: Volatility) -> None:
    found: dict[str, list[str]] = {}
    for name in sorted(all_statements().keys() - OF_CITUS):
        text = on_a_cluster(name)
        if re.search(r"^(ALTER|CREATE INDEX|DROP INDEX)", text, re.MULTILINE):
            continue
        if rules := broken(text, volatility, across=name in ACROSS, name=name):
            found[name] = list(rules)
    assert found == {}


@pytest.mark.parametrize(
    ("rule", "text"),
    [
        ("one shard", "SELECT 1 FROM persistmem.memories"),
        (
            "one shard",
            "SELECT 1 FROM persistmem.memories m WHERE nullif(m.namespace = %(namespace)s::text, true) IS NOT NULL",
        ),
        ("one shard", "SELECT 1 FROM persistmem.memories m WHERE m.namespace = (SELECT %(namespace)s::text)"),
        (
            "mixed",
            "WITH n AS (DELETE FROM persistmem.namespaces WHERE namespace = %(namespace)s::text RETURNING hnsw_index) "
            "UPDATE persistmem.hnsw_indexes SET documents = 0 WHERE hnsw_index IN (SELECT hnsw_index FROM n)",
        ),
        (
            "mixed",
            "SELECT 1 FROM persistmem.threads t JOIN checkpoints c USING (thread_id) WHERE t.namespace = %(namespace)s::text",
        ),
        ("columns", "SELECT EXISTS (SELECT FROM persistmem.uses WHERE namespace = %(namespace)s::text)"),
        (
            "conflict",
            "INSERT INTO persistmem.namespaces (namespace) VALUES (%(namespace)s::text) "
            "ON CONFLICT (namespace) DO UPDATE SET created_at = now()",
        ),
        (
            "conflict",
            "INSERT INTO persistmem.namespaces AS n (namespace) VALUES (%(namespace)s::text) "
            "ON CONFLICT (namespace) DO UPDATE SET created_at = n.created_at + %(pause)s::interval",
        ),
        (
            "choice",
            "UPDATE persistmem.memories SET provenance = CASE WHEN pinned THEN jsonb_build_object('a', 1) END "
            "WHERE namespace = %(namespace)s::text",
        ),
        (
            "choice",
            "DELETE FROM persistmem.memories WHERE namespace = %(namespace)s::text AND coalesce(expires_at, now()) > now()",
        ),
        (
            "subscript",
            "UPDATE persistmem.namespaces SET recent_writes = recent_writes[1:16] WHERE namespace = %(namespace)s::text",
        ),
        (
            "subscript",
            "INSERT INTO persistmem.namespaces AS n (namespace) VALUES (%(namespace)s::text) ON CONFLICT (namespace) "
            "DO UPDATE SET recent_writes = (excluded.recent_writes || n.recent_writes)[1:16]",
        ),
        (
            "rows",
            "UPDATE persistmem.uses SET times = 0 WHERE namespace = %(namespace)s::text AND (namespace, memory_id) IN "
            "(SELECT namespace, memory_id FROM persistmem.uses WHERE namespace = %(namespace)s::text LIMIT 1)",
        ),
        (
            "returning",
            "DELETE FROM persistmem.uses WHERE namespace = %(namespace)s::text RETURNING times, now() - last_used_at",
        ),
        (
            "settings",
            "SELECT set_config('a.b', n.consent, true) FROM persistmem.namespaces n WHERE n.namespace = %(namespace)s::text",
        ),
    ],
)
def test_a_statement_that_breaks_a_rule_is_found(rule: str, text: str, volatility: Volatility) -> None:
    assert any(found.startswith(f"{rule}:") for found in broken(text, volatility))


def test_row_locks_across_namespaces_are_found(volatility: Volatility) -> None:
    text = "SELECT 1 FROM persistmem.pending_work FOR UPDATE SKIP LOCKED"
    assert any(found.startswith("locks:") for found in broken(text, volatility, across=True))


def broken_in_migration(text: str, volatility: Volatility) -> list[str]:
    """What a database that is distributed already could not run."""
    tree = parsed(text)
    found: list[str] = []
    if any(constraint.contype == pglast.enums.ConstrType.CONSTR_FOREIGN for constraint in nodes(tree, "Constraint")):
        found.append("a foreign key: from a new table, which lies on one node, to others, which may lie on many")
    if any(list(nodes(policy, "SubLink")) for policy in nodes(tree, "CreatePolicyStmt")):
        found.append("a sub-select in a policy")
    if list(nodes(tree, "CreateTrigStmt", "RuleStmt", "NotifyStmt", "CreateFunctionStmt")):
        found.append("a trigger, a rule, a notification or a function")
    for write in nodes(tree, *WRITES):
        found += _broken_by(write, volatility)
    return found


@pytest.mark.parametrize("name", sorted(name for name in migrations() if name[:4] > FREE))
def test_every_migration_runs_where_tables_are_distributed(name: str, volatility: Volatility) -> None:
    assert not broken_in_migration(migrations()[name], volatility)


@pytest.mark.parametrize("name", sorted(migrations()))
def test_a_migration_is_split_into_the_commands_that_it_has(name: str) -> None:
    text = migrations()[name]
    commands = split_commands(text)
    assert [len(pglast.parse_sql(command)) for command in commands] == [1] * len(pglast.parse_sql(text))


@pytest.mark.parametrize(
    "text",
    [
        "CREATE TABLE persistmem.x (namespace text REFERENCES persistmem.namespaces)",
        "ALTER TABLE persistmem.x ADD FOREIGN KEY (namespace) REFERENCES persistmem.namespaces",
        "CREATE POLICY p ON persistmem.x USING (namespace = (SELECT current_setting('persistmem.namespace')))",
        "CREATE TRIGGER t AFTER INSERT ON persistmem.x EXECUTE FUNCTION f()",
        "INSERT INTO persistmem.x (a) VALUES (1) ON CONFLICT (a) DO UPDATE SET due_at = now()",
    ],
)
def test_a_migration_that_could_not_run_there_is_found(text: str, volatility: Volatility) -> None:
    assert broken_in_migration(text, volatility)


@cache
def _policies(database: str) -> list[tuple[str, str]]:
    with psycopg.connect(database) as connection:
        return connection.execute(
            "SELECT tablename || '.' || policyname, concat_ws(' ', qual, with_check) FROM pg_policies WHERE schemaname = 'persistmem'"
        ).fetchall()


def test_no_policy_has_a_sub_select(shared_database: str) -> None:
    found = _policies(shared_database)
    assert found
    assert not [name for name, condition in found if "SELECT" in condition.upper()]
