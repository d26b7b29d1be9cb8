"""`persistmem observe`: store one turn of a conversation, and learn from it."""

from __future__ import annotations

import argparse

from langchain_persistmem.cli import values
from langchain_persistmem.cli.json_output import print_json, result_json
from langchain_persistmem.cli.opening import chat_model, open_memory
from langchain_persistmem.cli.parser import Subcommands, add_command, add_json, add_owner, owner_of
from langchain_persistmem.cli.terminal import note, out, plain

_ROLES = ("user", "assistant", "system")


def add(subcommands: Subcommands) -> None:
    """Describe the subcommand."""
    parser = add_command(
        subcommands,
        "observe",
        "store one turn of a conversation and learn from it",
        'persistmem observe "I moved to Hamburg in August." --thread chat-1 --user maya',
        details="Whole conversations come from files with `persistmem ingest`. With --model a chat model finds what is "
        "worth remembering; without one, rules do, and the turn itself becomes a memory with its date.",
    )
    parser.add_argument("text", metavar="TEXT", type=values.text, help="what was said")
    parser.add_argument("--thread", metavar="ID", type=values.name, required=True, help="the conversation")
    parser.add_argument("--role", choices=_ROLES, default="user", help="who said it (user)")
    parser.add_argument("--speaker", metavar="NAME", type=values.name, help="the person's name, where several speak")
    parser.add_argument(
        "--id", metavar="ID", type=values.name, help="the message's id; the same id again is no new turn"
    )
    parser.add_argument("--at", metavar="TIME", type=values.moment, help="when it was said; by default now")
    parser.add_argument("--background", action="store_true", help="leave the learning to `persistmem worker`")
    add_json(parser)
    add_owner(parser)
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Store, learn, and show what became of it."""
    fields = {"role": options.role, "content": options.text, "id": options.id, "name": options.speaker}
    message = {name: value for name, value in fields.items() if value is not None}
    if options.at is not None:
        message["timestamp"] = options.at.isoformat()
    with open_memory(options, set_up=True, model=chat_model(options), worker=False) as memory:
        result = memory.observe([message], thread_id=options.thread, background=options.background, **owner_of(options))
    if options.json:
        print_json(result_json(result))
        return 0
    for change in result.changes:
        out().print(plain(str(change)), soft_wrap=True)
    if result.skip_reason is not None:
        note(f"nothing was learnt: {result.skip_reason}")
    note(f"{result.stored} turns stored, {result.added} memories added, {result.reinforced} confirmed")
    return 0
