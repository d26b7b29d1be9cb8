"""The round trips to the server that a turn takes, counted by a proxy: they are what memory costs on a network."""

import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from typing import Any

import pytest
from langchain_core.messages import AIMessage, HumanMessage
from langgraph.graph import END, START, StateGraph
from langgraph.store.base import PutOp

from langchain_persistmem import LocalEmbeddings, MemoryState, PersistMem, Settings, extract_memory, load_memory
from tests.conftest import Either
from tests.support.round_trips import Proxy, proxied

WARM = 8
"""Calls until what is looked up once is known, and statements are prepared."""
ALONE = Settings(worker=False, pool_min=1, pool_max=1)
SLOW = 0.001
"""Seconds in each direction of a network on which a round trip takes two milliseconds."""


class Behind(Either):
    """Memory behind a proxy."""

    def __init__(self, memory: Any, proxy: Proxy, *, asynchronous: bool) -> None:
        super().__init__(memory, asynchronous=asynchronous)
        self.proxy = proxy

    async def trips(self, name: str, *args: Any, **kwargs: Any) -> tuple[Any, int]:
        """Call a method; its result, and the round trips that it took."""
        before = self.proxy.round_trips
        result = await getattr(self, name)(*args, **kwargs)
        return result, self.proxy.round_trips - before


@pytest.fixture(params=["sync", "async"])
async def behind(request: pytest.FixtureRequest, database: str, embeddings: LocalEmbeddings) -> AsyncIterator[Behind]:
    async with AsyncExitStack() as stack:
        proxy = stack.enter_context(proxied(database))
        given: dict[str, Any] = {"embeddings": embeddings, "settings": ALONE}
        if request.param == "async":
            opened: Any = await stack.enter_async_context(PersistMem.aopen(proxy.conninfo, **given))
        else:
            opened = stack.enter_context(PersistMem.open(proxy.conninfo, **given))
        yield Behind(opened, proxy, asynchronous=request.param == "async")


def turn(number: int, *, ids: bool = True, told: str = "What did I plant in bed") -> list[dict[str, str]]:
    """A turn of two messages."""
    messages = [
        {"role": "user", "content": f"{told} {number}?"},
        {"role": "assistant", "content": f"You planted oak {number} there."},
    ]
    if ids:
        messages = [{**message, "id": f"{message['role']}{number}"} for message in messages]
    return messages


@pytest.mark.parametrize("background", [False, True])
@pytest.mark.parametrize("ids", [False, True])
async def test_a_turn_without_a_model_takes_four_round_trips(behind: Behind, ids: bool, background: bool) -> None:
    window: list[dict[str, str]] = []
    options = {"thread_id": "t", "user_id": "ada", "used": ["k"], "background": background}
    for number in range(WARM + 2):
        window = [*window, *turn(number, ids=ids)][-6:]
        assert (await behind.observe(window, **options)).stored == 2
    _, taken = await behind.trips("observe", [*window, *turn(WARM + 2, ids=ids)][-6:], **options)
    assert taken == 4
    assert (await behind.recall("oak 9", user_id="ada"))[0].memory.text


async def test_a_turn_that_the_rules_learn_from_takes_fewer_than_half_of_what_it_took(behind: Behind) -> None:
    told, options = "I am allergic to nuts of sort", {"thread_id": "t", "user_id": "ada"}
    for number in range(WARM):
        await behind.observe(turn(number, told=told), **options)
    result, taken = await behind.trips("observe", turn(WARM, told=told), **options)
    assert result.added
    assert taken <= 15


async def test_reading_for_a_turn_takes_one_round_trip(behind: Behind) -> None:
    await behind.remember("I planted an oak in bed 3.", user_id="ada")
    for name in ("context", "recall"):
        for number in range(WARM):
            await getattr(behind, name)(f"What did I plant in bed {number}?", user_id="ada")
        found, taken = await behind.trips(name, "What did I plant in bed 3?", user_id="ada")
        assert found
        assert taken == 1


async def test_writing_a_memory_and_forgetting_a_person_take_few_round_trips(behind: Behind) -> None:
    for number in range(WARM):
        await behind.remember(f"I planted an oak in bed {number}.", user_id="ada")
        await behind.forget(everything=True, user_id="ada")
    _, remembered = await behind.trips("remember", "I planted an oak.", user_id="ada")
    receipt, forgotten = await behind.trips("forget", everything=True, user_id="ada")
    assert receipt.counts["memories"] == 1
    assert remembered <= 5
    assert forgotten <= 5


async def test_a_put_and_a_delete_take_two_round_trips_each(behind: Behind) -> None:
    store = behind.memory.store

    async def trips(name: str, *arguments: object) -> int:
        before = behind.proxy.round_trips
        if behind.asynchronous:
            await getattr(store, f"a{name}")(("memories", "ada"), *arguments)
        else:
            getattr(store, name)(("memories", "ada"), *arguments)
        return behind.proxy.round_trips - before

    taken: list[list[int]] = []
    for number in range(WARM):
        new = await trips("put", f"k{number}", {"text": f"oak {number}"})
        again = await trips("put", f"k{number}", {"text": f"elm {number}"})
        taken.append([new, again, await trips("delete", f"k{number}")])
    assert taken[-1] == [2, 2, 2]


async def test_puts_of_many_people_take_the_round_trips_of_one(behind: Behind) -> None:
    store, taken = behind.memory.store, 0
    for number in range(WARM):
        puts = [PutOp(("memories", f"p{person}"), f"k{number}", {"text": f"oak {person}"}) for person in range(20)]
        before = behind.proxy.round_trips
        if behind.asynchronous:
            await store.abatch(puts)
        else:
            store.batch(puts)
        taken = behind.proxy.round_trips - before
    assert taken == 2


def test_on_a_slow_network_the_nodes_of_a_graph_wait_for_five_round_trips(
    database: str, embeddings: LocalEmbeddings
) -> None:
    with (
        proxied(database, latency=SLOW) as proxy,
        PersistMem.open(proxy.conninfo, embeddings=embeddings, settings=ALONE) as memory,
    ):
        builder: Any = StateGraph(MemoryState)
        builder.add_node("load", load_memory(memory))
        builder.add_node("extract", extract_memory(memory))
        for edge in ((START, "load"), ("load", "extract"), ("extract", END)):
            builder.add_edge(*edge)
        graph = builder.compile()

        def run(number: int) -> None:
            answer = AIMessage(f"You planted oak {number} there.", id=f"a{number}")
            question = HumanMessage(f"What did I plant in bed {number}?", id=f"h{number}")
            graph.invoke(
                {"messages": [answer, question]}, {"configurable": {"user_id": "ada", "thread_id": f"t{number}"}}
            )

        for number in range(WARM):
            run(number)
        before, start = proxy.round_trips, time.perf_counter()
        run(WARM)
        taken, seconds = proxy.round_trips - before, time.perf_counter() - start
    print(f"a turn at 2 ms a round trip: {taken} round trips, {seconds * 1e3:.1f} ms")
    assert taken == 5
