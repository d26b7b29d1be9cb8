"""The `persistmem` command."""

from __future__ import annotations

import argparse
import io
import os
import sys
from collections.abc import Sequence

from langchain_persistmem.errors import (
    InvalidInputError,
    MissingDependencyError,
    NamespaceMissingError,
    PersistMemError,
    SchemaOutOfDateError,
)
from langchain_persistmem.types.actor import part

_WRONG, _INTERRUPTED = 2, 130


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command.

    Returns:
        The exit code: 0 done, 1 failed with a message, 2 what was given cannot be used, 130 interrupted.
    """
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")  # a terminal without the letters shows "?" instead of failing
    try:
        parser = _parser()
    except MissingDependencyError as error:
        print(f"error: {error}", file=sys.stderr)
        return _WRONG
    return _run(parser.parse_args(arguments))


def _parser() -> argparse.ArgumentParser:
    try:
        from langchain_persistmem.cli.parser import build_parser

        return build_parser()
    except ImportError as error:
        if (error.name or "").partition(".")[0] != "rich":
            raise
        raise MissingDependencyError(
            'the command needs the package rich; run: pip install "langchain-persistmem[cli]"'
        ) from error


def _run(options: argparse.Namespace) -> int:
    from langchain_persistmem.cli.parser import check
    from langchain_persistmem.cli.terminal import show_error

    check(options)
    try:
        with part("command"):
            code: int = options.run(options)
        sys.stdout.flush()
    except SchemaOutOfDateError as error:
        advice = " (`persistmem ingest`, `remember`, `observe` and `demo` do that)" if "setup()" in str(error) else ""
        show_error(f"{error}{advice}")
        return 1
    except (InvalidInputError, NamespaceMissingError) as error:
        show_error(str(error))
        return _WRONG
    except PersistMemError as error:
        show_error(str(error))
        return 1
    except KeyboardInterrupt:
        if not getattr(options, "questions_only", False):  # the demo that started it speaks for both
            show_error(f"interrupted; {options.resume}")
        return _INTERRUPTED
    except BrokenPipeError:  # the reader, such as `head`, has enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    return code


if __name__ == "__main__":
    sys.exit(main())
