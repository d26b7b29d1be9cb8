"""`persistmem consent`: what a person allows."""

from __future__ import annotations

import argparse

from langchain_persistmem.cli.json_output import print_json
from langchain_persistmem.cli.opening import open_memory
from langchain_persistmem.cli.parser import Subcommands, add_command, add_json, add_owner, owner_of
from langchain_persistmem.cli.terminal import out
from langchain_persistmem.types.records import CONSENTS


def add(subcommands: Subcommands) -> None:
    """Describe the subcommand."""
    parser = add_command(
        subcommands,
        "consent",
        "show or change what a person allows",
        "persistmem consent --set paused --user maya",
        details="allowed: everything. no_extract: conversations are stored, and nothing is learnt from them. paused: nothing is written or recalled. What is stored stays; turns that waited to be learnt from never are.",
    )
    parser.add_argument("--set", choices=CONSENTS, help="from now on; without it, only show")
    add_json(parser)
    add_owner(parser)
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Change it if asked to, and show it."""
    # Standard output is the consent and nothing else, for a script to compare.
    with open_memory(options, quiet=True) as memory:
        if options.set is not None:
            memory.privacy.set_consent(options.set, **owner_of(options))
        consent = memory.privacy.consent(**owner_of(options))
    if options.json:
        print_json({"consent": consent})
    else:
        out().print(consent)
    return 0
