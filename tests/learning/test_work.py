"""Background learning: nothing is lost or done twice, whoever dies and however often."""

import asyncio
import os
import random
import signal
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import psycopg
import pytest

from langchain_persistmem import ExtractionError, LocalEmbeddings, PersistMem, Settings
from tests.support.material import turns_in
from tests.support.processes import forkserver
from tests.support.scripted import Scripted, answer, entry

pytestmark = pytest.mark.slow

SOON = {"quiet_seconds": 0.0, "retry_seconds": 3600.0, "worker": False}


class CutError(Exception):
    """Named below as a provider names it."""


CutError.__name__ = "LengthFinishReasonError"


@pytest.fixture
def opened(opened: Callable[..., PersistMem]) -> Callable[..., PersistMem]:
    """Opens memory with a scripted model; work is due at once, and done by process_pending() alone."""
    return lambda *answers, **settings: opened(*answers, **{**SOON, **settings})


def pending(database: str) -> int:
    with psycopg.connect(database) as connection:
        (row,) = connection.execute("SELECT count(*) FROM persistmem.pending_work").fetchall()
        return row[0]


def due_now(database: str) -> None:
    """Time passes: leases run out, pauses end."""
    with psycopg.connect(database) as connection:
        connection.execute("UPDATE persistmem.pending_work SET due_at = now(), leased_until = NULL, lease = NULL")


def test_in_the_background_nothing_is_asked_until_a_worker_runs(
    opened: Callable[..., PersistMem], database: str
) -> None:
    memory = opened(answer(entry("The user lives in Oslo.", 1)))
    observed = memory.observe([("user", "I live in Oslo")], thread_id="t", background=True, user_id="ada")
    assert (observed.stored, observed.added, observed.pending) == (1, 0, 1)
    worked = memory.admin.process_pending()
    assert (worked.threads, worked.added) == (1, 1)
    assert pending(database) == 0
    assert memory.admin.process_pending().threads == 0


def test_a_thread_is_learnt_from_once_it_is_quiet_and_in_one_call(
    opened: Callable[..., PersistMem], database: str
) -> None:
    memory = opened(answer(entry("The user lives in Oslo.", 1), entry("The user has a cat.", 2)), quiet_seconds=60.0)
    due: list[datetime] = []
    for text in ("I live in Oslo", "I have a cat"):
        memory.observe([("user", text)], thread_id="t", background=True, user_id="ada")
        assert memory.admin.process_pending().threads == 0
        with psycopg.connect(database) as connection:
            due += [row[0] for row in connection.execute("SELECT due_at FROM persistmem.pending_work")]
    assert datetime.now(UTC) < due[0] < due[1] <= datetime.now(UTC) + timedelta(seconds=60)
    due_now(database)
    assert memory.admin.process_pending().added == 2


def test_a_talkative_thread_is_learnt_from_all_the_same(opened: Callable[..., PersistMem]) -> None:
    memory = opened(answer(entry("The user lives in Oslo.", 1)), quiet_seconds=3600.0, max_wait_seconds=0.0)
    memory.observe([("user", "I live in Oslo")], thread_id="t", background=True, user_id="ada")
    memory.observe([("user", "and so on")], thread_id="t", background=True, user_id="ada")
    assert memory.admin.process_pending().added == 1


def test_messages_that_come_while_a_worker_is_at_it_keep_the_work(
    opened: Callable[..., PersistMem], database: str
) -> None:
    def meanwhile(_: Any) -> Any:
        memory.observe([("user", "I have a cat")], thread_id="t", background=True, user_id="ada")
        return answer(entry("The user lives in Oslo.", 1))

    memory = opened(meanwhile, answer(entry("The user has a cat.", 1)))
    memory.observe([("user", "I live in Oslo")], thread_id="t", background=True, user_id="ada")
    assert memory.admin.process_pending().added == 2
    memory.admin.process_pending()
    assert pending(database) == 0


