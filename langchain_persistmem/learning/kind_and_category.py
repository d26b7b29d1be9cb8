"""The kind, category, key and document that the rules give to a statement; pure."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from langchain_persistmem.language.statement_rulebook import rulebooks_for
from langchain_persistmem.language.statement_rules import Statement, find_statements
from langchain_persistmem.types.records import Candidate


def sort_statement(candidate: Candidate) -> Candidate:
    """Give a statement that is made by itself the kind, category and key that the rules would give it.

    What is given stays; what no rule knows is a fact.
    """
    statement = _statement_of(candidate.text)
    if statement is None:
        return replace(candidate, category=candidate.category or "fact")
    return replace(
        candidate,
        kind=statement.kind,
        category=candidate.category or statement.category,
        key=candidate.key or statement.key,
        importance=max(candidate.importance, statement.importance),
        value=document_of(candidate.text, statement) if candidate.value is None else candidate.value,
    )


def document_of(text: str, statement: Statement) -> dict[str, Any]:
    """The document of a candidate, as a model's have it."""
    value: dict[str, Any] = {"text": text, "type": statement.category or "instruction", "topics": []}
    return value if statement.value is None else {**value, "value": statement.value}


def _statement_of(text: str) -> Statement | None:
    """Find the one statement that ``text``, which was made by itself, is; None if no rule knows it.

    It may be in the third person, as others write of the user.

    >>> _statement_of("The user prefers window seats.").category, _statement_of("The harbour opens at six.")
    ('preference', None)
    """
    for version in (text, *_first_person(text)):
        statements = find_statements(version)
        kinds = {(statement.kind, statement.category) for statement in statements}
        if len(kinds) == 1:
            # Two statements of one kind have no key in common.
            return statements[0] if len(statements) == 1 else replace(statements[0], key=None, value=None)
    return None


def _first_person(text: str) -> Iterator[str]:
    """The text as the user would say it, where it begins as others write of the user."""
    for book in rulebooks_for(text):
        for pattern, replacement in book.third_person:
            version, count = pattern.subn(replacement, text.strip(), count=1)
            if count:
                yield version
