"""What erasing a person promises: nothing is left, nothing comes back, and a restored backup is erased again."""

import asyncio
import json
import logging
import signal
import subprocess
import sys
import textwrap
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any, TypedDict
from uuid import UUID, uuid4

import psycopg
import pytest
from langchain_core.messages import AnyMessage
from langgraph.checkpoint.base import empty_checkpoint
from langgraph.graph import START, StateGraph
from langgraph.graph.message import add_messages
from psycopg import conninfo, sql

from langchain_persistmem import (
    ConcurrentUpdateError,
    ConfigurationError,
    ErasedError,
    Erasure,
    InvalidInputError,
    LocalEmbeddings,
    PersistMem,
    PersistMemError,
    Retention,
    Settings,
    import_postgres_store,
)
from tests.conftest import Either
from tests.support.aging import fill
from tests.support.scripted import Scripted, answer, entry
from tests.support.traces import traces, traces_in_files, traces_in_statistics

MARKER = "xyzzymarker"


class Context(TypedDict):
    """Who a run is for."""

    user_id: str


class State(TypedDict):
    """A conversation."""

    messages: Annotated[list[AnyMessage], add_messages]


def graph_of(saver: Any, during: Callable[[], None] = lambda: None, *, subgraph: bool = False) -> Any:
    """A graph that answers, and does something in the middle."""

    def answered(state: State) -> State:
        during()
        return {"messages": [("assistant", f"re: {state['messages'][-1].content}")]}  # type: ignore[list-item]

    def echoed(state: State) -> State:
        return {"messages": [("assistant", f"and: {state['messages'][-1].content}")]}  # type: ignore[list-item]

    inner: Any = StateGraph(State, context_schema=Context)
    inner.add_node("inner", answered)
    inner.add_node("last", echoed)
    inner.add_edge(START, "inner")
    inner.add_edge("inner", "last")
    outer: Any = StateGraph(State, context_schema=Context)
    outer.add_node("first", echoed)
    outer.add_node("answer", inner.compile(checkpointer=True) if subgraph else answered)
    outer.add_node("end", echoed)
    outer.add_edge(START, "first")
    outer.add_edge("first", "answer")
    outer.add_edge("answer", "end")
    return outer.compile(checkpointer=saver)


async def run(either: Either, graph: Any, text: str, *, user: str, thread: str, **options: Any) -> Any:
    """One run for a person."""
    given = ({"messages": [("user", text)]}, {"configurable": {"thread_id": thread}})
    if either.asynchronous:
        return await graph.ainvoke(*given, context={"user_id": user}, **options)
    return graph.invoke(*given, context={"user_id": user}, **options)


def sql_on(database: str, statement: str, *parameters: object) -> list[Any]:
    with psycopg.connect(database, autocommit=True) as connection:
        cursor = connection.execute(statement.encode(), parameters or None)
        return cursor.fetchall() if cursor.description else []


async def live(either: Either, user: str, text: str) -> None:
    """Leave something of a person in every table."""
    await either.remember(f"I keep {text} in the garden", user_id=user)
    for version in ("sleeps", "wakes"):
        await either.remember(f"My {text} {version}", key="state", user_id=user)
    await either.remember(f"Always greet {text}", kind="procedural", source="assistant", user_id=user)
    await either.observe([("user", f"My {text} is hungry")], thread_id=f"observed {text}", user_id=user)
    (best, *_) = await either.recall(f"{text} garden", user_id=user)
    await either.observe([], thread_id=f"observed {text}", user_id=user, used=[best.memory.key])
    await either.observe([("user", f"And {text}?")], thread_id=f"waiting {text}", background=True, user_id=user)
    await either.conversations.add([("user", f"Only {text}")], thread_id=f"kept {text}", user_id=user)
    store = either.memory.store
    for namespace in (("memories", user), ("memories", user, "notes", "deep")):
        await store.aput(namespace, f"item {text}", {"text": f"an item about {text}", "other": [text]})
    graph = graph_of(either.memory.checkpointer, subgraph=True)
    await run(either, graph, f"I dream of {text}", user=user, thread=f"run {text}")


@pytest.fixture
def backup(server: str, database: str) -> Iterator[Callable[[], str]]:
    """Copies of the database as it is, which are dropped at the end."""
    names: list[str] = []

    def copy() -> str:
        names.append(f"persistmem_{uuid4().hex}")
        source = conninfo.conninfo_to_dict(database)["dbname"]
        with psycopg.connect(server, autocommit=True) as admin:
            admin.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s AND pid <> pg_backend_pid()",
                (source,),
            )
            admin.execute(
                sql.SQL("CREATE DATABASE {} TEMPLATE {}").format(sql.Identifier(names[-1]), sql.Identifier(str(source)))
            )
        return conninfo.make_conninfo(server, dbname=names[-1])

    yield copy
    with psycopg.connect(server, autocommit=True) as admin:
        for name in names:
            admin.execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name)))


# --- everything ---------------------------------------------------------------------------------------------------


