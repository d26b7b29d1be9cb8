"""Statements on one memory that a person looks at, edits or pins."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from langchain_persistmem.postgres.queries.rows import memory_of, turn_of
from langchain_persistmem.postgres.statements import statement
from langchain_persistmem.postgres.transaction import Transaction
from langchain_persistmem.types.namespace import Namespace, encode
from langchain_persistmem.types.records import Memory, Turn


async def current_twin(tx: Transaction, namespace: Namespace, identity: bytes, *, but: UUID) -> Memory | None:
    """The current memory with this statement, apart from ``but``; None if there is none."""
    parameters = {"namespace": encode(namespace), "identity": identity, "id": but}
    rows = await tx.fetch(statement("current_twin"), parameters)
    return memory_of(rows[0]) if rows else None


async def pin_memories(tx: Transaction, namespace: Namespace, ids: Sequence[UUID], *, pinned: bool) -> list[Memory]:
    """Pin current memories, or unpin them; returns them as they are now."""
    parameters = {"namespace": encode(namespace), "ids": list(ids), "pinned": pinned}
    return [memory_of(row) for row in await tx.fetch(statement("pin_memories"), parameters)]


async def messages_by_id(
    tx: Transaction, namespace: Namespace, wanted: Sequence[tuple[str, str]], memory_ids: Sequence[UUID]
) -> list[tuple[Turn, Sequence[str]]]:
    """The stored turns among ``wanted``, pairs of thread and message id, oldest first, with the words for these memories."""
    parameters = {
        "memory_ids": list(memory_ids),
        "namespace": encode(namespace),
        "thread_ids": [thread_id for thread_id, _ in wanted],
        "ids": [id for _, id in wanted],
    }
    return [(turn_of(row), row["quotes"]) for row in await tx.fetch(statement("messages_by_id"), parameters)]


async def uses_of(tx: Transaction, namespace: Namespace, ids: Sequence[UUID]) -> tuple[int, datetime | None]:
    """Count how often memories entered a context, together; with the time of the last."""
    (row,) = await tx.fetch(statement("uses_of"), {"namespace": encode(namespace), "ids": list(ids)})
    return row["times"], row["last_used_at"]
