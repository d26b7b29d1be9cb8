"""Checks of the ids of checkpoints and writes: PostgreSQL and upstream's statements cannot hold all."""

from collections.abc import Mapping, Sequence
from typing import Any

from langchain_core.runnables import RunnableConfig as Config

from langchain_persistmem.errors import InvalidInputError
from langchain_persistmem.types import validation

Writes = Sequence[tuple[str, Any]]

_MOST_BYTES = 2_048


def check_ids(configurable: Mapping[str, Any]) -> None:
    """Refuse ids that PostgreSQL cannot hold, or that are too long for the keys of upstream's tables.

    Raises:
        InvalidInputError: the message names the id.
    """
    for name in ("thread_id", "checkpoint_ns", "checkpoint_id"):
        if configurable.get(name) is not None:
            storable_id(configurable[name], name)
    sizes = [len(str(configurable.get(name) or "").encode()) for name in ("thread_id", "checkpoint_ns")]
    if sizes[0] > validation.MAX_NAME_BYTES:
        raise InvalidInputError("thread_id is longer than 1,024 bytes; use a shorter one")
    if sum(sizes) > _MOST_BYTES:
        raise InvalidInputError(
            f"checkpoint_ns and thread_id take {sum(sizes):,} bytes, at most {_MOST_BYTES:,} are possible"
        )


def check_task(config: Config, writes: Writes, task_id: str, task_path: str) -> None:
    """Check the ids of a task's writes; see :func:`check_ids`.

    Raises:
        InvalidInputError: the message names the id, or the channel.
    """
    check_ids(config.get("configurable", {}))
    check_readable(task_id, "task_id")
    storable_id(task_path, "task_path")
    for channel, _ in writes:
        check_readable(channel, "the name of a channel")


def check_readable(name: str, where: str) -> None:
    """Refuse a name with a backslash: upstream's SELECT casts it to bytea, and fails for the whole thread."""
    if "\\" in storable_id(name, where):
        raise InvalidInputError(
            f"{where} has a backslash, with which LangGraph's savers cannot read it back; use another"
        )


def check_copy(source_thread_id: object, target_thread_id: object) -> tuple[str, str]:
    """Check the ids of a thread and of its copy; return them as text.

    Raises:
        InvalidInputError: one cannot be stored.
    """
    check_ids({"thread_id": target_thread_id})
    return storable_id(source_thread_id, "source_thread_id"), storable_id(target_thread_id, "target_thread_id")


def storable_id(id: object, name: str) -> str:
    """Return an id as text.

    Raises:
        InvalidInputError: PostgreSQL cannot hold it; the message names it.
    """
    return validation.storable(str(id), name)


def storable_ids(ids: Sequence[str], name: str) -> list[str]:
    """Return ids as a list of strings.

    Raises:
        TypeError: one string, which is a sequence of letters.
    """
    if isinstance(ids, str):
        raise TypeError(f"{name} is one string; pass a list of them")
    return [storable_id(id, f"{name}[{index}]") for index, id in enumerate(ids)]
