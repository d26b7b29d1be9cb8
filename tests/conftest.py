"""Real parts for every test: a PostgreSQL server with pgvector, and a local embedding model."""

import os
import shutil
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any
from uuid import uuid4

import psycopg
import pytest
from langchain_core.embeddings import Embeddings
from psycopg import conninfo, sql

from langchain_persistmem import LocalEmbeddings, PersistMem, Settings, arun_command, run_command
from langchain_persistmem.client.group import Group
from langchain_persistmem.integrations.run_options import amay_recall, may_recall
from langchain_persistmem.postgres.embedded import EmbeddedServer
from tests.scripted import Scripted


@pytest.fixture(scope="session")
def embeddings() -> LocalEmbeddings:
    """The local model, loaded once."""
    return LocalEmbeddings()


@pytest.fixture(scope="session")
def server() -> Iterator[str]:
    """Connection string of a server: PERSISTMEM_TEST_DSN, or one that is started for the session."""
    given = os.environ.get("PERSISTMEM_TEST_DSN")
    if given:
        yield given
        return
    # not below pytest's own folder: the next pytest run closes that to the server's system user
    folder = Path(tempfile.mkdtemp(prefix="persistmem-tests-"))
    started = EmbeddedServer.start(folder / "data")
    with psycopg.connect(
        started.conninfo, autocommit=True
    ) as admin:  # the data is thrown away: no need to wait for disks
        admin.execute("ALTER SYSTEM SET fsync = off")
        admin.execute("SELECT pg_reload_conf()")
    yield started.conninfo
    started.stop()
    shutil.rmtree(folder)


def _create(server: str, template: str | None = None) -> str:
    name = f"persistmem_{uuid4().hex}"
    with psycopg.connect(server, autocommit=True) as admin:
        options = sql.SQL(" TEMPLATE {}").format(sql.Identifier(template)) if template else sql.SQL("")
        admin.execute(sql.SQL("CREATE DATABASE {}{}").format(sql.Identifier(name), options))
    return name


def _drop(server: str, name: str) -> None:
    with psycopg.connect(server, autocommit=True) as admin:
        admin.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name)))


@pytest.fixture(scope="session")
def template(server: str, embeddings: LocalEmbeddings) -> Iterator[str]:
    """A database after setup(), to be copied: a tenth of the time of running setup() for each test."""
    name = _create(server)
    with PersistMem.open(conninfo.make_conninfo(server, dbname=name), embeddings=embeddings) as memory:
        memory.setup()
    yield name
    _drop(server, name)


@pytest.fixture
def empty_database(server: str) -> Iterator[str]:
    """Connection string of a fresh database that setup() has not seen."""
    name = _create(server)
    yield conninfo.make_conninfo(server, dbname=name)
    _drop(server, name)


@pytest.fixture(scope="session")
def shared_database(server: str, template: str) -> Iterator[str]:
    """Connection string of the database that tests share, each finding it empty."""
    name = _create(server, template)
    yield conninfo.make_conninfo(server, dbname=name)
    _drop(server, name)


@pytest.fixture
def database(request: pytest.FixtureRequest, server: str, template: str) -> Iterator[str]:
    """Connection string of a database after setup(), without a row.

    Emptying one takes a hundredth of the time of making one; a test that changes more than rows
    is marked ``own_database``.
    """
    if request.node.get_closest_marker("own_database"):
        name = _create(server, template)
        yield conninfo.make_conninfo(server, dbname=name)
        _drop(server, name)
    else:
        shared: str = request.getfixturevalue("shared_database")
        yield shared
        with psycopg.connect(shared, autocommit=True) as connection:
            for table in (
                "persistmem.namespaces",
                "persistmem.erasures",
                "checkpoints",
                "checkpoint_blobs",
                "checkpoint_writes",
            ):
                connection.execute(f"DELETE FROM {table}".encode())


@pytest.fixture
def memory(database: str, embeddings: LocalEmbeddings) -> Iterator[PersistMem]:
    """Memory on a fresh database, blocking."""
    with PersistMem.open(database, embeddings=embeddings, settings=Settings(pool_max=8)) as opened:
        yield opened


