"""The backend: the database, the embedding model and the chat model, which are all that a flow may await.

A flow is written once, as ``async def`` over a :class:`Backend`. :class:`SyncBackend` answers
every await at once, so that a flow runs to its end in a single step, without a loop or a thread;
:class:`AsyncBackend` runs the same flow on the event loop. Beside this file, only the transactions
(``postgres/transaction.py``, ``transaction_opening.py`` and ``blocking.py``) know the difference.
"""

import asyncio
import time
from abc import abstractmethod
from collections import OrderedDict
from collections.abc import AsyncGenerator, Awaitable, Callable, Coroutine, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from typing import Any, Concatenate, ParamSpec, TypeVar, cast
from uuid import UUID

from langchain_core.utils.uuid import uuid7

from langchain_persistmem.errors import (
    ConfigurationError,
    PersistMemError,
    StorageUnavailableError,
    UseAsyncMethodError,
)
from langchain_persistmem.postgres import telemetry
from langchain_persistmem.postgres.blocking import finished
from langchain_persistmem.postgres.commit_confirmation import confirm_commit
from langchain_persistmem.postgres.connections.connection_setup import AsyncPool, SyncPool
from langchain_persistmem.postgres.connections.forks import ProcessBound
from langchain_persistmem.postgres.connections.pools import ConnectionQueue
from langchain_persistmem.postgres.retry import Backoff, retry
from langchain_persistmem.postgres.row_security_settings import reach_settings
from langchain_persistmem.postgres.transaction import Opening, Transaction
from langchain_persistmem.postgres.transaction_opening import async_transaction, sync_transaction
from langchain_persistmem.postgres.vector_index.hnsw_indexes import Unindexed
from langchain_persistmem.postgres.vector_index.search_plan import SearchPlans
from langchain_persistmem.runtime.models.model_calls import ModelCalls
from langchain_persistmem.runtime.models.model_names import Models
from langchain_persistmem.runtime.replica import Replica
from langchain_persistmem.settings import Settings
from langchain_persistmem.types.namespace import NOBODY, Namespace, Reach

P = ParamSpec("P")
T = TypeVar("T")
Flow = Callable[Concatenate["Backend", P], Coroutine[Any, Any, T]]
"""A flow of the engine: it awaits its backend and nothing else."""


_QUERIES_AT_ONCE = 8
"""Calls of the embedding model that run at a time for several questions: LangChain embeds questions one by one."""


