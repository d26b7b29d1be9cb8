"""The field's public sets of conversations and questions, read as they are published: LoCoMo, REALTALK and LongMemEval."""

from __future__ import annotations

import gzip
import json
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, cast

from langchain_persistmem.errors import InvalidInputError
from langchain_persistmem.runtime.line_file import check_source

Row = dict[str, Any]
_Json = Mapping[str, Any]

_LOCOMO = {1: "multi-hop", 2: "temporal", 3: "open-domain", 4: "single-hop", 5: "adversarial"}
_REALTALK = {1: "multi-hop", 2: "temporal", 3: "commonsense"}
_SESSION = re.compile(r"session_(\d+)")
_LATER = timedelta(days=1)
"""Time from the last turn to the questions, where a set does not say when they are asked."""


@dataclass(frozen=True, kw_only=True, slots=True)
class PublicSet:
    """Conversations and questions in the form of the files of `persistmem eval`."""

    users: tuple[Row, ...]
    questions: tuple[Row, ...]


def read_public_set(path: Path) -> PublicSet:
    """Read a file of a public set, plain or gzip, and tell by its shape which one it is.

    Raises:
        InvalidInputError: it is none of those that are known.
    """
    check_source(path, "a file of LoCoMo, REALTALK or LongMemEval")
    try:
        read = path.read_bytes()
        document: object = json.loads(gzip.decompress(read) if read[:2] == b"\x1f\x8b" else read)
        entries = [
            cast("_Json", entry)
            for entry in (cast("list[object]", document) if isinstance(document, list) else [document])
        ]
        pairs = [(_adapter(entry)(entry, number)) for number, entry in enumerate(entries, 1)]
    except (OSError, ValueError, LookupError, TypeError, AttributeError, RecursionError) as error:
        raise InvalidInputError(
            f"{path.name} is no file of LoCoMo, REALTALK or LongMemEval; give conversations and questions as two files of "
            "JSON Lines"
        ) from error
    return PublicSet(
        users=tuple(user for user, _ in pairs),
        questions=tuple(question for _, questions in pairs for question in questions),
    )


def write_lines(rows: tuple[Row, ...], path: Path) -> Path:
    """Write one object per line."""
    path.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows), encoding="utf-8")
    return path


def _adapter(entry: _Json) -> Callable[[_Json, int], tuple[Row, list[Row]]]:
    if "haystack_sessions" in entry:
        return _read_long_mem_eval
    return _read_locomo if "conversation" in entry else _read_realtalk


def _read_locomo(entry: _Json, number: int) -> tuple[Row, list[Row]]:
    """Two people; times are those of sessions, and a picture is told by its caption."""
    user, conversation = str(entry.get("sample_id", number)), cast("_Json", entry["conversation"])
    turns: list[Row] = []
    for session, session_turns in _sessions(conversation):
        start = datetime.strptime(conversation[f"session_{session}_date_time"], "%I:%M %p on %d %B, %Y")  # noqa: DTZ007
        for position, turn in enumerate(session_turns):
            picture = f" [{turn['blip_caption']}]" if turn.get("blip_caption") else ""
            turns.append(_turn(turn, user, session, f"{turn['text']}{picture}", start + timedelta(minutes=position)))
    return {"user_id": user, "turns": turns}, _questions(entry, user, turns, _LOCOMO)


def _read_realtalk(entry: _Json, number: int) -> tuple[Row, list[Row]]:
    """Two people; every message has its own time."""
    names = cast("_Json", entry["name"])
    user = f"{number}-{names['speaker_1']}-{names['speaker_2']}"
    turns = [
        _turn(turn, user, session, turn["clean_text"], datetime.strptime(turn["date_time"], "%d.%m.%Y, %H:%M:%S"))  # noqa: DTZ007
        for session, session_turns in _sessions(entry)
        for turn in session_turns
    ]
    turns = [turn for turn in turns if turn["text"].strip()]
    return {"user_id": user, "turns": turns}, _questions(entry, user, turns, _REALTALK)


def _read_long_mem_eval(entry: _Json, number: int) -> tuple[Row, list[Row]]:
    """A user and an assistant, with a history of its own for each question; turns that answer it are marked."""
    user = f"{number}-{entry['question_id']}"
    turns: list[Row] = []
    gold: list[str] = []
    sessions = zip(entry["haystack_session_ids"], entry["haystack_dates"], entry["haystack_sessions"], strict=True)
    for position, (session, date, session_turns) in enumerate(sessions):
        start = _day(date)
        for count, turn in enumerate(session_turns):
            if not turn["content"].strip():
                continue
            id = f"{user}-{position}-{count}"
            gold += [id] if turn.get("has_answer") else []
            turns.append(
                {"id": id, "session": f"{position}-{session}", "ts": _to_iso(start + timedelta(minutes=count)),
                 "role": turn["role"], "text": turn["content"]}
            )  # fmt: skip
    category = "abstention" if entry["question_id"].endswith("_abs") else entry["question_type"]
    question = {
        "qid": user, "user_id": user, "query": entry["question"], "category": category,
        "asked_at": _to_iso(_day(entry["question_date"])), "gold": [] if category == "abstention" else gold,
    }  # fmt: skip
    return {"user_id": user, "turns": turns}, [question]


def _sessions(conversation: _Json) -> Iterator[tuple[int, list[_Json]]]:
    numbers = sorted(int(match[1]) for name in conversation if (match := _SESSION.fullmatch(name)))
    return ((number, conversation[f"session_{number}"]) for number in numbers)


def _turn(turn: _Json, user: str, session: int, text: str, moment: datetime) -> Row:
    return {
        "id": f"{user}:{turn['dia_id']}", "session": f"{user}-{session}", "ts": _to_iso(moment), "role": "user",
        "speaker": turn["speaker"], "text": text,
    }  # fmt: skip


def _questions(entry: _Json, user: str, turns: list[Row], categories: Mapping[int, str]) -> list[Row]:
    """The questions; evidence that names no turn is left out, as the sets have some."""
    ids = {turn["id"] for turn in turns}
    asked_at = _to_iso(max(datetime.fromisoformat(turn["ts"]) for turn in turns) + _LATER)
    questions: list[Row] = []
    for index, question in enumerate(entry["qa"]):
        marks = cast("list[str]", question.get("evidence") or [])
        questions.append(
            {"qid": f"{user}-q{index}", "user_id": user, "query": question["question"], "asked_at": asked_at,
             "category": categories.get(question["category"], str(question["category"])),
             "gold": [id for id in (f"{user}:{mark.strip()}" for mark in marks) if id in ids]}
        )  # fmt: skip
    return questions


def _day(text: str) -> datetime:
    """2023/05/20 (Sat) 15:08, with or without the time."""
    date, *rest = re.sub(r"\([^)]*\)", "", text).split()
    return datetime.strptime(f"{date} {rest[0] if rest else '00:00'}", "%Y/%m/%d %H:%M")  # noqa: DTZ007


def _to_iso(moment: datetime) -> str:
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).isoformat()
