"""`persistmem list`: the memories as they are."""

from __future__ import annotations

import argparse

from langchain_persistmem.cli import tables, values
from langchain_persistmem.cli.json_output import memory_json, print_json
from langchain_persistmem.cli.opening import open_memory
from langchain_persistmem.cli.parser import Subcommands, add_command, add_json, add_owner, owner_of
from langchain_persistmem.cli.terminal import note, out
from langchain_persistmem.types.records import KINDS


def add(subcommands: Subcommands) -> None:
    """Describe the subcommand."""
    parser = add_command(
        subcommands,
        "list",
        "show a user's memories, the last changed first",
        "persistmem list --user maya --limit 20",
        details="With their keys, which edit, pin, show, history and forget take. What waits for review is shown by `persistmem review`.",
    )
    parser.add_argument("--kind", action="append", choices=KINDS, help="only this kind; may be given several times")
    parser.add_argument("--limit", type=values.whole_number, default=100, metavar="N", help="at most this many (100)")
    add_json(parser)
    add_owner(parser)
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """List and show."""
    with open_memory(options) as memory:
        memories = memory.list(kinds=options.kind, limit=options.limit, **owner_of(options))
        total = memory.admin.status(**owner_of(options)).counts["memories"]
    if options.json:
        print_json({"total": total, "memories": [memory_json(memory) for memory in memories]})
        return 0
    if not memories:
        out().print("Nothing is remembered here." if not total else "Nothing of this kind is remembered here.")
        return 0
    out().print(tables.memory_table(memories))
    note(f"{len(memories)} of {total} memories")
    return 0
