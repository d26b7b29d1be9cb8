"""What nobody means well: values whose classes fail, lie or have no end, and those that only look right; each made anew by its name."""

import itertools
import math
from collections.abc import Callable, Iterator, Mapping
from datetime import datetime, timedelta, tzinfo
from decimal import Decimal
from typing import Any
from uuid import UUID

import numpy
from langchain_core.messages import HumanMessage

MARK = "zq7marker"
_LONG = f"What says much about a person, such as a diagnosis, a debt or an address, at length: {MARK}"
"""Longer than what an error may quote of a key or a choice, and marked behind that."""


class Raises:
    """Fails at everything that is asked of it."""

    def _fail(self, *_: object, **__: object) -> Any:
        raise RuntimeError(MARK)

    __repr__ = __str__ = __len__ = __iter__ = __bool__ = __hash__ = __eq__ = __format__ = __getitem__ = _fail  # type: ignore[assignment]
    __class__ = property(_fail)  # type: ignore[assignment]


class Agrees:
    """Equals everything, and is true."""

    def __eq__(self, other: object) -> bool:
        return True

    def __hash__(self) -> int:
        return 1

    def __repr__(self) -> str:
        return MARK * 1_000


class Text(str):
    """A text of a class of one's own, which lies."""

    __slots__ = ()

    def __eq__(self, other: object) -> bool:
        return True

    __hash__ = str.__hash__

    def __repr__(self) -> str:
        raise RuntimeError(MARK)


class Number(int):
    """A number that is as large as is wanted."""

    __slots__ = ()
    __lt__ = __gt__ = __le__ = __ge__ = lambda self, other: True  # type: ignore[assignment]


def _fail(*_: object, **__: object) -> Any:
    raise RuntimeError(MARK)


def _deriving(base: type, *names: str) -> type:
    """A class that is derived from one of Python's own, and whose methods fail."""
    return type(f"Failing{base.__name__.title()}", (base,), dict.fromkeys(names, _fail))


_QUESTIONS = (
    "__repr__",
    "__str__",
    "__eq__",
    "__hash__",
    "__len__",
    "__iter__",
    "__contains__",
    "__getitem__",
    "__bool__",
)
_NUMBER = (
    "__repr__",
    "__str__",
    "__eq__",
    "__hash__",
    "__lt__",
    "__gt__",
    "__le__",
    "__ge__",
    "__bool__",
    "__int__",
    "__float__",
)
_TEXT = ("strip", "encode", "find", "lower", "split", "replace", "startswith", "isascii")
FailingText = _deriving(str, *_QUESTIONS, *_TEXT)
FailingNumber = _deriving(int, *_NUMBER, "__index__", "__abs__")
FailingShare = _deriving(float, *_NUMBER)
FailingDict = _deriving(dict, *_QUESTIONS, "get", "items", "keys", "values", "copy")
FailingList = _deriving(list, *_QUESTIONS, "copy")
FailingTuple = _deriving(tuple, *_QUESTIONS)


class EndlessDict(dict[str, Any]):
    """Says that it is empty, and has no end."""

    def __len__(self) -> int:
        return 0

    def items(self) -> Any:
        return zip(map("k{}".format, itertools.count()), itertools.repeat(MARK), strict=False)

    def get(self, *_: object) -> Any:
        return Raises()


class EndlessList(list[str]):
    """Says that it is empty, and has no end."""

    def __len__(self) -> int:
        return 0

    def __iter__(self) -> Iterator[str]:
        return _endless()


class EndlessMapping(Mapping[str, Any]):
    """Has every key, and no last one."""

    def __getitem__(self, key: str) -> str:
        return MARK

    def __iter__(self) -> Iterator[str]:
        return map(str, itertools.count())

    def items(self) -> Any:
        # Mapping's own calls __getitem__ for each of a million keys.
        return zip(self, itertools.repeat(MARK), strict=False)

    def __len__(self) -> int:
        return 1


class EndlessIterator:
    """An iterator that is no generator."""

    def __iter__(self) -> Iterator[str]:
        return self

    def __next__(self) -> str:
        return MARK


class FailingMessage(HumanMessage):
    """A message whose own attributes fail."""

    def __getattribute__(self, name: str) -> Any:
        raise RuntimeError(MARK)


class Nowhere(tzinfo):
    """A time zone that fails."""

    def utcoffset(self, moment: datetime | None) -> timedelta:
        raise RuntimeError(MARK)


