"""Finding what is relevant, and making a context of it."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from langchain_persistmem import values
from langchain_persistmem.backend import Backend
from langchain_persistmem.cjk import pairs
from langchain_persistmem.engine import ranking
from langchain_persistmem.engine.context import TokenCounter, render
from langchain_persistmem.engine.words import without_names
from langchain_persistmem.namespace import Namespace, encode
from langchain_persistmem.postgres import search_index
from langchain_persistmem.postgres.filters import condition
from langchain_persistmem.readiness import ready
from langchain_persistmem.types import Context, Findings, Kind, Recollection

_LONGEST_QUERY = 20_000


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
) -> list[Recollection]:
    """The most relevant memories, best first; fewer than ``limit``, or none, where nothing is relevant.

    Args:
        at: ask for what was true at that moment, instead of what is.

    Raises:
        InvalidInput: an argument is out of range; the message names it.
        EmbeddingFailed: the query has no vector.
    """
    values.count(limit, "limit", at_least=1, at_most=1000)
    _, ranked = await considered(
        backend, namespace, query, limit=limit, kinds=kinds, filter=filter, instructions=0, at=at, now=now
    )
    settings = backend.settings
    gate = settings.threshold if threshold is None else values.share(threshold, "threshold")
    return ranking.select(ranked, limit=limit, threshold=gate, floor=min(settings.floor, gate))


async def context(
    backend: Backend,
    namespace: Namespace,
    query: str,
    *,
    max_tokens: int | None,
    count_tokens: TokenCounter,
    kinds: Sequence[Kind] | None,
    filter: Mapping[str, Any] | None,
    now: datetime,
) -> Context:
    """What the model should know for ``query``: the instructions, and the relevant memories, within a budget.

    Raises:
        InvalidInput: an argument is out of range; the message names it.
        EmbeddingFailed: the query has no vector.
    """
    settings = backend.settings
    budget = settings.context_tokens if max_tokens is None else values.count(max_tokens, "max_tokens", at_least=1)
    wants_instructions = kinds is None or "procedural" in kinds
    findings, ranked = await considered(
        backend,
        namespace,
        query,
        limit=settings.context_memories,
        kinds=kinds,
        filter=filter,
        instructions=settings.instructions if wants_instructions else 0,
        now=now,
    )
    always = {each.memory.key for each in findings.found if each.always}
    instructions = [each for each in ranked if each.memory.key in always]
    relevant = ranking.select(
        [each for each in ranked if each.memory.key not in always],
        limit=settings.context_memories,
        threshold=settings.threshold,
        floor=settings.floor,
    )
    return render([*instructions, *relevant], max_tokens=budget, count_tokens=count_tokens)


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
) -> tuple[Findings, list[Recollection]]:
    """All candidates, ranked, before anything is left out; and what the database found of them.

    Raises:
        InvalidInput: an argument is out of range; the message names it.
        EmbeddingFailed: the query has no vector.
    """
    values.required_text(query, "query", at_most=_LONGEST_QUERY)
    encode(namespace)
    if at is not None:
        values.aware(at, "at")
    wanted = condition(filter, kinds)  # refuse a bad filter before the model is paid for
    model = await ready(backend)
    settings = backend.settings
    embedding = await backend.embed_query(without_names(query))
    async with backend.transaction(atomic=False) as tx:
        if at is not None:
            findings = await search_index.recall_at(
                tx,
                namespace,
                at=at,
                query=query,
                embedding=embedding,
                model=model,
                language=settings.language,
                wanted=wanted,
                now=now,
            )
        else:
            findings = await search_index.recall(
                tx,
                namespace,
                query=query,
                words=pairs(query),
                embedding=embedding,
                model=model,
                language=settings.language,
                wanted=wanted,
                candidates=max(settings.candidates, limit),
                instructions=instructions,
                now=now,
            )
    background = (model.background_mean, model.background_deviation)
    return findings, ranking.rank(findings, query, background=background, weights=settings.ranking, now=at or now)
