"""Statements that say how an answer came about; they are asked only when somebody wants to know."""

from collections.abc import Sequence
from datetime import datetime
from functools import partial

from langchain_persistmem.language.text_search import configuration
from langchain_persistmem.postgres.filters import Condition
from langchain_persistmem.postgres.queries.embedding_models import EmbeddingModel
from langchain_persistmem.postgres.queries.memories import vector_column
from langchain_persistmem.postgres.queries.rows import found_of, memory_of
from langchain_persistmem.postgres.queries.search_index import stored
from langchain_persistmem.postgres.statements import statement
from langchain_persistmem.postgres.transaction import Transaction
from langchain_persistmem.types.namespace import Namespace, encode
from langchain_persistmem.types.recalled import RecallCandidate
from langchain_persistmem.types.records import Vector


async def query_words(
    tx: Transaction, namespace: Namespace, *, query: str, words: Sequence[str], language: str
) -> dict[str, int]:
    """The words of a query as they are looked up, the rarest first, each with the number of memories that have it."""
    parameters = {
        "namespace": encode(namespace),
        "query": query,
        "words": list(words),
        "language": configuration(language, query),
    }
    return {row["word"]: row["memories"] for row in await tx.fetch(statement("query_words"), parameters)}


async def recall_left_out(
    tx: Transaction,
    namespace: Namespace,
    *,
    query: str,
    words: Sequence[str],
    embedding: Vector,
    model: EmbeddingModel,
    language: str,
    wanted: Condition,
    at: datetime | None,
    now: datetime,
    most: int,
) -> list[RecallCandidate]:
    """Memories that recall passes over, the nearest first: not current, not valid at ``at``, or barred by the filter."""
    text = statement("recall_left_out", embedding=vector_column(model), condition=wanted.text)
    parameters = {
        "namespace": encode(namespace),
        "query": query,
        "words": list(words),
        "embedding": stored(embedding),
        "model": model.model,
        "language": configuration(language, query),
        "at": at,
        "now": now,
        "most": most,
        **wanted.parameters,
    }
    alone = {"position": None, "always": False}  # no turn lends evidence to what is passed over
    return [found_of(row | alone, partial(memory_of, row)) for row in await tx.fetch(text, parameters)]
