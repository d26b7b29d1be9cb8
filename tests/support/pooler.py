"""PgBouncer before a database of the tests, if it is installed."""

import os
import pwd
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

import pytest
from psycopg import conninfo


@contextmanager
def pooled(database: str, *, mode: str = "transaction", sessions: int = 3) -> Generator[str]:
    """A connection string of ``database`` through PgBouncer, which has so many sessions for everybody.

    Args:
        mode: PgBouncer's ``pool_mode``.
    """
    program = shutil.which("pgbouncer")
    if program is None:
        pytest.skip("PgBouncer is not installed; it is no Python package (apt-get install pgbouncer)")
    direct = conninfo.conninfo_to_dict(database)
    folder = Path(tempfile.mkdtemp(prefix="persistmem-bouncer-"))
    target = {name: value for name, value in direct.items() if name in ("host", "port", "user", "password", "dbname")}
    tls = {"sslmode": "sslmode", "sslrootcert": "ca_file"}
    encryption = {tls[name]: value for name, value in direct.items() if name in tls}
    lines = [
        "[databases]",
        "* = " + " ".join(f"{name}='{value}'" for name, value in target.items()),
        "[pgbouncer]",
        "listen_port = 6432",
        f"unix_socket_dir = {folder}",
        "auth_type = any",
        f"pool_mode = {mode}",
        f"default_pool_size = {sessions}",
        *(f"server_tls_{name} = {value}" for name, value in encryption.items()),
    ]
    if os.getuid() == 0:  # it refuses to run as root; who owns the server's socket may use it
        listens = Path(str(direct.get("host", "")))
        owner = pwd.getpwuid(listens.stat().st_uid) if listens.is_absolute() else pwd.getpwnam("nobody")
        os.chown(folder, owner.pw_uid, owner.pw_gid)
        lines.append(f"user = {owner.pw_name}")
    (folder / "pgbouncer.ini").write_text("\n".join(lines))
    with subprocess.Popen([program, "-q", str(folder / "pgbouncer.ini")]) as process:
        try:
            while not _listens(folder / ".s.PGSQL.6432"):
                assert process.poll() is None
                time.sleep(0.02)
            yield conninfo.make_conninfo(host=str(folder), port=6432, dbname="any", user="any")
        finally:
            process.terminate()
    shutil.rmtree(folder)


def _listens(path: Path) -> bool:
    """Whether somebody answers: the file is there a little earlier."""
    with socket.socket(socket.AF_UNIX) as tried:
        return tried.connect_ex(str(path)) == 0
