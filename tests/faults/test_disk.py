"""F5: the disk of the tables is full."""

import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from psycopg import sql

from langchain_persistmem import LocalEmbeddings, PersistMem, Settings, StorageError
from tests.faults.conftest import Place
from tests.faults.history import describe
from tests.faults.invariants import broken

pytestmark = [pytest.mark.ci, pytest.mark.slow]


@pytest.fixture
def small_disk(place: Place) -> Iterator[Path]:
    """A file system of 48 MB in memory, with the database on it."""
    folder = place.cluster.folder / "small"
    folder.mkdir(exist_ok=True)
    options = f"size=48m,mode=0777{',uid=' + str(folder.stat().st_uid) if place.cluster.owner else ''}"
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", options, "tmpfs", str(folder)], check=False, capture_output=True
    )
    if mounted.returncode:
        pytest.skip("a small file system cannot be mounted here: it takes the rights of root")
    try:
        inside = folder / "tablespace"
        inside.mkdir()
        if place.cluster.owner:
            import shutil

            shutil.chown(inside, place.cluster.owner)
        with place.cluster.admin() as admin:
            admin.execute(sql.SQL("CREATE TABLESPACE small LOCATION {}").format(sql.Literal(str(inside))))
            admin.execute(sql.SQL("ALTER DATABASE {} SET TABLESPACE small").format(sql.Identifier(place.name)))
        yield folder
    finally:
        with place.cluster.admin() as admin:
            place.cluster.drop(place.name)
            admin.execute("DROP TABLESPACE IF EXISTS small")
        subprocess.run(["umount", str(folder)], check=False)


def test_a_full_disk_is_a_clear_error_and_reads_go_on(
    place: Place, embeddings: LocalEmbeddings, small_disk: Path, figure: Callable[..., None]
) -> None:
    """Nothing acknowledged is lost, nothing half-written is there, and room is all that is needed to go on."""
    acknowledged, refused, seen = 0, 0, list[str]()
    with PersistMem.open(place.dsn, embeddings=embeddings, settings=Settings(worker=False)) as memory:
        memory.remember("I live in Oslo", user_id="ada")
        acknowledged += 1
        ballast = small_disk / "ballast"
        with ballast.open("wb") as file, pytest.raises(OSError, match="No space"):
            while True:
                file.write(b"x" * 65536)
                file.flush()
        for number in range(400):
            try:
                memory.remember(f"I own the book {number} " + "of long words " * 200, user_id="ada")
                acknowledged += 1
            except StorageError as error:
                refused += 1
                seen.append(describe(error))
                assert memory.recall("Where do I live?", user_id="ada")
                if refused == 10:
                    break
        assert refused == 10
        assert all("DiskFull" in text and "long words" not in text for text in seen)
        assert memory.admin.status(user_id="ada").counts["memories"] == acknowledged
        ballast.unlink()
        memory.remember("I have a cat", user_id="ada")
        assert memory.admin.status(user_id="ada").counts["memories"] == acknowledged + 1
    assert broken(place.admin_dsn) == {}
    figure(
        "F5 the disk of the tables is full (tablespace on a tmpfs of 48 MB)",
        f"{refused} refused writes",
        "clear error, 0 lost, reads go on, recovers without restart",
        f"StorageUnavailableError naming DiskFull each time, {acknowledged} acknowledged, 0 lost, reads answered, next write "
        "after room was made succeeded",
    )
