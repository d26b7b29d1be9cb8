"""`persistmem token`: a bearer token for a program, bound to a person or an operator."""

from __future__ import annotations

import argparse
import os
from datetime import timedelta

from langchain_persistmem.cli import values
from langchain_persistmem.cli.parser import Subcommands, add_command, add_owner, owner_of
from langchain_persistmem.cli.serve import NEEDS_SERVER, SERVER_KEY
from langchain_persistmem.cli.terminal import note, out
from langchain_persistmem.errors import ConfigurationError, MissingDependencyError


def add(subcommands: Subcommands) -> None:
    """Describe the subcommand, which looks at no database."""
    parser = add_command(
        subcommands,
        "token",
        "make a token with which a program reaches the memory of one person, or as an operator everybody's",
        "persistmem token --user maya --days 90",
        details=f"It is signed with {SERVER_KEY}, which the server has to have too.",
        database=False,
    )
    parser.set_defaults(run=run)
    add_owner(parser, required=False)
    parser.add_argument(
        "--operator", metavar="NAME", type=values.name, help="for an operator, under this name in the audit log"
    )
    parser.add_argument("--days", type=values.whole_number, default=30, metavar="N", help="until it expires (30)")
    parser.add_argument("--read-only", action="store_true", help="it may look and change nothing")


def run(options: argparse.Namespace) -> int:
    """Print the token."""
    try:
        from langchain_persistmem.server import Caller, bearer_token
    except ImportError as error:
        raise MissingDependencyError(NEEDS_SERVER) from error
    owner = owner_of(options)
    if bool(owner) == (options.operator is not None):
        options.parser.error("give one of --user, --namespace and --operator")
    key = os.environ.get(SERVER_KEY)
    if key is None:
        raise ConfigurationError(
            f"{SERVER_KEY} is not set; set it here and for the server to the same 32 characters or more"
        )
    caller = Caller(**owner, is_operator=not owner, name=options.operator, read_only=options.read_only)
    out().print(bearer_token(key, caller, lifetime=timedelta(days=options.days)), soft_wrap=True)
    note(f"expires in {options.days} days; to take it back before, change {SERVER_KEY}", quiet=True)
    return 0
