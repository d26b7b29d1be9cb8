"""The nodes in real graphs, in both colours: memory crosses threads, never users, and never takes a turn down."""

import logging
from dataclasses import dataclass
from typing import Any, TypedDict

import psycopg
import pytest
from langchain_core.language_models import GenericFakeChatModel
from langchain_core.messages import AIMessage, HumanMessage, SystemMessage
from langgraph.graph import END, START, MessagesState, StateGraph

from langchain_persistmem import (
    ConfigurationError,
    InvalidInputError,
    MemoryState,
    NamespaceMissingError,
    StorageUnavailableError,
    extract_memory,
    load_memory,
    prompt_with_memory,
)

IDENTITY = "You are a kind assistant."


def graph_of(memory, seen: list[list[Any]], *, on_error="raise", state=MemoryState, context=None, **options):
    def model(state: Any) -> dict[str, Any]:
        messages = prompt_with_memory(IDENTITY, state)
        seen.append(messages)
        fake = GenericFakeChatModel(messages=iter([AIMessage("Certainly, I will keep that in mind for dinner")]))
        return {"messages": [fake.invoke(messages)]}

    builder = StateGraph(state, context_schema=context)
    builder.add_node("load_memory", load_memory(memory, on_error=on_error, **options))
    builder.add_node("model", model)
    builder.add_node("extract_memory", extract_memory(memory, on_error=on_error))
    builder.add_edge(START, "load_memory")
    builder.add_edge("load_memory", "model")
    builder.add_edge("model", "extract_memory")
    builder.add_edge("extract_memory", END)
    return builder.compile(checkpointer=memory.checkpointer, store=memory.store)


async def say(graph, either, text: str, thread: str = "t1", user: str | None = "ada", **kwargs: Any) -> dict[str, Any]:
    configurable = {"thread_id": thread} | ({"user_id": user} if user else {})
    config = {"configurable": configurable}
    if either.asynchronous:
        return await graph.ainvoke({"messages": [HumanMessage(text)]}, config, **kwargs)
    return graph.invoke({"messages": [HumanMessage(text)]}, config, **kwargs)


async def test_a_second_thread_knows_what_the_first_one_said(either) -> None:
    seen: list[list[Any]] = []
    graph = graph_of(either.memory, seen)
    await say(graph, either, "I am allergic to hazelnuts.", "t1")
    state = await say(graph, either, "What am I allergic to?", "t2")
    system, question = seen[1]
    assert system.content.startswith(f"{IDENTITY}\n\n<memory>")
    assert "I am allergic to hazelnuts." in system.content
    assert question.content == "What am I allergic to?"
    assert "hazelnuts" in state["memory_context"]
    assert [type(message) for message in state["messages"]] == [HumanMessage, AIMessage]


async def test_memory_is_refreshed_on_every_run_of_a_checkpointed_thread(either) -> None:
    seen: list[list[Any]] = []
    graph = graph_of(either.memory, seen)
    await say(graph, either, "What should I cook tonight for dinner?")
    await either.remember("For dinner I like to cook lentils", user_id="ada")
    await say(graph, either, "What should I cook tonight for dinner?")
    assert "lentils" not in str(seen[0])
    assert "lentils" in str(seen[1])
    await either.forget(everything=True, user_id="ada")
    await say(graph, either, "What should I cook tonight for dinner?", "t9")
    assert "lentils" not in str(seen[2])


async def test_another_user_knows_nothing_of_it(either) -> None:
    seen: list[list[Any]] = []
    graph = graph_of(either.memory, seen)
    await say(graph, either, "I am allergic to hazelnuts.", "t1", "user1")
    await say(graph, either, "What am I allergic to?", "t2", "user10")
    assert "hazelnuts" not in str(seen[1])
    assert len(seen[1]) == 2


async def test_a_long_thread_stores_each_turn_once_and_never_its_own_context(either, database: str) -> None:
    graph = graph_of(either.memory, [])
    for number in range(4):
        await say(graph, either, f"Today I planted tree number {number} in my orchard")
    with psycopg.connect(database) as connection:
        roles = connection.execute(
            "SELECT role, count(*) FROM persistmem.messages GROUP BY role ORDER BY role"
        ).fetchall()
    assert roles == [("assistant", 4), ("user", 4)]
    assert not any("What is remembered" in each.text for each in await either.list(user_id="ada"))


async def test_what_was_shown_is_counted_as_used(either, database: str) -> None:
    graph = graph_of(either.memory, [])
    kept = await either.remember("My sister is called Nora", user_id="ada")
    await say(graph, either, "What is my sister called?")
    with psycopg.connect(database) as connection:
        rows = connection.execute("SELECT memory_id, times FROM persistmem.uses").fetchall()
    assert rows == [(kept.id, 1)]


