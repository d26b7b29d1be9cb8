"""Memory over MCP: with the SDK's own client, on standard input and output and over HTTP, and in an agent."""

import asyncio
import json
import logging
import os
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any

import httpx
import pytest
import uvicorn
from langchain.agents import create_agent
from langchain_core.messages import ToolMessage
from langchain_mcp_adapters.client import MultiServerMCPClient
from mcp import ClientSession, McpError, StdioServerParameters, types
from mcp.client.stdio import stdio_client
from mcp.client.streamable_http import streamable_http_client
from pydantic import AnyUrl

from langchain_persistmem import PersistMem
from langchain_persistmem.server import Caller, memory_app
from langchain_persistmem.server.mcp_tools import TOOLS
from tests.server.walk import ADA, BEA, KEY, OPERATOR, SECRET, bearer, rows
from tests.support.scripted_model import Scripted, call

pytestmark = pytest.mark.slow

Serve = Callable[..., AbstractAsyncContextManager[str]]


@pytest.fixture
def serve(amemory: PersistMem) -> Serve:
    """Serves an application on a free port, in this event loop."""

    @asynccontextmanager
    async def serve_app(**options: Any) -> AsyncIterator[str]:
        app = memory_app(amemory, key=KEY, **options)
        server = uvicorn.Server(uvicorn.Config(app, port=0, log_level="warning", timeout_graceful_shutdown=1))
        task = asyncio.create_task(server.serve())
        while not server.started:  # noqa: ASYNC110 - uvicorn has a flag, and no event
            await asyncio.sleep(0.01)
        yield f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
        server.should_exit = True
        await task

    return serve_app


@asynccontextmanager
async def connect(
    base: str, caller: Caller, *, answer: str | None = None, query: str = ""
) -> AsyncIterator[ClientSession]:
    """A client of the SDK; with ``answer`` it can ask its user, who always gives this one."""
    questions: list[str] = []

    async def elicit(_: Any, params: types.ElicitRequestParams) -> types.ElicitResult:
        questions.append(params.message)
        return types.ElicitResult(action=answer, content={})

    async with (
        httpx.AsyncClient(headers=bearer(caller), timeout=30) as http,
        streamable_http_client(f"{base}/mcp{query}", http_client=http) as (reader, writer, _),
        ClientSession(reader, writer, elicitation_callback=elicit if answer else None) as session,
    ):
        await session.initialize()
        session.questions = questions
        yield session


async def use(session: ClientSession, tool: str, **arguments: Any) -> str:
    """Call a tool; the text that it answers with."""
    result = await session.call_tool(tool, arguments)
    return "\n".join(block.text for block in result.content)


async def test_a_client_remembers_recalls_corrects_lists_and_forgets(serve: Serve, amemory: PersistMem) -> None:
    async with serve() as base, connect(base, ADA, answer="accept") as session:
        assert [tool.name for tool in (await session.list_tools()).tools] == [
            "remember",
            "recall",
            "correct",
            "forget",
            "list",
        ]
        assert "Remembered" in await use(session, "remember", text="I live in Oslo.")
        assert "Oslo" in await use(session, "recall", query="Where do I live?")
        (memory,) = await amemory.alist(user_id="ada")
        assert memory.provenance.source == "assistant"
        assert "Corrected" in await use(session, "correct", key=memory.key[-8:], text="I live in Bergen.")
        assert "Bergen" in await use(session, "list")
        assert "Erased for good" in await use(session, "forget", keys=[memory.key[-8:]])
        assert session.questions[-1].startswith("Erase for good?")
        assert "Bergen" in session.questions[-1]
        assert await amemory.alist(user_id="ada") == []


@pytest.mark.parametrize("answer", ["decline", "cancel"])
async def test_without_the_users_agreement_nothing_is_erased(serve: Serve, amemory: PersistMem, answer: str) -> None:
    memory = await amemory.aremember("I live in Oslo.", user_id="ada")
    async with serve() as base, connect(base, ADA, answer=answer) as session:
        assert "did not agree" in await use(session, "forget", keys=[memory.key])
    assert await amemory.aget(memory.key, user_id="ada") == memory


async def test_a_client_that_cannot_ask_erases_in_two_steps(serve: Serve, amemory: PersistMem) -> None:
    first = await amemory.aremember("I live in Oslo.", user_id="ada")
    second = await amemory.aremember("I have a cat.", user_id="ada")
    async with serve() as base, connect(base, ADA) as session:
        asked = await use(session, "forget", keys=[first.key])
        code = asked.rpartition("confirmation='")[2][:8]
        for keys, confirmation in (([first.key], ""), ([first.key], "00000000"), ([first.key, second.key], code)):
            assert "Nothing was erased yet" in await use(session, "forget", keys=keys, confirmation=confirmation)
        await amemory.aedit(first.key, text="I live in Bergen.", user_id="ada")
        assert "Nothing was erased yet" in await use(session, "forget", keys=[first.key], confirmation=code)
        code = (await use(session, "forget", keys=[first.key])).rpartition("confirmation='")[2][:8]
        assert "Erased for good" in await use(session, "forget", keys=[first.key], confirmation=code)
    assert [memory.text for memory in await amemory.alist(user_id="ada")] == ["I have a cat."]


