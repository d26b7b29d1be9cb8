"""`persistmem recall`: what memory has on a question."""

from __future__ import annotations

import argparse
import time
from collections.abc import Sequence

from langchain_persistmem.cli import tables, values
from langchain_persistmem.cli.json_output import explanation_json, print_json, recollection_json
from langchain_persistmem.cli.opening import open_memory
from langchain_persistmem.cli.parser import Subcommands, add_command, add_json, add_owner, owner_of
from langchain_persistmem.cli.terminal import note, out
from langchain_persistmem.client.persistmem import PersistMem
from langchain_persistmem.types.recall_results import Explanation, Recollection

_MOST_LEFT_OUT = 15

_HOW = (
    "The parts are evidence, in standard deviations: how far a memory lies above what these memories usually have in "
    "common with a question. Their sum becomes the score, 0 to 1; 0.5 is a toss-up among this many memories."
)


def add(subcommands: Subcommands) -> None:
    """Describe the subcommand."""
    parser = add_command(
        subcommands,
        "recall",
        "show the memories that a question brings up, the best first",
        'persistmem recall "Which city do I live in?" --user maya',
        details="Green is certain, yellow is possible; below the threshold nothing is shown. --explain says what was understood, and why others were left out.",
    )
    parser.add_argument("query", metavar="QUERY", type=values.text, help="a question, or any text")
    parser.add_argument("--limit", type=values.whole_number, default=10, metavar="N", help="at most this many (10)")
    parser.add_argument(
        "--explain",
        action="store_true",
        help="how the question was understood, every part of every score, and what was left out and why",
    )
    add_json(parser)
    add_owner(parser)
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Recall and show."""
    with open_memory(options) as memory:
        start = time.perf_counter()
        explanation, recollections = _recall(memory, options)
        milliseconds = (time.perf_counter() - start) * 1000
    if options.json:
        entries = [recollection_json(recollection) for recollection in recollections]
        more = {"explanation": explanation_json(explanation)} if explanation else {}
        print_json({"query": options.query, "milliseconds": round(milliseconds, 1), "recollections": entries, **more})
        return 0
    if explanation:  # also where nothing is recalled: that is when one wants to know why
        out().print(tables.understood_table(explanation))
        out().print()
    if not recollections:
        out().print("Nothing relevant is remembered.")
        _print_left_out(explanation)
        return 0
    out().print(
        tables.recollection_table(recollections, numbered=options.explain, keys=options.explain, why=options.explain)
    )
    if options.explain:
        out().print()
        out().print(tables.score_table(recollections))
        out().print()
        out().print(_HOW, style="dim")
        _print_left_out(explanation)
    note(f"{len(recollections)} recalled in {milliseconds:.0f} ms")
    return 0


def _recall(memory: PersistMem, options: argparse.Namespace) -> tuple[Explanation | None, Sequence[Recollection]]:
    owner = owner_of(options)
    if not options.explain:
        return None, memory.recall(options.query, limit=options.limit, **owner)
    explanation = memory.explain(options.query, limit=options.limit, **owner)
    return explanation, explanation.recollections


def _print_left_out(explanation: Explanation | None) -> None:
    if explanation is not None and explanation.omissions:
        first = explanation.omissions[:_MOST_LEFT_OUT]
        out().print(f"\nleft out: {len(explanation.omissions)}, of which {len(first)} are shown", style="bold")
        out().print(tables.omission_table(first))
