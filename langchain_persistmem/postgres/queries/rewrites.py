"""Statements on namespaces that are brought to the present form."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal, LiteralString
from uuid import UUID

from psycopg.rows import DictRow

from langchain_persistmem.postgres.queries.namespaces_with_work import (
    claim_from_queue,
    has_queued,
    queue_work,
    seconds_until_queued,
)
from langchain_persistmem.postgres.queries.rows import counts_of, memory_of, to_json, turn_of
from langchain_persistmem.postgres.statements import statement
from langchain_persistmem.postgres.transaction import Transaction
from langchain_persistmem.types.namespace import Namespace, decode, encode
from langchain_persistmem.types.records import Memory, Status, Turn

_FIRST = UUID(int=0)

Step = Literal["terms", "memories", "turns"]
"""The steps, each followed by the next: terms are made anew, memories get what is derived of them, messages become turns."""


@dataclass(frozen=True, slots=True)
class Rewrite:
    """The progress of the rewrite of a namespace."""

    generation: UUID
    step: Step
    memory_id: UUID | None
    attempts: int


@dataclass(frozen=True, slots=True)
class OldMemory:
    """A memory in the form of before."""

    memory: Memory
    identity: bytes | None
    """The hash of what made it a statement of its own, in the form of before."""


@dataclass(frozen=True, slots=True)
class SourceMessage:
    """A message that memories came from."""

    thread_id: str
    turn: Turn
    recorded_at: datetime
    version: int
    turn_id: UUID | None
    withheld: bool
    has_turn: bool
    """The turn of that id is a memory."""


@dataclass(frozen=True, slots=True)
class IdentityHolder:
    """A memory that has an identity, and is current or waits for review."""

    id: UUID
    identity: bytes
    status: Status


async def claim_rewrite(
    tx: Transaction, namespace: Namespace | None, *, leased: timedelta
) -> tuple[Namespace, int] | None:
    """Take a namespace that is due, or ``namespace`` if it is; with the number of failures before."""

    async def claim(namespace: Namespace) -> tuple[Namespace, int] | None:
        parameters = {"namespace": encode(namespace), "leased": leased}
        return _claimed(await tx.fetch(statement("claim_rewrite_of"), parameters))

    async def next_due(namespace: Namespace) -> float | None:
        (row,) = await tx.fetch(statement("next_rewrite_of"), {"namespace": encode(namespace)})
        return row["seconds"]

    if namespace is not None:
        return await claim(namespace)
    if tx.has_citus:
        return await claim_from_queue(tx, "rewrite", claim, next_due)
    return _claimed(await tx.fetch(statement("claim_rewrite"), {"leased": leased}))


def _claimed(rows: Sequence[DictRow]) -> tuple[Namespace, int] | None:
    for row in rows:
        return decode(row["namespace"]), row["attempts"]
    return None


async def read_rewrite(tx: Transaction, namespace: Namespace) -> Rewrite | None:
    """Read how far a namespace is; None once it is done."""
    for row in await tx.fetch(statement("read_rewrite"), {"namespace": encode(namespace)}):
        return Rewrite(**row)
    return None


async def move_rewrite(
    tx: Transaction, namespace: Namespace, step: Step, memory_id: UUID | None, *, done: int, leased: timedelta
) -> None:
    """Note how far a namespace is."""
    parameters = {"namespace": encode(namespace), "step": step, "memory_id": memory_id, "done": done, "leased": leased}
    await tx.execute(statement("move_rewrite"), parameters)


async def postpone_rewrite(
    tx: Transaction, namespace: Namespace, *, pause: timedelta, attempts: int = 0, failure: str | None = None
) -> None:
    """Go on after ``pause``."""
    parameters = {"namespace": encode(namespace), "pause": pause, "attempts": attempts, "failure": failure}
    await tx.execute(statement("postpone_rewrite"), parameters)
    queue_work(tx, namespace, "rewrite", pause=pause)


async def await_consent(tx: Transaction, namespace: Namespace) -> None:
    """Leave the rest until the person allows it."""
    await tx.execute(statement("await_consent"), {"namespace": encode(namespace)})


async def resume_rewrite(tx: Transaction, namespace: Namespace) -> None:
    """Go on with what has waited for consent."""
    if await tx.fetch(statement("resume_rewrite"), {"namespace": encode(namespace)}):
        queue_work(tx, namespace, "rewrite")


async def request_rewrite(tx: Transaction, namespace: Namespace, step: Step) -> None:
    """Let a namespace be brought to the present form, from ``step`` on."""
    parameters = {"namespace": encode(namespace), "step": step}
    for row in await tx.fetch(statement("note_old_form"), parameters):
        await tx.execute(statement("request_rewrite"), {**parameters, "generation": row["generation"]})
        queue_work(tx, namespace, "rewrite")


async def finish_rewrite(tx: Transaction, namespace: Namespace) -> None:
    """Note that everything of a namespace has the present form; the caller holds its lock and has looked."""
    await tx.execute(statement("finish_rewrite"), {"namespace": encode(namespace)})


async def next_rewrite(tx: Transaction) -> float | None:
    """Seconds until a namespace is due; None if none is."""
    if tx.has_citus:
        return await seconds_until_queued(tx, "rewrite")
    (row,) = await tx.fetch(statement("next_rewrite"), {})
    return row["seconds"]


async def has_rewrites(tx: Transaction) -> bool:
    """Tell if any namespace is left."""
    if tx.has_citus:  # a namespace that waits for consent is not in the queue, and needs nobody
        return await has_queued(tx, "rewrite")
    (row,) = await tx.fetch(statement("has_rewrites"), {})
    return bool(row["any"])


async def count_rewrites(tx: Transaction, namespace: Namespace | None) -> dict[str, int]:
    """Count the namespaces that are left, those of them that failed, and their rows that are done."""
    parameters = {"namespace": encode(namespace) if namespace is not None else None}
    return counts_of(await tx.fetch(statement("count_rewrites"), parameters))


async def memories_of_before(
    tx: Transaction, namespace: Namespace, after: UUID | None, *, thread_id: str | None = None, limit: int
) -> list[OldMemory]:
    """Read memories in the form of before that follow an id; with ``thread_id``, only those of a thread."""
    parameters = {
        "namespace": encode(namespace),
        "after": after or _FIRST,
        "thread_id": thread_id,
        "limit": limit,
    }
    return [_old_memory(row) for row in await tx.fetch(statement("memories_of_before"), parameters)]


async def texts_of_before(
    tx: Transaction, namespace: Namespace, after: UUID | None, *, limit: int
) -> dict[UUID, tuple[str, str | None]]:
    """Read texts and speakers of the current memories that follow an id, in their order."""
    parameters = {"namespace": encode(namespace), "after": after or _FIRST, "limit": limit}
    return {
        row["id"]: (row["text"], row["speaker"]) for row in await tx.fetch(statement("texts_of_before"), parameters)
    }


async def old_memories(tx: Transaction, namespace: Namespace, identities: Sequence[bytes]) -> list[OldMemory]:
    """Read the memories that have these identities, current or waiting for review."""
    parameters = {"namespace": encode(namespace), "identities": list(identities)}
    return [_old_memory(row) for row in await tx.fetch(statement("old_memories"), parameters)]


def _old_memory(row: DictRow) -> OldMemory:
    return OldMemory(memory_of(row), bytes(row["identity"]) if row["identity"] is not None else None)


async def messages_of_memories(
    tx: Transaction, namespace: Namespace, positions: Sequence[tuple[str, str]]
) -> list[SourceMessage]:
    """Read the messages at these places (thread, id) that are there."""
    if not positions:
        return []
    rows = to_json([{"thread_id": thread_id, "id": id} for thread_id, id in positions])
    messages = await tx.fetch(statement("messages_of_memories"), {"namespace": encode(namespace), "rows": rows})
    return [
        SourceMessage(
            row["thread_id"],
            turn_of(row),
            row["recorded_at"],
            row["version"],
            row["turn_id"],
            row["withheld"],
            row["has_turn"],
        )
        for row in messages
    ]


async def set_turn_ids(tx: Transaction, namespace: Namespace, rows: Sequence[Mapping[str, object]]) -> None:
    """Set the turns of messages (thread_id, id, turn_id, outcome, utc_offset)."""
    await _write(tx, "set_turn_ids", namespace, rows)


async def move_links(tx: Transaction, namespace: Namespace, pairs: Sequence[tuple[UUID, UUID]]) -> None:
    """Let the links of the first turn, or statement, of each pair be those of the second."""
    await _write(tx, "move_links", namespace, [{"old": str(old), "new": str(new)} for old, new in pairs])


async def rewrite_memories(tx: Transaction, namespace: Namespace, rows: Sequence[Mapping[str, object]]) -> None:
    """Set what is derived of memories."""
    await _write(tx, "rewrite_memories", namespace, rows)


async def find_identities(tx: Transaction, namespace: Namespace, identities: Sequence[bytes]) -> list[IdentityHolder]:
    """Find who has these identities."""
    parameters = {"namespace": encode(namespace), "identities": list(identities)}
    rows = await tx.fetch(statement("find_identities"), parameters)
    return [IdentityHolder(row["id"], bytes(row["identity"]), row["status"]) for row in rows]


async def merge_memories(
    tx: Transaction, namespace: Namespace, pairs: Sequence[tuple[UUID, UUID]], *, now: datetime
) -> None:
    """Let the first memory of each pair be a version of the second, which stays."""
    if pairs:
        rows = to_json([{"old": str(old), "new": str(new)} for old, new in pairs])
        await tx.execute(statement("merge_memories"), {"namespace": encode(namespace), "rows": rows, "now": now})


async def settle_others(tx: Transaction, namespace: Namespace, *, limit: int) -> int:
    """Settle messages that are no turns; returns how many, at most ``limit``."""
    return await tx.execute(statement("settle_others"), {"namespace": encode(namespace), "limit": limit})


async def thread_without_turns(tx: Transaction, namespace: Namespace) -> str | None:
    """Find a thread with messages that may become turns; None if there is none."""
    for row in await tx.fetch(statement("thread_without_turns"), {"namespace": encode(namespace)}):
        return str(row["thread_id"])
    return None


async def last_removal(tx: Transaction, namespace: Namespace) -> datetime | None:
    """Find when statements were last rejected or purged, as far as the audit says so."""
    (row,) = await tx.fetch(statement("last_removal"), {"namespace": encode(namespace)})
    return row["removed_at"]


async def _write(
    tx: Transaction, name: LiteralString, namespace: Namespace, rows: Sequence[Mapping[str, object]]
) -> None:
    if rows:
        await tx.execute(statement(name), {"namespace": encode(namespace), "rows": to_json(list(rows))})
