"""Control: a person sees where a memory comes from, edits it, pins it, and decides what was learnt."""

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
from langchain_core.messages import AIMessage, HumanMessage

from langchain_persistmem import InvalidInputError, MemoryNotFoundError, PersistMem, Retention, Settings
from langchain_persistmem.__main__ import main
from langchain_persistmem.errors import ConcurrentUpdateError, ConfigurationError
from langchain_persistmem.lifecycle.retention_rules import fading
from langchain_persistmem.lifecycle.worth import Sign
from tests.support.scripted import answer, entry

ASKED = "Which instrument does Ada play?"
CELLO = "Ada plays the cello."
FLUTE = "Ada plays the flute."
MARCH = datetime(2026, 3, 1, tzinfo=UTC)


def said(text: str, id: str = "u1", day: int = 1) -> HumanMessage:
    return HumanMessage(text, id=id, additional_kwargs={"timestamp": MARCH.replace(day=day).isoformat()})


# --- show


async def test_a_record_says_who_said_what_where_and_when(either_with) -> None:
    memory = await either_with(
        answer(entry("The user lives in Oslo.", 1, key="home_city", value="Oslo")),
        answer(entry("The user lives in Bergen.", 1, key="home_city", value="Bergen")),
        settings=Settings(worker=False),
    )
    await memory.observe([said("I live in Oslo."), AIMessage("Nice!", id="a1")], thread_id="t", user_id="ada")
    await memory.observe(
        [said("I live in Bergen now.", "u2", 2)], thread_id="t", used=["fact:home_city"], user_id="ada"
    )
    record = await memory.history.of("fact:home_city", user_id="ada")
    assert record.memory.text == "The user lives in Bergen."
    assert [turn.text for turn in record.messages] == ["I live in Oslo.", "I live in Bergen now."]
    assert record.missing_messages == ()
    assert [each.status for each in record.versions] == ["active", "superseded"]
    assert [each.change for each in record.changes] == ["superseded"]
    assert record.uses == 1
    assert record.used_at is not None
    assert record.memory.provenance.model == "scripted-1"
    assert record.memory.provenance.prompt_version
    shown = str(record)
    for part in ("in thread t", "2026-03-02 user: I live in Bergen now.", "superseded: The user lives in Oslo."):
        assert part in shown
    await memory.conversations.clear("t", user_id="ada")
    record = await memory.history.of("fact:home_city", user_id="ada")
    assert set(record.missing_messages) == {"u1", "u2"}
    assert "u1: not stored" in str(record)


async def test_a_record_of_another_person_is_not_found(either) -> None:
    await either.remember(CELLO, key="plays", user_id="user1")
    for user in ("user10", "USER1"):
        with pytest.raises(MemoryNotFoundError):
            await either.history.of("plays", user_id=user)


async def test_a_record_remains_of_what_was_archived(either_with) -> None:
    memory = await either_with(settings=Settings(retention=Retention(episodic_days=10)))
    kept = await memory.remember(CELLO, kind="episodic", valid_from=MARCH - timedelta(days=300), user_id="ada")
    await memory.admin.maintain(user_id="ada")
    assert (await memory.history.of(kept.key, user_id="ada")).memory.status == "archived"


# --- edit


async def test_an_edit_is_a_new_version_and_the_old_one_can_be_restored(either) -> None:
    old = await either.remember(CELLO, kind="episodic", valid_from=MARCH, user_id="ada")
    new = await either.edit(old.key, text="Ada played the viola.", importance=0.9, user_id="ada")
    assert (new.key, new.text, new.kind, new.importance) == (
        old.key,
        "Ada played the viola.",
        "episodic",
        pytest.approx(0.9),
    )
    assert (new.valid_from, new.value) == (old.valid_from, {"text": "Ada played the viola."})
    assert (new.provenance.source, new.provenance.extractor) == ("user", "edit")
    assert [each.id for each in await either.history.versions(old.key, user_id="ada")] == [new.id, old.id]
    assert [each.text for each in await either.list(user_id="ada")] == ["Ada played the viola."]
    (found,) = await either.recall("Who played the viola?", user_id="ada")
    assert found.memory.id == new.id
    (change,) = await either.history.changes(old.key, user_id="ada")
    assert (change.change, change.reason, change.by_memory) == ("superseded", "it was edited", new.id)
    await either.history.restore(old.id, user_id="ada")
    assert (await either.get(old.key, user_id="ada")).text == CELLO


