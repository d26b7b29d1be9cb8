"""The same memories as a LangGraph store: ``graph.compile(store=memory.store)``.

Every behaviour is in the functions below the class, once for both colours. LangGraph's own
methods (``get``, ``put``, ``search``, ``delete``, ``list_namespaces`` and their ``a`` twins) all
come down to :meth:`PersistMemStore.batch` or :meth:`PersistMemStore.abatch`.
"""

import logging
from collections.abc import Iterable, Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass, field
from datetime import UTC, datetime
from uuid import UUID

from langgraph.store.base import BaseStore, GetOp, Item, ListNamespacesOp, Op, Result, SearchItem, SearchOp, TTLConfig

from langchain_persistmem.backend import AsyncBackend, Backend, SyncBackend
from langchain_persistmem.cjk import pairs
from langchain_persistmem.errors import ConfigurationError, StorageError
from langchain_persistmem.namespace import Namespace, encode
from langchain_persistmem.postgres import forgetting, memories, namespaces, search_index
from langchain_persistmem.postgres.embedding_models import EmbeddingModel
from langchain_persistmem.postgres.transaction import Transaction
from langchain_persistmem.readiness import ready
from langchain_persistmem.store_ops import Plan, Put, fixed_prefix, namespaces_like, plan
from langchain_persistmem.types import Memory, Vector

logger = logging.getLogger(__name__)

_ROWS = 500
"""Items in one statement: no batch is too long, and no statement grows without bound."""


class PersistMemStore(BaseStore):
    """LangGraph's store contract over the memories of one database.

    An item is a memory: what is put here is recalled, and what was remembered is found here. The
    text that an item is recalled by is what ``fields`` (or ``put(index=...)``) point at; for ``$``,
    the whole, that is ``value["text"]`` or ``value["content"]`` if there is one, else the JSON.
    ``value["kind"]`` and ``value["importance"]`` are honoured.

    In a batch all reads see the state before its writes, the last put of a key wins, and either
    all writes happen or none. Expired items are never returned, whether they were swept or not.
    """

    supports_ttl = True

    def __init__(
        self, backend: SyncBackend | AsyncBackend, *, fields: Sequence[str] = ("$",), ttl: TTLConfig | None = None
    ) -> None:
        """Usually taken from :attr:`PersistMem.store`.

        Args:
            backend: the database and the models.
            fields: paths of what is embedded, as in LangGraph's ``IndexConfig``: ``text``, ``tags[*]``.
            ttl: LangGraph's ``default_ttl`` (minutes) and ``refresh_on_read``.

        Raises:
            ConfigurationError: ``fields`` is a string.
        """
        if isinstance(fields, str):  # it would pass as a list of its letters
            raise ConfigurationError("fields is a string; pass a list of paths such as ['text', 'tags[*]']")
        self._backend = backend
        self._fields = tuple(fields)
        self.ttl_config = ttl

    def batch(self, ops: Iterable[Op]) -> list[Result]:
        """Do ``ops``; the results come in their order.

        Raises:
            InvalidInput: an operation cannot be done (a ``ValueError``); none was.
            InvalidNamespaceError: a label is empty, no string, or has a period; nothing was done.
            EmbeddingFailed: a text or a query has no vector; nothing was done.
            UseAsyncMethod: the store was opened with ``aopen()``.
            SchemaOutOfDate: ``setup()`` has not been run on this database.
        """
        return self._backend.run(batch, list(ops), fields=self._fields, now=datetime.now(UTC))

    async def abatch(self, ops: Iterable[Op]) -> list[Result]:
        """:meth:`batch`, awaited."""
        return await self._backend.arun(batch, list(ops), fields=self._fields, now=datetime.now(UTC))

    def sweep_ttl(self) -> int:
        """Erase the items that have expired, in every namespace; returns how many.

        Raises:
            UseAsyncMethod: the store was opened with ``aopen()``.
        """
        return self._backend.run(sweep_ttl, now=datetime.now(UTC))

    async def asweep_ttl(self) -> int:
        """:meth:`sweep_ttl`, awaited."""
        return await self._backend.arun(sweep_ttl, now=datetime.now(UTC))


@dataclass(frozen=True, slots=True)
class _Answers:
    """The results of a batch's reads by place, and the items among them that live on because they were read."""

    results: dict[int, Result] = field(default_factory=dict[int, Result])
    refreshed: dict[Namespace, set[str]] = field(default_factory=dict[Namespace, set[str]])

    def note(self, found: Memory | None, op: GetOp | SearchOp) -> None:
        if found is not None and found.expires_at is not None and op.refresh_ttl:
            self.refreshed.setdefault(found.namespace, set()).add(found.key)


