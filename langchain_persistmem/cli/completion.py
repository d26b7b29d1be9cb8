"""`persistmem completion`: a script that completes the command in a shell."""

from __future__ import annotations

import argparse
import sys

from langchain_persistmem.cli.parser import Subcommands, add_command
from langchain_persistmem.errors import MissingDependencyError

_SHELLS = ("bash", "zsh", "fish")


def add(subcommands: Subcommands) -> None:
    """Describe the subcommand."""
    parser = add_command(
        subcommands,
        "completion",
        "print a script that completes subcommands and options in your shell",
        'eval "$(persistmem completion bash)"                 # in ~/.bashrc\n'
        "  persistmem completion zsh > ~/.zfunc/_persistmem     # a folder of $fpath\n"
        "  persistmem completion fish > ~/.config/fish/completions/persistmem.fish",
        database=False,
    )
    parser.add_argument("shell", choices=_SHELLS, help="your shell")
    # The whole command, which is known only when all subcommands are described.
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Print the script."""
    try:
        import shtab
    except ImportError as error:
        raise MissingDependencyError(
            'completion needs the package shtab; run: pip install "langchain-persistmem[cli]"'
        ) from error
    sys.stdout.write(shtab.complete(options.whole, shell=options.shell))
    return 0
