"""A statement that covers a part of its turn hides nothing of the rest, wherever it stands; and what is shown is said once."""

from collections.abc import Callable

import pytest

from langchain_persistmem import PersistMem
from tests.support.scripted import answer, entry

TURN = "I moved to Hamburg, to a flat with a blue door above a bakery"
OTHERS = ("I bought a red bicycle", "My tortoise ate the salad", "I play the cello on Mondays")


@pytest.fixture
def memory(opened: Callable[..., PersistMem]) -> PersistMem:
    memory = opened(answer(entry("The user lives in Hamburg.", 1)), *(answer() for _ in OTHERS))
    for number, text in enumerate((TURN, *OTHERS)):
        memory.observe([("user", text)], thread_id=f"t{number}", user_id="ada")
    assert "The user lives in Hamburg." in memory.context("Hello", user_id="ada").standing
    return memory


@pytest.mark.parametrize("standing", ["on", "off", "journal"])
@pytest.mark.parametrize(
    "question",
    [
        "What colour is the door of my flat?",
        "What is below my flat?",
        "List all that you know about the door of my flat",
        "How many doors does my flat have?",
        "Recommend a colour for the mat before my door",
    ],
)
def test_the_rest_of_a_turn_is_in_the_context_of_a_question_about_it(
    question: str, standing: str, memory: PersistMem
) -> None:
    options = {} if standing == "on" else {"standing": standing}
    text = memory.context(question, user_id="ada", **options).text
    assert "blue door above a bakery" in text
    assert text.count("blue door above a bakery") == 1


def test_what_nothing_asks_for_is_not_quoted(memory: PersistMem) -> None:
    assert "blue door" not in memory.context("Does the user live in Hamburg?", standing="off", user_id="ada").text


def test_words_of_the_user_that_say_it_all_stand_for_the_statement(opened: Callable[..., PersistMem]) -> None:
    memory = opened(
        answer(
            entry("The user keeps a tortoise called Gustav.", 1),
            entry("The user flew to Lyon on 2026-02-27.", 2, type="event", date="2026-02-27"),
        )
    )
    turns = [
        {"role": "user", "content": text, "timestamp": "2026-03-02T10:00:00+00:00"}
        for text in ("I keep a tortoise called Gustav, he loves dandelions", "I flew to Lyon last Friday, with a kite")
    ]
    memory.observe(turns, thread_id="t", user_id="ada")
    text = memory.context("What does the tortoise Gustav love?", standing="off", user_id="ada").text
    assert "- I keep a tortoise called Gustav, he loves dandelions" in text
    assert "The user keeps" not in text
    # "Last Friday" counts from when it was told, and so does not stand below the day itself without the statement.
    text = memory.context("Who flew to Lyon with a kite?", standing="off", user_id="ada").text
    assert "The user flew to Lyon on 2026-02-27. “I flew to Lyon last Friday, with a kite”" in text
