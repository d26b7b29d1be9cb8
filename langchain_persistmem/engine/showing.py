"""One memory with all that is known about it."""

from collections.abc import Sequence
from datetime import datetime

from langchain_persistmem import values
from langchain_persistmem.backend import Backend
from langchain_persistmem.errors import MemoryNotFound
from langchain_persistmem.memory_record import MemoryRecord
from langchain_persistmem.namespace import Namespace, encode
from langchain_persistmem.postgres import editing, evolution
from langchain_persistmem.readiness import ready
from langchain_persistmem.recording import note_read
from langchain_persistmem.types import Memory

_MOST_CHANGES = 1_000


async def show(backend: Backend, namespace: Namespace, key: str, *, now: datetime) -> MemoryRecord:
    """The memory under ``key`` with the messages it came from, its versions, its changes and its uses.

    Raises:
        MemoryNotFound: there never was one.
    """
    values.name(key, "key")
    encode(namespace)
    await ready(backend)
    async with backend.transaction(namespace, atomic=False, snapshot=True) as tx:
        versions = await evolution.history(tx, namespace, key)
        if not versions:
            raise MemoryNotFound(f"there is no memory with the key {key!r} here; list() shows the keys")
        wanted = _messages_of(versions)
        messages = await editing.messages_by_id(tx, namespace, wanted) if wanted else []
        changes = await evolution.list_changes(tx, namespace, key, limit=_MOST_CHANGES)
        uses, used_at = await editing.uses_of(tx, namespace, [each.id for each in versions])
    await note_read(backend, namespace, "read", [each.id for each in versions])
    stored = {turn.id for turn in messages}
    return MemoryRecord(
        memory=next((each for each in versions if _is_current(each, key, now)), versions[0]),
        messages=tuple(messages),
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
        (each.provenance.thread_id, id)
        for each in versions
        if each.provenance.thread_id is not None
        for id in each.provenance.message_ids
    ]
    return list(dict.fromkeys(pairs))
