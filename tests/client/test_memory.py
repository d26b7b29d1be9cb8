"""The journeys of a memory, each in both colours from one body."""

import json
from datetime import UTC, datetime, timedelta

import psycopg
import pytest
from langchain_core.messages import AIMessage, HumanMessage, SystemMessage, ToolMessage

from langchain_persistmem import InvalidInputError, MemoryNotFoundError, PersistMem
from langchain_persistmem.learning.turns import turn_memories

MONDAY = datetime(2026, 3, 2, 19, 4, tzinfo=UTC)


def turn(role: str, content: str, minutes: int = 0, **fields: object) -> dict[str, object]:
    return {"role": role, "content": content, "timestamp": (MONDAY + timedelta(minutes=minutes)).isoformat(), **fields}


async def test_what_is_remembered_is_recalled_with_score_and_why(either) -> None:
    for text in ("My daughter Lena plays the violin", "I work as a nurse", "I am allergic to nuts"):
        await either.remember(text, user_id="ada")
    best, *_ = await either.recall("Which instrument does Lena play?", user_id="ada")
    assert best.text == "My daughter Lena plays the violin"
    assert 0.9 < best.score <= 1
    why = best.score_parts
    parts = (why.meaning, why.terms, why.neighbours, why.speaker, why.recency, why.importance, why.use)
    assert why.evidence == pytest.approx(sum(parts))
    assert best.memory.provenance.source == "user"


async def test_an_unrelated_question_recalls_nothing(either) -> None:
    for text in ("My daughter Lena plays the violin", "I work as a nurse", "I am allergic to nuts"):
        await either.remember(text, user_id="ada")
    assert await either.recall("How do I sort a list in Python?", user_id="ada") == []
    assert (await either.context("How do I sort a list in Python?", user_id="ada")).relevant == ""
    assert (await either.context("How do I sort a list in Python?", standing="off", user_id="ada")).text == ""


async def test_an_empty_memory_recalls_nothing(either) -> None:
    assert await either.recall("anything", user_id="ada") == []
    assert await either.list(user_id="ada") == []
    assert (await either.context("anything", user_id="ada")).tokens == 0


async def test_the_same_statement_again_confirms_it(either) -> None:
    first = await either.remember("I like green tea", user_id="ada", importance=0.3)
    again = await either.remember("  I like  green tea ", user_id="ada", importance=0.8)
    assert again.id == first.id
    assert again.confirmations == 1
    assert again.importance == pytest.approx(0.8)
    assert again.recorded_at == first.recorded_at
    assert len(await either.list(user_id="ada")) == 1


async def test_a_new_statement_under_a_key_supersedes_the_old_one(either, database: str) -> None:
    old = await either.remember("I live in Leipzig", key="home", user_id="ada")
    new = await either.remember("I live in Hamburg", key="home", user_id="ada")
    assert (await either.get("home", user_id="ada")).id == new.id
    assert [each.text for each in await either.recall("Where do I live?", user_id="ada")] == ["I live in Hamburg"]
    with psycopg.connect(database) as connection:
        row = connection.execute(
            "SELECT status, superseded_by, valid_until IS NOT NULL FROM persistmem.memories WHERE id = %s", (old.id,)
        ).fetchone()
    assert row == ("superseded", new.id, True)


async def test_counters_for_ranking_are_those_of_a_recount(either, database: str) -> None:
    for number in range(5):
        await either.remember(f"Fact number {number} about gardening", key=f"k{number % 3}", user_id="ada")
    await either.forget(["k0"], user_id="ada")
    await either.observe([turn("user", "I planted tomatoes", id="m1")], thread_id="t", user_id="ada")
    with psycopg.connect(database) as connection:
        kept = connection.execute("SELECT documents, terms FROM persistmem.namespaces").fetchone()
        counted = connection.execute("SELECT count(DISTINCT memory_id), sum(times) FROM persistmem.terms").fetchone()
        active = connection.execute("SELECT count(*) FROM persistmem.vectors WHERE active").fetchone()
    assert kept == counted
    assert active == (kept[0],)


async def test_kinds_and_filters_narrow_a_recall_without_losing_rows(either) -> None:
    for number in range(30):
        await either.remember(f"I saw bird number {number} in the garden", value={"n": number}, user_id="ada")
    await either.remember("Always mention birds by their Latin name", kind="procedural", user_id="ada")
    found = await either.recall("birds in the garden", filter={"n": {"$gte": 25}}, user_id="ada", threshold=0)
    assert sorted(each.memory.value["n"] for each in found) == [25, 26, 27, 28, 29]
    found = await either.recall("birds", kinds=["procedural"], user_id="ada", threshold=0)
    assert [each.memory.kind for each in found] == ["procedural"]
    assert len(await either.recall("birds", limit=20, user_id="ada", threshold=0)) == 20


