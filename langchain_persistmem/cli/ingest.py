"""`persistmem ingest`: conversations from files. Run it again at any time: it goes on where it stopped."""

from __future__ import annotations

import argparse
import hashlib
import json
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any, cast

from langchain_persistmem.cli import values
from langchain_persistmem.cli.json_output import print_json
from langchain_persistmem.cli.opening import chat_model, open_memory
from langchain_persistmem.cli.parser import GOES_ON, Subcommands, add_command, add_dry_run, add_json
from langchain_persistmem.cli.progress import show_progress
from langchain_persistmem.cli.tables import counts_table
from langchain_persistmem.cli.terminal import out, waiting
from langchain_persistmem.client.persistmem import PersistMem
from langchain_persistmem.errors import InvalidInputError
from langchain_persistmem.runtime.line_file import open_lines
from langchain_persistmem.types import validation
from langchain_persistmem.types.namespace import encode
from langchain_persistmem.types.progress import Meter, Report
from langchain_persistmem.types.representation import represent, type_name
from langchain_persistmem.types.results import ObserveResult

_COUNTS = ("stored", "added", "reinforced", "skipped")
_CHUNK = 40
"""Turns that are stored and learnt from at once: what a crash can leave undone."""


def add(subcommands: Subcommands) -> None:
    """Describe the subcommand."""
    parser = add_command(
        subcommands,
        "ingest",
        "remember conversations from JSON Lines files; running it again changes nothing",
        "persistmem ingest chats.jsonl\n\none turn per line, plain or gzip (id and name may be left out):\n"
        '  {"user_id": "maya", "thread_id": "kitchen", "role": "user",\n'
        '   "content": "I moved to Oslo.", "timestamp": "2026-03-02T19:04:00+01:00"}',
        resume=GOES_ON,
        details="Every line is checked before anything is stored; --model has a chat model find what is worth remembering.",
    )
    parser.add_argument("files", metavar="FILE", nargs="+", type=values.path, help="JSON Lines, plain or gzip")
    add_dry_run(parser)
    add_json(parser)
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Check the files, then store and learn, thread by thread."""
    start = time.perf_counter()
    with waiting("checking every line before anything is stored"):
        overview = survey(options.files)
    # A dry run ends here: the files were checked, and what they hold was counted.
    result = ObserveResult(stored=0, added=0, reinforced=0, skipped=0)
    rows = {
        "users": len({user for user, _ in overview.everyone}),
        "threads": len(overview.everyone),
        "turns read": overview.turns,
    }
    if not options.dry_run:
        with open_memory(options, model=chat_model(options), set_up=True) as memory, show_progress(options) as progress:
            result = _observe(memory, overview, progress)
        idle = "skipped as small talk" if options.model is None else "turns with nothing to keep"
        rows |= {
            "turns that were new": result.stored,
            "memories added": result.added,
            "memories confirmed": result.reinforced,
            idle: result.skipped,
        }
    if options.json:
        read = {"users": rows["users"], "threads": rows["threads"], "turns": overview.turns}
        counts = {name: getattr(result, name) for name in _COUNTS}
        print_json({"dry_run": options.dry_run, **read, **counts})
        return 0
    out().print(counts_table(rows, seconds=time.perf_counter() - start))
    return 0


def _observe(memory: PersistMem, overview: Survey, progress: Report) -> ObserveResult:
    stored = added = reinforced = skipped = 0
    meter = Meter(progress, "turns", overview.turns)
    for path, counts in overview.threads.items():
        for (user_id, thread_id), messages in chunks(path, counts, _CHUNK):
            # Turns that an earlier run stored and did not get to learn from are learnt from here as well.
            seen = memory.observe([dict(message) for message in messages], thread_id=thread_id, user_id=user_id)
            stored, added = stored + seen.stored, added + seen.added
            reinforced, skipped = reinforced + seen.reinforced, skipped + seen.skipped
            meter.advance(len(messages))
    return ObserveResult(stored=stored, added=added, reinforced=reinforced, skipped=skipped)


_ROLES = {
    "user": "user",
    "human": "user",
    "assistant": "assistant",
    "ai": "assistant",
    "system": "system",
    "developer": "system",
    "tool": "tool",
}
_LONGEST = 1_000_000
_SHOWN = 5
_MOST_BAD = 1_000

Thread = tuple[str, str]
"""A user's id and the id of one of their threads."""


