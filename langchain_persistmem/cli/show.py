"""`persistmem show`: one memory with all that is known about it."""

from __future__ import annotations

import argparse
from dataclasses import asdict

from langchain_persistmem.cli import tables
from langchain_persistmem.cli.options import Subcommands, add_command, add_json, add_owner, open_memory, owner_of
from langchain_persistmem.cli.terminal import out, plain, print_json
from langchain_persistmem.types.memory_record import MemoryRecord
from langchain_persistmem.types.records import Change, Turn


def add(subcommands: Subcommands) -> None:
    """Describe the subcommand."""
    parser = add_command(
        subcommands,
        "show",
        "show one memory: where it comes from, its versions and its changes",
        "persistmem show fact:home_city --user maya",
    )
    parser.add_argument("key", metavar="KEY", help="the key of a memory, as `persistmem list` shows it")
    add_json(parser)
    add_owner(parser)
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Look it up and show it."""
    with open_memory(options) as memory:
        found = memory.history.of(options.key, **owner_of(options))
    if options.json:
        print_json(_json(found))
        return 0
    first, *more = str(found).splitlines()
    out().print(plain(first), style="bold")
    for line in more:
        indent = "  " if line.startswith("  ") else ""
        out().print(indent + plain(line), soft_wrap=True)
    return 0


def _json(found: MemoryRecord) -> dict[str, object]:
    return {
        "memory": tables.memory_json(found.memory),
        "messages": [_turn_json(message) for message in found.messages],
        "missing_messages": list(found.missing_messages),
        "versions": [tables.memory_json(version) for version in found.versions],
        "changes": [_change_json(change) for change in found.changes],
        "uses": found.uses,
        "used_at": found.used_at.isoformat() if found.used_at else None,
    }


def _turn_json(turn: Turn) -> dict[str, object]:
    return {"id": turn.id, "role": turn.role, "text": turn.text, "sent_at": turn.sent_at.isoformat()}


def _change_json(change: Change) -> dict[str, object]:
    by = str(change.by_memory) if change.by_memory else None
    at = change.changed_at.isoformat()
    return {**asdict(change), "memory_id": str(change.memory_id), "by_memory": by, "changed_at": at}
