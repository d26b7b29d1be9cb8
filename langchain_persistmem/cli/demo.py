"""`persistmem demo`: seven conversations remembered by one process and asked about by another."""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass

from langchain_core.language_models import BaseChatModel
from langchain_core.messages import HumanMessage
from rich.panel import Panel
from rich.text import Text

from langchain_persistmem.cli.demo_model import show_other_model
from langchain_persistmem.cli.demo_story import Conversation, Question, Story, read_story
from langchain_persistmem.cli.json_output import print_json
from langchain_persistmem.cli.opening import chat_model, open_memory
from langchain_persistmem.cli.parser import DSN_VARIABLE, Subcommands, add_command, add_json, dsn_of
from langchain_persistmem.cli.progress import bars
from langchain_persistmem.cli.tables import receipt_table, recollection_table, shorten
from langchain_persistmem.cli.terminal import heading, note, out, plain, waiting
from langchain_persistmem.client.persistmem import PersistMem
from langchain_persistmem.errors import ExtractionError
from langchain_persistmem.integrations.nodes import prompt_with_memory
from langchain_persistmem.postgres.connections.embedded import default_data_dir
from langchain_persistmem.types.namespace import Namespace
from langchain_persistmem.types.recall_results import Context, Recollection
from langchain_persistmem.types.results import ObserveResult

NAMESPACE: Namespace = ("persistmem-demo", "{user_id}")
"""A namespace of its own: the demo starts by erasing it."""
USER = "maya"
IDENTITY = (
    "You are Maya's assistant. Answer in one or two short sentences, from what you remember. "
    "If you do not remember it, say so."
)
_SHOWN = 3
_CONSIDERED = 30


@dataclass(slots=True)
class Tally:
    """The numbers of the closing lines, counted on the way."""

    hits: int = 0
    held: int = 0
    silent: int = 0
    tokens: int = 0


_CLOSING_SECONDS = 15.0
"""Seconds for the second process to close its database when the demo is interrupted."""


