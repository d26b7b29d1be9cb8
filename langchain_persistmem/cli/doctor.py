"""`persistmem doctor`: what is wrong with a database, why that matters, and what to do."""

from __future__ import annotations

import argparse
from collections import Counter
from dataclasses import asdict

from rich.text import Text

from langchain_persistmem.cli.json_output import print_json
from langchain_persistmem.cli.opening import open_memory
from langchain_persistmem.cli.parser import Subcommands, add_command, add_json
from langchain_persistmem.cli.progress import show_progress
from langchain_persistmem.cli.terminal import note, out, plain
from langchain_persistmem.types.records import Finding

_STYLES = {"ok": "green", "note": "cyan", "warning": "yellow", "error": "bold red"}
_ORDER = ("error", "warning", "note", "ok")


def add(subcommands: Subcommands) -> None:
    """Describe the subcommand."""
    parser = add_command(
        subcommands,
        "doctor",
        "look for what is wrong with the server, the schema and the rows, and say what to do",
        "persistmem doctor --dsn postgresql://app@db/agents",
        resume="nothing was changed; run it again",
        details="Changes nothing and reads no content. Every finding says why it matters and how to mend it; the exit code is 1 if there is an error.",
    )
    add_json(parser)
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Look and show, the worst first; exit code 1 if there is an error."""
    with open_memory(options) as memory, show_progress(options) as progress:
        findings = memory.admin.diagnose(progress=progress)
    worst = sorted(findings, key=lambda finding: _ORDER.index(finding.level))
    failed = any(finding.level == "error" for finding in findings)
    if options.json:
        print_json({"ok": not failed, "findings": [asdict(finding) for finding in worst]})
        return int(failed)
    for finding in worst:
        _show(finding)
    counts = Counter(finding.level for finding in findings)
    note(", ".join(f"{counts[level]} {level}" for level in _ORDER if counts[level]))
    return int(failed)


def _show(finding: Finding) -> None:
    line = Text(f"{finding.level:<8}", style=_STYLES[finding.level])
    line.append(f"{finding.name:<13}", style="bold").append(plain(finding.what), style="default")
    out().print(line, soft_wrap=True)
    for label, text in (("why", finding.why), ("fix", finding.fix)):
        if text:
            out().print(Text(f"        {label}: {plain(text)}", style="dim"), soft_wrap=True)
