"""The search for memories that have to do with a question, and their ranking."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from langchain_persistmem.errors import InvalidInputError
from langchain_persistmem.language.aliases import is_spelling_of
from langchain_persistmem.language.search_terms.accents_and_case import fold
from langchain_persistmem.language.search_terms.query_terms import find_names, strip_names
from langchain_persistmem.postgres.queries import recall
from langchain_persistmem.postgres.queries.embedding_models import EmbeddingModel
from langchain_persistmem.postgres.queries.recall import SearchQuery
from langchain_persistmem.postgres.transaction import Transaction
from langchain_persistmem.postgres.value_filter import Condition, condition
from langchain_persistmem.recall import query_expansion
from langchain_persistmem.recall.evidence import put_answers_first, rank
from langchain_persistmem.recall.statements_with_turns import join_layers
from langchain_persistmem.recall.unread_questions import embed_questions
from langchain_persistmem.runtime.backend import Backend
from langchain_persistmem.runtime.record_redaction import redact_question
from langchain_persistmem.runtime.setup import ready
from langchain_persistmem.types import moments, validation
from langchain_persistmem.types.namespace import Namespace, encode
from langchain_persistmem.types.recall_results import EXPANDS, Question, RankedCandidate, SearchResult
from langchain_persistmem.types.records import Vector
from langchain_persistmem.types.representation import represent

_LONGEST_QUERY = 20_000
_HITS_WITH_NEXT_TURN = 10
"""So many of the best by words have the turn after them looked up as a candidate too: an answer has few words of its question."""
_NEAREST_FOR_PERIOD = 500
"""Among so many of the nearest by meaning what was told in a time that the question speaks of is a candidate."""
_MOST_NAMESPACES = 10_000
"""Namespaces of which it is remembered that named speakers speak in them."""


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


async def find_candidates(
    backend: Backend,
    namespace: Namespace,
    question: Question,
    *,
    beside: Callable[[Transaction], object] | None = None,
) -> Candidates:
    """Find and rank all candidates for a question.

    Args:
        beside: gives the transaction further statements, whose answers come with the first search.

    Raises:
        InvalidInputError: an argument is out of range; the message names it.
        EmbeddingError: the query has no vector.
    """
    question, wanted = _check(backend, namespace, question)  # before a model is paid for
    model, settings = await ready(backend), backend.settings
    texts = await query_expansion.expand_query(backend, question.query, question.expand)
    # Who speaks is known after the search. As it was in the last one it nearly always is.
    speakers = None if namespace in backend.with_speakers else ()
    nameless_texts = [strip_names(text, speakers=speakers) for text in texts]
    vectors = await _embed(backend, nameless_texts, model)
    # Instructions come with the question itself, once.
    questions = [question, *(replace(question, query=text, instructions=0) for text in texts[1:])]
    queries = [
        SearchQuery(
            question=variant,
            namespace=namespace,
            embedded_text=text,
            embedding=vector,
            model=usual,
            language=settings.language,
            condition=wanted,
            candidates=max(settings.candidates, question.limit),
            hits_with_next_turn=_HITS_WITH_NEXT_TURN,
            nearest_for_period=_NEAREST_FOR_PERIOD,
            both_forms=backend.may_have_rewrites,
        )
        for variant, text, (vector, usual) in zip(questions, nameless_texts, vectors, strict=True)
    ]
    results = [
        _with_spellings(result, text)
        for result, text in zip(await _ask(backend, namespace, queries, beside), texts, strict=True)
    ]
    _note_speakers(backend, namespace, results[0])
    repeats = await _put_names_right(backend, queries, results, model)
    if repeats:
        for index, result in zip(repeats, await _ask(backend, namespace, list(repeats.values())), strict=True):
            queries[index], results[index] = repeats[index], result
    results = [
        replace(result, is_read=query.model.background == model.background)
        for query, result in zip(queries, results, strict=True)
    ]
    ranked = [
        rank(result, text, background=query.model.background, weights=settings.ranking, now=question.moment)
        for query, result, text in zip(queries, results, texts, strict=True)
    ]
    findings = join_layers(
        ranked[0] if len(ranked) == 1 else query_expansion.merge(ranked),
        question.query,
        by_statement=not question.own_view,
        most=question.limit,
    )
    return Candidates(
        query=queries[0],
        queries=tuple(texts),
        result=results[0],
        ranked=await backend.rerank(question.query, put_answers_first(findings)),
    )


async def _embed(backend: Backend, texts: Sequence[str], model: EmbeddingModel) -> list[tuple[Vector, EmbeddingModel]]:
    """The vectors of a question and its further queries, each with what is usual under the model for it."""
    vectors = await embed_questions(backend, texts[:1], model)
    if len(texts) > 1:
        # As texts, which are embedded in one call; questions are embedded one by one.
        vectors += [(vector, vectors[0][1]) for vector in await backend.embed(texts[1:])]
    return vectors


async def _ask(
    backend: Backend,
    namespace: Namespace,
    queries: Sequence[SearchQuery],
    beside: Callable[[Transaction], object] | None = None,
) -> list[SearchResult]:
    async with backend.reading(namespace) as tx:
        if beside is not None:
            beside(tx)
        if queries[0].question.at is not None:
            return [await recall.recall_at(tx, query) for query in queries]
        return [await recall.recall(tx, query, plans=backend.search_plans) for query in queries]


def _with_spellings(result: SearchResult, query: str) -> SearchResult:
    """The result with the names of the question that are a speaker's in another spelling: whoever they name is known."""
    names = _names_of_speakers(result, query)
    if names <= result.existing_terms:
        return result
    return replace(result, existing_terms=result.existing_terms | names)


