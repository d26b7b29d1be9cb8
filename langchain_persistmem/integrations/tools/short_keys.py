"""Short keys by which a model names memories, and the memories that it means by them."""

import re
from contextlib import suppress

from langchain_persistmem.errors import InvalidInputError, MemoryNotFoundError
from langchain_persistmem.integrations.tools.tool_run import MOST_LISTED, ToolRun
from langchain_persistmem.types.records import Memory
from langchain_persistmem.types.representation import represent

_UUID = re.compile(r"[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}")
_SHORT = 8
_SHORTEST = 6


def shorten_key(key: str) -> str:
    """Shorten a key for a model: of an id only its end, which is random where its beginning is the time."""
    return key[-_SHORT:] if _UUID.fullmatch(key) else key


def format_memory(memory: Memory) -> str:
    """Put a memory on one line, so that none can speak for another."""
    text = " ".join((memory.text or "").split())
    return f"[{shorten_key(memory.key)}] {memory.valid_from.date().isoformat()}, {memory.kind}: {text}"


async def find_memory(run: ToolRun, reference: str) -> Memory | str:
    """Find the memory that a model means by ``reference``, or return the answer for the model.

    Taken are a whole key, and the end of an id, with whatever brackets or quotes stand around.
    """
    key = reference.strip().strip("[]()<>#'\"` .…").strip()
    ending = key.lower()
    with suppress(MemoryNotFoundError, InvalidInputError):
        return await run.call(run.memory.get, key, namespace=run.namespace)
    matches: list[Memory] = []
    if len(ending) >= _SHORTEST:
        current = await run.call(run.memory.list, limit=MOST_LISTED, namespace=run.namespace)
        matches = [memory for memory in current if _UUID.fullmatch(memory.key) and memory.key.endswith(ending)]
    if len(matches) == 1:
        return matches[0]
    if matches:
        lines = "\n".join(f"{memory.key}: {format_memory(memory)}" for memory in matches[:5])
        return f"The key {represent(key)} fits several memories; give the whole key of one:\n{lines}"
    return f"No memory has the key {represent(key)}."
