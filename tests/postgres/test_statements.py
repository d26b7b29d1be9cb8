"""Every statement names the namespace at every table that it touches, by PostgreSQL's own grammar."""

import re
from collections.abc import Iterator
from typing import Any

import pytest

from langchain_persistmem.postgres.statements import all_statements, statement
from tests.postgres.test_schema import OF_CITUS, SLOTS, WITHOUT_NAMESPACE

pglast = pytest.importorskip("pglast", reason="pglast is not installed; run: uv sync")

ACROSS = {
    "list_namespaces": "a prefix, compared exactly: the namespaces under it are the answer",
    "list_items": "a prefix: a store's search",
    "search_exact": "a prefix: a store's search, where it is one namespace; whether any lies below",
    "search_exact_hybrid": "a prefix: a store's search, where it is one namespace; whether any lies below",
    "search_prefix": "a prefix: a store's search",
    "search_prefix_hybrid": "a prefix: a store's search",
    "search_hnsw": "whether there are namespaces below the one that is searched; of those nothing is read",
    "search_hnsw_hybrid": "whether there are namespaces below the one that is searched; of those nothing is read",
    "count_hnsw_documents": "sums of what the HNSW indexes hold, no content",
    "count_people": "the number of rows of the people on a page, no content",
    "next_in_queue": "the worker on a cluster: whose turn it is next",
    "seconds_until_queued": "the worker on a cluster: when",
    "has_queued": "the worker on a cluster: whether any namespace is left",
    "unqueued_work": "upkeep on a cluster: whose work is in no queue",
    "queue_all_work": "upkeep on a cluster: whose work is in no queue",
    "sample_namespaces": "the doctor on a cluster: which namespaces to look at",
    "pick_namespaces": "the doctor: which namespaces to look at",
    "count_models": "the doctor: counts of the whole database, no content",
    "list_people": "the people of a template, in pages: their names and counts, no content",
    "count_everything": "counts of the whole database for the status, no content",
    "count_memories_by_period": "counts for an overview: of one namespace or, without one, of all; no content",
    "count_messages_by_period": "counts for an overview: of one namespace or, without one, of all; no content",
    "list_dead_letters": "what was given up: of one namespace or, without one, of all; no content",
    "count_work": "counts for the status: of one namespace or, without one, of all; no content",
    "find_expired_memories": "the sweep: what has expired anywhere",
    "namespaces_after": "upkeep: whose turn it is next",
    "claim_work": "the worker: whose turn it is next",
    "next_due": "the worker: when",
    "give_back_leases": "the worker: its own lease, a random id, wherever it is",
    "claim_missing": "missing vectors: whose turn it is next",
    "next_missing": "missing vectors: when",
    "count_missing": "missing vectors: counts, no content",
    "count_unembedded": "missing vectors: how many memories wait in all namespaces, no content",
    "note_missing_everywhere": "a new model has no vectors in any namespace: their names, no content",
    "claim_rewrite": "the rewrite: whose turn it is next",
    "next_rewrite": "the rewrite: when",
    "has_rewrites": "the rewrite: whether any namespace is left",
    "count_rewrites": "counts for the status: of one namespace or, without one, of all; no content",
    "other_models_in_use": "whether anybody still has a vector of a model",
    "diagnose_orphans": "the doctor: counts of the whole database, no content",
    "diagnose_counters": "the doctor: counts of the whole database, no content",
    "diagnose_vectors": "the doctor: counts of the whole database, no content",
    "diagnose_work": "the doctor: counts of the whole database, no content",
    "namespaces_below": "export: the namespaces under a person's, compared exactly",
    "namespaces_naming": "erase: the namespaces that name a person, label by label",
    "namespaces_living": "erase: after a restore, by the random ids of generations that are over",
    "open_erasures": "erase: what was interrupted, by the random ids of generations",
    "threads_of_others": "erase: a thread that somebody else has too keeps its checkpoints; ids of threads, no content",
    "threads_of_anybody": "erase: whether a thread belongs to nobody, so that a receipt can say so",
    "copy_registrations": "a checkpointer's copy of a thread belongs to whom the thread belongs",
}
"""Statements that reach beyond one namespace, each with its reason; all others are about exactly one."""


