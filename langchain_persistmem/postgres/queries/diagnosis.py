"""Statements of the diagnosis: facts, which operations/doctor.py judges."""

from collections.abc import Mapping, Sequence
from typing import Any

from psycopg import sql

from langchain_persistmem.postgres.queries.embedding_models import list_models
from langchain_persistmem.postgres.statements import statement
from langchain_persistmem.postgres.transaction import Transaction

Facts = Mapping[str, Any]

_NO_MODEL = -1
_SAMPLE = 200
"""Namespaces that are looked at where tables are distributed."""


async def diagnose_server(tx: Transaction, *, language: str) -> Facts:
    """Read the facts of the server and of the role."""
    return (await tx.fetch(statement("diagnose_server"), {"language": language}))[0]


async def diagnose_tables(tx: Transaction) -> Sequence[Facts]:
    """Read the catalog's facts of each table."""
    return await tx.fetch(statement("diagnose_tables"), {})


async def diagnose_indexes(tx: Transaction) -> Sequence[Facts]:
    """Each index, and whether it is valid."""
    return await tx.fetch(statement("diagnose_indexes"), {})


async def diagnose_orphans(tx: Transaction, *, most: int) -> Sequence[Facts]:
    """Rows without what they belong to, by table."""
    sample, parameters = await _some(tx, most)
    return await tx.fetch(statement("diagnose_orphans", some=sample), parameters)


async def diagnose_counters(tx: Transaction, *, most: int) -> Facts:
    """Namespaces whose counters are wrong, of so many."""
    picked = [row["namespace"] for row in await tx.fetch(statement("pick_namespaces"), {"most": most})]
    return (await tx.fetch(statement("diagnose_counters"), {"namespaces": picked}))[0]


async def diagnose_vectors(tx: Transaction, *, model: str | None, most: int) -> Facts:
    """Memories without a vector of ``model`` (None: of any), and vectors by model."""
    sample, parameters = await _some(tx, most)
    numbers = {entry.name: entry.id for entry in await list_models(tx)}
    number = None if model is None else numbers.get(model, _NO_MODEL)
    (facts,) = await tx.fetch(statement("diagnose_vectors", some=sample), {**parameters, "model": number})
    rows = await tx.fetch(statement("count_models", some=sample), parameters)
    counts = {row["model"]: row["vectors"] for row in rows}
    return {**facts, "models": {name: counts.get(id) for name, id in numbers.items()}}


async def diagnose_work(tx: Transaction, *, overdue: float, unfinished: float) -> Facts:
    """Count the work that waits and the work that is stuck."""
    return (await tx.fetch(statement("diagnose_work"), {"overdue": overdue, "unfinished": unfinished}))[0]


async def _some(tx: Transaction, most: int) -> tuple[sql.SQL, dict[str, object]]:
    """The rows of a table that are looked at: so many; or where tables are distributed, those of some namespaces."""
    if not tx.has_citus:
        return sql.SQL("LIMIT %(most)s::bigint"), {"most": most}
    rows = await tx.fetch(statement("sample_namespaces"), {"most": _SAMPLE})
    return sql.SQL("AND namespace = ANY (%(namespaces)s::text[])"), {"namespaces": [row["namespace"] for row in rows]}