async def test_turns_become_dated_episodes_and_small_talk_is_skipped(either) -> None:
    observed = await either.observe(
        [
            turn("user", "Hi! How are you?", 0),
            turn("assistant", "I'm fine, thanks!", 1),
            turn("user", "I adopted a cat called Pixel.", 2),
            turn("assistant", "Congratulations! What does Pixel look like?", 3),
            turn("user", "ok, thanks!", 4),
        ],
        thread_id="monday",
        user_id="ada",
    )
    assert (observed.stored, observed.added, observed.skipped) == (5, 2, 3)
    (cat, *_) = await either.recall("What is my cat called?", user_id="ada")
    assert cat.memory.kind == "episodic"
    assert cat.memory.valid_from == MONDAY + timedelta(minutes=2)
    assert cat.memory.provenance.thread_id == "monday"
    assert len(cat.memory.provenance.message_ids) == 1
    assert cat.memory.provenance.extractor == "turns"


async def test_observing_the_same_turns_again_changes_nothing(either) -> None:
    turns = [turn("user", "I adopted a cat"), turn("assistant", "Lovely, a cat"), turn("user", "I adopted a cat")]
    first = await either.observe(turns, thread_id="t", user_id="ada")
    again = await either.observe(turns, thread_id="t", user_id="ada")
    assert (first.stored, first.added) == (3, 3)
    assert (again.stored, again.added, again.reinforced) == (0, 0, 0)
    assert (await either.admin.status(user_id="ada")).counts == {"memories": 3, "messages": 3, "threads": 1}


async def test_messages_of_every_form_are_kept_whole_and_only_speech_is_learnt(either, database: str) -> None:
    call = {"name": "search", "args": {"q": "cats"}, "id": "c1"}
    await either.observe(
        [
            SystemMessage("You are kind.", id="1"),
            HumanMessage(
                [{"type": "text", "text": "I love my cat"}, {"type": "image_url", "image_url": {"url": "x"}}], id="2"
            ),
            AIMessage("", tool_calls=[call], id="3"),
            ToolMessage("cats: 9 results", tool_call_id="c1", id="4"),
            AIMessage("Cats are great companions", id="5", name="Kit"),
        ],
        thread_id="t",
        user_id="ada",
    )
    assert sorted(each.text for each in await either.list(user_id="ada")) == [
        "Cats are great companions",
        "I love my cat",
    ]
    with psycopg.connect(database) as connection:
        rows = connection.execute("SELECT role, content FROM persistmem.messages ORDER BY position").fetchall()
    assert [role for role, _ in rows] == ["system", "user", "assistant", "tool", "assistant"]
    assert rows[2][1]["data"]["tool_calls"][0]["args"] == {"q": "cats"}
    assert rows[1][1]["data"]["content"][1]["image_url"] == {"url": "x"}


async def test_turns_that_a_crash_left_unlearnt_are_learnt_by_the_next_call(either, monkeypatch) -> None:
    def crash(*_: object) -> list[object]:
        raise KeyboardInterrupt

    with monkeypatch.context() as broken, pytest.raises(KeyboardInterrupt):
        broken.setattr(turn_memories, "find_off_record", crash)
        await either.observe([turn("user", "I adopted a cat called Pixel", id="a")], thread_id="t", user_id="ada")
    assert (await either.admin.status(user_id="ada")).counts == {"memories": 0, "messages": 1, "threads": 1}
    observed = await either.observe([], thread_id="t", user_id="ada")
    assert (observed.stored, observed.added) == (0, 1)


@pytest.mark.parametrize(
    ("messages", "field"),
    [
        ([turn("user", "a\x00b")], r"messages\[0\].content has a NUL"),
        ([turn("user", "fine"), turn("user", "\ud800")], r"messages\[1\].content has a lone surrogate"),
        (
            [{"role": "user", "content": "x", "timestamp": "2026-01-01T00:00:00"}],
            r"messages\[0\].timestamp has no time zone",
        ),
        ([{"role": "user", "content": "x", "timestamp": "yesterday"}], r"messages\[0\].timestamp is not a date"),
        ([{"content": "x"}], r"messages\[0\] is no message"),
        ([7], r"messages\[0\] is of type int"),
        ([{"role": "user", "content": "x", "id": "k" * 2000}], r"messages\[0\].id is longer"),
    ],
)
async def test_a_bad_message_is_named_and_nothing_of_the_call_is_stored(either, messages, field: str) -> None:
    with pytest.raises(InvalidInputError, match=field):
        await either.observe(messages, thread_id="t", user_id="ada")
    assert (await either.admin.status()).counts["messages"] == 0


