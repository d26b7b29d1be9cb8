"""`persistmem distribute`: spread the tables over the workers of a Citus cluster."""

from __future__ import annotations

import argparse
from collections.abc import Sequence

from langchain_persistmem.cli import values
from langchain_persistmem.cli.json_output import print_json
from langchain_persistmem.cli.opening import open_memory
from langchain_persistmem.cli.parser import Subcommands, add_command, add_json
from langchain_persistmem.cli.terminal import out
from langchain_persistmem.operations import distribution


def add(subcommands: Subcommands) -> None:
    """Describe the subcommand."""
    parser = add_command(
        subcommands,
        "distribute",
        "spread the tables over the workers of a Citus cluster, as the tables' owner, after each setup()",
        "persistmem distribute --shards 16",
    )
    parser.add_argument(
        "--shards",
        metavar="N",
        type=values.number(distribution.FEWEST_SHARDS, distribution.MOST_SHARDS),
        default=distribution.MOST_SHARDS,
        help=f"parts into which the users fall, {distribution.FEWEST_SHARDS} to {distribution.MOST_SHARDS} (default: "
        "%(default)s); counts the first time only",
    )
    add_json(parser)
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Distribute what is not yet, and say what that was."""
    with open_memory(options) as memory:
        tables = memory.backend.run(distribution.distribute, shards=options.shards)
    show(tables, options, "distributed", "every table lies where it belongs")
    return 0


def show(tables: Sequence[str], options: argparse.Namespace, done: str, otherwise: str) -> None:
    """The tables that moved."""
    if options.json:
        print_json({"tables": list(tables)})
    else:
        out().print(f"{done}: {', '.join(tables)}" if tables else otherwise)
