"""The memories that are relevant to a question, best first, and the explanation of what is found and what is not."""

from langchain_persistmem.recall.explain import explanation
from langchain_persistmem.recall.search import find_candidates
from langchain_persistmem.recall.selection import select
from langchain_persistmem.runtime.audit_log import note_read
from langchain_persistmem.runtime.backend import Backend
from langchain_persistmem.types import validation
from langchain_persistmem.types.namespace import Namespace
from langchain_persistmem.types.recall_results import (
    Explanation,
    Question,
    Recollection,
)


async def recall(
    backend: Backend, namespace: Namespace, question: Question, *, threshold: float | None
) -> list[Recollection]:
    """The most relevant memories, best first; fewer than the limit, or none, where nothing is relevant.

    Raises:
        InvalidInputError: an argument is out of range; the message names it.
        EmbeddingError: the query has no vector.
    """
    validation.count(question.limit, "limit", at_least=1, at_most=1000)
    candidates = await find_candidates(backend, namespace, question)
    gate, min_score = _gates(backend, threshold)
    recollections = select(candidates.ranked, limit=question.limit, threshold=gate, min_score=min_score)
    await note_read(backend, namespace, "recalled", [recollection.memory.id for recollection in recollections])
    return recollections


async def explain(
    backend: Backend, namespace: Namespace, question: Question, *, threshold: float | None
) -> Explanation:
    """Explain what :func:`recall` returns for the same arguments, and what it does not.

    Raises:
        InvalidInputError: an argument is out of range; the message names it.
        EmbeddingError: the query has no vector.
    """
    validation.count(question.limit, "limit", at_least=1, at_most=1000)
    gate, min_score = _gates(backend, threshold)
    candidates = await find_candidates(backend, namespace, question)
    result = await explanation(backend, candidates, threshold=gate, min_score=min_score)
    await note_read(backend, namespace, "recalled", [recollection.memory.id for recollection in result.recollections])
    return result


def _gates(backend: Backend, threshold: float | None) -> tuple[float, float]:
    """The threshold and the min_score."""
    settings = backend.settings
    gate = settings.threshold if threshold is None else validation.share(threshold, "threshold")
    return gate, min(settings.min_score, gate)
