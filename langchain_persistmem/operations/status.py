"""Figures about memory: rows, work that waits, and the people whose memory it is; never content."""

from collections import defaultdict
from datetime import datetime
from typing import Literal

from langchain_persistmem.postgres.migrate import server_versions
from langchain_persistmem.postgres.queries import namespaces, rewrites, work_leases
from langchain_persistmem.runtime.backend import Backend
from langchain_persistmem.runtime.setup import ready
from langchain_persistmem.types import moments, validation
from langchain_persistmem.types.namespace import EVERYWHERE, Namespace, encode, read
from langchain_persistmem.types.records import Kind
from langchain_persistmem.types.results import Activity, Person, StatusResult

Step = Literal["day", "week", "month"]
"""The length of the periods of an overview; a week begins on Monday."""


async def status(backend: Backend, namespace: Namespace | None) -> StatusResult:
    """Count what one namespace, or the whole database, holds and what waits in it.

    Raises:
        ConfigurationError: the whole database is meant, and row-level security does not let this role see it.
    """
    await ready(backend)
    async with backend.reading(namespace or EVERYWHERE) as tx:
        if namespace is None:
            counts = await namespaces.count_everything(tx)
        else:
            counts = await namespaces.count_rows(tx, namespace)
        work = await work_leases.count_work(tx, namespace) | await rewrites.count_rewrites(tx, namespace)
        return StatusResult(counts=counts, work=work, versions=await server_versions(tx))


async def people(
    backend: Backend, template: Namespace, *, begins_with: str, after: Namespace | None, limit: int
) -> list[Person]:
    """List the namespaces that ``template`` can become, in their order, with the figures of each.

    Raises:
        InvalidInputError: ``after`` is malformed, ``begins_with`` longer than a name may be, or ``limit`` out of range.
        ConfigurationError: row-level security does not let this role see all namespaces.
    """
    validation.count(limit, "limit", at_least=1, at_most=10_000)
    if validation.storable(begins_with, "begins_with"):
        validation.name(begins_with, "begins_with")
    if after is not None:
        encode(after)
    await ready(backend)
    # Everywhere: under row-level security only a role that sees all namespaces may have the list.
    async with backend.reading(EVERYWHERE) as tx:
        rows = await namespaces.list_people(tx, template, begins_with=begins_with, after=after, limit=limit)
    return [
        Person(
            user_id=read(template, row.namespace).get("user_id"),
            namespace=row.namespace,
            consent=row.consent,
            memories=row.memories,
            review=row.review,
            messages=row.messages,
            threads=row.threads,
            used_at=row.used_at,
        )
        for row in rows
    ]


async def activity(
    backend: Backend, namespace: Namespace | None, *, since: datetime | None, step: Step
) -> list[Activity]:
    """Count what was added to one namespace, or to the whole database, by period, the oldest first.

    Raises:
        InvalidInputError: ``since`` has no time zone.
        ConfigurationError: the whole database is meant, and row-level security does not let this role see it.
    """
    if since is not None:
        moments.aware(since, "since")
    await ready(backend)
    async with backend.transaction(namespace or EVERYWHERE, atomic=False) as tx:
        memories = await namespaces.count_memories_by_period(tx, namespace, since=since, step=step)
        messages = await namespaces.count_messages_by_period(tx, namespace, since=since, step=step)
    # Two statements, since memories and messages are in two tables, of which each may have periods that the other lacks.
    by_kind: dict[datetime, dict[Kind, int]] = defaultdict(dict)
    for row in memories:
        by_kind[row.start][row.kind] = row.memories
    by_start = {row.start: row for row in messages}
    return [
        Activity(
            start=start,
            memories=by_kind.get(start, {}),
            messages=by_start[start].messages if start in by_start else 0,
            characters=by_start[start].characters if start in by_start else 0,
        )
        for start in sorted({*by_kind, *by_start})
    ]