def add(subcommands: Subcommands) -> None:
    """Describe the subcommand."""
    parser = add_command(
        subcommands,
        "demo",
        "see memory at work on a real conversation, from an empty database to a forgotten salary",
        "persistmem demo --keep",
        details="Without --dsn and --data-dir it has a database of its own. No key and no network is needed: without --model, rules learn, and prepared answers stand in for a model where it shows what one adds.",
    )
    parser.add_argument("--keep", action="store_true", help="keep the demo's memories for questions of your own")
    parser.add_argument("--questions-only", action="store_true", help=argparse.SUPPRESS)  # the second process
    parser.add_argument("--began", type=float, default=0.0, help=argparse.SUPPRESS)
    add_json(parser)
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Tell the story; the second half of it in a process of its own."""
    if options.data_dir is None and dsn_of(options) is None:
        options.data_dir = default_data_dir().with_name("demo")
    story = read_story()
    out().quiet = options.json  # the story is for people; a program gets its figures, from the second process
    if options.questions_only:
        return _ask_all(options, story)
    start = time.time()
    out().print(Text("\nMaya has talked with an assistant seven times, from March to October.", style="bold"))
    out().print("One process remembers it all and ends. Another one is asked.")
    heading("1  A database")
    database_start = time.perf_counter()
    step, event = (
        ("starting PostgreSQL", "PostgreSQL started") if dsn_of(options) is None else ("opening memory", "opened")
    )
    with open_memory(options, namespace=NAMESPACE, model=chat_model(options), set_up=True, step=step) as memory:
        memory.forget(everything=True, user_id=USER)  # of an earlier demo
        out().print(f"{event} and set up in {time.perf_counter() - database_start:.1f} s")
        heading("2  Remembering")
        _remember(memory, story.conversations, idle="small talk" if options.model is None else "with nothing to keep")
    heading("3  Closing, and opening again")
    out().print(f"Process {os.getpid()} has closed everything. A new process opens the same database:")
    sys.stdout.flush()
    return _second_process(options, start)


def _remember(memory: PersistMem, conversations: Sequence[Conversation], *, idle: str) -> None:
    turns = sum(len(conversation.messages) for conversation in conversations)
    added = skipped = 0
    start = time.perf_counter()
    with bars() as progress:
        task = progress.add_task("turns", total=turns)
        for conversation in conversations:
            try:
                seen = memory.observe(conversation.messages, thread_id=conversation.thread_id, user_id=USER)
            except ExtractionError as error:  # a small model; the story goes on with what it did find
                out().print(Text(f"{conversation.day}  nothing learnt: {error}", style="red"))
                seen = ObserveResult(stored=len(conversation.messages), added=0, reinforced=0, skipped=0)
            progress.advance(task, len(conversation.messages))
            added, skipped = added + seen.added, skipped + seen.skipped
            topic = conversation.thread_id[11:].replace("-", " ")
            line = Text.assemble((conversation.day, "cyan"), f"  {topic:<16} {seen.stored:>3} turns  →  ")
            line.append(f"{seen.added:>3} memories", style="green")
            line.append(f", {seen.skipped} {idle}", style="dim")
            out().print(line)
    seconds = time.perf_counter() - start
    out().print(f"{turns} turns became {added} memories in {seconds:.1f} s; {skipped} were {idle}.")


def _second_process(options: argparse.Namespace, start: float) -> int:
    """Ask in a new process; its output goes to the same terminal."""
    command = [sys.executable, "-m", "langchain_persistmem", "demo", "--questions-only", "--began", str(start)]
    command += ["--embeddings", options.embeddings]
    for flag, value in (("--data-dir", options.data_dir), ("--model", options.model), ("--base-url", options.base_url)):
        command += [flag, str(value)] if value is not None else []
    command += ["--keep"] if options.keep else []
    command += ["--json"] if options.json else []
    dsn = dsn_of(options)
    environment = {**os.environ, DSN_VARIABLE: dsn} if dsn else None  # a password never enters the process list
    process = subprocess.Popen(command, env=environment)  # noqa: S603 - our own program
    try:
        return process.wait()
    except KeyboardInterrupt:
        process.wait(_CLOSING_SECONDS)  # it was interrupted as well, and closes its database
        raise


def _ask_all(options: argparse.Namespace, story: Story) -> int:
    """Open, ask, forget, close: the second process, which knows nothing but the database."""
    start = time.perf_counter()
    model = chat_model(options)
    with open_memory(options, namespace=NAMESPACE, model=model, step="opening the database again") as memory:
        counts = memory.admin.status(user_id=USER).counts
        seconds = time.perf_counter() - start
        out().print(f"process {os.getpid()} found {counts['memories']} memories there, after {seconds:.1f} s")
        heading("4  Asking")
        note(f"the {_SHOWN} best of each recall; ✓ marks what has the answer; below a text, the parts of its score")
        tally = Tally()
        for number, question in enumerate(story.questions):
            _ask(memory, story, question, tally, model, first=number == 0)
        heading("5  Forgetting")
        _forget(memory, story)
        if not options.keep:
            memory.forget(everything=True, user_id=USER)
    heading("6  A chat model, and a correction")
    show_other_model(options, story, NAMESPACE)
    if options.json:
        _print_figures(options, story, tally)
    else:
        _close(options, story, tally)
    return 0


def _ask(
    memory: PersistMem, story: Story, question: Question, tally: Tally, model: BaseChatModel | None, *, first: bool
) -> None:
    start = time.perf_counter()
    recollections = memory.recall(question.text, limit=_CONSIDERED, now=story.asked_at, user_id=USER)
    milliseconds = (time.perf_counter() - start) * 1000
    context = memory.context(question.text, now=story.asked_at, user_id=USER)
    tally.tokens += context.tokens
    out().print(Text.assemble("\n", ("? " + question.text, "bold yellow")))
    if recollections:
        best = recollections[:_SHOWN]
        marks = ["✓" if _answers(recollection, question.evidence) else "" for recollection in best]
        out().print(recollection_table(best, marks=marks, length=_length()))
    out().print(_verdict(question, recollections, context, tally).append(f"  ({milliseconds:.0f} ms)", style="dim"))
    if first:
        _show_context(context, story)
    if model is not None:
        _answer(model, question.text, context)


def _verdict(question: Question, recollections: Sequence[Recollection], context: Context, tally: Tally) -> Text:
    """The worth of a recall: the context, which a model is given, holds the answer or does not."""
    if not question.evidence:
        if not recollections:
            tally.silent += 1
            return Text("✓ nothing is recalled, rightly: Maya never said it", style="green")
        near = f"{len(recollections)} {'memories come' if len(recollections) > 1 else 'memory comes'} up"
        return Text(f"✗ Maya never said it, yet {near}; the best scores {recollections[0].score:.2f}", style="red")
    position = next(
        (rank for rank, recollection in enumerate(recollections, 1) if _answers(recollection, question.evidence)),
        None,
    )
    if not any(_answers(recollection, question.evidence) for recollection in context.recollections):
        return Text(f"✗ what has the answer is not in the context: {question.answer}", style="red")
    tally.held += 1
    if position is not None and position <= _SHOWN:
        tally.hits += 1
        return Text(f"✓ {question.answer}", style="green")
    rank = f"place {position} of {len(recollections)}" if position is not None else "only in the part that stands"
    return Text(f"○ not among the {_SHOWN} best ({rank}); a model sees it in the context: {question.answer}", "yellow")


def _answers(recollection: Recollection, evidence: frozenset[str]) -> bool:
    return not evidence.isdisjoint(recollection.memory.provenance.message_ids)


def _length() -> int:
    """Characters of a text that fill two lines of the table."""
    return max(50, 2 * (out().width - 32))


def _show_context(context: Context, story: Story) -> None:
    """The two parts of what a model is given: one stands whatever is asked, one fits the question."""
    title = f"what a model is given: {context.tokens} tokens; the whole history has {story.history_tokens:,}"
    parts = (("stands, whatever is asked", context.standing), ("fits the question", context.relevant))
    text = Text()
    for name, part in parts:
        text.append(f"{name}\n", style="bold cyan")
        text.append("\n".join(plain(line) for line in part.splitlines() if line.strip()) or "nothing").append("\n")
    text.rstrip()
    out().print(Panel(text, title=Text(title, style="bold"), title_align="left", border_style="blue"))


def _answer(model: BaseChatModel, question: str, context: Context) -> None:
    state = {"messages": [HumanMessage(question)], "memory_context": context.text}
    try:
        with waiting("the model answers"):
            reply = str(model.invoke(prompt_with_memory(IDENTITY, state)).text)
    except Exception as error:  # noqa: BLE001 - whatever a provider raises; the demo goes on without its answer
        out().print(Text(f"the model gave no answer ({type(error).__name__})", style="red"))
        return
    out().print(Text.assemble(("the model: ", "bold magenta"), plain(reply)))


def _forget(memory: PersistMem, story: Story) -> None:
    topics = " and ".join(f"“{topic}”" for topic in story.to_forget)
    out().print(Text.assemble("Maya: forget ", (topics, "bold yellow"), ". First, what that would be:\n"))
    plans = [memory.forget(query=topic, limit=_SHOWN, user_id=USER) for topic in story.to_forget]
    candidates = list({candidate.memory.key: candidate for plan in plans for candidate in plan.candidates}.values())
    if not candidates:
        out().print(Text("✗ nothing comes up, so nothing is erased", style="red"))
        return
    out().print(recollection_table(candidates, numbered=True, keys=True, why=False, length=_length()))
    numbers = [number for number, candidate in enumerate(candidates, 1) if _answers(candidate, story.secret)] or [1]
    keys = [candidates[number - 1].memory.key for number in numbers]
    out().print(f"\nMaya picks {' and '.join(map(str, numbers))}. What goes with them, in one transaction:\n")
    out().print(receipt_table(memory.forget(keys, user_id=USER)))
    out().print(_erasure(memory, keys, story.secret))
    out().print(_neighbours(memory, story.neighbours))


def _erasure(memory: PersistMem, keys: Sequence[str], secret: frozenset[str]) -> Text:
    """The verdict after looking at every memory that is left."""
    memories = memory.list(limit=10_000, user_id=USER)
    traces = [item for item in memories if item.key in keys or not secret.isdisjoint(item.provenance.message_ids)]
    if traces:
        return Text(f"✗ {len(traces)} of the {len(memories)} memories that are left still tell it", style="red")
    return Text(f"✓ none of the {len(memories)} memories that are left tells it", style="green")


def _neighbours(memory: PersistMem, neighbours: Sequence[str]) -> Text:
    """The verdict on what was said beside it, in the same conversation."""
    wanted = frozenset(neighbours)
    remaining = [item for item in memory.list(limit=10_000, user_id=USER) if wanted & set(item.provenance.message_ids)]
    if wanted - {id for item in remaining for id in item.provenance.message_ids}:
        return Text("✗ what Maya said right beside it is gone too", style="red")
    texts = "; ".join(f"“{shorten(str(item.text), 60)}”" for item in remaining[: len(neighbours)])
    return Text(f"✓ what she said right beside it is still there: {texts}", style="green")


def _print_figures(options: argparse.Namespace, story: Story, tally: Tally) -> None:
    answerable = sum(1 for question in story.questions if question.evidence)
    print_json(
        {
            "questions": answerable,
            "first": tally.hits,
            "in_context": tally.held,
            "unanswerable": len(story.questions) - answerable,
            "silent": tally.silent,
            "tokens": round(tally.tokens / len(story.questions)),
            "history_tokens": story.history_tokens,
            "seconds": round(time.time() - options.began, 1),
        }
    )


def _close(options: argparse.Namespace, story: Story, tally: Tally) -> None:
    answerable = sum(1 for question in story.questions if question.evidence)
    unanswerable = len(story.questions) - answerable
    whole = story.history_tokens
    # Figures first, then what to type: whoever has read this far wants to try it.
    heading("7  In short")
    first = f"the answer was among the {_SHOWN} best for {tally.hits} of {answerable} questions"
    out().print(Text(f"{first}, in the context for {tally.held}", style="bold"))
    out().print(f"recalled nothing for {tally.silent} of {unanswerable} that Maya never told")
    average = tally.tokens / len(story.questions)
    out().print(f"context: {average:.0f} tokens on average, instead of {whole:,}")
    out().print(f"time: {time.time() - options.began:.1f} s from the first line to the last, in two processes")
    run = "uv run persistmem" if "UV_RUN_RECURSION_DEPTH" in os.environ else "persistmem"
    if options.keep:
        location = "" if dsn_of(options) else f" --data-dir {options.data_dir}"
        namespace = "/".join(NAMESPACE).format(user_id=USER)
        first = f'{run} recall "Where does my brother live?" --namespace {namespace}{location}'
    else:
        note("Maya's memories are erased again")
        first = f"{run} demo --keep"
    out().print("\nnext:")
    for line, why in (
        (first, "ask Maya's memory yourself"),
        (f"{run} ingest --help", "remember your own conversations"),
        (f"{run} commands", "what a user can say to the memory, in each language"),
    ):
        out().print(Text.assemble("  ", (line, "bold cyan"), (f"   # {why}", "dim")), soft_wrap=True)
