"""Every place where an application, a model or a file hands something over, and how what was stored is read back."""

from __future__ import annotations

import asyncio
import hashlib
import json
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import count
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from uuid import uuid4

from langchain.agents import create_agent
from langchain_core.messages import HumanMessage, convert_to_messages
from langgraph.checkpoint.base import empty_checkpoint
from langgraph.graph import END, START, StateGraph

from langchain_persistmem import (
    CommandState,
    MemoryState,
    PersistMemChatMessageHistory,
    PersistMemEnsembleRetriever,
    PersistMemMiddleware,
    PersistMemRetriever,
    PersistMemSessionRetriever,
    acting_as,
    answer_commands,
    extract_memory,
    load_memory,
    memory_tools,
)
from langchain_persistmem.cli.ingest import chunks, survey
from tests.bad_input.corpus import (
    EMPTY_TEXTS,
    FEW,
    FEW_NAMES,
    FILTERS,
    MESSAGES,
    MOMENTS,
    NAMES,
    NAMESPACES,
    NOT_TEXT,
    NUMBERS,
    TEXTS,
    UNICODE,
    VALUES,
)
from tests.conftest import Either
from tests.support.foreign_history import ForeignHistory
from tests.support.public_methods import get_path
from tests.support.scripted_model import Scripted

Act = Callable[[Either, Any], Awaitable[Any]]
"""Hands a value over; returns what was stored beside what should have been, or nothing where nothing is stored."""

USER = "somebody"
_number = count()


@dataclass(frozen=True)
class Door:
    """One argument of one way in."""

    name: str
    field: str
    """What a refusal has to name: one of these words, separated by ``|``."""
    cases: Mapping[str, Any]
    act: Act


def fresh() -> str:
    """A name that nothing has yet."""
    return f"n{next(_number)}"


async def remember(memory: Either, **given: Any) -> tuple[Any, Any]:
    """Keep a statement and read it again."""
    whose = {name: given[name] for name in ("user_id", "namespace") if name in given} or {"user_id": USER}
    kept = await memory.remember(**{"text": f"statement {fresh()}", **whose, **given})
    if kept.status == "quarantined":
        (found,) = [each for each in await memory.review.list(limit=1000, **whose) if each.id == kept.id]
    else:
        found = await memory.get(kept.key, **whose)
    return [getattr(found, name) for name in _kept(given)], [given[name] for name in _kept(given)]


def _kept(given: Mapping[str, Any]) -> list[str]:
    """What comes back; None leaves it to the default."""
    kept = ("text", "key", "value", "speaker", "valid_from", "kind")
    return [name for name in given if name in kept and given[name] is not None]


def distinct(text: Any) -> Any:
    """A statement of its own: two that differ in spaces or capitals are one to memory."""
    return f"{fresh()} {text}" if isinstance(text, str) and text.strip() else text


async def observed(memory: Either, message: Any, thread: str | None = None) -> tuple[Any, Any] | None:
    """Observe one message and read it again."""
    thread = fresh() if thread is None else thread
    await memory.observe([message], thread_id=thread, user_id=USER)
    found = await memory.conversations.messages(thread, user_id=USER)
    if isinstance(message, dict) and "lc" in message:
        return None
    wanted = convert_to_messages([_without_ours(message)])
    return [(each.type, each.content) for each in found], [(each.type, each.content) for each in wanted]


def _without_ours(message: Any) -> Any:
    """What LangChain itself understands of a dict: not the timestamp."""
    return (
        {name: value for name, value in message.items() if name != "timestamp"}
        if isinstance(message, dict)
        else message
    )


async def put(
    memory: Either, *, namespace: Any = ("memories", USER), key: Any = None, value: Any = None, **more: Any
) -> Any:
    """Put an item and get it again."""
    key, value = fresh() if key is None else key, {"text": "a"} if value is None else value
    store = memory.memory.store
    if memory.asynchronous:
        await store.aput(namespace, key, value, **more)
        found = await store.aget(namespace, key)
    else:
        store.put(namespace, key, value, **more)
        found = store.get(namespace, key)
    return found and (found.key, found.value), (str(key), value)  # LangGraph makes a string of every key


