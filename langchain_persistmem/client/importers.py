"""Imports from another memory: its rows, and its vectors where the same model made them.

An import only reads the source. It may be killed and run again: existing rows are found by their keys, nothing is
doubled, and nothing newer is overwritten.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import AsyncExitStack, ExitStack, asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial
from typing import TYPE_CHECKING, Literal

from langchain_persistmem.client.group import Group, memory_of
from langchain_persistmem.client.sync_and_async import both, run
from langchain_persistmem.postgres import transaction
from langchain_persistmem.postgres.connections.pool_opening import open_async_pool, open_pool
from langchain_persistmem.postgres.transaction_opening import async_transaction, sync_transaction
from langchain_persistmem.privacy import import_mem0 as import_mem0_flow
from langchain_persistmem.privacy import import_other_memories
from langchain_persistmem.privacy import import_postgres_store as import_postgres_store_flow
from langchain_persistmem.privacy.import_other_memories import Connect, Opening
from langchain_persistmem.runtime.backend import AsyncBackend, SyncBackend
from langchain_persistmem.store.async_store import AsyncPersistMemStore
from langchain_persistmem.store.index_and_ttl import index_of
from langchain_persistmem.store.sync_store import PersistMemStore
from langchain_persistmem.types import validation
from langchain_persistmem.types.namespace import Namespace, check_template
from langchain_persistmem.types.progress import Progress, Report
from langchain_persistmem.types.results import ImportResult

if TYPE_CHECKING:
    from langchain_persistmem.client.persistmem import PersistMem

Vectors = Literal["embed", "keep"]


async def _import_postgres_store(
    memory: PersistMem | Group | PersistMemStore | AsyncPersistMemStore,
    conninfo: str | None = None,
    *,
    schema: str = "public",
    vectors: Vectors = "embed",
    fields: Sequence[str] | None = None,
    unindexed: Literal["leave", "embed"] = "leave",
    batch_size: int = 1_000,
    progress: Callable[[Progress], object] | None = None,
    dry_run: bool = False,
) -> ImportResult:
    """Bring the items of a LangGraph ``PostgresStore`` over, under their namespaces and keys and with their dates.

    Args:
        memory: a ``PersistMem`` or a ``PersistMemStore``; ``memory.admin`` passes its own.
        conninfo: the database that the store is in; by default the one that ``memory`` is in.
        schema: where its tables ``store`` and ``store_vectors`` are.
        vectors: ``"embed"`` has the embedding model make them anew; ``"keep"`` takes them over without calling it,
            which is right only if the same model made them.
        fields: paths of what items are found by, such as ``text`` and ``tags[*]``; by default those that the source
            indexed each item by, and where it indexed none, those of the store here.
        unindexed: ``"leave"`` keeps an item without a vector there (``index=False``) out of search and recall here
            as well, ``"embed"`` indexes it. Where the source has no vectors at all, every item is indexed.
        batch_size: rows that are read, embedded and written at once: what is in memory, what a crash undoes, and in
            asyncio what is worked on between two turns of the event loop.
        progress: called after each batch with the rows read so far.
        dry_run: count what would happen, and write nothing.

    Raises:
        ConfigurationError: the source cannot be reached by this role, or has no such tables.
        EmbeddingMismatchError: the vectors are to be kept, and have another dimension than those here.
        EmbeddingError: a text has no vector; the batches before are stored, and running it again goes on.
        StorageUnavailableError: one of the databases does not answer; running it again goes on.
    """
    # A store alone has no memories around it; in both cases its index says what an item is found by.
    is_store = isinstance(memory, (PersistMemStore, AsyncPersistMemStore))
    store = memory if is_store else memory_of(memory).store
    options = import_postgres_store_flow.Options(
        schema=validation.name(schema, "schema"),
        takes_vectors=vectors == "keep",
        fields=index_of({"fields": fields}).fields if fields is not None else None,
        otherwise=index_of(store.index_config).fields,
        everything=unindexed == "embed",
        max_chars=memory.backend.settings.max_text_chars,
    )
    opening = partial(import_postgres_store_flow.open_postgres_store, options=options)
    return await _import(memory.backend, opening, conninfo, batch_size, progress, dry_run=dry_run)


import_postgres_store, aimport_postgres_store = both(_import_postgres_store)


async def _import_mem0(
    memory: PersistMem | Group,
    conninfo: str | None = None,
    *,
    table: str = "mem0",
    schema: str = "public",
    vectors: Vectors = "embed",
    namespace: Namespace | None = None,
    batch_size: int = 1_000,
    progress: Callable[[Progress], object] | None = None,
    dry_run: bool = False,
) -> ImportResult:
    """Bring over a collection of mem0 that lies in pgvector.

    A memory of it becomes one here, under its id: ``data`` is the text, ``created_at`` the moment from which it is true, and
    the rest of the payload is its value. The same text of the same user is stored once. A row without ``user_id`` is
    refused: the owner is never guessed.

    Args:
        memory: a ``PersistMem``; ``memory.admin`` passes its own.
        conninfo: the database that the collection is in; by default the one that ``memory`` is in.
        table: the collection's name.
        schema: where its table is.
        vectors: ``"embed"`` has the embedding model make them anew; ``"keep"`` takes them over without calling it,
            which is right only if the same model made them.
        namespace: a template that the payload fills, such as ``("memories", "{user_id}", "{agent_id}")``; by default
            that of ``memory``.
        batch_size: rows that are read, embedded and written at once: what is in memory, what a crash undoes, and in
            asyncio what is worked on between two turns of the event loop.
        progress: called after each batch with the rows read so far.
        dry_run: count what would happen, and write nothing.

    Raises:
        ConfigurationError: the source cannot be reached by this role, or has no such table.
        EmbeddingMismatchError: the vectors are to be kept, and have another dimension than those here.
        EmbeddingError: a text has no vector; the batches before are stored, and running it again goes on.
        StorageUnavailableError: one of the databases does not answer; running it again goes on.
    """
    # Names are checked here, since they become a part of statements.
    options = import_mem0_flow.Options(
        schema=validation.name(schema, "schema"),
        table=validation.name(table, "table"),
        takes_vectors=vectors == "keep",
        template=check_template(namespace) if namespace is not None else memory_of(memory).namespace,
        max_chars=memory.backend.settings.max_text_chars,
    )
    opening = partial(import_mem0_flow.open_mem0, options=options)
    return await _import(memory.backend, opening, conninfo, batch_size, progress, dry_run=dry_run)


import_mem0, aimport_mem0 = both(_import_mem0, group="admin")


async def _import(
    backend: SyncBackend | AsyncBackend,
    opening: Opening,
    conninfo: str | None,
    batch_size: int,
    progress: Report | None,
    *,
    dry_run: bool,
) -> ImportResult:
    """Read the source to its end, a page at a time; each page is a flow of its own, so that a lost connection repeats one."""
    validation.count(batch_size, "batch_size", at_least=1, at_most=10_000)
    async with _source(backend, conninfo) as connect:
        state = await run(backend, import_other_memories.begin, opening, connect, dry_run=dry_run)
        while not state.done:
            state = await run(
                backend, import_other_memories.step, state, connect, batch_size=batch_size, now=datetime.now(UTC)
            )
            if progress is not None:
                read, total = state.counts.read, state.counts.total
                progress(Progress(step="rows", done=read, total=max(total, read)))
    return state.counts


@asynccontextmanager
async def _source(backend: SyncBackend | AsyncBackend, conninfo: str | None) -> AsyncGenerator[Connect]:
    """Transactions on the source that see it at one moment and cannot write; on our own pool where it is the same database."""
    opening, settings = transaction.Opening(snapshot=True), replace(backend.settings, pool_min=1, pool_max=1)
    if isinstance(backend, SyncBackend):
        with ExitStack() as stack:
            pool = backend.pool if conninfo is None else open_pool(stack, conninfo, settings)
            yield partial(sync_transaction, pool, opening)
    else:
        async with AsyncExitStack() as stack:
            pool = backend.pool if conninfo is None else await open_async_pool(stack, conninfo, settings)
            yield partial(async_transaction, pool, opening)
