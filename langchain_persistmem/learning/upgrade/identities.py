"""Identities of statements in both forms, while a database of before is being rewritten."""

from collections.abc import Sequence

from langchain_persistmem.learning.decisions.sameness import identity, identity_of_before
from langchain_persistmem.postgres.queries import rewrites
from langchain_persistmem.postgres.queries.rewrites import OldMemory
from langchain_persistmem.postgres.transaction import Transaction
from langchain_persistmem.runtime.backend import Backend
from langchain_persistmem.types.namespace import Namespace
from langchain_persistmem.types.records import Candidate, Memory, NewMemory


async def carry_over(tx: Transaction, backend: Backend, namespace: Namespace, new: Sequence[NewMemory]) -> None:
    """Let the rows of before that new statements repeat be known by the identity that these have; under the lock.

    Without it a statement would be added beside itself in a namespace that is not rewritten yet.
    """
    if not backend.may_have_rewrites or not new:
        return
    wanted = {memory.identity for memory in new}
    rows = await rewrites.old_memories(tx, namespace, [identity_of_before(memory.candidate) for memory in new])
    if not rows:
        return
    holders = await rewrites.find_identities(tx, namespace, sorted(wanted))
    identities = {(holder.identity, holder.status) for holder in holders}
    changed: list[dict[str, object]] = []
    for old in rows:
        fingerprint = present_identity(old)
        if fingerprint in wanted and (fingerprint, old.memory.status) not in identities:
            changed.append({"id": str(old.memory.id), "identity": fingerprint.hex(), "is_turn": False})
    await rewrites.rewrite_memories(tx, namespace, changed)


def present_identity(old: OldMemory) -> bytes:
    """The identity of the present form. One that the row has already is left as it is.

    A row that waits for review stands under the key of what it would replace, which need not be part of the statement:
    the identity of before tells.
    """
    memory = old.memory
    if memory.kind == "profile" and old.identity is not None:  # a document, of which each version is itself
        return old.identity
    key = None if memory.key == str(memory.id) else memory.key
    versions = [_candidate(memory, key), _candidate(memory, None)]
    for version in versions:
        if old.identity == (present := identity(version)):
            return present
    for version in versions:
        if old.identity == identity_of_before(version):
            return identity(version)
    return identity(versions[0])


def _candidate(memory: Memory, key: str | None) -> Candidate:
    return Candidate(
        text=memory.text or "",
        kind=memory.kind,
        key=key,
        speaker=memory.speaker,
        valid_from=memory.valid_from,
        provenance=memory.provenance,
    )
