"""The part of a chat model's answer about a conversation that is believed, and why the rest is not; pure."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time, timedelta
from typing import Any, Literal, cast
from uuid import UUID

from langchain_persistmem.errors import ExtractionError
from langchain_persistmem.language.calendar.time_expressions import find_periods
from langchain_persistmem.language.subjects import find_subject, names_among
from langchain_persistmem.language.trust import is_deceptive
from langchain_persistmem.learning.chat_model.claim_support import (
    OwnWords,
    find_quote,
    find_support,
    judge,
    leading_name,
    letters,
    name_turns,
    says,
)
from langchain_persistmem.learning.chat_model.extraction_prompt import USUAL, Request
from langchain_persistmem.learning.decisions.fact_keys import fact_key
from langchain_persistmem.types.records import (
    CATEGORIES,
    Candidate,
    DatePrecision,
    Kind,
    Memory,
    Provenance,
    Relation,
    Turn,
)
from langchain_persistmem.types.validation import LEAST_SHARE

OmissionReason = Literal["low_confidence", "assistant_only", "unsupported", "said_twice", "misfit", "not_usable"]
"""The reason why a statement was dropped."""

_GUESS = "guess"
_CONFIDENCE = 0.9
_LITTLE_CONFIDENCE = 0.3
"""The confidence in a statement, and in a guess, of a model that is not asked for a number."""
_KIND_OF: Mapping[str, Kind] = {"event": "episodic", "instruction": "procedural"}
_TYPE_OF: Mapping[str, str] = {"semantic": "fact", "episodic": "event", "procedural": "instruction"}
"""Models know the field's words too, and say the kind where they were asked for the type."""
_TYPES = frozenset({"preference", "fact", "goal", "decision", "event", "instruction", _GUESS})
_RELATIONS: Sequence[Relation] = ("new", "same", "replaces")
_KNOWN = re.compile(r"\s*(?:(same|replaces)[ :]+)?(k\d+)(?:[ :]+(same|replaces))?\s*", re.IGNORECASE)
_KEY = re.compile(r"([^\W\d][\w .-]{0,60}?)\s*[:=]\s*(.+)", re.DOTALL)
_LABEL = re.compile(r"\s*(?:date|day|event|key|known|importance|weight)\s*[:=]", re.IGNORECASE)
_QUOTE = re.compile(r"(?:^|;)\s*quote\s*[:=]", re.IGNORECASE)
_SHARE = re.compile(r"[01](?:\.\d+)?")
_IMPORTANCE = 0.5
_MOST_ENTRIES = 20
_MOST_FOR_A_TURN = 10
"""An answer has at most so many entries in all, and for each turn: a model that runs wild fills no database."""
_DATE = re.compile(r"(~?)\s*(\d{4})(?:-(\d{1,2})(?:-(\d{1,2}))?)?")
_YEAR = re.compile(r"(?<!\d)(?:19|20|21)\d\d(?!\d)")
_LENGTHS: Sequence[tuple[int, DatePrecision]] = ((1, "day"), (31, "month"), (92, "season"), (366, "year"))
"""How exact a period of at most so many days is."""
_MISSHAPEN = frozenset({"not_usable", "misfit"})
_MOST_TOPICS = 12
_LONGEST_TOPIC = 80
_LONGEST_VALUE = 1_000
_LONGEST_MORE = 4_000


@dataclass(frozen=True, slots=True)
class Omission:
    """A statement of a model's that was dropped, with the reason as a word of this program."""

    text: str
    reason: OmissionReason
    message_ids: tuple[str, ...] = ()
    """The turns that were named for it."""
    about: UUID | None = None
    """The known memory that it was to change."""


@dataclass(frozen=True, slots=True)
class Answer:
    """The part of a model's answer that is believed, and the part that is not."""

    candidates: Sequence[Candidate]
    omissions: Sequence[Omission] = ()


