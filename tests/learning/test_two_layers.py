"""Every turn that says something is recalled at once; a statement and its turns are one finding, and share one fate."""

from collections.abc import Callable
from typing import Any

import psycopg
import pytest

from langchain_persistmem import ExtractionError, PersistMem, PersistMemRetriever, Settings
from langchain_persistmem.errors import MemoryNotFoundError
from tests.support.scripted import answer, entry

ADA = {"user_id": "ada"}
CITY = "Which city do I live in?"


def say(memory: PersistMem, text: str, *, id: str = "m1", thread_id: str = "t", **options: Any) -> Any:
    return memory.observe([{"role": "user", "content": text, "id": id}], thread_id=thread_id, **ADA, **options)


def texts(memory: PersistMem, question: str, **options: Any) -> list[str]:
    return [recollection.text for recollection in memory.recall(question, threshold=0, **ADA, **options)]


def recalled_anywhere(memory: PersistMem, question: str, word: str) -> bool:
    """Ask every entry point that recalls."""
    retriever = PersistMemRetriever(memory=memory, threshold=0, **ADA)
    places = [
        *texts(memory, question),
        *(document.page_content for document in retriever.invoke(question)),
        memory.context(question, **ADA).text,
        *(recollection.text for recollection in memory.explain(question, threshold=0, **ADA).recollections),
        *(recollection.text for recollection in memory.forget(query=question, **ADA).candidates),
        *(found.text or "" for found in memory.list(**ADA)),
        *(str(item.value) for item in memory.store.search(("memories", "ada"), query=question)),
    ]
    return any(word in place for place in places)


def test_a_turn_is_recalled_when_observe_returns_though_nobody_has_learnt_from_it(
    opened: Callable[..., PersistMem],
) -> None:
    memory = opened(worker=False)
    say(memory, "I moved to Hamburg in May", background=True)
    assert texts(memory, "Where did I move?") == ["I moved to Hamburg in May"]


def test_a_turn_is_recalled_when_the_model_has_failed(opened: Callable[..., PersistMem]) -> None:
    memory = opened(ExtractionError("down"))
    with pytest.raises(ExtractionError):
        say(memory, "I moved to Hamburg in May")
    assert texts(memory, "Where did I move?") == ["I moved to Hamburg in May"]


def test_a_statement_and_its_turn_are_one_finding_with_the_words_that_the_statement_lacks(
    opened: Callable[..., PersistMem],
) -> None:
    quote = "I moved to Hamburg, to a flat with a blue door"
    memory = opened(answer(entry("The user lives in Hamburg.", 1, quote=quote)))
    say(memory, quote)
    (recollection,) = memory.recall("What colour is the door of the flat?", threshold=0, **ADA)
    assert recollection.text == "The user lives in Hamburg."
    assert recollection.excerpt == quote
    assert not recollection.memory.is_turn
    (recollection,) = memory.recall("Does the user live in Hamburg?", threshold=0, **ADA)
    assert recollection.excerpt is None
    assert [memory_.text for memory_ in memory.list(**ADA)] == ["The user lives in Hamburg."]


def test_a_question_that_only_the_turn_answers_finds_its_statement(opened: Callable[..., PersistMem]) -> None:
    memory = opened(
        answer(entry("The user has a pet.", 1, quote="Our tortoise Gustav")),
        *(answer() for _ in range(8)),
    )
    say(memory, "Our tortoise Gustav ate the neighbour's salad again")
    for index in range(8):
        say(memory, f"I spent day {index} of the holidays at the lake", id=f"n{index}")
    assert texts(memory, "What did the tortoise eat?")[0] == "The user has a pet."


FATES: dict[str, Callable[[PersistMem, str], object]] = {
    "superseded": lambda memory, key: memory.remember("I live in Oslo now", key=key, **ADA),
    "edited": lambda memory, key: memory.edit(key, text="The user lives in Bergen.", **ADA),
    "forgotten": lambda memory, key: memory.forget(keys=[key], **ADA),
}


@pytest.mark.parametrize("fate", FATES)
def test_a_turn_follows_its_statement(fate: str, opened: Callable[..., PersistMem]) -> None:
    memory = opened(answer(entry("The user lives in Hamburg.", 1, key="home")))
    say(memory, "I moved to Hamburg")
    FATES[fate](memory, memory.list(**ADA)[0].key)
    assert not recalled_anywhere(memory, CITY, "Hamburg")


def test_a_turn_waits_with_its_statement_and_comes_or_goes_with_it(opened: Callable[..., PersistMem]) -> None:
    memory = opened(
        answer(entry("The user lives in Hamburg.", 1)), answer(entry("The user works in Bergen.", 1)), approval="learnt"
    )
    say(memory, "I moved to Hamburg")
    say(memory, "I found work in Bergen", id="m2")
    assert not recalled_anywhere(memory, CITY, "Hamburg")
    assert not recalled_anywhere(memory, "Where do I work?", "Bergen")
    waiting = {waits.text: waits.id for waits in memory.review.list(**ADA)}
    assert set(waiting) == {"The user lives in Hamburg.", "The user works in Bergen."}  # no turn waits beside them
    memory.review.approve(waiting["The user lives in Hamburg."], **ADA)
    memory.review.reject(waiting["The user works in Bergen."], **ADA)
    assert recalled_anywhere(memory, CITY, "Hamburg")
    assert not recalled_anywhere(memory, "Where do I work?", "Bergen")


