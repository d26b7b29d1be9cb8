"""What nodes, middleware, tools, retrievers and histories are handed, and the messages that they have stored."""

from __future__ import annotations

from typing import Any

from langchain.agents import create_agent
from langchain_core.messages import HumanMessage
from langgraph.graph import END, START, StateGraph

from langchain_persistmem import (
    CommandState,
    MemoryState,
    PersistMemChatMessageHistory,
    PersistMemEnsembleRetriever,
    PersistMemMiddleware,
    PersistMemRetriever,
    PersistMemSessionRetriever,
    answer_commands,
    extract_memory,
    load_memory,
    memory_tools,
)
from tests.bad_input.corpus import (
    EMPTY_TEXTS,
    FEW,
    FEW_NAMES,
    FILTERS,
    NAMES,
    NUMBERS,
    TEXTS,
)
from tests.bad_input.entry_points.entry_point import (
    FEW_NAME,
    USER,
    Act,
    EntryPoint,
    fresh,
)
from tests.conftest import Either
from tests.support.foreign_history import ForeignHistory
from tests.support.scripted_model import Scripted


async def said_in_a_history(memory: Either, text: Any, session: Any = None) -> tuple[Any, Any]:
    history = PersistMemChatMessageHistory(memory.memory, fresh() if session is None else session, user_id=USER)
    if memory.asynchronous:
        await history.aadd_messages([HumanMessage(text)])
        found = await history.aget_messages()
    else:
        history.add_messages([HumanMessage(text)])
        found = history.messages
    return found[-1].content, text


async def through_a_graph(memory: Either, text: Any) -> tuple[Any, Any]:
    graph = StateGraph(MemoryState)
    graph.add_node("load", load_memory(memory.memory, on_error="raise"))
    graph.add_node("learn", extract_memory(memory.memory, on_error="raise", background=False))
    graph.add_edge(START, "load").add_edge("load", "learn").add_edge("learn", END)
    compiled, thread = graph.compile(), fresh()
    config = {"configurable": {"user_id": USER, "thread_id": thread}}
    state = {"messages": [HumanMessage(text)]}
    await compiled.ainvoke(state, config) if memory.asynchronous else compiled.invoke(state, config)
    found = await memory.conversations.messages(thread, user_id=USER)
    return [each.content for each in found], [cleaned(text)]


def cleaned(text: Any) -> Any:
    """A message as a node and the middleware store it: what PostgreSQL cannot hold is cleaned away and counted."""
    return text.replace("\x00", "").encode(errors="replace").decode() if isinstance(text, str) else text


def with_tool(name: str, argument: str, **more: Any) -> Act:
    """An agent's tool, called with the value as one of its arguments."""

    async def call(memory: Either, value: Any) -> None:
        (tool,) = [each for each in memory_tools(memory.memory) if each.name == name]
        config = {"configurable": {"user_id": USER, "thread_id": "tools"}}
        arguments = {**more, argument: value}
        await tool.ainvoke(arguments, config) if memory.asynchronous else tool.invoke(arguments, config)

    return call


async def backfilled(memory: Either, text: Any) -> tuple[Any, Any]:
    """A message of another history."""
    history = ForeignHistory(messages=[HumanMessage(text)])
    thread = fresh()
    if memory.asynchronous:
        await memory.memory.conversations.abackfill(history, thread_id=thread, user_id=USER)
    else:
        memory.memory.conversations.backfill(history, thread_id=thread, user_id=USER)
    found = await memory.conversations.messages(thread, user_id=USER)
    return [each.content for each in found], [text]


async def through_an_agent(memory: Either, text: Any) -> tuple[Any, Any]:
    """A user's message to an agent that has the middleware."""
    middleware = PersistMemMiddleware(memory.memory, on_error="raise", background=False, commands=True)
    agent, thread = create_agent(Scripted(), tools=[], middleware=[middleware]), fresh()
    config = {"configurable": {"user_id": USER, "thread_id": thread}}
    state: Any = {"messages": [HumanMessage(text)]}
    await agent.ainvoke(state, config) if memory.asynchronous else agent.invoke(state, config)
    found = await memory.conversations.messages(thread, user_id=USER)
    return [each.content for each in found][:1], [cleaned(text)]


