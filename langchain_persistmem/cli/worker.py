"""`persistmem worker`: learn from conversations in a process of its own."""

from __future__ import annotations

import argparse
import json
import signal
import threading
from collections.abc import Callable, Generator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import asdict
from datetime import UTC, datetime
from importlib import import_module
from types import FrameType
from typing import Any, cast

from langchain_persistmem.cli import values
from langchain_persistmem.cli.opening import chat_model, open_memory
from langchain_persistmem.cli.parser import Subcommands, add_command, add_json
from langchain_persistmem.cli.progress import show_progress
from langchain_persistmem.cli.terminal import note, out
from langchain_persistmem.client.background_worker import ThreadWorker
from langchain_persistmem.errors import InvalidInputError
from langchain_persistmem.runtime.backend import SyncBackend
from langchain_persistmem.runtime.setup import ready
from langchain_persistmem.types.progress import Report
from langchain_persistmem.types.results import ProcessResult

_LOOK = 0.2
"""Seconds between two looks at whether the worker has ended."""


def add(subcommands: Subcommands) -> None:
    """Describe the subcommand."""
    parser = add_command(
        subcommands,
        "worker",
        "learn in the background from conversations that were stored for it, until SIGTERM",
        "persistmem worker --model openai:gpt-5-mini",
        details="Prints a line of counts, without content, for each round that did something. On a signal it ends within seconds with exit code 0, and gives back what it was at.",
    )
    # A limit for each round, not in all: a worker has no end, and a round is what its lease lasts for.
    parser.add_argument("--once", action="store_true", help="one round, then end; for cron")
    parser.add_argument(
        "--limit", type=values.whole_number, default=20, metavar="N", help="threads that a round deals with (20)"
    )
    parser.add_argument(
        "--calls-per-day",
        type=values.whole_number,
        metavar="N",
        help="calls of the chat model for one user and day",
    )
    parser.add_argument(
        "--schema",
        metavar="MODULE:CLASS",
        type=values.label,
        help="the pydantic class that the application gives to open(schema=...)",
    )
    add_json(parser)
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Work until it is enough, and say what each round did."""
    # No worker of its own: the one below is the only one, and its failure ends the command.
    opening = open_memory(
        options,
        model=chat_model(options),
        schema=_schema(options.schema),
        worker=False,
        model_calls_per_day=options.calls_per_day,
    )
    with opening as memory, _stop_event() as stop:
        if options.model is None:
            note("without --model, turns become dated memories as they are", quiet=options.json)
        backend = cast("SyncBackend", memory.backend)
        backend.run(ready)
        rounds = 1 if options.once else None
        report = _report(as_json=options.json, silent=not options.once)
        with _progress(options) as progress:
            worker = ThreadWorker(backend, limit=options.limit, rounds=rounds, report=report, progress=progress)
            worker.start()
            while not stop.is_set() and not worker.join(_LOOK):
                pass
            worker.stop()
        if worker.failure is not None:
            raise worker.failure
    return 0


def _progress(options: argparse.Namespace) -> AbstractContextManager[Report | None]:
    """Progress of the one round; a worker without an end has none."""
    return show_progress(options) if options.once else nullcontext()


def _report(*, as_json: bool, silent: bool) -> Callable[[ProcessResult], None]:
    """Prints a line for each round; with ``silent`` not for those that found nothing."""

    def report(result: ProcessResult) -> None:
        if silent and not result.threads:
            return
        at = datetime.now(UTC).isoformat(timespec="seconds")
        # Without the changes: they have the texts of memories, which no log may have.
        counts = {name: count for name, count in asdict(result).items() if name != "changes"}
        if as_json:
            line = json.dumps({"at": at, **counts})
        else:
            line = f"{at} " + ", ".join(f"{name.replace('_', ' ')} {count}" for name, count in counts.items())
        out().print(line, soft_wrap=True)

    return report


@contextmanager
def _stop_event() -> Generator[threading.Event]:
    """An event that SIGTERM and SIGINT set, instead of what they did before, until the end of the block."""
    event = threading.Event()

    def stop(_number: int, _frame: FrameType | None) -> None:
        event.set()

    before = {number: signal.signal(number, stop) for number in (signal.SIGTERM, signal.SIGINT)}
    try:
        yield event
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _schema(path: str | None) -> Any:
    """The class that ``MODULE:CLASS`` names.

    Raises:
        InvalidInputError: there is none.
    """
    if path is None:
        return None
    module, _, name = path.partition(":")
    try:
        return getattr(import_module(module), name)
    except (ImportError, AttributeError, ValueError) as error:
        raise InvalidInputError(
            f"--schema {path[:80]!r}: {type(error).__name__}; write the module that can be imported, a colon and the "
            "class, such as app.memory:Wish"
        ) from error
