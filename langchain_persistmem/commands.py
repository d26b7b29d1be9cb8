"""A LangGraph node for what users ask of the memory: ``START -> answer_commands -> load_memory -> ...``."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Literal, NotRequired, cast

from langchain_core.messages import AIMessage, BaseMessage, HumanMessage
from langchain_core.runnables import Runnable, RunnableConfig, RunnableLambda
from langgraph.graph import MessagesState

from langchain_persistmem.errors import InvalidInput
from langchain_persistmem.identity import current_runtime, whose_memory
from langchain_persistmem.persistmem import PersistMem
from langchain_persistmem.types import CommandReply

State = Mapping[str, Any]
Update = dict[str, Any]
Node = Runnable[Any, Any]
OnError = Literal["raise", "say"]

_MARK = "persistmem"
_OFF = "off the record"
"""``message.response_metadata[_MARK] = _OFF``: such a message is never learnt from, in this run or a later one."""


class CommandState(MessagesState):
    """LangGraph's ``MessagesState`` with the keys that :func:`answer_commands` writes; any state with them will do."""

    memory_answered: NotRequired[bool]
    """Whether the memory has answered the user's message, so that the model need not."""
    memory_question: NotRequired[dict[str, Any] | None]
    """What the memory has asked the user; the next message decides. It lives as long as the thread's checkpoint."""


def answer_commands(
    memory: PersistMem,
    *,
    ask_model: bool = False,
    messages_key: str = "messages",
    on_error: OnError = "say",
) -> Node:
    """A node that does what the user's latest message asks of the memory, and leaves all other messages alone.

    It answers with a message of its own and sets ``memory_answered``, by which an edge can lead past
    the model. What it was told and what it answered is marked in ``response_metadata``, so that it is
    not learnt from. Whose memory: as for :func:`load_memory`.

    Args:
        memory: an object of :meth:`PersistMem.open` or, for async graphs, :meth:`PersistMem.aopen`.
        ask_model: where the rules are unsure, ask the memory's chat model, if it has one.
        messages_key: where the state has its messages.
        on_error: ``"say"`` logs a failure and tells the user, who would else believe it done; ``"raise"`` ends the run.

    Raises:
        NamespaceMissing: the run says nothing about its user.
        InvalidInput: the state has no list of messages.
    """

    def asked(state: State, config: RunnableConfig) -> tuple[list[BaseMessage], dict[str, Any]]:
        messages = _messages(state, messages_key)
        thread = (config.get("configurable") or {}).get("thread_id")
        options = {
            "question": _get(state, "memory_question"),
            "thread_id": None if thread is None else str(thread),
            "ask_model": ask_model,
            "on_error": on_error,
            "namespace": whose_memory(memory.namespace, config, current_runtime()),
        }
        return messages, options

    def answer(state: State, config: RunnableConfig) -> Update:
        messages, options = asked(state, config)
        reply = memory.command(messages[-1], **options) if _is_users(messages) else None
        return _update(messages, reply, messages_key)

    async def aanswer(state: State, config: RunnableConfig) -> Update:
        messages, options = asked(state, config)
        reply = await memory.acommand(messages[-1], **options) if _is_users(messages) else None
        return _update(messages, reply, messages_key)

    return _node("answer_commands", answer, aanswer)


def _update(messages: Sequence[BaseMessage], reply: CommandReply | None, key: str) -> Update:
    """The whole list of messages, which a state without LangGraph's ``add_messages`` needs, and that one takes too."""
    update: Update = {"memory_answered": False, "memory_question": None}
    if reply is None:
        return update
    if reply.question is not None:
        update["memory_question"] = dict(reply.question)
    off = _off(messages, reply)
    told = [_marked(message) if place in off else message for place, message in enumerate(messages)]
    if reply.ends_turn:
        update["memory_answered"] = True
        told.append(_marked(AIMessage(reply.text)))
    return update | {key: told} if off or reply.ends_turn else update


def _off(messages: Sequence[BaseMessage], reply: CommandReply) -> set[int]:
    """Places of what is not to be learnt from: the command, and for "don't remember this" the turn before it."""
    last = len(messages) - 1
    if not reply.ends_turn:
        return {last} if reply.command == "private" else set()
    if reply.command != "private" or reply.receipt is not None:
        return {last}
    before = [place for place in range(last) if isinstance(messages[place], HumanMessage)]
    return set(range(before[-1] if before else last, last + 1))


def _marked(message: BaseMessage) -> BaseMessage:
    return message.model_copy(update={"response_metadata": {**message.response_metadata, _MARK: _OFF}})


def _is_users(messages: Sequence[BaseMessage]) -> bool:
    return bool(messages) and isinstance(messages[-1], HumanMessage)


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
