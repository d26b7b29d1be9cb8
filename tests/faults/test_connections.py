"""F1 to F4: connections that end, backends that die, servers that go away, freeze, or have too much to do."""

import asyncio
import random
import threading
import time
from collections.abc import Callable
from typing import Any

import psycopg
import pytest

from langchain_persistmem import LocalEmbeddings, PersistMem, Settings, StorageUnavailableError
from tests.faults.conftest import Place
from tests.faults.history import History, judge
from tests.faults.invariants import broken
from tests.faults.load import Load, aload, kept, told
from tests.support.pace import Pace

pytestmark = [pytest.mark.ci, pytest.mark.slow]

Figure = Callable[[str, str, str, str], None]
QUIET: dict[str, Any] = {"worker": False, "pool_max": 8}


def opened(place: Place, embeddings: LocalEmbeddings, **settings: Any) -> PersistMem:
    return PersistMem.open(place.dsn, embeddings=embeddings, settings=Settings(**{**QUIET, **settings}))


def verdict(place: Place, history: History) -> str:
    """What was wrong, in words; asserts that nothing is."""
    kept_, told_ = judge(history, "remember", kept(place.admin_dsn)), judge(history, "observe", told(place.admin_dsn))
    assert history.foreign == []
    assert (kept_.lost, kept_.doubled, kept_.ghosts) == ((), (), ())
    assert (told_.lost, told_.doubled, told_.ghosts) == ((), (), ())
    assert broken(place.admin_dsn) == {}
    return f"{kept_.acknowledged + told_.acknowledged} acknowledged, 0 lost, 0 doubled"


@pytest.mark.parametrize("native", [False, True], ids=["blocking", "asyncio"])
async def test_idle_connections_that_were_ended_are_not_noticed(
    place: Place, embeddings: LocalEmbeddings, native: bool, figure: Figure
) -> None:
    """F1: in three rounds all idle backends are ended; the next calls of ten callers succeed, the first within 0.5 s."""
    slowest, pace = 0.0, Pace()
    settings = Settings(**QUIET)
    memory = (
        await PersistMem.aopen(place.dsn, embeddings=embeddings, settings=settings)
        if native
        else opened(place, embeddings)
    )
    try:
        for turn in range(3):
            await asyncio.gather(*(memory.aremember(f"I have seen film {turn} {n}", user_id="ada") for n in range(16)))
            place.cluster.terminate(place.name)
            begun = time.monotonic()
            assert await memory.arecall("Which film have I seen?", user_id="ada")
            slowest = max(slowest, time.monotonic() - begun)
            pace.measure()
            await asyncio.gather(*(memory.aremember(f"I have read book {turn} {n}", user_id="bob") for n in range(10)))
    finally:
        await memory.aclose()
    assert broken(place.admin_dsn) == {}
    assert slowest < pace.allows(0.5)
    figure(
        f"F1 all idle backends ended ({'asyncio' if native else 'blocking'})",
        "3 rounds, 26 calls each",
        "0 errors, the first answer within 0.5 s",
        f"0 errors, {slowest:.3f} s",
    )


@pytest.mark.parametrize("seconds", [6, pytest.param(60, marks=pytest.mark.long_faults)])
@pytest.mark.parametrize("native", [False, True], ids=["blocking", "asyncio"])
async def test_a_backend_ended_every_100_ms_loses_doubles_and_shows_nothing(
    place: Place, embeddings: LocalEmbeddings, seed: int, seconds: int, native: bool, figure: Figure
) -> None:
    """F2, under eight threads or tasks."""
    chance, history, done = random.Random(seed), History(), threading.Event()
    ended = 0

    def end_backends() -> None:
        nonlocal ended
        with place.cluster.admin() as admin:
            while not done.wait(0.1):
                pids = place.cluster.backends(place.name)
                if pids:
                    admin.execute("SELECT pg_terminate_backend(%s)", (chance.choice(pids),))
                    ended += 1

    killer = threading.Thread(target=end_backends)
    killer.start()
    try:
        if native:
            async with PersistMem.aopen(place.dsn, embeddings=embeddings, settings=Settings(**QUIET)) as memory:
                await aload(memory, history, seed=seed, seconds=seconds)
        else:
            with opened(place, embeddings) as memory, Load(memory, history, seed=seed):
                await asyncio.sleep(seconds)
    finally:
        done.set()
        killer.join()
    said = verdict(place, history)
    assert history.errors() == {}
    figure(
        f"F2 a backend ended every 100 ms under 8 {'tasks' if native else 'threads'}",
        f"{ended} backends in {seconds} s",
        "0 lost, 0 doubled, 0 errors",
        f"{said}, 0 errors in {len(history.events)} calls",
    )


