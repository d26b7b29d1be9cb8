"""Real parts for every test: a PostgreSQL server with pgvector, and a local embedding model."""

import tests.support.bytecode  # noqa: F401 - first: what is imported from here on is compiled once

# isort: split

import gc
import signal
from collections.abc import AsyncIterator, Awaitable, Callable, Generator, Iterator
from contextlib import AsyncExitStack
from typing import Any

import psycopg
import pytest
from hypothesis import HealthCheck
from hypothesis import settings as hypothesis_settings
from langchain_core.embeddings import Embeddings
from psycopg import conninfo

from langchain_persistmem import LocalEmbeddings, PersistMem, Settings, arun_command, run_command
from langchain_persistmem.client.group import Group
from langchain_persistmem.integrations.memory_permission import amay_recall, may_recall
from tests.support.kept_sessions import KeptSessions
from tests.support.scripted import Scripted
from tests.support.session import (
    Scheduler,
    SharedDatabase,
    Templates,
    arrange,
    default_marks,
    is_worker,
    named_files,
    session_of,
    worker_count,
)
from tests.support.session import create_database as _create
from tests.support.session import drop_database as _drop
from tests.support.shared_model import share_model

# How long an example takes says something about the machine, not about what is tested.
hypothesis_settings.register_profile("untimed", deadline=None, suppress_health_check=[HealthCheck.too_slow])
hypothesis_settings.load_profile("untimed")


SLOW_SECONDS = 900
"""After so many a test that is marked slow hangs; pyproject.toml has the others' limit."""


def pytest_xdist_auto_num_workers(config: pytest.Config) -> int:
    """As many workers as the command line's files are worth."""
    return worker_count(config)


def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Scheduler | None:
    """Ours, unless the command line names another."""
    return Scheduler(config, log) if config.getvalue("dist") == "loadscope" else None


def pytest_configure_node(node: Any) -> None:
    """Tell a worker where the session's folder is."""
    node.workerinput["folder"] = str(session_of(node.config).folder)


def pytest_configure(config: pytest.Config) -> None:
    """Run files that are named whatever they need, have what tests start end at Ctrl-C, and load the model once."""
    share_model(session_of(config).folder / "vectors")
    if config.option.markexpr == default_marks(config) and named_files(config):
        config.option.markexpr = "not long_faults"
    # also where a shell started pytest in the background, deaf to it
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:  # which every child would inherit
        signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.hookimpl(trylast=True)
def pytest_sessionstart(session: pytest.Session) -> None:
    """Start the server while the workers, which this process has just started, read the tests."""
    config = session.config
    if config.getvalue("dist") != "no" and not is_worker(config) and not config.option.collectonly:
        session_of(config).template()


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Put the tests in the order in which workers take them, and give the slow ones time on a busy machine too."""
    for item in items:
        if item.get_closest_marker("slow") and not item.get_closest_marker("timeout"):
            item.add_marker(pytest.mark.timeout(SLOW_SECONDS))
    if is_worker(config):
        arrange(config, items)


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Generator[None, object, object]:
    """What is imported stays: the garbage collector looks for nothing in it meanwhile, nor again after each test."""
    gc.disable()
    try:
        return (yield)
    finally:
        gc.collect()
        gc.freeze()
        gc.enable()


def pytest_terminal_summary(terminalreporter: Any, config: pytest.Config) -> None:
    """Say that tests were left out, and how to run them."""
    if config.option.markexpr == default_marks(config) and not config.option.collectonly:
        terminalreporter.write_line(
            "Left out: tests that need a browser, a pooler, a standby, a real model or a server of their own. "
            'They run in .ci/run, and with: uv run --all-groups --no-group bench pytest -m "not long_faults"'
        )


def pytest_unconfigure(config: pytest.Config) -> None:
    """Tidy up: a worker gives the server back, the process that began the run removes everything."""
    ended = session_of(config)
    if is_worker(config):
        ended.leave()
    else:
        ended.end()


@pytest.fixture(scope="session")
def embeddings() -> LocalEmbeddings:
    """The local model, loaded once."""
    return LocalEmbeddings()


@pytest.fixture(scope="session")
def server(pytestconfig: pytest.Config) -> str:
    """Connection string of a server: PERSISTMEM_TEST_DSN, or the one that all workers share."""
    return session_of(pytestconfig).server()


@pytest.fixture
def superuser(server: str) -> None:
    """For a test that breaks or moves what only a superuser may; skipped where PERSISTMEM_TEST_DSN names another role."""
    with psycopg.connect(server) as connection:
        if connection.execute("SELECT rolsuper FROM pg_roles WHERE rolname = current_user").fetchone() != (True,):
            pytest.skip("the role of PERSISTMEM_TEST_DSN is no superuser")


@pytest.fixture(scope="session")
def template(pytestconfig: pytest.Config, embeddings: LocalEmbeddings) -> str:
    """A database after setup(), to be copied: a tenth of the time of running setup() for each test."""
    return session_of(pytestconfig).template(embeddings)


@pytest.fixture
def empty_database(server: str) -> Iterator[str]:
    """Connection string of a fresh database that setup() has not seen."""
    name = _create(server)
    yield conninfo.make_conninfo(server, dbname=name)
    _drop(server, name)


@pytest.fixture(scope="session")
def templates(server: str) -> Iterator[Templates]:
    """What ``copied`` copies."""
    kept = Templates(server)
    yield kept
    kept.drop()


@pytest.fixture
def copied(server: str, templates: Templates) -> Iterator[Callable[[str, Callable[[str], object]], str]]:
    """Gives the connection string of a copy of a database, which a function fills when it is first asked for."""
    names: list[str] = []

    def copy(key: str, fill: Callable[[str], object]) -> str:
        names.append(templates.copy(key, fill))
        return conninfo.make_conninfo(server, dbname=names[-1])

    yield copy
    for name in names:
        _drop(server, name)


@pytest.fixture(scope="session")
def to_empty(server: str, template: str) -> Iterator[SharedDatabase]:
    """The database that the tests of a worker share, with what empties it between them."""
    name = _create(server, template)
    where = conninfo.make_conninfo(server, dbname=name)
    with SharedDatabase(where) as shared, KeptSessions(where):
        yield shared
    _drop(server, name)


@pytest.fixture(scope="session")
def shared_database(to_empty: SharedDatabase) -> str:
    """Connection string of the database that tests share, each finding it empty."""
    return to_empty.conninfo


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
        shared: SharedDatabase = request.getfixturevalue("to_empty")
        yield shared.conninfo
        shared.empty()


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
    for kind in (psycopg.Cursor, psycopg.AsyncCursor):
        original = kind.execute

        def execute(self: Any, query: Any, *args: Any, original: Any = original, **kwargs: Any) -> Any:
            text = query.as_string(None) if hasattr(query, "as_string") else str(query)
            # A pool may open a connection at any moment, and looks at it once.
            if not text.startswith("/* connection_facts */"):
                sent.append(text)
            return original(self, query, *args, **kwargs)

        monkeypatch.setattr(kind, "execute", execute)
    return sent
