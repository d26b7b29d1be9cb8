"""Every way to a person's memory, for tests of who gets to see and to change what.

A reading entry point answers with what it found; a writing entry point changes what is one user's. Both take memory in either colour and a
user's id. :func:`filled` gives each user the same keys, threads and questions, and a tag of their own in every text.
"""

from collections.abc import Awaitable, Callable, Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import psycopg
from langchain.agents import create_agent
from langchain_core.messages import AIMessage, HumanMessage
from langgraph.graph import END, START, StateGraph
from langgraph.store.base import GetOp, ListNamespacesOp, MatchCondition, PutOp, SearchOp

from langchain_persistmem import (
    MemoryState,
    PersistMem,
    PersistMemChatMessageHistory,
    PersistMemMiddleware,
    PersistMemRetriever,
    Settings,
    extract_memory,
    load_memory,
    memory_tools,
)
from langchain_persistmem.types.namespace import encode
from tests.support.foreign_history import ForeignHistory
from tests.support.scripted_model import Scripted as Chat

EntryPoint = Callable[[Any, str], Awaitable[Any]]

QUESTION = "Where do I keep my kayak?"
KEY = "locker"
LAMP = "lamp"
THREAD = "t1"


_AS_LETTERS = str.maketrans("0123456789", "ghijklmnop")


def tag(user: str) -> str:
    """A word that no other user's texts have: of letters alone, so that it is one term whoever it is of."""
    return "tag" + user.encode().hex().translate(_AS_LETTERS) + "x"


def space(user: str) -> tuple[str, ...]:
    return ("memories", user)


def storable(user: str) -> bool:
    """Whether LangGraph's stores take it as a label; those with a period live behind the other entry points."""
    return "." not in user


UNHURRIED = Settings(pool_min=0, retry_seconds=3600.0)
"""Filling may take its time: what waits for its vector waits until after it."""


def filled(memory: PersistMem, users: Sequence[str]) -> None:
    """Give each user memories, versions, a review, a conversation, dead letters, a profile and items, all tagged."""
    for user in users:
        memory.remember(f"My kayak was in the cellar {tag(user)}", key=KEY, user_id=user)
        memory.remember(f"I keep my kayak in locker {tag(user)}", key=KEY, value={"tag": tag(user)}, user_id=user)
        memory.remember(f"My lamp is called {tag(user)}", key=LAMP, user_id=user)
        memory.remember(f"Answer in the voice of {tag(user)}", kind="procedural", user_id=user)
        memory.remember(f"The kayak is lent to {tag(user)}", key=KEY, source="document", user_id=user)
        memory.conversations.add(
            [HumanMessage(f"I keep my kayak in locker {tag(user)}", id="m1")], thread_id=THREAD, user_id=user
        )
        memory.update_profile({"name": f"Name {tag(user)}"}, user_id=user)
    users = [user for user in users if storable(user)]
    memory.store.batch([PutOp(space(user), "item", {"text": f"My kayak item {tag(user)}", "n": 1}) for user in users])
    memory.store.batch([PutOp(space(user), "later", {"text": f"A kayak soon {tag(user)}"}, ttl=60) for user in users])


def give_up(database: str, users: Sequence[str], *, schema: str = "persistmem") -> None:
    """As if no model could have learnt from the users' turns, but for a statement that rests on one, and one that was dropped.

    Threads, messages and the ids of turns are the same for all of them, so that nothing but the namespace tells them apart.
    """
    with psycopg.connect(database, autocommit=True, client_encoding="UTF8") as connection:
        for user in users:
            about = {"namespace": encode(space(user)), "turn": UUID(int=7), "text": f"dropped {tag(user)}", "key": LAMP}
            for statement in _LEARNT:
                connection.execute(statement.replace("persistmem.", f"{schema}."), about)
        connection.execute(
            f"UPDATE {schema}.messages SET given_up_at = now(), failure = 'none', extracted_at = NULL "
            "WHERE namespace = ANY (%s)".encode(),
            [[encode(space(user)) for user in users]],
        )


