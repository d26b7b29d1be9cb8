"""The messages of a run: where a state has them, and the user's question among them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple, cast

from langchain_core.messages import BaseMessage, HumanMessage, SystemMessage, convert_to_messages
from langchain_core.runnables.config import RunnableConfig

from langchain_persistmem.errors import ConfigurationError, InvalidInputError
from langchain_persistmem.runtime.messages import MAX_MESSAGES, by_middleware, check_size, has_end
from langchain_persistmem.runtime.run_identity import configurable_in
from langchain_persistmem.types import validation
from langchain_persistmem.types.representation import is_a, plain, quote, type_name

_LONGEST_QUERY = 2_000
"""Characters of the user's message that are searched with; embedding models read no further."""


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
    messages: object = plain(cast("object", state) if is_a(state, list) else in_state(state, key))
    if not is_a(messages, list):
        raise InvalidInputError(f"the state has no list of messages under {quote(key)}; pass messages_key=")
    return cast("list[BaseMessage]", messages)


def in_state(state: object, key: str) -> Any:
    """Return a value of the state, a mapping or an object with attributes; None where there is none.

    Raises:
        InvalidInputError: the state has code of its own that fails.
    """
    if is_a(state, dict):  # by C's own method: that of a derived class may fail, or lie
        return dict[object, Any].get(cast("dict[object, Any]", state), key)
    read = (lambda: cast("Any", state).get(key)) if is_a(state, Mapping) else (lambda: getattr(state, key, None))
    return validation.call_foreign(read, f"the state cannot be read at {quote(key)}", "pass a dict")


def keys_in(state: object) -> list[str]:
    """Return the keys of memories that :func:`load_memory` has written into a state.

    Raises:
        InvalidInputError: they are no list of keys.
    """
    keys: object = in_state(state, "memory_keys")
    return [] if keys is None else validation.names(keys, "memory_keys")


def dict_in(state: object, key: str) -> dict[str, Any] | None:
    """Return a dict that memory has written into a state; None where there is none.

    Raises:
        InvalidInputError: it is something else.
    """
    value: object = in_state(state, key)
    return None if value is None else validation.plain_dict(value, key)


def window_of(messages: Sequence[BaseMessage]) -> list[BaseMessage]:
    """Return the latest messages without those that hold themselves: no memory was learnt from them, and none is found in them."""
    return [message for message in validation.check_list(messages, "messages")[-MAX_MESSAGES:] if has_end(message)]


def latest_user_message(messages: Sequence[BaseMessage]) -> BaseMessage | None:
    """Return the user's latest message; None where there is none."""
    return next((message for message in reversed(messages) if is_user_message(message)), None)


def question_of(messages: Sequence[BaseMessage]) -> Question | None:
    """Find the user's latest message; None where there is none, or no text to search with."""
    for position in reversed(range(len(messages))):
        message = messages[position]
        if is_user_message(message):
            check_size(message, f"messages[{position}]")
            text, id = validation.call_foreign(
                lambda message=message: (str(message.text), message.id),
                f"messages[{position}] cannot be read",
                "pass a message of LangChain",
            )
            # What PostgreSQL cannot hold is taken out of the question, as out of the message when that is stored.
            text = text[:_LONGEST_QUERY].replace("\x00", " ").encode(errors="replace").decode().strip()
            return Question(id, text, position < len(messages) - 1) if text else None
    return None


def is_user_message(message: object) -> bool:
    """True for a message in the user's own words."""
    return is_a(message, HumanMessage) and not by_middleware(message)


def check_state_key(config: RunnableConfig, state_key: str, messages_key: str) -> None:
    """Refuse a graph whose state has the messages and lacks the key that is written: LangGraph would drop it in silence.

    Outside a graph there is nothing to check.

    Raises:
        ConfigurationError: the state has no such key.
    """
    read = configurable_in(config).get("__pregel_read")
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


def system_of(identity: str | Sequence[str | dict[str, Any]] | SystemMessage) -> SystemMessage:
    """Return the system message of a prompt: of a text, of content blocks, or the message itself.

    Raises:
        InvalidInputError: it is none of these.
    """
    if is_a(identity, SystemMessage):
        return identity
    if is_a(identity, str):
        return SystemMessage(plain(identity))
    if issubclass(type(identity), list | tuple):
        blocks: list[Any] = list(plain(identity))
        if all(type(block) in (str, dict) for block in blocks):
            return SystemMessage(blocks)
    raise InvalidInputError(
        f"identity is of type {type_name(identity)}; pass a text, content blocks, or a SystemMessage"
    )


def split_systems(messages: Sequence[object]) -> tuple[list[SystemMessage], Sequence[object]]:
    """Split off the system messages at the beginning of a conversation, in whatever form they are there."""
    count = next((position for position, message in enumerate(messages) if not _is_system(message)), len(messages))
    systems = validation.call_foreign(
        lambda: convert_to_messages(cast("Any", messages[:count])),
        "messages cannot be read",
        "pass messages of LangChain",
    )
    return cast("list[SystemMessage]", systems), messages[count:]


def _is_system(message: object) -> bool:
    if is_a(message, SystemMessage):
        return True
    value: Any = plain(message)
    names: list[object] = [*value[:1]] if issubclass(type(value), (list, tuple)) else []
    if issubclass(type(value), dict):
        names = [value.get("role"), value.get("type")]
    return any(type(name) is str and name == "system" for name in names)


def merge_systems(systems: Sequence[SystemMessage]) -> SystemMessage:
    """Make one system message of several, in their order; of texts it is a text."""
    merged, *following = [system for system in systems if system.content] or systems[:1]
    for system in following:
        if isinstance(system.content, str):
            merged = cast("SystemMessage", add_text(merged, system.content, first=False))
        else:
            before: Any = merged.content
            blocks = [{"type": "text", "text": before}] if isinstance(before, str) else before
            merged = merged.model_copy(update={"content": [*blocks, *system.content]})
    return merged


def add_text(message: BaseMessage, text: str, *, first: bool = True) -> BaseMessage:
    """Put ``text`` before or behind a message's own; a text stays a text, which is all that some models take."""
    content = message.content
    if isinstance(content, str):
        content_with_text: Any = "\n\n".join(part for part in ((text, content) if first else (content, text)) if part)
    else:
        block = {"type": "text", "text": f"{text}\n\n" if first else f"\n\n{text}"}
        content_with_text = [block, *content] if first else [*content, block]
    return message.model_copy(update={"content": content_with_text})