OUTAGES = [
    pytest.param("kill", 0.0, id="one backend killed -9"),
    pytest.param("fast", 0.0, id="restart fast"),
    pytest.param("immediate", 0.0, id="restart immediate"),
    pytest.param("immediate", 3.0, id="3 s away"),
    pytest.param("fast", 30.0, id="30 s away", marks=pytest.mark.long_faults),
]


@pytest.mark.parametrize(("mode", "away"), OUTAGES)
def test_a_server_that_goes_and_comes_back_loses_and_doubles_nothing(
    place: Place, embeddings: LocalEmbeddings, seed: int, mode: str, away: float, figure: Figure, request: Any
) -> None:
    """F3: typed errors within the deadline, service within 1 s of the server accepting."""
    history, deadline, pace = History(), 5.0, Pace()
    with opened(place, embeddings, connect_seconds=deadline) as memory, Load(memory, history, seed=seed):
        while len(history.of("remember", "ok")) < 20:  # all of them are at work
            time.sleep(0.05)
        if mode == "kill":
            place.cluster.kill(place.cluster.backends(place.name)[0])
            back = _accepting(place)
        else:
            back = place.cluster.restart(mode, away=away)
        while not any(each.ended > back for each in history.of("remember", "ok")):
            time.sleep(0.05)
        time.sleep(1)
    first = min(each.ended for each in history.of("remember", "ok") if each.ended > back)
    said = verdict(place, history)
    assert {each.error for each in history.events} <= {None, "StorageUnavailableError"}
    assert first - back < pace.allows(1.0)
    # on for as long as it lasts, then once more for an answer
    assert history.slowest() < 2 * deadline + pace.allows(1.0)
    name = request.node.callspec.id
    figure(
        f"F3 {name}",
        f"1 under 8 threads, {len(history.events)} calls",
        "0 lost, 0 doubled; typed error within the deadline; service within 1 s",
        f"{said}, {sum(history.errors().values())} errors, slowest call {history.slowest():.1f} s (deadline "
        f"{deadline:.0f}), service after {first - back:.2f} s",
    )


def _accepting(place: Place) -> float:
    time.sleep(0.05)
    while True:
        try:
            psycopg.connect(place.admin_dsn).close()
            return time.monotonic()
        except psycopg.OperationalError:
            time.sleep(0.01)


def test_a_frozen_backend_delays_one_call_and_no_other(
    place: Place, embeddings: LocalEmbeddings, figure: Figure
) -> None:
    """F4: the call on it ends with a typed error within the deadline; other people are served meanwhile."""
    with opened(place, embeddings, statement_seconds=2.0, connect_seconds=2.0) as memory:
        for user in ("ada", "bob"):
            memory.remember("I like tea", user_id=user)
        pool = memory.backend.pool
        pid = pool._pool[0].info.backend_pid  # the next call has it
        history, reads, pace = History(), History(), Pace()
        with place.cluster.frozen(pid):
            caller = threading.Thread(target=lambda: _remember(memory, history))
            caller.start()
            while any(each.info.backend_pid == pid for each in list(pool._pool)):  # until the caller has it
                time.sleep(0.01)
            for _ in range(50):
                with reads.doing("recall", "bob"):
                    assert memory.recall("tea", user_id="bob")
            caller.join(100)
        assert not caller.is_alive()
    assert history.foreign == []
    assert reads.errors() == {}
    assert {each.error for each in history.events} <= {None, "StorageUnavailableError"}
    assert history.slowest() < 4 + pace.allows(2)
    assert reads.slowest() < pace.allows(1)
    figure(
        "F4 a backend frozen (SIGSTOP)",
        "1, and 50 reads of others",
        "deadline honoured, others' reads under 1 s",
        f"its call took {history.slowest():.2f} s (statement_seconds 2), others at most {reads.slowest():.3f} s",
    )


