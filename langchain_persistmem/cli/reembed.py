"""`persistmem reembed`: vectors of another embedding model for everything, while memory is in use."""

from __future__ import annotations

import argparse
from dataclasses import asdict

from langchain_persistmem.cli.options import Subcommands, add_command, add_json, open_memory
from langchain_persistmem.cli.tables import counts_table
from langchain_persistmem.cli.terminal import out, print_json, progress_bar


def add(subcommands: Subcommands) -> None:
    """Describe the subcommand."""
    parser = add_command(
        subcommands,
        "reembed",
        "make vectors of --embeddings for every memory that has none; may be stopped and run again",
        "persistmem reembed --embeddings openai:text-embedding-3-small\n"
        "  persistmem reembed --embeddings openai:text-embedding-3-small --drop-others",
    )
    parser.add_argument("--drop-others", action="store_true", help="then delete the vectors of all other models")
    add_json(parser)
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Make vectors until none is missing; the exit code is 1 if some could not be made."""
    with open_memory(options) as memory, progress_bar("memories", quiet=options.json) as progress:
        task = progress.add_task("embedding", total=None)
        done = memory.admin.reembed(
            drop_others=options.drop_others, progress=lambda count: progress.advance(task, count)
        )
    if options.json:
        print_json(asdict(done))
    else:
        names = {
            "namespaces": "namespaces looked through",
            "memories": "memories embedded",
            "pending": "namespaces that failed and wait",
            "dropped": "vectors of other models deleted",
        }
        out().print(counts_table({names[field]: count for field, count in asdict(done).items()}))
    return 1 if done.pending else 0
