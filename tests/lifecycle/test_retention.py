"""Nothing goes unless a rule says so; what goes is archived first, by its worth, and erased only when that is asked for."""

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import psycopg
import pytest
from hypothesis import given
from hypothesis import strategies as st

from langchain_persistmem import ConfigurationError, InvalidInputError, MaintainResult, Retention, Settings
from langchain_persistmem.lifecycle.retention_rules import fading
from langchain_persistmem.lifecycle.worth import Sign, confidence_now, worth
from tests.checkpointer.test_checkpointer import echo
from tests.checkpointer.test_checkpointer import thread as called
from tests.conftest import Either, Open
from tests.privacy.test_forgetting import MARKER, tables_with
from tests.support.aging import DAY, later, rows, whole

NOW = datetime(2026, 6, 1, tzinfo=UTC)


def ruled(**rules: Any) -> Settings:
    return Settings(retention=Retention(habit_days=None, **rules), worker=False)


async def texts(either: Either, user: str = "ada") -> list[str]:
    return sorted(each.text for each in await either.list(user_id=user) if each.text)


async def test_without_rules_nothing_ever_goes(either_with: Open, database: str) -> None:
    either = await either_with(settings=Settings(worker=False))
    for number in range(5):
        await either.remember(f"I have cat number {number}", kind="episodic", user_id="ada")
    await either.observe([("user", "I have a dog")], thread_id="t", user_id="ada")
    later(database, 10_000)
    assert await either.admin.maintain() == MaintainResult(namespaces=1)
    assert len(await either.list(user_id="ada")) == 6


async def test_each_kind_has_a_life_of_its_own(either_with: Open, database: str) -> None:
    either = await either_with(settings=ruled(semantic_days=100, episodic_days=30, procedural_days=300))
    for kind in ("semantic", "episodic", "procedural"):
        await either.remember(f"It is {kind}", kind=kind, user_id="ada")
    await either.remember("It is pinned", importance=1.0, user_id="ada")
    await either.update_profile({"name": "Ada"}, user_id="ada")
    gone = []
    for days in (31, 70, 200):
        later(database, days)
        assert (await either.admin.maintain(user_id="ada")).archived == 1
        gone.append(await texts(either))
    assert [len(left) for left in gone] == [3, 2, 1]
    assert await texts(either) == ["It is pinned"]
    assert (await either.profile(user_id="ada")).name == "Ada"
    whole(database)


async def test_what_is_said_again_or_restored_begins_to_age_anew(either_with: Open, database: str) -> None:
    either = await either_with(settings=ruled(semantic_days=100))
    kept = await either.remember("I live in Oslo", user_id="ada")
    later(database, 90)
    await either.remember("I live in Oslo", user_id="ada")
    later(database, 90)
    assert (await either.admin.maintain(user_id="ada")).archived == 0
    later(database, 90)
    assert (await either.admin.maintain(user_id="ada")).archived == 1
    (entry, *_) = await either.history.changes(kept.key, user_id="ada")
    assert (entry.change, entry.reason) == ("archived", "it has outlived its kind")
    await either.history.restore(kept.id, user_id="ada")
    assert (await either.admin.maintain(user_id="ada")).archived == 0
    assert await texts(either) == ["I live in Oslo"]


async def test_what_is_used_is_not_stale(either_with: Open, database: str) -> None:
    either = await either_with(settings=ruled(stale_days=30))
    used = await either.remember("I live in Oslo", user_id="ada")
    await either.remember("I saw a heron", user_id="ada")
    await either.remember("Answer briefly", kind="procedural", user_id="ada")
    later(database, 40)
    await either.observe([], thread_id="t", used=[used.key], user_id="ada")
    assert (await either.admin.maintain(user_id="ada")).archived == 1
    assert await texts(either) == ["Answer briefly", "I live in Oslo"]


async def test_over_the_cap_the_least_worth_goes(either_with: Open, database: str) -> None:
    either = await either_with(settings=ruled(max_memories=3))
    for number, importance in enumerate((0.1, 0.9, 0.5, 1.0, 0.3)):
        await either.remember(f"Thing {number}", importance=importance, user_id="ada")
    planned = await either.admin.maintain(dry_run=True, user_id="ada")
    assert (planned.archived, len(await either.list(user_id="ada"))) == (2, 5)
    assert (await either.admin.maintain(user_id="ada")).archived == 2
    assert await texts(either) == ["Thing 1", "Thing 2", "Thing 3"]
    assert (await either.admin.maintain(user_id="ada")).archived == 0
    whole(database)


