"""The identity of a run: its user and thread, read from LangGraph's config and never guessed."""

from collections.abc import Callable, Mapping
from dataclasses import fields, is_dataclass
from datetime import UTC, datetime, tzinfo
from typing import Any, cast

from langchain_core.runnables import RunnableConfig
from langchain_core.runnables.config import ensure_config
from langgraph.runtime import Runtime, get_runtime

from langchain_persistmem.errors import InvalidInputError
from langchain_persistmem.types import moments, validation
from langchain_persistmem.types.moments import check_zone, in_zone
from langchain_persistmem.types.namespace import Namespace, fill
from langchain_persistmem.types.representation import is_a, type_name

_RECORD = "pass a dict, or a dataclass"
_DICTS_OF_CONFIG = frozenset({"configurable", "metadata"})


def namespace_of_run(template: Namespace, config: RunnableConfig, runtime: Runtime[Any] | None) -> Namespace:
    """The namespace of a run.

    An authenticated user (LangGraph Server) comes before the run's context, which comes before
    ``config["configurable"]``, so that a client cannot claim to be somebody else.

    Raises:
        NamespaceMissingError: none of them has what the template needs; the message lists the keys that were found.
    """
    values = _values_of_run(config, runtime)
    user = runtime.server_info.user if runtime is not None and runtime.server_info is not None else None
    if user is not None and user.identity:  # without authentication, the server has a user without a name
        values["user_id"] = user.identity
    return fill(template, values)


def off_the_record(config: RunnableConfig, runtime: Runtime[Any] | None) -> bool:
    """Tell if nothing of this run may be read or stored.

    ``off_the_record`` in the run's context or in ``config["configurable"]``: one of the two is enough, so that client and
    server can each switch memory off.

    Raises:
        InvalidInputError: it is neither True nor False.
    """
    marks = [configurable_in(config).get("off_the_record")]
    if runtime is not None:
        marks.append(context_of(runtime).get("off_the_record"))
    for mark in marks:
        if mark is not None and not is_a(mark, bool):
            raise InvalidInputError(f"off_the_record is of type {type_name(mark)}; pass True or False")
    return True in marks


def moment_of(
    config: RunnableConfig,
    runtime: Runtime[Any] | None,
    *,
    time_zone: tzinfo | None = None,
    now: Callable[[], datetime] | None = None,
) -> datetime | None:
    """The present of a run by its user's clock; None where neither a time zone nor a clock is given.

    ``time_zone`` in the run's context comes before the one in ``config["configurable"]``, and both before the argument.

    Raises:
        InvalidInputError: the run's time zone is invalid, or ``now`` gives no aware datetime.
    """
    zone = check_zone(_values_of_run(config, runtime).get("time_zone"), "time_zone") or time_zone
    if zone is None and now is None:
        return None
    return in_zone(datetime.now(UTC) if now is None else moments.aware(now(), "now"), zone)


def current_runtime() -> Runtime[Any] | None:
    """The runtime of the LangGraph run that this is called in; None outside of one."""
    try:
        return cast("Runtime[Any] | None", get_runtime())
    except (RuntimeError, KeyError):
        return None


def thread_if_any(config: RunnableConfig) -> str | None:
    """The run's thread, if it has one.

    Raises:
        InvalidInputError: it is no id.
    """
    thread = configurable_in(config).get("thread_id")
    return None if thread is None else validation.id_text(thread, "thread_id")


def thread_of(config: RunnableConfig, key: str = "thread_id") -> str:
    """The run's thread, which ``config["configurable"]`` has under ``key``.

    Raises:
        InvalidInputError: there is none, or it is no id.
    """
    thread = configurable_in(config).get(key)
    if thread is None:
        raise InvalidInputError(f"the run has no {key}; pass config={{'configurable': {{{key!r}: ...}}}}")
    return validation.id_text(thread, key)


def read_config(config: object) -> RunnableConfig:
    """The config of a run as LangChain completes it, where a caller passes one by hand.

    Raises:
        InvalidInputError: it is no config; the message names it.
    """
    if config is None:
        return ensure_config()
    entries = validation.plain_dict(config, "config")
    for name in _DICTS_OF_CONFIG & entries.keys():
        if entries[name] is not None:
            entries[name] = validation.plain_dict(entries[name], f"config[{name!r}]")
    return ensure_config(cast("RunnableConfig", entries))


def _values_of_run(config: RunnableConfig, runtime: Runtime[Any] | None) -> dict[str, object]:
    """What a run says of itself, as a new dict: its context comes before ``config["configurable"]``."""
    return configurable_in(config) | ({} if runtime is None else context_of(runtime))


def configurable_in(config: RunnableConfig) -> dict[str, object]:
    """``config["configurable"]``, a new dict: the one reading of it.

    Raises:
        InvalidInputError: it is no dict, or has a key that is no string.
    """
    configurable: object = config.get("configurable")
    return {} if configurable is None else validation.plain_dict(configurable, "config['configurable']")


def context_of(runtime: Runtime[Any]) -> dict[str, object]:
    """A run's context as a new dict, whatever it was declared as: the one reading of it.

    Raises:
        InvalidInputError: it has no fields, a key that is no string, or code of its own that fails.
    """
    context: object = runtime.context
    if context is None:
        return {}
    if issubclass(type(context), Mapping):
        return validation.plain_dict(context, "context")

    def read() -> dict[str, object]:
        # Not asdict(), which copies at all depths, and fails at what cannot be copied.
        is_record = is_dataclass(type(context))
        names = [field.name for field in fields(cast("Any", context))] if is_record else [*vars(context)]
        return {name: getattr(context, name) for name in names}

    values = validation.call_foreign(read, f"context is of type {type_name(context)}, without fields", _RECORD)
    return {name: value for name, value in values.items() if value is not None}
