"""The audit's chain of digests, and the check that nobody has changed it.

Each entry carries a digest over itself and the digest before it; the namespace's row has the last. An edited, removed,
added or moved entry breaks the chain. The statement ``record_audit`` makes the same digest.
"""

import hashlib
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from uuid import UUID

from langchain_persistmem.errors import InvalidInputError
from langchain_persistmem.postgres.queries import audit as audit_queries
from langchain_persistmem.postgres.queries.audit import AuditEnd, AuditRow
from langchain_persistmem.runtime.backend import Backend
from langchain_persistmem.runtime.setup import migrated
from langchain_persistmem.types import validation
from langchain_persistmem.types.namespace import Namespace, encode
from langchain_persistmem.types.records import AuditCheck, AuditFault

_PAGE = 1_000
_MOST_FAULTS = 100
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


async def verify_audit(backend: Backend, namespace: Namespace, *, head: str | None) -> AuditCheck:
    """Go through the chain from its beginning, as it is at one moment.

    Raises:
        InvalidInputError: ``head`` is not one of :attr:`AuditCheck.head`.
    """
    encode(namespace)
    anchor = None if head is None else _parse_head(head)
    await migrated(backend)
    async with backend.transaction(namespace, atomic=False, snapshot=True) as tx:
        end = await audit_queries.audit_end(tx, namespace)
        if end is None:
            return Chain(namespace, AuditEnd(UUID(int=0), 0, None), anchor).result()
        chain = Chain(namespace, end, anchor)
        last = -(2**62)
        while True:
            page = await audit_queries.list_audit(tx, namespace, after=last, since=None, limit=_PAGE)
            for row in page:
                chain.follow(row)
            if len(page) < _PAGE:
                return chain.result()
            last = page[-1].entry.number


def digest_of(namespace: Namespace, generation: UUID, row: AuditRow, before: bytes | None) -> bytes:
    """The digest that an entry has to have; the same as in the statement ``record_audit``."""
    entry = row.entry
    microseconds = (entry.recorded_at - _EPOCH) // timedelta(microseconds=1)
    digest = hashlib.sha256(before or b"")
    digest.update(generation.bytes + entry.number.to_bytes(8, signed=True) + microseconds.to_bytes(8, signed=True))
    for text in (encode(namespace), entry.actor, entry.action):
        digest.update(len(text.encode()).to_bytes(4) + text.encode())
    digest.update(len(entry.memory_ids).to_bytes(4) + "".join(map(str, entry.memory_ids)).encode())
    digest.update(row.details_text.encode())
    return digest.digest()


@dataclass(slots=True)
class Chain:
    """The entries so far, and where they do not fit."""

    namespace: Namespace
    end: AuditEnd
    anchor: tuple[int, bytes] | None
    """An earlier head, stored elsewhere: its entry must still be there."""
    entries: int = 0
    number: int = 0
    digest: bytes | None = None
    met_anchor: bool = False
    faults: list[AuditFault] = field(default_factory=list[AuditFault])

    def follow(self, row: AuditRow) -> None:
        """Check the next entry."""
        number = row.entry.number
        if number != self.number + 1:
            missing = f"entries {self.number + 1} to {number - 1} are missing"
            self._fault(number, "an entry is before the first" if number < 1 else missing)
        elif digest_of(self.namespace, self.end.generation, row, self.digest) != row.digest:
            self._fault(number, "it is not what was written, or not after this entry")
        if self.anchor is not None and self.anchor[0] == number:
            self.met_anchor = row.digest == self.anchor[1]
        self.entries, self.number, self.digest = self.entries + 1, number, row.digest

    def result(self) -> AuditCheck:
        """The result, once the last entry was followed."""
        if self.number < self.end.number:
            self._fault(self.end.number, f"entries {self.number + 1} to {self.end.number} are missing at the end")
        elif self.number > self.end.number or self.digest != self.end.digest:
            self._fault(self.number, "it is not the entry that the namespace's row has as the last")
        if self.anchor is not None and not self.met_anchor:
            self._fault(self.anchor[0], "it is not the entry that the given head was taken from")
        head = f"{self.number}:{self.digest.hex()}" if self.digest is not None else None
        return AuditCheck(entries=self.entries, head=head, faults=tuple(self.faults))

    def _fault(self, number: int, fault: str) -> None:
        if len(self.faults) < _MOST_FAULTS:
            self.faults.append(AuditFault(number=number, what=fault))


def _parse_head(head: str) -> tuple[int, bytes]:
    validation.name(head, "head")
    number, _, digest = head.partition(":")
    try:
        if len(bytes.fromhex(digest)) == hashlib.sha256().digest_size and number.isascii():
            return int(number), bytes.fromhex(digest)
    except ValueError:
        pass
    raise InvalidInputError("head is not of an audit; pass AuditCheck.head as privacy.verify_audit() returned it")
