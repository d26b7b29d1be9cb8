"""The rewrite: databases of before are brought to the present form in the background, one namespace after the other.

Each batch is a transaction of its own under the namespace's lock, with its cursor: whoever is killed goes on there, and two
at once do no harm. No model is asked for it. Terms come first, which nothing depends on. Memories follow, then messages become
turns, with the status that the statements on them give: there is never a turn that recall finds while its statement is past.
"""

import logging
from collections.abc import Callable
from datetime import datetime, timedelta
from uuid import UUID

from langchain_persistmem.errors import ErasedError, PersistMemError
from langchain_persistmem.learning.background.retry_pause import pause_after
from langchain_persistmem.learning.turns.turn_memories import index_turns
from langchain_persistmem.learning.upgrade.memory_form import rewrite_memories
from langchain_persistmem.postgres.queries import namespaces, rewrites, search_index
from langchain_persistmem.postgres.queries.generations import hold_existing
from langchain_persistmem.postgres.retry import apart
from langchain_persistmem.runtime.backend import Backend
from langchain_persistmem.runtime.consent_checks import may_learn
from langchain_persistmem.types.namespace import EVERYWHERE, Namespace

logger = logging.getLogger(__name__)

_BATCH = 200
"""Rows of one transaction."""
_ROUND_BATCHES = 10
"""Batches between two looks of a worker at what is to be learnt."""


async def rewrite_due(
    backend: Backend, *, limit: int, stopping: Callable[[], bool] = lambda: False, now: datetime
) -> int:
    """Work on up to ``limit`` namespaces that are due, for some batches; one that fails delays no other.

    Returns:
        The namespaces that have the present form now.
    """
    finished, batches = 0, _ROUND_BATCHES
    if not backend.may_have_rewrites:
        return finished
    for _ in range(limit):
        claimed = None if stopping() or not batches else await backend.step(_claim, None)
        if claimed is None:
            break
        namespace, attempts = claimed
        more = True
        # A few batches, and then what is to be learnt comes first again: a namespace of millions would hold a worker for long.
        try:
            while more and batches and not stopping():
                more = await _do_batch(backend, namespace, now=now)
                batches -= 1
        except PersistMemError as error:
            await _fail(backend, namespace, attempts, error)
            continue
        if more:
            await backend.step(_postpone, namespace, timedelta(0), 0, None)
        finished += not more
    if batches == _ROUND_BATCHES:
        await _look(backend)
    return finished


async def rewrite_some(backend: Backend, namespace: Namespace, *, now: datetime) -> None:
    """Do one batch after a write, of its namespace or of another, where no worker runs."""
    if not backend.may_have_rewrites:
        return
    with apart():
        await _rewrite_some(backend, namespace, now=now)


async def _rewrite_some(backend: Backend, namespace: Namespace, *, now: datetime) -> None:
    try:
        if backend.settings.worker or backend.model_name is not None:  # a worker's, here or elsewhere
            await _look(backend)
            return
        claimed = await backend.step(_claim, namespace) or await backend.step(_claim, None)
        if claimed is None:
            await _look(backend)
            return
        try:
            if await _do_batch(backend, claimed[0], now=now):
                await backend.step(_postpone, claimed[0], timedelta(0), 0, None)
        except PersistMemError as error:
            await _fail(backend, *claimed, error)
    except PersistMemError as error:  # what it was called after is done
        logger.warning("the rewrite of the database could not go on and is tried again: %s", type(error).__name__)


async def rewrite_all(backend: Backend, namespace: Namespace, *, now: datetime) -> bool | None:
    """Work on one namespace until nothing is left, or what is left waits for consent.

    Returns:
        True if it has the present form now, False if it failed; None if it had it, or waits.
    """
    async with backend.transaction(namespace, atomic=False) as tx:
        before = await rewrites.read_rewrite(tx, namespace)
    if before is None:
        return None
    try:
        while await _do_batch(backend, namespace, now=now):
            pass
    except PersistMemError as error:
        await _fail(backend, namespace, before.attempts, error)
        return False
    async with backend.transaction(namespace, atomic=False) as tx:
        return True if await rewrites.read_rewrite(tx, namespace) is None else None


async def rewrite_thread(backend: Backend, namespace: Namespace, thread_id: str, *, now: datetime) -> None:
    """Bring the memories of one thread to the present form before its messages become turns, lest one come to be twice."""
    if not backend.may_have_rewrites:
        return
    async with backend.transaction(namespace, atomic=False) as tx:
        if await rewrites.read_rewrite(tx, namespace) is None:
            return
    last: UUID | None = None
    more = True
    while more:
        last, more = await backend.step(_rewrite_page, namespace, thread_id, last, now=now)