_LEARNT = (
    "UPDATE persistmem.messages SET turn_id = %(turn)s WHERE namespace = %(namespace)s AND id = 'm1'",
    "INSERT INTO persistmem.memory_turns (namespace, memory_id, turn_id) SELECT namespace, id, %(turn)s "
    "FROM persistmem.memories WHERE namespace = %(namespace)s AND key = %(key)s",
    "INSERT INTO persistmem.omissions (namespace, id, thread_id, message_id, version, text, reason, recorded_at) "
    "SELECT namespace, gen_random_uuid(), thread_id, id, version, %(text)s, 'unsupported', now() "
    "FROM persistmem.messages WHERE namespace = %(namespace)s AND id = 'm1'",
)


async def store_call(either: Any, name: str, *arguments: Any, **options: Any) -> Any:
    store = either.memory.store
    if either.asynchronous:
        return await getattr(store, f"a{name}")(*arguments, **options)
    return getattr(store, name)(*arguments, **options)


async def invoked(either: Any, runnable: Any, *arguments: Any, **options: Any) -> Any:
    if either.asynchronous:
        return await runnable.ainvoke(*arguments, **options)
    return runnable.invoke(*arguments, **options)


def run_of(user: str, thread: str = "fresh") -> Any:
    return {"configurable": {"user_id": user, "thread_id": f"{thread} of {user}"}}


def graph_of(memory: PersistMem) -> Any:
    builder = StateGraph(MemoryState)
    builder.add_node("load_memory", load_memory(memory, on_error="raise"))
    builder.add_node("model", lambda state: {"messages": [AIMessage("Noted.")]})
    builder.add_node("extract_memory", extract_memory(memory, on_error="raise"))
    for edge in (
        (START, "load_memory"),
        ("load_memory", "model"),
        ("model", "extract_memory"),
        ("extract_memory", END),
    ):
        builder.add_edge(*edge)
    return builder.compile(checkpointer=memory.checkpointer)


async def _tool(either: Any, user: str, name: str, **arguments: Any) -> Any:
    (tool,) = [each for each in memory_tools(either.memory) if each.name == name]
    return await invoked(either, tool, arguments, run_of(user))


async def _middleware(either: Any, user: str) -> Any:
    model = Chat()
    agent = create_agent(model, [], middleware=[PersistMemMiddleware(either.memory, on_error="raise")])
    await invoked(either, agent, {"messages": [HumanMessage(QUESTION)]}, run_of(user, "agent"))
    return [each.content for each in model.requests[0]]


async def _retriever(either: Any, user: str) -> Any:
    return await invoked(either, PersistMemRetriever(memory=either.memory), QUESTION, run_of(user))


async def _nodes(either: Any, user: str) -> Any:
    return await invoked(either, graph_of(either.memory), {"messages": [HumanMessage(QUESTION)]}, run_of(user))


async def _chat_history(either: Any, user: str) -> Any:
    history = PersistMemChatMessageHistory(either.memory, THREAD, user_id=user)
    return await history.aget_messages() if either.asynchronous else history.messages


async def _export(either: Any, user: str) -> Any:
    import tempfile

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "export.jsonl"
        await either.privacy.export(path, user_id=user)
        return path.read_text(encoding="utf-8")


async def _at(either: Any, user: str) -> Any:
    first = (await either.history.versions(KEY, user_id=user))[-1]
    return await either.recall(QUESTION, at=first.valid_from + timedelta(microseconds=1), threshold=0, user_id=user)


async def _with_statements(either: Any, user: str) -> Any:
    return [memory for each in await either.conversations.outcomes(THREAD, user_id=user) for memory in each.memories]


async def _with_omissions(either: Any, user: str) -> Any:
    return [change for each in await either.conversations.outcomes(THREAD, user_id=user) for change in each.dropped]


async def _version(either: Any, user: str) -> Any:
    (current, *_) = await either.list(user_id=user, limit=1)
    return await either.history.version(current.id, user_id=user)