def read_answer(
    answer: object,
    turns: Sequence[Turn],
    *,
    thread_id: str,
    model: str,
    max_chars: int,
    existing: Sequence[Memory] = (),
    earlier: Sequence[Turn] = (),
    tools: Sequence[str] = (),
    request: Request = USUAL,
) -> Answer:
    """The usable part of the model's answer, and what was dropped with the reason.

    An entry without text, of an unknown type, that names no message of the user which was shown,
    or whose quote stands in none of them, is dropped: the assistant's own words are no evidence
    about the user. A label that was not shown counts for nothing.

    Args:
        tools: what tools have put out in this part of the conversation, which is not the user's whoever repeats it.

    Raises:
        ExtractionError: the answer as a whole, or every entry of it, does not have the shape that was asked for.
    """
    entries = cast("Mapping[str, object]", answer).get("memories") if isinstance(answer, Mapping) else None
    if not isinstance(entries, list):
        raise _unusable(f"with {type(cast('object', answer)).__name__} instead of a list of memories")
    # Labels are made anew for each question, so that a model cannot name a memory that it was not shown.
    labels = {f"k{number}": memory for number, memory in enumerate(existing, 1)}
    own = OwnWords()
    candidates: list[Candidate] = []
    omissions: list[Omission] = []
    # A model that repeats itself without end fills no database: what is beyond a plausible count is left out.
    for entry in cast("list[object]", entries)[: _MOST_ENTRIES + _MOST_FOR_A_TURN * len(turns)]:
        fields = cast("Mapping[str, Any]", entry if isinstance(entry, Mapping) else {})
        result = _read_entry(fields, turns, labels, earlier, tools, request, own, max_chars=max_chars)
        if isinstance(result, Omission):
            omissions.append(result)
            continue
        where = replace(
            result.provenance, thread_id=thread_id, extractor="model", model=model, prompt_version=request.version
        )
        candidates.append(replace(result, provenance=where))
    if entries and not candidates and all(omission.reason in _MISSHAPEN for omission in omissions):
        # The turns do not count as learnt from: what was in them could not be read.
        raise _unusable("with a list in which no entry is a memory")
    return Answer(candidates, omissions)


def _unusable(what: str) -> ExtractionError:
    failure = ExtractionError(f"the chat model answered {what}; the turns are kept and the next call tries again")
    failure.unusable_answer = True
    return failure


@dataclass(frozen=True, slots=True)
class _Entry:
    """One entry of an answer, under the names that earlier versions of the prompt had for its fields as well."""

    text: str
    type: str
    numbers: Sequence[object]
    date: str
    key: str
    value: str
    importance: float
    confidence: float
    label: str
    relation: Relation
    quote: str
    topics: Sequence[str] | None


def _entry(fields: Mapping[str, Any]) -> _Entry | None:
    """The fields of an entry; None if it has no text, or a type that was not asked for."""
    text, type_ = fields.get("text"), fields.get("type") or _TYPE_OF.get(str(fields.get("kind")))
    if not isinstance(text, str) or not text.strip() or "\x00" in text or type_ not in _TYPES:
        return None
    fields = {**_more(_text(fields.get("more"))), **fields}
    numbers = fields.get("messages")
    label, relation = _relation(_text(fields.get("known")), _text(fields.get("change")))
    usual = _LITTLE_CONFIDENCE if type_ == _GUESS else _CONFIDENCE
    return _Entry(
        text=text,
        type="fact" if type_ == _GUESS else cast("str", type_),
        numbers=cast("list[object]", numbers) if isinstance(numbers, list) else (),
        date=_text(fields.get("date")),
        key=_text(fields.get("key")),
        value=_clean(_text(fields.get("value")))[:_LONGEST_VALUE],
        importance=_share(fields.get("importance"), _IMPORTANCE),
        confidence=_share(fields["confidence"], 0.5) if "confidence" in fields else usual,
        label=label,
        relation=relation,
        quote=_text(fields.get("quote")),
        topics=_topics(fields["topics"]) if "topics" in fields else None,
    )


