"""`persistmem approve`: let memories that wait for review be recalled."""

from __future__ import annotations

import argparse

from langchain_persistmem.cli.json_output import memory_json, print_json
from langchain_persistmem.cli.opening import open_memory
from langchain_persistmem.cli.parser import Subcommands, owner_of
from langchain_persistmem.cli.review import add_decision
from langchain_persistmem.cli.terminal import out


def add(subcommands: Subcommands) -> None:
    """Describe the subcommand."""
    add_decision(subcommands, "approve", "let memories that wait for review be recalled", run)


def run(options: argparse.Namespace) -> int:
    """Approve what is named, or all."""
    with open_memory(options, quiet=True) as memory:
        memories = memory.review.approve(*options.ids, everything=not options.ids, **owner_of(options))
    if options.json:
        print_json({"approved": [memory_json(memory) for memory in memories]})
    else:
        out().print(f"Approved: {len(memories)}")
    return 0