class Level:
    """One SELECT, UPDATE, DELETE or INSERT: the tables that it names itself, and what must be true of them."""

    def __init__(self, node: Any) -> None:
        self.tables: dict[str, Any] = {}
        self.conjuncts: list[Any] = []
        if isinstance(node, (pglast.ast.UpdateStmt, pglast.ast.DeleteStmt)):
            self._source(node.relation)
        for source in getattr(node, "fromClause", None) or getattr(node, "usingClause", None) or ():
            self._source(source)
        self._and(getattr(node, "whereClause", None))

    def _source(self, node: Any) -> None:
        if isinstance(node, pglast.ast.RangeVar):
            if node.schemaname == "persistmem":
                self.tables[node.alias.aliasname if node.alias else node.relname] = node
        elif isinstance(node, pglast.ast.JoinExpr):
            self._source(node.larg)
            self._source(node.rarg)
            self._and(node.quals)

    def _and(self, node: Any) -> None:
        if isinstance(node, pglast.ast.BoolExpr) and node.boolop == pglast.enums.BoolExprType.AND_EXPR:
            for each in node.args:
                self._and(each)
        elif (wrapped := _wrapped(node)) is not None:
            self._and(wrapped)
        elif node is not None:
            self.conjuncts.append(node)

    def bound(self, namespace: int | None) -> set[str]:
        """The tables of which only rows of the namespace are meant."""
        equalities = [pair for each in self.conjuncts if (pair := _equality(each)) is not None]
        found: set[str] = set()
        while True:
            more = {
                one if one is not None else next(iter(self.tables), "")
                for left, right in equalities
                for (one, is_column), other in ((left, right), (right, left))
                if is_column and (other == (namespace, False) or (other[1] and other[0] in found))
                if one is not None or len(self.tables) == 1
            }
            if more <= found:
                return found
            found |= more


def _wrapped(node: Any) -> Any | None:
    """The condition in ``nullif(condition, false) IS NOT NULL``, which holds where that does and nowhere else."""
    enums = pglast.enums
    if not isinstance(node, pglast.ast.NullTest) or node.nulltesttype != enums.NullTestType.IS_NOT_NULL:
        return None
    inner = node.arg
    if not isinstance(inner, pglast.ast.A_Expr) or inner.kind != enums.A_Expr_Kind.AEXPR_NULLIF:
        return None
    false = isinstance(inner.rexpr, pglast.ast.A_Const) and inner.rexpr.val.boolval is False
    return inner.lexpr if false else None


def _equality(node: Any) -> tuple[Any, Any] | None:
    """``a.namespace = b.namespace`` or ``namespace = $1``, each side as (alias or number, whether it is a column)."""
    if not isinstance(node, pglast.ast.A_Expr) or node.name[-1].sval != "=":
        return None
    sides = [_side(node.lexpr), _side(node.rexpr)]
    return None if None in sides else tuple(sides)  # type: ignore[return-value]


def _side(node: Any) -> tuple[Any, bool] | None:
    if isinstance(node, pglast.ast.TypeCast):
        return _side(node.arg)
    if isinstance(node, pglast.ast.ParamRef):
        return node.number, False
    if isinstance(node, pglast.ast.ColumnRef):
        names = [each.sval for each in node.fields if isinstance(each, pglast.ast.String)]
        if names and names[-1] == "namespace":
            return (names[-2] if len(names) > 1 else None), True
    return None


def walk(node: Any) -> Iterator[Any]:
    """``node`` and all that it holds."""
    if isinstance(node, tuple):
        for each in node:
            yield from walk(each)
    elif isinstance(node, pglast.ast.Node):
        yield node
        for name in node:
            yield from walk(getattr(node, name))


