"""The statement that finds which rights of ``postgres/grants.py`` roles lack."""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from langchain_persistmem.postgres.statements import statement
from langchain_persistmem.postgres.transaction import Transaction


@dataclass(frozen=True, slots=True)
class MissingGrant:
    """Rights that a role lacks."""

    object: str
    rights: str
    command: str
    """The GRANT."""
    may_grant: bool
    """The role that asked owns the object, and may write here."""


async def missing_grants(tx: Transaction, wanted: Iterable[Mapping[str, str]], *, own: bool) -> list[MissingGrant]:
    """Find what roles lack: of all that have been given rights on the table namespaces, or, if ``own``, of the one that asks.

    Whoever may UPDATE namespaces is an application's role, whoever may only SELECT is a reader; not its owner.
    """
    parameters = {"wanted": json.dumps(list(wanted)), "own": own}
    rows = await tx.fetch(statement("missing_grants"), parameters)
    return [MissingGrant(row["object"], row["rights"], row["command"], row["may_grant"]) for row in rows]
