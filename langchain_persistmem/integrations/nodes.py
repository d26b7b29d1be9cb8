"""LangGraph nodes: ``START -> load_memory -> model -> extract_memory -> END``."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NotRequired, TypedDict, cast

from langchain_core.messages import AnyMessage, BaseMessage, SystemMessage
from langchain_core.runnables import Runnable, RunnableConfig, RunnableLambda
from langgraph.graph import MessagesState

from langchain_persistmem.client.both import call
from langchain_persistmem.client.persistmem import PersistMem
from langchain_persistmem.integrations.run_options import (
    OnError,
    Wanted,
    going_on,
    in_state,
    joined,
    messages_in,
    newly_off,
    question_of,
    taken_off,
)
from langchain_persistmem.recall.context import Form
from langchain_persistmem.recall.query_expansion import Expand
from langchain_persistmem.recall.recall import Check
from langchain_persistmem.runtime.backend import finished
from langchain_persistmem.runtime.run_identity import (
    current_runtime,
    off_the_record,
    thread_if_any,
    thread_of,
    whose_memory,
)
from langchain_persistmem.types.records import UNSTORED, Kind

State = Mapping[str, Any]
Update = dict[str, Any]
Node = Runnable[Any, Any]

logger = logging.getLogger(__name__)


class ShownContext(TypedDict):
    """A context that stays before the model: :func:`load_memory` with ``once=True``."""

    text: str
    marks: list[str]
    """Its memories in the wording that they had then."""


class MemoryState(MessagesState):
    """LangGraph's ``MessagesState`` with the keys that :func:`load_memory` writes; any state with them will do."""

    memory_context: NotRequired[str]
    """What the model should know; refreshed on every run, empty when nothing is relevant."""
    memory_keys: NotRequired[list[str]]
    """The memories in it; :func:`extract_memory` counts their use. A state may leave this key out."""
    memory_shown: NotRequired[dict[str, ShownContext]]
    """With ``once=True``: earlier contexts of this thread, by the id of the user's message that each belongs to."""


def load_memory(
    memory: PersistMem,
    *,
    max_tokens: int | None = None,
    kinds: Sequence[Kind] | None = None,
    form: Form = "sections",
    profile: bool = False,
    expand: Expand | None = None,
    check: Check = "threshold",
    once: bool = False,
    window: Callable[[list[BaseMessage]], Sequence[BaseMessage]] | None = None,
    state_key: str = "memory_context",
    messages_key: str = "messages",
    on_error: OnError = "continue",
) -> Node:
    """A node that recalls what matters for the user's latest message and writes it under ``state_key``.

    What stands in the thread's messages already, or was learnt from them, is left out. Whose memory: the
    authenticated user, then ``user_id`` in the run's context, then in ``config["configurable"]``; nobody else,
    ever. In a run with ``off_the_record`` (in the same places) nothing is read, and the messages are marked, so
    that no later run learns from them.

    Args:
        memory: an object of :meth:`PersistMem.open` or, for async graphs, :meth:`PersistMem.aopen`.
        max_tokens: the budget of the text; by default ``Settings.context_tokens``.
        kinds: only these kinds of memory.
        form: as for :meth:`PersistMem.context`; so are ``profile``, ``expand`` and ``check``.
        profile: begin with the user's profile.
        expand: ask further questions beside the user's message.
        check: who says what is relevant.
        once: show each memory once in a thread. Its contexts are kept in the state, under ``memory_shown``, where
            :func:`prompt_with_memory` puts each before the message that it belongs to, and are dropped with that.
        window: of the state's messages, those that the model is shown, where it is not shown all of them.
        state_key: the key that is written; the message list never is.
        messages_key: where the state has its messages.
        on_error: ``"continue"`` logs a failure and goes on without memory; ``"raise"`` ends the run.

    Raises:
        ConfigurationError: an option has no such value, or asks a chat model and the memory has none.
        NamespaceMissingError: the run says nothing about its user; always raised, because it is a fault of the program.
    """
    wanted = Wanted(max_tokens=max_tokens, kinds=kinds, form=form, profile=profile, expand=expand, check=check)
    options = wanted.checked(memory)

    async def load(asynchronous: bool, state: State, config: RunnableConfig) -> Update:
        nothing: Update = {state_key: "", "memory_keys": []}
        messages = messages_in(state, messages_key)
        if off_the_record(config, current_runtime()):
            return {**nothing, **({"memory_shown": {}} if once else {}), **_marked(messages, messages_key)}
        namespace, question = whose_memory(memory.namespace, config, current_runtime()), question_of(messages)
        seen = messages if window is None else window(messages)
        kept = _still_shown(state, seen, question.message_id if question else None) if once else {}
        if question is None:
            return nothing | ({"memory_shown": kept} if once else {})
        with going_on(logger, "load_memory", on_error):
            context = await call(
                asynchronous,
                memory.context,
                question.text,
                thread_id=thread_if_any(config),
                messages=seen,
                shown=[mark for each in kept.values() for mark in each["marks"]],
                namespace=namespace,
                **options,
            )
            if once and context.text and question.message_id:
                kept[question.message_id] = ShownContext(text=context.text, marks=[*context.marks])
            nothing |= {state_key: context.text, "memory_keys": [*context.keys]}
        return nothing | ({"memory_shown": kept} if once else {})

    return _node("load_memory", load)


