"""Statements on namespaces."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from psycopg.rows import DictRow

from langchain_persistmem.postgres.answer import Answer
from langchain_persistmem.postgres.queries.rows import counts_of
from langchain_persistmem.postgres.statements import statement
from langchain_persistmem.postgres.transaction import Signature, Transaction
from langchain_persistmem.types.namespace import Namespace, decode, encode, literal_prefix, prefix_range, shape
from langchain_persistmem.types.records import Consent, Kind


@dataclass(frozen=True, slots=True)
class NamespaceState:
    """The present generation of a namespace, and what the person allows in it."""

    generation: UUID
    consent: Consent
    documents: int = 0
    """The number of memories that it held when it was locked."""
    form: int = 2
    """The form of what is derived in it; 1 is that of before, which is being rewritten."""
    last_write: UUID | None = None
    """The mark of the latest transaction in it, where it was read without a lock."""


def hold_namespace(
    tx: Transaction, namespace: Namespace, *, generation: UUID, consent: Consent, now: datetime
) -> Answer[NamespaceState]:
    """Lock ``namespace`` until the transaction ends; the generation and the consent are the given ones if it is new."""
    parameters = {"namespace": encode(namespace), "generation": generation, "consent": consent, "now": now}

    def read(rows: Sequence[DictRow]) -> NamespaceState:
        (row,) = rows
        tx.signature = tx.signature or Signature(encode(namespace), generation, row["before"])
        return NamespaceState(row["generation"], row["consent"], row["documents"], row["form"])

    return tx.fetch(statement("hold_namespace"), parameters).then(read)


async def was_committed(tx: Transaction, signature: Signature) -> bool | None:
    """Tell if the transaction that left this mark was committed; None if too many have left one since.

    To be rolled back. Waits for that transaction if the server is still at it.
    """
    parameters = {"namespace": signature.namespace, "write": signature.write, "before": signature.before}
    (row,) = await tx.fetch(statement("was_committed"), parameters)
    return row["committed"]


def read_state(tx: Transaction, namespace: Namespace) -> Answer[NamespaceState | None]:
    """The present state of a namespace; None if it does not exist."""
    rows = tx.fetch(statement("read_state"), {"namespace": encode(namespace)})
    return rows.then(lambda rows: NamespaceState(**rows[0]) if rows else None)


async def list_namespaces(tx: Transaction, prefix: Namespace, *, now: datetime) -> list[Namespace]:
    """The namespaces under ``prefix`` that hold at least one current item, in order."""
    exact, start, until = prefix_range(prefix)
    parameters = {"exact": exact, "from": start, "until": until, "now": now}
    return [decode(row["namespace"]) for row in await tx.fetch(statement("list_namespaces"), parameters)]


async def count_rows(tx: Transaction, namespace: Namespace) -> dict[str, int]:
    """Count the memories, messages and threads of ``namespace``."""
    return counts_of(await tx.fetch(statement("count_rows"), {"namespace": encode(namespace)}))


@dataclass(frozen=True, slots=True)
class NamespaceCounts:
    """A namespace, the consent of its person, and the number of its rows."""

    namespace: Namespace
    consent: Consent
    memories: int
    review: int
    messages: int
    threads: int
    used_at: datetime | None


_NO_ROWS: Mapping[str, Any] = {"memories": 0, "review": 0, "messages": 0, "threads": 0, "used_at": None}


async def list_people(
    tx: Transaction, template: Namespace, *, begins_with: str, after: Namespace | None, limit: int
) -> list[NamespaceCounts]:
    """The namespaces that ``template`` can become, in the order of their text, those behind ``after``.

    ``begins_with`` is the beginning of what stands for ``{user_id}``.
    """
    # The range lets the index be used; the shape, a regular expression, says what of it belongs to the template.
    exact, start, until = prefix_range(literal_prefix(template))
    parameters = {
        "exact": exact,
        "from": start,
        "until": until,
        "shape": shape(template, begins_with=begins_with),
        "after": "" if after is None else encode(after),
        "limit": limit,
    }
    people = await tx.fetch(statement("list_people"), parameters)
    counted = await tx.fetch(statement("count_people"), {"namespaces": [row["namespace"] for row in people]})
    counts = {row["namespace"]: row for row in counted}
    return [
        NamespaceCounts(
            decode(row["namespace"]),
            row["consent"],
            **{name: counts.get(row["namespace"], _NO_ROWS)[name] for name in _NO_ROWS},
        )
        for row in people
    ]


async def count_everything(tx: Transaction) -> dict[str, int]:
    """Count the namespaces, memories and messages of the database."""
    return counts_of(await tx.fetch(statement("count_everything"), {}))


@dataclass(frozen=True, slots=True)
class MemoriesOfPeriod:
    """The number of memories of one kind that were recorded in a period."""

    start: datetime
    kind: Kind
    memories: int


@dataclass(frozen=True, slots=True)
class MessagesOfPeriod:
    """The number of messages that were stored in a period, and the characters in their texts."""

    start: datetime
    messages: int
    characters: int


async def count_memories_by_period(
    tx: Transaction, namespace: Namespace | None, *, since: datetime | None, step: str
) -> list[MemoriesOfPeriod]:
    """Count current memories by the period in which they were recorded and by kind, of one namespace or of all."""
    parameters = {"namespace": namespace and encode(namespace), "since": since, "step": step}
    return [MemoriesOfPeriod(**row) for row in await tx.fetch(statement("count_memories_by_period"), parameters)]


async def count_messages_by_period(
    tx: Transaction, namespace: Namespace | None, *, since: datetime | None, step: str
) -> list[MessagesOfPeriod]:
    """Count messages by the period in which they were stored, of one namespace or of all."""
    parameters = {"namespace": namespace and encode(namespace), "since": since, "step": step}
    return [MessagesOfPeriod(**row) for row in await tx.fetch(statement("count_messages_by_period"), parameters)]
