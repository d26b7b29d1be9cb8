"""Two writers on one thread: both are visible, or one is told; and a thread's head is what the server stored last."""

import asyncio
import operator
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Annotated, Any, TypedDict

import psycopg
import pytest
from langchain_core.runnables import RunnableConfig
from langgraph.channels import DeltaChannel
from langgraph.checkpoint.base import BaseCheckpointSaver, empty_checkpoint
from langgraph.checkpoint.base import id as checkpoint_ids
from langgraph.checkpoint.postgres import PostgresSaver
from langgraph.graph import START, StateGraph
from langgraph.types import Command, Send, interrupt

from langchain_persistmem import AsyncPersistMemSaver, ConcurrentUpdateError, PersistMemSaver
from tests.checkpointer.test_checkpointer import async_pool_on, echo, pool_on, thread
from tests.support.processes import forkserver

pytestmark = pytest.mark.slow

TURNS = 20
PROCESSES = 8
HOUR = 3_600_000_000_000  # nanoseconds


def said(saver: "BaseCheckpointSaver[Any]", name: str = "a") -> list[str]:
    values: list[str] = echo(saver).get_state(thread(name)).values.get("said", [])
    return values


async def stored(graph: Any, node: str) -> None:
    """Wait until the checkpoint is stored after which ``node`` runs."""
    while (await graph.aget_state(thread("a"))).next != (node,):  # noqa: ASYNC110 - another task's work in the database
        await asyncio.sleep(0.01)


@contextmanager
def clock_ahead(monkeypatch: pytest.MonkeyPatch, nanoseconds: int) -> Iterator[None]:
    """This worker's clock, from which LangGraph makes the ids of checkpoints."""
    real = time.time_ns
    with monkeypatch.context() as patched:
        patched.setattr(checkpoint_ids, "_last_v6_timestamp", None)
        patched.setattr(checkpoint_ids.time, "time_ns", lambda: real() + nanoseconds)
        yield
    checkpoint_ids._last_v6_timestamp = None


def take_turns(database: str, worker: int, start: Any, answers: Any) -> None:
    """One process: says 20 things in one thread, and reports which of them were acknowledged."""

    def turn(number: int) -> str:
        return f"{worker}.{number}"

    def blocking() -> list[str]:
        acknowledged: list[str] = []
        with pool_on(database, size=2) as pool:
            graph = echo(PersistMemSaver(pool))
            start.wait(250)
            for number in range(TURNS):
                try:
                    graph.invoke({"said": [turn(number)]}, thread("a"))
                    acknowledged.append(turn(number))
                except ConcurrentUpdateError:
                    time.sleep(0.001 * worker)
        return acknowledged

    async def awaiting() -> list[str]:
        acknowledged: list[str] = []
        async with async_pool_on(database, size=2) as pool:
            graph = echo(AsyncPersistMemSaver(pool))
            start.wait(250)
            for number in range(TURNS):
                try:
                    await graph.ainvoke({"said": [turn(number)]}, thread("a"))
                    acknowledged.append(turn(number))
                except ConcurrentUpdateError:
                    await asyncio.sleep(0.001 * worker)
        return acknowledged

    answers.put(asyncio.run(awaiting()) if worker % 2 else blocking())


def test_of_eight_processes_on_one_thread_every_acknowledged_turn_is_visible(empty_database: str) -> None:
    """160 turns: each is in the head's state with its answer behind it, or its caller got ConcurrentUpdateError."""
    with pool_on(empty_database, size=1) as pool:
        PersistMemSaver(pool).setup()
        context = forkserver()
        start, answers = context.Barrier(PROCESSES), context.Queue()
        workers = [
            context.Process(target=take_turns, args=(empty_database, number, start, answers))
            for number in range(PROCESSES)
        ]
        for worker in workers:
            worker.start()
        acknowledged = [turn for _ in workers for turn in answers.get(timeout=280)]
        for worker in workers:
            worker.join(100)
        state = said(PersistMemSaver(pool))
    assert acknowledged
    missing = [turn for turn in acknowledged if f"re: {turn}" not in state]
    assert missing == []
    assert all(state[state.index(f"re: {turn}") - 1] == turn for turn in acknowledged)