def _names_of_speakers(result: SearchResult, query: str) -> frozenset[str]:
    """The names of the question that are those of speakers, in whatever spelling; folded."""
    names = frozenset(map(fold, find_names(query)))
    speakers = {candidate.speaker for candidate in result.candidates if candidate.speaker} if names else ()
    return frozenset(
        name for name in names for speaker in speakers if name in fold(speaker).split() or is_spelling_of(name, speaker)
    )


def _note_speakers(backend: Backend, namespace: Namespace, result: SearchResult) -> None:
    """Remember whether named speakers speak here, for the next question."""
    if not any(candidate.speaker for candidate in result.candidates):
        backend.with_speakers.pop(namespace, None)
        return
    backend.with_speakers[namespace] = None
    while len(backend.with_speakers) > _MOST_NAMESPACES:
        backend.with_speakers.popitem(last=False)


async def _put_names_right(
    backend: Backend, queries: Sequence[SearchQuery], results: Sequence[SearchResult], model: EmbeddingModel
) -> dict[int, SearchQuery]:
    """The queries, by index, with names that this memory does not have, or with speakers taken for others or others for speakers: as they
    are to be asked again.

    Only the search tells whose names they are, and nearly always it is as was assumed. To embed every question with a name
    twice beforehand would cost more than to ask some of them again.
    """
    changes: dict[int, SearchQuery] = {}
    for index, (query, result) in enumerate(zip(queries, results, strict=True)):
        names = _names_of_speakers(result, query.question.query)
        text = strip_names(query.question.query, existing=result.existing_terms, speakers=names)
        if result.count and text != query.embedded_text:
            ((vector, usual),) = await embed_questions(backend, [text], model)
            changes[index] = replace(query, embedded_text=text, embedding=vector, model=usual)
    return changes


def _check(backend: Backend, namespace: Namespace, question: Question) -> tuple[Question, Condition]:
    """The question, redacted as what is stored is, and its condition on memories.

    Raises:
        InvalidInputError: an argument is out of range; the message names it.
    """
    validation.check_text(question.query, "query", at_most=_LONGEST_QUERY)
    encode(namespace)
    if question.at is not None:
        moments.aware(question.at, "at")
    moments.aware(question.now, "now")
    if question.thread_id is not None:
        validation.name(question.thread_id, "thread_id")
    if question.expand is not None and question.expand not in EXPANDS:
        raise InvalidInputError(f"expand is {represent(question.expand)}; use 'rules', 'model' or None")
    question = redact_question(backend.settings.redaction, question)
    return question, condition(question.filter, question.kinds, turns=backend.settings.turns)
