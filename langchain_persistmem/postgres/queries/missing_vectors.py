"""Statements on vectors that are still to be made."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from uuid import UUID

from langchain_persistmem.postgres.queries.embedding_models import EmbeddingModel
from langchain_persistmem.postgres.queries.rows import counts_of
from langchain_persistmem.postgres.statements import statement
from langchain_persistmem.postgres.transaction import Answer, Transaction
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
    return tx.execute(statement("note_missing_vectors"), {**_where(namespace, model), "pause": pause})


async def note_missing_everywhere(tx: Transaction, model: EmbeddingModel) -> int:
    """Every namespace is to be looked through; returns how many those are."""
    return await tx.execute(statement("note_missing_everywhere"), {"model": model.model})


async def claim_missing(tx: Transaction, model: EmbeddingModel, *, leased: timedelta) -> tuple[Namespace, int] | None:
    """A namespace that is due, with the number of failures before; it is due again after ``leased``."""
    for row in await tx.fetch(statement("claim_missing"), {"model": model.model, "leased": leased}):
        return decode(row["namespace"]), row["attempts"]
    return None


async def settle_missing(
    tx: Transaction, namespace: Namespace, model: EmbeddingModel, *, pause: timedelta, attempts: int, failure: str
) -> None:
    """Try again after ``pause``."""
    parameters = {**_where(namespace, model), "pause": pause, "attempts": attempts, "failure": failure}
    await tx.execute(statement("settle_missing"), parameters)


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
    (row,) = await tx.fetch(statement("next_missing"), {"model": model.model})
    return row["seconds"]


async def count_missing(tx: Transaction, model: EmbeddingModel) -> dict[str, int]:
    """Namespaces that wait, and those of them that failed before."""
    return counts_of(await tx.fetch(statement("count_missing"), {"model": model.model}))


async def drop_vectors_of_others(tx: Transaction, namespace: Namespace, model: EmbeddingModel) -> int:
    """Delete the vectors of models other than ``model``; returns how many."""
    return await tx.execute(statement("drop_vectors_of_others"), _where(namespace, model))


async def drop_other_models(tx: Transaction, model: EmbeddingModel) -> int:
    """Forget models of which no vector is left; returns how many."""
    return await tx.execute(statement("drop_other_models"), {"model": model.model})


def _where(namespace: Namespace, model: EmbeddingModel) -> dict[str, object]:
    return {"namespace": encode(namespace), "model": model.model}
