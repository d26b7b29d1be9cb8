"""Learning in the background of this process: a thread, or a task of the event loop, that lives as long as its memory.

Its only state is in the database: whatever it had not finished when it stops, or is killed, is taken
up by the next one. It is woken when this process has stored something, and otherwise looks by itself.
"""

import asyncio
import logging
import threading
from contextlib import suppress
from datetime import UTC, datetime

from langchain_persistmem.backend import AsyncBackend, Backend, SyncBackend
from langchain_persistmem.engine import work
from langchain_persistmem.errors import PersistMemError, SchemaOutOfDate

logger = logging.getLogger(__name__)

_ROUND = 20
"""Threads that are dealt with between two looks at whether to stop."""
_LONGEST_SLEEP = 30.0
"""Seconds between two looks at the database: other processes leave work too."""
_STOPPING = 5.0
"""Seconds that closing waits for a round to end; what it was at is taken up by the next worker."""


class ThreadWorker:
    """The worker of a blocking memory."""

    def __init__(self, backend: SyncBackend) -> None:
        self._backend = backend
        self._stop = threading.Event()
        self._wake = threading.Event()
        self._thread = threading.Thread(target=self._run, name="persistmem-worker", daemon=True)

    def start(self) -> None:
        """Begin to work."""
        self._thread.start()

    def wake(self) -> None:
        """There is work, or will be soon."""
        self._wake.set()

    def stop(self) -> None:
        """Stop after the thread of conversation that is being learnt from, or leave it to the next worker."""
        self._stop.set()
        self._wake.set()
        self._thread.join(_STOPPING)

    def _run(self) -> None:
        while not self._stop.is_set():
            self._wake.clear()
            try:
                pause = self._backend.run(_round, now=datetime.now(UTC))
            except PersistMemError as error:
                pause = _after(error)
            if pause > 0:
                self._wake.wait(pause)


class TaskWorker:
    """The worker of an asyncio memory."""

    def __init__(self, backend: AsyncBackend) -> None:
        self._backend = backend
        self._wake = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begin to work, on the running loop."""
        self._task = asyncio.create_task(self._run(), name="persistmem-worker")

    def wake(self) -> None:
        """There is work, or will be soon."""
        self._wake.set()

    async def stop(self) -> None:
        """Stop now: an unfinished transaction is rolled back, and the next worker takes the work up."""
        if self._task is not None:
            self._task.cancel()
            with suppress(asyncio.CancelledError):
                await self._task

    async def _run(self) -> None:
        while True:
            self._wake.clear()
            try:
                pause = await self._backend.arun(_round, now=datetime.now(UTC))
            except PersistMemError as error:
                pause = _after(error)
            if pause > 0:
                with suppress(TimeoutError):
                    await asyncio.wait_for(self._wake.wait(), pause)


async def _round(backend: Backend, *, now: datetime) -> float:
    """Deal with what is due; returns the seconds until there may be more."""
    worked = await work.run_once(backend, limit=_ROUND, now=now)
    if worked.threads == _ROUND:
        return 0.0
    seconds = await work.next_due(backend)
    return _LONGEST_SLEEP if seconds is None else min(max(seconds, 0.05), _LONGEST_SLEEP)


def _after(error: PersistMemError) -> float:
    if not isinstance(error, SchemaOutOfDate):  # setup() has not been run yet, and wakes the worker
        logger.warning("the background worker could not work and tries again: %s: %s", type(error).__name__, error)
    return _LONGEST_SLEEP
