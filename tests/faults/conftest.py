"""One cluster for all faults, databases in which a plain role works, and the table of figures at the end."""

import os
import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psycopg
import pytest

from langchain_persistmem import LocalEmbeddings
from tests.faults.calls import Calls
from tests.faults.cluster import PLAIN, Cluster, running

HEADER = ("Fault", "How often", "Promise", "Figure")
SHARED = {
    "client/test_peer_promises.py::test_it_works_through_pgbouncer_in_transaction_mode": (
        "F6 PgBouncer in transaction mode",
        "0 errors, 0 wrong rows",
    ),
    "learning/test_work.py::test_workers_that_are_killed_at_any_moment_lose_nothing_and_double_nothing": (
        "F9 workers killed -9 at any moment",
        "0 lost, 0 doubled, 0 half-written",
    ),
    "checkpointer/test_checkpointer_writers.py::test_of_eight_processes_on_one_thread_every_acknowledged_turn_is_visible": (
        "F10 eight processes on one thread",
        "acknowledged is visible, or ConcurrentUpdateError",
    ),
    "client/test_concurrency.py::test_one_fact_remembered_by_many_at_once_is_one_memory": (
        "F11 identical facts at once",
        "one row for one fact",
    ),
    "client/test_concurrency.py::test_statements_under_one_key_at_once_leave_one_current_and_a_chain": (
        "F11 contradictory facts at once",
        "one active value, the rest in a chain",
    ),
    "learning/test_work.py::test_turns_become_dead_letters_after_the_last_attempt_of_a_failing_model": (
        "F12 a model that fails each time",
        "retried, then a dead letter with the reason; turns are never lost",
    ),
    "privacy/test_erasures.py::test_what_a_model_was_asked_during_an_erase_does_not_come_back": (
        "F15 an erase during extraction",
        "0 rows come back",
    ),
    "privacy/test_erasures.py::test_an_erase_whose_connection_is_cut_is_done_or_can_be_done_again": (
        "F15 an erase that is interrupted",
        "resumable",
    ),
    "learning/test_trust.py::test_a_model_ends_the_validity_of_a_memory_and_never_erases_it": (
        "F16 a model that asks for too much",
        "refused, capped, restorable",
    ),
    "postgres/test_schema.py::test_a_changed_embedding_model_is_refused_and_nothing_is_mixed": (
        "F17 another embedding model of the same dimension",
        "detected; search never mixes",
    ),
}
"""Promises that other tests keep: `make faults` runs them, and they have their rows in the table."""


@pytest.fixture(scope="session")
def cluster() -> Iterator[Cluster]:
    """A server that may be stopped, killed and frozen."""
    with running() as started:
        yield started


@pytest.fixture(scope="session")
def prepared(cluster: Cluster, embeddings: LocalEmbeddings) -> str:
    """The name of a database after setup(), to be copied."""
    return cluster.prepared(embeddings)


@dataclass
class Place:
    """A database of one test, as the plain role and as the administrator reach it."""

    cluster: Cluster
    name: str
    dsn: str = field(init=False)

    def __post_init__(self) -> None:
        self.dsn = self.cluster.dsn(self.name, PLAIN)

    @property
    def admin_dsn(self) -> str:
        """As a superuser, past all policies."""
        return self.cluster.dsn(self.name)


@pytest.fixture
def place(cluster: Cluster, prepared: str) -> Iterator[Place]:
    """A fresh database after setup()."""
    name = cluster.database(prepared)
    yield Place(cluster, name)
    cluster.drop(name)


@pytest.fixture
def seed() -> int:
    """PERSISTMEM_FAULT_SEED, or a new one; printed, so that a failure can be had again."""
    chosen = int(os.environ.get("PERSISTMEM_FAULT_SEED") or random.randrange(10**6))
    print("seed", chosen)
    return chosen


@pytest.fixture
def figure(record_property: Callable[[str, object], None]) -> Callable[[str, str, str, str], None]:
    """Notes a row of the table: fault, trials, promise, what was measured."""

    def note(fault: str, trials: str, promise: str, measured: str) -> None:
        record_property("fault", (fault, trials, promise, measured))

    return note


@pytest.fixture
def calls(place: Place, monkeypatch: pytest.MonkeyPatch) -> Iterator[Calls]:
    """Every exchange of every connection goes through here."""
    with psycopg.connect(place.admin_dsn, autocommit=True) as admin:
        counted = Calls(admin)
        wait, awaited = psycopg.Connection.wait, psycopg.AsyncConnection.wait

        def spoilt(self: Any, *args: Any, **kwargs: Any) -> Any:
            fault = counted.due(self)
            answer = wait(self, *args, **kwargs)
            if fault == "unanswered":
                self.pgconn.finish()
                raise psycopg.OperationalError("server closed the connection unexpectedly")
            return answer

        async def aspoilt(self: Any, *args: Any, **kwargs: Any) -> Any:
            fault = counted.due(self)
            answer = await awaited(self, *args, **kwargs)
            if fault == "unanswered":
                self.pgconn.finish()
                raise psycopg.OperationalError("server closed the connection unexpectedly")
            return answer

        monkeypatch.setattr(psycopg.Connection, "wait", spoilt)
        monkeypatch.setattr(psycopg.AsyncConnection, "wait", aspoilt)
        yield counted


Row = tuple[str, str, str, str]


def table(rows: dict[str, Row]) -> str:
    """All rows, in the order of the faults, as Markdown."""

    def number(fault: str) -> tuple[int, str]:
        return int("".join(each for each in fault.split(maxsplit=1)[0] if each.isdigit()) or 0), fault

    lines = ["| " + " | ".join(HEADER) + " |", "|" + "---|" * len(HEADER)]
    lines += ["| " + " | ".join(rows[fault]) + " |" for fault in sorted(rows, key=number)]
    return "\n".join(lines) + "\n"


def _rows(reports: "dict[str, list[Any]]") -> dict[str, Row]:
    """The rows that tests noted, and those for the tests of other files, by what became of them."""
    rows: dict[str, Row] = {}
    for report in reports.get("passed", []):
        rows |= {row[0]: tuple(row) for name, row in report.user_properties if name == "fault"}
    outcomes: dict[str, list[str]] = {}
    for outcome in ("passed", "failed", "error", "skipped"):
        for report in reports.get(outcome, []):
            name = report.nodeid.removeprefix("tests/").split("[")[0]
            if name in SHARED:
                outcomes.setdefault(name, []).append(outcome)
    for name, found in outcomes.items():
        fault, promise = SHARED[name]
        said = ", ".join(f"{found.count(each)} {each}" for each in dict.fromkeys(found))
        rows[fault] = (fault, f"`{name}`", promise, said)
    return rows


def pytest_terminal_summary(terminalreporter: Any) -> None:
    """Print the table; write it where PERSISTMEM_FAULTS_TABLE says."""
    rows = _rows(terminalreporter.stats)
    if rows:
        terminalreporter.section("faults")
        terminalreporter.write(table(rows))
        path = os.environ.get("PERSISTMEM_FAULTS_TABLE")
        if path:
            Path(path).write_text(table(rows))
