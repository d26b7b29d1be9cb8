"""Statements that find what recall ranks: among all vectors, the likeliest of them, or along an HNSW index."""

from collections.abc import Sequence
from dataclasses import dataclass

from psycopg import sql

from langchain_persistmem.language.query_terms import irregular_forms, terms
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
from langchain_persistmem.types.recalled import Question, SearchResult
from langchain_persistmem.types.records import Vector


@dataclass(frozen=True, kw_only=True, slots=True)
class SearchQuery:
    """One query of a question, as the statements take it; a question that is expanded has several."""

    question: Question
    """After redaction; of a further query, with its words."""
    namespace: Namespace
    embedding: Vector
    model: EmbeddingModel
    language: str
    """A text search configuration, or ``"auto"``."""
    condition: Condition
    candidates: int
    """Memories that are looked for by meaning, and as many by terms."""

    def parameters(self, terms: Sequence[str]) -> dict[str, object]:
        """The parameters that the statements share, with the terms that PostgreSQL's parser does not find."""
        question = self.question
        return {
            "namespace": encode(self.namespace),
            "query": question.query,
            "words": list(terms),
            "embedding": stored(self.embedding),
            "model": self.model.model,
            "language": configuration(self.language, question.query),
            "now": question.now,
            "at": question.at,
            "thread_id": question.thread_id,
            "own_view": question.own_view,
            **self.condition.parameters,
        }


async def recall(tx: Transaction, query: SearchQuery, *, arms: Arms) -> SearchResult:
    """The candidates for ``query``, with both signals and the statistics of the namespace; one statement, if ``arms`` is right."""
    where, model = encode(query.namespace), query.model
    unconditional = query.condition.text is TRUE
    walks = unconditional and hnsw_search.reaches(model, query.candidates)
    slots: dict[str, sql.Composable] = {
        "embedding": vector_column(model),
        "vectors_condition": query.condition.among("v"),
        "words_condition": query.condition.among("w"),
    }
    parameters = {
        **query.parameters(terms(query.question.query, query.language)),
        "candidates": query.candidates,
        "instructions": query.question.instructions,
        "graph": walks,
        **shortlist(model, wanted=query.candidates, filtered=not unconditional),
    }
    arm = arms.of(where)
    # The short statement answers for most namespaces and says of the others which statement is right: a wrong guess costs
    # one round trip, and is remembered.
    if parameters["few"] == EVERY or arm == "few":
        rows = await tx.fetch(statement("recall_few", **slots), parameters)
        if not rows or not rows[0]["other"]:
            return findings_of(rows)
        arms.seen(where, large=rows[0]["large"], shelved=rows[0]["shelf"] is not None)
        arm = arms.of(where)
    if walks and arm == "graph":
        found = await hnsw_search.recall_graph(
            tx, query.namespace, parameters, model=model, candidates=query.candidates
        )
        if found is not None:
            return found
        arms.note(where, "many")
    return findings_of(await tx.fetch(statement("recall", **slots), parameters))


async def recall_at(tx: Transaction, query: SearchQuery) -> SearchResult:
    """The memories that were valid at the question's moment, with both signals for ``query``."""
    text = statement("recall_at", embedding=vector_column(query.model), condition=query.condition.text)
    # Texts are parsed anew here, without the pairs of characters that the index has: of the terms only irregular forms match.
    parameters = query.parameters(irregular_forms(query.question.query, query.language))
    return findings_of(await tx.fetch(text, parameters))