@dataclass(frozen=True, slots=True)
class FileTurn:
    """One turn of a file, as ``observe()`` takes it."""

    thread: Thread
    message: Mapping[str, str]


@dataclass(slots=True)
class Survey:
    """The turns of the files, counted and checked; their texts are not held."""

    threads: dict[Path, Counter[Thread]] = field(default_factory=dict[Path, Counter[Thread]])

    @property
    def turns(self) -> int:
        """Turns in all files."""
        return sum(counts.total() for counts in self.threads.values())

    @property
    def everyone(self) -> set[Thread]:
        """Every thread of every user."""
        return {thread for counts in self.threads.values() for thread in counts}


def survey(files: Sequence[Path]) -> Survey:
    """Read every line of every file once, before anything is stored.

    Raises:
        InvalidInputError: lines cannot be stored; the message has the first five, each with its fix.
    """
    overview = Survey()
    bad: list[str] = []
    for path in files:
        counts = overview.threads[path] = Counter[Thread]()
        for turn in _read(path):
            if isinstance(turn, str):
                bad.append(turn)
                if len(bad) == _MOST_BAD:  # the file is of another kind, and need not be read to its end
                    break
            else:
                counts[turn.thread] += 1
    if bad:
        more = f"\n... and {len(bad) - _SHOWN:,} more" if len(bad) > _SHOWN else ""
        what = "1 line" if len(bad) == 1 else f"{len(bad):,} lines{' or more' * (len(bad) >= _MOST_BAD)}"
        raise InvalidInputError(
            f"{what} cannot be stored, so nothing was; correct and run again:\n" + "\n".join(bad[:_SHOWN]) + more
        )
    return overview


def chunks(path: Path, counts: Mapping[Thread, int], size: int) -> Iterator[tuple[Thread, list[Mapping[str, str]]]]:
    """The turns of a surveyed file by thread, each thread in its order, at most ``size`` at a time.

    No more is held than one unfinished chunk for each thread that is open at that place in the file.
    """
    remaining = dict(counts)
    waiting: dict[Thread, list[Mapping[str, str]]] = {}
    for turn in _read(path):
        if isinstance(turn, str) or not remaining.get(turn.thread):
            raise InvalidInputError(f"{path} was changed while it was read; run again: what is stored stays as it is")
        chunk = waiting.setdefault(turn.thread, [])
        chunk.append(turn.message)
        remaining[turn.thread] -= 1
        if len(chunk) == size or not remaining[turn.thread]:
            yield turn.thread, waiting.pop(turn.thread)


def _read(path: Path) -> Iterator[FileTurn | str]:
    """Every turn of a file, or a sentence about what is wrong with it."""
    ids = _Ids()
    with open_lines(path, whole_path=True) as lines:
        for number, line in enumerate(lines, 1):
            if not line.strip():
                continue
            where = f"{path.name}, line {number}"
            try:
                row = _object(line)
            except InvalidInputError as error:
                yield f"{where}: {error}"
                continue
            if "turns" in row:
                yield from _user(row, where, ids)
            else:
                yield _check_line(partial(_turn, row), where, ids)


def _object(line: bytes) -> dict[str, Any]:
    problem = "is no JSON object; write one object per line"
    try:
        value = json.loads(line.decode("utf-8-sig"))
    except UnicodeDecodeError as error:
        problem = f"is not UTF-8 at byte {error.start}; save the file as UTF-8"
    except (ValueError, RecursionError) as error:
        at = f" at column {error.colno} ({error.msg})" if isinstance(error, json.JSONDecodeError) else ""
        problem = f"is no JSON{at}; write one JSON object per line"
    else:
        if isinstance(value, dict):
            return cast("dict[str, Any]", value)
    raise InvalidInputError(problem)


def _user(row: Mapping[str, Any], where: str, ids: _Ids) -> Iterator[FileTurn | str]:
    user, turns = row.get("user_id"), row["turns"]
    if not isinstance(turns, list):
        yield f"{where}: turns is no list; write a list of objects with id, session, ts, speaker, role and text"
        return
    for index, turn in enumerate(cast("list[object]", turns)):
        here = f"{where}, turns[{index}]"
        if isinstance(turn, dict):
            yield _check_line(partial(_benchmark_turn, user, cast("dict[str, Any]", turn)), here, ids)
        else:
            yield f"{here}: is no object; write id, session, ts, speaker, role and text"


