"""`persistmem import`: another memory's rows and vectors, or a file. Run it again at any time: it goes on where it stopped."""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from dataclasses import asdict
from functools import partial

from langchain_persistmem.cli import ingest, values
from langchain_persistmem.cli.json_output import print_json
from langchain_persistmem.cli.opening import as_wrong_option, open_memory
from langchain_persistmem.cli.parser import (
    GOES_ON,
    Subcommands,
    add_command,
    add_dry_run,
    add_json,
    add_owner,
    owner_of,
)
from langchain_persistmem.cli.progress import show_progress
from langchain_persistmem.cli.tables import counts_table
from langchain_persistmem.cli.terminal import err, out, plain
from langchain_persistmem.client.persistmem import PersistMem
from langchain_persistmem.postgres.connections.conninfo import read_conninfo
from langchain_persistmem.types import validation
from langchain_persistmem.types.results import ImportResult

_SHOWN = 20
"""Refused rows that are printed; all of them are in --json, up to 1,000."""

Import = Callable[..., ImportResult]


def add(subcommands: Subcommands) -> None:
    """Describe the subcommand."""
    parser = add_command(
        subcommands,
        "import",
        "bring another memory over; running it again changes nothing",
        "persistmem import postgres-store --source postgresql://me@old-server/agents --vectors keep",
        resume=GOES_ON,
    )
    # One subcommand, not one for each source: a new source is one more choice, and its options stay the same.
    parser.add_argument(
        "kind",
        choices=("postgres-store", "mem0", "export", "chats"),
        help="LangGraph's PostgresStore, mem0 in pgvector, a file of `persistmem export`, or chats as for `ingest`",
    )
    parser.add_argument(
        "--source",
        metavar="URI",
        type=values.label,
        help="the file, or the database to read; by default the one that is written to",
    )
    add_owner(parser, required=False)
    parser.add_argument(
        "--schema", metavar="NAME", type=values.name, default="public", help="the schema of its tables (public)"
    )
    parser.add_argument(
        "--table", metavar="NAME", type=values.name, default="mem0", help="the name of mem0's collection (mem0)"
    )
    parser.add_argument(
        "--vectors",
        choices=("embed", "keep"),
        default="embed",
        help="embed anew, or keep them, which is right only if --embeddings made them (embed)",
    )
    parser.add_argument(
        "--trusted",
        action="store_true",
        help="of an export: nobody else could write the file, so that its sources are believed and nothing waits for review",
    )
    add_dry_run(parser)
    add_json(parser)
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Import, and show the counts; the exit code is 1 if rows were refused."""
    if options.kind in ("export", "chats"):
        return _run_file(options)
    if options.user is not None or options.namespace is not None:
        options.parser.error("--user and --namespace are for a file of `persistmem export`")
    if options.source is not None:
        with as_wrong_option():
            read_conninfo(options.source)
    start = time.perf_counter()
    with open_memory(options, set_up=True) as memory, show_progress(options) as progress:
        result = _import(options, memory)(progress=progress)
    if options.json:
        print_json(asdict(result))
    else:
        _show(result, time.perf_counter() - start)
    return 1 if result.refused else 0


def _run_file(options: argparse.Namespace) -> int:
    if options.source is None:
        options.parser.error(f"{options.kind} needs --source: the file")
    source = validation.path(options.source, "--source")
    if options.kind == "chats":
        options.files = [source]
        return ingest.run(options)
    with open_memory(options, set_up=True) as memory, show_progress(options) as progress:
        result = memory.privacy.import_file(
            source, trusted=options.trusted, dry_run=options.dry_run, progress=progress, **owner_of(options)
        )
    if options.json:
        print_json(asdict(result))
        return 0
    counts = {name: count for name, count in asdict(result).items() if name != "dry_run"}
    out().print(counts_table(counts, title="would be imported" if result.dry_run else "imported"))
    return 0


def _import(options: argparse.Namespace, memory: PersistMem) -> Import:
    arguments = {"schema": options.schema, "vectors": options.vectors, "dry_run": options.dry_run}
    if options.kind == "mem0":
        return partial(memory.admin.import_mem0, options.source, table=options.table, **arguments)
    return partial(memory.admin.import_postgres_store, options.source, **arguments)


def _show(result: ImportResult, seconds: float) -> None:
    rows = {
        "rows read": result.read,
        "would be added" if result.dry_run else "added": result.added,
        "would be replaced" if result.dry_run else "replaced": result.replaced,
        "here already": result.unchanged,
        "said twice": result.duplicates,
        "expired": result.expired,
        "refused": result.refused,
        "texts embedded": result.embedded,
    }
    out().print(counts_table(rows, seconds=seconds))
    for refusal in result.refusals[:_SHOWN]:
        path = "/".join((*refusal.namespace, refusal.key))
        err().print(plain(f"refused: {path:.120}: {refusal.reason}"), soft_wrap=True)
    if result.refused > _SHOWN:
        err().print(f"and {result.refused - _SHOWN:,} more; --json lists them", soft_wrap=True)
