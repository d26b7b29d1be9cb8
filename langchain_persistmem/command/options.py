"""The options that every subcommand takes."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from langchain_persistmem.namespace import Namespace, decode

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
