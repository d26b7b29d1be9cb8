"""`persistmem mcp`: memory for a desktop program or an editor that speaks the Model Context Protocol."""

from __future__ import annotations

import argparse
import asyncio
import signal

from langchain_persistmem.cli.opening import chat_model, open_memory
from langchain_persistmem.cli.parser import Subcommands, add_command, add_owner, owner_of
from langchain_persistmem.cli.serve import NEEDS_SERVER
from langchain_persistmem.errors import MissingDependencyError


def add(subcommands: Subcommands) -> None:
    """Describe the subcommand."""
    parser = add_command(
        subcommands,
        "mcp",
        "speak MCP on standard input and output: a client starts this, and reaches the memory of one person",
        "persistmem mcp --user maya",
    )
    add_owner(parser)
    parser.add_argument("--read-only", action="store_true", help="the client may look and change nothing")
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Serve until the client closes standard input."""
    try:
        from langchain_persistmem.server import Caller
        from langchain_persistmem.server.mcp import serve_stdio
    except ImportError as error:
        raise MissingDependencyError(NEEDS_SERVER) from error
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # closes memory as Ctrl-C does
    # Standard output is the client's; whatever is to be read by a person goes to standard error.
    with open_memory(options, quiet=True, set_up=not options.read_only, model=chat_model(options)) as memory:
        asyncio.run(serve_stdio(memory, Caller(**owner_of(options)), read_only=options.read_only))
    return 0