@pytest.mark.parametrize("durability", ["sync", "async", "exit"])
@pytest.mark.parametrize("native", [True, False], ids=["async saver", "blocking saver"])
@pytest.mark.parametrize("known", [True, False], ids=["known thread", "new thread"])
async def test_the_slower_of_two_runs_is_told(empty_database: str, native: bool, known: bool, durability: Any) -> None:
    """Both began at one head, or at none; what the first stored stays the head, whatever the durability."""
    async with async_pool_on(empty_database) as async_pool:
        with pool_on(empty_database) as pool:
            saver = AsyncPersistMemSaver(async_pool) if native else PersistMemSaver(pool)
            await saver.asetup()
            arrived, may_go_on = asyncio.Event(), asyncio.Event()

            async def answer(state: dict[str, list[str]]) -> dict[str, list[str]]:
                if state["said"][-1] == "slow":
                    arrived.set()
                    await may_go_on.wait()
                return {"said": [f"re: {state['said'][-1]}"]}

            builder: Any = StateGraph(TypedDict("Said", {"said": Annotated[list[str], operator.add]}))
            builder.add_node("answer", answer)
            builder.add_edge(START, "answer")
            graph = builder.compile(checkpointer=saver)
            if known:
                await graph.ainvoke({"said": ["tea"]}, thread("a"))
            slow = asyncio.create_task(graph.ainvoke({"said": ["slow"]}, thread("a"), durability=durability))
            await arrived.wait()
            if durability == "async":  # its checkpoints are stored in the background
                await stored(graph, "answer")
            await graph.ainvoke({"said": ["quick"]}, thread("a"), durability=durability)
            may_go_on.set()
            with pytest.raises(ConcurrentUpdateError, match="run again"):
                await slow
            assert (await graph.aget_state(thread("a"))).values["said"][-2:] == ["quick", "re: quick"]
            again = await graph.ainvoke({"said": ["slow again"]}, thread("a"))
            assert again["said"][-2:] == ["slow again", "re: slow again"]


async def test_a_stream_that_is_read_from_several_tasks_is_told_too(empty_database: str) -> None:
    """A web server may ask for each chunk in a context of its own; nothing is remembered in a context."""
    async with async_pool_on(empty_database) as pool:
        saver = AsyncPersistMemSaver(pool)
        await saver.setup()
        graph = echo(saver)
        stream = graph.astream({"said": ["slow"]}, thread("a"), stream_mode="values", durability="sync")
        await asyncio.create_task(anext(stream))
        await echo(saver).ainvoke({"said": ["quick"]}, thread("a"))
        await graph.aget_state(thread("a"))

        async def rest() -> None:
            async for _ in stream:
                pass

        with pytest.raises(ConcurrentUpdateError):
            await asyncio.create_task(rest())
        assert (await graph.aget_state(thread("a"))).values["said"][-2:] == ["quick", "re: quick"]


def test_a_checkpoint_that_the_caller_names_may_be_continued_at_any_time(empty_database: str) -> None:
    """Forks are no conflicts: invoke, update_state and a copy from an old checkpoint all become the head."""
    with pool_on(empty_database) as pool:
        saver = PersistMemSaver(pool)
        saver.setup()
        graph = echo(saver)
        graph.invoke({"said": ["tea"]}, thread("a"))
        (old,) = [state for state in graph.get_state_history(thread("a")) if state.values.get("said") == ["tea"]]
        graph.invoke({"said": ["milk"]}, thread("a"))
        assert graph.invoke({"said": ["rain"]}, old.config)["said"] == ["tea", "rain", "re: rain"]
        assert graph.get_state(thread("a")).values["said"] == ["tea", "rain", "re: rain"]
        graph.update_state(old.config, {"said": ["snow"]}, as_node="answer")
        assert said(saver) == ["tea", "snow"]
        graph.update_state(old.config, None, as_node="__copy__")
        assert said(saver) == ["tea"]
        assert graph.invoke(None, thread("a"))["said"] == ["tea", "re: tea"]


