"""Maintenance: habits, summaries, archiving and erasing, by the rules of ``Settings.retention``.

LangGraph's checkpoints go first, thread by thread; the register of threads says whose each one is. Then, in each
namespace, the models work on habits and on summaries, in short transactions. Last, everything that needs no model is
one transaction.
"""

import logging
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing, asynccontextmanager, suppress
from dataclasses import fields, replace
from datetime import datetime, timedelta
from uuid import UUID

from langchain_persistmem.errors import ConfigurationError, ErasedError, PersistMemError
from langchain_persistmem.learning.decisions.consolidation import WAITS
from langchain_persistmem.learning.upgrade.rewrite import rewrite_all
from langchain_persistmem.lifecycle.compression import archived_into_summary, compress, find_related
from langchain_persistmem.lifecycle.habits import enrich
from langchain_persistmem.lifecycle.retention import follow_rules
from langchain_persistmem.lifecycle.retention_rules import has_any_rule
from langchain_persistmem.postgres.queries import (
    changes,
    forget,
    namespaces,
    retention,
    rewrites,
    threads,
)
from langchain_persistmem.postgres.queries.generations import hold_existing
from langchain_persistmem.postgres.queries.namespaces import NamespaceState
from langchain_persistmem.postgres.transaction import Transaction
from langchain_persistmem.postgres.transaction_opening import undo_if
from langchain_persistmem.runtime import generations, hnsw_upkeep
from langchain_persistmem.runtime.audit_log import record
from langchain_persistmem.runtime.backend import Backend
from langchain_persistmem.runtime.consent_checks import may_learn
from langchain_persistmem.runtime.setup import ready
from langchain_persistmem.types.namespace import EVERYWHERE, Namespace, encode
from langchain_persistmem.types.progress import Meter, Report
from langchain_persistmem.types.results import MaintainResult

logger = logging.getLogger(__name__)

_PAGE = 500
"""Namespaces that are listed at once."""
_MOST = 2**31
_BATCH = 1_000
"""Turns that one transaction erases."""


class _NamespaceErasedError(PersistMemError):
    """The namespace was erased meanwhile: there is nothing to do."""


async def maintain(
    backend: Backend,
    namespace: Namespace | None,
    *,
    dry_run: bool,
    drop_turns: bool = False,
    progress: Report | None = None,
    now: datetime,
) -> MaintainResult:
    """Follow the rules of retention, in one namespace or in all.

    A model that fails leaves memories as they are; the rules that need none are followed all the same.

    Args:
        namespace: None means every namespace, one after another.
        dry_run: change nothing and ask no chat model; count what would be done.
        drop_turns: erase the turns too.
        progress: called after each namespace.

    Raises:
        InvalidInputError: the namespace is malformed.
        ConfigurationError: turns are to be dropped, and are switched on.
    """
    if namespace is not None:
        encode(namespace)
    if drop_turns and backend.settings.turns:
        raise ConfigurationError(
            "drop_turns=True, and Settings.turns is True, so they would come back; set it to False"
        )
    await ready(backend)
    checkpoints = await _checkpoints(backend, namespace, dry_run=dry_run, now=now)
    # A model that cannot be reached in one namespace is not asked in the next; the rules without a model go on.
    total, asking = MaintainResult(dry_run=dry_run, checkpoints=checkpoints), True
    meter = Meter(progress, "namespaces", await backend.step(_count_namespaces, namespace) if progress else None)
    async with aclosing(_namespaces_of(backend, namespace)) as owners:
        async for owner, state in owners:
            total = _sum(total, await _rewrite(backend, owner, dry_run=dry_run, now=now))
            if drop_turns:
                total = _sum(total, await _drop_turns(backend, owner, dry_run=dry_run))
            result, asking = await backend.step(_maintain, owner, state, asking=asking, dry_run=dry_run, now=now)
            total = _sum(total, replace(result, namespaces=1))
            if not dry_run:
                await backend.step(hnsw_upkeep.index_all, owner)
            meter.advance()
    if namespace is None and not dry_run:
        await backend.step(hnsw_upkeep.count_documents)
    return total


