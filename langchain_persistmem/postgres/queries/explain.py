"""Statements that say how an answer came about; they are asked only when somebody wants to know."""

from langchain_persistmem.postgres.queries.recall import SearchQuery, texts_out_of_index
from langchain_persistmem.postgres.queries.rows import candidates_of
from langchain_persistmem.postgres.statements import statement
from langchain_persistmem.postgres.transaction import Transaction
from langchain_persistmem.postgres.vector_index.exact_scan import vector_column
from langchain_persistmem.types.recall_results import RecallCandidate


async def query_terms(tx: Transaction, query: SearchQuery) -> dict[str, int]:
    """The terms of a query as they are looked up, the rarest first, each with the number of memories that have it."""
    rows = await tx.fetch(statement("query_terms"), query.parameters())
    return {row["word"]: row["memories"] for row in rows}


async def recall_left_out(tx: Transaction, query: SearchQuery, *, most: int) -> list[RecallCandidate]:
    """Memories that recall passes over, the nearest first: not current, not valid at the moment, or barred by the filter."""
    text = statement("recall_left_out", embedding=vector_column(query.model), condition=query.condition.text)
    parameters = {**query.parameters(), "most": most, "rows": await texts_out_of_index(tx, query, at=None)}
    rows = await tx.fetch_tuples(text, parameters)
    # No turn lends evidence to what is passed over.
    return list(candidates_of([row._replace(position=None) for row in rows]))
