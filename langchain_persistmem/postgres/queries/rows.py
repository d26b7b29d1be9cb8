"""Rows to records and back: the only place that knows the columns of a memory and of a message."""

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import datetime
from functools import lru_cache, partial
from operator import itemgetter
from typing import Any
from uuid import UUID

from psycopg.rows import DictRow

from langchain_persistmem.types.moments import at_offset
from langchain_persistmem.types.namespace import Namespace, decode
from langchain_persistmem.types.recall_results import RecallCandidate
from langchain_persistmem.types.records import Change, Memory, NewMemory, Provenance, Turn

_COLUMNS_OF_CANDIDATE = RecallCandidate._fields[: RecallCandidate._fields.index("build_memory")]
_TOLD = ("valid_from", "valid_until", "told_at")
"""Moments that are shown as the clock was where they were told of."""
_PARSED = {"namespace", "value", "provenance"}
_AS_THEY_ARE = tuple(field.name for field in fields(Memory) if field.name not in _PARSED)


@dataclass(frozen=True, slots=True)
class StoredItem:
    """A memory as a store returns it."""

    namespace: Namespace
    id: UUID
    key: str
    value: Mapping[str, Any]
    recorded_at: datetime
    updated_at: datetime
    expires_at: datetime | None


def to_json(value: object) -> str:
    """JSON text that keeps every character and refuses NaN, which JSON does not have."""
    return json.dumps(value, ensure_ascii=False, allow_nan=False)


def memory_of(row: DictRow) -> Memory:
    """The memory in a row of the part ``memory``: its columns have the names of the record's fields."""
    offset = row["utc_offset"]  # the sender's
    moments: dict[str, Any] = {name: at_offset(row[name], offset) for name in _TOLD if row[name] is not None}
    return Memory(
        **{name: row[name] for name in _AS_THEY_ARE} | moments,
        namespace=decode(row["namespace"]),
        value=json.loads(row["value"]),
        provenance=_provenance_of(json.loads(row["provenance"])),
    )


def candidates_of(rows: Sequence[Any]) -> Iterator[RecallCandidate]:
    """The candidates in rows of recall, which are named tuples; a memory is parsed when it is wanted."""
    columns = _columns_of_candidate(rows[0].__class__) if rows else None
    for row in rows:
        if row.id is not None and columns is not None:  # one row at least says how the search went, whatever it found
            candidate = RecallCandidate._make((*columns(row), partial(_memory_of_tuple, row), row.date_precision))
            offset: int | None = row.utc_offset
            yield (
                candidate if offset is None else candidate._replace(valid_from=at_offset(candidate.valid_from, offset))
            )


@lru_cache(64)
def _columns_of_candidate(rows: Any) -> "Callable[[tuple[Any, ...]], tuple[Any, ...]]":
    """What takes those columns out of a row that a candidate begins with; by their positions, which are always the same for one statement."""
    return itemgetter(*map(rows._fields.index, _COLUMNS_OF_CANDIDATE))


def _memory_of_tuple(row: Any) -> Memory:
    return memory_of(row._asdict())


def neighbours_of(rows: Sequence[DictRow], count: int) -> list[list[tuple[Memory, float]]]:
    """The memories near each of ``count`` vectors, which rows name by their ordinals."""
    neighbours: list[list[tuple[Memory, float]]] = [[] for _ in range(count)]
    for row in rows:
        ordinal: int = row["ordinal"]
        neighbours[ordinal - 1].append((memory_of(row), row["similarity"]))
    return neighbours


def item_of(row: DictRow, namespace: Namespace | None = None) -> StoredItem:
    """The item in a row, which names its namespace where that is not given."""
    return StoredItem(
        namespace=decode(row["namespace"]) if namespace is None else namespace,
        id=row["id"],
        key=row["key"],
        value=row["value"],
        recorded_at=row["recorded_at"],
        updated_at=row["updated_at"],
        expires_at=row["expires_at"],
    )


def items_of(rows: Sequence[DictRow], namespace: Namespace) -> list[tuple[StoredItem, float]]:
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


def row_of(new: NewMemory, *, now: datetime) -> Mapping[str, object]:
    """The row of a new memory, as the JSON that the part ``insert_rows`` reads."""
    candidate = new.candidate
    provenance = candidate.provenance
    return {
        "id": str(new.id),
        "key": new.key,
        "kind": candidate.kind,
        "status": "active",
        "text": candidate.text or None,  # a profile is read by its key, never searched
        "value": dict(candidate.value) if candidate.value is not None else {"text": candidate.text},
        "identity": rf"\x{new.identity.hex()}",
        "importance": candidate.importance,
        "confidence": candidate.confidence,
        "confirmations": 0,
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
        "recorded_at": now.isoformat(),
        "updated_at": now.isoformat(),
        "pinned": False,
        "is_turn": False,
        "listed": True,
        "category": candidate.category,
        "told_at": (candidate.told_at or candidate.valid_from).isoformat(),
        "utc_offset": candidate.utc_offset,
        "date_precision": candidate.date_precision,
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
        "utc_offset": turn.utc_offset,
        "digest": turn.digest.hex() if turn.digest is not None else None,
    }


def turn_of(row: DictRow) -> Turn:
    """The turn in a row of ``persistmem.messages``."""
    return Turn(
        id=row["id"],
        role=row["role"],
        text=row["text"],
        sent_at=at_offset(row["sent_at"], row["utc_offset"]),
        speaker=row["speaker"],
        content=row["content"],
        position=row["position"],
        utc_offset=row["utc_offset"],
    )


def counts_of(rows: Sequence[DictRow]) -> dict[str, int]:
    """The numbers of a statement that counts."""
    return {str(table): int(count) for table, count in rows[0].items()}
