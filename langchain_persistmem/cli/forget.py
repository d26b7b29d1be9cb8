"""`persistmem forget`: erase for good, after showing what that means."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from typing import Any

from langchain_persistmem.cli import tables, values
from langchain_persistmem.cli.confirmation import add_yes, check_answerable, is_confirmed
from langchain_persistmem.cli.json_output import print_json, receipt_json
from langchain_persistmem.cli.opening import open_memory
from langchain_persistmem.cli.parser import Subcommands, add_command, add_dry_run, add_json, add_owner, owner_of
from langchain_persistmem.cli.terminal import ask, note, out, plain
from langchain_persistmem.client.persistmem import PersistMem
from langchain_persistmem.settings import Settings
from langchain_persistmem.types.namespace import decode
from langchain_persistmem.types.recall_results import Recollection
from langchain_persistmem.types.results import Receipt


def add(subcommands: Subcommands) -> None:
    """Describe the subcommand."""
    parser = add_command(
        subcommands,
        "forget",
        "erase memories for good and show the receipt",
        'persistmem forget --query "my salary" --user maya',
        resume="what was begun stands in the log; go on with: persistmem erasures resume",
        details="A query only proposes: it shows what it brings up, and you choose. With a memory go its versions, the turns that it came from, and what else was learnt from these.",
    )
    # The group is for the help; `run` checks that there is exactly one of the three, with a message that names them.
    what = parser.add_argument_group("what to forget (one of the three)")
    what.add_argument(
        "keys", metavar="KEY", nargs="*", type=values.name, help="keys of memories, as `persistmem list` shows them"
    )
    what.add_argument(
        "--query", metavar="TEXT", type=values.text, help="show what a text brings up, and ask which of it"
    )
    what.add_argument(
        "--everything", action="store_true", help="all memories, conversations, checkpoints, consent and audit"
    )
    parser.add_argument(
        "--also",
        metavar="A/{user_id}",
        type=values.namespace,
        action="append",
        default=[],
        help="with --everything --user: namespaces too that name the user so; * is any label; may be repeated",
    )
    parser.add_argument(
        "--shared-threads",
        action="store_true",
        help="with --everything: checkpoints too of threads that others have as well",
    )
    add_yes(parser, "; of a query's candidates, take those whose score reaches the threshold")
    add_dry_run(parser)
    parser.add_argument("--limit", type=values.whole_number, default=10, metavar="N", help="candidates of a query (10)")
    add_json(parser)
    add_owner(parser)
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Plan, ask, erase, show the receipt."""
    if bool(options.keys) + (options.query is not None) + options.everything != 1:
        options.parser.error("give exactly one of KEY..., --query and --everything")
    if (options.also or options.shared_threads) and not options.everything:
        options.parser.error("--also and --shared-threads belong to --everything")
    if options.also and options.user is None:
        options.parser.error("--also belongs to --user: it says where else that user is named")
    check_answerable(options, dry_run=options.dry_run or (options.query is not None and options.json))
    with open_memory(options, erase_namespaces=[decode(pattern) for pattern in options.also]) as memory:
        receipt = _forget(memory, options, owner_of(options))
    if receipt is not None and options.json:
        print_json(receipt_json(receipt))
    elif receipt is not None:
        out().print(tables.receipt_table(receipt))
    return 0


def _forget(memory: PersistMem, options: argparse.Namespace, owner: dict[str, Any]) -> Receipt | None:
    """The receipt, or None if it came to nothing and that was said."""
    if options.everything:
        return _everything(memory, options, owner)
    if options.query is None:
        return _keys(memory, options, owner, list(dict.fromkeys(options.keys)))
    # A query only ever proposes. The keys to erase are chosen by a person, or by the threshold with --yes.
    matches = memory.forget(query=options.query, limit=options.limit, **owner)
    if options.json and not options.yes:
        return matches
    if not matches.candidates:
        if options.json:
            return matches
        out().print("Nothing that is remembered comes close to this; nothing was erased.")
        return None
    if not options.json:
        out().print(tables.recollection_table(matches.candidates, numbered=True, keys=True, why=False))
    selection = _certain(matches.candidates) if options.yes or options.dry_run else _ask_which(matches.candidates)
    if not selection:
        if options.json:
            return matches
        out().print("Nothing was erased.")
        return None
    if options.yes and not options.json:
        note(
            f"taking {len(selection)} of {len(matches.candidates)}: those with a score of {Settings().threshold:.2f} or more"
        )
    return memory.forget(selection, dry_run=options.dry_run, **owner)


def _keys(
    memory: PersistMem, options: argparse.Namespace, owner: dict[str, Any], keys: Sequence[str]
) -> Receipt | None:
    if options.yes or options.dry_run:
        return memory.forget(keys, dry_run=options.dry_run, **owner)
    out().print(tables.receipt_table(memory.forget(keys, dry_run=True, **owner)))
    return memory.forget(keys, **owner) if is_confirmed(options, "Erase this for good?") else None


def _everything(memory: PersistMem, options: argparse.Namespace, owner: dict[str, Any]) -> Receipt | None:
    shared_threads: bool = options.shared_threads
    if options.yes or options.dry_run:
        return memory.forget(everything=True, dry_run=options.dry_run, shared_threads=shared_threads, **owner)
    plan = memory.forget(everything=True, dry_run=True, shared_threads=shared_threads, **owner)
    out().print(tables.receipt_table(plan))
    name: str = options.user if options.user is not None else options.namespace
    if ask(f"To erase all of this for good, type {plain(name)}: ") == name.strip():
        return memory.forget(everything=True, shared_threads=shared_threads, **owner)
    out().print("Nothing was erased.")
    return None


def _certain(candidates: Sequence[Recollection]) -> list[str]:
    return [candidate.memory.key for candidate in candidates if candidate.score >= Settings().threshold]


def _ask_which(candidates: Sequence[Recollection]) -> list[str]:
    """The keys of the candidates that the person at the terminal names by number."""
    while True:
        answer = ask("Erase which? Numbers such as 1 3, or all, or none: ").casefold()
        if answer in ("", "none", "n", "no"):
            return []
        if answer == "all":
            return [candidate.memory.key for candidate in candidates]
        numbers = answer.replace(",", " ").split()
        if all(number.isascii() and number.isdecimal() and 1 <= int(number) <= len(candidates) for number in numbers):
            return [candidates[int(number) - 1].memory.key for number in dict.fromkeys(numbers)]
        out().print(f"That is no list of numbers from 1 to {len(candidates)}.")