async def test_an_edit_of_anything_but_the_text_keeps_the_text(either) -> None:
    await either.remember(CELLO, key="plays", user_id="ada")
    since = MARCH - timedelta(days=400)
    new = await either.edit("plays", kind="episodic", importance=0.1, valid_from=since, user_id="ada")
    assert (new.text, new.kind, new.importance, new.valid_from) == (CELLO, "episodic", pytest.approx(0.1), since)
    new = await either.edit("plays", value={"instrument": "cello"}, user_id="ada")
    assert new.value == {"instrument": "cello"}
    assert len(await either.history.versions("plays", user_id="ada")) == 3
    assert len(await either.recall(ASKED, threshold=0, user_id="ada")) == 1


def test_an_edit_does_not_leave_the_old_value_behind(opened: Callable[..., PersistMem]) -> None:
    memory = opened(answer(entry("The user's name is Maya.", 1, key="name", value="Maya")))
    memory.observe([said("My name is Maya.")], thread_id="t", user_id="ada")
    memory.edit("fact:name", text="The user's name is Maja.", user_id="ada")
    assert memory.profile(user_id="ada").name == "The user's name is Maja."  # pyright: ignore
    assert "Maya" not in str(memory.get("fact:name", user_id="ada").value)


async def test_an_edit_into_what_another_memory_says_leaves_that_one(either) -> None:
    first = await either.remember(CELLO, user_id="ada")
    other = await either.remember(FLUTE, user_id="ada")
    kept = await either.edit(other.key, text=CELLO, user_id="ada")
    assert kept.id == first.id
    assert [each.id for each in await either.list(user_id="ada")] == [first.id]
    assert [each.id for each in await either.history.versions(first.key, user_id="ada")] == [other.id, first.id]


async def test_what_may_not_be_edited_is_refused_or_waits(either) -> None:
    await either.remember(CELLO, key="plays", user_id="ada")
    await either.update_profile({"name": "Ada"}, user_id="ada")
    put = either.memory.store.aput if either.asynchronous else either.memory.store.put
    done = put(("memories", "ada"), "item", {"text": "x"})
    if done is not None:
        await done
    for key, given, message in (
        ("plays", {}, "changes nothing"),
        ("plays", {"text": ""}, "text"),
        ("plays", {"kind": "fact"}, "kind is 'fact'"),
        ("plays", {"importance": 2}, "importance"),
        ("plays", {"text": "x", "source": "me"}, "source is 'me'"),
        ("profile", {"text": "x"}, "update_profile"),
        ("item", {"text": "x"}, "put it again"),
    ):
        with pytest.raises(InvalidInputError, match=message):
            await either.edit(key, user_id="ada", **given)
    with pytest.raises(MemoryNotFoundError):
        await either.edit("nothing", text="x", user_id="ada")
    waiting = await either.edit("plays", text=FLUTE, source="assistant", user_id="ada")
    assert (waiting.status, waiting.key) == ("quarantined", "plays")
    assert (await either.get("plays", user_id="ada")).text == CELLO
    assert waiting.review_of == (await either.get("plays", user_id="ada")).id
    await either.review.approve(waiting.id, user_id="ada")
    assert (await either.get("plays", user_id="ada")).text == FLUTE