def _more(text: str) -> dict[str, object]:
    """The fields in one text: a day, a key and its value, a known memory, an importance and a quote; of each the first.

    >>> _more("2026-03-01; home_city: Oslo; replaces k2; 0.9; quote: I moved; at last")
    {'quote': 'I moved; at last', 'date': '2026-03-01', 'key': 'home_city', 'value': 'Oslo', 'known': 'replaces k2', 'importance': 0.9}
    """
    fields: dict[str, object] = {}
    parts, *quote = _QUOTE.split(text[:_LONGEST_MORE], maxsplit=1)
    if quote:
        fields["quote"] = quote[0].strip()
    # Models say what a part is, too: "date: 2026-03-01".
    for part in (_LABEL.sub("", labelled).strip() for labelled in parts.split(";")):
        pair = _KEY.fullmatch(part)
        if _DATE.fullmatch(part):
            fields.setdefault("date", part)
        elif _KNOWN.fullmatch(part):
            fields.setdefault("known", part)
        elif _SHARE.fullmatch(part):
            fields.setdefault("importance", float(part))
        elif pair is not None and "key" not in fields:
            fields["key"], fields["value"] = map(str.strip, pair.groups())
    return fields


def _relation(text: str, change: str) -> tuple[str, Relation]:
    """The label of a known memory, and what the statement is to it."""
    match = _KNOWN.fullmatch(text)
    if match is None:
        return "", "new"
    before, label, behind = match.groups()
    relation = (before or behind or change).casefold()
    return label.casefold(), cast("Relation", relation) if relation in _RELATIONS else "new"


def _read_entry(
    fields: Mapping[str, Any],
    turns: Sequence[Turn],
    labels: Mapping[str, Memory],
    earlier: Sequence[Turn],
    tools: Sequence[str],
    request: Request,
    own: OwnWords,
    *,
    max_chars: int,
) -> Candidate | Omission:
    """The candidate in one entry, or the reason why it is none."""
    entry = _entry(fields)
    if entry is None:
        return Omission(_clean(_text(fields.get("text")))[:max_chars], "not_usable")
    statement = _clean(entry.text)[:max_chars]
    content = None if request.shape is None else request.shape.fit(fields.get("content"))
    if request.shape is not None and content is None:
        return Omission(statement, "misfit")
    named = name_turns(entry.numbers, turns)
    if not named:
        return Omission(statement, "not_usable")
    ids, target = tuple(turn.id for turn in named), labels.get(entry.label)
    about = target.id if target is not None else None
    support = find_support(statement, entry.quote, named, turns, earlier)
    if support.missing is not None:
        return Omission(statement, support.missing, ids, about)
    sources = support.sources
    candidate = _candidate(entry, statement, sources, about, own)
    if content is not None:
        candidate = replace(candidate, value={**(candidate.value or {}), "schema": content[0], "content": content[1]})
    if not support.is_certain:
        # Other words of the user's may say it; but they confirm nothing.
        candidate = replace(candidate, is_supported=False)
        if candidate.relation == "same":
            candidate = replace(candidate, relation="new", about=None)
    instruction = candidate.kind == "procedural"
    verdict = judge(
        statement, entry.quote, sources, turns, instruction=instruction, date=entry.date, tools=tools, own=own
    )
    category = fields.get("category")
    if isinstance(category, str) and category in request.category_names:
        candidate = replace(candidate, category=category)
    where = Provenance(source=verdict.source, message_ids=tuple(turn.id for turn in sources))
    # An attack that the user pasted waits as one, together with its turn.
    is_attack = is_deceptive(statement) and any(turn.role == "user" and is_deceptive(turn.text) for turn in sources)
    return replace(candidate, provenance=where, doubt=None if is_attack else verdict.doubt)


