"""Batches of LangGraph's store operations, for the sync and the async store."""

from collections.abc import Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass, field
from datetime import UTC, datetime
from uuid import UUID

from langgraph.store.base import GetOp, Item, ListNamespacesOp, Op, Result, SearchItem, SearchOp

from langchain_persistmem.errors import ErasedError, MemoryDisabledError
from langchain_persistmem.language.search_terms.query_terms import find_terms
from langchain_persistmem.language.text_search_configuration import choose_configuration
from langchain_persistmem.postgres.answer import Answer
from langchain_persistmem.postgres.queries import forget, item_search, memories, namespaces, search_index
from langchain_persistmem.postgres.queries.embedding_models import EmbeddingModel
from langchain_persistmem.postgres.queries.erasure_log import erasure_of, record_erasure
from langchain_persistmem.postgres.queries.generations import hold_existing
from langchain_persistmem.postgres.queries.namespaces import NamespaceState
from langchain_persistmem.postgres.queries.rows import StoredItem
from langchain_persistmem.postgres.transaction import Transaction
from langchain_persistmem.recall.unread_questions import embed_questions
from langchain_persistmem.runtime import generations, hnsw_upkeep
from langchain_persistmem.runtime.audit_log import note_read, record
from langchain_persistmem.runtime.backend import Backend
from langchain_persistmem.runtime.consent_checks import check_not_paused
from langchain_persistmem.runtime.models.embedding_checks import check_dimensions
from langchain_persistmem.runtime.setup import migrated, ready
from langchain_persistmem.store.expiry import extend_expiry
from langchain_persistmem.store.index_and_ttl import StoreIndex
from langchain_persistmem.store.ops import Plan, Put, literal_prefix, match_namespaces, plan
from langchain_persistmem.types.actor import current_actor
from langchain_persistmem.types.namespace import Namespace, Several, Within, encode
from langchain_persistmem.types.records import Vector

_ROWS = 500
"""Items in one statement: a batch may have any length, a statement may not."""


@dataclass(frozen=True, slots=True)
class _Answers:
    """The results of a batch's reads by index in the batch, and the items whose time to live a read extends."""

    results: dict[int, Result] = field(default_factory=dict[int, Result])
    refreshed: dict[Namespace, set[str]] = field(default_factory=dict[Namespace, set[str]])
    read: dict[Namespace, list[UUID]] = field(default_factory=dict[Namespace, list[UUID]])
    """Ids of the items that were read, for the audit log."""

    def note(self, item: StoredItem | None, op: GetOp | SearchOp) -> None:
        if item is not None:
            self.read.setdefault(item.namespace, []).append(item.id)
        if item is not None and item.expires_at is not None and op.refresh_ttl:
            self.refreshed.setdefault(item.namespace, set()).add(item.key)


@dataclass(frozen=True, slots=True)
class _QueryVectors:
    """The embedding model and the vectors of a batch's queries; both are empty for a store without an index."""

    index: StoreIndex
    model: EmbeddingModel | None
    vectors: Mapping[str, tuple[Vector, EmbeddingModel]]
    """Each with what is usual under the model for this query."""


