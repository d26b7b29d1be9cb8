"""Finding what is relevant, and making a context of it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Literal

from langchain_persistmem import values
from langchain_persistmem.backend import Backend
from langchain_persistmem.cjk import pairs
from langchain_persistmem.engine import asking, expansion, ranking
from langchain_persistmem.engine.context import FORMS, Form, TokenCounter, Window, render, withheld
from langchain_persistmem.engine.expansion import EXPANDS, Expand
from langchain_persistmem.engine.explaining import Considered, explanation, of_context
from langchain_persistmem.engine.profile import KEY, joined, stored_document
from langchain_persistmem.engine.redaction import asked_with
from langchain_persistmem.engine.words import without_names
from langchain_persistmem.errors import InvalidInput
from langchain_persistmem.namespace import Namespace, encode
from langchain_persistmem.postgres import consent as allowing
from langchain_persistmem.postgres import memories, search_index
from langchain_persistmem.postgres.embedding_models import EmbeddingModel
from langchain_persistmem.postgres.filters import Condition, condition
from langchain_persistmem.postgres.transaction import Transaction
from langchain_persistmem.readiness import ready
from langchain_persistmem.recording import note_read
from langchain_persistmem.types import Context, Explanation, Findings, Kind, Recollection, Turn, Vector

Check = Literal["threshold", "model"]
"""Who says what is relevant: the threshold, or one call of the chat model about all that was found."""

_LONGEST_QUERY = 20_000
_MOST_PROFILE = 20
"""Preferences and goals that a profile takes from memories, the most important first."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Shape:
    """What a context is to look like, and what of the conversation is before the model already."""

    max_tokens: int | None
    count_tokens: TokenCounter
    form: Form
    profile: bool | None
    """Whether memories add to the profile; None leaves the profile out."""
    check: Check
    shown: Sequence[str]
    """Marks of memories that were shown in this conversation before."""
    thread_id: str | None
    window: Sequence[Turn] | None
    """The messages before the model; None: all of the thread."""
    explain: bool = False
    """Whether to say how the context came about."""


async def recall(
    backend: Backend,
    namespace: Namespace,
    query: str,
    *,
    limit: int,
    kinds: Sequence[Kind] | None,
    filter: Mapping[str, Any] | None,
    threshold: float | None,
    at: datetime | None,
    now: datetime,
    expand: Expand | None = None,
    thread_id: str | None = None,
) -> list[Recollection]:
    """The most relevant memories, best first; fewer than ``limit``, or none, where nothing is relevant.

    Args:
        at: ask for what was true at that moment, instead of what is.
        expand: ask further questions beside this one.
        thread_id: the conversation that it is for: nothing is recalled into one that is off the record.

    Raises:
        InvalidInput: an argument is out of range; the message names it.
        EmbeddingFailed: the query has no vector.
    """
    values.count(limit, "limit", at_least=1, at_most=1000)
    if thread_id is not None:
        values.name(thread_id, "thread_id")
    _, ranked = await considered(
        backend,
        namespace,
        query,
        limit=limit,
        kinds=kinds,
        filter=filter,
        instructions=0,
        at=at,
        now=now,
        expand=expand,
        thread_id=thread_id,
    )
    gate, floor = _gates(backend, threshold)
    found = ranking.select(ranked, limit=limit, threshold=gate, floor=floor)
    await note_read(backend, namespace, "recalled", [each.memory.id for each in found])
    return found


async def explain(
    backend: Backend,
    namespace: Namespace,
    query: str,
    *,
    limit: int,
    kinds: Sequence[Kind] | None,
    filter: Mapping[str, Any] | None,
    threshold: float | None,
    at: datetime | None,
    now: datetime,
    expand: Expand | None = None,
    thread_id: str | None = None,
) -> Explanation:
    """What :func:`recall` returns for the same arguments, what it does not, and how that came about.

    Raises:
        InvalidInput: an argument is out of range; the message names it.
        EmbeddingFailed: the query has no vector.
    """
    values.count(limit, "limit", at_least=1, at_most=1000)
    if thread_id is not None:
        values.name(thread_id, "thread_id")
    gate, floor = _gates(backend, threshold)
    found = await _consider(
        backend,
        namespace,
        query,
        limit=limit,
        kinds=kinds,
        filter=filter,
        instructions=0,
        at=at,
        now=now,
        expand=expand,
        thread_id=thread_id,
    )
    explained = await explanation(backend, namespace, found, limit=limit, threshold=gate, floor=floor)
    await note_read(backend, namespace, "recalled", [each.memory.id for each in explained.recollections])
    return explained


