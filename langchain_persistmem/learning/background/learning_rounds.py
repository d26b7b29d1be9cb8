"""Rounds of learning in the background: from threads with pending work, each held by a lease that another worker can take over.

A thread with new turns has a row of pending work, written with them. A worker holds a lease on the row
while it learns from the thread; if it dies, the lease expires. The turns themselves keep two workers
from learning the same twice: only one of them can close the turns.
"""

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from uuid import UUID

from langchain_persistmem.errors import ErasedError, ModelError
from langchain_persistmem.learning.background.failed_work import fail_work, postpone
from langchain_persistmem.learning.background.missing_vectors import make_missing
from langchain_persistmem.learning.chat_model.daily_cap import CapReachedError
from langchain_persistmem.learning.conversations import dropped_change
from langchain_persistmem.learning.extraction import LearnResult, learn
from langchain_persistmem.learning.insert import ChangeResult
from langchain_persistmem.learning.turns.turn_memories import IndexResult, index_turns, withdraw_waiting
from langchain_persistmem.learning.upgrade.rewrite import rewrite_due, rewrite_thread
from langchain_persistmem.postgres.queries import consent as consent_queries
from langchain_persistmem.postgres.queries import missing_vectors, namespaces, rewrites, work_leases
from langchain_persistmem.postgres.queries.generations import hold_existing
from langchain_persistmem.postgres.queries.turns import OpenThread
from langchain_persistmem.postgres.queries.work_leases import Job
from langchain_persistmem.runtime import generations
from langchain_persistmem.runtime.backend import Backend
from langchain_persistmem.runtime.consent_checks import may_learn
from langchain_persistmem.runtime.setup import ready
from langchain_persistmem.types import validation
from langchain_persistmem.types.namespace import EVERYWHERE, Namespace
from langchain_persistmem.types.progress import Meter, Report
from langchain_persistmem.types.results import ProcessResult

logger = logging.getLogger(__name__)


@dataclass(slots=True)
class ThreadTotal:
    """The outcome of a thread so far."""

    done: ChangeResult = field(default_factory=ChangeResult)
    skipped: int = 0
    capped: bool = False
    dead_letters: int = 0
    dropped: int = 0
    waiting: int | None = None
    """Messages that wait to be learnt from, where that is known."""

    def add(self, batch: LearnResult | IndexResult, namespace: Namespace, thread_id: str) -> None:
        """Add the outcome of one batch."""
        changes = [replace(change, namespace=namespace, thread_id=thread_id) for change in batch.done.changes]
        if isinstance(batch, LearnResult):
            changes += [
                dropped_change(omission.text, omission.reason, omission.message_ids, thread_id, namespace)
                for omission in batch.omissions
            ]
            self.dropped += len(batch.omissions)
            by_assistant = sum(omission.reason == "assistant_only" for omission in batch.omissions)
            if by_assistant:
                logger.info("%d statements were dropped: only the assistant said them", by_assistant)
        self.done += replace(batch.done, changes=tuple(changes))
        self.skipped += batch.skipped


async def run_once(
    backend: Backend,
    *,
    limit: int,
    lease: UUID | None = None,
    stopping: Callable[[], bool] = lambda: False,
    progress: Report | None = None,
    now: datetime,
) -> ProcessResult:
    """Learn from up to ``limit`` threads that are due, of any namespace; a failure of one delays none of the others.

    Args:
        lease: what the threads are held with, so that :func:`give_back` can set them free.
        stopping: asked before each thread whether to take no other.
        progress: called after each thread.
    """
    validation.count(limit, "limit", at_least=1, at_most=10_000)
    await ready(backend)
    leased = timedelta(seconds=backend.settings.lease_seconds)
    total, threads, postponed = ThreadTotal(), 0, 0
    meter = Meter(progress, "threads", min(limit, await _count_due(backend)) if progress else None)
    for _ in range(limit):  # one at a time: a lease should not run while another thread is worked on
        if stopping():
            break
        job = await _claim(backend, lease or backend.new_id(), leased)
        if job is None:
            break
        threads += 1
        postponed += await _work_on(backend, job, total, now=now)
        meter.advance()
    vectors_made = await make_missing(backend, limit=limit, stopping=stopping, now=now)
    rewrites_done = await rewrite_due(backend, limit=limit, stopping=stopping, now=now)
    done = total.done
    return ProcessResult(
        threads=threads,
        added=done.added,
        reinforced=done.reinforced,
        superseded=done.superseded,
        quarantined=done.quarantined,
        postponed=postponed,
        dead_letters=total.dead_letters,
        vectors_added=vectors_made.memories,
        dropped=total.dropped,
        changes=done.changes,
        rewrites=rewrites_done,
    )


async def _count_due(backend: Backend) -> int:
    async with backend.transaction(EVERYWHERE, atomic=False) as tx:
        return (await work_leases.count_work(tx, None))["due"]


