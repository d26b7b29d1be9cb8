"""Rows to records and back: the only place that knows the columns of a memory and of a message."""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from operator import itemgetter
from typing import Any
from uuid import UUID

from psycopg.rows import DictRow

from langchain_persistmem.types import namespace as namespace_flow
from langchain_persistmem.types.recalled import RecallCandidate
from langchain_persistmem.types.records import Change, Memory, NewMemory, Provenance, Turn

_FOUND = itemgetter(*(column for column in RecallCandidate._fields if column != "build_memory"))


@dataclass(frozen=True, slots=True)
class StoredItem:
    """What a store shows of a memory."""

    namespace: namespace_flow.Namespace
    id: UUID
    key: str
    value: Mapping[str, Any]
    recorded_at: datetime
    updated_at: datetime
    expires_at: datetime | None


def dumped(value: object) -> str:
    """JSON text that keeps every character and refuses NaN, which JSON does not have."""
    return json.dumps(value, ensure_ascii=False, allow_nan=False)


def memory_of(row: DictRow, namespace: namespace_flow.Namespace | None = None) -> Memory:
    """The memory in a row of ``persistmem.memories``, which names its namespace where that is not given."""
    return Memory(
        namespace=namespace_flow.decode(row["namespace"]) if namespace is None else namespace,
        id=row["id"],
        key=row["key"],
        kind=row["kind"],
        status=row["status"],
        text=row["text"],
        value=row["value"],
        importance=row["importance"],
        confidence=row["confidence"],
        confirmations=row["confirmations"],
        speaker=row["speaker"],
        provenance=_provenance_of(row["provenance"]),
        valid_from=row["valid_from"],
        valid_until=row["valid_until"],
        recorded_at=row["recorded_at"],
        updated_at=row["updated_at"],
        expires_at=row["expires_at"],
        superseded_by=row["superseded_by"],
        review=row["review"],
        review_of=row["review_of"],
        pinned=row["pinned"],
    )


def found_of(row: DictRow, whole: Callable[[], Memory]) -> RecallCandidate:
    """The candidate in a row; ``whole`` makes its memory."""
    return RecallCandidate._make((*_FOUND(row), whole))


def unparsed_found_of(row: DictRow, namespace: namespace_flow.Namespace) -> RecallCandidate:
    """The candidate in a row of recall, where what ranking does not read is text until the memory is wanted."""
    return found_of(row, partial(_unparsed_memory_of, row, namespace))


def _unparsed_memory_of(row: DictRow, namespace: namespace_flow.Namespace) -> Memory:
    zone = row["valid_from"].tzinfo  # the connection's
    documents = {column: json.loads(row[column]) for column in ("value", "provenance")}
    moments = {column: datetime.fromisoformat(row[column]).astimezone(zone) for column in ("recorded_at", "updated_at")}
    return memory_of(row | documents | moments, namespace)


def neighbours_of(rows: Sequence[DictRow], count: int) -> list[list[tuple[Memory, float]]]:
    """The memories near each of ``count`` vectors, which rows name by their ordinals."""
    found: list[list[tuple[Memory, float]]] = [[] for _ in range(count)]
    for row in rows:
        place: int = row["ordinal"] - 1
        found[place].append((memory_of(row), row["similarity"]))
    return found


def item_of(row: DictRow, namespace: namespace_flow.Namespace | None = None) -> StoredItem:
    """The item in a row, which names its namespace where that is not given."""
    return StoredItem(
        namespace=namespace_flow.decode(row["namespace"]) if namespace is None else namespace,
        id=row["id"],
        key=row["key"],
        value=row["value"],
        recorded_at=row["recorded_at"],
        updated_at=row["updated_at"],
        expires_at=row["expires_at"],
    )


def items_of(rows: Sequence[DictRow], namespace: namespace_flow.Namespace) -> list[tuple[StoredItem, float]]:
    """The items in rows of which one at least says how the search went, each with its similarity."""
    return [(item_of(row, namespace), row["similarity"]) for row in rows if row["id"] is not None]


def change_of(row: DictRow) -> Change:
    """The entry in a row of the log."""
    return Change(
        key=row["key"],
        memory_id=row["id"],
        change=row["change"],
        reason=row["reason"],
        by_memory=row["by_memory"],
        changed_at=row["changed_at"],
    )


def _provenance_of(stored: Mapping[str, Any]) -> Provenance:
    return Provenance(
        source=stored["source"],
        thread_id=stored.get("thread_id"),
        message_ids=tuple(stored.get("message_ids") or ()),
        extractor=stored.get("extractor"),
        model=stored.get("model"),
        prompt_version=stored.get("prompt_version"),
        memory_ids=tuple(stored.get("memory_ids") or ()),
    )


def row_of(new: NewMemory) -> Mapping[str, object]:
    """The row of a new memory, as the JSON that the statements read."""
    candidate = new.candidate
    provenance = candidate.provenance
    return {
        "id": str(new.id),
        "key": new.key,
        "kind": candidate.kind,
        "text": candidate.text or None,  # a profile is read by its key, never searched
        "value": dict(candidate.value) if candidate.value is not None else {"text": candidate.text},
        "identity": new.identity.hex(),
        "importance": candidate.importance,
        "confidence": candidate.confidence,
        "speaker": candidate.speaker,
        "source": provenance.source,
        "provenance": {
            "source": provenance.source,
            "thread_id": provenance.thread_id,
            "message_ids": list(provenance.message_ids),
            "extractor": provenance.extractor,
            "model": provenance.model,
            "prompt_version": provenance.prompt_version,
            **({"memory_ids": list(provenance.memory_ids)} if provenance.memory_ids else {}),
        },
        "thread_id": provenance.thread_id,
        "position": new.position,
        "valid_from": candidate.valid_from.isoformat(),
    }


def row_of_turn(turn: Turn, ordinal: int) -> Mapping[str, object]:
    """The row of a turn; ``ordinal`` counts from 1 within the call."""
    return {
        "id": turn.id,
        "ordinal": ordinal,
        "role": turn.role,
        "speaker": turn.speaker,
        "text": turn.text,
        "content": dict(turn.content),
        "sent_at": turn.sent_at.isoformat(),
    }


def turn_of(row: DictRow) -> Turn:
    """The turn in a row of ``persistmem.messages``."""
    return Turn(
        id=row["id"],
        role=row["role"],
        text=row["text"],
        sent_at=row["sent_at"],
        speaker=row["speaker"],
        content=row["content"],
        position=row["position"],
    )


def counts_of(rows: Sequence[DictRow]) -> dict[str, int]:
    """The numbers of a statement that counts."""
    return {str(table): int(count) for table, count in rows[0].items()}
