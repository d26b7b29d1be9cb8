"""Statements on the generations of namespaces: each erase ends one, and what was begun in it is not written into the next."""

from datetime import datetime
from uuid import UUID, uuid4

from langchain_persistmem.postgres.answer import Answer
from langchain_persistmem.postgres.statements import statement
from langchain_persistmem.postgres.transaction import Signature, Transaction
from langchain_persistmem.types.namespace import Namespace, encode
from langchain_persistmem.types.records import Consent


async def begin_generation(
    tx: Transaction, namespace: Namespace, *, generation: UUID, consent: Consent, now: datetime
) -> UUID:
    """The namespace's present generation, which is the given one if it is new."""
    parameters = {"namespace": encode(namespace), "generation": generation, "consent": consent, "now": now}
    row, *_ = await tx.fetch(statement("begin_generation"), parameters)
    return row["generation"]


async def hold_existing(tx: Transaction, namespace: Namespace) -> UUID | None:
    """Lock ``namespace`` until the transaction ends, if it exists; returns its generation."""
    write = uuid4()
    rows = await tx.fetch(statement("hold_existing"), {"namespace": encode(namespace), "write": write})
    if not rows:
        return None
    tx.signature = tx.signature or Signature(encode(namespace), write, rows[0]["before"])
    return rows[0]["generation"]


async def hold_generation(tx: Transaction, namespace: Namespace, generation: UUID) -> None:
    """Keep an erase waiting until the transaction ends.

    Raises:
        ErasedError: the generation is over; the transaction can do nothing more.
    """
    await tx.fetch(statement("hold_generation"), {"namespace": encode(namespace), "generation": generation})


def end_generation(tx: Transaction, namespace: Namespace) -> Answer[UUID | None]:
    """Keep everybody out of a namespace that is to be erased; returns the generation that ends, None if there is none."""
    rows = tx.fetch(statement("end_generation"), {"namespace": encode(namespace)})
    return rows.then(lambda rows: rows[0]["generation"] if rows else None)
