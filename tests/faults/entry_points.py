"""Every public operation, found by reflection, with arguments by the names of its parameters: a new one cannot be forgotten."""

import inspect
import os
import tempfile
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import UUID

import psycopg
from langchain_core.messages import HumanMessage
from langgraph.checkpoint.base import empty_checkpoint
from langgraph.store.base import GetOp, ListNamespacesOp, PutOp, SearchOp

from langchain_persistmem import PersistMem, PersistMemChatMessageHistory
from langchain_persistmem.types.namespace import encode
from tests.support.foreign_history import ForeignHistory
from tests.support.public_methods import get_function, get_path, public_methods, twin_name

CLOSING = ("open", "close")  # not operations on memories
SUPERSEDED, QUARANTINED, CURRENT = "superseded", "quarantined", "active"


@dataclass
class Scene:
    """One person with something of everything, in a memory of one colour."""

    memory: PersistMem
    native: bool
    admin: "psycopg.Connection[Any]"
    user: str

    @property
    def namespace(self) -> tuple[str, ...]:
        """The person's namespace."""
        return ("memories", self.user)

    @property
    def file(self) -> Path:
        """Where the person's export goes."""
        return Path(tempfile.gettempdir()) / f"persistmem-faults-{os.getpid()}-{self.user}.jsonl"

    @property
    def thread(self) -> str:
        """The person's thread."""
        return f"thread of {self.user}"

    async def do(self, target: Any, name: str, *args: Any, **kwargs: Any) -> Any:
        """Call ``name`` of ``target`` in this colour."""
        function = get_path(target, twin_name(name) if self.native else name)
        return await function(*args, **kwargs) if self.native else function(*args, **kwargs)

    async def prepare(self) -> None:
        """Current, superseded and quarantined memories, open turns, given-up turns, work, items, a checkpoint."""
        memory, user = self.memory, {"user_id": self.user}
        await self.do(memory, "remember", "I live in Oslo", key="home", **user)
        await self.do(memory, "remember", "I live in Rome", key="home", **user)
        await self.do(memory, "remember", "I live in Paris", key="home", source="tool", **user)
        await self.do(memory, "remember", "I like tea", **user)
        turns = [{"role": "user", "content": text, "id": f"{n}"} for n, text in enumerate(("I have a cat", "I sail"))]
        await self.do(memory, "observe", turns, thread_id=self.thread, background=True, **user)
        self.admin.execute(
            "UPDATE persistmem.messages SET given_up_at = now(), failure = 'x' WHERE namespace = %s AND id = '1'",
            (self.key,),
        )
        await self.do(memory.store, "put", self.namespace, "item", {"text": "likes boats"})
        await self.do(memory.checkpointer, "put", *self.checkpoint())

    @property
    def key(self) -> str:
        """The namespace as the tables have it."""
        return encode(self.namespace)

    def version(self, status: str) -> UUID:
        """A memory of that status."""
        rows = self.admin.execute(
            "SELECT id FROM persistmem.memories WHERE namespace = %s AND status = %s ORDER BY id LIMIT 1",
            (self.key, status),
        ).fetchall()
        return rows[0][0] if rows else UUID(int=0)

    def checkpoint(self) -> tuple[Any, Any, Any, Any]:
        """What a saver's put takes."""
        config = {"configurable": {"thread_id": self.thread, "checkpoint_ns": ""}}
        made = empty_checkpoint()
        made["channel_values"] = {"said": ["tea"]}
        made["channel_versions"] = {"said": "1"}
        return config, made, {"source": "input", "step": -1, "parents": {}}, {"said": "1"}

    def fingerprint(self) -> dict[str, Any]:
        """What the tables have of the person, in numbers."""
        tables = self.admin.execute(
            "SELECT table_name FROM information_schema.columns WHERE table_schema = 'persistmem' "
            "AND column_name = 'namespace' AND table_name <> 'namespaces' ORDER BY 1"
        ).fetchall()
        found: dict[str, Any] = {}
        for (table,) in tables:
            ((found[table],),) = self.admin.execute(
                f"SELECT count(*) FROM persistmem.{table} WHERE namespace = %s".encode(), (self.key,)
            ).fetchall()
        found["by status"] = self.admin.execute(
            "SELECT status, count(*), sum(confirmations) FROM persistmem.memories WHERE namespace = %s GROUP BY 1 ORDER BY 1",
            (self.key,),
        ).fetchall()
        found["used"] = self.admin.execute(
            "SELECT sum(times) FROM persistmem.uses WHERE namespace = %s", (self.key,)
        ).fetchall()
        found["open"] = self.admin.execute(
            "SELECT count(*) FILTER (WHERE extracted_at IS NULL), count(*) FILTER (WHERE given_up_at IS NULL) "
            "FROM persistmem.messages WHERE namespace = %s",
            (self.key,),
        ).fetchall()
        for table in ("checkpoints", "checkpoint_blobs", "checkpoint_writes"):
            found[table] = self.admin.execute(
                f"SELECT count(*) FROM {table} WHERE thread_id LIKE %s".encode(), (f"%{self.thread}",)
            ).fetchall()
        return found

    def remove(self, *, files: bool = True) -> None:
        """Leave nothing to the next trial."""
        if files:
            self.file.unlink(missing_ok=True)
        for table in ("namespaces", "vectors", "terms"):
            self.admin.execute(f"DELETE FROM persistmem.{table} WHERE namespace = %s".encode(), (self.key,))
        for table in ("checkpoints", "checkpoint_blobs", "checkpoint_writes"):
            self.admin.execute(f"DELETE FROM {table} WHERE thread_id LIKE %s".encode(), (f"%{self.thread}",))


