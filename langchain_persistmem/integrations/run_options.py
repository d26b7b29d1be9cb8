"""What the front rooms share about one run: its question, what of it may be learnt, and what a failure does."""

from __future__ import annotations

import inspect
import logging
from collections.abc import Awaitable, Callable, Generator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from typing import Any, Literal, NamedTuple, cast

from langchain_core.messages import AIMessage, BaseMessage, HumanMessage, convert_to_messages
from langchain_core.runnables.config import ensure_config
from langgraph.runtime import Runtime

from langchain_persistmem.client.both import both, run
from langchain_persistmem.client.persistmem import PersistMem
from langchain_persistmem.errors import ConfigurationError, InvalidInputError, PersistMemError, UseAsyncMethodError
from langchain_persistmem.privacy import consent
from langchain_persistmem.recall.context import FORMS, Form
from langchain_persistmem.recall.query_expansion import EXPANDS, Expand
from langchain_persistmem.recall.recall import Check
from langchain_persistmem.runtime.messages import by_middleware, is_off_record
from langchain_persistmem.runtime.run_identity import off_the_record
from langchain_persistmem.types.actor import part
from langchain_persistmem.types.namespace import Namespace
from langchain_persistmem.types.records import OFF_RECORD, Kind

OnError = Literal["raise", "continue"]
MemoryAllowed = bool | Callable[[Any, Runtime[Any] | None], bool | Awaitable[bool]]
"""Whether a run may use memory: a constant, or a function of the run's state and runtime; it may be async."""

logger = logging.getLogger(__name__)

_LONGEST_QUERY = 2_000
"""Characters of the user's message that are searched with; embedding models read no further."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Wanted:
    """What a run's context is to look like: options of :meth:`PersistMem.context` that are the same on every run."""

    max_tokens: int | None
    kinds: Sequence[Kind] | None
    form: Form
    profile: bool
    expand: Expand | None
    check: Check

    def checked(self, memory: PersistMem) -> Mapping[str, Any]:
        """The options by name, if they can be; a run would go on without memory where they cannot.

        Raises:
            ConfigurationError: the message names the option.
        """
        if self.form not in FORMS:
            raise ConfigurationError(f"form is {self.form!r:.40}; use one of {', '.join(FORMS)}")
        if self.expand is not None and self.expand not in EXPANDS:
            raise ConfigurationError(f"expand is {self.expand!r:.40}; use 'rules', 'model' or None")
        if self.check not in ("threshold", "model"):
            raise ConfigurationError(f"check is {self.check!r:.40}; use 'threshold' or 'model'")
        if "model" in (self.expand, self.check) and memory.backend.model_name is None:
            raise ConfigurationError(
                "expand or check asks a chat model and there is none; open the memory with model=..."
            )
        return asdict(self)


class Question(NamedTuple):
    """The user's latest message."""

    message_id: str | None
    text: str
    answered: bool
    """Whether something stands behind it already: a call of a tool, or an answer."""


def messages_in(state: Any, key: str = "messages") -> list[BaseMessage]:
    """The messages of a state, whether that is a dict, a dataclass, a pydantic model, or the list itself.

    Raises:
        InvalidInputError: it has none.
    """
    found: object = cast("object", state) if isinstance(state, list) else in_state(state, key)
    if not isinstance(found, list):
        raise InvalidInputError(f"the state has no list of messages under {key!r}; pass messages_key=")
    return cast("list[BaseMessage]", found)


def in_state(state: Any, key: str) -> Any:
    """A value of the state, whatever that is; None where there is none."""
    return state.get(key) if hasattr(state, "get") else getattr(state, key, None)


def question_of(messages: Sequence[BaseMessage]) -> Question | None:
    """The user's latest message; None where there is none, or no text to search with."""
    for place in reversed(range(len(messages))):
        message = messages[place]
        if is_the_users(message):
            text = str(message.text)[:_LONGEST_QUERY].replace("\x00", " ").strip()
            return Question(message.id, text, place < len(messages) - 1) if text else None
    return None


def is_the_users(message: object) -> bool:
    """Whether these are the user's own words."""
    return isinstance(message, HumanMessage) and not by_middleware(message)


def taken_off(messages: Sequence[BaseMessage]) -> list[BaseMessage]:
    """All ``messages``, those of the user and the assistant marked as said off the record."""
    return [
        message.model_copy(update={"response_metadata": {**message.response_metadata, **OFF_RECORD}})
        if isinstance(message, (HumanMessage, AIMessage)) and not is_off_record(message)
        else message
        for message in convert_to_messages(messages)
    ]


def newly_off(messages: Sequence[BaseMessage]) -> list[BaseMessage]:
    """Of :func:`taken_off`, those that bear no mark yet: the update for a state that replaces messages by id."""
    return [
        after
        for before, after in zip(messages, taken_off(messages), strict=True)
        if is_off_record(after) and not is_off_record(before)
    ]


def joined(message: BaseMessage, text: str, *, first: bool = True) -> BaseMessage:
    """``message`` with ``text`` before or behind its own; a text stays a text, which is all that some models take."""
    content = message.content
    if isinstance(content, str):
        both: Any = "\n\n".join(part for part in ((text, content) if first else (content, text)) if part)
    else:
        block = {"type": "text", "text": f"{text}\n\n" if first else f"\n\n{text}"}
        both = [block, *content] if first else [*content, block]
    return message.model_copy(update={"content": both})


async def may_remember(
    gate: MemoryAllowed, state: Any, runtime: Any, *, asynchronous: bool, what: str, on_error: OnError = "continue"
) -> bool:
    """Whether a run may use memory: it is on the record, and ``memory_allowed`` says True.

    Where that fails, its failure is logged and nothing may be used, or, with ``on_error="raise"``, it is raised.

    Raises:
        ConfigurationError: it is async and the run is not, or it says neither True nor False.
        InvalidInputError: ``off_the_record`` is neither.
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


async def _may_recall(memory: PersistMem, thread_id: str | None, *, namespace: Namespace) -> bool:
    """True where memories may be put before a model: not while memory is paused, nor in a thread off the record.

    ``recall`` and ``context`` keep to that by themselves; this is for what reads memories or messages in other ways.
    """
    return await run(memory.backend, consent.may_recall, namespace, thread_id)


may_recall, amay_recall = both(_may_recall)


@contextmanager
def going_on(logger: logging.Logger, what: str, on_error: OnError) -> Generator[None]:
    """Memory must not take a conversation down: its failures are logged, and raised only where that was asked for.

    A blocking call on an object for asyncio is always raised: it would fail on every run. For the audit, ``what`` is at work.
    """
    try:
        with part(what):
            yield
    except PersistMemError as error:
        if on_error == "raise" or isinstance(error, UseAsyncMethodError):
            raise
        logger.warning("%s went on without memory: %s: %s", what, type(error).__name__, error)
