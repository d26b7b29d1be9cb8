"""Changes of whole threads: what is deleted, pruned and copied, each in transactions of a bounded size."""

from collections import Counter
from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import aclosing
from datetime import datetime
from typing import NamedTuple

from langchain_persistmem.errors import InvalidInputError
from langchain_persistmem.postgres.queries import checkpoints
from langchain_persistmem.postgres.queries.checkpoints import Begin
from langchain_persistmem.postgres.queries.rows import counts_of
from langchain_persistmem.postgres.statements import statement
from langchain_persistmem.postgres.transaction import Transaction
from langchain_persistmem.types.representation import represent

TABLES = ("checkpoints", "checkpoint_blobs", "checkpoint_writes")

_BATCH = 500  # checkpoints in one transaction, with their writes and blobs
_PAGE = 1000  # threads read at once

Place = tuple[str, str]
"""A checkpoint of a thread: its namespace and its id."""


class Retention(NamedTuple):
    """The part of a thread that stays; ``run_ids`` means everything but these runs, whatever the other two say."""

    latest: int | None = None
    cutoff: datetime | None = None
    run_ids: Sequence[str] | None = None


async def delete_threads(begin: Begin, thread_ids: Sequence[str]) -> None:
    """Erase threads, in one transaction."""
    async with begin() as tx:
        await checkpoints.lock_threads(tx, thread_ids)
        await checkpoints.erase_threads(tx, thread_ids)


async def prune(begin: Begin, thread_ids: Sequence[str], strategy: str) -> None:
    """Erase threads, or all but their heads.

    Raises:
        InvalidInputError: another strategy.
    """
    if strategy == "delete":
        await delete_threads(begin, thread_ids)
    elif strategy == "keep_latest":
        await retain(begin, Retention(latest=1), thread_ids, dry_run=False)
    else:
        raise InvalidInputError(f"Unknown prune strategy: {represent(strategy)}; use 'keep_latest' or 'delete'")


async def delete_runs(begin: Begin, run_ids: Sequence[str]) -> None:
    """Erase what these runs stored, apart from that on which a DeltaChannel of what stays rests."""
    async with begin() as tx:
        thread_ids = await checkpoints.threads_of_runs(tx, run_ids)
    for thread_id in thread_ids:
        await _erase(begin, thread_id, Retention(run_ids=run_ids), dry_run=False)


async def copy_thread(begin: Begin, source: str, target: str) -> None:
    """Copy a thread, in one transaction.

    Raises:
        InvalidInputError: there is no such thread, or the target has rows already.
    """
    async with begin() as tx:
        await checkpoints.lock_threads(tx, [source, target])
        if await checkpoints.thread_exists(tx, target):
            raise InvalidInputError(
                "target_thread_id names a thread that exists; delete it first, or choose another id"
            )
        if not await checkpoints.copy_thread(tx, source, target):
            raise InvalidInputError("source_thread_id names a thread without checkpoints; check the id")


async def retain(
    begin: Begin, retention: Retention, thread_ids: Sequence[str] | None, *, dry_run: bool
) -> Mapping[str, int]:
    """Erase what may go, thread by thread; returns the rows by table."""
    counts: Counter[str] = Counter(dict.fromkeys(TABLES, 0))
    async with aclosing(_threads(begin, thread_ids)) as threads:
        async for thread_id in threads:
            counts.update(await _erase(begin, thread_id, retention, dry_run=dry_run))
    return dict(counts)


async def _threads(begin: Begin, thread_ids: Sequence[str] | None) -> AsyncGenerator[str]:
    if thread_ids is not None:
        for thread_id in dict.fromkeys(thread_ids):
            yield thread_id
        return
    last, page = "", [""]
    while page:
        async with begin() as tx:
            page = await checkpoints.threads_after(tx, last, limit=_PAGE)
        for thread_id in page:
            yield thread_id
            last = thread_id


async def _erase(begin: Begin, thread_id: str, retention: Retention, *, dry_run: bool) -> Mapping[str, int]:
    """Oldest first, so that whatever interrupts it leaves a thread with its newest part whole."""
    counts: Counter[str] = Counter()
    while True:
        async with begin() as tx:
            if not dry_run:
                await checkpoints.lock_threads(tx, [thread_id])
            doomed = await find_old_checkpoints(tx, thread_id, retention, limit=None if dry_run else _BATCH)
            if doomed:
                change = count_doomed if dry_run else erase_doomed
                counts.update(await change(tx, thread_id, doomed))
        if dry_run or len(doomed) < _BATCH:
            return counts


async def find_old_checkpoints(
    tx: Transaction, thread_id: str, retention: Retention, *, limit: int | None
) -> list[Place]:
    """Find what of a thread may go, oldest first."""
    parameters = {
        "thread_id": thread_id,
        "latest": retention.latest,
        "cutoff": retention.cutoff,
        "run_ids": None if retention.run_ids is None else list(retention.run_ids),
        "limit": limit,
    }
    rows = await tx.fetch(statement("find_old_checkpoints"), parameters)
    return [(row["checkpoint_ns"], row["checkpoint_id"]) for row in rows]


async def erase_doomed(tx: Transaction, thread_id: str, positions: Sequence[Place]) -> dict[str, int]:
    """Erase checkpoints with their writes, and the blobs that nothing uses then; returns the rows by table."""
    counts = counts_of(await tx.fetch(statement("erase_doomed_checkpoints"), _checkpoint_ids(thread_id, positions)))
    blobs = await tx.execute(statement("erase_unused_checkpoint_blobs"), {"thread_id": thread_id})
    return {**counts, "checkpoint_blobs": blobs}


async def count_doomed(tx: Transaction, thread_id: str, positions: Sequence[Place]) -> dict[str, int]:
    """Count what :func:`erase_doomed` would erase, by table."""
    return counts_of(await tx.fetch(statement("count_doomed_checkpoints"), _checkpoint_ids(thread_id, positions)))


def _checkpoint_ids(thread_id: str, positions: Sequence[Place]) -> dict[str, object]:
    return {"thread_id": thread_id, "namespaces": [ns for ns, _ in positions], "ids": [id_ for _, id_ in positions]}
