"""The arguments of the saver's methods, and the checkpoints that they have put."""

from __future__ import annotations

from typing import Any

from langgraph.checkpoint.base import empty_checkpoint

from tests.bad_input.corpus import (
    FEW_NAMES,
    NAMES,
    NUMBERS,
    TEXTS,
    UNICODE,
    VALUES,
)
from tests.bad_input.entry_points.entry_point import (
    Act,
    EntryPoint,
    fresh,
)
from tests.conftest import Either


async def checkpointed(
    memory: Either, value: Any = "a", *, thread: Any = None, ns: str = "", channel: str = "said", metadata: Any = None
) -> tuple[Any, Any]:
    """Put a checkpoint and get it again."""
    saver = memory.memory.checkpointer
    config: Any = {"configurable": {"thread_id": fresh() if thread is None else thread, "checkpoint_ns": ns}}
    checkpoint = {**empty_checkpoint(), "channel_values": {channel: value}, "channel_versions": {channel: 1}}
    about = {"source": "input", "step": 0, **({} if metadata is None else {"note": {"said": metadata}})}
    if memory.asynchronous:
        await saver.aput(config, checkpoint, about, {channel: 1})
        found = await saver.aget_tuple(config)
    else:
        saver.put(config, checkpoint, about, {channel: 1})
        found = saver.get_tuple(config)
    got = found and [found.checkpoint["channel_values"].get(channel), found.metadata.get("note")]
    return got, [value, about.get("note")]


async def written(
    memory: Either, value: Any = "a", *, channel: str = "said", task: str | None = None, path: str = ""
) -> tuple[Any, Any]:
    """What a task wrote, for a checkpoint."""
    saver, task = memory.memory.checkpointer, fresh() if task is None else task
    place: Any = {"configurable": {"thread_id": "known", "checkpoint_ns": ""}}
    if memory.asynchronous:
        config = (await saver.aget_tuple(place)).config
        await saver.aput_writes(config, [(channel, value)], task, path)
        found = await saver.aget_tuple(config)
    else:
        config = saver.get_tuple(place).config
        saver.put_writes(config, [(channel, value)], task, path)
        found = saver.get_tuple(config)
    return [each for each in found.pending_writes if each[0] == task], [(task, channel, value)]


def of_saver(method: str, **more: Any) -> Act:
    """Another method of the saver, given a thread's id."""

    async def act(memory: Either, value: Any) -> None:
        saver = memory.memory.checkpointer
        if method == "list":
            config, search = {"configurable": {"thread_id": more.get("thread_id", value)}}, more.get("as_", "")
            options = {search: value} if search else {}
            if memory.asynchronous:
                _ = [each async for each in saver.alist(config, **options)]
            else:
                _ = list(saver.list(config, **options))
        elif memory.asynchronous:
            await getattr(saver, f"a{method}")(value)
        else:
            getattr(saver, method)(value)

    return act


CHECKPOINTER = (
    EntryPoint("saver: thread_id", "thread_id", NAMES, lambda m, v: checkpointed(m, thread=v)),
    EntryPoint("saver: checkpoint_ns", "checkpoint_ns", FEW_NAMES, lambda m, v: checkpointed(m, ns=v)),
    EntryPoint("saver: channel of text", "checkpoint", UNICODE, checkpointed),
    EntryPoint(
        "saver: channel of numbers",
        "checkpoint",
        {n: v for n, v in NUMBERS.items() if isinstance(v, (int, float))},
        checkpointed,
    ),
    EntryPoint("saver: channel of messages", "checkpoint", UNICODE, lambda m, v: checkpointed(m, [v])),
    EntryPoint("saver: name of a channel", "channel|checkpoint", NAMES, lambda m, v: checkpointed(m, ["a"], channel=v)),
    EntryPoint("saver: channel of writes", "channel", NAMES, lambda m, v: written(m, channel=v)),
    EntryPoint("saver: metadata", "metadata", TEXTS, lambda m, v: checkpointed(m, metadata=v)),
    EntryPoint("saver: writes", "checkpoint", UNICODE, written),
    EntryPoint("saver: task_id", "task_id", NAMES, lambda m, v: written(m, task=v)),
    EntryPoint("saver: task_path", "task_path", FEW_NAMES, lambda m, v: written(m, path=v)),
    EntryPoint("saver: delete_thread", "thread_id", FEW_NAMES, of_saver("delete_thread")),
    EntryPoint("saver: list of a thread", "thread_id", FEW_NAMES, of_saver("list")),
    EntryPoint("saver: list with a filter", "filter", VALUES, of_saver("list", thread_id="t", as_="filter")),
)
