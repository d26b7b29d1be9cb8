"""Expiry of items: the sweep that erases what has expired, and the longer time to live of what is read."""

import logging
from collections.abc import Mapping, Sequence
from datetime import datetime
from uuid import UUID

from langchain_persistmem.errors import ConfigurationError, StorageError
from langchain_persistmem.postgres.queries import forget, memories
from langchain_persistmem.postgres.queries.generations import hold_existing
from langchain_persistmem.runtime.audit_log import record
from langchain_persistmem.runtime.backend import Backend
from langchain_persistmem.runtime.setup import migrated
from langchain_persistmem.types.namespace import EVERYWHERE, Namespace, Several

logger = logging.getLogger(__name__)

_SWEPT = 1000
"""Expired items that a sweep reads at a time."""


async def sweep_ttl(backend: Backend, *, now: datetime) -> int:
    """Erase expired items, one transaction for each namespace; return the number of items."""
    await migrated(backend)
    erased = 0
    while True:
        expired = await backend.step(_find_expired, now=now)
        before = erased
        for namespace, ids in expired:
            erased += await backend.step(_erase_expired, namespace, ids, now=now)
        if erased == before or sum(len(ids) for _, ids in expired) < _SWEPT:
            return erased


async def _find_expired(backend: Backend, *, now: datetime) -> Sequence[tuple[Namespace, Sequence[UUID]]]:
    async with backend.transaction(EVERYWHERE, atomic=False) as tx:
        return await memories.find_expired_memories(tx, limit=_SWEPT, now=now)


async def _erase_expired(backend: Backend, namespace: Namespace, ids: Sequence[UUID], *, now: datetime) -> int:
    async with backend.transaction(namespace) as tx:
        if await hold_existing(tx, namespace) is None:  # erased meanwhile: the sweep must not create its row again
            return 0
        still = await memories.still_expired(tx, namespace, ids, now=now)  # some may have been put again meanwhile
        erased = (await forget.erase_memories(tx, namespace, still))["memories"]
        await record(tx, backend, namespace, "expired", still)
        return erased


async def extend_expiry(backend: Backend, read: Mapping[Namespace, set[str]], *, now: datetime) -> None:
    """Extend the time to live of items; a read does not fail where nothing can be written, as on a replica."""
    try:
        async with backend.transaction(Several(tuple(read)), atomic=False) as tx:
            for namespace, keys in read.items():
                await memories.refresh_items(tx, namespace, sorted(keys), now=now)
    except (StorageError, ConfigurationError) as error:
        logger.warning("items that were read keep their old expiry: %s", error)
