"""The options that every subcommand takes."""

from __future__ import annotations

import argparse
import os
import textwrap
from collections.abc import Generator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

from langchain_core.documents import BaseDocumentCompressor
from langchain_core.embeddings import Embeddings
from langchain_core.language_models import BaseChatModel
from psycopg.conninfo import conninfo_to_dict

from langchain_persistmem.cli import values
from langchain_persistmem.cli.parser import CommandParser
from langchain_persistmem.cli.terminal import note, waiting
from langchain_persistmem.client.persistmem import PersistMem
from langchain_persistmem.errors import ConfigurationError, InvalidInputError, MissingDependencyError
from langchain_persistmem.postgres.connections.conninfo import read_conninfo
from langchain_persistmem.postgres.connections.embedded import default_data_dir
from langchain_persistmem.redaction import Redaction
from langchain_persistmem.runtime.models.model_names import chat_model_of
from langchain_persistmem.settings import Settings
from langchain_persistmem.types.extraction_schema import Schema
from langchain_persistmem.types.namespace import Namespace, decode

_WIDTH = 78
TEMPLATE: Namespace = ("memories", "{user_id}")
DSN_VARIABLE = "PERSISTMEM_DSN"
KEY_VARIABLE = "PERSISTMEM_PSEUDONYM_KEY"
GOES_ON = "what is stored is kept; run the same command again: it goes on where it stopped"
"""Advice on how to go on, for subcommands that know what they have done."""

Subcommands = Any
"""The result of ``ArgumentParser.add_subparsers()``; its type is private to argparse."""


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


def common_help() -> str:
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


@contextmanager
def as_wrong_option() -> Generator[None]:
    """Turn a configuration that cannot work into wrong usage: on the command line, options are all that is configured.

    Raises:
        InvalidInputError: in the place of a ConfigurationError; those of its subclasses say what is to be installed or
            set up, and stay.
    """
    try:
        yield
    except ConfigurationError as error:
        if type(error) is not ConfigurationError:
            raise
        raise InvalidInputError(str(error)) from error


@contextmanager
def open_memory(
    options: argparse.Namespace,
    *,
    quiet: bool | None = None,
    set_up: bool = False,
    step: str = "opening memory",
    namespace: Namespace = TEMPLATE,
    model: BaseChatModel | None = None,
    embeddings: Embeddings | None = None,
    schema: Schema | None = None,
    reranker: BaseDocumentCompressor | None = None,
    erase_namespaces: Sequence[Namespace] = (),
    announce: bool = True,
    **settings: Any,
) -> Generator[PersistMem]:
    """Print where the data lies, open it, and close it at the end of the block.

    Args:
        options: of any subcommand.
        quiet: keep standard output for a program; by default with ``--json``.
        set_up: bring the database up to date first.
        step: the words of the spinner.
        namespace: the template that a user's id is put into.
        model: the chat model.
        embeddings: the embedding model; by default the one that the options name.
        schema: the shape of what the chat model extracts.
        reranker: the document compressor that orders what is found.
        erase_namespaces: where else a user is named.
        announce: print where the data lies.
        settings: further fields of :class:`Settings`.

    Raises:
        PersistMemError: it cannot be opened; the message says why.
    """
    with as_wrong_option():
        all_settings = Settings(
            data_dir=options.data_dir,
            row_level_security=options.row_level_security,
            schema=options.database_schema,
            redaction=_redaction_of(options),
            **settings,
        )
    # Said before opening: when the server does not answer, one wants to know which one was asked.
    if announce:
        note(f"data: {location_of(options)}", quiet=getattr(options, "json", False) if quiet is None else quiet)
    with ExitStack() as stack:
        with waiting(step), as_wrong_option():
            memory = stack.enter_context(
                PersistMem.open(
                    dsn_of(options),
                    embeddings=embeddings or options.embeddings,
                    model=model,
                    schema=schema,
                    reranker=reranker,
                    settings=all_settings,
                    namespace=namespace,
                    erase_namespaces=erase_namespaces,
                )
            )
        if set_up:
            with waiting("setting up"):
                memory.setup()
        yield memory


def _redaction_of(options: argparse.Namespace) -> Redaction | None:
    """The redaction that the options name.

    Raises:
        ConfigurationError: the key of the environment is too short.
    """
    if not options.redact:
        return None
    return Redaction(pseudonym_key=os.environ.get(KEY_VARIABLE) or None)


def chat_model(options: argparse.Namespace) -> BaseChatModel | None:
    """The chat model that the options name, if they name one.

    Raises:
        InvalidInputError: the provider does not know the name.
        MissingDependencyError: its package is not installed.
    """
    if not options.base_url:
        with as_wrong_option():
            return chat_model_of(options.model)
    try:
        from langchain_openai import ChatOpenAI
        from pydantic import SecretStr
    except ImportError as error:
        raise MissingDependencyError(
            '--base-url needs the package langchain-openai; run: pip install "langchain-persistmem[openai]"'
        ) from error
    name = options.model.removeprefix("openai:")
    key = SecretStr(os.environ.get("OPENAI_API_KEY") or "not-needed")
    return ChatOpenAI(base_url=options.base_url, api_key=key, model=name)
