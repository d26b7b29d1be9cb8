"""Each documented limit is what the code does: what is on it is taken, and what is one over it is refused by name."""

import random
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from langchain_core.embeddings import Embeddings
from langgraph.checkpoint.base import empty_checkpoint

from langchain_persistmem import (
    ConfigurationError,
    EmbeddingError,
    InvalidInputError,
    LocalEmbeddings,
    PersistMem,
    PersistMemRetriever,
    Retention,
    acting_as,
)
from langchain_persistmem.cli.values import whole_number
from langchain_persistmem.store.index_and_ttl import index_of
from langchain_persistmem.types import moments, validation
from tests.bad_input.entry_points.entry_point import NOW
from tests.bad_input.hashed import Hashed, settings
from tests.conftest import Either

PAGE = (Path(__file__).parents[2] / "docs/reference/limits.md").read_text()
USER: dict[str, Any] = {"user_id": "somebody"}
_letters = random.Random(1)


def letters(count: int) -> str:
    """Text that does not compress, in which no word is too long to be one."""
    return "".join(_letters.choice("abcdefghijklmnopqrstuvwxyz0123456789") for _ in range(count))


def nested(levels: int) -> dict[str, Any]:
    value: Any = 1
    for _ in range(levels):
        value = {"a": value}
    return value


def conditions(levels: int) -> dict[str, Any]:
    wanted: dict[str, Any] = {"a": 1}
    for _ in range(levels):
        wanted = {"$or": [wanted]}
    return wanted


async def put(memory: Either, **given: Any) -> None:
    """Put an item."""
    options = {"namespace": ("memories", "somebody"), "key": "k", "value": {"text": "a"}, **given}
    store = memory.memory.store
    await store.aput(**options) if memory.asynchronous else store.put(**options)


async def checkpoint(memory: Either, thread_id: str, checkpoint_ns: str = "") -> None:
    """Put a checkpoint, with a value that becomes a blob, and what a task wrote."""
    saver = memory.memory.checkpointer
    config: Any = {"configurable": {"thread_id": thread_id, "checkpoint_ns": checkpoint_ns}}
    state = {**empty_checkpoint(), "channel_values": {"messages": ["a"]}, "channel_versions": {"messages": 1}}
    if memory.asynchronous:
        stored = await saver.aput(config, state, {}, {"messages": 1})
        await saver.aput_writes(stored, [("messages", "a")], letters(36))
    else:
        stored = saver.put(config, state, {}, {"messages": 1})
        saver.put_writes(stored, [("messages", "a")], letters(36))


async def act(memory: Either, name: str) -> None:
    with acting_as(name):
        await memory.remember("I keep bees", **USER)


async def retrieve(memory: Either, k: int) -> None:
    retriever = PersistMemRetriever(memory=memory.memory, user_id="somebody", k=k)
    await retriever.ainvoke("bees") if memory.asynchronous else retriever.invoke("bees")


@dataclass(frozen=True)
class Limit:
    """A limit, tried from both sides."""

    name: str
    said: str
    """As the page has it."""
    taken: Any
    refused: Any
    act: Callable[[Either, Any], Awaitable[Any]]
    field: str


