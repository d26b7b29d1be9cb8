"""Memory as tools that a model can call: remember, recall, correct, forget, list."""

import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, Literal

from langchain_core.runnables.config import ensure_config
from langchain_core.tools import BaseTool, StructuredTool
from langgraph.prebuilt import ToolRuntime

from langchain_persistmem.client.persistmem import PersistMem
from langchain_persistmem.errors import (
    ConfigurationError,
    InvalidInputError,
    MemoryDisabledError,
    MemoryNotFoundError,
    NamespaceMissingError,
    PersistMemError,
    UseAsyncMethodError,
)
from langchain_persistmem.integrations.memory_permission import MemoryAllowed, may_recall, may_remember
from langchain_persistmem.integrations.run_messages import messages_in
from langchain_persistmem.integrations.tools import tool_calls
from langchain_persistmem.integrations.tools.tool_confirmations import Answer
from langchain_persistmem.integrations.tools.tool_run import ToolRun
from langchain_persistmem.integrations.tools.tool_schemas import (
    Arguments,
    CorrectMemory,
    ForgetMemories,
    ListMemories,
    RecallMemories,
    Remember,
    explain_mistake,
)
from langchain_persistmem.runtime.backend import finished
from langchain_persistmem.runtime.run_identity import configurable_in, current_runtime, namespace_of_run, thread_if_any
from langchain_persistmem.types.actor import part
from langchain_persistmem.types.argument_checks import check_arguments

logger = logging.getLogger(__name__)

Behaviour = Callable[[ToolRun, Any], Awaitable[Answer]]

_OUTSIDE: Any = None
"""Outside of an agent no runtime is injected; LangChain finds the parameter by its type, which is without None."""
_CHECKPOINTER = "__pregel_checkpointer"
"""The key under which LangGraph has the run's checkpointer. Were it renamed, the user would be asked in the conversation."""
_OFF = "Memory is off for this conversation: nothing was read, kept or erased. Go on without it."


@check_arguments(ConfigurationError)
def memory_tools(
    memory: PersistMem,
    *,
    prefix: str = "",
    memory_allowed: MemoryAllowed = True,
    ask: Literal["interrupt", "conversation"] = "interrupt",
    messages_key: str = "messages",
) -> list[BaseTool]:
    """Tools for ``create_agent``, ``ToolNode`` and ``bind_tools``: remember, recall_memories, correct_memory,
    forget_memories and list_memories. Each works blocking and awaited.

    Whose memory: the authenticated user, then ``user_id`` in the run's context, then in
    ``config["configurable"]``; a model can name neither a user nor a namespace. A mistake of the model is answered with
    a text that says what to do instead. In a run with ``off_the_record``, in a thread of :meth:`Privacy.set_off_record`
    and while the person has paused memory the tools say that memory is off; who has paused it can still erase.

    Erasing more than one memory needs the user. One memory for each message of the user is erased as it is
    asked for; for more, the run is interrupted where it has a checkpointer, and goes on with
    ``Command(resume=True)`` or the decisions of LangChain's human-in-the-loop middleware. Elsewhere, or with
    ``ask="conversation"``, the model is told to ask, and only once the user has spoken again does the same
    call erase.

    Args:
        memory: an object of :meth:`PersistMem.open`, or, for ``ainvoke``, :meth:`PersistMem.aopen`.
        prefix: put before each name, where an agent has tools of such names, or memory twice.
        memory_allowed: as in :class:`PersistMemMiddleware`; outside of a graph the runtime is None.
        ask: how the user is asked.
        messages_key: where the state has its messages.

    Raises:
        ConfigurationError: an option has no such value.
        NamespaceMissingError: from a tool, in a run that says nothing about its user.
    """
    # Nothing here belongs to a user: the same tools serve all of them, and each call finds out whose memory it is.
    tools = _Tools(memory, prefix, memory_allowed, ask, messages_key)
    return [
        tools.make("remember", Remember, tool_calls.remember),
        tools.make("recall_memories", RecallMemories, tool_calls.recall),
        tools.make("correct_memory", CorrectMemory, tool_calls.correct),
        tools.make("forget_memories", ForgetMemories, tool_calls.forget),
        tools.make("list_memories", ListMemories, tool_calls.list_),
    ]


