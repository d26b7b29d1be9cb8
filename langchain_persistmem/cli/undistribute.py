"""`persistmem undistribute`: bring the rows back to the coordinator of a Citus cluster."""

from __future__ import annotations

import argparse

from langchain_persistmem.cli.distribute import show
from langchain_persistmem.cli.opening import open_memory
from langchain_persistmem.cli.parser import Subcommands, add_command, add_json
from langchain_persistmem.operations import distribution


def add(subcommands: Subcommands) -> None:
    """Describe the subcommand."""
    parser = add_command(
        subcommands,
        "undistribute",
        "bring all rows back to the coordinator of a Citus cluster, which needs the room for them",
        "persistmem undistribute",
    )
    add_json(parser)
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Undo `persistmem distribute`."""
    with open_memory(options) as memory:
        tables = memory.backend.run(distribution.undistribute)
    show(tables, options, "on the coordinator again", "no table is distributed")
    return 0
