"""What others say, and what nobody asserts, is never the user's at any door; what the user asserts beside it is."""

import time
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime

import pytest
from _pytest.mark.structures import ParameterSet

from langchain_persistmem.language.language_files import languages
from langchain_persistmem.language.statement_rules import find_statements, is_own_statement
from langchain_persistmem.language.words_of_others.asserted_text import find_unasserted
from langchain_persistmem.learning.chat_model.extraction_answer import read_answer
from langchain_persistmem.types.records import Turn
from tests.support.words_of_others import OF_OTHERS, OF_THE_USER, Row

WHEN = datetime(2026, 5, 20, 18, tzinfo=UTC)


def is_believed(message: str, claim: str, quote: str) -> bool:
    """Tell if a claim of a model's becomes an active memory of the user's."""
    turn = Turn(id="1", role="user", text=message, sent_at=WHEN, content={"data": {}})
    more = f"quote: {quote}" if quote else ""
    answer = {"memories": [{"text": claim, "type": "fact", "messages": [1], "more": more}]}
    candidates = read_answer(answer, [turn], thread_id="t", model="m", max_chars=4_000).candidates
    return any(each.doubt is None and each.is_supported for each in candidates)


def parameters(kinds: Mapping[str, Sequence[Row]]) -> list[ParameterSet]:
    return [
        pytest.param(*row[1:], id=f"{kind}, {row[0]} {number}")
        for kind, rows in kinds.items()
        for number, row in enumerate(rows)
    ]


@pytest.mark.parametrize(("message", "words", "claim"), parameters(OF_OTHERS))
def test_words_of_others_and_suppositions_are_the_users_at_no_door(message: str, words: str, claim: str) -> None:
    assert not [quote for quote in (words, "", message) if is_believed(message, claim, quote)]
    assert find_statements(message) == []
    assert not is_own_statement(words, message)


@pytest.mark.parametrize(("message", "words", "claim"), parameters(OF_THE_USER))
def test_what_the_user_asserts_is_learnt_whatever_it_stands_beside(message: str, words: str, claim: str) -> None:
    assert all(is_believed(message, claim, quote) for quote in (words, "", message))


@pytest.mark.parametrize(
    ("message", "claim"),
    [
        ("My sister told me that she moved to Rome, and I love it.", "The user's sister moved to Rome."),
        ("Tom: I moved to Rome\nAda: wow, when?", "Tom moved to Rome."),
        ("I don't think I am a morning person.", "The user is not a morning person."),
        (
            "I write. My heroine Iris is a spy from Trieste.",
            "The heroine of the user's book, Iris, is a spy from Trieste.",
        ),
        ("My brother says he lives in Oslo. I live in Leeds.", "The user's brother lives in Oslo."),
    ],
)
def test_what_somebody_else_says_is_theirs_and_what_is_denied_is_denied(message: str, claim: str) -> None:
    assert is_believed(message, claim, "")


def test_every_language_with_statements_has_words_for_texts_suppositions_and_jokes() -> None:
    for language in languages():
        words = language.statements
        assert words is None or (words.texts and words.fictions and words.jokes and words.labels), language.code


USUAL = "I went to town and bought some tea for my sister, who lives in Leeds. " * 300


@pytest.mark.parametrize(
    "repeated",
    [
        *("Tom: I am\n", "Tom says ", "if I were ", "translate: ", "? ", "just kidding. ", "not true that I ", "say ", "a: ", "Aa: "),
        *("he told me I ", "please can you ", "говорит, что я ", "wenn ich ", "my sister says, I ", "翻译", "把", "もし", "訳し", "\n"),
    ],
)  # fmt: skip
def test_a_long_text_of_words_that_begin_a_passage_is_read_at_once(repeated: str) -> None:
    text = repeated * (len(USUAL) // len(repeated))
    find_unasserted(USUAL + text[:100])  # compiles the rules
    assert cost_of(text) < 12 * cost_of(USUAL)


def cost_of(text: str) -> float:
    """Seconds of the processor, the least of three: whatever else runs on the machine."""
    costs: list[float] = []
    for _ in range(3):
        begun = time.thread_time()
        find_unasserted(text)
        costs.append(time.thread_time() - begun)
    return min(costs)
