"""The tables on a cluster of Citus: which of them lie by namespace, and how they get there and back.

Every table that begins with ``namespace`` is distributed by it, in one group, so that whatever is about one namespace is on one
node. A few tables are read beside all others, or belong to nobody, and do not move.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, LiteralString, cast

from psycopg import sql
from psycopg.rows import DictRow

from langchain_persistmem.postgres.queries.namespaces_with_work import fill_queue
from langchain_persistmem.postgres.statements import statement
from langchain_persistmem.postgres.transaction import Transaction

Location = Literal["distributed", "reference", "local"]

FIRST = "namespaces"
REFERENCE = ("embedding_models",)
"""Whole on every node: each vector refers to one of its rows."""
LOCAL = ("erasures", "hnsw_indexes", "migrations", "work_queue")
"""On the coordinator alone: nobody's rows, or read by whoever asks for the next piece of work of all."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Cluster:
    """The set-up of a database with the extension ``citus``."""

    version: str
    node: int
    """The node that answers; 0 is the coordinator."""
    holders: int
    """Nodes that hold rows."""
    propagate_set_commands: str
    """``local`` if a transaction's settings reach the other nodes, on which row-level security rests there."""
    locations: dict[str, Location]
    """How the rows of each table lie."""

    @property
    def misplaced(self) -> list[str]:
        """The tables that do not lie where they belong."""
        return [name for name, location in self.locations.items() if location != location_of(name)]

    @property
    def is_distributed(self) -> bool:
        """Tell if the cluster is used at all."""
        return self.locations.get(FIRST) == "distributed"


def location_of(table: str) -> Location:
    """Return where a table belongs."""
    return "local" if table in LOCAL else "reference" if table in REFERENCE else "distributed"


async def read_cluster(tx: Transaction) -> Cluster | None:
    """The set-up; None without the extension."""
    (row,) = await tx.fetch(statement("has_citus"), {})
    if not row["citus"]:
        return None
    (facts,) = await tx.fetch(statement("citus_cluster"), {})
    tables = await tx.fetch(statement("citus_tables"), {})
    return Cluster(**facts, locations={table["name"]: table["location"] for table in tables})


async def distribute_tables(tx: Transaction, cluster: Cluster, *, shards: int) -> list[str]:
    """Move what does not lie where it belongs; returns the names of these tables.

    The one order that works: no foreign keys, the tables that all refer to, the namespaces, all others, the keys again.
    """
    moving = sorted(cluster.misplaced, key=lambda name: (location_of(name) != "reference", name != FIRST, name))
    keys: Sequence[DictRow] = await _drop_foreign_keys(tx) if moving else ()
    for name in moving:
        location, table = location_of(name), _literal(tx, name)
        if location == "local":
            await tx.fetch(statement("gather", table=table), {})
            continue
        if location == "reference":
            await tx.fetch(statement("copy_to_every_node", table=table), {})
        elif name == FIRST:
            await tx.fetch(statement("distribute_first", table=table, shards=sql.Literal(shards)), {})
        else:
            await tx.fetch(statement("distribute_beside", table=table, first=_literal(tx, FIRST)), {})
        await tx.fetch(statement("drop_local_rows", table=table), {})
    await _add_foreign_keys(tx, keys)
    if moving:
        await fill_queue(tx)
    return moving


async def gather_tables(tx: Transaction, cluster: Cluster) -> list[str]:
    """Bring all rows back to the coordinator; returns the names of the tables that moved."""
    moving = [name for name, location in cluster.locations.items() if location != "local"]
    keys: Sequence[DictRow] = await _drop_foreign_keys(tx) if moving else ()
    for name in moving:
        await tx.fetch(statement("gather", table=_literal(tx, name)), {})
    await _add_foreign_keys(tx, keys)
    return moving


async def _drop_foreign_keys(tx: Transaction) -> Sequence[DictRow]:
    await tx.execute(statement("move_tables_in_turn"), {})
    keys = await tx.fetch(statement("own_foreign_keys"), {})
    for key in keys:
        await tx.execute(statement("drop_foreign_key", table=_table(key), key=sql.Identifier(key["name"])), {})
    return keys


async def _add_foreign_keys(tx: Transaction, keys: Sequence[DictRow]) -> None:
    for key in keys:
        definition = sql.SQL(cast("LiteralString", key["definition"]))  # PostgreSQL's own words
        slots = {"table": _table(key), "key": sql.Identifier(key["name"]), "definition": definition}
        await tx.execute(statement("add_foreign_key", **slots), {})


def _table(key: DictRow) -> sql.Identifier:
    return sql.Identifier("persistmem", key["table"])


def _literal(tx: Transaction, name: str) -> sql.Literal:
    """The name of a table as the functions of Citus take it."""
    return sql.Literal(f"{tx.schema}.{name}")
