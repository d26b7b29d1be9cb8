"""`persistmem audit`: who did what to a user's memories when, and whether anybody has changed that."""

from __future__ import annotations

import argparse
from datetime import UTC

from rich import box
from rich.table import Table

from langchain_persistmem.cli import values
from langchain_persistmem.cli.json_output import print_json
from langchain_persistmem.cli.opening import open_memory
from langchain_persistmem.cli.parser import Subcommands, add_command, add_json, add_owner, owner_of
from langchain_persistmem.cli.terminal import note, out, plain
from langchain_persistmem.types.records import AuditCheck, AuditEntry


def add(subcommands: Subcommands) -> None:
    """Describe the subcommand."""
    parser = add_command(
        subcommands,
        "audit",
        "show who did what to a user's memories when, and check that nobody has changed it",
        "persistmem audit --user maya --verify",
        details="Without content: who, what, when, and how many memories. The head of a check, kept elsewhere, proves later that nothing before it was changed.",
    )
    # Two subcommands in one: a list, and a check of the chain, which --head makes proof against whoever owns the database.
    parser.add_argument("--verify", action="store_true", help="go through the whole chain and name what does not fit")
    parser.add_argument(
        "--head",
        metavar="N:DIGEST",
        type=values.label,
        help="with --verify: the head of an earlier check, kept elsewhere",
    )
    parser.add_argument(
        "--since", metavar="TIME", type=values.moment, help="only entries since then, as 2026-01-31 or with a time"
    )
    parser.add_argument(
        "--after",
        metavar="N",
        type=values.number(0, 10**9 - 1),
        help="only entries after this number, the oldest first",
    )
    parser.add_argument("--limit", type=values.whole_number, default=100, metavar="N", help="at most this many (100)")
    add_json(parser)
    add_owner(parser)
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Show the entries, or check the chain: exit code 1 if it does not fit."""
    if options.head and not options.verify:
        options.parser.error("--head needs --verify")
    with open_memory(options) as memory:
        owner = owner_of(options)
        if options.verify:
            return _show_check(memory.privacy.verify_audit(head=options.head, **owner), json=options.json)
        entries = memory.privacy.audit(after=options.after, since=options.since, limit=options.limit, **owner)
    if options.json:
        print_json({"entries": [_as_json(entry) for entry in entries]})
        return 0
    if not entries:
        out().print("Nothing is recorded here.")
        return 0
    out().print(_table(entries))
    return 0


def _show_check(check: AuditCheck, *, json: bool) -> int:
    faults = [{"number": fault.number, "what": fault.what} for fault in check.faults]
    if json:
        print_json({"ok": check.ok, "entries": check.entries, "head": check.head, "faults": faults})
        return 0 if check.ok else 1
    for fault in check.faults:
        out().print(plain(f"entry {fault.number}: {fault.what}"), style="red", soft_wrap=True)
    out().print(f"{check.entries:,} entries: " + ("the chain is whole" if check.ok else "the chain does not fit"))
    if check.head is not None:
        out().print(f"head: {check.head}", soft_wrap=True)
        note("Keep the head elsewhere, and give it with --head next time.")
    return 0 if check.ok else 1


def _table(entries: list[AuditEntry]) -> Table:
    table = Table(box=box.SIMPLE_HEAD, show_edge=False)
    for name in ("number", "when (UTC)", "who", "what", "memories", "details"):
        table.add_column(name, justify="right" if name in ("number", "memories") else "left")
    for entry in entries:
        details = ", ".join(f"{name} {value}" for name, value in entry.details.items())
        when = entry.recorded_at.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S")
        table.add_row(
            str(entry.number),
            when,
            plain(entry.actor),
            plain(entry.action),
            f"{len(entry.memory_ids):,}",
            plain(details),
        )
    return table


def _as_json(entry: AuditEntry) -> dict[str, object]:
    return {
        "number": entry.number,
        "recorded_at": entry.recorded_at.astimezone(UTC).isoformat(),
        "actor": entry.actor,
        "action": entry.action,
        "memory_ids": [str(id) for id in entry.memory_ids],
        "details": dict(entry.details),
        "digest": entry.digest,
    }
