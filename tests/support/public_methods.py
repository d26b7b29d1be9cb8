"""The public methods of PersistMem and of its groups, by the name that a caller writes: ``recall``, ``review.approve``."""

import functools
import inspect
from collections.abc import Callable
from typing import Any

from langchain_persistmem import Admin, Conversations, History, PersistMem, Privacy, Review

GROUPS: dict[str, type] = {
    "": PersistMem,
    "conversations": Conversations,
    "review": Review,
    "history": History,
    "privacy": Privacy,
    "admin": Admin,
}
SYNC_ONLY = {"namespace_of"}


def public_methods() -> dict[str, Callable[..., Any]]:
    """The blocking methods, as functions of their class."""
    methods: dict[str, Callable[..., Any]] = {}
    for group, kind in GROUPS.items():
        members = {
            name: member
            for name, member in inspect.getmembers(kind, callable)
            if not name.startswith("_") and name not in SYNC_ONLY
        }
        twins = {f"a{name}" for name in members}
        methods |= {f"{group}.{name}".strip("."): member for name, member in members.items() if name not in twins}
    return methods


def twin_name(name: str) -> str:
    """``review.aapprove`` for ``review.approve``."""
    group, _, method = name.rpartition(".")
    return f"{group}.a{method}".strip(".")


def get_path(target: Any, path: str) -> Any:
    """The attribute of an attribute: ``review.approve`` of a memory."""
    return functools.reduce(getattr, path.split("."), target)


def get_function(path: str) -> Any:
    """A method as a function of its class, by its dotted name."""
    group, _, method = path.rpartition(".")
    return getattr(GROUPS[group], method)
