"""Commands to the memory, as functions and as a LangGraph node: ``START -> answer_commands -> load_memory -> ...``."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, NotRequired, cast

from langchain_core.messages import AIMessage, BaseMessage
from langchain_core.messages.utils import MessageLikeRepresentation
from langchain_core.runnables import Runnable, RunnableConfig, RunnableLambda
from langgraph.graph import MessagesState

from langchain_persistmem.client.persistmem import PersistMem
from langchain_persistmem.client.sync_and_async import both, call, run
from langchain_persistmem.commands import execution
from langchain_persistmem.commands.execution import OnError, reply_memory_off
from langchain_persistmem.errors import ConfigurationError
from langchain_persistmem.integrations.run_messages import (
    dict_in,
    is_user_message,
    messages_in,
)
from langchain_persistmem.runtime.backend import finished
from langchain_persistmem.runtime.messages import turns_of
from langchain_persistmem.runtime.off_record_marks import mark_off_record, new_marks
from langchain_persistmem.runtime.run_identity import current_runtime, namespace_of_run, off_the_record, thread_if_any
from langchain_persistmem.types.actor import part
from langchain_persistmem.types.argument_checks import check_arguments
from langchain_persistmem.types.namespace import Namespace
from langchain_persistmem.types.results import CommandReply

State = Mapping[str, Any]
Update = dict[str, Any]
Node = Runnable[Any, Any]


async def _run_command(
    memory: PersistMem,
    message: str | MessageLikeRepresentation,
    *,
    question: Mapping[str, Any] | None = None,
    thread_id: str | None = None,
    ask_model: bool = False,
    on_error: OnError = "raise",
    user_id: str | None = None,
    namespace: Namespace | None = None,
) -> CommandReply | None:
    """Carry out the command to the memory in a user's message: remember this, forget that, show everything, leave this out.

    Nothing is erased at once. The reply to "forget ..." shows what would be, and has a ``question``,
    plain JSON to be stored with the conversation; given back with the user's next message, that decides.

    Args:
        memory: an object of :meth:`PersistMem.open` or :meth:`PersistMem.aopen`.
        message: the user's message.
        question: ``CommandReply.question`` of the reply before this message.
        thread_id: the conversation; without it "don't remember this" does not reach the messages before.
        ask_model: where the rules are unsure, ask the chat model, if there is one.
        on_error: ``"say"`` logs a failure and returns a reply that tells the user.

    Returns:
        None if the message is no command to the memory.

    Raises:
        InvalidInputError: an argument is malformed, or the statement cannot be stored; nothing was changed.
        EmbeddingError: there is no vector; nothing was changed.
    """
    now, namespace = datetime.now(UTC), memory.namespace_of(user_id, namespace)
    (turn,) = turns_of([message], redaction=memory.backend.settings.redaction, now=now)
    id = message.get("id") if isinstance(message, dict) else getattr(message, "id", None)
    own = id if isinstance(id, str) and id else None  # an id that turns_of() made up names no stored message
    return await run(
        memory.backend,
        execution.command,
        namespace,
        execution.UserMessage(turn, own, thread_id),
        question=question,
        ask_model=ask_model,
        on_error=on_error,
        now=now,
    )


run_command, arun_command = both(_run_command)


class CommandState(MessagesState):
    """LangGraph's ``MessagesState`` with the keys that :func:`answer_commands` writes; any state with them will do."""

    memory_answered: NotRequired[bool]
    """True where the memory has answered the user's message, so that the model need not."""
    memory_question: NotRequired[dict[str, Any] | None]
    """The memory's question to the user; the next message decides. It lasts as long as the thread's checkpoint."""