async def test_a_state_of_ones_own_needs_one_key_only(either) -> None:
    class Mine(MessagesState):
        memory_context: str

    seen: list[list[Any]] = []
    graph = graph_of(either.memory, seen, state=Mine)
    await say(graph, either, "I am allergic to hazelnuts.", "t1")
    state = await say(graph, either, "What am I allergic to?", "t2")
    assert "hazelnuts" in state["memory_context"]


@pytest.mark.parametrize("on_error", ["raise", "continue"])
async def test_a_graph_whose_state_lacks_the_key_is_refused_in_its_first_run(either, on_error: str) -> None:
    class WithText(MessagesState):
        memory_context: str

    for state, options, key in (
        (MessagesState, {}, "memory_context"),
        (WithText, {"state_key": "memories"}, "memories"),
        (WithText, {"once": True}, "memory_contexts"),
    ):
        graph = graph_of(either.memory, [], state=state, on_error=on_error, **options)
        with pytest.raises(ConfigurationError, match=f"has no key '{key}'"):
            await say(graph, either, "What am I allergic to?")
    node = load_memory(either.memory, state_key="anything")
    state = {"messages": [HumanMessage("What am I allergic to?")]}
    config = {"configurable": {"user_id": "ada"}}
    alone = await node.ainvoke(state, config) if either.asynchronous else node.invoke(state, config)
    assert alone["anything"] == ""


async def test_the_prompt_has_one_system_message_whose_beginning_stays(either) -> None:
    seen: list[list[Any]] = []
    graph = graph_of(either.memory, seen)
    await either.remember("I like to cook lentils for dinner", user_id="ada")
    store, harbour = either.memory.store, {"text": "The harbour opens at six in the morning"}
    item = (("memories", "ada"), "hours", harbour)
    await store.aput(*item) if either.asynchronous else store.put(*item)
    await say(graph, either, "What should I cook for dinner?")
    await say(graph, either, "When does the harbour open?")
    for messages in seen:
        assert [type(message) for message in messages].count(SystemMessage) == 1
        assert messages[0].content.startswith(f"{IDENTITY}\n\n<memory>")
    first, second = (messages[0].content for messages in seen)
    assert second.startswith(first)
    assert "opens at six" in second.removeprefix(first)


async def test_once_the_standing_part_is_in_the_system_message_and_the_rest_where_it_belongs(either) -> None:
    seen: list[list[Any]] = []
    graph = graph_of(either.memory, seen, once=True)
    await either.remember("I like to cook lentils for dinner", user_id="ada")
    store, harbour = either.memory.store, {"text": "The harbour opens at six in the morning"}
    item = (("memories", "ada"), "hours", harbour)
    await store.aput(*item) if either.asynchronous else store.put(*item)
    await say(graph, either, "When does the harbour open?")
    await say(graph, either, "Thank you, and what else?")
    assert seen[1][: len(seen[0])] == seen[0]
    assert "lentils" in seen[0][0].content
    assert "opens at six" not in seen[0][0].content
    assert "opens at six" in seen[1][1].content


@dataclass
class Context:
    user_id: str


async def test_the_runs_context_comes_before_what_a_client_puts_into_configurable(either) -> None:
    graph = graph_of(either.memory, [], context=Context)
    await say(graph, either, "I am allergic to hazelnuts.", user="mallory", context=Context(user_id="ada"))
    assert (await either.admin.status(user_id="ada")).counts["memories"] > 0
    assert (await either.admin.status(user_id="mallory")).counts["memories"] == 0


@pytest.mark.parametrize("on_error", ["raise", "continue"])
async def test_without_a_user_the_run_says_which_keys_were_found(either, on_error: str) -> None:
    graph = graph_of(either.memory, [], on_error=on_error)
    with pytest.raises(NamespaceMissingError, match=r"keys found: .*thread_id"):
        await say(graph, either, "Hello there", user=None)
    assert (await either.admin.status()).counts["namespaces"] == 0


