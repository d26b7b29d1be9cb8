"""The demo's second process: it knows nothing but the database, and is asked."""

from __future__ import annotations

import argparse
import os
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from langchain_core.language_models import BaseChatModel
from langchain_core.messages import HumanMessage
from rich.panel import Panel
from rich.text import Text

from langchain_persistmem.cli.options import chat_model, dsn_of, open_memory
from langchain_persistmem.cli.tables import receipt_table, recollection_table
from langchain_persistmem.cli.terminal import heading, note, out, plain, waiting
from langchain_persistmem.client.persistmem import PersistMem
from langchain_persistmem.integrations.nodes import prompt_with_memory
from langchain_persistmem.recall.context import approximate_tokens
from langchain_persistmem.types.namespace import Namespace
from langchain_persistmem.types.recalled import Context, Recollection

NAMESPACE: Namespace = ("persistmem-demo", "{user_id}")
"""A namespace of its own: the demo starts by erasing it."""
USER = "maya"
IDENTITY = (
    "You are Maya's assistant. Answer in one or two short sentences, from what you remember. "
    "If you do not remember it, say so."
)
_SHOWN = 3
_CONSIDERED = 30


@dataclass(frozen=True, slots=True)
class Conversation:
    """One thread, as ``observe()`` takes it."""

    thread_id: str
    day: str
    messages: list[dict[str, str]]


@dataclass(frozen=True, slots=True)
class Question:
    """A question, its answer, and the ids of the turns that have it; none if it was never told."""

    text: str
    answer: str
    evidence: frozenset[str]


@dataclass(frozen=True, kw_only=True, slots=True)
class Story:
    """What the demo plays."""

    conversations: Sequence[Conversation]
    questions: Sequence[Question]
    to_forget: Sequence[str]
    secret: frozenset[str]
    asked_at: datetime
    """The moment that the questions are asked at; dates of the story, whenever it is played."""


@dataclass(slots=True)
class Tally:
    """What the closing lines say, counted on the way."""

    shown: int = 0
    held: int = 0
    silent: int = 0
    tokens: int = 0


def run(options: argparse.Namespace, story: Story) -> int:
    """Open, ask, forget, close."""
    began = time.perf_counter()
    model = chat_model(options)
    with waiting("opening the database again"):
        memory = open_memory(options, namespace=NAMESPACE, model=model)
    with memory:
        counts = memory.admin.status(user_id=USER).counts
        spent = time.perf_counter() - began
        out().print(f"process {os.getpid()} found {counts['memories']} memories there, after {spent:.1f} s")
        heading("4  Asking")
        note(f"the {_SHOWN} best of each recall; ✓ marks what has the answer; below a text, the parts of its score")
        tally = Tally()
        for number, question in enumerate(story.questions):
            _ask(memory, story, question, tally, model, first=number == 0)
        heading("5  Forgetting")
        _forget(memory, story)
        if not options.keep:
            memory.forget(everything=True, user_id=USER)
    _close(options, story, tally)
    return 0


def _ask(
    memory: PersistMem, story: Story, question: Question, tally: Tally, model: BaseChatModel | None, *, first: bool
) -> None:
    began = time.perf_counter()
    found = memory.recall(question.text, limit=_CONSIDERED, now=story.asked_at, user_id=USER)
    spent = (time.perf_counter() - began) * 1000
    context = memory.context(question.text, now=story.asked_at, user_id=USER)
    tally.tokens += context.tokens
    out().print(Text.assemble("\n", ("? " + question.text, "bold yellow")))
    if found:
        shown = found[:_SHOWN]
        marks = ["✓" if _answers(each, question.evidence) else "" for each in shown]
        out().print(recollection_table(shown, marks=marks, length=_length()))
    out().print(_verdict(question, found, context, tally).append(f"  ({spent:.0f} ms)", style="dim"))
    if first:
        _show_context(context, story)
    if model is not None:
        _answer(model, question.text, context)


def _verdict(question: Question, found: Sequence[Recollection], context: Context, tally: Tally) -> Text:
    """What the recall was worth: whether the context, which is what a model gets, holds the answer."""
    if not question.evidence:
        if not found:
            tally.silent += 1
            return Text("✓ nothing is recalled, rightly: Maya never said it", style="green")
        near = f"{len(found)} {'memories come' if len(found) > 1 else 'memory comes'} up"
        return Text(f"✗ Maya never said it, yet {near}; the best scores {found[0].score:.2f}", style="red")
    place = next((place for place, each in enumerate(found, 1) if _answers(each, question.evidence)), None)
    if not any(_answers(each, question.evidence) for each in context.recollections):
        return Text(f"✗ what has the answer is not in the context ({question.answer})", style="red")
    tally.held += 1
    if place is not None and place <= _SHOWN:
        tally.shown += 1
        return Text(f"✓ {question.answer}", style="green")
    return Text(
        f"✓ {question.answer}: further down, but in the context (place {place} of {len(found)})", style="yellow"
    )


