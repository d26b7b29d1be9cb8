"""Statements that erase, over every table that holds personal data."""

from collections.abc import Sequence
from itertools import takewhile
from typing import NamedTuple, cast
from uuid import UUID

from langchain_persistmem.postgres.queries import checkpoints, namespaces_with_work
from langchain_persistmem.postgres.queries.rows import counts_of
from langchain_persistmem.postgres.statements import statement
from langchain_persistmem.postgres.transaction import Answer, Transaction
from langchain_persistmem.postgres.vector_index.hnsw_indexes import add_documents
from langchain_persistmem.types.namespace import Namespace, Pattern, decode, encode, prefix_range


async def erasable(
    tx: Transaction, namespace: Namespace, keys: Sequence[str]
) -> list[tuple[UUID, str, str | None, tuple[str, ...]]]:
    """Every version under ``keys``: its id, key and thread, and the messages it came from."""
    rows = await tx.fetch(statement("erasable"), {"namespace": encode(namespace), "keys": list(keys)})
    return [
        (row["id"], row["key"], row["thread_id"], tuple(row["provenance"].get("message_ids") or ())) for row in rows
    ]


async def memories_of_messages(
    tx: Transaction, namespace: Namespace, thread_id: str, message_ids: Sequence[str]
) -> list[UUID]:
    """Memories of any status that came from these turns."""
    parameters = {"namespace": encode(namespace), "thread_id": thread_id, "message_ids": list(message_ids)}
    return [row["id"] for row in await tx.fetch(statement("memories_of_messages"), parameters)]


async def erase_memories(
    tx: Transaction, namespace: Namespace, ids: Sequence[UUID], *, leave_links: bool = False
) -> dict[str, int]:
    """Erase memories and all that hangs on them; returns the rows by table.

    Args:
        leave_links: leave the links of statements to turns among them, which come again under the same ids.
    """
    parameters = {"namespace": encode(namespace), "ids": list(ids), "leave_links": leave_links}
    return counts_of(await tx.fetch(statement("erase_memories"), parameters))


def erase_items(tx: Transaction, namespace: Namespace, keys: Sequence[str]) -> Answer[list[UUID]]:
    """Erase every version under ``keys`` and all that hangs on them; the answer is their ids."""
    parameters = {"namespace": encode(namespace), "keys": list(keys), "leave_links": False}
    return tx.fetch(statement("erase_items"), parameters).then(lambda rows: [row["id"] for row in rows])


async def erase_messages(tx: Transaction, namespace: Namespace, thread_id: str, ids: Sequence[str]) -> int:
    """Erase turns of a thread."""
    parameters = {"namespace": encode(namespace), "thread_id": thread_id, "ids": list(ids)}
    return await tx.execute(statement("erase_messages"), parameters)


def namespaces_naming(tx: Transaction, pattern: Pattern) -> Answer[list[tuple[Namespace, UUID]]]:
    """The namespaces that begin as ``pattern`` says, with their generations, in order."""
    fixed = tuple(takewhile(lambda label: label is not None, pattern))
    exact, _, until = prefix_range(cast("Namespace", fixed))
    labels = [None if label is None else encode((label,)) for label in pattern]
    rows = tx.fetch(statement("namespaces_naming"), {"from": exact, "until": until, "labels": labels})
    return rows.then(lambda rows: [(decode(row["namespace"]), row["generation"]) for row in rows])


async def erase_namespace(tx: Transaction, namespace: Namespace) -> tuple[dict[str, int], dict[str, int]]:
    """Erase everything of a namespace; returns the rows by table that went, and those that are left.

    Both take one round trip: what is left is counted by statements that follow those that erase.
    """
    # The queue and the registry of HNSW indexes may lie on another node than the namespace, and have statements of their own.
    queued = namespaces_with_work.erase_queue(tx, namespace)
    erased = tx.fetch(statement("erase_namespace"), {"namespace": encode(namespace)})
    rest = await count_rest_of_namespace(tx, namespace)
    (row,) = await erased
    if row["hnsw_index"] is not None:  # what it took of an HNSW index is free again
        await add_documents(tx, row["hnsw_index"], -row["hnsw_documents"])
    counts = counts_of([{name: row[name] for name in row if name not in ("hnsw_index", "hnsw_documents")}])
    return {**counts, "work_queue": await queued}, rest


async def count_rest_of_namespace(tx: Transaction, namespace: Namespace) -> dict[str, int]:
    """Rows that an erase has left, by table."""
    queued = namespaces_with_work.count_queue(tx, namespace)
    counts = counts_of(await tx.fetch(statement("count_rest_of_namespace"), {"namespace": encode(namespace)}))
    return {**counts, "work_queue": await queued}


async def count_rest_of_checkpoints(tx: Transaction, thread_ids: Sequence[str]) -> dict[str, int]:
    """Rows of LangGraph's tables that an erase has left; these tables have to exist."""
    return counts_of(await tx.fetch(statement("count_rest_of_checkpoints"), {"thread_ids": list(thread_ids)}))


def has_checkpoint_tables(tx: Transaction) -> Answer[bool]:
    """Tell if LangGraph's tables exist here."""
    return checkpoint_tables(tx).then(lambda tables: tables is not None)


class CheckpointTables(NamedTuple):
    """LangGraph's tables, as they are here."""

    marks_owned: bool
    """What a run stored that named a person is marked: our savers' setup() has been here."""


def checkpoint_tables(tx: Transaction) -> Answer[CheckpointTables | None]:
    """LangGraph's tables, if they exist here."""
    rows = tx.fetch(statement("checkpoint_tables"), {})
    return rows.then(lambda rows: CheckpointTables(rows[0]["marks_owned"]) if rows[0]["present"] else None)


async def find_threads_with_checkpoints(tx: Transaction, thread_ids: Sequence[str]) -> list[str]:
    """The threads of these that LangGraph's checkpoints hold; none where its tables do not exist."""
    if not thread_ids or not await has_checkpoint_tables(tx):
        return []
    rows = await tx.fetch(statement("find_threads_with_checkpoints"), {"thread_ids": list(thread_ids)})
    return [row["thread_id"] for row in rows]


async def erase_checkpoints(tx: Transaction, thread_ids: Sequence[str]) -> dict[str, int]:
    """Erase threads from LangGraph's tables, which have to exist; returns the rows by table."""
    await checkpoints.lock_threads(tx, thread_ids)
    return counts_of(await tx.fetch(statement("erase_checkpoints"), {"thread_ids": list(thread_ids)}))