async def _rewrite_page(
    backend: Backend, namespace: Namespace, thread_id: str, last: UUID | None, *, now: datetime
) -> tuple[UUID | None, bool]:
    async with backend.transaction(namespace) as tx:
        generation = await hold_existing(tx, namespace)
        rewrite = await rewrites.read_rewrite(tx, namespace)
        if generation is None or rewrite is None or rewrite.step == "turns":
            return None, False
        batch = await rewrites.memories_of_before(tx, namespace, last, thread_id=thread_id, limit=_BATCH)
        await rewrite_memories(tx, backend, namespace, batch, generation, now=now)
    return (batch[-1].memory.id if batch else None), len(batch) == _BATCH


async def _do_batch(backend: Backend, namespace: Namespace, *, now: datetime) -> bool:
    """Do one batch; False if nothing is left, or what is left waits for consent."""
    more = await backend.step(_do_rows, namespace, now=now)
    if isinstance(more, bool):
        return more
    thread_id, generation = more
    try:
        await index_turns(backend, namespace, thread_id, generation, limit=_BATCH, filling=True, now=now)
    except ErasedError:  # meanwhile, and what was left with it
        return False
    return True


async def _do_rows(backend: Backend, namespace: Namespace, *, now: datetime) -> bool | tuple[str, UUID]:
    """Do what is left of memories, and of messages that are no turns.

    Returns:
        Whether more is left; or the thread whose messages become turns next, and the namespace's generation.
    """
    leased = timedelta(seconds=backend.settings.lease_seconds)
    async with backend.transaction(namespace) as tx:
        generation = await hold_existing(tx, namespace)
        rewrite = await rewrites.read_rewrite(tx, namespace)
        if rewrite is None or generation is None or rewrite.generation != generation:  # done, or erased and begun anew
            return False
        if rewrite.step == "terms":
            texts = await rewrites.texts_of_before(tx, namespace, rewrite.memory_id, limit=_BATCH)
            await search_index.delete_terms(tx, namespace, list(texts))
            await search_index.insert_terms(tx, namespace, texts, language=backend.settings.language)
            step = "terms" if len(texts) == _BATCH else "memories"
            last = max(texts) if step == "terms" else None
            await rewrites.move_rewrite(tx, namespace, step, last, done=len(texts), leased=leased)
            return True
        if rewrite.step == "memories":
            batch = await rewrites.memories_of_before(tx, namespace, rewrite.memory_id, limit=_BATCH)
            await rewrite_memories(tx, backend, namespace, batch, generation, now=now)
            step = "memories" if len(batch) == _BATCH else "turns"
            last = batch[-1].memory.id if step == "memories" else None
            await rewrites.move_rewrite(tx, namespace, step, last, done=len(batch), leased=leased)
            return True
        settled_count = await rewrites.settle_others(tx, namespace, limit=_BATCH)
        if settled_count:
            await rewrites.move_rewrite(tx, namespace, "turns", None, done=settled_count, leased=leased)
            return True
        thread_id = await rewrites.thread_without_turns(tx, namespace)
        if thread_id is not None:
            state = await namespaces.read_state(tx, namespace)
            if state is not None and may_learn(state.consent):
                return thread_id, generation
            await rewrites.await_consent(tx, namespace)
            return False
        if await rewrites.memories_of_before(tx, namespace, None, limit=1):  # restored from a file of before meanwhile
            await rewrites.move_rewrite(tx, namespace, "memories", None, done=0, leased=leased)
            return True
        await rewrites.finish_rewrite(tx, namespace)
        return False


async def _claim(backend: Backend, namespace: Namespace | None) -> tuple[Namespace, int] | None:
    leased = timedelta(seconds=backend.settings.lease_seconds)
    async with backend.transaction(EVERYWHERE if namespace is None else namespace, repeatable=True) as tx:
        return await rewrites.claim_rewrite(tx, namespace, leased=leased)


async def _fail(backend: Backend, namespace: Namespace, attempts: int, error: PersistMemError) -> None:
    """Try again later; the class of the failure is all that is stored, since a text may quote a memory."""
    failure = type(error).__name__
    logger.warning("the rewrite of a namespace failed and is tried again: %s", failure)
    await backend.step(_postpone, namespace, pause_after(backend.settings, attempts + 1), attempts + 1, failure)


async def _postpone(
    backend: Backend, namespace: Namespace, pause: timedelta, attempts: int, failure: str | None
) -> None:
    async with backend.transaction(namespace, repeatable=True) as tx:
        await rewrites.postpone_rewrite(tx, namespace, pause=pause, attempts=attempts, failure=failure)


async def _look(backend: Backend) -> None:
    """Ask whether any namespace is left; who may not see all of them goes on asking for each."""
    if backend.sees_everywhere:
        backend.may_have_rewrites = await backend.step(_is_any_left)


async def _is_any_left(backend: Backend) -> bool:
    async with backend.transaction(EVERYWHERE, atomic=False) as tx:
        return await rewrites.has_rewrites(tx)
