"""What LangGraph's store does, once for both colours: batches, and the sweep of what has expired."""

import logging
from collections.abc import Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass, field
from datetime import UTC, datetime
from uuid import UUID

from langgraph.store.base import GetOp, Item, ListNamespacesOp, Op, Result, SearchItem, SearchOp

from langchain_persistmem.errors import ConfigurationError, StorageError
from langchain_persistmem.language.query_terms import cut_pairs, find_terms
from langchain_persistmem.language.text_search import choose_configuration
from langchain_persistmem.postgres.queries import forget, item_search, memories, namespaces, search_index
from langchain_persistmem.postgres.queries.embedding_models import EmbeddingModel
from langchain_persistmem.postgres.queries.erasure_log import erasure_of, record_erasure
from langchain_persistmem.postgres.queries.generation import hold_living
from langchain_persistmem.postgres.queries.rows import StoredItem
from langchain_persistmem.postgres.transaction import Transaction
from langchain_persistmem.runtime import generation, hnsw_upkeep
from langchain_persistmem.runtime.audit_log import note_read, record
from langchain_persistmem.runtime.backend import Backend
from langchain_persistmem.runtime.setup import check_dimensions, migrated, ready
from langchain_persistmem.store.index import StoreIndex
from langchain_persistmem.store.ops import Plan, Put, fixed_prefix, namespaces_like, plan
from langchain_persistmem.types.namespace import EVERYWHERE, Namespace, Several, Within, encode
from langchain_persistmem.types.records import Memory, Vector

logger = logging.getLogger(__name__)

_ROWS = 500
"""Items in one statement: no batch is too long, and no statement grows without bound."""
_SWEPT = 1000
"""Expired items that a sweep looks for at a time."""


@dataclass(frozen=True, slots=True)
class _Answers:
    """The results of a batch's reads by place, and the items among them that live on because they were read."""

    results: dict[int, Result] = field(default_factory=dict[int, Result])
    refreshed: dict[Namespace, set[str]] = field(default_factory=dict[Namespace, set[str]])
    read: dict[Namespace, list[UUID]] = field(default_factory=dict[Namespace, list[UUID]])
    """What was read, for the audit."""

    def note(self, found: Memory | StoredItem | None, op: GetOp | SearchOp) -> None:
        if found is not None:
            self.read.setdefault(found.namespace, []).append(found.id)
        if found is not None and found.expires_at is not None and op.refresh_ttl:
            self.refreshed.setdefault(found.namespace, set()).add(found.key)


@dataclass(frozen=True, slots=True)
class _Sight:
    """What searches need: the model and the queries' vectors; without a model, none is needed."""

    index: StoreIndex
    model: EmbeddingModel | None
    vectors: Mapping[str, Vector]


async def batch(
    backend: Backend, ops: Sequence[Op], *, index: StoreIndex | None, now: datetime, seen: generation.Seen | None = None
) -> list[Result]:
    """Check everything, embed everything, read, write, and let live on what was read; see :class:`PersistMemStore`.

    Without an ``index`` nothing is embedded, and a query is not looked at.
    """
    paths = (index or StoreIndex()).fields
    settings = backend.settings
    todo = plan(
        ops,
        fields=paths,
        max_chars=settings.max_text_chars,
        queries=index is not None,
        redaction=settings.redaction,
    )
    if not ops:
        return []
    await migrated(backend)
    model = None if index is None else await _model(backend, index)
    sight = _Sight(index or StoreIndex(), model, await _embedded_queries(backend, todo) if model else {})
    texts, seen = todo.texts if model else [], {} if seen is None else seen
    if texts:
        await generation.see(backend, todo.writes, seen, now=now)
    vectors = dict(zip(texts, await backend.embed(texts), strict=True)) if texts else {}
    answers = _Answers()
    if todo.reads:
        async with backend.transaction(_read_by(todo), atomic=False, snapshot=todo.statements > 1) as tx:
            await _get(tx, todo, answers, now=now)
            await _search(tx, backend, todo, answers, sight, now=now)
            await _list_namespaces(tx, todo, answers, now=now)
    if todo.writes:
        async with backend.transaction(Several(tuple(todo.writes))) as tx:
            for namespace in sorted(todo.writes, key=encode):  # one order for all, so that no two wait for each other
                puts = [(key, put) for key, put in todo.writes[namespace].items() if put is not None]
                if not puts and await hold_living(tx, namespace) is None:
                    continue  # nothing is there to be deleted, and nothing comes about by that
                life = await generation.hold(tx, backend, namespace, now=now)
                generation.check(namespace, life.incarnation, seen)
                if puts:
                    life.check_not_paused()
                gone = await _delete(tx, namespace, [key for key, put in todo.writes[namespace].items() if put is None])
                await record(tx, backend, namespace, "deleted", gone)
                if gone:  # so that it is not back after a restore
                    await record_erasure(tx, erasure_of(backend.new_id(), life.incarnation, gone, now=now))
                for start in range(0, len(puts), _ROWS):
                    some = dict(puts[start : start + _ROWS])
                    written = await _put(tx, backend, namespace, some, vectors, model=model, now=now)
                    await record(tx, backend, namespace, "put", written)
    for namespace, ids in answers.read.items():
        await note_read(backend, namespace, "read", list(dict.fromkeys(ids)))
    if answers.refreshed:
        await _refresh(backend, answers.refreshed, now=now)
    return [answers.results.get(place) for place in range(len(ops))]


