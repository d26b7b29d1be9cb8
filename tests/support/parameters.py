"""Every parameter of everything that is public, found by reflection, and what nobody means well, for each.

A new public function is found by itself: what it takes is read from its signature, and what is sensible for its other
parameters from :data:`SENSIBLE`, by name. A name that is not there fails the test that looks for it.
"""

import functools
import inspect
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import UUID

from langchain_core.messages import HumanMessage
from langgraph.checkpoint.base import empty_checkpoint
from langgraph.runtime import Runtime
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
    answer_commands,
    approximate_tokens,
    extract_memory,
    load_memory,
    memory_tools,
)
from tests.support.foreign_history import ForeignHistory
from tests.support.hostile_values import Raises
from tests.support.public_methods import public_methods

USER = "somebody"


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
            "parts": ["hello ", "there"],
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
    for name in ("add_messages", "add_user_message", "add_ai_message", "page"):
        method = getattr(PersistMemChatMessageHistory, name)
        found += _of(f"history.{name}", method, functools.partial(_call_history, name))
    for name in ("redact", "redact_parts", "find"):
        found += _of(f"Redaction.{name}", getattr(Redaction, name), functools.partial(_call_redaction, name))
    return found + [Parameter(*place, call, False, True, False) for place, call in _OF_A_RUN.items()]


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


def _call_history(name: str, memory: Any, positional: list[Any], given: dict[str, Any]) -> Any:
    return getattr(PersistMemChatMessageHistory(memory, "t", user_id=USER), name)(*positional, **given)


def _call_redaction(name: str, memory: Any, positional: list[Any], given: dict[str, Any]) -> Any:
    return getattr(Redaction(), name)(*positional, **given)


class _Detecting:
    """A detector that returns what it was made with."""

    def __init__(self, spans: Any) -> None:
        self.spans = spans

    def detect(self, text: str) -> Any:
        return self.spans


def _run_node(make: Callable[..., Any], place: str, memory: Any, value: Any) -> Any:
    """A node, in a run of which the state or the config has ``value`` at ``place``."""
    state: dict[str, Any] = {"messages": [HumanMessage("Remember that I sail", id="m")]}
    configurable: dict[str, Any] = {"user_id": USER, "thread_id": "t"}
    in_config = place in ("user_id", "thread_id", "time_zone")
    if in_config and type(value) is Raises:  # LangChain looks at it first
        return None
    (configurable if in_config else state)[place] = value
    return make(memory, on_error="raise").invoke(state, {"configurable": configurable})


def _run_middleware(place: str, memory: Any, value: Any) -> Any:
    state: dict[str, Any] = {"messages": [HumanMessage("Remember that I sail", id="m")]}
    context: Any = {"user_id": USER}
    if place == "context":
        context = value
    elif place.startswith("context."):
        context[place.removeprefix("context.")] = value
    else:
        state[place] = value
    middleware = PersistMemMiddleware(memory, commands=True, background=False, on_error="raise")
    middleware.before_agent(state, Runtime(context=context))
    return middleware.after_agent(state, Runtime(context=context))


_NODES: dict[Callable[..., Any], tuple[str, ...]] = {
    functools.partial(load_memory, once=True): ("messages", "memory_contexts", "user_id", "thread_id", "time_zone"),
    extract_memory: ("messages", "memory_keys", "user_id", "thread_id", "time_zone"),
    answer_commands: ("messages", "memory_question", "user_id", "thread_id"),
}
_OF_A_RUN: dict[tuple[str, str], Callable[[Any, Any], Any]] = {
    **{
        (f"node {getattr(make, 'func', make).__name__}", place): functools.partial(_run_node, make, place)
        for make, places in _NODES.items()
        for place in places
    },
    **{
        ("middleware", place): functools.partial(_run_middleware, place)
        for place in ("messages", "memory_question", "memory_run", "context", "context.user_id", "context.time_zone")
    },
    ("PersistMemRetriever.invoke", "config"): lambda memory, value: PersistMemRetriever(
        memory=memory, user_id=USER
    ).invoke("bees", value),
    ("conversations.backfill", "history.messages"): lambda memory, value: memory.conversations.backfill(
        ForeignHistory(value), thread_id="t", user_id=USER
    ),
    ("Redaction detector", "spans"): lambda memory, value: Redaction(detectors=[_Detecting(value)]).redact("Ada"),
}
"""What a state, a config, a context, another history and a detector bring, by the way in and the name."""
