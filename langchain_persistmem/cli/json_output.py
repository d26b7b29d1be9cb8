"""Results as JSON: one object for a program on standard output, and a record in the same shape wherever it stands."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from dataclasses import asdict, fields
from typing import Any

from langchain_persistmem.types.recall_results import Explanation, Recollection
from langchain_persistmem.types.records import Change, Memory, Turn
from langchain_persistmem.types.results import MemoryChange, Receipt


def print_json(value: Mapping[str, object]) -> None:
    """Print an object in ASCII, which no terminal can misread."""
    sys.stdout.write(json.dumps(value, indent=2, allow_nan=False) + "\n")


def result_json(result: Any) -> dict[str, object]:
    """The fields of a result of counts, with its changes where it has some."""
    body = {field.name: getattr(result, field.name) for field in fields(result) if field.name != "changes"}
    if hasattr(result, "changes"):
        body["changes"] = [memory_change_json(change) for change in result.changes]
    return body


def memory_change_json(change: MemoryChange) -> dict[str, object]:
    """One change of memory with its text."""
    namespace = list(change.namespace) if change.namespace is not None else None
    id = str(change.memory_id) if change.memory_id else None
    return {**asdict(change), "memory_id": id, "message_ids": list(change.message_ids), "namespace": namespace}


def change_json(change: Change) -> dict[str, object]:
    """A line of the history, without content."""
    by = str(change.by_memory) if change.by_memory else None
    at = change.changed_at.isoformat()
    return {**asdict(change), "memory_id": str(change.memory_id), "by_memory": by, "changed_at": at}


def turn_json(turn: Turn) -> dict[str, object]:
    """A message of a conversation."""
    return {"id": turn.id, "role": turn.role, "text": turn.text, "sent_at": turn.sent_at.isoformat()}


def memory_json(memory: Memory) -> dict[str, object]:
    """A memory for a program; it has this shape wherever one is printed."""
    return {
        "id": str(memory.id),
        "namespace": list(memory.namespace),
        "key": memory.key,
        "status": memory.status,
        "kind": memory.kind,
        "text": memory.text,
        "value": dict(memory.value),
        "importance": memory.importance,
        "confidence": memory.confidence,
        "confirmations": memory.confirmations,
        "speaker": memory.speaker,
        "provenance": {**asdict(memory.provenance), "message_ids": list(memory.provenance.message_ids)},
        "valid_from": memory.valid_from.isoformat(),
        "valid_until": memory.valid_until.isoformat() if memory.valid_until else None,
        "recorded_at": memory.recorded_at.isoformat(),
        "updated_at": memory.updated_at.isoformat(),
        "expires_at": memory.expires_at.isoformat() if memory.expires_at else None,
        "pinned": memory.pinned,
        "review": memory.review,
        "review_of": str(memory.review_of) if memory.review_of else None,
    }


def recollection_json(recollection: Recollection) -> dict[str, object]:
    """A recollection for a program: the memory, its score and every part of it."""
    return {
        "score": recollection.score,
        "score_parts": asdict(recollection.score_parts),
        "memory": memory_json(recollection.memory),
    }


def explanation_json(explanation: Explanation) -> dict[str, object]:
    """An explanation for a program, without its recollections: what was understood, and what was left out."""
    interpretation = explanation.interpretation
    periods = [
        {
            "start": period.start.isoformat(),
            "end": period.end.isoformat(),
            "certainty": period.certainty,
            "text": period.text,
        }
        for period in interpretation.periods
    ]
    left_out = [
        {
            "reason": omission.reason,
            "replacement_key": omission.replacement_key,
            "score": omission.score,
            "score_parts": asdict(omission.score_parts),
        }
        | {"memory": memory_json(omission.memory)}
        for omission in explanation.omissions
    ]
    # Recollections are not repeated here: they stand beside this, as without an explanation.
    return {
        "queries": list(explanation.queries),
        "embedded_text": explanation.embedded_text,
        "terms": dict(explanation.terms),
        "interpretation": {**asdict(interpretation), "speakers": list(interpretation.speakers), "periods": periods},
        "omissions": left_out,
        "compared_count": explanation.compared_count,
        "candidate_count": explanation.candidate_count,
        "threshold": explanation.threshold,
        "min_score": explanation.min_score,
        "limit": explanation.limit,
    }


def receipt_json(receipt: Receipt) -> dict[str, object]:
    """A receipt for a program."""
    return {
        "erased": receipt.erased,
        "counts": dict(receipt.counts),
        "remaining_traces": list(receipt.remaining_traces),
        "by_namespace": [
            {"namespace": list(namespace), "counts": dict(counts)} for namespace, counts in receipt.by_namespace.items()
        ],
        "ids": [str(id) for id in receipt.ids],
        "verified": receipt.verified,
        "candidates": [recollection_json(candidate) for candidate in receipt.candidates],
    }
