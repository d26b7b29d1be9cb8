"""Programs that open memory and then fork, as servers and task queues do.

Each tells, as JSON, what its processes saw. They run by themselves, since pytest's own process has threads of its own.
"""

import asyncio
import json
import multiprocessing
import os
import time
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import psycopg
import psycopg_pool
from langchain_core.messages import HumanMessage

from langchain_persistmem import (
    AsyncPersistMemSaver,
    AsyncPersistMemStore,
    LocalEmbeddings,
    PersistMem,
    PersistMemChatMessageHistory,
    PersistMemRetriever,
    PersistMemSaver,
    PersistMemStore,
    Settings,
)
from tests.conftest import Either
from tests.support.entry_points import READING, UNHURRIED, filled, give_up, tag
from tests.support.scripted import Scripted

PARENT, CHILDREN = "ada", ("bob", "cy", "dee")
THREAD: Any = {"configurable": {"thread_id": "t", "checkpoint_ns": ""}}
QUIET = Settings(worker=False, connect_seconds=20.0)


def read_everything(memory: PersistMem, user: str, rounds: int = 2) -> list[str]:
    """The entry points that failed, or showed another's; empty if all is well."""
    wrong: list[str] = []
    either = Either(memory, asynchronous=False)
    for _ in range(rounds):
        for name, entry_point in READING.items():
            try:
                seen = repr(asyncio.run(_awaited(entry_point, either, user)))
            except Exception as error:  # noqa: BLE001 - it is what was seen
                wrong.append(f"{name}: {type(error).__name__}: {error}")
                continue
            others = [other for other in (PARENT, *CHILDREN) if other != user and tag(other) in seen]
            wrong += [f"{name}: {other}'s" for other in others]
            if tag(user) not in seen:
                wrong.append(f"{name}: nothing")
    return wrong


async def _awaited(entry_point: Callable[..., Any], either: Either, user: str) -> Any:
    return await entry_point(either, user)


def forked(act: Callable[[], Any]) -> Callable[[], Any]:
    """Begin ``act`` in a child; the result waits for what it returned, or for its error's class."""
    reading, writing = os.pipe()
    pid = os.fork()
    if not pid:
        os.close(reading)
        try:
            seen = act()
        except BaseException as error:  # noqa: BLE001 - it is what was seen
            seen = f"{type(error).__name__}: {error}"
        os.write(writing, json.dumps(seen).encode())
        os._exit(0)
    os.close(writing)

    def result() -> Any:
        with os.fdopen(reading) as answer:
            text = answer.read()
        os.waitpid(pid, 0)
        return json.loads(text)

    return result


def preload(dsn: str) -> Any:
    """Gunicorn --preload: the master has read and written before it forks, and goes on."""
    with PersistMem.open(dsn, embeddings=LocalEmbeddings(), settings=UNHURRIED) as memory:
        filled(memory, (PARENT, *CHILDREN))
        give_up(dsn, (PARENT, *CHILDREN))
        results = {child: forked(lambda child=child: read_everything(memory, child)) for child in CHILDREN}
        return {PARENT: read_everything(memory, PARENT), **{child: result() for child, result in results.items()}}


_preloaded: PersistMem


def _task(user: str) -> list[str]:
    _preloaded.remember(f"A kayak in a task {tag(user)}", user_id=user)
    return read_everything(_preloaded, user, rounds=1)


def prefork(dsn: str) -> Any:
    """Celery's prefork pool: tasks run in children that were forked from a process with open memory."""
    global _preloaded  # noqa: PLW0603 - as an application has it
    with PersistMem.open(dsn, embeddings=LocalEmbeddings(), settings=UNHURRIED) as memory:
        _preloaded = memory
        filled(memory, (PARENT, *CHILDREN))
        give_up(dsn, (PARENT, *CHILDREN))
        with multiprocessing.get_context("fork").Pool(len(CHILDREN)) as pool:
            return dict(zip(CHILDREN, pool.map(_task, CHILDREN), strict=True))


def _open_and_read(dsn: str, user: str) -> list[str]:
    with PersistMem.open(dsn, embeddings=LocalEmbeddings(), settings=QUIET) as memory:
        return read_everything(memory, user, rounds=1)


