"""A name by which only others call a speaker, or which they spell in another way, is that speaker."""

from datetime import UTC, datetime
from typing import Any

import pytest

from langchain_persistmem.language.question import parse_question
from langchain_persistmem.types.recall_results import SearchResult
from langchain_persistmem.types.records import Provenance
from tests.recall.test_evidence import found, memory

NOW = datetime(2026, 11, 1, tzinfo=UTC)


def speakers_of(query: str, *turns: tuple[str, str], thread: str = "t") -> tuple[str, ...]:
    candidates = tuple(
        found(memory(str(number), text, speaker=speaker, provenance=Provenance(source="user", thread_id=thread)))
        for number, (speaker, text) in enumerate(turns)
    )
    result = SearchResult(candidates=candidates, count=len(candidates), mean=0.1, deviation=0.1, lexical_max=1.0)
    return parse_question(result, query, now=NOW).speakers


FAMILY = (("Lena", "Thanks, Mom!"), ("Petra", "The soup is on the stove."), ("Lena", "I passed the test."))
FRIENDS = (("Caroline", "Hey Mel! How was camping?"), ("Melanie", "We saw the stars."), ("Caroline", "I met Oscar."))


@pytest.mark.parametrize(
    ("query", "turns", "expected"),
    [
        ("What did Mom say about the soup?", FAMILY, ("Petra",)),
        ("What did Lena say about the test?", FAMILY, ("Lena",)),
        ("What did Mel see?", FRIENDS, ("Melanie",)),
        ("Was hat Mel gesehen?", FRIENDS, ("Melanie",)),
        ("What did Caro ask?", FRIENDS, ("Caroline",)),
        ("Where did Oscar sleep?", FRIENDS, ()),
        ("What did Dad say?", FAMILY, ()),
        # Both say it: it is a third person.
        ("What did Mom say?", (*FAMILY, ("Petra", "I will ask Mom about the recipe.")), ()),
        # Two may be meant.
        ("What did Mel see?", (*FRIENDS[1:], ("Melissa", "I saw nothing.")), ()),
        ("What did Mom say?", (*FAMILY, ("Omar", "Hello everybody."), ("Omar", "I am home.")), ()),
    ],
)  # fmt: skip
def test_a_name_that_only_others_use_is_the_speaker_whom_they_address(
    query: str, turns: Any, expected: tuple[str, ...]
) -> None:
    assert speakers_of(query, *turns) == expected


CYCLISTS = (("Muhhamed", "I ride to work."), ("Catherine", "I take the tram."))


@pytest.mark.parametrize(
    ("query", "turns", "expected"),
    [
        ("How does Mohammed get to work?", CYCLISTS, ("Muhhamed",)),
        ("How does Muhammad get to work?", CYCLISTS, ("Muhhamed",)),
        ("How does Catharine get to work?", CYCLISTS, ("Catherine",)),
        ("Do Mohammed and Catherine ride?", CYCLISTS, ("Catherine", "Muhhamed")),
        ("Как Наталия ездит на работу?", (("Наталья", "Я езжу на велосипеде."), ("Олег", "Я хожу пешком.")), ("Наталья",)),
        # Other vowels at the end are another name, and so may be any in a short one.
        ("What did Mario see?", (("Maria", "I saw a fox."), ("Oscar", "Nice!")), ()),
        ("What did Danielle see?", (("Daniel", "I saw a fox."), ("Oscar", "Nice!")), ()),
        ("What did Jean see?", (("Jan", "I saw a fox."), ("Oscar", "Nice!")), ()),
        # Two may be meant.
        ("What did Muhammad see?", (("Muhhamed", "I saw a fox."), ("Mohamed", "Nice!")), ()),
    ],
)  # fmt: skip
def test_a_speakers_name_in_another_spelling_is_the_speaker(query: str, turns: Any, expected: tuple[str, ...]) -> None:
    assert speakers_of(query, *turns) == expected


async def test_who_is_asked_about_in_another_spelling_is_somebody_whom_the_memory_knows(either: Any) -> None:
    said = [
        {
            "role": "user",
            "name": "Muhhamed",
            "content": "My manager at work blames me for everything, I want to leave.",
        },
        {"role": "user", "name": "Fahim", "content": "The ferns in the garden look lovely this spring."},
        {"role": "user", "name": "Muhhamed", "content": "At least I have good friends among my colleagues."},
        {"role": "user", "name": "Fahim", "content": "I bought a new bicycle with a basket."},
    ]
    await either.observe(said, thread_id="t", user_id="pair")
    spelled, known, unknown = [
        await either.context(f"How does {name} view his manager at work?", user_id="pair", standing="off")
        for name in ("Muhammad", "Muhhamed", "Bartholomew")
    ]
    assert "blames me" in spelled.text
    assert spelled.text == known.text
    score = {
        name: (await either.recall(f"How does {name} view his manager at work?", user_id="pair", threshold=0.0))[
            0
        ].score
        for name in ("Muhammad", "Muhhamed", "Bartholomew")
    }
    assert score["Muhammad"] == pytest.approx(score["Muhhamed"], abs=0.1)
    assert score["Bartholomew"] < score["Muhammad"]
    assert unknown.tokens <= known.tokens
