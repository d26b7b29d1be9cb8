"""Turns follow the statements that rest on them, so that what no longer holds is recalled by no other way either.

Statements that a model or a rule draws from turns are linked to them. A turn is superseded, archived or waits for review as
its statements are.
"""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from langchain_persistmem.learning.decisions.consolidation import WAITS
from langchain_persistmem.postgres.queries import search_index
from langchain_persistmem.postgres.queries import turns as turn_queries
from langchain_persistmem.postgres.transaction import Transaction
from langchain_persistmem.runtime.backend import Backend
from langchain_persistmem.types.namespace import Namespace

REJECTED = "a statement that rests on it was rejected"


async def follow(
    tx: Transaction, backend: Backend, namespace: Namespace, memory_ids: Sequence[UUID], *, now: datetime
) -> None:
    """Let the turns that these statements rest on become what their statements are now; the caller holds the lock.

    Every flow that changes the status of statements calls it, in the same transaction.
    """
    if not memory_ids:
        return
    await follow_turns(tx, backend, namespace, await turn_queries.turns_of_memories(tx, namespace, memory_ids), now=now)


async def follow_turns(
    tx: Transaction, backend: Backend, namespace: Namespace, turn_ids: Sequence[UUID], *, now: datetime
) -> None:
    """The same for turns that are known by their own ids."""
    if not turn_ids:
        return
    changed = await turn_queries.follow_turns(tx, namespace, turn_ids, approval=WAITS, now=now)
    current = [turn for turn in changed if turn.status == "active"]
    search_index.unindex_memories(tx, namespace, [turn.id for turn in changed if turn.status != "active"])
    if current:
        turn_queries.activate_vectors(tx, namespace, [turn.id for turn in current])
        terms = {turn.id: (turn.text, turn.speaker) for turn in current}
        search_index.insert_terms(tx, namespace, terms, language=backend.settings.language)


async def withhold(tx: Transaction, namespace: Namespace, memory_ids: Sequence[UUID], *, now: datetime) -> None:
    """Let nothing recall the turns of statements that are rejected, before these go; the caller holds the lock."""
    turn_ids = await turn_queries.turns_of_memories(tx, namespace, memory_ids)
    if turn_ids:
        turns = await turn_queries.withhold_turns(tx, namespace, turn_ids, reason=REJECTED, now=now)
        await search_index.unindex_memories(tx, namespace, turns)
