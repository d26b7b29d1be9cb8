"""The known memories that new statements are compared with, and the decisions in their light; nothing is written."""

from collections.abc import Sequence
from datetime import datetime

from langchain_persistmem.learning.decisions.consolidation import Decision, ExistingMemories, decide, policy_of
from langchain_persistmem.learning.decisions.fact_keys import spellings
from langchain_persistmem.postgres.queries import changes as changes_queries
from langchain_persistmem.postgres.queries import memories
from langchain_persistmem.runtime.backend import Backend
from langchain_persistmem.runtime.setup import ready
from langchain_persistmem.types.namespace import Namespace
from langchain_persistmem.types.records import Memory, NewMemory

CONSOLIDATED = ("semantic", "procedural", "episodic")
"""The kinds among which a candidate can be known already; a profile is a document of its own."""
_NEIGHBOURS = 5


async def decide_new(
    backend: Backend, namespace: Namespace, new: Sequence[NewMemory], shown: Sequence[Memory], *, now: datetime
) -> list[Decision]:
    """Decide what becomes of new statements.

    Args:
        shown: the known memories that the model had before it.
    """
    existing = await _find_existing(backend, namespace, new, shown, now=now)
    model = await ready(backend)
    return decide(new, existing, policy_of(backend.settings, model.background))


async def _find_existing(
    backend: Backend, namespace: Namespace, new: Sequence[NewMemory], shown: Sequence[Memory], *, now: datetime
) -> ExistingMemories:
    """Find the memories near the candidates and under their keys; nothing is locked yet."""
    model = await ready(backend)
    keys = sorted({key for memory in new for key in spellings(memory.candidate)})
    embedded = [memory for memory in new if memory.vectors]  # what has no vector yet is known by its key alone
    if not new:
        return ExistingMemories(nearest={}, by_key={}, visible={memory.id: memory for memory in shown})
    async with backend.transaction(namespace, atomic=False) as tx:
        under_keys = memories.get_memories(tx, namespace, keys, now=now)
        nearest = await changes_queries.neighbours(
            tx,
            namespace,
            [memory.vectors[0] for memory in embedded],
            model=model,
            kinds=CONSOLIDATED,
            limit=_NEIGHBOURS,
            now=now,
        )
        by_key = await under_keys
    return ExistingMemories(
        nearest={memory.id: near for memory, near in zip(embedded, nearest, strict=True)},
        by_key=by_key,
        visible={memory.id: memory for memory in shown},
    )