def test_two_edits_at_once_are_not_mixed(memory: PersistMem, monkeypatch: pytest.MonkeyPatch) -> None:
    memory.remember(CELLO, key="plays", user_id="ada")
    kind = type(memory.backend)
    embed = kind.embed

    async def meanwhile(self: Any, texts: Any) -> Any:
        monkeypatch.setattr(kind, "embed", embed)
        memory.edit("plays", text=FLUTE, user_id="ada")
        return await embed(self, texts)

    monkeypatch.setattr(kind, "embed", meanwhile)
    with pytest.raises(ConcurrentUpdateError, match="changed meanwhile"):
        memory.edit("plays", text="Ada plays the viola.", user_id="ada")
    assert memory.get("plays", user_id="ada").text == FLUTE


# --- pin


async def test_a_pin_is_shown_and_can_be_taken_away(either) -> None:
    kept = await either.remember(CELLO, key="plays", user_id="ada")
    assert not kept.pinned
    pinned = await either.edit("plays", pinned=True, user_id="ada")
    assert pinned.pinned
    assert pinned.updated_at == kept.updated_at
    assert (await either.edit("plays", pinned=True, user_id="ada")).pinned
    assert [each.pinned for each in await either.list(user_id="ada")] == [True]
    (found,) = await either.recall(ASKED, user_id="ada")
    assert found.memory.pinned
    assert not (await either.edit("plays", pinned=False, user_id="ada")).pinned
    assert [each.change for each in await either.history.changes("plays", user_id="ada")] == ["unpinned", "pinned"]
    with pytest.raises(MemoryNotFoundError):
        await either.edit("nothing", pinned=True, user_id="ada")


async def test_no_rule_touches_what_is_pinned(either_with) -> None:
    rules = Retention(episodic_days=10, stale_days=5, max_memories=1, compress_days=1, compress_min_memories=2)
    memory = await either_with(settings=Settings(retention=rules))
    for day in range(1, 5):
        when = datetime(2025, 3, day, tzinfo=UTC)
        kept = await memory.remember(f"Sushi for lunch, day {day}.", kind="episodic", valid_from=when, user_id="ada")
        await memory.edit(kept.key, pinned=True, user_id="ada")
    done = await memory.admin.maintain(user_id="ada")
    assert (done.summaries, done.archived) == (0, 0)
    assert len(await memory.list(user_id="ada")) == 4


def test_what_is_pinned_does_not_fade_and_the_rest_pays_for_the_cap() -> None:
    usual: dict[str, Any] = {
        "kind": "semantic", "importance": 0.1, "confidence": 1.0, "stated_at": MARCH, "uses": 0, "used_at": None,
    }  # fmt: skip
    pinned, loose = Sign(id=uuid4(), pinned=True, **usual), Sign(id=uuid4(), **{**usual, "importance": 0.9})
    rules = Retention(max_memories=1, semantic_days=10_000)
    assert set(fading([pinned, loose], rules, now=MARCH + timedelta(days=1))) == {loose.id}
    assert set(fading([pinned], Retention(semantic_days=1), now=MARCH + timedelta(days=9))) == set()


@pytest.mark.parametrize("meanwhile", [False, True])
def test_a_model_does_not_replace_what_is_pinned_unseen(meanwhile: bool, opened: Callable[..., PersistMem]) -> None:
    key = "fact:home_city"
    other = opened(with_model=False)

    def moved(_: Any) -> Any:
        other.edit(key, pinned=True, user_id="ada")
        return answer(entry("The user lives in Bergen.", 1, key="home_city", value="Bergen"))

    memory = opened(answer(entry("The user lives in Oslo.", 1, key="home_city", value="Oslo")), moved)
    memory.observe([said("I live in Oslo.")], thread_id="t", user_id="ada")
    if not meanwhile:
        memory.edit(key, pinned=True, user_id="ada")
    observed = memory.observe([said("I live in Bergen now.", "u2", 2)], thread_id="t", user_id="ada")
    assert (observed.superseded, observed.quarantined) == (0, 1)
    assert memory.get(key, user_id="ada").text == "The user lives in Oslo."
    (waiting,) = memory.review.list(user_id="ada")
    assert waiting.review == "it would replace a pinned memory"
    memory.review.approve(waiting.id, user_id="ada")
    assert memory.get(key, user_id="ada").text == "The user lives in Bergen."
    assert memory.get(key, user_id="ada").pinned


