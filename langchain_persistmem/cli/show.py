"""`persistmem show`: one memory with all that is known about it."""

from __future__ import annotations

import argparse

from langchain_persistmem.cli import values
from langchain_persistmem.cli.json_output import change_json, memory_json, print_json, turn_json
from langchain_persistmem.cli.opening import open_memory
from langchain_persistmem.cli.parser import Subcommands, add_command, add_json, add_owner, owner_of
from langchain_persistmem.cli.terminal import out, plain
from langchain_persistmem.types.records import MemoryRecord


def add(subcommands: Subcommands) -> None:
    """Describe the subcommand."""
    parser = add_command(
        subcommands,
        "show",
        "show one memory: where it comes from, its versions and its changes",
        "persistmem show fact:home_city --user maya",
        details="With the messages that it rests on, how often it was used, and why each change was made.",
    )
    parser.add_argument(
        "key", metavar="KEY", type=values.name, help="the key of a memory, as `persistmem list` shows it"
    )
    add_json(parser)
    add_owner(parser)
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Look it up and show it."""
    with open_memory(options) as memory:
        record = memory.history.of(options.key, **owner_of(options))
    if options.json:
        print_json(_json(record))
        return 0
    first, *more = str(record).splitlines()
    out().print(plain(first), style="bold")
    for line in more:
        indent = "  " if line.startswith("  ") else ""
        out().print(indent + plain(line), soft_wrap=True)
    return 0


def _json(record: MemoryRecord) -> dict[str, object]:
    return {
        "memory": memory_json(record.memory),
        "messages": [turn_json(message) for message in record.messages],
        "missing_messages": list(record.missing_messages),
        "versions": [memory_json(version) for version in record.versions],
        "changes": [change_json(change) for change in record.changes],
        "uses": record.uses,
        "used_at": record.used_at.isoformat() if record.used_at else None,
    }