async def test_nothing_of_a_person_is_left_in_any_column_of_any_table(either, database: str, caplog) -> None:
    caplog.set_level(logging.DEBUG)
    for user, text in ((MARKER, f"{MARKER}cat"), ("ada", "tortoise")):
        await live(either, user, text)
    ours = sql_on(database, "SELECT tablename FROM pg_tables WHERE schemaname = 'persistmem'")
    sql_on(
        database,
        "UPDATE persistmem.memories SET status = 'archived' WHERE id = (SELECT id FROM persistmem.memories "
        "WHERE namespace = %s AND status = 'active' AND kind = 'episodic' LIMIT 1)",
        f"memories/{MARKER}",
    )
    sql_on(
        database,
        "UPDATE persistmem.messages SET given_up_at = now(), failure = 'ExtractionError' WHERE thread_id LIKE 'kept %%'"
        " AND namespace = %s",
        f"memories/{MARKER}",
    )
    sql_on(database, "INSERT INTO persistmem.model_calls VALUES (%s, current_date, 1)", f"memories/{MARKER}")
    sql_on(
        database,
        "INSERT INTO persistmem.missing_vectors (namespace, model, due_at) SELECT %s, model, now() + interval '1 day' "
        "FROM persistmem.embedding_models",
        f"memories/{MARKER}",
    )
    sql_on(
        database,
        "INSERT INTO persistmem.work_queue VALUES (%s, 'learn', 0, now() + interval '1 day')",
        f"memories/{MARKER}",
    )
    sql_on(
        database,
        "INSERT INTO persistmem.rewrites (namespace, generation, due_at, created_at) "
        "SELECT namespace, generation, now() + interval '1 day', now() FROM persistmem.namespaces WHERE namespace = %s",
        f"memories/{MARKER}",
    )
    sql_on(
        database,
        "INSERT INTO persistmem.memory_turns SELECT namespace, id, gen_random_uuid(), text FROM persistmem.memories "
        "WHERE namespace = %s LIMIT 1",
        f"memories/{MARKER}",
    )
    sql_on(
        database,
        "INSERT INTO persistmem.omissions SELECT namespace, gen_random_uuid(), thread_id, id, 1, text, 'low_confidence', "
        "NULL, now() FROM persistmem.messages WHERE namespace = %s LIMIT 1",
        f"memories/{MARKER}",
    )
    before = {trace.split(".")[0] for trace in traces(database, MARKER)}
    stays = {"migrations", "embedding_models", "erasures", "hnsw_indexes"}
    assert before >= {table for (table,) in ours} - stays | {"checkpoints", "checkpoint_blobs", "checkpoint_writes"}
    statuses = sql_on(database, "SELECT DISTINCT status FROM persistmem.memories")
    assert {status for (status,) in statuses} == {"active", "superseded", "archived", "quarantined"}

    planned = await either.forget(everything=True, dry_run=True, user_id=MARKER)
    assert (planned.erased, planned.verified, planned.ids) == (False, False, ())
    receipt = await either.forget(everything=True, user_id=MARKER)
    assert receipt.erased
    assert receipt.verified
    assert receipt.counts == planned.counts
    assert receipt.by_namespace == planned.by_namespace
    assert set(receipt.by_namespace) == {("memories", MARKER), ("memories", MARKER, "notes", "deep")}
    assert all(receipt.counts.values()), f"the test must fill every table: {receipt.counts}"
    assert traces(database, MARKER) == []
    assert len(await either.list(user_id="ada")) == 4
    assert traces(database, "tortoise")
    assert not [record for record in caplog.records if MARKER in record.getMessage()]


@pytest.mark.own_database
@pytest.mark.usefixtures("superuser")  # CHECKPOINT, and the files themselves
def test_after_vacuum_full_the_files_and_the_statistics_have_nothing_either(
    database: str, embeddings: LocalEmbeddings
) -> None:
    with PersistMem.open(database, embeddings=embeddings) as memory:
        either = Either(memory, asynchronous=False)
        asyncio.run(live(either, "ada", "tortoise"))  # of an empty table ANALYZE says nothing, and the old stays
        asyncio.run(live(either, MARKER, f"{MARKER}cat"))
        for number in range(50):
            memory.remember(f"{MARKER}cat does trick {number}", user_id=MARKER)
        sql_on(database, "ANALYZE")
        assert traces_in_statistics(database, MARKER)
        assert traces_in_files(database, MARKER)
        memory.forget(everything=True, user_id=MARKER)
    assert traces(database, MARKER) == []
    sql_on(database, "ANALYZE")
    for _ in range(5):  # a session that just begins, in any database, holds rows of the system's tables back
        sql_on(database, "VACUUM FULL")
        if not traces_in_files(database, MARKER):
            break
    assert traces_in_statistics(database, MARKER) == []
    assert traces_in_files(database, MARKER) == []


async def test_erasing_nobody_leaves_no_row_behind(either, database: str) -> None:
    receipt = await either.forget(everything=True, user_id=MARKER)
    assert receipt.erased
    assert not any(receipt.counts.values())
    assert traces(database, MARKER) == []
    assert await either.privacy.erasures() == []


# --- which namespaces ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("colour", ["sync", "async"])
async def test_every_namespace_of_the_person_is_erased_and_no_similar_one(
    database: str, embeddings: LocalEmbeddings, colour: str
) -> None:
    templates = [("agents", "*", "{user_id}"), ("team", "{user_id}", "notes")]
    named = [
        ("memories", "user1"),
        ("memories", "user1", "notes"),
        ("agents", "red", "user1"),
        ("agents", "blue", "user1", "drafts"),
        ("team", "user1", "notes"),
    ]
    others = [
        ("memories", "user10"),
        ("memories", "user"),
        ("memories", "user1-x"),
        ("memories", "USER1"),
        ("agents", "red", "user10"),
        ("agents", "user1"),
        ("agents", "user1", "blue"),
        ("team", "user1", "plans"),
        ("team", "user1"),
        ("memories", "user2", "user1"),
    ]
    with PersistMem.open(database, embeddings=embeddings, erase_namespaces=templates) as memory:
        for namespace in named + others:
            memory.store.put(namespace, "k", {"text": "something"}, index=False)
        either = Either(memory, asynchronous=colour == "async")
        planned = await either.forget(everything=True, dry_run=True, user_id="user1")
        assert set(planned.by_namespace) == set(named)
        receipt = await either.forget(everything=True, user_id="user1")
        assert set(receipt.by_namespace) == set(named)
        assert all(counts["memories"] == 1 for counts in receipt.by_namespace.values())
        assert len(receipt.ids) == len(named)
        assert set(memory.store.list_namespaces(limit=100)) == set(others)


