"""Statements that find what recall ranks, along the HNSW index of a large namespace or among all vectors; or as of a moment."""

from dataclasses import dataclass
from datetime import datetime
from functools import partial

from psycopg import sql

from langchain_persistmem.language.calendar.time_expressions import find_periods
from langchain_persistmem.language.search_terms.query_terms import find_terms
from langchain_persistmem.language.text_search_configuration import choose_configuration
from langchain_persistmem.postgres.queries.embedding_models import EmbeddingModel
from langchain_persistmem.postgres.queries.search_index import findings_of, term_rows, to_halfvec
from langchain_persistmem.postgres.statements import statement
from langchain_persistmem.postgres.transaction import Transaction
from langchain_persistmem.postgres.value_filter import TRUE, Condition
from langchain_persistmem.postgres.vector_index import hnsw_search
from langchain_persistmem.postgres.vector_index.exact_scan import vector_column
from langchain_persistmem.postgres.vector_index.search_plan import OtherPlan, SearchPlans
from langchain_persistmem.types.namespace import Namespace, encode
from langchain_persistmem.types.recall_results import Question, SearchResult
from langchain_persistmem.types.records import Vector


@dataclass(frozen=True, kw_only=True, slots=True)
class SearchQuery:
    """One query of a question, as the statements take it; a question that is expanded has several."""

    question: Question
    """After redaction; of a further query, with its words."""
    namespace: Namespace
    embedded_text: str
    """The text that was embedded: the query without the names that this memory has, or with "I" for a speaker's."""
    embedding: Vector
    model: EmbeddingModel
    """The model of the vectors, with what is usual for this query."""
    language: str
    """A text search configuration, or ``"auto"``."""
    condition: Condition
    candidates: int
    """Memories that are looked for by meaning, and as many by terms."""
    hits_with_next_turn: int
    """The best by terms, of which the next turn is a candidate too."""
    nearest_for_period: int
    """The nearest by meaning, among which those told in a period of the question are candidates."""
    both_forms: bool = False
    """Some namespaces have the terms of before still."""

    def parameters(self) -> dict[str, object]:
        """The parameters that the statements share."""
        question = self.question
        terms = find_terms(question.query, self.language, both_forms=self.both_forms)
        return {
            "namespace": encode(self.namespace),
            **terms.parameters(),
            "embedding": to_halfvec(self.embedding),
            "model": self.model.id,
            "language": choose_configuration(self.language, question.query),
            "now": question.now,
            "at": question.at,
            "thread_id": question.thread_id,
            "own_view": question.own_view,
            **self.condition.parameters,
        }


async def recall(tx: Transaction, query: SearchQuery, *, plans: SearchPlans) -> SearchResult:
    """The candidates for ``query``, with both signals and the statistics of the namespace; nearly always in one statement."""
    where, model = encode(query.namespace), query.model
    unconditional = query.condition.text is TRUE
    is_indexed = unconditional and hnsw_search.is_reachable(model, query.candidates)
    # A condition stands three times in the statement, and is looked up once.
    slots: dict[str, sql.Composable] = {
        "embedding": vector_column(model),
        "chosen": query.condition.once(),
        "vectors_condition": query.condition.among("v"),
        "terms_condition": query.condition.among("w"),
    }
    # Read here and not in the statement: what is told in these times is a candidate however far it is.
    periods = find_periods(query.question.query, now=query.question.moment)
    parameters = {
        **query.parameters(),
        "candidates": query.candidates,
        "hits_with_next_turn": query.hits_with_next_turn,
        "nearest_for_period": query.nearest_for_period,
        "instructions": query.question.instructions,
        "period_starts": [period.start for period in periods],
        "period_ends": [period.end for period in periods],
    }
    text = statement("recall", **slots)

    async def exact(*, look_for_hnsw: bool) -> SearchResult | OtherPlan:
        rows = await tx.fetch_tuples(text, {**parameters, "look_for_hnsw": look_for_hnsw})
        return OtherPlan("hnsw") if rows and rows[0].other else findings_of(rows)

    hnsw = partial(hnsw_search.recall, tx, query.namespace, parameters, model=model, candidates=query.candidates)
    return await plans.search(where, exact=exact, hnsw=hnsw if is_indexed else None)


async def recall_at(tx: Transaction, query: SearchQuery) -> SearchResult:
    """The memories that were valid at the question's moment, with both signals for ``query``."""
    text = statement("recall_at", embedding=vector_column(query.model), condition=query.condition.text)
    past = await texts_out_of_index(tx, query, at=query.question.at)
    return findings_of(await tx.fetch_tuples(text, {**query.parameters(), "rows": past}))


async def texts_out_of_index(tx: Transaction, query: SearchQuery, *, at: datetime | None) -> str:
    """The texts of memories that are not current, and so have no terms, as the part ``parsed_rows`` takes them."""
    parameters = {"namespace": encode(query.namespace), "at": at}
    rows = await tx.fetch(statement("texts_out_of_index"), parameters)
    return term_rows({row["id"]: (row["text"], row["speaker"]) for row in rows}, language=query.language)