async def sweep_ttl(backend: Backend, *, now: datetime) -> int:
    """Erase what has expired, one transaction for each namespace; returns the number of items."""
    await migrated(backend)
    erased = 0
    while True:
        expired = await backend.step(_expired, now=now)
        before = erased
        for namespace, ids in expired:
            erased += await backend.step(_swept, namespace, ids, now=now)
        if erased == before or sum(len(ids) for _, ids in expired) < _SWEPT:
            return erased


async def _expired(backend: Backend, *, now: datetime) -> Sequence[tuple[Namespace, Sequence[UUID]]]:
    async with backend.transaction(EVERYWHERE, atomic=False) as tx:
        return await memories.expired_memories(tx, limit=_SWEPT, now=now)


async def _swept(backend: Backend, namespace: Namespace, ids: Sequence[UUID], *, now: datetime) -> int:
    async with backend.transaction(namespace) as tx:
        if await hold_living(tx, namespace) is None:  # erased meanwhile: its name is not to come back
            return 0
        still = await memories.still_expired(tx, namespace, ids, now=now)  # some may have been put again meanwhile
        erased = (await forget.erase_memories(tx, namespace, still))["memories"]
        await record(tx, backend, namespace, "expired", still)
        return erased


def _read_by(todo: Plan) -> Several:
    """The namespaces and prefixes that a batch's reads name: nothing else is seen."""
    return Several(
        tuple(
            op.namespace
            if isinstance(op, GetOp)
            else Within(op.namespace_prefix if isinstance(op, SearchOp) else fixed_prefix(op))
            for op in todo.reads.values()
        )
    )


async def _model(backend: Backend, index: StoreIndex) -> EmbeddingModel:
    model = await ready(backend)
    check_dimensions(index.dims, model.dimensions)
    return model


async def _embedded_queries(backend: Backend, todo: Plan) -> Mapping[str, Vector]:
    return dict(zip(todo.queries, await backend.embed_queries(todo.queries), strict=True)) if todo.queries else {}


async def _get(tx: Transaction, todo: Plan, answers: _Answers, *, now: datetime) -> None:
    gets = {place: op for place, op in todo.reads.items() if isinstance(op, GetOp)}
    for namespace in dict.fromkeys(op.namespace for op in gets.values()):
        mine = {place: op for place, op in gets.items() if op.namespace == namespace}
        found = await memories.get_memories(tx, namespace, list({op.key for op in mine.values()}), now=now)
        for place, op in mine.items():
            memory = found.get(op.key)
            answers.note(memory, op)
            answers.results[place] = _item(memory) if memory is not None else None


async def _search(
    tx: Transaction, backend: Backend, todo: Plan, answers: _Answers, sight: _Sight, *, now: datetime
) -> None:
    for place, op in todo.reads.items():
        if isinstance(op, SearchOp):
            found = await _found(tx, backend, op, sight, now=now)
            for item, _ in found:
                answers.note(item, op)
            answers.results[place] = [_search_item(item, score) for item, score in found]