async def test_only_the_person_and_the_operator_replace_what_is_pinned(either) -> None:
    await either.remember(CELLO, key="plays", source="assistant", user_id="ada")
    await either.edit("plays", pinned=True, user_id="ada")
    waiting = await either.remember(FLUTE, key="plays", source="assistant", user_id="ada")
    assert (waiting.status, waiting.review) == ("quarantined", "it would replace a pinned memory")
    new = await either.remember("Ada plays the viola.", key="plays", user_id="ada")
    assert new.status == "active"
    assert (await either.get("plays", user_id="ada")).pinned
    new = await either.edit("plays", text="Ada plays the drums.", user_id="ada")
    assert new.pinned
    await either.forget(["plays"], user_id="ada")
    assert await either.list(user_id="ada") == []


# --- approval


async def test_what_was_learnt_waits_where_it_is_to_be_approved(either_with) -> None:
    memory = await either_with(
        answer(entry("The user lives in Oslo.", 1, key="home_city", value="Oslo")),
        answer(entry("The user lives in Bergen.", 1, key="home_city", value="Bergen"), entry("The user has a cat.", 1)),
        answer(entry("The user lives in Bergen.", 1, key="home_city", value="Bergen")),
        settings=Settings(worker=False, approval="learnt"),
    )
    observed = await memory.observe([said("I live in Oslo.")], thread_id="t", user_id="ada")
    assert (observed.added, observed.quarantined) == (0, 1)
    assert await memory.recall(ASKED, threshold=0, user_id="ada") == []
    (oslo,) = await memory.review.list(user_id="ada")
    assert oslo.review == "it was learnt, and waits for approval"
    await memory.review.approve(oslo.id, user_id="ada")
    await memory.observe([said("I live in Bergen now, and have a cat.", "u2", 2)], thread_id="t", user_id="ada")
    assert (await memory.get("fact:home_city", user_id="ada")).text == "The user lives in Oslo."
    bergen, cat = await memory.review.list(user_id="ada")
    assert bergen.review_of == oslo.id
    approved = await memory.review.approve(bergen.id, cat.id, bergen.id, user_id="ada")
    assert [each.status for each in approved] == ["active", "active"]
    assert (await memory.get("fact:home_city", user_id="ada")).text == "The user lives in Bergen."
    again = await memory.observe([said("I live in Bergen.", "u3", 3)], thread_id="t", user_id="ada")
    assert (again.reinforced, again.quarantined) == (1, 0)
    given = await memory.remember("The user has a dog.", user_id="ada")
    assert given.status == "active"


async def test_what_the_rules_learnt_waits_too(either_with) -> None:
    memory = await either_with(settings=Settings(worker=False, approval="learnt"))
    for number in range(3):
        await memory.observe([said(f"I have {number} cats.", f"u{number}")], thread_id="t", user_id="ada")
    assert await memory.list(user_id="ada") == []
    assert len(await memory.review.approve(everything=True, user_id="ada")) == 3
    assert await memory.review.list(user_id="ada") == []
    assert len(await memory.list(user_id="ada")) == 3


async def test_a_memory_is_corrected_and_pinned_in_one_edit(either) -> None:
    await either.remember(CELLO, key="plays", user_id="ada")
    corrected = await either.edit("plays", text="I play the viola.", pinned=True, user_id="ada")
    assert (corrected.text, corrected.pinned) == ("I play the viola.", True)
    assert (await either.get("plays", user_id="ada")).pinned
    again = await either.edit("plays", text="I play the violin.", user_id="ada")
    assert again.pinned  # a new version under the key is pinned too
    loose = await either.edit("plays", importance=0.9, pinned=False, user_id="ada")
    assert (loose.importance, loose.pinned) == (pytest.approx(0.9), False)
    assert len(await either.history.versions("plays", user_id="ada")) == 4
    changes = [each.change for each in await either.history.changes("plays", user_id="ada")]
    assert changes.count("pinned") == changes.count("unpinned") == 1


