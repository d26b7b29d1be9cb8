"""`persistmem demo`: seven conversations remembered by one process and asked about by another."""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import time
from collections.abc import Sequence
from datetime import datetime, timedelta
from importlib.resources import files
from typing import Any

from rich.text import Text

from langchain_persistmem.cli import demo_questions
from langchain_persistmem.cli import options as options_flow
from langchain_persistmem.cli.demo_questions import NAMESPACE, USER, Conversation, Question, Story
from langchain_persistmem.cli.options import DSN_VARIABLE, chat_model, dsn_of, open_memory, place_of
from langchain_persistmem.cli.terminal import heading, note, out, progress_bar, waiting
from langchain_persistmem.client.persistmem import PersistMem
from langchain_persistmem.errors import ExtractionError
from langchain_persistmem.postgres.embedded import default_data_dir
from langchain_persistmem.types.results import ObserveResult

_PATIENCE = 15.0
"""Seconds for the second process to close its database when the demo is interrupted."""


def add(subcommands: options_flow.Subcommands) -> None:
    """Describe the subcommand."""
    parser = options_flow.add_command(
        subcommands,
        "demo",
        "see memory at work on a real conversation, from an empty database to a forgotten salary",
        "persistmem demo --keep",
    )
    parser.add_argument("--keep", action="store_true", help="keep the demo's memories for questions of your own")
    parser.add_argument("--questions-only", action="store_true", help=argparse.SUPPRESS)  # the second process
    parser.add_argument("--began", type=float, default=0.0, help=argparse.SUPPRESS)
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Tell the story; the second half of it in a process of its own."""
    if options.data_dir is None and dsn_of(options) is None:
        options.data_dir = default_data_dir().with_name("demo")
    story = _story()
    if options.questions_only:
        return demo_questions.run(options, story)
    began = time.time()
    out().print(Text("\nMaya has talked with an assistant seven times, from March to October.", style="bold"))
    out().print("One process remembers it all and ends. Another one is asked.")
    heading("1  A database")
    note(f"data: {place_of(options)}")
    with waiting("starting PostgreSQL" if dsn_of(options) is None else "opening memory"):
        opened = time.perf_counter()
        memory = open_memory(options, namespace=NAMESPACE, model=chat_model(options))
    with memory:
        with waiting("setting up"):
            memory.setup()
            memory.forget(everything=True, user_id=USER)  # of an earlier demo
        what = "PostgreSQL started" if dsn_of(options) is None else "opened"
        out().print(f"{what} and set up in {time.perf_counter() - opened:.1f} s")
        heading("2  Remembering")
        _remember(memory, story.conversations, idle="small talk" if options.model is None else "with nothing to keep")
    heading("3  Closing, and opening again")
    out().print(f"Process {os.getpid()} has closed everything. A new process opens the same database:")
    sys.stdout.flush()
    return _second_process(options, began)


def _remember(memory: PersistMem, conversations: Sequence[Conversation], *, idle: str) -> None:
    turns = sum(len(each.messages) for each in conversations)
    added = skipped = 0
    began = time.perf_counter()
    with progress_bar() as progress:
        task = progress.add_task("remembering", total=turns)
        for each in conversations:
            try:
                seen = memory.observe(each.messages, thread_id=each.thread_id, user_id=USER)
            except ExtractionError as error:  # a small model; the story goes on with what it did find
                progress.console.print(Text(f"{each.day}  nothing learnt: {error}", style="red"))
                seen = ObserveResult(stored=len(each.messages), added=0, reinforced=0, skipped=0)
            progress.advance(task, len(each.messages))
            added, skipped = added + seen.added, skipped + seen.skipped
            topic = each.thread_id[11:].replace("-", " ")
            line = Text.assemble((each.day, "cyan"), f"  {topic:<16} {seen.stored:>3} turns  →  ")
            line.append(f"{seen.added:>3} memories", style="green")
            line.append(f", {seen.skipped} {idle}", style="dim")
            progress.console.print(line)
    spent = time.perf_counter() - began
    out().print(f"{turns} turns became {added} memories in {spent:.1f} s; {skipped} were {idle}.")


def _second_process(options: argparse.Namespace, began: float) -> int:
    """Ask in a new process; its output goes to the same terminal."""
    command = [sys.executable, "-m", "langchain_persistmem", "demo", "--questions-only", "--began", str(began)]
    command += ["--embeddings", options.embeddings]
    for flag, value in (("--data-dir", options.data_dir), ("--model", options.model), ("--base-url", options.base_url)):
        command += [flag, str(value)] if value is not None else []
    command += ["--keep"] if options.keep else []
    dsn = dsn_of(options)
    environment = {**os.environ, DSN_VARIABLE: dsn} if dsn else None  # a password never enters the process list
    process = subprocess.Popen(command, env=environment)  # noqa: S603 - our own program
    try:
        return process.wait()
    except KeyboardInterrupt:
        process.wait(_PATIENCE)  # it was interrupted as well, and closes its database
        raise


def _story() -> Story:
    """The conversations and questions that come with the package."""
    threads: dict[str, list[dict[str, Any]]] = {}
    for line in _lines("conversation.jsonl"):
        threads.setdefault(line["thread_id"], []).append(line)
    conversations = [
        Conversation(
            thread_id=thread_id,
            day=datetime.fromisoformat(turns[0]["timestamp"]).strftime("%d %b %Y"),
            messages=[{name: turn[name] for name in ("id", "role", "content", "timestamp")} for turn in turns],
        )
        for thread_id, turns in threads.items()
    ]
    lines = _lines("questions.jsonl")
    questions = [Question(line["question"], line["answer"], frozenset(line["evidence"])) for line in lines[:-1]]
    last = datetime.fromisoformat(conversations[-1].messages[-1]["timestamp"])
    return Story(
        conversations=conversations,
        questions=questions,
        to_forget=tuple(lines[-1]["forget"]),
        secret=frozenset(lines[-1]["evidence"]),
        asked_at=last + timedelta(days=1),
    )


def _lines(name: str) -> list[dict[str, Any]]:
    text = files("langchain_persistmem.cli").joinpath("data", name).read_text(encoding="utf-8")
    return [json.loads(line) for line in text.splitlines()]
