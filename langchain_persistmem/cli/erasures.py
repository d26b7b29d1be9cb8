"""`persistmem erasures`: the log of what was erased, replaying it after a restore, going on after an interruption."""

from __future__ import annotations

import argparse
import itertools
import sys
from collections.abc import Iterator
from pathlib import Path
from uuid import UUID

from rich import box
from rich.table import Table

from langchain_persistmem.cli import tables
from langchain_persistmem.cli.options import Subcommands, add_command, add_dry_run, open_memory
from langchain_persistmem.cli.terminal import ask, out
from langchain_persistmem.client.persistmem import PersistMem
from langchain_persistmem.errors import InvalidInputError
from langchain_persistmem.runtime.line_file import MOST_LINES, open_lines
from langchain_persistmem.types.results import Erasure

_PAGE = 1000


def add(subcommands: Subcommands) -> None:
    """Describe the subcommand."""
    parser = add_command(
        subcommands,
        "erasures",
        "list the log of erasures, replay it after a restore, or go on with what was interrupted",
        "persistmem erasures list --json erasures.jsonl",
    )
    parser.add_argument("action", choices=("list", "replay", "resume"), help="what to do")
    parser.add_argument("file", metavar="FILE", nargs="?", type=Path, help="of replay: a log that list --json wrote")
    parser.add_argument(
        "--json", metavar="FILE", help="of list: write the log there as JSON Lines; - is standard output"
    )
    add_dry_run(parser, "of replay: ")
    parser.add_argument(
        "--shared-threads", action="store_true", help="also erase checkpoints of threads that others have too"
    )
    parser.add_argument("--yes", action="store_true", help="do not ask")
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """List, replay or resume."""
    if (options.action == "replay") != (options.file is not None):
        options.parser.error("replay takes a FILE, which list --json wrote; list and resume take none")
    if options.json is not None and options.action != "list":
        options.parser.error("--json belongs to list")
    asks = options.action == "replay" and not (options.yes or options.dry_run)
    if asks and not sys.stdin.isatty():
        raise InvalidInputError("replay asks before it erases, and there is nobody to ask; pass --yes, or --dry-run")
    with open_memory(options, quiet=options.json == "-") as memory:
        if options.action == "list":
            return _list(memory, options.json)
        if options.action == "resume":
            out().print(tables.receipt_table(memory.privacy.resume_erasures(shared_threads=options.shared_threads)))
            return 0
        return _replay(memory, options, asks=asks)


def _replay(memory: PersistMem, options: argparse.Namespace, *, asks: bool) -> int:
    with open_lines(options.file, expected="a log of erasures", whole_path=True) as file:
        lines = [_decode(line, number) for number, line in enumerate(itertools.islice(file, MOST_LINES), 1)]
    shared_threads = options.shared_threads
    if options.dry_run or asks:
        planned = memory.privacy.replay_erasures(lines, shared_threads=shared_threads, dry_run=True)
        out().print(tables.receipt_table(planned))
        if options.dry_run:
            return 0
        if ask("Erase this again? [y/N] ").casefold() not in ("y", "yes"):
            out().print("Nothing was erased.")
            return 0
    out().print(tables.receipt_table(memory.privacy.replay_erasures(lines, shared_threads=shared_threads)))
    return 0


def _decode(line: bytes, number: int) -> str:
    try:
        return line.decode()
    except UnicodeDecodeError as error:
        raise InvalidInputError(f"line {number} is not UTF-8 at byte {error.start}; name a log of erasures") from error


def _list(memory: PersistMem, file: str | None) -> int:
    if file is None:
        out().print(_table(memory))
        return 0
    if file == "-":
        for erasure in _log(memory):
            sys.stdout.write(erasure.line + "\n")
        return 0
    try:
        with Path(file).open("w", encoding="utf-8") as written:
            for erasure in _log(memory):
                written.write(erasure.line + "\n")
    except OSError as error:
        raise InvalidInputError(f"{file} cannot be written: {type(error).__name__}; name another file") from error
    return 0


def _log(memory: PersistMem) -> Iterator[Erasure]:
    """All of it, page by page."""
    after: UUID | None = None
    while page := memory.privacy.erasures(after=after, limit=_PAGE):
        yield from page
        after = page[-1].id


def _table(memory: PersistMem) -> Table:
    table = Table(box=box.SIMPLE_HEAD, show_edge=False)
    table.add_column("erased at", no_wrap=True)
    table.add_column("what")
    table.add_column("rows", justify="right")
    table.add_column("state")
    for erasure in _log(memory):
        what = "everything" if erasure.everything else f"{len(erasure.memory_ids)} memories, {len(erasure.turns)} turns"
        state = "complete" if erasure.completed_at is not None else "interrupted: persistmem erasures resume"
        moment = erasure.erased_at.astimezone().isoformat(" ", "seconds")
        table.add_row(moment, what, f"{sum(erasure.counts.values()):,}", state)
    return table
