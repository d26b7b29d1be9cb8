"""Memories stored without a vector, which is made later: where the embedding model did not answer, and where it is a new one (``reembedding.py``).

A memory without a vector is found by its words. Its namespace has a row that a worker takes up; the
memories themselves say which of them have no vector of the model, so that nothing can be lost or doubled.
"""

import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from langchain_persistmem.errors import EmbeddingError, ErasedError, PersistMemError
from langchain_persistmem.learning.background.retry_pause import pause_after
from langchain_persistmem.postgres.queries import missing_vectors
from langchain_persistmem.postgres.queries.embedding_models import EmbeddingModel
from langchain_persistmem.postgres.queries.missing_vectors import Unembedded
from langchain_persistmem.postgres.retry import apart
from langchain_persistmem.postgres.transaction import Transaction
from langchain_persistmem.runtime import generations, hnsw_upkeep
from langchain_persistmem.runtime.backend import Backend
from langchain_persistmem.runtime.models.text_pieces import split_text
from langchain_persistmem.runtime.setup import ready
from langchain_persistmem.types.namespace import EVERYWHERE, Namespace
from langchain_persistmem.types.progress import Meter
from langchain_persistmem.types.records import Vector

logger = logging.getLogger(__name__)

_SOME = 4
"""Namespaces that a caller waits for."""


@dataclass(frozen=True, slots=True)
class MissingVectorsResult:
    """The outcome of one round of making vectors."""

    namespaces: int = 0
    """Namespaces that were looked through, those that are tried again later included."""
    memories: int = 0


async def embed_or_postpone(
    backend: Backend, pieces: Sequence[Sequence[str]], *, later: bool
) -> list[tuple[Vector, ...]]:
    """Make a vector for each piece of each text, or leave all of them for later.

    Args:
        later: none at all where the embedding model does not answer and may do so later.

    Raises:
        EmbeddingError: it failed in another way, or ``later`` is False.
    """
    texts = [piece for several in pieces for piece in several]
    try:
        vectors = iter(await backend.embed(texts))
    except EmbeddingError as error:
        if not (later and error.provider_failed and backend.settings.embed_later):
            raise
        logger.warning("stored without vectors, which are made later: %s", error)
        return [() for _ in pieces]
    return [tuple(next(vectors) for _ in several) for several in pieces]


async def note_missing(tx: Transaction, backend: Backend, namespace: Namespace) -> None:
    """Memories of the namespace were written without vectors, in this transaction."""
    pause = timedelta(seconds=backend.settings.retry_seconds)
    missing_vectors.note_missing_vectors(tx, namespace, await ready(backend), pause=pause)
    backend.has_missing_vectors = True


async def make_missing(
    backend: Backend,
    *,
    limit: int,
    stopping: Callable[[], bool] = lambda: False,
    meter: Meter | None = None,
    now: datetime,
) -> MissingVectorsResult:
    """Make the vectors that are missing in up to ``limit`` namespaces that are due; one that fails delays no other."""
    model = await ready(backend)
    done = MissingVectorsResult()
    for _ in range(limit):
        claimed = None if stopping() else await backend.step(_claim, model)
        if claimed is None:
            break
        namespace, attempts = claimed
        try:
            count = await _make_in_namespace(backend, namespace, model, meter, now=now)
            done = MissingVectorsResult(done.namespaces + 1, done.memories + count)
        except ErasedError:  # meanwhile, and what waited with it
            continue
        except EmbeddingError as error:
            logger.warning("making missing vectors failed: %s", error)
            await backend.step(_postpone, namespace, model, attempts, str(error))
            done = MissingVectorsResult(done.namespaces + 1, done.memories)
    return done


async def make_some_missing(backend: Backend, *, now: datetime) -> None:
    """Make the vectors that this process wrote memories without, once they are due, where no worker runs."""
    if not backend.has_missing_vectors or backend.settings.worker or backend.model_name is not None:
        return
    try:
        with apart():
            done = await make_missing(backend, limit=_SOME, now=now)
            if not done.namespaces:
                backend.has_missing_vectors = await backend.step(_waits)
    except PersistMemError as error:  # what it was called after is done
        logger.warning("missing vectors could not be made and are tried again: %s", error)


