"""Partial HNSW indexes over the vectors of large namespaces: 16 for each embedding model, shared by as few namespaces as possible."""

import re
from collections.abc import Hashable
from contextvars import ContextVar
from typing import Generic, TypeVar

from psycopg import sql

from langchain_persistmem.postgres.connections.forks import ProcessLock
from langchain_persistmem.postgres.queries.embedding_models import EmbeddingModel, list_models
from langchain_persistmem.postgres.statements import statement
from langchain_persistmem.postgres.transaction import Transaction
from langchain_persistmem.postgres.vector_index.exact_scan import vector_column
from langchain_persistmem.types.namespace import Namespace, encode

N = TypeVar("N", bound=Hashable)

INDEXES = 16
"""As many large namespaces have an index for themselves; the rows of ``persistmem.hnsw_indexes``."""
MOST_DIMENSIONS = 4_000
"""Dimensions that pgvector's HNSW can take of a halfvec."""
EXACT_UP_TO = 5_000
"""Memories up to which a namespace needs no index: comparing all is about as fast, and always exact."""
EXACT_UP_TO_WIDE = 2_000
"""The same for vectors that are too wide for the covering index."""

BATCH = 16
"""Vectors that are indexed together: until then they are compared exactly, which costs a search nothing."""

_written_here: ContextVar[frozenset[Hashable]] = ContextVar("persistmem_unindexed", default=frozenset())
"""Namespaces in which this thread or task has written: no other one waits while these are indexed."""
_NAME = re.compile(r"vectors_hnsw_(\d+)_(\d+)")


def exact_up_to(model: EmbeddingModel) -> int:
    """Memories up to which a namespace needs no HNSW index."""
    return EXACT_UP_TO if model.covered else EXACT_UP_TO_WIDE


def name_prefix(model: int) -> str:
    """The beginning of the names of a model's indexes; the number of the index follows."""
    return f"vectors_hnsw_{model}_"


def has_hnsw(model: EmbeddingModel) -> bool:
    """Tell if the model's vectors can be indexed."""
    return model.dimensions <= MOST_DIMENSIONS


async def missing_indexes(tx: Transaction, model: EmbeddingModel) -> list[int]:
    """The numbers of the model's indexes that are not there; one look into the catalog."""
    there = {row["name"] for row in await tx.fetch(statement("hnsw_indexes"), {})}
    return [number for number in range(INDEXES) if has_hnsw(model) and _name(model.id, number) not in there]


async def create_indexes(tx: Transaction, model: EmbeddingModel) -> None:
    """Create the indexes that are missing, one process at a time; as the owner of the table."""
    await tx.fetch(statement("lock_schema"), {})
    for number in await missing_indexes(tx, model):
        query = statement(
            "create_hnsw_index",
            hnsw_index=sql.Identifier(_name(model.id, number)),
            embedding=vector_column(model),
            dimensions=sql.Literal(model.dimensions),
            model=sql.Literal(model.id),
            number=sql.Literal(number),
        )
        await tx.execute(query, {})


async def orphan_indexes(tx: Transaction) -> list[str]:
    """The names of indexes whose model is not known any more."""
    numbers = {model.id for model in await list_models(tx)}
    names = [row["name"] for row in await tx.fetch(statement("hnsw_indexes"), {})]
    return [name for name in names if (match := _NAME.fullmatch(name)) and int(match[1]) not in numbers]


async def drop_indexes(tx: Transaction, names: list[str]) -> None:
    """Drop indexes by name; as the owner of the table."""
    for name in names:
        await tx.execute(statement("drop_hnsw_index", hnsw_index=sql.Identifier(name)), {})


