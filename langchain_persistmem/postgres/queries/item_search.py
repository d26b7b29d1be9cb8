"""Statements that search the items of a store: by meaning, or by meaning and words."""

from collections.abc import Mapping
from datetime import datetime
from functools import partial
from typing import Any, LiteralString

from psycopg import sql
from psycopg.rows import DictRow

from langchain_persistmem.language.query_terms import QueryTerms
from langchain_persistmem.postgres.filters import TRUE, Condition, condition
from langchain_persistmem.postgres.queries.embedding_models import EmbeddingModel
from langchain_persistmem.postgres.queries.memories import page
from langchain_persistmem.postgres.queries.rows import StoredItem, item_of, items_of
from langchain_persistmem.postgres.queries.search_index import to_halfvec
from langchain_persistmem.postgres.statements import Query, statement
from langchain_persistmem.postgres.transaction import Transaction
from langchain_persistmem.postgres.vector_index import hnsw_search
from langchain_persistmem.postgres.vector_index.exact_scan import EVERY, vector_column
from langchain_persistmem.postgres.vector_index.search_plan import OtherPlan, SearchPlans
from langchain_persistmem.settings import Ranking
from langchain_persistmem.types.namespace import Namespace, encode
from langchain_persistmem.types.records import Vector
from langchain_persistmem.types.vectors import Distance, norm_of

_SIMILARITY: Mapping[Distance, LiteralString] = {
    "cosine": "-({embedding} <#> %(embedding)s::halfvec)",
    "inner_product": "-({embedding} <#> %(embedding)s::halfvec) * v.norm * %(norm)s::real",
    # of vectors of length a and b in directions that lie d apart: sqrt(a * b * d^2 + (a - b)^2), exactly 0 for the same
    "l2": "-sqrt(v.norm * %(norm)s::real * ({embedding} <-> %(embedding)s::halfvec) ^ 2 + (v.norm - %(norm)s::real) ^ 2)",
}

_Items = list[tuple[StoredItem, float]]

_SPARE = 8
"""Vectors that the exact scan of one namespace looks at beyond twice the page: for items of several parts, and for ties."""


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
    embedding = sql.SQL("v.{}").format(vector_column(model))
    similarity = sql.SQL(_SIMILARITY[distance]).format(embedding=embedding)
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
            exact=partial(_search_exact, tx, prefix, parameters, similarity),
            hnsw=partial(hnsw_search.search, tx, prefix, parameters, model=model, end=end)
            if hnsw_search.is_reachable(model, end)
            else None,
            prefix=partial(_search_prefix, tx, parameters, general),
        )
    return await _search_prefix(tx, parameters, general)


async def _search_exact(
    tx: Transaction,
    namespace: Namespace,
    parameters: Mapping[str, Any],
    similarity: sql.Composable,
    *,
    look_for_hnsw: bool,
) -> _Items | OtherPlan:
    """All vectors of one namespace compared, if none lies below it."""
    end = parameters["limit"] + parameters["offset"]
    looked_at = min(2 * end + _SPARE, EVERY)
    rows = await tx.fetch(
        statement("search_exact", similarity=similarity),
        {**parameters, "look_for_hnsw": look_for_hnsw, "looked_at": looked_at},
    )
    other = _other_plan(rows[0])
    if other is not None:
        return other
    items = items_of(rows, namespace)
    # were there more on a par with the last, or parts that hid other items, then not all that belong here were seen
    cut = rows[0]["looked_at"] == looked_at
    if cut and (
        len(items) < parameters["limit"] or any(similarity <= rows[0]["least"] for _, similarity in items[-1:])
    ):
        return OtherPlan("prefix", is_lasting=False)
    return items


async def _search_exact_hybrid(
    tx: Transaction,
    namespace: Namespace,
    parameters: Mapping[str, Any],
    model: EmbeddingModel,
    *,
    look_for_hnsw: bool,
) -> _Items | OtherPlan:
    """The same by meaning and by words."""
    limit, end = parameters["limit"], parameters["limit"] + parameters["offset"]
    text = statement("search_exact_hybrid", embedding=vector_column(model), terms_condition=TRUE)
    rows = await tx.fetch(text, {**parameters, "look_for_hnsw": look_for_hnsw})
    other = _other_plan(rows[0])
    if other is not None:
        return other
    items = items_of(rows, namespace)
    # a page that is short of items has room for others, unless there are none: some have expired
    is_full = len(items) == limit or rows[0]["weighed"] < end
    return items if is_full else OtherPlan("prefix", is_lasting=False)


def _other_plan(verdict: DictRow) -> OtherPlan | None:
    """The plan that is right instead of the exact scan of one namespace, as its first row says."""
    if verdict["below"]:
        return OtherPlan("prefix")
    return OtherPlan("hnsw") if verdict["other"] else None


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
            exact=partial(_search_exact_hybrid, tx, prefix, parameters, model),
            hnsw=partial(hnsw_search.search_hybrid, tx, prefix, parameters, model=model, end=end)
            if hnsw_search.is_reachable(model, end)
            else None,
            prefix=partial(_search_prefix, tx, parameters, general),
        )
    return await _search_prefix(tx, parameters, general)


def _reach(wanted: Condition, count: int) -> int:
    """Items that are looked at for a page that ends at ``count``; what a filter leaves over is not known before."""
    return min(count, EVERY) if wanted.text is TRUE else EVERY
