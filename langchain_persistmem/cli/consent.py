"""`persistmem consent`: what a person allows."""

from __future__ import annotations

import argparse

from langchain_persistmem.cli import options as options_flow
from langchain_persistmem.cli.options import open_memory
from langchain_persistmem.cli.terminal import out, print_json, waiting
from langchain_persistmem.types.records import CONSENTS


def add(subcommands: options_flow.Subcommands) -> None:
    """Describe the subcommand."""
    parser = options_flow.add_command(
        subcommands, "consent", "show or change what a person allows", "persistmem consent --set paused --user maya"
    )
    parser.add_argument("--set", choices=CONSENTS, help="from now on; without it, only show")
    options_flow.add_json(parser)
    options_flow.add_whose(parser)
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Change it if asked to, and show it."""
    with waiting("opening memory"):
        memory = open_memory(options)
    with memory:
        if options.set is not None:
            memory.privacy.set_consent(options.set, **options_flow.whose(options))
        allowed = memory.privacy.consent(**options_flow.whose(options))
    if options.json:
        print_json({"consent": allowed})
    else:
        out().print(allowed)
    return 0
