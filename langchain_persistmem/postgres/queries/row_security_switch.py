"""The switch of row-level security on the tables, and its state; the policies themselves are at the end of ``schema.sql``."""

from collections.abc import Sequence
from dataclasses import dataclass

from psycopg import sql

from langchain_persistmem.errors import ConfigurationError
from langchain_persistmem.postgres.statements import statement
from langchain_persistmem.postgres.transaction import Transaction


@dataclass(frozen=True, kw_only=True, slots=True)
class RowSecurity:
    """The state of row-level security on the tables that hold a person's data."""

    tables: int
    enabled: int
    """On so many of them."""
    forced: int
    """On so many it binds their owner too."""
    binding: bool
    """At least one of them shows this role only what a transaction says that it is about."""
    everywhere: bool
    """This role may see all namespaces at once, in a transaction that says so."""
    above: bool
    """This role is a superuser's or has BYPASSRLS: nothing binds it."""


async def row_security(tx: Transaction) -> RowSecurity:
    """Read the state of row-level security, for the role that asks."""
    rows = await tx.fetch(statement("row_security"), {})
    return RowSecurity(
        tables=len(rows),
        enabled=sum(row["enabled"] for row in rows),
        forced=sum(row["forced"] for row in rows),
        binding=any(row["binding"] for row in rows),
        everywhere=all(row["everywhere"] or not row["binding"] for row in rows),
        above=any(row["above"] for row in rows),
    )


async def enable_row_security(tx: Transaction, *, everywhere_to: Sequence[str] = ()) -> None:
    """Enable it on all tables that have policies, for their owner too; as their owner.

    Args:
        everywhere_to: the roles, beside the owner, that may see all namespaces at once; without one, every role may.
    """
    for row in await tx.fetch(statement("row_security"), {}):
        roles = list(dict.fromkeys((row["owner"], *everywhere_to))) if everywhere_to else []
        await _enable(tx, row["name"], roles)


async def disable_row_security(tx: Transaction) -> None:
    """Disable it on all tables; the policies stay."""
    for row in await tx.fetch(statement("row_security"), {}):
        await tx.execute(statement("disable_row_security", table=sql.Identifier("persistmem", row["name"])), {})


async def enable_on_new_tables(tx: Transaction) -> None:
    """After a migration: a table that it made is as guarded as the others, and shown whole to the same roles."""
    rows = await tx.fetch(statement("row_security"), {})
    guarded = [row for row in rows if row["enabled"]]
    for row in rows:
        if guarded and not row["enabled"]:
            await _enable(tx, row["name"], guarded[0]["everywhere_to"])


def check_row_security(state: RowSecurity, *, is_enabled_here: bool) -> str | None:
    """Say what is wrong, if the set-up still works: the setting promises a lock that is not there.

    Raises:
        ConfigurationError: the database shows only what a transaction says that it is about, and ours say nothing.
    """
    if state.binding and not is_enabled_here:
        raise ConfigurationError(
            "row-level security is enabled in this database, so that without a word of whose memories are meant nothing "
            "is found; pass Settings(row_level_security=True) (the command: --row-level-security)"
        )
    if not is_enabled_here or (state.binding and state.enabled == state.tables):
        return None
    if state.above:
        return "Settings.row_level_security is on, but this role is a superuser or has BYPASSRLS, which nothing binds"
    return (
        f"Settings.row_level_security is on, but row-level security binds this role on fewer than all {state.tables} "
        "tables; run `persistmem rls enable` as their owner"
    )


async def _enable(tx: Transaction, name: str, everywhere_to: Sequence[str]) -> None:
    table = sql.Identifier("persistmem", name)
    roles = sql.SQL(", ").join(map(sql.Identifier, everywhere_to)) if everywhere_to else sql.SQL("PUBLIC")
    await tx.execute(statement("grant_everywhere", table=table, roles=roles), {})
    await tx.execute(statement("enable_row_security", table=table), {})
