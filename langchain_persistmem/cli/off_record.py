"""`persistmem off-record`: a conversation from which nothing is stored, and into which nothing is recalled."""

from __future__ import annotations

import argparse

from langchain_persistmem.cli import values
from langchain_persistmem.cli.json_output import print_json
from langchain_persistmem.cli.opening import open_memory
from langchain_persistmem.cli.parser import Subcommands, add_command, add_json, add_owner, owner_of
from langchain_persistmem.cli.terminal import out


def add(subcommands: Subcommands) -> None:
    """Describe the subcommand."""
    parser = add_command(
        subcommands,
        "off-record",
        "show or change whether a conversation is off the record",
        "persistmem off-record chat-1 --begin --user maya",
        details="Off the record, nothing is recalled into a conversation, stored or learnt from it. What was stored before "
        "stays; turns that waited to be learnt from never are.",
    )
    parser.add_argument("thread", metavar="THREAD", type=values.name, help="the id of the conversation")
    change = parser.add_mutually_exclusive_group()
    change.add_argument("--begin", action="store_true", help="off the record from now on")
    change.add_argument("--end", action="store_true", help="on the record again")
    add_json(parser)
    add_owner(parser)
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Change it if asked to, and show it."""
    owner = owner_of(options)
    with open_memory(options, quiet=True) as memory:
        if options.begin or options.end:
            memory.privacy.set_off_record(options.thread, options.begin, **owner)
        off = memory.privacy.off_record(options.thread, **owner)
    if options.json:
        print_json({"thread_id": options.thread, "off_record": off})
    else:
        out().print("off the record" if off else "on the record")
    return 0
