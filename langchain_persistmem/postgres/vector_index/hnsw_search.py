"""Searches of one large namespace along the graph of its shelf; what is not on the shelf yet is compared exactly.

The statements walk whichever shelf the namespace has, so that each is planned once on a connection; that for neighbours is of one shelf.

Each statement checks for itself whether it is the right way, and answers None if not: then nothing is known, and the
general statement is to be asked. The choice and its measurement: docs/decisions/0025.
"""

from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import LiteralString

from psycopg import sql

from langchain_persistmem.postgres.filters import TRUE
from langchain_persistmem.postgres.queries.embedding_models import EmbeddingModel
from langchain_persistmem.postgres.queries.memories import vector_column
from langchain_persistmem.postgres.queries.rows import StoredItem, items_of, neighbours_of
from langchain_persistmem.postgres.queries.search_index import findings_of
from langchain_persistmem.postgres.statements import Query, part, statement
from langchain_persistmem.postgres.transaction import Transaction
from langchain_persistmem.postgres.vector_index.hnsw_indexes import SHELVES, graphs_of, has_graphs
from langchain_persistmem.types.namespace import Namespace
from langchain_persistmem.types.recalled import SearchResult
from langchain_persistmem.types.records import Memory

SHORTLISTS = (128, 256, 512, 1000)
"""How many vectors are looked for: a few lengths only, as they stand in the statement, and each is planned for itself."""
FOR_EACH = 2
"""Vectors looked for at least, for each memory that is asked for."""
FAVOURED = 60
"""Items at least that share most with the question's words and are looked up for their meaning."""
EFFORT = 128
"""pgvector's ``hnsw.ef_search``, or as much as is looked for; and one more for each 300 memories of the namespace."""
SAMPLE = 512
"""Vectors that show what is usual in the namespace; `vectors_sample` has an eighth of what is on a shelf."""
FURTHER = "relaxed_order"
"""pgvector's ``hnsw.iterative_scan``: past the vectors of others, and those that are hidden, the walk goes on."""
FRESH = 3_000
"""Vectors that are on no shelf yet, up to which the graph is worth while."""
FRESH_WIDE = 1_000
"""The same for vectors that are too wide for the covering index: each is half a page of the table."""
NEIGHBOURS = (32, *SHORTLISTS)
"""The shortlists of neighbours, of which there are several in one statement."""
THOROUGH = 256
"""The effort for neighbours: what is not found is not known, and stands beside what contradicts it."""
COMMON = 0.1
"""The share of the wanted kinds, down to which the walk finds enough of them sooner than all are compared."""


def reaches(model: EmbeddingModel, count: int) -> bool:
    """Whether so many memories can be looked for along a graph of the model's vectors."""
    return has_graphs(model) and FOR_EACH * count <= SHORTLISTS[-1]


async def search_graph(
    tx: Transaction,
    namespace: Namespace,
    parameters: Mapping[str, object],
    *,
    model: EmbeddingModel,
    end: int,
) -> list[tuple[StoredItem, float]] | None:
    """Current items of ``namespace``, below which there is none, with the cosine of their best vector, best first.

    Args:
        parameters: those of the general statement.
        end: the number of items up to the end of the page.

    Returns:
        None where this is not the way: the namespace has no shelf, or others below it, or too much of it is on no shelf yet,
        or the items found are too few.
    """
    shortlist = _shortlist(end, SHORTLISTS)
    parameters = {**parameters, **_walk(model, max(EFFORT, shortlist))}
    rows = await tx.fetch(_statement("search_graph", model, shortlist), parameters)
    return None if rows[0]["other"] else items_of(rows, namespace)


async def search_graph_hybrid(
    tx: Transaction,
    namespace: Namespace,
    parameters: Mapping[str, object],
    *,
    model: EmbeddingModel,
    end: int,
) -> list[tuple[StoredItem, float]] | None:
    """The same by meaning and by words, with scores from 0 to 1."""
    shortlist = _shortlist(end, SHORTLISTS)
    parameters = {
        **parameters,
        **_walk(model, max(EFFORT, shortlist)),
        "favoured": max(FAVOURED, FOR_EACH * end),
        "sample": SAMPLE,
    }
    rows = await tx.fetch(_statement("search_graph_hybrid", model, shortlist), parameters)
    return None if rows[0]["other"] else items_of(rows, namespace)


async def recall_graph(
    tx: Transaction,
    namespace: Namespace,
    parameters: Mapping[str, object],
    *,
    model: EmbeddingModel,
    candidates: int,
) -> SearchResult | None:
    """What :func:`~langchain_persistmem.postgres.queries.recall.recall` returns, without a condition.

    Args:
        parameters: those of the general statement.
        candidates: by meaning, and as many by words.

    Returns:
        None where this is not the way, as of :func:`search_graph`.
    """
    shortlist = _shortlist(candidates, SHORTLISTS)
    parameters = {**parameters, **_walk(model, max(EFFORT, shortlist)), "reach": candidates, "sample": SAMPLE}
    rows = await tx.fetch(_statement("recall_graph", model, shortlist), parameters)
    return None if rows[0]["other"] else findings_of(rows, namespace)


async def neighbours_graph(
    tx: Transaction, shelf: int, parameters: Mapping[str, object], *, model: EmbeddingModel, count: int, limit: int
) -> list[list[tuple[Memory, float]]] | None:
    """What :func:`~langchain_persistmem.postgres.queries.changes.neighbours` returns.

    Args:
        parameters: those of the general statement.
        count: of the vectors whose neighbours are looked for.
        limit: neighbours of each.

    Returns:
        None where this is not the way, as of :func:`search_graph`, or the namespace is on another shelf, or few memories
        are of these kinds.
    """
    shortlist = _shortlist(limit, NEIGHBOURS)
    parameters = {**parameters, **_walk(model, max(THOROUGH, shortlist)), "sample": SAMPLE // 4, "share": COMMON}
    slots = {"embedding": vector_column(model), **_shelf(model, shelf, shortlist)}
    found = neighbours_of(await tx.fetch(statement("neighbours_graph", **slots), parameters), count)
    return found if all(len(each) == limit for each in found) else None


def _shortlist(count: int, lengths: Sequence[int]) -> int:
    return next((length for length in lengths if length >= FOR_EACH * count), lengths[-1])


def _walk(model: EmbeddingModel, effort: int) -> dict[str, object]:
    return {
        "effort": effort,
        "further": FURTHER,
        "graphs": graphs_of(model.model),
        "most": FRESH if model.covered else FRESH_WIDE,
    }


@lru_cache(64)
def _statement(name: LiteralString, model: EmbeddingModel, shortlist: int) -> Query:
    """Of all shelves, of which it walks that of the namespace."""
    walks = sql.SQL(" UNION ALL ").join(
        part("graph_walk", **_shelf(model, shelf, shortlist)) for shelf in range(SHELVES)
    )
    return statement(name, embedding=vector_column(model), walks=walks, words_condition=TRUE)


def _shelf(model: EmbeddingModel, shelf: int, shortlist: int) -> dict[str, sql.Composable]:
    """What stands in the text as it does in the graph's definition, or else the planner would not see which it is."""
    column, dimensions = vector_column(model), sql.Literal(model.dimensions)
    return {
        "vector": sql.SQL("(v.{}::halfvec({}))").format(column, dimensions),
        "on_shelf": sql.SQL("nullif(v.active AND v.model = {} AND v.shelf = {}, false) IS NOT NULL").format(
            sql.Literal(model.model), sql.Literal(shelf)
        ),
        "shelf": sql.Literal(shelf),
        "shortlist": sql.Literal(shortlist),
    }