def test_a_restored_statement_brings_its_turn_back(opened: Callable[..., PersistMem]) -> None:
    memory = opened(answer(entry("The user lives in Hamburg.", 1, quote="I moved to Hamburg")))
    say(memory, "I moved to Hamburg, where the tram stops at my door")
    statement = memory.list(**ADA)[0]
    memory.remember("I live in Oslo", key=statement.key, **ADA)
    assert not recalled_anywhere(memory, CITY, "Hamburg")
    memory.history.restore(statement.id, **ADA)
    (recollection, *_) = memory.recall("Where does the tram stop?", threshold=0, **ADA)
    assert "tram stops at my door" in (recollection.excerpt or "")


def test_what_is_past_is_not_quoted_beside_what_is_current(opened: Callable[..., PersistMem]) -> None:
    memory = opened(
        answer(
            entry("The user lives in Hamburg.", 1, quote="I moved to Hamburg."),
            entry("The user plays the cello.", 1, quote="I still play the cello."),
        )
    )
    say(memory, "I moved to Hamburg. I still play the cello.")
    home = next(found for found in memory.list(**ADA) if "Hamburg" in (found.text or ""))
    memory.remember("I live in Oslo", key=home.key, **ADA)
    for recollection in memory.recall("Hamburg cello: what do I play, and did I move?", threshold=0, **ADA):
        assert "Hamburg" not in recollection.text + (recollection.excerpt or "")


def test_nothing_is_recalled_of_turns_that_are_not_to_be_learnt_from(opened: Callable[..., PersistMem]) -> None:
    memory = opened(consent="no_extract", worker=False)
    say(memory, "I moved to Hamburg")
    say(memory, "I moved to Hamburg", id="m2", background=True)
    assert not recalled_anywhere(memory, CITY, "Hamburg")


def test_what_was_said_before_a_request_not_to_remember_is_withdrawn(opened: Callable[..., PersistMem]) -> None:
    memory = opened(answer(entry("The user is looking for another job.", 1)), answer())
    say(memory, "I am looking for another job")
    assert recalled_anywhere(memory, "What am I looking for?", "job")
    say(memory, "Don't remember what I just said.", id="m2")
    assert not recalled_anywhere(memory, "What am I looking for?", "job")
    assert len(memory.conversations.messages("t", **ADA)) == 2


def test_a_quote_has_the_sentences_that_say_more_and_no_others(opened: Callable[..., PersistMem]) -> None:
    memory = opened(answer(entry("The user had the car repaired in May.", 1, quote="I had my car repaired in May.")))
    say(memory, "What a week! I had my car repaired in May. It was 400 euros. The weather was lovely.")
    (recollection, *_) = memory.recall("How much did my car repair cost?", threshold=0, **ADA)
    excerpt = recollection.excerpt or recollection.text
    assert "400 euros" in excerpt
    assert "week" not in excerpt
    assert "weather" not in excerpt


def test_turns_can_be_switched_off_and_are_then_left_out(
    opened: Callable[..., PersistMem], database: str, embeddings: Any
) -> None:
    memory = opened(answer(), worker=False)
    say(memory, "I moved to Hamburg")
    assert texts(memory, CITY) == ["I moved to Hamburg"]
    with PersistMem.open(database, embeddings=embeddings, settings=Settings(turns=False)) as without:
        assert texts(without, CITY) == []
        say(without, "I moved to Bergen", id="m2")
        with psycopg.connect(database) as connection:
            assert connection.execute("SELECT count(*) FROM persistmem.memories").fetchall() == [(1,)]


def test_a_turn_has_its_lines_and_a_long_one_is_found_by_its_end(memory: PersistMem) -> None:
    code = "Here is my script:\n    for name in names:\n        print(name)"
    say(memory, code)
    assert memory.get(memory.list(**ADA)[0].key, **ADA).text == code
    filler = "The weather at the lake was pleasant on that day and we walked for hours. " * 60
    say(memory, filler + "My passport number begins with 7Q.", id="m2")
    (recollection, *_) = memory.recall("What does my passport number begin with?", threshold=0, **ADA)
    assert "7Q" in (recollection.excerpt or "")
    assert len(recollection.excerpt or "") < 1_500


def test_a_turn_that_only_asks_is_history_and_not_listed(memory: PersistMem) -> None:
    say(memory, "What is 17*23?")
    say(memory, "I live in Hamburg", id="m2")
    assert [found.text for found in memory.list(**ADA)] == ["I live in Hamburg"]
    assert "What is 17*23?" in texts(memory, "What is 17*23?")


def test_a_turn_comes_to_be_once_however_often_it_is_observed(memory: PersistMem) -> None:
    for _ in range(3):
        say(memory, "I live in Hamburg")
    (turn,) = memory.list(**ADA)
    assert turn.is_turn
    with pytest.raises(MemoryNotFoundError):
        memory.get("another", **ADA)


def test_a_quote_has_its_numbers_whole(opened: Callable[..., PersistMem]) -> None:
    memory = opened(answer(entry("The user studied in Mumbai.", 1, quote="I studied in Mumbai.")))
    say(memory, "What a day. I studied in Mumbai. My grade there was 3.86 of 4.0, see example.com for what it means.")
    (recollection, *_) = memory.recall("What was my grade in Mumbai?", threshold=0, **ADA)
    assert "3.86 of 4.0, see example.com for what it means." in (recollection.excerpt or recollection.text)
