"""Additions to LangGraph's checkpoint tables, and the repair of what a killed set-up leaves.

Upstream's own migrations stay upstream's: nothing is written into ``checkpoint_migrations``, so
that its later versions find their numbers free. Their savers name the columns that they insert,
and so work on these tables as before; the default numbers their rows too.
"""

from psycopg import sql

from langchain_persistmem.postgres.statements import Query, statement
from langchain_persistmem.postgres.transaction import Transaction

_COLUMN = sql.SQL("ALTER TABLE {table} ADD COLUMN IF NOT EXISTS persistmem_order bigint")
_SEQUENCE = sql.SQL("CREATE SEQUENCE IF NOT EXISTS {sequence} OWNED BY {table}.persistmem_order")
# Not together with ADD COLUMN: the rows that are there would be rewritten, and numbered at random.
_DEFAULT = sql.SQL("ALTER TABLE {table} ALTER COLUMN persistmem_order SET DEFAULT nextval({name}::regclass)")
_INDEX = sql.SQL(
    "CREATE INDEX CONCURRENTLY IF NOT EXISTS checkpoints_persistmem_head_idx ON {table}"
    " (thread_id, checkpoint_ns, persistmem_order DESC NULLS LAST, checkpoint_id DESC)"
)

# Rows of others than our savers have NULL: whose they are is looked up, through the second index, which has no others.
_OWNED = sql.SQL("ALTER TABLE {table} ADD COLUMN IF NOT EXISTS persistmem_owned boolean")
_UNOWNED_INDEX = sql.SQL(
    "CREATE INDEX CONCURRENTLY IF NOT EXISTS checkpoints_persistmem_unowned_idx ON {table} (thread_id)"
    " WHERE persistmem_owned IS NOT TRUE"
)

# Upstream's migrations use CREATE INDEX CONCURRENTLY, which waits for every older snapshot: also for that of
# a session blocked in pg_advisory_lock, which in turn waits for us. So the lock is only ever tried, and held by
# the session, since CONCURRENTLY runs in no transaction.
_LOCK_KEY = {"key": int.from_bytes(b"pm-saver", "big")}


async def try_lock(tx: Transaction) -> bool:
    """Take the lock for a set-up, unless another session has it; return if this one has it now."""
    (row,) = await tx.fetch(statement("try_lock_checkpoint_setup"), _LOCK_KEY)
    return bool(row["locked"])


async def unlock(tx: Transaction) -> None:
    """Let others set up."""
    await tx.fetch(statement("unlock_checkpoint_setup"), _LOCK_KEY)


async def is_complete(tx: Transaction, migrations: int) -> bool:
    """Tell if nothing is left to do, which needs no right but to read; ``migrations`` is the number of upstream's."""
    (state,) = await tx.fetch(statement("checkpoint_setup_state"), {})
    if not (state["migrated"] and state["ordered"] and state["owned"] and state["indexed"]):
        return False
    if await tx.fetch(statement("checkpoint_writers_without_order"), {}):
        return False
    (newest,) = await tx.fetch(statement("checkpoint_migration"), {})
    return newest["version"] >= migrations - 1 and not await tx.fetch(statement("invalid_checkpoint_indexes"), {})


async def complete(tx: Transaction) -> None:
    """Add the order with its rights, the mark of owners, and an index of each, and rebuild invalid indexes; each statement stands alone, since CONCURRENTLY must."""
    (state,) = await tx.fetch(statement("checkpoint_setup_state"), {})
    table = sql.Identifier(state["schema"], "checkpoints")
    if not state["ordered"]:
        await _add_order(tx, state["schema"], table)
    await _grant_order(tx)
    if not state["owned"]:
        await tx.execute(_OWNED.format(table=table), {})
    for index in (_INDEX, _UNOWNED_INDEX):
        await tx.execute(index.format(table=table), {})
    for index in await tx.fetch(statement("invalid_checkpoint_indexes"), {}):
        await tx.execute(_repair(index["schema"], index["name"]), {})


async def _grant_order(tx: Transaction) -> None:
    """Grant the sequence of the order to who may insert checkpoints and lacks it; nothing where this role may not."""
    for writer in await tx.fetch(statement("checkpoint_writers_without_order"), {}):
        role = sql.SQL("PUBLIC") if writer["role"] is None else sql.Identifier(writer["role"])
        sequence = sql.Identifier(writer["schema"], "checkpoints_persistmem_order_seq")
        await tx.execute(sql.SQL("GRANT USAGE ON SEQUENCE {} TO {}").format(sequence, role), {})


async def _add_order(tx: Transaction, schema: str, table: sql.Identifier) -> None:
    sequence = sql.Identifier(schema, "checkpoints_persistmem_order_seq")
    await tx.execute(_COLUMN.format(table=table), {})
    await tx.execute(_SEQUENCE.format(sequence=sequence, table=table), {})
    await _grant_order(tx)
    # last, so that nobody inserts by a default that he may not use
    name = sql.Literal(sequence.as_string(None))
    await tx.execute(_DEFAULT.format(table=table, name=name), {})


def _repair(schema: str, name: str) -> Query:
    index = sql.Identifier(schema, name)
    if "_ccnew" in name or "_ccold" in name:  # the half of a REINDEX CONCURRENTLY that was killed itself
        return sql.SQL("DROP INDEX CONCURRENTLY IF EXISTS {}").format(index)
    return sql.SQL("REINDEX INDEX CONCURRENTLY {}").format(index)
