"""Statements that the rules find, as candidates like those of a model's; pure.

They are what is learnt where no model reads along. A model, once there is one, ends them under their keys.
"""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from langchain_persistmem.language.statement_rules import (
    Statement,
    find_statements,
    is_covered,
    sort_statement,
)
from langchain_persistmem.language.trust import is_deceptive
from langchain_persistmem.types.records import RULES_EXTRACTOR, Candidate, Provenance, Turn

_CONFIDENCE = 0.9


def find_candidates(turns: Sequence[Turn], *, thread_id: str, max_chars: int) -> list[Candidate]:
    """Find what the user's turns say that holds for longer.

    A turn that reads like an attack on the prompt has none: it waits for review as it is, whole. A clause cut out of it
    could look harmless.

    Args:
        turns: those that may be learnt from.
        max_chars: a longer text is cut.
    """
    candidates: list[Candidate] = []
    for turn in turns:
        statements = find_statements(turn.text) if turn.role == "user" and not is_deceptive(turn.text) else []
        # A turn that says more than the rules understand stays a memory beside its statements; no quote, no link.
        is_complete = bool(statements) and is_covered(turn.text, statements)
        for statement in statements:
            text = statement.text[:max_chars]
            candidates.append(
                Candidate(
                    text=text,
                    kind=statement.kind,
                    category=statement.category,
                    key=statement.key,
                    value=_value(text, statement),
                    importance=statement.importance,
                    confidence=_CONFIDENCE,
                    valid_from=turn.sent_at,
                    told_at=turn.sent_at,
                    date_precision="told",
                    speaker=turn.speaker,
                    quote=statement.quote if is_complete else None,
                    provenance=Provenance(
                        source="user", thread_id=thread_id, message_ids=(turn.id,), extractor=RULES_EXTRACTOR
                    ),
                )
            )
    return candidates


def sort(candidate: Candidate) -> Candidate:
    """Give a statement that is made by itself the kind, category and key that the rules would give it.

    What is given stays; what no rule knows is a fact.
    """
    statement = sort_statement(candidate.text)
    if statement is None:
        return replace(candidate, category=candidate.category or "fact")
    return replace(
        candidate,
        kind=statement.kind,
        category=candidate.category or statement.category,
        key=candidate.key or statement.key,
        importance=max(candidate.importance, statement.importance),
        value=_value(candidate.text, statement) if candidate.value is None else candidate.value,
    )


def _value(text: str, statement: Statement) -> dict[str, Any]:
    """The document of a candidate, as a model's have it."""
    value: dict[str, Any] = {"text": text, "type": statement.category or "instruction", "topics": []}
    return value if statement.value is None else {**value, "value": statement.value}