def _deep(depth: int) -> Any:
    value: Any = MARK
    for _ in range(depth):
        value = [value]
    return value


def _shared(depth: int) -> Any:
    """A small object whose JSON would have no end."""
    value: Any = [MARK]
    for _ in range(depth):
        value = [value, value]
    return value


def _endless() -> Iterator[str]:
    while True:
        yield MARK


_DEEP = _deep(100_000)
_CIRCLE: dict[str, Any] = {}
_CIRCLE[_LONG] = _CIRCLE

HOSTILE: dict[str, Callable[[], Any]] = {
    "None": lambda: None,
    "zero": lambda: 0,
    "one": lambda: 1,
    "minus one": lambda: -1,
    "a half": lambda: 1.5,
    "NaN": lambda: math.nan,
    "infinity": lambda: math.inf,
    "10**5000": lambda: 10**5000,
    "Decimal": lambda: Decimal(1),
    "text false": lambda: "false",
    "empty": lambda: "",
    "marked text": lambda: _LONG,
    "NUL": lambda: f"{_LONG}\x00",
    "lone surrogate": lambda: f"{_LONG}\ud800",
    "bytes": _LONG.encode,
    "list": lambda: [_LONG],
    "list of lists": lambda: [[_LONG]],
    "deep": lambda: _DEEP,
    "shared": lambda: _shared(60),
    "circle": lambda: _CIRCLE,
    "dict that is shared": lambda: {"a": _shared(60), "$or": [_shared(60)]},
    "dict of a marked key": lambda: {f"{_LONG} status": object()},
    "dict of NaN": lambda: {f"{_LONG} status": {_LONG: [math.nan]}},
    "dict of numbers": lambda: {1: 2},
    "object": object,
    "class": lambda: dict,
    "function": lambda: _deep,
    "generator without end": _endless,
    "fails at everything": Raises,
    "equals everything": Agrees,
    "text that lies": lambda: Text(_LONG),
    "number that lies": lambda: Number(10**15),
    "text that fails": lambda: FailingText("hello there"),
    "number that fails": lambda: FailingNumber(1),
    "share that fails": lambda: FailingShare(0.5),
    "dict that fails": lambda: FailingDict(a=_LONG),
    "dict without end": lambda: EndlessDict(a=_LONG),
    "mapping without end": EndlessMapping,
    "list that fails": lambda: FailingList([_LONG]),
    "list without end": lambda: EndlessList([_LONG]),
    "tuple that fails": lambda: FailingTuple(("memories", _LONG)),
    "iterator without end": EndlessIterator,
    "objects that fail": lambda: {"text": Raises(), "kind": [Raises()]},
    "message that holds itself": lambda: [HumanMessage(MARK, additional_kwargs=_CIRCLE)],
    "content that holds itself": lambda: {"role": "user", "content": _CIRCLE[_LONG]},
    "numpy": lambda: numpy.float64("nan"),
    "time zone that fails": lambda: datetime(2026, 1, 1, tzinfo=Nowhere()),
    "message without checks": lambda: [HumanMessage.model_construct(content=object(), type="human", name=[MARK])],
    "message that fails": lambda: [FailingMessage.model_construct(content=MARK, type="human")],
    "content without end": lambda: [HumanMessage.model_construct(content=EndlessIterator(), type="human")],
    "blocks without end": lambda: [HumanMessage.model_construct(content=EndlessList([MARK]), type="human")],
    "messages without end": lambda: [EndlessIterator()],
    "mapping of a message without end": lambda: [EndlessMapping()],
    "pair without end": lambda: [("user", EndlessIterator())],
    "block without end": lambda: [{"role": "user", "content": [EndlessMapping()]}],
    "calls without end": lambda: [{"role": "assistant", "content": MARK, "tool_calls": EndlessList([MARK])}],
    "dict that is no message": lambda: [{_LONG: _shared(60)}],
    "naive datetime": lambda: datetime(2026, 1, 1),  # noqa: DTZ001
    "timedelta": lambda: timedelta(days=-1),
    "UUID": lambda: UUID(int=1),
    "messages": lambda: [HumanMessage(f"{MARK} hello")],
}
"""Made anew for each call, as a generator can be used up; but for what takes long to make."""
WITHOUT_JSON = frozenset(
    {
        "shared",
        "dict that is shared",
        "dict that is no message",
        "text that lies",
        "text that fails",
        "dict without end",
        "list without end",
        "calls without end",
    }
)
"""Those whose JSON would have no end, or fails as it is made."""