def spawn(dsn: str) -> Any:
    """Multiprocessing's spawn: each process opens memory of its own."""
    with PersistMem.open(dsn, embeddings=LocalEmbeddings(), settings=UNHURRIED) as memory:
        filled(memory, (PARENT, *CHILDREN))
        give_up(dsn, (PARENT, *CHILDREN))
        with multiprocessing.get_context("spawn").Pool(2) as pool:
            users = CHILDREN[:2]
            return dict(zip(users, pool.starmap(_open_and_read, [(dsn, user) for user in users]), strict=True))


def leaving(dsn: str) -> Any:
    """A child leaves the parent's ``with`` blocks as any code does: sessions, server and work of the parent go on."""

    def pids() -> list[int]:
        with psycopg.connect(dsn) as admin:
            found = "SELECT pid FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"
            return sorted(row[0] for row in admin.execute(found).fetchall())

    child = 0
    before: list[int] = []
    with (
        PersistMem.open(dsn, embeddings=LocalEmbeddings(), settings=QUIET) as memory,
        PersistMemStore.from_conn_string(dsn, settings=QUIET) as store,
        PersistMemSaver.from_conn_string(dsn) as saver,
    ):
        memory.remember("I like tea", user_id=PARENT)
        store.put(("a",), "k", {"text": "x"})
        saver.get_tuple(THREAD)
        before = pids()
        child = os.fork()
        if child:
            os.waitpid(child, 0)
            after = pids()
            store.put(("a",), "k", {"text": "y"})
            saver.get_tuple(THREAD)
            recalled = [each.text for each in memory.recall("tea", threshold=0, user_id=PARENT)]
            return {"ended": sorted(set(before) - set(after)), "recalled": recalled}
    os._exit(0)


def entry_points(dsn: str) -> Any:
    """What each object that a program can hold does in a child."""
    with PersistMem.open(dsn, embeddings=LocalEmbeddings(), settings=QUIET) as memory, _of_applications(dsn) as others:
        memory.remember("I like tea", user_id=PARENT)
        history = PersistMemChatMessageHistory(memory, "s", user_id=PARENT)
        retriever = PersistMemRetriever(memory=memory, user_id=PARENT)
        acts: dict[str, Callable[[], Any]] = {
            "PersistMem": lambda: len(memory.list(user_id=PARENT)),
            "PersistMem.store": lambda: len(memory.store.search(("memories", PARENT))),
            "PersistMem.checkpointer": lambda: memory.checkpointer.get_tuple(THREAD),
            "PersistMemChatMessageHistory": lambda: (history.add_messages([HumanMessage("Hi")]), len(history.messages))[
                1
            ],
            "PersistMemRetriever": lambda: [each.page_content for each in retriever.invoke("tea")],
            "PersistMem.admin": lambda: memory.admin.process_pending().threads,
            **others,
        }
        for act in acts.values():
            act()
        return {name: forked(act)() for name, act in acts.items()}


@contextmanager
def _of_applications(dsn: str) -> Iterator[dict[str, Callable[[], Any]]]:
    options: dict[str, Any] = {"kwargs": {"autocommit": True}, "min_size": 1}
    with (
        psycopg_pool.ConnectionPool(dsn, open=True, **options) as pool,
        psycopg.connect(dsn, autocommit=True) as connection,
        PersistMemStore.from_conn_string(dsn, settings=QUIET) as own_store,
        PersistMemSaver.from_conn_string(dsn) as own_saver,
    ):
        stores = {"of a pool": PersistMemStore(pool), "of a connection": PersistMemStore(connection)}
        savers = {"of a pool": PersistMemSaver(pool), "of a connection": PersistMemSaver(connection)}
        yield {
            "PersistMemStore.from_conn_string": lambda: own_store.get(("a",), "k"),
            "PersistMemSaver.from_conn_string": lambda: own_saver.get_tuple(THREAD),
            **{f"PersistMemStore {name}": lambda store=store: store.get(("a",), "k") for name, store in stores.items()},
            **{
                f"PersistMemSaver {name}": lambda saver=saver: saver.get_tuple(THREAD) for name, saver in savers.items()
            },
        }


def later(dsn: str) -> Any:
    """A pool of the application that is opened after the fork works: it was nobody's before."""
    pool: Any = psycopg_pool.ConnectionPool(dsn, open=False, min_size=1, kwargs={"autocommit": True})
    store = PersistMemStore(pool)

    def act() -> Any:
        with pool:
            store.put(("a",), "k", {"text": "x"})
            return store.get(("a",), "k") is not None

    return forked(act)()


