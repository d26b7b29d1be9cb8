"""Memory for the agents of LangChain's ``create_agent`` (extra ``[agents]``)."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace
from datetime import datetime, tzinfo
from typing import TYPE_CHECKING, Annotated, Any, Literal, NotRequired, cast

from langchain_core.messages import AIMessage, BaseMessage, HumanMessage, SystemMessage
from langchain_core.runnables.config import ensure_config

from langchain_persistmem.client.persistmem import PersistMem
from langchain_persistmem.client.sync_and_async import call
from langchain_persistmem.errors import ConfigurationError, InvalidInputError, MissingDependencyError
from langchain_persistmem.integrations.command_node import CommandOutcome, answer_message, answer_without_memory
from langchain_persistmem.integrations.memory_failures import OnError, continue_without_memory
from langchain_persistmem.integrations.memory_permission import MemoryAllowed, may_remember
from langchain_persistmem.integrations.run_messages import (
    Question,
    add_text,
    dict_in,
    in_state,
    latest_user_message,
    messages_in,
    question_of,
    window_of,
)
from langchain_persistmem.integrations.run_options import Clock, ContextOptions
from langchain_persistmem.integrations.turn_cache import Turn, TurnContext, TurnContexts
from langchain_persistmem.recall.context import Check
from langchain_persistmem.recall.context_parts.context_text import Form
from langchain_persistmem.recall.context_parts.standing import Standing
from langchain_persistmem.runtime.backend import finished
from langchain_persistmem.runtime.messages import MAX_MESSAGES, message_id
from langchain_persistmem.runtime.off_record_marks import mark_off_record, new_marks
from langchain_persistmem.runtime.run_identity import moment_of, namespace_of_run, thread_if_any
from langchain_persistmem.types import validation
from langchain_persistmem.types.argument_checks import check_arguments
from langchain_persistmem.types.namespace import Namespace
from langchain_persistmem.types.recall_results import Expand
from langchain_persistmem.types.records import UNSTORED_REASONS, Kind
from langchain_persistmem.types.representation import is_a

if TYPE_CHECKING:
    from langchain.agents.middleware import AgentMiddleware, AgentState, ModelRequest, ModelResponse, hook_config
    from langchain.agents.middleware.types import PrivateStateAttr
    from langgraph.runtime import Runtime
else:
    try:
        from langchain.agents.middleware import AgentMiddleware, AgentState, hook_config
        from langchain.agents.middleware.types import PrivateStateAttr
    except ImportError:
        from langgraph.graph import MessagesState as AgentState

        PrivateStateAttr = None

        def hook_config(**_options: object):
            """Stand-in for LangChain's."""
            return lambda hook: hook

        class AgentMiddleware:
            """Stand-in for LangChain's, where that is not installed: everything but making one works."""

            def __new__(cls, *_args: object, **_options: object):
                raise MissingDependencyError(
                    f'{cls.__name__} needs the package langchain; run: pip install "langchain-persistmem[agents]"'
                )

            def __class_getitem__(cls, _: object):
                return cls


Placement = Literal["human", "system"]
Update = dict[str, Any]

logger = logging.getLogger(__name__)


class MemoryAgentState(AgentState):
    """The agent's state with the run's question, which is in no input, output or schema."""

    memory_run: NotRequired[Annotated[list[BaseMessage] | None, PrivateStateAttr]]
    """The user's message that the run began with, for as long as it lasts: other middleware may take it out meanwhile.

    Before it stand those of earlier runs that have not come to an end, such as one that waited for a person in vain.
    """


class CommandAgentState(MemoryAgentState):
    """The same with the memory's question to the user."""

    memory_question: NotRequired[Annotated[dict[str, Any] | None, PrivateStateAttr]]


