"""One run of the tests, in one process or in several: its folder, its server, and which tests go to which worker.

All workers use one server, and each has databases of its own on it. Whoever needs the server first starts it, or the
template, under a lock; the process that began the run tidies up when all workers have ended.
"""

import json
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Self
from uuid import uuid4

import fasteners
import psutil
import psycopg
import pytest
from psycopg import conninfo, sql
from xdist.scheduler import LoadScopeScheduling

from langchain_persistmem import LocalEmbeddings, PersistMem
from langchain_persistmem.postgres.connections.embedded import EmbeddedServer

WORKERS_PER_CORE = 2
"""One test alone takes two thirds of a core: it waits for the server, for another process, for the clock."""
WORKER_BYTES = 1_000_000_000
"""Memory of a worker with the local model and its connections."""
FEW_FILES = 3
"""So few test files run in one process: starting more takes longer than they do."""

_MEMORY = Path("/dev/shm")
"""Files that are kept in memory, where a system has such a folder."""
_MEMORY_BYTES = 4_000_000_000
"""Free memory from which on the data lie there: a database is some 400 files, and making them takes a disk's file system
five times as long. A run of all tests fills a tenth of it."""
_FOLDER = "persistmem-tests-"

_SERVER_OPTIONS = {
    # The data is thrown away: no need to wait for disks. Not synchronous_commit: without it VACUUM leaves new rows unsettled.
    "fsync": "off",
    "full_page_writes": "off",
    "max_connections": "600",
    "max_wal_size": "4GB",
    "autovacuum_naptime": "1d",  # it would hold snapshots in databases that a test looks at, and takes a core for them all
}


