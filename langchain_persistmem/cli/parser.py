"""The command line: which subcommands there are, the options that every one takes, and the database that these name."""

from __future__ import annotations

import argparse
import os
import textwrap
from collections.abc import Mapping
from importlib import import_module
from importlib.metadata import version
from pathlib import Path
from typing import Any

from psycopg.conninfo import conninfo_to_dict

from langchain_persistmem.cli import values
from langchain_persistmem.cli.help_format import CommandParser
from langchain_persistmem.errors import ConfigurationError
from langchain_persistmem.postgres.connections.conninfo import read_conninfo
from langchain_persistmem.postgres.connections.embedded import default_data_dir
from langchain_persistmem.settings import Settings
from langchain_persistmem.types.namespace import Namespace, decode

_WIDTH = 78
TEMPLATE: Namespace = ("memories", "{user_id}")
DSN_VARIABLE = "PERSISTMEM_DSN"
GOES_ON = "what is stored is kept; run the same command again: it goes on where it stopped"
"""Advice on how to go on, for subcommands that know what they have done."""

_COMMANDS = (
    "demo", "remember", "observe", "ingest", "recall", "context", "list_memories", "show", "profile", "edit", "pin", "history",
    "restore", "forget", "review", "approve", "reject", "consent", "off_record", "commands", "export", "import_data", "erasures",
    "audit", "status", "doctor", "worker", "maintain", "prune", "reembed", "rls", "distribute", "undistribute", "eval", "serve",
    "mcp", "token", "completion",
)  # fmt: skip
"""The modules of ``cli/`` that describe subcommands, in the order of the help."""

Subcommands = Any
"""The result of ``ArgumentParser.add_subparsers()``; its type is private to argparse."""


def build_parser() -> CommandParser:
    """Build the parser of the whole command line."""
    parser = CommandParser(
        prog="persistmem",
        description="Long-term memory for LangChain agents, in PostgreSQL.",
        epilog=f"{_common_help()}\n\nStart with: persistmem demo",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "--version", action="version", version=f"langchain-persistmem {version('langchain-persistmem')}"
    )
    subcommands = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)
    for name in _COMMANDS:
        import_module(f"langchain_persistmem.cli.{name}").add(subcommands)
    parser.set_defaults(whole=parser)  # `completion` completes all of it
    return parser


