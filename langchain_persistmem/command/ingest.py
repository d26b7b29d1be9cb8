"""`persistmem ingest`: conversations from files. Run it again at any time: it goes on where it stopped."""

from __future__ import annotations

import argparse
import time
from pathlib import Path

from rich import box
from rich.table import Table

from langchain_persistmem.command import options as shared
from langchain_persistmem.command.conversations import Survey, chunks, survey
from langchain_persistmem.command.opening import chat_model, open_memory, place_of
from langchain_persistmem.command.screen import note, out, progress_bar, waiting
from langchain_persistmem.outcomes import Observed
from langchain_persistmem.persistmem import PersistMem

_CHUNK = 40
"""Turns that are stored and learnt from at once: what a crash can leave undone."""


def add(subcommands: shared.Subcommands) -> None:
    """Describe the subcommand."""
    parser = shared.add_command(
        subcommands,
        "ingest",
        "remember conversations from JSON Lines files; running it again changes nothing",
        "persistmem ingest chats.jsonl\n\none turn per line, plain or gzip (id and name may be left out):\n"
        '  {"user_id": "maya", "thread_id": "kitchen", "role": "user",\n'
        '   "content": "I moved to Oslo.", "timestamp": "2026-03-02T19:04:00+01:00"}',
    )
    parser.add_argument("files", metavar="FILE", nargs="+", type=Path, help="JSON Lines, plain or gzip")
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Check the files, then store and learn, thread by thread."""
    note(f"data: {place_of(options)}")
    began = time.perf_counter()
    with waiting("checking every line before anything is stored"):
        found = survey(options.files)
    with waiting("opening memory"):
        memory = open_memory(options, model=chat_model(options))
    with memory:
        with waiting("setting up"):
            memory.setup()
        observed = _observe(memory, found)
    idle = "skipped as small talk" if options.model is None else "turns with nothing to keep"
    out().print(_summary(found, observed, idle, time.perf_counter() - began))
    return 0


def _observe(memory: PersistMem, found: Survey) -> Observed:
    stored = added = reinforced = skipped = 0
    with progress_bar() as progress:
        task = progress.add_task("remembering", total=found.turns)
        for path, counts in found.threads.items():
            for (user_id, thread_id), messages in chunks(path, counts, _CHUNK):
                # Turns that an earlier run stored and did not get to learn from are learnt from here as well.
                seen = memory.observe([dict(each) for each in messages], thread_id=thread_id, user_id=user_id)
                stored, added = stored + seen.stored, added + seen.added
                reinforced, skipped = reinforced + seen.reinforced, skipped + seen.skipped
                progress.advance(task, len(messages))
    return Observed(stored=stored, added=added, reinforced=reinforced, skipped=skipped)


def _summary(found: Survey, observed: Observed, idle: str, seconds: float) -> Table:
    table = Table(box=box.SIMPLE_HEAD, show_header=False, show_edge=False)
    table.add_column()
    table.add_column(justify="right", style="bold")
    rows = {
        "users": len({user for user, _ in found.everyone}),
        "threads": len(found.everyone),
        "turns read": found.turns,
        "turns that were new": observed.stored,
        "memories added": observed.added,
        "memories confirmed": observed.reinforced,
        idle: observed.skipped,
    }
    for name, count in rows.items():
        table.add_row(name, f"{count:,}")
    table.add_row("time", f"{seconds:.1f} s")
    return table
