"""PersistMemStore: the memories as a LangGraph store, for ``graph.compile(store=memory.store)`` or without PersistMem.

LangGraph's base class turns its methods (``get``, ``put``, ``search``, ``delete``, ``list_namespaces`` and their
async twins) into operations for ``batch`` and ``abatch``; see ``batch.py``.
"""

from __future__ import annotations

from collections.abc import Generator, Iterable
from concurrent.futures import Future
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime
from types import TracebackType
from typing import Any, Self

from langgraph.store.base import Op, Result
from psycopg import Connection, Pipeline
from psycopg_pool import ConnectionPool

from langchain_persistmem.errors import ConfigurationError
from langchain_persistmem.postgres.connections.pool_opening import PoolConfig, open_pool, pool_of
from langchain_persistmem.runtime import setup as setup_flow
from langchain_persistmem.runtime.backend import SyncBackend
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
from langchain_persistmem.store.sweeper import CLOSE_TIMEOUT, ThreadSweeper
from langchain_persistmem.types import validation
from langchain_persistmem.types.argument_checks import check_arguments


class PersistMemStore(Store):
    """LangGraph's ``PostgresStore``, over the memories of one database; its async methods run in a thread.

    Usually taken from :attr:`PersistMem.store`. It works without PersistMem too: from :meth:`from_conn_string`,
    or over a pool or a connection of the application, which is neither opened nor closed here.
    """

    @check_arguments(ConfigurationError)
    def __init__(
        self,
        conn: SyncBackend | ConnectionPool[Any] | Connection[Any],
        *,
        pipe: Pipeline | None = None,
        deserializer: Deserializer | None = None,
        index: Config | None = None,
        ttl: Config | None = None,
        settings: Settings = Settings(),  # noqa: B008 - immutable
    ) -> None:
        """Make a store on an open pool or connection.

        Args:
            conn: a pool, or a connection in autocommit mode whose callers then take turns.
            pipe: accepted as by upstream and not needed: the connection that it belongs to is used as it is.
            deserializer: makes an item's value from its JSON.
            index: LangGraph's ``IndexConfig`` (``dims``, ``embed``, ``fields``), ``distance_type`` (``cosine``,
                ``l2``, ``inner_product``), ``hybrid`` for full-text search as well, and ``ann_index_config``, which is
                checked and not needed. Without an index nothing is embedded, and a search ignores its query.
            ttl: LangGraph's ``TTLConfig``; with ``sweep_interval_minutes`` the sweeper starts on entering.
            settings: language, ranking and sizes.

        Raises:
            ConfigurationError: an argument cannot work; the message names it.
        """
        # PersistMem passes its backend, which has the models: an index with a model of its own would contradict it.
        if isinstance(conn, SyncBackend):
            self._backend, options, self.embeddings = conn, index_of(without_model(index)), None
        else:
            models = models_of_index(index, settings, blocking=True)
            self._backend, self.embeddings = SyncBackend(pool_of(conn), models, settings), models.embeddings
            options = None if index is None else index_of(index)
        self._set(index, options, ttl, deserializer)
        self._sweeper = ThreadSweeper(self.sweep_ttl)

    @classmethod
    @check_arguments(ConfigurationError)
    @contextmanager
    def from_conn_string(
        cls,
        conn_string: str,
        *,
        pipeline: bool = False,
        pool_config: PoolConfig | None = None,
        index: Config | None = None,
        ttl: Config | None = None,
        settings: Settings = Settings(),  # noqa: B008 - immutable
    ) -> Generator[Self]:
        """Open a store with its own pool: ``with PersistMemStore.from_conn_string(...) as store: store.setup()``.

        Args:
            conn_string: PostgreSQL connection string or URI.
            pipeline: accepted as by upstream and not needed: a batch is few statements on one connection.
            pool_config: ``min_size``, ``max_size``, ``kwargs`` for each connection, and further options of psycopg's pool.
            index: see the class.
            ttl: see the class.
            settings: see the class.

        Raises:
            ConfigurationError: an argument cannot work; the message names it.
            StorageUnavailableError: PostgreSQL does not answer.
        """
        with ExitStack() as stack:  # the store leaves first, so that its sweeper ends before the pool closes
            pool = open_pool(stack, conn_string, settings, pool_config)
            yield stack.enter_context(cls(pool, index=index, ttl=ttl, settings=settings))

    def __enter__(self) -> Self:
        if self._sweeps_by_itself:
            self.start_ttl_sweeper()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop_ttl_sweeper(CLOSE_TIMEOUT)

    def batch(self, ops: Iterable[Op]) -> list[Result]:
        """Do ``ops``; the results come in their order.

        Raises:
            InvalidInputError: an operation cannot be done (a ``ValueError``); none was.
            InvalidNamespaceError: a label is empty, no string, or has a period; nothing was done.
            EmbeddingError: a text or a query has no vector; nothing was done.
            SchemaOutOfDateError: ``setup()`` has not been run on this database.
        """
        return self._load_values(self._backend.run(store_batch.batch, **self._flow(ops)))

    async def abatch(self, ops: Iterable[Op]) -> list[Result]:
        """Do ``ops`` in a thread; see :meth:`batch`."""
        return self._load_values(await self._backend.arun(store_batch.batch, **self._flow(ops)))

    def setup(self) -> list[str]:
        """Bring the database up to date; safe at every start and from many processes at once.

        Returns:
            The names of the migrations that were applied.

        Raises:
            ConfigurationError: the server lacks pgvector, the role lacks rights, or ``dims`` is not the model's.
            SchemaOutOfDateError: the database is newer than this package.
            EmbeddingMismatchError: the memories were embedded with another model.
        """
        return self._backend.run(setup_flow.setup, dimensions=self._dims, now=datetime.now(UTC))

    async def asetup(self) -> list[str]:
        """Bring the database up to date in a thread; see :meth:`setup`."""
        return await self._backend.arun(setup_flow.setup, dimensions=self._dims, now=datetime.now(UTC))

    def sweep_ttl(self) -> int:
        """Erase the expired items of every namespace; return their number."""
        return self._backend.run(expiry.sweep_ttl, now=datetime.now(UTC))

    async def asweep_ttl(self) -> int:
        """Erase expired items in a thread; see :meth:`sweep_ttl`."""
        return await self._backend.arun(expiry.sweep_ttl, now=datetime.now(UTC))

    @check_arguments()
    def start_ttl_sweeper(self, sweep_interval_minutes: float | None = None) -> Future[None]:
        """Sweep at intervals, in a thread, until :meth:`stop_ttl_sweeper` or the end of the ``with`` block.

        Args:
            sweep_interval_minutes: by default what ``ttl`` says, else 5; without any ``ttl``, nothing is started.

        Returns:
            A future that ends with the sweeper; cancelling it stops the sweeper.
        """
        seconds = self._sweep_seconds(sweep_interval_minutes)
        if seconds is not None:
            return self._sweeper.start(seconds)
        idle: Future[None] = Future()
        idle.set_result(None)
        return idle

    @check_arguments()
    def stop_ttl_sweeper(self, timeout: float | None = None) -> bool:
        """Stop sweeping; False if a sweep in progress did not end within ``timeout`` seconds."""
        return self._sweeper.stop(None if timeout is None else validation.seconds(timeout, "timeout"))
