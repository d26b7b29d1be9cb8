"""The exact scan: all vectors of a namespace compared with the question, in the order of the index that covers them."""

from collections.abc import Mapping
from typing import Any

from psycopg import sql
from psycopg.rows import DictRow

from langchain_persistmem.postgres.queries.embedding_models import EmbeddingModel
from langchain_persistmem.postgres.queries.rows import StoredItem, items_of
from langchain_persistmem.postgres.statements import statement
from langchain_persistmem.postgres.transaction import Transaction
from langchain_persistmem.postgres.value_filter import TRUE
from langchain_persistmem.postgres.vector_index.search_plan import OtherPlan
from langchain_persistmem.types.namespace import Namespace

EVERY = 2**40
"""More than any namespace has."""
_SPARE = 8
"""Vectors that the exact scan of one namespace looks at beyond twice the page: for items of several parts, and for ties."""


def vector_column(model: EmbeddingModel) -> sql.Identifier:
    """The column that holds the model's vectors: up to 1,024 dimensions the covering index has it too."""
    return sql.Identifier("embedding" if model.covered else "wide")


async def search(
    tx: Transaction,
    namespace: Namespace,
    parameters: Mapping[str, Any],
    similarity: sql.Composable,
    *,
    look_for_hnsw: bool,
) -> list[tuple[StoredItem, float]] | OtherPlan:
    """Items of a store: all vectors of one namespace compared, if none lies below it; or the plan that is right instead."""
    end = parameters["limit"] + parameters["offset"]
    looked_at = min(2 * end + _SPARE, EVERY)
    rows = await tx.fetch(
        statement("search_exact", similarity=similarity),
        {**parameters, "look_for_hnsw": look_for_hnsw, "looked_at": looked_at},
    )
    other = _other_plan(rows[0])
    if other is not None:
        return other
    items = items_of(rows, namespace)
    # were there more on a par with the last, or parts that hid other items, then not all that belong here were seen
    cut = rows[0]["looked_at"] == looked_at
    if cut and (
        len(items) < parameters["limit"] or any(similarity <= rows[0]["least"] for _, similarity in items[-1:])
    ):
        return OtherPlan("prefix", is_lasting=False)
    return items


async def search_hybrid(
    tx: Transaction,
    namespace: Namespace,
    parameters: Mapping[str, Any],
    model: EmbeddingModel,
    *,
    look_for_hnsw: bool,
) -> list[tuple[StoredItem, float]] | OtherPlan:
    """The same by meaning and by words."""
    limit, end = parameters["limit"], parameters["limit"] + parameters["offset"]
    text = statement("search_exact_hybrid", embedding=vector_column(model), terms_condition=TRUE)
    rows = await tx.fetch(text, {**parameters, "look_for_hnsw": look_for_hnsw})
    other = _other_plan(rows[0])
    if other is not None:
        return other
    items = items_of(rows, namespace)
    # a page that is short of items has room for others, unless there are none: some have expired
    is_full = len(items) == limit or rows[0]["weighed"] < end
    return items if is_full else OtherPlan("prefix", is_lasting=False)


def _other_plan(verdict: DictRow) -> OtherPlan | None:
    """The plan that is right instead of the exact scan of one namespace, as its first row says."""
    if verdict["below"]:
        return OtherPlan("prefix")
    return OtherPlan("hnsw") if verdict["other"] else None
