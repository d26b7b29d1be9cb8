"""Every parameter of everything that is public, found by reflection, and what nobody means well, for each.

A new public function is found by itself: what it takes is read from its signature, and what is sensible for its other
parameters from :data:`SENSIBLE`, by name. A name that is not there fails the test that looks for it.
"""

import functools
import inspect
import math
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta, tzinfo
from decimal import Decimal
from pathlib import Path
from typing import Any
from uuid import UUID

import numpy
from langchain_core.messages import HumanMessage
from langgraph.checkpoint.base import empty_checkpoint
from langgraph.store.base import GetOp, ListNamespacesOp, MatchCondition, PutOp, SearchOp

import langchain_persistmem
from langchain_persistmem import (
    LocalEmbeddings,
    PersistMem,
    PersistMemChatMessageHistory,
    PersistMemEnsembleRetriever,
    PersistMemMiddleware,
    PersistMemRetriever,
    PersistMemSessionRetriever,
    Ranking,
    Redaction,
    Retention,
    Settings,
    acting_as,
    approximate_tokens,
    memory_tools,
)
from tests.support.foreign_history import ForeignHistory
from tests.support.public_methods import public_methods

MARK = "zq7marker"
_LONG = f"What says much about a person, such as a diagnosis, a debt or an address, at length: {MARK}"
"""Longer than what an error may quote of a key or a choice, and marked behind that."""
USER = "somebody"


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
    "numpy": lambda: numpy.float64("nan"),
    "time zone that fails": lambda: datetime(2026, 1, 1, tzinfo=Nowhere()),
    "message without checks": lambda: [HumanMessage.model_construct(content=object(), type="human", name=[MARK])],
    "dict that is no message": lambda: [{_LONG: _shared(60)}],
    "naive datetime": lambda: datetime(2026, 1, 1),  # noqa: DTZ001
    "timedelta": lambda: timedelta(days=-1),
    "UUID": lambda: UUID(int=1),
    "messages": lambda: [HumanMessage(f"{MARK} hello")],
}
"""Made anew for each call, as a generator can be used up; but for what takes long to make."""
WITHOUT_JSON = frozenset(
    {"shared", "dict that is shared", "dict that is no message", "text that lies", "text that fails"}
)
"""Those whose JSON would have no end, or fails as it is made."""


@dataclass(frozen=True)
class Parameter:
    """One parameter of one way in."""

    entry_point: str
    name: str
    call: Callable[[Any, Any], Any]
    """Called with the memory and a value; None for what a signature requires stands for what is sensible."""
    switch: bool
    """True for a parameter that is True or False, or None where that is its default."""
    optional: bool
    text: bool


class Options:
    """What a parameter is given in a call that is about another one."""

    def __init__(self) -> None:
        self.folder = Path(tempfile.mkdtemp())
        self.database: str | None = None
        self.embeddings: Any = None

    def sensible(self, memory: Any) -> dict[str, Any]:
        """By name; the same for all entry points."""
        config = {"configurable": {"thread_id": "t", "checkpoint_ns": "", "checkpoint_id": str(UUID(int=7))}}
        return {
            "memory": memory,
            "text": "I keep bees",
            "query": "bees",
            "key": "known",
            "messages": [("user", "hello there")],
            "message": "hello there",
            "thread_id": "t",
            "session_id": "t",
            "consent": "allowed",
            "changes": {"name": "Ada"},
            "path": self.folder / "export.jsonl",
            "entries": [],
            "version": UUID(int=1),
            "history": ForeignHistory(messages=[HumanMessage("hello there")]),
            "identity": "You help.",
            "state": {"messages": [HumanMessage("hello there")]},
            "documents": [],
            "actor": "a program",
            "config": config,
            "checkpoint": empty_checkpoint(),
            "metadata": {},
            "new_versions": {},
            "writes": [("channel", 1)],
            "task_id": "a",
            "run_ids": ["r"],
            "thread_ids": ["other"],
            "source_thread_id": "none",
            "target_thread_id": "none either",
            "channels": ["a"],
            "namespace": ("memories", USER),
            "namespace_prefix": ("memories", USER),
            "value": {"text": "a"},
            "ops": [GetOp(("memories", USER), "known")],
            "input": "bees",
            "match_type": "prefix",
            "conninfo": self.database,
            "user_id": USER,
            "retriever": None,
        }


OPTIONS = Options()
SKIPPED = {"self", "cls", "_cls", "kwargs", "args", "progress"}


def parameters() -> list[Parameter]:
    """Every parameter of everything that is public."""
    found: list[Parameter] = []
    for name, method in public_methods().items():
        if name in ("open", "close", "setup"):
            continue
        found += _of(name, method, functools.partial(_call_method, name))
    for name, make in _FUNCTIONS.items():
        found += _of(name, make, functools.partial(_call_function, make))
    found += _of("PersistMem.open", PersistMem.open, _open)
    for kind in ("store", "checkpointer"):
        for name in _METHODS[kind]:
            method = getattr(_CLASSES[kind], name)
            found += _of(f"{kind}.{name}", method, functools.partial(_call_part, kind, name))
    for kind in (GetOp, PutOp, SearchOp, ListNamespacesOp, MatchCondition):
        found += _of(f"store.batch {kind.__name__}", kind.__new__, functools.partial(_batch, kind))
    for retriever in (PersistMemRetriever, PersistMemSessionRetriever, PersistMemEnsembleRetriever):
        for name in retriever.call_options:
            found.append(Parameter(f"{retriever.__name__}.invoke", name, _ask(retriever, name), False, True, False))
        found.append(Parameter(f"{retriever.__name__}.invoke", "input", _ask(retriever, None), False, False, True))
    return found