async def _found(
    tx: Transaction, backend: Backend, op: SearchOp, sight: _Sight, *, now: datetime
) -> Sequence[tuple[StoredItem, float | None]]:
    prefix, filter, limit, offset = op.namespace_prefix, op.filter, op.limit, op.offset
    if op.query is None or sight.model is None:
        listed = await memories.list_items(tx, prefix, filter=filter, limit=limit, offset=offset, now=now)
        return [(item, None) for item in listed]
    vector = sight.vectors[op.query]
    if sight.index.hybrid:
        return await item_search.search_items_hybrid(
            tx,
            prefix,
            query=op.query,
            words=find_terms(op.query, backend.settings.language),
            embedding=vector,
            model=sight.model,
            weights=backend.settings.ranking,
            language=choose_configuration(backend.settings.language, op.query),
            filter=filter,
            limit=limit,
            offset=offset,
            now=now,
            plans=backend.search_plans,
        )
    return await item_search.search_items(
        tx,
        prefix,
        query=vector,
        model=sight.model,
        distance=sight.index.distance,
        plans=backend.search_plans,
        filter=filter,
        limit=limit,
        offset=offset,
        now=now,
    )


async def _list_namespaces(tx: Transaction, todo: Plan, answers: _Answers, *, now: datetime) -> None:
    for place, op in todo.reads.items():
        if isinstance(op, ListNamespacesOp):
            known = await namespaces.list_namespaces(tx, fixed_prefix(op), now=now)
            answers.results[place] = namespaces_like(known, op)


async def _delete(tx: Transaction, namespace: Namespace, keys: Sequence[str]) -> list[UUID]:
    """Erase every version under ``keys``: what was superseded under a deleted key would otherwise stay for ever."""
    if not keys:
        return []
    ids = sorted(id for id, *_ in await forget.erasable(tx, namespace, keys))
    await forget.erase_memories(tx, namespace, ids)
    return ids


async def _put(
    tx: Transaction,
    backend: Backend,
    namespace: Namespace,
    puts: Mapping[str, Put],
    vectors: Mapping[str, Vector],
    *,
    model: EmbeddingModel | None,
    now: datetime,
) -> list[UUID]:
    """Write items; returns their ids."""
    new = {key: backend.new_id() for key in puts}
    rows = [_row(new[key], key, put) for key, put in puts.items()]
    ids = await memories.upsert_items(tx, namespace, rows, now=now)
    known = [id for key, id in ids.items() if id != new[key]]
    await search_index.delete_vectors(tx, namespace, known)
    await search_index.unindex_memories(tx, namespace, known)
    if model is not None:
        parts = {ids[key]: [vectors[text] for text in put.texts] for key, put in puts.items()}
        await hnsw_upkeep.insert_vectors(tx, backend, namespace, parts, model=model)
    words = {ids[key]: (put.text, cut_pairs(put.text)) for key, put in puts.items() if put.text is not None}
    await search_index.insert_words(tx, namespace, words, language=backend.settings.language)
    return list(ids.values())


def _row(id: UUID, key: str, put: Put) -> dict[str, object]:
    return {
        "id": str(id),
        "key": key,
        "kind": put.kind,
        "text": put.text,
        "value": put.value,
        "importance": put.importance,
        "minutes": put.minutes,
    }


async def _refresh(backend: Backend, read: Mapping[Namespace, set[str]], *, now: datetime) -> None:
    """Let items live on; a read does not fail where nothing can be written, as on a replica."""
    try:
        async with backend.transaction(Several(tuple(read)), atomic=False) as tx:
            for namespace, keys in read.items():
                await memories.refresh_items(tx, namespace, sorted(keys), now=now)
    except (StorageError, ConfigurationError) as error:
        logger.warning("items that were read keep their old expiry: %s", error)


def _item(memory: Memory) -> Item:
    return Item(
        value=deepcopy(dict(memory.value)),  # two gets of one key in a batch share the row
        key=memory.key,
        namespace=memory.namespace,
        created_at=memory.recorded_at.astimezone(UTC),
        updated_at=memory.updated_at.astimezone(UTC),
    )


def _search_item(item: StoredItem, score: float | None) -> SearchItem:
    return SearchItem(
        namespace=item.namespace,
        key=item.key,
        value=dict(item.value),
        created_at=item.recorded_at.astimezone(UTC),
        updated_at=item.updated_at.astimezone(UTC),
        score=score,
    )
