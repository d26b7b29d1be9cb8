"""Statements on what a person allows, and on threads off the record."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from langchain_persistmem.postgres.answer import Answer
from langchain_persistmem.postgres.statements import statement
from langchain_persistmem.postgres.transaction import Transaction
from langchain_persistmem.types.namespace import Namespace, encode
from langchain_persistmem.types.records import Consent


async def set_consent(
    tx: Transaction, namespace: Namespace, consent: Consent, *, generation: UUID, now: datetime
) -> None:
    """Write what the person allows; this locks the namespace until the transaction ends."""
    parameters = {"namespace": encode(namespace), "consent": consent, "generation": generation, "now": now}
    await tx.execute(statement("set_consent"), parameters)


async def withhold_messages(
    tx: Transaction,
    namespace: Namespace,
    thread_id: str | None = None,
    ids: Sequence[str] | None = None,
    *,
    now: datetime,
) -> list[UUID]:
    """Let turns that wait to be learnt from never be; returns the ids of their turns."""
    where = {"namespace": encode(namespace), "thread_id": thread_id, "ids": list(ids) if ids is not None else None}
    rows = await tx.fetch(statement("withhold_messages"), {**where, "now": now})
    return [row["turn_id"] for row in rows if row["turn_id"] is not None]


async def drop_work(tx: Transaction, namespace: Namespace, thread_id: str | None = None) -> int:
    """Delete what waits for a worker; returns how many threads."""
    return await tx.execute(statement("drop_work"), {"namespace": encode(namespace), "thread_id": thread_id})


async def set_off_record(
    tx: Transaction, namespace: Namespace, thread_id: str, off_record: bool, *, now: datetime
) -> None:
    """Put a thread off the record, or back on it."""
    parameters = {"namespace": encode(namespace), "thread_id": thread_id, "off_record": off_record, "now": now}
    await tx.execute(statement("set_off_record"), parameters)


def is_off_record(tx: Transaction, namespace: Namespace, thread_id: str) -> Answer[bool]:
    """Tell if a thread is off the record."""
    rows = tx.fetch(statement("is_off_record"), {"namespace": encode(namespace), "thread_id": thread_id})
    return rows.then(lambda rows: bool(rows[0]["off_record"]))


async def may_recall(tx: Transaction, namespace: Namespace, thread_id: str | None) -> bool:
    """Tell if memories may be put before a model, in this thread."""
    (row,) = await tx.fetch(statement("may_recall"), {"namespace": encode(namespace), "thread_id": thread_id})
    return row["allowed"]
