"""Searches of one large namespace along its HNSW index; vectors that are not in it yet are compared exactly.

The statements search whichever index the namespace has, so that each is planned once on a connection; that for neighbours
searches one index.

Each statement looks for itself whether it is the right one, and answers None if not: then nothing is known, and the exact
scan is to be asked. The choice and its measurement: docs/decisions/0025.
"""

from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import LiteralString

from psycopg import sql
from psycopg.rows import DictRow

from langchain_persistmem.postgres.queries.embedding_models import EmbeddingModel
from langchain_persistmem.postgres.queries.rows import StoredItem, items_of, neighbours_of
from langchain_persistmem.postgres.queries.search_index import findings_of
from langchain_persistmem.postgres.statements import Query, part, statement
from langchain_persistmem.postgres.transaction import Transaction
from langchain_persistmem.postgres.value_filter import TRUE
from langchain_persistmem.postgres.vector_index.exact_scan import vector_column
from langchain_persistmem.postgres.vector_index.hnsw_indexes import INDEXES, has_hnsw, name_prefix
from langchain_persistmem.types.namespace import Namespace
from langchain_persistmem.types.recall_results import SearchResult
from langchain_persistmem.types.records import Memory

NEAREST = (128, 256, 512, 1000)
"""Vectors that are looked for: a few numbers only, as they stand in the statement, and each is planned for itself."""
PER_MEMORY = 2
"""Vectors that are looked for at least, for each memory that is asked for."""
BEST_BY_TERMS = 60
"""Items at least that share most with the question's terms and are looked up for their meaning."""
EF_SEARCH = 128
"""pgvector's ``hnsw.ef_search``, or as much as is looked for; and one more for each 300 memories of the namespace."""
SAMPLE = 512
"""Vectors that show what is usual in the namespace; `vectors_sample` has an eighth of what is indexed."""
ITERATIVE_SCAN = "relaxed_order"
"""pgvector's ``hnsw.iterative_scan``: past the vectors of others, and those that are hidden, the search goes on."""
MOST_UNINDEXED = 3_000
"""Vectors that are not in the index yet, up to which it is worth while."""
MOST_UNINDEXED_WIDE = 1_000
"""The same for vectors that are too wide for the covering index: each is half a page of the table."""
NEAREST_NEIGHBOURS = (32, *NEAREST)
"""Vectors that are looked for as neighbours, of which several are in one statement."""
EF_SEARCH_NEIGHBOURS = 256
"""``ef_search`` for neighbours: what is not found is not known, and stands beside what contradicts it."""
COMMON = 0.1
"""The share of the wanted kinds, down to which the index finds enough of them sooner than all are compared."""


def is_reachable(model: EmbeddingModel, count: int) -> bool:
    """Tell if so many memories can be looked for along an index of the model's vectors."""
    return has_hnsw(model) and PER_MEMORY * count <= NEAREST[-1]


async def search(
    tx: Transaction,
    namespace: Namespace,
    parameters: Mapping[str, object],
    *,
    model: EmbeddingModel,
    end: int,
) -> list[tuple[StoredItem, float]] | None:
    """Current items of ``namespace``, below which there is none, with the cosine of their best vector, best first.

    Args:
        parameters: those of the exact scan.
        end: the number of items up to the end of the page.

    Returns:
        None where this is not the way: the namespace has no index, or others below it, or too many vectors that are not
        in it yet, or the items found are too few.
    """
    nearest = _nearest(end, NEAREST)
    parameters = {**parameters, **_scan_parameters(model, max(EF_SEARCH, nearest))}
    rows = await tx.fetch(_statement("search_hnsw", model, nearest), parameters)
    return _page(rows, namespace, parameters)


def _page(
    rows: Sequence[DictRow], namespace: Namespace, parameters: Mapping[str, object]
) -> list[tuple[StoredItem, float]] | None:
    """The items of a page; None where another statement is right, as where turns that are not listed left too few others."""
    if rows[0]["other"]:
        return None
    items = items_of(rows, namespace)
    return items if len(items) == parameters["limit"] else None


