"""The agent: what is remembered, an answer, what is learnt."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from langchain_core.messages import AIMessage
from langgraph.graph import START, StateGraph
from langgraph.graph.state import CompiledStateGraph

from langchain_persistmem import MemoryState, extract_memory, load_memory
from memory_agent.memory import memory


async def answer(state: MemoryState) -> dict[str, Any]:
    """Your model's place: ``[await model.ainvoke(prompt_with_memory("You are ...", state))]``."""
    return {"messages": [AIMessage("Noted.")]}


@asynccontextmanager
async def graph() -> AsyncIterator[CompiledStateGraph]:
    """What the server runs; it brings its own store and checkpointer, so compile() is given none."""
    async with memory() as opened:
        nodes = [("load_memory", load_memory(opened)), answer, ("extract_memory", extract_memory(opened))]
        yield StateGraph(MemoryState).add_sequence(nodes).add_edge(START, "load_memory").compile()
