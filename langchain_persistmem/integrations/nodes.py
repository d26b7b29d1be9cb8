"""LangGraph nodes: ``START -> load_memory -> model -> extract_memory -> END``."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, tzinfo
from typing import Any, NotRequired, TypedDict, cast

from langchain_core.messages import AnyMessage, BaseMessage, SystemMessage
from langchain_core.runnables import Runnable, RunnableConfig, RunnableLambda
from langgraph.graph import MessagesState

from langchain_persistmem.client.persistmem import PersistMem
from langchain_persistmem.client.sync_and_async import call
from langchain_persistmem.errors import ConfigurationError, InvalidInputError
from langchain_persistmem.integrations.memory_failures import OnError, continue_without_memory
from langchain_persistmem.integrations.run_messages import (
    add_text,
    check_state_key,
    dict_in,
    in_state,
    keys_in,
    merge_systems,
    messages_in,
    question_of,
    split_systems,
    system_of,
    window_of,
)
from langchain_persistmem.integrations.run_options import Clock, ContextOptions
from langchain_persistmem.recall.context import Check
from langchain_persistmem.recall.context_parts.context_text import Form
from langchain_persistmem.recall.context_parts.standing import Standing
from langchain_persistmem.runtime.backend import finished
from langchain_persistmem.runtime.messages import MAX_MESSAGES
from langchain_persistmem.runtime.off_record_marks import mark_off_record, new_marks
from langchain_persistmem.runtime.run_identity import (
    current_runtime,
    moment_of,
    namespace_of_run,
    off_the_record,
    thread_if_any,
    thread_of,
)
from langchain_persistmem.types import validation
from langchain_persistmem.types.argument_checks import check_arguments
from langchain_persistmem.types.recall_results import Expand
from langchain_persistmem.types.records import UNSTORED_REASONS, Kind
from langchain_persistmem.types.representation import is_a, path_of, plain, type_name

State = Mapping[str, Any]
Update = dict[str, Any]
Node = Runnable[Any, Any]
Identity = str | Sequence[str | dict[str, Any]] | SystemMessage

logger = logging.getLogger(__name__)


class MessageContext(TypedDict):
    """The context of one message, which stays before the model: :func:`load_memory` with ``once=True``."""

    text: str
    marks: list[str]
    """Its memories in the wording that they had then."""


class MemoryState(MessagesState):
    """LangGraph's ``MessagesState`` with the keys that :func:`load_memory` writes; any state with them will do."""

    memory_context: NotRequired[str]
    """The memories for the model as a text; refreshed on every run, empty where there are none."""
    memory_keys: NotRequired[list[str]]
    """The memories in it; :func:`extract_memory` counts their use. A state may leave this key out."""
    memory_contexts: NotRequired[dict[str, MessageContext]]
    """With ``once=True``: earlier contexts of this thread, by the id of the user's message that each belongs to."""


