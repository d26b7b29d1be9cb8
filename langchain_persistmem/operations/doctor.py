"""The diagnosis: what is wrong with a database, why that matters, and what to do; it changes nothing.

Each look is a statement of its own, so that what one role may not see, or a database before setup() does not have,
costs one finding and not the others.
"""

import re
from collections.abc import Callable, Coroutine, Mapping, Sequence
from dataclasses import asdict, replace
from datetime import datetime
from typing import Any

from langchain_persistmem.errors import ConfigurationError, SchemaOutOfDateError, StorageError, StorageUnavailableError
from langchain_persistmem.operations.cluster_rules import about_cluster
from langchain_persistmem.operations.diagnosis_rules import (
    about_counters,
    about_grants,
    about_indexes,
    about_orphans,
    about_tables,
    about_vectors,
    about_work,
    quote_name,
)
from langchain_persistmem.operations.server_rules import about_migrations, about_server, about_versions
from langchain_persistmem.postgres.grants import wanted_rights
from langchain_persistmem.postgres.migrate import missing_migrations
from langchain_persistmem.postgres.queries import diagnosis
from langchain_persistmem.postgres.queries.missing_grants import missing_grants
from langchain_persistmem.postgres.queries.table_locations import read_cluster
from langchain_persistmem.postgres.transaction import Transaction
from langchain_persistmem.runtime.backend import Backend
from langchain_persistmem.types.namespace import EVERYWHERE
from langchain_persistmem.types.progress import Meter, Report
from langchain_persistmem.types.records import Finding

_MOST_ROWS = 100_000
"""Rows of a table that are looked at; the diagnosis takes seconds, whatever the size."""
_MOST_NAMESPACES = 200
_OVERDUE = 3_600.0
"""Seconds after which due work that nobody is at is stuck."""
_UNFINISHED = 600.0
"""Seconds after which an erasure that has not been verified was broken off."""


async def diagnose(backend: Backend, *, progress: Report | None = None, now: datetime) -> list[Finding]:
    """Look at the server, the schema and the rows.

    Raises:
        StorageUnavailableError: the server does not answer.
    """
    settings = backend.settings
    async with backend.transaction(EVERYWHERE, atomic=False) as tx:
        server: dict[str, Any] = {
            **await diagnosis.diagnose_server(tx, language=settings.language),
            "connection_pid": tx.connection_pid,
        }
    findings = [*about_versions(server), *about_server(server, settings, now=now)]
    if not server["migrated"] or server["vector_version"] is None:
        findings += about_migrations(None, server["migrated"])
    else:
        looks = _looks(settings.row_level_security, backend.embedding_name, server)
        meter = Meter(progress, "checks", len(looks) + 1)
        findings += await _schema(backend)
        meter.advance()
        for name, look in looks:
            findings += await _look_safely(backend, name, look)
            meter.advance()
    return [replace(one, fix=one.fix and _OWN_SCHEMA.sub(settings.schema, one.fix)) for one in findings]


_OWN_SCHEMA = re.compile(r"\bpersistmem(?=\.\w)|(?<=(?:SCHEMA|schema) )persistmem\b")


Look = Callable[[Transaction], Coroutine[Any, Any, Sequence[Finding]]]


def _looks(row_security: bool, model: str | None, server: Mapping[str, Any]) -> list[tuple[str, Look]]:
    superuser, role = server["superuser"], quote_name(server["role"])

    # Each look has a transaction of its own: a role that may not read one table still learns about the others.
    async def tables(tx: Transaction) -> Sequence[Finding]:
        return about_tables(await diagnosis.diagnose_tables(tx), expected=row_security, superuser=superuser)

    async def grants(tx: Transaction) -> Sequence[Finding]:
        return about_grants([asdict(missing) for missing in await missing_grants(tx, wanted_rights(), own=True)])

    async def cluster(tx: Transaction) -> Sequence[Finding]:
        return about_cluster(await read_cluster(tx), row_security=row_security, role=role)

    async def indexes(tx: Transaction) -> Sequence[Finding]:
        return about_indexes(await diagnosis.diagnose_indexes(tx))

    async def orphans(tx: Transaction) -> Sequence[Finding]:
        return about_orphans(await diagnosis.diagnose_orphans(tx, most=_MOST_ROWS))

    async def counters(tx: Transaction) -> Sequence[Finding]:
        return about_counters(await diagnosis.diagnose_counters(tx, most=_MOST_NAMESPACES))

    async def vectors(tx: Transaction) -> Sequence[Finding]:
        return about_vectors(await diagnosis.diagnose_vectors(tx, model=model, most=_MOST_ROWS), model)

    async def work(tx: Transaction) -> Sequence[Finding]:
        return about_work(await diagnosis.diagnose_work(tx, overdue=_OVERDUE, unfinished=_UNFINISHED))

    return [
        ("tables", tables),
        ("grants", grants),
        ("citus", cluster),
        ("indexes", indexes),
        ("orphans", orphans),
        ("counters", counters),
        ("vectors", vectors),
        ("work", work),
    ]


async def _schema(backend: Backend) -> Sequence[Finding]:
    try:
        async with backend.transaction(EVERYWHERE, atomic=False) as tx:
            return about_migrations(await missing_migrations(tx), True)
    except SchemaOutOfDateError as error:  # newer than this code, or changed
        return [Finding(level="error", name="schema", what=str(error), why=_SCHEMA, fix=None)]
    except ConfigurationError as error:
        return [_unseen("schema", error)]


async def _look_safely(backend: Backend, name: str, look: Look) -> Sequence[Finding]:
    try:
        async with backend.transaction(EVERYWHERE, atomic=False) as tx:
            return await look(tx)
    except (StorageError, ConfigurationError) as error:
        if isinstance(error, StorageUnavailableError) and error.nothing_was_done:
            raise  # the server is gone
        return [_unseen(name, error)]


_SCHEMA = "the code and the tables have to fit each other"


def _unseen(name: str, error: Exception) -> Finding:
    return Finding(
        level="warning",
        name=name,
        what=f"this could not be looked at: {error}",
        why="what cannot be seen cannot be judged",
        fix="run the diagnosis as a role that may SELECT from all tables of the schema persistmem, after setup()",
    )