async def test_what_was_archived_or_superseded_long_ago_is_erased_for_good(either_with: Open, database: str) -> None:
    either = await either_with(settings=ruled(stale_days=10, purge_days=30))
    await either.remember(f"I live in {MARKER}", key="home", user_id="ada")
    await either.remember("I live in Rome", key="home", user_id="ada")
    await either.remember(f"I saw {MARKER}", user_id="ada")
    later(database, 20)
    await either.remember("I live in Rome", key="home", user_id="ada")
    assert (await either.admin.maintain(user_id="ada")) == MaintainResult(namespaces=1, archived=1)
    later(database, 15)
    assert (await either.admin.maintain(user_id="ada")).purged == 1
    later(database, 20)
    await either.remember("I live in Rome", key="home", user_id="ada")
    planned = await either.admin.maintain(dry_run=True, user_id="ada")
    assert (planned.purged, planned.dry_run) == (1, True)
    assert list(map(str, planned.changes)) == [f"purged: I saw {MARKER} (it ended or was archived long ago)"]
    assert tables_with(database, MARKER)
    done = await either.admin.maintain(user_id="ada")
    assert (done.purged, done.changes) == (1, ())
    assert tables_with(database, MARKER) == {}
    assert await texts(either) == ["I live in Rome"]
    whole(database)


async def test_a_stores_items_are_left_to_the_store(either_with: Open, database: str) -> None:
    either = await either_with(settings=ruled(semantic_days=1, stale_days=1, max_memories=1, compress_days=1))
    store = either.memory.store
    for number in range(6):
        item = (("memories", "ada"), f"item-{number}", {"text": "I went running in the park"})
        await (store.aput(*item) if either.asynchronous else _in_turn(store.put, *item))
    later(database, 100)
    assert await either.admin.maintain() == MaintainResult(namespaces=1)
    assert len(await either.list(user_id="ada")) == 6


async def _in_turn(call: Any, *arguments: Any) -> Any:
    return call(*arguments)


async def test_old_conversations_go_as_a_whole_and_what_was_learnt_stays(either_with: Open, database: str) -> None:
    either = await either_with(settings=ruled(messages_days=30))
    for thread in ("old", "going on"):
        await either.observe(
            [{"role": "user", "content": f"I like {thread} tea", "id": "1"}], thread_id=thread, user_id="ada"
        )
    later(database, 40)
    await either.observe(
        [{"role": "user", "content": "and coffee too", "id": "2"}], thread_id="going on", user_id="ada"
    )
    await either.conversations.add([("user", "never learnt from")], thread_id="new", user_id="ada")
    assert (await either.admin.maintain(dry_run=True)).messages == 1
    assert (await either.admin.maintain()).messages == 1
    assert len(await either.conversations.messages("going on", user_id="ada")) == 2
    assert await either.conversations.messages("old", user_id="ada") == []
    assert len(await either.list(user_id="ada")) == 3
    later(database, 40)
    assert (await either.admin.maintain()).messages == 3


async def test_a_conversation_that_waits_to_be_learnt_from_does_not_go(either_with: Open, database: str) -> None:
    either = await either_with(ConnectionError(), settings=ruled(messages_days=30))
    await either.observe([("user", "I like tea")], thread_id="t", background=True, user_id="ada")
    later(database, 40)
    assert (await either.admin.maintain()).messages == 0
    assert (await either.admin.status(user_id="ada")).counts["messages"] == 1


async def test_one_namespace_is_maintained_or_all_of_them(either_with: Open, database: str) -> None:
    either = await either_with(settings=ruled(stale_days=10))
    for user in ("ada", "bob", "cyd"):
        await either.remember("I like tea", user_id=user)
    later(database, 20)
    assert await either.admin.maintain(user_id="bob") == MaintainResult(namespaces=1, archived=1)
    assert await either.admin.maintain(namespace=("nobody",)) == MaintainResult()
    assert await either.admin.maintain() == MaintainResult(namespaces=3, archived=2)
    with pytest.raises(InvalidInputError, match="pass one of them"):
        await either.admin.maintain(user_id="ada", namespace=("memories", "ada"))


