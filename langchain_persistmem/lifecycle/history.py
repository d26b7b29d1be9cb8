"""The history of memories: one memory with its origin, its versions and changes, and the way back to an earlier one."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from langchain_persistmem.errors import InvalidInputError, MemoryNotFoundError
from langchain_persistmem.learning.insert import log
from langchain_persistmem.learning.summary_originals import summary_of, unfold
from langchain_persistmem.learning.turns.turns_follow_statements import follow
from langchain_persistmem.postgres.queries import changes as changes_queries
from langchain_persistmem.postgres.queries import edit, search_index
from langchain_persistmem.postgres.transaction import Transaction
from langchain_persistmem.runtime import generations
from langchain_persistmem.runtime.audit_log import note_read, record
from langchain_persistmem.runtime.backend import Backend
from langchain_persistmem.runtime.consent_checks import check_not_paused
from langchain_persistmem.runtime.setup import ready
from langchain_persistmem.types import validation
from langchain_persistmem.types.namespace import Namespace, encode
from langchain_persistmem.types.records import Change, Memory, MemoryRecord
from langchain_persistmem.types.representation import quote

_MOST_CHANGES = 1_000
"""Changes that the record of one memory shows."""


async def show(backend: Backend, namespace: Namespace, key: str, *, now: datetime) -> MemoryRecord:
    """The memory under ``key`` with the messages it came from, its versions, its changes and its uses.

    Raises:
        MemoryNotFoundError: there never was one.
    """
    validation.name(key, "key")
    encode(namespace)
    await ready(backend)
    # One snapshot: what is shown of a memory would contradict itself if it changed between two statements.
    async with backend.reading(namespace, snapshot=True) as tx:
        versions = await changes_queries.history(tx, namespace, key)
        if not versions:
            raise MemoryNotFoundError(f"there is no memory with the key {quote(key)} here; list() shows the keys")
        message_ids = _messages_of(versions)
        ids = [version.id for version in versions]
        messages = await edit.messages_by_id(tx, namespace, message_ids, ids) if message_ids else []
        changes = await changes_queries.list_changes(tx, namespace, key, limit=_MOST_CHANGES)
        uses, used_at = await edit.uses_of(tx, namespace, ids)
    await note_read(backend, namespace, "read", ids)
    stored = {turn.id for turn, _ in messages}
    return MemoryRecord(
        memory=next((version for version in versions if _is_current(version, key, now)), versions[0]),
        messages=tuple(turn for turn, _ in messages),
        quotes=tuple(tuple(quotes) for _, quotes in messages),
        missing_messages=tuple(id for _, id in message_ids if id not in stored),
        versions=tuple(versions),
        changes=tuple(changes),
        uses=uses,
        used_at=used_at,
    )


async def history(backend: Backend, namespace: Namespace, key: str) -> list[Memory]:
    """Every version under ``key``, and what they replaced, the latest first.

    Raises:
        MemoryNotFoundError: there never was one.
    """
    validation.name(key, "key")
    encode(namespace)
    await ready(backend)
    async with backend.transaction(namespace, atomic=False) as tx:
        versions = await changes_queries.history(tx, namespace, key)
    if not versions:
        raise MemoryNotFoundError(f"there is no memory with the key {quote(key)} here; list() shows the keys")
    await note_read(backend, namespace, "read", [memory.id for memory in versions])
    return versions


async def version(backend: Backend, namespace: Namespace, id: UUID) -> Memory:
    """Return one memory by its id, whatever its status.

    Raises:
        MemoryNotFoundError: there is none.
    """
    id = validation.uuid(id, "version")
    encode(namespace)
    await ready(backend)
    async with backend.transaction(namespace, atomic=False) as tx:
        memory = await changes_queries.get_version(tx, namespace, id)
    if memory is None:
        raise MemoryNotFoundError("there is no memory with this id here; list() shows the memories with their ids")
    await note_read(backend, namespace, "read", [memory.id])
    return memory


async def changes(backend: Backend, namespace: Namespace, key: str | None, *, limit: int) -> list[Change]:
    """List what changed and why, newest first."""
    if key is not None:
        validation.name(key, "key")
    validation.count(limit, "limit", at_least=1, at_most=10_000)
    encode(namespace)
    await ready(backend)
    async with backend.transaction(namespace, atomic=False) as tx:
        return await changes_queries.list_changes(tx, namespace, key, limit=limit)


async def restore(backend: Backend, namespace: Namespace, id: UUID, *, now: datetime) -> Memory:
    """Make a superseded or archived memory current again; what is current under its key becomes its past.

    One that was archived into a summary comes back with all the others, and the summary goes.

    Raises:
        MemoryNotFoundError: there is no such memory.
        InvalidInputError: it waits for review: that is for review.approve() to decide.
        MemoryDisabledError: memory is paused.
    """
    id = validation.uuid(id, "version")
    encode(namespace)
    await ready(backend)
    async with backend.transaction(namespace) as tx:
        state = await generations.hold(tx, backend, namespace, now=now)
        check_not_paused(state)
        return await revive(tx, backend, namespace, id, "restored", "it was asked for", now=now)


async def revive(
    tx: Transaction, backend: Backend, namespace: Namespace, id: UUID, change: str, reason: str, *, now: datetime
) -> Memory:
    """Make one memory current; the caller holds the namespace's lock."""
    old = await _revivable(tx, namespace, id, change)
    if old.status == "active":
        return old
    summary = await summary_of(tx, namespace, old)
    if summary is not None:  # a summary stands for all of its originals or for none
        await unfold(tx, backend, namespace, summary, but=[id], now=now)
    rivals = await changes_queries.rivals(tx, namespace, id)
    from_then = now if change == "restored" else old.valid_from
    endings = [(rival, id, max(from_then, since)) for rival, since, _ in rivals]
    replaced_ids = await changes_queries.supersede_memories(tx, namespace, endings, now=now)
    await search_index.unindex_memories(tx, namespace, replaced_ids)
    await log(
        tx,
        backend,
        namespace,
        [(old_id, "superseded", f"another was {change}", id) for old_id in replaced_ids],
        now=now,
    )
    await changes_queries.revive_memories(tx, namespace, [id], now=now)
    if any(pinned for *_, pinned in rivals):  # what stands under a key stays pinned in each new version
        await edit.pin_memories(tx, namespace, [id], pinned=True)
    words = {id: (old.text or "", old.speaker)}
    await search_index.insert_terms(tx, namespace, words, language=backend.settings.language)
    await follow(tx, backend, namespace, [id, *replaced_ids], now=now)
    await log(tx, backend, namespace, [(id, change, reason, None)], now=now)
    await record(tx, backend, namespace, change, [id, *replaced_ids], superseded=len(replaced_ids))
    memory = await changes_queries.get_version(tx, namespace, id)
    if memory is None:  # it is there: the namespace is locked
        raise MemoryNotFoundError
    return memory


async def _revivable(tx: Transaction, namespace: Namespace, id: UUID, change: str) -> Memory:
    old = await changes_queries.get_version(tx, namespace, id)
    if old is None or (change == "approved") != (old.status == "quarantined"):
        if old is not None and old.status == "quarantined":
            raise InvalidInputError("the memory waits for review; use review.approve() or review.reject()")
        raise MemoryNotFoundError(
            "nothing with this id waits for review; review.list() shows what does"
            if change == "approved"
            else "there is no memory with this id; history(key) lists the versions with their ids"
        )
    return old


def _is_current(memory: Memory, key: str, now: datetime) -> bool:
    alive = memory.expires_at is None or memory.expires_at > now
    return memory.key == key and memory.status == "active" and alive


def _messages_of(versions: Sequence[Memory]) -> list[tuple[str, str]]:
    """Thread and id of each message, once."""
    pairs = [
        (version.provenance.thread_id, id)
        for version in versions
        if version.provenance.thread_id is not None
        for id in version.provenance.message_ids
    ]
    return list(dict.fromkeys(pairs))
