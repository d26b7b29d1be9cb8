"""Statements of maintenance: what is old, what belongs together, what recurs."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from psycopg.rows import DictRow

from langchain_persistmem.postgres.queries import checkpoint_retention
from langchain_persistmem.postgres.queries.checkpoints import Begin
from langchain_persistmem.postgres.queries.embedding_models import EmbeddingModel
from langchain_persistmem.postgres.queries.namespaces import NamespaceState
from langchain_persistmem.postgres.queries.rows import memory_of, to_json
from langchain_persistmem.postgres.statements import statement
from langchain_persistmem.postgres.transaction import Transaction
from langchain_persistmem.postgres.vector_index.exact_scan import vector_column
from langchain_persistmem.types.namespace import Namespace, decode, encode
from langchain_persistmem.types.records import Kind, Memory


async def namespaces_after(
    tx: Transaction, after: Namespace | None, *, limit: int
) -> list[tuple[Namespace, NamespaceState]]:
    """A page of the database's namespaces, in order, with their present states."""
    parameters = {"after": encode(after) if after is not None else "", "limit": limit}
    rows = await tx.fetch(statement("namespaces_after"), parameters)
    return [(decode(row["namespace"]), NamespaceState(row["generation"], row["consent"])) for row in rows]


async def compressible(
    tx: Transaction,
    namespace: Namespace,
    kind: Kind,
    *,
    before: datetime,
    after: Memory | None,
    derived: Sequence[str],
    limit: int,
) -> list[Memory]:
    """The next window of old memories of a kind, oldest first."""
    parameters = {
        "namespace": encode(namespace),
        "kind": kind,
        "before": before,
        "after": after.id if after is not None else None,
        "after_from": after.valid_from if after is not None else None,
        "derived": list(derived),
        "limit": limit,
    }
    return [memory_of(row) for row in await tx.fetch(statement("compressible"), parameters)]


async def similar_pairs(
    tx: Transaction, namespace: Namespace, ids: Sequence[UUID], *, model: EmbeddingModel, floor: float
) -> list[tuple[int, int, float]]:
    """The pairs of memories whose cosine is at least ``floor``, by their places in ``ids``."""
    parameters = {"namespace": encode(namespace), "ids": list(ids), "model": model.id, "floor": floor}
    rows = await tx.fetch(statement("similar_pairs", embedding=vector_column(model)), parameters)
    return [(row["one"] - 1, row["other"] - 1, row["similarity"]) for row in rows]


async def read_usage(tx: Transaction, namespace: Namespace) -> Sequence[DictRow]:
    """For each current memory that retention may touch: id, kind, importance, confidence, pinned, stated_at, uses, used_at."""
    return await tx.fetch(statement("read_usage"), {"namespace": encode(namespace)})


async def fading_turns(
    tx: Transaction, namespace: Namespace, *, before: datetime | None, most: int | None
) -> list[UUID]:
    """Find turns that lists do not show and on which nothing rests, older than ``before`` or beyond the newest ``most``."""
    parameters = {"namespace": encode(namespace), "before": before, "most": most}
    return [row["id"] for row in await tx.fetch(statement("fading_turns"), parameters)]


async def droppable_turns(tx: Transaction, namespace: Namespace, *, approval: str, limit: int) -> list[UUID]:
    """Find turns that may be erased where they are switched off."""
    parameters = {"namespace": encode(namespace), "approval": approval, "limit": limit}
    return [row["id"] for row in await tx.fetch(statement("droppable_turns"), parameters)]


async def mark_dropped(tx: Transaction, namespace: Namespace, ids: Sequence[UUID]) -> None:
    """Note with their messages that turns are erased because they are switched off."""
    await tx.execute(statement("mark_dropped"), {"namespace": encode(namespace), "ids": list(ids)})


async def reopen_turns(tx: Transaction, namespace: Namespace) -> int:
    """Let messages without a turn become turns again; returns how many those are."""
    return await tx.execute(statement("reopen_turns"), {"namespace": encode(namespace)})


async def purgeable(tx: Transaction, namespace: Namespace, *, before: datetime, limit: int) -> list[UUID]:
    """Superseded and archived memories that have not changed since ``before``."""
    parameters = {"namespace": encode(namespace), "before": before, "limit": limit}
    return [row["id"] for row in await tx.fetch(statement("purgeable"), parameters)]


