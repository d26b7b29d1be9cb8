"""Statements on the register of threads: whose they are, which LangGraph's checkpoints do not say."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from psycopg import sql

from langchain_persistmem.postgres.answer import Answer
from langchain_persistmem.postgres.statements import statement
from langchain_persistmem.postgres.transaction import Transaction
from langchain_persistmem.postgres.value_filter import TRUE
from langchain_persistmem.types.namespace import Namespace, encode
from langchain_persistmem.types.records import Consent
from langchain_persistmem.types.results import Conversation

_PAGE = 500
"""Threads with checkpoints that are looked up at once."""


async def register_thread(
    tx: Transaction, namespace: Namespace, thread_id: str, *, generation: UUID, consent: Consent, now: datetime
) -> UUID:
    """Note whose thread it is; returns the namespace's generation, which is the given one if it is new."""
    parameters = {
        "namespace": encode(namespace),
        "thread_id": thread_id,
        "generation": generation,
        "consent": consent,
        "now": now,
    }
    row, *_ = await tx.fetch(statement("register_thread"), parameters)
    return row["generation"]


async def copy_registrations(tx: Transaction, source: str, target: str, *, now: datetime) -> int:
    """Let ``target`` belong to everybody whose thread ``source`` is; returns to how many more."""
    return await tx.execute(statement("copy_registrations"), {"source": source, "target": target, "now": now})


def threads_of(tx: Transaction, namespace: Namespace) -> Answer[list[str]]:
    """The threads that belong to a namespace."""
    rows = tx.fetch(statement("threads_of"), {"namespace": encode(namespace)})
    return rows.then(lambda rows: [row["thread_id"] for row in rows])


async def threads_of_others(tx: Transaction, thread_ids: Sequence[str], namespaces: Sequence[Namespace]) -> list[str]:
    """The threads of these that belong to another namespace too."""
    if not thread_ids:
        return []
    parameters = {"thread_ids": list(thread_ids), "namespaces": [encode(other) for other in namespaces]}
    return [row["thread_id"] for row in await tx.fetch(statement("threads_of_others"), parameters)]


async def has_checkpoints_of_nobody(tx: Transaction, *, marks_owned: bool) -> bool:
    """Tell if some thread has checkpoints and belongs to no namespace; LangGraph's tables have to exist.

    Args:
        marks_owned: the tables have the mark of runs that named a person. Without it all threads are looked up.
    """
    text = statement(
        "next_checkpoint_threads", unowned=sql.SQL("c.persistmem_owned IS NOT TRUE") if marks_owned else TRUE
    )
    after = ""
    while rows := await tx.fetch(text, {"after": after, "limit": _PAGE}):
        page = [row["thread_id"] for row in rows]
        after = page[-1]
        owned = await tx.fetch(statement("threads_of_anybody"), {"thread_ids": page})
        if len(owned) < len(page):
            return True
    return False


async def list_conversations(tx: Transaction, namespace: Namespace, *, limit: int, offset: int) -> list[Conversation]:
    """The conversations of a namespace in figures, the one of the latest message first."""
    parameters = {"namespace": encode(namespace), "limit": limit, "offset": offset}
    return [Conversation(**row) for row in await tx.fetch(statement("list_conversations"), parameters)]
