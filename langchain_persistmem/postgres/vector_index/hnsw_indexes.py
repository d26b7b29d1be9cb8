"""Partial HNSW indexes over the vectors of large namespaces: 16 for each embedding model, shared by as few namespaces as possible."""

import re

from psycopg import sql

from langchain_persistmem.postgres.queries.embedding_models import EmbeddingModel, list_models
from langchain_persistmem.postgres.statements import statement
from langchain_persistmem.postgres.transaction import Transaction
from langchain_persistmem.postgres.vector_index.exact_scan import vector_column
from langchain_persistmem.types.namespace import Namespace, encode

INDEXES = 16
"""As many large namespaces have an index for themselves; the rows of ``persistmem.hnsw_indexes``."""
MOST_DIMENSIONS = 4_000
"""Dimensions that pgvector's HNSW can take of a halfvec."""
EXACT_UP_TO = 5_000
"""Memories up to which a namespace needs no index: comparing all is about as fast, and always exact."""
EXACT_UP_TO_WIDE = 2_000
"""The same for vectors that are too wide for the covering index."""

_NAME = re.compile(r"vectors_hnsw_(\d+)_(\d+)")


def exact_up_to(model: EmbeddingModel) -> int:
    """Memories up to which a namespace needs no HNSW index."""
    return EXACT_UP_TO if model.covered else EXACT_UP_TO_WIDE


def name_prefix(model: int) -> str:
    """The beginning of the names of a model's indexes; the number of the index follows."""
    return f"vectors_hnsw_{model}_"


def has_hnsw(model: EmbeddingModel) -> bool:
    """Whether the model's vectors can be indexed."""
    return model.dimensions <= MOST_DIMENSIONS


async def missing_indexes(tx: Transaction, model: EmbeddingModel) -> list[int]:
    """The numbers of the model's indexes that are not there; one look into the catalog."""
    there = {row["name"] for row in await tx.fetch(statement("hnsw_indexes"), {})}
    return [number for number in range(INDEXES) if has_hnsw(model) and _name(model.model, number) not in there]


async def create_indexes(tx: Transaction, model: EmbeddingModel) -> None:
    """Create the indexes that are missing, one process at a time; as the owner of the table."""
    await tx.fetch(statement("lock_schema"), {})
    for number in await missing_indexes(tx, model):
        query = statement(
            "create_hnsw_index",
            hnsw_index=sql.Identifier(_name(model.model, number)),
            embedding=vector_column(model),
            dimensions=sql.Literal(model.dimensions),
            model=sql.Literal(model.model),
            number=sql.Literal(number),
        )
        await tx.execute(query, {})


async def orphan_indexes(tx: Transaction) -> list[str]:
    """The names of indexes whose model is not known any more."""
    known = {model.model for model in await list_models(tx)}
    names = [row["name"] for row in await tx.fetch(statement("hnsw_indexes"), {})]
    return [name for name in names if (found := _NAME.fullmatch(name)) and int(found[1]) not in known]


async def drop_indexes(tx: Transaction, names: list[str]) -> None:
    """Drop indexes by name; as the owner of the table."""
    for name in names:
        await tx.execute(statement("drop_hnsw_index", hnsw_index=sql.Identifier(name)), {})


async def take_index(tx: Transaction, namespace: Namespace, model: EmbeddingModel) -> int | None:
    """The index of a namespace, whose lock the caller holds; None if it is small, or no index is free."""
    parameters = {
        "namespace": encode(namespace), "exact_up_to": exact_up_to(model), "name_prefix": name_prefix(model.model)
    }  # fmt: skip
    rows = await tx.fetch(statement("take_hnsw_index"), parameters)
    return rows[0]["hnsw_index"] if rows else None


async def index_vectors(
    tx: Transaction, namespace: Namespace, model: EmbeddingModel, number: int, *, limit: int
) -> int:
    """Put up to ``limit`` vectors into the index; returns how many. The caller holds the namespace's lock."""
    parameters = {"namespace": encode(namespace), "model": model.model, "hnsw_index": number, "limit": limit}
    return await tx.execute(statement("index_vectors"), parameters)


async def index_of(tx: Transaction, namespace: Namespace, model: EmbeddingModel) -> tuple[int | None, bool]:
    """The index of a namespace, and whether it has one or is large enough for one."""
    parameters = {"namespace": encode(namespace), "exact_up_to": exact_up_to(model)}
    for row in await tx.fetch(statement("hnsw_index_of"), parameters):
        return row["hnsw_index"], row["large"] or row["hnsw_index"] is not None
    return None, False


async def count_documents(tx: Transaction) -> None:
    """Count anew how many memories the indexes hold."""
    await tx.execute(statement("count_hnsw_documents"), {})


def _name(model: int, number: int) -> str:
    return f"{name_prefix(model)}{number}"
