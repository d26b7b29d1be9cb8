"""Statements on the audit: one entry for each write, in a chain; and reading it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from langchain_persistmem.postgres.answer import Answer
from langchain_persistmem.postgres.queries.rows import to_json
from langchain_persistmem.postgres.statements import statement
from langchain_persistmem.postgres.transaction import Transaction
from langchain_persistmem.types.namespace import Namespace, encode
from langchain_persistmem.types.records import AuditEntry


@dataclass(frozen=True, slots=True)
class AuditEnd:
    """The end of the chain, as the namespace's own row has it."""

    generation: UUID
    number: int
    digest: bytes | None


@dataclass(frozen=True, slots=True)
class AuditRow:
    """An entry with what its digest is made from."""

    entry: AuditEntry
    details_text: str
    digest: bytes


def record_audit(
    tx: Transaction,
    namespace: Namespace,
    *,
    actor: str,
    action: str,
    ids: Sequence[UUID],
    details: Mapping[str, object],
) -> Answer[int]:
    """Append an entry; returns how many that were: none where the namespace does not exist."""
    parameters = {
        "namespace": encode(namespace),
        "actor": actor,
        "action": action,
        "ids": list(ids),
        "details": to_json(details),
    }
    return tx.execute(statement("record_audit"), parameters)


async def audit_end(tx: Transaction, namespace: Namespace) -> AuditEnd | None:
    """The end of the chain; None if the namespace does not exist."""
    rows = await tx.fetch(statement("audit_end"), {"namespace": encode(namespace)})
    return AuditEnd(rows[0]["generation"], rows[0]["audit_length"], rows[0]["audit_head"]) if rows else None


async def list_audit(
    tx: Transaction, namespace: Namespace, *, after: int | None, since: datetime | None, limit: int
) -> list[AuditRow]:
    """Entries in their order: those that follow ``after``, or, without it, the latest."""
    parameters = {
        "namespace": encode(namespace),
        "after": -(2**63) if after is None else after,  # before any entry: the statement compares in either case
        "since": since,
        "latest": after is None,
        "limit": limit,
    }
    return [
        AuditRow(
            AuditEntry(
                number=row["number"],
                recorded_at=row["recorded_at"],
                actor=row["actor"],
                action=row["action"],
                memory_ids=tuple(row["memory_ids"]),
                details=row["details"],
                digest=row["digest"].hex(),
            ),
            row["details_text"],
            row["digest"],
        )
        for row in await tx.fetch(statement("list_audit"), parameters)
    ]