LIMITS = (
    Limit("text", "20,000 characters; `Settings.max_text_chars`", letters(20_000), letters(20_001), lambda m, v: m.remember(v, **USER), "text"),
    Limit("message", "1,000,000 characters", "word " * 200_000, "word " * 200_000 + "!", lambda m, v: m.conversations.add([("user", v)], thread_id="t", **USER), "messages[0].content"),
    Limit("query", "| 20,000 characters |", letters(20_000), letters(20_001), lambda m, v: m.recall(v, **USER), "query"),
    Limit("context's query", "| 20,000 characters |", letters(20_000), letters(20_001), lambda m, v: m.context(v, **USER), "query"),
    Limit("speaker", "name of a speaker | 200 characters", "é" * 200, "é" * 201, lambda m, v: m.remember("I keep bees", speaker=v, **USER), "speaker"),
    Limit("name of a message", "name of a speaker | 200 characters", "é" * 200, "é" * 201, lambda m, v: m.conversations.add([{"role": "user", "content": "a", "name": v}], thread_id="t", **USER), "messages[0].name"),
    Limit("actor", "`acting_as()` | 200 characters", "é" * 200, "é" * 201, act, "actor"),
    Limit("key", "1 to 1,024 bytes", letters(1024), letters(1025), lambda m, v: m.remember("I keep bees", key=v, **USER), "key"),
    Limit("key in bytes", "bytes in UTF-8", "é" * 512, "é" * 512 + "a", lambda m, v: m.remember("I keep bees", key=v, **USER), "key"),
    Limit("thread", "1 to 1,024 bytes", letters(1024), letters(1025), lambda m, v: m.conversations.add([("user", "a")], thread_id=v, **USER), "thread_id"),
    Limit("message id", "1 to 1,024 bytes", letters(1024), letters(1025), lambda m, v: m.conversations.add([{"role": "user", "content": "a", "id": v}], thread_id="t", **USER), "messages[0].id"),
    Limit("store's key", "1 to 1,024 bytes", letters(1024), letters(1025), lambda m, v: put(m, key=v), "key"),
    Limit("namespace", "512 bytes", ("memories", letters(503)), ("memories", letters(504)), lambda m, v: m.remember("I keep bees", namespace=v), "namespace"),
    Limit("user", "512 bytes", letters(503), letters(504), lambda m, v: m.remember("I keep bees", user_id=v), "namespace"),
    Limit("checkpoint's thread", "the thread id alone 1,024 bytes", letters(1024), letters(1025), checkpoint, "thread_id"),
    Limit("checkpoint's namespace", "together 2,048 bytes", letters(1024), letters(1025), lambda m, v: checkpoint(m, letters(1024), v), "checkpoint_ns"),
    Limit("depth", "100 levels", nested(100), nested(101), lambda m, v: m.remember("I keep bees", value=v, **USER), "value"),
    Limit("depth in the store", "100 levels", nested(100), nested(101), lambda m, v: put(m, value=v), "value"),
    Limit("whole number", "4,300 digits", {"n": 10**4300 - 1}, {"n": 10**4300}, lambda m, v: m.remember("I keep bees", value=v, **USER), "value.<key 1>"),
    Limit("negative number", "4,300 digits", {"n": 1 - 10**4300}, {"n": -(10**4300)}, lambda m, v: put(m, value=v), "value"),
    Limit("depth of a filter", "20 levels", conditions(20), conditions(21), lambda m, v: m.recall("bees", filter=v, **USER), "filter"),
    Limit("size of a filter", "10,000; the list of `$in`", {f"k{n}": 1 for n in range(5_000)}, {f"k{n}": 1 for n in range(5_001)}, lambda m, v: m.list(filter=v, **USER), "filter"),
    Limit("time to live", "at most 1e9 minutes", 1e9, 1.0001e9, lambda m, v: put(m, ttl=v), "ttl"),
    Limit("no time to live", "more than 0", 1e-3, 0, lambda m, v: put(m, ttl=v), "ttl"),
    Limit("importance", "importance, confidence | 0 to 1", 1.0, 1.0000001, lambda m, v: m.remember("I keep bees", importance=v, **USER), "importance"),
    Limit("least importance", "at least 1e-37", 1e-37, 9e-38, lambda m, v: m.remember("I keep bees", importance=v, **USER), "importance"),
    Limit("earliest", "from 0001-01-03", datetime(1, 1, 3, tzinfo=UTC), datetime(1, 1, 2, 23, 59, tzinfo=UTC), lambda m, v: m.remember("I keep bees", valid_from=v, **USER), "valid_from"),
    Limit("latest", "until 9999-12-30", datetime(9999, 12, 30, tzinfo=UTC) - timedelta(microseconds=1), datetime(9999, 12, 30, tzinfo=UTC), lambda m, v: m.remember("I keep bees", valid_from=v, **USER), "valid_from"),
    Limit("recall", "1 to 1,000 |", 1000, 1001, lambda m, v: m.recall("bees", limit=v, **USER), "limit"),
    Limit("least of recall", "1 to 1,000 |", 1, 0, lambda m, v: m.recall("bees", limit=v, **USER), "limit"),
    Limit("forget", "1 to 1,000 |", 1000, 1001, lambda m, v: m.forget(query="bees", limit=v, **USER), "limit"),
    Limit("retriever", "1 to 1,000 |", 1000, 1001, retrieve, "k is 1001"),
    Limit("list", "0 to 10,000", 10_000, 10_001, lambda m, v: m.list(limit=v, **USER), "limit"),
    Limit("least of list", "0 to 10,000", 0, -1, lambda m, v: m.list(limit=v, **USER), "limit"),
    Limit("review", "1 to 10,000", 10_000, 10_001, lambda m, v: m.review.list(limit=v, **USER), "limit"),
    Limit("changes", "1 to 10,000", 10_000, 10_001, lambda m, v: m.history.changes(limit=v, **USER), "limit"),
    Limit("audit", "1 to 10,000", 10_000, 10_001, lambda m, v: m.privacy.audit(limit=v, **USER), "limit"),
    Limit("process_pending", "1 to 10,000", 10_000, 10_001, lambda m, v: m.admin.process_pending(limit=v), "limit"),
)  # fmt: skip


