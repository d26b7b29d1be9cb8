"""Permission to use memory in a run: from the application (``memory_allowed``), from the person, and not off the record."""

from __future__ import annotations

import inspect
import logging
from collections.abc import Awaitable, Callable
from typing import Any, cast

from langchain_core.runnables.config import ensure_config
from langgraph.runtime import Runtime

from langchain_persistmem.client.persistmem import PersistMem
from langchain_persistmem.client.sync_and_async import both, run
from langchain_persistmem.errors import ConfigurationError
from langchain_persistmem.integrations.memory_failures import OnError
from langchain_persistmem.privacy import consent
from langchain_persistmem.runtime.run_identity import off_the_record
from langchain_persistmem.types.namespace import Namespace
from langchain_persistmem.types.representation import is_a, type_name

logger = logging.getLogger(__name__)

MemoryAllowed = bool | Callable[[Any, Runtime[Any] | None], bool | Awaitable[bool]]
"""Permission of a run to use memory: a constant, or a function of the run's state and runtime; it may be async."""


async def may_remember(
    gate: MemoryAllowed, state: Any, runtime: Any, *, asynchronous: bool, action: str, on_error: OnError = "continue"
) -> bool:
    """True where a run may use memory: it is on the record, and ``memory_allowed`` returns True.

    If that function fails, the failure is logged and memory may not be used; with ``on_error="raise"`` it is raised.

    Raises:
        ConfigurationError: it is async and the run is not, or it says neither True nor False.
        InvalidInputError: ``off_the_record`` is neither.
    """
    if off_the_record(ensure_config(), runtime):
        return False
    try:
        answer: object = gate(state, runtime) if callable(gate) else gate
        if inspect.isawaitable(answer) and asynchronous:
            answer = await cast("Awaitable[object]", answer)
    except Exception as error:  # what the application's function raises is not known
        if on_error == "raise":
            raise
        logger.warning("%s: memory_allowed failed with %s: no memory", action, type(error).__name__)
        return False
    if inspect.iscoroutine(answer):
        answer.close()
        raise ConfigurationError("memory_allowed is async and this run is not; run it with ainvoke() or astream()")
    if not is_a(answer, bool):
        raise ConfigurationError(f"memory_allowed gave a {type_name(answer)}; let it return True or False")
    return answer


async def _may_recall(memory: PersistMem, thread_id: str | None, *, namespace: Namespace) -> bool:
    """True where memories may be put before a model: not while memory is paused, nor in a thread off the record.

    ``recall`` and ``context`` keep to that by themselves; this is for what reads memories or messages in other ways.
    """
    return await run(memory.backend, consent.may_recall, namespace, thread_id)


may_recall, amay_recall = both(_may_recall)
