"""Statements that the rules find, as candidates like those of a model's; pure.

They are what is learnt where no model reads along. A model, once there is one, ends them under their keys.
"""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from langchain_persistmem.language.statements import Statement, find_statements, sort_statement
from langchain_persistmem.language.trust import is_attack
from langchain_persistmem.types.records import RULES_EXTRACTOR, Candidate, Provenance, Turn

_CONFIDENCE = 0.9


def find_candidates(turns: Sequence[Turn], *, thread_id: str, max_chars: int) -> list[Candidate]:
    """Find what the user's turns say that holds for longer.

    Of a turn that reads like an attack on the prompt its whole text is the statement: a clause cut out of it could
    look harmless, and whoever reviews it has to see the rest.

    Args:
        turns: those that may be learnt from.
        max_chars: a longer text is cut.
    """
    found: list[Candidate] = []
    for turn in turns:
        if turn.role != "user":
            continue
        whole = " ".join(turn.text.split()) if is_attack(turn.text) else None
        for statement in find_statements(turn.text):
            text = (whole or statement.text)[:max_chars]
            provenance = Provenance(
                source="user", thread_id=thread_id, message_ids=(turn.id,), extractor=RULES_EXTRACTOR
            )
            found.append(
                Candidate(
                    text=text,
                    kind=statement.kind,
                    category=statement.category,
                    key=statement.key,
                    value=_value(text, statement),
                    importance=statement.importance,
                    confidence=_CONFIDENCE,
                    valid_from=turn.sent_at,
                    speaker=turn.speaker,
                    quote=statement.quote,
                    provenance=provenance,
                )
            )
    return found


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