def _gates(backend: Backend, threshold: float | None) -> tuple[float, float]:
    """The threshold and the floor."""
    settings = backend.settings
    gate = settings.threshold if threshold is None else values.share(threshold, "threshold")
    return gate, min(settings.floor, gate)


async def context(
    backend: Backend,
    namespace: Namespace,
    query: str,
    shape: Shape,
    *,
    kinds: Sequence[Kind] | None,
    filter: Mapping[str, Any] | None,
    expand: Expand | None,
    now: datetime,
) -> Context:
    """What the model should know for ``query``: the instructions, and the relevant memories, within a budget.

    Raises:
        InvalidInput: an argument is out of range; the message names it.
        EmbeddingFailed: the query has no vector.
    """
    settings = backend.settings
    budget = _check_shape(shape, settings.context_tokens)
    kinds = None if kinds is None else values.listed(kinds, "kinds")
    instructions = settings.instructions if kinds is None or "procedural" in kinds else 0
    limit = settings.context_memories
    found = await _consider(
        backend,
        namespace,
        query,
        limit=limit,
        kinds=kinds,
        filter=filter,
        instructions=instructions,
        at=None,
        expand=expand,
        now=now,
        thread_id=shape.thread_id,
    )
    ranked = found.ranked
    document = None if shape.profile is None else await _profile(backend, namespace, shape, now=now)
    always = {each.memory.key for each in found.findings.found if each.always}
    standing = [each for each in ranked if each.memory.key in always]
    window = None if shape.window is None else Window(shape.window, shape.thread_id)
    fresh = [each for each in ranked if each.memory.key not in always and _is_fresh(each, shape, window)]
    relevant = ranking.select(fresh, limit=limit, threshold=settings.threshold, floor=settings.floor)
    if shape.check == "model":
        every = ranking.select(fresh, limit=limit, threshold=0.0, floor=settings.floor)
        relevant = await asking.checked(backend, query, every, otherwise=relevant)
    made = render(
        [*standing, *relevant],
        max_tokens=budget,
        count_tokens=shape.count_tokens,
        form=shape.form,
        profile=document,
    )
    await note_read(backend, namespace, "shown", [each.memory.id for each in made.recollections])
    if not shape.explain:
        return made
    explained = await explanation(
        backend,
        namespace,
        replace(found, ranked=fresh),
        limit=limit,
        threshold=settings.threshold,
        floor=settings.floor,
    )
    return replace(made, explanation=of_context(explained, made, [*standing, *relevant], ranked))


async def considered(
    backend: Backend,
    namespace: Namespace,
    query: str,
    *,
    limit: int,
    kinds: Sequence[Kind] | None,
    filter: Mapping[str, Any] | None,
    instructions: int,
    now: datetime,
    at: datetime | None = None,
    expand: Expand | None = None,
    thread_id: str | None = None,
    own_view: bool = False,
) -> tuple[Findings, list[Recollection]]:
    """All candidates, ranked, before anything is left out; and what the database found for the query itself.

    Raises:
        InvalidInput: an argument is out of range; the message names it.
        EmbeddingFailed: the query has no vector.
    """
    found = await _consider(
        backend,
        namespace,
        query,
        limit=limit,
        kinds=kinds,
        filter=filter,
        instructions=instructions,
        at=at,
        now=now,
        expand=expand,
        thread_id=thread_id,
        own_view=own_view,
    )
    return found.findings, found.ranked


