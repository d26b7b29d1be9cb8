"""Statements on turns: the messages that become memories, and the links of statements to the turns that they rest on."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from psycopg.rows import DictRow

from langchain_persistmem.postgres.answer import Answer
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
class OpenThread:
    """The oldest messages of a thread that are not settled yet, and the last ones before them; each oldest first."""

    messages: Sequence[OpenMessage]
    before: Sequence[Turn]


@dataclass(frozen=True, slots=True)
class ChangedTurn:
    """A turn that has followed the statements that rest on it."""

    id: UUID
    status: Status
    text: str
    speaker: str | None


def messages_without_turn(
    tx: Transaction, namespace: Namespace, thread_id: str, *, limit: int, before: int
) -> Answer[OpenThread]:
    """Read the oldest messages of a thread that are not settled yet, and the last ``before`` ahead of them."""
    parameters = {"namespace": encode(namespace), "thread_id": thread_id, "limit": limit, "before": before}
    return tx.fetch(statement("messages_without_turn"), parameters).then(_open_thread)


def _open_thread(rows: Sequence[DictRow]) -> OpenThread:
    return OpenThread(
        [
            OpenMessage(turn_of(row), row["recorded_at"], row["version"], row["is_learnt"])
            for row in rows
            if not row["is_before"]
        ],
        [turn_of(row) for row in rows if row["is_before"]],
    )


def existing_turns(tx: Transaction, namespace: Namespace, ids: Sequence[UUID]) -> Answer[set[UUID]]:
    """Find which of these turns are memories already."""
    rows = tx.fetch(statement("existing_turns"), {"namespace": encode(namespace), "ids": list(ids)})
    return rows.then(lambda rows: {row["id"] for row in rows})


def insert_turns(tx: Transaction, namespace: Namespace, rows: Sequence[Mapping[str, object]]) -> Answer[int]:
    """Write turns as memories; returns how many were new."""
    parameters = {"namespace": encode(namespace), "rows": to_json(list(rows))}
    return tx.execute(statement("insert_turns"), parameters) if rows else Answer(0)


def settle_messages(
    tx: Transaction, namespace: Namespace, thread_id: str, rows: Sequence[Mapping[str, object]], *, now: datetime
) -> Answer[int]:
    """Settle messages (id, turn_id, outcome, close); returns how many were open."""
    parameters = {"namespace": encode(namespace), "thread_id": thread_id, "rows": to_json(list(rows)), "now": now}
    return tx.execute(statement("settle_messages"), parameters)


def set_outcomes(tx: Transaction, namespace: Namespace, thread_id: str, outcomes: Mapping[str, str]) -> Answer[int]:
    """Say what came of messages, by their ids."""
    rows = [{"id": id, "outcome": outcome} for id, outcome in outcomes.items()]
    parameters = {"namespace": encode(namespace), "thread_id": thread_id, "rows": to_json(rows)}
    return tx.execute(statement("set_outcomes"), parameters) if rows else Answer(0)


def link_turns(tx: Transaction, namespace: Namespace, rows: Sequence[Mapping[str, object]]) -> Answer[list[UUID]]:
    """Link statements to the turns of messages (memory_id, thread_id, message_id, quote, alone).

    Returns:
        The turns that lists do not show any more.
    """
    if not rows:
        return Answer([])
    parameters = {"namespace": encode(namespace), "rows": to_json(list(rows))}
    return tx.fetch(statement("link_turns"), parameters).then(lambda rows: [row["id"] for row in rows])


def turns_of_memories(tx: Transaction, namespace: Namespace, ids: Sequence[UUID]) -> Answer[list[UUID]]:
    """Find the turns that statements rest on."""
    rows = tx.fetch(statement("turns_of_memories"), {"namespace": encode(namespace), "ids": list(ids)})
    return rows.then(lambda rows: [row["turn_id"] for row in rows])


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


def activate_vectors(tx: Transaction, namespace: Namespace, ids: Sequence[UUID]) -> Answer[int]:
    """Let the vectors of memories be searched again."""
    return tx.execute(statement("activate_vectors"), {"namespace": encode(namespace), "ids": list(ids)})


async def withhold_turns(
    tx: Transaction, namespace: Namespace, turn_ids: Sequence[UUID], *, reason: str, now: datetime
) -> list[UUID]:
    """Let turns never be recalled again; returns the ids of those that exist as memories."""
    parameters = {"namespace": encode(namespace), "turn_ids": list(turn_ids), "reason": reason, "now": now}
    return [row["id"] for row in await tx.fetch(statement("withhold_turns"), parameters)]


def insert_omissions(
    tx: Transaction, namespace: Namespace, rows: Sequence[Mapping[str, object]], *, now: datetime
) -> Answer[int]:
    """Write statements that were dropped (id, thread_id, message_id, text, reason, about)."""
    parameters = {"namespace": encode(namespace), "rows": to_json(list(rows)), "now": now}
    return tx.execute(statement("insert_omissions"), parameters) if rows else Answer(0)


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
