"""Statements that search the items of a store: by meaning, or by meaning and words; one namespace, or all under a prefix."""

from collections.abc import Mapping
from datetime import datetime
from functools import partial
from typing import Any

from psycopg import sql

from langchain_persistmem.language.search_terms.query_terms import QueryTerms
from langchain_persistmem.postgres.queries.embedding_models import EmbeddingModel
from langchain_persistmem.postgres.queries.memories import page
from langchain_persistmem.postgres.queries.rows import StoredItem, item_of
from langchain_persistmem.postgres.queries.search_index import to_halfvec
from langchain_persistmem.postgres.statements import Query, statement
from langchain_persistmem.postgres.transaction import Transaction
from langchain_persistmem.postgres.value_filter import TRUE, Condition, condition
from langchain_persistmem.postgres.vector_index import exact_scan, hnsw_search
from langchain_persistmem.postgres.vector_index.distances import similarity_by
from langchain_persistmem.postgres.vector_index.exact_scan import EVERY, vector_column
from langchain_persistmem.postgres.vector_index.search_plan import SearchPlans
from langchain_persistmem.settings import Ranking
from langchain_persistmem.types.namespace import Namespace, encode
from langchain_persistmem.types.records import Vector
from langchain_persistmem.types.vectors import Distance, norm_of

_Items = list[tuple[StoredItem, float]]


async def search_items(
    tx: Transaction,
    prefix: Namespace,
    *,
    query: Vector,
    model: EmbeddingModel,
    distance: Distance,
    filter: Mapping[str, Any] | None,
    limit: int,
    offset: int,
    now: datetime,
    plans: SearchPlans,
) -> _Items:
    """Current items under ``prefix`` with the similarity of their best vector, best first.

    That is the cosine, the inner product, or the negative Euclidean distance of the vectors as the
    embedding model made them.
    """
    wanted = condition(filter)
    similarity = similarity_by(distance, sql.SQL("v.{}").format(vector_column(model)))
    parameters = {
        **page(prefix, limit=limit, offset=offset, now=now),
        "embedding": to_halfvec(query),
        "norm": norm_of(query),
        "model": model.id,
        "reach": _reach(wanted, limit + offset),
        **wanted.parameters,
    }
    general = statement("search_prefix", condition=wanted.text, similarity=similarity)
    # Short statements are for the cosine, one namespace and no condition; all else takes the general one.
    if prefix and distance == "cosine" and wanted.text is TRUE:
        parameters["namespace"] = encode(prefix)
        end = limit + offset
        return await plans.search(
            encode(prefix),
            exact=partial(exact_scan.search, tx, prefix, parameters, similarity),
            hnsw=partial(hnsw_search.search, tx, prefix, parameters, model=model, end=end)
            if hnsw_search.is_reachable(model, end)
            else None,
            prefix=partial(_search_prefix, tx, parameters, general),
        )
    return await _search_prefix(tx, parameters, general)


async def _search_prefix(tx: Transaction, parameters: Mapping[str, Any], text: Query) -> _Items:
    """All vectors of all namespaces under a prefix compared."""
    rows = await tx.fetch(text, parameters)
    # Where turns that are not listed have left too few, all are looked at; the hybrid statement looks at all in any case.
    is_cut = bool(rows) and rows[0].get("weighed", 0) >= parameters["reach"]
    if is_cut and len(rows) < parameters["limit"]:
        rows = await tx.fetch(text, {**parameters, "reach": EVERY})
    return [(item_of(row), row["similarity"]) for row in rows]


async def search_items_hybrid(
    tx: Transaction,
    prefix: Namespace,
    *,
    terms: QueryTerms,
    embedding: Vector,
    model: EmbeddingModel,
    weights: Ranking,
    language: str,
    filter: Mapping[str, Any] | None,
    limit: int,
    offset: int,
    now: datetime,
    plans: SearchPlans,
) -> _Items:
    """Current items under ``prefix`` by meaning and by words, best first, with scores from 0 to 1."""
    wanted = condition(filter)
    parameters = {
        **page(prefix, limit=limit, offset=offset, now=now),
        **terms.parameters(),
        "embedding": to_halfvec(embedding),
        "model": model.id,
        "language": language,
        "prior": weights.prior_count,
        "usual": model.background_mean,
        "deviation": model.background_deviation,
        "rarity": weights.rarity,
        "coverage": weights.coverage,
        "score_midpoint": weights.score_midpoint,
        "score_midpoint_per_log": weights.score_midpoint_per_log,
        "score_scale": weights.score_scale,
        "reach": _reach(wanted, limit + offset),
        **wanted.parameters,
    }
    general = statement("search_prefix_hybrid", condition=wanted.text, embedding=vector_column(model))
    # As above: with a condition, an index could find too little that fulfils it.
    if prefix and wanted.text is TRUE:
        parameters["namespace"] = encode(prefix)
        end = limit + offset
        return await plans.search(
            encode(prefix),
            exact=partial(exact_scan.search_hybrid, tx, prefix, parameters, model),
            hnsw=partial(hnsw_search.search_hybrid, tx, prefix, parameters, model=model, end=end)
            if hnsw_search.is_reachable(model, end)
            else None,
            prefix=partial(_search_prefix, tx, parameters, general),
        )
    return await _search_prefix(tx, parameters, general)


def _reach(wanted: Condition, count: int) -> int:
    """Items that are looked at for a page that ends at ``count``; what a filter leaves over is not known before."""
    return min(count, EVERY) if wanted.text is TRUE else EVERY
