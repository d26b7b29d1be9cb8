"""A pool belongs to the process, and to the event loop, that opened it: no fork shows one user's rows to another."""

import asyncio
import json
import os
import subprocess
import sys
import textwrap
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

import pytest
import uvloop

from langchain_persistmem import LocalEmbeddings, PersistMem, PersistMemRetriever, Settings
from tests.support.forked import CHILDREN, PARENT, run_program
from tests.support.processes import forkserver

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork on this system")

ROOT = Path(__file__).parents[2]


def run(name: str, where: str) -> Any:
    """What the processes of a program saw."""
    context = forkserver()
    reading, writing = context.Pipe(duplex=False)
    program = context.Process(target=run_program, args=(name, where, writing))
    program.start()
    writing.close()
    assert reading.poll(280), "it has not come to an end"
    seen, failure = reading.recv()
    program.join()
    assert failure is None, failure
    return json.loads(seen)


def test_a_server_that_preloads_memory_shows_each_child_its_own_users_rows_through_every_entry_point(
    database: str,
) -> None:
    assert run("preload", database) == {user: [] for user in (PARENT, *CHILDREN)}


def test_tasks_in_preforked_children_read_and_write_as_they_should(database: str) -> None:
    assert run("prefork", database) == {user: [] for user in CHILDREN}


def test_spawned_processes_open_memory_of_their_own(database: str) -> None:
    assert run("spawn", database) == {user: [] for user in CHILDREN[:2]}


def test_a_child_that_leaves_the_parents_blocks_ends_none_of_its_sessions(database: str) -> None:
    assert run("leaving", database) == {"ended": [], "recalled": ["I like tea"]}


def test_in_a_child_everything_works_or_says_that_it_was_opened_elsewhere(database: str) -> None:
    seen = run("entry_points", database)
    refused = {name for name, found in seen.items() if str(found).startswith("OpenedElsewhereError: ")}
    # What the application opened, and a single connection, is not ours to open again.
    assert refused == {
        "PersistMemSaver.from_conn_string", "PersistMemStore of a pool", "PersistMemStore of a connection",
        "PersistMemSaver of a pool", "PersistMemSaver of a connection",
    }  # fmt: skip
    assert {name: found for name, found in seen.items() if name not in refused} == {
        "PersistMem": 1,
        "PersistMem.store": 1,
        "PersistMem.checkpointer": None,
        "PersistMemChatMessageHistory": 2,
        "PersistMemRetriever": ["I like tea"],
        "PersistMem.admin": 0,
        "PersistMemStore.from_conn_string": None,
    }


def test_a_pool_that_the_application_opens_in_the_child_works(database: str) -> None:
    assert run("later", database) is True


def test_an_asyncio_memory_is_refused_in_a_child_and_on_another_loop(database: str) -> None:
    refused = dict.fromkeys(
        ("recall", "store", "checkpointer", "store of a pool", "saver of a pool"), "OpenedElsewhereError"
    )
    assert run("asynchronous", database) == {
        "child": {**refused, "aclose": "works"},
        "another loop": refused,
        "parent": ["I like tea"],
        "after its loop": "OpenedElsewhereError",
        "closed after its loop": "OpenedElsewhereError",
    }


def test_a_child_learns_in_the_background_though_its_parent_is_gone(database: str) -> None:
    assert run("daemon", database) == "learnt"


def test_each_process_holds_the_embedded_server_for_itself(tmp_path: Path) -> None:
    assert run("embedded", str(tmp_path / "data")) == [1, 2, False]


FAILING = """
    import asyncio, sys, uvloop
    from langchain_core.embeddings import DeterministicFakeEmbedding
    from langchain_persistmem import PersistMem, PersistMemStore, Settings, AsyncPersistMemStore
    from tests.support.scripted import Scripted

    async def asynchronous():
        await PersistMem.aopen(sys.argv[1], embeddings=DeterministicFakeEmbedding(size=8), model=Scripted(answers=iter([])),
                               store_ttl={"sweep_interval_minutes": 1}, settings=Settings(pool_min=8))
        print("opened", flush=True)
        raise RuntimeError("start-up failed")

    def blocking():
        PersistMem.open(sys.argv[1], embeddings=DeterministicFakeEmbedding(size=8), model=Scripted(answers=iter([])),
                        store_ttl={"sweep_interval_minutes": 1}, settings=Settings(pool_min=8))
        print("opened", flush=True)
        raise RuntimeError("start-up failed")
"""


@pytest.mark.parametrize("last", ["asyncio.run(asynchronous())", "uvloop.run(asynchronous())", "blocking()"])
def test_a_program_that_fails_right_after_it_has_opened_memory_ends_at_once_with_its_traceback(
    database: str, last: str
) -> None:
    program = textwrap.dedent(FAILING) + last
    with subprocess.Popen(
        [sys.executable, "-c", program, database], cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        assert process.stdout.readline() == "opened\n"
        errors = process.stderr.read().rstrip()
        assert errors.endswith("RuntimeError: start-up failed")
        assert (
            "couldn't stop" not in errors
        )  # a pool says so when it has waited for its threads, which takes five seconds
        assert process.wait(250) == 1


async def _nothing() -> None:
    """For a scheduler to do."""


@pytest.mark.parametrize("steps", range(5))
async def test_the_tasks_of_a_memory_end_when_they_are_cancelled_as_they_are_woken(
    database: str, embeddings: LocalEmbeddings, steps: int
) -> None:
    before = asyncio.all_tasks()
    memory = await PersistMem.aopen(database, embeddings=embeddings, store_ttl={"sweep_interval_minutes": 1})
    await memory.alist(user_id="ada")
    pool: Any = memory.backend.pool
    await pool._sched.enter(
        1.0, _nothing
    )  # wakes the scheduler, which is some steps of the loop further when it is cancelled
    for _ in range(steps):
        await asyncio.sleep(0)
    tasks = asyncio.all_tasks() - before
    for task in tasks:
        task.cancel()
    _, running = await asyncio.wait(tasks, timeout=250)
    assert {task.get_name() for task in running} == set()


async def test_a_blocking_memory_works_where_a_loop_runs_as_in_jupyter(
    database: str, embeddings: LocalEmbeddings
) -> None:
    with PersistMem.open(database, embeddings=embeddings) as memory:
        memory.remember("I like tea", user_id=PARENT)
        assert [each.text for each in memory.recall("tea", threshold=0, user_id=PARENT)] == ["I like tea"]
        assert [each.text for each in await memory.arecall("tea", threshold=0, user_id=PARENT)] == ["I like tea"]
        assert PersistMemRetriever(memory=memory, user_id=PARENT).invoke("tea")
        assert await asyncio.gather(*(memory.alist(user_id=PARENT) for _ in range(20)))


@pytest.mark.parametrize("run_loop", [asyncio.run, uvloop.run])
def test_each_loop_that_opens_memory_has_its_own(
    database: str, embeddings: LocalEmbeddings, run_loop: Callable[[Coroutine[Any, Any, list[str]]], list[str]]
) -> None:
    async def use() -> list[str]:
        async with PersistMem.aopen(database, embeddings=embeddings, settings=Settings(worker=False)) as memory:
            await memory.aremember("I like tea", user_id=PARENT)
            return [each.text for each in await memory.alist(user_id=PARENT)]

    assert [run_loop(use()), run_loop(use())] == [["I like tea"]] * 2