def asynchronous(dsn: str) -> Any:
    """An asyncio memory is refused in a child and on another loop; the parent's goes on."""
    seen: dict[str, Any] = {}

    async def main() -> tuple[PersistMem, Any, Any]:
        memory = await PersistMem.aopen(dsn, embeddings=LocalEmbeddings(), settings=QUIET)
        await memory.aremember("I like tea", user_id=PARENT)
        pool: Any = psycopg_pool.AsyncConnectionPool(dsn, open=False, min_size=1, kwargs={"autocommit": True})
        await pool.open()
        store, saver = AsyncPersistMemStore(pool), AsyncPersistMemSaver(pool)
        await store.aget(("a",), "k")

        def everything() -> dict[str, str]:
            acts: dict[str, Callable[[], Any]] = {
                "recall": lambda: memory.arecall("tea", user_id=PARENT),
                "store": lambda: memory.store.aget(("a",), "k"),
                "checkpointer": lambda: memory.checkpointer.aget_tuple(THREAD),
                "store of a pool": lambda: store.aget(("a",), "k"),
                "saver of a pool": lambda: saver.aget_tuple(THREAD),
            }
            return {name: _named(lambda act=act: asyncio.run(_of(act))) for name, act in acts.items()}

        def in_child() -> Any:
            return {**everything(), "aclose": _named(lambda: asyncio.run(_of(memory.aclose)))}

        seen["child"] = await asyncio.to_thread(forked(in_child))
        seen["another loop"] = await asyncio.to_thread(everything)
        seen["parent"] = [each.text for each in await memory.arecall("tea", threshold=0, user_id=PARENT)]
        await pool.close()
        return memory, store, saver

    memory, _, _ = asyncio.run(main())
    seen["after its loop"] = _named(lambda: asyncio.run(_of(lambda: memory.arecall("tea", user_id=PARENT))))
    seen["closed after its loop"] = _named(lambda: asyncio.run(_of(memory.aclose)))
    return seen


async def _of(act: Callable[[], Any]) -> Any:
    return await act()


def _named(act: Callable[[], Any]) -> str:
    try:
        act()
    except Exception as error:  # noqa: BLE001 - it is what was seen
        return type(error).__name__
    return "works"


def daemon(dsn: str) -> Any:
    """The parent is gone: what its child observes is learnt by the child's own worker, under a lease of its own."""
    answers = iter([json.dumps({"memories": []})] * 50)
    settings = Settings(quiet_seconds=0.0, worker=True)
    memory = PersistMem.open(dsn, embeddings=LocalEmbeddings(), model=Scripted(answers=answers), settings=settings)

    def act() -> Any:
        memory.observe([("user", "I live in Oslo")], thread_id="t", background=True, user_id=PARENT)
        until = time.monotonic() + 60
        while time.monotonic() < until:
            if not memory.admin.status(user_id=PARENT).counts.get("pending_threads", 0):
                return "learnt"
            time.sleep(0.1)
        return "still waiting"

    result = forked(act)
    seen: Any = memory._worker
    seen.stop()
    return result()


def embedded(folder: str) -> Any:
    """Each process has a handle of its own on the embedded server: the parent leaves first, the child goes on."""
    settings = Settings(worker=False, data_dir=Path(folder))
    memory = PersistMem.open(embeddings=LocalEmbeddings(), settings=settings)
    memory.setup()
    memory.remember("I like tea", user_id=PARENT)
    reading, writing = os.pipe()

    def act() -> Any:
        before = len(memory.list(user_id=PARENT))
        os.close(writing)
        os.read(reading, 1)  # until the parent has closed
        memory.remember("I like coffee", user_id=PARENT)
        after = len(memory.list(user_id=PARENT))
        memory.close()
        return [before, after, (Path(folder) / "postmaster.pid").exists()]

    result = forked(act)
    os.close(reading)
    time.sleep(3)
    memory.close()
    os.close(writing)
    return result()


def run_program(name: str, where: str, answer: Connection) -> None:
    """Run the program ``name``, and send what it saw, or how it failed."""
    try:
        answer.send((json.dumps(globals()[name](where)), None))
    except BaseException:  # noqa: BLE001 - the test shows it
        answer.send((None, traceback.format_exc()))
