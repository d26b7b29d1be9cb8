"""The options that every subcommand takes."""

from __future__ import annotations

import argparse
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import psycopg
from langchain_core.language_models import BaseChatModel
from psycopg.conninfo import conninfo_to_dict

from langchain_persistmem.client.persistmem import PersistMem
from langchain_persistmem.errors import MissingDependencyError
from langchain_persistmem.postgres.embedded import default_data_dir
from langchain_persistmem.redaction import Redaction
from langchain_persistmem.runtime.models import chat_model_of
from langchain_persistmem.settings import Retention, Settings
from langchain_persistmem.types.namespace import Namespace, decode

_MOST = 1000

Subcommands = Any
"""What ``ArgumentParser.add_subparsers()`` returns; its type is private to argparse."""


def add_command(subcommands: Subcommands, name: str, summary: str, example: str) -> argparse.ArgumentParser:
    """A subcommand with the options that all have, and one example at the end of its help."""
    parser: argparse.ArgumentParser = subcommands.add_parser(
        name,
        help=summary,
        description=summary[0].upper() + summary[1:] + ".",
        epilog=f"example:\n  {example}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.set_defaults(parser=parser)
    _add_place(parser)
    _add_models(parser)
    _add_redaction(parser)
    return parser


def add_whose(parser: argparse.ArgumentParser, *, required: bool = True) -> None:
    """``--user`` or ``--namespace``: whose memory is meant."""
    whose = parser.add_argument_group("whose memory").add_mutually_exclusive_group(required=required)
    whose.add_argument("--user", metavar="ID", help="the user's id")
    whose.add_argument(
        "--namespace", metavar="A/B", help="a namespace that is not ('memories', user), such as team/blue"
    )


def add_json(parser: argparse.ArgumentParser) -> None:
    """``--json``: for programs."""
    parser.add_argument("--json", action="store_true", help="print JSON and nothing else on standard output")


def whole_number(text: str) -> int:
    """A number from 1 to 1,000 for ``--limit``."""
    if not text.isascii() or not text.isdecimal() or not 1 <= int(text) <= _MOST:
        raise argparse.ArgumentTypeError(f"{text[:20]!r} is no whole number from 1 to {_MOST}")
    return int(text)


def check(options: argparse.Namespace) -> None:
    """End with exit code 2 where options contradict each other."""
    if options.base_url and not options.model:
        options.parser.error("--base-url needs --model: the name of the model on that server")


def whose(options: argparse.Namespace) -> dict[str, Any]:
    """``user_id=`` or ``namespace=`` for a method of PersistMem."""
    if options.namespace is not None:
        namespace: Namespace = decode(options.namespace)
        return {"namespace": namespace}
    return {"user_id": options.user}


def _add_place(parser: argparse.ArgumentParser) -> None:
    place = parser.add_argument_group("where the data lies").add_mutually_exclusive_group()
    place.add_argument(
        "--dsn",
        metavar="URI",
        help="a PostgreSQL with pgvector; by default the environment's PERSISTMEM_DSN, else the embedded server",
    )
    place.add_argument("--data-dir", metavar="DIR", type=Path, help="folder of the embedded server")
    parser.add_argument(
        "--row-level-security",
        action="store_true",
        help="tell PostgreSQL whose memories are meant, where `persistmem rls enable` was run",
    )


def _add_redaction(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--redact",
        action="store_true",
        help="put placeholders in the place of personal data and secrets; the key in PERSISTMEM_PSEUDONYM_KEY, if any",
    )


def _add_models(parser: argparse.ArgumentParser) -> None:
    models = parser.add_argument_group("models")
    models.add_argument(
        "--embeddings",
        metavar="NAME",
        default="local",
        help="'local' (the default, offline) or provider:model; always the same for one database",
    )
    models.add_argument(
        "--model", metavar="NAME", help="provider:model that finds memories (ingest, worker) and answers (demo)"
    )
    models.add_argument(
        "--base-url", metavar="URL", help="an OpenAI-compatible server that has --model; key in OPENAI_API_KEY, if any"
    )


TEMPLATE: Namespace = ("memories", "{user_id}")
DSN_VARIABLE = "PERSISTMEM_DSN"
KEY_VARIABLE = "PERSISTMEM_PSEUDONYM_KEY"


def dsn_of(options: argparse.Namespace) -> str | None:
    """The connection string that is meant; None means the embedded server."""
    if options.data_dir is not None:
        return None
    return options.dsn or os.environ.get(DSN_VARIABLE) or None


def place_of(options: argparse.Namespace) -> str:
    """Where the data lies, in words and without a password."""
    dsn = dsn_of(options)
    if dsn is None:
        folder: Path = options.data_dir or default_data_dir()
        return f"embedded PostgreSQL in {folder.expanduser().absolute()}"
    try:
        parts = conninfo_to_dict(dsn)
    except psycopg.Error:  # opening it says what is wrong
        return "a PostgreSQL whose connection string cannot be read"
    host = parts.get("host") or parts.get("hostaddr") or os.environ.get("PGHOST") or "localhost"
    port = parts.get("port") or os.environ.get("PGPORT") or "5432"
    database = parts.get("dbname") or os.environ.get("PGDATABASE") or "the default database"
    return f"PostgreSQL at {host}:{port}/{database}"


def open_memory(
    options: argparse.Namespace,
    *,
    namespace: Namespace = TEMPLATE,
    model: BaseChatModel | None = None,
    retention: Retention = Retention(),  # noqa: B008 - immutable
    erase_namespaces: Sequence[Namespace] = (),
) -> PersistMem:
    """Open what the options name; the caller closes it.

    Raises:
        PersistMemError: it cannot be opened; the message says why.
    """
    settings = Settings(
        data_dir=options.data_dir,
        retention=retention,
        row_level_security=options.row_level_security,
        redaction=redaction_of(options),
    )
    return PersistMem.open(
        dsn_of(options),
        embeddings=options.embeddings,
        model=model,
        settings=settings,
        namespace=namespace,
        erase_namespaces=erase_namespaces,
    )


def redaction_of(options: argparse.Namespace) -> Redaction | None:
    """What the options say of redaction.

    Raises:
        ConfigurationError: the key of the environment is too short.
    """
    if not options.redact:
        return None
    return Redaction(pseudonym_key=os.environ.get(KEY_VARIABLE) or None)


def chat_model(options: argparse.Namespace) -> BaseChatModel | None:
    """The chat model that the options name, if they name one.

    Raises:
        ConfigurationError: the provider does not know the name.
        MissingDependencyError: its package is not installed.
    """
    if not options.base_url:
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
