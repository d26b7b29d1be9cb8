"""`persistmem status`: where the data lies and how much there is."""

from __future__ import annotations

import argparse

from rich import box
from rich.table import Table

from langchain_persistmem.cli import options as options_flow
from langchain_persistmem.cli.options import open_memory, place_of
from langchain_persistmem.cli.terminal import note, out, plain, print_json, waiting

_WORK = {
    "pending": "threads to learn from",
    "due": "of these, due now",
    "failing": "of these, failed before",
    "dead_letters": "turns given up",
    "review": "memories to review",
}


def add(subcommands: options_flow.Subcommands) -> None:
    """Describe the subcommand."""
    parser = options_flow.add_command(
        subcommands, "status", "show where the data lies, the versions, and the counts", "persistmem status --user maya"
    )
    options_flow.add_json(parser)
    options_flow.add_whose(parser, required=False)
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Count and show."""
    place = place_of(options)
    note(f"data: {place}", quiet=options.json)
    meant = options_flow.whose(options) if options.user is not None or options.namespace is not None else {}
    with waiting("opening memory"):
        memory = open_memory(options)
    with memory:
        found = memory.admin.status(**meant)
    if options.json:
        print_json({"data": place, "versions": found.versions, "counts": found.counts, "work": found.work})
        return 0
    table = Table(box=box.SIMPLE_HEAD, show_header=False, show_edge=False)
    table.add_column(style="bold")
    table.add_column(justify="right")
    for name, version in found.versions.items():
        table.add_row(name, version)
    table.add_section()
    for name, count in found.counts.items():
        table.add_row(name, f"{count:,}")
    table.add_section()
    for name, count in found.work.items():
        table.add_row(_WORK[name], f"{count:,}")
    out().print(plain(f"of {options.user or options.namespace}" if meant else "of the whole database"), style="cyan")
    out().print(table)
    return 0
