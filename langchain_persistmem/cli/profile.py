"""`persistmem profile`: the structured document about a user."""

from __future__ import annotations

import argparse
from typing import Any, cast

from langchain_persistmem.cli import values
from langchain_persistmem.cli.json_output import print_json
from langchain_persistmem.cli.opening import open_memory
from langchain_persistmem.cli.parser import Subcommands, add_command, add_json, add_owner, owner_of
from langchain_persistmem.cli.terminal import out, plain


def add(subcommands: Subcommands) -> None:
    """Describe the subcommand."""
    parser = add_command(
        subcommands,
        "profile",
        "show or change the document about a user: name, preferences, goals and more",
        'persistmem profile --user maya --set \'{"name": "Maya"}\'',
        details="It is joined with the name, preferences, goals and instructions among the memories. --set merges: "
        "objects field by field, null removes a field, all else replaces it.",
    )
    parser.add_argument("--set", metavar="JSON", type=values.json_object, help="an object of changes")
    add_json(parser)
    add_owner(parser)
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Change it if asked to, and show it."""
    with open_memory(options, set_up=options.set is not None) as memory:
        owner = owner_of(options)
        profile = memory.profile(**owner) if options.set is None else memory.update_profile(options.set, **owner)
    document = profile.model_dump(mode="json")
    if options.json:
        print_json({"profile": document})
        return 0
    lines = [f"{name.replace('_', ' ')}: {_line(value)}" for name, value in document.items() if value]
    for line in lines:
        out().print(plain(line), soft_wrap=True)
    if not lines:
        out().print("Nothing is in the profile.")
    return 0


def _line(value: object) -> str:
    return "; ".join(map(str, cast("list[Any]", value))) if isinstance(value, list) else str(value)
