"""Statements on namespaces."""

from datetime import datetime
from uuid import UUID

from langchain_persistmem.namespace import Namespace, decode, encode, prefix_range
from langchain_persistmem.postgres.rows import counts_of
from langchain_persistmem.postgres.statements import statement
from langchain_persistmem.postgres.transaction import Transaction


async def hold_namespace(tx: Transaction, namespace: Namespace, *, incarnation: UUID, now: datetime) -> UUID:
    """Lock ``namespace`` until the transaction ends; returns its incarnation, which is the given one if it is new."""
    parameters = {"namespace": encode(namespace), "incarnation": incarnation, "now": now}
    (row,) = await tx.fetch(statement("hold_namespace"), parameters)
    return row["incarnation"]


async def incarnation_of(tx: Transaction, namespace: Namespace) -> UUID | None:
    """The present life of a namespace; None if it does not exist."""
    rows = await tx.fetch(statement("incarnation_of"), {"namespace": encode(namespace)})
    return rows[0]["incarnation"] if rows else None


async def list_namespaces(tx: Transaction, prefix: Namespace, *, now: datetime) -> list[Namespace]:
    """The namespaces under ``prefix`` that hold at least one current item, in order."""
    exact, start, until = prefix_range(prefix)
    parameters = {"exact": exact, "from": start, "until": until, "now": now}
    return [decode(row["namespace"]) for row in await tx.fetch(statement("list_namespaces"), parameters)]


async def count_rows(tx: Transaction, namespace: Namespace) -> dict[str, int]:
    """How many memories, messages and threads ``namespace`` has."""
    return counts_of(await tx.fetch(statement("count_rows"), {"namespace": encode(namespace)}))


async def count_everything(tx: Transaction) -> dict[str, int]:
    """How many namespaces, memories and messages the database has."""
    return counts_of(await tx.fetch(statement("count_everything"), {}))
