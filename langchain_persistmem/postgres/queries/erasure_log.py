"""Statements on the log of erasures, which names nobody."""

import hashlib
from collections.abc import Mapping, Sequence
from datetime import datetime
from uuid import UUID

from psycopg.rows import DictRow
from psycopg.types.json import Jsonb

from langchain_persistmem.postgres.answer import Answer
from langchain_persistmem.postgres.statements import statement
from langchain_persistmem.postgres.transaction import Transaction
from langchain_persistmem.types.erasure_log_line import Erasure
from langchain_persistmem.types.namespace import Namespace, decode, encode


def erasure_of(
    id: UUID,
    generation: UUID,
    memory_ids: Sequence[UUID],
    turns: Sequence[tuple[str, str]] = (),
    counts: Mapping[str, int] | None = None,
    *,
    now: datetime,
) -> Erasure:
    """An entry of the log, for memories and for turns, which are given by thread and message id."""
    return Erasure(
        id=id,
        generation=generation,
        everything=False,
        memory_ids=tuple(memory_ids),
        turns=tuple(_digest(generation, thread_id, message_id) for thread_id, message_id in turns),
        counts={"memories": len(memory_ids)} if counts is None else counts,
        erased_at=now,
        completed_at=now,
    )


def _digest(generation: UUID, thread_id: str, message_id: str) -> str:
    """By what a turn is known in the log; the same as in the statement ``turns_erased``.

    The generation is random and goes with the namespace: without it nobody can try out ids.
    """
    text = f"{generation}:{len(thread_id.encode())}:{thread_id}:{message_id}"
    return hashlib.sha256(text.encode()).hexdigest()


def plan_erasure(tx: Transaction, generation: UUID, *, id: UUID, now: datetime) -> Answer[int]:
    """Write down that everything of a state is about to be erased, unless that is written already."""
    return tx.execute(statement("plan_erasure"), {"id": id, "generation": generation, "now": now})


def complete_erasures(
    tx: Transaction, generation: UUID, counts: Mapping[str, int], *, id: UUID, now: datetime
) -> Answer[list[UUID]]:
    """Close what was planned for a generation, or write an entry under ``id``; the answer is the entries."""
    parameters = {"id": id, "generation": generation, "counts": Jsonb(dict(counts)), "now": now}
    return tx.fetch(statement("complete_erasures"), parameters).then(_ids)


def erasures_of_generation(tx: Transaction, generation: UUID) -> Answer[list[UUID]]:
    """The entries about everything of a generation."""
    return tx.fetch(statement("erasures_of_generation"), {"generation": generation}).then(_ids)


def _ids(rows: Sequence[DictRow]) -> list[UUID]:
    return [row["id"] for row in rows]


def record_erasure(tx: Transaction, erasure: Erasure) -> Answer[int]:
    """Add an entry to the log, unless it is there already; the answer is how many that were."""
    parameters = {
        "id": erasure.id,
        "generation": erasure.generation,
        "everything": erasure.everything,
        "memory_ids": list(erasure.memory_ids),
        "turns": [bytes.fromhex(turn) for turn in erasure.turns],
        "counts": Jsonb(dict(erasure.counts)),
        "completed_at": erasure.completed_at,
        "erased_at": erasure.erased_at,
    }
    return tx.execute(statement("record_erasure"), parameters)


async def list_erasures(tx: Transaction, *, after: UUID | None, limit: int) -> list[Erasure]:
    """A page of the log, in the order of the ids."""
    rows = await tx.fetch(statement("list_erasures"), {"after": after, "limit": limit})
    return [
        Erasure(
            id=row["id"],
            generation=row["generation"],
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
    """The generations whose erasure was begun and not completed, each with its namespace if that still lives it."""
    rows = await tx.fetch(statement("open_erasures"), {})
    return [(row["generation"], decode(row["namespace"]) if row["namespace"] is not None else None) for row in rows]


async def namespaces_living(tx: Transaction, generations: Sequence[UUID]) -> dict[UUID, Namespace]:
    """The namespaces that have these generations."""
    rows = await tx.fetch(statement("namespaces_living"), {"generations": list(generations)})
    return {row["generation"]: decode(row["namespace"]) for row in rows}


async def turns_erased(
    tx: Transaction, namespace: Namespace, generation: UUID, turns: Sequence[str]
) -> list[tuple[str, str]]:
    """Thread and id of each turn whose digest is among ``turns``."""
    parameters = {
        "namespace": encode(namespace),
        "generation": str(generation),
        "turns": [bytes.fromhex(turn) for turn in turns],
    }
    return [(row["thread_id"], row["id"]) for row in await tx.fetch(statement("turns_erased"), parameters)]


async def memories_there(tx: Transaction, namespace: Namespace, ids: Sequence[UUID]) -> list[UUID]:
    """The memories that exist of these."""
    rows = await tx.fetch(statement("memories_there"), {"namespace": encode(namespace), "ids": list(ids)})
    return [row["id"] for row in rows]
