"""`persistmem export`: all that is kept of a person, as JSON Lines on standard output or in a file."""

from __future__ import annotations

import argparse
import shutil
import sys
import tempfile
from pathlib import Path

from langchain_persistmem.cli import values
from langchain_persistmem.cli.json_output import print_json
from langchain_persistmem.cli.opening import open_memory
from langchain_persistmem.cli.parser import Subcommands, add_command, add_json, add_owner, owner_of
from langchain_persistmem.cli.progress import show_progress
from langchain_persistmem.cli.terminal import note


def add(subcommands: Subcommands) -> None:
    """Describe the subcommand."""
    parser = add_command(
        subcommands,
        "export",
        "write all that is kept of a person: memories with their history, conversations, consent",
        "persistmem export --user maya > maya.jsonl\n  persistmem export --user maya --out maya.jsonl.gz",
        resume="no file was written; run the same command again",
        details="JSON Lines, which `persistmem import export` reads again; only you may read the file. Checkpoints of LangGraph are not in it.",
    )
    add_owner(parser)
    parser.add_argument(
        "--out", metavar="FILE", type=values.path, help="a file instead of standard output; .gz is packed"
    )
    add_json(parser)
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Write the file; standard output gets it when it is whole."""
    if options.json and options.out is None:
        options.parser.error("--json needs --out: without it, standard output has the export itself")
    with tempfile.TemporaryDirectory(prefix="persistmem-") as folder:  # nobody else can look into it
        path: Path = options.out or Path(folder) / "export.jsonl"
        with open_memory(options, quiet=True) as memory, show_progress(options) as progress:
            result = memory.privacy.export(path, progress=progress, **owner_of(options))
        if options.out is None:
            with path.open("rb") as file:
                shutil.copyfileobj(file, sys.stdout.buffer)
    if options.json:
        print_json({"out": str(options.out), "counts": dict(result.counts), "sha256": result.sha256})
        return 0
    counts = ", ".join(f"{count:,} lines of {kind}" for kind, count in result.counts.items()) or "nothing"
    note(f"exported: {counts}; SHA-256 {result.sha256}", quiet=True)
    return 0
