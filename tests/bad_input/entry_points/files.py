"""The fields of the lines of a file: conversations, and an export."""

from __future__ import annotations

import asyncio
import hashlib
import json
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from langchain_persistmem.cli.ingest import chunks, survey
from tests.bad_input.corpus import (
    EMPTY_TEXTS,
    FEW,
    FEW_NAMES,
    NOT_TEXT,
    NUMBERS,
    VALUES,
)
from tests.bad_input.entry_points.entry_point import (
    FEW_NAME,
    USER,
    Act,
    EntryPoint,
    fresh,
)
from tests.conftest import Either


async def ingested(memory: Either, **given: Any) -> tuple[Any, Any]:
    """A line of a file of conversations; what JSON does not have cannot be in one."""
    line = {
        "user_id": USER, "thread_id": fresh(), "role": "user", "content": "a", "timestamp": "2026-01-01T00:00:00Z", **given
    }  # fmt: skip
    try:
        text = json.dumps(line)
    except (TypeError, ValueError):
        return None, None
    with TemporaryDirectory() as folder:
        path = Path(folder) / "chats.jsonl"
        await asyncio.to_thread(path.write_text, text + "\n")
        (counts,) = survey([path]).threads.values()
        for (user, thread), messages in chunks(path, counts, 10):
            await memory.observe([dict(each) for each in messages], thread_id=thread, user_id=user)
            found = await memory.conversations.messages(thread, user_id=user)
    return found[-1].content, line["content"]


def imported(kind: str, field: str) -> Act:
    """A line of an export in which one field is another, with a digest that fits."""

    async def act(memory: Either, value: Any) -> None:
        with TemporaryDirectory() as folder:
            path = Path(folder) / "export.jsonl"
            await memory.privacy.export(path, user_id=USER)
            lines = [json.loads(line) for line in path.read_text().splitlines()]
            changed = next(line for line in lines if line["line"] == kind)
            changed[field] = value
            try:
                texts = [json.dumps(line) for line in lines[:-1]]
            except (TypeError, ValueError, RecursionError):
                return  # not in a file
            body = "".join(f"{text}\n" for text in texts)
            digest = hashlib.sha256(body.encode()).hexdigest()
            path.write_text(body + json.dumps({**lines[-1], "sha256": digest}) + "\n")
            await memory.privacy.import_file(path, user_id=fresh())

    return act


FILES = (
    EntryPoint("import: memory's text", "text", {**FEW, **EMPTY_TEXTS, **NOT_TEXT}, imported("memory", "text")),
    EntryPoint(
        "import: memory's value",
        "value",
        {n: v for n, v in VALUES.items() if ":" not in n},
        imported("memory", "value"),
    ),
    EntryPoint("import: memory's importance", "importance", NUMBERS, imported("memory", "importance")),
    EntryPoint("import: memory's kind", "kind", FEW_NAME, imported("memory", "kind")),
    EntryPoint(
        "import: memory's valid_from",
        "valid_from",
        {**NUMBERS, "year 1": "0001-01-01T00:00:00+14:00", "naive": "2026-01-01"},
        imported("memory", "valid_from"),
    ),
    EntryPoint("ingest: content", "content", FEW, lambda m, v: ingested(m, content=v)),
    EntryPoint("ingest: thread_id", "thread_id", FEW_NAMES, lambda m, v: ingested(m, thread_id=v)),
    EntryPoint("ingest: user_id", "user_id|namespace", FEW_NAMES, lambda m, v: ingested(m, user_id=v)),
    EntryPoint("ingest: id", "id", FEW_NAMES, lambda m, v: ingested(m, id=v)),
    EntryPoint("ingest: name", "name", FEW_NAME, lambda m, v: ingested(m, name=v)),
    EntryPoint(
        "ingest: timestamp",
        "timestamp",
        {**NUMBERS, "year 1": "0001-01-01T00:00:00+14:00", "naive": "2026-01-01"},
        lambda m, v: ingested(m, timestamp=v),
    ),
)
