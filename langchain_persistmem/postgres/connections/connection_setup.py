"""The set-up of a connection before its first use: pgvector's types, exact numbers, and settings that could falsify what is written or read."""

import struct
from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Any

import psycopg
import psycopg_pool
from psycopg.abc import Buffer
from psycopg.adapt import Loader
from psycopg.pq import Format
from psycopg.rows import DictRow
from psycopg.types import TypeInfo

from langchain_persistmem.errors import ConfigurationError
from langchain_persistmem.postgres.connections.timeouts import name_statements_apart

Connection = psycopg.Connection[DictRow] | psycopg.AsyncConnection[DictRow]
SyncPool = psycopg_pool.ConnectionPool[psycopg.Connection[DictRow]]
AsyncPool = psycopg_pool.AsyncConnectionPool[psycopg.AsyncConnection[DictRow]]


class ShortestFloat(Loader):
    """A binary float4 as PostgreSQL writes it: 0.8, and not the nearest double of what single precision has of it."""

    format = Format.BINARY

    def load(self, data: Buffer) -> float:
        """The number."""
        return _shortest_float(bytes(data))


_LARGEST_ROUNDED = 1e37  # rounded, a larger one may be beyond single precision


@lru_cache(1024)
def _shortest_float(data: bytes) -> float:
    (number,) = struct.unpack("!f", data)
    if not abs(number) < _LARGEST_ROUNDED:  # NaN too
        return number
    shorter = (float(f"{number:.{digits}g}") for digits in (6, 7, 8))
    return next((entry for entry in shorter if struct.pack("!f", entry) == data), number)


class VectorType(TypeInfo):
    """pgvector's halfvec, with the schema in which it is, and what else was looked up with it."""

    def __init__(self, schema: str, oid: int, array_oid: int, *, has_citus: bool) -> None:
        super().__init__("halfvec", oid, array_oid)
        self.schema = schema
        self.has_citus = has_citus


_NEEDED_SETTINGS: Mapping[str, Callable[[str], bool]] = {
    "standard_conforming_strings": lambda value: value == "on",
    "array_nulls": lambda value: value == "on",
    "extra_float_digits": lambda value: int(value) >= 0,
}
"""Settings of a session that change what our statements mean, or the digits of a number within JSON."""


_WHOLE_ENCODINGS = (b"UTF8", b"SQL_ASCII", None)
"""Encodings of a database that hold every text: with SQL_ASCII it takes bytes as they come. Not every pooler tells it."""


def check_session(connection: psycopg.BaseConnection[Any]) -> None:
    """Refuse a session whose settings would change what is written, as far as the server tells of them unasked.

    That is enough for checkpoints, which have neither arrays with NULL nor numbers in a text format. Costs no round trip.

    Raises:
        ConfigurationError: they would.
    """
    name_statements_apart(connection)
    status = connection.pgconn.parameter_status
    strings = status(b"standard_conforming_strings") or b"on"
    facts = {"standard_conforming_strings": strings.decode()}
    check_settings(facts, status(b"client_encoding"), status(b"server_encoding"))


def check_settings(facts: Mapping[str, Any], client_encoding: bytes | None, server_encoding: bytes | None) -> None:
    """Refuse settings of the role, the database or a connection of the user's that change what is written or read."""
    if server_encoding not in _WHOLE_ENCODINGS:
        raise ConfigurationError(
            f"server_encoding is {server_encoding.decode()}: this database cannot hold every text; use one that was made with "
            "CREATE DATABASE ... ENCODING 'UTF8' TEMPLATE template0"
        )
    wrong = [name for name, is_right in _NEEDED_SETTINGS.items() if name in facts and not is_right(facts[name])]
    if wrong:
        raise ConfigurationError(
            f"{wrong[0]} is {facts[wrong[0]]!r} for this role or database, and texts or numbers would be written or read "
            f"wrongly; ALTER ROLE ... RESET {wrong[0]} (or ALTER DATABASE, or what conninfo says of it)"
        )
    if client_encoding != b"UTF8":
        raise ConfigurationError(
            f"client_encoding is {(client_encoding or b'?').decode()} on the connection that was passed in, which cannot say "
            "every text; open it, or its pool, with client_encoding='UTF8'"
        )


def check_autocommit(connection: Connection) -> None:
    """Refuse connections that open transactions by themselves: nobody would end them."""
    if not connection.autocommit:
        raise ConfigurationError("the connections need autocommit; open them, or the pool, with autocommit=True")
