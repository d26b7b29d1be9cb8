"""Memories, recollections and receipts as tables that can be read at 80 columns."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta

from rich import box
from rich.console import Group
from rich.table import Table
from rich.text import Text

from langchain_persistmem.cli.terminal import plain
from langchain_persistmem.types.recall_results import Explanation, Omission, Recollection, ScoreParts
from langchain_persistmem.types.records import Memory
from langchain_persistmem.types.results import Receipt

PARTS = (
    "meaning",
    "terms",
    "neighbours",
    "speaker",
    "period",
    "question",
    "telling",
    "missing_answer",
    "recency",
    "importance",
    "use",
)
"""The parts of a score, in the order in which they are shown; they add up to the evidence."""
_BAR = 6
_GOOD, _FAIR = 0.7, 0.4
_ORDER = ("memories", "vectors", "terms", "uses", "messages", "checkpoints", "checkpoint_blobs", "checkpoint_writes")


def score_text(score: float) -> Text:
    """A score as a bar and a number; green is certain, yellow is possible."""
    full = round(score * _BAR)
    style = "green" if score >= _GOOD else "yellow" if score >= _FAIR else "bright_black"
    return Text.assemble(("━" * full, style), ("·" * (_BAR - full), "bright_black"), (f" {score:.2f}", style))


def why_text(why: ScoreParts) -> str:
    """The parts of a score as the sum that they are; parts below 0.005 are left out."""
    parts = [(name, getattr(why, name)) for name in PARTS]
    visible = [(name, part) for name, part in parts if abs(part) >= 0.005]  # noqa: PLR2004 - as it is rounded
    terms = "".join(f" {'-' if part < 0 else '+'} {name} {abs(part):.2f}" for name, part in visible)
    return f"{why.evidence:.2f} = {terms.removeprefix(' + ').strip()}"


def counts_table(counts: Mapping[str, int], *, title: str | None = None, seconds: float | None = None) -> Table:
    """Counts by name, those of nothing dimmed; with a header if there is a title, and with the time if it is given."""
    table = Table(box=box.SIMPLE_HEAD, show_header=title is not None, show_edge=False)
    table.add_column(title or "")
    table.add_column("count" if title else "", justify="right", style="bold")
    for name, count in counts.items():
        table.add_row(name, f"{count:,}", style="" if count else "dim")
    if seconds is not None:
        table.add_row("time", f"{seconds:.1f} s")
    return table


def _table() -> Table:
    return Table(box=None, padding=(0, 2, 0, 0), header_style="dim", pad_edge=False, expand=True)


def _when_who(memory: Memory) -> Text:
    """The day, as it was where it was said; and the person's name, or else where it comes from."""
    speaker = plain(memory.speaker or memory.provenance.source)
    return Text.assemble(memory.valid_from.date().isoformat(), "\n", (speaker, "cyan"))


