"""Statements on memories: writing, reading by key, listing."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from psycopg import sql

from langchain_persistmem.postgres.answer import Answer
from langchain_persistmem.postgres.queries.embedding_models import EmbeddingModel
from langchain_persistmem.postgres.queries.rows import StoredItem, candidates_of, item_of, memory_of, row_of, to_json
from langchain_persistmem.postgres.queries.search_index import to_halfvecs
from langchain_persistmem.postgres.statements import statement
from langchain_persistmem.postgres.transaction import Transaction
from langchain_persistmem.postgres.value_filter import Condition, condition
from langchain_persistmem.postgres.vector_index.exact_scan import vector_column
from langchain_persistmem.types.namespace import Namespace, decode, encode, prefix_range
from langchain_persistmem.types.recall_results import RecallCandidate
from langchain_persistmem.types.records import Memory, NewMemory, Source, Status, Vector
from langchain_persistmem.types.vectors import norm_of


def insert_memories(
    tx: Transaction, namespace: Namespace, new: Sequence[NewMemory], *, doubt_lost: float, now: datetime
) -> Answer[Mapping[bytes, tuple[UUID, str]]]:
    """Write memories, or confirm the ones that are known; returns id and key by identity, known ones with theirs."""
    parameters = {
        "namespace": encode(namespace),
        "rows": to_json([row_of(memory, now=now) for memory in new]),
        "doubt_lost": doubt_lost,
        "now": now,
    }
    rows = tx.fetch(statement("insert_memories"), parameters)
    return rows.then(lambda rows: {bytes(row["identity"]): (row["id"], row["key"]) for row in rows})


def supersede_keys(
    tx: Transaction, namespace: Namespace, new: Sequence[NewMemory], *, now: datetime
) -> Answer[list[tuple[UUID, UUID, bool]]]:
    """End the validity of what is known under the new memories' keys.

    Returns:
        What was ended, by which, and whether it was pinned.
    """
    rows = [
        {
            "id": str(memory.id),
            "key": memory.key,
            "identity": memory.identity.hex(),
            "valid_from": memory.candidate.valid_from.isoformat(),
        }
        for memory in new
    ]
    parameters = {"namespace": encode(namespace), "rows": to_json(rows), "now": now}
    if not rows:
        return Answer([])
    ended = tx.fetch(statement("supersede_keys"), parameters)
    return ended.then(lambda rows: [(row["id"], row["by_memory"], row["pinned"]) for row in rows])


def put_items(
    tx: Transaction,
    namespace: Namespace,
    rows: Sequence[Mapping[str, object]],
    vectors: Sequence[Sequence[Vector]],
    *,
    model: EmbeddingModel | None,
    actor: str | None,
    write: UUID,
    now: datetime,
) -> Answer[int]:
    """Write store items with their terms and vectors; the caller holds the namespace's lock.

    Args:
        rows: id, key, kind, text, value, importance and minutes of each, with ``words``, ``terms`` and ``language`` of its text.
        vectors: those of each.
        actor: who is noted in the audit; None where nothing is.
        write: the mark by which the write is known if the answer to its COMMIT is lost.
    """
    # Vectors travel apart from the rest, in binary arrays, and say by an ordinal to which item they belong.
    parts = [(ordinal, part, vector) for ordinal, own in enumerate(vectors) for part, vector in enumerate(own)]
    parameters = {
        "namespace": encode(namespace),
        "rows": to_json([{"ordinal": ordinal, **row} for ordinal, row in enumerate(rows)]),
        "now": now,
        "model": model and model.id,
        "ordinals": [ordinal for ordinal, _, _ in parts],
        "parts": [part for _, part, _ in parts],
        "norms": [norm_of(vector) for _, _, vector in parts],
        "embeddings": to_halfvecs(vector for _, _, vector in parts),
        "is_audited": actor is not None,
        "actor": actor or "",
        "action": "put",
        "details": "{}",
        "write": write,
    }
    column = sql.Identifier("embedding") if model is None else vector_column(model)
    return tx.execute(statement("put_items", embedding=column), parameters)


def get_memories(
    tx: Transaction, namespace: Namespace, keys: Sequence[str], *, now: datetime
) -> Answer[Mapping[str, Memory]]:
    """The current memories under ``keys``, by key."""
    parameters = {"namespace": encode(namespace), "keys": list(keys), "now": now}
    rows = tx.fetch(statement("get_memories"), parameters)
    return rows.then(lambda rows: {row["key"]: memory_of(row) for row in rows})


async def memories_by_topic(
    tx: Transaction, namespace: Namespace, topics: Sequence[str], *, wanted: Condition, most: int, now: datetime
) -> list[RecallCandidate]:
    """Current memories whose keys begin with one of ``topics``, at most so many of each, without a score."""
    # A topic ends with a sign of punctuation. Its successor bounds the range that the index of keys is read in.
    ends = [topic[:-1] + chr(ord(topic[-1]) + 1) for topic in topics]
    parameters: dict[str, object] = {
        "namespace": encode(namespace), "begins": list(topics), "ends": ends, "most": most, "now": now, **wanted.parameters,
    }  # fmt: skip
    text = statement("memories_by_topic", condition=wanted.text)
    return list(candidates_of(await tx.fetch_tuples(text, parameters)))


def get_items(
    tx: Transaction, namespace: Namespace, keys: Sequence[str], *, now: datetime
) -> Answer[Mapping[str, StoredItem]]:
    """The current items under ``keys``, by key."""
    parameters = {"namespace": encode(namespace), "keys": list(keys), "now": now}
    rows = tx.fetch(statement("get_items"), parameters)
    return rows.then(lambda rows: {row["key"]: item_of(row, namespace) for row in rows})


async def list_memories(
    tx: Transaction,
    namespace: Namespace,
    *,
    wanted: Condition,
    statuses: Sequence[Status] | None = None,
    sources: Sequence[Source] | None = None,
    since: datetime | None = None,
    until: datetime | None = None,
    limit: int,
    offset: int,
    now: datetime,
) -> list[Memory]:
    """Memories of one namespace, newest first: the current ones, or those of ``statuses``."""
    parameters: dict[str, object] = {
        "namespace": encode(namespace), "now": now, "limit": limit, "offset": offset, "since": since, "until": until,
        "sources": None if sources is None else list(sources), **wanted.parameters,
    }  # fmt: skip
    if statuses is not None:
        parameters["statuses"] = list(statuses)
    name = "list_memories" if statuses is None else "list_memories_of_status"
    return [memory_of(row) for row in await tx.fetch(statement(name, condition=wanted.text), parameters)]


async def profile_memories(tx: Transaction, namespace: Namespace, *, limit: int, now: datetime) -> list[Memory]:
    """Current memories that belong into a profile, the most important first."""
    parameters = {"namespace": encode(namespace), "limit": limit, "now": now}
    return [memory_of(row) for row in await tx.fetch(statement("profile_memories"), parameters)]


async def list_items(
    tx: Transaction, prefix: Namespace, *, filter: Mapping[str, Any] | None, limit: int, offset: int, now: datetime
) -> list[StoredItem]:
    """Current items of every namespace under ``prefix``, newest first."""
    wanted = condition(filter)
    parameters = {**page(prefix, limit=limit, offset=offset, now=now), **wanted.parameters}
    return [item_of(row) for row in await tx.fetch(statement("list_items", condition=wanted.text), parameters)]


def page(prefix: Namespace, *, limit: int, offset: int, now: datetime) -> dict[str, object]:
    """The parameters of a page of what lies under ``prefix``."""
    exact, start, until = prefix_range(prefix)
    return {"exact": exact, "from": start, "until": until, "now": now, "limit": limit, "offset": offset}


async def refresh_items(tx: Transaction, namespace: Namespace, keys: Sequence[str], *, now: datetime) -> None:
    """Let items with a time to live that were read live on."""
    await tx.execute(statement("refresh_items"), {"namespace": encode(namespace), "keys": list(keys), "now": now})


async def find_expired_memories(tx: Transaction, *, limit: int, now: datetime) -> list[tuple[Namespace, list[UUID]]]:
    """At most ``limit`` memories that have expired, by namespace."""
    rows = await tx.fetch(statement("find_expired_memories"), {"limit": limit, "now": now})
    return [(decode(row["namespace"]), row["ids"]) for row in rows]


async def still_expired(tx: Transaction, namespace: Namespace, ids: Sequence[UUID], *, now: datetime) -> list[UUID]:
    """The expired ones of ``ids``."""
    parameters = {"namespace": encode(namespace), "ids": list(ids), "now": now}
    return [row["id"] for row in await tx.fetch(statement("still_expired"), parameters)]


def record_uses(tx: Transaction, namespace: Namespace, keys: Sequence[str], *, now: datetime) -> Answer[int]:
    """Count that these memories were shown to a model."""
    return tx.execute(statement("record_uses"), {"namespace": encode(namespace), "keys": list(keys), "now": now})
