"""`persistmem pin`: protect a memory from every rule."""

from __future__ import annotations

import argparse

from langchain_persistmem.cli import values
from langchain_persistmem.cli.json_output import memory_json, print_json
from langchain_persistmem.cli.opening import open_memory
from langchain_persistmem.cli.parser import Subcommands, add_command, add_json, add_owner, owner_of
from langchain_persistmem.cli.tables import memory_table
from langchain_persistmem.cli.terminal import out


def add(subcommands: Subcommands) -> None:
    """Describe the subcommand."""
    parser = add_command(
        subcommands,
        "pin",
        "protect a memory, or take the protection away",
        "persistmem pin home --user maya\n  persistmem pin home --remove --user maya",
        details="No rule archives or compresses a pinned memory, and what a model would put in its place waits for review.",
    )
    parser.add_argument("key", metavar="KEY", type=values.name, help="of a memory, as `persistmem list` shows it")
    parser.add_argument("--remove", action="store_true", help="take the pin away")
    add_json(parser)
    add_owner(parser)
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Pin or unpin, and show it."""
    with open_memory(options) as memory:
        pinned = memory.edit(options.key, pinned=not options.remove, **owner_of(options))
    if options.json:
        print_json({"memory": memory_json(pinned)})
    else:
        out().print(memory_table([pinned]))
    return 0
