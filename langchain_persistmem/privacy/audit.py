"""Reading the entries of the audit; ``privacy/audit_chain.py`` checks them, ``runtime/audit_log.py`` writes them."""

from datetime import datetime

from langchain_persistmem.postgres.queries import audit as audit_queries
from langchain_persistmem.runtime.backend import Backend
from langchain_persistmem.runtime.setup import migrated
from langchain_persistmem.types import moments, validation
from langchain_persistmem.types.namespace import Namespace, encode
from langchain_persistmem.types.records import AuditEntry


async def audit(
    backend: Backend, namespace: Namespace, *, after: int | None, since: datetime | None, limit: int
) -> list[AuditEntry]:
    """Entries in their order: those that follow ``after``, or, without it, the latest.

    Raises:
        InvalidInputError: an argument is out of range; the message names it.
    """
    validation.count(limit, "limit", at_least=1, at_most=10_000)
    if after is not None:
        validation.count(after, "after", at_most=2**62)
    if since is not None:
        moments.aware(since, "since")
    encode(namespace)
    await migrated(backend)
    async with backend.transaction(namespace, atomic=False) as tx:
        entries = await audit_queries.list_audit(tx, namespace, after=after, since=since, limit=limit)
    return [row.entry for row in entries]
