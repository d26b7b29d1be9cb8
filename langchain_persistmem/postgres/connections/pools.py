"""Pools of connections: a blocking one, of which a forked child has its own, and an asyncio one that ends with its loop.

Both look four times a second for a server that is away. psycopg's pools double their pauses, and so notice the end of an
outage as late again as it was long. Both give out what has answered once, so that behind a pooler without a session for a
further connection callers share those that they have. Callers of one event loop wait in a queue for as long as others are served.
"""

import asyncio
import socket
import threading
import time
from collections import deque
from collections.abc import AsyncGenerator, Awaitable, Callable, Generator
from contextlib import ExitStack, asynccontextmanager, contextmanager, suppress
from typing import Any, cast

import psycopg
import psycopg_pool
from psycopg.rows import DictRow

from langchain_persistmem.errors import StorageUnavailableError
from langchain_persistmem.postgres.connections.forks import ProcessBound, ProcessLock, react_to_forks, take_over
from langchain_persistmem.postgres.connections.timeouts import NoSessionError

_PAUSE = 0.25  # seconds
_GROWTH_PAUSE = 1.0
"""Seconds after a connection was refused in which a pool that has others asks for no further one."""
_LOOKS = 2
"""Looks at a queue in which nobody was served, before a caller gives up: one may be due to an event loop that was too busy."""


class _Growth:
    """What a pool knows of the connections that it could not have, mixed into psycopg's two classes."""

    _nconns: int  # psycopg's

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self._asks_again = 0.0
        self._is_starved = False
        self._preparing = set[psycopg.BaseConnection[Any]]()

    def _maybe_grow_pool(self) -> None:  # psycopg's, called for every caller who has to wait
        if self._nconns == 0 or time.monotonic() >= self._asks_again:
            cast("Any", super())._maybe_grow_pool()

    def _note_refusal(self) -> None:
        self._asks_again = time.monotonic() + _GROWTH_PAUSE

    @contextmanager
    def _preparation(self, connection: psycopg.BaseConnection[Any]) -> Generator[None]:
        """A block in which ``connection`` gets its first answer; until then nobody else has it."""
        self._preparing.add(connection)
        try:
            yield
            self._is_starved = False
        except NoSessionError:
            self._is_starved = True
            raise
        except psycopg.OperationalError:
            if connection not in self._preparing:
                raise psycopg_pool.PoolClosed("the pool is closing") from None
            raise
        finally:
            self._preparing.discard(connection)

    @contextmanager
    def _named(self) -> Generator[None]:
        """Say in the block why there was no connection in time, where it is known."""
        try:
            yield
        except psycopg_pool.PoolTimeout as error:
            if self._is_starved or self._preparing:
                raise NoSessionError(str(error)) from None
            raise

    def _hang_up(self) -> None:
        """Wait no longer for first answers: a closing pool would wait with them."""
        while self._preparing:
            connection = self._preparing.pop()
            self._is_starved = True  # wait() closes the pool before it says that it was not filled
            with suppress(OSError, psycopg.Error):  # it has ended by itself
                line = socket.socket(fileno=connection.pgconn.socket)
                try:
                    line.shutdown(socket.SHUT_RDWR)  # closing is left to who waits for it
                finally:
                    line.detach()


class ProcessPool(ProcessBound, _Growth, psycopg_pool.ConnectionPool[psycopg.Connection[DictRow]]):
    """psycopg's pool, which begins anew in the child of a fork, when it is first used there.

    The child uses, returns and closes nothing that belongs to the parent: no socket, no thread, no waiting caller.

    Args:
        conninfo: the connection string.
        address: gives the connection string in a child, and puts on the stack what is to be stopped with the pool: the
            embedded server, of which every process has a handle of its own.
        configure: as in psycopg's pool.
        options: those of psycopg's pool.
    """

    def __init__(
        self,
        conninfo: str,
        *,
        address: Callable[[ExitStack], str],
        configure: Callable[[psycopg.Connection[DictRow]], None] | None = None,
        **options: Any,
    ) -> None:
        super().__init__(conninfo, open=False, configure=self._prepare, **options)
        self._address = address
        self._their_configure = configure
        self._options = options
        self._stack = ExitStack()
        self._opening = ProcessLock()
        self._in_child = False
        react_to_forks(self)

    def begin_anew(self) -> None:
        """Forget the parent's pool; see :class:`~langchain_persistmem.postgres.connections.forks.ForkAware`."""
        was_open = not self.closed or self._in_child
        super().__init__(self.conninfo, open=False, configure=self._prepare, **self._options)
        self._stack = ExitStack()
        self._in_child = was_open
        take_over(self)

    def getconn(self, timeout: float | None = None) -> psycopg.Connection[DictRow]:
        """A connection of this process."""
        if self._in_child:
            self._open_in_child()
        with self._named():
            return super().getconn(timeout)

    def wait(self, timeout: float = 30.0) -> None:
        """Wait until the pool is full."""
        with self._named():
            super().wait(timeout)

    def reconnect_failed(self) -> None:
        """Called when a connection was given up."""
        self._note_refusal()
        super().reconnect_failed()

    def close(self, timeout: float = 5.0) -> None:
        """Close what this process has opened."""
        self._in_child = False
        self._hang_up()
        super().close(timeout)
        self._stack.close()

    def _prepare(self, connection: psycopg.Connection[DictRow]) -> None:
        with self._preparation(connection):
            self.check_connection(connection)
            if self._their_configure is not None:
                self._their_configure(connection)

    def _open_in_child(self) -> None:
        with self._opening:
            if self._in_child:
                self.conninfo = self._address(self._stack)
                self.open()
                self._in_child = False


class LoopPool(ProcessBound, _Growth, psycopg_pool.AsyncConnectionPool[psycopg.AsyncConnection[DictRow]]):
    """psycopg's asyncio pool, whose tasks end when their loop cancels them.

    As they are, a worker that is cancelled while it connects goes on to wait for its next task, and `asyncio.run` of a
    program that fails right after it has opened memory waits for that worker for ever.
    """

    def __init__(
        self,
        conninfo: str,
        *,
        configure: Callable[[psycopg.AsyncConnection[DictRow]], Awaitable[None]] | None = None,
        **options: Any,
    ) -> None:
        super().__init__(conninfo, open=False, configure=self._prepare, **options)
        self._their_configure = configure

    async def getconn(self, timeout: float | None = None) -> psycopg.AsyncConnection[DictRow]:  # noqa: ASYNC109 - a pool's
        """A connection."""
        with self._named():
            return await super().getconn(timeout)

    async def wait(self, timeout: float = 30.0) -> None:  # noqa: ASYNC109 - a pool's
        """Wait until the pool is full."""
        with self._named():
            await super().wait(timeout)

    async def reconnect_failed(self) -> None:
        """Called when a connection was given up."""
        self._note_refusal()
        await super().reconnect_failed()

    async def close(self, timeout: float = 5.0) -> None:  # noqa: ASYNC109 - a pool's
        """Close its connections."""
        self._hang_up()
        await super().close(timeout)

    async def _prepare(self, connection: psycopg.AsyncConnection[DictRow]) -> None:
        with self._preparation(connection):
            await self.check_connection(connection)
            if self._their_configure is not None:
                await self._their_configure(connection)

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
