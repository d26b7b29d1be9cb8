"""The memory that store, checkpointer and graph share: opened once for each event loop."""

import asyncio
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from langchain_persistmem import PersistMem

_open: dict[asyncio.AbstractEventLoop, PersistMem] = {}


@asynccontextmanager
async def memory() -> AsyncIterator[PersistMem]:
    """The event loop's memory; whoever enters first opens it, and closes it when leaving.

    LangGraph Server enters its checkpointer first and leaves it last.
    """
    loop = asyncio.get_running_loop()
    if loop in _open:
        yield _open[loop]
        return
    # the server erases what has expired in its own store only
    sweeping = {"sweep_interval_minutes": float(os.environ.get("PERSISTMEM_SWEEP_MINUTES", "5"))}
    async with PersistMem.aopen(os.environ.get("PERSISTMEM_DSN"), embeddings="local", store_ttl=sweeping) as opened:
        await opened.asetup()
        _open[loop] = opened
        try:
            yield opened
        finally:
            del _open[loop]