async def search_hybrid(
    tx: Transaction,
    namespace: Namespace,
    parameters: Mapping[str, object],
    *,
    model: EmbeddingModel,
    end: int,
) -> list[tuple[StoredItem, float]] | None:
    """The same by meaning and by terms, with scores from 0 to 1."""
    nearest = _nearest(end, NEAREST)
    parameters = {
        **parameters,
        **_scan_parameters(model, max(EF_SEARCH, nearest)),
        "best_by_terms": max(BEST_BY_TERMS, PER_MEMORY * end),
        "sample": SAMPLE,
    }
    rows = await tx.fetch(_statement("search_hnsw_hybrid", model, nearest), parameters)
    return _page(rows, namespace, parameters)


async def recall(
    tx: Transaction,
    namespace: Namespace,
    parameters: Mapping[str, object],
    *,
    model: EmbeddingModel,
    candidates: int,
) -> SearchResult | None:
    """The result of :func:`~langchain_persistmem.postgres.queries.recall.recall`, without a condition.

    Args:
        parameters: those of the exact scan.
        candidates: by meaning, and as many by terms.

    Returns:
        None where this is not the way, as of :func:`search`.
    """
    # With less than `nearest` for ef_search the scan would need a second step for what is always wanted.
    nearest = _nearest(candidates, NEAREST)
    parameters = {
        **parameters,
        **_scan_parameters(model, max(EF_SEARCH, nearest)),
        "reach": candidates,
        "sample": SAMPLE,
    }
    rows = await tx.fetch_tuples(_statement("recall_hnsw", model, nearest), parameters)
    return None if rows[0].other else findings_of(rows)


async def neighbours(
    tx: Transaction, number: int, parameters: Mapping[str, object], *, model: EmbeddingModel, count: int, limit: int
) -> list[list[tuple[Memory, float]]] | None:
    """The result of :func:`~langchain_persistmem.postgres.queries.changes.neighbours`.

    Args:
        number: the namespace's index.
        parameters: those of the exact scan.
        count: of the vectors whose neighbours are looked for.
        limit: neighbours of each.

    Returns:
        None where this is not the way, as of :func:`search`, or the namespace has another index, or few memories are of
        these kinds.
    """
    nearest = _nearest(limit, NEAREST_NEIGHBOURS)
    parameters = {
        **parameters,
        **_scan_parameters(model, max(EF_SEARCH_NEIGHBOURS, nearest)),
        "sample": SAMPLE // 4,
        "share": COMMON,
    }
    slots = {"embedding": vector_column(model), **_index_slots(model, number, nearest)}
    neighbours = neighbours_of(await tx.fetch(statement("neighbours_hnsw", **slots), parameters), count)
    return neighbours if all(len(group) == limit for group in neighbours) else None


def _nearest(count: int, choices: Sequence[int]) -> int:
    return next((choice for choice in choices if choice >= PER_MEMORY * count), choices[-1])


def _scan_parameters(model: EmbeddingModel, ef_search: int) -> dict[str, object]:
    return {
        "ef_search": ef_search,
        "iterative_scan": ITERATIVE_SCAN,
        "name_prefix": name_prefix(model.id),
        "most_unindexed": MOST_UNINDEXED if model.covered else MOST_UNINDEXED_WIDE,
    }


@lru_cache(64)
def _statement(name: LiteralString, model: EmbeddingModel, nearest: int) -> Query:
    """A statement with a scan of each of the model's indexes, of which it executes that of the namespace."""
    scans = sql.SQL(" UNION ALL ").join(
        part("hnsw_scan", **_index_slots(model, number, nearest)) for number in range(INDEXES)
    )
    return statement(name, embedding=vector_column(model), hnsw_scans=scans, terms_condition=TRUE)


def _index_slots(model: EmbeddingModel, number: int, nearest: int) -> dict[str, sql.Composable]:
    """Slots that stand in the text as they do in the index's definition, or else the planner would not see which it is."""
    column, dimensions = vector_column(model), sql.Literal(model.dimensions)
    return {
        "vector": sql.SQL("(v.{}::halfvec({}))").format(column, dimensions),
        "in_index": sql.SQL("nullif(v.active AND v.model = {} AND v.hnsw_index = {}, false) IS NOT NULL").format(
            sql.Literal(model.id), sql.Literal(number)
        ),
        "number": sql.Literal(number),
        "nearest": sql.Literal(nearest),
    }