@check_arguments(ConfigurationError)
def answer_commands(
    memory: PersistMem,
    *,
    ask_model: bool = False,
    messages_key: str = "messages",
    on_error: OnError = "say",
) -> Node:
    """Make a node that carries out commands to the memory in the user's latest message, and leaves other messages alone.

    It answers with a message of its own and sets ``memory_answered``, by which an edge can lead past
    the model. The command and the answer are marked in ``response_metadata``, so that they are
    not learnt from. Whose memory: as for :func:`load_memory`. In a run with ``off_the_record`` nothing is
    read, stored or erased, and the answer to a command says so.

    Args:
        memory: an object of :meth:`PersistMem.open` or, for async graphs, :meth:`PersistMem.aopen`.
        ask_model: where the rules are unsure, ask the memory's chat model, if it has one.
        messages_key: where the state has its messages.
        on_error: ``"say"`` logs a failure and tells the user, who would else believe it done; ``"raise"`` ends the run.

    Raises:
        NamespaceMissingError: the run says nothing about its user.
        InvalidInputError: the state has no list of messages.
    """

    async def answer(asynchronous: bool, state: State, config: RunnableConfig) -> Update:
        messages, question = messages_in(state, messages_key), dict_in(state, "memory_question")
        if off_the_record(config, current_runtime()):
            outcome = answer_without_memory(messages, question)
        else:
            with part("answer_commands"):
                outcome = await answer_message(
                    memory,
                    messages,
                    asynchronous=asynchronous,
                    question=question,
                    namespace=namespace_of_run(memory.namespace, config, current_runtime()),
                    thread_id=thread_if_any(config),
                    ask_model=ask_model,
                    on_error=on_error,
                )
        update: Update = {"memory_answered": outcome.ends_turn, "memory_question": outcome.question}
        # the whole list, which a state without LangGraph's add_messages needs, and that one takes too
        return update | {messages_key: [*outcome.messages]} if outcome.changed else update

    def invoke(state: State, config: RunnableConfig) -> Update:
        return finished(answer(False, state, config))

    async def ainvoke(state: State, config: RunnableConfig) -> Update:
        return await answer(True, state, config)

    return cast("Node", RunnableLambda(invoke, ainvoke, name="answer_commands"))


@dataclass(frozen=True, kw_only=True, slots=True)
class CommandOutcome:
    """Result of a command in the user's latest message, if there was one."""

    messages: Sequence[BaseMessage]
    """All messages of the conversation, with marks and with the memory's answer."""
    changed: Sequence[BaseMessage]
    """Only the messages that are new or newly marked."""
    question: Mapping[str, Any] | None = None
    """The memory's question to the user."""
    ends_turn: bool = False
    """True where nothing is left for the model."""


async def answer_message(
    memory: PersistMem,
    messages: Sequence[BaseMessage],
    *,
    asynchronous: bool,
    question: Mapping[str, Any] | None,
    namespace: Namespace,
    thread_id: str | None,
    ask_model: bool,
    on_error: OnError,
) -> CommandOutcome:
    """Carry out the command in the latest message, if it is the user's and has one."""
    if not messages or not is_user_message(messages[-1]):
        return CommandOutcome(messages=messages, changed=())
    reply = await call(
        asynchronous,
        run_command,
        memory,
        messages[-1],
        question=question,
        namespace=namespace,
        thread_id=thread_id,
        ask_model=ask_model,
        on_error=on_error,
    )
    if reply is None:
        return CommandOutcome(messages=messages, changed=())
    # A command may take messages before it off the record: these are marked too, in the state and for this run.
    off = _first_off(messages, reply)
    return _with(reply, [*messages[:off], *mark_off_record(messages[off:])], new_marks(messages[off:]))


def answer_without_memory(messages: Sequence[BaseMessage], question: Mapping[str, Any] | None) -> CommandOutcome:
    """Mark everything in a run off the record, and answer a command with "memory is off", lest the user believe it done."""
    messages_to_learn, marks = mark_off_record(messages), new_marks(messages)
    commands = bool(messages) and is_user_message(messages[-1])
    reply = reply_memory_off(str(messages[-1].text), question) if commands else None
    return (
        CommandOutcome(messages=messages_to_learn, changed=marks)
        if reply is None
        else _with(reply, messages_to_learn, marks)
    )


def _with(reply: CommandReply, messages: Sequence[BaseMessage], marks: Sequence[BaseMessage]) -> CommandOutcome:
    answer = mark_off_record([AIMessage(reply.text)]) if reply.ends_turn else []
    question = dict(reply.question) if reply.question is not None else None
    return CommandOutcome(
        messages=[*messages, *answer], changed=[*marks, *answer], question=question, ends_turn=reply.ends_turn
    )


def _first_off(messages: Sequence[BaseMessage], reply: CommandReply) -> int:
    """Position from which on nothing is to be learnt: the command, and for "don't remember this" the turn before it."""
    last = len(messages) - 1
    if not reply.ends_turn:
        return last if reply.command == "private" else len(messages)
    if reply.command != "private" or reply.receipt is not None:
        return last
    before = [position for position in range(last) if is_user_message(messages[position])]
    return before[-1] if before else last
