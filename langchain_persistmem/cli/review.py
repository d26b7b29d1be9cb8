"""`persistmem review`: what waits for a person's word before it is recalled."""

from __future__ import annotations

import argparse
from collections.abc import Callable

from rich.table import Table
from rich.text import Text

from langchain_persistmem.cli import values
from langchain_persistmem.cli.json_output import memory_json, print_json
from langchain_persistmem.cli.opening import open_memory
from langchain_persistmem.cli.parser import Subcommands, add_command, add_json, add_owner, owner_of
from langchain_persistmem.cli.terminal import out, plain
from langchain_persistmem.types.records import Memory


def add(subcommands: Subcommands) -> None:
    """Describe the subcommand."""
    parser = add_command(
        subcommands,
        "review",
        "show what waits for review and is not recalled",
        "persistmem review --user maya",
        details="With the reason and the id, which `persistmem approve` and `persistmem reject` take.",
    )
    parser.add_argument("--limit", type=values.whole_number, default=100, metavar="N", help="at most this many (100)")
    add_json(parser)
    add_owner(parser)
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Show what waits, oldest first."""
    with open_memory(options) as memory:
        memories = memory.review.list(limit=options.limit, **owner_of(options))
    if options.json:
        print_json({"memories": [_json(memory) for memory in memories]})
    elif not memories:
        out().print("Nothing waits for review.")
    else:
        out().print(_table(memories))
    return 0


def add_decision(
    subcommands: Subcommands, name: str, summary: str, run: Callable[[argparse.Namespace], int]
) -> argparse.ArgumentParser:
    """Describe ``approve`` or ``reject``, which take ids or ``--all``."""
    parser = add_command(subcommands, name, summary, f"persistmem {name} --all --user maya")
    parser.add_argument(
        "ids", metavar="ID", nargs="*", type=values.version, help="ids, as `persistmem review` shows them"
    )
    parser.add_argument("--all", action="store_true", help="all that waits")
    add_json(parser)
    add_owner(parser)

    def decide(options: argparse.Namespace) -> int:
        if bool(options.ids) == options.all:
            options.parser.error("give either ID... or --all")
        return run(options)

    parser.set_defaults(run=decide)
    return parser


def _json(memory: Memory) -> dict[str, object]:
    about = str(memory.review_of) if memory.review_of else None
    return {"id": str(memory.id), "reason": memory.review, "review_of": about, **memory_json(memory)}


def _table(memories: list[Memory]) -> Table:
    table = Table(box=None, padding=(0, 2, 0, 0), header_style="dim", pad_edge=False, expand=True)
    table.add_column("from", no_wrap=True)
    table.add_column("what, and why it waits", ratio=1, overflow="fold")
    for memory in memories:
        cell = Text(plain(memory.text or memory.key))
        cell.append(f"\n{memory.review}", style="yellow")
        cell.append(f"\nid {memory.id}", style="dim")
        table.add_row(memory.provenance.source, cell)
    return table
