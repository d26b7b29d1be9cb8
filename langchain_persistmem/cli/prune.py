"""`persistmem prune`: erase checkpoints that are old."""

from __future__ import annotations

import argparse
import re
from datetime import timedelta

from langchain_persistmem.cli.options import Subcommands, add_command, add_dry_run, add_json, open_memory, whole_number
from langchain_persistmem.cli.tables import counts_table
from langchain_persistmem.cli.terminal import out, print_json, waiting

_AGE = re.compile(r"([1-9][0-9]{0,5})([mhdw])", re.ASCII)
_UNITS = {"m": "minutes", "h": "hours", "d": "days", "w": "weeks"}


def add(subcommands: Subcommands) -> None:
    """Describe the subcommand."""
    parser = add_command(
        subcommands,
        "prune",
        "erase old checkpoints of LangGraph's threads",
        "persistmem prune --older-than 30d --keep 10",
    )
    rules = parser.add_argument_group("what goes (one of the two; with both, what both say)")
    rules.add_argument("--older-than", type=age, metavar="AGE", help="checkpoints older than 90m, 12h, 30d or 8w")
    rules.add_argument(
        "--keep", type=whole_number, metavar="N", help="all but the newest N of each thread and subgraph"
    )
    parser.add_argument(
        "--thread", dest="threads", action="append", metavar="ID", help="of this thread only; may be repeated"
    )
    add_dry_run(parser)
    add_json(parser)
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
    with open_memory(options) as memory, waiting("looking through the threads"):
        counts = memory.checkpointer.retain(
            keep_latest=options.keep, older_than=options.older_than, thread_ids=options.threads, dry_run=options.dry_run
        )
    if options.json:
        print_json({"erased": not options.dry_run, "counts": counts})
        return 0
    out().print(counts_table(counts, title="would be erased" if options.dry_run else "erased"))
    return 0
