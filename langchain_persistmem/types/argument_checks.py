"""The one checker of arguments: what a public function takes is read from its annotations, and from nowhere else.

Only the shape is checked here, before anything is done: a switch is True or False, a count a whole number, a text a string.
The function itself checks the rest, such as ranges. Annotations that are more than a shape, such as a namespace, are
left to the function altogether.
"""

from __future__ import annotations

import collections.abc
import functools
import inspect
import sys
import types
import typing
from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, ParamSpec, TypeVar
from uuid import UUID

from pydantic import BaseModel

from langchain_persistmem.errors import InvalidInputError, PersistMemError
from langchain_persistmem.types.representation import cut, is_a, plain, represent, type_name
from langchain_persistmem.types.validation import check_list, plain_dict

P = ParamSpec("P")
T = TypeVar("T")

_LIST = 3  # choices from which they are listed

_SCALARS: Mapping[object, str] = {
    str: "a string",
    bytes: "bytes",
    datetime: "a datetime",
    timedelta: "a timedelta, such as timedelta(days=30)",
    Path: "a Path, such as Path('folder')",
    types.UnionType: "a union of classes",
}


@dataclass(frozen=True, slots=True)
class Shape:
    """The values that an annotation allows."""

    fits: Callable[[object], bool]
    words: str
    """The advice to a caller: ``pass ...``."""
    items: Shape | None = None
    """The shape of each element, where the value is a list or a tuple."""
    read: Callable[[object, str, type[PersistMemError]], Any] | None = None
    """Reading of a value whose methods may fail, lie or have no end, into one of Python's own types."""
    choice: bool = False
    """True for a choice of a few values, of which an error may show the wrong one; of others it has the type alone."""


_WITH_POSITION = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)


class Signature:
    """The shapes of a function's parameters, read from its annotations at the first call."""

    def __init__(self, function: Callable[..., Any], error: type[PersistMemError] = InvalidInputError) -> None:
        self._function = function
        self._error = error

    @functools.cached_property
    def signature(self) -> inspect.Signature:
        """The function's parameters."""
        return inspect.signature(self._function)

    @functools.cached_property
    def shapes(self) -> Mapping[str, Shape]:
        """The shapes by parameter; one that is more than a shape is not among them."""
        names = vars(sys.modules[self._function.__module__])
        shapes = {name: _shape_of_parameter(parameter, names) for name, parameter in self.signature.parameters.items()}
        return {name: shape for name, shape in shapes.items() if shape is not None}

    @functools.cached_property
    def _positions(self) -> tuple[str, ...]:
        """The names of all parameters, by their positions; none if one has no position of its own."""
        parameters = self.signature.parameters.values()
        has_positions = all(parameter.kind in _WITH_POSITION for parameter in parameters)
        return tuple(self.signature.parameters) if has_positions else ()

    def check(self, arguments: tuple[Any, ...], options: Mapping[str, Any]) -> tuple[tuple[Any, ...], dict[str, Any]]:
        """Check the arguments of a call, and return them as values of Python's own types.

        Raises:
            PersistMemError: one has another shape; of the type that was given, and the message names the parameter.
        """
        arguments, options = tuple(map(plain, arguments)), {name: plain(value) for name, value in options.items()}
        # Where each argument has its position nothing has to be bound, which takes longer than the checks.
        if self._positions and not options and len(arguments) == len(self._positions):
            return tuple(map(self._check, self._positions, arguments)), {}
        try:
            binding = self.signature.bind(*arguments, **options)
        except TypeError:  # the call itself raises it, under the name that the caller wrote
            return arguments, options
        for name, value in binding.arguments.items():
            binding.arguments[name] = self._check(name, value)
        return binding.args, binding.kwargs

    def _check(self, name: str, value: Any) -> Any:
        shape = self.shapes.get(name)
        return value if shape is None else check_shape(value, shape, name, self._error)


