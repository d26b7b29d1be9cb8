"""The memories that are relevant to a question, and a context made of them."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, tzinfo
from typing import Any, Literal

from langchain_persistmem.errors import InvalidInputError
from langchain_persistmem.learning.profile import KEY, join_statements, read_document
from langchain_persistmem.postgres.queries import consent as consent_queries
from langchain_persistmem.postgres.queries import memories
from langchain_persistmem.recall import query_expansion, ranking
from langchain_persistmem.recall.context import FORMS, Form, TokenCounter, Window, is_withheld, render
from langchain_persistmem.recall.explain import explanation, of_context
from langchain_persistmem.recall.search import find_candidates
from langchain_persistmem.runtime.audit_log import note_read
from langchain_persistmem.runtime.backend import Backend
from langchain_persistmem.types import validation
from langchain_persistmem.types.namespace import Namespace
from langchain_persistmem.types.recall_results import (
    Context,
    Explanation,
    Question,
    Reason,
    RecallCandidate,
    Recollection,
)
from langchain_persistmem.types.records import Turn
from langchain_persistmem.types.representation import represent

Check = Literal["threshold", "model"]
"""The judge of what is relevant: the threshold, or one call of the chat model about all that was found."""

_MOST_PROFILE = 20
"""Preferences and goals that a profile takes from memories, the most important first."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Shape:
    """The form of a context, and what of the conversation is before the model already."""

    max_tokens: int | None
    count_tokens: TokenCounter
    form: Form
    profile: bool | None
    """Memories add to the profile; None leaves the profile out."""
    check: Check
    exclude: Sequence[str]
    """Marks of memories that were shown in this conversation before."""
    thread_id: str | None
    window: Sequence[Turn] | None
    """The messages before the model; None: all of the thread."""
    explain: bool = False
    """The context comes with its explanation."""
    zone: tzinfo | None = None
    """The time zone of all dates in the text; None: the one in which each memory was told."""


async def recall(
    backend: Backend, namespace: Namespace, question: Question, *, threshold: float | None
) -> list[Recollection]:
    """The most relevant memories, best first; fewer than the limit, or none, where nothing is relevant.

    Raises:
        InvalidInputError: an argument is out of range; the message names it.
        EmbeddingError: the query has no vector.
    """
    validation.count(question.limit, "limit", at_least=1, at_most=1000)
    candidates = await find_candidates(backend, namespace, question)
    gate, min_score = _gates(backend, threshold)
    recollections = ranking.select(candidates.ranked, limit=question.limit, threshold=gate, min_score=min_score)
    await note_read(backend, namespace, "recalled", [recollection.memory.id for recollection in recollections])
    return recollections


async def explain(
    backend: Backend, namespace: Namespace, question: Question, *, threshold: float | None
) -> Explanation:
    """Explain what :func:`recall` returns for the same arguments, and what it does not.

    Raises:
        InvalidInputError: an argument is out of range; the message names it.
        EmbeddingError: the query has no vector.
    """
    validation.count(question.limit, "limit", at_least=1, at_most=1000)
    gate, min_score = _gates(backend, threshold)
    candidates = await find_candidates(backend, namespace, question)
    explained = await explanation(backend, candidates, threshold=gate, min_score=min_score)
    await note_read(
        backend, namespace, "recalled", [recollection.memory.id for recollection in explained.recollections]
    )
    return explained


def _gates(backend: Backend, threshold: float | None) -> tuple[float, float]:
    """The threshold and the min_score."""
    settings = backend.settings
    gate = settings.threshold if threshold is None else validation.share(threshold, "threshold")
    return gate, min(settings.min_score, gate)


