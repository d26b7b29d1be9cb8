"""Files of lines that were made elsewhere: read within limits, plain or packed with gzip."""

import gzip
import os
import stat
import zlib
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, cast

from langchain_persistmem.errors import InvalidInputError
from langchain_persistmem.types.representation import cut

LONGEST_LINE = 64 * 2**20
"""Bytes. The longest value takes less, and what has no line end is not read to its end."""
MOST_LINES = 10_000_000
"""Lines that a reader holds all at once."""

_GZIP = b"\x1f\x8b"
_RATIO = 100
"""JSON of text packs to a tenth, of vectors to a third: what unpacks to a hundred times its size is none."""
_FREE = 64 * 2**20
"""Bytes up to which the ratio does not count: a small file may pack well."""


@contextmanager
def open_lines(
    path: Path, *, expected: str = "a JSON Lines file", whole_path: bool = False
) -> Generator[Iterator[bytes]]:
    """Open a file and yield its lines, which are read as they are asked for.

    Args:
        path: of an ordinary file: no device and no pipe, which need not have an end, nor can be read twice.
        expected: the kind of file, for the message.
        whole_path: name the file with its folders, as a person has typed it, and not only by its last part.

    Raises:
        InvalidInputError: it is no such file, cannot be read to its end, has a line of more than 64 MiB, or unpacks to more
            than a hundred times its size. Also while it is read.
    """
    # Of a path the name of the file, cut: a text that was passed in its place must not be in an error at length.
    name, reason = str(path) if whole_path else cut(path.name), ""
    # The kind of file comes before it is opened: opening a pipe waits for somebody who writes.
    try:
        if not stat.S_ISREG(path.stat().st_mode):
            reason = "is a folder" if path.is_dir() else "is no file that can be read twice"
        else:
            with path.open("rb") as raw:
                is_gzip = raw.peek(2)[:2] == _GZIP
                most = max(_FREE, _RATIO * os.fstat(raw.fileno()).st_size) if is_gzip else None
                with gzip.open(raw) if is_gzip else raw as file:
                    yield _lines(cast("IO[bytes]", file), path, most)
            return
    except FileNotFoundError:
        reason = "does not exist"
    except (OSError, EOFError, ValueError, zlib.error) as error:
        if isinstance(error, InvalidInputError):
            raise
        raise InvalidInputError(
            f"{name} cannot be read to its end ({type(error).__name__}); check or copy it again"
        ) from error
    raise InvalidInputError(f"{name} {reason}; give the path of {expected}")


def check_source(path: Path, expected: str) -> None:
    """Refuse a path that is read as a whole, where what stands there is no ordinary file and need not have an end.

    Raises:
        InvalidInputError: it is a folder, a device or a pipe.
    """
    try:
        mode = path.stat().st_mode
    except OSError:  # whoever opens it says why
        return
    if not stat.S_ISREG(mode):
        raise InvalidInputError(f"{cut(str(path))} is a folder, a device or a pipe; give the path of {expected}")


def check_target(path: Path, where: str, *beginnings: bytes) -> None:
    """Refuse a path at which no file can be put: what stands there is a folder, a device, a pipe or somebody's other file.

    Args:
        path: the file that is to be written, new or instead of an earlier one of its kind.
        where: the name of the argument, for the message.
        beginnings: what a file of this kind may begin with.

    Raises:
        InvalidInputError: a file that is moved to its place would replace a device, one that is opened would wait for
            whoever reads a pipe, and a path that was mistyped would cost a file that has nothing to do with memory.
    """
    try:
        status = path.stat()
    except OSError:  # there is nothing yet, or it cannot be seen; writing says which
        return
    if not stat.S_ISREG(status.st_mode):
        raise InvalidInputError(
            f"{where} {cut(path.name)} is a folder, a device or a pipe; name a file in a folder of yours"
        )
    if status.st_size and not _first_line(path).startswith(beginnings):
        raise InvalidInputError(
            f"{where} {cut(path.name)} is another file, which is not written over; name a new file, or remove that one first"
        )


def _first_line(path: Path) -> bytes:
    """The first line of a file; empty if it is no file of lines."""
    try:
        with open_lines(path) as lines:
            return next(lines, b"")
    except InvalidInputError:
        return b""


def _lines(file: IO[bytes], path: Path, most: int | None) -> Iterator[bytes]:
    size, number = 0, 0
    while line := file.readline(LONGEST_LINE + 1):
        size, number = size + len(line), number + 1
        if len(line) > LONGEST_LINE:
            raise InvalidInputError(
                f"{cut(path.name)}, line {number} is longer than {LONGEST_LINE:,} bytes; write one object on each line"
            )
        if most is not None and size > most:
            raise InvalidInputError(
                f"{cut(path.name)} unpacks to more than {_RATIO} times its size; if that is right, unpack it and pass the plain file"
            )
        yield line
