"""`persistmem import`: another memory's rows and vectors, or a file. Run it again at any time: it goes on where it stopped."""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from dataclasses import asdict
from functools import partial
from pathlib import Path

from rich import box
from rich.progress import Progress, TaskID
from rich.table import Table

from langchain_persistmem.cli import ingest
from langchain_persistmem.cli import options as options_flow
from langchain_persistmem.cli.options import open_memory, place_of
from langchain_persistmem.cli.terminal import err, note, out, plain, print_json, progress_bar, waiting
from langchain_persistmem.client.persistmem import PersistMem
from langchain_persistmem.types.results import ImportResult

_SHOWN = 20
"""Refused rows that are printed; all of them are in --json, up to 1,000."""

Import = Callable[..., ImportResult]


def add(subcommands: options_flow.Subcommands) -> None:
    """Describe the subcommand."""
    parser = options_flow.add_command(
        subcommands,
        "import",
        "bring another memory over; running it again changes nothing",
        "persistmem import postgres-store --source postgresql://me@old-server/agents --vectors keep",
    )
    parser.add_argument(
        "kind",
        choices=("postgres-store", "mem0", "export", "chats"),
        help="LangGraph's PostgresStore, mem0 in pgvector, a file of `persistmem export`, or chats as for `ingest`",
    )
    parser.add_argument(
        "--source", metavar="URI", help="the file, or the database to read; by default the one that is written to"
    )
    options_flow.add_whose(parser, required=False)
    parser.add_argument("--schema", metavar="NAME", default="public", help="the schema of its tables (public)")
    parser.add_argument("--table", metavar="NAME", default="mem0", help="the name of mem0's collection (mem0)")
    parser.add_argument(
        "--vectors",
        choices=("embed", "keep"),
        default="embed",
        help="embed anew, or keep them, which is right only if --embeddings made them (embed)",
    )
    parser.add_argument("--dry-run", action="store_true", help="count what would happen, and write nothing")
    options_flow.add_json(parser)
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Import, and show the counts; the exit code is 1 if rows were refused."""
    if options.kind in ("export", "chats"):
        return _run_file(options)
    if options.user is not None or options.namespace is not None:
        options.parser.error("--user and --namespace are for a file of `persistmem export`")
    note(f"data: {place_of(options)}", quiet=options.json)
    began = time.perf_counter()
    with waiting("opening memory"):
        memory = open_memory(options)
    with memory:
        with waiting("setting up"):
            memory.setup()
        with progress_bar("rows", quiet=options.json) as progress:
            task = progress.add_task("importing", total=None)
            imported = _import(options, memory)(progress=partial(_advance, progress, task))
    if options.json:
        print_json(asdict(imported))
    else:
        _show(imported, time.perf_counter() - began)
    return 1 if imported.refused else 0


def _run_file(options: argparse.Namespace) -> int:
    source = options.source or options.parser.error(f"{options.kind} needs --source: the file")
    if options.kind == "chats":
        options.files = [Path(source)]
        return ingest.run(options)
    note(f"data: {place_of(options)}", quiet=options.json)
    whose = options_flow.whose(options) if options.user is not None or options.namespace is not None else {}
    with waiting("opening memory"):
        memory = open_memory(options)
    with memory, waiting("importing"):
        memory.setup()
        restored = memory.privacy.import_file(Path(source), dry_run=options.dry_run, **whose)
    if options.json:
        print_json(asdict(restored))
        return 0
    table = Table(box=box.SIMPLE_HEAD, show_header=False, show_edge=False)
    table.add_column()
    table.add_column(justify="right", style="bold")
    for name, count in asdict(restored).items():
        if name != "dry_run":
            table.add_row(f"{name} in the file" if restored.dry_run else name, f"{count:,}")
    out().print(table)
    return 0


def _import(options: argparse.Namespace, memory: PersistMem) -> Import:
    given = {"schema": options.schema, "vectors": options.vectors, "dry_run": options.dry_run}
    if options.kind == "mem0":
        return partial(memory.admin.import_mem0, options.source, table=options.table, **given)
    return partial(memory.admin.import_postgres_store, options.source, **given)


def _advance(progress: Progress, task: TaskID, seen: ImportResult) -> None:
    progress.update(task, completed=seen.read, total=max(seen.total, seen.read))


def _show(imported: ImportResult, seconds: float) -> None:
    table = Table(box=box.SIMPLE_HEAD, show_header=False, show_edge=False)
    table.add_column()
    table.add_column(justify="right", style="bold")
    rows = {
        "rows read": imported.read,
        "would be added" if imported.dry_run else "added": imported.added,
        "would be replaced" if imported.dry_run else "replaced": imported.replaced,
        "here already": imported.unchanged,
        "said twice": imported.duplicates,
        "expired": imported.expired,
        "refused": imported.refused,
        "texts embedded": imported.embedded,
    }
    for name, count in rows.items():
        table.add_row(name, f"{count:,}")
    table.add_row("time", f"{seconds:.1f} s")
    out().print(table)
    for refusal in imported.refusals[:_SHOWN]:
        place = "/".join((*refusal.namespace, refusal.key))
        err().print(plain(f"refused: {place:.120}: {refusal.reason}"), soft_wrap=True)
    if imported.refused > _SHOWN:
        err().print(f"and {imported.refused - _SHOWN:,} more; --json lists them", soft_wrap=True)