_FUNCTIONS: dict[str, Callable[..., Any]] = {
    name: getattr(langchain_persistmem, name)
    for name in langchain_persistmem.__all__
    if inspect.isfunction(getattr(langchain_persistmem, name)) and not name.startswith(("arun_", "aimport_"))
} | {
    "approximate_tokens": approximate_tokens,
    "acting_as": acting_as,
    "memory_tools": memory_tools,
    **{
        kind.__name__: kind
        for kind in (
            Settings,
            Ranking,
            Retention,
            Redaction,
            LocalEmbeddings,
            PersistMemMiddleware,
            PersistMemChatMessageHistory,
            PersistMemRetriever,
            PersistMemSessionRetriever,
        )
    },
}
_CLASSES: dict[str, type] = {
    "store": langchain_persistmem.PersistMemStore,
    "checkpointer": langchain_persistmem.PersistMemSaver,
}
_METHODS = {
    "store": ("get", "put", "search", "delete", "list_namespaces", "batch", "start_ttl_sweeper", "stop_ttl_sweeper"),
    "checkpointer": (
        "get_tuple", "list", "put", "put_writes", "delete_thread", "delete_for_runs", "copy_thread", "prune", "retain",
        "get_delta_channel_history", "setup",
    ),
}  # fmt: skip


def _of(entry_point: str, function: Callable[..., Any], call: Callable[..., Any]) -> list[Parameter]:
    found: list[Parameter] = []
    for name, parameter in inspect.signature(function).parameters.items():
        # A function of the caller's may raise what it likes.
        if (
            name in SKIPPED
            or "Callable" in str(parameter.annotation)
            or name == "count_tokens"
            or parameter.kind is parameter.VAR_KEYWORD
        ):
            continue
        annotation = str(parameter.annotation).removeprefix("<class '").removesuffix("'>")
        words = annotation.replace(" ", "").split("|")
        found.append(
            Parameter(
                entry_point,
                name,
                functools.partial(_with, call, function, name),
                switch=set(words) <= {"bool", "None"},
                optional="None" in words,
                text=bool({"str", "typing.Optional[str]"} & set(words)),
            )
        )
    return found


def _with(call: Callable[..., Any], function: Callable[..., Any], name: str, memory: Any, value: Any) -> Any:
    """Call with ``value`` for the parameter, and what is sensible for the others that have no default."""
    sensible, given = OPTIONS.sensible(memory), dict[str, Any]()
    positional: list[Any] = []
    for other, parameter in inspect.signature(function).parameters.items():
        if other in ("self", "cls", "_cls") or parameter.kind is parameter.VAR_KEYWORD:
            continue
        if parameter.kind is parameter.VAR_POSITIONAL:
            positional = [value] if other == name else []
        elif parameter.kind is parameter.POSITIONAL_ONLY:
            positional.append(value if other == name else sensible[other])
        elif other == name:
            given[other] = value
        elif parameter.default is parameter.empty:
            given[other] = sensible[other]
        elif other == "user_id" and name != "namespace":
            given[other] = USER
    return call(memory, positional, given)


def _call_method(name: str, memory: Any, positional: list[Any], given: dict[str, Any]) -> Any:
    method = functools.reduce(getattr, name.split("."), memory)
    given.pop("memory", None)
    return method(*positional, **given)


def _call_function(function: Callable[..., Any], memory: Any, positional: list[Any], given: dict[str, Any]) -> Any:
    first = [given.pop("memory")] if "memory" in given and not inspect.isclass(function) else []
    made = function(*first, *positional, **given)
    if function is acting_as:
        with made:
            return None
    return made


def _call_part(part: str, name: str, memory: Any, positional: list[Any], given: dict[str, Any]) -> Any:
    answer = getattr(getattr(memory, part), name)(*positional, **given)
    return list(answer) if inspect.isgenerator(answer) else answer


def _batch(kind: Any, memory: Any, positional: list[Any], given: dict[str, Any]) -> Any:
    """An operation of LangGraph's in a batch, where no method of its base class looks at it first."""
    if type(given.get("path")) is type(OPTIONS.folder):  # what is sensible for a file
        given["path"] = ("memories", USER)
    op = kind(*positional, **given)
    return memory.store.batch([ListNamespacesOp((op,)) if kind is MatchCondition else op])


def _open(memory: Any, positional: list[Any], given: dict[str, Any]) -> Any:
    given.pop("user_id", None)
    if given.get("conninfo") is None:  # else it would be a server of one's own
        given["conninfo"] = OPTIONS.database
    given.setdefault("embeddings", OPTIONS.embeddings)
    with PersistMem.open(*positional, **given):
        return None


def _ask(kind: Any, name: str | None) -> Callable[[Any, Any], Any]:
    def ask(memory: Any, value: Any) -> Any:
        whose = {"memory": memory, "user_id": USER}
        session = PersistMemSessionRetriever(**whose, thread_id="t")
        made: Any = {
            PersistMemRetriever: lambda: PersistMemRetriever(**whose),
            PersistMemSessionRetriever: lambda: session,
            PersistMemEnsembleRetriever: lambda: PersistMemEnsembleRetriever(
                memory=PersistMemRetriever(**whose), session=session
            ),
        }[kind]()
        return made.invoke(value) if name is None else made.invoke("bees", **{name: value})

    return ask
