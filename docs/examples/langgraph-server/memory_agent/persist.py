"""What ``langgraph.json`` names: the store and the checkpointer of the server."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from langgraph.checkpoint.base import BaseCheckpointSaver
from langgraph.store.base import BaseStore

from memory_agent.memory import memory


@asynccontextmanager
async def store() -> AsyncIterator[BaseStore]:
    """The memories."""
    async with memory() as opened:
        yield opened.store


@asynccontextmanager
async def checkpointer() -> AsyncIterator[BaseCheckpointSaver]:
    """The threads."""
    async with memory() as opened:
        yield opened.checkpointer
