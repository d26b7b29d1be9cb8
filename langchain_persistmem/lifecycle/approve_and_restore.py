"""Approval of one memory and restoring an earlier version: both make it current again, and end what it contradicts."""

from datetime import datetime
from uuid import UUID

from langchain_persistmem.errors import InvalidInputError, MemoryNotFoundError
from langchain_persistmem.learning.insert import log
from langchain_persistmem.learning.summary_originals import summary_of, unfold
from langchain_persistmem.learning.turns.turns_follow_statements import follow
from langchain_persistmem.postgres.queries import changes as changes_queries
from langchain_persistmem.postgres.queries import edit, search_index
from langchain_persistmem.postgres.transaction import Transaction
from langchain_persistmem.runtime import generations
from langchain_persistmem.runtime.audit_log import record
from langchain_persistmem.runtime.backend import Backend
from langchain_persistmem.runtime.consent_checks import check_not_paused
from langchain_persistmem.runtime.setup import ready
from langchain_persistmem.types import validation
from langchain_persistmem.types.namespace import Namespace, encode
from langchain_persistmem.types.records import Memory


async def restore(backend: Backend, namespace: Namespace, id: UUID, *, now: datetime) -> Memory:
    """Make a superseded or archived memory current again; what is current under its key becomes its past.

    One that was archived into a summary comes back with all the others, and the summary goes.

    Raises:
        MemoryNotFoundError: there is no such memory.
        InvalidInputError: it waits for review: that is for review.approve() to decide.
        MemoryDisabledError: memory is paused.
    """
    id = validation.uuid(id, "version")
    encode(namespace)
    await ready(backend)
    async with backend.transaction(namespace) as tx:
        state = await generations.hold(tx, backend, namespace, now=now)
        check_not_paused(state)
        return await revive(tx, backend, namespace, id, "restored", "it was asked for", now=now)


async def revive(
    tx: Transaction, backend: Backend, namespace: Namespace, id: UUID, change: str, reason: str, *, now: datetime
) -> Memory:
    """Make one memory current; the caller holds the namespace's lock."""
    old = await _revivable(tx, namespace, id, change)
    if old.status == "active":
        return old
    summary = await summary_of(tx, namespace, old)
    if summary is not None:  # a summary stands for all of its originals or for none
        await unfold(tx, backend, namespace, summary, but=[id], now=now)
    rivals = await changes_queries.rivals(tx, namespace, id)
    from_then = now if change == "restored" else old.valid_from
    endings = [(rival, id, max(from_then, since)) for rival, since, _ in rivals]
    replaced_ids = await changes_queries.supersede_memories(tx, namespace, endings, now=now)
    await search_index.unindex_memories(tx, namespace, replaced_ids)
    await log(
        tx,
        backend,
        namespace,
        [(old_id, "superseded", f"another was {change}", id) for old_id in replaced_ids],
        now=now,
    )
    await changes_queries.revive_memories(tx, namespace, [id], now=now)
    if any(pinned for *_, pinned in rivals):  # what stands under a key stays pinned in each new version
        await edit.pin_memories(tx, namespace, [id], pinned=True)
    words = {id: (old.text or "", old.speaker)}
    await search_index.insert_terms(tx, namespace, words, language=backend.settings.language)
    await follow(tx, backend, namespace, [id, *replaced_ids], now=now)
    await log(tx, backend, namespace, [(id, change, reason, None)], now=now)
    await record(tx, backend, namespace, change, [id, *replaced_ids], superseded=len(replaced_ids))
    memory = await changes_queries.get_version(tx, namespace, id)
    if memory is None:  # it is there: the namespace is locked
        raise MemoryNotFoundError
    return memory


async def _revivable(tx: Transaction, namespace: Namespace, id: UUID, change: str) -> Memory:
    old = await changes_queries.get_version(tx, namespace, id)
    if old is None or (change == "approved") != (old.status == "quarantined"):
        if old is not None and old.status == "quarantined":
            raise InvalidInputError("the memory waits for review; use review.approve() or review.reject()")
        raise MemoryNotFoundError(
            "nothing with this id waits for review; review.list() shows what does"
            if change == "approved"
            else "there is no memory with this id; history(key) lists the versions with their ids"
        )
    return old
