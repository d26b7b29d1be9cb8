"""Statements that read a person's rows as they are, and write them so again."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, LiteralString
from uuid import UUID

from langchain_persistmem.postgres.answer import Answer
from langchain_persistmem.postgres.queries.rows import to_json
from langchain_persistmem.postgres.statements import statement
from langchain_persistmem.postgres.transaction import Transaction
from langchain_persistmem.types.namespace import Namespace, decode, encode, prefix_range
from langchain_persistmem.types.records import TURNS_EXTRACTOR

Row = Mapping[str, Any]
"""A row as JSON has it: moments in UTC, ids as text."""

_FIRST = UUID(int=0)


async def namespaces_below(tx: Transaction, prefix: Namespace) -> list[tuple[Namespace, str]]:
    """The namespaces under ``prefix`` that exist, with what the person allows."""
    exact, start, until = prefix_range(prefix)
    rows = await tx.fetch(statement("namespaces_below"), {"exact": exact, "from": start, "until": until})
    return [(decode(row["namespace"]), row["consent"]) for row in rows]


async def count_export_rows(tx: Transaction, namespace: Namespace) -> int:
    """The number of rows that an export has of a namespace."""
    (row,) = await tx.fetch(statement("count_export_rows"), {"namespace": encode(namespace)})
    return row["rows"]


def export_threads(tx: Transaction, namespace: Namespace, after: Row | None, *, limit: int) -> Answer[list[Row]]:
    """The page of threads that follows ``after``."""
    return _page(tx, "export_threads", namespace, {"after": after["thread_id"] if after else ""}, limit)


def export_messages(tx: Transaction, namespace: Namespace, after: Row | None, *, limit: int) -> Answer[list[Row]]:
    """The page of messages that follows ``after``."""
    position = (
        {"thread_id": after["thread_id"], "position": after["position"]} if after else {"thread_id": "", "position": 0}
    )
    return _page(tx, "export_messages", namespace, position, limit)


def export_memories(tx: Transaction, namespace: Namespace, after: Row | None, *, limit: int) -> Answer[list[Row]]:
    """The page of memories that follows ``after``."""
    return _page(tx, "export_memories", namespace, {"after": after["id"] if after else _FIRST}, limit)


def export_links(tx: Transaction, namespace: Namespace, after: Row | None, *, limit: int) -> Answer[list[Row]]:
    """The page of links between statements and turns that follows ``after``."""
    position = (
        {"memory_id": after["memory_id"], "turn_id": after["turn_id"]}
        if after
        else {"memory_id": _FIRST, "turn_id": _FIRST}
    )
    return _page(tx, "export_links", namespace, position, limit)


def export_omissions(tx: Transaction, namespace: Namespace, after: Row | None, *, limit: int) -> Answer[list[Row]]:
    """The page of dropped statements that follows ``after``."""
    return _page(tx, "export_omissions", namespace, {"after": after["id"] if after else _FIRST}, limit)


def export_changes(tx: Transaction, namespace: Namespace, after: Row | None, *, limit: int) -> Answer[list[Row]]:
    """The page of changes that follows ``after``."""
    return _page(tx, "export_changes", namespace, {"after": after["id"] if after else _FIRST}, limit)


async def restore_threads(tx: Transaction, namespace: Namespace, rows: Sequence[Row]) -> int:
    """Write threads; returns how many were new."""
    return await _write(tx, "restore_threads", namespace, rows)


async def restore_messages(tx: Transaction, namespace: Namespace, rows: Sequence[Row]) -> int:
    """Write messages; returns how many were new."""
    return await _write(tx, "restore_messages", namespace, rows)


async def restore_memories(tx: Transaction, namespace: Namespace, rows: Sequence[Row]) -> set[UUID]:
    """Write memories with their uses, without vectors and words; returns the ids of those that were new."""
    parameters = {"namespace": encode(namespace), "rows": to_json([_to_stored(row) for row in rows])}
    new = {row["id"] for row in await tx.fetch(statement("restore_memories"), parameters)}
    await _write(tx, "restore_uses", namespace, [row for row in rows if UUID(row["id"]) in new])
    return new


async def restore_links(tx: Transaction, namespace: Namespace, rows: Sequence[Row]) -> int:
    """Write links whose statements are here; returns how many were new."""
    return await _write(tx, "restore_links", namespace, rows)


async def restore_omissions(tx: Transaction, namespace: Namespace, rows: Sequence[Row]) -> int:
    """Write dropped statements whose messages are here; returns how many were new."""
    return await _write(tx, "restore_omissions", namespace, rows)


async def restore_changes(tx: Transaction, namespace: Namespace, rows: Sequence[Row]) -> int:
    """Write entries of the log whose memories are here; returns how many were new."""
    return await _write(tx, "restore_changes", namespace, rows)


async def find_existing_memories(tx: Transaction, namespace: Namespace, ids: Sequence[UUID]) -> set[UUID]:
    """The memories of ``ids`` that are here."""
    parameters = {"namespace": encode(namespace), "ids": list(ids)}
    return {row["id"] for row in await tx.fetch(statement("find_existing_memories"), parameters)}


def _page(
    tx: Transaction, name: LiteralString, namespace: Namespace, position: Mapping[str, object], limit: int
) -> Answer[list[Row]]:
    rows = tx.fetch(statement(name), {"namespace": encode(namespace), **position, "limit": limit})
    return rows.then(
        lambda rows: [
            {column: _plain(value) for column, value in row.items() if value is not None and column != "time_to_live"}
            for row in rows
        ]
    )


async def _write(tx: Transaction, name: LiteralString, namespace: Namespace, rows: Sequence[Row]) -> int:
    if not rows:
        return 0
    parameters = {"namespace": encode(namespace), "rows": to_json([dict(row) for row in rows])}
    return await tx.execute(statement(name), parameters)


def _to_stored(memory: Row) -> Row:
    """The row of an export as the table has it; format 1 knew turns by their extractor only."""
    provenance: Mapping[str, Any] = memory.get("provenance") or {}
    is_turn = memory.get("kind") == "episodic" and provenance.get("extractor") == TURNS_EXTRACTOR
    row: dict[str, Any] = {"is_turn": is_turn, "listed": True, **memory}
    if "identity" in row and row["identity"] is not None:
        row["identity"] = rf"\x{row['identity']}"
    if row.get("minutes_to_live") is not None:
        row["time_to_live"] = f"{60 * row['minutes_to_live']:.6f} seconds"
    return row


def _plain(value: object) -> object:
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat()
    if isinstance(value, UUID):
        return str(value)
    if isinstance(value, bytes):
        return value.hex()
    return value
