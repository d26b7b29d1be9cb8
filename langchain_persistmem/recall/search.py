"""The search for memories that have to do with a question, and their ranking."""

from dataclasses import dataclass, replace

from langchain_persistmem.errors import InvalidInputError
from langchain_persistmem.language.query_terms import strip_names
from langchain_persistmem.postgres.filters import Condition, condition
from langchain_persistmem.postgres.queries import recall
from langchain_persistmem.postgres.queries.recall import SearchQuery
from langchain_persistmem.recall import query_expansion, ranking
from langchain_persistmem.recall.findings import join_layers, put_answers_first
from langchain_persistmem.runtime.backend import Backend
from langchain_persistmem.runtime.redact import redact_question
from langchain_persistmem.runtime.setup import ready
from langchain_persistmem.types import validation
from langchain_persistmem.types.namespace import Namespace, encode
from langchain_persistmem.types.recall_results import EXPANDS, Question, RankedCandidate, SearchResult
from langchain_persistmem.types.representation import represent

_LONGEST_QUERY = 20_000


@dataclass(frozen=True, kw_only=True, slots=True)
class Candidates:
    """All memories that a question brought up, before any is left out."""

    query: SearchQuery
    """The question itself, as the database was asked."""
    queries: tuple[str, ...]
    """The question itself and the further queries."""
    result: SearchResult
    """For the question itself."""
    ranked: list[RankedCandidate]
    """For all queries, best first."""


async def find_candidates(backend: Backend, namespace: Namespace, question: Question) -> Candidates:
    """Find and rank all candidates for a question.

    Raises:
        InvalidInputError: an argument is out of range; the message names it.
        EmbeddingError: the query has no vector.
    """
    question, wanted = _check(backend, namespace, question)  # before a model is paid for
    model, settings = await ready(backend), backend.settings
    texts = await query_expansion.expand_query(backend, question.query, question.expand)
    vectors = [await backend.embed_query(strip_names(question.query))]
    if len(texts) > 1:
        # As texts, which are embedded in one call; questions are embedded one by one.
        vectors += await backend.embed([strip_names(text) for text in texts[1:]])
    query = SearchQuery(
        question=question,
        namespace=namespace,
        embedding=vectors[0],
        model=model,
        language=settings.language,
        condition=wanted,
        candidates=max(settings.candidates, question.limit),
    )
    queries = [query]
    for text, vector in zip(texts[1:], vectors[1:], strict=True):
        # Instructions come with the question itself, once.
        further = replace(question, query=text, instructions=0)
        queries.append(replace(query, question=further, embedding=vector))
    async with backend.reading(namespace) as tx:
        if question.at is not None:
            results = [await recall.recall_at(tx, query) for query in queries]
        else:
            results = [await recall.recall(tx, query, plans=backend.search_plans) for query in queries]
    ranked = [
        ranking.rank(result, text, background=model.background, weights=settings.ranking, now=question.moment)
        for result, text in zip(results, texts, strict=True)
    ]
    joined = join_layers(
        ranked[0] if len(ranked) == 1 else query_expansion.merge(ranked),
        question.query,
        by_statement=not question.own_view,
    )
    return Candidates(
        query=query,
        queries=tuple(texts),
        result=results[0],
        ranked=put_answers_first(joined),
    )


def _check(backend: Backend, namespace: Namespace, question: Question) -> tuple[Question, Condition]:
    """The question, redacted as what is stored is, and its condition on memories.

    Raises:
        InvalidInputError: an argument is out of range; the message names it.
    """
    validation.check_text(question.query, "query", at_most=_LONGEST_QUERY)
    encode(namespace)
    if question.at is not None:
        validation.aware(question.at, "at")
    validation.aware(question.now, "now")
    if question.thread_id is not None:
        validation.name(question.thread_id, "thread_id")
    if question.expand is not None and question.expand not in EXPANDS:
        raise InvalidInputError(f"expand is {represent(question.expand)}; use 'rules', 'model' or None")
    question = redact_question(backend.settings.redaction, question)
    return question, condition(question.filter, question.kinds, turns=backend.settings.turns)
