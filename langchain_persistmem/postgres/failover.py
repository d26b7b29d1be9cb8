"""Failover: where a server only reads, another one that the connection string names may be the primary by now."""

from collections.abc import Mapping
from typing import Any

import psycopg


def names_several_servers(parameters: Mapping[str, Any]) -> bool:
    """Tell if there is another server to try, by what libpq was told."""
    return "," in str(parameters.get("host") or "")


def is_replica_of_several(error: BaseException, connection: psycopg.BaseConnection[Any]) -> bool:
    """Tell if a server only reads, and others are named: the connection is to be closed, as the pool's next one may be the new primary's."""
    return isinstance(error, psycopg.errors.ReadOnlySqlTransaction) and names_several_servers(
        connection.info.get_parameters()
    )
