"""Statements that search the items of a store: by meaning, or by meaning and words."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import datetime
from functools import partial
from typing import Any, LiteralString

from psycopg import sql
from psycopg.rows import DictRow

from langchain_persistmem.postgres.filters import TRUE, Condition, condition
from langchain_persistmem.postgres.queries.embedding_models import EmbeddingModel
from langchain_persistmem.postgres.queries.memories import page, vector_column
from langchain_persistmem.postgres.queries.rows import StoredItem, item_of, items_of
from langchain_persistmem.postgres.queries.search_index import stored
from langchain_persistmem.postgres.statements import statement
from langchain_persistmem.postgres.transaction import Transaction
from langchain_persistmem.postgres.vector_index import hnsw_search
from langchain_persistmem.postgres.vector_index.binary_shortlist import EVERY, few_of, shortlist
from langchain_persistmem.postgres.vector_index.search_plan import Arms
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
"""Vectors that the short statement looks at beyond twice the page: for items of several parts, and for ties."""


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
    arms: Arms,
) -> list[tuple[StoredItem, float]]:
    """Current items under ``prefix`` with the similarity of their best vector, best first.

    That is the cosine, the inner product, or the negative Euclidean distance of the vectors as the
    embedding model made them.
    """
    wanted = condition(filter)
    embedding = sql.SQL("v.{}").format(vector_column(model))
    similarity = sql.SQL(_SIMILARITY[distance]).format(embedding=embedding)
    parameters = {
        **page(prefix, limit=limit, offset=offset, now=now),
        "embedding": stored(query),
        "norm": norm_of(query),
        "model": model.model,
        **_reach(model, wanted, limit + offset, exactly=distance != "cosine"),
        **wanted.parameters,
    }
    if prefix and distance == "cosine" and wanted.text is TRUE:
        parameters["namespace"] = encode(prefix)
        end = limit + offset
        leaf = partial(_search_leaf, tx, prefix, parameters, model=model, similarity=similarity, arms=arms)
        walk = partial(hnsw_search.search_graph, tx, prefix, parameters, model=model, end=end)
        found = await _search_one(prefix, arms, leaf, walk, walks=hnsw_search.reaches(model, end))
        if found is not None:
            return found
    text = statement("search_items", condition=wanted.text, similarity=similarity)
    return [(item_of(row), row["similarity"]) for row in await tx.fetch(text, parameters)]


async def _search_one(
    namespace: Namespace,
    arms: Arms,
    leaf: Callable[[], Awaitable[_Items | None]],
    walk: Callable[[], Awaitable[_Items | None]],
    *,
    walks: bool,
) -> _Items | None:
    """The answer of a statement for a namespace that has none below it; None where none suffices.

    Args:
        leaf: asks the short statement.
        walk: asks that of the graphs.
        walks: whether so much can be looked for along a graph.
    """
    where = encode(namespace)
    arm = arms.of(where)
    if arm == "few":
        found = await leaf()
        if found is not None:
            return found
        arm = arms.of(where)  # as the short statement saw it
    if arm != "graph" or not walks:
        return None
    found = await walk()
    if found is None:
        arms.note(where, "many")
    return found


async def _search_leaf(
    tx: Transaction,
    namespace: Namespace,
    parameters: Mapping[str, Any],
    *,
    model: EmbeddingModel,
    similarity: sql.Composable,
    arms: Arms,
) -> list[tuple[StoredItem, float]] | None:
    """The answer of the short statement; None where it does not suffice."""
    end = parameters["limit"] + parameters["offset"]
    looked_at = min(2 * end + _SPARE, EVERY)
    rows = await tx.fetch(
        statement("search_leaf", similarity=similarity),
        {**parameters, "few": few_of(model), "graph": hnsw_search.reaches(model, end), "looked_at": looked_at},
    )
    if not _suffices(rows[0], namespace, arms):
        return None
    found = items_of(rows, namespace)
    # were there more on a par with the last, or parts that hid other items, then not all that belong here were seen
    cut = rows[0]["looked_at"] == looked_at
    if cut and (
        len(found) < parameters["limit"] or any(similarity <= rows[0]["least"] for _, similarity in found[-1:])
    ):
        return None
    return found


def _suffices(verdict: DictRow, namespace: Namespace, arms: Arms) -> bool:
    """Whether the short statement was the right one; else it is not tried the next time."""
    if verdict["below"]:
        arms.note(encode(namespace), "many")
    elif verdict["other"]:
        arms.seen(encode(namespace), large=verdict["large"], shelved=verdict["shelf"] is not None)
    return not verdict["other"]


async def search_items_hybrid(
    tx: Transaction,
    prefix: Namespace,
    *,
    query: str,
    words: Sequence[str],
    embedding: Vector,
    model: EmbeddingModel,
    weights: Ranking,
    language: str,
    filter: Mapping[str, Any] | None,
    limit: int,
    offset: int,
    now: datetime,
    arms: Arms,
) -> list[tuple[StoredItem, float]]:
    """Current items under ``prefix`` by meaning and by words, best first, with scores from 0 to 1."""
    wanted = condition(filter)
    parameters = {
        **page(prefix, limit=limit, offset=offset, now=now),
        "query": query,
        "words": list(words),
        "embedding": stored(embedding),
        "model": model.model,
        "language": language,
        "prior": weights.prior_count,
        "usual": model.background_mean,
        "deviation": model.background_deviation,
        "rarity": weights.rarity,
        "coverage": weights.coverage,
        "score_midpoint": weights.score_midpoint,
        "score_midpoint_per_log": weights.score_midpoint_per_log,
        "score_scale": weights.score_scale,
        **_reach(model, wanted, limit + offset, exactly=False),
        **wanted.parameters,
    }
    if prefix and wanted.text is TRUE:
        parameters["namespace"] = encode(prefix)
        end = limit + offset
        leaf = partial(_search_leaf_hybrid, tx, prefix, parameters, model=model, arms=arms)
        walk = partial(hnsw_search.search_graph_hybrid, tx, prefix, parameters, model=model, end=end)
        found = await _search_one(prefix, arms, leaf, walk, walks=hnsw_search.reaches(model, end))
        if found is not None:
            return found
    text = statement("search_items_hybrid", condition=wanted.text, embedding=vector_column(model))
    return [(item_of(row), row["similarity"]) for row in await tx.fetch(text, parameters)]


async def _search_leaf_hybrid(
    tx: Transaction, namespace: Namespace, parameters: Mapping[str, Any], *, model: EmbeddingModel, arms: Arms
) -> _Items | None:
    """The same as :func:`_search_leaf`, by meaning and by words."""
    limit, end = parameters["limit"], parameters["limit"] + parameters["offset"]
    leaf = statement("search_leaf_hybrid", embedding=vector_column(model), words_condition=TRUE)
    rows = await tx.fetch(leaf, {**parameters, "few": few_of(model), "graph": hnsw_search.reaches(model, end)})
    if not _suffices(rows[0], namespace, arms):
        return None
    found = items_of(rows, namespace)
    # a page that is short of items has room for others, unless there are none: some have expired
    return found if len(found) == limit or rows[0]["weighed"] < end else None


def _reach(model: EmbeddingModel, wanted: Condition, count: int, *, exactly: bool) -> dict[str, object]:
    """The parameters of a search whose page ends at ``count``.

    What a filter leaves over is not known before, and the signs of a vector say nothing of its length: then everything
    is compared.
    """
    if exactly or wanted.text is not TRUE:
        return {**shortlist(model, wanted=0, filtered=True), "few": EVERY, "reach": EVERY}
    reach = min(count, EVERY)
    return {**shortlist(model, wanted=reach, filtered=False), "reach": reach}
