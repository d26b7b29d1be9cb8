"""What is pruned, retained, copied and deleted of LangGraph's threads, and what never is."""

import json
import operator
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import timedelta
from typing import Annotated, Any, TypedDict
from uuid import uuid4

import psycopg
import pytest
from langchain_core.runnables import RunnableConfig
from langgraph.channels import DeltaChannel
from langgraph.checkpoint.base import BaseCheckpointSaver
from langgraph.graph import END, START, StateGraph
from langgraph.types import Command, interrupt

from langchain_persistmem import AsyncPersistMemSaver, InvalidInputError, LocalEmbeddings, PersistMemSaver
from langchain_persistmem.__main__ import main
from langchain_persistmem.runtime.models import local_embeddings
from tests.checkpointer.test_checkpointer import async_pool_on, echo, pool_on, thread

DAY = timedelta(days=1)
TABLES = ("checkpoints", "checkpoint_blobs", "checkpoint_writes")


class EitherSaver:
    """One test body for both savers: ``await saver.prune(...)`` calls ``prune`` or awaits ``aprune``."""

    def __init__(self, saver: PersistMemSaver | AsyncPersistMemSaver, database: str) -> None:
        self.checkpointer = saver
        self.database = database

    def __getattr__(self, name: str) -> Callable[..., Awaitable[Any]]:
        async def call(*args: Any, **kwargs: Any) -> Any:
            if isinstance(self.checkpointer, AsyncPersistMemSaver):
                return await getattr(self.checkpointer, f"a{name}")(*args, **kwargs)
            return getattr(self.checkpointer, name)(*args, **kwargs)

        return call

    async def run(self, graph: Any, given: Any, name: str = "a", **more: Any) -> Any:
        if isinstance(self.checkpointer, AsyncPersistMemSaver):
            return await graph.ainvoke(given, {**thread(name), **more})
        return graph.invoke(given, {**thread(name), **more})

    async def steps(self, name: str = "a", checkpoint_ns: str = "") -> list[int]:
        config: RunnableConfig = {"configurable": {"thread_id": name, "checkpoint_ns": checkpoint_ns}}
        return [each.metadata["step"] async for each in self.checkpointer.alist(config)]

    def counts(self, name: str = "a") -> dict[str, int]:
        with psycopg.connect(self.database) as connection:
            return {
                table: (
                    connection.execute(
                        f"SELECT count(*) FROM {table} WHERE thread_id = %s".encode(), (name,)
                    ).fetchone()
                    or (0,)
                )[0]
                for table in TABLES
            }

    def age(self, name: str, days: int, *, steps: int = 1000) -> None:
        """Make the checkpoints of a thread up to a step older."""
        with psycopg.connect(self.database) as connection:
            connection.execute(
                "UPDATE checkpoints SET checkpoint = jsonb_set(checkpoint, '{ts}',"
                " to_jsonb(((checkpoint ->> 'ts')::timestamptz - make_interval(days => %s))::text))"
                " WHERE thread_id = %s AND (metadata ->> 'step')::int <= %s",
                (days, name, steps),
            )


@pytest.fixture(params=["sync", "async"])
async def saver(request: pytest.FixtureRequest, database: str) -> AsyncIterator[EitherSaver]:
    if request.param == "async":
        async with async_pool_on(database) as pool:
            yield EitherSaver(AsyncPersistMemSaver(pool), database)
    else:
        with pool_on(database) as pool:
            yield EitherSaver(PersistMemSaver(pool), database)


def appended(state: list[str], writes: list[list[str]]) -> list[str]:
    return [*state, *(word for write in writes for word in write)]


def delta_graph(saver: "BaseCheckpointSaver[Any]", every: int) -> Any:
    """The echo with its words in a DeltaChannel, which stores a snapshot every so many updates."""

    class State(TypedDict):
        said: Annotated[list[str], DeltaChannel(appended, snapshot_frequency=every)]

    builder: Any = StateGraph(State)
    builder.add_node("answer", lambda state: {"said": [f"re: {state['said'][-1]}"]})
    builder.add_edge(START, "answer")
    builder.add_edge("answer", END)
    return builder.compile(checkpointer=saver)