@check_arguments(ConfigurationError)
def load_memory(
    memory: PersistMem,
    *,
    max_tokens: int | None = None,
    kinds: Sequence[Kind] | None = None,
    form: Form = "sections",
    standing: Standing = "brief",
    expand: Expand | None = None,
    check: Check = "threshold",
    once: bool = False,
    window: Callable[[list[BaseMessage]], Sequence[BaseMessage]] | None = None,
    state_key: str = "memory_context",
    messages_key: str = "messages",
    time_zone: tzinfo | str | None = None,
    now: Callable[[], datetime] | None = None,
    on_error: OnError = "continue",
) -> Node:
    """Make a node that recalls memories for the user's latest message and writes them as a text under ``state_key``.

    The text begins with what stands whatever is asked; below it is what fits the message.
    Memories that stand in the thread's messages already, or were learnt from them, are left out. Whose memory: the
    authenticated user, then ``user_id`` in the run's context, then in ``config["configurable"]``; nobody else,
    ever. In a run with ``off_the_record`` (in the same places) nothing is read, and the messages are marked, so
    that no later run learns from them.

    Args:
        memory: an object of :meth:`PersistMem.open` or, for async graphs, :meth:`PersistMem.aopen`.
        max_tokens: the budget of the text; by default ``Settings.context_tokens``.
        kinds: only these kinds of memory.
        form: as for :meth:`PersistMem.context`; so are ``standing``, ``expand`` and ``check``.
        standing: the part that stands whatever is asked; ``"off"`` leaves it out.
        expand: ask further questions beside the user's message.
        check: relevance is decided by the threshold or the chat model.
        once: show each memory once in a thread. What fits a message is stored in the state, under ``memory_contexts``, where
            :func:`prompt_with_memory` puts it before the message that it belongs to, and is dropped with that; ``state_key``
            has the standing part.
        window: of the state's messages, those that the model is shown, where it is not shown all of them.
        state_key: the key that is written; the message list never is.
        messages_key: where the state has its messages.
        time_zone: in which dates are read and written, as for :meth:`PersistMem.context`; ``time_zone`` in the run's context
            or in ``config["configurable"]`` comes before it.
        now: a function that returns the present; by default the clock of the machine.
        on_error: ``"continue"`` logs a failure and goes on without memory; ``"raise"`` ends the run.

    Raises:
        ConfigurationError: an option has no such value, or asks a chat model and the memory has none; or, in the first run,
            the graph's state has no key ``state_key``; always raised.
        NamespaceMissingError: the run says nothing about its user; always raised, because it is a fault of the program.
    """
    options = ContextOptions(
        max_tokens=max_tokens, kinds=kinds, form=form, standing=standing, expand=expand, check=check
    )
    context_options, clock = options.resolve(memory), Clock(time_zone=time_zone, now=now).resolve()

    async def load(asynchronous: bool, state: State, config: RunnableConfig) -> Update:
        check_state_key(config, state_key, messages_key)
        if once:
            check_state_key(config, "memory_contexts", messages_key)
        empty: Update = {state_key: "", "memory_keys": []}
        messages = messages_in(state, messages_key)
        if off_the_record(config, current_runtime()):
            return {**empty, **({"memory_contexts": {}} if once else {}), **_mark_all(messages, messages_key)}
        # Outside the `with`: a run without a user is a fault of the program, and must not pass as one without memory.
        namespace, question = namespace_of_run(memory.namespace, config, current_runtime()), question_of(messages)
        window_messages = messages if window is None else window(messages)
        earlier = dict[str, MessageContext]()
        with continue_without_memory(logger, "load_memory", on_error):
            if once:
                earlier = _visible_contexts(state, window_messages, question.message_id if question else None)
        if question is None:
            return empty | ({"memory_contexts": earlier} if once else {})
        with continue_without_memory(logger, "load_memory", on_error):
            context = await call(
                asynchronous,
                memory.context,
                question.text,
                thread_id=thread_if_any(config),
                messages=window_of(window_messages),
                shown=[mark for context in earlier.values() for mark in context["marks"]],
                now=moment_of(config, current_runtime(), **clock),
                namespace=namespace,
                **context_options,
            )
            text = context.text
            if once and question.message_id:
                text = context.standing
                if context.relevant:
                    earlier[question.message_id] = MessageContext(text=context.relevant, marks=[*context.fingerprints])
            empty |= {state_key: text, "memory_keys": [*context.keys]}
        return empty | ({"memory_contexts": earlier} if once else {})

    return _node("load_memory", load)


@check_arguments(ConfigurationError)
def extract_memory(
    memory: PersistMem,
    *,
    background: bool | None = None,
    messages_key: str = "messages",
    time_zone: tzinfo | str | None = None,
    now: Callable[[], datetime] | None = None,
    on_error: OnError = "continue",
) -> Node:
    """Make a node that stores the thread's new turns and learns from them; put it after the model.

    The turns are stored before anything is learnt, so a failing model loses none: the next run
    on the thread, or a worker, learns from them. Messages off the record (see :func:`load_memory`), and
    the answers to them, are neither stored nor learnt from, in this run or a later one. So are messages sent while
    the person has paused memory, or in a thread of :meth:`Privacy.set_off_record`.

    Args:
        memory: an object of :meth:`PersistMem.open` or, for async graphs, :meth:`PersistMem.aopen`.
        background: True leaves the learning to a worker, once the thread is quiet; False learns before the run
            ends. By default in the background if ``memory.learns_in_background``: no turn waits for a chat model.
        messages_key: where the state has its messages.
        time_zone: of the user, as for :func:`load_memory`: messages without a timestamp are of the day that it is there.
        now: a function that returns the present; by default the clock of the machine.
        on_error: ``"continue"`` logs a failure and lets the run end well; ``"raise"`` does not.

    Raises:
        NamespaceMissingError: the run says nothing about its user.
        InvalidInputError: the run has no ``thread_id``.
    """
    clock = Clock(time_zone=time_zone, now=now).resolve()

    async def extract(asynchronous: bool, state: State, config: RunnableConfig) -> Update | None:
        messages = messages_in(state, messages_key)
        if off_the_record(config, current_runtime()):
            return _mark_all(messages, messages_key) or None
        namespace, thread = namespace_of_run(memory.namespace, config, current_runtime()), thread_of(config)
        keys = list[str]()
        with continue_without_memory(
            logger, "extract_memory", on_error
        ):  # by itself: the turns are stored without them
            keys = keys_in(state)
        with continue_without_memory(logger, "extract_memory", on_error):
            result = await call(
                asynchronous,
                memory.observe,
                messages[-MAX_MESSAGES:],  # those before it were stored after earlier runs
                thread_id=thread,
                used=keys,
                background=memory.learns_in_background if background is None else background,
                clean=True,
                now=moment_of(config, current_runtime(), **clock),
                namespace=namespace,
            )
            if result.skip_reason in UNSTORED_REASONS:  # marked, or a later run would learn from them
                return _mark_all(messages, messages_key) or None
        return None

    return _node("extract_memory", extract)