async def test_a_namespace_means_itself_and_none_below_it(either) -> None:
    await either.remember("I like tea", user_id="ada")
    await either.forget(everything=True, namespace=("memories",))
    assert len(await either.list(user_id="ada")) == 1


@pytest.mark.parametrize("labels", [("agents", "*"), ("agents", "{user_id}", "{org}"), (), ("agents", "")])
def test_a_template_that_does_not_name_the_person_is_refused(labels: Any, database: str) -> None:
    with pytest.raises(ConfigurationError, match="erase_namespaces has"):
        PersistMem.open(database, erase_namespaces=[labels])


# --- whose threads ------------------------------------------------------------------------------------------------


async def test_a_run_that_names_a_person_registers_its_thread_once(either, database: str) -> None:
    graph = graph_of(either.memory.checkpointer, subgraph=True)
    for _ in range(2):
        await run(either, graph, "hello", user="ada", thread="t")
    registered = sql_on(database, "SELECT namespace, thread_id FROM persistmem.threads")
    assert registered == [("memories/ada", "t")]


def test_only_the_first_write_of_a_run_costs_another_round_trip(memory, statements: list[str]) -> None:
    graph = graph_of(memory.checkpointer, subgraph=True)
    graph.invoke({"messages": [("user", "hi")]}, {"configurable": {"thread_id": "t"}}, context={"user_id": "ada"})
    assert len([each for each in statements if "persistmem.threads" in each]) == 1


async def test_nobody_is_guessed_and_the_receipt_says_so(either, database: str) -> None:
    graph = graph_of(either.memory.checkpointer)
    given = ({"messages": [("user", f"I am {MARKER}")]}, {"configurable": {"thread_id": "t"}})
    await (graph.ainvoke(*given) if either.asynchronous else asyncio.to_thread(graph.invoke, *given))
    assert sql_on(database, "SELECT count(*) FROM persistmem.threads") == [(0,)]
    receipt = await either.forget(everything=True, user_id="ada")
    assert any("no run named a person" in place for place in receipt.remaining_traces)
    assert traces(database, MARKER)


async def test_an_erase_asks_no_more_where_many_threads_have_checkpoints(
    either, database: str, statements: list[str]
) -> None:
    await run(either, graph_of(either.memory.checkpointer), "hello", user="ben", thread="t")
    asked: list[int] = []
    for copies in (0, 0, 600):  # the first time looks at the schema too
        for copy in (
            "INSERT INTO persistmem.threads (namespace, thread_id, recorded_at)"
            f" SELECT namespace, thread_id || n, recorded_at FROM persistmem.threads, generate_series(1, {copies}) n",
            "INSERT INTO checkpoints (thread_id, checkpoint_ns, checkpoint_id, checkpoint, metadata, persistmem_owned)"
            " SELECT thread_id || n, checkpoint_ns, checkpoint_id, checkpoint, metadata, persistmem_owned"
            f" FROM checkpoints, generate_series(1, {copies}) n",
        ):
            sql_on(database, copy)
        statements.clear()
        receipt = await either.forget(everything=True, user_id="ada")
        assert not any("no run named a person" in place for place in receipt.remaining_traces)
        asked.append(len(statements))
    assert asked[1] == asked[2]


async def test_a_copy_of_a_thread_goes_with_the_person(either, database: str) -> None:
    await run(either, graph_of(either.memory.checkpointer), f"I am {MARKER}", user="ada", thread="t")
    await either.memory.checkpointer.acopy_thread("t", "copy")
    receipt = await either.forget(everything=True, user_id="ada")
    assert receipt.counts["threads"] == 2
    assert traces(database, MARKER) == []


async def test_a_thread_of_two_people_stays_until_it_is_said_that_it_may_go(either, database: str) -> None:
    graph = graph_of(either.memory.checkpointer)
    await run(either, graph, f"I am {MARKER}", user="ada", thread="ours")
    await run(either, graph, "And I am Bob", user="bob", thread="ours")
    await run(either, graph, "Mine alone", user="bob", thread="bobs")
    receipt = await either.forget(everything=True, user_id="bob")
    assert receipt.remaining_traces == (
        "the checkpoints of thread 'ours', which others have too: checkpointer.delete_thread deletes them",
    )
    assert not receipt.verified, "what Bob said there may still be there"
    assert sql_on(database, "SELECT DISTINCT thread_id FROM checkpoints") == [("ours",)]
    await run(either, graph, "And I am Bob", user="bob", thread="ours")
    receipt = await either.forget(everything=True, shared_threads=True, user_id="bob")
    assert (receipt.remaining_traces, receipt.verified) == ((), True)
    assert sql_on(database, "SELECT count(*) FROM checkpoints") == [(0,)]


async def test_a_second_erase_says_that_it_found_nothing_and_what_that_may_hide(either, database: str) -> None:
    graph = graph_of(either.memory.checkpointer)
    await run(either, graph, f"I am {MARKER}", user="ada", thread="ours")
    await run(either, graph, "And I am Bob", user="bob", thread="ours")
    first = await either.forget(everything=True, user_id="ada")
    again = await either.forget(everything=True, user_id="ada")
    assert not first.verified
    assert traces(database, MARKER)
    (note,) = again.remaining_traces
    assert note.startswith(
        "nothing was stored under this name: if it was erased before, that receipt names the threads"
    )
    assert MARKER not in note