class PersistMemMiddleware(AgentMiddleware[Any, Any, Any]):
    """Put memories before the model, and learn from each run: ``create_agent(..., middleware=[...])``.

    ``wrap_model_call`` puts the standing part at the end of the system prompt, and memories that fit the user's message
    into that message. They enter no state, no checkpoint and no stream. They are recalled once for each run, and stay
    the same through all its calls of the model. Memories that stand in the messages already, or were learnt from them,
    are left out. After the run the new turns are stored and learnt from.

    Whose memory: the authenticated user, then ``user_id`` in the run's context, then in
    ``config["configurable"]``. A run without ``thread_id`` gets memories and is not learnt from. In a
    run with ``off_the_record`` (in the same places) nothing is read or stored, and its messages are marked
    in ``response_metadata``, so that no later run on the thread learns from them. The same holds while the person
    has paused memory, and in a thread of :meth:`Privacy.set_off_record`. Put this middleware
    first, so that no other can end the run before the marks are made.

    Args:
        memory: an object of :meth:`PersistMem.open`, or, for ``ainvoke``, :meth:`PersistMem.aopen`.
        name: unique in the agent; two of these in one agent need two names.
        placement: where memories that fit the message stand: ``"human"``, in the user's latest message, before its
            words, so that everything earlier stays in the provider's prompt cache; ``"system"``, behind the standing
            part at the end of the system prompt.
        max_tokens: the budget of the text; by default ``Settings.context_tokens``.
        kinds: only these kinds of memory.
        form: as for :meth:`PersistMem.context`; so are ``standing``, ``expand`` and ``check``.
        standing: the part that stands whatever is asked; ``"off"`` leaves it out.
        expand: ask further questions beside the user's message.
        check: relevance is decided by the threshold or the chat model.
        background: True leaves the learning to a worker, once the thread is quiet; False learns before the run
            ends. By default in the background if ``memory.learns_in_background``: no turn waits for a chat model.
        commands: memory itself answers messages such as "forget about ..." or "what do you know about me?", and
            the run ends without the model (see :func:`answer_commands`); for one of these in an agent.
        ask_model: where it is unsure what is a command, memory asks its chat model, if it has one.
        memory_allowed: False, or a function of the run's state and runtime that returns False, is like
            ``off_the_record``. It may be async in async runs. It is asked before every use; one that fails
            counts as False.
        time_zone: in which dates are read and written, as for :meth:`PersistMem.context`; ``time_zone`` in the run's context
            or in ``config["configurable"]`` comes before it.
        now: a function that returns the present; by default the clock of the machine.
        on_error: ``"continue"`` logs a failure and goes on without memory; ``"raise"`` ends the run.

    Raises:
        MissingDependencyError: LangChain is not installed.
        ConfigurationError: an option has no such value.
        NamespaceMissingError: in a run that says nothing about its user; whatever ``on_error`` is.
    """

    @check_arguments(ConfigurationError)
    def __init__(
        self,
        memory: PersistMem,
        *,
        name: str = "PersistMemMiddleware",
        placement: Placement = "human",
        max_tokens: int | None = None,
        kinds: Sequence[Kind] | None = None,
        form: Form = "sections",
        standing: Standing = "brief",
        expand: Expand | None = None,
        check: Check = "threshold",
        background: bool | None = None,
        commands: bool = False,
        ask_model: bool = False,
        memory_allowed: MemoryAllowed = True,
        time_zone: tzinfo | str | None = None,
        now: Callable[[], datetime] | None = None,
        on_error: OnError = "continue",
    ) -> None:
        super().__init__()
        self.tools = []
        self._name = name
        self._memory = memory
        self._placement: Placement = placement
        # Checked here: a wrong option must fail where the agent is built, not in its first run.
        options = ContextOptions(
            max_tokens=max_tokens, kinds=kinds, form=form, standing=standing, expand=expand, check=check
        )
        self._options = options.resolve(memory)
        self._clock = Clock(time_zone=time_zone, now=now).resolve()
        self._learns_in_background = memory.learns_in_background if background is None else background
        self._commands = commands
        self._ask_model = ask_model
        self.state_schema = CommandAgentState if commands else MemoryAgentState
        self._allowed = memory_allowed
        self._on_error: OnError = on_error
        self._shown = TurnContexts()

    @property
    def name(self) -> str:
        """Part of the names of the agent's nodes."""
        return self._name

    @hook_config(can_jump_to=["end"])
    def before_agent(self, state: Any, runtime: Runtime[Any]) -> Update | None:
        """Mark what is off the record before anything can fail, and answer commands."""
        return finished(self._begin(False, state, runtime))

    @hook_config(can_jump_to=["end"])
    async def abefore_agent(self, state: Any, runtime: Runtime[Any]) -> Update | None:
        """:meth:`before_agent`, awaited."""
        return await self._begin(True, state, runtime)

    def wrap_model_call(
        self, request: ModelRequest[Any], handler: Callable[[ModelRequest[Any]], ModelResponse[Any]]
    ) -> ModelResponse[Any] | AIMessage:
        """Call the model with the memories."""
        remembering = finished(self._remembering(False, request))
        return handler(remembering) if remembering else _mark_answer(handler(request))

    async def awrap_model_call(
        self, request: ModelRequest[Any], handler: Callable[[ModelRequest[Any]], Awaitable[ModelResponse[Any]]]
    ) -> ModelResponse[Any] | AIMessage:
        """:meth:`wrap_model_call`, awaited."""
        remembering = await self._remembering(True, request)
        return await handler(remembering) if remembering else _mark_answer(await handler(request))

    def after_agent(self, state: Any, runtime: Runtime[Any]) -> Update | None:
        """Learn from the run."""
        return finished(self._end(False, state, runtime))

    async def aafter_agent(self, state: Any, runtime: Runtime[Any]) -> Update | None:
        """:meth:`after_agent`, awaited."""
        return await self._end(True, state, runtime)

    async def _begin(self, asynchronous: bool, state: Any, runtime: Runtime[Any]) -> Update | None:
        may = await self._may(asynchronous, state, runtime)
        run: Update = {"memory_run": _questions(state) if may else None}
        if not self._commands:
            return run if may else {**run, **(_marks(state) or {})}
        question = dict_in(state, "memory_question")
        if may:
            outcome = await self._answer(asynchronous, state, runtime)
        else:
            outcome = answer_without_memory(messages_in(state), question)
        update: Update = run | ({"messages": [*outcome.changed]} if outcome.changed else {})
        if outcome.question != question:
            update["memory_question"] = outcome.question
        return update | ({"jump_to": "end", "memory_run": None} if outcome.ends_turn else {})

    async def _answer(self, asynchronous: bool, state: Any, runtime: Runtime[Any]) -> CommandOutcome:
        return await answer_message(
            self._memory,
            messages_in(state),
            asynchronous=asynchronous,
            question=dict_in(state, "memory_question"),
            namespace=self._namespace_of(runtime),
            thread_id=thread_if_any(ensure_config()),
            ask_model=self._ask_model,
            on_error="raise" if self._on_error == "raise" else "say",
        )

    async def _remembering(self, asynchronous: bool, request: ModelRequest[Any]) -> ModelRequest[Any] | None:
        """Add the memories to the request; None if memory is not to be used."""
        if not await self._may(asynchronous, request.state, request.runtime):
            return None
        namespace = self._namespace_of(request.runtime)
        question = question_of(_messages_of_run(request.state))
        if question is None:
            return request
        turn = self._turn(namespace, question)
        task = request.runtime.execution_info.task_id if request.runtime.execution_info else None
        turn_context = self._shown.get(turn, answered=question.answered, call=task)
        if turn_context is None:
            turn_context = TurnContext(
                message_id=question.message_id, call=task
            )  # a turn that could not recall stays as it began
            with continue_without_memory(logger, f"{self.name}.wrap_model_call", self._on_error):
                context = await call(
                    asynchronous,
                    self._memory.context,
                    question.text,
                    thread_id=thread_if_any(ensure_config()),
                    messages=window_of(request.messages),
                    now=moment_of(ensure_config(), request.runtime, **self._clock),
                    namespace=namespace,
                    **self._options,
                )
                turn_context = replace(
                    turn_context, standing=context.standing, relevant=context.relevant, keys=context.keys
                )
            self._shown.put(turn, turn_context)
        return _with_memory(request, turn_context, self._placement)

    async def _end(self, asynchronous: bool, state: Any, runtime: Runtime[Any]) -> Update | None:
        over: Update = {"memory_run": None}
        if not await self._may(asynchronous, state, runtime):
            return {**over, **(_marks(state) or {})}
        namespace, thread, messages = (
            self._namespace_of(runtime),
            thread_if_any(ensure_config()),
            _messages_of_run(state),
        )
        question = question_of(messages)
        context = self._shown.take(self._turn(namespace, question)) if question else None
        if thread is not None:
            with continue_without_memory(logger, f"{self.name}.after_agent", self._on_error):
                keys = context.keys if context else ()
                result = await call(
                    asynchronous,
                    self._memory.observe,
                    messages,
                    thread_id=thread,
                    used=keys,
                    background=self._learns_in_background,
                    clean=True,
                    now=moment_of(ensure_config(), runtime, **self._clock),
                    namespace=namespace,
                )
                if result.skip_reason in UNSTORED_REASONS:  # marked, or a later run would learn from them
                    return {**over, **(_marks(state) or {})}
        return over

    async def _may(self, asynchronous: bool, state: Any, runtime: Runtime[Any]) -> bool:
        return await may_remember(
            self._allowed,
            state,
            runtime,
            asynchronous=asynchronous,
            action=self.name,
            on_error=self._on_error,
        )

    def _namespace_of(self, runtime: Runtime[Any]) -> Namespace:
        return namespace_of_run(self._memory.namespace, ensure_config(), runtime)

    def _turn(self, namespace: Namespace, question: Question) -> Turn:
        return namespace, thread_if_any(ensure_config()), question.message_id, question.text


