"""Spreading the tables over a cluster of Citus, and bringing them back; steps of deployment, by the owner of the tables."""

from langchain_persistmem.errors import ConfigurationError, SchemaOutOfDateError
from langchain_persistmem.postgres.connections.timeouts import without_deadline
from langchain_persistmem.postgres.migrate import missing_migrations
from langchain_persistmem.postgres.queries import table_locations
from langchain_persistmem.postgres.queries.table_locations import Cluster
from langchain_persistmem.postgres.row_security_settings import see_everything
from langchain_persistmem.postgres.statements import statement
from langchain_persistmem.postgres.transaction import Transaction
from langchain_persistmem.runtime.backend import Backend
from langchain_persistmem.types.namespace import EVERYWHERE

FEWEST_SHARDS, MOST_SHARDS = 8, 16
"""Each shard has its own copy of every index, 16 HNSW indexes among them: more shards than nodes will ever be cost, and gain
nothing.
"""


async def distribute(backend: Backend, *, shards: int = MOST_SHARDS) -> list[str]:
    """Distribute what is not yet, in one transaction; once more, and after each upgrade, is right.

    Args:
        shards: parts into which the namespaces fall, 8 to 16; of a database that is distributed already it changes nothing.

    Returns:
        The tables that moved.

    Raises:
        ConfigurationError: the database has no Citus, or this is not its coordinator, or no node may hold rows.
        SchemaOutOfDateError: setup() has not been run, or not since the last upgrade.
    """
    if not FEWEST_SHARDS <= shards <= MOST_SHARDS:
        raise ConfigurationError(f"shards is {shards}; use {FEWEST_SHARDS} to {MOST_SHARDS}")
    with without_deadline():  # every row moves
        async with backend.transaction(EVERYWHERE) as tx:
            cluster = await _begin(tx)
            if not cluster.holders:
                raise ConfigurationError("no node of the cluster may hold rows; call citus_add_node() for each worker")
            return await table_locations.distribute_tables(tx, cluster, shards=shards)


async def undistribute(backend: Backend) -> list[str]:
    """Bring all rows back to the coordinator, in one transaction; returns the tables that moved.

    Raises:
        ConfigurationError: the database has no Citus, or this is not its coordinator.
        SchemaOutOfDateError: setup() has not been run, or not since the last upgrade.
    """
    with without_deadline():
        async with backend.transaction(EVERYWHERE) as tx:
            return await table_locations.gather_tables(tx, await _begin(tx))


async def _begin(tx: Transaction) -> Cluster:
    """The cluster, on its coordinator, under the lock of setup()."""
    await tx.fetch(statement("lock_schema"), {})
    await see_everything(tx)
    missing = await missing_migrations(tx)
    if missing:
        raise SchemaOutOfDateError(f"the database has not been through {missing[0]}; call setup() once")
    cluster = await table_locations.read_cluster(tx)
    if cluster is None:
        raise ConfigurationError(
            "the extension citus is not in this database; CREATE EXTENSION citus, on the coordinator and on every worker"
        )
    if cluster.node:
        raise ConfigurationError("this is a worker of the cluster; give the coordinator's connection string")
    return cluster
