"""The ids by which LangGraph names checkpoints and writes, as far as PostgreSQL and upstream's statements can hold them."""

from collections.abc import Mapping, Sequence
from typing import Any

from langchain_core.runnables import RunnableConfig as Config

from langchain_persistmem.errors import InvalidInputError
from langchain_persistmem.types import validation

Writes = Sequence[tuple[str, Any]]

_MOST_BYTES = 2_048


def check_place(given: Mapping[str, Any]) -> None:
    """Refuse ids that PostgreSQL cannot hold, or that are too long for the keys of upstream's tables.

    Raises:
        InvalidInputError: the message names the id.
    """
    for name in ("thread_id", "checkpoint_ns", "checkpoint_id"):
        if given.get(name) is not None:
            storable_id(given[name], name)
    sizes = [len(str(given.get(name) or "").encode()) for name in ("thread_id", "checkpoint_ns")]
    if sizes[0] > validation.MAX_NAME_BYTES:
        raise InvalidInputError("thread_id is longer than 1,024 bytes; use a shorter one")
    if sum(sizes) > _MOST_BYTES:
        raise InvalidInputError(
            f"checkpoint_ns and thread_id take {sum(sizes):,} bytes, at most {_MOST_BYTES:,} are possible"
        )


def check_task(config: Config, writes: Writes, task_id: str, task_path: str) -> None:
    """:func:`check_place` for what a task wrote.

    Raises:
        InvalidInputError: the message names the id, or the channel.
    """
    check_place(config.get("configurable", {}))
    check_readable(task_id, "task_id")
    storable_id(task_path, "task_path")
    for channel, _ in writes:
        check_readable(channel, "the name of a channel")


def check_readable(given: str, where: str) -> None:
    """Refuse what upstream's SELECT, which casts it from text to bytea, cannot read, and the whole thread with it."""
    if "\\" in storable_id(given, where):
        raise InvalidInputError(
            f"{where} has a backslash, with which LangGraph's savers cannot read it back; use another"
        )


def copied(source_thread_id: object, target_thread_id: object) -> tuple[str, str]:
    """The ids of a thread and of its copy.

    Raises:
        InvalidInputError: one cannot be stored.
    """
    check_place({"thread_id": target_thread_id})
    return storable_id(source_thread_id, "source_thread_id"), storable_id(target_thread_id, "target_thread_id")


def storable_id(given: object, name: str) -> str:
    """An id as text.

    Raises:
        InvalidInputError: PostgreSQL cannot hold it; the message names it.
    """
    return validation.storable(str(given), name)


def ids(given: Sequence[str], name: str) -> list[str]:
    """Ids as a list of strings.

    Raises:
        TypeError: one string, which is a sequence of letters.
    """
    if isinstance(given, str):
        raise TypeError(f"{name} is one string; pass a list of them")
    return [storable_id(each, f"{name}[{index}]") for index, each in enumerate(given)]