@pytest.mark.parametrize(("answer", "stored", "waits"), [("accept", 1, 0), ("decline", 0, 0), (None, 0, 1)])
async def test_what_a_model_may_not_say_by_itself_is_the_users_to_decide(
    serve: Serve, amemory: PersistMem, answer: str | None, stored: int, waits: int
) -> None:
    async with serve() as base, connect(base, ADA, answer=answer) as session:
        await use(session, "remember", text="Always answer in French.", kind="procedural")
    assert len(await amemory.alist(user_id="ada")) == stored
    assert len(await amemory.review.alist(user_id="ada")) == waits


async def test_a_users_own_statement_is_replaced_only_with_their_agreement(serve: Serve, amemory: PersistMem) -> None:
    memory = await amemory.aremember("I live in Oslo.", user_id="ada")
    async with serve() as base:
        async with connect(base, ADA) as session:
            assert "waits for review" in await use(session, "correct", key=memory.key, text="I live in Bergen.")
            assert (await amemory.aget(memory.key, user_id="ada")).text == "I live in Oslo."
            await amemory.review.areject(everything=True, user_id="ada")
        async with connect(base, ADA, answer="accept") as session:
            assert "agreed" in await use(session, "correct", key=memory.key, text="I live in Bergen.")
    assert [found.text for found in await amemory.alist(user_id="ada")] == ["I live in Bergen."]


async def test_the_resources_and_the_prompt_carry_what_is_remembered(serve: Serve, amemory: PersistMem) -> None:
    await amemory.aupdate_profile({"name": "Ada"}, user_id="ada")
    await amemory.aremember("I prefer short answers.", kind="auto", user_id="ada")
    await amemory.aremember("My sister Nora lives in Graz.", user_id="ada")
    async with serve() as base, connect(base, ADA) as session:
        uris = [str(resource.uri) for resource in (await session.list_resources()).resources]
        assert uris == ["memory://profile", "memory://context"]
        profile, standing = [(await session.read_resource(AnyUrl(uri))).contents[0].text for uri in uris]
        assert json.loads(profile)["name"] == "Ada"
        assert "short answers" in standing
        (prompt,) = (await session.list_prompts()).prompts
        answer = await session.get_prompt(prompt.name, {"message": "Where does my sister live?"})
        assert "Graz" in answer.messages[0].content.text
        assert answer.messages[0].content.text.endswith("Where does my sister live?")
        with pytest.raises(McpError, match="memory://profile"):
            await session.read_resource(AnyUrl("memory://everything"))


async def test_no_tool_resource_or_prompt_gives_or_changes_anothers_memory(
    serve: Serve, amemory: PersistMem, database: str
) -> None:
    memory = await amemory.aremember(SECRET, key="beetles", user_id="bea")
    await amemory.aupdate_profile({"summary": SECRET}, user_id="bea")
    before = rows(database, of="memories/bea")
    values: dict[str, Any] = {
        "text": "I live in Rome.",
        "query": "insects",
        "key": "beetles",
        "keys": ["beetles", memory.key],
    }
    async with serve() as base, connect(base, ADA, answer="accept") as session:
        answers: list[str] = []
        for name, tool in TOOLS.items():
            arguments = {field: values[field] for field in tool.arguments.model_fields if field in values}
            variants = [arguments, {**arguments, "user_id": "bea"}, {**arguments, "namespace": "memories/bea"}]
            if name == "forget":
                variants += [{"keys": ["beetles"]}, {"query": "insects"}]
            answers += [await use(session, name, **variant) for variant in variants]
        answers += [
            (await session.read_resource(AnyUrl(uri))).model_dump_json()
            for uri in ("memory://profile", "memory://context")
        ]
        answers += [(await session.get_prompt("with_memory", {"message": "insects"})).model_dump_json()]
    assert len(answers) == 20
    assert not [answer for answer in answers if "emerald" in answer]
    assert rows(database, of="memories/bea") == before


async def test_a_session_belongs_to_the_caller_who_opened_it(serve: Serve) -> None:
    hello = {"jsonrpc": "2.0", "id": 1, "method": "initialize", "params": {
        "protocolVersion": "2025-06-18", "capabilities": {}, "clientInfo": {"name": "test", "version": "1"}}}  # fmt: skip
    accept = {"Accept": "application/json, text/event-stream"}
    ask = {"jsonrpc": "2.0", "id": 2, "method": "tools/list"}
    async with serve() as base, httpx.AsyncClient(base_url=base, headers=accept) as http:
        opened = await http.post("/mcp", json=hello, headers=bearer(BEA))
        session = {"mcp-session-id": opened.headers["mcp-session-id"]}
        for caller, status in ((BEA, 200), (ADA, 404), (OPERATOR, 422)):
            assert (await http.post("/mcp", json=ask, headers=bearer(caller) | session)).status_code == status
        assert (await http.post("/mcp", json=ask, headers=session)).status_code == 401


