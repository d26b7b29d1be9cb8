"""Statements on how memories change: neighbours, successors, history, review, the log."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from psycopg.rows import DictRow

from langchain_persistmem.postgres.answer import Answer
from langchain_persistmem.postgres.queries.embedding_models import EmbeddingModel
from langchain_persistmem.postgres.queries.rows import change_of, memory_of, neighbours_of, row_of, to_json
from langchain_persistmem.postgres.queries.search_index import to_halfvecs
from langchain_persistmem.postgres.statements import statement
from langchain_persistmem.postgres.transaction import Transaction
from langchain_persistmem.postgres.vector_index import hnsw_search
from langchain_persistmem.postgres.vector_index.exact_scan import EVERY, vector_column
from langchain_persistmem.postgres.vector_index.hnsw_indexes import index_of
from langchain_persistmem.types.namespace import Namespace, encode
from langchain_persistmem.types.records import Change, Kind, Memory, NewMemory, Provenance, Vector

NEAREST = 4_000
"""Vectors of a large namespace among which enough of the wanted kinds are looked for; if there are not, among all."""


async def neighbours(
    tx: Transaction,
    namespace: Namespace,
    vectors: Sequence[Vector],
    *,
    model: EmbeddingModel,
    kinds: Sequence[Kind],
    limit: int,
    now: datetime,
) -> list[list[tuple[Memory, float]]]:
    """For each vector the ``limit`` nearest current memories with their cosine, best first.

    In a large namespace they are found along its HNSW index, where that is the way; else all of its vectors are compared.
    """
    if not vectors:
        return []
    # A search that finds fewer than were asked for does not know that there are no more: then the next, longer one is taken.
    number, large = await index_of(tx, namespace, model)
    parameters = {
        "namespace": encode(namespace),
        "embeddings": to_halfvecs(vectors),
        "model": model.id,
        "kinds": list(kinds),
        "limit": limit,
        "looked_at": NEAREST if large else EVERY,
        "now": now,
    }
    if number is not None and hnsw_search.is_reachable(model, limit):
        neighbours = await hnsw_search.neighbours(tx, number, parameters, model=model, count=len(vectors), limit=limit)
        if neighbours is not None:
            return neighbours
    query = statement("neighbours", embedding=vector_column(model))
    neighbours = neighbours_of(await tx.fetch(query, parameters), len(vectors))
    if large and any(len(group) < limit for group in neighbours):
        neighbours = neighbours_of(await tx.fetch(query, {**parameters, "looked_at": EVERY}), len(vectors))
    return neighbours


def still_active(tx: Transaction, namespace: Namespace, ids: Sequence[UUID]) -> Answer[dict[UUID, bool]]:
    """The current ones of ``ids``, each with True if it is pinned."""
    if not ids:
        return Answer({})
    rows = tx.fetch(statement("still_active"), {"namespace": encode(namespace), "ids": list(ids)})
    return rows.then(lambda rows: {row["id"]: row["pinned"] for row in rows})


def reinforce_memories(
    tx: Transaction,
    namespace: Namespace,
    again: Sequence[tuple[UUID, float, float, Provenance]],
    *,
    doubt_lost: float,
    now: datetime,
) -> Answer[int]:
    """Confirm memories: each with the importance, the confidence and the evidence of the new statement."""
    rows = [
        {
            "id": str(id),
            "importance": importance,
            "confidence": confidence,
            "thread_id": provenance.thread_id,
            "message_ids": list(provenance.message_ids),
            "added": list(provenance.message_ids),
        }
        for id, importance, confidence, provenance in again
    ]
    parameters = {"namespace": encode(namespace), "rows": to_json(rows), "doubt_lost": doubt_lost, "now": now}
    return tx.execute(statement("reinforce_memories"), parameters) if rows else Answer(0)


def supersede_memories(
    tx: Transaction, namespace: Namespace, ended: Sequence[tuple[UUID, UUID, datetime]], *, now: datetime
) -> Answer[list[UUID]]:
    """End the validity of memories: each with its successor and the moment; returns the ids that were current."""
    rows = [
        {"id": str(id), "by_memory": str(successor), "valid_until": until.isoformat()} for id, successor, until in ended
    ]
    if not rows:
        return Answer([])
    parameters = {"namespace": encode(namespace), "rows": to_json(rows), "now": now}
    return tx.fetch(statement("supersede_memories"), parameters).then(_ids)


def insert_inactive(
    tx: Transaction, namespace: Namespace, new: Sequence[tuple[NewMemory, Mapping[str, object]]], *, now: datetime
) -> Answer[list[UUID]]:
    """Write memories that are not recalled, with their status and what belongs to it; returns the ids that are new."""
    rows = [{**row_of(memory, now=now), **more} for memory, more in new]
    if not rows:
        return Answer([])
    parameters = {"namespace": encode(namespace), "rows": to_json(rows)}
    return tx.fetch(statement("insert_inactive"), parameters).then(_ids)


def record_changes(
    tx: Transaction, namespace: Namespace, rows: Sequence[Mapping[str, object]], *, now: datetime
) -> Answer[int]:
    """Append to the log: id, memory_id, change, reason, by_memory."""
    parameters = {"namespace": encode(namespace), "rows": to_json(list(rows)), "now": now}
    return tx.execute(statement("record_changes"), parameters) if rows else Answer(0)


async def list_changes(tx: Transaction, namespace: Namespace, key: str | None, *, limit: int) -> list[Change]:
    """The log, newest first; of one key, or of the namespace."""
    parameters: dict[str, Any] = {"namespace": encode(namespace), "key": key, "limit": limit}
    return [change_of(row) for row in await tx.fetch(statement("list_changes"), parameters)]


async def history(tx: Transaction, namespace: Namespace, key: str) -> list[Memory]:
    """Every version under ``key`` and what they replaced, the latest first."""
    rows = await tx.fetch(statement("history"), {"namespace": encode(namespace), "key": key})
    return [memory_of(row) for row in rows]


async def get_version(tx: Transaction, namespace: Namespace, id: UUID) -> Memory | None:
    """One memory, whatever its status."""
    rows = await tx.fetch(statement("get_version"), {"namespace": encode(namespace), "id": id})
    return memory_of(rows[0]) if rows else None


async def find_quarantined(tx: Transaction, namespace: Namespace, identity: bytes) -> Memory:
    """The memory that waits for review with this statement."""
    parameters = {"namespace": encode(namespace), "identity": identity}
    (row,) = await tx.fetch(statement("find_quarantined"), parameters)
    return memory_of(row)


async def list_quarantined(tx: Transaction, namespace: Namespace, *, limit: int) -> list[Memory]:
    """List what waits for review, oldest first."""
    rows = await tx.fetch(statement("list_quarantined"), {"namespace": encode(namespace), "limit": limit})
    return [memory_of(row) for row in rows]


async def rivals(tx: Transaction, namespace: Namespace, id: UUID) -> list[tuple[UUID, datetime, bool]]:
    """Find what is current instead of a memory that is not, with the moment from which it holds, and if it is pinned."""
    rows = await tx.fetch(statement("rivals"), {"namespace": encode(namespace), "id": id})
    return [(row["id"], row["valid_from"], row["pinned"]) for row in rows]


async def revive_memories(tx: Transaction, namespace: Namespace, ids: Sequence[UUID], *, now: datetime) -> list[UUID]:
    """Make memories current again; returns the ids that were not."""
    parameters = {"namespace": encode(namespace), "ids": list(ids), "now": now}
    return [row["id"] for row in await tx.fetch(statement("revive_memories"), parameters)]


async def reject_memories(tx: Transaction, namespace: Namespace, ids: Sequence[UUID]) -> int:
    """Delete quarantined memories; returns how many."""
    return len(await tx.fetch(statement("reject_memories"), {"namespace": encode(namespace), "ids": list(ids)}))


async def archive_memories(
    tx: Transaction, namespace: Namespace, ids: Sequence[UUID], *, summary: UUID | None, now: datetime
) -> list[UUID]:
    """Put current memories away, into a summary or without one; returns the ids that were current."""
    parameters = {"namespace": encode(namespace), "ids": list(ids), "by_memory": summary, "now": now}
    return [row["id"] for row in await tx.fetch(statement("archive_memories"), parameters)]


def _ids(rows: Sequence[DictRow]) -> list[UUID]:
    return [row["id"] for row in rows]
