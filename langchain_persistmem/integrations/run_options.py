"""Options and facts of one run that the integrations share: its question, marks off the record, and failures."""

from __future__ import annotations

import inspect
import logging
from collections.abc import Awaitable, Callable, Generator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from datetime import datetime, tzinfo
from typing import Any, Literal, NamedTuple, cast

from langchain_core.messages import AIMessage, BaseMessage, HumanMessage, convert_to_messages
from langchain_core.runnables.config import RunnableConfig, ensure_config
from langgraph.runtime import Runtime

from langchain_persistmem.client.persistmem import PersistMem
from langchain_persistmem.client.sync_and_async import both, run
from langchain_persistmem.errors import ConfigurationError, InvalidInputError, PersistMemError, UseAsyncMethodError
from langchain_persistmem.privacy import consent
from langchain_persistmem.recall.context import Check
from langchain_persistmem.recall.context_parts.context_text import Form
from langchain_persistmem.recall.context_parts.standing import Standing
from langchain_persistmem.runtime.messages import by_middleware, is_off_record
from langchain_persistmem.runtime.run_identity import off_the_record
from langchain_persistmem.types import validation
from langchain_persistmem.types.actor import part
from langchain_persistmem.types.moments import check_zone
from langchain_persistmem.types.namespace import Namespace
from langchain_persistmem.types.recall_results import Expand
from langchain_persistmem.types.records import KINDS, OFF_RECORD, Kind
from langchain_persistmem.types.representation import is_a, quote, represent, type_name

OnError = Literal["raise", "continue"]
MemoryAllowed = bool | Callable[[Any, Runtime[Any] | None], bool | Awaitable[bool]]
"""Permission of a run to use memory: a constant, or a function of the run's state and runtime; it may be async."""

logger = logging.getLogger(__name__)

_LONGEST_QUERY = 2_000
"""Characters of the user's message that are searched with; embedding models read no further."""


@dataclass(frozen=True, kw_only=True, slots=True)
class ContextOptions:
    """Options of :meth:`PersistMem.context` that are the same on every run."""

    max_tokens: int | None
    kinds: Sequence[Kind] | None
    form: Form
    standing: Standing
    expand: Expand | None
    check: Check

    def resolve(self, memory: PersistMem) -> Mapping[str, Any]:
        """Check the options when a node is made, and return them by name: in a run, a wrong one would only be logged.

        Raises:
            ConfigurationError: the message names the option.
        """
        if self.max_tokens is not None and self.max_tokens < 1:
            raise ConfigurationError(f"max_tokens is {represent(self.max_tokens)}; pass a whole number from 1")
        if "model" in (self.expand, self.check) and memory.backend.model_name is None:
            raise ConfigurationError(
                "expand or check asks a chat model and there is none; open the memory with model=..."
            )
        kinds = None if self.kinds is None else validation.check_list(self.kinds, "kinds")
        unknown = [kind for kind in kinds or () if kind not in KINDS]
        if unknown:
            raise ConfigurationError(f"kinds has {represent(unknown[0])}; use any of {', '.join(KINDS)}")
        return {**asdict(replace(self, kinds=kinds))}


@dataclass(frozen=True, kw_only=True, slots=True)
class Clock:
    """The time by which a run's dates are read and written: a time zone, and a clock of the application's."""

    time_zone: tzinfo | str | None
    now: Callable[[], datetime] | None

    def resolve(self) -> Mapping[str, Any]:
        """Check the options when a node is made, and return them by name.

        Raises:
            ConfigurationError: the message names the option.
        """
        failure = ""
        try:
            zone = check_zone(self.time_zone, "time_zone")
        except InvalidInputError as error:
            failure = str(error)
        else:
            if self.now is None or callable(self.now):
                return {"time_zone": zone, "now": self.now}
            failure = (
                f"now is of type {type(self.now).__name__}; pass a function that returns the present as a datetime"
            )
        raise ConfigurationError(failure)


class Question(NamedTuple):
    """The user's latest message."""

    message_id: str | None
    text: str
    answered: bool
    """True where something follows it already: a call of a tool, or an answer."""


def messages_in(state: Any, key: str = "messages") -> list[BaseMessage]:
    """Return the messages of a state, whether that is a dict, a dataclass, a pydantic model, or the list itself.

    Raises:
        InvalidInputError: it has none.
    """
    messages: object = cast("object", state) if isinstance(state, list) else in_state(state, key)
    if not isinstance(messages, list):
        raise InvalidInputError(f"the state has no list of messages under {quote(key)}; pass messages_key=")
    return cast("list[BaseMessage]", messages)


def in_state(state: Any, key: str) -> Any:
    """Return a value of the state, of whatever type that is; None where there is none."""
    return state.get(key) if hasattr(state, "get") else getattr(state, key, None)


def latest_user_message(messages: Sequence[BaseMessage]) -> BaseMessage | None:
    """Return the user's latest message; None where there is none."""
    return next((message for message in reversed(messages) if is_user_message(message)), None)


