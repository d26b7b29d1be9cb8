"""Checks of the ids of checkpoints and writes: PostgreSQL and upstream's statements cannot hold all."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, cast

from langchain_core.runnables import RunnableConfig as Config

from langchain_persistmem.errors import InvalidInputError
from langchain_persistmem.types import validation
from langchain_persistmem.types.representation import is_a, plain

Writes = Sequence[tuple[str, Any]]

_MOST_BYTES = 2_048
_PAIR = 2
_IDS = frozenset({"thread_id", "checkpoint_ns", "checkpoint_id"})


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
    ids = {name: storable_id(configurable[name], name) for name in _IDS if configurable.get(name) is not None}
    sizes = [len(ids.get(name, "").encode()) for name in ("thread_id", "checkpoint_ns")]
    if sizes[0] > validation.MAX_NAME_BYTES:
        raise InvalidInputError("thread_id is longer than 1,024 bytes; use a shorter one")
    if sum(sizes) > _MOST_BYTES:
        raise InvalidInputError(
            f"checkpoint_ns and thread_id take {sum(sizes):,} bytes, at most {_MOST_BYTES:,} are possible"
        )


@dataclass(frozen=True, slots=True)
class Task:
    """A task's writes, with the config of the checkpoint on which it ran, in Python's own types."""

    config: Config
    writes: Writes
    id: str
    path: str


def read_task(config: object, writes: object, task_id: object, task_path: object) -> Task:
    """Read the arguments of ``put_writes``; see :func:`read_config`.

    Raises:
        InvalidInputError: the message names the id, or the channel.
    """
    config = read_config(config)
    if ids_in(config).get("checkpoint_id") is None:
        raise InvalidInputError("config has no checkpoint_id; pass the config that put() returned")
    pairs: list[tuple[str, Any]] = []
    for index, write in enumerate(validation.check_list(writes, "writes")):
        elements = _elements(write)
        if len(elements) != _PAIR:
            raise InvalidInputError(f"writes[{index}] is no pair; pass the name of a channel and a value")
        pairs.append((readable_id(elements[0], "the name of a channel"), elements[1]))
    return Task(config, pairs, readable_id(task_id, "task_id"), storable_id(task_path, "task_path"))


def _elements(write: object) -> list[Any]:
    """The elements of a tuple or a list by C's own methods, and as they are: the value is the serializer's."""
    if is_a(write, tuple):
        return [*tuple[Any, ...].__iter__(cast("tuple[Any, ...]", write))]
    return [*list[Any].__iter__(cast("list[Any]", write))] if is_a(write, list) else []


def readable_id(name: object, where: str) -> str:
    """Return a name as text; one with a backslash is refused: upstream's SELECT casts it to bytea, and fails for the whole thread."""
    text = storable_id(name, where)
    if "\\" in text:
        raise InvalidInputError(
            f"{where} has a backslash, with which LangGraph's savers cannot read it back; use another"
        )
    return text


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


def ids_in(config: Config) -> Mapping[str, Any]:
    """Return the ids in a config that :func:`read_config` returned."""
    return config.get("configurable", {})


def read_config(config: object, where: str = "config", *, thread: bool = True, root: bool = True) -> Config:
    """Return a copy of a config in Python's own types, its ids checked: the one reading of it, for upstream's code too.

    Args:
        config: LangGraph's ``RunnableConfig``.
        where: its name in the message.
        thread: False if the thread may be missing.
        root: False if a missing ``checkpoint_ns`` does not stand for the root graph.

    Raises:
        InvalidInputError: it is no config, names no thread, or an id cannot be stored.
    """
    is_config = issubclass(type(config), Mapping)
    entries = validation.plain_dict(config, where) if is_config else {}
    configurable = entries.get("configurable", {})
    if not (is_config and issubclass(type(configurable), Mapping)):
        raise InvalidInputError(f"{where} is no config; pass {{'configurable': {{'thread_id': ...}}}}")
    ids = validation.plain_dict(configurable, f"{where}['configurable']")
    for name in _IDS & ids.keys():
        # By its very type: what the caller named is known by it.
        ids[name] = ids[name] if type(ids[name]) is NamedId else plain(ids[name])
    if thread and ids.get("thread_id") is None:
        raise InvalidInputError(f"{where} has no thread_id; pass {{'configurable': {{'thread_id': ...}}}}")
    check_ids(ids)
    if root and ids.get("checkpoint_ns") is None:
        ids["checkpoint_ns"] = ""
    if entries.get("metadata") is not None:
        entries["metadata"] = validation.plain_dict(entries["metadata"], f"{where}['metadata']")
    return cast("Config", {**entries, "configurable": ids})
