"""The queue of work, as it serves where tables are distributed; one server keeps it as well, if it is told to."""

from collections.abc import Iterator

import psycopg
import pytest
from langchain_core.messages import HumanMessage

from langchain_persistmem import LocalEmbeddings, PersistMem, Settings
from langchain_persistmem.postgres.queries import namespaces_with_work
from langchain_persistmem.postgres.transaction import Transaction
from langchain_persistmem.types.namespace import EVERYWHERE


@pytest.fixture
def queued(monkeypatch: pytest.MonkeyPatch, database: str, embeddings: LocalEmbeddings) -> Iterator[PersistMem]:
    """Memory that takes the database for one with Citus."""
    monkeypatch.setattr(Transaction, "has_citus", True)
    settings = Settings(worker=False, quiet_seconds=0.0, row_level_security=True)
    with PersistMem.open(database, embeddings=embeddings, settings=settings) as memory:
        yield memory
    with psycopg.connect(database, autocommit=True) as admin:
        admin.execute("DELETE FROM persistmem.work_queue")


def rows(database: str) -> list[tuple[str, str]]:
    with psycopg.connect(database) as connection:
        return connection.execute("SELECT namespace, task FROM persistmem.work_queue ORDER BY 1, 2").fetchall()


def test_a_worker_finds_its_work_through_the_queue_and_clears_what_is_done(queued: PersistMem, database: str) -> None:
    for user in ("ada", "bob"):
        queued.observe([HumanMessage("I like tea", id="m")], thread_id="t", background=True, user_id=user)
    assert rows(database) == [("memories/ada", "learn"), ("memories/bob", "learn")]
    assert queued.admin.process_pending(limit=10).threads == 2
    # It is looked at once more when the lease would have run out, should the worker have been killed.
    with psycopg.connect(database, autocommit=True) as admin:
        admin.execute("UPDATE persistmem.work_queue SET due_at = now()")
    assert queued.admin.process_pending(limit=10).threads == 0
    assert rows(database) == []


def test_upkeep_puts_back_what_is_not_in_the_queue(queued: PersistMem, database: str) -> None:
    queued.observe([HumanMessage("I like tea", id="m")], thread_id="t", background=True, user_id="ada")
    with psycopg.connect(database, autocommit=True) as admin:
        admin.execute("DELETE FROM persistmem.work_queue")
    assert queued.admin.process_pending(limit=10).threads == 0
    queued.admin.maintain()
    assert queued.admin.process_pending(limit=10).threads == 1


def test_who_found_nothing_removes_no_work_that_came_meanwhile(queued: PersistMem, database: str) -> None:
    async def flow(backend: object) -> None:
        async with queued.backend.transaction(EVERYWHERE) as tx:
            namespaces_with_work.queue_work(tx, ("memories", "ada"), "learn")

            async def claim(namespace: tuple[str, ...]) -> None:
                namespaces_with_work.queue_work(tx, namespace, "learn")  # as another process would, between two looks

            async def next_due(namespace: tuple[str, ...]) -> None:
                return None

            await namespaces_with_work.claim_from_queue(tx, "learn", claim, next_due)

    queued.backend.run(flow)
    assert rows(database) == [("memories/ada", "learn")]


def test_an_erased_person_is_in_no_queue(queued: PersistMem, database: str) -> None:
    queued.observe([HumanMessage("I like tea", id="m")], thread_id="t", background=True, user_id="ada")
    assert queued.forget(everything=True, user_id="ada").counts["work_queue"] == 1
    assert rows(database) == []


def test_one_server_keeps_no_queue(database: str, embeddings: LocalEmbeddings) -> None:
    with PersistMem.open(database, embeddings=embeddings, settings=Settings(worker=False)) as memory:
        memory.observe([HumanMessage("I like tea", id="m")], thread_id="t", background=True, user_id="ada")
    assert rows(database) == []
