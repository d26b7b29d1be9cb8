"""The log of erasures: listing it, and erasing again what a restored backup has brought back."""

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from uuid import UUID

from langchain_persistmem.postgres.queries import erasure_log, generations
from langchain_persistmem.postgres.transaction_opening import undo_if
from langchain_persistmem.privacy import erase_person
from langchain_persistmem.privacy.forget import erase_with_turns
from langchain_persistmem.runtime.backend import Backend
from langchain_persistmem.runtime.setup import migrated, ready
from langchain_persistmem.types import validation
from langchain_persistmem.types.erasure_log_line import Erasure
from langchain_persistmem.types.namespace import EVERYWHERE, Namespace
from langchain_persistmem.types.progress import Meter, Report
from langchain_persistmem.types.results import Receipt

_PAGE = 500


async def list_(backend: Backend, *, after: UUID | None, limit: int) -> list[Erasure]:
    """A page of the log, the oldest first.

    Raises:
        InvalidInputError: ``limit`` is out of range.
    """
    validation.count(limit, "limit", at_least=1, at_most=10_000)
    after = None if after is None else validation.uuid(after, "after")
    await migrated(backend)
    async with backend.transaction(EVERYWHERE, atomic=False) as tx:
        return await erasure_log.list_erasures(tx, after=after, limit=limit)


async def resume(backend: Backend, *, shared_threads: bool, progress: Report | None = None, now: datetime) -> Receipt:
    """Go on with every erasure that was interrupted."""
    await ready(backend)
    return await erase_person.resume(backend, shared_threads=shared_threads, progress=progress, now=now)


async def replay(
    backend: Backend,
    log: Sequence[Erasure],
    *,
    shared_threads: bool,
    dry_run: bool,
    progress: Report | None = None,
    now: datetime,
) -> Receipt:
    """Erase again what the log names, where a restored backup has brought it back.

    A namespace whose generation was erased is erased whole. Elsewhere the memories and turns that the log names are erased,
    with what else was learnt from these turns and what was derived from them. The log is written into this database too.
    """
    await ready(backend)
    async with backend.transaction(EVERYWHERE, atomic=False) as tx:
        there = await erasure_log.namespaces_living(tx, sorted({entry.generation for entry in log}))
    # A generation id is random and lives on in a backup: where one is there again, the erased namespace was restored.
    whole = {entry.generation for entry in log if entry.everything and entry.generation in there}
    if not dry_run:  # before anything goes: an interruption leaves an entry that resume() goes on with
        await _write_down(backend, log, whole)
    receipts: list[Receipt] = []
    meter = Meter(progress, "namespaces", len({entry.generation for entry in log} & there.keys()))
    for generation_id in sorted(whole, key=lambda generation_id: there[generation_id]):
        receipts.append(
            await erase_person.everything(
                backend, there[generation_id], (), shared_threads=shared_threads, dry_run=dry_run, now=now
            )
        )
        meter.advance()
    verified = not dry_run and all(receipt.verified for receipt in receipts)
    parts: dict[UUID, list[Erasure]] = defaultdict(list)
    for entry in log:
        if entry.generation in there and entry.generation not in whole:
            parts[entry.generation].append(entry)
    for generation, entries in parts.items():
        counts = await backend.step(_erase_again, there[generation], generation, entries, dry_run=dry_run, now=now)
        receipts.append(Receipt(erased=not dry_run, counts=counts, by_namespace={there[generation]: counts}))
        meter.advance()
    return _join(receipts, [entry for entry in log if entry.generation in there], dry_run=dry_run, verified=verified)


async def _write_down(backend: Backend, log: Sequence[Erasure], whole: set[UUID]) -> None:
    """The log is to be complete here too; what is yet to be erased stands in it as begun."""
    for start in range(0, len(log), _PAGE):
        async with backend.transaction(EVERYWHERE) as tx:
            for entry in log[start : start + _PAGE]:
                is_unfinished = entry.everything and entry.generation in whole
                await erasure_log.record_erasure(tx, replace(entry, completed_at=None) if is_unfinished else entry)


async def _erase_again(
    backend: Backend,
    namespace: Namespace,
    generation: UUID,
    entries: Sequence[Erasure],
    *,
    dry_run: bool,
    now: datetime,
) -> Mapping[str, int]:
    """Erase memories and turns of a namespace that goes on."""
    async with undo_if(dry_run, backend.transaction(namespace)) as tx:
        if await generations.hold_existing(tx, namespace) != generation:
            return {}
        ids = sorted({id for entry in entries for id in entry.memory_ids})
        digests = sorted({turn for entry in entries for turn in entry.turns})
        turns: dict[str, set[str]] = defaultdict(set)
        for thread_id, message_id in await erasure_log.turns_erased(tx, namespace, generation, digests):
            turns[thread_id].add(message_id)
        there = await erasure_log.memories_there(tx, namespace, ids)
        return (await erase_with_turns(tx, backend, namespace, there, turns, now=now)).counts


def _join(receipts: Sequence[Receipt], erasures: Sequence[Erasure], *, dry_run: bool, verified: bool) -> Receipt:
    total: Counter[str] = Counter()
    by_namespace: dict[Namespace, Mapping[str, int]] = {}
    for receipt in receipts:
        total.update(receipt.counts)
        by_namespace.update(receipt.by_namespace)
    return Receipt(
        erased=not dry_run,
        counts=dict(total),
        by_namespace=by_namespace,
        remaining_traces=tuple(dict.fromkeys(trace for receipt in receipts for trace in receipt.remaining_traces)),
        ids=() if dry_run else tuple(entry.id for entry in erasures),
        verified=verified,
    )
