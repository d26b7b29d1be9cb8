"""The history of memories: one memory with its origin, its versions and changes, and the way back to an earlier one."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from langchain_persistmem.errors import MemoryNotFoundError
from langchain_persistmem.postgres.queries import changes as changes_queries
from langchain_persistmem.postgres.queries import edit
from langchain_persistmem.runtime.audit_log import note_read
from langchain_persistmem.runtime.backend import Backend
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
