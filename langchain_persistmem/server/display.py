"""The texts of the pages, and the forms of dates, numbers and quoted words in them; nothing is taken as HTML."""

from __future__ import annotations

import json
import re
import tomllib
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from functools import cache
from importlib.resources import files
from typing import Any

from markupsafe import Markup

from langchain_persistmem.types.recall_results import ScoreParts

PARTS = (
    "meaning", "terms", "neighbours", "speaker", "period", "question", "missing_answer", "recency", "importance", "use",
)  # fmt: skip
"""The parts of a score, in the order in which they stand; they add up to the evidence."""

_LEAST = 0.005
"""A part that is rounded to 0 is left out."""
_WIDEST = 6.0
"""Standard deviations of evidence at which a bar is full."""
_TOKEN = 4
"""Characters of a token, about: see ``approximate_tokens``."""


@cache
def texts() -> Mapping[str, Any]:
    """Return the texts, by page and by name: all of them are in ``texts.toml``."""
    return tomllib.loads(files("langchain_persistmem.server").joinpath("texts.toml").read_text(encoding="utf-8"))


def fill(text: str, /, **values: object) -> str:
    """Fill the names in braces of one of our texts."""
    return text.format(**values)


def number(value: float) -> str:
    """Write a number with commas between thousands."""
    return f"{value:,}"


def decimal(value: float, digits: int = 2) -> str:
    """Write a number with so many digits behind the point."""
    return f"{value:.{digits}f}"


def date(moment: datetime) -> Markup:
    """Write a day, as it was where the moment was told of."""
    return _time(moment, day_text(moment))


def clock(moment: datetime) -> Markup:
    """Write a day and the time on the clock, in UTC unless the moment was told of elsewhere."""
    zone = " UTC" if not moment.utcoffset() else ""
    return _time(moment, f"{day_text(moment)}, {moment:%H:%M}{zone}")


def day_text(moment: datetime) -> str:
    """Write a day within a sentence."""
    return f"{moment.day} {moment:%b} {moment.year}"


def shorten(text: str, length: int = 400) -> str:
    """Cut a long text at a word, with an ellipsis."""
    if len(text) <= length:
        return text
    cut = text[: length - 1]
    return (cut.rsplit(" ", 1)[0] if " " in cut[length // 2 :] else cut) + "…"


def as_json(value: Mapping[str, Any]) -> str:
    """Write JSON for a person."""
    return json.dumps(value, indent=2, ensure_ascii=False)


def mark(text: str, quotes: Sequence[str]) -> list[tuple[str, bool]]:
    """Cut a text into pieces, of which those that a quote has are marked; white space and case do not matter.

    >>> mark("Hi! I live in Oslo.", ["live  in oslo"])
    [('Hi! I ', False), ('live in Oslo', True), ('.', False)]
    """
    patterns = [r"\s+".join(map(re.escape, words)) for quote in quotes if (words := quote.split())]
    if not patterns:
        return [(text, False)]
    # The longest first, so that a quote within another does not cut it.
    pieces = re.split(f"({'|'.join(sorted(patterns, key=len, reverse=True))})", text, flags=re.IGNORECASE)
    return [(piece, index % 2 == 1) for index, piece in enumerate(pieces) if piece]


def parts(score: ScoreParts) -> list[tuple[str, float, float]]:
    """List the parts of a score that count: name, value, and the length of its bar from -1 to 1."""
    values = [(name, getattr(score, name)) for name in PARTS]
    return [(name, value, max(-1.0, min(1.0, value / _WIDEST))) for name, value in values if abs(value) >= _LEAST]


def tokens_of(characters: int) -> int:
    """Estimate the tokens of a text by its length."""
    return -(-characters // _TOKEN)


def _time(moment: datetime, text: str) -> Markup:
    exact = moment.astimezone(UTC).isoformat(timespec="seconds")
    return Markup('<time datetime="{}" title="{}">{}</time>').format(exact, exact, text)


FILTERS: Mapping[str, Callable[..., Any]] = {
    "fill": fill,
    "number": number,
    "decimal": decimal,
    "date": date,
    "clock": clock,
    "day_text": day_text,
    "shorten": shorten,
    "as_json": as_json,
    "mark": mark,
    "parts": parts,
}
"""The filters of the templates, by name."""
