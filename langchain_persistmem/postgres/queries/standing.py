"""Statements that read what may stand before a model whatever is asked."""

from collections.abc import Sequence
from datetime import datetime

from psycopg.rows import DictRow

from langchain_persistmem.postgres.answer import Answer
from langchain_persistmem.postgres.queries.rows import memory_of
from langchain_persistmem.postgres.statements import statement
from langchain_persistmem.postgres.transaction import Transaction
from langchain_persistmem.postgres.value_filter import Condition
from langchain_persistmem.types.namespace import Namespace, encode
from langchain_persistmem.types.recall_results import StandingMemory


def standing_memories(
    tx: Transaction,
    namespace: Namespace,
    *,
    profile: str,
    instructions: int,
    lines: int,
    wanted: Condition,
    thread_id: str | None,
    now: datetime,
) -> Answer[list[StandingMemory]]:
    """The profile's document under its key, instructions, and at most ``lines`` statements and as many turns.

    None where nothing may be recalled.
    """
    parameters = {
        "namespace": encode(namespace),
        "profile": profile,
        "instructions": instructions,
        "lines": lines,
        "thread_id": thread_id,
        "now": now,
        **wanted.parameters,
    }
    return tx.fetch(statement("standing_memories", condition=wanted.text), parameters).then(_records)


def journal_memories(
    tx: Transaction,
    namespace: Namespace,
    *,
    instructions: int,
    lines: int,
    wanted: Condition,
    thread_id: str | None,
    now: datetime,
) -> Answer[list[StandingMemory]]:
    """At most ``lines`` statements of a journal, the most important, and corrections; none where nothing may be recalled."""
    parameters = {
        "namespace": encode(namespace),
        "instructions": instructions,
        "lines": lines,
        "thread_id": thread_id,
        "now": now,
        **wanted.parameters,
    }
    return tx.fetch(statement("journal_memories", condition=wanted.text), parameters).then(_records)


def _records(rows: Sequence[DictRow]) -> list[StandingMemory]:
    return [StandingMemory(memory=memory_of(row), used_at=row["used_at"], started_at=row["started_at"]) for row in rows]