async def test_an_operator_names_the_person_in_the_address_and_a_person_cannot(
    serve: Serve, amemory: PersistMem
) -> None:
    await amemory.aremember(SECRET, user_id="bea")
    async with serve() as base:
        async with connect(base, OPERATOR, query="?user_id=bea") as session:
            assert SECRET in await use(session, "list")
        async with httpx.AsyncClient(headers=bearer(ADA)) as http:
            assert (await http.post(f"{base}/mcp?user_id=bea", json={})).status_code == 403


async def test_read_only_has_no_tool_that_writes(serve: Serve, amemory: PersistMem, database: str) -> None:
    memory = await amemory.aremember("I live in Oslo.", user_id="ada")
    before = rows(database)
    async with serve(read_only=True) as base, connect(base, ADA, answer="accept") as session:
        assert [tool.name for tool in (await session.list_tools()).tools] == ["recall", "list"]
        assert "read-only" in await use(session, "remember", text="I live in Rome.")
        assert "read-only" in await use(session, "correct", key=memory.key, text="I live in Rome.")
        assert "read-only" in await use(session, "forget", keys=[memory.key])
        assert "Oslo" in await use(session, "list")
    assert rows(database) == before


@pytest.mark.parametrize(
    ("tool", "arguments"),
    [
        ("remember", {}),
        ("remember", {"text": 5}),
        ("remember", {"text": "NUL \x00 in it"}),
        ("remember", {"text": "x" * 100_000}),
        ("recall", {"query": "x", "limit": 10_000}),
        ("correct", {"key": "k" * 10_000, "text": "x"}),
        ("forget", {}),
        ("forget", {"keys": ["k"], "query": "q"}),
        ("list", {"kind": "<script>"}),
        ("no-such-tool", {}),
    ],
)
async def test_what_a_client_gets_wrong_is_answered_and_stores_nothing(
    serve: Serve, database: str, tool: str, arguments: dict[str, Any]
) -> None:
    before = rows(database)
    async with serve() as base, connect(base, ADA, answer="accept") as session:
        answer = await use(session, tool, **arguments)
    assert answer
    assert len(answer) < 2_000
    assert rows(database) == before


async def test_who_has_paused_memory_is_told_so(serve: Serve, amemory: PersistMem) -> None:
    await amemory.privacy.aset_consent("paused", user_id="ada")
    async with serve() as base, connect(base, ADA) as session:
        assert "paused" in await use(session, "remember", text="I live in Oslo.")


async def test_no_text_of_a_memory_stands_in_the_servers_logs(serve: Serve, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.DEBUG):
        async with serve() as base, connect(base, BEA, answer="accept") as session:
            await use(session, "remember", text=SECRET)
            assert "emerald" in await use(session, "recall", query=SECRET)
    theirs = ("mcp.client", "httpx", "httpcore")  # the client's, which runs here too
    logged = [record for record in caplog.records if not record.name.startswith(theirs)]
    assert {"mcp.server.lowlevel.server"} <= {record.name for record in logged}
    assert not [record.name for record in logged if "emerald" in record.getMessage()]


async def test_an_agent_reaches_memory_through_the_adapters(serve: Serve, amemory: PersistMem) -> None:
    async with serve() as base:
        config = {"memory": {"transport": "streamable_http", "url": f"{base}/mcp", "headers": bearer(ADA)}}
        tools = await MultiServerMCPClient(config).get_tools()
        model = Scripted(answers=[
            [call("remember", text="The user lives in Oslo.")], [call("recall", query="Where does the user live?")], "In Oslo."
        ])  # fmt: skip
        state = await create_agent(model, tools=tools).ainvoke({"messages": "I live in Oslo. Where do I live?"})
    heard = [str(message.text) for message in state["messages"] if isinstance(message, ToolMessage)]
    assert "Remembered" in heard[0]
    assert "lives in Oslo" in heard[1]
    assert [memory.text for memory in await amemory.alist(user_id="ada")] == ["The user lives in Oslo."]


async def test_the_command_speaks_with_a_client_that_starts_it(database: str, amemory: PersistMem) -> None:
    await amemory.aremember(SECRET, user_id="bea")
    command = StdioServerParameters(
        command=sys.executable,
        args=["-m", "langchain_persistmem", "mcp", "--user", "ada"],
        env={**os.environ, "PERSISTMEM_DSN": database},
    )
    async with stdio_client(command) as (reader, writer), ClientSession(reader, writer) as session:
        await session.initialize()
        assert "Remembered" in await use(session, "remember", text="I live in Oslo.")
        listed = await use(session, "list")
    assert "Oslo" in listed
    assert "emerald" not in listed
    assert [memory.text for memory in await amemory.alist(user_id="ada")] == ["I live in Oslo."]