async def test_keep_latest_leaves_the_head_and_only_its_blobs_and_writes(saver: EitherSaver) -> None:
    graph = echo(saver.checkpointer)
    for word in ("tea", "rain", "milk"):
        await saver.run(graph, {"said": [word]})
    before = await graph.aget_state(thread("a")) if await _native(saver) else graph.get_state(thread("a"))
    await saver.prune(["a"])
    counts = saver.counts()
    assert counts["checkpoints"] == 1
    assert counts["checkpoint_writes"] == 0
    head = await saver.get_tuple(thread("a"))
    assert head.parent_config is None
    assert head.checkpoint["channel_values"]["said"] == before.values["said"]
    answer = await saver.run(graph, {"said": ["snow"]})
    assert answer["said"] == [*before.values["said"], "snow", "re: snow"]


async def _native(saver: EitherSaver) -> bool:
    return isinstance(saver.checkpointer, AsyncPersistMemSaver)


@pytest.mark.parametrize("every", [1, 4, 1000])
async def test_pruning_never_takes_what_a_delta_channel_is_rebuilt_from(saver: EitherSaver, every: int) -> None:
    graph = delta_graph(saver.checkpointer, every)
    for number in range(7):
        await saver.run(graph, {"said": [str(number)]})
    expected = [word for number in range(7) for word in (str(number), f"re: {number}")]
    rows = saver.counts()["checkpoints"]
    await saver.prune(["a"])
    state = await graph.aget_state(thread("a")) if await _native(saver) else graph.get_state(thread("a"))
    assert state.values["said"] == expected
    assert (saver.counts()["checkpoints"] < rows) == (every < 1000)
    answer = await saver.run(graph, {"said": ["last"]})
    assert answer["said"] == [*expected, "last", "re: last"]


async def test_deleting_runs_never_takes_what_a_delta_channel_is_rebuilt_from(saver: EitherSaver) -> None:
    graph = delta_graph(saver.checkpointer, 1000)
    runs = [str(uuid4()) for _ in range(3)]
    for number, run in enumerate(runs):
        await saver.run(graph, {"said": [str(number)]}, metadata={"run_id": run})
    await saver.delete_for_runs(runs[:2])
    state = await graph.aget_state(thread("a")) if await _native(saver) else graph.get_state(thread("a"))
    assert state.values["said"] == ["0", "re: 0", "1", "re: 1", "2", "re: 2"]
    await saver.delete_for_runs(runs)
    assert saver.counts() == dict.fromkeys(TABLES, 0)


async def test_deleting_runs_takes_their_rows_of_every_table(saver: EitherSaver) -> None:
    graph = echo(saver.checkpointer)
    runs = [str(uuid4()) for _ in range(3)]
    for number, run in enumerate(runs):
        await saver.run(graph, {"said": [str(number)]}, metadata={"run_id": run})
        await saver.run(graph, {"said": ["other"]}, name="b", metadata={"run_id": run + "x"})
    other = saver.counts("b")
    await saver.delete_for_runs([runs[2]])
    assert (await saver.get_tuple(thread("a"))).checkpoint["channel_values"]["said"] == ["0", "re: 0", "1", "re: 1"]
    await saver.delete_for_runs([runs[0]])
    assert await saver.steps() == [4, 3, 2]
    assert (await saver.get_tuple(thread("a"))).checkpoint["channel_values"]["said"] == ["0", "re: 0", "1", "re: 1"]
    await saver.delete_for_runs([runs[1]])
    assert saver.counts() == dict.fromkeys(TABLES, 0)
    assert saver.counts("b") == other
    with pytest.raises(InvalidInputError, match="run_ids"):
        await saver.delete_for_runs("abc")


