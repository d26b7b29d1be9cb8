"""Memory in create_agent, in both colours: shown on every run, stored nowhere, kept off the record where that is meant."""

import itertools
import json
import logging
import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager, contextmanager, nullcontext
from dataclasses import dataclass
from typing import Any

import psycopg
import pytest
from langchain.agents import create_agent
from langchain.agents.middleware import SummarizationMiddleware
from langchain_core.messages import AIMessage, HumanMessage, SystemMessage, convert_to_openai_messages
from langchain_core.tools import tool
from langgraph.types import Command, interrupt

from langchain_persistmem import (
    ConfigurationError,
    MissingDependencyError,
    NamespaceMissingError,
    PersistMem,
    PersistMemMiddleware,
    Settings,
    StorageUnavailableError,
    UseAsyncMethodError,
    load_memory,
    memory_tools,
)
from langchain_persistmem.integrations import turn_cache
from langchain_persistmem.recall import context as context_flow
from tests.support.scripted_model import Extractor, Scripted, call

IDENTITY = "You are a kind assistant."
ADA = {"configurable": {"thread_id": "t1", "user_id": "ada"}}
FENCE = "<memory>"


@tool
def weather(city: str) -> str:
    """The weather in a city."""
    return f"It rains in {city}, the barometer fell to 980."


@tool
def oven(dish: str) -> str:
    """Start the oven, if a person agrees."""
    return f"The oven says {interrupt(dish)}."


def agent_of(memory: PersistMem, model: Scripted, *, middleware: Any = None, tools: Any = (), **options: Any) -> Any:
    ours = middleware if middleware is not None else [PersistMemMiddleware(memory, on_error="raise")]
    return create_agent(
        model, list(tools), system_prompt=IDENTITY, middleware=ours, **{"checkpointer": memory.checkpointer, **options}
    )


async def run(either: Any, agent: Any, given: Any, config: Any = ADA, **options: Any) -> dict[str, Any]:
    given = {"messages": [HumanMessage(given)]} if isinstance(given, str) else given
    return (
        await agent.ainvoke(given, config, **options) if either.asynchronous else agent.invoke(given, config, **options)
    )


def config(thread: str = "t1", user: str = "ada", **more: Any) -> dict[str, Any]:
    return {"configurable": {"thread_id": thread, "user_id": user, **more}}


def shown_in(request: list[Any]) -> str:
    """What of a request is memory."""
    (text,) = [str(each.content) for each in request if FENCE in str(each.content)]
    return text[text.index(FENCE) : text.index("</memory>")]


async def test_a_second_thread_knows_what_the_first_one_said(either) -> None:
    model = Scripted()
    agent = agent_of(either.memory, model)
    await run(either, agent, "I am allergic to hazelnuts.", config("monday"))
    state = await run(either, agent, "What am I allergic to?", config("tuesday"))
    system, question = model.requests[1]
    assert system.content.startswith(f"{IDENTITY}\n\n{FENCE}")
    assert "I am allergic to hazelnuts." in shown_in([system])
    assert question.content == "What am I allergic to?"
    assert [each.content for each in state["messages"]] == ["What am I allergic to?", "Certainly."]
    await run(either, agent, "What am I allergic to?", config("t9", "bob"))
    assert "hazelnuts" not in str(model.requests[2])


def rows_of_checkpoints(database: str) -> str:
    with psycopg.connect(database) as connection:
        rows = [
            connection.execute(statement.encode()).fetchall()
            for statement in (
                "SELECT checkpoint::text, metadata::text FROM checkpoints",
                "SELECT channel, convert_from(decode(replace(encode(blob, 'escape'), '\\', '/'), 'escape'), 'LATIN1') "
                "FROM checkpoint_blobs",
                "SELECT channel, convert_from(decode(replace(encode(blob, 'escape'), '\\', '/'), 'escape'), 'LATIN1') "
                "FROM checkpoint_writes",
            )
        ]
    assert all(rows)
    return repr(rows)


async def test_what_was_shown_is_in_no_state_and_no_row_of_the_checkpointer(either, database: str) -> None:
    await either.remember("My sister Nora lives in Bergen", user_id="ada")
    model = Scripted(answers=[[call("weather", city="Oslo")], "Where your sister lives it rains."])
    agent = agent_of(either.memory, model, tools=[weather])
    state = await run(either, agent, "What is the weather where my sister lives?")
    assert all("Nora" in shown_in(request) for request in model.requests)
    assert "Nora" not in repr(state)
    assert set(state) == {"messages"}
    rows = rows_of_checkpoints(database)
    assert "What is the weather where my sister lives?" in rows
    assert "Nora" not in rows
    assert FENCE not in rows