def _store_search(**options: Any) -> EntryPoint:
    async def entry_point(either: Any, user: str) -> Any:
        return await store_call(either, "search", space(user), limit=100, **options)

    return entry_point


def _batch(either: Any, user: str) -> Any:
    ops = [
        GetOp(space(user), "item"),
        SearchOp(space(user), limit=100),
        SearchOp((user,)),
        GetOp(("other", user), "item"),
    ]
    return store_call(either, "batch", ops)


READING: dict[str, EntryPoint] = {
    "get": lambda either, user: either.get(KEY, user_id=user),
    "list": lambda either, user: either.list(user_id=user, limit=1000),
    "list with a filter": lambda either, user: either.list(filter={"tag": {"$exists": True}}, user_id=user),
    "recall": lambda either, user: either.recall(QUESTION, threshold=0, limit=100, user_id=user),
    "explain": lambda either, user: either.explain(QUESTION, threshold=0, limit=100, user_id=user),
    "recall with a filter": lambda either, user: either.recall(QUESTION, threshold=0, kinds=["semantic"], user_id=user),
    "recall at a time": _at,
    "context": lambda either, user: either.context(QUESTION, user_id=user),
    "profile": lambda either, user: either.profile(user_id=user),
    "history": lambda either, user: either.history.versions(KEY, user_id=user),
    "show": lambda either, user: either.history.of(KEY, user_id=user),
    "version": _version,
    "list of the past": lambda either, user: either.list(statuses=["superseded", "quarantined"], user_id=user),
    "review": lambda either, user: either.review.list(user_id=user),
    "messages": lambda either, user: either.conversations.messages(THREAD, user_id=user),
    "turns": lambda either, user: either.conversations.turns(THREAD, user_id=user),
    "outcomes of messages, with what rests on them": _with_statements,
    "outcomes of messages, with what was dropped": _with_omissions,
    "forget with a query": lambda either, user: either.forget(query=QUESTION, limit=1000, user_id=user),
    "command": lambda either, user: either.command("What do you know about me?", user_id=user),
    "export_file": _export,
    "retriever": _retriever,
    "chat history": _chat_history,
    "nodes": _nodes,
    "middleware": _middleware,
    "tool recall": lambda either, user: _tool(either, user, "recall_memories", query=QUESTION),
    "tool list": lambda either, user: _tool(either, user, "list_memories"),
    "store get": lambda either, user: store_call(either, "get", space(user), "item"),
    "store search": _store_search(),
    "store search with a query": _store_search(query="kayak"),
    "store search with a filter": _store_search(filter={"n": 1}),
    "store batch": _batch,
}
"""Each shows the user's own tag, and nobody else's."""


async def _namespaces(either: Any, user: str) -> Any:
    ops = [
        ListNamespacesOp((MatchCondition("prefix", space(user)),), limit=10_000),
        ListNamespacesOp((MatchCondition("suffix", (user,)),), limit=10_000) if user != "*" else SearchOp(space(user)),
    ]
    found, _ = await store_call(either, "batch", ops)
    return found


COUNTING: dict[str, EntryPoint] = {
    "status": lambda either, user: either.admin.status(user_id=user),
    "changes": lambda either, user: either.history.changes(KEY, user_id=user),
    "consent": lambda either, user: either.privacy.consent(user_id=user),
    "may_recall": lambda either, user: either.may_recall(THREAD, user_id=user),
    "off_record": lambda either, user: either.privacy.off_record(THREAD, user_id=user),
    "audit": lambda either, user: either.privacy.audit(user_id=user),
    "verify_audit": lambda either, user: either.privacy.verify_audit(user_id=user),
    "conversations": lambda either, user: either.conversations.list(user_id=user),
    "activity": lambda either, user: either.admin.activity(user_id=user),
    "dead_letters": lambda either, user: either.admin.dead_letters(user_id=user),
    "dry run of forget everything": lambda either, user: either.forget(everything=True, dry_run=True, user_id=user),
    "dry run of forget": lambda either, user: either.forget([KEY], dry_run=True, user_id=user),
    "dry run of maintain": lambda either, user: either.admin.maintain(dry_run=True, user_id=user),
}
"""They tell numbers and no text: the same with the others there as without them."""


