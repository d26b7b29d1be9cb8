"""Statements that read what may stand before a model whatever is asked."""

from collections.abc import Sequence
from datetime import datetime

from psycopg.rows import DictRow

from langchain_persistmem.postgres.filters import Condition
from langchain_persistmem.postgres.queries.rows import memory_of
from langchain_persistmem.postgres.statements import statement
from langchain_persistmem.postgres.transaction import Transaction
from langchain_persistmem.types.namespace import Namespace, encode
from langchain_persistmem.types.recall_results import StandingMemory

_STATEMENTS = 500
"""Statements of most importance among which is chosen; far more than a prompt has room for."""


async def standing_memories(
    tx: Transaction,
    namespace: Namespace,
    *,
    profile: str,
    instructions: int,
    turns: int,
    wanted: Condition,
    thread_id: str | None,
    now: datetime,
) -> list[StandingMemory]:
    """The profile's document under its key, instructions, statements and turns; none where nothing may be recalled."""
    parameters = {
        "namespace": encode(namespace),
        "profile": profile,
        "instructions": instructions,
        "statements": _STATEMENTS,
        "turns": turns,
        "thread_id": thread_id,
        "now": now,
        **wanted.parameters,
    }
    return _records(await tx.fetch(statement("standing_memories", condition=wanted.text), parameters))


async def journal_memories(
    tx: Transaction, namespace: Namespace, *, wanted: Condition, thread_id: str | None, now: datetime
) -> list[StandingMemory]:
    """The statements of a journal; none where nothing may be recalled."""
    parameters = {"namespace": encode(namespace), "thread_id": thread_id, "now": now, **wanted.parameters}
    return _records(await tx.fetch(statement("journal_memories", condition=wanted.text), parameters))


def _records(rows: Sequence[DictRow]) -> list[StandingMemory]:
    return [StandingMemory(memory=memory_of(row), used_at=row["used_at"], started_at=row["started_at"]) for row in rows]
