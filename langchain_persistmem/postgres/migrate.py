"""Bringing a database up to date: numbered files, forward only, in one transaction under one lock.

A migration is known by its file name and the checksum of its text; a database that has been
through one that this code does not know was made by newer code and is left alone.
"""

import hashlib
import re
from collections.abc import Mapping
from datetime import datetime
from functools import cache
from importlib.resources import files
from typing import LiteralString, cast

from psycopg import sql

from langchain_persistmem.errors import ConfigurationError, SchemaOutOfDateError
from langchain_persistmem.postgres.queries.row_security_switch import enable_on_new_tables
from langchain_persistmem.postgres.row_security_settings import see_everything
from langchain_persistmem.postgres.statements import Schemas, name_schemas, statement
from langchain_persistmem.postgres.transaction import Transaction

OLDEST_SERVER = 15
OLDEST_VECTOR = (0, 8)

_MIGRATIONS_TABLE = """
CREATE SCHEMA IF NOT EXISTS persistmem;
CREATE TABLE persistmem.migrations (
    name       text NOT NULL PRIMARY KEY,
    checksum   text NOT NULL,
    applied_at timestamptz NOT NULL
)
"""


@cache
def migrations() -> Mapping[str, str]:
    """The text of every migration by its file name, in order."""
    folder = files("langchain_persistmem.postgres").joinpath("migrations")
    return {file.name: file.read_text() for file in sorted(folder.iterdir(), key=lambda entry: entry.name)}


async def migrate(tx: Transaction, *, now: datetime) -> list[str]:
    """Apply what is missing; returns the names that were applied.

    Raises:
        ConfigurationError: the server or pgvector is too old, or pgvector is not installed.
        SchemaOutOfDateError: the database is newer than this code, or was changed by hand.
    """
    await tx.fetch(statement("lock_schema"), {})
    await see_everything(tx)  # a migration that moves rows must find them
    (facts,) = await tx.fetch(statement("server_facts"), {})
    check_server(facts["server_version"], facts["vector_version"], available=facts["vector_available"])
    if not facts["migrated"]:
        await tx.execute(_script(_MIGRATIONS_TABLE, tx.schema), {})
    if facts["vector_version"] is None:
        # where search_path says, as always; a role whose search_path names no schema has ours
        schema = facts["first_schema"] or tx.schema
        await tx.execute(sql.SQL("CREATE EXTENSION vector SCHEMA {}").format(sql.Identifier(schema)), {})
        (facts,) = await tx.fetch(statement("server_facts"), {})
    missing = await missing_migrations(tx)
    if missing:
        await tx.fetch(statement("find_types"), {"schema": facts["vector_schema"]})
    for name in missing:
        for command in split_commands(migrations()[name]):
            await tx.execute(_script(command, tx.schema), {})
        parameters = {"name": name, "checksum": checksum(migrations()[name]), "now": now}
        await tx.execute(statement("record_migration"), parameters)
    if missing:
        await enable_on_new_tables(tx)
    return missing


_TOKEN = re.compile(r"\$(\w*)\$.*?\$\1\$|'(?:[^']|'')*'|--[^\n]*|;", re.DOTALL)


def split_commands(text: str) -> list[str]:
    """The commands of a migration, one by one: Citus passes on to the other nodes what it was sent, and that is to be one command.

    A semicolon inside a quoted text, a block of PL/pgSQL or a comment ends none.
    """
    ends = [token.end() for token in _TOKEN.finditer(text) if token[0] == ";"]
    commands = [text[start:end].strip() for start, end in zip([0, *ends], [*ends, len(text)], strict=True)]
    return [command for command in commands if re.sub(r"--[^\n]*", "", command).strip()]


def _script(text: str, schema: str) -> sql.SQL:
    return sql.SQL(cast("LiteralString", name_schemas(text, Schemas(schema))))


async def server_versions(tx: Transaction) -> dict[str, str]:
    """The versions of PostgreSQL and pgvector."""
    (facts,) = await tx.fetch(statement("server_facts"), {})
    number = int(facts["server_version"])
    return {"PostgreSQL": f"{number // 10_000}.{number % 10_000}", "pgvector": str(facts["vector_version"])}


async def missing_migrations(tx: Transaction) -> list[str]:
    """The names that this database has not been through yet.

    Raises:
        SchemaOutOfDateError: it has been through one that this code does not know, or that was different.
    """
    applied = {row["name"]: row["checksum"] for row in await tx.fetch(statement("applied_migrations"), {})}
    newer = sorted(set(applied) - set(migrations()))
    if newer:
        raise SchemaOutOfDateError(
            f"the database is newer than this version of langchain-persistmem (it has {newer[-1]}); upgrade the package"
        )
    changed = [name for name, text in migrations().items() if name in applied and applied[name] != checksum(text)]
    if changed:
        raise SchemaOutOfDateError(
            f"the database went through another {changed[0]} than this version's; "
            "use the version that made it, or a fresh database"
        )
    return [name for name in migrations() if name not in applied]


def checksum(text: str) -> str:
    """SHA-256 of a migration's text, blind to the line ends of the checkout."""
    return hashlib.sha256(text.replace("\r\n", "\n").encode()).hexdigest()


def check_server(server: int, vector: str | None, *, available: bool) -> None:
    """Refuse a server on which the schema cannot live.

    Raises:
        ConfigurationError: it, or pgvector, is too old, or pgvector is not installed.
    """
    if server // 10_000 < OLDEST_SERVER:
        raise ConfigurationError(f"PostgreSQL {server // 10_000} is too old; {OLDEST_SERVER} or later is needed")
    if vector is None and not available:
        raise ConfigurationError(
            "pgvector is not installed on this PostgreSQL server; install its package there "
            "(such as postgresql-18-pgvector), or open() without conninfo to use the embedded server"
        )
    if vector is not None and _numbers(vector) < OLDEST_VECTOR:
        raise ConfigurationError(
            f"pgvector {vector} is too old; 0.8 or later is needed: upgrade its package, then ALTER EXTENSION vector UPDATE"
        )


def _numbers(version: str) -> tuple[int, ...]:
    """``0.8.5`` and also ``0.8.5-dev`` or ``v0.8`` as numbers."""
    return tuple(int(number) for number in re.findall(r"\d+", version)[:2])