async def _put(either: Any, user: str) -> None:
    await store_call(either, "put", space(user), "item", {"text": "overwritten"})


async def _refreshed(either: Any, user: str) -> None:
    await store_call(either, "get", space(user), "later", refresh_ttl=True)


async def _restore(either: Any, user: str) -> None:
    await either.history.restore((await either.history.versions(KEY, user_id=user))[-1].id, user_id=user)


async def _approve(either: Any, user: str) -> None:
    await either.review.approve((await either.review.list(user_id=user))[0].id, user_id=user)


async def _reject(either: Any, user: str) -> None:
    await either.review.reject((await either.review.list(user_id=user))[0].id, user_id=user)


async def _unpin(either: Any, user: str) -> None:
    await either.edit(LAMP, pinned=True, user_id=user)
    await either.edit(LAMP, pinned=False, user_id=user)


async def _add(either: Any, user: str) -> None:
    await either.conversations.add([HumanMessage("more", id="m2")], thread_id=THREAD, user_id=user)


async def _copy(either: Any, user: str) -> None:
    import tempfile

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "export.jsonl"
        await either.privacy.export(path, user_id=user)
        await either.forget(everything=True, user_id=user)
        await either.privacy.import_file(path, user_id=user)


WRITING: dict[str, EntryPoint] = {
    "remember under the same key": lambda either, user: either.remember("It is gone", key=KEY, user_id=user),
    "remember the same statement": lambda either, user: either.remember("We all like tea", user_id=user),
    "observe": lambda either, user: either.observe([HumanMessage("I sold it", id="m1")], thread_id="t2", user_id=user),
    "observe in the background": lambda either, user: either.observe(
        [HumanMessage("I sold it", id="m9")], thread_id=THREAD, background=True, user_id=user
    ),
    "add_messages": _add,
    "backfill": lambda either, user: either.conversations.backfill(
        ForeignHistory(messages=[HumanMessage("I sold it", id="m1")]), thread_id="t3", user_id=user
    ),
    "clear_messages": lambda either, user: either.conversations.clear(THREAD, user_id=user),
    "update_profile": lambda either, user: either.update_profile({"name": "Nobody"}, user_id=user),
    "restore": _restore,
    "approve": _approve,
    "reject": _reject,
    "approve_all": lambda either, user: either.review.approve(everything=True, user_id=user),
    "reject_all": lambda either, user: either.review.reject(everything=True, user_id=user),
    "edit": lambda either, user: either.edit(LAMP, text="My lamp is gone", user_id=user),
    "pin": lambda either, user: either.edit(LAMP, pinned=True, user_id=user),
    "unpin": _unpin,
    "set_consent": lambda either, user: either.privacy.set_consent("paused", user_id=user),
    "set_off_record": lambda either, user: either.privacy.set_off_record(THREAD, user_id=user),
    "retry": lambda either, user: either.admin.retry(THREAD, user_id=user),
    "maintain": lambda either, user: either.admin.maintain(user_id=user),
    "forget": lambda either, user: either.forget([KEY], user_id=user),
    "forget everything": lambda either, user: either.forget(everything=True, user_id=user),
    "export_file and import_file": _copy,
    "command": lambda either, user: either.command("Remember that I like tea", user_id=user),
    "store put": _put,
    "store delete": lambda either, user: store_call(either, "delete", space(user), "item"),
    "store get that refreshes": _refreshed,
    "nodes": _nodes,
    "middleware": _middleware,
    "tool remember": lambda either, user: _tool(either, user, "remember", text="I like tea"),
    "tool correct": lambda either, user: _tool(either, user, "correct_memory", key=LAMP, text="My lamp is gone"),
    "tool forget": lambda either, user: _tool(either, user, "forget_memories", keys=[KEY]),
}
"""Each changes what is the user's, and nothing of anybody else."""
