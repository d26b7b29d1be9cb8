"""`persistmem consent`: what a person allows."""

from __future__ import annotations

import argparse

from langchain_persistmem.command import options as shared
from langchain_persistmem.command.opening import open_memory
from langchain_persistmem.command.screen import out, print_json, waiting
from langchain_persistmem.types import CONSENTS


def add(subcommands: shared.Subcommands) -> None:
    """Describe the subcommand."""
    parser = shared.add_command(
        subcommands, "consent", "show or change what a person allows", "persistmem consent --set paused --user maya"
    )
    parser.add_argument("--set", choices=CONSENTS, help="from now on; without it, only show")
    shared.add_json(parser)
    shared.add_whose(parser)
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Change it if asked to, and show it."""
    with waiting("opening memory"):
        memory = open_memory(options)
    with memory:
        if options.set is not None:
            memory.set_consent(options.set, **shared.whose(options))
        allowed = memory.consent(**shared.whose(options))
    if options.json:
        print_json({"consent": allowed})
    else:
        out().print(allowed)
    return 0
