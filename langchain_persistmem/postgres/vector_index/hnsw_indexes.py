"""The shelves on which the vectors of large namespaces lie, each a graph (HNSW) of its own for each embedding model."""

import re

from psycopg import sql

from langchain_persistmem.postgres.queries.embedding_models import EmbeddingModel, list_models
from langchain_persistmem.postgres.queries.memories import vector_column
from langchain_persistmem.postgres.statements import statement
from langchain_persistmem.postgres.transaction import Transaction
from langchain_persistmem.types.namespace import Namespace, encode

SHELVES = 16
"""As many large namespaces have a graph for themselves; the rows of ``persistmem.shelves``."""
WIDEST = 4_000
"""Dimensions that pgvector's graph can take of a halfvec."""
FEW = 5_000
"""Up to so many memories a namespace needs no shelf: comparing all is about as fast, and always exact."""
FEW_WIDE = 2_000
"""The same for vectors that are too wide for the covering index."""

_NAME = re.compile(r"vectors_graph_(\d+)_(\d+)")


def few(model: EmbeddingModel) -> int:
    """Memories up to which a namespace needs no shelf."""
    return FEW if model.covered else FEW_WIDE


def graphs_of(model: int) -> str:
    """What the names of a model's graphs begin with; the number of the shelf follows."""
    return f"vectors_graph_{model}_"


def has_graphs(model: EmbeddingModel) -> bool:
    """Whether there can be graphs of the model's vectors."""
    return model.dimensions <= WIDEST


async def missing_graphs(tx: Transaction, model: EmbeddingModel) -> list[int]:
    """The shelves that have no graph of the model's vectors; one look into the catalog."""
    there = {row["name"] for row in await tx.fetch(statement("graphs"), {})}
    return [shelf for shelf in range(SHELVES) if has_graphs(model) and _name(model.model, shelf) not in there]


async def make_graphs(tx: Transaction, model: EmbeddingModel) -> None:
    """Make the graphs that are missing, one process at a time; as the owner of the table."""
    await tx.fetch(statement("lock_schema"), {})
    for shelf in await missing_graphs(tx, model):
        query = statement(
            "make_graph",
            graph=sql.Identifier(_name(model.model, shelf)),
            embedding=vector_column(model),
            dimensions=sql.Literal(model.dimensions),
            model=sql.Literal(model.model),
            shelf=sql.Literal(shelf),
        )
        await tx.execute(query, {})


async def graphs_of_nobody(tx: Transaction) -> list[str]:
    """The names of graphs whose model is not known any more."""
    known = {model.model for model in await list_models(tx)}
    names = [row["name"] for row in await tx.fetch(statement("graphs"), {})]
    return [name for name in names if (found := _NAME.fullmatch(name)) and int(found[1]) not in known]


async def drop_graphs(tx: Transaction, names: list[str]) -> None:
    """Drop graphs by name; as the owner of the table."""
    for name in names:
        await tx.execute(statement("drop_graph", graph=sql.Identifier(name)), {})


async def take_shelf(tx: Transaction, namespace: Namespace, model: EmbeddingModel) -> int | None:
    """The shelf of a namespace, whose lock the caller holds; None if it is small, or no shelf is free that has a graph."""
    parameters = {"namespace": encode(namespace), "few": few(model), "graphs": graphs_of(model.model)}
    rows = await tx.fetch(statement("take_shelf"), parameters)
    return rows[0]["shelf"] if rows else None


async def shelve_vectors(
    tx: Transaction, namespace: Namespace, model: EmbeddingModel, shelf: int, *, limit: int
) -> int:
    """Put up to ``limit`` vectors on the shelf; returns how many. The caller holds the namespace's lock."""
    parameters = {"namespace": encode(namespace), "model": model.model, "shelf": shelf, "limit": limit}
    return await tx.execute(statement("shelve_vectors"), parameters)


async def shelf_of(tx: Transaction, namespace: Namespace, model: EmbeddingModel) -> tuple[int | None, bool]:
    """The shelf of a namespace, and whether it has one or is large enough for one."""
    parameters = {"namespace": encode(namespace), "few": few(model)}
    for row in await tx.fetch(statement("shelf_of"), parameters):
        return row["shelf"], row["large"] or row["shelf"] is not None
    return None, False


async def count_shelves(tx: Transaction) -> None:
    """Count anew what lies on the shelves."""
    await tx.execute(statement("count_shelves"), {})


def _name(model: int, shelf: int) -> str:
    return f"{graphs_of(model)}{shelf}"
