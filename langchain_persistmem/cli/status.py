"""`persistmem status`: where the data lies and how much there is."""

from __future__ import annotations

import argparse
from typing import Any, cast

from rich import box
from rich.table import Table

from langchain_persistmem.cli import options as options_flow
from langchain_persistmem.cli.options import open_memory, place_of
from langchain_persistmem.cli.terminal import note, out, plain, print_json, waiting
from langchain_persistmem.client.persistmem import PersistMem
from langchain_persistmem.postgres.checkpoint_port import SyncStatements
from langchain_persistmem.postgres.queries import pending_work
from langchain_persistmem.postgres.statements import statement
from langchain_persistmem.runtime.backend import finished
from langchain_persistmem.types.namespace import Namespace

_WORK = {
    "pending": "threads to learn from",
    "due": "of these, due now",
    "failing": "of these, failed before",
    "dead_letters": "turns given up",
    "review": "memories to review",
}


def add(subcommands: options_flow.Subcommands) -> None:
    """Describe the subcommand."""
    parser = options_flow.add_command(
        subcommands, "status", "show where the data lies, the versions, and the counts", "persistmem status --user maya"
    )
    options_flow.add_json(parser)
    options_flow.add_whose(parser, required=False)
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Count and show."""
    place = place_of(options)
    note(f"data: {place}", quiet=options.json)
    meant = options_flow.whose(options) if options.user is not None or options.namespace is not None else {}
    with waiting("opening memory"):
        memory = open_memory(options)
    with memory:
        counts = memory.status(**meant)
        versions = _versions(memory)
        waiting_for = _work(memory, memory.whose(**meant) if meant else None)
    if options.json:
        print_json({"data": place, "versions": versions, "counts": counts, "work": waiting_for})
        return 0
    table = Table(box=box.SIMPLE_HEAD, show_header=False, show_edge=False)
    table.add_column(style="bold")
    table.add_column(justify="right")
    for name, version in versions.items():
        table.add_row(name, version)
    table.add_section()
    for name, count in counts.items():
        table.add_row(name, f"{count:,}")
    table.add_section()
    for name, count in waiting_for.items():
        table.add_row(_WORK[name], f"{count:,}")
    out().print(plain(f"of {options.user or options.namespace}" if meant else "of the whole database"), style="cyan")
    out().print(table)
    return 0


def _work(memory: PersistMem, namespace: Namespace | None) -> dict[str, int]:
    """What waits in the background, and for a human."""
    pool = cast("Any", memory.saver.conn)
    with pool.connection() as connection:
        return finished(pending_work.count_work(SyncStatements(connection), namespace))


def _versions(memory: PersistMem) -> dict[str, str]:
    """What the server says about itself."""
    pool = cast("Any", memory.saver.conn)
    with pool.connection() as connection:
        facts = connection.execute(statement("server_facts")).fetchone()
    number = int(facts["server_version"])
    return {"PostgreSQL": f"{number // 10_000}.{number % 10_000}", "pgvector": str(facts["vector_version"])}
