"""LangGraph nodes: ``START -> load_memory -> model -> extract_memory -> END``."""

from __future__ import annotations

import logging
from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, Literal, NotRequired, cast

from langchain_core.messages import AnyMessage, BaseMessage, HumanMessage, SystemMessage
from langchain_core.runnables import Runnable, RunnableConfig, RunnableLambda
from langgraph.graph import MessagesState

from langchain_persistmem.errors import InvalidInput, PersistMemError
from langchain_persistmem.identity import current_runtime, thread_of, whose_memory
from langchain_persistmem.namespace import Namespace
from langchain_persistmem.persistmem import PersistMem
from langchain_persistmem.types import Context, Kind

OnError = Literal["raise", "continue"]
State = Mapping[str, Any]
Update = dict[str, Any]
Node = Runnable[Any, Any]

logger = logging.getLogger(__name__)

_LONGEST_QUERY = 2_000
"""Characters of the user's message that are searched with; embedding models read no further."""


class MemoryState(MessagesState):
    """LangGraph's ``MessagesState`` with the keys that :func:`load_memory` writes; any state with them will do."""

    memory_context: NotRequired[str]
    """What the model should know; refreshed on every run, empty when nothing is relevant."""
    memory_keys: NotRequired[list[str]]
    """The memories in it; :func:`extract_memory` counts their use. A state may leave this key out."""


def load_memory(
    memory: PersistMem,
    *,
    max_tokens: int | None = None,
    kinds: Sequence[Kind] | None = None,
    state_key: str = "memory_context",
    messages_key: str = "messages",
    on_error: OnError = "continue",
) -> Node:
    """A node that recalls what matters for the user's latest message and writes it under ``state_key``.

    Whose memory: the authenticated user, then ``user_id`` in the run's context, then in
    ``config["configurable"]``; nobody else, ever.

    Args:
        memory: an object of :meth:`PersistMem.open` or, for async graphs, :meth:`PersistMem.aopen`.
        max_tokens: the budget of the text; by default ``Settings.context_tokens``.
        kinds: only these kinds of memory.
        state_key: the key that is written; the message list never is.
        messages_key: where the state has its messages.
        on_error: ``"continue"`` logs a failure and goes on without memory; ``"raise"`` ends the run.

    Raises:
        NamespaceMissing: the run says nothing about its user; always raised, because it is a fault of the program.
    """

    def asked(state: State, config: RunnableConfig) -> tuple[Namespace, str]:
        return whose_memory(memory.namespace, config, current_runtime()), _latest(state, messages_key)

    def update(context: Context | None = None) -> Update:
        return {state_key: context.text if context else "", "memory_keys": list(context.keys) if context else []}

    def load(state: State, config: RunnableConfig) -> Update:
        namespace, query = asked(state, config)
        with _going_on("load_memory", on_error):
            if query:
                return update(memory.context(query, max_tokens=max_tokens, kinds=kinds, namespace=namespace))
        return update()

    async def aload(state: State, config: RunnableConfig) -> Update:
        namespace, query = asked(state, config)
        with _going_on("load_memory", on_error):
            if query:
                return update(await memory.acontext(query, max_tokens=max_tokens, kinds=kinds, namespace=namespace))
        return update()

    return _node("load_memory", load, aload)


def extract_memory(memory: PersistMem, *, messages_key: str = "messages", on_error: OnError = "continue") -> Node:
    """A node that stores the thread's new turns and learns from them; put it after the model.

    The turns are stored before anything is learnt, so a failing model loses none: the next run
    on the thread learns from them.

    Args:
        memory: an object of :meth:`PersistMem.open` or, for async graphs, :meth:`PersistMem.aopen`.
        messages_key: where the state has its messages.
        on_error: ``"continue"`` logs a failure and lets the run end well; ``"raise"`` does not.

    Raises:
        NamespaceMissing: the run says nothing about its user.
        InvalidInput: the run has no ``thread_id``.
    """

    def asked(state: State, config: RunnableConfig) -> tuple[Namespace, str]:
        return whose_memory(memory.namespace, config, current_runtime()), thread_of(config)

    def extract(state: State, config: RunnableConfig) -> None:
        namespace, thread = asked(state, config)
        with _going_on("extract_memory", on_error):
            memory.observe(_messages(state, messages_key), thread_id=thread, used=_used(state), namespace=namespace)

    async def aextract(state: State, config: RunnableConfig) -> None:
        namespace, thread = asked(state, config)
        with _going_on("extract_memory", on_error):
            await memory.aobserve(
                _messages(state, messages_key), thread_id=thread, used=_used(state), namespace=namespace
            )

    return _node("extract_memory", extract, aextract)


def prompt_with_memory(identity: str, state: State, *, messages_key: str = "messages") -> list[AnyMessage]:
    """The messages for the model: the identity prompt, then what is remembered, then the conversation.

    The identity prompt never changes because of memory, so a provider's prompt cache keeps it.
    Nothing of this enters the state.
    """
    remembered = _get(state, "memory_context")
    parts = [SystemMessage(identity)] + ([SystemMessage(remembered)] if remembered else [])
    return [*parts, *cast("list[AnyMessage]", _messages(state, messages_key))]


def _node(name: str, call: Callable[..., Any], acall: Callable[..., Any]) -> Node:
    return cast("Node", RunnableLambda(call, acall, name=name))


def _get(state: State, key: str) -> Any:
    """A value of the state, whether that is a dict, a dataclass or a pydantic model."""
    return state.get(key) if hasattr(state, "get") else getattr(state, key, None)


def _messages(state: State, key: str) -> list[BaseMessage]:
    found = _get(state, key)
    if not isinstance(found, list):
        raise InvalidInput(f"the state has no list of messages under {key!r}; pass messages_key=")
    return cast("list[BaseMessage]", found)


def _latest(state: State, key: str) -> str:
    """The text of the user's latest message; empty where there is none."""
    for message in reversed(_messages(state, key)):
        if isinstance(message, HumanMessage):
            return str(message.text)[:_LONGEST_QUERY].replace("\x00", " ").strip()
    return ""


def _used(state: State) -> list[str]:
    return list(_get(state, "memory_keys") or [])


@contextmanager
def _going_on(node: str, on_error: OnError) -> Generator[None]:
    """Memory must not take a conversation down: its failures are logged, and raised only where that was asked for."""
    try:
        yield
    except PersistMemError as error:
        if on_error == "raise":
            raise
        logger.warning("%s went on without memory: %s: %s", node, type(error).__name__, error)
