"""Changes of whole threads: what is deleted, pruned and copied, each in transactions of a bounded size."""

from collections import Counter
from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import aclosing

from langchain_persistmem.errors import InvalidInputError
from langchain_persistmem.postgres.queries import checkpoints
from langchain_persistmem.postgres.queries.checkpoints import Begin, Retention
from langchain_persistmem.types.representation import represent

TABLES = ("checkpoints", "checkpoint_blobs", "checkpoint_writes")

_BATCH = 500  # checkpoints in one transaction, with their writes and blobs
_PAGE = 1000  # threads read at once


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
            doomed = await checkpoints.find_old_checkpoints(tx, thread_id, retention, limit=None if dry_run else _BATCH)
            if doomed:
                change = checkpoints.count_doomed if dry_run else checkpoints.erase_doomed
                counts.update(await change(tx, thread_id, doomed))
        if dry_run or len(doomed) < _BATCH:
            return counts