async def _count_namespaces(backend: Backend, namespace: Namespace | None) -> int:
    if namespace is not None:
        return 1
    async with backend.transaction(EVERYWHERE, atomic=False) as tx:
        return (await namespaces.count_everything(tx))["namespaces"]


async def _rewrite(backend: Backend, namespace: Namespace, *, dry_run: bool, now: datetime) -> MaintainResult:
    """Bring a namespace of an older database to the present form; the rules of retention then see all of it.

    Turns that were switched off, and are switched on again, are made in the same way.
    """
    if backend.settings.turns and not dry_run and await backend.step(_reopen_turns, namespace):
        backend.may_have_rewrites = True
    if not backend.may_have_rewrites:
        return MaintainResult()
    if dry_run:
        async with backend.transaction(namespace, atomic=False) as tx:
            return MaintainResult(rewrites=int(await rewrites.read_rewrite(tx, namespace) is not None))
    return MaintainResult(rewrites=int(await rewrite_all(backend, namespace, now=now) is True))


async def _reopen_turns(backend: Backend, namespace: Namespace) -> bool:
    async with backend.transaction(namespace) as tx:
        if await hold_existing(tx, namespace) is None or not await retention.reopen_turns(tx, namespace):
            return False
        await rewrites.request_rewrite(tx, namespace, "turns")
        return True


async def _drop_turns(backend: Backend, namespace: Namespace, *, dry_run: bool) -> MaintainResult:
    """Erase turns, batch by batch; what was pinned or rejected stays, and so do links, which fit again."""
    if dry_run:
        async with backend.transaction(namespace, atomic=False) as tx:
            ids = await retention.droppable_turns(tx, namespace, approval=WAITS, limit=_MOST)
        return MaintainResult(turns=len(ids))
    total = 0
    while count := await backend.step(_drop_batch, namespace):
        total += count
    return MaintainResult(turns=total)


async def _drop_batch(backend: Backend, namespace: Namespace) -> int:
    async with backend.transaction(namespace) as tx:
        if await hold_existing(tx, namespace) is None:
            return 0
        ids = await retention.droppable_turns(tx, namespace, approval=WAITS, limit=_BATCH)
        if not ids:
            return 0
        await retention.mark_dropped(tx, namespace, ids)
        await forget.erase_memories(tx, namespace, ids, leave_links=True)
        await record(tx, backend, namespace, "purged", turns=len(ids))
        return len(ids)


async def _checkpoints(backend: Backend, namespace: Namespace | None, *, dry_run: bool, now: datetime) -> int:
    """Follow the rules for LangGraph's checkpoints, in the threads of a namespace or in all; returns how many went."""
    latest, days = backend.settings.retention.max_checkpoints, backend.settings.retention.checkpoints_days
    if latest is None and days is None:
        return 0

    @asynccontextmanager
    async def begin() -> AsyncGenerator[Transaction]:
        async with backend.transaction(namespace or EVERYWHERE, read_committed=True) as tx:
            yield tx

    thread_ids = None
    if namespace is not None:
        async with backend.transaction(namespace, atomic=False) as tx:
            own_threads = await threads.threads_of(tx, namespace)
        async with backend.transaction(
            EVERYWHERE, atomic=False
        ) as tx:  # a thread that others have too is not one person's
            shared_threads = await threads.threads_of_others(tx, own_threads, [namespace])
        thread_ids = [thread_id for thread_id in own_threads if thread_id not in set(shared_threads)]
    before = None if days is None else now - timedelta(days=days)
    return await retention.retain_checkpoints(begin, thread_ids, latest=latest, before=before, dry_run=dry_run)


async def _namespaces_of(
    backend: Backend, namespace: Namespace | None
) -> AsyncGenerator[tuple[Namespace, NamespaceState]]:
    """The namespaces with their present states, page by page."""
    if namespace is not None:
        state = await backend.step(_read_state, namespace)
        if state is not None:
            yield namespace, state
        return
    last: Namespace | None = None
    while True:
        page = await backend.step(_namespaces_after, last)
        for row in page:
            yield row
        if len(page) < _PAGE:
            return
        last = page[-1][0]


