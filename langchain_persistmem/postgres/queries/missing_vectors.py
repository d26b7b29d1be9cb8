"""Statements on vectors that are still to be made."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from uuid import UUID

from psycopg.rows import DictRow

from langchain_persistmem.postgres.answer import Answer
from langchain_persistmem.postgres.queries.embedding_models import EmbeddingModel
from langchain_persistmem.postgres.queries.namespaces_with_work import (
    claim_from_queue,
    fill_queue,
    queue_work,
    seconds_until_queued,
)
from langchain_persistmem.postgres.queries.rows import counts_of
from langchain_persistmem.postgres.statements import statement
from langchain_persistmem.postgres.transaction import Transaction
from langchain_persistmem.types.namespace import Namespace, decode, encode

_FIRST = UUID(int=0)


@dataclass(frozen=True, slots=True)
class Unembedded:
    """A memory without a vector."""

    id: UUID
    text: str
    value: Mapping[str, Any]
    is_item: bool
    """It was put through a store, which may index other texts than this."""
    is_turn: bool = False
    """It is a turn, which is embedded in pieces where it is long."""


def note_missing_vectors(
    tx: Transaction, namespace: Namespace, model: EmbeddingModel, *, pause: timedelta
) -> Answer[int]:
    """Some memories of ``namespace`` wait for their vectors, to be made after ``pause``."""
    noted = tx.execute(statement("note_missing_vectors"), {**_where(namespace, model), "pause": pause})
    queue_work(tx, namespace, "vectors", pause=pause, model=model.id)
    return noted


async def note_missing_everywhere(tx: Transaction, model: EmbeddingModel) -> int:
    """Every namespace is to be looked through; returns how many those are."""
    noted = await tx.fetch(statement("note_missing_everywhere"), {"model": model.id})
    await fill_queue(tx)
    return len(noted)


async def claim_missing(tx: Transaction, model: EmbeddingModel, *, leased: timedelta) -> tuple[Namespace, int] | None:
    """A namespace that is due, with the number of failures before; it is due again after ``leased``."""

    async def claim(namespace: Namespace) -> tuple[Namespace, int] | None:
        return _claimed(await tx.fetch(statement("claim_missing_of"), {**_where(namespace, model), "leased": leased}))

    async def next_due(namespace: Namespace) -> float | None:
        (row,) = await tx.fetch(statement("next_missing_of"), _where(namespace, model))
        return row["seconds"]

    if tx.has_citus:
        return await claim_from_queue(tx, "vectors", claim, next_due, model=model.id)
    return _claimed(await tx.fetch(statement("claim_missing"), {"model": model.id, "leased": leased}))


async def settle_missing(
    tx: Transaction, namespace: Namespace, model: EmbeddingModel, *, pause: timedelta, attempts: int, failure: str
) -> None:
    """Try again after ``pause``."""
    parameters = {**_where(namespace, model), "pause": pause, "attempts": attempts, "failure": failure}
    await tx.execute(statement("settle_missing"), parameters)
    queue_work(tx, namespace, "vectors", pause=pause, model=model.id)


async def finish_missing(tx: Transaction, namespace: Namespace, model: EmbeddingModel) -> None:
    """No memory of ``namespace`` waits any more; the caller holds its lock and has looked."""
    await tx.execute(statement("finish_missing"), _where(namespace, model))


async def without_vectors(
    tx: Transaction, namespace: Namespace, model: EmbeddingModel, after: UUID | None, *, limit: int
) -> list[Unembedded]:
    """Memories without a vector of ``model`` that follow the id ``after``."""
    parameters = {**_where(namespace, model), "after": after or _FIRST, "limit": limit}
    rows = await tx.fetch(statement("without_vectors"), parameters)
    return [Unembedded(row["id"], row["text"], row["value"], row["source"] == "store", row["is_turn"]) for row in rows]


async def next_missing(tx: Transaction, model: EmbeddingModel) -> float | None:
    """Seconds until a namespace is due; None if none waits."""
    if tx.has_citus:
        return await seconds_until_queued(tx, "vectors", model=model.id)
    (row,) = await tx.fetch(statement("next_missing"), {"model": model.id})
    return row["seconds"]


async def count_missing(tx: Transaction, model: EmbeddingModel) -> dict[str, int]:
    """Namespaces that wait, and those of them that failed before."""
    return counts_of(await tx.fetch(statement("count_missing"), {"model": model.id}))


async def count_unembedded(tx: Transaction, model: EmbeddingModel) -> int:
    """Memories without a vector of ``model`` in the namespaces that wait."""
    return counts_of(await tx.fetch(statement("count_unembedded"), {"model": model.id}))["memories"]


async def drop_vectors_of_others(tx: Transaction, namespace: Namespace, model: EmbeddingModel) -> int:
    """Delete the vectors of models other than ``model``; returns how many."""
    return await tx.execute(statement("drop_vectors_of_others"), _where(namespace, model))


async def drop_other_models(tx: Transaction, model: EmbeddingModel) -> int:
    """Forget models of which no vector is left; returns how many."""
    in_use = [row["model"] for row in await tx.fetch(statement("other_models_in_use"), {"model": model.id})]
    return await tx.execute(statement("drop_other_models"), {"model": model.id, "in_use": in_use})


def _claimed(rows: Sequence[DictRow]) -> tuple[Namespace, int] | None:
    for row in rows:
        return decode(row["namespace"]), row["attempts"]
    return None


def _where(namespace: Namespace, model: EmbeddingModel) -> dict[str, object]:
    return {"namespace": encode(namespace), "model": model.id}
