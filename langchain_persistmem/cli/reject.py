"""`persistmem reject`: delete memories that wait for review."""

from __future__ import annotations

import argparse

from langchain_persistmem.cli.options import Subcommands, open_memory, owner_of
from langchain_persistmem.cli.review import add_decision
from langchain_persistmem.cli.terminal import out, print_json


def add(subcommands: Subcommands) -> None:
    """Describe the subcommand."""
    add_decision(subcommands, "reject", "delete memories that wait for review", run)


def run(options: argparse.Namespace) -> int:
    """Reject what is named, or all."""
    with open_memory(options, quiet=True) as memory:
        rejected = memory.review.reject(*options.ids, everything=not options.ids, **owner_of(options))
    if options.json:
        print_json({"rejected": rejected})
    else:
        out().print(f"Rejected: {rejected}")
    return 0