def _messages_of_run(state: Any) -> list[BaseMessage]:
    """The latest messages of a state, and before them the questions that were taken out since their runs began."""
    messages = messages_in(state)[-MAX_MESSAGES:]  # those before them were stored after earlier runs
    lost = _lost_questions(state, messages)
    return [*lost, *messages[max(0, len(lost) + len(messages) - MAX_MESSAGES) :]]


def _questions(state: Any) -> list[BaseMessage]:
    """The question of the run that begins, and those of earlier runs that were taken out and never learnt from."""
    messages = messages_in(state)
    latest = latest_user_message(messages)
    return [*_lost_questions(state, messages), *([latest] if latest is not None else [])]


def _lost_questions(state: Any, messages: Sequence[BaseMessage]) -> list[BaseMessage]:
    ids = {message_id(message) for message in messages if is_a(message, BaseMessage)}
    questions: object = in_state(state, "memory_run")
    values = [] if questions is None else validation.check_list(questions, "memory_run")
    if not all(is_a(value, BaseMessage) for value in values):
        raise InvalidInputError("memory_run has what is no message; leave it to this middleware")
    return [question for question in values if message_id(question) not in ids]


def _marks(state: Any) -> Update | None:
    marks = new_marks(messages_in(state))
    return {"messages": marks} if marks else None


def _mark_answer(response: ModelResponse[Any] | AIMessage) -> ModelResponse[Any] | AIMessage:
    """Mark answers as they come, in case the run does not reach its end."""
    if isinstance(response, AIMessage):
        return cast("AIMessage", mark_off_record([response])[0])
    return replace(response, result=mark_off_record(response.result))


def _with_memory(request: ModelRequest[Any], context: TurnContext, placement: Placement) -> ModelRequest[Any]:
    """Put the texts into the request; where other middleware took the user's messages away, all at the system prompt's end."""
    at_end = [context.standing, context.relevant if placement == "system" else ""]
    for text in filter(None, at_end):
        system = request.system_message or SystemMessage("")
        request = request.override(system_message=cast("SystemMessage", add_text(system, text, first=False)))
    if placement == "system" or not context.relevant:
        return request
    messages = list(request.messages)
    human_positions = [position for position, message in enumerate(messages) if isinstance(message, HumanMessage)]
    positions = [
        position for position in human_positions if messages[position].id == context.message_id
    ] or human_positions
    if not positions:
        return _with_memory(request, replace(context, standing=""), "system")
    messages[positions[-1]] = cast("HumanMessage", add_text(messages[positions[-1]], context.relevant))
    return request.override(messages=messages)
