"""Forks of the process: a connection belongs to the process that opened it, and an asyncio one to its event loop.

After a fork, parent and child would read from one socket, and each would get answers to the other's questions: rows of
other people, and no error. So the child never touches what it inherits:

- a connection that this package opened is cut off in the child; to use it there is an error;
- a blocking pool that this package opened begins anew (see :class:`~langchain_persistmem.postgres.connections.pools.ProcessPool`);
- what belongs to an event loop, or was opened by the application, is refused by :func:`check_owner`.

The reactions run in the child before anything else does, while it has a single thread.
"""

import asyncio
import os
import threading
from contextlib import suppress
from types import TracebackType
from typing import Any, NoReturn, Protocol, SupportsIndex
from weakref import WeakKeyDictionary, WeakSet

from langchain_persistmem.errors import OpenedElsewhereError


class ForkAware(Protocol):
    """Something that has to change in the child of a fork."""

    def begin_anew(self) -> None:
        """Let go of what belongs to the parent. Called in the child; nothing may be sent to the server."""


_fork_aware: WeakSet[Any] = WeakSet()
_loops: WeakKeyDictionary[Any, asyncio.AbstractEventLoop | None] = WeakKeyDictionary()
"""Connections and pools that :func:`check_owner` is asked for, and the loops that they belong to."""
_inherited: WeakSet[Any] = WeakSet()
"""Those of them that a parent process had open when it forked."""
_hooked = False


def react_to_forks(owner: ForkAware) -> None:
    """Have ``owner.begin_anew()`` called in every child of this process, for as long as ``owner`` exists."""
    _hook()
    _fork_aware.add(owner)


def note_owner(conn: object, loop: asyncio.AbstractEventLoop | None = None) -> None:
    """Note that ``conn``, a connection or a pool, belongs to this process, and to ``loop`` if it is asyncio's."""
    _hook()
    _loops[conn] = loop


def check_owner(conn: object) -> None:
    """Refuse a connection or a pool that was opened in another process, or on another event loop.

    Raises:
        OpenedElsewhereError: it was.
    """
    if _inherited and conn in _inherited:
        raise OpenedElsewhereError(
            f"this {type(conn).__name__} was opened by the parent process, and two processes on one socket read each "
            "other's rows; open it in each process, after the fork (in gunicorn's post_fork, celery's worker_process_init)"
        )
    loop = _loops.get(conn)
    if loop is not None and loop is not _running_loop():
        raise OpenedElsewhereError(
            f"this {type(conn).__name__} belongs to another event loop; open it on the loop that uses it, with "
            "`async with` inside the same asyncio.run(...)"
        )


def take_over(conn: object) -> None:
    """Note that ``conn`` began anew in this process."""
    _inherited.discard(conn)


def is_inherited(conn: object) -> bool:
    """Tell if a parent process had ``conn`` open when it forked."""
    return conn in _inherited


def cut_off(descriptor: int) -> None:
    """Close a socket in this process alone: without a farewell to the server, the parent's session goes on.

    Left open here, it would outlive the parent: the server would not see it die, nor free its locks.
    """
    with suppress(OSError):  # closed already
        os.close(descriptor)


class ProcessBound:
    """Something that cannot leave its process, by pickling, nor be there twice, by a deep copy.

    A shallow copy of what has it goes on sharing it; LangGraph makes one of a saver.
    """

    def __reduce_ex__(self, protocol: SupportsIndex) -> NoReturn:
        """Refuse both, for whatever holds it: memory, a store, a saver, a history or a retriever.

        Raises:
            OpenedElsewhereError: always.
        """
        raise OpenedElsewhereError(
            "connections can be neither pickled nor copied; open one in each process, and pass what it was opened with"
        )


class ProcessLock(ProcessBound):
    """A lock that is free in the child of a fork, though a thread of the parent's held it."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        react_to_forks(self)

    def begin_anew(self) -> None:
        """See :class:`ForkAware`."""
        self._lock = threading.Lock()

    def __enter__(self) -> None:
        self._lock.acquire()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._lock.release()


def _hook() -> None:
    global _hooked  # noqa: PLW0603 - nothing happens at import: the first owner asks for it
    if not _hooked and hasattr(os, "register_at_fork"):  # Windows has no fork
        _hooked = True
        os.register_at_fork(after_in_child=_begin_anew)


def _begin_anew() -> None:
    for conn in list(_loops):
        if not getattr(conn, "closed", False):
            _inherited.add(conn)
    for owner in list(_fork_aware):
        owner.begin_anew()


def _running_loop() -> asyncio.AbstractEventLoop | None:
    try:
        return asyncio.get_running_loop()
    except RuntimeError:
        return None