def question_of(messages: Sequence[BaseMessage]) -> Question | None:
    """Find the user's latest message; None where there is none, or no text to search with."""
    for position in reversed(range(len(messages))):
        message = messages[position]
        if is_user_message(message):
            # What PostgreSQL cannot hold is taken out of the question, as out of the message when that is stored.
            text = str(message.text)[:_LONGEST_QUERY].replace("\x00", " ").encode(errors="replace").decode().strip()
            return Question(message.id, text, position < len(messages) - 1) if text else None
    return None


def is_user_message(message: object) -> bool:
    """True for a message in the user's own words."""
    return isinstance(message, HumanMessage) and not by_middleware(message)


def mark_off_record(messages: Sequence[BaseMessage]) -> list[BaseMessage]:
    """Return all ``messages``, those of the user and the assistant marked as off the record."""
    return [
        message.model_copy(update={"response_metadata": {**message.response_metadata, **OFF_RECORD}})
        if isinstance(message, (HumanMessage, AIMessage)) and not is_off_record(message)
        else message
        for message in convert_to_messages(messages)
    ]


def new_marks(messages: Sequence[BaseMessage]) -> list[BaseMessage]:
    """Return only the messages that :func:`mark_off_record` changes: the update for a state that replaces them by id."""
    return [
        after
        for before, after in zip(messages, mark_off_record(messages), strict=True)
        if is_off_record(after) and not is_off_record(before)
    ]


def check_state_key(config: RunnableConfig, state_key: str, messages_key: str) -> None:
    """Refuse a graph whose state has the messages and lacks the key that is written: LangGraph would drop it in silence.

    Outside a graph there is nothing to check.

    Raises:
        ConfigurationError: the state has no such key.
    """
    read = (config.get("configurable") or {}).get("__pregel_read")
    if not callable(read):
        return

    def has(key: str) -> bool:
        try:
            read([key])
        except KeyError:
            return False
        return True

    if has(messages_key) and not has(state_key):
        raise ConfigurationError(
            f"the graph's state has no key {state_key!r}, so that memory would never reach the model; use MemoryState, or add "
            f"`{state_key}: NotRequired[str]` to the state"
        )


def add_text(message: BaseMessage, text: str, *, first: bool = True) -> BaseMessage:
    """Put ``text`` before or behind a message's own; a text stays a text, which is all that some models take."""
    content = message.content
    if isinstance(content, str):
        content_with_text: Any = "\n\n".join(part for part in ((text, content) if first else (content, text)) if part)
    else:
        block = {"type": "text", "text": f"{text}\n\n" if first else f"\n\n{text}"}
        content_with_text = [block, *content] if first else [*content, block]
    return message.model_copy(update={"content": content_with_text})


async def may_remember(
    gate: MemoryAllowed, state: Any, runtime: Any, *, asynchronous: bool, action: str, on_error: OnError = "continue"
) -> bool:
    """True where a run may use memory: it is on the record, and ``memory_allowed`` returns True.

    If that function fails, the failure is logged and memory may not be used; with ``on_error="raise"`` it is raised.

    Raises:
        ConfigurationError: it is async and the run is not, or it says neither True nor False.
        InvalidInputError: ``off_the_record`` is neither.
    """
    if off_the_record(ensure_config(), runtime):
        return False
    try:
        answer: object = gate(state, runtime) if callable(gate) else gate
        if inspect.isawaitable(answer) and asynchronous:
            answer = await cast("Awaitable[object]", answer)
    except Exception as error:  # what the application's function raises is not known
        if on_error == "raise":
            raise
        logger.warning("%s: memory_allowed failed with %s: no memory", action, type(error).__name__)
        return False
    if inspect.iscoroutine(answer):
        answer.close()
        raise ConfigurationError("memory_allowed is async and this run is not; run it with ainvoke() or astream()")
    if not is_a(answer, bool):
        raise ConfigurationError(f"memory_allowed gave a {type_name(answer)}; let it return True or False")
    return answer


async def _may_recall(memory: PersistMem, thread_id: str | None, *, namespace: Namespace) -> bool:
    """True where memories may be put before a model: not while memory is paused, nor in a thread off the record.

    ``recall`` and ``context`` keep to that by themselves; this is for what reads memories or messages in other ways.
    """
    return await run(memory.backend, consent.may_recall, namespace, thread_id)


may_recall, amay_recall = both(_may_recall)


@contextmanager
def continue_without_memory(logger: logging.Logger, action: str, on_error: OnError) -> Generator[None]:
    """Log a failure of memory, so that it does not take a conversation down; raise it only with ``on_error="raise"``.

    A blocking call on an object for asyncio is always raised: it would fail on every run. ``action`` is the actor in
    the audit log.
    """
    try:
        with part(action):
            yield
    except PersistMemError as error:
        if on_error == "raise" or isinstance(error, UseAsyncMethodError):
            raise
        logger.warning("%s went on without memory: %s: %s", action, type(error).__name__, error)
