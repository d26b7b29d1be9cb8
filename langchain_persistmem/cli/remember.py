"""`persistmem remember`: store one statement."""

from __future__ import annotations

import argparse

from langchain_persistmem.cli import values
from langchain_persistmem.cli.json_output import memory_json, print_json
from langchain_persistmem.cli.opening import open_memory
from langchain_persistmem.cli.parser import Subcommands, add_command, add_json, add_owner, owner_of
from langchain_persistmem.cli.tables import memory_table
from langchain_persistmem.cli.terminal import note, out
from langchain_persistmem.types.records import KINDS


def add(subcommands: Subcommands) -> None:
    """Describe the subcommand."""
    parser = add_command(
        subcommands,
        "remember",
        "store one statement",
        'persistmem remember "Maya lives in Hamburg." --key home --user maya',
        details="The same statement again confirms the memory. A new statement under a known key takes the place of the "
        "old one, which stays in the history.",
    )
    parser.add_argument("text", metavar="TEXT", type=values.text, help="the statement")
    parser.add_argument(
        "--kind", choices=(*KINDS, "auto"), default="semantic", help="its kind; auto sorts it by rules (semantic)"
    )
    parser.add_argument("--category", metavar="NAME", type=values.name, help="preference, goal, or your own")
    parser.add_argument("--key", metavar="KEY", type=values.name, help="a name of your own; by default the id")
    parser.add_argument("--value", metavar="JSON", type=values.json_object, help="an object for your own use")
    parser.add_argument("--importance", metavar="SHARE", type=values.share, default=0.5, help="0 to 1 (0.5)")
    parser.add_argument("--confidence", metavar="SHARE", type=values.share, default=1.0, help="0 to 1 (1)")
    parser.add_argument("--speaker", metavar="NAME", type=values.name, help="the person's name, where several speak")
    parser.add_argument("--valid-from", metavar="TIME", type=values.moment, help="true since then; by default now")
    parser.add_argument("--thread", metavar="ID", type=values.name, help="the conversation that it belongs to")
    add_json(parser)
    add_owner(parser)
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Store and show it."""
    with open_memory(options, set_up=True) as memory:
        stored = memory.remember(
            options.text,
            kind=options.kind,
            category=options.category,
            key=options.key,
            value=options.value,
            importance=options.importance,
            confidence=options.confidence,
            speaker=options.speaker,
            valid_from=options.valid_from,
            thread_id=options.thread,
            **owner_of(options),
        )
    if options.json:
        print_json({"memory": memory_json(stored)})
        return 0
    out().print(memory_table([stored]))
    if stored.status == "quarantined":
        note(f"it waits for review: {stored.review}; see persistmem review")
    return 0