async def _waits(backend: Backend) -> bool:
    model = await ready(backend)
    async with backend.transaction(EVERYWHERE, atomic=False) as tx:
        return await missing_vectors.next_missing(tx, model) is not None


async def _make_in_namespace(
    backend: Backend,
    namespace: Namespace,
    model: EmbeddingModel,
    meter: Meter | None,
    *,
    now: datetime,
) -> int:
    state = await backend.step(generations.present, namespace)
    if state is None:  # erased meanwhile, and what waited with it
        return 0
    seen: generations.Snapshot = {namespace: state}
    count, after = 0, None
    while True:
        page = await backend.step(_page, namespace, model, after)
        if not page:
            await backend.step(_finish, namespace, model, seen, now=now)
            return count
        vectors = await _vectors(backend, page)
        await backend.step(_write, namespace, model, vectors, seen, now=now)
        count, after = count + len(vectors), page[-1].id
        if meter is not None:
            meter.advance(len(vectors))


async def _page(
    backend: Backend, namespace: Namespace, model: EmbeddingModel, after: UUID | None
) -> Sequence[Unembedded]:
    async with backend.transaction(namespace, atomic=False) as tx:
        return await missing_vectors.without_vectors(tx, namespace, model, after, limit=backend.settings.embed_batch)


async def _vectors(backend: Backend, page: Sequence[Unembedded]) -> dict[UUID, Sequence[Vector]]:
    """By memory: one vector, or for an item of a store one for each text that the store indexes."""
    texts = {row.id: _texts(backend, row) for row in page}
    flat = list(dict.fromkeys(text for several in texts.values() for text in several))
    count = dict(zip(flat, await backend.embed(flat), strict=True))
    return {id: [count[text] for text in several] for id, several in texts.items()}


def _texts(backend: Backend, memory: Unembedded) -> Sequence[str]:
    indexed = backend.item_texts(memory.value) if memory.is_item and backend.item_texts is not None else ()
    return indexed or (split_text(memory.text) if memory.is_turn else (memory.text,))


async def _write(
    backend: Backend,
    namespace: Namespace,
    model: EmbeddingModel,
    vectors: Mapping[UUID, Sequence[Vector]],
    seen: generations.Snapshot,
    *,
    now: datetime,
) -> None:
    async with backend.transaction(namespace, repeatable=True) as tx:
        await _hold(tx, backend, namespace, seen, now=now)
        await hnsw_upkeep.insert_vectors(tx, backend, namespace, vectors, model=model)


async def _finish(
    backend: Backend, namespace: Namespace, model: EmbeddingModel, seen: generations.Snapshot, *, now: datetime
) -> None:
    """Nothing waits any more, unless something was written meanwhile, which is due again soon."""
    async with backend.transaction(namespace, repeatable=True) as tx:
        await _hold(tx, backend, namespace, seen, now=now)
        if not await missing_vectors.without_vectors(tx, namespace, model, None, limit=1):
            await missing_vectors.finish_missing(tx, namespace, model)


async def _hold(
    tx: Transaction, backend: Backend, namespace: Namespace, seen: generations.Snapshot, *, now: datetime
) -> None:
    state = await generations.hold(tx, backend, namespace, now=now)
    generations.check(namespace, state.generation, seen)


async def _claim(backend: Backend, model: EmbeddingModel) -> tuple[Namespace, int] | None:
    async with backend.transaction(EVERYWHERE, repeatable=True) as tx:
        leased = timedelta(seconds=backend.settings.lease_seconds)
        return await missing_vectors.claim_missing(tx, model, leased=leased)


async def _postpone(backend: Backend, namespace: Namespace, model: EmbeddingModel, attempts: int, failure: str) -> None:
    pause = pause_after(backend.settings, attempts + 1)
    async with backend.transaction(namespace, repeatable=True) as tx:
        await missing_vectors.settle_missing(tx, namespace, model, pause=pause, attempts=attempts + 1, failure=failure)
