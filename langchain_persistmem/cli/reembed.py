"""`persistmem reembed`: vectors of another embedding model for everything, while memory is in use."""

from __future__ import annotations

import argparse
from dataclasses import asdict

from langchain_persistmem.cli.confirmation import add_yes, check_answerable, is_confirmed
from langchain_persistmem.cli.json_output import print_json
from langchain_persistmem.cli.opening import open_memory
from langchain_persistmem.cli.parser import GOES_ON, Subcommands, add_command, add_json
from langchain_persistmem.cli.progress import show_progress
from langchain_persistmem.cli.tables import counts_table
from langchain_persistmem.cli.terminal import out


def add(subcommands: Subcommands) -> None:
    """Describe the subcommand."""
    parser = add_command(
        subcommands,
        "reembed",
        "make vectors of --embeddings for every memory that has none; may be stopped and run again",
        "persistmem reembed --embeddings openai:text-embedding-3-small\n"
        "  persistmem reembed --embeddings openai:text-embedding-3-small --drop-others",
        resume=GOES_ON,
        details="Memory stays in use meanwhile. With --drop-others the vectors of all other models go, once nothing lacks a new one.",
    )
    parser.add_argument("--drop-others", action="store_true", help="then delete the vectors of all other models")
    add_yes(parser, " before --drop-others")
    add_json(parser)
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Make vectors until none is missing; the exit code is 1 if some could not be made."""
    if options.drop_others:
        check_answerable(options)
        if not is_confirmed(options, "Delete the vectors of all other models, once all have new ones?"):
            return 0
    with open_memory(options) as memory, show_progress(options) as progress:
        done = memory.admin.reembed(drop_others=options.drop_others, progress=progress)
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
