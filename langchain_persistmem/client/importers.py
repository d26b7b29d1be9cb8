"""Coming from another memory: its rows, and its vectors where the same model made them.

An import only reads the source, and may be killed and run again: what is here already is known by its key,
nothing is doubled, and nothing that was written here since is overwritten by something older.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from contextlib import AsyncExitStack, ExitStack
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial
from typing import Literal

from langchain_persistmem.client.persistmem import PersistMem
from langchain_persistmem.errors import InvalidInputError, UseAsyncMethodError
from langchain_persistmem.postgres import transaction
from langchain_persistmem.postgres.connection import open_async_pool, open_pool
from langchain_persistmem.postgres.transaction import async_transaction, sync_transaction
from langchain_persistmem.privacy import import_mem0 as import_mem0_flow
from langchain_persistmem.privacy import import_postgres_store as import_postgres_store_flow
from langchain_persistmem.privacy import import_rows
from langchain_persistmem.privacy.import_rows import Connect, Opening
from langchain_persistmem.runtime.backend import AsyncBackend, SyncBackend
from langchain_persistmem.store.async_store import AsyncPersistMemStore
from langchain_persistmem.store.index import index_of
from langchain_persistmem.store.sync_store import PersistMemStore
from langchain_persistmem.types import validation
from langchain_persistmem.types.namespace import Namespace, check_template
from langchain_persistmem.types.results import ImportResult

Vectors = Literal["embed", "keep"]
Progress = Callable[[ImportResult], object]


Place = PersistMem | PersistMemStore | AsyncPersistMemStore
"""Where memories are brought."""


def import_postgres_store(
    memory: Place,
    conninfo: str | None = None,
    *,
    schema: str = "public",
    vectors: Vectors = "embed",
    fields: Sequence[str] | None = None,
    unindexed: Literal["leave", "embed"] = "leave",
    batch_size: int = 200,
    progress: Progress | None = None,
    dry_run: bool = False,
) -> ImportResult:
    """Bring the items of a LangGraph ``PostgresStore`` over, under their namespaces and keys and with their dates.

    Args:
        memory: a ``PersistMem`` that was opened with ``open()``, or a ``PersistMemStore``.
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
        progress: called after each batch with the counts so far.
        dry_run: count what would happen, and write nothing.

    Raises:
        ConfigurationError: the source cannot be reached by this role, or has no such tables.
        EmbeddingMismatchError: the vectors are to be kept, and have another dimension than those here.
        EmbeddingError: a text has no vector; the batches before are stored, and running it again goes on.
        StorageUnavailableError: one of the databases does not answer; running it again goes on.
    """
    opening = _store(memory, schema, vectors, fields, unindexed)
    return _run(memory.backend, opening, conninfo, batch_size, progress, dry_run=dry_run, twin="aimport_postgres_store")


async def aimport_postgres_store(
    memory: Place,
    conninfo: str | None = None,
    *,
    schema: str = "public",
    vectors: Vectors = "embed",
    fields: Sequence[str] | None = None,
    unindexed: Literal["leave", "embed"] = "leave",
    batch_size: int = 200,
    progress: Progress | None = None,
    dry_run: bool = False,
) -> ImportResult:
    """:func:`import_postgres_store`, awaited."""
    opening = _store(memory, schema, vectors, fields, unindexed)
    return await _arun(memory.backend, opening, conninfo, batch_size, progress, dry_run=dry_run)


def import_mem0(
    memory: PersistMem,
    conninfo: str | None = None,
    *,
    table: str = "mem0",
    schema: str = "public",
    vectors: Vectors = "embed",
    namespace: Namespace | None = None,
    batch_size: int = 200,
    progress: Progress | None = None,
    dry_run: bool = False,
) -> ImportResult:
    """Bring a collection of mem0 over that is kept in pgvector.

    A memory of it becomes one here, under its id: ``data`` is the text, ``created_at`` the time since when it is true, and
    the rest of the payload is its value. The same text of the same user is kept once. A row without ``user_id`` is
    refused: whose memory it is is never guessed.

    Args:
        memory: opened with ``open()``.
        conninfo: the database that the collection is in; by default the one that ``memory`` is in.
        table: the collection's name.
        schema: where its table is.
        vectors: ``"embed"`` has the embedding model make them anew; ``"keep"`` takes them over without calling it,
            which is right only if the same model made them.
        namespace: a template that the payload fills, such as ``("memories", "{user_id}", "{agent_id}")``; by default
            that of ``memory``.
        batch_size: rows that are read, embedded and written at once: what is in memory, what a crash undoes, and in
            asyncio what is worked on between two turns of the event loop.
        progress: called after each batch with the counts so far.
        dry_run: count what would happen, and write nothing.

    Raises:
        ConfigurationError: the source cannot be reached by this role, or has no such table.
        EmbeddingMismatchError: the vectors are to be kept, and have another dimension than those here.
        EmbeddingError: a text has no vector; the batches before are stored, and running it again goes on.
        StorageUnavailableError: one of the databases does not answer; running it again goes on.
    """
    opening = _mem0(memory, table, schema, vectors, namespace)
    return _run(memory.backend, opening, conninfo, batch_size, progress, dry_run=dry_run, twin="aimport_mem0")


async def aimport_mem0(
    memory: PersistMem,
    conninfo: str | None = None,
    *,
    table: str = "mem0",
    schema: str = "public",
    vectors: Vectors = "embed",
    namespace: Namespace | None = None,
    batch_size: int = 200,
    progress: Progress | None = None,
    dry_run: bool = False,
) -> ImportResult:
    """:func:`import_mem0`, awaited."""
    opening = _mem0(memory, table, schema, vectors, namespace)
    return await _arun(memory.backend, opening, conninfo, batch_size, progress, dry_run=dry_run)


def _store(
    memory: Place, schema: str, vectors: Vectors, fields: Sequence[str] | None, unindexed: Literal["leave", "embed"]
) -> Opening:
    if unindexed not in ("leave", "embed"):
        raise InvalidInputError(f"unindexed is {unindexed!r:.40}; use 'leave' or 'embed'")
    store = memory.store if isinstance(memory, PersistMem) else memory
    options = import_postgres_store_flow.Options(
        schema=validation.name(schema, "schema"),
        keep=_kept(vectors),
        fields=index_of({"fields": fields}).fields if fields is not None else None,
        otherwise=index_of(store.index_config).fields,
        everything=unindexed == "embed",
        max_chars=memory.backend.settings.max_text_chars,
    )
    return partial(import_postgres_store_flow.open_postgres_store, options=options)


def _mem0(memory: PersistMem, table: str, schema: str, vectors: Vectors, namespace: Namespace | None) -> Opening:
    options = import_mem0_flow.Options(
        schema=validation.name(schema, "schema"),
        table=validation.name(table, "table"),
        keep=_kept(vectors),
        template=check_template(namespace) if namespace is not None else memory.namespace,
        max_chars=memory.backend.settings.max_text_chars,
    )
    return partial(import_mem0_flow.open_mem0, options=options)


def _kept(vectors: object) -> bool:
    if vectors not in ("embed", "keep"):
        raise InvalidInputError(f"vectors is {vectors!r:.40}; use 'keep' if the same model made them, else 'embed'")
    return vectors == "keep"


def _run(
    backend: SyncBackend | AsyncBackend,
    opening: Opening,
    conninfo: str | None,
    batch_size: int,
    progress: Progress | None,
    *,
    dry_run: bool,
    twin: str = "",
) -> ImportResult:
    validation.count(batch_size, "batch_size", at_least=1, at_most=10_000)
    if isinstance(backend, AsyncBackend):
        raise UseAsyncMethodError(f"this object was opened with aopen() and cannot block; use: await {twin}(...)")
    with ExitStack() as stack:
        connect = _connect(stack, backend, conninfo)
        state = backend.run(import_rows.begin, opening, connect, dry_run=dry_run)
        while not state.done:
            state = backend.run(import_rows.step, state, connect, batch_size=batch_size, now=datetime.now(UTC))
            if progress is not None:
                progress(state.counts)
    return state.counts


async def _arun(
    backend: SyncBackend | AsyncBackend,
    opening: Opening,
    conninfo: str | None,
    batch_size: int,
    progress: Progress | None,
    *,
    dry_run: bool,
) -> ImportResult:
    if isinstance(backend, SyncBackend):
        return await asyncio.to_thread(_run, backend, opening, conninfo, batch_size, progress, dry_run=dry_run)
    validation.count(batch_size, "batch_size", at_least=1, at_most=10_000)
    async with AsyncExitStack() as stack:
        connect = await _aconnect(stack, backend, conninfo)
        state = await backend.arun(import_rows.begin, opening, connect, dry_run=dry_run)
        while not state.done:
            state = await backend.arun(import_rows.step, state, connect, batch_size=batch_size, now=datetime.now(UTC))
            if progress is not None:
                progress(state.counts)
    return state.counts


def _connect(stack: ExitStack, backend: SyncBackend, conninfo: str | None) -> Connect:
    """How the source is read: at one moment, and by a transaction that cannot write."""
    pool = backend.pool
    if conninfo is not None:
        pool = open_pool(stack, conninfo, replace(backend.settings, pool_min=1, pool_max=1))
    return partial(sync_transaction, pool, transaction.Opening(snapshot=True))


async def _aconnect(stack: AsyncExitStack, backend: AsyncBackend, conninfo: str | None) -> Connect:
    pool = backend.pool
    if conninfo is not None:
        pool = await open_async_pool(stack, conninfo, replace(backend.settings, pool_min=1, pool_max=1))
    return partial(async_transaction, pool, transaction.Opening(snapshot=True))