@pytest.mark.parametrize(
    ("limit", "asynchronous"),
    [pytest.param(limit, place % 2 == 0, id=limit.name) for place, limit in enumerate(LIMITS)],
)
async def test_a_limit_is_where_the_page_says(limit: Limit, asynchronous: bool, database: str) -> None:
    assert limit.said in PAGE
    chosen: dict[str, Any] = {"embeddings": Hashed(), "settings": settings()}
    if asynchronous:
        async with PersistMem.aopen(database, **chosen) as memory:
            await tried(limit, Either(memory, asynchronous=True))
    else:
        with PersistMem.open(database, **chosen) as memory:
            await tried(limit, Either(memory, asynchronous=False))


async def tried(limit: Limit, memory: Either) -> None:
    with pytest.raises(InvalidInputError) as refused:
        await limit.act(memory, limit.refused)
    assert limit.field in str(refused.value)
    assert (await memory.admin.status()).counts["namespaces"] == 0, "nothing was stored"
    await limit.act(memory, limit.taken)


def test_a_value_is_as_long_as_the_page_says() -> None:
    assert f"{validation.MAX_JSON_CHARS:,} characters of JSON" in PAGE
    around = len('{"a": ""}')
    validation.json_object({"a": "é" * (validation.MAX_JSON_CHARS - around)}, "value")
    with pytest.raises(InvalidInputError, match=r"^value is JSON of 50,000,001 characters"):
        validation.json_object({"a": "é" * (validation.MAX_JSON_CHARS - around + 1)}, "value")


async def test_a_long_value_is_stored_whole(memory: PersistMem) -> None:
    value = {"text": "a", "long": "é\n" * 1_000_000}
    memory.remember("I keep bees", key="bees", value=value, **USER)
    assert memory.get("bees", **USER).value == value


def test_an_item_has_as_many_vectors_as_the_page_says(memory: PersistMem) -> None:
    assert "32,767" in PAGE
    with pytest.raises(InvalidInputError, match="32767"):
        memory.store.put(("memories", "a"), "k", {"n": [f"t{n}" for n in range(32_768)]}, index=["n[*]"])


def test_an_embedding_model_has_as_many_dimensions_as_the_page_says() -> None:
    assert "16,000" in PAGE
    index_of({"dims": 16_000, "embed": lambda texts: [[0.0]] * len(texts)})
    with pytest.raises(ConfigurationError, match="dims"):
        index_of({"dims": 16_001, "embed": lambda texts: [[0.0]] * len(texts)})


def test_days_of_retention_are_as_many_as_the_page_says() -> None:
    assert "365,000" in PAGE
    Retention(purge_days=365_000)
    with pytest.raises(ConfigurationError, match="purge_days"):
        Retention(purge_days=365_001)


def test_the_commands_limit_is_where_the_page_says() -> None:
    assert "`--limit` of the command | 1 to 1,000" in PAGE
    assert (whole_number("1"), whole_number("1000")) == (1, 1000)
    for text in ("0", "1001", "-1", "1.0", "٣"):
        with pytest.raises(Exception, match="whole number"):
            whole_number(text)


def test_a_moment_at_the_edge_can_be_read_in_every_time_zone(
    memory: PersistMem, database: str, embeddings: LocalEmbeddings
) -> None:
    for key, moment in (
        ("first", moments.EARLIEST),
        ("last", moments.LATEST - timedelta(microseconds=1)),
        ("now", NOW),
    ):
        memory.remember(f"It happened {key}", key=key, valid_from=moment, **USER)
    for zone in ("Pacific/Kiritimati", "Etc/GMT-14", "Etc/GMT+12", "America/New_York"):
        with PersistMem.open(f"{database} options='-c timezone={zone}'", embeddings=embeddings) as there:
            assert there.get("first", **USER).valid_from == moments.EARLIEST
            assert there.get("last", **USER).valid_from < moments.LATEST


class Wide(Embeddings):
    """A model with more dimensions than there may be."""

    def __init__(self, dimensions: int) -> None:
        self.dimensions = dimensions

    def embed_documents(self, texts: list[str]) -> list[list[float]]:
        return [[1.0 + place, *([0.5] * (self.dimensions - 1))] for place, _ in enumerate(texts)]

    def embed_query(self, text: str) -> list[float]:
        return self.embed_documents([text])[0]


def test_a_model_with_more_dimensions_is_refused_at_set_up(empty_database: str) -> None:
    with (
        PersistMem.open(empty_database, embeddings=Wide(16_001)) as memory,
        pytest.raises(EmbeddingError, match="16,001 dimensions, at most 16,000"),
    ):
        memory.setup()
        memory.remember("I keep bees", **USER)
    with PersistMem.open(empty_database, embeddings=Wide(16_000)) as memory:
        memory.setup()
        memory.remember("I keep bees", **USER)
        assert memory.recall("bees", **USER)