async def batch(
    backend: Backend,
    ops: Sequence[Op],
    *,
    index: StoreIndex | None,
    now: datetime,
    generation_of: generations.Snapshot | None = None,
) -> list[Result]:
    """Check, embed, read, write, and extend the time to live of the items read; see :class:`PersistMemStore`.

    Without an ``index`` nothing is embedded, and a search ignores its query.
    """
    paths = (index or StoreIndex()).fields
    settings = backend.settings
    # The whole batch is checked before anything is done, so that a mistake in the last operation costs nothing.
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
    # Models come before the transactions: no connection and no lock waits for a model.
    queries = _QueryVectors(index or StoreIndex(), model, await _embed_queries(backend, todo, model) if model else {})
    texts, seen = todo.texts if model else [], {} if generation_of is None else generation_of
    if todo.puts:
        # An erasure may run while the model works. The generations are read first and compared under the lock below,
        # so that an item never enters a namespace that was erased after the call began.
        await generations.see(backend, todo.puts, seen, now=now)
        for namespace in todo.puts:
            _check_may_put(seen.get(namespace))
    vectors = dict(zip(texts, await backend.embed(texts), strict=True)) if texts else {}
    answers = _Answers()
    if todo.reads:
        # LangGraph's contract: all reads of a batch see the moment before its writes. Several statements need a snapshot for
        # that, a single one does not.
        # A get may ask for what was just put, so only searches may go to a replica.
        has_several, reach = todo.statements > 1, _reach_of_reads(todo)
        begin = backend.reading(reach, snapshot=has_several) if todo.only_searches else None
        async with begin or backend.transaction(reach, atomic=False, snapshot=has_several) as tx:
            await _get(tx, todo, answers, now=now)
            await _search(tx, backend, todo, answers, queries, now=now)
            await _list_namespaces(tx, todo, answers, now=now)
    if todo.writes:
        try:
            async with backend.transaction(Several(tuple(todo.writes))) as tx:
                rows = 0
                # In one order, so that no two batches wait for each other.
                for namespace in sorted(todo.writes, key=encode):
                    writes = todo.writes[namespace]
                    last_answer = await _write(tx, backend, namespace, writes, seen, vectors, model=model, now=now)
                    rows += len(writes)
                    if rows >= _ROWS:  # what travels together has to be done within the time of one statement
                        await last_answer
                        rows = 0
        except ErasedError:
            await generations.check_pauses(backend, seen)
            raise
    # Audit and time to live come last, each in its own transaction: they may fail, as on a replica; the reads must not.
    for namespace, ids in answers.read.items():
        await note_read(backend, namespace, "read", list(dict.fromkeys(ids)))
    if answers.refreshed:
        await extend_expiry(backend, answers.refreshed, now=now)
    return [answers.results.get(index) for index in range(len(ops))]


def _reach_of_reads(todo: Plan) -> Several:
    """Return the namespaces and prefixes that a batch's reads name; the transaction sees nothing else."""
    return Several(
        tuple(
            op.namespace
            if isinstance(op, GetOp)
            else Within(op.namespace_prefix if isinstance(op, SearchOp) else literal_prefix(op))
            for op in todo.reads.values()
        )
    )


async def _model(backend: Backend, index: StoreIndex) -> EmbeddingModel:
    model = await ready(backend)
    check_dimensions(index.dims, model.dimensions)
    return model


async def _embed_queries(
    backend: Backend, todo: Plan, model: EmbeddingModel
) -> Mapping[str, tuple[Vector, EmbeddingModel]]:
    return dict(zip(todo.queries, await embed_questions(backend, todo.queries, model), strict=True))


async def _get(tx: Transaction, todo: Plan, answers: _Answers, *, now: datetime) -> None:
    gets: dict[Namespace, dict[int, GetOp]] = {}
    for index, op in todo.reads.items():
        if isinstance(op, GetOp):
            gets.setdefault(op.namespace, {})[index] = op
    items_by_namespace = {
        namespace: memories.get_items(tx, namespace, list({op.key for op in group.values()}), now=now)
        for namespace, group in gets.items()
    }
    for namespace, group in gets.items():
        by_key, keys = await items_by_namespace[namespace], set[str]()
        for index, op in group.items():
            item = by_key.get(op.key)
            answers.note(item, op)
            # Two gets of one key in a batch share the row, and may each change what they are given.
            answers.results[index] = _item(item, copy=op.key in keys) if item is not None else None
            keys.add(op.key)


async def _search(
    tx: Transaction, backend: Backend, todo: Plan, answers: _Answers, queries: _QueryVectors, *, now: datetime
) -> None:
    for index, op in todo.reads.items():
        if isinstance(op, SearchOp):
            items = await _search_items(tx, backend, op, queries, now=now)
            for item, _ in items:
                answers.note(item, op)
            answers.results[index] = [_search_item(item, score) for item, score in items]