async def test_a_copy_has_everything_and_a_life_of_its_own(saver: EitherSaver) -> None:
    """Checkpoints, blobs and writes of all namespaces; the metadata names the copy, and the interrupt still waits."""

    class State(TypedDict):
        said: Annotated[list[str], operator.add]

    inner: Any = StateGraph(State)
    inner.add_node("ask", lambda _: {"said": [str(interrupt("which?"))]})
    inner.add_edge(START, "ask")
    outer: Any = StateGraph(State)
    outer.add_node("inner", inner.compile())
    outer.add_edge(START, "inner")
    graph = outer.compile(checkpointer=saver.checkpointer)
    await saver.run(graph, {"said": ["tea"]})
    with psycopg.connect(saver.database) as connection:  # as older versions of LangGraph wrote it
        connection.execute("""UPDATE checkpoints SET metadata = metadata || '{"thread_id": "a"}'""")
    await saver.copy_thread("a", "b")
    assert saver.counts("a") == saver.counts("b")
    assert await saver.steps("a") == await saver.steps("b")
    heads = [await saver.get_tuple(thread(name)) for name in "ab"]
    assert [head.metadata["thread_id"] for head in heads] == ["a", "b"]
    assert heads[0].checkpoint == heads[1].checkpoint
    await saver.run(graph, Command(resume="milk"), name="b")
    assert (await saver.get_tuple(thread("b"))).checkpoint["channel_values"]["said"][-1] == "milk"
    assert (await saver.get_tuple(thread("a"))).checkpoint["id"] == heads[0].checkpoint["id"]
    with pytest.raises(InvalidInputError, match="target_thread_id"):
        await saver.copy_thread("a", "b")
    with pytest.raises(InvalidInputError, match="source_thread_id"):
        await saver.copy_thread("nobody", "c")


async def test_a_copy_of_a_delta_thread_can_be_rebuilt(saver: EitherSaver) -> None:
    graph = delta_graph(saver.checkpointer, 1000)
    for word in ("tea", "rain"):
        await saver.run(graph, {"said": [word]})
    await saver.copy_thread("a", "b")
    await saver.delete_thread("a")
    answer = await saver.run(graph, {"said": ["milk"]}, name="b")
    assert answer["said"] == ["tea", "re: tea", "rain", "re: rain", "milk", "re: milk"]


async def test_the_newest_few_stay(saver: EitherSaver) -> None:
    graph = echo(saver.checkpointer)
    for word in ("tea", "rain", "milk"):
        await saver.run(graph, {"said": [word]})
    would = await saver.retain(keep_latest=2, dry_run=True)
    assert await saver.steps() == [7, 6, 5, 4, 3, 2, 1, 0, -1]
    before = saver.counts()
    assert await saver.retain(keep_latest=2) == would
    assert await saver.steps() == [7, 6]
    assert {table: before[table] - would[table] for table in TABLES} == saver.counts()
    assert await saver.retain(keep_latest=2) == dict.fromkeys(TABLES, 0)


async def test_what_is_too_old_goes_but_never_the_head_of_a_thread_in_use(saver: EitherSaver) -> None:
    graph = echo(saver.checkpointer)
    for name in ("used", "unused"):
        for word in ("tea", "rain"):
            await saver.run(graph, {"said": [word]}, name=name)
        saver.age(name, 30, steps=1)
    saver.age("unused", 30)
    await saver.retain(older_than=7 * DAY, thread_ids=["used"])
    assert await saver.steps("used") == [4, 3, 2]
    assert await saver.steps("unused") == [4, 3, 2, 1, 0, -1]
    await saver.retain(older_than=7 * DAY, keep_latest=1)
    assert await saver.steps("unused") == [4]
    await saver.retain(older_than=7 * DAY)
    assert saver.counts("unused") == dict.fromkeys(TABLES, 0)
    assert await saver.steps("used") == [4, 3, 2]


async def test_with_both_rules_a_checkpoint_goes_only_if_both_say_so(saver: EitherSaver) -> None:
    graph = echo(saver.checkpointer)
    for word in ("tea", "rain", "milk"):
        await saver.run(graph, {"said": [word]})
    saver.age("a", 30, steps=4)
    await saver.retain(keep_latest=5, older_than=7 * DAY)
    assert await saver.steps() == [7, 6, 5, 4, 3]


async def test_the_calls_of_subgraphs_go_with_the_checkpoint_that_made_them(saver: EitherSaver) -> None:
    class State(TypedDict):
        said: Annotated[list[str], operator.add]

    inner: Any = StateGraph(State)
    inner.add_node("work", lambda state: {"said": [f"{state['said'][-1]}!"]})
    inner.add_edge(START, "work")
    outer: Any = StateGraph(State)
    outer.add_node("call", inner.compile())
    outer.add_node("own", inner.compile(checkpointer=True))
    outer.add_edge(START, "call")
    outer.add_edge("call", "own")
    graph = outer.compile(checkpointer=saver.checkpointer)
    for word in ("tea", "rain", "milk"):
        await saver.run(graph, {"said": [word]})
    everything = [each async for each in saver.checkpointer.alist({"configurable": {"thread_id": "a"}})]
    assert len({each.config["configurable"]["checkpoint_ns"] for each in everything}) == 5
    await saver.retain(keep_latest=1)
    left = [each async for each in saver.checkpointer.alist({"configurable": {"thread_id": "a"}})]
    assert sorted(each.config["configurable"]["checkpoint_ns"] for each in left) == ["", "own"]


