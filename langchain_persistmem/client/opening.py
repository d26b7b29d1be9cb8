"""Opening the parts of a memory: the pools, the store, the background worker; closed in the reverse order."""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Generator, Mapping
from contextlib import AsyncExitStack, ExitStack
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Generic, Protocol, TypeVar

from langchain_persistmem.client.background_worker import TaskWorker, ThreadWorker
from langchain_persistmem.postgres.connections.pool_opening import open_async_pool, open_pool
from langchain_persistmem.runtime.backend import AsyncBackend, SyncBackend
from langchain_persistmem.runtime.models.model_names import Models
from langchain_persistmem.settings import Settings
from langchain_persistmem.store.async_store import AsyncPersistMemStore
from langchain_persistmem.store.sync_store import PersistMemStore


class Closing(Protocol):
    """Something that is closed at the end of a block."""

    async def aclose(self) -> None:
        """Close it."""
        ...


M = TypeVar("M", bound=Closing)


@dataclass(frozen=True, slots=True)
class Plan:
    """The parts to open, as the arguments of :meth:`PersistMem.open` say."""

    conninfo: str | None
    replica: str | None
    models: Models
    settings: Settings
    store_index: Mapping[str, Any] | None
    store_ttl: Mapping[str, Any] | None


@dataclass(frozen=True, slots=True)
class Parts:
    """Parts that were opened, and the stack that closes them."""

    backend: SyncBackend | AsyncBackend
    stack: ExitStack | AsyncExitStack
    store: PersistMemStore | AsyncPersistMemStore
    worker: ThreadWorker | TaskWorker | None


def open_parts(plan: Plan) -> Parts:
    """Open for blocking use; what was opened before a failure is closed again."""
    with ExitStack() as stack:
        backend = SyncBackend(
            open_pool(stack, plan.conninfo, plan.settings),
            plan.models,
            plan.settings,
            replica=None if plan.replica is None else open_pool(stack, plan.replica, plan.settings),
        )
        store = stack.enter_context(PersistMemStore(backend, index=plan.store_index, ttl=plan.store_ttl))
        worker = ThreadWorker(backend) if _works(backend) else None
        if worker is not None:
            worker.start()
            stack.callback(worker.stop)
        return Parts(backend, stack.pop_all(), store, worker)


async def open_parts_async(plan: Plan) -> Parts:
    """:func:`open_parts` for the running event loop."""
    async with AsyncExitStack() as stack:
        backend = AsyncBackend(
            await open_async_pool(stack, plan.conninfo, plan.settings),
            plan.models,
            plan.settings,
            replica=None if plan.replica is None else await open_async_pool(stack, plan.replica, plan.settings),
        )
        store = AsyncPersistMemStore(backend, index=plan.store_index, ttl=plan.store_ttl)
        await stack.enter_async_context(store)
        worker = TaskWorker(backend) if _works(backend) else None
        if worker is not None:
            worker.start()
            stack.push_async_callback(worker.stop)
        return Parts(backend, stack.pop_all(), store, worker)


def _works(backend: SyncBackend | AsyncBackend) -> bool:
    """True where this process learns in the background."""
    worker = backend.settings.worker
    return backend.model_name is not None if worker is None else worker


class Opening(Generic[M]):
    """The result of :meth:`PersistMem.aopen`, to be awaited or entered with ``async with``."""

    def __init__(self, open_: Callable[[], Coroutine[Any, Any, M]]) -> None:
        self._opened = open_
        self._memory: M | None = None

    def __await__(self) -> Generator[Any, None, M]:
        return self._opened().__await__()

    async def __aenter__(self) -> M:
        self._memory = await self._opened()
        return self._memory

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._memory is not None:
            await self._memory.aclose()