def test_turns_become_dead_letters_after_the_last_attempt_of_a_failing_model(
    opened: Callable[..., PersistMem], database: str
) -> None:
    down = [ConnectionError("I live in Oslo")] * 3
    memory = opened(*down, answer(entry("The user lives in Oslo.", 1)), max_attempts=3)
    memory.observe([("user", "I live in Oslo")], thread_id="t", background=True, user_id="ada")
    for attempt in (1, 2, 3):
        worked = memory.admin.process_pending()
        assert (worked.postponed, worked.dead_letters) == (1, int(attempt == 3))
        due_now(database)
    (letter,) = memory.admin.dead_letters(user_id="ada")
    assert (letter.thread_id, letter.messages) == ("t", 1)
    assert "ConnectionError" in letter.failure
    assert "Oslo" not in letter.failure
    memory.admin.process_pending()
    assert pending(database) == 0
    assert memory.admin.status(user_id="ada").counts["messages"] == 1
    assert memory.admin.retry("t", user_id="ada") == 1
    assert memory.admin.process_pending().added == 1
    assert memory.admin.dead_letters(user_id="ada") == []


def test_a_turn_that_the_model_cannot_digest_delays_no_other(opened: Callable[..., PersistMem], database: str) -> None:
    def poisoned(messages: Any) -> Any:
        shown = messages[1][1]
        if "POISON" in shown:
            return CutError()
        turns = turns_in(shown)
        return answer(entry(f"{turns[0].text}, which is one of {len(turns)} turns.", 1))

    memory = opened(*[poisoned] * 50, max_attempts=2)
    turns = [("user", text) for text in ("I live in Oslo", "POISON", "I have a cat", "I like tea")]
    memory.observe(turns, thread_id="t", background=True, user_id="ada")
    worked = memory.admin.process_pending()
    assert (worked.added, worked.postponed) == (2, 1)
    due_now(database)
    assert memory.admin.process_pending().dead_letters == 1
    memory.observe([("user", "I moved to Rome")], thread_id="t", background=True, user_id="ada")
    due_now(database)
    assert memory.admin.process_pending().postponed == 0
    assert [each.messages for each in memory.admin.dead_letters(user_id="ada")] == [1]


def test_the_hot_path_counts_its_failures_as_well(opened: Callable[..., PersistMem], database: str) -> None:
    memory = opened(ConnectionError(), answer(entry("The user lives in Oslo.", 1)))
    with pytest.raises(ExtractionError):
        memory.observe([("user", "I live in Oslo")], thread_id="t", user_id="ada")
    with psycopg.connect(database) as connection:
        assert connection.execute("SELECT attempts, lease FROM persistmem.pending_work").fetchall() == [(1, None)]
    due_now(database)
    assert memory.admin.process_pending().added == 1


def test_a_daily_cap_holds_and_the_turns_wait_for_tomorrow(opened: Callable[..., PersistMem], database: str) -> None:
    memory = opened(*[answer(entry("The user lives in Oslo.", 1))] * 3, model_calls_per_day=1)
    assert memory.observe([("user", "I live in Oslo")], thread_id="a", user_id="ada").added == 1
    observed = memory.observe([("user", "I live in Oslo")], thread_id="b", user_id="ada")
    assert (observed.added, observed.pending) == (0, 1)
    assert memory.observe([("user", "I live in Oslo")], thread_id="c", user_id="bob").added == 1
    assert memory.admin.process_pending().threads == 0
    due_now(database)
    assert memory.admin.process_pending().postponed == 1
    with psycopg.connect(database) as connection:
        connection.execute("UPDATE persistmem.model_calls SET day = day - 1")
    due_now(database)
    assert memory.admin.process_pending().reinforced == 1


def test_the_failure_of_one_thread_delays_no_other(opened: Callable[..., PersistMem]) -> None:
    memory = opened(ConnectionError(), answer(entry("The user has a cat.", 1)))
    memory.observe([("user", "I live in Oslo")], thread_id="a", background=True, user_id="ada")
    memory.observe([("user", "I have a cat")], thread_id="b", background=True, user_id="bob")
    worked = memory.admin.process_pending()
    assert (worked.threads, worked.added, worked.postponed) == (2, 1, 1)