async def test_long_threads_go_in_batches(saver: EitherSaver, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("langchain_persistmem.postgres.queries.checkpoint_retention._BATCH", 3)
    monkeypatch.setattr("langchain_persistmem.postgres.queries.checkpoint_retention._PAGE", 2)
    graph = echo(saver.checkpointer)
    for name in "abcde":
        for word in ("tea", "rain", "milk"):
            await saver.run(graph, {"said": [word]}, name=name)
    counts = await saver.retain(keep_latest=1)
    assert counts["checkpoints"] == 40
    assert {saver.counts(name)["checkpoints"] for name in "abcde"} == {1}


async def test_senseless_rules_are_refused(saver: EitherSaver) -> None:
    for rule, named in (
        ({}, "keep_latest nor older_than"),
        ({"keep_latest": 0}, "keep_latest is 0"),
        ({"keep_latest": 10**12}, "keep_latest"),
        ({"older_than": -DAY}, "older_than"),
        ({"older_than": timedelta.max}, "older_than"),
    ):
        with pytest.raises(InvalidInputError, match=named):
            await saver.retain(**rule)
    with pytest.raises(InvalidInputError, match="thread_ids"):
        await saver.retain(keep_latest=1, thread_ids="abc")
    with pytest.raises(ValueError, match="keep_latest"):
        await saver.prune(["a"], strategy="some")


async def test_a_run_goes_on_while_its_thread_is_pruned(saver: EitherSaver) -> None:
    """Pruning in the middle of a run takes nothing that the run still needs."""
    graph = echo(saver.checkpointer)
    await saver.run(graph, {"said": ["tea"]})
    stream = graph.astream({"said": ["rain"]}, thread("a"), stream_mode="values", durability="sync")
    await anext(stream)
    await saver.prune(["a"])
    assert [chunk async for chunk in stream][-1]["said"] == ["tea", "re: tea", "rain", "re: rain"]
    assert (await saver.get_tuple(thread("a"))).checkpoint["channel_values"]["said"][-1] == "re: rain"


def pruned(*arguments: str, database: str, capsys: pytest.CaptureFixture[str]) -> dict[str, Any]:
    capsys.readouterr()
    assert main(["prune", *arguments, "--yes", "--json", "--dsn", database]) == 0
    answer: dict[str, Any] = json.loads(capsys.readouterr().out)
    return answer


@pytest.fixture
def quick(embeddings: LocalEmbeddings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(local_embeddings, "LocalEmbeddings", lambda: embeddings)


@pytest.mark.usefixtures("quick")
def test_the_command_counts_then_erases(database: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pool_on(database) as pool:
        saver = PersistMemSaver(pool)
        graph = echo(saver)
        for name in ("a", "b"):
            for word in ("tea", "rain"):
                graph.invoke({"said": [word]}, thread(name))
        answer = pruned("--keep", "2", "--thread", "a", "--dry-run", database=database, capsys=capsys)
        assert answer["erased"] is False
        assert answer["counts"]["checkpoints"] == 4
        assert len([*saver.list(thread("a"))]) == 6
        answer = pruned("--keep", "2", "--thread", "a", database=database, capsys=capsys)
        assert (answer["erased"], answer["counts"]["checkpoints"]) == (True, 4)
        assert [len([*saver.list(thread(name))]) for name in ("a", "b")] == [2, 6]
        assert main(["prune", "--older-than", "30d", "--yes", "--dsn", database]) == 0
        assert "checkpoint_blobs" in capsys.readouterr().out
        assert [len([*saver.list(thread(name))]) for name in ("a", "b")] == [2, 6]


@pytest.mark.parametrize(
    "wrong", [[], ["--older-than", "30"], ["--older-than", "0d"], ["--keep", "0"], ["--keep", "x"]]
)
def test_the_command_refuses_what_makes_no_sense(wrong: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        main(["prune", *wrong])
    assert caught.value.code == 2
    assert "--older-than" in capsys.readouterr().err
