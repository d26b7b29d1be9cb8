"""Sweepers, which erase expired items at intervals: a thread for the sync store, a task for the async store.

Any number of processes may sweep one database: each erasure locks its namespace, and then reads
again which items have expired.
"""

import asyncio
import logging
import threading
from collections.abc import Awaitable, Callable
from concurrent.futures import Future, InvalidStateError
from contextlib import suppress

from langchain_persistmem.postgres.connections.pools import check_cancelled

logger = logging.getLogger(__name__)

CLOSE_TIMEOUT = 5.0
"""Seconds that closing a store waits for a sweep in progress."""


class ThreadSweeper:
    """A daemon thread that calls ``sweep`` at intervals."""

    def __init__(self, sweep: Callable[[], int]) -> None:
        self._sweep = sweep
        self._stopped = threading.Event()
        self._thread: threading.Thread | None = None
        self._future: Future[None] | None = None
        self._starting = threading.Lock()

    def start(self, seconds: float) -> Future[None]:
        """Sweep every ``seconds``, the first time after the first interval; a running sweeper goes on.

        Returns:
            A future that is done when the sweeper has ended; cancelling it stops the sweeper.
        """
        with self._starting:
            if self._thread is not None and self._thread.is_alive() and self._future and not self._stopped.is_set():
                return self._future
            future: Future[None] = Future()
            stop = threading.Event()  # a new one: an older thread may still wait for its own before it ends
            future.add_done_callback(lambda done: stop.set() if done.cancelled() else None)
            thread = threading.Thread(
                target=self._loop, args=(seconds, stop, future), name="persistmem-ttl-sweeper", daemon=True
            )
            self._future, self._stopped, self._thread = future, stop, thread
            thread.start()
            return future

    def stop(self, timeout: float | None) -> bool:
        """Stop, and wait at most ``timeout`` seconds for a sweep in progress; False if it still runs then."""
        thread = self._thread
        self._stopped.set()
        if thread is None or thread is threading.current_thread():
            return True
        thread.join(timeout)
        return not thread.is_alive()

    def _loop(self, seconds: float, stop: threading.Event, future: Future[None]) -> None:
        while not stop.wait(seconds):
            try:
                _report(self._sweep())
            except Exception as error:  # noqa: BLE001 - whatever fails, the next sweep may succeed
                _complain(error)
        with suppress(InvalidStateError):  # cancelled meanwhile
            future.set_result(None)


class TaskSweeper:
    """A task of the running event loop that awaits ``sweep`` at intervals."""

    def __init__(self, sweep: Callable[[], Awaitable[int]]) -> None:
        self._sweep = sweep
        self._stopped = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    def start(self, seconds: float) -> asyncio.Task[None]:
        """Sweep every ``seconds``; cancelling the task stops the sweeper. See :meth:`ThreadSweeper.start`."""
        if self._task is None or self._task.done() or self._stopped.is_set():
            self._stopped = asyncio.Event()
            self._task = asyncio.create_task(self._loop(seconds, self._stopped), name="persistmem-ttl-sweeper")
        return self._task

    async def stop(self, timeout: float | None) -> bool:  # noqa: ASYNC109 - bounds the wait only
        """Stop; see :meth:`ThreadSweeper.stop`."""
        self._stopped.set()
        if self._task is None:
            return True
        await asyncio.wait({self._task}, timeout=timeout)
        return self._task.done()

    async def close(self) -> None:
        """Stop; a sweep that takes too long is cancelled, and its transaction is rolled back."""
        if self._task is not None and not await self.stop(CLOSE_TIMEOUT):
            self._task.cancel()
            await asyncio.wait({self._task})

    async def _loop(self, seconds: float, stop: asyncio.Event) -> None:
        while True:
            check_cancelled()
            with suppress(TimeoutError):
                async with asyncio.timeout(seconds):
                    await stop.wait()
                return
            try:
                _report(await self._sweep())
            except Exception as error:  # noqa: BLE001 - whatever fails, the next sweep may succeed
                _complain(error)


def _report(erased: int) -> None:
    if erased:
        logger.info("erased %d expired items", erased)


def _complain(error: Exception) -> None:
    logger.warning("a sweep of expired items failed, the next one tries again: %s: %s", type(error).__name__, error)
