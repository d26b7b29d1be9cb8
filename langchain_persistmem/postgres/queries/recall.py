"""Statements that find what recall ranks, along the HNSW index of a large namespace or among all vectors; or as of a moment."""

from collections.abc import Sequence
from datetime import datetime
from functools import partial

from psycopg import sql

from langchain_persistmem.language.text_search import configuration
from langchain_persistmem.postgres.filters import TRUE, Condition
from langchain_persistmem.postgres.queries.embedding_models import EmbeddingModel
from langchain_persistmem.postgres.queries.search_index import findings_of, stored
from langchain_persistmem.postgres.statements import statement
from langchain_persistmem.postgres.transaction import Transaction
from langchain_persistmem.postgres.vector_index import hnsw_search
from langchain_persistmem.postgres.vector_index.exact_scan import vector_column
from langchain_persistmem.postgres.vector_index.search_plan import OtherPlan, SearchPlans
from langchain_persistmem.types.namespace import Namespace, encode
from langchain_persistmem.types.recalled import SearchResult
from langchain_persistmem.types.records import Vector


async def recall(
    tx: Transaction,
    namespace: Namespace,
    *,
    query: str,
    words: Sequence[str],
    embedding: Vector,
    model: EmbeddingModel,
    language: str,
    wanted: Condition,
    candidates: int,
    instructions: int,
    now: datetime,
    plans: SearchPlans,
    thread_id: str | None = None,
    own_view: bool = False,
) -> SearchResult:
    """The candidates for ``query``, with both signals and the statistics of the namespace; nearly always in one statement.

    Args:
        thread_id: the conversation that they are for: none, if it is off the record.
        own_view: whatever the person allows: they themselves ask.
    """
    where = encode(namespace)
    slots: dict[str, sql.Composable] = {
        "embedding": vector_column(model),
        "vectors_condition": wanted.among("v"),
        "words_condition": wanted.among("w"),
    }
    parameters = {
        "namespace": where,
        "query": query,
        "words": list(words),
        "embedding": stored(embedding),
        "model": model.model,
        "language": configuration(language, query),
        "candidates": candidates,
        "instructions": instructions,
        "now": now,
        "thread_id": thread_id,
        "own_view": own_view,
        **wanted.parameters,
    }
    text = statement("recall", **slots)

    async def exact(*, look_for_hnsw: bool) -> SearchResult | OtherPlan:
        rows = await tx.fetch(text, {**parameters, "look_for_hnsw": look_for_hnsw})
        return OtherPlan("hnsw") if rows and rows[0]["other"] else findings_of(rows, namespace)

    is_indexed = wanted.text is TRUE and hnsw_search.is_reachable(model, candidates)
    hnsw = partial(hnsw_search.recall, tx, namespace, parameters, model=model, candidates=candidates)
    return await plans.search(where, exact=exact, hnsw=hnsw if is_indexed else None)


async def recall_at(
    tx: Transaction,
    namespace: Namespace,
    *,
    at: datetime,
    query: str,
    words: Sequence[str],
    embedding: Vector,
    model: EmbeddingModel,
    language: str,
    wanted: Condition,
    now: datetime,
    thread_id: str | None = None,
    own_view: bool = False,
) -> SearchResult:
    """What was valid at a moment, with both signals for ``query``."""
    text = statement("recall_at", embedding=vector_column(model), condition=wanted.text)
    parameters = {
        "namespace": encode(namespace),
        "at": at,
        "query": query,
        "words": list(words),
        "embedding": stored(embedding),
        "model": model.model,
        "language": configuration(language, query),
        "now": now,
        "thread_id": thread_id,
        "own_view": own_view,
        **wanted.parameters,
    }
    return findings_of(await tx.fetch(text, parameters), namespace)
