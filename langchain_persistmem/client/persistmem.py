"""PersistMem: the one object that an application holds."""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Generator, Mapping, Sequence
from contextlib import AsyncExitStack, ExitStack
from datetime import UTC, datetime
from types import TracebackType
from typing import Any, Self

from langchain_core.embeddings import Embeddings
from langchain_core.language_models import BaseChatModel
from pydantic import BaseModel

from langchain_persistmem.checkpointer.async_saver import AsyncPersistMemSaver
from langchain_persistmem.checkpointer.sync_saver import PersistMemSaver
from langchain_persistmem.checkpointer.thread_owners import Register
from langchain_persistmem.client.controlling import Controlling
from langchain_persistmem.client.erasing import Erasing
from langchain_persistmem.client.moving import Moving
from langchain_persistmem.client.overseeing import Overseeing
from langchain_persistmem.client.reading import Reading
from langchain_persistmem.client.tending import Tending
from langchain_persistmem.client.worker import TaskWorker, ThreadWorker
from langchain_persistmem.client.writing import Writing
from langchain_persistmem.errors import UseAsyncMethodError
from langchain_persistmem.postgres.connection import open_async_pool, open_pool
from langchain_persistmem.postgres.timeouts import unhurried
from langchain_persistmem.runtime.backend import AsyncBackend, SyncBackend
from langchain_persistmem.runtime.models import LOCAL, models_of
from langchain_persistmem.runtime.setup import setup
from langchain_persistmem.settings import Settings
from langchain_persistmem.store.async_store import AsyncPersistMemStore
from langchain_persistmem.store.sync_store import PersistMemStore
from langchain_persistmem.types.extraction_schema import Schema
from langchain_persistmem.types.namespace import Namespace, check_naming, check_template
from langchain_persistmem.types.user_profile import Profile

_TEMPLATE = ("memories", "{user_id}")