async def search(memory: Either, **given: Any) -> None:
    """Search items."""
    store, prefix = memory.memory.store, given.pop("prefix", ("memories", USER))
    await store.asearch(prefix, **given) if memory.asynchronous else store.search(prefix, **given)


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
    return [each.content for each in found], [without_nul(text)]


def without_nul(text: Any) -> Any:
    """A message as a node and the middleware store it: NUL, which PostgreSQL cannot hold, is cleaned away and counted."""
    return text.replace("\x00", "") if isinstance(text, str) else text


def with_tool(name: str, argument: str, **more: Any) -> Act:
    """An agent's tool, called with the value as one of its arguments."""

    async def call(memory: Either, value: Any) -> None:
        (tool,) = [each for each in memory_tools(memory.memory) if each.name == name]
        config = {"configurable": {"user_id": USER, "thread_id": "tools"}}
        arguments = {**more, argument: value}
        await tool.ainvoke(arguments, config) if memory.asynchronous else tool.invoke(arguments, config)

    return call


async def checkpointed(
    memory: Either, value: Any = "a", *, thread: Any = None, ns: str = "", channel: str = "said", metadata: Any = None
) -> tuple[Any, Any]:
    """Put a checkpoint and get it again."""
    saver = memory.memory.checkpointer
    config: Any = {"configurable": {"thread_id": fresh() if thread is None else thread, "checkpoint_ns": ns}}
    checkpoint = {**empty_checkpoint(), "channel_values": {channel: value}, "channel_versions": {channel: 1}}
    about = {"source": "input", "step": 0, **({} if metadata is None else {"note": {"said": metadata}})}
    if memory.asynchronous:
        await saver.aput(config, checkpoint, about, {channel: 1})
        found = await saver.aget_tuple(config)
    else:
        saver.put(config, checkpoint, about, {channel: 1})
        found = saver.get_tuple(config)
    got = found and [found.checkpoint["channel_values"].get(channel), found.metadata.get("note")]
    return got, [value, about.get("note")]


async def written(
    memory: Either, value: Any = "a", *, channel: str = "said", task: str | None = None, path: str = ""
) -> tuple[Any, Any]:
    """What a task wrote, for a checkpoint."""
    saver, task = memory.memory.checkpointer, fresh() if task is None else task
    place: Any = {"configurable": {"thread_id": "known", "checkpoint_ns": ""}}
    if memory.asynchronous:
        config = (await saver.aget_tuple(place)).config
        await saver.aput_writes(config, [(channel, value)], task, path)
        found = await saver.aget_tuple(config)
    else:
        config = saver.get_tuple(place).config
        saver.put_writes(config, [(channel, value)], task, path)
        found = saver.get_tuple(config)
    return [each for each in found.pending_writes if each[0] == task], [(task, channel, value)]


async def prepare(memory: Either) -> None:
    """What the doors find."""
    await memory.remember("I keep bees", key="known", user_id=USER)
    await memory.conversations.add([("user", "hello")], thread_id="known", user_id=USER)
    config: Any = {"configurable": {"thread_id": "known", "checkpoint_ns": ""}}
    saver = memory.memory.checkpointer
    if memory.asynchronous:
        await saver.aput(config, empty_checkpoint(), {}, {})
    else:
        saver.put(config, empty_checkpoint(), {}, {})


def of_saver(method: str, **more: Any) -> Act:
    """Another method of the saver, given a thread's id."""

    async def act(memory: Either, value: Any) -> None:
        saver = memory.memory.checkpointer
        if method == "list":
            config, search = {"configurable": {"thread_id": more.get("thread_id", value)}}, more.get("as_", "")
            options = {search: value} if search else {}
            if memory.asynchronous:
                _ = [each async for each in saver.alist(config, **options)]
            else:
                _ = list(saver.list(config, **options))
        elif memory.asynchronous:
            await getattr(saver, f"a{method}")(value)
        else:
            getattr(saver, method)(value)

    return act