def test_a_fork_is_told_as_well_once_it_is_the_head(empty_database: str) -> None:
    """Only its first step may leave the head behind; from then on a fork is a run as any other."""
    with pool_on(empty_database) as pool:
        saver = PersistMemSaver(pool)
        saver.setup()
        graph = echo(saver)
        graph.invoke({"said": ["tea"]}, thread("a"))
        old = [*graph.get_state_history(thread("a"))][1].config
        graph.invoke({"said": ["milk"]}, thread("a"))
        fork = graph.stream({"said": ["rain"]}, old, stream_mode="values", durability="sync")
        next(fork)
        graph.invoke({"said": ["quick"]}, thread("a"))
        with pytest.raises(ConcurrentUpdateError):
            list(fork)
        assert said(saver)[-2:] == ["quick", "re: quick"]


def test_an_update_during_a_run_is_kept_and_the_run_is_told(empty_database: str) -> None:
    """update_state is a writer too."""
    with pool_on(empty_database) as pool:
        saver = PersistMemSaver(pool)
        saver.setup()
        graph = echo(saver)
        stream = graph.stream({"said": ["slow"]}, thread("a"), stream_mode="values", durability="sync")
        next(stream)
        graph.update_state(thread("a"), {"said": ["by hand"]}, as_node="answer")
        with pytest.raises(ConcurrentUpdateError):
            list(stream)
        assert said(saver) == ["slow", "by hand"]


def test_parallel_subgraphs_and_interrupts_are_no_conflicts(empty_database: str) -> None:
    """Each subgraph has a head of its own; a thread that waits for an answer is resumed from its head."""

    class State(TypedDict):
        said: Annotated[list[str], operator.add]

    def ask(state: State) -> dict[str, list[str]]:
        return {"said": [f"{state['said'][-1]}: {interrupt('which?')}"]}

    inner: Any = StateGraph(State)
    inner.add_node("first", lambda state: {"said": [f"{state['said'][-1]}!"]})
    inner.add_node("ask", ask)
    inner.add_edge(START, "first")
    inner.add_edge("first", "ask")
    outer: Any = StateGraph(State)
    outer.add_node("inner", inner.compile())
    outer.add_conditional_edges(START, lambda _: [Send("inner", {"said": [letter]}) for letter in "abcd"])
    with pool_on(empty_database) as pool:
        saver = PersistMemSaver(pool)
        saver.setup()
        graph = outer.compile(checkpointer=saver)
        graph.invoke({"said": []}, thread("a"))
        asked = graph.get_state(thread("a")).interrupts
        assert len(asked) == 4
        done = graph.invoke(Command(resume={each.id: "this" for each in asked}), thread("a"))
        assert [each for each in done["said"] if each.endswith("this")] == [f"{letter}!: this" for letter in "abcd"]


@pytest.mark.parametrize("native", [True, False], ids=["async saver", "blocking saver"])
async def test_a_thread_that_is_deleted_during_a_run_does_not_come_back(empty_database: str, native: bool) -> None:
    """The run is told at its next checkpoint, and the thread stays empty; a new run begins at nothing."""
    async with async_pool_on(empty_database) as async_pool:
        with pool_on(empty_database) as pool:
            saver = AsyncPersistMemSaver(async_pool) if native else PersistMemSaver(pool)
            await saver.asetup()
            graph = echo(saver)
            await graph.ainvoke({"said": ["tea"]}, thread("a"))
            stream = graph.astream({"said": ["slow"]}, thread("a"), stream_mode="values", durability="sync")
            await anext(stream)
            await saver.adelete_thread("a")
            with pytest.raises(ConcurrentUpdateError):
                _ = [chunk async for chunk in stream]
            assert await saver.aget_tuple(thread("a")) is None
            assert [each async for each in saver.alist(thread("a"))] == []
            assert (await graph.ainvoke({"said": ["rain"]}, thread("a")))["said"] == ["rain", "re: rain"]


def test_who_puts_by_hand_claims_nothing(empty_database: str) -> None:
    """Only graphs continue heads: a config made by hand may name any parent, or none."""
    with pool_on(empty_database) as pool:
        saver = PersistMemSaver(pool)
        saver.setup()
        first = saver.put(thread("a"), empty_checkpoint(), {"step": 1}, {})
        saver.put(first, empty_checkpoint(), {"step": 2}, {})
        saver.put(first, empty_checkpoint(), {"step": 3}, {})
        saver.put(thread("a"), empty_checkpoint(), {"step": 4}, {})
        assert [each.metadata.get("step") for each in saver.list(thread("a"))] == [4, 3, 2, 1]