async def take_index(tx: Transaction, namespace: Namespace, model: EmbeddingModel) -> int | None:
    """The index of a namespace, whose lock the caller holds; None if it is small, or no index is free.

    The numbers are counted anew where they have changed by a tenth. Where none was free it is asked again once the namespace has
    doubled.
    """
    parameters = {"namespace": encode(namespace), "exact_up_to": exact_up_to(model)}
    rows = await tx.fetch(statement("hnsw_share"), parameters)
    if not rows:
        return None
    share, number = rows[0], rows[0]["hnsw_index"]
    documents, counted = share["documents"], 0 if number is None else share["hnsw_documents"]
    if not (share["differs"] if number is not None else documents >= 2 * share["hnsw_documents"]):
        return number
    # The registry lies on one node and the namespace on another, perhaps: so no statement names both.
    wanted = {"hnsw_index": number, "documents": documents, "name_prefix": name_prefix(model.id)}
    for row in await tx.fetch(statement("lock_hnsw_index"), wanted):
        number = row["hnsw_index"]
        await add_documents(tx, number, documents - counted)
        break
    else:
        if number is not None:  # somebody else is changing it: counted another time
            return number
    await tx.execute(statement("note_hnsw_share"), {"namespace": encode(namespace), "hnsw_index": number})
    return number


async def add_documents(tx: Transaction, number: int, documents: int) -> None:
    """So many memories more are in an index, or fewer."""
    await tx.execute(statement("add_hnsw_documents"), {"hnsw_index": number, "documents": documents})


async def index_vectors(
    tx: Transaction, namespace: Namespace, model: EmbeddingModel, number: int, *, limit: int
) -> int:
    """Put up to ``limit`` vectors into the index; returns how many. The caller holds the namespace's lock."""
    parameters = {"namespace": encode(namespace), "model": model.id, "hnsw_index": number, "limit": limit}
    return await tx.execute(statement("index_vectors"), parameters)


async def index_of(tx: Transaction, namespace: Namespace, model: EmbeddingModel) -> tuple[int | None, bool]:
    """The index of a namespace, and whether it has one or is large enough for one."""
    parameters = {"namespace": encode(namespace), "exact_up_to": exact_up_to(model)}
    for row in await tx.fetch(statement("hnsw_index_of"), parameters):
        return row["hnsw_index"], row["large"] or row["hnsw_index"] is not None
    return None, False


async def count_documents(tx: Transaction) -> None:
    """Count anew how many memories the indexes hold."""
    counted = {row["hnsw_index"]: row["documents"] for row in await tx.fetch(statement("count_hnsw_documents"), {})}
    numbers = list(range(INDEXES))
    documents = [counted.get(number, 0) for number in numbers]
    await tx.execute(statement("set_hnsw_documents"), {"hnsw_indexes": numbers, "documents": documents})


def _name(model: int, number: int) -> str:
    return f"{name_prefix(model)}{number}"


class Unindexed(Generic[N]):
    """Counts of vectors, by large namespace, that this process wrote and has not indexed yet; for many threads and tasks."""

    def __init__(self) -> None:
        self._counts: dict[N, int] = {}
        self._lock = ProcessLock()

    def begin_write(self, namespace: N, *, large: bool) -> None:
        """A write of ``namespace`` begins, which is large or is not."""
        if large:
            with self._lock:
                self._counts.setdefault(namespace, 0)
        elif self._counts:
            with self._lock:
                self._counts.pop(namespace, None)

    def add(self, namespace: N, vectors: int) -> None:
        """Count vectors that were written; not where the namespace is small."""
        if self._counts:
            with self._lock:
                if namespace in self._counts:
                    self._counts[namespace] += vectors
                    _written_here.set(_written_here.get() | {namespace})

    def take(self) -> dict[N, int]:
        """The namespaces that this thread or task wrote to, if there is enough to index, with its count; others are counted on."""
        own_namespaces = _written_here.get()
        if not own_namespaces:
            return {}
        _written_here.set(frozenset())
        with self._lock:
            due = {
                namespace: count
                for namespace, count in self._counts.items()
                if namespace in own_namespaces and count >= BATCH
            }
            for namespace in due:
                del self._counts[namespace]
            return due
