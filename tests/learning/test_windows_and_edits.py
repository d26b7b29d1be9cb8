"""Windows of a conversation store nothing twice, and a message with other words is a new version of itself."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import psycopg
import pytest
from langchain.agents import create_agent
from langchain_core.language_models import GenericFakeChatModel
from langchain_core.messages import AIMessage, HumanMessage, ToolMessage
from langchain_core.runnables import RunnableConfig

from langchain_persistmem import InvalidInputError, PersistMem, PersistMemMiddleware, Settings, extract_memory
from tests.support.scripted import answer, entry

ADA: dict[str, Any] = {"user_id": "ada"}


def say(memory: PersistMem, text: str, *, id: str = "m1", **options: Any) -> Any:
    return memory.observe([{"role": "user", "content": text, "id": id}], thread_id="t", **ADA, **options)


def texts(memory: PersistMem, question: str, **options: Any) -> list[str | None]:
    return [found.text for found in memory.recall(question, threshold=0, **ADA, **options)]


def stored(memory: PersistMem) -> list[str]:
    return [turn.text for turn in memory.conversations.turns("t", **ADA)]


EXCHANGES = [
    ("user", "I moved to Hamburg"), ("assistant", "Do you like it?"), ("user", "yes"), ("assistant", "Have you found a flat?"),
    ("user", "yes"), ("assistant", "Is it near the harbour?"), ("user", "yes"), ("assistant", "Lovely."), ("user", "I bought a boat"),
]  # fmt: skip


@pytest.mark.parametrize("size", [2, 3, 4, 6])
@pytest.mark.parametrize("step", [1, 2])
def test_a_window_in_a_loop_stores_nothing_twice_and_keeps_a_second_yes(
    memory: PersistMem, size: int, step: int
) -> None:
    history: list[tuple[str, str]] = []
    for start in range(0, len(EXCHANGES), step):
        history += EXCHANGES[start : start + step]
        memory.observe(history[-max(size, step) :], thread_id="t", **ADA)
    assert stored(memory) == [text for _, text in EXCHANGES]


def test_a_single_turn_that_is_said_again_is_a_turn_of_its_own(memory: PersistMem) -> None:
    for _ in range(2):
        memory.observe([("user", "yes")], thread_id="t", **ADA)
    assert stored(memory) == ["yes", "yes"]


def test_a_window_that_is_given_again_by_a_retry_stores_nothing(memory: PersistMem) -> None:
    results = [memory.observe(EXCHANGES[:4], thread_id="t", **ADA).stored for _ in range(3)]
    assert results == [4, 0, 0]
    assert stored(memory) == [text for _, text in EXCHANGES[:4]]


def test_an_edited_message_is_a_new_version_and_ends_what_rested_on_the_old_one(
    opened: Callable[..., PersistMem], database: str
) -> None:
    memory = opened(
        answer(entry("The user lives in Oslo.", 1, quote="I live in Oslo")),
        answer(entry("The user lives in Bergen.", 1, quote="I live in Bergen")),
    )
    say(memory, "I live in Oslo")
    assert say(memory, "I live in Oslo").stored == 0
    result = say(memory, "I live in Bergen")
    assert (result.stored, result.added) == (1, 1)
    assert stored(memory) == ["I live in Bergen"]
    assert texts(memory, "Where does the user live?") == ["The user lives in Bergen."]
    assert [memory_.text for memory_ in memory.list(**ADA)] == ["The user lives in Bergen."]
    with psycopg.connect(database) as connection:
        rows = connection.execute(
            "SELECT m.text, m.status, c.reason FROM persistmem.memories m JOIN persistmem.changes c "
            "ON c.namespace = m.namespace AND c.memory_id = m.id ORDER BY m.text"
        ).fetchall()
        assert connection.execute("SELECT version FROM persistmem.messages").fetchone() == (2,)
    assert rows == [
        ("I live in Oslo", "superseded", "its message was edited"),
        ("The user lives in Oslo.", "superseded", "its message was edited"),
    ]


def test_an_edit_is_made_without_a_model_too_and_forgetting_takes_all_versions(
    memory: PersistMem, database: str
) -> None:
    say(memory, "I live in Oslo")
    say(memory, "I live in Bergen")
    (current,) = memory.recall("Where do I live?", threshold=0, **ADA)
    assert current.text == "I live in Bergen"
    memory.forget([current.memory.key], **ADA)
    with psycopg.connect(database) as connection:
        assert (
            connection.execute(
                "SELECT text FROM persistmem.memories UNION SELECT text FROM persistmem.messages"
            ).fetchall()
            == []
        )


def test_a_statement_that_another_turn_says_as_well_outlives_an_edit(opened: Callable[..., PersistMem]) -> None:
    memory = opened(
        answer(entry("The user lives in Oslo.", 1, quote="I live in Oslo")),
        answer(entry("The user lives in Oslo.", 1, quote="I live in Oslo")),
        answer(),
    )
    say(memory, "I live in Oslo")
    say(memory, "As I said, I live in Oslo", id="m2")
    say(memory, "I like tea", id="m1")
    assert [memory_.text for memory_ in memory.list(**ADA)] == ["The user lives in Oslo."]


def test_a_pinned_statement_outlives_an_edit(opened: Callable[..., PersistMem]) -> None:
    memory = opened(answer(entry("The user lives in Oslo.", 1, quote="I live in Oslo")), answer())
    say(memory, "I live in Oslo")
    memory.edit(memory.list(**ADA)[0].key, pinned=True, **ADA)
    say(memory, "I like tea")
    assert [memory_.text for memory_ in memory.list(**ADA)] == ["The user lives in Oslo."]


def test_a_message_that_was_stored_under_other_rules_of_redaction_is_no_edit(
    opened: Callable[..., PersistMem], database: str, embeddings: Any
) -> None:
    from langchain_persistmem import Redaction

    text = "My address is ada@example.com, I live in Oslo"
    with PersistMem.open(database, embeddings=embeddings) as memory:
        say(memory, text)
    with PersistMem.open(database, embeddings=embeddings, settings=Settings(redaction=Redaction())) as memory:
        assert say(memory, text).stored == 0


def test_what_was_put_before_a_model_is_not_learnt_again_whoever_repeats_it(memory: PersistMem) -> None:
    memory.remember("The user collects stamps", **ADA)
    block = memory.context("What does the user collect?", **ADA).text
    assert "stamps" in block
    memory.observe(
        [("user", f"{block}\n\nI moved to Hamburg"), ("assistant", f"As I was told:\n{block}")], thread_id="t", **ADA
    )
    assert [memory_.text for memory_ in memory.list(**ADA) if "stamps" in (memory_.text or "")] == [
        "The user collects stamps"
    ]
    assert "I moved to Hamburg" in texts(memory, "Where did the user move?")
    assert block in stored(memory)[0]


class Odd:
    """An object that JSON does not have."""


UNSTORABLE: dict[str, Any] = {
    "NUL": HumanMessage("I moved to\x00 Hamburg", id="b"),
    "a lone surrogate": HumanMessage("I moved to Hamburg \ud800", id="b"),
    "a datetime in an artifact": ToolMessage(
        "found it", tool_call_id="c", artifact={"when": datetime(2026, 5, 1, tzinfo=UTC)}, id="b"
    ),
    "an object in an artifact": ToolMessage("found it", tool_call_id="c", artifact=Odd(), id="b"),
    "NaN": AIMessage("I see", additional_kwargs={"score": float("nan")}, id="b"),
    "an over-long tool output": ToolMessage("x" * 1_200_000, tool_call_id="c", id="b"),
    "NUL in a name": HumanMessage("I moved to Hamburg", name="A\x00da", id="b"),
    "NUL in an id": HumanMessage("I moved to Hamburg", id="b\x00"),
    "a date that is none": HumanMessage("I moved to Hamburg", additional_kwargs={"timestamp": "yesterday"}, id="b"),
}


@pytest.mark.parametrize("name", UNSTORABLE)
@pytest.mark.parametrize("entry_point", ["node", "middleware", "clean"])
def test_a_message_that_cannot_be_stored_never_ends_the_memory_of_its_thread(
    memory: PersistMem, name: str, entry_point: str
) -> None:
    messages = [
        HumanMessage("My cat is called Mimi", id="a"),
        UNSTORABLE[name],
        HumanMessage("I bought a boat", id="c"),
    ]
    if entry_point == "clean":
        result = memory.observe(messages, thread_id="t", clean=True, **ADA)
        assert result.cleaned + result.left_out == 1
    elif entry_point == "node":
        config: RunnableConfig = {"configurable": {"thread_id": "t", **ADA}}
        extract_memory(memory).invoke({"messages": messages}, config)
    else:
        agent = create_agent(
            GenericFakeChatModel(messages=iter([AIMessage("Fine")])), middleware=[PersistMemMiddleware(memory)]
        )
        agent.invoke({"messages": messages}, {"configurable": {"thread_id": "t", **ADA}})
    words = stored(memory)
    assert {"My cat is called Mimi", "I bought a boat"} <= set(words)
    assert len(memory.conversations.messages("t", **ADA)) == len(words)
    assert texts(memory, "What did the user buy?")[0] == "I bought a boat"


@pytest.mark.parametrize("name", UNSTORABLE)
def test_whoever_calls_observe_is_told_which_message_cannot_be_stored(memory: PersistMem, name: str) -> None:
    with pytest.raises(InvalidInputError, match=r"messages\[1\]"):
        memory.observe([HumanMessage("My cat is called Mimi", id="a"), UNSTORABLE[name]], thread_id="t", **ADA)
    assert stored(memory) == []
