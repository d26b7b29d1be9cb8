"""Statements on LangGraph's checkpoints: what upstream's savers have no statement for.

The tables are upstream's. One column is ours, ``checkpoints.persistmem_order``: a number from a
sequence of the server, given to every row by default, whoever inserts it. The greatest in a
namespace of a thread is its head; rows from before the column have none and count as older.
"""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from typing import NamedTuple

from psycopg import sql
from psycopg.rows import DictRow
from psycopg.types.json import Jsonb

from langchain_persistmem.postgres.queries.rows import counts_of
from langchain_persistmem.postgres.statements import Query, statement
from langchain_persistmem.postgres.transaction import Transaction

# What waits for a lock has to see what was committed meanwhile, whatever the server's default.

Begin = Callable[[], AbstractAsyncContextManager[Transaction]]
"""Begins a transaction that sees at every statement what was committed until then."""


class Search(NamedTuple):
    """The checkpoints that are meant; None means any."""

    thread_id: str | None = None
    checkpoint_ns: str | None = None
    checkpoint_id: str | None = None
    metadata: Mapping[str, object] | None = None
    before: str | None = None
    """Only what came before this checkpoint: by the server's order within its namespace, by its id elsewhere."""
    limit: int | None = None


# Completes the SELECT that upstream's savers and those who adapt them carry as SELECT_SQL.
_NEWEST_FIRST = sql.SQL(" ORDER BY persistmem_order DESC NULLS LAST, checkpoint_id DESC")
_BEFORE = sql.SQL(
    "coalesce((coalesce(persistmem_order, 0), checkpoint_id) < (SELECT coalesce(b.persistmem_order, 0), b.checkpoint_id"
    " FROM checkpoints b WHERE b.thread_id = checkpoints.thread_id AND b.checkpoint_ns = checkpoints.checkpoint_ns"
    " AND b.checkpoint_id = %(before)s::text), checkpoint_id < %(before)s::text)"
)
_CONDITIONS = {
    "thread_id": sql.SQL("thread_id = %(thread_id)s::text"),
    "checkpoint_ns": sql.SQL("checkpoint_ns = %(checkpoint_ns)s::text"),
    "checkpoint_id": sql.SQL("checkpoint_id = %(checkpoint_id)s::text"),
    "metadata": sql.SQL("metadata @> %(metadata)s::jsonb"),
    "before": _BEFORE,
}


def find_checkpoints(select: sql.SQL, search: Search) -> tuple[Query, dict[str, object]]:
    """The statement for ``search``, newest first by the server's order, and its parameters."""
    parameters = {name: value for name, value in search._asdict().items() if value is not None}
    conditions = [condition for name, condition in _CONDITIONS.items() if name in parameters]
    query = select + (sql.SQL("WHERE ") + sql.SQL(" AND ").join(conditions) if conditions else sql.SQL(""))
    if search.metadata is not None:
        parameters["metadata"] = Jsonb(search.metadata)
    return query + _NEWEST_FIRST + sql.SQL(" LIMIT %(limit)s::bigint" if search.limit is not None else ""), parameters


async def put_again(
    begin: Begin, new: Mapping[str, object], hold: Callable[[Transaction], Awaitable[None]] | None = None
) -> int:
    """Put what was not stored at first, and return 0 if it may not be stored.

    Args:
        hold: keeps an erase waiting, or says that it was.

    The savers put in a single trip, without a BEGIN, and so in the server's default isolation. Where that
    is stricter than READ COMMITTED a statement cannot see who held the lock before it, and refuses.
    """
    async with begin() as tx:
        if hold is not None:
            await hold(tx)
        await tx.fetch(statement("lock_checkpoints"), new)
        return await tx.execute(statement("put_checkpoint"), new)


async def lock_threads(tx: Transaction, thread_ids: Sequence[str]) -> None:
    """Wait for everybody who appends to these threads, and keep them waiting until the transaction ends."""
    await tx.fetch(statement("lock_checkpoint_threads"), {"thread_ids": list(thread_ids)})


async def head_of(tx: Transaction, thread_id: str, checkpoint_ns: str) -> str | None:
    """The id of the checkpoint that was stored last."""
    rows = await tx.fetch(statement("checkpoint_head"), {"thread_id": thread_id, "checkpoint_ns": checkpoint_ns})
    return rows[0]["checkpoint_id"] if rows else None


async def pending_sends(
    tx: Transaction, children: Sequence[DictRow]
) -> Mapping[tuple[str, str, str], list[tuple[bytes, bytes]]]:
    """The sends that lie with the parents of these checkpoints, by the parent's thread, namespace and id."""
    if not children:
        return {}
    parameters = {
        "threads": [row["thread_id"] for row in children],
        "namespaces": [row["checkpoint_ns"] for row in children],
        "ids": [row["parent_checkpoint_id"] for row in children],
    }
    rows = await tx.fetch(statement("checkpoint_pending_sends"), parameters)
    return {(row["thread_id"], row["checkpoint_ns"], row["checkpoint_id"]): row["sends"] for row in rows}


async def delta_history(
    tx: Transaction, thread_id: str, checkpoint_ns: str, checkpoint_id: str, channels: Sequence[str]
) -> Sequence[DictRow]:
    """Writes, and one seed at most, of each channel; ``steps`` counts the parents from the checkpoint."""
    parameters = {
        "thread_id": thread_id,
        "checkpoint_ns": checkpoint_ns,
        "checkpoint_id": checkpoint_id,
        "channels": list(channels),
    }
    return await tx.fetch(statement("checkpoint_delta_history"), parameters)


async def threads_after(tx: Transaction, after: str, *, limit: int) -> list[str]:
    """The next threads that have checkpoints, in order."""
    rows = await tx.fetch(statement("checkpoint_threads"), {"after": after, "limit": limit})
    return [row["thread_id"] for row in rows]


async def threads_of_runs(tx: Transaction, run_ids: Sequence[str]) -> list[str]:
    """The threads in which these runs left checkpoints; reads the whole table."""
    rows = await tx.fetch(statement("checkpoint_threads_of_runs"), {"run_ids": list(run_ids)})
    return [row["thread_id"] for row in rows]


async def erase_threads(tx: Transaction, thread_ids: Sequence[str]) -> dict[str, int]:
    """Erase threads altogether; returns the rows by table."""
    return counts_of(await tx.fetch(statement("erase_checkpoints"), {"thread_ids": list(thread_ids)}))


async def thread_exists(tx: Transaction, thread_id: str) -> bool:
    """Tell if any of the three tables has a row of the thread."""
    (row,) = await tx.fetch(statement("checkpoint_thread_exists"), {"thread_id": thread_id})
    return bool(row["present"])


async def copy_thread(tx: Transaction, source: str, target: str) -> int:
    """Copy all rows of a thread, under ``target`` also in the metadata; returns the number of checkpoints."""
    parameters = {"source": source, "target": target}
    copied = await tx.execute(statement("copy_checkpoints"), parameters)
    await tx.execute(statement("copy_checkpoint_blobs"), parameters)
    await tx.execute(statement("copy_checkpoint_writes"), parameters)
    return copied
