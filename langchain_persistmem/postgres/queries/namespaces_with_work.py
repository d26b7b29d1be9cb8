"""The queue of namespaces in which there is work, for tables that are distributed: on one node, so that idling asks no other.

On a single server the tables of the work are asked themselves, by their indexes, and the queue stays empty. On a cluster it is an
outbox: written in the transaction that leaves work. It is a hint. What is claimed is decided in the namespace: a row too many
costs one look and goes, and a row too few is put back by :func:`fill_queue`, which upkeep runs.
"""

from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Any, Literal, TypeVar

from langchain_persistmem.postgres.answer import Answer
from langchain_persistmem.postgres.statements import statement
from langchain_persistmem.postgres.transaction import Transaction
from langchain_persistmem.types.namespace import Namespace, decode, encode

T = TypeVar("T")
Task = Literal["learn", "vectors", "rewrite"]
TASKS: tuple[Task, ...] = ("learn", "vectors", "rewrite")

_LOOKS = 8
"""Namespaces that are looked at for one piece of work: others may be at the first of them."""
_PAGE = 1_000


def queue_work(
    tx: Transaction, namespace: Namespace, task: Task, *, pause: timedelta = timedelta(0), model: int = 0
) -> None:
    """Note that there will be work in ``namespace`` after ``pause``."""
    if tx.has_citus:
        parameters = {"namespace": encode(namespace), "task": task, "model": model, "pause": pause}
        tx.execute(statement("queue_work"), parameters)


async def claim_from_queue(
    tx: Transaction,
    task: Task,
    claim: Callable[[Namespace], Awaitable[T | None]],
    next_due: Callable[[Namespace], Awaitable[float | None]],
    *,
    model: int = 0,
) -> T | None:
    """Claim a piece of work of a namespace that is due; None if there is none.

    Args:
        claim: claims it in a namespace; None if there is none, or another was faster.
        next_due: tells in how many seconds more is due there; None if nothing is.
    """
    where = {"task": task, "model": model}
    # Nothing is locked here before the work itself, as whoever leaves work locks that first.
    for row in await tx.fetch(statement("next_in_queue"), {**where, "limit": _LOOKS}):
        claimed = await claim(decode(row["namespace"]))
        seconds = await next_due(decode(row["namespace"]))
        seen = {**where, "namespace": row["namespace"], "revision": row["revision"]}
        if seconds is None:
            await tx.execute(statement("leave_queue"), seen)
        else:
            await tx.execute(statement("move_in_queue"), {**seen, "pause": timedelta(seconds=seconds)})
        if claimed is not None:
            return claimed
    return None


async def seconds_until_queued(tx: Transaction, task: Task, *, model: int = 0) -> float | None:
    """Seconds until a namespace is due; None if none waits."""
    (row,) = await tx.fetch(statement("seconds_until_queued"), {"task": task, "model": model})
    return row["seconds"]


async def has_queued(tx: Transaction, task: Task) -> bool:
    """Tell if any namespace waits for ``task``."""
    (row,) = await tx.fetch(statement("has_queued"), {"task": task})
    return bool(row["any"])


def erase_queue(tx: Transaction, namespace: Namespace) -> Answer[int]:
    """Forget what is queued for a namespace; the answer is how many rows that were."""
    return tx.execute(statement("erase_queue"), {"namespace": encode(namespace)})


def count_queue(tx: Transaction, namespace: Namespace) -> Answer[int]:
    """The number of rows in the queue of a namespace."""
    return tx.fetch(statement("count_queue"), {"namespace": encode(namespace)}).then(lambda rows: int(rows[0]["rows"]))


async def fill_queue(tx: Transaction) -> None:
    """Put every namespace with work into the queue, where tables are distributed."""
    if not tx.has_citus:
        return
    for task in TASKS:
        after = ""
        while rows := await tx.fetch(statement("unqueued_work"), {"task": task, "after": after, "limit": _PAGE}):
            parameters: dict[str, Any] = {
                "task": task,
                "namespaces": [row["namespace"] for row in rows],
                "models": [row["model"] for row in rows],
                "moments": [row["due_at"] for row in rows],
            }
            await tx.execute(statement("queue_all_work"), parameters)
            after = rows[-1]["namespace"]
