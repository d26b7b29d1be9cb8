"""`persistmem rls`: switch row-level security on or off, or show how it stands."""

from __future__ import annotations

import argparse
from dataclasses import asdict

from rich.table import Table

from langchain_persistmem.cli import values
from langchain_persistmem.cli.json_output import print_json
from langchain_persistmem.cli.opening import open_memory
from langchain_persistmem.cli.parser import Subcommands, add_command, add_json
from langchain_persistmem.cli.terminal import out
from langchain_persistmem.client.persistmem import PersistMem
from langchain_persistmem.postgres.queries.row_security_switch import RowSecurity
from langchain_persistmem.privacy import row_security


def add(subcommands: Subcommands) -> None:
    """Describe the subcommand."""
    parser = add_command(
        subcommands,
        "rls",
        "enable or disable row-level security, as the tables' owner, or show how it stands",
        "persistmem rls enable --everywhere-to worker",
        details="PostgreSQL then shows each transaction only the namespaces that it names. Open memory with --row-level-security, or Settings(row_level_security=True).",
    )
    parser.add_argument("action", choices=("enable", "disable", "status"), help="what to do")
    parser.add_argument(
        "--everywhere-to",
        metavar="ROLE",
        type=values.name,
        action="append",
        default=[],
        help="with enable: only this role and the owner may see all users at once; may be given again",
    )
    add_json(parser)
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Do it and show how it stands then."""
    if options.everywhere_to and options.action != "enable":
        options.parser.error("--everywhere-to goes with enable")
    with open_memory(options) as memory:
        state = _switch(memory, options)
    if options.json:
        print_json(asdict(state))
    else:
        out().print(_table(state))
    return 0


def _switch(memory: PersistMem, options: argparse.Namespace) -> RowSecurity:
    if options.action == "enable":
        return memory.backend.run(row_security.enable, everywhere_to=options.everywhere_to)
    return memory.backend.run(row_security.disable if options.action == "disable" else row_security.status)


def _table(state: RowSecurity) -> Table:
    table = Table(show_header=False, show_edge=False, box=None)
    table.add_row("tables with policies", f"{state.tables}")
    table.add_row("enabled on", f"{state.enabled}")
    table.add_row("for the owner too on", f"{state.forced}")
    binds = "no, it is a superuser's or has BYPASSRLS" if state.above else "yes" if state.binding else "no"
    table.add_row("binds this role", binds)
    return table
