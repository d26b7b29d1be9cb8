"""A real standby beside a real primary: what is read there, what is refused there, and a primary that dies."""

import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from typing import Any

import psycopg
import pytest
from psycopg import conninfo

from langchain_persistmem import LocalEmbeddings, PersistMem, ReplicaError, Settings, StorageUnavailableError
from tests.conftest import Either
from tests.faults.cluster import Cluster, Standby, running

pytestmark = [pytest.mark.ci, pytest.mark.slow]
QUIET: dict[str, Any] = {"worker": False, "pool_min": 1}


class Pair:
    """A primary with a database after setup(), and its standby."""

    def __init__(self, primary: Cluster, embeddings: LocalEmbeddings) -> None:
        self.primary = primary
        self.name = primary.prepared(embeddings)
        self.standby = Standby(primary)

    @property
    def written(self) -> str:
        return self.primary.dsn(self.name)

    @property
    def read(self) -> str:
        return self.standby.dsn(self.name)

    def catch_up(self) -> None:
        """Return once the standby shows what the primary has."""
        with self.primary.admin(self.name) as primary, self.standby.admin(self.name) as standby:
            (position,) = primary.execute("SELECT pg_current_wal_lsn()::text").fetchone() or ("",)
            behind = "SELECT pg_last_wal_replay_lsn() < %s::pg_lsn"
            while (standby.execute(behind, [position]).fetchone() or (True,))[0]:
                time.sleep(0.01)

    def pause(self, paused: bool) -> None:
        """Let the standby receive and not show, or go on."""
        with self.standby.admin(self.name) as standby:
            standby.execute(f"SELECT pg_wal_replay_{'pause' if paused else 'resume'}()".encode())


@pytest.fixture(scope="module")
def pair(embeddings: LocalEmbeddings) -> Iterator[Pair]:
    with running() as primary:
        pair = Pair(primary, embeddings)
        yield pair
        pair.standby.stop("immediate")


@pytest.fixture(params=["sync", "async"])
async def opened(request: pytest.FixtureRequest, pair: Pair, embeddings: LocalEmbeddings) -> Any:
    """Opens memory on the pair, in each colour in turn."""

    async def use(flow: Any, *, where: str = "", **settings: Any) -> None:
        options: dict[str, Any] = {"embeddings": embeddings, "settings": Settings(**{**QUIET, **settings})}
        if not where:
            options["replica"] = pair.read
        if request.param == "async":
            async with PersistMem.aopen(where or pair.written, **options) as memory:
                await flow(Either(memory, asynchronous=True))
        else:
            with PersistMem.open(where or pair.written, **options) as memory:
                await flow(Either(memory, asynchronous=False))

    return use


async def found(either: Either, user: str) -> list[str]:
    return [each.memory.text for each in await either.recall("What do I drink?", threshold=0, user_id=user)]


async def test_recall_reads_the_replica_and_own_writes_where_that_is_asked_for(opened: Any, pair: Pair) -> None:
    async def lagging(either: Either) -> None:
        await either.remember("I drink tea", user_id="ada")
        pair.catch_up()
        pair.pause(True)
        try:
            await either.remember("I drink coffee", user_id="ada")
            assert await found(either, "ada") == ["I drink tea"]
            assert [each.text for each in await either.list(user_id="ada")] == ["I drink tea"]
        finally:
            pair.pause(False)
        pair.catch_up()
        assert len(await found(either, "ada")) == 2
        await either.forget(everything=True, user_id="ada")

    async def own(either: Either) -> None:
        pair.pause(True)
        try:
            await either.remember("I drink milk", user_id="bob")
            assert await found(either, "bob") == ["I drink milk"]
        finally:
            pair.pause(False)
        pair.catch_up()
        assert await found(either, "bob") == ["I drink milk"]
        await either.forget(everything=True, user_id="bob")

    await opened(lagging)
    await opened(own, read_your_writes=True)


async def test_a_replica_alone_answers_reads_and_says_that_it_cannot_write(opened: Any, pair: Pair) -> None:
    async def fill(either: Either) -> None:
        await either.remember("I drink tea", user_id="cid")

    async def read_only(either: Either) -> None:
        assert await found(either, "cid") == ["I drink tea"]
        receipt = await either.forget(everything=True, dry_run=True, user_id="cid")
        assert not receipt.erased
        assert receipt.counts["memories"] == 1
        with pytest.raises(ReplicaError, match="primary"):
            await either.remember("I drink coffee", user_id="cid")

    async def audited(either: Either) -> None:
        with pytest.raises(ReplicaError):
            await either.recall("What do I drink?", user_id="cid")

    await opened(fill)
    pair.catch_up()
    await opened(read_only, where=pair.read)
    await opened(audited, where=pair.read, audit="reads", refuse_unrecorded_reads=True)


async def test_a_replica_that_is_gone_leaves_the_reads_to_the_primary(opened: Any, pair: Pair) -> None:
    async def flow(either: Either) -> None:
        await either.remember("I drink tea", user_id="dan")
        pair.catch_up()
        assert await found(either, "dan") == ["I drink tea"]
        pair.standby.stop("immediate")
        try:
            assert await found(either, "dan") == ["I drink tea"]
        finally:
            pair.standby.start()
        await either.forget(everything=True, user_id="dan")

    await opened(flow, connect_seconds=3.0)


def test_a_primary_that_is_killed_under_load_loses_nothing_that_was_acknowledged(embeddings: LocalEmbeddings) -> None:
    """A synchronous standby is promoted; every process goes on with the same connection string."""
    with running() as primary:
        pair = Pair(primary, embeddings)
        with primary.admin() as admin:
            admin.execute("ALTER SYSTEM SET synchronous_standby_names = '*'")
            admin.execute("SELECT pg_reload_conf()")
        both = conninfo.make_conninfo(
            "", host="127.0.0.1,127.0.0.1", port=f"{primary.port},{pair.standby.port}", dbname=pair.name, user="postgres",
            target_session_attrs="read-write",
        )  # fmt: skip
        written: list[str] = []
        stop = threading.Event()
        settings = Settings(**QUIET, connect_seconds=60.0)
        with PersistMem.open(both, embeddings=embeddings, settings=settings) as memory:

            def write(number: int) -> None:
                count = 0
                while not stop.is_set():
                    count += 1
                    with suppress(StorageUnavailableError):  # not acknowledged: it may be there or not
                        memory.remember(f"Fact {count}", key=f"k{count}", user_id=f"u{number}")
                        written.append(f"u{number}/k{count}")

            threads = [threading.Thread(target=write, args=(number,)) for number in range(4)]
            for thread in threads:
                thread.start()
            while len(written) < 40:
                time.sleep(0.05)
            primary.kill_all()
            before = len(written)
            pair.standby.promote()
            while len(written) < before + 40:
                time.sleep(0.05)
            stop.set()
            for thread in threads:
                thread.join()
        with psycopg.connect(pair.read) as connection:
            rows = connection.execute("SELECT namespace, key FROM persistmem.memories").fetchall()
        pair.standby.stop("immediate")
    stored = {f"{namespace.removeprefix('memories/')}/{key}" for namespace, key in rows}
    assert set(written) <= stored