def _check_line(make: Callable[[], FileTurn], where: str, ids: _Ids) -> FileTurn | str:
    try:
        return ids.with_id(make())
    except InvalidInputError as error:
        return f"{where}: {error}"


def _turn(row: Mapping[str, Any]) -> FileTurn:
    moment = _moment(row.get("timestamp"), "timestamp")
    if moment.utcoffset() is None:
        raise InvalidInputError(
            "timestamp has no time zone, so that nobody knows which hour is meant; "
            f"write {moment.isoformat()}Z for UTC, or an offset such as {moment.isoformat()}+01:00"
        )
    name = row.get("name")
    return _make_turn(row.get("user_id"), row, ("thread_id", "content", "id"), moment, name)


def _benchmark_turn(user: object, row: Mapping[str, Any]) -> FileTurn:
    moment = _moment(row.get("ts"), "ts")
    if moment.utcoffset() is None:
        moment = moment.replace(tzinfo=UTC)  # the benchmarks' clock
    speaker, role = row.get("speaker"), str(row.get("role"))
    name = None if isinstance(speaker, str) and speaker.strip().casefold() in ("", role.casefold()) else speaker
    return _make_turn(user, row, ("session", "text", "id"), moment, name)


def _make_turn(
    user: object, row: Mapping[str, Any], fields: tuple[str, str, str], moment: datetime, name: object
) -> FileTurn:
    thread_field, text_field, id_field = fields
    user_id = validation.check_text(user, "user_id", at_most=validation.MAX_NAME_BYTES)
    encode(("memories", user_id))
    thread = validation.name(_optional_text(row, thread_field), thread_field)
    role = _ROLES.get(str(_optional_text(row, "role")))
    if role is None:
        raise InvalidInputError(f"role is {represent(row['role'])}; use user, assistant, system or tool")
    text = _optional_text(row, text_field)
    if not isinstance(text, str):
        raise InvalidInputError(f"{text_field} is of type {type_name(text)}; write a string")
    if len(text) > _LONGEST:
        raise InvalidInputError(
            f"{text_field} has {len(text):,} characters, at most {_LONGEST:,} are possible; split it"
        )
    message = {"role": role, "content": validation.storable(text, text_field), "timestamp": moment.isoformat()}
    if row.get(id_field) is not None:
        message["id"] = validation.name(row[id_field], id_field)
    if name is not None:
        message["name"] = validation.check_text(name, "name", at_most=200)
    return FileTurn((user_id, thread), message)


def _optional_text(row: Mapping[str, Any], name: str) -> object:
    if row.get(name) is None:
        raise InvalidInputError(f"{name} is missing; add it")
    return row[name]


def _moment(text: object, name: str) -> datetime:
    problem = f"{name} is missing; add the moment as ISO 8601, such as 2026-03-02T19:04:00+01:00"
    if text is not None:
        problem = f"{name} is {represent(text)}, no date; write ISO 8601, such as 2026-03-02T19:04:00+01:00"
    try:
        if isinstance(text, str):
            return datetime.fromisoformat(text)
    except ValueError:
        pass
    raise InvalidInputError(problem)


class _Ids:
    """Gives each turn of one file an id that is the same whenever the file is read."""

    def __init__(self) -> None:
        self._times: Counter[bytes] = Counter()
        self._first: dict[bytes, bytes] = {}

    def with_id(self, turn: FileTurn) -> FileTurn:
        """``turn`` with its own id, or else with one made from what it says and how often it was said before.

        Raises:
            InvalidInputError: its id belongs to a turn that says something else.
        """
        parts = {name: turn.message.get(name, "") for name in ("role", "content", "timestamp", "name")}
        print_ = _digest(*turn.thread, *parts.values())
        if "id" in turn.message:
            turn_id = _digest(*turn.thread, turn.message["id"])
            if self._first.setdefault(turn_id, print_) != print_:
                raise InvalidInputError(
                    f"id {represent(turn.message['id'])} belongs to another turn of this thread; give each its own, or none"
                )
            message = dict(turn.message)
        else:
            self._times[print_] += 1
            message = {**turn.message, "id": _digest(print_.hex(), str(self._times[print_])).hex()}
        if message["role"] == "tool":
            message["tool_call_id"] = message["id"]
        return FileTurn(turn.thread, message)


def _digest(*parts: str) -> bytes:
    return hashlib.sha256("\x1f".join(parts).encode()).digest()[:16]
