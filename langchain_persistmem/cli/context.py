"""`persistmem context`: the text that a model would be given for a message."""

from __future__ import annotations

import argparse
from typing import get_args

from langchain_persistmem.cli import values
from langchain_persistmem.cli.json_output import print_json
from langchain_persistmem.cli.opening import open_memory
from langchain_persistmem.cli.parser import Subcommands, add_command, add_json, add_owner, owner_of
from langchain_persistmem.cli.terminal import note, out, plain
from langchain_persistmem.recall.context_parts.context_text import Form
from langchain_persistmem.recall.context_parts.standing import Standing
from langchain_persistmem.types.recall_results import Context


def add(subcommands: Subcommands) -> None:
    """Describe the subcommand."""
    parser = add_command(
        subcommands,
        "context",
        "show what a model would be given for a message: what stands whatever is asked, and what fits it",
        'persistmem context "What shall I cook tonight?" --user maya --max-tokens 400',
        details="Standard output has the text and nothing else; how long it is stands on standard error.",
    )
    parser.add_argument("query", metavar="QUERY", type=values.text, help="the user's message")
    parser.add_argument("--max-tokens", metavar="N", type=values.count, help="the budget; by default that of Settings")
    parser.add_argument("--form", choices=get_args(Form), default="sections", help="the form of the text (sections)")
    parser.add_argument(
        "--standing", choices=get_args(Standing), default="brief", help="the part that stands whatever is asked (brief)"
    )
    parser.add_argument("--thread", metavar="ID", type=values.name, help="the present conversation, which is left out")
    parser.add_argument("--time-zone", metavar="NAME", type=values.label, help="of the dates, such as Europe/Oslo")
    add_json(parser)
    add_owner(parser)
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Build the text and print it."""
    with open_memory(options, quiet=True) as memory:
        context = memory.context(
            options.query,
            max_tokens=options.max_tokens,
            form=options.form,
            standing=options.standing,
            thread_id=options.thread,
            time_zone=options.time_zone,
            **owner_of(options),
        )
    if options.json:
        print_json(_json(options.query, context))
        return 0
    for line in context.text.splitlines():
        out().print(plain(line), soft_wrap=True)
    if not context.text:
        note("nothing is remembered that a model should know for this", quiet=True)
    note(
        f"{context.tokens} tokens, {len(context.recollections)} memories, of which {context.standing_count} stand "
        f"whatever is asked; {context.omission_count} did not fit",
        quiet=True,
    )
    return 0


def _json(query: str, context: Context) -> dict[str, object]:
    return {
        "query": query,
        "text": context.text,
        "tokens": context.tokens,
        "standing": context.standing,
        "relevant": context.relevant,
        "keys": list(context.keys),
        "standing_count": context.standing_count,
        "omission_count": context.omission_count,
    }