EntryPoint = Callable[[Scene], Awaitable[Any]]

_ARGUMENTS: dict[str, Callable[[Scene], Any]] = {
    "query": lambda scene: "Where do I live?",
    "text": lambda scene: "I like coffee",
    "key": lambda scene: "home",
    "keys": lambda scene: ["home"],
    "thread_id": lambda scene: scene.thread,
    "messages": lambda scene: [{"role": "user", "content": "I keep bees", "id": "bees"}],
    "message": lambda scene: "Remember that I play chess.",
    "changes": lambda scene: {"name": "Ada"},
    "version": lambda scene: scene.version(SUPERSEDED),
    "versions": lambda scene: [scene.version(QUARANTINED)],
    "history": lambda scene: ForeignHistory(messages=[HumanMessage("I keep bees")]),
    "given": lambda scene: "no_extract",
    "consent": lambda scene: "no_extract",
    "off": lambda scene: True,
    "path": lambda scene: scene.file,
    "entries": lambda scene: [],
    "turn_ids": lambda scene: ["0"],
}
"""What is passed for a parameter of that name, wherever it has no default."""
_OF_METHOD: dict[str, dict[str, Callable[[Scene], Any]]] = {
    "edit": {"text": lambda scene: "I live in Bergen"},
    "forget": {"keys": _ARGUMENTS["keys"]},
    "observe": {"used": lambda scene: ["home"]},
}
"""What a method needs besides, or instead."""


def methods() -> list[str]:
    """The public behaviours of a memory and its groups; imports read another database, and have tests of their own."""
    return [name for name in public_methods() if name not in CLOSING and not name.startswith("admin.import_")]


def arguments(scene: Scene, name: str) -> dict[str, Any]:
    """Arguments for a method.

    Raises:
        LookupError: it has a required parameter that this file does not know.
    """
    given: dict[str, Any] = {}
    for parameter in inspect.signature(get_function(name)).parameters.values():
        special = _OF_METHOD.get(name, {}).get(parameter.name)
        if parameter.name == "user_id":
            given["user_id"] = scene.user
        elif special is not None:
            given[parameter.name] = special(scene)
        elif parameter.default is parameter.empty and parameter.name != "self":
            if parameter.name not in _ARGUMENTS:
                raise LookupError(f"{name}({parameter.name}=...): say in tests/faults/entry_points.py what to pass")
            given[parameter.name] = _ARGUMENTS[parameter.name](scene)
    return given