class Backend(ProcessBound, ModelCalls):
    """The database and the models, as a flow awaits them. Nothing here holds a connection while a model works.

    Its methods are written once. A subclass makes the calls that differ: of a model, of a pause, of a connection.
    """

    def __init__(self, models: Models, settings: Settings, *, pool_size: int, has_replica: bool = False) -> None:
        super().__init__(models, settings)
        self.migrated = False
        """The schema was found up to date."""
        self.sees_everywhere = True
        """This role may see all namespaces at once; looked up with the schema."""
        self.has_missing_vectors = False
        """This process has stored memories without vectors, which are still to be made."""
        self.may_have_rewrites = True
        """Namespaces may be in the form of before; False once it is known that none is left."""
        self.scripts_read = set[str]()
        """Scripts that the embedding model was seen to read."""
        self.with_speakers = OrderedDict[Namespace, None]()
        """Namespaces whose last search brought turns of named speakers, as far as they are remembered."""
        self.search_plans = SearchPlans()
        """The plans by which large namespaces were searched lately."""
        self.unindexed = Unindexed[Namespace]()
        """Counts of vectors that were written into large namespaces and are in no index yet."""
        self.after_commit: Callable[[Backend, Mapping[Namespace, int]], Coroutine[Any, Any, None]] | None = None
        """The flow that puts these vectors into their index, run after a commit."""
        self.item_texts: Callable[[Mapping[str, Any]], Sequence[str]] | None = None
        """The texts of an item that its store indexes; None where that is the item's own text."""
        self._replica = Replica() if has_replica else None
        self._pool_size = pool_size

    def new_id(self) -> UUID:
        """A new id, ordered by time (UUID version 7)."""
        return uuid7()

    def transaction(
        self,
        reach: Reach,
        *,
        atomic: bool = True,
        snapshot: bool = False,
        read_committed: bool = False,
        repeatable: bool = False,
    ) -> AbstractAsyncContextManager[Transaction]:
        """A connection for the namespaces of ``reach`` and no others, which the database enforces if row-level security is on.

        All or nothing; with ``atomic=False`` single statements, for reads; with ``snapshot=True`` reads that all see the
        database at one moment; with ``read_committed=True`` statements that see what others committed meanwhile.
        ``repeatable=True`` says that doing it twice is as good as once, should the answer to its COMMIT be lost.
        """
        opening = self._opening(reach, atomic=atomic, snapshot=snapshot, read_committed=read_committed)
        if self._replica is not None and atomic and not snapshot:
            self._replica.has_written = True
        return confirm_commit(
            lambda: self._begin(opening),
            self._pause,
            Backoff(self.settings.connect_seconds),
            writes=atomic and not snapshot,
            repeatable=repeatable,
        )

    @asynccontextmanager
    async def reading(self, reach: Reach, *, snapshot: bool = False) -> AsyncGenerator[Transaction]:
        """A connection for reads that need not see the last write: to the replica, where there is one and it answers.

        With ``Settings.read_your_writes`` reads see what this object has written: a replica that lags behind it is not asked.
        """
        async with AsyncExitStack() as stack:
            tx = await self._on_replica(stack, self._opening(reach, atomic=False, snapshot=snapshot))
            if tx is None:
                yield await stack.enter_async_context(self.transaction(reach, atomic=False, snapshot=snapshot))
                return
            try:
                yield tx
            except StorageUnavailableError:
                cast("Replica", self._replica).leave()
                raise

    async def _on_replica(self, stack: AsyncExitStack, opening: Opening) -> Transaction | None:
        if self._replica is None:
            return None
        return await self._replica.enter(
            stack,
            begin=lambda: self._begin_on_replica(opening),
            begin_on_primary=lambda: self.transaction(NOBODY, atomic=False),
            read_your_writes=self.settings.read_your_writes,
        )

    def _opening(self, reach: Reach, *, atomic: bool, snapshot: bool = False, read_committed: bool = False) -> Opening:
        settings = reach_settings(reach) if self.settings.row_level_security else {}
        if not self.sees_everywhere and settings.get("persistmem.all_namespaces") == "on":
            # It would find nothing, in silence.
            raise ConfigurationError(
                "this needs to see all namespaces, which row-level security does not let this role do; use the role that "
                "`persistmem rls enable --everywhere-to` named"
            )
        return Opening(
            atomic=atomic,
            snapshot=snapshot,
            read_committed=read_committed,
            settings=settings,
            schema=self.settings.schema,
        )

    async def step(self, flow: "Flow[P, T]", *args: P.args, **kwargs: P.kwargs) -> T:
        """Run a part of a flow with a commit of its own; like a whole flow it is run again if nothing of it was done.

        Outside of a step, an error after a flow's first commit ends the flow.
        """
        backoff = Backoff(self.settings.connect_seconds, at_once=self._pool_size)  # all of its connections may be dead
        result = await retry(lambda: flow(self, *args, **kwargs), self._pause, backoff)
        if self.after_commit is not None and (new := self.unindexed.take()):
            await self.after_commit(self, new)
        return result

    @abstractmethod
    def run(self, flow: "Flow[P, T]", *args: P.args, **kwargs: P.kwargs) -> T:
        """Run ``flow`` to its end, blocking."""

    @abstractmethod
    async def arun(self, flow: "Flow[P, T]", *args: P.args, **kwargs: P.kwargs) -> T:
        """Run ``flow`` to its end, awaiting."""

    @abstractmethod
    def _begin(self, opening: Opening) -> AbstractAsyncContextManager[Transaction]:
        """A transaction on a connection of the pool."""

    @abstractmethod
    def _begin_on_replica(self, opening: Opening) -> AbstractAsyncContextManager[Transaction]:
        """A transaction on a connection of the replica's pool."""