async def ingested(memory: Either, **given: Any) -> tuple[Any, Any]:
    """A line of a file of conversations; what JSON does not have cannot be in one."""
    line = {
        "user_id": USER, "thread_id": fresh(), "role": "user", "content": "a", "timestamp": "2026-01-01T00:00:00Z", **given
    }  # fmt: skip
    try:
        text = json.dumps(line)
    except (TypeError, ValueError):
        return None, None
    with TemporaryDirectory() as folder:
        path = Path(folder) / "chats.jsonl"
        await asyncio.to_thread(path.write_text, text + "\n")
        (counts,) = survey([path]).threads.values()
        for (user, thread), messages in chunks(path, counts, 10):
            await memory.observe([dict(each) for each in messages], thread_id=thread, user_id=user)
            found = await memory.conversations.messages(thread, user_id=user)
    return found[-1].content, line["content"]


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
    return [each.content for each in found][:1], [without_nul(text)]


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


def imported(kind: str, field: str) -> Act:
    """A line of an export in which one field is another, with a digest that fits."""

    async def act(memory: Either, value: Any) -> None:
        with TemporaryDirectory() as folder:
            path = Path(folder) / "export.jsonl"
            await memory.privacy.export(path, user_id=USER)
            lines = [json.loads(line) for line in path.read_text().splitlines()]
            changed = next(line for line in lines if line["line"] == kind)
            changed[field] = value
            try:
                texts = [json.dumps(line) for line in lines[:-1]]
            except (TypeError, ValueError, RecursionError):
                return  # not in a file
            body = "".join(f"{text}\n" for text in texts)
            digest = hashlib.sha256(body.encode()).hexdigest()
            path.write_text(body + json.dumps({**lines[-1], "sha256": digest}) + "\n")
            await memory.privacy.import_file(path, user_id=fresh())

    return act


async def acted_as(memory: Either, name: Any) -> None:
    with acting_as(name):
        await memory.remember(f"statement {fresh()}", user_id=USER)


def call(method: str, argument: str, **more: Any) -> Act:
    """A method, called with the value as one of its arguments."""

    async def act(memory: Either, value: Any) -> None:
        await get_path(memory, method)(**{"user_id": USER, **more, argument: value})

    return act


def call_with(method: str, *arguments: Any, **options: Any) -> Act:
    """A method, called with the value after the other arguments."""

    async def act(memory: Either, value: Any) -> None:
        await get_path(memory, method)(*arguments, value, **options)

    return act


def call_for_everybody(method: str, argument: str) -> Act:
    """A method about all people, called with the value as its only argument."""

    async def act(memory: Either, value: Any) -> None:
        await get_path(memory, method)(**{argument: value})

    return act


async def updated(memory: Either, changes: Any) -> None:
    """A profile of its own for each case."""
    await memory.update_profile(changes, user_id=fresh())


NOW = datetime(2026, 1, 1, tzinfo=UTC)
TEXT = {**TEXTS, **EMPTY_TEXTS, **NOT_TEXT}
NAME = {**NAMES, **NOT_TEXT}
FEW_NAME = {**FEW_NAMES, **NOT_TEXT}

_LASTING = {name: number for name, number in NUMBERS.items() if name != "smallest"}
"""An item that lives for 5e-324 minutes is gone before it is read."""
_PREFIXES = {name: given for name, given in NAMESPACES.items() if given is not None}
"""LangGraph itself goes through the prefix before a store sees it."""

