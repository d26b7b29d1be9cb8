"""Statements on conversations."""

from collections.abc import Sequence
from datetime import datetime

from langchain_persistmem.postgres.queries.rows import row_of_turn, to_json, turn_of
from langchain_persistmem.postgres.statements import statement
from langchain_persistmem.postgres.transaction import Transaction
from langchain_persistmem.types.namespace import Namespace, encode
from langchain_persistmem.types.records import Turn
from langchain_persistmem.types.results import DeadLetter


async def insert_messages(
    tx: Transaction, namespace: Namespace, thread_id: str, turns: Sequence[Turn], *, withheld: bool, now: datetime
) -> int | None:
    """Append the turns that are not there yet, in their order; the caller holds the namespace's lock.

    Args:
        withheld: nothing is ever to be learnt from them.

    Returns:
        How many were new; None if the thread is off the record, and none was stored.
    """
    where = {"namespace": encode(namespace), "thread_id": thread_id}
    (row,) = await tx.fetch(statement("known_messages"), {**where, "ids": [turn.id for turn in turns]})
    if row["off_record"]:
        return None
    known = set(row["known"])
    new = [turn for turn in turns if turn.id not in known]
    if not new:
        return 0
    new_rows = to_json([row_of_turn(turn, ordinal) for ordinal, turn in enumerate(new, 1)])
    return await tx.execute(statement("insert_messages"), {**where, "rows": new_rows, "withheld": withheld, "now": now})


async def messages_to_extract(tx: Transaction, namespace: Namespace, thread_id: str, *, limit: int) -> list[Turn]:
    """The oldest turns of a thread that memory has not looked at yet."""
    parameters = {"namespace": encode(namespace), "thread_id": thread_id, "limit": limit}
    return [turn_of(row) for row in await tx.fetch(statement("messages_to_extract"), parameters)]


async def messages_before(
    tx: Transaction, namespace: Namespace, thread_id: str, position: int, *, limit: int
) -> list[Turn]:
    """The last turns before a place in a thread, oldest first."""
    parameters = {"namespace": encode(namespace), "thread_id": thread_id, "position": position, "limit": limit}
    rows = await tx.fetch(statement("messages_before"), parameters)
    return [turn_of(row) for row in reversed(rows)]


async def tool_outputs(
    tx: Transaction, namespace: Namespace, thread_id: str, first: int, last: int, *, limit: int, chars: int
) -> list[str]:
    """The beginnings of what tools put out between two positions of a thread, the latest first."""
    parameters = {"namespace": encode(namespace), "thread_id": thread_id, "first": first, "last": last}
    rows = await tx.fetch(statement("tool_outputs"), {**parameters, "limit": limit, "chars": chars})
    return [row["text"] for row in rows]


async def mark_extracted(
    tx: Transaction, namespace: Namespace, thread_id: str, ids: Sequence[str], *, now: datetime
) -> int:
    """Close turns; returns how many were open, which is fewer than asked if somebody else was faster."""
    parameters = {"namespace": encode(namespace), "thread_id": thread_id, "ids": list(ids), "now": now}
    return await tx.execute(statement("mark_extracted"), parameters)


async def count_open(tx: Transaction, namespace: Namespace, thread_id: str) -> int:
    """Count the turns of a thread that wait to be learnt from."""
    rows = await tx.fetch(statement("count_open"), {"namespace": encode(namespace), "thread_id": thread_id})
    return int(rows[0]["waiting"])


async def give_up_messages(
    tx: Transaction, namespace: Namespace, thread_id: str, ids: Sequence[str] | None, *, failure: str, now: datetime
) -> int:
    """Leave these turns, or all open ones of the thread, out of what is learnt from, until they are retried."""
    where = {"namespace": encode(namespace), "thread_id": thread_id, "ids": list(ids) if ids is not None else None}
    return await tx.execute(statement("give_up_messages"), {**where, "failure": failure, "now": now})


async def list_dead_letters(tx: Transaction, namespace: Namespace) -> list[DeadLetter]:
    """The turns that were given up, by thread."""
    rows = await tx.fetch(statement("list_dead_letters"), {"namespace": encode(namespace)})
    return [DeadLetter(**row) for row in rows]


async def retry_dead_letters(tx: Transaction, namespace: Namespace, thread_id: str) -> int:
    """Let turns that were given up be learnt from again; returns how many."""
    parameters = {"namespace": encode(namespace), "thread_id": thread_id}
    return await tx.execute(statement("retry_dead_letters"), parameters)


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
