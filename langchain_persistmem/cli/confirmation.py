"""Asking before anything is erased for good: a person at the terminal, or ``--yes``, and never a guess."""

from __future__ import annotations

import argparse
import sys

from langchain_persistmem.cli.terminal import ask, out
from langchain_persistmem.errors import InvalidInputError


def add_yes(parser: argparse.ArgumentParser, more: str = "") -> None:
    """``--yes``: erase without asking."""
    parser.add_argument("--yes", action="store_true", help=f"do not ask{more}")


def check_answerable(options: argparse.Namespace, *, dry_run: bool = False) -> None:
    """End before anything is opened where a question would have to be asked, and there is nobody to answer it.

    Raises:
        InvalidInputError: neither ``--yes`` nor a terminal, or the output is for a program.
    """
    if options.yes or dry_run or (sys.stdin.isatty() and not options.json):
        return
    name = options.parser.prog.rpartition(" ")[2]
    look = ", or --dry-run to see what would go" if hasattr(options, "dry_run") else ""
    raise InvalidInputError(f"{name} asks before it erases, and there is nobody to ask; pass --yes to erase{look}")


def is_confirmed(options: argparse.Namespace, question: str) -> bool:
    """Tell whether ``--yes`` was given or the person at the terminal says so; a no is acknowledged."""
    if options.yes or ask(f"{question} [y/N] ").casefold() in ("y", "yes"):
        return True
    out().print("Nothing was erased.")
    return False
