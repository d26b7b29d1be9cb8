"""LangGraph nodes: ``START -> load_memory -> model -> extract_memory -> END``."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NotRequired, cast

from langchain_core.messages import AnyMessage, SystemMessage
from langchain_core.runnables import Runnable, RunnableConfig, RunnableLambda
from langgraph.graph import MessagesState

from langchain_persistmem.conversation_run import (
    OnError,
    going_on,
    in_state,
    messages_in,
    newly_off,
    on_the_record,
    question_of,
    taken_off,
)
from langchain_persistmem.identity import current_runtime, off_the_record, thread_of, whose_memory
from langchain_persistmem.namespace import Namespace
from langchain_persistmem.persistmem import PersistMem
from langchain_persistmem.types import Context, Kind

State = Mapping[str, Any]
Update = dict[str, Any]
Node = Runnable[Any, Any]

logger = logging.getLogger(__name__)


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
    ``config["configurable"]``; nobody else, ever. In a run with ``off_the_record`` (in the same places)
    nothing is read, and the messages are marked, so that no later run learns from them.

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
        question = question_of(messages_in(state, messages_key))
        return whose_memory(memory.namespace, config, current_runtime()), question.text if question else ""

    def update(context: Context | None = None) -> Update:
        return {state_key: context.text if context else "", "memory_keys": list(context.keys) if context else []}

    def load(state: State, config: RunnableConfig) -> Update:
        if off_the_record(config, current_runtime()):
            return {**update(), **_marked(state, messages_key)}
        namespace, query = asked(state, config)
        with going_on(logger, "load_memory", on_error):
            if query:
                return update(memory.context(query, max_tokens=max_tokens, kinds=kinds, namespace=namespace))
        return update()

    async def aload(state: State, config: RunnableConfig) -> Update:
        if off_the_record(config, current_runtime()):
            return {**update(), **_marked(state, messages_key)}
        namespace, query = asked(state, config)
        with going_on(logger, "load_memory", on_error):
            if query:
                return update(await memory.acontext(query, max_tokens=max_tokens, kinds=kinds, namespace=namespace))
        return update()

    return _node("load_memory", load, aload)


def extract_memory(memory: PersistMem, *, messages_key: str = "messages", on_error: OnError = "continue") -> Node:
    """A node that stores the thread's new turns and learns from them; put it after the model.

    The turns are stored before anything is learnt, so a failing model loses none: the next run
    on the thread learns from them. What was said off the record (see :func:`load_memory`), and what was
    answered to it, is neither stored nor learnt from, in this run or a later one.

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

    def extract(state: State, config: RunnableConfig) -> Update | None:
        if off_the_record(config, current_runtime()):
            return _marked(state, messages_key) or None
        namespace, thread = asked(state, config)
        messages = on_the_record(messages_in(state, messages_key))
        with going_on(logger, "extract_memory", on_error):
            memory.observe(messages, thread_id=thread, used=_used(state), namespace=namespace)
        return None

    async def aextract(state: State, config: RunnableConfig) -> Update | None:
        if off_the_record(config, current_runtime()):
            return _marked(state, messages_key) or None
        namespace, thread = asked(state, config)
        messages = on_the_record(messages_in(state, messages_key))
        with going_on(logger, "extract_memory", on_error):
            await memory.aobserve(messages, thread_id=thread, used=_used(state), namespace=namespace)
        return None

    return _node("extract_memory", extract, aextract)


def prompt_with_memory(identity: str, state: State, *, messages_key: str = "messages") -> list[AnyMessage]:
    """The messages for the model: the identity prompt, then what is remembered, then the conversation.

    The identity prompt never changes because of memory, so a provider's prompt cache keeps it.
    Nothing of this enters the state.
    """
    remembered = in_state(state, "memory_context")
    parts = [SystemMessage(identity)] + ([SystemMessage(remembered)] if remembered else [])
    return [*parts, *cast("list[AnyMessage]", messages_in(state, messages_key))]


def _node(name: str, call: Callable[..., Any], acall: Callable[..., Any]) -> Node:
    return cast("Node", RunnableLambda(call, acall, name=name))


def _marked(state: State, key: str) -> Update:
    """The whole list, which a state without LangGraph's ``add_messages`` needs, and that one takes too."""
    messages = messages_in(state, key)
    return {key: taken_off(messages)} if newly_off(messages) else {}


def _used(state: State) -> list[str]:
    return list(in_state(state, "memory_keys") or [])
