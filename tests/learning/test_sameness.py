"""Only what is the same counts as a repetition: a correction of one sign, and a new value, are never lost."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest

from langchain_persistmem import PersistMem, Settings
from langchain_persistmem.learning.decisions.fact_keys import speaker_key
from langchain_persistmem.learning.decisions.sameness import (
    extends,
    identity,
    is_repetition,
    repeats_claim,
    same_person,
    same_statement,
)
from langchain_persistmem.types.records import Candidate, Memory, Provenance
from tests.support.scripted import answer, entry

START = datetime(2026, 3, 1, 12, tzinfo=UTC)
USER = Provenance(source="user", extractor="model")


def stated(text: str, **fields: Any) -> Candidate:
    given: dict[str, Any] = {"kind": "semantic", "provenance": USER, "valid_from": START} | fields
    return Candidate(text=text, **given)


def known(text: str, **fields: Any) -> Memory:
    usual: dict[str, Any] = {
        "namespace": ("memories", "ada"), "id": uuid4(), "key": "k", "kind": "semantic", "status": "active", "value": {},
        "importance": 0.5, "confidence": 1.0, "confirmations": 0, "speaker": None, "provenance": USER, "valid_from": START,
        "valid_until": None, "recorded_at": START, "updated_at": START, "expires_at": None,
    }  # fmt: skip
    return Memory(text=text, **(usual | fields))


PAIRS = [
    ("The user's blood type is A+.", "The user's blood type is A-."),
    ("The bike cost $500.", "The bike cost €500."),
    ("The bike cost 500 USD.", "The bike cost 500 EUR."),
    ("x > 5", "x < 5"),
    ("x >= 5", "x > 5"),
    ("The user runs 5 km.", "The user runs 5 miles."),
    ("The limit is 3.5 %.", "The limit is 35 %."),
    ("The limit is -5.", "The limit is 5."),
    ("The user writes C.", "The user writes C++."),
    ("The user writes C++.", "The user writes C#."),
    ("The WiFi password is hunter2", "The WiFi password is Hunter2"),
    ("The PIN is 0042.", "The PIN is 42."),
    ("The book is for Mia.", "The book is by Mia."),
    ("The train leaves at 10:30.", "The train leaves at 10:31."),
    ("The train leaves at five.", "The train leaves by five."),
    ("The user has few friends.", "The user has a few friends."),
    ("The user works in IT.", "The user works in it."),
    ("The user is vegetarian.", "The user is not vegetarian."),
    ("The user lives on Hill Street.", "The user lives in Hill Street."),
    ("Room ٤١٠٠", "Room 4100"),
    ("The e-mail is a.b@example.org", "The e-mail is ab@example.org"),
    ("The user was a nurse.", "The user is a nurse."),
    ("Das Buch ist von Mia.", "Das Buch ist für Mia."),
    ("我不喜欢茶", "我喜欢茶"),
    ("The ratio is 1:2", "The ratio is 1/2"),
    ("The version is 1.2", "The version is 1.20"),
    ("The secret is abc!", "The secret is abc"),
]


@pytest.mark.parametrize(("one", "other"), PAIRS)
def test_a_small_difference_is_a_difference(one: str, other: str) -> None:
    for first, second in ((one, other), (other, one)):
        assert not same_statement(first, second)
        assert not is_repetition(stated(first), known(second))
        assert identity(stated(first)) != identity(stated(second))


@pytest.mark.parametrize(("one", "other"), PAIRS)
def test_a_correction_under_a_key_is_never_lost_at_any_entry_point(
    one: str, other: str, opened: Callable[..., PersistMem]
) -> None:
    memory = opened(answer(entry(one, 1, key="thing")), answer(entry(other, 1, key="thing", known="k1", change="same")))
    memory.remember(one, key="k", user_id="ada")
    assert memory.remember(other, key="k", user_id="ada").text == other
    assert memory.get("k", user_id="ada").text == other
    memory.observe([("user", one)], thread_id="a", user_id="bob")
    memory.observe([("user", other)], thread_id="b", user_id="bob")
    assert memory.get("fact:thing", user_id="bob").text == other


def test_a_new_value_is_never_a_repetition(opened: Callable[..., PersistMem]) -> None:
    memory = opened(
        answer(entry("The user changed the code.", 1, key="code", value="12a")),
        answer(entry("The user changed the code.", 1, key="code", value="12A", known="k1", change="same")),
    )
    memory.observe([("user", "I changed the code to 12a")], thread_id="a", user_id="ada")
    observed = memory.observe([("user", "I changed the code to 12A")], thread_id="b", user_id="ada")
    assert (observed.reinforced, observed.superseded) == (0, 1)
    assert memory.get("fact:code", user_id="ada").value["value"] == "12A"
    assert len(memory.history.versions("fact:code", user_id="ada")) == 2


async def test_remember_with_another_value_is_a_new_version_and_without_one_a_repetition(either: Any) -> None:
    first = await either.remember("The plan", key="plan", value={"step": 1}, user_id="ada")
    second = await either.remember("The plan", key="plan", value={"step": 2}, user_id="ada")
    assert (second.value, second.id != first.id) == ({"step": 2}, True)
    again = await either.remember("The plan", key="plan", user_id="ada")
    assert (again.id, again.confirmations) == (second.id, 1)
    assert [each.value for each in await either.history.versions("plan", user_id="ada")] == [{"step": 2}, {"step": 1}]


def test_what_a_model_calls_replaced_is_not_confirmed(opened: Callable[..., PersistMem]) -> None:
    memory = opened(
        answer(entry("The user sleeps badly.", 1)),
        answer(entry("The user sleeps badly.", 1, known="k1", change="replaces")),
    )
    memory.observe([("user", "I sleep badly")], thread_id="a", user_id="ada")
    observed = memory.observe([("user", "Since today I sleep badly, again")], thread_id="b", user_id="ada")
    assert (observed.reinforced, observed.superseded) == (0, 1)


@pytest.mark.parametrize(
    ("fields", "fuller"),
    [
        ({}, "The user has a cat called Rex."),
        ({}, "The user has a black cat since 2019."),
        ({"kind": "procedural"}, "The user has a cat and wants to hear of it."),
    ],
)
def test_the_same_and_more_takes_over(fields: Any, fuller: str) -> None:
    assert extends(stated(fuller, **fields), known("The user has a cat.", **fields))
    assert not extends(stated("The user has a cat.", **fields), known(fuller, **fields))
    assert not extends(stated("The user has not a cat called Rex.", **fields), known("The user has a cat.", **fields))
    assert not repeats_claim(stated("The user has a dog called Rex."), known("The user has a dog called Tom."))


def test_the_fuller_text_is_a_new_version_and_no_contradiction(opened: Callable[..., PersistMem]) -> None:
    for policy in ("newest", "both", "ask"):
        memory = opened(
            answer(entry("The user has a cat.", 1)),
            answer(entry("The user has a cat called Rex.", 1, known="k1", change="same")),
            contradictions=policy,
        )
        user = f"user-{policy}"
        memory.observe([("user", "I have a cat")], thread_id="a", user_id=user)
        observed = memory.observe([("user", "My cat is called Rex")], thread_id="b", user_id=user)
        assert (observed.added, observed.superseded, observed.quarantined) == (1, 1, 0)
        (now,) = memory.list(user_id=user)
        assert now.text == "The user has a cat called Rex."
        (change,) = memory.history.changes(user_id=user)
        assert (change.change, change.reason) == ("superseded", "it was said again in full")
        assert [each.text for each in memory.history.versions(now.key, user_id=user)] == [
            "The user has a cat called Rex.",
            "The user has a cat.",
        ]


def test_a_fact_and_an_event_may_be_the_same(opened: Callable[..., PersistMem]) -> None:
    text = "The user moved to Rome."
    for first, second in (("fact", "event"), ("event", "fact")):
        memory = opened(answer(entry(text, 1, type=first)), answer(entry(text, 1, type=second)))
        memory.observe([("user", "I moved to Rome")], thread_id="a", user_id=first)
        observed = memory.observe([("user", "Yes, I moved to Rome")], thread_id="b", user_id=first)
        assert (observed.added, observed.reinforced) == (0, 1)


def test_events_are_the_same_on_the_same_day_or_told_again_without_one() -> None:
    def event(day: int, precision: str) -> dict[str, Any]:
        return {"kind": "episodic", "valid_from": START + timedelta(days=day), "date_precision": precision}

    text = "The user ran a race."
    dated = known(text, **event(0, "day"))
    assert is_repetition(stated(text, **event(0, "day")), dated)
    assert is_repetition(stated(text, **event(60, "told")), dated)
    assert not is_repetition(stated(text, **event(7, "day")), dated)
    assert not is_repetition(stated(text, **event(7, "told")), known(text, **event(0, "told")))
    assert extends(stated(text, **event(7, "day")), known(text, **event(9, "told")))
    zone = datetime.fromisoformat("2026-03-01T23:30:00-05:00")
    late = {"kind": "episodic", "date_precision": "day"}
    assert is_repetition(stated(text, valid_from=zone, **late), known(text, valid_from=zone.astimezone(UTC), **late))


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("The user is A+", "The user's type is A-"),
        ("The user pays 500 $ each month", "Each month the user pays 500 €"),
        ("Every morning the user runs 5 km", "The user runs 5 miles every morning"),
        ("The user does not eat meat", "Meat is eaten by the user"),
        ("The user works for Bosch", "The user works for Siemens"),
        ("Der Nutzer isst kein Fleisch", "Der Nutzer isst gern Fleisch"),
        ("El usuario come carne", "El usuario no come carne"),
        ("用户不喝酒", "用户喝酒"),
    ],
)
def test_a_models_word_does_not_make_different_things_the_same(one: str, other: str) -> None:
    assert not repeats_claim(stated(one), known(other))
    assert not repeats_claim(stated(other), known(one))


@pytest.mark.parametrize("contradictions", ["newest", "both", "ask"])
def test_the_rule_for_contradictions_holds_for_remember_too(
    contradictions: Any, database: str, embeddings: Any
) -> None:
    with PersistMem.open(database, embeddings=embeddings, settings=Settings(contradictions=contradictions)) as memory:
        old = memory.remember("I live in Oslo.", key="home", user_id="ada")
        new = memory.remember("I live in Rome.", key="home", user_id="ada")
        again = memory.remember("I live in Oslo.", key="home", user_id="ada", source="tool")
        texts = sorted(str(each.text) for each in memory.list(user_id="ada"))
        if contradictions == "newest":
            assert (new.key, texts, again.status) == ("home", ["I live in Rome."], "quarantined")
        elif contradictions == "both":
            assert (new.key, texts) == (str(new.id), ["I live in Oslo.", "I live in Rome."])
            assert memory.get("home", user_id="ada").id == old.id
        else:
            assert (new.status, new.review_of, texts) == ("quarantined", old.id, ["I live in Oslo."])
            memory.review.approve(new.id, user_id="ada")
            assert memory.get("home", user_id="ada").text == "I live in Rome."


def test_a_second_speakers_statement_stands_under_a_key_with_the_name(opened: Callable[..., PersistMem]) -> None:
    memory = opened(
        answer(entry("Ada works at Bosch.", 1, key="employer")),
        answer(entry("The user works at Siemens.", 1, key="employer")),
        answer(entry("The user works at Siemens in Munich.", 1, key="employer")),
        answer(
            entry("Ada works at Airbus.", 1, key="employer"),
            entry("Bob works at Audi.", 1, key="employer", topics=["Bob"]),
        ),
    )

    def say(name: str, text: str, thread: str) -> Any:
        return memory.observe([{"role": "user", "name": name, "content": text}], thread_id=thread, user_id="u")

    say("Ada", "I work at Bosch", "1")
    say("Bob", "I work at Siemens", "2")
    assert memory.get("fact:employer", user_id="u").text == "Ada works at Bosch."
    assert memory.get("fact:bob_employer", user_id="u").text == "The user works at Siemens."
    say("Bob", "I work at Siemens in Munich", "3")
    assert memory.get("fact:bob_employer", user_id="u").text == "The user works at Siemens in Munich."
    assert memory.get("fact:employer", user_id="u").text == "Ada works at Bosch."
    say("Ada", "I work at Airbus now, and Bob works at Audi", "4")
    assert memory.get("fact:employer", user_id="u").text == "Ada works at Airbus."
    assert memory.get("fact:bob_employer", user_id="u").text == "Bob works at Audi."


async def test_remember_keeps_two_speakers_apart_under_one_key(either: Any) -> None:
    ada = await either.remember("I like tea", key="drink", speaker="Ada", user_id="u")
    bob = await either.remember("I like beer", key="drink", speaker="Bob", user_id="u")
    assert (ada.key, bob.key) == ("drink", "bob_drink")
    assert (await either.remember("I like wine", key="drink", speaker="Bob", user_id="u")).key == "bob_drink"
    assert (await either.get("drink", user_id="u")).text == "I like tea"
    assert (await either.get("bob_drink", user_id="u")).text == "I like wine"


def test_two_speakers_who_say_the_same_are_two_statements() -> None:
    ada, bob = stated("I like tea", speaker="Ada"), stated("I like tea", speaker="Bob")
    assert identity(ada) != identity(bob)
    assert identity(ada) == identity(stated("I  like tea", speaker=" ADA "))
    assert not same_person(ada, bob)
    assert same_person(
        stated("Bob works at Bosch", speaker="Ada", value={"topics": ["Bob"]}), stated("The user works", speaker="Bob")
    )
    assert speaker_key("fact:employer", "Bob") == speaker_key("fact:bob_employer", "Bob") == "fact:bob_employer"


def test_what_another_person_said_meanwhile_under_a_key_is_not_ended(opened: Callable[..., PersistMem]) -> None:
    def slow(_: Any) -> Any:
        memory.remember("I work at Bosch", key="fact:employer", speaker="Ada", user_id="u")
        return answer(entry("The user works at Siemens.", 1, key="employer"))

    memory = opened(slow)
    memory.observe([{"role": "user", "name": "Bob", "content": "I work at Siemens"}], thread_id="t", user_id="u")
    assert memory.get("fact:employer", user_id="u").text == "I work at Bosch"
    assert memory.get("fact:bob_employer", user_id="u").text == "The user works at Siemens."


def test_the_profile_has_a_name_also_if_only_a_second_speaker_is_left(opened: Callable[..., PersistMem]) -> None:
    memory = opened(with_model=False)
    memory.remember("I am Ada", key="fact:name", value={"value": "Ada"}, speaker="Ada", user_id="u")
    memory.remember("I am Bob", key="fact:name", value={"value": "Bob"}, speaker="Bob", user_id="u")
    assert memory.profile(user_id="u").model_dump()["name"] == "Ada"
    memory.forget(["fact:name"], user_id="u")
    assert memory.profile(user_id="u").model_dump()["name"] == "Bob"


def test_what_was_dropped_is_counted_by_reason(opened: Callable[..., PersistMem], caplog: Any) -> None:
    memory = opened(
        answer(
            entry("The user has a cat.", 1),
            entry("The user has a cat.", 1),
            entry("The assistant has a dog.", 2),
            entry("The user is a cat.", 1, confidence=0.1),
            entry("The user has a horse.", 1, quote="I have a horse"),
            entry("Nobody.", 9),
        )
    )
    observed = memory.observe([("user", "I have a cat"), ("assistant", "I have a dog")], thread_id="t", user_id="u")
    assert observed.added == 1
    reasons = [str(change.reason) for change in observed.changes if change.change == "dropped"]
    assert observed.dropped == len(reasons) == 4
    assert sorted(reasons) == ["assistant_only", "low_confidence", "not_usable", "unsupported"]
    assert "assistant_only: 1" in caplog.text
    assert "dog" not in caplog.text


def test_a_statement_that_begins_with_its_topic_is_about_nobody_of_that_name() -> None:
    topics = {"topics": ["pottery", "Melanie"]}
    one = stated("Pottery is a huge part of the user's life.", value=topics)
    assert same_person(one, known("The user loves pottery.", value=topics))
    assert not same_person(stated("Melanie loves pottery.", value=topics), known("The user loves pottery."))


def test_a_name_that_begins_the_known_sentence_may_stand_inside_the_other() -> None:
    melanie = {"speaker": "Melanie", "value": {"topics": ["Melanie", "family time"]}}
    new = stated("Family time matters a lot to Melanie", **melanie)
    assert repeats_claim(new, known("Melanie cherishes the time with her whole family", **melanie))


def test_who_said_the_quoted_words_is_the_speaker_whoever_else_is_named(opened: Callable[..., PersistMem]) -> None:
    quote = "I have made art since I was seventeen"
    memory = opened(answer(entry("Caroline has made art since she was 17.", 1, 2, quote=quote)))
    said = [("Melanie", "How long have you made art?"), ("Caroline", quote)]
    memory.observe(
        [{"role": "user", "name": name, "content": text} for name, text in said], thread_id="t", user_id="ada"
    )
    assert [found.speaker for found in memory.list(user_id="ada") if not found.is_turn] == ["Caroline"]


def test_about_a_month_is_the_month_and_not_its_first_day(opened: Callable[..., PersistMem]) -> None:
    memory = opened(answer(entry("The user went to Hawaii.", 1, type="event", date="~2026-02")))
    memory.observe([("user", "I just got back from Hawaii")], thread_id="t", user_id="ada")
    (event,) = memory.list(user_id="ada")
    assert event.date_precision == "month"
    assert "2026-02-01" not in memory.context("Where did I go?", user_id="ada").text
