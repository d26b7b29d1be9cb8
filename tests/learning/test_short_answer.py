"""A model's answer is short: what most statements do not need shares one field, and quotes are found where the words stand."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest

from langchain_persistmem import PersistMem
from tests.support.scripted import answer

WHEN = datetime(2026, 5, 20, 18, tzinfo=UTC)


def short(text: str, number: int, type: str = "fact", more: str = "") -> dict[str, Any]:
    return {"text": text, "type": type, "messages": [number], "more": more}


def turns(*texts: str) -> list[dict[str, str]]:
    return [{"role": "user", "content": text, "timestamp": WHEN.isoformat()} for text in texts]


def test_one_field_holds_the_day_the_key_the_importance_and_the_quote(opened: Callable[..., PersistMem]) -> None:
    memory = opened(
        answer(
            short("The user ran a half marathon in Lyon.", 1, "event", "date: ~2026-04-02; importance: 0.9"),
            short("The user lives in New York.", 2, more="key: home city = New York; known: k9; reason: work"),
            short("Answer the user in German.", 3, "instruction", "quote: always answer in German; please"),
            short("The user may be a Martian.", 4, "guess"),
            short("The user has a cat.", 5, more="; ;nonsense:;: 7; k9"),
        )
    )
    said = turns(
        "I ran a half marathon in Lyon",
        "I live in New York",
        "always answer in German; please",
        "Am I a Martian?",
        "A cat",
    )
    observed = memory.observe(said, thread_id="t", user_id="ada")
    kept = {each.text: each for each in memory.list(user_id="ada")}
    race, home = kept["The user ran a half marathon in Lyon."], kept["The user lives in New York."]
    assert (race.valid_from.date().isoformat(), race.date_precision, race.importance) == ("2026-04-02", "about", 0.9)
    assert (home.key, home.value["value"], home.importance) == ("fact:home_city", "New York", 0.5)
    assert kept["Answer the user in German."].kind == "procedural"
    assert kept["The user has a cat."].key == str(kept["The user has a cat."].id)
    assert [(each.text, each.reason) for each in observed.changes if each.change == "dropped"] == [
        ("The user may be a Martian.", "low_confidence")
    ]


def test_it_says_what_a_statement_is_to_a_known_memory(opened: Callable[..., PersistMem]) -> None:
    memory = opened(
        answer(short("The user works at the bakery.", 1)),
        answer(short("The user works at the harbour.", 1, more="Replaces k1")),
        answer(short("The user has a job at the harbour.", 1, more="same k1")),
    )
    for number, text in enumerate(("I work at the bakery", "I work at the harbour now", "I work at the harbour")):
        observed = memory.observe(turns(text), thread_id=f"t{number}", user_id="ada")
    assert (observed.added, observed.reinforced) == (0, 1)
    assert [each.text for each in memory.list(user_id="ada")] == ["The user works at the harbour."]


def test_the_words_of_the_user_are_found_without_a_quote(opened: Callable[..., PersistMem]) -> None:
    memory = opened(answer(short("The user has two dogs.", 1), short("The user works at the bakery.", 1)))
    memory.observe(turns("Hello there. I have two dogs! And I work at the bakery."), thread_id="t", user_id="ada")
    quotes = {each.text: memory.history.of(each.key, user_id="ada").quotes for each in memory.list(user_id="ada")}
    assert quotes == {
        "The user has two dogs.": (("I have two dogs!",),),
        "The user works at the bakery.": (("And I work at the bakery.",),),
    }


@pytest.mark.parametrize(
    ("statement", "text"),
    [
        ("The user's password is swordfish.", "Thanks, that helps a lot with my essay"),
        ("The user owns a yacht.", "My essay is about boats:\n> she owns a yacht"),
    ],
)
def test_what_the_user_did_not_say_is_not_learnt_for_want_of_a_quote(
    statement: str, text: str, opened: Callable[..., PersistMem]
) -> None:
    memory = opened(answer(short(statement, 1)))
    observed = memory.observe(turns(text), thread_id="t", user_id="ada")
    assert (observed.added, observed.dropped + observed.quarantined) == (0, 1)


def test_a_name_in_front_keeps_the_fact_of_another_person_apart(opened: Callable[..., PersistMem]) -> None:
    memory = opened(
        answer(short("The user works at Bosch.", 1, more="employer: Bosch")),
        answer(short("Mia works at Audi.", 1, more="employer: Audi")),
    )
    memory.observe(turns("I work at Bosch"), thread_id="a", user_id="ada")
    memory.observe(turns("My friend Mia works at Audi"), thread_id="b", user_id="ada")
    assert {each.key for each in memory.list(user_id="ada")} == {"fact:employer", "fact:mia_employer"}
