"""Observing a conversation: its new turns are stored, become memories, and are learnt from, now or by a worker."""

import logging
from collections.abc import Sequence
from datetime import datetime, timedelta
from functools import partial
from uuid import UUID

from langchain_persistmem.errors import ModelError
from langchain_persistmem.learning.background.learning_rounds import ThreadTotal, index_all, learn_all
from langchain_persistmem.learning.background.missing_vectors import make_some_missing
from langchain_persistmem.learning.extraction import learn
from langchain_persistmem.learning.insert import ChangeResult
from langchain_persistmem.learning.turns.new_turns import check_turns, store_turns
from langchain_persistmem.learning.turns.turn_memories import read_open
from langchain_persistmem.learning.upgrade.rewrite import rewrite_some
from langchain_persistmem.postgres.answer import Answer
from langchain_persistmem.postgres.queries import memories, messages, work_leases
from langchain_persistmem.postgres.queries.turns import OpenThread
from langchain_persistmem.postgres.queries.work_leases import Job
from langchain_persistmem.postgres.transaction import Transaction
from langchain_persistmem.runtime.audit_log import record
from langchain_persistmem.runtime.backend import Backend
from langchain_persistmem.runtime.consent_checks import may_write
from langchain_persistmem.runtime.setup import ready
from langchain_persistmem.types import validation
from langchain_persistmem.types.namespace import Namespace
from langchain_persistmem.types.records import SkipReason, Turn
from langchain_persistmem.types.results import ObserveResult

logger = logging.getLogger(__name__)


async def observe(
    backend: Backend,
    namespace: Namespace,
    turns: Sequence[Turn],
    *,
    thread_id: str,
    used: Sequence[str],
    background: bool,
    now: datetime,
) -> ObserveResult:
    """Store the turns that are new, count what was used, and learn from the thread, now or in the background.

    Args:
        used: keys of the memories that were in the model's context for these turns.
        background: leave the learning to a worker.

    Raises:
        InvalidInputError: a turn cannot be stored; none was.
        ExtractionError: the model failed; the turns are stored and the next call, or a worker, learns from them.
        EmbeddingError: the same, for the embedding model.
    """
    turns = check_turns(turns, namespace, thread_id)
    used = validation.names(used, "used")
    await ready(backend)
    work, open_messages = None, None
    enqueue = partial(_enqueue, backend, namespace, thread_id, background=background, lease=backend.new_id())
    # The turns and their entry of pending work are one transaction: whatever happens to this process or to its model,
    # a worker finds the thread. Who learns at once holds the entry's lease, so that no worker does the same meanwhile.
    async with backend.transaction(namespace) as tx:
        result = await store_turns(tx, backend, namespace, thread_id, turns, now=now)
        stored, withheld, state = result.stored, result.withheld, result.state
        if stored and withheld is None:
            work = enqueue(tx)
        if used and may_write(state.consent):
            memories.record_uses(tx, namespace, used, now=now)
        record(tx, backend, namespace, "observed", turns=stored)
        # The messages that become memories next are read with the COMMIT that stores them.
        if withheld is None:
            open_messages = read_open(tx, backend, namespace, thread_id)
    total = ThreadTotal(done=ChangeResult(superseded=len(result.changes), changes=result.changes))
    if withheld is not None:
        logger.info("a conversation is not learnt from: %s", withheld)
        return _observe_result(stored, total, 0, withheld)
    # A connection that was lost with the COMMIT took the other answers with it; the thread is enqueued anyway.
    if work is None:
        job = None
    elif work.is_lost:
        async with backend.transaction(namespace, repeatable=True) as tx:
            job = await enqueue(tx)
    else:
        job = await work
    open_thread = None
    if open_messages is not None and not (open_messages.is_lost or backend.may_have_rewrites):
        open_thread = await open_messages
    if background:
        await _index_now(backend, namespace, thread_id, state.generation, open_thread, total, now=now)
    else:
        await learn_all(backend, namespace, thread_id, state.generation, job, total, open_thread, now=now)
    waiting = total.waiting
    if waiting is None:
        waiting = await backend.step(_count_open, namespace, thread_id) if background or total.capped else 0
    await make_some_missing(backend, now=now)
    await rewrite_some(backend, namespace, now=now)
    return _observe_result(stored, total, waiting, None)


def _enqueue(
    backend: Backend, namespace: Namespace, thread_id: str, tx: Transaction, *, background: bool, lease: UUID
) -> Answer[Job | None]:
    """Note that the thread has new messages, for a worker; or take the work, whose lease is ``lease`` then."""
    settings = backend.settings
    return work_leases.enqueue_thread(
        tx,
        namespace,
        thread_id,
        quiet=timedelta(seconds=settings.quiet_seconds if background else settings.retry_seconds),
        longest=timedelta(seconds=settings.max_wait_seconds),
        lease=None if background else lease,
        leased=None if background else timedelta(seconds=settings.lease_seconds),
    )


async def _index_now(
    backend: Backend,
    namespace: Namespace,
    thread_id: str,
    generation: UUID,
    open_thread: OpenThread | None,
    total: ThreadTotal,
    *,
    now: datetime,
) -> None:
    """Make turns recallable before a worker comes; if that fails, the worker does it."""
    try:
        await index_all(backend, namespace, thread_id, generation, total, open_thread, now=now)
        more = backend.model_name is None and total.waiting != 0
        while more:  # rules cost nothing: an instruction holds for the very next turn
            total.waiting = None
            batch = await backend.step(learn, namespace, thread_id, generation, now=now)
            more = batch is not None and batch.more
            if batch is not None:
                total.add(batch, namespace, thread_id)
    except ModelError as error:
        logger.warning("turns are found once a worker has embedded them: %s", error)


async def _count_open(backend: Backend, namespace: Namespace, thread_id: str) -> int:
    async with backend.transaction(namespace, atomic=False) as tx:
        return await messages.count_open(tx, namespace, thread_id)


def _observe_result(stored: int, total: ThreadTotal, waiting: int, withheld: SkipReason | None) -> ObserveResult:
    done = total.done
    return ObserveResult(
        stored=stored,
        added=done.added,
        reinforced=done.reinforced,
        skipped=total.skipped,
        superseded=done.superseded,
        quarantined=done.quarantined,
        pending=waiting,
        dropped=total.dropped,
        changes=done.changes,
        skip_reason=withheld,
    )