async def retain_checkpoints(
    begin: Begin, thread_ids: Sequence[str] | None, *, latest: int | None, before: datetime | None, dry_run: bool
) -> int:
    """Erase old checkpoints of LangGraph's threads, or of all; returns how many. None where its tables do not exist."""
    async with begin() as tx:
        (row,) = await tx.fetch(statement("checkpoint_tables"), {})
    if not row["present"]:
        return 0
    rule = checkpoint_retention.Retention(latest=latest, cutoff=before)
    return (await checkpoint_retention.retain(begin, rule, thread_ids, dry_run=dry_run))["checkpoints"]


async def erase_old_threads(tx: Transaction, namespace: Namespace, *, before: datetime) -> int:
    """Erase conversations whose last message is older than ``before``; returns the number of messages."""
    return await tx.execute(statement("erase_old_threads"), {"namespace": encode(namespace), "before": before})


async def originals_of(tx: Transaction, namespace: Namespace, summaries: Sequence[UUID]) -> list[Memory]:
    """The archived memories that these summaries stand for."""
    parameters = {"namespace": encode(namespace), "summaries": list(summaries)}
    return [memory_of(row) for row in await tx.fetch(statement("originals_of"), parameters)]


async def derived_from(tx: Transaction, namespace: Namespace, ids: Sequence[UUID]) -> list[UUID]:
    """Summaries and preferences that were made from any of these memories."""
    parameters = {"namespace": encode(namespace), "ids": [str(id) for id in ids]}
    return [row["id"] for row in await tx.fetch(statement("derived_from"), parameters)]


async def unfold_summaries(
    tx: Transaction, namespace: Namespace, summaries: Sequence[UUID], *, but: Sequence[UUID] = (), now: datetime
) -> list[Memory]:
    """Make the originals of summaries current again, apart from ``but``; returns those that are. Words are not written."""
    parameters = {"namespace": encode(namespace), "summaries": list(summaries), "but": list(but), "now": now}
    return [memory_of(row) for row in await tx.fetch(statement("unfold_summaries"), parameters)]


async def memories_by_id(tx: Transaction, namespace: Namespace, ids: Sequence[UUID]) -> list[Memory]:
    """Memories of any status, the earliest first."""
    rows = await tx.fetch(statement("memories_by_id"), {"namespace": encode(namespace), "ids": list(ids)})
    return [memory_of(row) for row in rows]


async def read_episodes(
    tx: Transaction, namespace: Namespace, *, after: UUID | None, derived: Sequence[str], limit: int
) -> list[UUID]:
    """Episodes of the user after ``after`` that have not been looked through for habits, as they were recorded."""
    parameters = {"namespace": encode(namespace), "after": after, "derived": list(derived), "limit": limit}
    return [row["id"] for row in await tx.fetch(statement("read_episodes"), parameters)]


async def recurring(
    tx: Transaction,
    namespace: Namespace,
    ids: Sequence[UUID],
    *,
    model: EmbeddingModel,
    floor: float,
    derived: Sequence[str],
    limit: int,
) -> Mapping[UUID, list[UUID]]:
    """For each of these episodes that resembles others: the others, the most similar first."""
    parameters = {
        "namespace": encode(namespace),
        "ids": list(ids),
        "model": model.id,
        "floor": floor,
        "derived": list(derived),
        "limit": limit,
    }
    similar: dict[UUID, list[UUID]] = defaultdict(list)
    for row in await tx.fetch(statement("recurring", embedding=vector_column(model)), parameters):
        similar[row["new"]].append(row["id"])
    return similar


async def habits_of(tx: Transaction, namespace: Namespace, *, extractor: str) -> list[Memory]:
    """The preferences that were drawn from habits, of any status."""
    parameters = {"namespace": encode(namespace), "extractor": extractor}
    return [memory_of(row) for row in await tx.fetch(statement("habits_of"), parameters)]


async def add_evidence(
    tx: Transaction,
    namespace: Namespace,
    id: UUID,
    *,
    value: Mapping[str, Any],
    added: int,
    confidence: float,
    now: datetime,
) -> bool:
    """Write the evidence of a preference anew; whether it is still current."""
    parameters = {
        "namespace": encode(namespace),
        "id": id,
        "value": to_json(dict(value)),
        "added": added,
        "confidence": confidence,
        "now": now,
    }
    return await tx.execute(statement("add_evidence"), parameters) > 0


async def mark_examined(tx: Transaction, namespace: Namespace, to: UUID) -> None:
    """Note up to which memory the namespace has been looked through for habits."""
    await tx.execute(statement("mark_examined"), {"namespace": encode(namespace), "to": to})
