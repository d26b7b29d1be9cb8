"""Who is speaking: read from a LangGraph run, never guessed."""

from collections.abc import Mapping
from dataclasses import asdict, is_dataclass
from typing import Any, cast

from langchain_core.runnables import RunnableConfig
from langgraph.runtime import Runtime, get_runtime

from langchain_persistmem.errors import InvalidInput
from langchain_persistmem.namespace import Namespace, fill


def whose_memory(template: Namespace, config: RunnableConfig, runtime: Runtime[Any] | None) -> Namespace:
    """The namespace of a run.

    An authenticated user (LangGraph Server) comes before the run's context, which comes before
    ``config["configurable"]``, so that a client cannot claim to be somebody else.

    Raises:
        NamespaceMissing: none of them has what the template needs; the message lists the keys that were found.
    """
    known: dict[str, object] = dict(config.get("configurable") or {})
    if runtime is not None:
        known |= _fields(runtime.context)
        user = runtime.server_info.user if runtime.server_info is not None else None
        if user is not None:
            known["user_id"] = user.identity
    return fill(template, known)


def current_runtime() -> Runtime[Any] | None:
    """The runtime of the LangGraph run that this is called in; None outside of one."""
    try:
        return cast("Runtime[Any] | None", get_runtime())
    except (RuntimeError, KeyError):
        return None


def thread_of(config: RunnableConfig) -> str:
    """The run's thread.

    Raises:
        InvalidInput: there is none.
    """
    thread = (config.get("configurable") or {}).get("thread_id")
    if thread is None:
        raise InvalidInput("the run has no thread_id; pass config={'configurable': {'thread_id': ...}}")
    return str(thread)


def _fields(context: object) -> dict[str, object]:
    """A run's context as a dict, whatever it was declared as."""
    if context is None:
        return {}
    if isinstance(context, Mapping):
        return dict(cast("Mapping[str, object]", context))
    if is_dataclass(context) and not isinstance(context, type):
        return {name: value for name, value in asdict(context).items() if value is not None}
    return {name: value for name, value in vars(context).items() if value is not None}
