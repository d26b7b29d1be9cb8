"""The generation of a namespace that a write belongs to; it has to be known before a model works.

An erase ends a namespace's generation, and the next write begins another. Work that began in a generation must not be
written into the next one, however long the model took and however often it was tried.
"""

from collections.abc import Iterable
from datetime import datetime
from uuid import UUID

from langchain_persistmem.errors import ErasedError
from langchain_persistmem.postgres.answer import Answer
from langchain_persistmem.postgres.queries import namespaces
from langchain_persistmem.postgres.queries.generations import begin_generation, hold_for_writing
from langchain_persistmem.postgres.queries.namespaces import NamespaceState
from langchain_persistmem.postgres.transaction import Transaction
from langchain_persistmem.postgres.vector_index import hnsw_indexes
from langchain_persistmem.runtime.backend import Backend
from langchain_persistmem.runtime.consent_checks import check_not_paused
from langchain_persistmem.types.namespace import Namespace, Several, encode

Snapshot = dict[Namespace, NamespaceState]
"""The generations that a call has seen, by namespace; they are kept when it is tried again after a lost connection."""


async def see(backend: Backend, namespaces_to_note: Iterable[Namespace], snapshot: Snapshot, *, now: datetime) -> None:
    """Note the present generation of each namespace that was not seen yet, in one round trip; where there is none, one begins.

    Not where memory begins paused: there, nothing will be written either, and nothing is noted.
    """
    new = sorted({candidate for candidate in namespaces_to_note if candidate not in snapshot}, key=encode)
    if not new:
        return
    consent = backend.settings.consent
    async with backend.transaction(Several(tuple(new)), atomic=False) as tx:
        answers = {
            namespace: namespaces.read_state(tx, namespace)
            if consent == "paused"
            else begin_generation(tx, namespace, generation=backend.new_id(), consent=consent, now=now)
            for namespace in new
        }
        for namespace, answer in answers.items():
            state = await answer
            if state is not None:
                snapshot[namespace] = state


async def check_pauses(backend: Backend, snapshot: Snapshot) -> None:
    """Tell a write that was refused for a pause from one for an erasure: its own statement does not say which it was.

    Raises:
        MemoryDisabledError: memory was paused, in a generation that was seen.
    """
    async with backend.transaction(Several(tuple(snapshot)), atomic=False) as tx:
        answers = {namespace: namespaces.read_state(tx, namespace) for namespace in snapshot}
        for namespace, answer in answers.items():
            state = await answer
            if state is not None and state.generation == snapshot[namespace].generation:
                check_not_paused(state)


async def present(backend: Backend, namespace: Namespace) -> NamespaceState | None:
    """The present generation of a namespace, and what the person allows; None if there is none."""
    async with backend.transaction(namespace, atomic=False) as tx:
        return await namespaces.read_state(tx, namespace)


def hold(tx: Transaction, backend: Backend, namespace: Namespace, *, now: datetime) -> Answer[NamespaceState]:
    """Lock a namespace until the transaction ends; one that is new begins with the consent of the settings."""

    def read(state: NamespaceState) -> NamespaceState:
        begin_write(backend, namespace, state)
        return state

    state_read = namespaces.hold_namespace(
        tx, namespace, generation=backend.new_id(), consent=backend.settings.consent, now=now
    )
    return state_read.then(read)


def hold_seen(tx: Transaction, backend: Backend, namespace: Namespace, state: NamespaceState) -> UUID:
    """Lock a namespace that was seen until the transaction ends, in the round trip of what is written; returns the mark to sign with.

    Raises:
        ErasedError: the namespace was erased since, or memory is paused by now; :func:`check_pauses` says which.
    """
    begin_write(backend, namespace, state)
    write = backend.new_id()
    hold_for_writing(tx, namespace, state, write=write)
    return write


def begin_write(backend: Backend, namespace: Namespace, state: NamespaceState) -> None:
    """Note that vectors may be written into a namespace, which is large or is not."""
    model = backend.embedding_model
    # From half the size on, so that the batch with which it becomes large is indexed, and not only the next.
    backend.unindexed.begin_write(
        namespace, large=model is not None and 2 * state.documents > hnsw_indexes.exact_up_to(model)
    )


def check(namespace: Namespace, generation: UUID, snapshot: Snapshot) -> None:
    """Refuse to write into another generation than the one that was seen.

    Raises:
        ErasedError: the namespace was erased since.
    """
    if namespace in snapshot and snapshot[namespace].generation != generation:
        raise ErasedError
