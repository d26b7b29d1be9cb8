"""Every place where an application, a model or a file hands something over, and how what was stored is read back."""

from typing import Any

from langgraph.checkpoint.base import empty_checkpoint

from tests.bad_input.entry_points.checkpointer import CHECKPOINTER
from tests.bad_input.entry_points.entry_point import USER, EntryPoint
from tests.bad_input.entry_points.files import FILES
from tests.bad_input.entry_points.integrations import INTEGRATIONS
from tests.bad_input.entry_points.memory import MEMORY, remember
from tests.bad_input.entry_points.store import STORE
from tests.conftest import Either

__all__ = ["ENTRY_POINTS", "USER", "EntryPoint", "prepare", "remember"]

ENTRY_POINTS = (*MEMORY, *STORE, *INTEGRATIONS, *CHECKPOINTER, *FILES)


async def prepare(memory: Either) -> None:
    """What the entry points find."""
    await memory.remember("I keep bees", key="known", user_id=USER)
    await memory.conversations.add([("user", "hello")], thread_id="known", user_id=USER)
    config: Any = {"configurable": {"thread_id": "known", "checkpoint_ns": ""}}
    saver = memory.memory.checkpointer
    if memory.asynchronous:
        await saver.aput(config, empty_checkpoint(), {}, {})
    else:
        saver.put(config, empty_checkpoint(), {}, {})