async def _bystander_updates_the_state(either: Either, graph: Any) -> None:
    values: Any = {"messages": [("user", "hello")]}
    config: Any = {"configurable": {"thread_id": "adas", "user_id": "mallory"}}
    await graph.aupdate_state(config, values) if either.asynchronous else graph.update_state(config, values)


async def _bystander_puts(either: Either, graph: Any) -> None:
    saver, checkpoint, about = either.memory.checkpointer, empty_checkpoint(), {"source": "input", "step": 0}
    config: Any = {"configurable": {"thread_id": "adas", "checkpoint_ns": "", "user_id": "mallory"}}
    await saver.aput(config, checkpoint, about, {}) if either.asynchronous else saver.put(config, checkpoint, about, {})


async def _bystander_puts_writes(either: Either, graph: Any) -> None:
    saver, place = either.memory.checkpointer, {"thread_id": "adas", "checkpoint_ns": ""}
    found = await saver.aget_tuple({"configurable": place})
    assert found is not None
    config: Any = {"configurable": {**found.config["configurable"], "user_id": "mallory"}}
    writes = [("messages", "hello")]
    await saver.aput_writes(config, writes, "a") if either.asynchronous else saver.put_writes(config, writes, "a")


async def _bystander_copies(either: Either, graph: Any) -> None:
    await run(either, graph, "hello", user="mallory", thread="mallorys")
    saver = either.memory.checkpointer
    with suppress(InvalidInputError):  # the thread exists already
        await saver.acopy_thread("mallorys", "adas") if either.asynchronous else saver.copy_thread("mallorys", "adas")


async def _bystander_runs(either: Either, graph: Any) -> None:
    await run(either, graph, "hello", user="mallory", thread="adas")


async def _bystander_runs_to_the_end(either: Either, graph: Any) -> None:
    await run(either, graph, "hello", user="mallory", thread="adas", durability="exit")


async def _bystander_observes(either: Either, graph: Any) -> None:
    await either.observe([("user", "hello")], thread_id="adas", user_id="mallory")


BYSTANDERS = (
    _bystander_runs, _bystander_runs_to_the_end, _bystander_updates_the_state, _bystander_puts, _bystander_puts_writes,
    _bystander_copies, _bystander_observes,
)  # fmt: skip


@pytest.mark.parametrize("first", ["ada", "mallory"])
@pytest.mark.parametrize("take_part", BYSTANDERS, ids=[way.__name__.strip("_") for way in BYSTANDERS])
async def test_a_receipt_is_verified_only_if_no_bystander_kept_the_thread(
    either, database: str, take_part: Callable[[Either, Any], Any], first: str
) -> None:
    graph = graph_of(either.memory.checkpointer)
    if first == "ada" or take_part is _bystander_puts_writes:  # there is nothing to write to otherwise
        await run(either, graph, f"I am {MARKER}", user="ada", thread="adas")
        await take_part(either, graph)
    else:
        await take_part(either, graph)
        await run(either, graph, f"I am {MARKER}", user="ada", thread="adas")
    receipt = await either.forget(everything=True, user_id="ada")
    assert receipt.erased
    assert receipt.verified == (traces(database, MARKER) == []) == (receipt.remaining_traces == ())
    if not receipt.verified:  # what the receipt says to do takes away what is left
        assert receipt.remaining_traces == (
            "the checkpoints of thread 'adas', which others have too: checkpointer.delete_thread deletes them",
        )
        await either.memory.checkpointer.adelete_thread("adas")
    assert traces(database, MARKER) == []


async def test_whoever_was_there_too_can_be_erased_with_the_shared_thread(either, database: str) -> None:
    graph = graph_of(either.memory.checkpointer)
    await run(either, graph, f"I am {MARKER}", user="ada", thread="adas")
    await run(either, graph, "hello", user="mallory", thread="adas")
    plan = await either.forget(everything=True, dry_run=True, user_id="ada")
    assert plan.remaining_traces == (
        "the checkpoints of thread 'adas', which others have too: pass shared_threads=True to erase them too",
    )
    receipt = await either.forget(everything=True, shared_threads=True, user_id="ada")
    assert (receipt.verified, traces(database, MARKER)) == (True, [])


async def test_who_names_the_thread_of_another_deletes_nothing_of_it(either, database: str) -> None:
    """A hostile user may send any thread id: neither an erase nor a rule of retention takes another's checkpoints."""
    await run(either, graph_of(either.memory.checkpointer), f"I am {MARKER}", user="ada", thread="adas")
    await either.observe([("user", "hello")], thread_id="adas", user_id="mallory")
    await either.forget(everything=True, user_id="mallory")
    assert "checkpoints.checkpoint_id: 0" not in traces(database, MARKER)
    assert [trace for trace in traces(database, MARKER) if trace.startswith("checkpoint_blobs")]


async def test_retention_of_one_namespace_leaves_shared_threads_alone(either_with, database: str) -> None:
    either = await either_with(settings=Settings(retention=Retention(max_checkpoints=1)))
    graph = graph_of(either.memory.checkpointer)
    for user, thread in (("ada", "ours"), ("bob", "ours"), ("bob", "bobs"), ("bob", "bobs")):
        await run(either, graph, "hello", user=user, thread=thread)
    await either.admin.maintain(user_id="bob")
    left = dict(sql_on(database, "SELECT thread_id, count(*) FROM checkpoints GROUP BY thread_id"))
    assert left["bobs"] == 1
    assert left["ours"] > 1


