"""`persistmem status`: where the data lies and how much there is."""

from __future__ import annotations

import argparse

from rich import box
from rich.table import Table

from langchain_persistmem.cli.json_output import print_json
from langchain_persistmem.cli.opening import open_memory
from langchain_persistmem.cli.parser import Subcommands, add_command, add_json, add_owner, location_of, owner_of
from langchain_persistmem.cli.terminal import out, plain

_WORK = {
    "pending": "threads to learn from",
    "due": "of these, due now",
    "failing": "of these, failed before",
    "dead_letters": "turns given up",
    "review": "memories to review",
    "rewrites": "namespaces to bring to the present form",
    "rewrites_failing": "of these, failed before",
    "rewrites_rows": "their rows that are done",
}


def add(subcommands: Subcommands) -> None:
    """Describe the subcommand."""
    parser = add_command(
        subcommands,
        "status",
        "show where the data lies, the versions, and the counts",
        "persistmem status --user maya",
        details="Of one person, or of the whole database: rows, the versions of the server, and the work that waits: threads to learn from, turns that were given up, memories to review.",
    )
    add_json(parser)
    add_owner(parser, required=False)
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Count and show."""
    owner = owner_of(options)
    with open_memory(options) as memory:
        status = memory.admin.status(**owner)
    if options.json:
        print_json(
            {"data": location_of(options), "versions": status.versions, "counts": status.counts, "work": status.work}
        )
        return 0
    table = Table(box=box.SIMPLE_HEAD, show_header=False, show_edge=False)
    table.add_column(style="bold")
    table.add_column(justify="right")
    for name, version in status.versions.items():
        table.add_row(name, version)
    table.add_section()
    for name, count in status.counts.items():
        table.add_row(name, f"{count:,}")
    table.add_section()
    for name, count in status.work.items():
        table.add_row(_WORK[name], f"{count:,}")
    out().print(plain(f"of {options.user or options.namespace}" if owner else "of the whole database"), style="cyan")
    out().print(table)
    return 0
