"""Pools of connections: a blocking one, of which a forked child has its own, and an asyncio one that ends with its loop.

Both look four times a second for a server that is away. psycopg's pools double their pauses, and so notice the end of an
outage as late again as it was long. Callers of one event loop wait in a queue for as long as others are served.
"""

import asyncio
import threading
from collections import deque
from collections.abc import AsyncGenerator, Callable
from contextlib import ExitStack, asynccontextmanager, suppress
from typing import Any, cast

import psycopg
import psycopg_pool
from psycopg.rows import DictRow

from langchain_persistmem.errors import StorageUnavailableError
from langchain_persistmem.postgres.connections.forks import ProcessLock, react_to_forks, take_over

_PAUSE = 0.25  # seconds
_LOOKS = 2
"""Looks at a queue in which nobody was served, before a caller gives up: one may be due to an event loop that was too busy."""


class ProcessPool(psycopg_pool.ConnectionPool[psycopg.Connection[DictRow]]):
    """psycopg's pool, which begins anew in the child of a fork, when it is first used there.

    The child uses, returns and closes nothing that belongs to the parent: no socket, no thread, no waiting caller.

    Args:
        conninfo: the connection string.
        address: gives the connection string in a child, and puts on the stack what is to be stopped with the pool: the
            embedded server, of which every process has a handle of its own.
        options: those of psycopg's pool.
    """

    def __init__(self, conninfo: str, *, address: Callable[[ExitStack], str], **options: Any) -> None:
        super().__init__(conninfo, open=False, **options)
        self._address = address
        self._options = options
        self._stack = ExitStack()
        self._opening = ProcessLock()
        self._in_child = False
        react_to_forks(self)

    def begin_anew(self) -> None:
        """Forget the parent's pool; see :class:`~langchain_persistmem.postgres.connections.forks.ForkAware`."""
        was_open = not self.closed or self._in_child
        super().__init__(self.conninfo, open=False, **self._options)
        self._stack = ExitStack()
        self._in_child = was_open
        take_over(self)

    def getconn(self, timeout: float | None = None) -> psycopg.Connection[DictRow]:
        """A connection of this process."""
        if self._in_child:
            self._open_in_child()
        return super().getconn(timeout)

    def close(self, timeout: float = 5.0) -> None:
        """Close what this process has opened."""
        self._in_child = False
        super().close(timeout)
        self._stack.close()

    def _open_in_child(self) -> None:
        with self._opening:
            if self._in_child:
                self.conninfo = self._address(self._stack)
                self.open()
                self._in_child = False


class LoopPool(psycopg_pool.AsyncConnectionPool[psycopg.AsyncConnection[DictRow]]):
    """psycopg's asyncio pool, whose tasks end when their loop cancels them.

    As they are, a worker that is cancelled while it connects goes on to wait for its next task, and `asyncio.run` of a
    program that fails right after it has opened memory waits for that worker for ever.
    """

    @classmethod
    async def worker(cls, q: "asyncio.Queue[Any]") -> None:
        """Run tasks of the pool, until one of them says stop or this is cancelled."""
        await super().worker(cast("Any", _CancellableQueue(q)))

    def _start_workers(self) -> None:
        cast("Any", self._sched)._event = _CancellableEvent()
        super()._start_workers()


class _CancellableEvent(asyncio.Event):
    """An event whose waiter is cancelled also if it is woken in the same moment, which wait_for() before Python 3.12 is not."""

    async def wait_timeout(self, timeout: float) -> bool:  # noqa: ASYNC109 - as psycopg calls it
        """Wait for so many seconds; returns whether the event came."""
        try:
            async with asyncio.timeout(timeout):
                return await self.wait()
        except TimeoutError:
            return False


class _CancellableQueue:
    """A queue of which whoever was cancelled gets nothing more."""

    def __init__(self, queue: "asyncio.Queue[Any]") -> None:
        self._queue = queue

    async def get(self) -> Any:
        check_cancelled()
        return await self._queue.get()


def check_cancelled() -> None:
    """End a task that was cancelled, where that was caught on the way.

    Raises:
        asyncio.CancelledError: it was.
    """
    task = asyncio.current_task()
    if task is not None and task.cancelling():
        raise asyncio.CancelledError