# --- what is under way --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("durability", ["sync", "async", "exit"])
@pytest.mark.parametrize("subgraph", [False, True], ids=["graph", "subgraph"])
@pytest.mark.parametrize("known", [False, True], ids=["first run", "later run"])
async def test_a_run_that_began_before_an_erase_writes_nothing_after_it(
    either, database: str, embeddings: LocalEmbeddings, durability: str, subgraph: bool, known: bool
) -> None:
    if known:
        await run(either, graph_of(either.memory.checkpointer, subgraph=subgraph), MARKER, user="ada", thread="t")
    with PersistMem.open(database, embeddings=embeddings) as other:
        graph = graph_of(
            either.memory.checkpointer, lambda: other.forget(everything=True, user_id="ada") and None, subgraph=subgraph
        )
        with pytest.raises(ErasedError, match="was erased since"):
            await run(either, graph, MARKER, user="ada", thread="t", durability=durability)
    assert traces(database, MARKER) == []
    assert sql_on(database, "SELECT count(*) FROM checkpoints") == [(0,)]
    assert sql_on(database, "SELECT count(*) FROM checkpoint_writes") == [(0,)]
    assert traces(database, "memories/ada") == []
    # who comes back begins anew
    result = await run(either, graph_of(either.memory.checkpointer), "hello again", user="ada", thread="t")
    assert len(result["messages"]) == 4


@contextmanager
def erasing_in_the_middle(
    database: str, embeddings: LocalEmbeddings, model: Any = None, *, colour: str = "sync", **settings: Any
) -> Iterator[tuple[PersistMem, Callable[[], None], Callable[[], None]]]:
    """Memory whose embedding model, once armed, erases ada while it works; and what erases her."""
    from langchain_core.embeddings import Embeddings as Base

    class Erasing(Base):
        armed = False

        def embed_documents(self, texts: list[str]) -> list[list[float]]:
            if self.armed:
                self.armed = False
                erase()
            return embeddings.embed_documents(texts)

        def embed_query(self, text: str) -> list[float]:
            return embeddings.embed_query(text)

    embedder = Erasing()
    chosen = Settings(embedding_model="local-for-tests", embed_cache=0, worker=False, **settings)
    with (
        PersistMem.open(database, embeddings=embeddings, settings=Settings(embedding_model="local-for-tests")) as other,
        PersistMem.open(database, embeddings=embedder, model=model, settings=chosen) as memory,
    ):
        memory.setup()

        def erase() -> None:
            assert other.forget(everything=True, user_id="ada").erased

        def arm() -> None:
            embedder.armed = True

        yield memory, arm, erase


def nothing_of_ada(database: str) -> None:
    assert traces(database, MARKER) == []
    assert traces(database, "memories/ada") == []


@pytest.mark.own_database
@pytest.mark.parametrize("known", [False, True], ids=["new person", "known person"])
@pytest.mark.parametrize("colour", ["sync", "async"])
async def test_what_was_being_embedded_during_an_erase_does_not_come_back(
    database: str, embeddings: LocalEmbeddings, known: bool, colour: str
) -> None:
    sql_on(database, "DELETE FROM persistmem.embedding_models")
    with erasing_in_the_middle(database, embeddings) as (memory, arm, _):
        either = Either(memory, asynchronous=colour == "async")
        whole = ("memories", "ada")
        for call in (
            lambda: either.remember(f"I am {MARKER}", user_id="ada"),
            lambda: either.remember(f"I am {MARKER}", key="k", source="assistant", kind="procedural", user_id="ada"),
            lambda: either.command(f"Remember that I am {MARKER}", thread_id="t", user_id="ada"),
            lambda: memory.store.aput(whole, "k", {"text": MARKER}),
        ):
            if known:
                await either.remember(f"I was {MARKER}", user_id="ada")
            arm()
            with pytest.raises(ErasedError):
                await call()
            nothing_of_ada(database)
        arm()
        observed = await either.observe([("user", f"I am {MARKER}")], thread_id="t", user_id="ada", used=["k"])
        assert observed.added == 0
        nothing_of_ada(database)
        # the same caller may begin anew
        await either.remember("I am somebody else", user_id="ada")
        assert len(await either.list(user_id="ada")) == 1


@pytest.mark.own_database
@pytest.mark.parametrize("cap", [None, 100])
@pytest.mark.parametrize("background", [False, True])
def test_what_a_model_was_asked_during_an_erase_does_not_come_back(
    database: str, embeddings: LocalEmbeddings, background: bool, cap: int | None
) -> None:
    sql_on(database, "DELETE FROM persistmem.embedding_models")
    erases: list[Callable[[], None]] = []

    def asked(_: Any) -> Any:
        erases[0]()
        return answer(entry(f"The user is {MARKER}.", 1))

    def unreachable(_: Any) -> Any:
        erases[0]()
        return ConnectionError("no model")

    for reply in (asked, unreachable):
        model = Scripted(answers=iter([reply, reply]))
        chosen = {"model_calls_per_day": cap, "quiet_seconds": 0.0, "max_attempts": 1}
        with erasing_in_the_middle(database, embeddings, model, **chosen) as (memory, _, erase):
            erases[:] = [erase]
            said = [("user", f"My name is {MARKER}, I live in Oslo.")]
            with suppress(PersistMemError):  # which failure it is, is not the promise here
                memory.observe(said, thread_id="t", background=background, user_id="ada")
                if background:
                    memory.admin.process_pending()
            nothing_of_ada(database)


