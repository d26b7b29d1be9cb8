"""Values as errors show them: short, without content, and without running any code of the value's own."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeGuard, TypeVar, cast

T = TypeVar("T")

MOST = 80
"""Characters that an error shows of a value, or of a path to one."""

_LONGEST_TEXT = 40
"""A longer string is described by its length: it may be the text of a memory that was passed in the wrong place."""
_LONGEST_INTEGER = 128  # bits
_TYPE_NAME = type.__dict__["__name__"]  # C's own getter: a metaclass may have another that fails


def represent(value: object) -> str:
    """Represent a value in at most 80 characters: a short plain one as it is, any other by its type.

    Neither ``repr()`` nor ``len()`` of the value is called: a deep or huge value takes no longer than a small one, and
    an error in its methods cannot hide ours.
    """
    kind = type(value)
    # By the very type: even the question what a value is may be answered by code of its own.
    if value is None or kind in (bool, float):
        return repr(value)
    if kind is int:
        bits = cast("int", value).bit_length()
        return repr(value) if bits <= _LONGEST_INTEGER else f"a whole number of {bits:,} bits"
    if kind is str:
        return _represent_text(cast("str", value))
    return f"of type {type_name(value)}"


def quote(name: str) -> str:
    """Quote a key, an id or another name that a program has chosen, cut to 80 characters."""
    return cut(repr(name[:MOST]))


def is_a(value: object, kind: type[T]) -> TypeGuard[T]:
    """Tell if a value is of a type, by its own type alone: what it says about itself is code that may fail, or lie."""
    return issubclass(type(value), kind)


def plain(value: object) -> Any:
    """Return a value of Python's own types for one of a class derived from them: its methods may fail, or lie.

    Elements of a list and a tuple are treated alike, and no deeper; any other value is returned as it is. The whole of a
    value, at all depths, is made plain by :func:`~langchain_persistmem.types.validation.plain_json`.
    """
    kind = type(value)
    if kind in _OWN_TYPES:
        return value
    for base, copy in _COPIES.items():
        if kind is not base and issubclass(kind, base):
            value = copy(value)
    if issubclass(kind, (list, tuple)):
        items = cast("Sequence[object]", value)
        if any(issubclass(type(item), _SCALARS) and type(item) not in _OWN_TYPES for item in items):
            plain_items = [plain(item) for item in items]
            return plain_items if issubclass(kind, list) else tuple(plain_items)
    return value


def _copy_list(value: list[object]) -> list[object]:
    return [*list[object].__iter__(value)]


def _copy_tuple(value: tuple[object, ...]) -> tuple[object, ...]:
    return (*tuple[object, ...].__iter__(value),)


def _copy_dict(value: dict[object, object]) -> dict[object, object]:
    return dict(dict[object, object].items(value))


def _copy_set(value: set[object]) -> set[object]:
    return {*set[object].__iter__(value)}


def _copy_frozenset(value: frozenset[object]) -> frozenset[object]:
    return frozenset(frozenset[object].__iter__(value))


_SCALARS = (str, int, float)
_OWN_TYPES = frozenset({type(None), bool, dict, *_SCALARS})
_COPIES: Mapping[type[Any], Callable[[Any], Any]] = {
    # C's own methods, which no derived class can replace
    str: str.__str__,
    int: int.__int__,
    float: float.__float__,
    list: _copy_list,
    tuple: _copy_tuple,
    dict: _copy_dict,
    set: _copy_set,
    frozenset: _copy_frozenset,
    bytes: lambda value: memoryview(value).tobytes(),
}


def type_name(value: object) -> str:
    """Return the name of a value's type, cut to 40 characters."""
    name: str = _TYPE_NAME.__get__(type(value))
    return name[:_LONGEST_TEXT]


def path_of(where: str, position: int) -> str:
    """Extend a path by an entry of a dict, which is named by its position: its name is the user's, and may be content."""
    return cut(f"{where}.<key {position + 1}>")


def cut(path: str) -> str:
    """Cut a path to 80 characters."""
    return path if len(path) <= MOST else f"{path[: MOST - 3]}..."


def _represent_text(text: str) -> str:
    literal = repr(text) if len(text) <= _LONGEST_TEXT else ""
    # Escapes can make a short text long: then, too, its length says enough.
    return literal if literal and len(literal) <= MOST else f"a string of {len(text):,} characters"
