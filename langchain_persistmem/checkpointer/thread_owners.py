"""Whose threads a saver writes: LangGraph's tables know a thread's id and no person, and a run says who it is for.

The saver of :attr:`PersistMem.checkpointer` registers each thread that a run names a person for, once in a run, before its first
write; nobody is guessed. What a run finds at its beginning holds until its end: after an erase of the person it finds
that life over, and writes nothing more (:class:`ErasedError`).
"""

from __future__ import annotations

import json
import logging
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from threading import Lock
from typing import Any, cast
from uuid import UUID

from langchain_core.runnables import RunnableConfig
from langgraph.runtime import Runtime

from langchain_persistmem.errors import ErasedError, InvalidInputError, NamespaceMissingError
from langchain_persistmem.postgres.queries import generation, threads
from langchain_persistmem.postgres.queries.row_security import reach_settings
from langchain_persistmem.postgres.statements import statement
from langchain_persistmem.postgres.transaction import Transaction
from langchain_persistmem.runtime.backend import AsyncBackend, Backend, SyncBackend
from langchain_persistmem.runtime.run_identity import whose_memory
from langchain_persistmem.types import validation
from langchain_persistmem.types.namespace import EVERYWHERE, Namespace, encode

logger = logging.getLogger(__name__)

_RUNS = 10_000
"""So many runs are known at once; one that is older is taken for new."""
_RUNTIME = "__pregel_runtime"  # under which LangGraph keeps a run's Runtime in its config


@dataclass(frozen=True, slots=True)
class Claim:
    """A thread that is a person's, in the life that the person's namespace had when the run began."""

    namespace: Namespace
    incarnation: UUID
    settings: Mapping[str, str]
    """What the transaction says of itself, for row-level security."""

    @property
    def parameters(self) -> dict[str, object]:
        """Those of the statement ``hold_life``."""
        return {"namespace": encode(self.namespace), "incarnation": self.incarnation}

    @property
    def said(self) -> dict[str, object]:
        """Those of the statement ``set_locally``."""
        return {"settings": json.dumps(dict(self.settings))}

    async def hold(self, tx: Transaction) -> None:
        """Keep an erase waiting until the transaction ends.

        Raises:
            ErasedError: there was one.
        """
        if self.settings:
            await tx.fetch(statement("set_locally"), self.said)
        if not await generation.hold_life(tx, self.namespace, self.incarnation):
            raise ErasedError


def check(life: object) -> None:
    """Refuse what was written in a life that is over; the database has not stored it.

    Raises:
        ErasedError: it is.
    """
    if life != "on":
        raise ErasedError


class Register:
    """Notes whose threads they are, for one saver."""

    def __init__(self, backend: SyncBackend | AsyncBackend, template: Namespace) -> None:
        self._backend = backend
        self._template = template
        self._runs: OrderedDict[tuple[int, Namespace, str], tuple[object, Claim]] = OrderedDict()
        self._lock = Lock()

    def claim(self, config: RunnableConfig, *, begins: bool = False) -> Claim | None:
        """Whose thread the config's is; None where nobody is named. One round trip for a run.

        Args:
            begins: nothing is written yet: without a run, nothing is claimed.
        """
        whose = self._whose(config, begins)
        if whose is None:
            return None
        known = None if begins and _is_whole(config) else self._known(config, *whose)
        return known or self._note(config, *whose, self._backend.run(_register, *whose), again=begins)

    async def aclaim(self, config: RunnableConfig, *, begins: bool = False) -> Claim | None:
        """:meth:`claim`, awaited."""
        whose = self._whose(config, begins)
        if whose is None:
            return None
        known = None if begins and _is_whole(config) else self._known(config, *whose)
        return known or self._note(config, *whose, await self._backend.arun(_register, *whose), again=begins)

    def copy(self, source: str, target: str) -> None:
        """A copy belongs to whom the thread belongs; said before it is made, so that it never belongs to nobody."""
        self._backend.run(_copy, source, target)

    async def acopy(self, source: str, target: str) -> None:
        """:meth:`copy`, awaited."""
        await self._backend.arun(_copy, source, target)

    def _whose(self, config: RunnableConfig, begins: bool) -> tuple[Namespace, str] | None:
        thread_id = (config.get("configurable") or {}).get("thread_id")
        runtime = _runtime_of(config)
        if thread_id is None or (begins and runtime is None):
            return None
        try:
            namespace = whose_memory(self._template, config, runtime)
            encode(namespace)
            return namespace, validation.name(str(thread_id), "thread_id")
        except NamespaceMissingError:
            return None
        except InvalidInputError as error:  # memory refuses it where it is used; a graph without memory may go on
            logger.warning("a thread's checkpoints are nobody's, and no erase will reach them: %s", error)
            return None

    def _known(self, config: RunnableConfig, namespace: Namespace, thread_id: str) -> Claim | None:
        run = _run_of(config)
        with self._lock:
            known = self._runs.get((id(run), namespace, thread_id)) if run is not None else None
        return known[1] if known is not None else None

    def _note(
        self, config: RunnableConfig, namespace: Namespace, thread_id: str, incarnation: UUID, *, again: bool
    ) -> Claim:
        settings = reach_settings(namespace) if self._backend.settings.row_level_security else {}
        claim, run = Claim(namespace, incarnation, settings), _run_of(config)
        if run is None:
            return claim
        place = (id(run), namespace, thread_id)
        with self._lock:
            if again:
                self._runs.pop(place, None)
            _, first = self._runs.setdefault(place, (run, claim))  # with the run itself, so that no other has its id
            while len(self._runs) > _RUNS:
                self._runs.popitem(last=False)
        return first


def _runtime_of(config: RunnableConfig) -> Runtime[Any] | None:
    runtime = (config.get("configurable") or {}).get(_RUNTIME)
    return cast("Runtime[Any]", runtime) if isinstance(runtime, Runtime) else None


def _is_whole(config: RunnableConfig) -> bool:
    """Whether it is of a whole graph, with which a run begins, and not of a graph within one."""
    return not (config.get("configurable") or {}).get("checkpoint_ns")


def _run_of(config: RunnableConfig) -> object | None:
    """What is the same for a run and all its subgraphs, and another for each run."""
    runtime = _runtime_of(config)
    return (runtime.control or runtime) if runtime is not None else None


async def _register(backend: Backend, namespace: Namespace, thread_id: str) -> UUID:
    async with backend.transaction(namespace, atomic=False) as tx:
        return await threads.register_thread(
            tx,
            namespace,
            thread_id,
            incarnation=backend.new_id(),
            consent=backend.settings.consent,
            now=datetime.now(UTC),
        )


async def _copy(backend: Backend, source: str, target: str) -> None:
    async with backend.transaction(EVERYWHERE, atomic=False) as tx:
        await threads.copy_registrations(tx, source, target, now=datetime.now(UTC))
