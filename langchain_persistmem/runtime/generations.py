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
from langchain_persistmem.postgres.queries.generations import begin_generation
from langchain_persistmem.postgres.queries.namespaces import NamespaceState
from langchain_persistmem.postgres.transaction import Transaction
from langchain_persistmem.postgres.vector_index import hnsw_indexes
from langchain_persistmem.runtime.backend import Backend
from langchain_persistmem.types.namespace import Namespace, encode

Snapshot = dict[Namespace, UUID]
"""The generations that a call has seen, by namespace; they are kept when it is tried again after a lost connection."""


async def see(backend: Backend, namespaces_to_note: Iterable[Namespace], snapshot: Snapshot, *, now: datetime) -> None:
    """Note the present generation of each namespace that was not seen yet; where there is none, one begins."""
    if backend.settings.consent == "paused":  # where there is none, nothing will be written either
        return
    new = sorted((candidate for candidate in set(namespaces_to_note) if candidate not in snapshot), key=encode)
    for namespace in new:
        async with backend.transaction(namespace, atomic=False) as tx:
            snapshot[namespace] = await begin_generation(
                tx, namespace, generation=backend.new_id(), consent=backend.settings.consent, now=now
            )


async def present(backend: Backend, namespace: Namespace) -> NamespaceState | None:
    """The present generation of a namespace, and what the person allows; None if there is none."""
    async with backend.transaction(namespace, atomic=False) as tx:
        return await namespaces.read_state(tx, namespace)


def hold(tx: Transaction, backend: Backend, namespace: Namespace, *, now: datetime) -> Answer[NamespaceState]:
    """Lock a namespace until the transaction ends; one that is new begins with the consent of the settings."""

    def read(state: NamespaceState) -> NamespaceState:
        model = backend.embedding_model
        # From half the size on, so that the batch with which it becomes large is indexed, and not only the next.
        backend.unindexed.begin_write(
            namespace, large=model is not None and 2 * state.documents > hnsw_indexes.exact_up_to(model)
        )
        return state

    state_read = namespaces.hold_namespace(
        tx, namespace, generation=backend.new_id(), consent=backend.settings.consent, now=now
    )
    return state_read.then(read)


def check(namespace: Namespace, generation: UUID, snapshot: Snapshot) -> None:
    """Refuse to write into another generation than the one that was seen.

    Raises:
        ErasedError: the namespace was erased since.
    """
    if snapshot.get(namespace, generation) != generation:
        raise ErasedError
