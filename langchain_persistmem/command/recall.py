"""`persistmem recall`: what memory has on a question."""

from __future__ import annotations

import argparse
import time

from langchain_persistmem.command import options as shared
from langchain_persistmem.command import tables
from langchain_persistmem.command.opening import open_memory, place_of
from langchain_persistmem.command.screen import note, out, print_json, waiting

_HOW = (
    "The parts are evidence, in standard deviations: how far a memory lies above what these memories usually have in "
    "common with a question. Their sum becomes the score, 0 to 1; 0.5 is a toss-up among this many memories."
)


def add(subcommands: shared.Subcommands) -> None:
    """Describe the subcommand."""
    parser = shared.add_command(
        subcommands,
        "recall",
        "show the memories that a question brings up, with score and why",
        'persistmem recall "Which city do I live in?" --user maya',
    )
    parser.add_argument("query", metavar="QUERY", help="a question, or any text")
    parser.add_argument("--limit", type=shared.whole_number, default=10, metavar="N", help="at most this many (10)")
    parser.add_argument("--explain", action="store_true", help="every part of every score, and the keys")
    shared.add_json(parser)
    shared.add_whose(parser)
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Recall and show."""
    note(f"data: {place_of(options)}", quiet=options.json)
    with waiting("opening memory"):
        memory = open_memory(options)
    with memory:
        began = time.perf_counter()
        found = memory.recall(options.query, limit=options.limit, **shared.whose(options))
        spent = (time.perf_counter() - began) * 1000
    if options.json:
        recollections = [tables.recollection_json(each) for each in found]
        print_json({"query": options.query, "milliseconds": round(spent, 1), "recollections": recollections})
        return 0
    if not found:
        out().print("Nothing relevant is remembered.")
        return 0
    out().print(tables.recollection_table(found, numbered=options.explain, keys=options.explain))
    if options.explain:
        out().print()
        out().print(tables.explained_table(found))
        out().print()
        out().print(_HOW, style="dim")
    note(f"{len(found)} recalled in {spent:.0f} ms")
    return 0
