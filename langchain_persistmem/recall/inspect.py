"""One memory with its messages, its versions, its changes and its uses."""

from collections.abc import Sequence
from datetime import datetime

from langchain_persistmem.errors import MemoryNotFoundError
from langchain_persistmem.postgres.queries import changes as changes_queries
from langchain_persistmem.postgres.queries import edit
from langchain_persistmem.runtime.audit_log import note_read
from langchain_persistmem.runtime.backend import Backend
from langchain_persistmem.runtime.setup import ready
from langchain_persistmem.types import validation
from langchain_persistmem.types.namespace import Namespace, encode
from langchain_persistmem.types.records import Memory, MemoryRecord
from langchain_persistmem.types.representation import quote

_MOST_CHANGES = 1_000


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
        wanted = _messages_of(versions)
        ids = [version.id for version in versions]
        messages = await edit.messages_by_id(tx, namespace, wanted, ids) if wanted else []
        changes = await changes_queries.list_changes(tx, namespace, key, limit=_MOST_CHANGES)
        uses, used_at = await edit.uses_of(tx, namespace, ids)
    await note_read(backend, namespace, "read", ids)
    stored = {turn.id for turn, _ in messages}
    return MemoryRecord(
        memory=next((version for version in versions if _is_current(version, key, now)), versions[0]),
        messages=tuple(turn for turn, _ in messages),
        quotes=tuple(tuple(quotes) for _, quotes in messages),
        missing_messages=tuple(id for _, id in wanted if id not in stored),
        versions=tuple(versions),
        changes=tuple(changes),
        uses=uses,
        used_at=used_at,
    )


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