@dataclass(frozen=True, slots=True)
class _Tools:
    """The options that the tools of one call of :func:`memory_tools` share."""

    memory: PersistMem
    prefix: str
    memory_allowed: MemoryAllowed
    ask: Literal["interrupt", "conversation"]
    messages_key: str

    def make(self, name: str, schema: type[Arguments], behaviour: Behaviour) -> BaseTool:
        """Make the tool of one behaviour."""
        tool = self.prefix + name

        def invoke(runtime: ToolRuntime[Any, Any] = _OUTSIDE, **arguments: Any) -> Answer:
            return finished(self._answer(tool, schema, behaviour, runtime, arguments, False))

        async def ainvoke(runtime: ToolRuntime[Any, Any] = _OUTSIDE, **arguments: Any) -> Answer:
            return await self._answer(tool, schema, behaviour, runtime, arguments, True)

        return StructuredTool(
            name=tool,
            description=(schema.__doc__ or "").strip(),
            args_schema=schema,
            func=invoke,
            coroutine=ainvoke,
            response_format="content_and_artifact",
            handle_validation_error=lambda error: explain_mistake(schema, error),
        )

    async def _answer(
        self,
        tool: str,
        schema: type[Arguments],
        behaviour: Behaviour,
        runtime: ToolRuntime[Any, Any] | None,
        arguments: dict[str, Any],
        asynchronous: bool,
    ) -> Answer:
        """The behaviour's answer; failures of memory are answers too, but a fault of the program is raised."""
        state: Any = runtime.state if runtime else {}
        if not await may_remember(
            self.memory_allowed, state, current_runtime(), asynchronous=asynchronous, action=tool
        ):
            return _OFF, None
        try:
            may_interrupt = self.ask == "interrupt"
            run = _run(self.memory, asynchronous, tool, state, self.messages_key, interruptible=may_interrupt)
            with part(f"tool {tool}"):
                if not await _is_allowed(run, erases=behaviour is tool_calls.forget):
                    return _OFF, None
                return await behaviour(run, schema(**arguments))
        except (NamespaceMissingError, UseAsyncMethodError):
            raise
        except MemoryDisabledError:  # since it was asked
            return _OFF, None
        except (InvalidInputError, MemoryNotFoundError) as error:
            return f"That did not work: {error}", None
        except PersistMemError as error:
            logger.warning("%s went on without memory: %s: %s", tool, type(error).__name__, error)
            return f"Memory does not answer right now ({type(error).__name__}). Go on without it.", None


async def _is_allowed(run: ToolRun, *, erases: bool) -> bool:
    """True where the person and the thread allow the call; a person who has paused memory may still erase."""
    if erases:
        return run.thread_id is None or not await run.call(
            run.memory.privacy.off_record, run.thread_id, namespace=run.namespace
        )
    return await run.call(may_recall, run.memory, run.thread_id, namespace=run.namespace)


def _run(
    memory: PersistMem, asynchronous: bool, tool: str, state: Any, messages_key: str, *, interruptible: bool
) -> ToolRun:
    config = ensure_config()
    checkpointer = configurable_in(config).get(_CHECKPOINTER)
    try:
        messages = messages_in(state, messages_key)
    except InvalidInputError:  # a state of another kind: nothing is known of the conversation
        messages = []
    return ToolRun(
        memory=memory,
        asynchronous=asynchronous,
        namespace=namespace_of_run(memory.namespace, config, current_runtime()),
        tool=tool,
        messages=messages,
        thread_id=thread_if_any(config),
        interruptible=interruptible and checkpointer is not None,
    )