def _remember(memory: PersistMem, history: History) -> None:
    with history.doing("remember", "ada"):
        memory.remember("I like coffee", user_id="ada")


def test_a_row_lock_that_stays_delays_only_its_own_namespace(
    place: Place, embeddings: LocalEmbeddings, figure: Figure
) -> None:
    """F4."""
    with opened(place, embeddings, statement_seconds=1.0) as memory:
        for user in ("ada", "bob"):
            memory.remember("I like tea", user_id=user)
        history, reads, pace = History(), History(), Pace()
        with place.cluster.admin(place.name) as admin, admin.transaction():
            admin.execute("SELECT FROM persistmem.namespaces WHERE namespace LIKE '%ada' FOR UPDATE")
            callers = [threading.Thread(target=lambda: _remember(memory, history)) for _ in range(3)]
            for caller in callers:
                caller.start()
            for _ in range(50):
                with reads.doing("recall", "bob"):
                    memory.recall("tea", user_id="bob")
                with reads.doing("recall", "ada"):
                    memory.recall("tea", user_id="ada")
            for caller in callers:
                caller.join(100)
        assert memory.remember("I like coffee", user_id="ada")
    assert history.foreign == []
    assert {each.outcome for each in history.events} <= {"unknown", "fail"}
    assert reads.errors() == {}
    assert reads.slowest() < pace.allows(1)
    figure(
        "F4 a row lock held",
        "3 writers, 100 reads",
        "deadline honoured, reads under 1 s",
        f"writers gave up after {history.slowest():.2f} s (statement_seconds 1), reads at most {reads.slowest():.3f} s",
    )


@pytest.mark.parametrize("native", [False, True], ids=["blocking", "asyncio"])
async def test_ten_times_more_callers_than_connections_are_served(
    place: Place, embeddings: LocalEmbeddings, native: bool, figure: Figure
) -> None:
    """F4: 40 callers on 4 connections; nobody fails by number."""
    history = History()
    settings = Settings(worker=False, pool_max=4)
    memory = (
        await PersistMem.aopen(place.dsn, embeddings=embeddings, settings=settings)
        if native
        else PersistMem.open(place.dsn, embeddings=embeddings, settings=settings)
    )

    async def call(number: int) -> None:
        user = f"user{number % 4}"
        with history.doing("remember", user, f"I own the car number {number}"):
            await memory.aremember(f"I own the car number {number}", user_id=user)
        with history.doing("recall", user):
            await memory.arecall("car", user_id=user)

    try:
        await asyncio.gather(*(call(number) for number in range(40)))
    finally:
        await memory.aclose()
    said = verdict(place, history)
    assert history.errors() == {}
    figure(
        f"F4 ten callers for each connection ({'asyncio' if native else 'blocking'})",
        "40 callers on 4 connections",
        "0 errors",
        f"{said}, 0 errors, slowest {history.slowest():.2f} s",
    )


def test_a_pool_that_is_held_by_others_is_a_typed_error_in_time(place: Place, embeddings: LocalEmbeddings) -> None:
    """F4: every connection waits for a lock; who comes next is told after connect_seconds."""
    with opened(place, embeddings, pool_max=2, connect_seconds=1.0, statement_seconds=4.0) as memory:
        memory.remember("I like tea", user_id="ada")
        history, pace = History(), Pace()
        with place.cluster.admin(place.name) as admin, admin.transaction():
            admin.execute("SELECT FROM persistmem.namespaces FOR UPDATE")
            holders = [threading.Thread(target=lambda: _remember(memory, history)) for _ in range(2)]
            for holder in holders:
                holder.start()
            place.cluster.wait_for_locks(place.name, 2)
            begun = time.monotonic()
            with pytest.raises(StorageUnavailableError):
                memory.recall("tea", user_id="ada")
            assert time.monotonic() - begun < 1 + pace.allows(1)
            for holder in holders:
                holder.join(100)
        assert memory.recall("tea", user_id="ada")
    assert history.foreign == []