class PersistMem(Reading, Writing, Tending, Controlling, Overseeing, Erasing, Moving):
    """Long-term memory in one PostgreSQL database.

    Made by :meth:`open` or :meth:`aopen`, closed by leaving the ``with`` block. Opened with
    ``open()``, every ``x`` blocks and every ``ax`` runs in a thread; opened with ``aopen()``,
    every ``ax`` is native and ``x`` raises :class:`UseAsyncMethodError`. One object serves many
    threads, or many tasks, at once.
    """

    def __init__(
        self,
        backend: SyncBackend | AsyncBackend,
        stack: ExitStack | AsyncExitStack,
        namespace: Namespace,
        store: PersistMemStore | AsyncPersistMemStore,
        worker: ThreadWorker | TaskWorker | None = None,
        profile: type[BaseModel] = Profile,
        erase_namespaces: tuple[Namespace, ...] = (),
    ) -> None:
        """Use :meth:`open` or :meth:`aopen`."""
        self._erase_namespaces = erase_namespaces
        self._profile = profile
        self._worker = worker
        self._backend = backend
        self._stack = stack
        self._namespace = namespace
        self._store = store
        register = Register(backend, namespace)
        self._saver = (
            PersistMemSaver(backend.pool, register=register)
            if isinstance(backend, SyncBackend)
            else AsyncPersistMemSaver(backend.pool, register=register)
        )

    @classmethod
    def open(
        cls,
        conninfo: str | None = None,
        *,
        embeddings: Embeddings | str = LOCAL,
        model: BaseChatModel | str | None = None,
        settings: Settings = Settings(),  # noqa: B008 - immutable
        namespace: Namespace = _TEMPLATE,
        profile: type[BaseModel] = Profile,
        schema: Schema | None = None,
        store_index: Mapping[str, Any] | None = None,
        store_ttl: Mapping[str, Any] | None = None,
        erase_namespaces: Sequence[Namespace] = (),
    ) -> PersistMem:
        """Open memory for blocking use.

        Args:
            conninfo: PostgreSQL connection string or URI; without one an embedded server is
                started (extra ``[embedded]``), whose data outlives the process.
            embeddings: any LangChain ``Embeddings``, ``"provider:model"`` (extra ``[agents]``), or
                ``"local"``, which runs offline (extra ``[local]``).
            model: chat model for extraction, an object or ``"provider:model"``; without one,
                turns become dated memories by rules.
            settings: see :class:`Settings`.
            namespace: whose memories, with names in braces that each call fills.
            profile: the pydantic class of the users' profiles.
            schema: a pydantic class, a list of them or their union, for what the chat model extracts: each memory
                then carries one as ``value["content"]``.
            store_index: how :attr:`store` searches: LangGraph's ``IndexConfig`` without ``embed``, such as
                ``{"fields": ["text", "tags[*]"], "hybrid": True}``.
            store_ttl: how its items expire: LangGraph's ``TTLConfig``. With ``sweep_interval_minutes``
                they are erased in the background until :meth:`close`.
            erase_namespaces: what else names a person and goes with everything of theirs, such as
                ``[("agents", "*", "{user_id}")]``; ``"*"`` is any label, and all below it is meant too.

        Raises:
            ConfigurationError: an argument cannot work; the message names it.
            StorageUnavailableError: PostgreSQL does not answer.
        """
        check_template(namespace)
        others = check_naming(erase_namespaces)
        models = models_of(embeddings, model, settings, schema)
        with ExitStack() as stack:
            backend = SyncBackend(open_pool(stack, conninfo, settings), models, settings)
            store = stack.enter_context(PersistMemStore(backend, index=store_index, ttl=store_ttl))
            worker = ThreadWorker(backend) if _works(backend) else None
            if worker is not None:
                worker.start()
                stack.callback(worker.stop)
            return cls(backend, stack.pop_all(), namespace, store, worker, profile, others)

    @classmethod
    def aopen(
        cls,
        conninfo: str | None = None,
        *,
        embeddings: Embeddings | str = LOCAL,
        model: BaseChatModel | str | None = None,
        settings: Settings = Settings(),  # noqa: B008 - immutable
        namespace: Namespace = _TEMPLATE,
        profile: type[BaseModel] = Profile,
        schema: Schema | None = None,
        store_index: Mapping[str, Any] | None = None,
        store_ttl: Mapping[str, Any] | None = None,
        erase_namespaces: Sequence[Namespace] = (),
    ) -> Opening:
        """:meth:`open` for asyncio: ``async with PersistMem.aopen(...) as memory:``, or await it and call :meth:`aclose`."""
        check_template(namespace)
        others = check_naming(erase_namespaces)
        models = models_of(embeddings, model, settings, schema)

        async def opened() -> PersistMem:
            async with AsyncExitStack() as stack:
                backend = AsyncBackend(await open_async_pool(stack, conninfo, settings), models, settings)
                store = AsyncPersistMemStore(backend, index=store_index, ttl=store_ttl)
                await stack.enter_async_context(store)
                worker = TaskWorker(backend) if _works(backend) else None
                if worker is not None:
                    worker.start()
                    stack.push_async_callback(worker.stop)
                return cls(backend, stack.pop_all(), namespace, store, worker, profile, others)

        return Opening(opened)

    def close(self) -> None:
        """Close what was opened: the pool, and the embedded server if nobody else uses it. May be called twice."""
        if isinstance(self._stack, AsyncExitStack):
            raise UseAsyncMethodError("this object was opened with aopen(); use: await memory.aclose()")
        self._stack.close()

    async def aclose(self) -> None:
        """:meth:`close` for an object that was opened with :meth:`aopen`."""
        if isinstance(self._stack, AsyncExitStack):
            await self._stack.aclose()
        else:
            self._stack.close()

    def __enter__(self) -> Self:
        if isinstance(self._stack, AsyncExitStack):
            raise UseAsyncMethodError("this object was opened with aopen(); use: async with")
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.aclose()

    @property
    def store(self) -> PersistMemStore | AsyncPersistMemStore:
        """The same memories as a LangGraph store: ``compile(store=memory.store)``."""
        return self._store

    @property
    def saver(self) -> PersistMemSaver | AsyncPersistMemSaver:
        """The LangGraph checkpointer on the same pool: ``compile(checkpointer=memory.saver)``."""
        return self._saver

    @property
    def namespace(self) -> Namespace:
        """The template that ``user_id`` fills."""
        return self._namespace

    def setup(self) -> list[str]:
        """Bring the database up to date, LangGraph's checkpoint tables included.

        Safe at every start and from many processes at once.

        Returns:
            The names of the migrations that were applied.

        Raises:
            ConfigurationError: the server lacks pgvector, or the role lacks rights.
            SchemaOutOfDateError: the database is newer than this package.
            EmbeddingMismatchError: the memories were embedded with another model.
        """
        applied = self._backend.run(setup, now=datetime.now(UTC))
        if isinstance(self._saver, PersistMemSaver):  # run() has refused the other one
            with unhurried():
                self._saver.setup()
        self._wake()
        return applied

    async def asetup(self) -> list[str]:
        """:meth:`setup`, awaited."""
        applied = await self._backend.arun(setup, now=datetime.now(UTC))
        with unhurried():
            await self._saver.asetup()
        self._wake()
        return applied


def _works(backend: SyncBackend | AsyncBackend) -> bool:
    """Whether this process learns in the background."""
    chosen = backend.settings.worker
    return backend.model_name is not None if chosen is None else chosen


class Opening:
    """What :meth:`PersistMem.aopen` returns: to be awaited, or to be entered with ``async with``."""

    def __init__(self, opened: Callable[[], Coroutine[Any, Any, PersistMem]]) -> None:
        self._opened = opened
        self._memory: PersistMem | None = None

    def __await__(self) -> Generator[Any, None, PersistMem]:
        return self._opened().__await__()

    async def __aenter__(self) -> PersistMem:
        self._memory = await self._opened()
        return self._memory

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._memory is not None:
            await self._memory.aclose()