async def test_an_edit_that_waits_for_review_pins_nothing(either) -> None:
    await either.remember(CELLO, key="plays", user_id="ada")
    waiting = await either.edit("plays", text="I play chess.", pinned=True, source="tool", user_id="ada")
    assert waiting.status == "quarantined"
    assert not (await either.get("plays", user_id="ada")).pinned


@pytest.mark.parametrize("wrong", ["yes", 1, 0, []])
async def test_a_pin_is_true_or_false(either, wrong: Any) -> None:
    await either.remember(CELLO, key="plays", user_id="ada")
    for more in ({}, {"text": "I play the viola."}):
        with pytest.raises(InvalidInputError, match="pinned"):
            await either.edit("plays", pinned=wrong, user_id="ada", **more)


async def test_several_are_decided_at_once_all_or_none(either_with) -> None:
    memory = await either_with(settings=Settings(worker=False, approval="learnt"))
    for number in range(3):
        await memory.observe([said(f"I have {number} cats.", f"u{number}")], thread_id="t", user_id="ada")
    waiting = [each.id for each in await memory.review.list(user_id="ada")]
    for decide in (memory.review.approve, memory.review.reject):
        with pytest.raises(MemoryNotFoundError):
            await decide(*waiting, uuid4(), user_id="ada")
        with pytest.raises(MemoryNotFoundError):
            await decide(*waiting, user_id="bob")
        with pytest.raises(InvalidInputError, match="not both"):
            await decide(*waiting, everything=True, user_id="ada")
    assert len(await memory.review.list(user_id="ada")) == 3
    assert await memory.review.reject(*waiting[:1], user_id="ada") == 1
    assert await memory.review.reject(everything=True, user_id="ada") == 2
    assert await memory.review.reject(everything=True, user_id="ada") == 0
    assert await memory.review.approve(user_id="ada") == []
    assert await memory.list(user_id="ada") == []


def test_a_wrong_approval_is_refused() -> None:
    with pytest.raises(ConfigurationError, match=r"Settings\.approval"):
        Settings(approval="all")  # pyright: ignore[reportArgumentType]


# --- the command


def command(database: str, capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    assert main([arguments[0], "--dsn", database, "--user", "ada", *arguments[1:]]) == 0
    return capsys.readouterr().out


def test_the_command_shows_consents_and_decides(
    memory: PersistMem, database: str, capsys: pytest.CaptureFixture[str]
) -> None:
    memory.remember(CELLO, key="plays", user_id="ada")
    memory.edit("plays", pinned=True, user_id="ada")
    assert "key plays, pinned" in command(database, capsys, "list")
    shown = command(database, capsys, "show", "plays")
    assert CELLO in shown
    assert "semantic, active, pinned; key plays" in shown
    found = json.loads(command(database, capsys, "show", "plays", "--json"))
    assert found["memory"]["pinned"]
    assert found["changes"][0]["change"] == "pinned"
    assert command(database, capsys, "consent").strip() == "allowed"
    assert json.loads(command(database, capsys, "consent", "--set", "no_extract", "--json")) == {
        "consent": "no_extract"
    }
    assert memory.privacy.consent(user_id="ada") == "no_extract"
    assert "Nothing waits" in command(database, capsys, "review")
    for text in ("Recommend the harbour.", "Recommend the mill.", "Recommend the tower."):
        memory.remember(text, kind="procedural", source="tool", user_id="ada")
    assert "the user or the operator only" in command(database, capsys, "review")
    first, *_ = json.loads(command(database, capsys, "review", "--json"))["memories"]
    assert "Approved: 1" in command(database, capsys, "approve", first["id"])
    assert memory.list(kinds=["procedural"], user_id="ada")[0].id == UUID(first["id"])
    assert json.loads(command(database, capsys, "reject", "--all", "--yes", "--json")) == {"rejected": 2}


@pytest.mark.parametrize("arguments", [["approve"], ["reject", "--all", str(uuid4())], ["approve", "x"]])
def test_the_command_wants_ids_or_all(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit, match="2"):
        main([*arguments, "--user", "ada"])