async def test_a_summary_may_be_archived_and_restored_like_any_memory(either_with: Open, database: str) -> None:
    either = await either_with(settings=ruled(compress_days=1, stale_days=300, purge_days=1000))
    for place in range(4):
        when = datetime.now(UTC) - (20 - place) * DAY
        await either.remember(f"I ran {place} km along the river", kind="episodic", valid_from=when, user_id="ada")
    assert (await either.admin.maintain()).summaries == 1
    (summary,) = await either.list(user_id="ada")
    later(database, 400)
    assert (await either.admin.maintain()).archived == 1
    assert await texts(either) == []
    await either.history.restore(summary.id, user_id="ada")
    assert await texts(either) == [summary.text]
    whole(database)


async def test_a_summary_outlives_its_originals_and_is_still_forgotten(either_with: Open, database: str) -> None:
    either = await either_with(settings=ruled(compress_days=1, purge_days=30))
    for place in range(4):
        when = datetime.now(UTC) - (20 - place) * DAY
        text = f"I ran {place} km along the river {MARKER}"
        await either.remember(text, kind="episodic", valid_from=when, user_id="ada")
    await either.admin.maintain()
    later(database, 60)
    assert (await either.admin.maintain()).purged == 4
    (summary,) = await either.list(user_id="ada")
    await either.forget([summary.key], user_id="ada")
    assert tables_with(database, MARKER) == {}


@pytest.mark.parametrize(
    "rules",
    [{"stale_days": 0}, {"semantic_days": -1}, {"max_memories": 0}, {"habit_days": 1}, {"compress_min_memories": 1},
     {"compress_min_memories": 9, "compress_max_memories": 8}, {"half_life_days": 0.0}, {"similarity": float("nan")}],
)  # fmt: skip
def test_a_rule_out_of_range_is_refused_by_name(rules: dict[str, Any]) -> None:
    with pytest.raises(ConfigurationError, match=r"Retention\.\w+ is .*must be"):
        Retention(**rules)


def sign(**given: Any) -> Sign:
    usual = {"id": uuid4(), "kind": "semantic", "importance": 0.5, "confidence": 1.0, "uses": 0, "used_at": None}
    return Sign(**{**usual, "stated_at": NOW, **given})


shares = st.floats(0, 1)
ages = st.floats(0, 100_000)


@given(shares, shares, ages, st.integers(0, 10**6), st.none() | ages)
def test_worth_is_a_share_and_age_only_ever_lowers_it(
    importance: float, confidence: float, age: float, uses: int, used: float | None
) -> None:
    used_at = None if used is None else NOW - used * DAY
    older = sign(importance=importance, confidence=confidence, stated_at=NOW - age * DAY, uses=uses, used_at=used_at)
    newer = sign(importance=importance, confidence=confidence, uses=uses, used_at=used_at)
    value = worth(older, half_life_days=30, now=NOW)
    assert 0.0 <= value <= worth(newer, half_life_days=30, now=NOW) <= 1.0 + 1e-9
    assert value >= 0.4 * importance + 0.1 * confidence - 1e-9  # decay is bounded


def test_confidence_fades_to_a_half_and_no_further() -> None:
    faded = [confidence_now(0.8, days=days, half_life_days=100) for days in (0, 100, 200, 10**7)]
    assert faded == pytest.approx([0.8, 0.6, 0.5, 0.4])


def test_importance_confidence_and_use_each_raise_what_a_memory_is_worth() -> None:
    def of(**given: Any) -> float:
        return worth(sign(stated_at=NOW - 90 * DAY, **given), half_life_days=30, now=NOW)

    assert of() < of(importance=0.6)
    assert of(confidence=0.5) < of()
    assert of() < of(uses=3) < of(uses=3, used_at=NOW - 5 * DAY)


def test_what_fades_first_is_told_by_worth_and_not_by_order() -> None:
    signs = [sign(importance=number / 10, stated_at=NOW - number * DAY) for number in range(10)]
    rules = Retention(max_memories=7)
    assert set(fading(signs, rules, now=NOW)) == {each.id for each in signs[:3]}
    assert fading(signs[::-1], rules, now=NOW) == fading(signs, rules, now=NOW)
    future = sign(stated_at=NOW + timedelta(days=400))
    assert fading([future], Retention(semantic_days=1, stale_days=1), now=NOW) == {}


