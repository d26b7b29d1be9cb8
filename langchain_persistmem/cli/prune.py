"""`persistmem prune`: erase checkpoints that are old."""

from __future__ import annotations

import argparse
from collections.abc import Mapping

from langchain_persistmem.cli import values
from langchain_persistmem.cli.confirmation import add_yes, check_answerable, is_confirmed
from langchain_persistmem.cli.json_output import print_json
from langchain_persistmem.cli.opening import open_memory
from langchain_persistmem.cli.parser import Subcommands, add_command, add_dry_run, add_json
from langchain_persistmem.cli.tables import counts_table
from langchain_persistmem.cli.terminal import out, waiting
from langchain_persistmem.client.persistmem import PersistMem


def add(subcommands: Subcommands) -> None:
    """Describe the subcommand."""
    parser = add_command(
        subcommands,
        "prune",
        "erase old checkpoints of LangGraph's threads",
        "persistmem prune --older-than 30d --keep 10",
        details="The newest checkpoint of a thread, from which it goes on, stays unless all of the thread is older. Memories are not touched.",
    )
    # Both rules are optional for argparse; `run` wants at least one, with a message that names them.
    rules = parser.add_argument_group("what goes (one of the two; with both, what both say)")
    rules.add_argument(
        "--older-than", type=values.age, metavar="AGE", help="checkpoints older than 90m, 12h, 30d or 8w"
    )
    rules.add_argument(
        "--keep", type=values.whole_number, metavar="N", help="all but the newest N of each thread and subgraph"
    )
    parser.add_argument(
        "--thread",
        dest="threads",
        action="append",
        metavar="ID",
        type=values.name,
        help="of this thread only; may be repeated",
    )
    add_yes(parser)
    add_dry_run(parser)
    add_json(parser)
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Erase, or count, and show the rows by table."""
    if options.older_than is None and options.keep is None:
        options.parser.error("give --older-than, --keep, or both")
    check_answerable(options, dry_run=options.dry_run)
    with open_memory(options) as memory:
        if not (options.dry_run or options.yes):
            out().print(counts_table(_retain(memory, options, dry_run=True), title="would be erased"))
            if not is_confirmed(options, "Erase these for good?"):
                return 0
        counts = _retain(memory, options, dry_run=options.dry_run)
    if options.json:
        print_json({"erased": not options.dry_run, "counts": counts})
        return 0
    out().print(counts_table(counts, title="would be erased" if options.dry_run else "erased"))
    return 0


def _retain(memory: PersistMem, options: argparse.Namespace, *, dry_run: bool) -> Mapping[str, int]:
    with waiting("looking through the threads"):
        return memory.checkpointer.retain(
            keep_latest=options.keep, older_than=options.older_than, thread_ids=options.threads, dry_run=dry_run
        )