class Reconnection:
    """The reaction of a pool that cannot connect: it looks again soon, as long as it has no connection.

    One object for each pool: ``ConnectionPool(reconnect_timeout=0, reconnect_failed=Reconnection())``.
    """

    def __init__(self) -> None:
        self._waiting = False
        react_to_forks(self)

    def begin_anew(self) -> None:
        """Forget the parent's timer, which does not run in the child of a fork."""
        self._waiting = False

    def __call__(self, pool: "psycopg_pool.ConnectionPool[Any]") -> None:
        """Called in a thread of the pool, for each connection that it gave up."""
        if not self._waiting:
            self._waiting = True
            timer = threading.Timer(_PAUSE, self._look, (pool,))
            timer.daemon = True
            timer.start()

    def _look(self, pool: "psycopg_pool.ConnectionPool[Any]") -> None:
        self._waiting = False
        with suppress(psycopg.Error):  # whoever asks a pool that has no connection makes it open one
            pool.putconn(pool.getconn(timeout=0.001))


class AsyncReconnection:
    """:class:`Reconnection` for an asyncio pool."""

    def __init__(self) -> None:
        self._looking: asyncio.Task[None] | None = None

    def __call__(self, pool: "psycopg_pool.AsyncConnectionPool[Any]") -> None:
        """Called in a task of the pool, for each connection that it gave up."""
        if self._looking is None or self._looking.done():
            self._looking = asyncio.create_task(self._look(pool), name="persistmem-reconnect")

    async def _look(self, pool: "psycopg_pool.AsyncConnectionPool[Any]") -> None:
        await asyncio.sleep(_PAUSE)
        self._looking = None
        with suppress(psycopg.Error):
            await pool.putconn(await pool.getconn(timeout=0.001))


class ConnectionQueue:
    """As many turns at a time as a pool has connections.

    A pool alone gives up on whoever waits too long, however fast it serves: a thousand tasks that
    come at once would fail by their number. Here only a standstill is a failure.
    """

    def __init__(self, number: int, timeout: float) -> None:
        """``timeout``: seconds after which it is a standstill that nobody was served."""
        self._number = number
        self._timeout = timeout
        self._free = number
        self._waiting: deque[asyncio.Future[None]] = deque()
        self._served = 0
        self._seen = 0
        self._idle = 0
        self._watching = False

    @asynccontextmanager
    async def turn(self) -> AsyncGenerator[None]:
        """Wait for a turn; it lasts as long as the block.

        Raises:
            StorageUnavailableError: all connections are in use, and for ``timeout`` seconds nobody was done.
        """
        await self._take()
        served = True
        try:
            yield
        except StorageUnavailableError:  # a turn that ended so shows nobody that the server works
            served = False
            raise
        finally:
            self._served += served
            self._leave()

    async def _take(self) -> None:
        if self._free:
            self._free -= 1
            return
        turn = asyncio.get_running_loop().create_future()
        self._waiting.append(turn)
        self._watch()
        try:
            await turn
        except asyncio.CancelledError:
            if turn.done() and not turn.cancelled() and turn.exception() is None:
                self._leave()  # the turn had just come
            raise

    def _leave(self) -> None:
        while self._waiting:
            turn = self._waiting.popleft()
            if not turn.done():  # cancelled meanwhile
                turn.set_result(None)
                return
        self._free += 1

    def _watch(self) -> None:
        if not self._watching:
            self._watching, self._seen, self._idle = True, self._served, 0
            asyncio.get_running_loop().call_later(self._timeout / _LOOKS, self._look)

    def _look(self) -> None:
        self._watching = False
        if not any(not turn.done() for turn in self._waiting):
            return
        idle = self._idle + 1 if self._served == self._seen else 0
        if idle >= _LOOKS:
            self._give_up()
        else:
            self._watch()
            self._idle = idle

    def _give_up(self) -> None:
        for turn in self._waiting:
            if not turn.done():
                turn.set_exception(
                    StorageUnavailableError(
                        f"all {self._number} connections were in use for {self._timeout:g} s; "
                        "look for what blocks them, or raise Settings.pool_max"
                    )
                )
        self._waiting.clear()
