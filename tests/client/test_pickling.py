"""What has connections open is neither pickled nor copied deeply, and says so; a shallow copy shares them."""

import copy
import pickle
from collections.abc import Callable
from typing import Any

import pytest
from langgraph.graph import END, START, StateGraph

from langchain_persistmem import (
    MemoryState,
    OpenedElsewhereError,
    PersistMemChatMessageHistory,
    PersistMemEnsembleRetriever,
    PersistMemMiddleware,
    PersistMemRetriever,
    PersistMemSessionRetriever,
    Settings,
    load_memory,
)
from tests.conftest import Either

HOLDERS: dict[str, Callable[[Any], Any]] = {
    "memory": lambda memory: memory,
    "store": lambda memory: memory.store,
    "checkpointer": lambda memory: memory.checkpointer,
    "part of memory": lambda memory: memory.conversations,
    "history": lambda memory: PersistMemChatMessageHistory(memory, "t", user_id="ada"),
    "retriever": lambda memory: PersistMemRetriever(memory=memory, user_id="ada"),
    "session retriever": lambda memory: PersistMemSessionRetriever(memory=memory, user_id="ada", thread_id="t"),
    "ensemble": lambda memory: PersistMemEnsembleRetriever(memory=PersistMemRetriever(memory=memory, user_id="ada")),
    "middleware": PersistMemMiddleware,
}
COPIES: dict[str, Callable[[Any], Any]] = {"pickle": pickle.dumps, "deep copy": copy.deepcopy}


@pytest.mark.parametrize("copying", COPIES.values(), ids=COPIES)
@pytest.mark.parametrize("make", HOLDERS.values(), ids=HOLDERS)
async def test_what_has_connections_says_that_it_is_opened_in_each_process(
    either: Either, make: Callable[[Any], Any], copying: Callable[[Any], Any]
) -> None:
    with pytest.raises(OpenedElsewhereError, match="open one in each process"):
        copying(make(either.memory))


async def test_a_shallow_copy_shares_the_connections_as_langgraph_needs_it(either: Either) -> None:
    await either.remember("I keep bees", key="bees", user_id="ada")
    retriever = copy.copy(PersistMemRetriever(memory=copy.copy(either.memory), user_id="ada"))
    saver, store = copy.copy(either.memory.checkpointer), copy.copy(either.memory.store)
    saver = saver.with_allowlist([("collections", "Counter")])
    graph = StateGraph(MemoryState).add_node("load", load_memory(either.memory, on_error="raise"))
    compiled = copy.copy(graph.add_edge(START, "load").add_edge("load", END).compile(checkpointer=saver, store=store))
    config: Any = {"configurable": {"user_id": "ada", "thread_id": "t"}}
    state: Any = {"messages": [("user", "What do I keep?")]}
    if either.asynchronous:
        assert [document.page_content for document in await retriever.ainvoke("bees")] == ["I keep bees"]
        assert "bees" in (await compiled.ainvoke(state, config))["memory_context"]
    else:
        assert [document.page_content for document in retriever.invoke("bees")] == ["I keep bees"]
        assert "bees" in compiled.invoke(state, config)["memory_context"]


async def test_settings_are_pickled(either: Either) -> None:
    """They are what a process is told to open its own memory."""
    assert pickle.loads(pickle.dumps(Settings(threshold=0.3))) == Settings(threshold=0.3)
