"""Statements that find what recall ranks: along the graph of a large namespace, or among all or the likeliest vectors."""

from collections.abc import Sequence
from datetime import datetime

from psycopg import sql

from langchain_persistmem.language.text_search import configuration
from langchain_persistmem.postgres.filters import TRUE, Condition
from langchain_persistmem.postgres.queries.embedding_models import EmbeddingModel
from langchain_persistmem.postgres.queries.memories import vector_column
from langchain_persistmem.postgres.queries.search_index import findings_of, stored
from langchain_persistmem.postgres.statements import statement
from langchain_persistmem.postgres.transaction import Transaction
from langchain_persistmem.postgres.vector_index import hnsw_search
from langchain_persistmem.postgres.vector_index.binary_shortlist import EVERY, shortlist
from langchain_persistmem.postgres.vector_index.search_plan import Arms
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
    arms: Arms,
    thread_id: str | None = None,
    own_view: bool = False,
) -> SearchResult:
    """The candidates for ``query``, with both signals and the statistics of the namespace; one statement, if ``arms`` is right.

    Args:
        thread_id: the conversation that they are for: none, if it is off the record.
        own_view: whatever the person allows: they themselves ask.
    """
    where = encode(namespace)
    walks = wanted.text is TRUE and hnsw_search.reaches(model, candidates)
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
        "graph": walks,
        "now": now,
        "thread_id": thread_id,
        "own_view": own_view,
        **shortlist(model, wanted=candidates, filtered=wanted.text is not TRUE),
        **wanted.parameters,
    }
    arm = arms.of(where)
    if parameters["few"] == EVERY or arm == "few":
        rows = await tx.fetch(statement("recall_few", **slots), parameters)
        if not rows or not rows[0]["other"]:
            return findings_of(rows, namespace)
        arms.seen(where, large=rows[0]["large"], shelved=rows[0]["shelf"] is not None)
        arm = arms.of(where)
    if walks and arm == "graph":
        found = await hnsw_search.recall_graph(tx, namespace, parameters, model=model, candidates=candidates)
        if found is not None:
            return found
        arms.note(where, "many")
    return findings_of(await tx.fetch(statement("recall", **slots), parameters), namespace)


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