DOORS = (
    Door("remember: text", "text", TEXT, lambda m, v: remember(m, text=distinct(v))),
    Door("remember: key", "key", NAME, lambda m, v: remember(m, key=v)),
    Door("remember: value", "value", VALUES, lambda m, v: remember(m, value=v)),
    Door("remember: speaker", "speaker", NAME, lambda m, v: remember(m, speaker=v)),
    Door("remember: user_id", "user_id|namespace", NAME, lambda m, v: remember(m, user_id=v)),
    Door("remember: namespace", "namespace", NAMESPACES, lambda m, v: remember(m, namespace=v)),
    Door("remember: importance", "importance", NUMBERS, lambda m, v: remember(m, importance=v)),
    Door("remember: confidence", "confidence", NUMBERS, lambda m, v: remember(m, confidence=v)),
    Door("remember: valid_from", "valid_from", MOMENTS, lambda m, v: remember(m, valid_from=v)),
    Door("remember: kind", "kind", NAME, lambda m, v: remember(m, kind=v)),
    Door("remember: source", "source", NAME, lambda m, v: remember(m, source=v)),
    Door("observe: messages", "messages", MESSAGES, observed),
    Door("observe: thread_id", "thread_id", NAME, lambda m, v: observed(m, ("user", "hello there"), v)),
    Door("observe: used", "used", FEW_NAME, call("observe", "used", messages=[], thread_id="t")),
    Door("recall: query", "query", TEXT, call("recall", "query")),
    Door("recall: filter", "filter", FILTERS, call("recall", "filter", query="a")),
    Door("recall: limit", "limit", NUMBERS, call("recall", "limit", query="a")),
    Door("recall: threshold", "threshold", NUMBERS, call("recall", "threshold", query="a")),
    Door("recall: at", "at", MOMENTS, call("recall", "at", query="a")),
    Door("recall: now", "now", MOMENTS, call("recall", "now", query="a")),
    Door("recall: kinds", "kinds", FEW_NAME, call("recall", "kinds", query="a")),
    Door("context: query", "query", TEXT, call("context", "query")),
    Door("context: max_tokens", "max_tokens", NUMBERS, call("context", "max_tokens", query="a")),
    Door("context: thread_id", "thread_id", FEW_NAME, call("context", "thread_id", query="a")),
    Door("list: filter", "filter", FILTERS, call("list", "filter")),
    Door("list: limit", "limit", NUMBERS, call("list", "limit")),
    Door("list: offset", "offset", NUMBERS, call("list", "offset")),
    Door("get: key", "key", NAME, call("get", "key")),
    Door("history: key", "key", FEW_NAME, call("history.versions", "key")),
    Door("messages: thread_id", "thread_id", NAME, call("conversations.messages", "thread_id")),
    Door("messages: limit", "limit", NUMBERS, call("conversations.messages", "limit", thread_id="t")),
    Door("forget: keys", "keys", {**NAME, **{f"[{n}]": [v] for n, v in NAME.items()}}, call("forget", "keys")),
    Door("forget: query", "query", TEXT, call("forget", "query")),
    Door("command: message", "message", TEXT, call("command", "message")),
    Door("edit: text", "text", TEXT, call("edit", "text", key="known")),
    Door("pin: key", "key", FEW_NAME, call("edit", "key", pinned=True)),
    Door("set_consent: consent", "consent", FEW_NAME, call("privacy.set_consent", "consent", user_id="else")),
    Door("acting_as: name", "actor|name", NAME, acted_as),
    Door(
        "update_profile: changes",
        "changes|profile",
        VALUES,
        updated,
    ),
    Door("store.put: key", "key", NAME, lambda m, v: put(m, key=v) if v is not None else _nothing()),
    Door("store.put: value", "value", {n: v for n, v in VALUES.items() if v is not None}, lambda m, v: put(m, value=v)),
    Door("store.put: namespace", "namespace", NAMESPACES, lambda m, v: put(m, namespace=v)),
    Door("store.put: ttl", "ttl", _LASTING, lambda m, v: put(m, ttl=v)),
    Door("store.search: filter", "filter", FILTERS, lambda m, v: search(m, filter=v)),
    Door("store.search: limit", "limit", NUMBERS, lambda m, v: search(m, limit=v)),
    Door("store.search: query", "query", TEXTS, lambda m, v: search(m, query=v)),
    Door("store.search: prefix", "namespace|prefix", _PREFIXES, lambda m, v: search(m, prefix=v)),
    Door("history: session_id", "session_id|thread_id", NAMES, lambda m, v: said_in_a_history(m, "hello", v)),
    Door("history: content", "messages", TEXTS, said_in_a_history),
    Door("retriever: query", "query", {**TEXTS, **EMPTY_TEXTS}, with_retriever(PersistMemRetriever)),
    Door("retriever: filter", "filter", FILTERS, with_retriever(PersistMemRetriever, "filter")),
    Door("retriever: k", "k|limit", NUMBERS, with_retriever(PersistMemRetriever, "k")),
    Door("retriever: threshold", "threshold", NUMBERS, with_retriever(PersistMemRetriever, "threshold")),
    Door("session retriever: query", "query", FEW, with_retriever(PersistMemSessionRetriever, thread_id="t")),
    Door("session retriever: k", "k", NUMBERS, with_retriever(PersistMemSessionRetriever, "k", thread_id="t")),
    Door(
        "session retriever: turns", "turns", NUMBERS, with_retriever(PersistMemSessionRetriever, "turns", thread_id="t")
    ),
    Door("ensemble: query", "query", FEW, merged),
    Door("graph: message", "messages|query", FEW, through_a_graph),
    Door("graph: user_id", "user_id|namespace", FEW_NAME, of_the_run("user_id")),
    Door("graph: thread_id", "thread_id", FEW_NAMES, of_the_run("thread_id")),
    Door("graph: off_the_record", "off_the_record", NUMBERS, of_the_run("off_the_record")),
    Door("agent: message", "messages|query", FEW, through_an_agent),
    Door("commands: message", "messages", FEW, with_commands()),
    Door("backfill: message", "messages", FEW, backfilled),
    Door("tool remember: text", "text", FEW, with_tool("remember", "text")),
    Door("tool recall: query", "query", FEW, with_tool("recall_memories", "query")),
    Door("tool recall: limit", "limit", NUMBERS, with_tool("recall_memories", "limit", query="a")),
    Door("tool correct: text", "text", FEW, with_tool("correct_memory", "text", key="known")),
    Door("tool forget: keys", "keys", {n: [v] for n, v in NAMES.items()}, with_tool("forget_memories", "keys")),
    Door("saver: thread_id", "thread_id", NAMES, lambda m, v: checkpointed(m, thread=v)),
    Door("saver: checkpoint_ns", "checkpoint_ns", FEW_NAMES, lambda m, v: checkpointed(m, ns=v)),
    Door("saver: channel of text", "checkpoint", TEXTS, checkpointed),
    Door(
        "saver: channel of numbers",
        "checkpoint",
        {n: v for n, v in NUMBERS.items() if isinstance(v, (int, float))},
        checkpointed,
    ),
    Door("saver: channel of messages", "checkpoint", UNICODE, lambda m, v: checkpointed(m, [v])),
    Door("saver: name of a channel", "channel|checkpoint", NAMES, lambda m, v: checkpointed(m, ["a"], channel=v)),
    Door("saver: channel of writes", "channel", NAMES, lambda m, v: written(m, channel=v)),
    Door("saver: metadata", "metadata", TEXTS, lambda m, v: checkpointed(m, metadata=v)),
    Door("saver: writes", "checkpoint", UNICODE, written),
    Door("saver: task_id", "task_id", NAMES, lambda m, v: written(m, task=v)),
    Door("saver: task_path", "task_path", FEW_NAMES, lambda m, v: written(m, path=v)),
    Door("saver: delete_thread", "thread_id", FEW_NAMES, of_saver("delete_thread")),
    Door("saver: list of a thread", "thread_id", FEW_NAMES, of_saver("list")),
    Door("saver: list with a filter", "filter", VALUES, of_saver("list", thread_id="t", as_="filter")),
    Door("import: memory's text", "text", {**FEW, **EMPTY_TEXTS, **NOT_TEXT}, imported("memory", "text")),
    Door(
        "import: memory's value",
        "value",
        {n: v for n, v in VALUES.items() if ":" not in n},
        imported("memory", "value"),
    ),
    Door("import: memory's importance", "importance", NUMBERS, imported("memory", "importance")),
    Door("import: memory's kind", "kind", FEW_NAME, imported("memory", "kind")),
    Door(
        "import: memory's valid_from",
        "valid_from",
        {**NUMBERS, "year 1": "0001-01-01T00:00:00+14:00", "naive": "2026-01-01"},
        imported("memory", "valid_from"),
    ),
    Door("ingest: content", "content", FEW, lambda m, v: ingested(m, content=v)),
    Door("ingest: thread_id", "thread_id", FEW_NAMES, lambda m, v: ingested(m, thread_id=v)),
    Door("ingest: user_id", "user_id|namespace", FEW_NAMES, lambda m, v: ingested(m, user_id=v)),
    Door("ingest: id", "id", FEW_NAMES, lambda m, v: ingested(m, id=v)),
    Door("ingest: name", "name", FEW_NAME, lambda m, v: ingested(m, name=v)),
    Door(
        "ingest: timestamp",
        "timestamp",
        {**NUMBERS, "year 1": "0001-01-01T00:00:00+14:00", "naive": "2026-01-01"},
        lambda m, v: ingested(m, timestamp=v),
    ),
    Door("remember: thread_id", "thread_id", FEW_NAME, lambda m, v: remember(m, thread_id=v)),
    Door(
        "add_messages: messages",
        "messages",
        {n: [v] for n, v in MESSAGES.items() if ":" not in n},
        call("conversations.add", "messages", thread_id="added"),
    ),
    Door("observe: many messages", "messages", NOT_TEXT, call("observe", "messages", thread_id="t")),
    Door("clear_messages: thread_id", "thread_id", FEW_NAME, call("conversations.clear", "thread_id")),
    Door(
        "set_off_record: thread_id", "thread_id", FEW_NAME, call("privacy.set_off_record", "thread_id", user_id="else")
    ),
    Door("set_off_record: off", "off", NUMBERS, call("privacy.set_off_record", "off", thread_id="t", user_id="else")),
    Door("may_recall: thread_id", "thread_id", FEW_NAME, call("may_recall", "thread_id")),
    Door("recall: expand", "expand", FEW_NAME, call("recall", "expand", query="a")),
    Door("recall: thread_id", "thread_id", FEW_NAME, call("recall", "thread_id", query="a")),
    Door(
        "recall: namespace",
        "namespace",
        NAMESPACES,
        lambda m, v: call("recall", "namespace", query="a", user_id=None)(m, v) if v is not None else _nothing(),
    ),
    Door("context: form", "form", FEW_NAME, call("context", "form", query="a")),
    Door("context: check", "check", FEW_NAME, call("context", "check", query="a")),
    Door("context: kinds", "kinds", FEW_NAME, call("context", "kinds", query="a")),
    Door("context: shown", "shown", FEW_NAME, call("context", "shown", query="a")),
    Door(
        "context: messages",
        "messages",
        {n: v if v is None else [v] for n, v in MESSAGES.items() if ":" not in n},
        call("context", "messages", query="a"),
    ),
    Door("context: now", "now", MOMENTS, call("context", "now", query="a")),
    Door("list: kinds", "kinds", FEW_NAME, call("list", "kinds")),
    Door("list: statuses", "statuses", FEW_NAME, call("list", "statuses")),
    Door("list: sources", "sources", FEW_NAME, call("list", "sources")),
    Door("list: since", "since", MOMENTS, call("list", "since")),
    Door("list: until", "until", MOMENTS, call("list", "until")),
    Door("conversations: limit", "limit", NUMBERS, call("conversations.list", "limit")),
    Door("conversations: offset", "offset", NUMBERS, call("conversations.list", "offset")),
    Door("activity: since", "since", MOMENTS, call("admin.activity", "since")),
    Door("activity: step", "step", FEW_NAME, call("admin.activity", "step")),
    Door("version: version", "version", FEW_NAME, call("history.version", "version")),
    Door("messages: offset", "offset", NUMBERS, call("conversations.messages", "offset", thread_id="t")),
    Door("show: key", "key", FEW_NAME, call("history.of", "key")),
    Door("changes: key", "key", FEW_NAME, call("history.changes", "key")),
    Door("changes: limit", "limit", NUMBERS, call("history.changes", "limit")),
    Door("review: limit", "limit", NUMBERS, call("review.list", "limit")),
    Door("restore: version", "version", FEW_NAME, call("history.restore", "version")),
    Door("approve: version", "version", FEW_NAME, call_with("review.approve", user_id=USER)),
    Door("reject: version", "version", FEW_NAME, call_with("review.reject", user_id=USER)),
    Door("approve: everything", "everything", NUMBERS, call("review.approve", "everything", user_id="else")),
    Door("reject: everything", "everything", NUMBERS, call("review.reject", "everything", user_id="else")),
    Door("people: limit", "limit", NUMBERS, call_for_everybody("admin.people", "limit")),
    Door("people: begins_with", "begins_with", FEW_NAME, call_for_everybody("admin.people", "begins_with")),
    Door("people: after", "namespace", _PREFIXES, call_for_everybody("admin.people", "after")),
    Door("edit: pinned", "pinned", NUMBERS, call("edit", "pinned", key="known", text="I sail in a boat.")),
    Door(
        "approve: versions",
        "versions",
        {**NOT_TEXT, **{f"[{n}]": [v] for n, v in NOT_TEXT.items()}},
        call_with("review.approve", uuid4(), user_id="else"),
    ),
    Door(
        "reject: versions",
        "versions",
        {**NOT_TEXT, **{f"[{n}]": [v] for n, v in NOT_TEXT.items()}},
        call_with("review.reject", uuid4(), user_id="else"),
    ),
    Door("retry: thread_id", "thread_id", FEW_NAME, call("admin.retry", "thread_id")),
    Door("process_pending: limit", "limit", NUMBERS, call_for_everybody("admin.process_pending", "limit")),
    Door("forget: limit", "limit", NUMBERS, call("forget", "limit", query="a")),
    Door("audit: since", "since", MOMENTS, call("privacy.audit", "since")),
    Door("audit: after", "after", NUMBERS, call("privacy.audit", "after")),
    Door("audit: limit", "limit", NUMBERS, call("privacy.audit", "limit")),
    Door("verify_audit: head", "head", FEW_NAME, call("privacy.verify_audit", "head")),
    Door(
        "command: question",
        "question",
        {n: v for n, v in VALUES.items() if ":" not in n},
        call("command", "question", message="yes"),
    ),
    Door("command: thread_id", "thread_id", FEW_NAME, call("command", "thread_id", message="hello")),
    Door(
        "edit: value",
        "value",
        VALUES,
        lambda m, v: call("edit", "value", key="known")(m, v) if v is not None else _nothing(),
    ),
    Door(
        "edit: importance",
        "importance",
        NUMBERS,
        lambda m, v: call("edit", "importance", key="known")(m, v) if v is not None else _nothing(),
    ),
    Door(
        "edit: valid_from",
        "valid_from",
        MOMENTS,
        lambda m, v: call("edit", "valid_from", key="known")(m, v) if v is not None else _nothing(),
    ),
    Door(
        "edit: kind",
        "kind",
        {**NOT_TEXT, "unknown": "wish"},
        lambda m, v: call("edit", "kind", key="known")(m, v) if v is not None else _nothing(),
    ),
)


async def _nothing() -> None:
    """A put of None is a delete."""