async def test_memory_that_fails_does_not_take_the_conversation_down(either, monkeypatch, caplog) -> None:
    seen: list[list[Any]] = []
    secret = "My locker code is 4711"

    def fail(*_: object, **__: object) -> None:
        raise StorageUnavailableError

    graph = graph_of(either.memory, seen, on_error="continue")
    strict = graph_of(either.memory, seen, on_error="raise")
    monkeypatch.setattr(either.memory._backend, "transaction", fail)
    with caplog.at_level(logging.WARNING):
        for node in ("load_memory", "extract_memory"):
            assert node in graph.nodes
        monkeypatch.setattr(graph, "checkpointer", None)
        state = await say(graph, either, secret)
    assert state["messages"][-1].content.startswith("Certainly")
    assert state["memory_context"] == ""
    assert [record.getMessage().split()[0] for record in caplog.records if record.name.endswith("nodes")] == [
        "load_memory",
        "extract_memory",
    ]
    assert "4711" not in caplog.text
    monkeypatch.setattr(strict, "checkpointer", None)
    with pytest.raises(StorageUnavailableError):
        await say(strict, either, secret)


async def test_extraction_without_a_thread_says_so(either) -> None:
    builder = StateGraph(MemoryState)
    builder.add_node("extract_memory", extract_memory(either.memory))
    builder.add_edge(START, "extract_memory")
    graph = builder.compile()
    config = {"configurable": {"user_id": "ada"}}
    with pytest.raises(InvalidInputError, match="thread_id"):
        if either.asynchronous:
            await graph.ainvoke({"messages": [HumanMessage("Hello world")]}, config)
        else:
            graph.invoke({"messages": [HumanMessage("Hello world")]}, config)


async def test_a_blocking_memory_serves_an_async_graph(memory) -> None:
    graph = graph_of(memory, [])
    config = {"configurable": {"thread_id": "t", "user_id": "ada"}}
    await graph.ainvoke({"messages": [HumanMessage("I am allergic to hazelnuts.")]}, config)
    assert memory.recall("What am I allergic to?", user_id="ada")


async def test_forgetting_names_or_erases_the_checkpoints(either, database: str) -> None:
    graph = graph_of(either.memory, [])
    await say(graph, either, "I am allergic to hazelnuts.", "t1")
    await say(graph, either, "I am allergic to hazelnuts.", "t1", "bob")
    (memory, *_) = await either.list(user_id="ada")
    receipt = await either.forget([memory.key], user_id="ada")
    assert receipt.remaining_traces == ("the checkpoints of thread 't1'",)
    await say(graph, either, "I have a cat called Pixel.", "t2")
    receipt = await either.forget(everything=True, user_id="ada")
    for table in ("checkpoints", "checkpoint_blobs", "checkpoint_writes"):
        assert receipt.counts[table] > 0
    with psycopg.connect(database) as connection:
        assert connection.execute("SELECT count(*) FROM checkpoints WHERE thread_id = 't2'").fetchone() == (0,)


OFF = {"off_the_record": True}


async def turn(graph, either, text: str, thread: str = "t1", **configurable: Any) -> dict[str, Any]:
    config = {"configurable": {"thread_id": thread, "user_id": "ada", **configurable}}
    given = {"messages": [HumanMessage(text)]}
    return await graph.ainvoke(given, config) if either.asynchronous else graph.invoke(given, config)


async def test_off_the_record_nothing_is_read_or_kept_then_or_later(either) -> None:
    seen: list[list[Any]] = []
    graph = graph_of(either.memory, seen)
    await either.remember("For dinner I like to cook lentils", user_id="ada")
    before = await either.admin.status()
    state = await turn(graph, either, "I plan a surprise dinner for Nora. What should I cook?", **OFF)
    assert (state["memory_context"], state["memory_keys"]) == ("", [])
    assert "lentils" not in str(seen)
    assert await either.admin.status() == before
    again = graph_of(either.memory, seen)  # nothing is left but the checkpoint
    state = await turn(again, either, "I planted a pear tree in my garden.")
    assert [type(each) for each in state["messages"]] == [HumanMessage, AIMessage] * 2
    texts = {each.text for each in await either.list(user_id="ada")}
    assert "I planted a pear tree in my garden." in texts
    assert not any("surprise" in text for text in texts)
    assert not any("surprise" in str(each.content) for each in await either.conversations.messages("t1", user_id="ada"))