async def _search_items(
    tx: Transaction, backend: Backend, op: SearchOp, queries: _QueryVectors, *, now: datetime
) -> Sequence[tuple[StoredItem, float | None]]:
    prefix, filter, limit, offset = op.namespace_prefix, op.filter, op.limit, op.offset
    # As in LangGraph's stores: without a query, or without an index, a search only filters, and nothing has a score.
    if op.query is None or queries.model is None:
        items = await memories.list_items(tx, prefix, filter=filter, limit=limit, offset=offset, now=now)
        return [(item, None) for item in items]
    vector, model = queries.vectors[op.query]
    if queries.index.hybrid:
        return await item_search.search_items_hybrid(
            tx,
            prefix,
            terms=find_terms(op.query, backend.settings.language, both_forms=backend.may_have_rewrites),
            embedding=vector,
            model=model,
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
        model=model,
        distance=queries.index.distance,
        plans=backend.search_plans,
        filter=filter,
        limit=limit,
        offset=offset,
        now=now,
    )


async def _list_namespaces(tx: Transaction, todo: Plan, answers: _Answers, *, now: datetime) -> None:
    for index, op in todo.reads.items():
        if isinstance(op, ListNamespacesOp):
            candidates = await namespaces.list_namespaces(tx, literal_prefix(op), now=now)
            answers.results[index] = match_namespaces(candidates, op)


def _check_may_put(state: NamespaceState | None) -> None:
    """Refuse a put where memory is paused, or would begin so, before a model is shown its text."""
    if state is None:
        raise MemoryDisabledError
    check_not_paused(state)


async def _write(
    tx: Transaction,
    backend: Backend,
    namespace: Namespace,
    writes: Mapping[str, Put | None],
    seen: generations.Snapshot,
    vectors: Mapping[str, Vector],
    *,
    model: EmbeddingModel | None,
    now: datetime,
) -> Answer[int]:
    """Lock a namespace and write in it; the answer is that of the last statement, which nobody has to wait for."""
    puts = [(key, put) for key, put in writes.items() if put is not None]
    deleted = [key for key, put in writes.items() if put is None]
    if not puts:  # a delete must not create the row of a namespace that does not exist
        await _delete(tx, backend, namespace, deleted, hold_existing(tx, namespace), now=now)
        return Answer(0)
    state = seen[namespace]
    write, answer = generations.hold_seen(tx, backend, namespace, state), Answer(0)
    if deleted:
        await _delete(tx, backend, namespace, deleted, Answer(state.generation), now=now)
    for start in range(0, len(puts), _ROWS):
        await answer  # each statement has a round trip of its own where there are several
        chunk = puts[start : start + _ROWS]
        rows = [_row(backend, key, put) for key, put in chunk]
        embedded = [[vectors[text] for text in put.texts] if model is not None else [] for _, put in chunk]
        hnsw_upkeep.note_vectors(backend, namespace, sum(map(len, embedded)))
        actor = None if backend.settings.audit == "off" else current_actor()
        answer = memories.put_items(tx, namespace, rows, embedded, model=model, actor=actor, write=write, now=now)
    return answer


async def _delete(
    tx: Transaction,
    backend: Backend,
    namespace: Namespace,
    keys: Sequence[str],
    held: Answer[UUID | None],
    *,
    now: datetime,
) -> None:
    """Erase every version under ``keys``, under the lock of the namespace, whose generation is the answer to ``held``."""
    ids = await forget.erase_items(tx, namespace, keys)
    generation = await held
    if ids and generation is not None:
        record(tx, backend, namespace, "deleted", ids)
        # Replaying the erasure log after a restore deletes it again.
        record_erasure(tx, erasure_of(backend.new_id(), generation, ids, now=now))


def _row(backend: Backend, key: str, put: Put) -> dict[str, object]:
    row: dict[str, object] = {
        "id": str(backend.new_id()),
        "key": key,
        "kind": put.kind,
        "text": put.text,
        "value": put.value,
        "importance": put.importance,
        "minutes": put.minutes,
    }
    if put.text is None:
        return row
    words, terms, language = search_index.analyzed(put.text, language=backend.settings.language)
    return {**row, "words": words, "terms": terms, "language": language}


def _item(item: StoredItem, *, copy: bool) -> Item:
    value = dict(item.value)
    return Item(
        value=deepcopy(value) if copy else value,
        key=item.key,
        namespace=item.namespace,
        created_at=item.recorded_at.astimezone(UTC),
        updated_at=item.updated_at.astimezone(UTC),
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
