"""Failed work: another try after a pause, the turns given up after the last one as dead letters, and their second chance."""

import logging
from collections.abc import Sequence
from datetime import datetime, timedelta
from uuid import UUID

from langchain_persistmem.errors import ModelError
from langchain_persistmem.learning.background.retry_pause import pause_after
from langchain_persistmem.learning.rule_candidates import learn_by_rules
from langchain_persistmem.postgres.queries import messages, work_leases
from langchain_persistmem.postgres.queries.generations import hold_existing
from langchain_persistmem.postgres.queries.work_leases import Job
from langchain_persistmem.runtime import generations
from langchain_persistmem.runtime.backend import Backend
from langchain_persistmem.runtime.consent_checks import may_learn
from langchain_persistmem.runtime.setup import ready
from langchain_persistmem.types import validation
from langchain_persistmem.types.namespace import EVERYWHERE, Namespace, encode
from langchain_persistmem.types.results import DeadLetter

logger = logging.getLogger(__name__)


async def fail_work(
    backend: Backend,
    job: Job | None,
    error: ModelError,
    turns: Sequence[str] | None,
    generation: UUID,
    *,
    now: datetime,
) -> int:
    """Try again later, or give up the turns (None: all open ones) after the last attempt; returns how many."""
    if job is None:
        return 0
    settings, attempts, failure = backend.settings, job.attempts + 1, str(error)
    if attempts < settings.max_attempts:
        pause = pause_after(settings, attempts)
        await backend.step(postpone, job, pause=pause, attempts=attempts, failure=failure)
        return 0
    try:
        await learn_by_rules(backend, job.namespace, job.thread_id, turns, generation, now=now)
    except ModelError as missing:  # the embedding model: then the turns alone are what is known
        logger.warning("nothing was learnt by rules from turns that are given up: %s", missing)
    count = await backend.step(_give_up, job, turns, generation, failure=failure, now=now)
    if count is None:
        return 0
    logger.error("%d turns of a thread were given up; admin.dead_letters() lists them: %s", count, error)
    return count


async def postpone(backend: Backend, job: Job | None, *, pause: timedelta, attempts: int, failure: str | None) -> None:
    """Set a thread free, due again after ``pause``; nothing where the caller has no job."""
    if job is not None:
        async with backend.transaction(job.namespace, repeatable=True) as tx:
            await work_leases.postpone_work(tx, job, pause=pause, attempts=attempts, failure=failure)


async def _give_up(
    backend: Backend, job: Job, turns: Sequence[str] | None, generation: UUID, *, failure: str, now: datetime
) -> int | None:
    async with backend.transaction(job.namespace) as tx:
        if await hold_existing(tx, job.namespace) != generation:  # erased meanwhile: not even the name comes back
            return None
        count = await messages.give_up_messages(tx, job.namespace, job.thread_id, turns, failure=failure, now=now)
        await work_leases.postpone_work(
            tx, job, pause=timedelta(0), attempts=0, failure=failure
        )  # others may still be open
    return count


async def dead_letters(backend: Backend, namespace: Namespace | None) -> list[DeadLetter]:
    """The turns that no attempt could be learnt from, by thread, of one namespace or of all."""
    await ready(backend)
    async with backend.transaction(namespace or EVERYWHERE, atomic=False) as tx:
        return await messages.list_dead_letters(tx, namespace)


async def retry(backend: Backend, namespace: Namespace, thread_id: str, *, now: datetime) -> int:
    """Let the turns of a thread that were given up be learnt from again, by a worker or the next observe(); how many."""
    validation.name(thread_id, "thread_id")
    encode(namespace)
    await ready(backend)
    async with backend.transaction(namespace) as tx:
        if await hold_existing(tx, namespace) is None:
            return 0
        state = await generations.hold(tx, backend, namespace, now=now)
        if not may_learn(state.consent):  # nothing is given up there: what waited was closed
            return 0
        revived = await messages.retry_dead_letters(tx, namespace, thread_id)
        if revived:
            longest = timedelta(seconds=backend.settings.max_wait_seconds)
            await work_leases.enqueue_thread(tx, namespace, thread_id, quiet=timedelta(0), longest=longest)
    return revived
