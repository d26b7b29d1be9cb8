"""The actor of the audit log: named by the application, or else by the part of this package that acts."""

from collections.abc import Generator
from contextlib import contextmanager
from contextvars import ContextVar

from langchain_persistmem.types import validation
from langchain_persistmem.types.argument_checks import check_arguments

APPLICATION = "application"
"""The actor if the application names none."""

_LONGEST = 200
_actor: ContextVar[str | None] = ContextVar("persistmem_actor", default=None)
_part: ContextVar[str] = ContextVar("persistmem_part", default=APPLICATION)


@check_arguments()
@contextmanager
def acting_as(actor: str) -> Generator[None]:
    """Name the actor for the audit log; used in a ``with`` statement.

    It holds for the thread or the asyncio task and what these start with their context: tasks, ``asyncio.to_thread``,
    LangChain's and LangGraph's own threads. The inner of two blocks counts. The name is stored as it is: give an id
    of your own rather than a person's name.

    Raises:
        InvalidInputError: ``actor`` is empty, longer than 200 characters, or cannot be stored.
    """
    token = _actor.set(validation.check_text(actor, "actor", at_most=_LONGEST))
    try:
        yield
    finally:
        _actor.reset(token)


@contextmanager
def part(name: str) -> Generator[None]:
    """Name a part of this package as the actor of the block, unless the application has named one."""
    token = _part.set(name)
    try:
        yield
    finally:
        _part.reset(token)


def current_actor() -> str:
    """Return the actor of the present thread or task."""
    return _actor.get() or _part.get()