@pytest.mark.own_database
def test_what_maintenance_was_making_during_an_erase_does_not_come_back(
    database: str, embeddings: LocalEmbeddings
) -> None:
    sql_on(database, "DELETE FROM persistmem.embedding_models")
    rules = Retention(compress_days=30, stale_days=1, purge_days=1, messages_days=1, habit_days=None)
    with erasing_in_the_middle(database, embeddings, retention=rules) as (memory, arm, _):
        asyncio.run(fill(Either(memory, asynchronous=False)))
        memory.observe([("user", f"I am {MARKER}")], thread_id="t", user_id="ada")
        arm()
        done = memory.admin.maintain()
        assert done.summaries == 0
        assert memory.admin.status().counts == {"namespaces": 0, "memories": 0, "messages": 0}
        nothing_of_ada(database)


@pytest.mark.own_database
def test_an_import_does_not_bring_back_whom_it_had_begun_to_write(database: str, embeddings: LocalEmbeddings) -> None:
    sql_on(database, "DELETE FROM persistmem.embedding_models")
    sql_on(
        database,
        "CREATE TABLE public.store (prefix text, key text, value jsonb, created_at timestamptz DEFAULT now(), "
        "updated_at timestamptz DEFAULT now(), PRIMARY KEY (prefix, key))",
    )
    for number in range(6):
        value = json.dumps({"text": f"{MARKER} {number}"})
        sql_on(database, "INSERT INTO public.store VALUES ('memories.ada', %s, %s)", f"k{number}", value)
    with erasing_in_the_middle(database, embeddings) as (memory, arm, _):
        arm()
        done = import_postgres_store(memory, database, batch_size=2)
        assert (done.added, done.refused) == (0, 6)
        sql_on(database, "DROP TABLE public.store")
        nothing_of_ada(database)


def test_a_sweep_and_a_deletion_do_not_bring_back_a_name(memory, database: str) -> None:
    memory.store.delete(("memories", "ada"), "nothing")
    assert memory.admin.retry("t", user_id="ada") == 0
    nothing_of_ada(database)


def test_while_runs_and_erases_meet_no_checkpoint_is_left_that_is_nobodys(memory, database: str) -> None:
    """Runs on many threads, erased again and again: each ends well or with Erased, and what is stored is registered."""
    ended: list[Exception] = []

    def runs(number: int) -> None:
        graph = graph_of(memory.checkpointer, subgraph=number % 2 == 0)
        for turn in range(6):
            config = {"configurable": {"thread_id": f"t{number}-{turn % 2}"}}
            try:
                graph.invoke({"messages": [("user", MARKER)]}, config, context={"user_id": "ada"})
            except (ErasedError, ConcurrentUpdateError) as error:
                ended.append(error)

    with ThreadPoolExecutor(4) as pool:
        running = [pool.submit(runs, number) for number in range(4)]
        while not all(each.done() for each in running):
            assert memory.forget(everything=True, user_id="ada").verified
        for each in running:
            each.result()
    assert ended
    for table in ("checkpoints", "checkpoint_blobs", "checkpoint_writes"):
        orphans = f"SELECT count(*) FROM {table} WHERE thread_id NOT IN (SELECT thread_id FROM persistmem.threads)"
        assert sql_on(database, orphans) == [(0,)]
    memory.forget(everything=True, user_id="ada")
    nothing_of_ada(database)


# --- interrupted --------------------------------------------------------------------------------------------------

_KILLED = """
import sys, os, signal
from langchain_persistmem import PersistMem
from langchain_persistmem.privacy import erase_person
erase, calls = erase_person._erase_one, []
async def one(*args, **kwargs):
    if len(calls) == 1:
        os.kill(os.getpid(), signal.SIGKILL)
    calls.append(args)
    return await erase(*args, **kwargs)
erase_person._erase_one = one
with PersistMem.open(sys.argv[1]) as memory:
    memory.forget(everything=True, user_id="ada")
"""


@pytest.mark.parametrize("again", ["forget", "resume"])
async def test_an_erase_that_was_killed_is_gone_on_with(either, database: str, again: str) -> None:
    await either.remember(f"I am {MARKER}", user_id="ada")
    for place in ("notes", "drafts"):
        await either.memory.store.aput(("memories", "ada", place), "k", {"text": MARKER})
    await either.remember("I am Bob", user_id="bob")
    killed = subprocess.run(  # noqa: ASYNC221
        [sys.executable, "-c", textwrap.dedent(_KILLED), database], check=False, capture_output=True, timeout=250
    )
    assert killed.returncode == -signal.SIGKILL, killed.stderr.decode()
    log = await either.privacy.erasures()
    assert [each.completed_at is None for each in sorted(log, key=lambda each: each.completed_at is None)] == [
        False,
        True,
        True,
    ]
    assert traces(database, MARKER)
    if again == "forget":
        receipt = await either.forget(everything=True, user_id="ada")
    else:
        receipt = await either.privacy.resume_erasures()
    assert receipt.verified
    assert len([counts for counts in receipt.by_namespace.values() if counts["memories"]]) == 2
    nothing_of_ada(database)
    log = await either.privacy.erasures()
    assert len(log) == 3
    assert all(each.completed_at is not None for each in log)
    assert len(await either.list(user_id="bob")) == 1
    assert (await either.privacy.resume_erasures()).counts == {}