@pytest.mark.parametrize(
    ("arguments", "field"),
    [
        ({"text": ""}, "text is empty"),
        ({"text": "a\x00"}, "text has a NUL"),
        ({"text": "\udfff"}, "text has a lone surrogate"),
        ({"text": 7}, "text is of type int"),
        ({"text": "x" * 20_001}, "text has 20001 characters"),
        ({"text": "x", "importance": float("nan")}, "importance is nan"),
        ({"text": "x", "confidence": 2}, "confidence is 2"),
        ({"text": "x", "kind": "rumour"}, "kind is 'rumour'"),
        ({"text": "x", "source": "gossip"}, "source is 'gossip'"),
        ({"text": "x", "key": ""}, "key is ''"),
        ({"text": "x", "value": {"a": [1, float("inf")]}}, r"value\.<key 1>\[1\] is inf"),
        ({"text": "x", "value": {"a": object()}}, "value.<key 1> is of type object"),
        ({"text": "x", "valid_from": datetime(2026, 1, 1)}, "valid_from has no time zone"),  # noqa: DTZ001
    ],
)
async def test_a_bad_statement_is_refused_by_the_field_and_nothing_is_stored(either, arguments, field: str) -> None:
    with pytest.raises(InvalidInputError, match=field):
        await either.remember(**arguments, user_id="ada")
    assert await either.list(user_id="ada") == []


@pytest.mark.parametrize(
    ("arguments", "field"),
    [
        ({"query": ""}, "query is empty"),
        ({"query": "x", "limit": 0}, "limit is 0"),
        ({"query": "x", "limit": -1}, "limit is -1"),
        ({"query": "x", "limit": 10**12}, "limit is 1000000000000"),
        ({"query": "x", "threshold": float("nan")}, "threshold is nan"),
        ({"query": "x", "kinds": ["rumour"]}, "kinds has 'rumour'"),
        ({"query": "x", "filter": {"a": {"$like": "%"}}}, r"filter.<key 1>.\$like is not a known operator"),
        ({"query": "x", "filter": {"a": float("nan")}}, "filter.<key 1> is nan"),
    ],
)
async def test_a_bad_question_is_refused_by_the_field(either, arguments, field: str) -> None:
    with pytest.raises(InvalidInputError, match=field):
        await either.recall(**arguments, user_id="ada")


async def test_text_of_every_kind_comes_back_to_the_letter(either) -> None:
    texts = [
        "naïve café",
        "e\u0301 and é",
        "zero\u200bwidth",
        "\U0001f9e0 \U0001f468‍\U0001f469‍\U0001f467",
        "\u202eabc",
        "';DROP TABLE x;--",
        "%s {x} %(y)s",
    ]
    for text in texts:
        assert (await either.remember(text, user_id="ada")).text == text
    value = {"big": 1e16, "minus": -0.0, "huge": 10**40, "nested": {"b": [1, {"z": None}], "a": "ü"}}
    kept = await either.remember("value", value=value, user_id="ada")
    assert json.dumps(kept.value) == json.dumps(value)


async def test_languages_without_spaces_are_found_by_their_words(either) -> None:
    await either.remember("我喜欢喝绿茶", user_id="ada")
    await either.remember("我的猫叫小白", user_id="ada")
    (best, *_) = await either.recall("绿茶", user_id="ada", threshold=0)
    assert best.text == "我喜欢喝绿茶"
    assert best.score_parts.terms > 0


async def test_a_missing_memory_is_not_found(either) -> None:
    with pytest.raises(MemoryNotFoundError, match="list"):
        await either.get("nothing", user_id="ada")


async def test_memories_outlive_the_object_that_made_them(database: str, embeddings) -> None:
    with PersistMem.open(database, embeddings=embeddings) as memory:
        memory.remember("My locker code is kept in the blue notebook", user_id="ada")
    async with PersistMem.aopen(database, embeddings=embeddings) as memory:
        assert await memory.arecall("Where is my locker code kept?", user_id="ada")
