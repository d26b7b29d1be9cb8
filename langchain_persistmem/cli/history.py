"""`persistmem history`: the versions of a memory, and what was changed when and why."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from datetime import UTC

from rich.table import Table
from rich.text import Text

from langchain_persistmem.cli import values
from langchain_persistmem.cli.json_output import change_json, memory_json, print_json
from langchain_persistmem.cli.opening import open_memory
from langchain_persistmem.cli.parser import Subcommands, add_command, add_json, add_owner, owner_of
from langchain_persistmem.cli.terminal import out, plain
from langchain_persistmem.types.records import Change, Memory


def add(subcommands: Subcommands) -> None:
    """Describe the subcommand."""
    parser = add_command(
        subcommands,
        "history",
        "show the versions of a memory, or without a key what was changed when and why",
        "persistmem history home --user maya",
        details="The id of a version is what `persistmem restore` takes.",
    )
    parser.add_argument("key", metavar="KEY", nargs="?", type=values.name, help="of a memory")
    parser.add_argument("--limit", metavar="N", type=values.whole_number, default=100, help="changes at most (100)")
    add_json(parser)
    add_owner(parser)
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Look it up and show it."""
    owner = owner_of(options)
    with open_memory(options) as memory:
        versions = memory.history.versions(options.key, **owner) if options.key is not None else []
        changes = memory.history.changes(options.key, limit=options.limit, **owner)
    if options.json:
        print_json({"versions": list(map(memory_json, versions)), "changes": list(map(change_json, changes))})
        return 0
    if versions:
        out().print(_versions_table(versions))
        out().print()
    out().print(_changes_table(changes) if changes else "Nothing was changed.")
    return 0


def _table(*names: str) -> Table:
    table = Table(box=None, padding=(0, 2, 0, 0), header_style="dim", pad_edge=False, expand=True)
    for name in names:
        table.add_column(name, no_wrap=True)
    table.add_column("what", ratio=1, overflow="fold")
    return table


def _versions_table(versions: Sequence[Memory]) -> Table:
    table = _table("true from", "until", "status")
    for memory in versions:
        until = memory.valid_until.date().isoformat() if memory.valid_until else ""
        cell = Text(plain(memory.text or "(no text)")).append(f"\nid {memory.id}", style="dim")
        table.add_row(memory.valid_from.date().isoformat(), until, memory.status, cell)
    return table


def _changes_table(changes: Sequence[Change]) -> Table:
    table = _table("when (UTC)", "change")
    for change in changes:
        when = change.changed_at.astimezone(UTC).strftime("%Y-%m-%d %H:%M")
        cell = Text(plain(change.reason or "")).append(f"\nkey {plain(change.key)}", style="dim")
        table.add_row(when, change.change, cell)
    return table
