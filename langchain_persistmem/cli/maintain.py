"""`persistmem maintain`: follow the rules of retention, once."""

from __future__ import annotations

import argparse
from dataclasses import asdict
from typing import Any

from langchain_persistmem.cli import values
from langchain_persistmem.cli.confirmation import add_yes, check_answerable, is_confirmed
from langchain_persistmem.cli.json_output import print_json, result_json
from langchain_persistmem.cli.opening import chat_model, open_memory
from langchain_persistmem.cli.parser import Subcommands, add_command, add_dry_run, add_json, add_owner, owner_of
from langchain_persistmem.cli.progress import show_progress
from langchain_persistmem.cli.tables import counts_table
from langchain_persistmem.cli.terminal import out, plain
from langchain_persistmem.settings import Retention

_COUNTS = {
    "max_memories": "over so many, archive the least worth of a namespace",
    "max_turns": "over so many, archive the oldest turns on which nothing rests",
    "max_checkpoints": "erase all but the newest N checkpoints of each thread; with --checkpoints-days, what both say",
}
_DAYS = {
    "compress_days": "make summaries of related memories older than this, and archive them",
    "semantic_days": "archive what is known so long after it was said or confirmed",
    "episodic_days": "archive what happened so long ago",
    "procedural_days": "archive instructions so long after they were given",
    "stale_days": "archive what was neither said nor used for so long",
    "turns_days": "archive turns on which nothing rests so long after they were said",
    "purge_days": "erase for good what was superseded or archived so long ago",
    "messages_days": "erase stored conversations whose last message is older",
    "checkpoints_days": "erase LangGraph's checkpoints that are older",
}

_ERASING = ("purge_days", "messages_days", "checkpoints_days", "max_checkpoints")
"""The rules that erase; what the others archive can be restored."""


def add(subcommands: Subcommands) -> None:
    """Describe the subcommand."""
    parser = add_command(
        subcommands,
        "maintain",
        "compress, archive and erase old memories by the rules that are given",
        "persistmem maintain --compress-days 90 --stale-days 365 --dry-run",
        resume="what was done stays; run the same command again: it does what is left",
        details="What is archived can be restored; the rules that erase for good ask first.",
    )
    rules = parser.add_argument_group("rules (none has a default; with --model, habits become preferences)")
    for name, summary in _DAYS.items():
        rules.add_argument(f"--{name.replace('_', '-')}", type=values.days, metavar="N", help=summary)
    for name, summary in _COUNTS.items():
        rules.add_argument(f"--{name.replace('_', '-')}", type=values.count, metavar="N", help=summary)
    parser.add_argument("--drop-turns", action="store_true", help="erase all turns; for Settings(turns=False)")
    add_yes(parser, ", where a rule erases")
    add_dry_run(parser)
    add_json(parser)
    add_owner(parser, required=False)
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Follow the rules and show what was done."""
    rules: dict[str, Any] = {name: getattr(options, name) for name in (*_DAYS, *_COUNTS)}
    if options.model is None and not options.drop_turns and all(rule is None for rule in rules.values()):
        options.parser.error("give at least one rule, such as --compress-days 90, or --model")
    erases = options.drop_turns or any(rules[name] is not None for name in _ERASING)
    check_answerable(options, dry_run=options.dry_run or not erases)
    if erases and not options.dry_run and not is_confirmed(options, f"Erase for good {_describe_owner(options)}?"):
        return 0
    owner = owner_of(options)
    with (
        open_memory(
            options, model=chat_model(options), retention=Retention(**rules), turns=not options.drop_turns
        ) as memory,
        show_progress(options) as progress,
    ):
        done = memory.admin.maintain(dry_run=options.dry_run, drop_turns=options.drop_turns, progress=progress, **owner)
    if options.json:
        print_json(result_json(done))
    else:
        counts = {name: count for name, count in asdict(done).items() if name not in ("dry_run", "changes")}
        out().print(counts_table(counts, title="would be done" if done.dry_run else "done"))
    return 0


def _describe_owner(options: argparse.Namespace) -> str:
    """Describe the people whose memories are at stake, for the question."""
    owner = options.user or options.namespace
    return f"what is due of {plain(owner)}" if owner else "what is due of everybody"
