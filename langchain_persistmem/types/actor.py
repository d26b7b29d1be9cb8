"""Who is at work, for the audit: said by the application, and by our own parts where it says nothing."""

from collections.abc import Generator
from contextlib import contextmanager
from contextvars import ContextVar

from langchain_persistmem.types import validation

APPLICATION = "application"
"""The actor where nobody said who it is."""

_LONGEST = 200
_given: ContextVar[str | None] = ContextVar("persistmem_actor", default=None)
_part: ContextVar[str] = ContextVar("persistmem_part", default=APPLICATION)


@contextmanager
def acting_as(actor: str) -> Generator[None]:
    """Name who is at work, for the audit; used in a ``with`` statement.

    It holds for the thread or the asyncio task and what these start with their context: tasks, ``asyncio.to_thread``,
    LangChain's and LangGraph's own threads. The inner of two blocks counts. The name is stored as it is: give an id
    of your own rather than a person's name.

    Raises:
        InvalidInputError: ``actor`` is empty, longer than 200 characters, or cannot be stored.
    """
    token = _given.set(validation.required_text(actor, "actor", at_most=_LONGEST))
    try:
        yield
    finally:
        _given.reset(token)


@contextmanager
def part(name: str) -> Generator[None]:
    """Within the block, ``name`` is the actor unless the application has said who it is; for our own parts."""
    token = _part.set(name)
    try:
        yield
    finally:
        _part.reset(token)


def current_actor() -> str:
    """Who is at work here."""
    return _given.get() or _part.get()