def check_arguments(
    error: type[PersistMemError] = InvalidInputError,
) -> Callable[[Callable[P, T]], Callable[P, T]]:
    """Decorate a public function, so that its arguments are checked before anything else happens."""

    def decorate(function: Callable[P, T]) -> Callable[P, T]:
        signature = Signature(function, error)

        if inspect.iscoroutinefunction(function):  # what asks whether it is one gets the same answer

            @functools.wraps(function)
            async def awaited(*args: P.args, **kwargs: P.kwargs) -> Any:
                arguments, options = signature.check(args, kwargs)
                return await function(*arguments, **options)

            return typing.cast("Callable[P, T]", awaited)

        @functools.wraps(function)
        def wrapper(*args: P.args, **kwargs: P.kwargs) -> T:
            arguments, options = signature.check(args, kwargs)
            return function(*arguments, **options)

        return wrapper

    return decorate


def check_fields(record: object, error: type[PersistMemError]) -> None:
    """Check the fields of a dataclass, whose annotations say what they may be, and make them values of Python's own types.

    Raises:
        PersistMemError: one is something else; of the type ``error``, and the message names the class and the field.
    """
    kind: Any = type(record)
    for name, shape in _shapes_of_fields(kind).items():
        value = plain(getattr(record, name))
        if shape is not None:
            value = check_shape(value, shape, f"{kind.__name__}.{name}", error)
        object.__setattr__(record, name, value)  # the record is frozen, and being made


def check_shape(value: Any, shape: Shape, where: str, error: type[PersistMemError] = InvalidInputError) -> Any:
    """Check a value, and return it; what runs code of its own when it is read is read here, once.

    Raises:
        PersistMemError: it has another shape; of the type ``error``, and the message names ``where`` and the fix.
    """
    if not shape.fits(value):
        if shape.choice:
            raise error(f"{where} is {represent(value)}; use {shape.words}")
        raise error(f"{where} is of type {type_name(value)}; pass {shape.words}")
    if shape.read is not None:
        value = shape.read(value, where, error)
    if shape.items is not None and (is_a(value, list) or is_a(value, tuple)):
        for index, item in enumerate(typing.cast("list[object]", value)):
            if shape.items.choice and not shape.items.fits(item):
                raise error(f"{where} has {represent(item)}; use {shape.items.words}")
            check_shape(item, shape.items, cut(f"{where}[{index}]"), error)
    return typing.cast("Any", value)


def shape_of(annotation: object, names: Mapping[str, Any]) -> Shape | None:
    """Read the shape of an annotation; None where it is more than a shape, or cannot be read while the program runs.

    Args:
        annotation: of a parameter or a field; a text is evaluated.
        names: the module that it stands in.
    """
    if isinstance(annotation, str):
        holder = types.SimpleNamespace(__annotations__={"it": annotation})
        try:
            annotation = typing.get_type_hints(holder, dict(names))["it"]
        except NameError:  # a name for type checkers only
            return None
    if annotation in _PLAIN:
        return _PLAIN[annotation]
    origin, inner = typing.get_origin(annotation), typing.get_args(annotation)
    if origin is typing.Literal:
        return _shape_of_choice(inner)
    if origin in (typing.Union, types.UnionType):
        return _shape_of_union([shape_of(member, names) for member in inner])
    kind = origin or annotation
    if kind in _SEQUENCES:
        return Shape(_is_list, "a list", shape_of(inner[0], names) if inner else None, _read_list)
    if kind in _OTHERS:
        return _OTHERS[kind]
    return _shape_of_class(annotation) if origin is None and isinstance(annotation, type) else None


def _shape_of_parameter(parameter: inspect.Parameter, names: Mapping[str, Any]) -> Shape | None:
    shape = None if parameter.kind is parameter.VAR_KEYWORD else shape_of(parameter.annotation, names)
    # ``*versions`` arrives as one tuple, of which the annotation describes an element.
    return Shape(_is_list, "a list", shape, _read_list) if parameter.kind is parameter.VAR_POSITIONAL else shape


