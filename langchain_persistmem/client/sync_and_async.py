"""A method written once and served twice: ``x`` blocks, ``ax`` is awaited, with one signature and one docstring.

The body is an ``async def`` that awaits nothing but :func:`run` and :func:`call`. On a blocking backend both answer at
once, so that one step brings the body to its end, without a loop or a thread. Checks of arguments and whatever else must
happen once stand in the body: only the flow that :func:`run` is given is begun again after a lost connection.
"""

from __future__ import annotations

import asyncio
import functools
from collections.abc import Callable, Coroutine
from types import FunctionType, MethodType
from typing import Any, Concatenate, ParamSpec, Protocol, TypeVar, cast

from langchain_persistmem.errors import InvalidInputError, UseAsyncMethodError
from langchain_persistmem.runtime.backend import AsyncBackend, Backend, SyncBackend, finished
from langchain_persistmem.types.argument_checks import Signature
from langchain_persistmem.types.representation import type_name

_TWIN = "__persistmem_twin__"

P = ParamSpec("P")
T = TypeVar("T")


class HasBackend(Protocol):
    """The first argument of a body: a memory, one of its groups, or a store."""

    @property
    def backend(self) -> SyncBackend | AsyncBackend:
        """The database and the models."""
        ...


S = TypeVar("S", bound=HasBackend)

Blocking = Callable[Concatenate[S, P], T]
Awaitable = Callable[Concatenate[S, P], Coroutine[Any, Any, T]]


def both(body: Awaitable[S, P, T], *, group: str = "") -> tuple[Blocking[S, P, T], Awaitable[S, P, T]]:
    """Make the blocking and the awaitable function of an async body.

    In a class: ``recall, arecall = both(_recall)``.

    Opened with ``open()``, the first blocks and the second runs in a thread. Opened with ``aopen()``, the second is
    native and the first raises :class:`UseAsyncMethodError`. Signature and docstring are those of ``body``, whose name
    begins with an underscore; the shapes of the arguments are checked by it before anything is done. An error about
    arguments names what the caller has called; ``group`` is the attribute of a memory through which it is reached, where
    that is not the class of ``body`` in small letters.
    """
    name = body.__name__.lstrip("_")
    signature = Signature(body)
    once: Callable[..., Any] = _copy_under_name(body, name, group)
    awaited_once: Callable[..., Any] = _copy_under_name(body, f"a{name}", group)
    advice = f"await {_call_name(body, f'a{name}', group)}(...)"

    def blocking(memory: S, /, *args: P.args, **kwargs: P.kwargs) -> T:
        if isinstance(_backend_of(memory), AsyncBackend):
            raise UseAsyncMethodError(f"this object was opened with aopen() and cannot block; use: {advice}")
        (_, *arguments), options = signature.check((memory, *args), kwargs)
        return finished(once(memory, *arguments, **options))

    async def awaiting(memory: S, /, *args: P.args, **kwargs: P.kwargs) -> T:
        backend = _backend_of(memory)
        (_, *arguments), options = signature.check((memory, *args), kwargs)
        if isinstance(backend, SyncBackend):
            return await asyncio.to_thread(lambda: finished(awaited_once(memory, *arguments, **options)))
        return await awaited_once(memory, *arguments, **options)

    # Tools and nodes, which have one function of the two, find the other here.
    setattr(blocking, _TWIN, awaiting)
    return _dress(blocking, body, name), _dress(awaiting, body, f"a{name}")


async def run(
    backend: SyncBackend | AsyncBackend,
    flow: Callable[Concatenate[Backend, P], Coroutine[Any, Any, T]],
    *args: P.args,
    **kwargs: P.kwargs,
) -> T:
    """Run a flow of the engine to its end, from a body of :func:`both`."""
    if isinstance(backend, SyncBackend):
        return backend.run(flow, *args, **kwargs)
    return await backend.arun(flow, *args, **kwargs)


async def call(asynchronous: bool, function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    """Call a blocking function that :func:`both` made, such as ``memory.recall``, or await its twin, ``memory.arecall``.

    For code that serves ``invoke`` and ``ainvoke`` alike, whatever the memory was opened with.
    """
    if not asynchronous:
        return function(*args, **kwargs)
    twin: Callable[..., Coroutine[Any, Any, T]] = getattr(function, _TWIN)  # a bound method gives the bare function
    owner = (function.__self__,) if isinstance(function, MethodType) else ()
    return await twin(*owner, *args, **kwargs)


def _backend_of(memory: HasBackend) -> SyncBackend | AsyncBackend:
    """The backend of the first argument, which only a function, in contrast to a method, can be given wrongly."""
    backend = memory.backend if hasattr(type(memory), "backend") else None
    if isinstance(backend, (SyncBackend, AsyncBackend)):
        return backend
    raise InvalidInputError(f"memory is of type {type_name(memory)}; pass what PersistMem.open() or aopen() returned")


def _copy_under_name(body: Awaitable[S, P, T], name: str, group: str) -> Awaitable[S, P, T]:
    """A copy of ``body`` under the name that an error about its arguments is to show."""
    function = cast("FunctionType", body)
    copy = FunctionType(function.__code__, function.__globals__, name, function.__defaults__, function.__closure__)
    copy.__kwdefaults__ = function.__kwdefaults__
    copy.__qualname__ = _call_name(body, name, group, memory="PersistMem")
    return cast("Awaitable[S, P, T]", copy)


def _call_name(body: Callable[..., object], name: str, group: str, *, memory: str = "memory") -> str:
    """The name as a caller writes it: ``memory.recall``, ``memory.review.approve``, ``run_command``."""
    owner = body.__qualname__.rpartition(".")[0].rpartition(".")[2]
    if owner == "PersistMem":
        return f"{memory}.{name}"
    group = group or owner.lower()
    return f"memory.{group}.{name}" if group else name


def _dress(function: Callable[..., Any], body: Callable[..., Any], name: str) -> Any:
    """``function`` with the signature, docstring and module of ``body``, under its own public name."""
    functools.update_wrapper(function, body)
    function.__name__ = name
    function.__qualname__ = f"{body.__qualname__.rpartition('.')[0]}.{name}".lstrip(".")
    return function