async def _read_state(backend: Backend, namespace: Namespace) -> NamespaceState | None:
    async with backend.transaction(namespace, atomic=False) as tx:
        return await namespaces.read_state(tx, namespace)


async def _namespaces_after(backend: Backend, last: Namespace | None) -> Sequence[tuple[Namespace, NamespaceState]]:
    async with backend.transaction(EVERYWHERE, atomic=False) as tx:
        return await retention.namespaces_after(tx, last, limit=_PAGE)


async def _maintain(
    backend: Backend, namespace: Namespace, state: NamespaceState, *, asking: bool, dry_run: bool, now: datetime
) -> tuple[MaintainResult, bool]:
    """Maintain one namespace; return the result, and whether a model can be asked for the next one."""
    result, generation = MaintainResult(), state.generation
    if dry_run:
        if may_learn(state.consent):
            result, _ = await enrich(backend, namespace, generation, dry_run=True, now=now)
        return _sum(result, await _plan(backend, namespace, state, now=now)), True
    for flow in (_enrich, compress):
        if asking and may_learn(
            state.consent
        ):  # what is made of memories is learnt too; and asked again when it is written
            try:
                more, asking = await flow(backend, namespace, generation, now=now)
            except ErasedError:
                return result, asking
            result = _sum(result, more)
    result = replace(result, postponed=min(result.postponed, 1))
    if not has_any_rule(backend.settings.retention):
        return result, asking
    with suppress(_NamespaceErasedError):
        result = _sum(result, await backend.step(_follow_rules_in, namespace, generation, now=now))
    return result, asking


async def _follow_rules_in(
    backend: Backend, namespace: Namespace, generation: UUID, *, now: datetime
) -> MaintainResult:
    async with backend.transaction(namespace) as tx:
        await _hold(tx, backend, namespace, generation, now=now)
        return await follow_rules(tx, backend, namespace, sparing=0, now=now)


async def _enrich(
    backend: Backend, namespace: Namespace, generation: UUID, *, now: datetime
) -> tuple[MaintainResult, bool]:
    return await enrich(backend, namespace, generation, dry_run=False, now=now)


async def _plan(backend: Backend, namespace: Namespace, state: NamespaceState, *, now: datetime) -> MaintainResult:
    """Count what would be compressed; then follow the other rules, count, and take it back."""
    async with aclosing(find_related(backend, namespace, now=now)) as groups:
        related = [group async for group in groups] if may_learn(state.consent) else []
    compressed = [memory for group in related for memory in group]
    changes_by_summaries = tuple(archived_into_summary(compressed))
    result = MaintainResult(summaries=len(related), compressed=len(compressed), changes=changes_by_summaries)
    if not has_any_rule(backend.settings.retention):
        return result
    with suppress(_NamespaceErasedError):
        async with undo_if(True, backend.transaction(namespace)) as tx:
            await _hold(tx, backend, namespace, state.generation, now=now)
            away = [memory.id for memory in compressed]
            await changes.archive_memories(tx, namespace, away, summary=None, now=now)
            rules = await follow_rules(tx, backend, namespace, sparing=len(related), tells_purged=True, now=now)
            result = _sum(result, rules)
    return result


async def _hold(tx: Transaction, backend: Backend, namespace: Namespace, generation: UUID, *, now: datetime) -> None:
    state = await generations.hold(tx, backend, namespace, now=now)
    if state.generation != generation:
        raise _NamespaceErasedError


_MOST_CHANGES = 1_000
"""Changes that a result tells of one by one."""


def _sum(one: MaintainResult, other: MaintainResult) -> MaintainResult:
    numbers = [field.name for field in fields(one) if field.name not in ("dry_run", "changes")]
    sums: dict[str, int] = {name: getattr(one, name) + getattr(other, name) for name in numbers}
    changes = (one.changes + other.changes)[:_MOST_CHANGES]
    return replace(one, **sums, dry_run=one.dry_run or other.dry_run, changes=changes)
