"""The `persistmem` command."""

from __future__ import annotations

import argparse
import io
import os
import sys
from collections.abc import Sequence
from importlib import import_module
from importlib.metadata import version

from langchain_persistmem.errors import MissingDependencyError, PersistMemError, SchemaOutOfDateError
from langchain_persistmem.types.actor import part

_INTERRUPTED = 130
_COMMANDS = (
    "demo", "ingest", "import_data", "export", "recall", "reembed", "list_memories", "show", "forget", "erasures", "consent", "review", "approve", "reject", "maintain", "prune", "worker", "rls", "status", "audit", "doctor", "eval", "serve", "mcp", "token",
)  # fmt: skip
"""The modules of ``cli/`` that describe subcommands, in the order of the help."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; returns the exit code: 0 done, 1 failed with a message, 2 bad usage, 130 interrupted."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")  # a terminal without the letters shows "?" instead of failing
    try:
        parser = _parser()
    except MissingDependencyError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    return _run(parser.parse_args(arguments))


def _parser() -> argparse.ArgumentParser:
    try:
        commands = [import_module(f"langchain_persistmem.cli.{name}") for name in _COMMANDS]
    except ImportError as error:
        if (error.name or "").partition(".")[0] != "rich":
            raise
        raise MissingDependencyError(
            'the command needs the package rich; run: pip install "langchain-persistmem[cli]"'
        ) from error
    parser = argparse.ArgumentParser(
        prog="persistmem",
        description="Long-term memory for LangChain agents, in PostgreSQL.",
        epilog="Start with: persistmem demo",
    )
    parser.add_argument(
        "--version", action="version", version=f"langchain-persistmem {version('langchain-persistmem')}"
    )
    subcommands = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)
    for command in commands:
        command.add(subcommands)
    return parser


def _run(options: argparse.Namespace) -> int:
    from langchain_persistmem.cli.options import check
    from langchain_persistmem.cli.terminal import show_error

    check(options)
    try:
        with part("command"):
            code: int = options.run(options)
        sys.stdout.flush()
    except SchemaOutOfDateError as error:
        show_error(
            f"{error} (`persistmem ingest` and `persistmem demo` do that)" if "setup()" in str(error) else str(error)
        )
        return 1
    except PersistMemError as error:
        show_error(str(error))
        return 1
    except KeyboardInterrupt:
        if not getattr(options, "questions_only", False):  # the demo that started it speaks for both
            show_error("interrupted; everything stored so far is kept")
        return _INTERRUPTED
    except BrokenPipeError:  # the reader, such as `head`, has enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    return code


if __name__ == "__main__":
    sys.exit(main())
