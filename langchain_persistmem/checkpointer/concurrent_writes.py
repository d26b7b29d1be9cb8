"""Concurrent writes of one thread: a run that continues the head of its thread finds out that another one came first.

The comparison with the head, under a lock, is the statement ``put_checkpoint`` of ``postgres/queries/checkpoints.sql``.
"""

from collections.abc import Mapping
from typing import cast

from langchain_core.runnables import RunnableConfig as Config

from langchain_persistmem.checkpointer.checkpoint_id_checks import NamedId
from langchain_persistmem.errors import ConcurrentUpdateError
from langchain_persistmem.types.representation import quote


def continues_head(config: Config) -> bool:
    """Recognise a put whose parent has to be the head of the thread; without a parent, the thread has to be empty.

    It is so for the puts of a graph, which completes every config with a recursion limit, unless the
    caller named the checkpoint to begin with, or a subgraph is replayed from before its first one.
    """
    configurable = config.get("configurable", {})
    parent = configurable.get("checkpoint_id")
    is_replay = parent is None and configurable.get("__pregel_replay_state") is not None
    return "recursion_limit" in config and type(parent) is not NamedId and not is_replay


def config_of_new(new: Mapping[str, object], count: int) -> Config:
    """Return the config of a new checkpoint, of which ``count`` rows were stored.

    Raises:
        ConcurrentUpdateError: none was stored.
    """
    if not count:
        raise ConcurrentUpdateError(
            f"somebody else stored a checkpoint in thread {quote(str(new['thread_id']))}, or deleted it, since this run read it; "
            "nothing of this step was stored: run again, which reads the new head"
        )
    ids = {
        "thread_id": new["thread_id"],
        "checkpoint_ns": new["checkpoint_ns"],
        "checkpoint_id": new["checkpoint_id"],
    }
    return cast("Config", {"configurable": ids})
