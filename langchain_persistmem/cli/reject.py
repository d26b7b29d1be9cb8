"""`persistmem reject`: delete memories that wait for review."""

from __future__ import annotations

import argparse

from langchain_persistmem.cli.confirmation import add_yes, check_answerable, is_confirmed
from langchain_persistmem.cli.json_output import print_json
from langchain_persistmem.cli.opening import open_memory
from langchain_persistmem.cli.parser import Subcommands, owner_of
from langchain_persistmem.cli.review import add_decision
from langchain_persistmem.cli.terminal import out


def add(subcommands: Subcommands) -> None:
    """Describe the subcommand."""
    parser = add_decision(subcommands, "reject", "delete memories that wait for review", run)
    add_yes(parser)


def run(options: argparse.Namespace) -> int:
    """Reject what is named, or all."""
    check_answerable(options)
    what = f"{len(options.ids)} memories" if options.ids else "everything that waits for review"
    if not is_confirmed(options, f"Delete {what} for good?"):
        return 0
    with open_memory(options, quiet=True) as memory:
        count = memory.review.reject(*options.ids, everything=not options.ids, **owner_of(options))
    if options.json:
        print_json({"rejected": count})
    else:
        out().print(f"Rejected: {count}")
    return 0
