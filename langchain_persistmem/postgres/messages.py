"""Statements on conversations."""

from collections.abc import Sequence
from datetime import datetime

from langchain_persistmem.namespace import Namespace, encode
from langchain_persistmem.postgres.rows import dumped, row_of_turn, turn_of
from langchain_persistmem.postgres.statements import statement
from langchain_persistmem.postgres.transaction import Transaction
from langchain_persistmem.types import Turn


async def insert_messages(
    tx: Transaction, namespace: Namespace, thread_id: str, turns: Sequence[Turn], *, now: datetime
) -> int:
    """Append the turns that are not there yet, in their order; returns how many were new."""
    where = {"namespace": encode(namespace), "thread_id": thread_id}
    rows = await tx.fetch(statement("known_messages"), {**where, "ids": [turn.id for turn in turns]})
    known = {row["id"] for row in rows}
    new = [turn for turn in turns if turn.id not in known]
    if not new:
        return 0
    new_rows = dumped([row_of_turn(turn, ordinal) for ordinal, turn in enumerate(new, 1)])
    return await tx.execute(statement("insert_messages"), {**where, "rows": new_rows, "now": now})


async def messages_to_extract(tx: Transaction, namespace: Namespace, thread_id: str, *, limit: int) -> list[Turn]:
    """The oldest turns of a thread that memory has not looked at yet."""
    parameters = {"namespace": encode(namespace), "thread_id": thread_id, "limit": limit}
    return [turn_of(row) for row in await tx.fetch(statement("messages_to_extract"), parameters)]


async def mark_extracted(
    tx: Transaction, namespace: Namespace, thread_id: str, ids: Sequence[str], *, now: datetime
) -> int:
    """Close turns; returns how many were open, which is fewer than asked if somebody else was faster."""
    parameters = {"namespace": encode(namespace), "thread_id": thread_id, "ids": list(ids), "now": now}
    return await tx.execute(statement("mark_extracted"), parameters)


async def list_threads(tx: Transaction, namespace: Namespace) -> list[str]:
    """The threads in which turns wait for extraction."""
    rows = await tx.fetch(statement("list_threads"), {"namespace": encode(namespace)})
    return [row["thread_id"] for row in rows]


async def read_messages(
    tx: Transaction, namespace: Namespace, thread_id: str, *, limit: int | None, offset: int
) -> list[Turn]:
    """``limit`` turns of a thread, or all, without the latest ``offset``, oldest first."""
    parameters = {
        "namespace": encode(namespace),
        "thread_id": thread_id,
        "limit": limit,  # NULL is no limit
        "offset": offset,
    }
    rows = await tx.fetch(statement("read_messages"), parameters)
    return [turn_of(row) for row in reversed(rows)]


async def clear_thread(tx: Transaction, namespace: Namespace, thread_id: str) -> int:
    """Delete the turns of a thread; returns how many there were."""
    return await tx.execute(statement("clear_thread"), {"namespace": encode(namespace), "thread_id": thread_id})