async def context(backend: Backend, namespace: Namespace, question: Question, shape: Shape) -> Context:
    """Gather what the model should know: the instructions, and the relevant memories, within a budget.

    Raises:
        InvalidInputError: an argument is out of range; the message names it.
        EmbeddingError: the query has no vector.
    """
    settings = backend.settings
    budget = _check_shape(shape, settings.context_tokens)
    kinds = None if question.kinds is None else validation.check_list(question.kinds, "kinds")
    instructions = settings.instructions if kinds is None or "procedural" in kinds else 0
    candidates = await find_candidates(backend, namespace, replace(question, kinds=kinds, instructions=instructions))
    ranked = candidates.ranked
    document = None if shape.profile is None else await _profile(backend, namespace, shape, now=question.now)
    # Instructions hold whatever is asked, and so are neither measured against a threshold nor left out as shown before.
    always = {candidate.key for candidate in candidates.result.candidates if candidate.always}
    standing = [candidate.recollection() for candidate in ranked if candidate.candidate.key in always]
    window = None if shape.window is None else Window(shape.window, shape.thread_id)
    fresh = [
        candidate
        for candidate in ranked
        if candidate.candidate.key not in always and _is_fresh(candidate.candidate, shape, window)
    ]
    likely = ranking.select(fresh, limit=question.limit, threshold=settings.threshold, min_score=settings.min_score)
    relevant = ranking.select_outstanding(likely, share=settings.context_share)
    if shape.check == "model":
        # The model judges what no threshold has cut; only if it has no answer does the threshold's choice stand.
        uncut = ranking.select(fresh, limit=question.limit, threshold=0.0, min_score=settings.min_score)
        relevant = await query_expansion.check_relevance(backend, question.query, uncut, otherwise=relevant)
    rendered = render(
        [*standing, *relevant],
        max_tokens=budget,
        count_tokens=shape.count_tokens,
        form=shape.form,
        profile=document,
        zone=shape.zone,
    )
    await note_read(backend, namespace, "shown", [recollection.memory.id for recollection in rendered.recollections])
    if not shape.explain:
        return rendered
    explained = await explanation(
        backend, replace(candidates, ranked=fresh), threshold=settings.threshold, min_score=settings.min_score
    )
    dropped: Reason = "model" if shape.check == "model" else "share"
    weighed = [candidate.recollection() for candidate in ranked]
    chosen = [*standing, *relevant]
    return replace(rendered, explanation=of_context(explained, rendered, chosen, weighed, dropped=dropped))


async def _profile(backend: Backend, namespace: Namespace, shape: Shape, *, now: datetime) -> dict[str, Any]:
    """The document and, if it is to be joined, name, preferences and goals of memories; instructions stand apart."""
    join = bool(shape.profile)
    async with backend.transaction(namespace, atomic=False) as tx:
        if not await consent_queries.may_recall(tx, namespace, shape.thread_id):
            return {}
        by_key = await memories.get_memories(tx, namespace, [KEY], now=now)
        learned = await memories.profile_memories(tx, namespace, limit=_MOST_PROFILE, now=now) if join else []
    return join_statements(read_document(by_key), [memory for memory in learned if memory.kind != "procedural"])


def _is_fresh(found: RecallCandidate, shape: Shape, window: Window | None) -> bool:
    """Tell if the model does not have it before it yet, and may have it."""
    if (shape.exclude and found.fingerprint in shape.exclude) or is_withheld(found):
        return False
    if window is None:
        return shape.thread_id is None or found.thread_id != shape.thread_id
    return not window.says(found)


def _check_shape(shape: Shape, usual: int) -> int:
    """The budget.

    Raises:
        InvalidInputError: an option cannot be; the message names it.
    """
    if shape.form not in FORMS:
        raise InvalidInputError(f"form is {represent(shape.form)}; use one of {', '.join(FORMS)}")
    if shape.check not in ("threshold", "model"):
        raise InvalidInputError(f"check is {represent(shape.check)}; use 'threshold' or 'model'")
    if shape.thread_id is not None:
        validation.name(shape.thread_id, "thread_id")
    return usual if shape.max_tokens is None else validation.count(shape.max_tokens, "max_tokens", at_least=1)