@pytest.fixture
async def amemory(database: str, embeddings: LocalEmbeddings) -> AsyncIterator[PersistMem]:
    """Memory on a fresh database, for asyncio."""
    async with PersistMem.aopen(database, embeddings=embeddings, settings=Settings(pool_max=8)) as opened:
        yield opened


class Either:
    """One test body for sync and async: ``await either.review.list()`` calls ``review.list`` or awaits ``review.alist``."""

    def __init__(self, memory: Any, *, asynchronous: bool) -> None:
        self.memory = memory
        self.asynchronous = asynchronous

    def __getattr__(self, name: str) -> Any:
        member = getattr(self.memory, name, None)
        if isinstance(member, Group):
            return Either(member, asynchronous=self.asynchronous)

        async def call(*args: Any, **kwargs: Any) -> Any:
            if self.asynchronous:
                return await getattr(self.memory, f"a{name}")(*args, **kwargs)
            return getattr(self.memory, name)(*args, **kwargs)

        return call

    async def command(self, *args: Any, **kwargs: Any) -> Any:
        """``run_command`` or ``arun_command`` on this memory."""
        if self.asynchronous:
            return await arun_command(self.memory, *args, **kwargs)
        return run_command(self.memory, *args, **kwargs)

    async def may_recall(self, thread_id: str | None = None, **whose: Any) -> bool:
        """The question that the retriever of a session and the tools ask before they read."""
        if self.asynchronous:
            return await amay_recall(self.memory, thread_id, namespace=self.memory.namespace_of(**whose))
        return may_recall(self.memory, thread_id, namespace=self.memory.namespace_of(**whose))


@pytest.fixture(params=["sync", "async"])
async def either(request: pytest.FixtureRequest, database: str, embeddings: LocalEmbeddings) -> AsyncIterator[Either]:
    """Memory on a fresh database, in each colour in turn."""
    if request.param == "async":
        async with PersistMem.aopen(database, embeddings=embeddings) as opened:
            yield Either(opened, asynchronous=True)
    else:
        with PersistMem.open(database, embeddings=embeddings) as opened:
            yield Either(opened, asynchronous=False)


Open = Callable[..., Awaitable[Either]]


@pytest.fixture(params=["sync", "async"])
async def either_with(
    request: pytest.FixtureRequest, database: str, embeddings: LocalEmbeddings
) -> AsyncIterator[Open]:
    """Opens memory in each colour in turn, with settings, and with a scripted model if answers are given."""
    async with AsyncExitStack() as stack:

        async def open_with(*answers: Any, settings: Settings, embeddings: Embeddings = embeddings) -> Either:
            model = Scripted(answers=iter(answers)) if answers else None
            given: dict[str, Any] = {"embeddings": embeddings, "settings": settings, "model": model}
            if request.param == "async":
                opened = await stack.enter_async_context(PersistMem.aopen(database, **given))
            else:
                opened = stack.enter_context(PersistMem.open(database, **given))
            return Either(opened, asynchronous=request.param == "async")

        yield open_with


@pytest.fixture
def opened(database: str, embeddings: LocalEmbeddings) -> Iterator[Callable[..., PersistMem]]:
    """Opens memory with a scripted model and settings, without a worker of its own: what is learnt is learnt when asked."""
    memories: list[PersistMem] = []

    def open_with(*answers: Any, with_model: bool = True, **settings: Any) -> PersistMem:
        model = Scripted(answers=iter(answers), prompts=[]) if with_model else None
        chosen = Settings(**{"worker": False, **settings})
        memories.append(PersistMem.open(database, embeddings=embeddings, model=model, settings=chosen))
        return memories[-1]

    yield open_with
    for memory in memories:
        memory.close()


@pytest.fixture
def statements(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What is sent to PostgreSQL, statement by statement."""
    sent: list[str] = []
    for kind in (psycopg.Connection, psycopg.AsyncConnection):
        original = kind.execute

        def execute(self: Any, query: Any, *args: Any, original: Any = original, **kwargs: Any) -> Any:
            sent.append(query.as_string(None) if hasattr(query, "as_string") else str(query))
            return original(self, query, *args, **kwargs)

        monkeypatch.setattr(kind, "execute", execute)
    return sent
