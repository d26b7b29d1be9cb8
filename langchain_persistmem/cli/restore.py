"""`persistmem restore`: make an earlier version of a memory current again."""

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
        "restore",
        "make a superseded or archived memory current again",
        "persistmem restore 0198c5a2-6c1e-7d3f-9a50-0c6a4bfb3c11 --user maya",
        details="The one that is current now becomes its past, and can be restored in the same way. A memory that was "
        "archived into a summary comes back with all the others of it, and the summary goes.",
    )
    parser.add_argument("version", metavar="ID", type=values.version, help="as `persistmem history KEY` shows it")
    add_json(parser)
    add_owner(parser)
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Restore and show it."""
    with open_memory(options) as memory:
        version = memory.history.restore(options.version, **owner_of(options))
    if options.json:
        print_json({"memory": memory_json(version)})
    else:
        out().print(memory_table([version]))
    return 0
