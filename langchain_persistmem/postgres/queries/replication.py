"""Statements on streaming replication: how far a replica has come."""

from langchain_persistmem.postgres.statements import statement
from langchain_persistmem.postgres.transaction import Transaction


async def write_position(tx: Transaction) -> str:
    """The position that the primary's log has reached."""
    (row,) = await tx.fetch(statement("write_position"), {})
    return row["position"]


async def has_replayed(tx: Transaction, position: str) -> bool:
    """Tell if the server of ``tx`` shows what was committed on the primary up to ``position``."""
    (row,) = await tx.fetch(statement("has_replayed"), {"position": position})
    return bool(row["replayed"])
