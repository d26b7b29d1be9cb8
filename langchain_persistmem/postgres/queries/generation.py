"""Statements on the lives of namespaces: each erase ends one, and what was begun in it is not written into the next."""

from datetime import datetime
from uuid import UUID, uuid4

from langchain_persistmem.postgres.statements import statement
from langchain_persistmem.postgres.transaction import Signature, Transaction
from langchain_persistmem.types.namespace import Namespace, encode
from langchain_persistmem.types.records import Consent


async def begin_life(
    tx: Transaction, namespace: Namespace, *, incarnation: UUID, consent: Consent, now: datetime
) -> UUID:
    """The namespace's present incarnation, which is the given one if it is new."""
    parameters = {"namespace": encode(namespace), "incarnation": incarnation, "consent": consent, "now": now}
    row, *_ = await tx.fetch(statement("begin_life"), parameters)
    return row["incarnation"]


async def hold_living(tx: Transaction, namespace: Namespace) -> UUID | None:
    """Lock ``namespace`` until the transaction ends, if it exists; returns its incarnation."""
    write = uuid4()
    rows = await tx.fetch(statement("hold_living"), {"namespace": encode(namespace), "write": write})
    if not rows:
        return None
    tx.signature = tx.signature or Signature(encode(namespace), write, rows[0]["before"])
    return rows[0]["incarnation"]


async def hold_life(tx: Transaction, namespace: Namespace, incarnation: UUID) -> bool:
    """Keep an erase waiting until the transaction ends; False if that life is over already."""
    (row,) = await tx.fetch(statement("hold_life"), {"namespace": encode(namespace), "incarnation": incarnation})
    return row["life"] == "on"


async def end_life(tx: Transaction, namespace: Namespace) -> UUID | None:
    """Keep everybody out of a namespace that is to be erased; returns the incarnation that ends, None if there is none."""
    rows = await tx.fetch(statement("end_life"), {"namespace": encode(namespace)})
    return rows[0]["incarnation"] if rows else None