def shorten(text: str, length: int) -> str:
    """The beginning of ``text``, on one line, cut at a word."""
    line = plain(text)
    if len(line) <= length:
        return line
    cut = line[: length - 1]
    return (cut.rsplit(" ", 1)[0] if " " in cut[length // 2 :] else cut) + "…"


def recollection_table(
    recollections: Sequence[Recollection],
    *,
    numbered: bool = False,
    keys: bool = False,
    why: bool = True,
    length: int | None = None,
    marks: Sequence[str] | None = None,
) -> Table:
    """Recollections, best first: score, date, who, and the text with the parts of the score below it.

    Args:
        numbered: with numbers to choose by.
        keys: with the keys, to forget by.
        why: with the parts of the score.
        length: texts are cut at this many characters.
        marks: one sign for each, shown before it.
    """
    table = _table()
    if numbered or marks is not None:
        table.add_column("", justify="right", no_wrap=True, min_width=1, style="bold green")
    table.add_column("score", no_wrap=True)
    table.add_column("when, who", max_width=16)
    table.add_column("what", ratio=1, overflow="fold")
    # The parts of a score stand below the text, not in columns of their own: a terminal has 80 characters.
    for index, recollection in enumerate(recollections):
        cell = Text(plain(recollection.text) if length is None else shorten(recollection.text, length))
        if why:
            cell.append(f"\n{why_text(recollection.score_parts)}", style="dim")
        if keys:
            cell.append(f"\nkey {plain(recollection.memory.key)}", style="dim")
        first = [str(index + 1)] if numbered else [marks[index]] if marks is not None else []
        table.add_row(*first, score_text(recollection.score), _when_who(recollection.memory), cell)
    return table


def score_table(recollections: Sequence[Recollection]) -> Table:
    """Every part of every score, as numbers in columns, in the order of the recollections."""
    table = Table(box=None, padding=(0, 1, 0, 0), header_style="dim", pad_edge=False)
    short = {
        "neighbours": "near",
        "importance": "import",
        "question": "asks",
        "telling": "tells",
        "missing_answer": "lacks",
        "recency": "recent",
    }
    table.add_column("", justify="right", style="bold")
    for name in (*PARTS, "sum", "score", "cosine"):
        table.add_column(short.get(name, name), justify="right", no_wrap=True)
    for index, recollection in enumerate(recollections, 1):
        parts = [f"{getattr(recollection.score_parts, name):.2f}" for name in (*PARTS, "evidence")]
        table.add_row(str(index), *parts, f"{recollection.score:.2f}", f"{recollection.score_parts.similarity:.2f}")
    return table


def understood_table(explanation: Explanation) -> Table:
    """A question as it was understood, and how many memories it was compared with."""
    interpretation = explanation.interpretation
    words = ", ".join(f"{word} ({count})" for word, count in explanation.terms.items())
    # Lines without content are left out below: most questions name no time, no person and nothing to ask for.
    times = [
        f"{period.text}: {_day(period.start)} to {_day(period.end - timedelta(days=1))}, {period.certainty:.0%} sure"
        for period in interpretation.periods
    ]
    about = ["you"] if interpretation.is_about_user else []
    lines = {
        "compared by": explanation.embedded_text,
        "words (in memories)": words,
        "also asked": "; ".join(explanation.queries[1:]),
        "times": "; ".join(times),
        "about": ", ".join([*interpretation.speakers, *about])
        + ("; as it is now" if interpretation.is_about_present else ""),
        "asked for": {"time": "a time", "number": "a number", None: ""}[interpretation.asks_for],
        "memories": f"{explanation.compared_count} compared, {explanation.candidate_count} ranked, "
        f"{len(explanation.recollections)} recalled (limit {explanation.limit}); "
        f"threshold {explanation.threshold:.2f}, minimum {explanation.min_score:.2f}",
    }
    table = Table(box=None, padding=(0, 2, 0, 0), show_header=False, pad_edge=False)
    table.add_column("", no_wrap=True, style="dim")
    table.add_column("", overflow="fold")
    for name, line in lines.items():
        if line.strip("; "):
            table.add_row(name, plain(line.removeprefix("; ")))
    return table


def _day(moment: datetime) -> str:
    return "ever" if moment <= datetime.min.replace(tzinfo=UTC) + timedelta(days=2) else moment.date().isoformat()


def omission_table(left_out: Sequence[Omission]) -> Table:
    """Memories that were not recalled, with the reason, and the memory that stands for each."""
    table = _table()
    table.add_column("score", no_wrap=True)
    table.add_column("why not", no_wrap=True, style="yellow")
    table.add_column("what", ratio=1, overflow="fold")
    for omission in left_out:
        cell = Text(shorten(omission.memory.text or "", 200))
        if omission.replacement_key is not None:
            cell.append(f"\ninstead: key {plain(omission.replacement_key)}", style="dim")
        table.add_row(score_text(omission.score), omission.reason, cell)
    return table


def memory_table(memories: Sequence[Memory]) -> Table:
    """Memories with their keys."""
    table = _table()
    table.add_column("when, who", max_width=16)
    table.add_column("kind", no_wrap=True, style="magenta")
    table.add_column("what", ratio=1, overflow="fold")
    for memory in memories:
        cell = Text(plain(memory.text) if memory.text is not None else "(no text: a store item without an index)")
        cell.append(f"\nkey {plain(memory.key)}{', pinned' if memory.pinned else ''}", style="dim")
        table.add_row(_when_who(memory), memory.kind, cell)
    return table


def receipt_table(receipt: Receipt) -> Group:
    """Rows that were erased, or would be, by table; and everything that was not reached."""
    title = "receipt: erased for good" if receipt.erased else "receipt of a dry run: nothing was erased"
    table = Table(box=box.SIMPLE_HEAD, show_edge=False)
    table.add_column("table")
    table.add_column("rows erased" if receipt.erased else "rows to erase", justify="right")
    for name, count in _sort_tables(receipt.counts):
        table.add_row(name, str(count), style="" if count else "dim")
    lines = [Text(f"not reached: {plain(rest)}", style="yellow") for rest in receipt.remaining_traces]
    if len(receipt.by_namespace) > 1:
        lines[:0] = [
            Text(f"{plain('/'.join(namespace))}: {sum(counts.values()):,} rows")
            for namespace, counts in receipt.by_namespace.items()
        ]
    if receipt.verified:
        lines.append(Text("Verified: every table was looked through afterwards, and nothing was left."))
    if receipt.erased and any(receipt.counts.values()):
        lines.append(Text("The bytes stay in PostgreSQL's files until VACUUM (FULL, ANALYZE).", style="dim"))
    return Group(Text(title, style="bold"), table, *lines)


def _sort_tables(counts: Mapping[str, int]) -> list[tuple[str, int]]:
    rank = {name: position for position, name in enumerate(_ORDER)}
    return sorted(counts.items(), key=lambda item: (rank.get(item[0], len(rank)), item[0]))