def _candidate(entry: _Entry, statement: str, sources: Sequence[Turn], about: UUID | None, own: OwnWords) -> Candidate:
    kind = _KIND_OF.get(entry.type, "semantic")
    quote = entry.quote or ("" if kind == "procedural" else find_quote(statement, sources, own))
    stated_at, speaker = sources[-1].sent_at, _speaker(sources, quote)
    name = leading_name(statement, sources)
    topics = entry.topics if entry.topics is not None else [name] if name else []
    names = [*names_among(topics), *([speaker] if speaker else [])]
    key = fact_key(entry.key, find_subject(statement, names)) if kind == "semantic" else None
    value: dict[str, Any] = {"text": statement, "type": entry.type, "topics": list(topics)}
    if key is not None and entry.value:
        value["value"] = entry.value
    day, precision = _date(entry.date, statement, stated_at) if kind == "episodic" else (stated_at, "told")
    if day != stated_at:
        value["said_at"] = stated_at.isoformat()  # of two plans the one that was made later counts, not the later day
    return Candidate(
        text=statement,
        kind=kind,
        key=key,
        value=value,
        importance=entry.importance,
        confidence=entry.confidence,
        category=entry.type if entry.type in CATEGORIES else None,
        valid_from=day,
        told_at=stated_at,
        utc_offset=sources[-1].utc_offset,
        date_precision=precision,
        quote=_clean(quote)[:_LONGEST_VALUE] or None,
        provenance=Provenance(source="user"),
        speaker=speaker,
        about=about,
        relation=entry.relation if about is not None else "new",
    )


def _speaker(sources: Sequence[Turn], quote: str) -> str | None:
    """The speaker, if it was one person: whoever said the words that are quoted, else whoever said all of it."""
    users = [turn for turn in sources if turn.role == "user"]
    quoted = [turn for turn in users if letters(quote) and says(turn.text, quote)]
    speakers = {turn.speaker for turn in quoted or users if turn.speaker}
    return speakers.pop() if len(speakers) == 1 else None


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""


def _clean(text: str) -> str:
    """On one line, without what a database refuses."""
    return " ".join(text.replace("\x00", " ").encode(errors="replace").decode().split())


def _topics(values: object) -> list[str]:
    if not isinstance(values, list):
        return []
    clean = (_clean(entry) for entry in cast("list[object]", values) if isinstance(entry, str))
    return list(dict.fromkeys(topic[:_LONGEST_TOPIC] for topic in clean if topic))[:_MOST_TOPICS]


def _date(text: object, statement: str, stated_at: datetime) -> tuple[datetime, DatePrecision]:
    """The moment of an event, and how exactly that is known; the moment of telling where nobody says when.

    Of a month or a year it is noon of the first day, at the sender's place.
    """
    match = _DATE.fullmatch(text.strip()) if isinstance(text, str) else None
    if match is None:
        return _date_in(statement, stated_at)
    roughly, year, month, day = match.groups()
    try:
        named = date(int(year), int(month or 1), int(day or 1))
    except ValueError:
        return stated_at, "told"
    precision: DatePrecision = "day" if day else "month" if month else "year"
    if precision == "day" and named == stated_at.date():
        return stated_at, "about" if roughly else "day"
    # A month is rough enough: "about" is for days, lest the first of the month be taken for the day.
    return datetime.combine(named, time(12), stated_at.tzinfo or UTC), "about" if roughly and day else precision


def _date_in(statement: str, stated_at: datetime) -> tuple[datetime, DatePrecision]:
    """The date that the statement itself names with its year; a model that writes it down may leave the field empty."""
    periods = find_periods(statement, now=stated_at) if _YEAR.search(statement) else ()
    if len(periods) != 1 or periods[0].certainty < 1:
        return stated_at, "told"
    start, days = periods[0].start, (periods[0].end - periods[0].start).days
    for most, precision in _LENGTHS:
        if days <= most:
            return start + timedelta(hours=12), precision
    return stated_at, "told"


def _share(number: object, otherwise: float) -> float:
    if isinstance(number, bool) or not isinstance(number, (int, float)) or not 0.0 <= number <= 1.0:
        return otherwise
    return float(number) if number >= LEAST_SHARE else 0.0
