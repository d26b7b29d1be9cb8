"""Statements on the daily cap: the calls of the chat model that a namespace has had today."""

from datetime import timedelta

from langchain_persistmem.postgres.statements import statement
from langchain_persistmem.postgres.transaction import Transaction
from langchain_persistmem.types.namespace import Namespace, encode


async def spend_call(tx: Transaction, namespace: Namespace) -> tuple[int, timedelta]:
    """Count one call of the chat model; returns the number of today's, and how long today still lasts."""
    (row,) = await tx.fetch(statement("spend_call"), {"namespace": encode(namespace)})
    return row["calls"], timedelta(seconds=row["seconds"])
