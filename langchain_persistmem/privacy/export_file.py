"""The file that a person's memory is exported to: JSON Lines, its first line says what it is, its last that it is whole.

Every line between is a row as the database has it. The last line has the number of rows of each
kind and the SHA-256 of all lines before it, so that a file that was cut or changed is refused
before anything is stored. A name that ends with ``.gz`` is packed.
"""

from __future__ import annotations

import gzip
import hashlib
import json
import os
from collections import Counter
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import IO, Any, cast

from langchain_persistmem.errors import InvalidInputError
from langchain_persistmem.runtime.line_file import check_target
from langchain_persistmem.types.namespace import Namespace
from langchain_persistmem.types.representation import quote

FORMAT = 2
"""The version of the form. It grows when an older package could not read the file."""
LINES = ("namespace", "thread", "message", "memory", "link", "omission", "change")
"""The kinds of lines, in the order in which a namespace's lines stand."""

Line = Mapping[str, Any]
_OWNER_ONLY = 0o600  # the mode of the file


class ExportWriter:
    """Writes lines beside ``path``, and puts them there when they are whole."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._part = path.with_name(f".{path.name}.{os.getpid()}.part")
        self._digest = hashlib.sha256()
        self.counts: Counter[str] = Counter()
        self._raw: IO[bytes] | None = None
        self._file: IO[bytes] | None = None

    def begin(self, header: Line) -> None:
        """Write the first line; what was written before is thrown away."""
        self.give_up()
        check_target(self._path, "path", b'{"line":"export"')
        self._digest, self.counts = hashlib.sha256(), Counter()
        try:
            raw = os.fdopen(os.open(self._part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, _OWNER_ONLY), "wb")
        except OSError as error:
            raise InvalidInputError(
                f"path {quote(str(self._path))} cannot be written ({type(error).__name__}); name a file in a folder of yours"
            ) from error
        # without a date in it, so that the same rows make the same file
        self._file = cast("IO[bytes]", gzip.GzipFile("", "wb", fileobj=raw, mtime=0)) if self._pack else raw
        self._raw = raw
        self._write({"line": "export", "format": FORMAT, **header})

    def add(self, kind: str, namespace: Namespace, row: Line) -> None:
        """Write a row."""
        self.counts[kind] += 1
        self._write({"line": kind, "namespace": list(namespace), **row})

    def finish(self) -> str:
        """Write the last line and put the file in its place; returns the SHA-256 that it names."""
        digest = self._digest.hexdigest()
        self._write({"line": "end", "counts": dict(self.counts), "sha256": digest})
        self._close(sync=True)
        self._part.replace(self._path)
        return digest

    def give_up(self) -> None:
        """Throw away what was not finished."""
        self._close(sync=False)
        with suppress(OSError):
            self._part.unlink()

    @property
    def _pack(self) -> bool:
        return self._path.suffix == ".gz"

    def _write(self, line: Line) -> None:
        text = json.dumps(line, ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode() + b"\n"
        self._digest.update(text)
        cast("IO[bytes]", self._file).write(text)

    def _close(self, *, sync: bool) -> None:
        if self._file is None or self._raw is None:
            return
        if self._file is not self._raw:
            self._file.close()  # writes the end of what is packed
        self._raw.flush()
        if sync:
            os.fsync(self._raw.fileno())
        self._raw.close()
        self._file = self._raw = None
