"""`persistmem reembed`: vectors of another embedding model for everything, while memory is in use."""

from __future__ import annotations

import argparse
from dataclasses import asdict

from rich import box
from rich.table import Table

from langchain_persistmem.cli import options as options_flow
from langchain_persistmem.cli.options import open_memory, place_of
from langchain_persistmem.cli.terminal import note, out, print_json, progress_bar, waiting


def add(subcommands: options_flow.Subcommands) -> None:
    """Describe the subcommand."""
    parser = options_flow.add_command(
        subcommands,
        "reembed",
        "make vectors of --embeddings for every memory that has none; may be stopped and run again",
        "persistmem reembed --embeddings openai:text-embedding-3-small\n"
        "  persistmem reembed --embeddings openai:text-embedding-3-small --drop-others",
    )
    parser.add_argument("--drop-others", action="store_true", help="then delete the vectors of all other models")
    options_flow.add_json(parser)
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Make vectors until none is missing; the exit code is 1 if some could not be made."""
    note(f"data: {place_of(options)}", quiet=options.json)
    with waiting("opening memory"):
        memory = open_memory(options)
    with memory, progress_bar("memories", quiet=options.json) as progress:
        task = progress.add_task("embedding", total=None)
        done = memory.admin.reembed(
            drop_others=options.drop_others, progress=lambda count: progress.advance(task, count)
        )
    if options.json:
        print_json(asdict(done))
    else:
        table = Table(box=box.SIMPLE_HEAD, show_header=False, show_edge=False)
        table.add_column()
        table.add_column(justify="right", style="bold")
        names = {
            "namespaces": "namespaces looked through",
            "memories": "memories embedded",
            "waiting": "namespaces that failed and wait",
            "dropped": "vectors of other models deleted",
        }
        for field, count in asdict(done).items():
            table.add_row(names[field], f"{count:,}")
        out().print(table)
    return 1 if done.waiting else 0
