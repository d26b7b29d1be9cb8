"""Figures about memory: rows, work that waits, and the people whose memory it is; never content."""

from langchain_persistmem.postgres.migrate import server_versions
from langchain_persistmem.postgres.queries import namespaces, pending_work, rewrites
from langchain_persistmem.runtime.backend import Backend
from langchain_persistmem.runtime.setup import ready
from langchain_persistmem.types import validation
from langchain_persistmem.types.namespace import EVERYWHERE, Namespace, encode, read
from langchain_persistmem.types.results import Person, StatusResult


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
        work = await pending_work.count_work(tx, namespace) | await rewrites.count_rewrites(tx, namespace)
        return StatusResult(counts=counts, work=work, versions=await server_versions(tx))


async def people(backend: Backend, template: Namespace, *, after: Namespace | None, limit: int) -> list[Person]:
    """List the namespaces that ``template`` can become, in their order, with the figures of each.

    Raises:
        InvalidInputError: ``after`` is malformed, or ``limit`` out of range.
        ConfigurationError: row-level security does not let this role see all namespaces.
    """
    validation.count(limit, "limit", at_least=1, at_most=10_000)
    if after is not None:
        encode(after)
    await ready(backend)
    async with backend.reading(EVERYWHERE) as tx:
        rows = await namespaces.list_people(tx, template, after=after, limit=limit)
    return [
        Person(
            user_id=read(template, row.namespace).get("user_id"),
            namespace=row.namespace,
            consent=row.consent,
            memories=row.memories,
            messages=row.messages,
            threads=row.threads,
        )
        for row in rows
    ]