class SyncBackend(Backend):
    """The blocking backend: its awaits return at once."""

    def __init__(self, pool: SyncPool, models: Models, settings: Settings, *, replica: SyncPool | None = None) -> None:
        super().__init__(models, settings, pool_size=pool.max_size, has_replica=replica is not None)
        self.pool = pool
        self._replica_pool = replica

    def run(self, flow: "Flow[P, T]", *args: P.args, **kwargs: P.kwargs) -> T:
        with telemetry.operation(_name_of(flow)):
            return finished(self.step(flow, *args, **kwargs))

    async def arun(self, flow: "Flow[P, T]", *args: P.args, **kwargs: P.kwargs) -> T:
        return await asyncio.to_thread(self.run, flow, *args, **kwargs)

    def _begin(self, opening: Opening) -> AbstractAsyncContextManager[Transaction]:
        return sync_transaction(self.pool, opening)

    def _begin_on_replica(self, opening: Opening) -> AbstractAsyncContextManager[Transaction]:
        return sync_transaction(cast("SyncPool", self._replica_pool), opening)

    async def _pause(self, seconds: float) -> None:
        time.sleep(seconds)  # noqa: ASYNC251 - there is no loop here

    async def _call(self, blocking: Callable[[], T], awaiting: Callable[[], Awaitable[T]]) -> T:
        return blocking()

    async def _gather(self, calls: Sequence[Callable[[], Awaitable[T]]]) -> list[T]:
        return [await call() for call in calls]


class AsyncBackend(Backend):
    """The asyncio backend; it belongs to the event loop that it was opened on."""

    def __init__(
        self, pool: AsyncPool, models: Models, settings: Settings, *, replica: AsyncPool | None = None
    ) -> None:
        super().__init__(models, settings, pool_size=pool.max_size, has_replica=replica is not None)
        self.pool = pool
        self._replica_pool = replica
        self._replica_queue = ConnectionQueue(replica.max_size, settings.connect_seconds) if replica else None
        self._queue = ConnectionQueue(pool.max_size, settings.connect_seconds)

    def run(self, flow: "Flow[P, T]", *args: P.args, **kwargs: P.kwargs) -> T:
        raise UseAsyncMethodError(
            f"this object was opened with aopen() and cannot block; use: await ...a{_name_of(flow)}(...)"
        )

    async def arun(self, flow: "Flow[P, T]", *args: P.args, **kwargs: P.kwargs) -> T:
        with telemetry.operation(_name_of(flow)):
            return await self.step(flow, *args, **kwargs)

    @asynccontextmanager
    async def _begin(self, opening: Opening) -> AsyncGenerator[Transaction]:
        async with self._queue.turn(), async_transaction(self.pool, opening) as transaction:
            yield transaction

    @asynccontextmanager
    async def _begin_on_replica(self, opening: Opening) -> AsyncGenerator[Transaction]:
        queue, pool = cast("ConnectionQueue", self._replica_queue), cast("AsyncPool", self._replica_pool)
        async with queue.turn(), async_transaction(pool, opening) as transaction:
            yield transaction

    async def _pause(self, seconds: float) -> None:
        await asyncio.sleep(seconds)

    async def _call(self, blocking: Callable[[], T], awaiting: Callable[[], Awaitable[T]]) -> T:
        return await awaiting()

    async def _gather(self, calls: Sequence[Callable[[], Awaitable[T]]]) -> list[T]:
        if len(calls) == 1:
            return [await calls[0]()]
        free = asyncio.Semaphore(_QUERIES_AT_ONCE)

        async def limit_calls(call: Callable[[], Awaitable[T]]) -> T:
            async with free:
                return await call()

        failure: BaseException | None = None
        try:
            async with asyncio.TaskGroup() as group:  # the first failure stops the others
                tasks = [group.create_task(limit_calls(call)) for call in calls]
        except* PersistMemError as failed:
            failure = failed.exceptions[0]
        else:
            return [task.result() for task in tasks]
        raise failure  # one error as a caller expects it, and no group


def _name_of(flow: Callable[..., object]) -> str:
    return flow.__name__.strip("_")  # list_ is list
