"""Statements on the generations of namespaces: each erase ends one, and what was begun in it is not written into the next."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID, uuid4

from psycopg.rows import DictRow

from langchain_persistmem.postgres.answer import Answer
from langchain_persistmem.postgres.queries.namespaces import NamespaceState
from langchain_persistmem.postgres.statements import statement
from langchain_persistmem.postgres.transaction import Signature, Transaction
from langchain_persistmem.types.namespace import Namespace, encode
from langchain_persistmem.types.records import Consent


def begin_generation(
    tx: Transaction, namespace: Namespace, *, generation: UUID, consent: Consent, now: datetime
) -> Answer[NamespaceState]:
    """The namespace's present state; generation and consent are the given ones if it is new."""
    parameters = {"namespace": encode(namespace), "generation": generation, "consent": consent, "now": now}
    return tx.fetch(statement("begin_generation"), parameters).then(lambda rows: NamespaceState(**rows[0]))


def hold_existing(tx: Transaction, namespace: Namespace) -> Answer[UUID | None]:
    """Lock ``namespace`` until the transaction ends, if it exists; the answer is its generation."""
    write = uuid4()

    def read(rows: Sequence[DictRow]) -> UUID | None:
        if not rows:
            return None
        tx.signature = tx.signature or Signature(encode(namespace), write, rows[0]["before"])
        return rows[0]["generation"]

    return tx.fetch(statement("hold_existing"), {"namespace": encode(namespace), "write": write}).then(read)


def hold_for_writing(tx: Transaction, namespace: Namespace, state: NamespaceState, *, write: UUID) -> None:
    """Lock ``namespace`` until the transaction ends, as long as it was seen like this; what is written travels with it.

    The caller signs with ``write``, so that the transaction can be asked after if the answer to its COMMIT is lost: whatever was
    written last when the state was seen comes before it.

    Raises:
        ErasedError: the generation is over, or memory is paused by now; the transaction can do nothing more.
    """
    tx.signature = tx.signature or Signature(encode(namespace), write, state.last_write)
    tx.fetch(statement("hold_for_writing"), {"namespace": encode(namespace), "generation": state.generation})


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
