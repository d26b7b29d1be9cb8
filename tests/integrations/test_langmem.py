"""langmem's tools work on our store, and a memory is a store item in both directions."""

import json
import re
import warnings
from typing import Any

import pytest
from langchain_core.messages import AIMessage
from langgraph.graph import END, START, StateGraph
from langgraph.prebuilt import ToolNode
from langgraph.runtime import Runtime
from pydantic import BaseModel

from langchain_persistmem import MemoryState

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # it imports names that LangGraph has moved
    langmem = pytest.importorskip("langmem", reason="it is in the group dev: uv sync")

NAMESPACE = ("memories", "{user_id}")
ADA: dict[str, Any] = {"configurable": {"user_id": "ada"}}


def graph(either: Any, *nodes: Any) -> Any:
    """Nodes in a row, compiled with our store."""
    builder = StateGraph(MemoryState)
    names = [f"node{place}" for place in range(len(nodes))]
    for name, node in zip(names, nodes, strict=True):
        builder.add_node(name, node)
    for one, next in zip([START, *names], [*names, END], strict=True):
        builder.add_edge(one, next)
    return builder.compile(store=either.memory.store)


async def called(either: Any, tool: Any, **arguments: Any) -> str:
    """The answer of a tool that a model called in a graph."""
    call = {"name": tool.name, "args": arguments, "id": "1", "type": "tool_call"}
    state = {"messages": [AIMessage("", tool_calls=[call])]}
    compiled = graph(either, ToolNode([tool]))
    done = await compiled.ainvoke(state, ADA) if either.asynchronous else compiled.invoke(state, ADA)
    message = done["messages"][-1]
    assert message.status == "success", message.content
    return message.content


def id_in(answer: str) -> str:
    (found,) = re.findall(r"[0-9a-f-]{36}", answer)
    return found


@pytest.fixture
def manage() -> Any:
    return langmem.create_manage_memory_tool(namespace=NAMESPACE)


@pytest.fixture
def search() -> Any:
    return langmem.create_search_memory_tool(namespace=NAMESPACE)


async def test_what_langmem_writes_is_recalled_and_shown(either, manage: Any) -> None:
    key = id_in(await called(either, manage, content="Ada prefers oat milk in her coffee"))
    (best, *_) = await either.recall("Which milk does she take?", user_id="ada")
    assert (best.memory.key, best.text) == (key, "Ada prefers oat milk in her coffee")
    assert best.memory.value == {"content": "Ada prefers oat milk in her coffee"}
    assert "oat milk" in (await either.context("Which milk does she take?", user_id="ada")).text
    assert await either.recall("oat milk", user_id="ben") == []


async def test_what_langmem_updates_and_deletes_is_updated_and_gone(either, manage: Any) -> None:
    key = id_in(await called(either, manage, content="Ada lives in Bergen"))
    await called(either, manage, action="update", id=key, content="Ada lives in Oslo")
    assert [each.text for each in await either.recall("Where does Ada live?", user_id="ada")] == ["Ada lives in Oslo"]
    await called(either, manage, action="delete", id=key)
    assert await either.list(user_id="ada") == []


async def test_langmem_searches_what_was_remembered_and_observed(either, search: Any) -> None:
    await either.remember("Ada is allergic to hazelnuts", user_id="ada")
    await either.observe([{"role": "user", "content": "I adopted a cat called Pixel"}], thread_id="t", user_id="ada")
    await either.remember("Ben is allergic to hazelnuts", user_id="ben")
    found = json.loads(await called(either, search, query="allergies", limit=1))
    assert [each["value"]["text"] for each in found] == ["Ada is allergic to hazelnuts"]
    assert found[0]["namespace"] == ["memories", "ada"]
    found = json.loads(await called(either, search, query="her pet cat"))
    assert "Pixel" in found[0]["value"]["text"]
    assert len(found) == 2


async def test_langmem_updates_what_was_remembered_here(either, manage: Any) -> None:
    kept = await either.remember("Ada works at Fjord", user_id="ada")
    await called(either, manage, action="update", id=kept.key, content="Ada works at Aker")
    assert [each.text for each in await either.list(user_id="ada")] == ["Ada works at Aker"]
    assert [each.text for each in await either.recall("Where does Ada work?", user_id="ada")] == ["Ada works at Aker"]


async def test_langmem_finds_what_langmem_wrote_with_a_filter_and_pages(either, manage: Any, search: Any) -> None:
    for drink in ("tea", "cocoa", "juice"):
        await called(either, manage, content=f"Ada likes {drink}")
    pages = [json.loads(await called(either, search, query="drinks", limit=2, offset=offset)) for offset in (0, 2)]
    assert [len(page) for page in pages] == [2, 1]
    found = json.loads(await called(either, search, query="drinks", filter={"content": "Ada likes tea"}))
    assert [each["value"] for each in found] == [{"content": "Ada likes tea"}]


class Profile(BaseModel):
    name: str
    languages: list[str]


async def test_a_structured_memory_of_langmem_is_recalled_by_its_fields(either) -> None:
    tool = langmem.create_manage_memory_tool(namespace=NAMESPACE, schema=Profile)
    await called(either, tool, content={"name": "Ada", "languages": ["Norwegian", "Python"]})
    (best, *_) = await either.recall("Which languages does Ada speak?", threshold=0, user_id="ada")
    assert best.memory.value == {"content": {"name": "Ada", "languages": ["Norwegian", "Python"]}}


async def test_a_put_of_a_node_feeds_recall_and_a_node_finds_what_was_remembered(either) -> None:
    await either.remember("Ada plays the cello", user_id="ada")
    seen: list[str] = []

    def put(state: MemoryState, runtime: Runtime) -> dict[str, Any]:
        assert runtime.store is not None
        runtime.store.put(("memories", "ada"), "note", {"text": "Ada is learning the harp"})
        seen.extend(item.value["text"] for item in runtime.store.search(("memories", "ada"), query="cello", limit=1))
        return {}

    async def aput(state: MemoryState, runtime: Runtime) -> dict[str, Any]:
        assert runtime.store is not None
        await runtime.store.aput(("memories", "ada"), "note", {"text": "Ada is learning the harp"})
        found = await runtime.store.asearch(("memories", "ada"), query="cello", limit=1)
        seen.extend(item.value["text"] for item in found)
        return {}

    if either.asynchronous:
        await graph(either, aput).ainvoke({"messages": []}, ADA)
    else:
        graph(either, put).invoke({"messages": []}, ADA)
    assert seen == ["Ada plays the cello"]
    assert (await either.recall("the harp", user_id="ada"))[0].memory.key == "note"


async def test_a_memory_is_a_store_item(either) -> None:
    kept = await either.remember(
        "Ada plays the cello", value={"text": "Ada plays the cello", "since": 2019}, user_id="ada"
    )
    store, place = either.memory.store, ("memories", "ada")
    if either.asynchronous:
        item = await store.aget(place, kept.key)
        found = await store.asearch(place, query="music", filter={"since": {"$gte": 2019}})
        await store.adelete(place, kept.key)
    else:
        item = store.get(place, kept.key)
        found = store.search(place, query="music", filter={"since": {"$gte": 2019}})
        store.delete(place, kept.key)
    assert item is not None
    assert (item.value, item.created_at) == (kept.value, kept.recorded_at)
    assert [each.key for each in found] == [kept.key]
    assert await either.recall("cello", user_id="ada") == []
