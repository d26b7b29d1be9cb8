"""The parser of the command line: help that fits a screen, no guessed abbreviations, errors that fit a line."""

from __future__ import annotations

import argparse
import contextlib
from collections.abc import Generator, Sequence
from typing import Any, NoReturn

from langchain_persistmem.cli.terminal import plain

_LONGEST = 300
"""Characters of an error's message: argparse repeats a wrong value at its full length."""


class CommandParser(argparse.ArgumentParser):
    """A parser whose help leaves out the options that every subcommand has; ``persistmem --help`` explains those.

    Options are written out: ``--every`` never stands for ``--everything``.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **{"allow_abbrev": False, **kwargs})
        self.common: list[argparse.Action] = []
        """Options that are left out of the help."""

    def format_help(self) -> str:
        """Format what ``--help`` prints."""
        with self._without_common():
            return super().format_help()

    def format_usage(self) -> str:
        """Format the line that stands above an error."""
        with self._without_common():
            return super().format_usage()

    def error(self, message: str) -> NoReturn:
        """Print the usage and the error, cut to a readable length, and exit with code 2."""
        shown = plain(message)
        shown = shown if len(shown) <= _LONGEST else f"{shown[:_LONGEST]}…"
        self.exit(2, f"{self.format_usage()}{self.prog}: error: {shown}\n")

    @contextlib.contextmanager
    def _without_common(self) -> Generator[None]:
        # argparse leaves out whatever has no help, and the heading of a group of which nothing is left.
        texts: Sequence[str | None] = [action.help for action in self.common]
        try:
            for action in self.common:
                action.help = argparse.SUPPRESS
            yield
        finally:
            for action, text in zip(self.common, texts, strict=True):
                action.help = text
