"""`persistmem prune`: erase checkpoints that are old."""

from __future__ import annotations

import argparse
import re
from datetime import timedelta

from rich import box
from rich.table import Table

from langchain_persistmem.cli import options as options_flow
from langchain_persistmem.cli.options import open_memory, place_of
from langchain_persistmem.cli.terminal import note, out, print_json, waiting

_AGE = re.compile(r"([1-9][0-9]{0,5})([mhdw])", re.ASCII)
_UNITS = {"m": "minutes", "h": "hours", "d": "days", "w": "weeks"}


def add(subcommands: options_flow.Subcommands) -> None:
    """Describe the subcommand."""
    parser = options_flow.add_command(
        subcommands,
        "prune",
        "erase old checkpoints of LangGraph's threads",
        "persistmem prune --older-than 30d --keep 10",
    )
    rules = parser.add_argument_group("what goes (one of the two; with both, what both say)")
    rules.add_argument("--older-than", type=age, metavar="AGE", help="checkpoints older than 90m, 12h, 30d or 8w")
    rules.add_argument(
        "--keep", type=options_flow.whole_number, metavar="N", help="all but the newest N of each thread and subgraph"
    )
    parser.add_argument(
        "--thread", dest="threads", action="append", metavar="ID", help="of this thread only; may be repeated"
    )
    parser.add_argument("--dry-run", action="store_true", help="count what would go, and erase nothing")
    options_flow.add_json(parser)
    parser.set_defaults(run=run)


def age(text: str) -> timedelta:
    """A number and a unit for ``--older-than``."""
    match = _AGE.fullmatch(text)
    if match is None:
        raise argparse.ArgumentTypeError(f"{text[:20]!r} is no age; write a number and m, h, d or w, such as 30d")
    return timedelta(**{_UNITS[match[2]]: int(match[1])})


def run(options: argparse.Namespace) -> int:
    """Erase, or count, and show the rows by table."""
    if options.older_than is None and options.keep is None:
        options.parser.error("give --older-than, --keep, or both")
    note(f"data: {place_of(options)}", quiet=options.json)
    with waiting("opening memory"):
        memory = open_memory(options)
    with memory, waiting("looking through the threads"):
        counts = memory.checkpointer.retain(
            keep_latest=options.keep, older_than=options.older_than, thread_ids=options.threads, dry_run=options.dry_run
        )
    if options.json:
        print_json({"erased": not options.dry_run, "counts": counts})
        return 0
    table = Table(box=box.SIMPLE_HEAD, show_edge=False)
    table.add_column("would go" if options.dry_run else "erased", style="bold")
    table.add_column("rows", justify="right")
    for name, count in counts.items():
        table.add_row(name, f"{count:,}")
    out().print(table)
    return 0
