"""A LangGraph node for what users ask of the memory: ``START -> answer_commands -> load_memory -> ...``."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NotRequired, cast

from langchain_core.runnables import Runnable, RunnableConfig, RunnableLambda
from langgraph.graph import MessagesState

from langchain_persistmem.actor import part
from langchain_persistmem.answering import answered, answered_without_memory
from langchain_persistmem.awaiting import Awaited
from langchain_persistmem.backend import finished
from langchain_persistmem.conversation_run import in_state, messages_in
from langchain_persistmem.engine.commanding import OnError
from langchain_persistmem.identity import current_runtime, off_the_record, thread_if_any, whose_memory
from langchain_persistmem.persistmem import PersistMem

State = Mapping[str, Any]
Update = dict[str, Any]
Node = Runnable[Any, Any]


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
    not learnt from. Whose memory: as for :func:`load_memory`. In a run with ``off_the_record`` nothing is
    read, kept or erased; a command is told so.

    Args:
        memory: an object of :meth:`PersistMem.open` or, for async graphs, :meth:`PersistMem.aopen`.
        ask_model: where the rules are unsure, ask the memory's chat model, if it has one.
        messages_key: where the state has its messages.
        on_error: ``"say"`` logs a failure and tells the user, who would else believe it done; ``"raise"`` ends the run.

    Raises:
        NamespaceMissing: the run says nothing about its user.
        InvalidInput: the state has no list of messages.
    """

    async def answer(awaited: Awaited, state: State, config: RunnableConfig) -> Update:
        messages, question = messages_in(state, messages_key), in_state(state, "memory_question")
        if off_the_record(config, current_runtime()):
            found = answered_without_memory(messages, question)
        else:
            with part("answer_commands"):
                found = await answered(
                    awaited,
                    messages,
                    question=question,
                    whose=whose_memory(memory.namespace, config, current_runtime()),
                    thread_id=thread_if_any(config),
                    ask_model=ask_model,
                    on_error=on_error,
                )
        update: Update = {"memory_answered": found.ends_turn, "memory_question": found.question}
        # the whole list, which a state without LangGraph's add_messages needs, and that one takes too
        return update | {messages_key: [*found.messages]} if found.changed else update

    blocking, awaiting = Awaited(memory, asynchronous=False), Awaited(memory, asynchronous=True)

    def call(state: State, config: RunnableConfig) -> Update:
        return finished(answer(blocking, state, config))

    async def acall(state: State, config: RunnableConfig) -> Update:
        return await answer(awaiting, state, config)

    return cast("Node", RunnableLambda(call, acall, name="answer_commands"))
