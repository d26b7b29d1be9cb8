"""Statements on conversations."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from psycopg.rows import DictRow

from langchain_persistmem.postgres.answer import Answer
from langchain_persistmem.postgres.queries.rows import memory_of, row_of_turn, to_json, turn_of
from langchain_persistmem.postgres.statements import statement
from langchain_persistmem.postgres.transaction import Transaction
from langchain_persistmem.types.namespace import Namespace, decode, encode
from langchain_persistmem.types.records import Memory, Turn
from langchain_persistmem.types.results import DeadLetter


@dataclass(frozen=True, slots=True)
class ExistingMessages:
    """Messages of a call that are stored already."""

    digests: Mapping[str, bytes | None]
    """By id; None for a message of which it is not known by what rules it was redacted."""
    off_record: bool
    """The thread is off the record: nothing of it is stored."""


def existing_messages(
    tx: Transaction, namespace: Namespace, thread_id: str, turns: Sequence[Turn]
) -> Answer[ExistingMessages]:
    """Find which of these messages are stored already; the caller holds the namespace's lock."""
    parameters = {"namespace": encode(namespace), "thread_id": thread_id, "ids": [turn.id for turn in turns]}
    return tx.fetch(statement("existing_messages"), parameters).then(_existing)


def _existing(rows: Sequence[DictRow]) -> ExistingMessages:
    (row,) = rows
    digests = {
        id: None if digest is None else bytes(digest) for id, digest in zip(row["known"], row["digests"], strict=True)
    }
    return ExistingMessages(digests, row["off_record"])


def insert_messages(
    tx: Transaction, namespace: Namespace, thread_id: str, new: Sequence[Turn], *, withheld: bool, now: datetime
) -> Answer[int]:
    """Append turns in their order; the caller holds the namespace's lock. Returns how many were new.

    Args:
        withheld: nothing is ever to be learnt from them.
    """
    if not new:
        return Answer(0)
    new_rows = to_json([row_of_turn(turn, ordinal) for ordinal, turn in enumerate(new, 1)])
    parameters = {"namespace": encode(namespace), "thread_id": thread_id, "rows": new_rows}
    return tx.execute(statement("insert_messages"), {**parameters, "withheld": withheld, "now": now})


@dataclass(frozen=True, slots=True)
class MessageVersion:
    """The facts from which the id of the next version of a message follows."""

    id: str
    recorded_at: datetime
    version: int
    turn_id: UUID | None


async def message_versions(
    tx: Transaction, namespace: Namespace, thread_id: str, ids: Sequence[str]
) -> list[MessageVersion]:
    """Read the versions that messages have."""
    parameters = {"namespace": encode(namespace), "thread_id": thread_id, "ids": list(ids)}
    return [MessageVersion(**row) for row in await tx.fetch(statement("message_versions"), parameters)]


def edit_messages(
    tx: Transaction,
    namespace: Namespace,
    thread_id: str,
    turns: Sequence[tuple[Turn, UUID]],
    *,
    withheld: bool,
    now: datetime,
) -> Answer[int]:
    """Give messages other words, and the ids of the turns that these become."""
    rows = to_json([{**row_of_turn(turn, 0), "turn_id": str(turn_id)} for turn, turn_id in turns])
    parameters = {"namespace": encode(namespace), "thread_id": thread_id, "rows": rows}
    return tx.execute(statement("edit_messages"), {**parameters, "withheld": withheld, "now": now})


async def supersede_wordings(
    tx: Transaction,
    namespace: Namespace,
    thread_id: str,
    versions: Sequence[tuple[MessageVersion, UUID]],
    *,
    now: datetime,
) -> list[tuple[Memory, UUID, bool]]:
    """End what rests on older words alone; returns the memories, the turn that ends each, and whether lists showed it."""
    rows = to_json(
        [{"id": old.id, "old": str(old.turn_id) if old.turn_id else None, "new": str(new)} for old, new in versions]
    )
    parameters = {"namespace": encode(namespace), "thread_id": thread_id, "rows": rows, "now": now}
    rows = await tx.fetch(statement("supersede_wordings"), parameters)
    return [(memory_of(row), row["new"], row["was_listed"]) for row in rows]