async def test_off_the_record_works_in_a_state_without_langgraphs_reducer(either) -> None:
    class Plain(TypedDict):
        messages: list[Any]
        memory_context: str

    def answer(state: Any) -> dict[str, Any]:
        return {"messages": [*state["messages"], AIMessage("I am silent as a grave")]}

    builder = StateGraph(Plain)
    builder.add_sequence(
        [
            ("load_memory", load_memory(either.memory, on_error="raise")),
            ("answer", answer),
            ("extract_memory", extract_memory(either.memory, on_error="raise")),
        ]
    )
    graph = builder.add_edge(START, "load_memory").compile()
    state = await turn(graph, either, "I plan a surprise dinner for Nora.", **OFF)
    assert [each.content for each in state["messages"]] == [
        "I plan a surprise dinner for Nora.",
        "I am silent as a grave",
    ]
    config = {"configurable": {"thread_id": "t1", "user_id": "ada"}}
    state["messages"].append(HumanMessage("I planted a pear tree in my garden."))
    await graph.ainvoke(state, config) if either.asynchronous else graph.invoke(state, config)
    texts = [each.text for each in await either.list(user_id="ada")]
    assert "I planted a pear tree in my garden." in texts
    assert not any("surprise" in text for text in texts)


@dataclass
class Private:
    user_id: str
    off_the_record: bool = True


async def test_off_the_record_can_be_said_in_the_runs_context(either) -> None:
    graph = graph_of(either.memory, [], context=Private)
    await say(graph, either, "I plan a surprise dinner for Nora.", context=Private(user_id="ada"))
    status = (await either.admin.status()).counts
    assert (status["messages"], status["memories"]) == (0, 0)
    assert status["namespaces"] == 1  # it has checkpoints, which an erase has to find: whose thread it is, is noted


async def test_what_the_thread_says_itself_is_left_out_unless_the_model_is_not_shown_it(either) -> None:
    seen: list[list[Any]] = []
    graph = graph_of(either.memory, seen)
    await say(graph, either, "I am allergic to hazelnuts.")
    state = await say(graph, either, "What am I allergic to?")
    assert "hazelnuts" not in state["memory_context"]
    latest_only = graph_of(either.memory, seen, window=lambda messages: messages[-1:])
    state = await say(latest_only, either, "What am I allergic to?")
    assert "hazelnuts" in state["memory_context"]


async def test_the_form_is_the_one_that_was_asked_for_and_the_profile_begins_it(either) -> None:
    await either.update_profile({"name": "Ada"}, user_id="ada")
    await either.remember("For dinner I like to cook lentils", user_id="ada")
    graph = graph_of(either.memory, [], form="prose", expand="rules")
    question = "What should I cook for dinner?"
    expected = await either.context(question, form="prose", expand="rules", user_id="ada")
    state = await say(graph, either, question)
    assert state["memory_context"] == expected.text
    assert "Ada" in expected.text


async def test_once_each_memory_is_shown_once_and_stays_before_the_model(either) -> None:
    seen: list[list[Any]] = []
    graph = graph_of(either.memory, seen, once=True, standing="off")
    await either.remember("For dinner I like to cook lentils", key="dinner", user_id="ada")
    state = await say(graph, either, "What should I cook for dinner?")
    (first,) = state["memory_contexts"]
    assert "lentils" in state["memory_contexts"][first]["text"]
    state = await say(graph, either, "So what should I cook for dinner?")
    assert (state["memory_context"], list(state["memory_contexts"])) == ("", [first])
    assert seen[1][: len(seen[0])] == seen[0]  # all of the earlier request is in the cache
    assert str(seen[1]).count("lentils") == 1
    assert not any("lentils" in str(each.content) for each in state["messages"])
    await either.remember("For dinner I like to cook beans", key="dinner", user_id="ada")
    state = await say(graph, either, "And what should I cook for dinner now?")
    assert "beans" in str(state["memory_contexts"])  # it has changed
    assert len(state["memory_contexts"]) == 2
    learnt = [each.text for each in await either.list(user_id="ada")]
    assert not any("What is remembered" in str(each) or "lentils" in str(each) for each in learnt)


async def test_once_what_left_the_window_is_shown_again(either) -> None:
    seen: list[list[Any]] = []
    graph = graph_of(either.memory, seen, once=True, window=lambda messages: messages[-2:], standing="off")
    await either.remember("For dinner I like to cook lentils", user_id="ada")
    for _ in range(2):
        state = await say(graph, either, "What should I cook for dinner?")
        assert "lentils" in str(state["memory_contexts"])
        assert list(state["memory_contexts"]) == [state["messages"][-2].id]


async def test_once_a_run_off_the_record_is_shown_nothing_of_before(either) -> None:
    seen: list[list[Any]] = []
    graph = graph_of(either.memory, seen, once=True)
    await either.remember("For dinner I like to cook lentils", user_id="ada")
    await turn(graph, either, "What should I cook for dinner?")
    state = await turn(graph, either, "I plan a surprise dinner for Nora.", **OFF)
    assert "lentils" in str(seen[0])
    assert "lentils" not in str(seen[1])
    assert state["memory_contexts"] == {}


