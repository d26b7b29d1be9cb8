"""Review of memories: a person approves or rejects what waits, and nothing of it is recalled before."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from langchain_persistmem.errors import MemoryNotFoundError
from langchain_persistmem.learning.turns.turns_follow_statements import withhold
from langchain_persistmem.lifecycle.approve_and_restore import revive
from langchain_persistmem.postgres.queries import changes as changes_queries
from langchain_persistmem.postgres.queries import namespaces
from langchain_persistmem.postgres.queries.generations import hold_existing
from langchain_persistmem.postgres.transaction import Transaction
from langchain_persistmem.runtime.audit_log import note_read, record
from langchain_persistmem.runtime.backend import Backend
from langchain_persistmem.runtime.consent_checks import check_not_paused
from langchain_persistmem.runtime.setup import ready
from langchain_persistmem.types import validation
from langchain_persistmem.types.namespace import Namespace, encode
from langchain_persistmem.types.records import Memory

_MOST_AT_ONCE = 10_000
"""Memories that are reviewed in one transaction."""


async def review(backend: Backend, namespace: Namespace, *, limit: int) -> list[Memory]:
    """List what waits for review, oldest first."""
    validation.count(limit, "limit", at_least=1, at_most=10_000)
    encode(namespace)
    await ready(backend)
    async with backend.transaction(namespace, atomic=False) as tx:
        waiting = await changes_queries.list_quarantined(tx, namespace, limit=limit)
    await note_read(backend, namespace, "listed", [memory.id for memory in waiting])
    return waiting


async def approve(backend: Backend, namespace: Namespace, ids: Sequence[UUID] | None, *, now: datetime) -> list[Memory]:
    """Let quarantined memories be recalled, all or none; None means all that waits, in the order in which it came.

    Each supersedes what is current under its key.

    Raises:
        MemoryNotFoundError: one of them does not wait for review; nothing was approved.
        MemoryDisabledError: memory is paused; nothing was approved.
        InvalidInputError: one is no UUID.
    """
    ids = None if ids is None else _ids(ids)
    encode(namespace)
    await ready(backend)
    async with backend.transaction(namespace) as tx:
        wanted = await _to_decide(tx, namespace, ids)
        if wanted and (state := await namespaces.read_state(tx, namespace)) is not None:
            check_not_paused(state)
        return [await revive(tx, backend, namespace, id, "approved", "it was reviewed", now=now) for id in wanted]


async def reject(backend: Backend, namespace: Namespace, ids: Sequence[UUID] | None, *, now: datetime) -> int:
    """Delete quarantined memories for good, all or none; None means all that waits. Returns the number of them.

    Raises:
        MemoryNotFoundError: one of them does not wait for review; nothing was rejected.
        InvalidInputError: one is no UUID.
    """
    ids = None if ids is None else _ids(ids)
    encode(namespace)
    await ready(backend)
    async with backend.transaction(namespace) as tx:
        wanted = await _to_decide(tx, namespace, ids)
        await withhold(tx, namespace, wanted, now=now)  # before the links go with their statements
        if await changes_queries.reject_memories(tx, namespace, wanted) != len(wanted):
            raise MemoryNotFoundError("not all of these wait for review; review.list() shows what does")
        await record(tx, backend, namespace, "rejected", wanted)
    return len(wanted)


def _ids(versions: Sequence[UUID]) -> list[UUID]:
    entries = validation.check_list(versions, "versions")
    return [validation.uuid(entry, f"versions[{index}]") for index, entry in enumerate(entries)]


async def _to_decide(tx: Transaction, namespace: Namespace, ids: Sequence[UUID] | None) -> list[UUID]:
    """The memories that are meant, under the namespace's lock; of a namespace that does not exist, no row is made."""
    if await hold_existing(tx, namespace) is None or ids is not None:
        return list(dict.fromkeys(ids or ()))
    return [memory.id for memory in await changes_queries.list_quarantined(tx, namespace, limit=_MOST_AT_ONCE)]
