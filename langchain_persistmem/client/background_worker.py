"""Workers that learn in the background of this process: a thread, or a task of the event loop, for as long as a memory is open.

A worker's only state is in the database. Work that it leaves unfinished is taken up by the next worker: at once after
an orderly stop, after the lease has expired where it was killed. It is woken when this process has stored turns, and
otherwise looks by itself.
"""

import asyncio
import logging
import threading
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime
from uuid import UUID

from langchain_persistmem.errors import PersistMemError, SchemaOutOfDateError, StorageUnavailableError
from langchain_persistmem.learning.background import learning_rounds
from langchain_persistmem.postgres.connections.forks import ProcessLock, react_to_forks
from langchain_persistmem.postgres.connections.pools import check_cancelled
from langchain_persistmem.runtime.backend import AsyncBackend, Backend, SyncBackend
from langchain_persistmem.types.actor import acting_as
from langchain_persistmem.types.progress import Report
from langchain_persistmem.types.results import ProcessResult

logger = logging.getLogger(__name__)

_ROUND_THREADS = 20
"""Conversations that are learnt from in a round."""
_MAX_SLEEP = 30.0
"""Seconds between two looks at the database: other processes leave work too."""
_RECONNECT_SECONDS = 1.0
"""Seconds until the next look at a database that could not be reached, which was waited for before."""
_STOP_SECONDS = 3.0
"""Seconds that closing waits for the conversation being learnt from; the next worker takes up what took longer."""
_GIVE_BACK_SECONDS = 1.0
"""Seconds that closing waits for the database to take the leases back; otherwise they run out."""


class ThreadWorker:
    """The worker of a blocking memory.

    Args:
        backend: the database and the models.
        limit: conversations that are learnt from in a round.
        rounds: None means until it is stopped.
        report: called with the result of each round.
        progress: called after each conversation of a round.
    """

    def __init__(
        self,
        backend: SyncBackend,
        *,
        limit: int = _ROUND_THREADS,
        rounds: int | None = None,
        report: Callable[[ProcessResult], None] | None = None,
        progress: Report | None = None,
    ) -> None:
        self._backend = backend
        self._limit = limit
        self._rounds = rounds
        self._report = report
        self._progress = progress
        self.failure: PersistMemError | None = None
        """The error that ended a worker with a number of rounds; one without tries again."""
        self._starting = ProcessLock()
        self.begin_anew()
        react_to_forks(self)

    def begin_anew(self) -> None:
        """Make the state of one process: a child has a lease and a thread of its own, which its first :meth:`wake` starts."""
        self._lease = self._backend.new_id()
        self._stop = threading.Event()
        self._wake = threading.Event()
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        """Begin to work, in this process."""
        with self._starting:
            if self._thread is None and not self._stop.is_set():
                self._thread = threading.Thread(target=self._run, name="persistmem-worker", daemon=True)
                self._thread.start()

    def wake(self) -> None:
        """Signal that there is work, or will be soon."""
        self._wake.set()
        self.start()

    def join(self, seconds: float) -> bool:
        """Wait for its end; True if it ends by itself within so many seconds."""
        if self._thread is not None:
            self._thread.join(seconds)
        return self._thread is None or not self._thread.is_alive()

    def stop(self) -> None:
        """Stop after the conversation that is being learnt from, or else give it back to the next worker."""
        self._stop.set()
        self._wake.set()
        if not self.join(_STOP_SECONDS):
            returning = threading.Thread(target=self._give_back, name="persistmem-worker-stop", daemon=True)
            returning.start()
            returning.join(_GIVE_BACK_SECONDS)

    def _give_back(self) -> None:
        with suppress(PersistMemError):  # the lease runs out by itself
            self._backend.run(learning_rounds.give_back, self._lease)

    def _run(self) -> None:
        while not self._stop.is_set() and self._rounds != 0:
            self._wake.clear()
            if self._stop.is_set():  # it came between the two lines above
                return
            if self._rounds is not None:
                self._rounds -= 1
            try:
                pause = self._backend.run(self._round, now=datetime.now(UTC))
            except PersistMemError as error:
                if self._rounds is not None:
                    self.failure = error
                    return
                pause = _pause_after(error)
            if pause > 0 and self._rounds != 0:
                self._wake.wait(pause)

    async def _round(self, backend: Backend, *, now: datetime) -> float:
        return await _round(
            backend,
            limit=self._limit,
            lease=self._lease,
            stopping=self._stop.is_set,
            report=self._report,
            progress=self._progress,
            now=now,
        )


class TaskWorker:
    """The worker of an asyncio memory."""

    def __init__(self, backend: AsyncBackend) -> None:
        self._backend = backend
        self._lease = backend.new_id()
        self._wake = asyncio.Event()
        self._working = False
        self._stopping = False
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begin to work, on the running loop."""
        self._task = asyncio.create_task(self._run(), name="persistmem-worker")

    def wake(self) -> None:
        """Signal that there is work, or will be soon."""
        self._wake.set()

    async def stop(self) -> None:
        """Stop now: an unfinished transaction is rolled back, and the work given back to the next worker."""
        if self._task is None:
            return
        task, self._stopping = self._working, True
        self._task.cancel()  # before Python 3.12 wait_for() can swallow it, when it has just been woken
        with suppress(asyncio.CancelledError):
            await self._task
        if task:
            with suppress(PersistMemError, TimeoutError):  # the lease runs out by itself
                await asyncio.wait_for(self._backend.arun(learning_rounds.give_back, self._lease), _GIVE_BACK_SECONDS)

    async def _run(self) -> None:
        while not self._stopping:
            check_cancelled()
            self._wake.clear()
            self._working = True
            try:
                pause = await self._backend.arun(self._round, now=datetime.now(UTC))
            except PersistMemError as error:
                pause = _pause_after(error)
            self._working = False
            if pause > 0 and not self._stopping:
                with suppress(TimeoutError):
                    async with asyncio.timeout(pause):
                        await self._wake.wait()

    async def _round(self, backend: Backend, *, now: datetime) -> float:
        return await _round(backend, limit=_ROUND_THREADS, lease=self._lease, stopping=lambda: self._stopping, now=now)


async def _round(
    backend: Backend,
    *,
    limit: int,
    lease: UUID,
    stopping: Callable[[], bool] = lambda: False,
    report: Callable[[ProcessResult], None] | None = None,
    progress: Report | None = None,
    now: datetime,
) -> float:
    """Learn from the threads that are due; return the seconds until there may be more."""
    with acting_as("worker"):  # whoever opened the memory: a task inherits that
        has_work = await learning_rounds.run_once(
            backend, limit=limit, lease=lease, stopping=stopping, progress=progress, now=now
        )
    if report is not None:
        report(has_work)
    if has_work.threads == limit:
        return 0.0
    seconds = await learning_rounds.next_due(backend)
    return _MAX_SLEEP if seconds is None else min(max(seconds, 0.05), _MAX_SLEEP)


def _pause_after(error: PersistMemError) -> float:
    if not isinstance(error, SchemaOutOfDateError):  # setup() has not been run yet, and wakes the worker
        logger.warning("the background worker could not work and tries again: %s: %s", type(error).__name__, error)
    return _RECONNECT_SECONDS if isinstance(error, StorageUnavailableError) else _MAX_SLEEP