def test_work_of_an_erased_user_is_gone_even_when_the_model_is_asked_already(
    opened: Callable[..., PersistMem], database: str
) -> None:
    def erased_meanwhile(_: Any) -> Any:
        memory.forget(everything=True, user_id="ada")
        return answer(entry("The user lives in Oslo.", 1))

    memory = opened(erased_meanwhile)
    memory.observe([("user", "I live in Oslo")], thread_id="t", background=True, user_id="ada")
    assert memory.admin.process_pending().added == 0
    assert memory.admin.status().counts == {"namespaces": 0, "memories": 0, "messages": 0}
    assert pending(database) == 0


def test_the_worker_of_an_open_memory_learns_by_itself(database: str, embeddings: LocalEmbeddings) -> None:
    model = Scripted(answers=iter([answer(entry("The user lives in Oslo.", 1))]))
    settings = Settings(quiet_seconds=0.0)
    with PersistMem.open(database, embeddings=embeddings, model=model, settings=settings) as memory:
        memory.observe([("user", "I live in Oslo")], thread_id="t", background=True, user_id="ada")
        while not memory.list(user_id="ada"):
            time.sleep(0.02)


async def test_so_does_the_one_of_an_asyncio_memory(database: str, embeddings: LocalEmbeddings) -> None:
    model = Scripted(answers=iter([answer(entry("The user lives in Oslo.", 1))]))
    settings = Settings(quiet_seconds=0.0)
    async with PersistMem.aopen(database, embeddings=embeddings, model=model, settings=settings) as memory:
        await memory.aobserve([("user", "I live in Oslo")], thread_id="t", background=True, user_id="ada")
        while not await memory.alist(user_id="ada"):  # noqa: ASYNC110 - what is waited for is in the database
            await asyncio.sleep(0.02)


def _work(database: str, may_ask: Any, progress: Any) -> None:
    """A process that learns until it is killed, and asks its model as often as it may."""

    def learn(messages: Any) -> Any:
        may_ask.acquire()
        progress.release()
        time.sleep(0.03)
        number = messages[1][1].split("thread-")[1].split(" ")[0]
        return answer(entry(f"The user said number {number} of all.", 1))

    embeddings, model = LocalEmbeddings(), Scripted(answers=iter(lambda: learn, None))
    settings = Settings(quiet_seconds=0.0, worker=False, lease_seconds=0.3, pool_max=2)
    with PersistMem.open(database, embeddings=embeddings, model=model, settings=settings) as memory:
        while True:
            if not memory.admin.process_pending(limit=5).threads:
                time.sleep(0.02)


@pytest.mark.ci
def test_workers_that_are_killed_at_any_moment_lose_nothing_and_double_nothing(
    opened: Callable[..., PersistMem], database: str
) -> None:
    memory = opened()
    for number in range(30):
        turns = [("user", f"I say thread-{number} here")]
        memory.observe(turns, thread_id=f"t{number}", background=True, user_id="ada")
    context = forkserver()
    kills, moments = 0, random.Random(7)
    while pending(database):
        # However late this process is: a third of the turns at most, so that there are three rounds.
        may_ask, progress = context.Semaphore(10), context.Semaphore(0)
        workers = [context.Process(target=_work, args=(database, may_ask, progress), daemon=True) for _ in range(2)]
        for worker in workers:
            worker.start()
        for _ in range(6):  # models that were asked, by either of the two
            while not progress.acquire(timeout=0.2) and pending(database):
                pass
        time.sleep(moments.uniform(0.0, 0.06))
        for worker in workers:
            os.kill(worker.pid or 0, signal.SIGKILL)
            worker.join()
            kills += 1
    assert kills >= 6
    kept = memory.list(limit=1000, user_id="ada")
    assert sorted(str(each.text) for each in kept) == sorted(
        f"The user said number {number} of all." for number in range(30)
    )
    assert all(each.confirmations == 0 for each in kept)