async def test_what_is_marked_is_not_learnt_by_a_direct_call_either(either) -> None:
    graph = graph_of(either.memory, [])
    await turn(graph, either, "I planted an apple tree in my garden.")
    state = await turn(graph, either, "I plan a surprise dinner for Nora.", "t2", **OFF)
    state["messages"] += [HumanMessage("I planted a pear tree in my garden.", id="pear")]
    await either.observe(state["messages"], thread_id="t3", user_id="ada")
    as_dicts = [
        {
            "role": "user",
            "content": "The surprise is on Monday.",
            "response_metadata": {"persistmem": "off the record"},
        },
        {"role": "assistant", "content": "A surprise on a Monday, then."},
    ]
    await either.observe(as_dicts, thread_id="t4", user_id="ada")
    texts = [str(each.text) for each in await either.list(user_id="ada")]
    assert "I planted a pear tree in my garden." in texts
    assert not any("urprise" in text for text in texts)
    assert [each.content for each in await either.conversations.messages("t3", user_id="ada")] == [
        "I planted a pear tree in my garden."
    ]


async def test_a_history_gives_back_what_is_marked_and_it_is_never_learnt_from(either) -> None:
    marked = HumanMessage("I plan a surprise dinner.", id="m1", response_metadata={"persistmem": "off the record"})
    answer = AIMessage("A surprise it will be, then.", id="m2")
    after = HumanMessage("I planted a pear tree in my garden.", id="m3")
    await either.conversations.add([marked, answer, after], thread_id="t", user_id="ada")
    assert await either.conversations.messages("t", user_id="ada") == [marked, answer, after]
    await either.observe([], thread_id="t", user_id="ada")
    assert [each.text for each in await either.list(user_id="ada")] == ["I planted a pear tree in my garden."]


def test_a_prompt_passes_on_messages_in_whatever_form_the_state_has_them() -> None:
    messages: Any = [("user", "Hello"), {"role": "assistant", "content": "Hi"}, HumanMessage("Tea?", id="m")]
    state = {"messages": messages, "memory_context": "You know tea.", "memory_contexts": {"m": {"text": "Likes tea."}}}
    first, *passed, last = prompt_with_memory("You help.", state)
    assert (first.text, passed) == ("You help.\n\nYou know tea.", messages[:2])
    assert "Likes tea." in last.text


BLOCKS = [{"type": "text", "text": "You help.", "cache_control": {"type": "ephemeral"}}]


@pytest.mark.parametrize(
    ("identity", "content"),
    [
        ("You help.", "You help.\n\nSays Nora: tea.\n\nYou know tea."),
        (SystemMessage("You help."), "You help.\n\nSays Nora: tea.\n\nYou know tea."),
        (
            BLOCKS,
            [*BLOCKS, *({"type": "text", "text": f"\n\n{text}"} for text in ("Says Nora: tea.", "You know tea."))],
        ),
        (
            ["You help."],
            ["You help.", *({"type": "text", "text": f"\n\n{text}"} for text in ("Says Nora: tea.", "You know tea."))],
        ),
        ("", "Says Nora: tea.\n\nYou know tea."),
    ],
)
@pytest.mark.parametrize(
    "system",
    [SystemMessage("Says Nora: tea."), ("system", "Says Nora: tea."), {"role": "system", "content": "Says Nora: tea."}],
)
def test_a_prompt_has_one_system_message_whatever_the_identity_is_and_the_conversation_begins_with(
    system: Any, identity: Any, content: Any
) -> None:
    state = {"messages": [system, HumanMessage("Tea?")], "known": "You know tea."}
    first, second = prompt_with_memory(identity, state, state_key="known")
    assert (first.type, first.content, second.type) == ("system", content, "human")


def test_blocks_of_a_conversation_follow_a_text_and_where_nothing_is_said_there_is_no_system_message() -> None:
    state = {"messages": [SystemMessage(BLOCKS), HumanMessage("Tea?")], "memory_context": ""}
    first, _ = prompt_with_memory("Be kind.", state)
    assert first.content == [{"type": "text", "text": "Be kind."}, *BLOCKS]
    assert [message.type for message in prompt_with_memory("", {"messages": [HumanMessage("Tea?")]})] == ["human"]


@pytest.mark.parametrize("identity", [None, 3, [3], HumanMessage("You help."), {"text": "You help."}])
def test_an_identity_that_is_no_prompt_is_refused_by_name(identity: Any) -> None:
    with pytest.raises(InvalidInputError, match=r"identity(\[0\])? is of type"):
        prompt_with_memory(identity, {"messages": []})
