"""`persistmem export`: all that is kept of a person, as JSON Lines on standard output or in a file."""

from __future__ import annotations

import argparse
import shutil
import sys
import tempfile
from pathlib import Path

from langchain_persistmem.cli.options import Subcommands, add_command, add_owner, open_memory, owner_of
from langchain_persistmem.cli.terminal import note, waiting


def add(subcommands: Subcommands) -> None:
    """Describe the subcommand."""
    parser = add_command(
        subcommands,
        "export",
        "write all that is kept of a person: memories with their history, conversations, consent",
        "persistmem export --user maya > maya.jsonl\n  persistmem export --user maya --out maya.jsonl.gz",
    )
    add_owner(parser)
    parser.add_argument("--out", metavar="FILE", type=Path, help="a file instead of standard output; .gz is packed")
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Write the file; standard output gets it when it is whole."""
    with tempfile.TemporaryDirectory(prefix="persistmem-") as folder:  # nobody else can look into it
        path: Path = options.out or Path(folder) / "export.jsonl"
        with open_memory(options, quiet=True) as memory, waiting("exporting"):
            written = memory.privacy.export(path, **owner_of(options))
        if options.out is None:
            with path.open("rb") as file:
                shutil.copyfileobj(file, sys.stdout.buffer)
    counts = ", ".join(f"{count:,} lines of {kind}" for kind, count in written.counts.items()) or "nothing"
    note(f"exported: {counts}; SHA-256 {written.sha256}", quiet=True)
    return 0
