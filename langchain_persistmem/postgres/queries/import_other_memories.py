"""Statements on the tables of another memory, which are only read, and on what is brought over from them.

Whose tables they are is known at run time only: their names go through :class:`psycopg.sql.Identifier`
into the slots of the statements, and nothing else does.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from psycopg import sql
from psycopg.rows import DictRow

from langchain_persistmem.postgres.answer import Answer
from langchain_persistmem.postgres.queries.rows import to_json
from langchain_persistmem.postgres.statements import statement
from langchain_persistmem.postgres.transaction import Transaction
from langchain_persistmem.types.namespace import Namespace, encode

_NO_VECTORS = sql.SQL(
    "(SELECT ''::text AS prefix, ''::text AS key, ''::text AS field_name, ''::text AS embedding WHERE false)"
)


@dataclass(frozen=True, slots=True)
class StoreTables:
    """The tables of a LangGraph PostgresStore; an older one has no vectors, or no times to live."""

    schema: str
    vectors: bool
    expiry: bool


async def source_columns(tx: Transaction, schema: str, table: str) -> dict[str, str]:
    """The type of each column of a table; empty if there is no such table."""
    rows = await tx.fetch(statement("source_columns"), {"schema": schema, "table": table})
    return {row["name"]: row["type"] for row in rows}


async def count_source(tx: Transaction, schema: str, table: str) -> int:
    """Count the rows of the table."""
    (row,) = await tx.fetch(statement("count_source", source=sql.Identifier(schema, table)), {})
    return row["rows"]


async def source_has_rows(tx: Transaction, schema: str, table: str) -> bool:
    """Tell if the table has any row."""
    (row,) = await tx.fetch(statement("source_has_rows", source=sql.Identifier(schema, table)), {})
    return row["any"]


async def read_store(tx: Transaction, tables: StoreTables, *, after: tuple[str, str], limit: int) -> Sequence[DictRow]:
    """The items that follow the prefix and key ``after``, with the names and the text of their vectors."""
    text = statement(
        "read_store",
        items=sql.Identifier(tables.schema, "store"),
        vectors=sql.Identifier(tables.schema, "store_vectors") if tables.vectors else _NO_VECTORS,
        expires_at=sql.Identifier("i", "expires_at") if tables.expiry else sql.SQL("NULL::timestamptz"),
        minutes=sql.Identifier("i", "ttl_minutes") if tables.expiry else sql.SQL("NULL::integer"),
    )
    prefix, key = after
    return await tx.fetch(text, {"prefix": prefix, "key": key, "limit": limit})


async def read_mem0(tx: Transaction, schema: str, table: str, *, after: UUID, limit: int) -> Sequence[DictRow]:
    """The rows of a mem0 collection that follow the id ``after``: payload, vector and the value to be, as text."""
    text = statement("read_mem0", source=sql.Identifier(schema, table))
    return await tx.fetch(text, {"after": after, "limit": limit})


def find_existing_items(
    tx: Transaction, namespace: Namespace, keys: Sequence[str], identities: Sequence[bytes]
) -> Answer[tuple[dict[str, datetime], dict[bytes, str]]]:
    """Find what is here of ``keys``, with the time of its last change; and of ``identities``, with its key."""
    parameters = {"namespace": encode(namespace), "keys": list(keys), "identities": list(identities)}
    rows = tx.fetch(statement("find_existing_items"), parameters)
    return rows.then(
        lambda rows: (
            {row["key"]: row["updated_at"] for row in rows},
            {bytes(row["identity"]): row["key"] for row in rows if row["identity"] is not None},
        )
    )


def import_items(
    tx: Transaction, namespace: Namespace, rows: Sequence[Mapping[str, object]], *, extractor: str
) -> Answer[Mapping[str, UUID]]:
    """Write items with their own dates; the answer is the id of each key that was written."""
    parameters = {"namespace": encode(namespace), "rows": to_json(list(rows)), "extractor": extractor}
    return tx.fetch(statement("import_items"), parameters).then(lambda rows: {row["key"]: row["id"] for row in rows})