def with_commands() -> Act:
    """A user's message to the node that answers commands."""

    async def act(memory: Either, text: Any) -> None:
        graph = StateGraph(CommandState)
        graph.add_node("answer", answer_commands(memory.memory, on_error="raise"))
        graph.add_edge(START, "answer").add_edge("answer", END)
        compiled, state = graph.compile(), {"messages": [HumanMessage(text)]}
        config = {"configurable": {"user_id": USER, "thread_id": fresh()}}
        await compiled.ainvoke(state, config) if memory.asynchronous else compiled.invoke(state, config)

    return act


def of_the_run(name: str) -> Act:
    """A run's config, out of which a node, a retriever and the saver read whose memory it is."""

    async def act(memory: Either, value: Any) -> None:
        graph = StateGraph(MemoryState)
        graph.add_node("load", load_memory(memory.memory, on_error="raise"))
        graph.add_node("learn", extract_memory(memory.memory, on_error="raise", background=False))
        graph.add_edge(START, "load").add_edge("load", "learn").add_edge("learn", END)
        compiled, state = graph.compile(), {"messages": [HumanMessage("hello there")]}
        config = {"configurable": {"user_id": USER, "thread_id": fresh(), name: value}}
        await compiled.ainvoke(state, config) if memory.asynchronous else compiled.invoke(state, config)

    return act


def with_retriever(kind: Any, argument: str | None = None, **more: Any) -> Act:
    """A retriever, given the value as the query or as an option of one call."""

    async def act(memory: Either, value: Any) -> None:
        retriever = kind(memory=memory.memory, user_id=USER, **more)
        options = {} if argument is None else {argument: value}
        query = value if argument is None else "a"
        await retriever.ainvoke(query, **options) if memory.asynchronous else retriever.invoke(query, **options)

    return act


async def merged(memory: Either, query: Any) -> None:
    """A query to an ensemble."""
    session = PersistMemSessionRetriever(memory=memory.memory, user_id=USER, thread_id="t")
    ensemble = PersistMemEnsembleRetriever(
        session=session, memory=PersistMemRetriever(memory=memory.memory, user_id=USER)
    )
    await ensemble.ainvoke(query) if memory.asynchronous else ensemble.invoke(query)


INTEGRATIONS = (
    EntryPoint("history: session_id", "session_id|thread_id", NAMES, lambda m, v: said_in_a_history(m, "hello", v)),
    EntryPoint("history: content", "messages", TEXTS, said_in_a_history),
    EntryPoint("retriever: query", "query", {**TEXTS, **EMPTY_TEXTS}, with_retriever(PersistMemRetriever)),
    EntryPoint("retriever: filter", "filter", FILTERS, with_retriever(PersistMemRetriever, "filter")),
    EntryPoint("retriever: k", "k|limit", NUMBERS, with_retriever(PersistMemRetriever, "k")),
    EntryPoint("retriever: threshold", "threshold", NUMBERS, with_retriever(PersistMemRetriever, "threshold")),
    EntryPoint("session retriever: query", "query", FEW, with_retriever(PersistMemSessionRetriever, thread_id="t")),
    EntryPoint("session retriever: k", "k", NUMBERS, with_retriever(PersistMemSessionRetriever, "k", thread_id="t")),
    EntryPoint(
        "session retriever: turns", "turns", NUMBERS, with_retriever(PersistMemSessionRetriever, "turns", thread_id="t")
    ),
    EntryPoint("ensemble: query", "query", FEW, merged),
    EntryPoint("graph: message", "messages|query", FEW, through_a_graph),
    EntryPoint("graph: user_id", "user_id|namespace", FEW_NAME, of_the_run("user_id")),
    EntryPoint("graph: thread_id", "thread_id", FEW_NAMES, of_the_run("thread_id")),
    EntryPoint("graph: off_the_record", "off_the_record", NUMBERS, of_the_run("off_the_record")),
    EntryPoint("agent: message", "messages|query", FEW, through_an_agent),
    EntryPoint("commands: message", "messages", FEW, with_commands()),
    EntryPoint("backfill: message", "messages", FEW, backfilled),
    EntryPoint("tool remember: text", "text", FEW, with_tool("remember", "text")),
    EntryPoint("tool recall: query", "query", FEW, with_tool("recall_memories", "query")),
    EntryPoint("tool recall: limit", "limit", NUMBERS, with_tool("recall_memories", "limit", query="a")),
    EntryPoint("tool correct: text", "text", FEW, with_tool("correct_memory", "text", key="known")),
    EntryPoint("tool forget: keys", "keys", {n: [v] for n, v in NAMES.items()}, with_tool("forget_memories", "keys")),
)
