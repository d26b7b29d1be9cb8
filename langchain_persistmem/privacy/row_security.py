"""Switching row-level security on and off, a step of deployment; by the owner of the tables."""

from collections.abc import Sequence

from langchain_persistmem.errors import SchemaOutOfDateError
from langchain_persistmem.postgres.migrate import missing_migrations
from langchain_persistmem.postgres.queries import row_security_switch as row_security_queries
from langchain_persistmem.postgres.queries.row_security_switch import RowSecurity
from langchain_persistmem.runtime.backend import Backend
from langchain_persistmem.types import validation
from langchain_persistmem.types.namespace import NOBODY


async def status(backend: Backend) -> RowSecurity:
    """The state of row-level security, for the role that asks.

    Raises:
        SchemaOutOfDateError: setup() has not been run, or not since the last upgrade.
    """
    async with backend.transaction(NOBODY, atomic=False) as tx:
        missing = await missing_migrations(tx)
        if missing:
            raise SchemaOutOfDateError(f"the database has not been through {missing[0]}; call setup() once")
        return await row_security_queries.row_security(tx)


async def enable(backend: Backend, *, everywhere_to: Sequence[str] = ()) -> RowSecurity:
    """Enable it on every table with a person's data, in one transaction; once more changes nothing.

    Args:
        everywhere_to: the roles, beside the tables' owner, that may see all namespaces at once: those of the worker and
            of upkeep. Without one, every role may that says so.

    Raises:
        ConfigurationError: the role is not the owner of the tables, or one of ``everywhere_to`` does not exist.
    """
    for index, role in enumerate(everywhere_to):
        validation.name(role, f"everywhere_to[{index}]")
    await status(backend)
    async with backend.transaction(NOBODY) as tx:
        await row_security_queries.enable_row_security(tx, everywhere_to=everywhere_to)
        return await row_security_queries.row_security(tx)


async def disable(backend: Backend) -> RowSecurity:
    """Disable it; the policies stay, and mean nothing.

    Raises:
        ConfigurationError: the role is not the owner of the tables.
    """
    await status(backend)
    async with backend.transaction(NOBODY) as tx:
        await row_security_queries.disable_row_security(tx)
        return await row_security_queries.row_security(tx)