def entry_points() -> dict[str, EntryPoint]:
    """Every operation by name: those of PersistMem, of the store, of the chat history and of the saver."""
    found: dict[str, EntryPoint] = {}
    for name in methods():
        found[name] = _method(name)
    found["forget everything"] = lambda scene: scene.do(scene.memory, "forget", everything=True, user_id=scene.user)
    found["observe in the background"] = lambda scene: scene.do(
        scene.memory, "observe", _ARGUMENTS["messages"](scene), thread_id="other", background=True, user_id=scene.user
    )
    found["remember the same again"] = lambda scene: scene.do(
        scene.memory, "remember", "I like tea", user_id=scene.user
    )
    found["privacy.import_file"] = _import
    found |= _STORE | _HISTORY | _SAVER
    return found


async def _import(scene: Scene) -> Any:
    await scene.do(scene.memory, "privacy.export", scene.file, user_id=scene.user)
    scene.remove(files=False)
    return await scene.do(scene.memory, "privacy.import_file", scene.file, user_id=scene.user)


def _method(name: str) -> EntryPoint:
    def entry_point(scene: Scene) -> Awaitable[Any]:
        given = arguments(scene, name)
        return scene.do(scene.memory, name, *given.pop("versions", ()), **given)

    return entry_point


async def _batch(scene: Scene) -> Any:
    ops = [
        PutOp(scene.namespace, "new", {"text": "likes trains"}),
        PutOp(scene.namespace, "item", {"text": "likes ships"}),
        PutOp((*scene.namespace, "below"), "new", {"text": "likes planes"}),
        GetOp(scene.namespace, "item"),
        SearchOp(scene.namespace, query="ships", limit=3),
        ListNamespacesOp(limit=3),
    ]
    return await scene.do(scene.memory.store, "batch", ops)


_STORE: dict[str, EntryPoint] = {
    "store.batch": _batch,
    "store.put": lambda scene: scene.do(scene.memory.store, "put", scene.namespace, "item", {"text": "likes ships"}),
    "store.get": lambda scene: scene.do(scene.memory.store, "get", scene.namespace, "item"),
    "store.search": lambda scene: scene.do(scene.memory.store, "search", scene.namespace, query="boats"),
    "store.delete": lambda scene: scene.do(scene.memory.store, "delete", scene.namespace, "item"),
    "store.list_namespaces": lambda scene: scene.do(scene.memory.store, "list_namespaces", prefix=scene.namespace),
}


def _history(scene: Scene) -> PersistMemChatMessageHistory:
    return PersistMemChatMessageHistory(scene.memory, scene.thread, user_id=scene.user)


async def _history_messages(scene: Scene) -> Any:
    return await _history(scene).aget_messages() if scene.native else _history(scene).messages


_HISTORY: dict[str, EntryPoint] = {
    "history.add_messages": lambda scene: scene.do(_history(scene), "add_messages", [HumanMessage("I keep bees")]),
    "history.messages": _history_messages,
    "history.clear": lambda scene: scene.do(_history(scene), "clear"),
}


async def _saver_list(scene: Scene) -> Any:
    config: Any = {"configurable": {"thread_id": scene.thread}}
    if scene.native:
        return [each async for each in scene.memory.checkpointer.alist(config)]
    return list(scene.memory.checkpointer.list(config))


async def _put_writes(scene: Scene) -> Any:
    config, made, *_ = scene.checkpoint()
    at = {"configurable": {**config["configurable"], "checkpoint_id": made["id"]}}
    return await scene.do(scene.memory.checkpointer, "put_writes", at, [("said", "x")], "task")


async def _saver_put(scene: Scene) -> Any:
    config, made, metadata, versions = scene.checkpoint()
    head = await scene.do(scene.memory.checkpointer, "get_tuple", config)
    return await scene.do(scene.memory.checkpointer, "put", head.config, made, metadata, versions)


_SAVER: dict[str, EntryPoint] = {
    "saver.get_tuple": lambda scene: scene.do(scene.memory.checkpointer, "get_tuple", scene.checkpoint()[0]),
    "saver.list": _saver_list,
    "saver.put": _saver_put,
    "saver.put_writes": _put_writes,
    "saver.delete_thread": lambda scene: scene.do(scene.memory.checkpointer, "delete_thread", scene.thread),
    "saver.prune": lambda scene: scene.do(scene.memory.checkpointer, "prune", [scene.thread]),
}
