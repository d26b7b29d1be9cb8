"""AsyncPersistMemStore: the store of ``PersistMem.aopen()``, which also works without PersistMem."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Iterable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from datetime import UTC, datetime
from types import TracebackType
from typing import Any, Self

from langgraph.store.base import Op, Result
from psycopg import AsyncConnection, AsyncPipeline
from psycopg_pool import AsyncConnectionPool

from langchain_persistmem.errors import ConfigurationError, UseAsyncMethodError
from langchain_persistmem.postgres.connections.pool_opening import PoolConfig, async_pool_of, open_async_pool
from langchain_persistmem.runtime import setup as setup_flow
from langchain_persistmem.runtime.backend import AsyncBackend
from langchain_persistmem.settings import Settings
from langchain_persistmem.store import batch as store_batch
from langchain_persistmem.store import expiry
from langchain_persistmem.store.base import Deserializer, Store
from langchain_persistmem.store.index_and_ttl import (
    Config,
    index_of,
    models_of_index,
    without_model,
)
from langchain_persistmem.store.merged_calls import MergedCalls
from langchain_persistmem.store.sweeper import TaskSweeper
from langchain_persistmem.types import validation
from langchain_persistmem.types.argument_checks import check_arguments


class AsyncPersistMemStore(Store):
    """LangGraph's ``AsyncPostgresStore``, over the memories of one database, for the event loop that it is made on.

    See :class:`PersistMemStore` for the contract. The blocking methods (``get``, ``put``, ...)
    are for other threads only; on the loop's own thread they raise :class:`UseAsyncMethodError`.
    """

    @check_arguments(ConfigurationError)
    def __init__(
        self,
        conn: AsyncBackend | AsyncConnectionPool[Any] | AsyncConnection[Any],
        *,
        pipe: AsyncPipeline | None = None,
        deserializer: Deserializer | None = None,
        index: Config | None = None,
        ttl: Config | None = None,
        settings: Settings = Settings(),  # noqa: B008 - immutable
    ) -> None:
        """Make a store on an open pool or connection; the arguments are those of :class:`PersistMemStore`."""
        if isinstance(conn, AsyncBackend):
            self._backend, options, self.embeddings = conn, index_of(without_model(index)), None
        else:
            models = models_of_index(index, settings, blocking=False)
            self._backend, self.embeddings = AsyncBackend(async_pool_of(conn), models, settings), models.embeddings
            options = None if index is None else index_of(index)
        self._set(index, options, ttl, deserializer)
        self._loop = asyncio.get_running_loop()
        self._sweeper = TaskSweeper(self.sweep_ttl)
        self._calls = MergedCalls(self._do)

    @classmethod
    @check_arguments(ConfigurationError)
    @asynccontextmanager
    async def from_conn_string(
        cls,
        conn_string: str,
        *,
        pipeline: bool = False,
        pool_config: PoolConfig | None = None,
        index: Config | None = None,
        ttl: Config | None = None,
        settings: Settings = Settings(),  # noqa: B008 - immutable
    ) -> AsyncGenerator[Self]:
        """Open a store with ``async with``; see :meth:`PersistMemStore.from_conn_string`."""
        async with AsyncExitStack() as stack:
            pool = await open_async_pool(stack, conn_string, settings, pool_config)
            yield await stack.enter_async_context(cls(pool, index=index, ttl=ttl, settings=settings))

    async def __aenter__(self) -> Self:
        await asyncio.to_thread(setup_flow.load_files)
        if self._sweeps_by_itself:
            await self.start_ttl_sweeper()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._sweeper.close()

    def batch(self, ops: Iterable[Op]) -> list[Result]:
        """Call :meth:`abatch` from a thread other than the event loop's.

        Raises:
            UseAsyncMethodError: called on the loop's own thread, or when the loop does not run.
        """
        with suppress(RuntimeError):  # no loop runs in this thread: the usual case
            if asyncio.get_running_loop() is self._loop:
                raise UseAsyncMethodError(
                    "a blocking call would stop its own event loop; use: await ...abatch(...), or the method of the "
                    "same name with an 'a' before it"
                )
        if not self._loop.is_running():
            raise UseAsyncMethodError("the event loop of this store does not run; use: await ...abatch(...) on it")
        return asyncio.run_coroutine_threadsafe(self.abatch(ops), self._loop).result()

    async def abatch(self, ops: Iterable[Op]) -> list[Result]:
        """Do ``ops``; see :meth:`PersistMemStore.batch`.

        Gets and puts that other tasks of the loop begin at the same moment are done with them, in one batch; a call that
        fails does so alone.
        """
        return self._load_values(await self._calls.call(validation.check_list(ops, "ops")))

    async def _do(self, ops: Sequence[Op]) -> list[Result]:
        return await self._backend.arun(store_batch.batch, **self._flow(ops))

    async def setup(self) -> list[str]:
        """Bring the database up to date; see :meth:`PersistMemStore.setup`."""
        return await self._backend.arun(setup_flow.setup, dimensions=self._dims, now=datetime.now(UTC))

    async def sweep_ttl(self) -> int:
        """Erase expired items; see :meth:`PersistMemStore.sweep_ttl`."""
        return await self._backend.arun(expiry.sweep_ttl, now=datetime.now(UTC))

    asetup, asweep_ttl = setup, sweep_ttl  # the names that both stores share

    @check_arguments()
    async def start_ttl_sweeper(self, sweep_interval_minutes: float | None = None) -> asyncio.Task[None]:
        """Sweep at intervals in a task; cancelling it stops the sweeper. See :meth:`PersistMemStore.start_ttl_sweeper`."""
        seconds = self._sweep_seconds(sweep_interval_minutes)
        return asyncio.create_task(asyncio.sleep(0)) if seconds is None else self._sweeper.start(seconds)

    @check_arguments()
    async def stop_ttl_sweeper(self, timeout: float | None = None) -> bool:  # noqa: ASYNC109 - as upstream's
        """Stop sweeping; see :meth:`PersistMemStore.stop_ttl_sweeper`."""
        return await self._sweeper.stop(None if timeout is None else validation.seconds(timeout, "timeout"))
