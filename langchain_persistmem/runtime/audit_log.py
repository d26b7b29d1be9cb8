"""Writing the audit: who did what to which memories when, without content; an entry is part of the write that it is about."""

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from langchain_persistmem.errors import ConfigurationError, StorageError
from langchain_persistmem.postgres.answer import Answer
from langchain_persistmem.postgres.queries import audit
from langchain_persistmem.postgres.transaction import Transaction
from langchain_persistmem.runtime.backend import Backend
from langchain_persistmem.types.actor import current_actor
from langchain_persistmem.types.namespace import Namespace

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class MemoryIds:
    """The memories that a write was about, by what became of them."""

    added: tuple[UUID, ...] = ()
    reinforced: tuple[UUID, ...] = ()
    superseded: tuple[UUID, ...] = ()
    quarantined: tuple[UUID, ...] = ()

    def __add__(self, other: "MemoryIds") -> "MemoryIds":
        return MemoryIds(
            self.added + other.added,
            self.reinforced + other.reinforced,
            self.superseded + other.superseded,
            self.quarantined + other.quarantined,
        )

    @property
    def all(self) -> tuple[UUID, ...]:
        """All of them, in the order of the counts."""
        return self.added + self.reinforced + self.superseded + self.quarantined

    @property
    def counts(self) -> dict[str, int]:
        """The number of each."""
        return {
            "added": len(self.added),
            "reinforced": len(self.reinforced),
            "superseded": len(self.superseded),
            "quarantined": len(self.quarantined),
        }


NOTHING = MemoryIds()
"""No memory at all."""


def record(
    tx: Transaction,
    backend: Backend,
    namespace: Namespace,
    action: str,
    ids: Sequence[UUID] = (),
    **counts: int | str | bool,
) -> Answer[int]:
    """Append an entry in the transaction of the write that it is about; the caller holds the namespace's lock.

    Args:
        action: what was done, as a participle.
        ids: the memories that it was done to. Without one, and with all counts 0, nothing was done: no entry.
        counts: numbers and words of the program; never content, and no text of a user's.
    """
    if backend.settings.audit == "off" or not (ids or any(counts.values())):
        return Answer(0)
    details = {name: count for name, count in counts.items() if count != 0}
    return audit.record_audit(tx, namespace, actor=current_actor(), action=action, ids=ids, details=details)


async def note_read(
    backend: Backend, namespace: Namespace, action: str, ids: Sequence[UUID] = (), **counts: int | str | bool
) -> None:
    """Append an entry about a read, in a transaction of its own, before the reader gets anything.

    Raises:
        StorageError: it cannot be recorded, and ``Settings.refuse_unrecorded_reads`` is on; else it is only logged.
    """
    if backend.settings.audit != "reads":
        return
    try:
        async with backend.transaction(namespace) as tx:
            await audit.record_audit(
                tx, namespace, actor=current_actor(), action=action, ids=ids, details={"found": len(ids), **counts}
            )
    except (StorageError, ConfigurationError) as error:
        if backend.settings.refuse_unrecorded_reads:
            raise
        logger.warning("a read could not be recorded in the audit: %s", error)
