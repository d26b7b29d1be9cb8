"""Memories as they are, without a query: by key, as a list, as counts."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, TypeVar

from langchain_persistmem.errors import InvalidInputError, MemoryNotFoundError
from langchain_persistmem.postgres.queries import memories
from langchain_persistmem.postgres.value_filter import condition
from langchain_persistmem.runtime.audit_log import note_read
from langchain_persistmem.runtime.backend import Backend
from langchain_persistmem.runtime.record_redaction import redact_filter
from langchain_persistmem.runtime.setup import ready
from langchain_persistmem.types import moments, validation
from langchain_persistmem.types.namespace import Namespace, encode
from langchain_persistmem.types.records import SOURCES, STATUSES, Kind, Memory, Source, Status
from langchain_persistmem.types.representation import quote, represent

_Choice = TypeVar("_Choice", bound=str)


async def get(backend: Backend, namespace: Namespace, key: str, *, now: datetime) -> Memory:
    """The current memory under ``key``.

    Raises:
        MemoryNotFoundError: there is none.
    """
    validation.name(key, "key")
    encode(namespace)
    await ready(backend)
    async with backend.reading(namespace) as tx:
        entries = await memories.get_memories(tx, namespace, [key], now=now)
    if key not in entries:
        raise MemoryNotFoundError(f"there is no memory with the key {quote(key)} here; list() shows the keys")
    await note_read(backend, namespace, "read", [entries[key].id])
    return entries[key]


async def list_(
    backend: Backend,
    namespace: Namespace,
    *,
    kinds: Sequence[Kind] | None = None,
    statuses: Sequence[Status] | None = None,
    sources: Sequence[Source] | None = None,
    filter: Mapping[str, Any] | None = None,
    since: datetime | None = None,
    until: datetime | None = None,
    limit: int,
    offset: int = 0,
    now: datetime,
) -> list[Memory]:
    """Current memories, or those of some statuses, the last changed first."""
    wanted = condition(redact_filter(backend.settings.redaction, filter), kinds)
    for moment, name in ((since, "since"), (until, "until")):
        if moment is not None:
            moments.aware(moment, name)
    validation.count(limit, "limit", at_most=10_000)
    validation.count(offset, "offset", at_most=2**62)
    encode(namespace)
    await ready(backend)
    # Without statuses it is the statement that an index has in its order.
    async with backend.reading(namespace) as tx:
        entries = await memories.list_memories(
            tx,
            namespace,
            wanted=wanted,
            statuses=_choices(statuses, "statuses", STATUSES),
            sources=_choices(sources, "sources", SOURCES),
            since=since,
            until=until,
            limit=limit,
            offset=offset,
            now=now,
        )
    await note_read(backend, namespace, "listed", [memory.id for memory in entries])
    return entries


def _choices(values: Sequence[_Choice] | None, name: str, choices: Sequence[_Choice]) -> list[_Choice] | None:
    """The values, if all of them are among the choices; None for all of them."""
    if values is None:
        return None
    selection = validation.check_list(values, name)
    for value in selection:
        if value not in choices:
            raise InvalidInputError(f"{name} has {represent(value)}; use any of {', '.join(choices)}")
    return selection
