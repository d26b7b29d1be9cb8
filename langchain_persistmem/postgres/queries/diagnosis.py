"""Statements of the diagnosis: facts, which operations/doctor.py judges."""

from collections.abc import Mapping, Sequence
from typing import Any

from langchain_persistmem.postgres.statements import statement
from langchain_persistmem.postgres.transaction import Transaction

Facts = Mapping[str, Any]


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
    return await tx.fetch(statement("diagnose_orphans"), {"most": most})


async def diagnose_counters(tx: Transaction, *, most: int) -> Facts:
    """Namespaces whose counters are wrong, of so many."""
    return (await tx.fetch(statement("diagnose_counters"), {"most": most}))[0]


async def diagnose_vectors(tx: Transaction, *, model: str | None, most: int) -> Facts:
    """Memories without a vector of ``model`` (None: of any), and vectors by model."""
    return (await tx.fetch(statement("diagnose_vectors"), {"model": model, "most": most}))[0]


async def diagnose_work(tx: Transaction, *, overdue: float, unfinished: float) -> Facts:
    """Count the work that waits and the work that is stuck."""
    return (await tx.fetch(statement("diagnose_work"), {"overdue": overdue, "unfinished": unfinished}))[0]