def test_an_erase_whose_connection_is_cut_is_done_or_can_be_done_again(
    database: str, embeddings: LocalEmbeddings, monkeypatch
) -> None:
    from langchain_persistmem.postgres.queries import forget as forget_queries

    original = forget_queries.count_rest_of_namespace
    cut: list[object] = []

    async def cut_off(tx: Any, namespace: Any) -> Any:
        if not cut:
            cut.append(namespace)
            sql_on(
                database,
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() "
                "AND pid <> pg_backend_pid()",
            )
        return await original(tx, namespace)

    monkeypatch.setattr(forget_queries, "count_rest_of_namespace", cut_off)
    with PersistMem.open(database, embeddings=embeddings) as memory:
        memory.remember(f"I am {MARKER}", user_id="ada")
        receipt = memory.forget(everything=True, user_id="ada")  # begun again: nothing of it was committed
        assert cut
        assert receipt.verified
        assert receipt.counts["memories"] == 1
    nothing_of_ada(database)


def test_what_an_erase_leaves_takes_it_back(memory, database: str) -> None:
    memory.remember(f"I am {MARKER}", user_id="ada")
    sql_on(
        database,
        "CREATE FUNCTION keep() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RETURN NULL; END $$;"
        "CREATE TRIGGER keep BEFORE DELETE ON persistmem.terms FOR EACH ROW EXECUTE FUNCTION keep()",
    )
    try:
        with pytest.raises(Exception, match=r"rows were left|refused"):
            memory.forget(everything=True, user_id="ada")
        assert len(memory.list(user_id="ada")) == 1
        assert memory.privacy.erasures() == []
    finally:
        sql_on(database, "DROP TRIGGER keep ON persistmem.terms; DROP FUNCTION keep()")


# --- the log, and a restored backup -------------------------------------------------------------------------------


async def test_a_restored_backup_is_erased_again(either, database: str, backup, embeddings: LocalEmbeddings) -> None:
    await live(either, MARKER, f"{MARKER}cat")
    await live(either, "ada", "tortoise")
    restored = backup()
    await either.forget(everything=True, user_id=MARKER)
    lines = [each.line for each in await either.privacy.erasures()]
    assert not any(MARKER in line for line in lines)
    with PersistMem.open(restored, embeddings=embeddings) as memory:
        assert traces(restored, MARKER)
        planned = memory.privacy.replay_erasures(lines, dry_run=True)
        assert traces(restored, MARKER)
        assert memory.privacy.erasures() == []
        receipt = memory.privacy.replay_erasures(lines)
        assert receipt.verified
        assert receipt.counts == planned.counts
        assert traces(restored, MARKER) == []
        assert [(each.id, each.generation, each.counts) for each in memory.privacy.erasures()] == [
            (each.id, each.generation, each.counts) for each in await either.privacy.erasures()
        ]
        assert len(memory.list(user_id="ada")) == 4
        again = memory.privacy.replay_erasures(lines)
        assert again.counts == {}
        assert len(memory.privacy.erasures()) == len(lines)
        memory.remember(f"I am {MARKER}, and I am back", user_id=MARKER)
        memory.privacy.replay_erasures(lines)
        assert len(memory.list(user_id=MARKER)) == 1


async def test_memories_and_turns_that_were_erased_by_key_are_erased_again(
    either, database: str, backup, embeddings: LocalEmbeddings
) -> None:
    await either.observe([("user", f"My {MARKER} is hungry")], thread_id="t", user_id="ada")
    await either.observe([("user", "I like tea")], thread_id="t", user_id="ada")
    await either.remember(f"I have a {MARKER}", key="pet", user_id="ada")
    await either.memory.store.aput(("memories", "ada"), "item", {"text": f"an item about {MARKER}"})
    restored = backup()
    (turn,) = [each for each in await either.list(user_id="ada") if "hungry" in (each.text or "")]
    receipt = await either.forget([turn.key, "pet"], user_id="ada")
    assert receipt.verified
    await either.memory.store.adelete(("memories", "ada"), "item")
    assert traces(database, MARKER) == []
    log = await either.privacy.erasures()
    assert len(log) == 2
    assert receipt.id == log[0].id
    with PersistMem.open(restored, embeddings=embeddings) as memory:
        planned = memory.privacy.replay_erasures(log, dry_run=True)
        assert planned.counts["memories"] == 3
        assert planned.counts["messages"] == 1
        assert len(memory.list(user_id="ada")) == 4
        assert memory.privacy.replay_erasures(log).counts == planned.counts
        assert traces(restored, MARKER) == []
        assert [each.text for each in memory.list(user_id="ada")] == ["I like tea"]
        assert [each.text for each in memory.conversations.messages("t", user_id="ada")] == ["I like tea"]


def test_a_turn_is_known_by_a_digest_whatever_its_ids_are(memory, database: str) -> None:
    """Ids with separators, and ids whose parts could be moved: each turn is itself and no other."""
    ids = [("a:b", "c"), ("a", "b:c"), ("\u00e9:1", "2"), ("\u00e9", "1:2"), ("3:x", "y"), ("x", "y")]
    for thread, message in ids:
        memory.conversations.add([{"role": "user", "content": "hello", "id": message}], thread_id=thread, user_id="ada")
    from langchain_persistmem.postgres.queries.erasure_log import erasure_of

    ((generation,),) = sql_on(database, "SELECT generation FROM persistmem.namespaces")
    erasure = erasure_of(uuid4(), generation, (), [("a", "b:c"), ("\u00e9:1", "2")], {}, now=datetime.now(UTC))
    receipt = memory.privacy.replay_erasures([erasure])
    assert receipt.counts["messages"] == 2
    left = sql_on(database, "SELECT thread_id, id FROM persistmem.messages ORDER BY 1, 2")
    assert left == sorted(pair for pair in ids if pair not in [("a", "b:c"), ("\u00e9:1", "2")])


