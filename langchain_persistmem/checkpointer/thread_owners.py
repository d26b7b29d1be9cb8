"""The owners of threads: LangGraph's tables have a thread's id and no person, so each run registers its thread.

The saver of :attr:`PersistMem.checkpointer` registers a thread once in a run, before its first write, if the run names a person;
no owner is guessed. The namespace's generation at the beginning of a run holds until its end: once the person is
erased, the run's writes raise :class:`ErasedError`.
"""

from __future__ import annotations

import logging
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from langchain_core.runnables import RunnableConfig
from langgraph.runtime import Runtime

from langchain_persistmem.errors import InvalidInputError, NamespaceMissingError
from langchain_persistmem.postgres.connections.forks import ProcessLock
from langchain_persistmem.postgres.queries import generations, threads
from langchain_persistmem.postgres.row_security_settings import reach_settings
from langchain_persistmem.postgres.statements import Query, Schemas, statement
from langchain_persistmem.postgres.transaction import Transaction, set_local
from langchain_persistmem.runtime.backend import AsyncBackend, Backend, SyncBackend
from langchain_persistmem.runtime.run_identity import configurable_in, namespace_of_run
from langchain_persistmem.types import validation
from langchain_persistmem.types.namespace import EVERYWHERE, Namespace, encode
from langchain_persistmem.types.representation import is_a

logger = logging.getLogger(__name__)

_RUNS = 10_000
"""The number of runs that the register remembers; an older one registers its thread again."""
_RUNTIME = "__pregel_runtime"  # the key of a run's Runtime in LangGraph's config


@dataclass(frozen=True, slots=True)
class Claim:
    """A person's thread, with the generation of the person's namespace at the beginning of the run."""

    namespace: Namespace
    generation: UUID
    settings: Mapping[str, str]
    """The settings of the transaction for row-level security."""
    schema: str
    """``Settings.schema``, in which the namespace is."""

    @property
    def statements(self) -> list[tuple[Query, dict[str, object] | None]]:
        """The statements with which a transaction begins on a connection of a user's: they lock the namespace against erasure.

        They come before the thread's lock, in the same order as an erasure, so that no deadlock arises.
        """
        parameters: dict[str, object] = {"namespace": encode(self.namespace), "generation": self.generation}
        held = statement("hold_generation").within(Schemas(self.schema))
        return [*((query, None) for query in set_local(self.settings)), (held, parameters)]

    async def hold(self, tx: Transaction) -> None:
        """Lock the namespace against erasure until the transaction ends.

        Raises:
            ErasedError: it was erased.
        """
        for query in set_local(self.settings):
            await tx.execute(query, {})
        tx.schema = self.schema
        await generations.hold_generation(tx, self.namespace, self.generation)


class Register:
    """The register of the threads' owners, for one saver."""

    def __init__(self, backend: SyncBackend | AsyncBackend, template: Namespace) -> None:
        self._backend = backend
        self._template = template
        self._runs: OrderedDict[tuple[int, Namespace, str], tuple[object, Claim]] = OrderedDict()
        self._lock = ProcessLock()

    def claim(self, config: RunnableConfig, *, begins: bool = False) -> Claim | None:
        """Register the thread of a config for its owner; None if the run names nobody. One round trip for a run.

        Args:
            begins: True before the first write; then nothing is claimed outside a run.
        """
        owner = self._owner_of(config, begins)
        if owner is None:
            return None
        claim = None if begins and _is_root_graph(config) else self._find(config, *owner)
        return claim or self._note(config, *owner, self._backend.run(_register, *owner), again=begins)

    async def aclaim(self, config: RunnableConfig, *, begins: bool = False) -> Claim | None:
        """Register the thread of a config; see :meth:`claim`."""
        owner = self._owner_of(config, begins)
        if owner is None:
            return None
        claim = None if begins and _is_root_graph(config) else self._find(config, *owner)
        return claim or self._note(config, *owner, await self._backend.arun(_register, *owner), again=begins)

    def copy(self, source: str, target: str) -> None:
        """Register the copy of a thread for the same owner, before it is made, so that it is never without one."""
        self._backend.run(_copy, source, target)

    async def acopy(self, source: str, target: str) -> None:
        """Register the copy of a thread; see :meth:`copy`."""
        await self._backend.arun(_copy, source, target)

    def _owner_of(self, config: RunnableConfig, begins: bool) -> tuple[Namespace, str] | None:
        thread_id = configurable_in(config).get("thread_id")
        runtime = _runtime_of(config)
        if thread_id is None or (begins and runtime is None):
            return None
        try:
            namespace = namespace_of_run(self._template, config, runtime)
            encode(namespace)
            return namespace, validation.name(validation.id_text(thread_id, "thread_id"), "thread_id")
        except NamespaceMissingError:
            return None
        except InvalidInputError as error:  # memory refuses it where it is used; a graph without memory may go on
            logger.warning("a thread's checkpoints are nobody's, and no erase will reach them: %s", error)
            return None

    def _find(self, config: RunnableConfig, namespace: Namespace, thread_id: str) -> Claim | None:
        run = _run_of(config)
        with self._lock:
            entry = self._runs.get((id(run), namespace, thread_id)) if run is not None else None
        return entry[1] if entry is not None else None

    def _note(
        self, config: RunnableConfig, namespace: Namespace, thread_id: str, generation: UUID, *, again: bool
    ) -> Claim:
        settings = reach_settings(namespace) if self._backend.settings.row_level_security else {}
        claim = Claim(namespace, generation, settings, self._backend.settings.schema)
        run = _run_of(config)
        if run is None:
            return claim
        key = (id(run), namespace, thread_id)
        with self._lock:
            if again:
                self._runs.pop(key, None)
            # The entry holds the run itself: while it exists, no other object has the same id().
            _, first = self._runs.setdefault(key, (run, claim))
            while len(self._runs) > _RUNS:
                self._runs.popitem(last=False)
        return first


def _runtime_of(config: RunnableConfig) -> Runtime[Any] | None:
    runtime = configurable_in(config).get(_RUNTIME)
    return runtime if is_a(runtime, Runtime) else None


def _is_root_graph(config: RunnableConfig) -> bool:
    """Recognise the config of the root graph, with which a run begins, in contrast to a subgraph."""
    return not configurable_in(config).get("checkpoint_ns")


def _run_of(config: RunnableConfig) -> object | None:
    """Return an object that is the same for a run and all its subgraphs, and another for each run."""
    runtime = _runtime_of(config)
    return (runtime.control or runtime) if runtime is not None else None


async def _register(backend: Backend, namespace: Namespace, thread_id: str) -> UUID:
    async with backend.transaction(namespace, atomic=False) as tx:
        return await threads.register_thread(
            tx,
            namespace,
            thread_id,
            generation=backend.new_id(),
            consent=backend.settings.consent,
            now=datetime.now(UTC),
        )


async def _copy(backend: Backend, source: str, target: str) -> None:
    async with backend.transaction(EVERYWHERE, atomic=False) as tx:
        await threads.copy_registrations(tx, source, target, now=datetime.now(UTC))
