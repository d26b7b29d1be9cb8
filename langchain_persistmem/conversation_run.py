"""What the front rooms share about one run: its question, what of it may be learnt, and what a failure does."""

from __future__ import annotations

import inspect
import logging
from collections.abc import Awaitable, Callable, Generator, Sequence
from contextlib import contextmanager
from typing import Any, Literal, NamedTuple, cast

from langchain_core.messages import AIMessage, BaseMessage, HumanMessage, convert_to_messages
from langchain_core.runnables.config import ensure_config
from langgraph.runtime import Runtime

from langchain_persistmem.errors import ConfigurationError, InvalidInput, PersistMemError, UseAsyncMethod
from langchain_persistmem.identity import off_the_record

OnError = Literal["raise", "continue"]
MemoryAllowed = bool | Callable[[Any, Runtime[Any] | None], bool | Awaitable[bool]]
"""Whether a run may use memory: a constant, or a function of the run's state and runtime; it may be async."""

logger = logging.getLogger(__name__)

_LONGEST_QUERY = 2_000
"""Characters of the user's message that are searched with; embedding models read no further."""

_MARK = "persistmem"
_OFF = "off the record"
"""``message.response_metadata[_MARK] = _OFF``: no provider is sent that field, and it goes wherever the message goes."""


class Question(NamedTuple):
    """The user's latest message."""

    message_id: str | None
    text: str
    answered: bool
    """Whether something stands behind it already: a call of a tool, or an answer."""


def messages_in(state: Any, key: str = "messages") -> list[BaseMessage]:
    """The messages of a state, whether that is a dict, a dataclass, a pydantic model, or the list itself.

    Raises:
        InvalidInput: it has none.
    """
    found: object = cast("object", state) if isinstance(state, list) else in_state(state, key)
    if not isinstance(found, list):
        raise InvalidInput(f"the state has no list of messages under {key!r}; pass messages_key=")
    return cast("list[BaseMessage]", found)


def in_state(state: Any, key: str) -> Any:
    """A value of the state, whatever that is; None where there is none."""
    return state.get(key) if hasattr(state, "get") else getattr(state, key, None)


def question_of(messages: Sequence[BaseMessage]) -> Question | None:
    """The user's latest message; None where there is none, or no text to search with."""
    for place in reversed(range(len(messages))):
        message = messages[place]
        if isinstance(message, HumanMessage) and not _made_by_middleware(message):
            text = str(message.text)[:_LONGEST_QUERY].replace("\x00", " ").strip()
            return Question(message.id, text, place < len(messages) - 1) if text else None
    return None


def on_the_record(messages: Sequence[BaseMessage]) -> list[BaseMessage]:
    """The messages that may be learnt from.

    Left out are those that were said off the record, what was answered to them, and the summaries
    that LangChain's middleware writes in the user's name.
    """
    kept: list[BaseMessage] = []
    off = False
    for message in messages:
        if isinstance(message, HumanMessage) and not _made_by_middleware(message):
            off = _is_off(message)
        if not (off or _is_off(message) or _made_by_middleware(message)):
            kept.append(message)
    return kept


def taken_off(messages: Sequence[BaseMessage]) -> list[BaseMessage]:
    """All ``messages``, those of the user and the assistant marked as said off the record."""
    return [
        message.model_copy(update={"response_metadata": {**message.response_metadata, _MARK: _OFF}})
        if isinstance(message, (HumanMessage, AIMessage)) and not _is_off(message)
        else message
        for message in convert_to_messages(messages)
    ]


def newly_off(messages: Sequence[BaseMessage]) -> list[BaseMessage]:
    """Of :func:`taken_off`, those that bear no mark yet: the update for a state that replaces messages by id."""
    return [
        after
        for before, after in zip(messages, taken_off(messages), strict=True)
        if _is_off(after) and not _is_off(before)
    ]


async def may_remember(
    gate: MemoryAllowed, state: Any, runtime: Any, *, asynchronous: bool, what: str, on_error: OnError = "continue"
) -> bool:
    """Whether a run may use memory: it is on the record, and ``memory_allowed`` says True.

    Where that fails, its failure is logged and nothing may be used, or, with ``on_error="raise"``, it is raised.

    Raises:
        ConfigurationError: it is async and the run is not, or it says neither True nor False.
        InvalidInput: ``off_the_record`` is neither.
    """
    if off_the_record(ensure_config(), runtime):
        return False
    try:
        said: object = gate(state, runtime) if callable(gate) else gate
        if inspect.isawaitable(said) and asynchronous:
            said = await cast("Awaitable[object]", said)
    except Exception as error:  # what the application's function raises is not known
        if on_error == "raise":
            raise
        logger.warning("%s: memory_allowed failed with %s: no memory", what, type(error).__name__)
        return False
    if inspect.iscoroutine(said):
        said.close()
        raise ConfigurationError("memory_allowed is async and this run is not; run it with ainvoke() or astream()")
    if not isinstance(said, bool):
        raise ConfigurationError(f"memory_allowed gave a {type(said).__name__}; let it return True or False")
    return said


@contextmanager
def going_on(logger: logging.Logger, what: str, on_error: OnError) -> Generator[None]:
    """Memory must not take a conversation down: its failures are logged, and raised only where that was asked for.

    A blocking call on an object for asyncio is always raised: it would fail on every run.
    """
    try:
        yield
    except PersistMemError as error:
        if on_error == "raise" or isinstance(error, UseAsyncMethod):
            raise
        logger.warning("%s went on without memory: %s: %s", what, type(error).__name__, error)


def _is_off(message: object) -> bool:
    """Dicts, which a state without LangGraph's reducer may hold, bear no marks."""
    marks: object = getattr(message, "response_metadata", None)
    return isinstance(marks, dict) and cast("dict[str, object]", marks).get(_MARK) == _OFF


def _made_by_middleware(message: object) -> bool:
    """LangChain's SummarizationMiddleware puts its summary where the user's messages stood, as a message of the user."""
    kwargs: object = getattr(message, "additional_kwargs", None)
    return isinstance(kwargs, dict) and "lc_source" in kwargs
