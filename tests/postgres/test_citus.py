"""On a cluster of Citus everything answers as on one server: the entry points of the tests, run on both.

``PERSISTMEM_TEST_CITUS_DSN`` names a database on the coordinator, with the extensions citus and vector on every node and with
workers registered. Everything of ours in it is dropped. Without it these tests are skipped: no CI of ours has a cluster.
"""

import os
import re
from collections.abc import AsyncGenerator, Iterator, Sequence
from contextlib import asynccontextmanager
from typing import Any

import psycopg
import pytest

from langchain_persistmem import LocalEmbeddings, PersistMem, PersistMemError, Settings
from langchain_persistmem.operations import distribution
from langchain_persistmem.types.namespace import encode
from tests.conftest import Either
from tests.support.entry_points import COUNTING, READING, WRITING, EntryPoint, filled, give_up, space

DSN = os.environ.get("PERSISTMEM_TEST_CITUS_DSN")
pytestmark = pytest.mark.skipif(DSN is None, reason="PERSISTMEM_TEST_CITUS_DSN names no cluster")

ENTRY_POINTS: dict[str, EntryPoint] = {**READING, **COUNTING, **WRITING}
COLOURS = ("sync", "async")
SETTINGS = Settings(pool_min=1, worker=False, row_level_security=True)


def user_of(entry_point: str, colour: str) -> str:
    return re.sub(r"\W+", "-", f"{colour}-{entry_point}")


@pytest.fixture(scope="module")
def cluster(embeddings: LocalEmbeddings) -> str:
    """The coordinator's connection string, after setup() and distribute."""
    assert DSN is not None
    with psycopg.connect(DSN, autocommit=True) as admin:
        admin.execute("DROP SCHEMA IF EXISTS persistmem CASCADE")
        admin.execute(
            "DROP TABLE IF EXISTS checkpoints, checkpoint_blobs, checkpoint_writes, checkpoint_migrations CASCADE"
        )
    with PersistMem.open(DSN, embeddings=embeddings, settings=Settings(worker=False)) as memory:
        memory.setup()
        memory.backend.run(distribution.distribute, shards=8)
    return DSN


@pytest.fixture(scope="module")
def both(cluster: str, server: str, template: str, embeddings: LocalEmbeddings) -> Iterator[Sequence[str]]:
    """One server and the cluster."""
    from psycopg import conninfo

    from tests.support.session import create_database, drop_database

    name = create_database(server, template)
    places = (conninfo.make_conninfo(server, dbname=name), cluster)
    yield places
    drop_database(server, name)


@asynccontextmanager
async def opened(place: str, colour: str, embeddings: LocalEmbeddings) -> AsyncGenerator[Either]:
    if colour == "async":
        async with PersistMem.aopen(place, embeddings=embeddings, settings=SETTINGS) as memory:
            yield Either(memory, asynchronous=True)
    else:
        with PersistMem.open(place, embeddings=embeddings, settings=SETTINGS) as memory:
            yield Either(memory, asynchronous=False)


_CHANCE = (
    (re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}"), "<id>"),
    (re.compile(r"datetime\.datetime\([^()]*(?:\([^()]*\)[^()]*)*\)"), "<time>"),
    (re.compile(r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(?:\.\d+)?(?:\+00:00|Z)?"), "<time>"),
    (re.compile(r"0x[0-9a-f]+|[0-9a-f]{24,64}|\[[0-9a-f]{8}\]|lc_run--<id>|/tmp/[^\s'\"]+"), "<chance>"),
    (re.compile(r"(\d\.\d{4})\d*"), r"\1"),
    (re.compile(r"'work_queue': \d+"), "<queue>"),  # on one server it stays empty
)


def without_chance(answer: object) -> str:
    """The answer as text, without ids, moments and the last digits of scores."""
    text = repr(answer)
    for pattern, name in _CHANCE:
        text = pattern.sub(name, text)
    return text


def rows_of(place: str, user: str) -> dict[str, Any]:
    """What the tables hold of one user, without ids and moments."""
    with psycopg.connect(place) as admin:
        admin.execute("SELECT set_config('persistmem.all_namespaces', 'on', true)")
        key = encode(space(user))
        tables = [
            row[0]
            for row in admin.execute(
                "SELECT table_name::text FROM information_schema.columns WHERE table_schema = 'persistmem' "
                "AND column_name = 'namespace' AND table_name <> 'work_queue' ORDER BY 1"
            )
        ]
        counts = {
            name: admin.execute(
                f"SELECT count(*) FROM persistmem.{name} WHERE namespace = %s".encode(), [key]
            ).fetchone()
            for name in tables
        }
        memories = admin.execute(
            "SELECT kind, status, text, source, pinned, is_turn, listed, confirmations, round(confidence::numeric, 3) "
            "FROM persistmem.memories WHERE namespace = %s ORDER BY text, status, kind, source, confirmations",
            [key],
        ).fetchall()
        sums = admin.execute(
            "SELECT documents, terms, consent, audit_length FROM persistmem.namespaces WHERE namespace = %s", [key]
        ).fetchone()
    return {"counts": counts, "memories": memories, "sums": sums}


@pytest.mark.parametrize("colour", COLOURS)
@pytest.mark.parametrize("entry_point", sorted(ENTRY_POINTS))
async def test_every_entry_point_answers_on_a_cluster_as_on_one_server(
    entry_point: str, colour: str, both: Sequence[str], embeddings: LocalEmbeddings
) -> None:
    user = user_of(entry_point, colour)
    answers: list[str] = []
    for place in both:
        with PersistMem.open(place, embeddings=embeddings, settings=SETTINGS) as memory:
            filled(memory, [user])
        give_up(place, [user] if "dead" in entry_point or "retry" in entry_point else [])
        async with opened(place, colour, embeddings) as either:
            try:
                answers.append(without_chance(await ENTRY_POINTS[entry_point](either, user)))
            except PersistMemError as error:
                answers.append(f"{type(error).__name__}: {error}: {error.__cause__}")
    one_server, cluster = answers
    assert cluster == one_server
    assert rows_of(both[1], user) == rows_of(both[0], user)