async def batch(backend: Backend, ops: Sequence[Op], *, fields: Sequence[str], now: datetime) -> list[Result]:
    """Check everything, embed everything, read, write, and let live on what was read; see :class:`PersistMemStore`."""
    todo = plan(ops, fields=fields, max_chars=backend.settings.max_text_chars)
    if not ops:
        return []
    model = await ready(backend)
    queries = {query: await backend.embed_query(query) for query in todo.queries}
    texts = todo.texts
    vectors = dict(zip(texts, await backend.embed(texts), strict=True)) if texts else {}
    answers = _Answers()
    if todo.reads:
        async with backend.transaction(atomic=False) as tx:
            await _get(tx, todo, answers, now=now)
            await _search(tx, todo, answers, queries, model=model, now=now)
            await _list_namespaces(tx, todo, answers, now=now)
    if todo.writes:
        async with backend.transaction() as tx:
            for namespace in sorted(todo.writes, key=encode):  # one order for all, so that no two wait for each other
                await namespaces.hold_namespace(tx, namespace, incarnation=backend.new_id(), now=now)
                await _delete(tx, namespace, [key for key, put in todo.writes[namespace].items() if put is None])
                puts = [(key, put) for key, put in todo.writes[namespace].items() if put is not None]
                for start in range(0, len(puts), _ROWS):
                    await _put(tx, backend, namespace, dict(puts[start : start + _ROWS]), vectors, model=model, now=now)
    if answers.refreshed:
        await _refresh(backend, answers.refreshed, now=now)
    return [answers.results.get(place) for place in range(len(ops))]


async def sweep_ttl(backend: Backend, *, now: datetime) -> int:
    """Erase what has expired, one transaction for each namespace; returns the number of items."""
    await ready(backend)
    async with backend.transaction(atomic=False) as tx:
        expired = await memories.expired_memories(tx, now=now)
    erased = 0
    for namespace, ids in expired:
        async with backend.transaction() as tx:
            await namespaces.hold_namespace(tx, namespace, incarnation=backend.new_id(), now=now)
            still = await memories.still_expired(tx, namespace, ids, now=now)  # some may have been put again meanwhile
            erased += (await forgetting.erase_memories(tx, namespace, still))["memories"]
    return erased


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
    tx: Transaction,
    todo: Plan,
    answers: _Answers,
    queries: Mapping[str, Vector],
    *,
    model: EmbeddingModel,
    now: datetime,
) -> None:
    for place, op in todo.reads.items():
        if not isinstance(op, SearchOp):
            continue
        prefix, filter, limit, offset = op.namespace_prefix, op.filter, op.limit, op.offset
        if op.query is None:
            listed = await memories.list_items(tx, prefix, filter=filter, limit=limit, offset=offset, now=now)
            found: list[tuple[Memory, float | None]] = [(memory, None) for memory in listed]
        else:
            query = search_index.stored(queries[op.query])
            found = [
                *await memories.search_items(
                    tx, prefix, query=query, model=model, filter=filter, limit=limit, offset=offset, now=now
                )
            ]
        for memory, _ in found:
            answers.note(memory, op)
        answers.results[place] = [_search_item(memory, score) for memory, score in found]


async def _list_namespaces(tx: Transaction, todo: Plan, answers: _Answers, *, now: datetime) -> None:
    for place, op in todo.reads.items():
        if isinstance(op, ListNamespacesOp):
            known = await namespaces.list_namespaces(tx, fixed_prefix(op), now=now)
            answers.results[place] = namespaces_like(known, op)


async def _delete(tx: Transaction, namespace: Namespace, keys: Sequence[str]) -> None:
    """Erase every version under ``keys``: what was superseded under a deleted key would otherwise stay for ever."""
    if keys:
        versions = await forgetting.erasable(tx, namespace, keys)
        await forgetting.erase_memories(tx, namespace, sorted(id for id, *_ in versions))


async def _put(
    tx: Transaction,
    backend: Backend,
    namespace: Namespace,
    puts: Mapping[str, Put],
    vectors: Mapping[str, Vector],
    *,
    model: EmbeddingModel,
    now: datetime,
) -> None:
    new = {key: backend.new_id() for key in puts}
    rows = [_row(new[key], key, put) for key, put in puts.items()]
    ids = await memories.upsert_items(tx, namespace, rows, now=now)
    known = [id for key, id in ids.items() if id != new[key]]
    await search_index.delete_vectors(tx, namespace, known)
    await search_index.unindex_memories(tx, namespace, known)
    parts = {ids[key]: [vectors[text] for text in put.texts] for key, put in puts.items()}
    await search_index.insert_vectors(tx, namespace, parts, model=model)
    words = {ids[key]: (put.text, pairs(put.text)) for key, put in puts.items() if put.text is not None}
    await search_index.insert_words(tx, namespace, words, language=backend.settings.language)


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
        async with backend.transaction(atomic=False) as tx:
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


def _search_item(memory: Memory, score: float | None) -> SearchItem:
    return SearchItem(
        namespace=memory.namespace,
        key=memory.key,
        value=dict(memory.value),
        created_at=memory.recorded_at.astimezone(UTC),
        updated_at=memory.updated_at.astimezone(UTC),
        score=score,
    )