@pytest.mark.parametrize("native", [True, False], ids=["async saver", "blocking saver"])
async def test_a_worker_whose_clock_is_an_hour_ahead_hides_no_turn(
    empty_database: str, native: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The head, the order of list() and `before` go by the order in which the server stored."""
    async with async_pool_on(empty_database) as async_pool:
        with pool_on(empty_database) as pool:
            saver = AsyncPersistMemSaver(async_pool) if native else PersistMemSaver(pool)
            await saver.asetup()
            graph = echo(saver)
            with clock_ahead(monkeypatch, HOUR):
                await graph.ainvoke({"said": ["ahead"]}, thread("a"))
            first = await saver.aget_tuple(thread("a"))
            answer = await graph.ainvoke({"said": ["on time"]}, thread("a"))
            assert answer["said"] == ["ahead", "re: ahead", "on time", "re: on time"]
            assert (await graph.aget_state(thread("a"))).values == answer
            listed = [each async for each in saver.alist(thread("a"))]
            assert [each.metadata.get("step") for each in listed] == [4, 3, 2, 1, 0, -1]
            assert first
            before = [each async for each in saver.alist(thread("a"), before=first.config)]
            assert [each.metadata.get("step") for each in before] == [0, -1]
            unknown: RunnableConfig = {"configurable": {"checkpoint_id": "0"}}
            assert [each async for each in saver.alist(thread("a"), before=unknown)] == []


async def test_a_delta_channel_is_rebuilt_through_parents_of_any_clock(
    empty_database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Upstream reads ancestors by smaller ids, and loses those whose writer's clock was ahead."""

    def joined(state: list[str], writes: list[list[str]]) -> list[str]:
        return [*state, *(word for write in writes for word in write)]

    class State(TypedDict):
        said: Annotated[list[str], DeltaChannel(joined)]

    builder: Any = StateGraph(State)
    builder.add_node("answer", lambda state: {"said": [f"re: {state['said'][-1]}"]})
    builder.add_edge(START, "answer")
    async with async_pool_on(empty_database) as async_pool:
        with pool_on(empty_database) as pool:
            blocking = PersistMemSaver(pool)
            blocking.setup()
            graph = builder.compile(checkpointer=blocking)
            native = builder.compile(checkpointer=AsyncPersistMemSaver(async_pool))
            with clock_ahead(monkeypatch, HOUR):
                graph.invoke({"said": ["ahead"]}, thread("a"))
            await native.ainvoke({"said": ["on time"]}, thread("a"))
            expected = ["ahead", "re: ahead", "on time", "re: on time"]
            assert graph.get_state(thread("a")).values["said"] == expected
            assert (await native.aget_state(thread("a"))).values["said"] == expected


def test_upstreams_saver_and_ours_work_on_the_same_tables(empty_database: str) -> None:
    """Moving here and back: their rows from before count as older, their rows from now are numbered too."""
    with pool_on(empty_database) as pool:
        theirs = PostgresSaver(pool)
        theirs.setup()
        echo(theirs).invoke({"said": ["theirs"]}, thread("a"))
        ours = PersistMemSaver(pool)
        ours.setup()
        assert said(ours) == ["theirs", "re: theirs"]
        echo(ours).invoke({"said": ["ours"]}, thread("a"))
        theirs.setup()
        echo(theirs).invoke({"said": ["back"]}, thread("a"))
        assert said(ours) == said(theirs) == ["theirs", "re: theirs", "ours", "re: ours", "back", "re: back"]
        steps = [each.metadata.get("step") for each in ours.list(thread("a"))]
        assert steps == [7, 6, 5, 4, 3, 2, 1, 0, -1]
        with psycopg.connect(empty_database) as connection:
            numbered = connection.execute(
                "SELECT count(*), count(persistmem_order) FROM checkpoints WHERE thread_id = 'a'"
            ).fetchone()
            migrations = connection.execute("SELECT max(v) FROM checkpoint_migrations").fetchone()
        assert numbered == (9, 6)
        assert migrations == (len(PostgresSaver.MIGRATIONS) - 1,)