def _answers(recollection: Recollection, evidence: frozenset[str]) -> bool:
    return not evidence.isdisjoint(recollection.memory.provenance.message_ids)


def _length() -> int:
    """Characters of a text that fill two lines of the table."""
    return max(50, 2 * (out().width - 32))


def _show_context(context: Context, story: Story) -> None:
    whole = _history_tokens(story.conversations)
    title = f"what a model is given: {context.tokens} tokens; the whole history has {whole:,}"
    text = "\n".join(plain(line) for line in context.text.splitlines())
    out().print(Panel(Text(text), title=Text(title, style="bold"), title_align="left", border_style="blue"))


def _history_tokens(conversations: Sequence[Conversation]) -> int:
    messages: list[Mapping[str, str]] = [message for each in conversations for message in each.messages]
    return approximate_tokens("\n".join(f"{each['role']}: {each['content']}" for each in messages))


def _answer(model: BaseChatModel, question: str, context: Context) -> None:
    state = {"messages": [HumanMessage(question)], "memory_context": context.text}
    try:
        with waiting("the model answers"):
            said = str(model.invoke(prompt_with_memory(IDENTITY, state)).text)
    except Exception as error:  # noqa: BLE001 - whatever a provider raises; the demo goes on without its answer
        out().print(Text(f"the model gave no answer ({type(error).__name__})", style="red"))
        return
    out().print(Text.assemble(("the model: ", "bold magenta"), plain(said)))


def _forget(memory: PersistMem, story: Story) -> None:
    asked = " and ".join(f"“{each}”" for each in story.to_forget)
    out().print(Text.assemble("Maya: forget ", (asked, "bold yellow"), ". First, what that would be:\n"))
    plans = [memory.forget(query=each, limit=_SHOWN, user_id=USER) for each in story.to_forget]
    candidates = list({each.memory.key: each for plan in plans for each in plan.candidates}.values())
    if not candidates:
        out().print(Text("✗ nothing comes up, so nothing is erased", style="red"))
        return
    out().print(recollection_table(candidates, numbered=True, keys=True, why=False, length=_length()))
    meant = [place for place, each in enumerate(candidates, 1) if _answers(each, story.secret)] or [1]
    keys = [candidates[place - 1].memory.key for place in meant]
    out().print(f"\nMaya picks {' and '.join(map(str, meant))}. What goes with them, in one transaction:\n")
    out().print(receipt_table(memory.forget(keys, user_id=USER)))
    for query in story.to_forget:
        left = memory.recall(query, limit=1, user_id=USER)
        out().print(Text.assemble("\n", ("? " + query, "bold yellow"), (", asked again", "dim")))
        if left:
            out().print(recollection_table(left, length=_length()))
        else:
            out().print("nothing is recalled")
    out().print(_erasure(memory, keys, story.secret))


def _erasure(memory: PersistMem, keys: Sequence[str], secret: frozenset[str]) -> Text:
    """Whether it is gone, by looking at every memory that is left."""
    kept = memory.list(limit=10_000, user_id=USER)
    traces = [each for each in kept if each.key in keys or not secret.isdisjoint(each.provenance.message_ids)]
    if traces:
        return Text(f"✗ {len(traces)} of the {len(kept)} memories that are left still tell it", style="red")
    return Text(f"✓ none of the {len(kept)} memories that are left tells it", style="green")


def _close(options: argparse.Namespace, story: Story, tally: Tally) -> None:
    told = sum(1 for each in story.questions if each.evidence)
    untold = len(story.questions) - told
    whole = _history_tokens(story.conversations)
    heading("6  In short")
    first = f"{tally.shown} of them among the {_SHOWN} best"
    out().print(Text(f"the context held the answer to {tally.held} of {told} questions, {first}", style="bold"))
    out().print(f"recalled nothing for {tally.silent} of {untold} that Maya never told")
    average = tally.tokens / len(story.questions)
    out().print(f"context: {average:.0f} tokens on average, instead of {whole:,}")
    out().print(f"time: {time.time() - options.began:.1f} s from the first line to the last, in two processes")
    run = "uv run persistmem" if "UV_RUN_RECURSION_DEPTH" in os.environ else "persistmem"
    if options.keep:
        place = "" if dsn_of(options) else f" --data-dir {options.data_dir}"
        namespace = "/".join(NAMESPACE).format(user_id=USER)
        first = f'{run} recall "Where does my brother live?" --namespace {namespace}{place}'
    else:
        note("Maya's memories are erased again")
        first = f"{run} demo --keep"
    out().print("\nnext:")
    for line, why in (
        (first, "ask Maya's memory yourself"),
        (f"{run} ingest --help", "remember your own conversations"),
    ):
        out().print(Text.assemble("  ", (line, "bold cyan"), (f"   # {why}", "dim")), soft_wrap=True)