@check_arguments()
def prompt_with_memory(
    identity: Identity, state: State, *, state_key: str = "memory_context", messages_key: str = "messages"
) -> list[AnyMessage]:
    """Build the messages for the model: one system message of the identity prompt and the memories, then the conversation.

    System messages at the beginning of the conversation become a part of that one, since many models take no second.
    The identity prompt comes first and the standing part of memory behind it; neither changes from message to message, so a
    provider's prompt cache holds them. Where :func:`load_memory` shows each memory once, what fits a message stands in the
    user's message that it belongs to, in this run and in later ones, so that all of the earlier conversation stays in
    the cache too. Nothing of this enters the state's messages.

    Args:
        identity: a text, content blocks, or a system message; where all of it is empty there is no system message.
        state: the state of the graph.
        state_key: where :func:`load_memory` has written the memories.
        messages_key: where the state has its messages.

    Raises:
        InvalidInputError: the identity prompt is something else, or the state has no messages.
    """
    context = plain(in_state(state, state_key))
    contexts = _contexts_in(state)
    systems, messages = split_systems(cast("Sequence[object]", messages_in(state, messages_key)))
    prompt = [
        # What is no message yet, such as a tuple, is the model's to read.
        add_text(message, contexts[message.id]["text"])
        if is_a(message, BaseMessage) and message.id and message.id in contexts
        else message
        for message in messages
    ]
    system = merge_systems([system_of(identity), *systems, SystemMessage(context if is_a(context, str) else "")])
    return [*([system] if system.content else []), *cast("list[AnyMessage]", prompt)]


def _node(name: str, flow: Callable[[bool, Any, RunnableConfig], Any]) -> Node:
    def invoke(state: State, config: RunnableConfig) -> Update | None:
        return finished(flow(False, state, config))

    async def ainvoke(state: State, config: RunnableConfig) -> Update | None:
        return await flow(True, state, config)

    return cast("Node", RunnableLambda(invoke, ainvoke, name=name))


def _visible_contexts(state: State, window: Sequence[BaseMessage], question: str | None) -> dict[str, MessageContext]:
    """Select the earlier contexts whose messages are still before the model; that of the question itself is made anew."""
    before = {getattr(message, "id", None) for message in window} - {question}
    return {id: context for id, context in _contexts_in(state).items() if id in before}


def _contexts_in(state: State) -> dict[str, MessageContext]:
    """Read the contexts that :func:`load_memory` has written into a state.

    Raises:
        InvalidInputError: they are something else.
    """
    contexts = dict[str, MessageContext]()
    for position, (id, value) in enumerate((dict_in(state, "memory_contexts") or {}).items()):
        where = path_of("memory_contexts", position)
        context = validation.plain_dict(value, where)
        text, marks = plain(context.get("text")), validation.names(context.get("marks", ()), f"{where}.marks")
        if not is_a(text, str):
            raise InvalidInputError(f"{where}.text is of type {type_name(text)}; leave it to load_memory")
        contexts[id] = MessageContext(text=text, marks=marks)
    return contexts


def _mark_all(messages: list[BaseMessage], key: str) -> Update:
    """Return the whole list with marks, which a state without LangGraph's ``add_messages`` needs, and that one takes too."""
    return {key: mark_off_record(messages)} if new_marks(messages) else {}
