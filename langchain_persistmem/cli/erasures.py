"""`persistmem erasures`: the log of what was erased, replaying it after a restore, going on after an interruption."""

from __future__ import annotations

import argparse
import itertools
import json
import sys
from collections.abc import Iterator
from pathlib import Path
from uuid import UUID

from rich import box
from rich.table import Table

from langchain_persistmem.cli import tables, values
from langchain_persistmem.cli.confirmation import add_yes, check_answerable, is_confirmed
from langchain_persistmem.cli.json_output import print_json, receipt_json
from langchain_persistmem.cli.opening import open_memory
from langchain_persistmem.cli.parser import Subcommands, add_command, add_dry_run, add_json
from langchain_persistmem.cli.progress import show_progress
from langchain_persistmem.cli.terminal import out
from langchain_persistmem.client.persistmem import PersistMem
from langchain_persistmem.errors import InvalidInputError
from langchain_persistmem.runtime.line_file import MOST_LINES, check_target, open_lines
from langchain_persistmem.types.erasure_log_line import Erasure
from langchain_persistmem.types.results import Receipt

_PAGE = 1000
_STANDARD_OUTPUT = Path("-")


def add(subcommands: Subcommands) -> None:
    """Describe the subcommand."""
    parser = add_command(
        subcommands,
        "erasures",
        "list the log of erasures, replay it after a restore, or go on with what was interrupted",
        "persistmem erasures list --out erasures.jsonl\n  persistmem erasures replay erasures.jsonl --dry-run",
        resume="what is begun stands in the log; go on with: persistmem erasures resume",
        details="The log names nobody and has no content. Keep it outside of the database: after a restore, replay erases again what had been erased since the backup.",
    )
    # One subcommand with an action, not three: they are about the same log, and share their options.
    parser.add_argument("action", choices=("list", "replay", "resume"), help="what to do")
    parser.add_argument(
        "file", metavar="FILE", nargs="?", type=values.path, help="of replay: a log that list --out wrote"
    )
    parser.add_argument(
        "--out",
        metavar="FILE",
        type=values.path,
        help="of list: write the log there as JSON Lines; - is standard output",
    )
    add_json(parser)
    add_dry_run(parser, "of replay: ")
    parser.add_argument(
        "--shared-threads", action="store_true", help="also erase checkpoints of threads that others have too"
    )
    add_yes(parser)
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """List, replay or resume."""
    if (options.action == "replay") != (options.file is not None):
        options.parser.error("replay takes a FILE, which list --out wrote; list and resume take none")
    if options.out is not None and options.action != "list":
        options.parser.error("--out belongs to list")
    if options.action == "replay":
        check_answerable(options, dry_run=options.dry_run)
    with open_memory(options, quiet=options.json or options.out == _STANDARD_OUTPUT) as memory:
        if options.action == "list":
            return _list(memory, options)
        if options.action == "resume":
            with show_progress(options) as progress:
                receipt = memory.privacy.resume_erasures(shared_threads=options.shared_threads, progress=progress)
            _show(receipt, options)
            return 0
        return _replay(memory, options)


def _show(receipt: Receipt, options: argparse.Namespace) -> None:
    if options.json:
        print_json(receipt_json(receipt))
    else:
        out().print(tables.receipt_table(receipt))


def _replay(memory: PersistMem, options: argparse.Namespace) -> int:
    with open_lines(options.file, expected="a log of erasures", whole_path=True) as file:
        lines = [_decode(line, number) for number, line in enumerate(itertools.islice(file, MOST_LINES), 1)]
    shared_threads = options.shared_threads
    for dry_run in (True, False):
        if dry_run and options.yes and not options.dry_run:
            continue
        with show_progress(options) as progress:
            receipt = memory.privacy.replay_erasures(
                lines, shared_threads=shared_threads, dry_run=dry_run, progress=progress
            )
        _show(receipt, options)
        if options.dry_run or (dry_run and not is_confirmed(options, "Erase this again?")):
            break
    return 0


def _decode(line: bytes, number: int) -> str:
    try:
        return line.decode()
    except UnicodeDecodeError as error:
        raise InvalidInputError(f"line {number} is not UTF-8 at byte {error.start}; name a log of erasures") from error


def _list(memory: PersistMem, options: argparse.Namespace) -> int:
    if options.json:
        print_json({"erasures": [json.loads(erasure.line) for erasure in _log(memory)]})
        return 0
    file: Path | None = options.out
    if file is None:
        out().print(_table(memory))
        return 0
    if file == _STANDARD_OUTPUT:
        for erasure in _log(memory):
            sys.stdout.write(erasure.line + "\n")
        return 0
    check_target(file, "--out", b'{"format": ', b'{"id": ')
    try:
        with file.open("w", encoding="utf-8") as output:
            for erasure in _log(memory):
                output.write(erasure.line + "\n")
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
