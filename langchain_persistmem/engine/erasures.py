"""The log of erasures: listing it, and erasing again what a restored backup has brought back."""

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from uuid import UUID

from langchain_persistmem import values
from langchain_persistmem.backend import Backend
from langchain_persistmem.engine import erasing
from langchain_persistmem.engine.forgetting import erase_with_turns
from langchain_persistmem.namespace import EVERYWHERE, Namespace
from langchain_persistmem.outcomes import Erasure, Receipt
from langchain_persistmem.postgres import erasures, lives
from langchain_persistmem.readiness import migrated, ready

_PAGE = 500


class _DryRun(Exception):
    """Carries counts out of a transaction that is to be undone."""

    def __init__(self, counts: Mapping[str, int]) -> None:
        super().__init__()
        self.counts = counts


async def list_(backend: Backend, *, after: UUID | None, limit: int) -> list[Erasure]:
    """A page of the log, the oldest first.

    Raises:
        InvalidInput: ``limit`` is out of range.
    """
    values.count(limit, "limit", at_least=1, at_most=10_000)
    after = None if after is None else values.uuid(after, "after")
    await migrated(backend)
    async with backend.transaction(EVERYWHERE, atomic=False) as tx:
        return await erasures.list_erasures(tx, after=after, limit=limit)


async def resume(backend: Backend, *, shared_threads: bool, now: datetime) -> Receipt:
    """Go on with every erasure that was interrupted."""
    await ready(backend)
    return await erasing.resume(backend, shared_threads=shared_threads, now=now)


async def replay(
    backend: Backend, given: Sequence[Erasure], *, shared_threads: bool, dry_run: bool, now: datetime
) -> Receipt:
    """Erase again what the log says was erased, where it is there again; what is not, is not.

    Namespaces that live an erased life go altogether; elsewhere go the memories and turns that the log names, what
    else was learnt from these turns, and what was derived. The log itself is written down here too.
    """
    await ready(backend)
    async with backend.transaction(EVERYWHERE, atomic=False) as tx:
        there = await erasures.namespaces_living(tx, sorted({each.incarnation for each in given}))
    whole = {each.incarnation for each in given if each.everything and each.incarnation in there}
    if not dry_run:
        await _write_down(backend, given, whole)
    receipts = [
        await erasing.everything(backend, there[each], (), shared_threads=shared_threads, dry_run=dry_run, now=now)
        for each in sorted(whole, key=lambda each: there[each])
    ]
    parts: dict[UUID, list[Erasure]] = defaultdict(list)
    for each in given:
        if each.incarnation in there and each.incarnation not in whole:
            parts[each.incarnation].append(each)
    for incarnation, entries in parts.items():
        counts = await backend.step(_again, there[incarnation], incarnation, entries, dry_run=dry_run, now=now)
        receipts.append(Receipt(erased=not dry_run, counts=counts, by_namespace={there[incarnation]: counts}))
    return _joined(receipts, [each for each in given if each.incarnation in there], dry_run=dry_run)


async def _write_down(backend: Backend, given: Sequence[Erasure], whole: set[UUID]) -> None:
    """The log is to be complete here too; what is yet to be erased stands in it as begun."""
    for start in range(0, len(given), _PAGE):
        async with backend.transaction(EVERYWHERE) as tx:
            for each in given[start : start + _PAGE]:
                begun = each.everything and each.incarnation in whole
                await erasures.record_erasure(tx, replace(each, completed_at=None) if begun else each)


async def _again(
    backend: Backend,
    namespace: Namespace,
    incarnation: UUID,
    entries: Sequence[Erasure],
    *,
    dry_run: bool,
    now: datetime,
) -> Mapping[str, int]:
    """Erase memories and turns of a namespace that goes on."""
    try:
        async with backend.transaction(namespace) as tx:
            if await lives.hold_living(tx, namespace) != incarnation:
                return {}
            ids = sorted({id for each in entries for id in each.memory_ids})
            digests = sorted({turn for each in entries for turn in each.turns})
            turns: dict[str, set[str]] = defaultdict(set)
            for thread_id, message_id in await erasures.turns_erased(tx, namespace, incarnation, digests):
                turns[thread_id].add(message_id)
            there = await erasures.memories_there(tx, namespace, ids)
            gone = await erase_with_turns(tx, backend, namespace, there, turns, now=now)
            if dry_run:
                raise _DryRun(gone.counts)
            return gone.counts
    except _DryRun as planned:
        return planned.counts


def _joined(receipts: Sequence[Receipt], found: Sequence[Erasure], *, dry_run: bool) -> Receipt:
    total: Counter[str] = Counter()
    by_namespace: dict[Namespace, Mapping[str, int]] = {}
    for each in receipts:
        total.update(each.counts)
        by_namespace.update(each.by_namespace)
    return Receipt(
        erased=not dry_run,
        counts=dict(total),
        by_namespace=by_namespace,
        not_reached=tuple(dict.fromkeys(place for each in receipts for place in each.not_reached)),
        ids=() if dry_run else tuple(each.id for each in found),
        verified=not dry_run,
    )
