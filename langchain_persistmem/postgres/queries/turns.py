"""Statements on turns: the messages that become memories, and the links of statements to the turns that they rest on."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from langchain_persistmem.postgres.queries.rows import to_json, turn_of
from langchain_persistmem.postgres.statements import statement
from langchain_persistmem.postgres.transaction import Transaction
from langchain_persistmem.types.namespace import Namespace, encode
from langchain_persistmem.types.records import Status, Turn


@dataclass(frozen=True, slots=True)
class OpenMessage:
    """A message of which it is not settled yet whether it becomes a memory."""

    turn: Turn
    recorded_at: datetime
    version: int
    is_learnt: bool
    """Somebody has looked at it already, before every turn was a memory."""


@dataclass(frozen=True, slots=True)
class ChangedTurn:
    """A turn that has followed the statements that rest on it."""

    id: UUID
    status: Status
    text: str
    speaker: str | None


async def messages_without_turn(
    tx: Transaction, namespace: Namespace, thread_id: str, *, limit: int
) -> list[OpenMessage]:
    """Read the oldest messages of a thread that are not settled yet."""
    parameters = {"namespace": encode(namespace), "thread_id": thread_id, "limit": limit}
    rows = await tx.fetch(statement("messages_without_turn"), parameters)
    return [OpenMessage(turn_of(row), row["recorded_at"], row["version"], row["is_learnt"]) for row in rows]


async def exchange_before(
    tx: Transaction, namespace: Namespace, thread_id: str, position: int, *, limit: int
) -> list[Turn]:
    """Read the last messages before a position in a thread, oldest first."""
    parameters = {"namespace": encode(namespace), "thread_id": thread_id, "position": position, "limit": limit}
    rows = await tx.fetch(statement("exchange_before"), parameters)
    return [turn_of(row) for row in reversed(rows)]


async def insert_turns(tx: Transaction, namespace: Namespace, rows: Sequence[Mapping[str, object]]) -> set[UUID]:
    """Write turns as memories; returns the ids of those that were new."""
    if not rows:
        return set()
    parameters = {"namespace": encode(namespace), "rows": to_json(list(rows))}
    return {row["id"] for row in await tx.fetch(statement("insert_turns"), parameters)}


async def settle_messages(
    tx: Transaction, namespace: Namespace, thread_id: str, rows: Sequence[Mapping[str, object]], *, now: datetime
) -> int:
    """Settle messages (id, turn_id, outcome, close); returns how many were open."""
    parameters = {"namespace": encode(namespace), "thread_id": thread_id, "rows": to_json(list(rows)), "now": now}
    return await tx.execute(statement("settle_messages"), parameters)


async def set_outcomes(tx: Transaction, namespace: Namespace, thread_id: str, outcomes: Mapping[str, str]) -> None:
    """Say what came of messages, by their ids."""
    if outcomes:
        rows = [{"id": id, "outcome": outcome} for id, outcome in outcomes.items()]
        parameters = {"namespace": encode(namespace), "thread_id": thread_id, "rows": to_json(rows)}
        await tx.execute(statement("set_outcomes"), parameters)


async def link_turns(tx: Transaction, namespace: Namespace, rows: Sequence[Mapping[str, object]]) -> None:
    """Link statements to the turns of messages (memory_id, thread_id, message_id, quote, alone)."""
    if rows:
        await tx.execute(statement("link_turns"), {"namespace": encode(namespace), "rows": to_json(list(rows))})


async def turns_of_memories(tx: Transaction, namespace: Namespace, ids: Sequence[UUID]) -> list[UUID]:
    """Find the turns that statements rest on."""
    rows = await tx.fetch(statement("turns_of_memories"), {"namespace": encode(namespace), "ids": list(ids)})
    return [row["turn_id"] for row in rows]


async def linked_turns(tx: Transaction, namespace: Namespace, ids: Sequence[UUID]) -> set[UUID]:
    """Find which of these turns statements rest on."""
    rows = await tx.fetch(statement("linked_turns"), {"namespace": encode(namespace), "ids": list(ids)})
    return {row["turn_id"] for row in rows}


async def follow_turns(
    tx: Transaction, namespace: Namespace, turn_ids: Sequence[UUID], *, approval: str, now: datetime
) -> list[ChangedTurn]:
    """Let turns become what their statements are now; returns those that changed."""
    parameters: dict[str, Any] = {
        "namespace": encode(namespace),
        "turn_ids": list(turn_ids),
        "approval": approval,
        "now": now,
    }
    return [ChangedTurn(**row) for row in await tx.fetch(statement("follow_turns"), parameters)]


async def activate_vectors(tx: Transaction, namespace: Namespace, ids: Sequence[UUID]) -> None:
    """Let the vectors of memories be searched again."""
    await tx.execute(statement("activate_vectors"), {"namespace": encode(namespace), "ids": list(ids)})


async def withhold_turns(
    tx: Transaction, namespace: Namespace, turn_ids: Sequence[UUID], *, reason: str, now: datetime
) -> list[UUID]:
    """Let turns never be recalled again; returns the ids of those that exist as memories."""
    parameters = {"namespace": encode(namespace), "turn_ids": list(turn_ids), "reason": reason, "now": now}
    return [row["id"] for row in await tx.fetch(statement("withhold_turns"), parameters)]


async def insert_omissions(
    tx: Transaction, namespace: Namespace, rows: Sequence[Mapping[str, object]], *, now: datetime
) -> None:
    """Write statements that were dropped (id, thread_id, message_id, text, reason, about)."""
    if rows:
        parameters = {"namespace": encode(namespace), "rows": to_json(list(rows)), "now": now}
        await tx.execute(statement("insert_omissions"), parameters)


@dataclass(frozen=True, slots=True)
class MessageOutcome:
    """A message with what came of it."""

    message_id: str
    outcome: str | None
    memory_ids: Sequence[UUID]
    omissions: Sequence[tuple[str, str]]
    """Text and reason of each statement that was dropped."""


async def read_outcomes(
    tx: Transaction, namespace: Namespace, thread_id: str, *, limit: int | None, offset: int
) -> list[MessageOutcome]:
    """Read what came of the messages of a thread, oldest first; pages are counted from its end."""
    parameters = {"namespace": encode(namespace), "thread_id": thread_id, "limit": limit, "offset": offset}
    rows = await tx.fetch(statement("read_outcomes"), parameters)
    return [
        MessageOutcome(
            row["id"], row["outcome"], row["memory_ids"], [(text, reason) for text, reason in row["omissions"] or ()]
        )
        for row in reversed(rows)
    ]
