"""`persistmem edit`: correct a memory."""

from __future__ import annotations

import argparse

from langchain_persistmem.cli import values
from langchain_persistmem.cli.json_output import memory_json, print_json
from langchain_persistmem.cli.opening import open_memory
from langchain_persistmem.cli.parser import Subcommands, add_command, add_json, add_owner, owner_of
from langchain_persistmem.cli.tables import memory_table
from langchain_persistmem.cli.terminal import note, out
from langchain_persistmem.types.records import KINDS

_FIELDS = ("text", "kind", "importance", "value", "valid_from")


def add(subcommands: Subcommands) -> None:
    """Describe the subcommand."""
    parser = add_command(
        subcommands,
        "edit",
        "correct a memory; the version before stays in its history",
        'persistmem edit home --text "Maya lives in Altona." --user maya',
        details="The new version is true from the moment that the old one was; for a change in the world, give "
        "--valid-from. `persistmem history` shows the versions, `persistmem restore` brings one back.",
    )
    parser.add_argument("key", metavar="KEY", type=values.name, help="of a memory, as `persistmem list` shows it")
    parser.add_argument("--text", metavar="TEXT", type=values.text, help="the new wording")
    parser.add_argument("--kind", choices=KINDS, help="the kind of memory")
    parser.add_argument("--importance", metavar="SHARE", type=values.share, help="0 to 1")
    parser.add_argument("--value", metavar="JSON", type=values.json_object, help="an object that replaces the old")
    parser.add_argument("--valid-from", metavar="TIME", type=values.moment, help="true since then")
    parser.add_argument("--operator", action="store_true", help="the operator corrects it, not the person")
    add_json(parser)
    add_owner(parser)
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Correct and show it."""
    changes = {name: getattr(options, name) for name in _FIELDS if getattr(options, name) is not None}
    if not changes:
        options.parser.error("give what is to change, such as --text")
    with open_memory(options) as memory:
        edited = memory.edit(
            options.key, source="operator" if options.operator else "user", **changes, **owner_of(options)
        )
    if options.json:
        print_json({"memory": memory_json(edited)})
        return 0
    out().print(memory_table([edited]))
    if edited.status == "quarantined":
        note(f"it waits for review: {edited.review}; see persistmem review")
    return 0
