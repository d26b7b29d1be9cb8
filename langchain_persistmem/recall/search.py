"""Asking the database what has to do with a question, and weighing what it found."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from langchain_persistmem.errors import InvalidInputError
from langchain_persistmem.language.query_terms import irregular_forms, terms, without_names
from langchain_persistmem.postgres.filters import Condition, condition
from langchain_persistmem.postgres.queries import recall
from langchain_persistmem.postgres.queries.embedding_models import EmbeddingModel
from langchain_persistmem.postgres.transaction import Transaction
from langchain_persistmem.recall import query_expansion, ranking
from langchain_persistmem.recall.query_expansion import EXPANDS, Expand
from langchain_persistmem.runtime.backend import Backend
from langchain_persistmem.runtime.redact import asked_with
from langchain_persistmem.runtime.setup import ready
from langchain_persistmem.types import validation
from langchain_persistmem.types.namespace import Namespace, encode
from langchain_persistmem.types.recalled import RankedCandidate, SearchResult
from langchain_persistmem.types.records import Kind, Vector

_LONGEST_QUERY = 20_000


@dataclass(frozen=True, kw_only=True, slots=True)
class Question:
    """What is asked of memory, and within which bounds."""

    query: str
    limit: int
    kinds: Sequence[Kind] | None = None
    filter: Mapping[str, Any] | None = None
    at: datetime | None = None
    """Ask for what was true at that moment, instead of what is."""
    expand: Expand | None = None
    """Ask further questions beside this one."""
    thread_id: str | None = None
    """The conversation that it is for: nothing is recalled into one that is off the record."""
    now: datetime
    instructions: int = 0
    """So many instructions come with it, whatever is asked."""
    own_view: bool = False
    """The person looks at their own memory, which they may whatever they allow."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Considered:
    """What a question brought up, before anything is left out."""

    queries: tuple[str, ...]
    embedding: Vector
    model: EmbeddingModel
    wanted: Condition
    findings: SearchResult
    """For the question itself."""
    ranked: list[RankedCandidate]
    """For all queries."""
    at: datetime | None
    now: datetime


async def consider(backend: Backend, namespace: Namespace, question: Question) -> Considered:
    """All candidates, ranked, before anything is left out; and what the database found for the query itself.

    Raises:
        InvalidInputError: an argument is out of range; the message names it.
        EmbeddingError: the query has no vector.
    """
    query, wanted = _checked(backend, namespace, question)  # before a model is paid for
    model = await ready(backend)
    asked = await query_expansion.expanded(backend, query, question.expand)
    embedded = [await backend.embed_query(without_names(query))]
    embedded += await backend.embed([without_names(each) for each in asked[1:]]) if asked[1:] else []
    every: list[SearchResult] = []
    async with backend.transaction(namespace, atomic=False) as tx:
        for place, (each, vector) in enumerate(zip(asked, embedded, strict=True)):
            instructions = 0 if place else question.instructions
            search = _Search(each, vector, model, wanted, instructions)
            every.append(await _find(tx, backend, namespace, question, search))
    background = (model.background_mean, model.background_deviation)
    moment = question.at or question.now
    ranked = [
        ranking.rank(findings, each, background=background, weights=backend.settings.ranking, now=moment)
        for findings, each in zip(every, asked, strict=True)
    ]
    return Considered(
        queries=tuple(asked),
        embedding=embedded[0],
        model=model,
        wanted=wanted,
        findings=every[0],
        ranked=ranked[0] if len(ranked) == 1 else query_expansion.merge(ranked),
        at=question.at,
        now=question.now,
    )


def _checked(backend: Backend, namespace: Namespace, question: Question) -> tuple[str, Condition]:
    """The query and the condition as they are asked with.

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
        raise InvalidInputError(f"expand is {question.expand!r:.40}; use 'rules', 'model' or None")
    query, filter = asked_with(backend.settings.redaction, question.query, question.filter)
    return query, condition(filter, question.kinds)


@dataclass(frozen=True, slots=True)
class _Search:
    """One of the queries of a question."""

    query: str
    embedding: Vector
    model: EmbeddingModel
    wanted: Condition
    instructions: int


async def _find(
    tx: Transaction, backend: Backend, namespace: Namespace, question: Question, search: _Search
) -> SearchResult:
    """One statement."""
    if question.at is not None:
        return await recall.recall_at(
            tx,
            namespace,
            at=question.at,
            query=search.query,
            words=irregular_forms(search.query, backend.settings.language),
            embedding=search.embedding,
            model=search.model,
            language=backend.settings.language,
            wanted=search.wanted,
            now=question.now,
            thread_id=question.thread_id,
            own_view=question.own_view,
        )
    return await recall.recall(
        tx,
        namespace,
        query=search.query,
        words=terms(search.query, backend.settings.language),
        embedding=search.embedding,
        model=search.model,
        language=backend.settings.language,
        wanted=search.wanted,
        candidates=max(backend.settings.candidates, question.limit),
        instructions=search.instructions,
        now=question.now,
        arms=backend.arms,
        thread_id=question.thread_id,
        own_view=question.own_view,
    )