def add_command(
    subcommands: Subcommands,
    name: str,
    summary: str,
    example: str,
    *,
    details: str = "",
    resume: str = "everything stored so far is kept",
    database: bool = True,
) -> CommandParser:
    """Add a subcommand with the options that all have.

    Args:
        subcommands: what it is added to.
        name: its name.
        summary: one line, for the list of subcommands and the head of its help.
        example: one or a few, for the end of its help.
        details: a paragraph below the summary.
        resume: a sentence for the person who interrupts it: what is kept, and how to go on.
        database: False for a subcommand that opens none.
    """
    # The common options are left out of the help, so that it fits a screen; one line at its end names them.
    description = summary[0].upper() + summary[1:] + "."
    if details:
        description += "\n\n" + textwrap.fill(details, _WIDTH)
    common = ""
    if database:
        common = "\n\n" + textwrap.fill(
            f"every subcommand takes: {' '.join(_COMMON)} (persistmem --help explains them)", _WIDTH
        )
    parser: CommandParser = subcommands.add_parser(
        name,
        help=summary,
        description=description,
        epilog=f"example:\n  {example}{common}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.set_defaults(parser=parser, resume=resume, model=None, base_url=None, dsn=None, data_dir=None)
    if database:
        _add_common(parser)
    return parser


def add_owner(parser: argparse.ArgumentParser, *, required: bool = True) -> None:
    """``--user`` or ``--namespace``: whose memory is meant."""
    group = parser.add_argument_group("whose memory").add_mutually_exclusive_group(required=required)
    group.add_argument("--user", metavar="ID", type=values.user, help="the user's id")
    group.add_argument(
        "--namespace",
        metavar="A/B",
        type=values.namespace,
        help="a namespace that is not ('memories', user), such as team/blue",
    )


def add_json(parser: argparse.ArgumentParser) -> None:
    """``--json``: for programs."""
    parser.add_argument("--json", action="store_true", help="print JSON and nothing else on standard output")


def add_dry_run(parser: argparse.ArgumentParser, of: str = "") -> None:
    """``--dry-run``: the same counts, and nothing that changes."""
    parser.add_argument("--dry-run", action="store_true", help=f"{of}count what would change, and change nothing")


def check(options: argparse.Namespace) -> None:
    """End with exit code 2 where options contradict each other."""
    if options.base_url and not options.model:
        options.parser.error("--base-url needs --model: the name of the model on that server")
    if options.dsn is not None and options.data_dir is not None:
        options.parser.error("--dsn and --data-dir exclude each other: one is a server, the other a folder of our own")


def owner_of(options: argparse.Namespace) -> dict[str, Any]:
    """``user_id=`` or ``namespace=`` for a method of PersistMem; neither where the options name nobody."""
    if options.namespace is not None:
        return {"namespace": decode(options.namespace)}
    return {"user_id": options.user} if options.user is not None else {}


_COMMON: Mapping[str, Mapping[str, Any]] = {
    "--dsn": {
        "metavar": "URI",
        "type": values.conninfo,
        "help": "a PostgreSQL with pgvector; by default the variable PERSISTMEM_DSN, else the embedded server",
    },
    "--data-dir": {"metavar": "DIR", "type": values.path, "help": "folder of the embedded server"},
    "--database-schema": {
        "metavar": "NAME",
        "type": values.label,
        "default": Settings().schema,
        "help": f"PostgreSQL's schema for the tables of this package ({Settings().schema})",
    },
    "--row-level-security": {
        "action": "store_true",
        "help": "tell PostgreSQL whose memories are meant, where `persistmem rls enable` was run",
    },
    "--embeddings": {
        "metavar": "NAME",
        "type": values.label,
        "default": "local",
        "help": "'local' (the default, offline) or provider:model; always the same for one database",
    },
    "--model": {
        "metavar": "NAME",
        "type": values.label,
        "help": "provider:model that learns from conversations, and answers in the demo",
    },
    "--base-url": {
        "metavar": "URL",
        "type": values.label,
        "help": "an OpenAI-compatible server that has --model; its key in OPENAI_API_KEY, if it wants one",
    },
    "--redact": {
        "action": "store_true",
        "help": "placeholders in the place of personal data and secrets; pseudonyms with PERSISTMEM_PSEUDONYM_KEY",
    },
}
"""The options of every subcommand that opens a database, as argparse takes them."""


def _add_common(parser: CommandParser) -> None:
    for name, arguments in _COMMON.items():
        parser.common.append(parser.add_argument(name, **arguments))


def _common_help() -> str:
    """Explain the options of every subcommand, for the end of ``persistmem --help``."""
    lines = ["options of every subcommand:"]
    for name, arguments in _COMMON.items():
        lines.append(f"  {name} {arguments.get('metavar', '')}".rstrip())
        lines += textwrap.wrap(arguments["help"], _WIDTH, initial_indent=" " * 6, subsequent_indent=" " * 6)
    return "\n".join(lines)


def dsn_of(options: argparse.Namespace) -> str | None:
    """The connection string that is meant; None means the embedded server."""
    if options.data_dir is not None:
        return None
    return options.dsn or os.environ.get(DSN_VARIABLE) or None


def location_of(options: argparse.Namespace) -> str:
    """The location of the data, in words and without a password."""
    dsn = dsn_of(options)
    if dsn is None:
        folder: Path = options.data_dir or default_data_dir()
        return f"embedded PostgreSQL in {folder.expanduser().absolute()}"
    try:
        parts = conninfo_to_dict(read_conninfo(dsn).text)
    except ConfigurationError:  # opening it says what is wrong
        return "a PostgreSQL whose connection string cannot be read"
    host = parts.get("host") or parts.get("hostaddr") or os.environ.get("PGHOST") or "localhost"
    port = parts.get("port") or os.environ.get("PGPORT") or "5432"
    database = parts.get("dbname") or os.environ.get("PGDATABASE") or "the default database"
    return f"PostgreSQL at {host}:{port}/{database}"