class Session:
    """What all processes of one run share, as one of them sees it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._started: EmbeddedServer | None = None

    @contextmanager
    def alone(self, name: str) -> Iterator[Path]:
        """One process at a time; yields a file to note in what was done."""
        with fasteners.InterProcessLock(self.folder / f"{name}.lock"):
            yield self.folder / name

    def server(self) -> str:
        """The connection string of PERSISTMEM_TEST_DSN, or of the server that this run starts."""
        own = os.environ.get("PERSISTMEM_TEST_DSN")
        if own:
            return own
        if self._started is None:
            with self.alone("server") as note:
                self._started = EmbeddedServer.start(self.folder / "data")
                if not note.exists():
                    self._configure(self._started)
                    note.touch()
        return self._started.conninfo

    def _configure(self, started: EmbeddedServer) -> None:
        with psycopg.connect(started.conninfo, autocommit=True) as admin:
            for name, value in _SERVER_OPTIONS.items():
                admin.execute(sql.SQL("ALTER SYSTEM SET {} = {}").format(sql.Identifier(name), sql.Literal(value)))
        started.stop()
        self._started = EmbeddedServer.start(self.folder / "data")  # with room for more connections

    def template(self, embeddings: LocalEmbeddings | None = None) -> str:
        """The name of a database after setup(), to be copied: a tenth of the time of running setup() for each test."""
        server = self.server()
        with self.alone("template") as note:
            if not note.exists():
                name = create_database(server)
                where = conninfo.make_conninfo(server, dbname=name)
                with PersistMem.open(where, embeddings=embeddings or LocalEmbeddings()) as memory:
                    memory.setup()
                note.write_text(name)
            return note.read_text()

    def leave(self) -> None:
        """Give the server back; the last process stops it."""
        if self._started is not None:
            self._started.stop()
            self._started = None

    def end(self) -> None:
        """Remove everything, after all other processes."""
        note = self.folder / "template"
        own = os.environ.get("PERSISTMEM_TEST_DSN")
        if own and note.exists():
            drop_database(own, note.read_text())
        self.leave()
        shutil.rmtree(self.folder, ignore_errors=True)


def create_database(server: str, template: str | None = None) -> str:
    """Create a database, empty or as a copy; returns its name."""
    name = f"persistmem_{uuid4().hex}"
    with psycopg.connect(server, autocommit=True) as admin:
        # In one step for each file rather than page by page through the write-ahead log.
        options = sql.SQL(" TEMPLATE {} STRATEGY FILE_COPY").format(sql.Identifier(template or "template1"))
        admin.execute(sql.SQL("CREATE DATABASE {}{}").format(sql.Identifier(name), options))
    return name


def drop_database(server: str, name: str) -> None:
    """Drop a database with all its connections."""
    with psycopg.connect(server, autocommit=True) as admin:
        admin.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name)))


class Templates:
    """Databases that are filled once in a process, to be copied: copying one takes a tenth of the time of filling it."""

    def __init__(self, server: str) -> None:
        self._server = server
        self._names: dict[str, str] = {}

    def copy(self, key: str, fill: Callable[[str], object]) -> str:
        """The name of a new copy of the database ``key``, which ``fill`` fills, given its connection string."""
        if key not in self._names:
            name = create_database(self._server)
            fill(conninfo.make_conninfo(self._server, dbname=name))
            self._names[key] = name
        return create_database(self._server, self._names[key])

    def drop(self) -> None:
        """Drop the originals."""
        for name in self._names.values():
            drop_database(self._server, name)


class SharedDatabase:
    """The database that the tests of one process share, and a connection that empties it.

    It is kept: a new one has to read about every table first, which takes ten times as long as to empty them.
    """

    _EMPTY = (
        "WITH vectors AS (DELETE FROM persistmem.vectors), terms AS (DELETE FROM persistmem.terms), "
        "uses AS (DELETE FROM persistmem.uses), changes AS (DELETE FROM persistmem.changes), "
        "links AS (DELETE FROM persistmem.memory_turns), "
        "erasures AS (DELETE FROM persistmem.erasures), queue AS (DELETE FROM persistmem.work_queue), "
        "checkpoints AS (DELETE FROM checkpoints), blobs AS (DELETE FROM checkpoint_blobs), "
        "writes AS (DELETE FROM checkpoint_writes) DELETE FROM persistmem.namespaces"
    )

    def __init__(self, conninfo: str) -> None:
        self.conninfo = conninfo
        self._connection: psycopg.Connection[Any] | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        if self._connection is not None:
            self._connection.close()

    def empty(self) -> None:
        """Remove every row that a test may have left; a test may also have ended the connection."""
        try:
            self._delete()
        except psycopg.OperationalError:
            self._connection = None
            self._delete()

    def _delete(self) -> None:
        if self._connection is None or self._connection.closed:
            self._connection = psycopg.connect(self.conninfo, autocommit=True, application_name="emptying")
        self._connection.execute(self._EMPTY, prepare=True)


_SESSION = pytest.StashKey[Session]()


def session_of(config: pytest.Config) -> Session:
    """The session of this process, begun by it or by the process that started it."""
    if _SESSION not in config.stash:
        begun: dict[str, str] = getattr(config, "workerinput", {})
        # not below pytest's own folder: the next pytest run closes that to the server's system user
        config.stash[_SESSION] = Session(Path(begun.get("folder") or _make_folder()))
    return config.stash[_SESSION]


def _make_folder() -> str:
    """A new folder for a run, in memory if there is room; what killed runs have left there is removed."""
    if not _MEMORY.is_dir() or min(shutil.disk_usage(_MEMORY).free, psutil.virtual_memory().available) < _MEMORY_BYTES:
        return tempfile.mkdtemp(prefix=_FOLDER)
    for left in _MEMORY.glob(f"{_FOLDER}*"):
        if not psutil.pid_exists(int(left.name.removeprefix(_FOLDER).split("-")[0])):
            shutil.rmtree(left, ignore_errors=True)  # a server that still runs there sees it, and ends
    return tempfile.mkdtemp(prefix=f"{_FOLDER}{os.getpid()}-", dir=_MEMORY)


def named_files(config: pytest.Config) -> set[str]:
    """The test files of the command line; none if it names a folder, or nothing."""
    files = {argument.split("::")[0] for argument in config.args}
    return files if all(Path(file).is_file() for file in files) else set()


def worker_count(config: pytest.Config) -> int:
    """How many workers pay: none for a few files, else some for each core, as far as memory goes."""
    if 0 < len(named_files(config)) <= FEW_FILES:
        return 0
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return max(1, min(WORKERS_PER_CORE * cores, psutil.virtual_memory().available // WORKER_BYTES))


def default_marks(config: pytest.Config) -> str:
    """What ``-m`` says unless the command line has its own: the value in pyproject.toml."""
    options: list[str] = config.getini("addopts")
    return options[options.index("-m") + 1]


def group_of(item: pytest.Item) -> str | None:
    """The name of the tests that have to run on one worker: those that share what a file, or a folder, sets up once."""
    fixtures: dict[str, Any] = getattr(item, "_fixtureinfo").name2fixturedefs  # noqa: B009
    shared = sorted(
        name
        for name, found in fixtures.items()
        if found[-1].scope != "function" and found[-1].baseid.startswith("tests/")
    )
    if not shared:
        return None
    variants: dict[str, object] = getattr(getattr(item, "callspec", None), "indices", {})
    return "::".join([item.nodeid.split("::")[0], *(f"{name}={variants[name]}" for name in shared if name in variants)])


def arrange(config: pytest.Config, items: list[pytest.Item]) -> None:
    """For workers: those that take long first, those of one group together; and note the groups for the scheduler."""
    groups = {item.nodeid: group_of(item) or item.nodeid for item in items}
    slow = {groups[item.nodeid] for item in items if item.get_closest_marker("slow")}
    items.sort(key=lambda item: groups[item.nodeid] not in slow)
    if config.workerinput["workerid"] == "gw0":  # type: ignore[attr-defined]
        (session_of(config).folder / "groups.json").write_text(json.dumps(groups))


class Scheduler(LoadScopeScheduling):
    """Hands out one test after the other, and the tests of a group to one worker."""

    def __init__(self, config: pytest.Config, log: Any) -> None:
        super().__init__(config, log)
        self._groups: dict[str, str] = {}
        config.option.loadscopereorder = False

    def schedule(self) -> None:
        """Read the groups, which the first worker has noted, and start."""
        noted = session_of(self.config).folder / "groups.json"
        if not self._groups and noted.exists():
            self._groups = json.loads(noted.read_text())
        super().schedule()

    def mark_test_complete(self, node: Any, item_index: int, duration: float = 0) -> None:
        """Note that a test has ended, and forget its group with the last one: the rest is counted after each test."""
        group = self._split_scope(self.registered_collections[node][item_index])
        super().mark_test_complete(node, item_index, duration)
        if all(self.assigned_work[node][group].values()):
            del self.assigned_work[node][group]

    def _split_scope(self, nodeid: str) -> str:
        return self._groups.get(nodeid, nodeid)


def is_worker(config: pytest.Config) -> bool:
    """True in a process that another one of the same run started."""
    return hasattr(config, "workerinput")
