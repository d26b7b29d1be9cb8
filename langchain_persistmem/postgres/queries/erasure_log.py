"""Statements on the log of erasures, which names nobody."""

import hashlib
from collections.abc import Mapping, Sequence
from datetime import datetime
from uuid import UUID

from psycopg.types.json import Jsonb

from langchain_persistmem.postgres.statements import statement
from langchain_persistmem.postgres.transaction import Transaction
from langchain_persistmem.types.namespace import Namespace, decode, encode
from langchain_persistmem.types.results import Erasure


def erasure_of(
    id: UUID,
    incarnation: UUID,
    memory_ids: Sequence[UUID],
    turns: Sequence[tuple[str, str]] = (),
    counts: Mapping[str, int] | None = None,
    *,
    now: datetime,
) -> Erasure:
    """An entry of the log, for memories and for turns, which are given by thread and message id."""
    return Erasure(
        id=id,
        incarnation=incarnation,
        everything=False,
        memory_ids=tuple(memory_ids),
        turns=tuple(_digest(incarnation, thread_id, message_id) for thread_id, message_id in turns),
        counts={"memories": len(memory_ids)} if counts is None else counts,
        erased_at=now,
        completed_at=now,
    )


def _digest(incarnation: UUID, thread_id: str, message_id: str) -> str:
    """By what a turn is known in the log; the same as in the statement ``turns_erased``.

    The incarnation is random and goes with the namespace: without it nobody can try out ids.
    """
    text = f"{incarnation}:{len(thread_id.encode())}:{thread_id}:{message_id}"
    return hashlib.sha256(text.encode()).hexdigest()


async def plan_erasure(tx: Transaction, incarnation: UUID, *, id: UUID, now: datetime) -> None:
    """Write down that everything of a life is about to be erased, unless that is written already."""
    await tx.execute(statement("plan_erasure"), {"id": id, "incarnation": incarnation, "now": now})


async def complete_erasures(
    tx: Transaction, incarnation: UUID, counts: Mapping[str, int], *, now: datetime
) -> list[UUID]:
    """Close what was planned for a life; returns the entries."""
    parameters = {"incarnation": incarnation, "counts": Jsonb(dict(counts)), "now": now}
    return [row["id"] for row in await tx.fetch(statement("complete_erasures"), parameters)]


async def record_erasure(tx: Transaction, erasure: Erasure) -> bool:
    """Add an entry to the log; False if it is there already."""
    parameters = {
        "id": erasure.id,
        "incarnation": erasure.incarnation,
        "everything": erasure.everything,
        "memory_ids": list(erasure.memory_ids),
        "turns": [bytes.fromhex(turn) for turn in erasure.turns],
        "counts": Jsonb(dict(erasure.counts)),
        "completed_at": erasure.completed_at,
        "erased_at": erasure.erased_at,
    }
    return await tx.execute(statement("record_erasure"), parameters) > 0


async def list_erasures(tx: Transaction, *, after: UUID | None, limit: int) -> list[Erasure]:
    """A page of the log, in the order of the ids."""
    rows = await tx.fetch(statement("list_erasures"), {"after": after, "limit": limit})
    return [
        Erasure(
            id=row["id"],
            incarnation=row["incarnation"],
            everything=row["everything"],
            memory_ids=tuple(row["memory_ids"]),
            turns=tuple(bytes(turn).hex() for turn in row["turns"]),
            counts=row["counts"],
            erased_at=row["erased_at"],
            completed_at=row["completed_at"],
        )
        for row in rows
    ]


async def open_erasures(tx: Transaction) -> list[tuple[UUID, Namespace | None]]:
    """The lives whose erasure was begun and not completed, each with its namespace if that still lives it."""
    rows = await tx.fetch(statement("open_erasures"), {})
    return [(row["incarnation"], decode(row["namespace"]) if row["namespace"] is not None else None) for row in rows]


async def namespaces_living(tx: Transaction, incarnations: Sequence[UUID]) -> dict[UUID, Namespace]:
    """The namespaces that live these lives."""
    rows = await tx.fetch(statement("namespaces_living"), {"incarnations": list(incarnations)})
    return {row["incarnation"]: decode(row["namespace"]) for row in rows}


async def turns_erased(
    tx: Transaction, namespace: Namespace, incarnation: UUID, turns: Sequence[str]
) -> list[tuple[str, str]]:
    """Thread and id of each turn whose digest is among ``turns``."""
    parameters = {
        "namespace": encode(namespace),
        "incarnation": str(incarnation),
        "turns": [bytes.fromhex(turn) for turn in turns],
    }
    return [(row["thread_id"], row["id"]) for row in await tx.fetch(statement("turns_erased"), parameters)]


async def memories_there(tx: Transaction, namespace: Namespace, ids: Sequence[UUID]) -> list[UUID]:
    """Which of the memories exist."""
    rows = await tx.fetch(statement("memories_there"), {"namespace": encode(namespace), "ids": list(ids)})
    return [row["id"] for row in rows]