def unbound(text: str, *, plainly: bool = False) -> set[str]:
    """The tables of ``persistmem`` that a statement touches without naming the namespace.

    Args:
        plainly: a sub-select that names it does not count: Citus cannot see through it.
    """
    if not plainly:
        text = text.replace("(SELECT %(namespace)s::text)", "%(namespace)s::text")
    names = list(dict.fromkeys(re.findall(r"%\((\w+)\)s", text)))
    numbered = re.sub(r"%\((\w+)\)s", lambda match: f"${names.index(match[1]) + 1}", text)
    namespace = names.index("namespace") + 1 if "namespace" in names else None
    nodes = list(walk(tuple(raw.stmt for raw in pglast.parse_sql(numbered))))
    kinds = (pglast.ast.SelectStmt, pglast.ast.UpdateStmt, pglast.ast.DeleteStmt)
    found: set[str] = set()
    seen = 0
    for node in nodes:
        if isinstance(node, kinds):
            level = Level(node)
            seen += len(level.tables)
            found |= {level.tables[alias].relname for alias in level.tables.keys() - level.bound(namespace)}
        elif isinstance(node, pglast.ast.InsertStmt) and node.relation.schemaname == "persistmem":
            seen += 1
            if not _inserts_its_own(node, namespace):
                found.add(node.relation.relname)
    named = [node for node in nodes if isinstance(node, pglast.ast.RangeVar) and node.schemaname == "persistmem"]
    assert seen == len(named), "a table stands where this test does not look"
    return found


def _inserts_its_own(node: Any, namespace: int | None) -> bool:
    columns = [each.name for each in node.cols or ()]
    if "namespace" not in columns:
        return False
    place = columns.index("namespace")
    select = node.selectStmt
    rows = select.valuesLists or [[target.val for target in select.targetList]]
    bound = Level(select).bound(namespace)
    sides = [_side(row[place]) for row in rows]
    return all(side == (namespace, False) or (side is not None and side[1] and side[0] in bound) for side in sides)


def test_every_statement_names_the_namespace_at_every_table() -> None:
    reaching = set[str]()
    for name in all_statements().keys() - OF_CITUS:
        text = all_statements()[name]
        if re.match(r"(--.*\n)*\s*(ALTER|CREATE INDEX|DROP INDEX)", text):
            continue  # no rows
        slots = {slot: SLOTS[slot] for slot in re.findall(r"\{(\w+)\}", text)}
        if unbound(statement(name, **slots).as_string(None)) - WITHOUT_NAMESPACE.keys():  # type: ignore[arg-type]
            reaching.add(name)
    assert reaching - ACROSS.keys() == set(), "a table without its namespace"
    assert ACROSS.keys() - reaching == set(), "it is about one namespace: take it off the list"


@pytest.mark.parametrize(
    "text",
    [
        "SELECT * FROM persistmem.memories",
        "SELECT * FROM persistmem.memories WHERE namespace = %(namespace)s::text OR true",
        "SELECT * FROM persistmem.memories m JOIN persistmem.terms w ON w.memory_id = m.id WHERE m.namespace = %(namespace)s::text",
        "DELETE FROM persistmem.terms WHERE memory_id = %(id)s::uuid",
        "UPDATE persistmem.memories SET text = '' WHERE namespace <> %(namespace)s::text",
        "SELECT 1 WHERE EXISTS (SELECT FROM persistmem.uses)",
        "WITH a AS (SELECT * FROM persistmem.uses) SELECT * FROM persistmem.terms WHERE namespace = %(namespace)s::text",
        "INSERT INTO persistmem.uses (namespace, memory_id) SELECT m.namespace, m.id FROM persistmem.memories m",
        "INSERT INTO persistmem.uses (namespace, memory_id) VALUES (%(other)s::text, %(namespace)s::text)",
        "SELECT * FROM persistmem.memories m WHERE m.namespace = %(other)s::text",
        "SELECT * FROM persistmem.memories m WHERE nullif(m.namespace = %(namespace)s::text, true) IS NOT NULL",
        "SELECT * FROM persistmem.memories m WHERE nullif(m.namespace = %(namespace)s::text, false) IS NULL",
        "SELECT * FROM persistmem.memories m WHERE nullif(m.namespace = %(other)s::text, false) IS NOT NULL",
    ],
)
def test_a_statement_that_does_not_is_found(text: str) -> None:
    assert unbound(text)


def test_a_table_that_is_joined_by_the_namespace_is_bound() -> None:
    assert not unbound(
        "SELECT * FROM persistmem.memories m JOIN persistmem.terms w ON w.namespace = m.namespace "
        "WHERE m.namespace = %(namespace)s::text"
    )