async def _claim(backend: Backend, lease: UUID, leased: timedelta) -> Job | None:
    """Take a thread that is due; one that an unanswered try may have taken is set free first."""
    tried = False

    async def claim(backend: Backend) -> Job | None:
        nonlocal tried
        async with backend.transaction(EVERYWHERE, repeatable=True) as tx:
            if tried:
                await work_leases.give_back_leases(tx, lease)
            tried = True
            return await work_leases.claim_work(tx, lease=lease, leased=leased)

    return await backend.step(claim)


async def _close_thread(backend: Backend, namespace: Namespace, thread_id: str, *, now: datetime) -> None:
    """A worker has come to a thread that it may not learn from: nothing of it waits any more.

    Nothing is done where learning was allowed again, or the namespace erased, meanwhile.
    """
    async with backend.transaction(namespace) as tx:
        if await hold_existing(tx, namespace) is None:
            return
        state = await namespaces.read_state(tx, namespace)
        if state is not None and not may_learn(state.consent):
            await withdraw_waiting(tx, namespace, thread_id, now=now)
            await consent_queries.drop_work(tx, namespace, thread_id)


async def _work_on(backend: Backend, job: Job, total: ThreadTotal, *, now: datetime) -> bool:
    """Learn from one thread; whether it has to be tried again later."""
    state = await backend.step(generations.present, job.namespace)
    if state is None:  # erased meanwhile, and its work with it
        return False
    if not may_learn(state.consent):
        await backend.step(_close_thread, job.namespace, job.thread_id, now=now)
        return False
    total.capped = False
    try:
        await learn_all(backend, job.namespace, job.thread_id, state.generation, job, total, now=now)
    except ErasedError:  # meanwhile, and the work with it
        return False
    except ModelError as error:
        logger.warning("learning from a thread failed: %s", error)
        return True
    return total.capped


async def give_back(backend: Backend, lease: UUID) -> int:
    """Set the threads free that are held with ``lease``: they are due for the next worker; returns how many."""
    async with backend.transaction(EVERYWHERE, repeatable=True) as tx:
        return await work_leases.give_back_leases(tx, lease)


async def next_due(backend: Backend) -> float | None:
    """Seconds until work is due; None if none waits."""
    model = await ready(backend)
    async with backend.transaction(EVERYWHERE, atomic=False) as tx:
        waiting = [await work_leases.next_due(tx), await missing_vectors.next_missing(tx, model)]
        if backend.may_have_rewrites:
            waiting.append(await rewrites.next_rewrite(tx))
    return min((seconds for seconds in waiting if seconds is not None), default=None)


async def learn_all(
    backend: Backend,
    namespace: Namespace,
    thread_id: str,
    generation: UUID,
    job: Job | None,
    total: ThreadTotal,
    open_thread: OpenThread | None = None,
    *,
    now: datetime,
) -> None:
    """Learn from all open turns of a thread, then settle its job, if it is the caller's."""
    leased = timedelta(seconds=backend.settings.lease_seconds)
    unanswered: Sequence[str] | None = None
    try:
        await index_all(backend, namespace, thread_id, generation, total, open_thread, job, now=now)
        if total.waiting == 0:  # then the job was finished with the last messages
            return
        total.waiting = None
        while (batch := await backend.step(learn, namespace, thread_id, generation, now=now)) is not None:
            total.add(batch, namespace, thread_id)
            if batch.failure is not None:
                unanswered = batch.failed
                raise batch.failure
            if not batch.more:
                break  # what came meanwhile has its own entry of work
            if job is not None and not await backend.step(_renew, job, leased):
                return  # it took too long: somebody else goes on
    except CapReachedError as cap:
        total.capped = True
        await backend.step(postpone, job, pause=cap.until_tomorrow, attempts=job.attempts if job else 0, failure=None)
    except ModelError as error:
        total.dead_letters += await fail_work(backend, job, error, unanswered, generation, now=now)
        raise
    else:
        if job is not None:
            await backend.step(_finish, job)


async def index_all(
    backend: Backend,
    namespace: Namespace,
    thread_id: str,
    generation: UUID,
    total: ThreadTotal,
    open_thread: OpenThread | None,
    job: Job | None = None,
    *,
    now: datetime,
) -> None:
    """Let all unsettled messages of a thread become memories."""
    total.waiting = None
    await rewrite_thread(backend, namespace, thread_id, now=now)
    more = True
    while more:
        batch = await backend.step(
            index_turns, namespace, thread_id, generation, open_thread=open_thread, job=job, now=now
        )
        open_thread = None
        more = batch is not None and batch.more
        if batch is not None:
            total.waiting = None if more else batch.waiting
            # With a model a turn is judged again when it learns from it, and counted then.
            counted = batch if backend.model_name is None else replace(batch, skipped=0)
            total.add(counted, namespace, thread_id)


async def _renew(backend: Backend, job: Job, leased: timedelta) -> bool:
    async with backend.transaction(job.namespace, atomic=False) as tx:
        return await work_leases.renew_lease(tx, job, leased=leased)


async def _finish(backend: Backend, job: Job) -> None:
    async with backend.transaction(job.namespace, repeatable=True) as tx:
        await work_leases.finish_work(tx, job)
