"""Checks of the ids of checkpoints and writes: PostgreSQL and upstream's statements cannot hold all."""

from collections.abc import Mapping, Sequence
from typing import Any, cast

from langchain_core.runnables import RunnableConfig as Config

from langchain_persistmem.errors import InvalidInputError
from langchain_persistmem.types import validation

Writes = Sequence[tuple[str, Any]]

_MOST_BYTES = 2_048
_PAIR = 2


class NamedId(str):
    """The id of a checkpoint that the caller named in the config, in contrast to the head of its thread.

    LangGraph passes the config of the checkpoint that it read to ``put``, as the parent. An id of this
    type means that the run began at a checkpoint of the caller's choice, and so may branch off behind
    the thread's head; any other run continues the head. It is equal to the plain string in every way.
    """

    __slots__ = ()

    def __eq__(self, other: object) -> bool:
        equal = super().__eq__(other)
        # another subclass of str decides for itself, as it would beside a plain string
        return equal if equal or type(other) in (str, NamedId) else NotImplemented

    def __ne__(self, other: object) -> bool:
        unequal = super().__ne__(other)
        return unequal if not unequal or type(other) in (str, NamedId) else NotImplemented

    __hash__ = str.__hash__


def check_ids(configurable: Mapping[str, Any]) -> None:
    """Refuse ids that PostgreSQL cannot hold, or that are too long for the keys of upstream's tables.

    Raises:
        InvalidInputError: the message names the id.
    """
    ids = {
        name: storable_id(configurable[name], name)
        for name in ("thread_id", "checkpoint_ns", "checkpoint_id")
        if configurable.get(name) is not None
    }
    sizes = [len(ids.get(name, "").encode()) for name in ("thread_id", "checkpoint_ns")]
    if sizes[0] > validation.MAX_NAME_BYTES:
        raise InvalidInputError("thread_id is longer than 1,024 bytes; use a shorter one")
    if sum(sizes) > _MOST_BYTES:
        raise InvalidInputError(
            f"checkpoint_ns and thread_id take {sum(sizes):,} bytes, at most {_MOST_BYTES:,} are possible"
        )


def check_task(config: Config, writes: Writes, task_id: str, task_path: str) -> Config:
    """Check the ids of a task's writes, and return the config with all that upstream's code reads; see :func:`ids_of`.

    Raises:
        InvalidInputError: the message names the id, or the channel.
    """
    ids = ids_of(config)
    if ids.get("checkpoint_id") is None:
        raise InvalidInputError("config has no checkpoint_id; pass the config that put() returned")
    check_readable(task_id, "task_id")
    storable_id(task_path, "task_path")
    for index, write in enumerate(validation.check_list(writes, "writes")):
        if not isinstance(write, (tuple, list)) or len(cast("Sequence[object]", write)) != _PAIR:
            raise InvalidInputError(f"writes[{index}] is no pair; pass the name of a channel and a value")
        check_readable(cast("Sequence[Any]", write)[0], "the name of a channel")
    return cast("Config", {**config, "configurable": ids})


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
    return validation.storable(validation.id_text(id, name), name)


def storable_ids(ids: Sequence[str], name: str) -> list[str]:
    """Return ids as a list of strings.

    Raises:
        InvalidInputError: they are no list, such as one string, which is a sequence of letters.
    """
    return [storable_id(id, f"{name}[{index}]") for index, id in enumerate(validation.check_list(ids, name))]


def ids_of(config: object, where: str = "config", *, thread: bool = True) -> Mapping[str, Any]:
    """Return the ids of a config, checked; ``checkpoint_ns`` is that of the root graph where it is None or missing.

    Args:
        config: LangGraph's ``RunnableConfig``.
        where: its name in the message.
        thread: False if the thread may be missing.

    Raises:
        InvalidInputError: it is no config, names no thread, or an id cannot be stored.
    """
    # By its own type, as an object may fail at the question which class it has.
    is_config = issubclass(type(config), Mapping)
    configurable = cast("Mapping[str, Any]", config).get("configurable", {}) if is_config else None
    if not issubclass(type(configurable), Mapping):
        raise InvalidInputError(f"{where} is no config; pass {{'configurable': {{'thread_id': ...}}}}")
    ids = cast("Mapping[str, Any]", configurable)
    if thread and ids.get("thread_id") is None:
        raise InvalidInputError(f"{where} has no thread_id; pass {{'configurable': {{'thread_id': ...}}}}")
    check_ids(ids)
    return {**ids, "checkpoint_ns": "" if ids.get("checkpoint_ns") is None else ids["checkpoint_ns"]}