def _shape_of_choice(choices: tuple[object, ...]) -> Shape:
    # By the choice's own comparison: 1 is no True, and a value that says it equals everything is no choice.
    def fits(value: object) -> bool:
        return any(is_a(value, type(choice)) and type(choice).__eq__(choice, value) is True for choice in choices)

    words = [repr(choice) for choice in choices]
    return Shape(fits, " or ".join(words) if len(words) < _LIST else f"one of {', '.join(words)}", choice=True)


def _shape_of_union(shapes: list[Shape | None]) -> Shape | None:
    real_shapes = [shape for shape in shapes if shape is not None]
    if len(real_shapes) < len(shapes):
        return None
    words = [shape.words for shape in sorted(real_shapes, key=lambda shape: shape.words == "None")]
    lists = [shape.items for shape in real_shapes if shape.items is not None]
    readings = [shape.read for shape in real_shapes if shape.read is not None]

    def read(value: object, where: str, error: type[PersistMemError]) -> object:
        return functools.reduce(lambda value, reading: reading(value, where, error), readings, value)

    return Shape(
        lambda value: any(shape.fits(value) for shape in real_shapes),
        " or ".join(dict.fromkeys(words)),
        lists[0] if len(lists) == 1 else None,
        read if readings else None,
        choice=any(shape.choice for shape in real_shapes),
    )


def _shape_of_class(kind: type) -> Shape | None:
    if kind in (object, UUID) or getattr(kind, "_is_protocol", False) or typing.is_typeddict(kind):
        return None
    return Shape(lambda value: issubclass(type(value), kind), _SCALARS.get(kind, f"an object of {kind.__name__}"))


def _is_whole_number(value: object) -> bool:
    return is_a(value, int) and not is_a(value, bool)


def _is_list(value: object) -> bool:
    """True for what has elements; a string has letters, a dict names, and a record of pydantic fields."""
    kind = type(value)
    return issubclass(kind, collections.abc.Iterable) and not issubclass(
        kind, (str, bytes, bytearray, collections.abc.Mapping, BaseModel)
    )


def _read_list(value: object, where: str, error: type[PersistMemError]) -> object:
    """Read an iterator, or a sequence of another class, into a list; one of Python's own stays."""
    if not _is_list(value) or issubclass(type(value), (list, tuple, set, frozenset)):
        return value
    return check_list(value, where, error=error)


def _read_dict(value: object, where: str, error: type[PersistMemError]) -> object:
    return (
        plain_dict(typing.cast("object", value), where, error=error) if is_a(value, collections.abc.Mapping) else value
    )


_SEQUENCES = frozenset(
    {collections.abc.Sequence, collections.abc.Collection, collections.abc.Iterable, list, set, frozenset}
)
_DICT = Shape(lambda value: issubclass(type(value), collections.abc.Mapping), "a dict", read=_read_dict)
_OTHERS: Mapping[object, Shape] = {
    collections.abc.Mapping: _DICT,
    dict: _DICT,
    typing.cast("object", collections.abc.Callable): Shape(callable, "a function"),
    type: Shape(lambda value: issubclass(type(value), type), "a class"),
}
_PLAIN: Mapping[object, Shape | None] = {
    inspect.Parameter.empty: None,
    None: Shape(lambda value: value is None, "None"),
    types.NoneType: Shape(lambda value: value is None, "None"),
    bool: Shape(lambda value: value is True or value is False, "True or False"),
    int: Shape(_is_whole_number, "a whole number"),
    float: Shape(lambda value: _is_whole_number(value) or is_a(value, float), "a number"),
}


@functools.cache
def _shapes_of_fields(kind: type) -> Mapping[str, Shape | None]:
    names = vars(sys.modules[kind.__module__])
    return {field.name: shape_of(field.type, names) for field in fields(kind)}
