"""Re-embedding: vectors of another model for every memory, while memory is in use, and dropping those of the models before."""

from datetime import datetime

from langchain_persistmem.errors import ConfigurationError
from langchain_persistmem.learning.background.missing_vectors import make_missing
from langchain_persistmem.postgres.queries import missing_vectors, retention
from langchain_persistmem.postgres.queries.embedding_models import EmbeddingModel
from langchain_persistmem.runtime import hnsw_upkeep
from langchain_persistmem.runtime.backend import Backend
from langchain_persistmem.runtime.setup import register
from langchain_persistmem.types.namespace import EVERYWHERE, Namespace
from langchain_persistmem.types.progress import Meter, Report
from langchain_persistmem.types.results import ReembedResult

_ANY = 1_000_000
_PAGE = 500


async def reembed(
    backend: Backend, *, drop_others: bool, progress: Report | None = None, now: datetime
) -> ReembedResult:
    """Make vectors of the backend's model for every memory that has none, while memory is in use.

    Raises:
        EmbeddingError: the model fails; what was made stays, and another call goes on.
        ConfigurationError: ``drop_others``, and not every memory has its vector.
    """
    model = await register(backend, now=now)
    await backend.step(_note_missing, model)
    # Counting takes a scan of what waits, which nobody needs who does not look.
    total = None if progress is None else await backend.step(_count_unembedded, model)
    meter = Meter(progress, "memories", total)
    done = await make_missing(backend, limit=_ANY, meter=meter, now=now)
    waiting = await backend.step(_count_waiting, model)
    dropped = 0
    if drop_others:
        if waiting:
            raise ConfigurationError(
                f"{waiting} namespaces still wait for vectors of {model.name!r}, so nothing was dropped; run it again"
            )
        dropped = await _drop_others(backend, model)
    return ReembedResult(namespaces=done.namespaces, memories=done.memories, pending=waiting, dropped=dropped)


async def _note_missing(backend: Backend, model: EmbeddingModel) -> None:
    async with backend.transaction(EVERYWHERE, repeatable=True) as tx:
        await missing_vectors.note_missing_everywhere(tx, model)


async def _count_unembedded(backend: Backend, model: EmbeddingModel) -> int:
    async with backend.transaction(EVERYWHERE, atomic=False) as tx:
        return await missing_vectors.count_unembedded(tx, model)


async def _count_waiting(backend: Backend, model: EmbeddingModel) -> int:
    """Namespaces in which memories have no vector yet."""
    async with backend.transaction(EVERYWHERE, atomic=False) as tx:
        return (await missing_vectors.count_missing(tx, model))["namespaces"]


async def _drop_others(backend: Backend, model: EmbeddingModel) -> int:
    """Delete the vectors of all other models, and then the models; returns how many vectors those were."""
    dropped, last = 0, None
    while page := await backend.step(_namespaces_after, last):
        for namespace in page:
            dropped += await backend.step(_drop_vectors_of_others, namespace, model)
        last = page[-1]
    await backend.step(_drop_other_models, model)
    await backend.step(hnsw_upkeep.drop_orphan_indexes)
    return dropped


async def _drop_vectors_of_others(backend: Backend, namespace: Namespace, model: EmbeddingModel) -> int:
    async with backend.transaction(namespace, repeatable=True) as tx:
        return await missing_vectors.drop_vectors_of_others(tx, namespace, model)


async def _drop_other_models(backend: Backend, model: EmbeddingModel) -> None:
    async with backend.transaction(EVERYWHERE, repeatable=True) as tx:
        await missing_vectors.drop_other_models(tx, model)


async def _namespaces_after(backend: Backend, last: Namespace | None) -> list[Namespace]:
    async with backend.transaction(EVERYWHERE, atomic=False) as tx:
        return [namespace for namespace, _ in await retention.namespaces_after(tx, last, limit=_PAGE)]
