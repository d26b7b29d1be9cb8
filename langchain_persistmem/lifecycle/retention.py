"""Retention in one namespace, as its rules say (``retention_rules.py``): archive, and erase."""

from dataclasses import replace
from datetime import datetime

from langchain_persistmem.learning.insert import change_of, log
from langchain_persistmem.learning.turns.turns_follow_statements import follow
from langchain_persistmem.lifecycle.retention_rules import FADING, TURN_IS_OLD, fading, limits_of
from langchain_persistmem.lifecycle.worth import Sign
from langchain_persistmem.postgres.queries import (
    changes,
    forget,
    retention,
    search_index,
)
from langchain_persistmem.postgres.transaction import Transaction
from langchain_persistmem.runtime.audit_log import record
from langchain_persistmem.runtime.backend import Backend
from langchain_persistmem.types.namespace import Namespace
from langchain_persistmem.types.results import MaintainResult, MemoryChange

_BATCH = 1_000
"""Memories that one statement erases."""


async def follow_rules(
    tx: Transaction,
    backend: Backend,
    namespace: Namespace,
    *,
    sparing: int,
    tells_purged: bool = False,
    now: datetime,
) -> MaintainResult:
    """Archive what fades, erase what was archived long ago, and old conversations.

    Args:
        sparing: number of summaries that would be written, which count towards ``max_memories``.
        tells_purged: what is erased is told with its text, as only a dry run may.
    """
    limits = limits_of(backend.settings.retention, now=now)
    changes = await _archive(tx, backend, namespace, sparing=sparing, now=now)
    archived = len(changes)
    purge_count = messages = 0
    if limits.purged_before is not None:
        while ids := await retention.purgeable(tx, namespace, before=limits.purged_before, limit=_BATCH):
            # Their texts are read before they are gone; a result of what was erased has none.
            if tells_purged:
                purged = await retention.memories_by_id(tx, namespace, ids)
                changes += [change_of(memory, "purged", "it ended or was archived long ago") for memory in purged]
            purge_count += (await forget.erase_memories(tx, namespace, ids))["memories"]
            await record(tx, backend, namespace, "purged", ids)
    if limits.threads_before is not None:
        messages = await retention.erase_old_threads(tx, namespace, before=limits.threads_before)
        await record(tx, backend, namespace, "purged", turns=messages)
    return MaintainResult(archived=archived, purged=purge_count, messages=messages, changes=tuple(changes))


async def _archive(
    tx: Transaction, backend: Backend, namespace: Namespace, *, sparing: int, now: datetime
) -> list[MemoryChange]:
    """Archive what fades."""
    rules = backend.settings.retention
    if all(getattr(rules, name) is None for name in FADING):
        return []
    if sparing and rules.max_memories is not None:
        rules = replace(rules, max_memories=max(1, rules.max_memories - sparing))
    usage = [Sign(**row) for row in await retention.read_usage(tx, namespace)]
    reasons = dict(fading(usage, rules, now=now))
    limits = limits_of(rules, now=now)
    if limits.has_turns:  # a turn that lists do not show is a turn's rule
        old = await retention.fading_turns(tx, namespace, before=limits.turns_before, most=limits.most_turns)
        reasons |= dict.fromkeys(old, TURN_IS_OLD)
    ids = await changes.archive_memories(tx, namespace, sorted(reasons), summary=None, now=now)
    await search_index.unindex_memories(tx, namespace, ids)
    await follow(tx, backend, namespace, ids, now=now)
    await log(tx, backend, namespace, [(id, "archived", reasons[id], None) for id in ids], now=now)
    await record(tx, backend, namespace, "archived", ids)
    return [
        change_of(memory, "archived", reasons[memory.id])
        for memory in await retention.memories_by_id(tx, namespace, ids)
    ]
