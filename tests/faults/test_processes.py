"""F8 and F9: set-up that is interrupted at every statement, and processes that end with work left."""

import subprocess
import sys
import time
from collections.abc import Callable, Iterator

import psycopg
import pytest

from langchain_persistmem import LocalEmbeddings, PersistMem, PersistMemError, SchemaOutOfDateError, Settings
from tests.faults.calls import Calls
from tests.faults.cluster import Cluster
from tests.faults.conftest import Place
from tests.support.pace import Pace

pytestmark = [pytest.mark.ci, pytest.mark.slow]

QUIET = Settings(worker=False, connect_seconds=5.0)


@pytest.fixture
def place(cluster: Cluster) -> Iterator[Place]:
    """An empty database."""
    name = cluster.database()
    yield Place(cluster, name)
    cluster.drop(name)


@pytest.mark.timeout(900)
@pytest.mark.parametrize("step", [7, pytest.param(1, marks=pytest.mark.long_faults)])
def test_setup_interrupted_at_any_exchange_is_completed_by_the_next(
    place: Place, embeddings: LocalEmbeddings, calls: Calls, step: int, figure: Callable[..., None]
) -> None:
    """F8: the backend is ended before the N-th exchange; setup() succeeds by itself or the next one completes it."""
    number, trials, seen = 1, 0, 0
    while True:
        with psycopg.connect(place.admin_dsn, autocommit=True) as admin:
            admin.execute("DROP SCHEMA IF EXISTS persistmem CASCADE")
            admin.execute(
                "DROP TABLE IF EXISTS checkpoints, checkpoint_blobs, checkpoint_writes, checkpoint_migrations"
            )
        with PersistMem.open(place.admin_dsn, embeddings=embeddings, settings=QUIET) as memory:
            with calls.spoil(number, "ended"):
                try:
                    memory.setup()
                except PersistMemError:
                    seen += 1
            memory.setup()
            memory.remember("I live in Oslo", user_id="ada")
        if not calls.met:
            break
        trials += 1
        number += step
    figure(
        "F8 setup() interrupted at the N-th exchange",
        f"{trials} interruptions",
        "a re-run completes",
        f"all completed; {trials - seen} without that the caller saw anything",
    )


_SETUP = """
import sys
from langchain_persistmem import LocalEmbeddings, PersistMem
with PersistMem.open(sys.argv[1], embeddings=LocalEmbeddings()) as memory:
    memory.setup()
    memory.remember("I live in Oslo", user_id=sys.argv[2])
"""


def test_setup_by_eight_processes_succeeds_for_all(place: Place, figure: Callable[..., None]) -> None:
    """F8; and a database that is newer than the code is refused."""
    processes = [subprocess.Popen([sys.executable, "-c", _SETUP, place.admin_dsn, f"u{number}"]) for number in range(8)]
    try:
        assert [process.wait() for process in processes] == [0] * 8
    finally:
        for process in processes:
            process.kill()
            process.wait()
    with psycopg.connect(place.admin_dsn, autocommit=True) as admin:
        admin.execute("INSERT INTO persistmem.migrations VALUES ('9999_later.sql', 'x', now())")
    with (
        PersistMem.open(place.admin_dsn, embeddings=LocalEmbeddings(), settings=QUIET) as memory,
        pytest.raises(SchemaOutOfDateError),
    ):
        memory.setup()
    figure("F8 setup() by 8 processes at once", "8", "8 of 8 succeed; a newer database is refused", "8 of 8; refused")


_EXIT = """
import sys, time
from langchain_persistmem import LocalEmbeddings, PersistMem, Settings
sys.path.insert(0, sys.argv[2])
from tests.support.scripted import Scripted
def slow(_):
    time.sleep(60)
memory = PersistMem.open(sys.argv[1], embeddings=LocalEmbeddings(), model=Scripted(answers=iter([slow] * 9)),
                         settings=Settings(quiet_seconds=0.0))
memory.setup()
memory.observe([("user", "I live in Oslo")], thread_id="t", background=True, user_id="ada")
time.sleep(1)
print("closing", flush=True)
memory.close()
"""


def test_a_process_with_pending_work_ends_within_five_seconds(place: Place, figure: Callable[..., None]) -> None:
    """F9: the model hangs; the work is given back, and waits for the next worker."""
    pace = Pace()
    arguments = [sys.executable, "-c", _EXIT, place.admin_dsn, "."]
    with subprocess.Popen(arguments, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "closing\n"
        begun = time.monotonic()
        assert process.wait(250) == 0
        taken = time.monotonic() - begun
    assert taken < pace.allows(5)
    with psycopg.connect(place.admin_dsn) as connection:
        assert connection.execute("SELECT lease FROM persistmem.pending_work").fetchall() == [(None,)]
    figure(
        "F9 a process ends while the model hangs", "1", "at most 5 s, the work waits", f"{taken:.1f} s, the work waits"
    )
