"""Statements on background work: threads that wait to be learnt from, and the leases on them."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

from psycopg.rows import DictRow

from langchain_persistmem.postgres.answer import Answer
from langchain_persistmem.postgres.queries.namespaces_with_work import (
    claim_from_queue,
    queue_work,
    seconds_until_queued,
)
from langchain_persistmem.postgres.statements import statement
from langchain_persistmem.postgres.transaction import Transaction
from langchain_persistmem.types.namespace import Namespace, decode, encode


@dataclass(frozen=True, slots=True)
class Job:
    """A thread that waits to be learnt from, in the hands of one worker."""

    namespace: Namespace
    thread_id: str
    revision: int
    lease: UUID
    attempts: int


def enqueue_thread(
    tx: Transaction,
    namespace: Namespace,
    thread_id: str,
    *,
    quiet: timedelta,
    longest: timedelta,
    lease: UUID | None = None,
    leased: timedelta | None = None,
) -> Answer[Job | None]:
    """Note that a thread has new messages; with ``lease`` the caller takes the work, unless somebody has it already.

    Returns:
        The caller's job, or None if it is not the caller's.
    """
    parameters = {
        "namespace": encode(namespace),
        "thread_id": thread_id,
        "quiet": quiet,
        "longest": longest,
        "lease": lease,
        "leased": leased,
    }

    def read(rows: Sequence[DictRow]) -> Job | None:
        (row,) = rows
        if lease is None or row["lease"] != lease:  # another one works on it, and will see that there is more
            return None
        return Job(namespace, thread_id, row["revision"], lease, row["attempts"])

    job = tx.fetch(statement("enqueue_thread"), parameters).then(read)
    queue_work(tx, namespace, "learn", pause=quiet)
    return job


async def claim_work(tx: Transaction, *, lease: UUID, leased: timedelta) -> Job | None:
    """Take the thread that has been due for longest, of any namespace; None if there is none, or another was faster."""

    async def claim(namespace: Namespace) -> Job | None:
        parameters = {"namespace": encode(namespace), "lease": lease, "leased": leased}
        return _job(await tx.fetch(statement("claim_work_of"), parameters), lease)

    async def next_due_of(namespace: Namespace) -> float | None:
        (row,) = await tx.fetch(statement("next_due_of"), {"namespace": encode(namespace)})
        return row["seconds"]

    if tx.has_citus:
        return await claim_from_queue(tx, "learn", claim, next_due_of)
    return _job(await tx.fetch(statement("claim_work"), {"lease": lease, "leased": leased}), lease)


async def renew_lease(tx: Transaction, job: Job, *, leased: timedelta) -> bool:
    """Go on holding ``job``; False if it is somebody else's by now."""
    parameters = {**_where(job), "leased": leased}
    return await tx.execute(statement("renew_lease"), parameters) > 0


def finish_work(tx: Transaction, job: Job) -> Answer[int]:
    """The job is done, as far as it was known when it was taken."""
    return tx.execute(statement("finish_work"), {**_where(job), "revision": job.revision})


async def postpone_work(tx: Transaction, job: Job, *, pause: timedelta, attempts: int, failure: str | None) -> None:
    """Set the job free, to be due after ``pause``, with the number of attempts that have failed."""
    parameters = {**_where(job), "pause": pause, "attempts": attempts, "failure": failure}
    await tx.execute(statement("postpone_work"), parameters)
    queue_work(tx, job.namespace, "learn", pause=pause)


async def give_back_leases(tx: Transaction, lease: UUID) -> int:
    """Set free whatever is held with ``lease``; returns how many threads."""
    freed = await tx.fetch(statement("give_back_leases"), {"lease": lease})
    for row in freed:
        queue_work(tx, decode(row["namespace"]), "learn")
    return len(freed)


async def count_work(tx: Transaction, namespace: Namespace | None) -> dict[str, int]:
    """Threads that wait, are due and have failed before; turns that were given up; memories that wait for review."""
    parameters = {"namespace": None if namespace is None else encode(namespace)}
    (row,) = await tx.fetch(statement("count_work"), parameters)
    return {str(name): int(number) for name, number in row.items()}


async def next_due(tx: Transaction) -> float | None:
    """Seconds until the next thread is due; None if nothing waits."""
    if tx.has_citus:
        return await seconds_until_queued(tx, "learn")
    (row,) = await tx.fetch(statement("next_due"), {})
    return row["seconds"]


def _job(rows: Sequence[DictRow], lease: UUID) -> Job | None:
    for row in rows:
        return Job(decode(row["namespace"]), row["thread_id"], row["revision"], lease, row["attempts"])
    return None


def _where(job: Job) -> dict[str, object]:
    return {"namespace": encode(job.namespace), "thread_id": job.thread_id, "lease": job.lease}
