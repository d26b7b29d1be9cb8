"""Putting the vectors of large namespaces on their shelves, after the writes that they came with.

What was just written is on no shelf, and is compared exactly by every search. So nothing depends on when it is shelved,
and a write does not fail because that did.
"""

import logging
from collections.abc import Mapping, Sequence
from uuid import UUID

from langchain_persistmem.errors import ConfigurationError, PersistMemError
from langchain_persistmem.postgres.queries import search_index
from langchain_persistmem.postgres.queries.embedding_models import EmbeddingModel
from langchain_persistmem.postgres.queries.generation import hold_living
from langchain_persistmem.postgres.timeouts import unhurried
from langchain_persistmem.postgres.transaction import Transaction
from langchain_persistmem.postgres.vector_index import hnsw_indexes
from langchain_persistmem.runtime.backend import Backend
from langchain_persistmem.types.namespace import EVERYWHERE, NOBODY, Namespace, encode
from langchain_persistmem.types.records import Vector

logger = logging.getLogger(__name__)

_AT_ONCE = 32
"""Vectors in one transaction: the namespace's lock is held for as long as it takes to find their places in the graph."""
_MORE = 16
"""Beyond twice what was written: so it catches up with what others left, and no write waits long."""


async def insert_vectors(
    tx: Transaction,
    backend: Backend,
    namespace: Namespace,
    vectors: Mapping[UUID, Sequence[Vector]],
    *,
    model: EmbeddingModel,
) -> None:
    """Write the vectors of memories; in a large namespace they are put on its shelf after the commit."""
    await search_index.insert_vectors(tx, namespace, vectors, model=model)
    backend.written.note(namespace, sum(map(len, vectors.values())))
    backend.after_writing = shelve_written


async def shelve_written(backend: Backend, written: Mapping[Namespace, int]) -> None:
    """Shelve about as much as was written, and some of what was there before."""
    for namespace, count in written.items():
        try:
            await shelve(backend, namespace, limit=_MORE + 2 * count)
        except (PersistMemError, OSError) as error:  # the write that it came after is done
            logger.warning("vectors stay off their shelf, and are compared exactly: %s", error)


async def shelve(backend: Backend, namespace: Namespace, *, limit: int | None = None) -> int:
    """Put up to ``limit`` vectors of a namespace on its shelf, if it is large; returns how many.

    Args:
        limit: None for all.
    """
    model = backend.embedding_model
    if model is None or not hnsw_indexes.has_graphs(model):
        return 0
    done = 0
    while limit is None or done < limit:
        some = _AT_ONCE if limit is None else min(_AT_ONCE, limit - done)
        count = await backend.step(_shelve_some, namespace, model, some)
        done += count
        if count < some:
            break
    return done


async def shelve_all(backend: Backend, namespace: Namespace) -> int:
    """Put all vectors of a namespace on its shelf, if it is large: upkeep. Returns how many."""
    model = backend.embedding_model
    if model is None or not hnsw_indexes.has_graphs(model):
        return 0
    async with backend.transaction(namespace, atomic=False) as tx:
        _, large = await hnsw_indexes.shelf_of(tx, namespace, model)
    return await shelve(backend, namespace) if large else 0


async def _shelve_some(backend: Backend, namespace: Namespace, model: EmbeddingModel, limit: int) -> int:
    async with backend.transaction(namespace, repeatable=True) as tx:
        if await hold_living(tx, namespace) is None:  # erased meanwhile
            return 0
        shelf = await hnsw_indexes.take_shelf(tx, namespace, model)
        if shelf is None:
            return 0
        done = await hnsw_indexes.shelve_vectors(tx, namespace, model, shelf, limit=limit)
    backend.arms.note(encode(namespace), "graph")
    return done


async def make_graphs(backend: Backend, model: EmbeddingModel) -> None:
    """Make the model's graphs, which are empty until a namespace is large; where this role may not, searches do without."""
    async with backend.transaction(NOBODY, atomic=False) as tx:
        missing = await hnsw_indexes.missing_graphs(tx, model)
    if not missing:
        return
    try:
        with unhurried():
            async with backend.transaction(EVERYWHERE, repeatable=True) as tx:
                await hnsw_indexes.make_graphs(tx, model)
    except ConfigurationError as error:
        logger.warning("large namespaces will be searched without a graph until setup() is run as the owner: %s", error)


async def drop_graphs_of_nobody(backend: Backend) -> None:
    """Drop the graphs of models that are not known any more, if this role may."""
    try:
        async with backend.transaction(EVERYWHERE, repeatable=True) as tx:
            await hnsw_indexes.drop_graphs(tx, await hnsw_indexes.graphs_of_nobody(tx))
    except ConfigurationError as error:
        logger.warning("graphs of models that nobody uses are left, which setup()'s role may drop: %s", error)


async def count_shelves(backend: Backend) -> None:
    """Count anew what lies on the shelves, where this role sees everything."""
    if backend.sees_everywhere:
        async with backend.transaction(EVERYWHERE, repeatable=True) as tx:
            await hnsw_indexes.count_shelves(tx)