def messages_to_extract(tx: Transaction, namespace: Namespace, thread_id: str, *, limit: int) -> Answer[list[Turn]]:
    """The oldest turns of a thread that memory has not looked at yet."""
    parameters = {"namespace": encode(namespace), "thread_id": thread_id, "limit": limit}
    return tx.fetch(statement("messages_to_extract"), parameters).then(lambda rows: [turn_of(row) for row in rows])


async def messages_before(
    tx: Transaction, namespace: Namespace, thread_id: str, position: int, *, limit: int
) -> list[Turn]:
    """The last turns before a place in a thread, oldest first."""
    parameters = {"namespace": encode(namespace), "thread_id": thread_id, "position": position, "limit": limit}
    rows = await tx.fetch(statement("messages_before"), parameters)
    return [turn_of(row) for row in reversed(rows)]


async def tool_outputs(
    tx: Transaction, namespace: Namespace, thread_id: str, first: int, last: int, *, limit: int, chars: int
) -> list[str]:
    """The beginnings of what tools put out between two positions of a thread, the latest first."""
    parameters = {"namespace": encode(namespace), "thread_id": thread_id, "first": first, "last": last}
    rows = await tx.fetch(statement("tool_outputs"), {**parameters, "limit": limit, "chars": chars})
    return [row["text"] for row in rows]


def mark_extracted(
    tx: Transaction, namespace: Namespace, thread_id: str, ids: Sequence[str], *, now: datetime
) -> Answer[int]:
    """Close turns; returns how many were open, which is fewer than asked if somebody else was faster."""
    parameters = {"namespace": encode(namespace), "thread_id": thread_id, "ids": list(ids), "now": now}
    return tx.execute(statement("mark_extracted"), parameters)


def count_open(tx: Transaction, namespace: Namespace, thread_id: str) -> Answer[int]:
    """Count the turns of a thread that wait to be learnt from."""
    rows = tx.fetch(statement("count_open"), {"namespace": encode(namespace), "thread_id": thread_id})
    return rows.then(lambda rows: int(rows[0]["waiting"]))


async def give_up_messages(
    tx: Transaction, namespace: Namespace, thread_id: str, ids: Sequence[str] | None, *, failure: str, now: datetime
) -> int:
    """Leave these turns, or all open ones of the thread, out of what is learnt from, until they are retried."""
    where = {"namespace": encode(namespace), "thread_id": thread_id, "ids": list(ids) if ids is not None else None}
    return await tx.execute(statement("give_up_messages"), {**where, "failure": failure, "now": now})


async def list_dead_letters(tx: Transaction, namespace: Namespace | None) -> list[DeadLetter]:
    """The turns that were given up, by thread, of one namespace or of all."""
    rows = await tx.fetch(statement("list_dead_letters"), {"namespace": namespace and encode(namespace)})
    return [
        DeadLetter(
            namespace=decode(row["namespace"]),
            thread_id=row["thread_id"],
            messages=row["messages"],
            failure=row["failure"],
            failed_at=row["failed_at"],
        )
        for row in rows
    ]


async def retry_dead_letters(tx: Transaction, namespace: Namespace, thread_id: str) -> int:
    """Let turns that were given up be learnt from again; returns how many."""
    parameters = {"namespace": encode(namespace), "thread_id": thread_id}
    return await tx.execute(statement("retry_dead_letters"), parameters)


def read_messages(
    tx: Transaction, namespace: Namespace, thread_id: str, *, limit: int | None, offset: int
) -> Answer[list[Turn]]:
    """``limit`` turns of a thread, or all, without the latest ``offset``, oldest first."""
    parameters = {
        "namespace": encode(namespace),
        "thread_id": thread_id,
        "limit": limit,  # NULL is no limit
        "offset": offset,
    }
    return tx.fetch(statement("read_messages"), parameters).then(lambda rows: [turn_of(row) for row in reversed(rows)])


async def turns_of_thread(tx: Transaction, namespace: Namespace, thread_id: str) -> list[UUID]:
    """Find the turns of a thread, in every version."""
    parameters = {"namespace": encode(namespace), "thread_id": thread_id}
    return [row["id"] for row in await tx.fetch(statement("turns_of_thread"), parameters)]


async def clear_thread(tx: Transaction, namespace: Namespace, thread_id: str) -> int:
    """Delete the turns of a thread; returns how many there were."""
    return await tx.execute(statement("clear_thread"), {"namespace": encode(namespace), "thread_id": thread_id})