async def _consider(
    backend: Backend,
    namespace: Namespace,
    query: str,
    *,
    limit: int,
    kinds: Sequence[Kind] | None,
    filter: Mapping[str, Any] | None,
    instructions: int,
    now: datetime,
    at: datetime | None,
    expand: Expand | None,
    thread_id: str | None = None,
    own_view: bool = False,
) -> Considered:
    values.required_text(query, "query", at_most=_LONGEST_QUERY)
    encode(namespace)
    if at is not None:
        values.aware(at, "at")
    values.aware(now, "now")
    if expand is not None and expand not in EXPANDS:
        raise InvalidInput(f"expand is {expand!r:.40}; use 'rules', 'model' or None")
    query, filter = asked_with(backend.settings.redaction, query, filter)
    wanted = condition(filter, kinds)  # refuse a bad filter before the model is paid for
    model = await ready(backend)
    weights = backend.settings.ranking
    asked = await asking.expanded(backend, query, expand)
    embedded = [await backend.embed_query(without_names(query))]
    embedded += await backend.embed([without_names(each) for each in asked[1:]]) if asked[1:] else []
    every: list[Findings] = []
    async with backend.transaction(namespace, atomic=False) as tx:
        for place, (each, embedding) in enumerate(zip(asked, embedded, strict=True)):
            most = max(backend.settings.candidates, limit)
            search = _Search(each, embedding, model, wanted, most, at, now, thread_id, own_view)
            every.append(await _find(tx, backend, namespace, search, instructions=0 if place else instructions))
    background = (model.background_mean, model.background_deviation)
    ranked = [
        ranking.rank(findings, each, background=background, weights=weights, now=at or now)
        for findings, each in zip(every, asked, strict=True)
    ]
    return Considered(
        queries=tuple(asked),
        embedding=embedded[0],
        model=model,
        wanted=wanted,
        findings=every[0],
        ranked=ranked[0] if len(ranked) == 1 else expansion.merge(ranked),
        at=at,
        now=now,
    )


@dataclass(frozen=True, slots=True)
class _Search:
    query: str
    embedding: Vector
    model: EmbeddingModel
    wanted: Condition
    candidates: int
    at: datetime | None
    now: datetime
    thread_id: str | None
    own_view: bool
    """The person looks at their own memory, which they may whatever they allow."""


async def _find(
    tx: Transaction, backend: Backend, namespace: Namespace, search: _Search, *, instructions: int
) -> Findings:
    """One statement."""
    if search.at is not None:
        return await search_index.recall_at(
            tx,
            namespace,
            at=search.at,
            query=search.query,
            embedding=search.embedding,
            model=search.model,
            language=backend.settings.language,
            wanted=search.wanted,
            now=search.now,
            thread_id=search.thread_id,
            own_view=search.own_view,
        )
    return await search_index.recall(
        tx,
        namespace,
        query=search.query,
        words=pairs(search.query),
        embedding=search.embedding,
        model=search.model,
        language=backend.settings.language,
        wanted=search.wanted,
        candidates=search.candidates,
        instructions=instructions,
        now=search.now,
        thread_id=search.thread_id,
        own_view=search.own_view,
    )


async def _profile(backend: Backend, namespace: Namespace, shape: Shape, *, now: datetime) -> dict[str, Any]:
    """The document and, if it is to be joined, name, preferences and goals of memories; instructions stand apart."""
    join = bool(shape.profile)
    async with backend.transaction(namespace, atomic=False) as tx:
        if not await allowing.may_recall(tx, namespace, shape.thread_id):
            return {}
        found = await memories.get_memories(tx, namespace, [KEY], now=now)
        said = await memories.profile_memories(tx, namespace, limit=_MOST_PROFILE, now=now) if join else []
    document = stored_document(found)
    return joined(document, [each for each in said if each.kind != "procedural"])


def _is_fresh(recollection: Recollection, shape: Shape, window: Window | None) -> bool:
    """Whether the model does not have it before it yet, and may have it."""
    memory = recollection.memory
    if memory.mark in shape.shown or withheld(memory):
        return False
    if window is None:
        return shape.thread_id is None or memory.provenance.thread_id != shape.thread_id
    return not window.says(memory)


def _check_shape(shape: Shape, usual: int) -> int:
    """The budget.

    Raises:
        InvalidInput: an option cannot be; the message names it.
    """
    if shape.form not in FORMS:
        raise InvalidInput(f"form is {shape.form!r:.40}; use one of {', '.join(FORMS)}")
    if shape.check not in ("threshold", "model"):
        raise InvalidInput(f"check is {shape.check!r:.40}; use 'threshold' or 'model'")
    if shape.thread_id is not None:
        values.name(shape.thread_id, "thread_id")
    return usual if shape.max_tokens is None else values.count(shape.max_tokens, "max_tokens", at_least=1)
