"""A real chat model, with real weights, in a real graph: the second session recalls what the first one said."""

from collections.abc import Iterator
from contextlib import suppress
from typing import Any

import psycopg
import pytest
from langchain.agents import create_agent
from langchain.agents.middleware import AgentMiddleware
from langchain_core.messages import HumanMessage
from langchain_openai import ChatOpenAI
from langgraph.graph import END, START, StateGraph
from psycopg.rows import dict_row

from langchain_persistmem import (
    ExtractionError,
    MemoryState,
    PersistMem,
    PersistMemMiddleware,
    Settings,
    extract_memory,
    load_memory,
    memory_tools,
    prompt_with_memory,
)
from tests.support.model_server import MODEL_NAME, ModelNotInstalledError, serve
from tests.support.stories import STORIES, Story, sessions

pytestmark = [pytest.mark.ci, pytest.mark.slow]

SHORT_STORIES = [param for param in STORIES if param.id == "work: a new job"]


@pytest.fixture(scope="module")
def model() -> Iterator[ChatOpenAI]:
    """Qwen2.5-Coder-0.5B behind an OpenAI-compatible server; skips only where the "model" group is not installed."""
    try:
        server = serve()
        url = server.__enter__()
    except ModelNotInstalledError as error:
        pytest.skip(str(error))
    try:
        yield ChatOpenAI(
            base_url=url,
            api_key="not-needed",
            model=MODEL_NAME,
            temperature=0,
            max_tokens=400,
            max_retries=0,
            timeout=250,
        )
    finally:
        server.__exit__(None, None, None)


def test_the_second_session_recalls_what_the_first_one_said(model: ChatOpenAI, database: str, embeddings: Any) -> None:
    with PersistMem.open(database, embeddings=embeddings, model=model) as memory:

        def answer(state: MemoryState) -> dict[str, Any]:
            return {"messages": [model.bind(max_tokens=30).invoke(prompt_with_memory("You are brief.", state))]}

        builder = StateGraph(MemoryState)
        builder.add_node("load_memory", load_memory(memory, on_error="raise"))
        builder.add_node("model", answer)
        builder.add_node("extract_memory", extract_memory(memory, background=False, on_error="raise"))
        builder.add_edge(START, "load_memory")
        builder.add_edge("load_memory", "model")
        builder.add_edge("model", "extract_memory")
        builder.add_edge("extract_memory", END)
        graph = builder.compile(checkpointer=memory.checkpointer, store=memory.store)

        def say(text: str, thread: str) -> dict[str, Any]:
            config = {"configurable": {"thread_id": thread, "user_id": "maya"}}
            return graph.invoke({"messages": [HumanMessage(text, id=f"{thread}-1")]}, config)

        first = say("My name is Maya and I am allergic to hazelnuts.", "monday")
        assert first["memory_context"] == ""
        rows = [row for row in rows_of(database) if row["source"] == "user"]
        about_hazelnuts = [row for row in rows if "hazelnut" in row["text"].lower()]
        assert about_hazelnuts, f"the model gave {len(rows)} memories, none of hazelnuts"
        for row in rows:
            assert row["source"] == "user"
            assert row["provenance"]["extractor"] == ("turns" if row["is_turn"] else "model")
            assert row["provenance"]["model"] == (None if row["is_turn"] else MODEL_NAME)
            # The user's message, and whatever else the model says that it rests on.
            assert row["provenance"]["message_ids"][0] == "monday-1"
            assert row["thread_id"] == "monday"

        second = say("What am I allergic to?", "tuesday")
        assert "hazelnut" in second["memory_context"].lower()
        used = {row["id"] for row in rows_of(database) if row["times"]}
        assert used & {row["id"] for row in about_hazelnuts}


@pytest.mark.timeout(900)  # four answers of a model that may have to share two cores
def test_an_agent_remembers_in_a_second_thread(model: ChatOpenAI, database: str, embeddings: Any) -> None:
    with PersistMem.open(database, embeddings=embeddings) as memory:
        remember, *_ = memory_tools(memory)
        wanted = model.bind_tools([remember], tool_choice="required").invoke(
            "Use the tool to remember this sentence: I am allergic to hazelnuts."
        )
        told = [remember.invoke(call, {"configurable": {"user_id": "maya"}}) for call in wanted.tool_calls]
        assert told[0].content.startswith("Remembered: [")
        assert any("hazelnut" in str(each.text).lower() for each in memory.list(user_id="maya"))

        sent: list[Any] = []

        class Look(AgentMiddleware):
            """What reaches the model."""

            def wrap_model_call(self, request: Any, handler: Any) -> Any:
                sent.append([request.system_message, *request.messages])
                return handler(request)

        agent = create_agent(
            model.model_copy(update={"max_tokens": 40}),
            system_prompt="You are brief.",
            middleware=[PersistMemMiddleware(memory, background=False, on_error="raise"), Look()],
            checkpointer=memory.checkpointer,
        )

        def ask(text: str, thread: str) -> str:
            config = {"configurable": {"thread_id": thread, "user_id": "maya"}}
            return str(agent.invoke({"messages": text}, config)["messages"][-1].text)

        assert ask("My name is Maya.", "monday")
        assert "hazelnut" in ask("What am I allergic to?", "tuesday").lower()  # the server's own chat template took it
        assert any("hazelnut" in message.text.lower() for message in sent[-1])  # what stands is in the system prompt
        assert ask("Thank you. And what is my name?", "tuesday")
        assert any(
            "name" in str(each.text).lower() or "maya" in str(each.text).lower() for each in memory.list(user_id="maya")
        )


def rows_of(database: str) -> list[dict[str, Any]]:
    with psycopg.connect(database, row_factory=dict_row) as connection:
        return connection.execute(
            "SELECT m.*, u.times FROM persistmem.memories m "
            "LEFT JOIN persistmem.uses u ON u.namespace = m.namespace AND u.memory_id = m.id"
        ).fetchall()


@pytest.mark.timeout(900)  # half a minute on two idle cores
@pytest.mark.parametrize("story", SHORT_STORIES)
def test_a_short_story_goes_its_way_with_a_real_model(
    story: Story, model: ChatOpenAI, database: str, embeddings: Any
) -> None:
    """The path works: turns are stored and closed or still open, and what was learnt says where it comes from."""
    with PersistMem.open(database, embeddings=embeddings, model=model, settings=Settings(worker=False)) as memory:
        for session in sessions(story):
            with suppress(ExtractionError):  # half a billion parameters do not always answer in the schema
                memory.observe(session["messages"], thread_id=session["thread"], user_id=session["user"])
            stored = memory.conversations.messages(session["thread"], user_id=session["user"])
            assert len(stored) == len(session["messages"])
    threads = {session["thread"] for session in sessions(story)}
    for row in rows_of(database):
        assert row["thread_id"] in threads
        assert row["provenance"]["extractor"] == ("turns" if row["is_turn"] else "model")
        assert row["provenance"]["message_ids"]