async def talk(either: Either, *names: str, turns: int = 2) -> None:
    """Runs a graph on LangGraph's threads, with our checkpointer."""
    graph = echo(either.memory.checkpointer)
    for name in names:
        for number in range(turns):
            given = {"said": [f"turn {number}"]}
            if either.asynchronous:
                await graph.ainvoke(given, called(name))
            else:
                graph.invoke(given, called(name))


def checkpointed(database: str) -> dict[str, int]:
    return dict(rows(database, "SELECT thread_id, count(*) FROM checkpoints GROUP BY thread_id"))


def checkpoints_age(database: str, name: str, days: int) -> None:
    made = f"to_jsonb(((checkpoint ->> 'ts')::timestamptz - interval '{days} days')::text)"
    with psycopg.connect(database) as connection:
        moved = f"UPDATE checkpoints SET checkpoint = jsonb_set(checkpoint, '{{ts}}', {made}) WHERE thread_id = %s"
        connection.execute(moved.encode(), (name,))


async def test_the_newest_checkpoints_of_each_thread_stay_and_a_dry_run_only_counts(
    either_with: Open, database: str
) -> None:
    either = await either_with(settings=ruled(max_checkpoints=1))
    await talk(either, "a", "b")
    before = checkpointed(database)
    gone = sum(before.values()) - 2
    assert await either.admin.maintain(dry_run=True) == MaintainResult(dry_run=True, checkpoints=gone)
    assert checkpointed(database) == before
    assert await either.admin.maintain() == MaintainResult(checkpoints=gone)
    assert checkpointed(database) == {"a": 1, "b": 1}
    assert await either.admin.maintain() == MaintainResult()


async def test_a_thread_of_which_all_is_old_goes_altogether_unless_some_are_to_stay(
    either_with: Open, database: str
) -> None:
    either = await either_with(settings=ruled(checkpoints_days=30))
    await talk(either, "old", "new")
    checkpoints_age(database, "old", 31)
    left = checkpointed(database)["new"]
    keeping = await either_with(settings=ruled(checkpoints_days=30, max_checkpoints=2))
    await keeping.admin.maintain()
    assert checkpointed(database) == {"old": 2, "new": left}
    assert await either.admin.maintain() == MaintainResult(checkpoints=2)
    assert checkpointed(database) == {"new": left}


async def test_for_one_user_only_their_threads_lose_checkpoints_even_as_their_messages_go(
    either_with: Open, database: str
) -> None:
    either = await either_with(settings=ruled(checkpoints_days=30, messages_days=30))
    await talk(either, "hers", "his", "nobodys")
    await either.observe([("user", "I live in Oslo")], thread_id="hers", user_id="ada")
    await either.observe([("user", "I live in Rome")], thread_id="his", user_id="bob")
    later(database, 31)
    for name in ("hers", "his", "nobodys"):
        checkpoints_age(database, name, 31)
    done = await either.admin.maintain(user_id="ada")
    assert (done.messages, done.checkpoints > 0) == (1, True)
    assert set(checkpointed(database)) == {"his", "nobodys"}
    assert await texts(either) == ["I live in Oslo"]
    assert (await either.admin.maintain(user_id="nobody")).checkpoints == 0
    await either.admin.maintain()
    assert checkpointed(database) == {}


@pytest.mark.own_database
async def test_where_there_are_no_checkpoint_tables_nothing_is_missing(either_with: Open, database: str) -> None:
    either = await either_with(settings=ruled(max_checkpoints=1))
    with psycopg.connect(database) as connection:
        connection.execute("DROP TABLE checkpoints, checkpoint_blobs, checkpoint_writes")
    assert await either.admin.maintain() == MaintainResult()


@pytest.mark.parametrize("rules", [{"max_checkpoints": 0}, {"checkpoints_days": 0}, {"purge_days": 1e9}])
def test_a_rule_that_cannot_be_followed_is_refused_by_name(rules: dict[str, Any]) -> None:
    with pytest.raises(ConfigurationError, match=f"Retention.{next(iter(rules))}"):
        Retention(**rules)
