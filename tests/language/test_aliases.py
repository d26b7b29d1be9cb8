"""A name by which only others call a speaker, or in another spelling, is that speaker."""

from datetime import UTC, datetime
from typing import Any

import pytest

from langchain_persistmem.language.aliases import find_respelt
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


@pytest.mark.parametrize(
    ("query", "speakers", "existing", "expected"),
    [
        ("Where does Mohammed work?", ("Muhammad", "Lea"), (), {"mohammed": "Muhammad"}),
        ("What did Nikolas and Lea cook?", ("Nicolás Ruiz", "Lea"), (), {"nikolas": "Nicolás Ruiz"}),
        ("What is Faheem's hobby?", ("Fahim Khan", "Lea"), (), {"faheem": "Fahim Khan"}),
        # Somebody is called so.
        ("Where does Mohammed work?", ("Muhammad", "Lea"), ("mohammed",), {}),
        # Two may be meant.
        ("Where does Mohammed work?", ("Muhammad", "Mohamed"), (), {}),
        # Too little of a name is heard.
        ("Where does Dana work?", ("Dan", "Lea"), (), {}),
        ("Where does Oscar work?", ("Muhammad", "Lea"), (), {}),
    ],
)
def test_a_name_in_another_spelling_is_that_speaker_unless_somebody_is_called_so(
    query: str, speakers: Any, existing: Any, expected: dict[str, str]
) -> None:
    assert find_respelt(query, speakers, existing) == expected


async def test_a_question_finds_what_a_speaker_said_whose_name_it_spells_in_another_way(either: Any) -> None:
    turns = [
        {"role": "user", "name": name, "content": text}
        for name, text in (
            ("Muhammad", "I bake bread on Sundays."),
            ("Lea", "I bake bread on Fridays."),
            ("Muhammad", "I read about whales."),
            ("Lea", "I read about bees."),
        )
    ]
    await either.observe(turns, thread_id="t", user_id="ada")
    for query in ("When does Mohammed bake bread?", "When does Muhammad bake bread?"):
        explained = await either.explain(query, user_id="ada")
        assert explained.interpretation.speakers == ("Muhammad",)
        assert explained.embedded_text == "When does bake bread?"
        assert explained.recollections[0].text == "I bake bread on Sundays."