GOOD = Erasure(
    id=UUID(int=1),
    generation=UUID(int=2),
    everything=False,
    memory_ids=(UUID(int=3),),
    turns=("ab" * 32,),
    counts={"memories": 1},
    erased_at=datetime(2026, 1, 2, tzinfo=UTC),
    completed_at=None,
)


@pytest.mark.parametrize(
    ("broken", "field"),
    [
        ("no json", "line 2 is no JSON object"),
        ("[1]", "line 2 is no JSON object"),
        ("[" * 100_000, "line 2 is no JSON object"),
        ("{}", "line 2 lacks"),
        ({"id": "1"}, "line 2: id is no UUID"),
        ({"generation": None}, "line 2: generation is no UUID"),
        ({"everything": 1}, "line 2: everything is neither"),
        ({"memory_ids": "x"}, "line 2: memory_ids is no list"),
        ({"memory_ids": [1]}, "line 2: memory_ids is no UUID"),
        ({"turns": ["AB" * 32]}, "line 2: turns has what is no SHA-256"),
        ({"turns": ["ab"]}, "line 2: turns has what is no SHA-256"),
        ({"counts": {"memories": -1}}, "line 2: counts is not of numbers"),
        ({"counts": {"memories": True}}, "line 2: counts is not of numbers"),
        ({"erased_at": "2026-01-02"}, "line 2: erased_at is no time"),
        ({"completed_at": 5}, "line 2: completed_at is no time"),
        ({"more": 5}, "line 2 lacks, or has too much of: more"),
    ],
)
async def test_a_line_that_is_not_of_the_log_is_named_and_nothing_is_erased(either, broken: Any, field: str) -> None:
    kept = await either.remember("I like tea", user_id="ada")
    line = broken if isinstance(broken, str) else json.dumps({**json.loads(GOOD.line), **broken})
    with pytest.raises(InvalidInputError, match=field):
        await either.privacy.replay_erasures([GOOD.line, line, replace(GOOD, memory_ids=(kept.id,))])
    assert len(await either.list(user_id="ada")) == 1


async def test_a_line_comes_back_as_the_entry_it_was(either) -> None:
    given = [GOOD, replace(GOOD, id=UUID(int=9), completed_at=datetime(2026, 1, 3, tzinfo=UTC), everything=False)]
    await either.privacy.replay_erasures(["", *(each.line for each in given), "\n"])
    assert await either.privacy.erasures() == given
    assert await either.privacy.erasures(after=given[0].id) == given[1:]
    assert await either.privacy.erasures(limit=1) == given[:1]
    with pytest.raises(InvalidInputError, match="entries is of type str; pass a list"):
        await either.privacy.replay_erasures(GOOD.line)


# --- the command --------------------------------------------------------------------------------------------------


def command(*arguments: str, database: str) -> int:
    from langchain_persistmem.__main__ import main

    return main([*arguments, "--dsn", database])


def test_the_command_lists_replays_and_resumes(
    database: str, embeddings: LocalEmbeddings, backup, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    log = tmp_path / "erasures.jsonl"
    with PersistMem.open(database, embeddings=embeddings) as memory:
        memory.remember(f"I am {MARKER}", user_id="ada")
        memory.store.put(("agents", "red", "ada"), "k", {"text": MARKER})
    restored = backup()
    forget = ("forget", "--everything", "--user", "ada", "--also", "agents/*/{user_id}")
    assert command(*forget, "--dry-run", database=database) == 0
    assert "agents/red/ada: " in capsys.readouterr().out
    assert traces(database, MARKER)
    assert command(*forget, "--yes", "--json", database=database) == 0
    receipt = json.loads(capsys.readouterr().out)
    assert (receipt["erased"], receipt["verified"], len(receipt["ids"])) == (True, True, 2)
    assert traces(database, MARKER) == []
    assert command("erasures", "list", database=database) == 0
    assert capsys.readouterr().out.count("complete") == 2
    assert command("erasures", "list", "--out", str(log), database=database) == 0
    assert command("erasures", "list", "--out", "-", database=database) == 0
    assert capsys.readouterr().out.splitlines()[-2:] == log.read_text().splitlines()
    assert command("erasures", "resume", database=database) == 0

    assert command("erasures", "replay", str(log), database=restored) == 2
    assert "there is nobody to ask" in capsys.readouterr().err
    assert command("erasures", "replay", str(log), "--dry-run", database=restored) == 0
    assert "nothing was erased" in capsys.readouterr().out
    assert traces(restored, MARKER)
    assert command("erasures", "replay", str(log), "--yes", database=restored) == 0
    assert traces(restored, MARKER) == []
    log.write_text(log.read_text() + "broken\n")
    assert command("erasures", "replay", str(log), "--yes", database=restored) == 2
    assert "line 3 is no JSON object" in capsys.readouterr().err
    assert command("erasures", "replay", str(tmp_path / "missing"), "--yes", database=restored) == 2
    assert "missing does not exist; give the path of a log of erasures" in capsys.readouterr().err


@pytest.mark.parametrize(
    "arguments",
    [
        ["erasures"],
        ["erasures", "replay"],
        ["erasures", "list", "file"],
        ["erasures", "resume", "--json", "-"],
        ["forget", "key", "--shared-threads", "--user", "ada"],
        ["forget", "--everything", "--also", "agents/{user_id}", "--namespace", "a/b"],
    ],
)
def test_bad_usage_of_the_command_ends_with_2(arguments: list[str], database: str) -> None:
    with pytest.raises(SystemExit) as ended:
        command(*arguments, database=database)
    assert ended.value.code == 2
