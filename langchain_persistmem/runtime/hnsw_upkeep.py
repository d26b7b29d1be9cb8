"""Upkeep of the HNSW indexes: vectors of large namespaces are put into theirs after the writes that they came with.

A new vector is in no index, and is compared exactly by every search. So a search finds a vector before it is indexed,
and a write does not fail when indexing does.
"""

import logging
from collections.abc import Mapping, Sequence
from uuid import UUID

from langchain_persistmem.errors import ConfigurationError, PersistMemError
from langchain_persistmem.postgres.answer import Answer
from langchain_persistmem.postgres.connections.timeouts import without_deadline
from langchain_persistmem.postgres.queries import namespaces_with_work, search_index
from langchain_persistmem.postgres.queries.embedding_models import EmbeddingModel
from langchain_persistmem.postgres.queries.generations import hold_existing
from langchain_persistmem.postgres.transaction import Transaction
from langchain_persistmem.postgres.vector_index import hnsw_indexes
from langchain_persistmem.runtime.backend import Backend
from langchain_persistmem.types.namespace import EVERYWHERE, NOBODY, Namespace, encode
from langchain_persistmem.types.records import Vector

logger = logging.getLogger(__name__)

_AT_ONCE = 32
"""Vectors in one transaction: the namespace's lock is held for as long as it takes to find their neighbours in the index."""
_MORE = 16
"""Beyond twice what was written: so it catches up with what others left, and no write waits long."""


def insert_vectors(
    tx: Transaction,
    backend: Backend,
    namespace: Namespace,
    vectors: Mapping[UUID, Sequence[Vector]],
    *,
    model: EmbeddingModel,
) -> Answer[int]:
    """Write the vectors of memories; in a large namespace they are put into its HNSW index after the commit."""
    note_vectors(backend, namespace, sum(map(len, vectors.values())))
    return search_index.insert_vectors(tx, namespace, vectors, model=model)


def note_vectors(backend: Backend, namespace: Namespace, count: int) -> None:
    """Note that so many vectors are written, which in a large namespace are put into its HNSW index after the commit."""
    backend.unindexed.add(namespace, count)
    backend.after_commit = index_new


async def index_new(backend: Backend, new: Mapping[Namespace, int]) -> None:
    """Index about as many vectors as were written, and some that were there before."""
    for namespace, count in new.items():
        try:
            await index_vectors(backend, namespace, limit=_MORE + 2 * count)
        except (PersistMemError, OSError) as error:  # the write that it came after is done
            logger.warning("vectors stay out of their HNSW index, and are compared exactly: %s", error)


async def index_vectors(backend: Backend, namespace: Namespace, *, limit: int | None = None) -> int:
    """Put up to ``limit`` vectors of a namespace into its HNSW index, if it is large; returns how many.

    Args:
        limit: None for all.
    """
    model = backend.embedding_model
    if model is None or not hnsw_indexes.has_hnsw(model):
        return 0
    total = 0
    while limit is None or total < limit:
        batch = _AT_ONCE if limit is None else min(_AT_ONCE, limit - total)
        count = await backend.step(_index_some, namespace, model, batch)
        total += count
        if count < batch:
            break
    return total


async def index_all(backend: Backend, namespace: Namespace) -> int:
    """Put all vectors of a namespace into its HNSW index, if it is large: upkeep. Returns how many."""
    model = backend.embedding_model
    if model is None or not hnsw_indexes.has_hnsw(model):
        return 0
    async with backend.transaction(namespace, atomic=False) as tx:
        _, large = await hnsw_indexes.index_of(tx, namespace, model)
    return await index_vectors(backend, namespace) if large else 0


async def _index_some(backend: Backend, namespace: Namespace, model: EmbeddingModel, limit: int) -> int:
    async with backend.transaction(namespace, repeatable=True) as tx:
        if await hold_existing(tx, namespace) is None:  # erased meanwhile
            return 0
        number = await hnsw_indexes.take_index(tx, namespace, model)
        if number is None:
            return 0
        count = await hnsw_indexes.index_vectors(tx, namespace, model, number, limit=limit)
    backend.search_plans.note(encode(namespace), "hnsw")
    return count


async def create_indexes(backend: Backend, model: EmbeddingModel) -> None:
    """Create the model's HNSW indexes, which are empty until a namespace is large; where this role may not, searches do without."""
    async with backend.transaction(NOBODY, atomic=False) as tx:
        missing = await hnsw_indexes.missing_indexes(tx, model)
    if not missing:
        return
    try:
        with without_deadline():
            async with backend.transaction(EVERYWHERE, repeatable=True) as tx:
                await hnsw_indexes.create_indexes(tx, model)
    except ConfigurationError as error:
        logger.warning(
            "large namespaces are compared exactly, without an HNSW index, until setup() is run as the owner: %s", error
        )


async def drop_orphan_indexes(backend: Backend) -> None:
    """Drop the HNSW indexes of models that are not known any more, if this role may."""
    try:
        async with backend.transaction(EVERYWHERE, repeatable=True) as tx:
            await hnsw_indexes.drop_indexes(tx, await hnsw_indexes.orphan_indexes(tx))
    except ConfigurationError as error:
        logger.warning("HNSW indexes of models that nobody uses are left, which setup()'s role may drop: %s", error)


async def count_documents(backend: Backend) -> None:
    """Count anew how many memories the HNSW indexes hold, and put into the queue what is missing there.

    Nothing is done for a role that does not see everything.
    """
    if backend.sees_everywhere:
        async with backend.transaction(EVERYWHERE, repeatable=True) as tx:
            await hnsw_indexes.count_documents(tx)
            await namespaces_with_work.fill_queue(tx)
