"""`persistmem review`, `approve` and `reject`: what waits for a person's word before it is recalled."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from uuid import UUID

from rich.table import Table
from rich.text import Text

from langchain_persistmem.cli import options as options_flow
from langchain_persistmem.cli import tables
from langchain_persistmem.cli.options import open_memory, place_of
from langchain_persistmem.cli.terminal import note, out, plain, print_json, waiting
from langchain_persistmem.types.records import Memory


def add(subcommands: options_flow.Subcommands) -> None:
    """Describe the subcommands ``review``, ``approve`` and ``reject``."""
    parser = options_flow.add_command(
        subcommands, "review", "show what waits for review and is not recalled", "persistmem review --user maya"
    )
    parser.add_argument(
        "--limit", type=options_flow.whole_number, default=100, metavar="N", help="at most this many (100)"
    )
    options_flow.add_json(parser)
    options_flow.add_whose(parser)
    parser.set_defaults(run=run)
    _add_decision(subcommands, "approve", "let memories that wait for review be recalled", approve)
    _add_decision(subcommands, "reject", "delete memories that wait for review", reject)


def run(options: argparse.Namespace) -> int:
    """Show what waits, oldest first."""
    note(f"data: {place_of(options)}", quiet=options.json)
    with waiting("opening memory"):
        memory = open_memory(options)
    with memory:
        found = memory.review.list(limit=options.limit, **options_flow.whose(options))
    if options.json:
        print_json({"memories": [_json(each) for each in found]})
    elif not found:
        out().print("Nothing waits for review.")
    else:
        out().print(_table(found))
    return 0


def approve(options: argparse.Namespace) -> int:
    """Approve what is named, or all."""
    with waiting("opening memory"):
        memory = open_memory(options)
    with memory:
        approved = memory.review.approve(*options.ids, everything=not options.ids, **options_flow.whose(options))
    if options.json:
        print_json({"approved": [tables.memory_json(each) for each in approved]})
    else:
        out().print(f"Approved: {len(approved)}")
    return 0


def reject(options: argparse.Namespace) -> int:
    """Reject what is named, or all."""
    with waiting("opening memory"):
        memory = open_memory(options)
    with memory:
        rejected = memory.review.reject(*options.ids, everything=not options.ids, **options_flow.whose(options))
    if options.json:
        print_json({"rejected": rejected})
    else:
        out().print(f"Rejected: {rejected}")
    return 0


def _add_decision(
    subcommands: options_flow.Subcommands, name: str, summary: str, run: Callable[[argparse.Namespace], int]
) -> None:
    parser = options_flow.add_command(subcommands, name, summary, f"persistmem {name} --all --user maya")
    parser.add_argument("ids", metavar="ID", nargs="*", type=_id, help="ids, as `persistmem review` shows them")
    parser.add_argument("--all", action="store_true", help="all that waits")
    options_flow.add_json(parser)
    options_flow.add_whose(parser)

    def decide(options: argparse.Namespace) -> int:
        if bool(options.ids) == options.all:
            options.parser.error("give either ID... or --all")
        return run(options)

    parser.set_defaults(run=decide)


def _id(text: str) -> UUID:
    try:
        return UUID(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text[:40]!r} is no id of a memory") from None


def _json(memory: Memory) -> dict[str, object]:
    about = str(memory.review_of) if memory.review_of else None
    return {"id": str(memory.id), "reason": memory.review, "review_of": about, **tables.memory_json(memory)}


def _table(memories: list[Memory]) -> Table:
    table = Table(box=None, padding=(0, 2, 0, 0), header_style="dim", pad_edge=False, expand=True)
    table.add_column("from", no_wrap=True)
    table.add_column("what, and why it waits", ratio=1, overflow="fold")
    for each in memories:
        cell = Text(plain(each.text or each.key))
        cell.append(f"\n{each.review}", style="yellow")
        cell.append(f"\nid {each.id}", style="dim")
        table.add_row(each.provenance.source, cell)
    return table