def extract_memory(
    memory: PersistMem,
    *,
    background: bool | None = None,
    messages_key: str = "messages",
    on_error: OnError = "continue",
) -> Node:
    """A node that stores the thread's new turns and learns from them; put it after the model.

    The turns are stored before anything is learnt, so a failing model loses none: the next run
    on the thread, or a worker, learns from them. What was said off the record (see :func:`load_memory`), and
    what was answered to it, is neither stored nor learnt from, in this run or a later one. So is what is said while
    the person has paused memory, or in a thread of :meth:`Privacy.set_off_record`.

    Args:
        memory: an object of :meth:`PersistMem.open` or, for async graphs, :meth:`PersistMem.aopen`.
        background: True leaves the learning to a worker, once the thread is quiet; False learns before the run
            ends. By default in the background if ``memory.learns_in_background``: no turn waits for a chat model.
        messages_key: where the state has its messages.
        on_error: ``"continue"`` logs a failure and lets the run end well; ``"raise"`` does not.

    Raises:
        NamespaceMissingError: the run says nothing about its user.
        InvalidInputError: the run has no ``thread_id``.
    """

    async def extract(asynchronous: bool, state: State, config: RunnableConfig) -> Update | None:
        messages = messages_in(state, messages_key)
        if off_the_record(config, current_runtime()):
            return _marked(messages, messages_key) or None
        namespace, thread = whose_memory(memory.namespace, config, current_runtime()), thread_of(config)
        used: list[str] = list(in_state(state, "memory_keys") or [])
        with going_on(logger, "extract_memory", on_error):
            observed = await call(
                asynchronous,
                memory.observe,
                messages,
                thread_id=thread,
                used=used,
                background=memory.learns_in_background if background is None else background,
                namespace=namespace,
            )
            if observed.withheld in UNSTORED:  # marked, or a later run would learn from them
                return _marked(messages, messages_key) or None
        return None

    return _node("extract_memory", extract)


def prompt_with_memory(identity: str, state: State, *, messages_key: str = "messages") -> list[AnyMessage]:
    """The messages for the model: the identity prompt, then what is remembered, then the conversation.

    The identity prompt never changes because of memory, so a provider's prompt cache keeps it. Where
    :func:`load_memory` shows each memory once, each of its contexts stands in the user's message that it belongs
    to, in this run and in later ones, so that all of the earlier conversation stays in the cache too. Nothing of
    this enters the state's messages.
    """
    remembered = in_state(state, "memory_context")
    shown: Mapping[str, ShownContext] = in_state(state, "memory_shown") or {}
    messages = messages_in(state, messages_key)
    question = question_of(messages)
    if question is not None and question.message_id in shown:
        remembered = None
    told = [joined(each, shown[each.id]["text"]) if each.id and each.id in shown else each for each in messages]
    parts = [SystemMessage(identity)] + ([SystemMessage(remembered)] if remembered else [])
    return [*parts, *cast("list[AnyMessage]", told)]


def _node(name: str, flow: Callable[[bool, Any, RunnableConfig], Any]) -> Node:
    def invoke(state: State, config: RunnableConfig) -> Update | None:
        return finished(flow(False, state, config))

    async def ainvoke(state: State, config: RunnableConfig) -> Update | None:
        return await flow(True, state, config)

    return cast("Node", RunnableLambda(invoke, ainvoke, name=name))


def _still_shown(state: State, window: Sequence[BaseMessage], question: str | None) -> dict[str, ShownContext]:
    """Earlier contexts whose messages are still before the model; that of the question itself is made anew."""
    before = {getattr(each, "id", None) for each in window} - {question}
    shown: Mapping[str, ShownContext] = in_state(state, "memory_shown") or {}
    return {id: context for id, context in shown.items() if id in before}


def _marked(messages: list[BaseMessage], key: str) -> Update:
    """The whole list, which a state without LangGraph's ``add_messages`` needs, and that one takes too."""
    return {key: taken_off(messages)} if newly_off(messages) else {}