def counted(memory: PersistMem, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The questions that memory is searched with from now on."""
    asked: list[str] = []
    original = context_flow.context

    async def context(backend: Any, namespace: Any, question: Any, shape: Any) -> Any:
        if backend is memory.backend:
            asked.append(question.query)
        return await original(backend, namespace, question, shape)

    monkeypatch.setattr(context_flow, "context", context)
    return asked


async def test_memory_is_recalled_once_for_each_run_and_stays_the_same_through_it(either, monkeypatch) -> None:
    asked = counted(either.memory, monkeypatch)
    await either.remember("For dinner I like to cook lentils", user_id="ada")

    @tool
    async def alater() -> str:
        """Learn something while the run goes on."""
        await either.remember("For dinner I like to cook beans, too", user_id="ada")
        return "ok"

    @tool
    def later() -> str:
        """Learn something while the run goes on."""
        either.memory.remember("For dinner I like to cook beans, too", user_id="ada")
        return "ok"

    learn = alater if either.asynchronous else later
    model = Scripted(answers=[[call(learn.name)], [call(learn.name, "2")], "Lentils."])
    agent = agent_of(either.memory, model, tools=[learn])
    await run(either, agent, "What should I cook for dinner?")
    first, second, third = (shown_in(request) for request in model.requests)
    assert first == second == third
    assert "lentils" in first
    assert "beans" not in first
    assert asked == ["What should I cook for dinner?"]
    await run(either, agent, "What should I cook for dinner?")
    assert "beans" in shown_in(model.requests[3])
    assert len(asked) == 2


async def test_a_run_that_begins_again_from_an_old_checkpoint_is_shown_what_is_known_now(either) -> None:
    model = Scripted()
    agent = agent_of(either.memory, model)
    await either.remember("For dinner I like to cook lentils", user_id="ada")
    await run(either, agent, "What should I cook for dinner?")
    history = (
        [each async for each in agent.aget_state_history(ADA)]
        if either.asynchronous
        else list(agent.get_state_history(ADA))
    )
    (before,) = [each for each in history if each.next == ("model",)]
    await either.remember("For dinner I like to cook beans, too", user_id="ada")
    await run(either, agent, None, {"configurable": {**before.config["configurable"], "user_id": "ada"}})
    assert "beans" not in shown_in(model.requests[0])
    assert "beans" in shown_in(model.requests[1])


async def test_a_run_that_waited_for_a_person_goes_on_with_the_same_bytes(either, monkeypatch) -> None:
    asked = counted(either.memory, monkeypatch)
    await either.remember("For dinner I like to cook lentils", user_id="ada")
    model = Scripted(answers=[[call("oven", dish="lentils")]] * 3)
    agent = agent_of(either.memory, model, tools=[oven])
    waiting = await run(either, agent, "What should I cook for dinner?")
    assert waiting["__interrupt__"]
    await either.remember("For dinner I like to cook beans, too", user_id="ada")
    await run(either, agent, Command(resume="yes"))
    assert shown_in(model.requests[0]) == shown_in(model.requests[1])
    assert len(asked) == 1
    monkeypatch.setattr(turn_cache, "_PAUSE", -1.0)  # as after five minutes
    await run(either, agent, Command(resume="yes"))
    assert "beans" in shown_in(model.requests[2])
    elsewhere = agent_of(either.memory, model, tools=[oven])  # as in another process
    await run(either, elsewhere, Command(resume="yes"))
    assert "beans" in shown_in(model.requests[3])
    assert "hungry" not in shown_in(model.requests[3])
    state = await run(either, elsewhere, "I am hungry now, thank you for the oven")
    assert not {FENCE, "lentils"} & set(repr(state["messages"][-2:]).split())


async def test_texts_are_dropped_at_the_end_of_a_run_and_never_grow_without_bound(either, monkeypatch) -> None:
    ours = PersistMemMiddleware(either.memory)
    await either.remember("For dinner I like to cook lentils", user_id="ada")
    agent = agent_of(either.memory, Scripted(), middleware=[ours])
    await run(either, agent, "What should I cook for dinner?")
    assert not ours._shown._texts
    monkeypatch.setattr(turn_cache, "_MOST", 3)
    broken = agent_of(either.memory, Scripted(answers=[RuntimeError("provider")] * 5), middleware=[ours])
    for number in range(5):
        with pytest.raises(RuntimeError, match="provider"):
            await run(either, broken, f"What should I cook for dinner number {number}?")
    assert len(ours._shown._texts) == 3


def wire(model: Scripted, request: list[Any]) -> str:
    """The bytes of a request, as they go to a provider."""
    return json.dumps({"tools": model.tools, "messages": convert_to_openai_messages(request)})


async def test_a_prompt_begins_with_the_bytes_of_the_prompt_before_it(either) -> None:
    for what in ("cook lentils for dinner", "cook beans for lunch", "cook eggs for breakfast"):
        await either.remember(f"I like to {what}", user_id="ada")
    model = Scripted(answers=[[call("weather", city="Oslo")], "Lentils."])
    agent = agent_of(either.memory, model, tools=[weather])
    for meal in ("dinner", "lunch", "breakfast"):
        await run(either, agent, f"What should I cook for {meal}?")
    sent = [wire(model, request) for request in model.requests]
    assert sent[1].startswith(sent[0].removesuffix("]}"))  # within the first run nothing before changes
    for before, after in ((1, 2), (2, 3)):
        last = max(place for place, each in enumerate(model.requests[before]) if isinstance(each, HumanMessage))
        prefix = wire(model, model.requests[before][:last]).removesuffix("]}")
        assert len(prefix) > len(IDENTITY)
        assert sent[after].startswith(prefix)
        assert model.requests[after][last].content == f"What should I cook for {('dinner', 'lunch')[before - 1]}?"


async def test_every_provider_takes_the_request_as_it_is_formed(either) -> None:
    await either.remember("I like to cook lentils for dinner", user_id="ada")
    model = Scripted(answers=[[call("weather", city="Oslo")]])
    agent = agent_of(either.memory, model, tools=[weather])
    for _ in range(2):
        await run(either, agent, "What should I cook for dinner?")
        roles = [each["role"] for each in convert_to_openai_messages(model.requests[-1])]
        assert roles[0] == "system"
        assert roles.count("system") == 1
        assert all(one != "user" or other != "user" for one, other in itertools.pairwise(roles))
        assert all(isinstance(each.content, str) for each in model.requests[-1])


@pytest.mark.parametrize("placement", ["human", "system"])
async def test_the_standing_part_ends_the_system_prompt_and_stays_the_same(either, placement: str) -> None:
    await either.remember("I like to cook lentils for dinner", user_id="ada")
    store, item = either.memory.store, (("memories", "ada"), "k", {"text": "The harbour opens at six in the morning"})
    await store.aput(*item) if either.asynchronous else store.put(*item)
    model = Scripted()
    agent = agent_of(either.memory, model, middleware=[PersistMemMiddleware(either.memory, placement=placement)])
    for text in ("Thank you.", "When does the harbour open?"):
        await run(either, agent, text)
    (first, *_), (second, *_) = model.requests
    assert first.content.startswith(f"{IDENTITY}\n\n{FENCE}")
    assert "lentils" in first.content
    assert second.content.startswith(first.content)
    assert ("opens at six" in second.content) == (placement == "system")
    assert ("opens at six" in model.requests[1][-1].content) == (placement == "human")
    await either.remember("I like to cook beans for dinner", user_id="ada")
    await run(either, agent, "And now?")
    assert "beans" in model.requests[2][0].content


async def test_a_message_of_several_parts_gets_one_more(either) -> None:
    await either.remember("I like to cook lentils for dinner", user_id="ada")
    model = Scripted()
    parts = [
        {"type": "text", "text": "What should I cook for dinner?"},
        {"type": "image_url", "image_url": {"url": "data:image/png;base64,AA=="}},
    ]
    ours = PersistMemMiddleware(either.memory, standing="off")
    await run(either, agent_of(either.memory, model, middleware=[ours]), {"messages": [HumanMessage(parts)]})
    memory, *rest = model.requests[0][-1].content
    assert memory["type"] == "text"
    assert "lentils" in memory["text"]
    assert rest == parts


async def test_the_system_prompt_is_a_place_for_it_too(either) -> None:
    await either.remember("I like to cook lentils for dinner", user_id="ada")
    model = Scripted()
    ours = PersistMemMiddleware(either.memory, placement="system")
    await run(either, agent_of(either.memory, model, middleware=[ours]), "What should I cook for dinner?")
    system, question = model.requests[0]
    assert system.content.startswith(f"{IDENTITY}\n\n{FENCE}")
    assert question.content == "What should I cook for dinner?"
    blocks = SystemMessage([{"type": "text", "text": IDENTITY, "cache_control": {"type": "ephemeral"}}])
    agent = create_agent(model, [], system_prompt=blocks, middleware=[ours])
    await run(either, agent, "What should I cook for dinner?", {"configurable": {"user_id": "ada"}})
    assert model.requests[1][0].content[0] == blocks.content[0]
    assert "lentils" in model.requests[1][0].content[1]["text"]
    await run(either, create_agent(model, [], middleware=[ours]), "What should I cook for dinner?", config())
    assert model.requests[2][0].content.startswith(FENCE)


async def test_the_run_is_learnt_from_and_nothing_else(either, database: str) -> None:
    kept = await either.remember("My sister Nora lives in Bergen", user_id="ada")
    model = Scripted(answers=[[call("weather", city="Bergen")], "It rains there today, so take a coat.", "Thank you!"])
    agent = agent_of(either.memory, model, tools=[weather])
    for _ in range(2):
        await run(either, agent, "What is the weather where my sister lives?")
    with psycopg.connect(database) as connection:
        learnt = connection.execute(
            "SELECT source, text, listed FROM persistmem.memories WHERE id <> %s", [kept.id]
        ).fetchall()
        assert set(learnt) == {
            ("user", "What is the weather where my sister lives?", False),  # it only asks
            ("assistant", "It rains there today, so take a coat.", True),
        }
        roles = connection.execute("SELECT role, text FROM persistmem.messages ORDER BY position").fetchall()
        uses = connection.execute("SELECT times FROM persistmem.uses WHERE memory_id = %s", (kept.id,)).fetchall()
    assert [role for role, _ in roles] == ["user", "assistant", "tool", "assistant", "user", "assistant"]
    assert FENCE not in repr(roles)
    assert uses == [(2,)]


async def test_a_summary_of_the_conversation_is_not_taken_for_the_users_words(either) -> None:
    summarise = SummarizationMiddleware(
        Scripted(answers=["The user spoke of orchards."] * 9), trigger=("messages", 4), keep=("messages", 1)
    )
    model = Scripted()
    agent = agent_of(
        either.memory, model, middleware=[PersistMemMiddleware(either.memory, on_error="raise"), summarise]
    )
    for number in range(4):
        await run(either, agent, f"Today I planted tree number {number} in my orchard")
    assert "The user spoke of orchards." in repr(model.requests[-1])
    texts = [each.text for each in await either.list(user_id="ada")]
    assert sorted(text for text in texts if "tree" in text) == [
        f"Today I planted tree number {number} in my orchard" for number in range(4)
    ]
    assert not any("spoke of" in text for text in texts)


async def test_without_a_thread_memories_are_shown_and_nothing_is_learnt(either) -> None:
    await either.remember("I like to cook lentils for dinner", user_id="ada")
    model = Scripted()
    agent = agent_of(either.memory, model, checkpointer=None)
    await run(either, agent, "What should I cook for dinner?", {"configurable": {"user_id": "ada"}})
    assert "lentils" in shown_in(model.requests[0])
    assert (await either.admin.status(user_id="ada")).counts["memories"] == 1
    assert (await either.admin.status(user_id="ada")).counts["messages"] == 0


async def test_a_run_without_words_of_a_user_goes_on(either) -> None:
    model = Scripted()
    agent = agent_of(either.memory, model)
    picture = [{"type": "image_url", "image_url": {"url": "data:image/png;base64,AA=="}}]
    await run(either, agent, {"messages": [HumanMessage(picture)]})
    await run(either, agent, {"messages": [AIMessage("Good morning!")]}, config("t2"))
    assert FENCE not in repr(model.requests)


async def test_two_memories_serve_one_agent_under_two_names(either, database: str, embeddings) -> None:
    team = PersistMem.open if not either.asynchronous else PersistMem.aopen
    opened = team(database, embeddings=embeddings, namespace=("team", "{team_id}"))
    async with opened as shared:
        where = ("team", "blue")
        options = {"namespace": where}
        text = "The blue team has its dinner at noon"
        await shared.aremember(text, **options) if either.asynchronous else shared.remember(text, **options)
        await either.remember("I like to cook lentils for dinner", user_id="ada")
        model = Scripted()
        both = [
            PersistMemMiddleware(either.memory, standing="off"),
            PersistMemMiddleware(shared, name="team", standing="off"),
        ]
        agent = agent_of(either.memory, model, middleware=both)
        await run(either, agent, "What about dinner?", config(team_id="blue"))
        assert "at noon" in model.requests[0][-1].content
        assert "lentils" in model.requests[0][-1].content
        assert model.requests[0][-1].content.endswith("\n\nWhat about dinner?")
        with pytest.raises(AssertionError, match="duplicate"):
            agent_of(either.memory, model, middleware=[both[0], PersistMemMiddleware(shared)])


# what is streamed


@contextmanager
def opened_with_extractor(database: str, embeddings: Any):
    with PersistMem.open(database, embeddings=embeddings, model=Extractor()) as memory:
        yield memory


@asynccontextmanager
async def aopened_with_extractor(database: str, embeddings: Any):
    async with PersistMem.aopen(database, embeddings=embeddings, model=Extractor()) as memory:
        yield memory


def streaming_agent(memory: PersistMem) -> tuple[Scripted, Any]:
    answers = [[call("weather", city="Oslo"), call("recall_memories", query="dinner")], "It rains, stay at home."]
    model = Scripted(answers=answers)
    ours = PersistMemMiddleware(memory, on_error="raise", background=False)
    return model, agent_of(memory, model, middleware=[ours], tools=[weather, *memory_tools(memory)])


QUESTION = "I like apples. What should I cook for dinner?"


def fill(memory: PersistMem) -> None:
    memory.remember("Something to cook for dinner is parsnip soup", user_id="bob")


@pytest.mark.parametrize("mode", ["messages", "updates", "values", "custom", "tasks"])
async def test_nothing_of_ours_is_in_a_stream(mode: str, database: str, embeddings) -> None:
    with opened_with_extractor(database, embeddings) as memory:
        memory.remember("For dinner I like to cook lentils", user_id="ada")
        model, agent = streaming_agent(memory)
        model.answers[0].pop()  # the recall tool's own answer may speak of lentils
        chunks = list(agent.stream({"messages": QUESTION}, ADA, stream_mode=mode))
        assert any("apples" in str(each.text) for each in memory.list(user_id="ada") if each.text)
        assert "lentils" in shown_in(model.requests[0])
    assert_quiet(repr(chunks))
    if mode == "messages":
        tokens = [each.content for each, _ in chunks if isinstance(each, AIMessage) and each.content]
        assert tokens == ["It", " rains,", " stay", " at", " home."]
        assert [type(each) for each, _ in chunks if isinstance(each, (HumanMessage, SystemMessage))] == []


def assert_quiet(streamed: str) -> None:
    assert "lentils" not in streamed
    assert FENCE not in streamed
    assert "Learnt" not in streamed
    assert "persistmem_extract" not in streamed


async def test_nothing_of_ours_is_in_an_async_stream(database: str, embeddings) -> None:
    async with aopened_with_extractor(database, embeddings) as memory:
        await memory.aremember("For dinner I like to cook lentils", user_id="ada")
        model, agent = streaming_agent(memory)
        model.answers[0].pop()
        modes = ["messages", "updates", "values"]
        chunks = [each async for each in agent.astream({"messages": QUESTION}, ADA, stream_mode=modes)]
        assert any("apples" in str(each.text) for each in await memory.alist(user_id="ada"))
    assert_quiet(repr(chunks))


async def test_nothing_of_ours_is_in_the_event_stream_but_what_the_agents_model_was_sent(
    database: str, embeddings
) -> None:
    async with aopened_with_extractor(database, embeddings) as memory:
        await memory.aremember("For dinner I like to cook lentils", user_id="ada")
        model, agent = streaming_agent(memory)
        model.answers[0].pop()
        events = [each async for each in agent.astream_events({"messages": QUESTION}, ADA, version="v2")]
        assert any("apples" in str(each.text) for each in await memory.alist(user_id="ada"))
    starts = [each for each in events if each["event"] == "on_chat_model_start"]
    assert len(starts) == 2  # the agent's two calls, and none of ours
    assert all("lentils" in repr(each["data"]) for each in starts)  # a trace says what was sent
    assert_quiet(repr([{**each, "data": {**each["data"], "input": None}} for each in events]))


@pytest.mark.filterwarnings("ignore:The v3 streaming protocol:langchain_core._api.LangChainBetaWarning")
async def test_nothing_of_ours_is_in_the_newest_stream(database: str, embeddings) -> None:
    async with aopened_with_extractor(database, embeddings) as memory:
        await memory.aremember("For dinner I like to cook lentils", user_id="ada")
        model, agent = streaming_agent(memory)
        model.answers[0].pop()
        run = await agent.astream_events({"messages": QUESTION}, ADA, version="v3")
        texts = [await message.text async for message in run.messages]
        assert any("apples" in str(each.text) for each in await memory.alist(user_id="ada"))
    assert texts[-1] == "It rains, stay at home."
    assert_quiet(repr(texts))  # some versions of LangGraph have the answers of tools here, too


async def test_the_usage_of_our_own_calls_is_still_traced(database: str, embeddings) -> None:
    from langchain_core.callbacks import BaseCallbackHandler

    class Tracer(BaseCallbackHandler):
        """As an application counts its calls."""

        names: list[str]

        def __init__(self) -> None:
            self.names = []

        def on_chain_start(self, *_: Any, **kwargs: Any) -> None:
            self.names.append(str(kwargs.get("name")))

    with opened_with_extractor(database, embeddings) as memory:
        _, agent = streaming_agent(memory)
        tracer = Tracer()
        agent.invoke({"messages": QUESTION}, {**ADA, "callbacks": [tracer]})
    assert "persistmem_extract" in tracer.names


# who may, and what is off the record


@dataclass
class Context:
    user_id: str
    off_the_record: bool = False


async def test_off_the_record_nothing_is_read_or_kept(either) -> None:
    await either.remember("I like to cook lentils for dinner", user_id="ada")
    before = (await either.admin.status()).counts
    model = Scripted()
    agent = agent_of(either.memory, model, context_schema=Context)
    bob = config("t1", "bob", off_the_record=True)
    await run(either, agent, "What should I cook for dinner?", config(off_the_record=True))
    await run(either, agent, "I am allergic to hazelnuts.", bob)
    private = Context(user_id="ada", off_the_record=True)
    await run(either, agent, "What should I cook for dinner?", {"configurable": {"thread_id": "t3"}}, context=private)
    assert "lentils" not in repr(model.requests)
    # bob has checkpoints, which an erase has to find: whose thread it is, is noted
    assert (await either.admin.status()).counts == {**before, "namespaces": before["namespaces"] + 1}
    assert await either.list(user_id="bob") == []


async def test_off_the_record_is_true_or_false(either) -> None:
    with pytest.raises(ValueError, match="off_the_record is of type str; pass True or False"):
        await run(either, agent_of(either.memory, Scripted()), "Hello", config(off_the_record="no"))


def _restart(database: str, embeddings: Any, answers: list[Any], **options: Any) -> Any:
    """Another process: nothing is left but the database."""

    @contextmanager
    def opened():
        with PersistMem.open(database, embeddings=embeddings) as memory:
            model = Scripted(answers=answers)
            yield memory, agent_of(memory, model, tools=[weather, oven], **options), model

    return opened()


def test_what_was_said_off_the_record_is_not_learnt_later_on_the_same_thread(database: str, embeddings) -> None:
    with _restart(database, embeddings, ["Fine.", [call("weather", city="Oslo")], "I keep the surprise party."]) as (
        memory,
        agent,
        _,
    ):
        agent.invoke({"messages": "I planted an apple tree in my garden."}, ADA)
        agent.invoke({"messages": "I plan a surprise party for Nora."}, config(off_the_record=True))
    with _restart(database, embeddings, ["Pears are good for the party."]) as (memory, agent, model):
        state = agent.invoke({"messages": "I planted a pear tree, too."}, ADA)
        assert "surprise" in repr(model.requests[0])  # it is the conversation, of course
        assert [each.content for each in state["messages"] if isinstance(each, HumanMessage)] == [
            "I planted an apple tree in my garden.",
            "I plan a surprise party for Nora.",
            "I planted a pear tree, too.",
        ]
        texts = {each.text for each in memory.list(user_id="ada")}
        stored = {str(each.content) for each in memory.conversations.messages("t1", user_id="ada")}
    assert {each for each in texts if "tree" in each} == {
        "I planted an apple tree in my garden.",
        "I planted a pear tree, too.",
    }
    assert not any("surprise" in each or "rains" in each for each in texts | stored)


def test_a_run_off_the_record_that_failed_is_not_learnt_later_either(database: str, embeddings) -> None:
    with _restart(database, embeddings, [RuntimeError("provider")]) as (_, agent, _), pytest.raises(RuntimeError):
        agent.invoke({"messages": "I plan a surprise party for Nora."}, config(off_the_record=True))
    secret = "Do the surprise."
    with _restart(database, embeddings, [[call("oven", dish="cake")]]) as (_, agent, _):
        agent.invoke(
            {"messages": "And a surprise cake."}, config(off_the_record=True)
        )  # it waits, and is never resumed
    with _restart(database, embeddings, ["Noted, thank you very much."]) as (memory, agent, _):
        agent.invoke({"messages": "I planted a pear tree."}, ADA)
        stored = [str(each.content) for each in memory.conversations.messages("t1", user_id="ada")]
        texts = [each.text for each in memory.list(user_id="ada")]
    assert not any("surprise" in each for each in stored + texts)
    assert "I planted a pear tree." in texts
    assert secret not in texts


def test_a_turn_that_goes_off_the_record_half_way_is_off_as_a_whole(database: str, embeddings) -> None:
    with _restart(database, embeddings, [[call("oven", dish="cake")]]) as (_, agent, _):
        agent.invoke({"messages": "I plan to bake a cake tonight."}, ADA)
    with _restart(database, embeddings, ["The surprise is ready for Nora."]) as (_, agent, _):
        agent.invoke(Command(resume="go"), config(off_the_record=True))
    with _restart(database, embeddings, ["Noted, thank you very much."]) as (memory, agent, _):
        agent.invoke({"messages": "I planted a pear tree."}, ADA)
        texts = [each.text for each in memory.list(user_id="ada")]
    assert not any("surprise" in each or "cake" in each for each in texts)


async def test_marks_are_in_no_request_and_disturb_no_stream(either) -> None:
    model = Scripted()
    agent = agent_of(either.memory, model)
    await run(either, agent, "I plan a surprise party.")
    plain = wire(model, [*model.requests[0], HumanMessage("x")])
    await run(either, agent, "More of the party.", config(off_the_record=True))
    assert wire(model, model.requests[1]).startswith(wire(model, model.requests[0]).removesuffix("]}"))
    assert "off the record" not in wire(model, model.requests[1]) + plain
    private = config("t7", off_the_record=True)
    if either.asynchronous:
        stream = agent.astream({"messages": "Again the party."}, private, stream_mode="messages")
        chunks = [each async for each in stream]
    else:
        chunks = list(agent.stream({"messages": "Again the party."}, private, stream_mode="messages"))
    assert [each.content for each, _ in chunks if each.content] == ["Certainly."]


async def test_memory_allowed_is_like_off_the_record(either) -> None:
    await either.remember("I like to cook lentils for dinner", user_id="ada")
    before = await either.admin.status()
    asked: list[Any] = []

    def consents(state: Any, runtime: Any) -> bool:
        asked.append((state["messages"][0].content, runtime.context.user_id))
        return state["messages"][-1].content != "What should I cook for dinner?" and False

    for gate in (False, consents):
        model = Scripted()
        ours = PersistMemMiddleware(either.memory, memory_allowed=gate)
        agent = agent_of(either.memory, model, middleware=[ours], context_schema=Context)
        await run(either, agent, "What should I cook for dinner?", context=Context(user_id="ada"))
        assert "lentils" not in repr(model.requests)
    assert set(asked) == {("What should I cook for dinner?", "ada")}
    assert await either.admin.status() == before
    agent = agent_of(either.memory, Scripted(answers=["Rather beans, I would say."]))
    await run(either, agent, "Thank you for the beans")
    assert sorted(each.text for each in await either.list(user_id="ada")) == [
        "I like to cook lentils for dinner",
        "Rather beans, I would say.",
        "Thank you for the beans",
    ]


async def test_memory_allowed_may_be_async_in_an_async_run(either) -> None:
    async def consents(state: Any, runtime: Any) -> bool:
        return True

    await either.remember("I like to cook lentils for dinner", user_id="ada")
    model = Scripted()
    agent = agent_of(either.memory, model, middleware=[PersistMemMiddleware(either.memory, memory_allowed=consents)])
    if either.asynchronous:
        await run(either, agent, "What should I cook for dinner?")
        assert "lentils" in shown_in(model.requests[0])
    else:
        with pytest.raises(ConfigurationError, match="ainvoke"):
            await run(either, agent, "What should I cook for dinner?")


async def test_a_gate_that_fails_or_answers_nonsense_never_lets_memory_in(either, caplog) -> None:
    def fails(state: Any, runtime: Any) -> bool:
        raise LookupError("Ada's consent is in row 4711")

    model = Scripted()
    await either.remember("I like to cook lentils for dinner", user_id="ada")
    before = await either.admin.status()
    agent = agent_of(either.memory, model, middleware=[PersistMemMiddleware(either.memory, memory_allowed=fails)])
    with caplog.at_level(logging.WARNING):
        await run(either, agent, "What should I cook for dinner?")
    assert "lentils" not in repr(model.requests)
    assert await either.admin.status() == before
    assert "memory_allowed failed with LookupError" in caplog.text
    assert "4711" not in caplog.text
    strict = PersistMemMiddleware(either.memory, memory_allowed=fails, on_error="raise")
    with pytest.raises(LookupError):
        await run(either, agent_of(either.memory, model, middleware=[strict]), "Hello")
    odd: Callable[..., Any] = lambda state, runtime: "yes"  # noqa: E731
    nonsense = PersistMemMiddleware(either.memory, memory_allowed=odd)
    with pytest.raises(ConfigurationError, match="let it return True or False"):
        await run(either, agent_of(either.memory, model, middleware=[nonsense]), "Hello", config("t2"))


# what goes wrong


async def test_memory_that_fails_does_not_take_the_conversation_down(either, monkeypatch, caplog) -> None:
    secret = "My locker code is 4711, remember"

    def fail(*_: object, **__: object) -> None:
        raise StorageUnavailableError

    model = Scripted(answers=[[call("weather", city="Oslo")], "Certainly."])
    agent = agent_of(
        either.memory, model, middleware=[PersistMemMiddleware(either.memory)], tools=[weather], checkpointer=None
    )
    strict = agent_of(either.memory, Scripted(), checkpointer=None)
    monkeypatch.setattr(either.memory._backend, "transaction", fail)
    with caplog.at_level(logging.WARNING):
        state = await run(either, agent, secret)
    assert state["messages"][-1].content == "Certainly."
    ours = [record.getMessage().split()[0] for record in caplog.records if record.name.startswith("langchain_persist")]
    assert ours == ["PersistMemMiddleware.wrap_model_call", "PersistMemMiddleware.after_agent"]  # one attempt a turn
    assert "4711" not in caplog.text
    with pytest.raises(StorageUnavailableError):
        await run(either, strict, secret)


async def test_without_a_user_the_run_says_which_keys_were_found(either) -> None:
    agent = agent_of(either.memory, Scripted(), middleware=[PersistMemMiddleware(either.memory)])
    with pytest.raises(NamespaceMissingError, match=r"keys found: .*thread_id"):
        await run(either, agent, "Hello", {"configurable": {"thread_id": "t"}})


async def test_a_blocking_run_on_an_async_memory_says_what_to_use(amemory) -> None:
    agent = create_agent(Scripted(), [], middleware=[PersistMemMiddleware(amemory)])
    with pytest.raises(UseAsyncMethodError, match="acontext"):
        agent.invoke({"messages": "What should I cook?"}, {"configurable": {"user_id": "ada"}})


async def test_a_blocking_memory_serves_an_async_agent(memory) -> None:
    model = Scripted()
    agent = agent_of(memory, model)
    await agent.ainvoke({"messages": "I am allergic to hazelnuts."}, ADA)
    await agent.ainvoke({"messages": "What am I allergic to?"}, config("t2"))
    assert "hazelnuts" in shown_in(model.requests[1])


def test_options_that_do_not_exist_are_refused(memory) -> None:
    with pytest.raises(ConfigurationError, match="use 'human' or 'system'"):
        PersistMemMiddleware(memory, placement="top")
    with pytest.raises(ConfigurationError, match="use 'raise' or 'continue'"):
        PersistMemMiddleware(memory, on_error="ignore")


WITHOUT_LANGCHAIN = """
import sys
sys.modules["langchain"] = None
from langchain_persistmem import *
from langchain_persistmem import MissingDependencyError, PersistMem, PersistMemMiddleware, memory_tools, load_memory
try:
    PersistMemMiddleware(None)
except MissingDependencyError as error:
    print(error)
"""


def test_without_langchain_all_else_works_and_the_middleware_names_the_extra() -> None:
    done = subprocess.run([sys.executable, "-c", WITHOUT_LANGCHAIN], capture_output=True, text=True, check=True)
    assert done.stdout.strip().endswith('run: pip install "langchain-persistmem[agents]"')
    assert issubclass(MissingDependencyError, ConfigurationError)


def test_eight_users_at_once_see_their_own(memory) -> None:
    model = Scripted()
    agent = agent_of(memory, model)

    def visit(user: str) -> None:
        for turn in range(4):
            agent.invoke({"messages": f"I am {user} and this is visit {turn} to the harbour"}, config(user, user))

    users = [f"user{number}" for number in range(8)]
    with ThreadPoolExecutor(8) as threads:
        list(threads.map(visit, users))
    for user in users:
        agent.invoke({"messages": f"Who is {user} at the harbour?"}, config(f"{user}-later", user))
        requests = [repr(each) for each in model.requests if f"{user} " in repr(each)]
        assert len(requests) == 5
        assert FENCE in requests[-1]
        assert not any(other in each for each in requests for other in users if other != user)
        assert sum("visit" in str(each.text) for each in memory.list(user_id=user)) == 4


async def test_what_the_conversation_says_itself_is_not_shown_again(either) -> None:
    model = Scripted()
    agent = agent_of(either.memory, model)
    await run(either, agent, "I am allergic to hazelnuts.")
    await run(either, agent, "What am I allergic to?")
    assert FENCE not in repr(model.requests)
    await run(either, agent, "What am I allergic to?", config("t2"))
    assert "hazelnuts" in shown_in(model.requests[-1])


async def test_what_a_summary_took_from_the_conversation_is_shown_again(either) -> None:
    summarise = SummarizationMiddleware(
        Scripted(answers=["They spoke of food."] * 9), trigger=("messages", 4), keep=("messages", 1)
    )
    model = Scripted()
    agent = agent_of(
        either.memory, model, middleware=[PersistMemMiddleware(either.memory, on_error="raise"), summarise]
    )
    for text in ("I am allergic to hazelnuts.", "I like tea.", "What am I allergic to?"):
        await run(either, agent, text)
    assert "spoke of food" in repr(model.requests[-1])
    assert "hazelnuts" in shown_in(model.requests[-1])


async def test_form_and_profile_are_those_that_were_asked_for(either) -> None:
    await either.update_profile({"name": "Ada"}, user_id="ada")
    await either.remember("For dinner I like to cook lentils", user_id="ada")
    model = Scripted()
    ours = PersistMemMiddleware(either.memory, form="json", expand="rules", on_error="raise")
    await run(either, agent_of(either.memory, model, middleware=[ours]), "What should I cook for dinner?")
    text = shown_in(model.requests[0])
    assert "Ada" in text
    assert '"text": "For dinner I like to cook lentils"' in text or '"For dinner I like to cook lentils"' in text


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"form": "html"}, "use one of"),
        ({"standing": "all"}, "standing is 'all'; use one of 'brief', 'journal', 'off'"),
        ({"expand": "all"}, "use 'rules'"),
        ({"check": "none"}, "use 'threshold' or 'model'"),
        ({"check": "model"}, "open the memory with model="),
        ({"expand": "model"}, "open the memory with model="),
    ],
)
def test_a_context_that_cannot_be_is_refused_at_once(memory, options: dict[str, Any], says: str) -> None:
    with pytest.raises(ConfigurationError, match=says):
        PersistMemMiddleware(memory, **options)
    with pytest.raises(ConfigurationError, match=says):
        load_memory(memory, **options)


@pytest.mark.parametrize("background", [None, True, False])
async def test_a_turn_waits_for_no_chat_model_unless_it_is_told_to(
    background: bool | None, database: str, embeddings
) -> None:
    with PersistMem.open(database, embeddings=embeddings, model=Extractor()) as memory:
        assert memory.learns_in_background
        ours = PersistMemMiddleware(memory, on_error="raise", background=background)
        agent_of(memory, Scripted(), middleware=[ours]).invoke({"messages": "I like apples."}, ADA)
        assert memory.admin.status(user_id="ada").counts["messages"] == 2
        assert bool(memory.list(user_id="ada")) == (background is False)
    settings = Settings(worker=False)
    with PersistMem.open(database, embeddings=embeddings, model=Extractor(), settings=settings) as memory:
        assert not memory.learns_in_background
        ours = PersistMemMiddleware(memory, on_error="raise", background=background)
        agent_of(memory, Scripted(), middleware=[ours]).invoke({"messages": "I like pears."}, config("t2"))
        learnt = {str(each.text) for each in memory.list(user_id="ada")}
        assert any("pears" in each for each in learnt) == (background is not True)


TOPICS = {
    "What should I cook for dinner tonight?": "For dinner I like to cook lentils with a little nutmeg",
    "Which piece shall I practise on the cello?": "On the cello I practise the second suite by Bach",
    "What does my bicycle need before winter?": "My bicycle has a worn chain and no lights",
    "How is the tax return going?": "My tax return has to be sent by the end of July",
    "When does the cat see the vet again?": "My cat Pixel sees the vet every March",
}


def reused(memory: PersistMem, placement: str, thread: str, **options: Any) -> float:
    """The share of a request that the run before sent already, where other memories are recalled than before: averaged
    over the second half of 20 runs.
    """
    answer = (
        "Let us look at it step by step, and begin with what takes longest, so that the rest can be done meanwhile. "
    )
    model = Scripted(answers=[answer * 3] * 20)
    options = {"kinds": ["semantic"], "standing": "off", "max_tokens": 120} | options
    ours = PersistMemMiddleware(memory, placement=placement, on_error="raise", **options)
    agent = create_agent(model, [], system_prompt=IDENTITY * 40, middleware=[ours], checkpointer=memory.checkpointer)
    for number in range(20):
        agent.invoke({"messages": list(TOPICS)[number % 5]}, config(thread))
    requests = model.requests[9:]
    shares: list[float] = []
    for one, other in itertools.pairwise(requests):
        texts = [
            [str(message.content) for message in request if FENCE in str(message.content)] for request in (one, other)
        ]
        if texts[0] != texts[1]:
            pairs = enumerate(zip(wire(model, one), wire(model, other), strict=False))
            shares.append(next(place for place, (a, b) in pairs if a != b) / len(wire(model, other)))
    return sum(shares) / len(shares)


def test_the_figures_of_the_decision_on_placement(memory) -> None:
    for known in TOPICS.values():
        memory.remember(known, user_id="ada")
    human, system = reused(memory, "human", "t1"), reused(memory, "system", "t2")
    # Two of the five facts stand, the others come with the message.
    standing = reused(memory, "human", "t3", standing="brief", max_tokens=170)
    print(
        f"human {human:.2f}, system {system:.2f}, with a standing part {standing:.2f}"
    )  # with -s; decision 13 has them
    assert standing == pytest.approx(0.91, abs=0.03)
    assert human == pytest.approx(0.88, abs=0.03)
    assert system == pytest.approx(0.19, abs=0.03)


MODES: list[Any] = [None, "values", "updates", "messages", "debug", "tasks", "checkpoints", ["updates", "messages"]]


@pytest.mark.parametrize("placement", ["human", "system"])
@pytest.mark.parametrize("first", [True, False], ids=["memory first", "summary first"])
@pytest.mark.parametrize("mode", MODES, ids=str)
async def test_a_question_that_a_summary_takes_out_in_mid_run_is_remembered_and_learnt(
    either, mode: Any, first: bool, placement: Any
) -> None:
    await either.remember("I like to cook lentils for dinner", user_id="ada")
    summarise = SummarizationMiddleware(
        Scripted(answers=["They looked at the weather."] * 20), trigger=("messages", 4), keep=("messages", 2)
    )
    ours = PersistMemMiddleware(either.memory, placement=placement, background=False, on_error="raise")
    model = Scripted(answers=[*([call("weather", f"c{n}", city="Oslo")] for n in range(5)), "Lentils, then."])
    agent = agent_of(
        either.memory, model, middleware=[ours, summarise] if first else [summarise, ours], tools=[weather]
    )
    question = "I adopted a parrot called Kiwi. What should I cook for dinner?"
    given = {"messages": [HumanMessage(question, id="q1")]}
    if mode is None:
        await run(either, agent, given)
    elif either.asynchronous:
        _ = [each async for each in agent.astream(given, ADA, stream_mode=mode)]
    else:
        _ = list(agent.stream(given, ADA, stream_mode=mode))
    assert len(model.requests) == 6
    assert question not in repr(model.requests[-1]), "the summary has taken it out"
    assert all("lentils" in shown_in(request) for request in model.requests)
    stored = await either.conversations.messages("t1", user_id="ada")
    assert [message.content for message in stored if message.type == "human"] == [question]
    assert stored[-1].content == "Lentils, then."
    assert any("Kiwi" in (each.text or "") for each in await either.list(user_id="ada"))
    state = await agent.aget_state(ADA) if either.asynchronous else agent.get_state(ADA)
    assert not state.values.get("memory_run"), "nothing of the run is kept behind it"


@pytest.mark.parametrize("first", [True, False], ids=["memory first", "summary first"])
@pytest.mark.parametrize("ending", ["nobody answers", "the model fails"])
async def test_the_question_of_a_run_that_never_ended_is_learnt_by_the_next_one(
    either, ending: str, first: bool
) -> None:
    summarise = SummarizationMiddleware(
        Scripted(answers=["They looked at the weather."] * 20), trigger=("messages", 4), keep=("messages", 2)
    )
    ours = PersistMemMiddleware(either.memory, background=False, on_error="raise")
    calls = [[call("weather", f"c{n}", city="Oslo")] for n in range(3)]
    stop = [call("oven", dish="stew")] if ending == "nobody answers" else RuntimeError("overloaded")
    model = Scripted(answers=[*calls, stop, "Fine.", "Gladly."])
    middleware = [ours, summarise] if first else [summarise, ours]
    agent = agent_of(either.memory, model, middleware=middleware, tools=[weather, oven])
    with pytest.raises(RuntimeError, match="overloaded") if ending == "the model fails" else nullcontext():
        await run(either, agent, {"messages": [HumanMessage("I adopted a parrot called Kiwi.", id="q1")]})
    assert "Kiwi" not in repr(model.requests[-1]), "the summary has taken it out"
    for number, said in enumerate(["I moved to Graz.", "Thanks for all that."], 2):
        await run(either, agent, {"messages": [HumanMessage(said, id=f"q{number}")]})
    stored = [each.content for each in await either.conversations.messages("t1", user_id="ada") if each.type == "human"]
    assert stored == ["I adopted a parrot called Kiwi.", "I moved to Graz.", "Thanks for all that."]
    known = [each.text or "" for each in await either.list(user_id="ada")]
    assert sum("Kiwi" in text for text in known) == 1
