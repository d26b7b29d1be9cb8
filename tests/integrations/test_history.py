"""A chat message history over the same pool: lossless, idempotent, paged, apart for every user, in both colours."""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from langchain_community.chat_message_histories import (
    ChatMessageHistory,
    FileChatMessageHistory,
    SQLChatMessageHistory,
)
from langchain_core.chat_history import BaseChatMessageHistory
from langchain_core.language_models import GenericFakeChatModel
from langchain_core.messages import AIMessage, BaseMessage, HumanMessage, SystemMessage, ToolMessage
from langchain_core.prompts import ChatPromptTemplate, MessagesPlaceholder
from langchain_core.runnables import ConfigurableFieldSpec, RunnableLambda
from langchain_core.runnables.history import RunnableWithMessageHistory
from sqlalchemy import NullPool, create_engine

from langchain_persistmem import (
    InvalidInputError,
    NamespaceMissingError,
    PersistMem,
    PersistMemChatMessageHistory,
    UseAsyncMethodError,
)

# LangChain deprecates its histories, and many still use them
pytestmark = pytest.mark.filterwarnings("ignore::langchain_core._api.deprecation.LangChainDeprecationWarning")

CALL = {"name": "search", "args": {"q": "cats"}, "id": "c1", "type": "tool_call"}
MESSAGES: list[BaseMessage] = [
    SystemMessage("You are kind."),
    HumanMessage([{"type": "text", "text": "Hi"}, {"type": "image_url", "image_url": {"url": "data:x"}}], name="Ada"),
    AIMessage("", tool_calls=[CALL], response_metadata={"model": "m"}),
    ToolMessage("9 results", tool_call_id="c1", artifact={"n": [1, 2.5, None]}, status="success"),
    AIMessage(
        "There are nine 🐈", id="last", usage_metadata={"input_tokens": 1, "output_tokens": 2, "total_tokens": 3}
    ),
]


class Call:
    """A history in either colour."""

    def __init__(self, either: Any, session_id: str, user_id: str = "ada", **options: Any) -> None:
        self.asynchronous = either.asynchronous
        self.history = PersistMemChatMessageHistory(either.memory, session_id, user_id=user_id, **options)

    async def messages(self) -> list[BaseMessage]:
        return await self.history.aget_messages() if self.asynchronous else self.history.messages

    async def page(self, *args: int, **options: int) -> list[BaseMessage]:
        return await self.history.apage(*args, **options) if self.asynchronous else self.history.page(*args, **options)

    async def add(self, *messages: BaseMessage) -> None:
        if self.asynchronous:
            await self.history.aadd_messages(messages)
        else:
            self.history.add_messages(messages)

    async def clear(self) -> None:
        if self.asynchronous:
            await self.history.aclear()
        else:
            self.history.clear()


ANY_ID = ["a", "not-a-uuid", "t/1", "%2F", "..", "'; DROP TABLE x; --", '"', "\\", " ", "ü 🐈", "🐈" * 256, "x" * 1024]


@pytest.mark.parametrize("session_id", ANY_ID)
async def test_messages_come_back_as_they_were_under_any_session_id(either, session_id: str) -> None:
    history = Call(either, session_id)
    assert await history.messages() == []
    await history.add(*MESSAGES[:2])
    await history.add(*MESSAGES[2:])
    assert await history.messages() == MESSAGES


@pytest.mark.parametrize(
    ("session_id", "said"),
    [
        ("", "session_id is ''; pass a string"),
        ("a\x00b", "session_id has a NUL character at position 1; remove it"),
        ("x" * 1025, "session_id is longer than 1,024 bytes"),
        ("🐈" * 257, "session_id is longer than 1,024 bytes"),
        ("\ud800", "session_id has a lone surrogate"),
        (7, "session_id is of type int; pass a string"),
    ],
)
def test_a_session_id_that_cannot_be_stored_is_refused_at_once(memory: PersistMem, session_id: Any, said: str) -> None:
    with pytest.raises(InvalidInputError, match=said):
        PersistMemChatMessageHistory(memory, session_id, user_id="ada")


async def test_a_datetime_is_kept_as_text(either) -> None:
    sent = datetime(2026, 3, 2, tzinfo=UTC)
    history = Call(either, "t")
    await history.add(HumanMessage("I adopted a cat", additional_kwargs={"timestamp": sent}))
    assert (await history.messages())[0].additional_kwargs == {"timestamp": sent.isoformat()}
    await either.observe([], thread_id="t", user_id="ada")
    (cat,) = await either.list(user_id="ada")
    assert cat.valid_from == sent


async def test_users_and_sessions_are_apart_and_clearing_one_leaves_the_others(either) -> None:
    for user, session in (("user1", "t"), ("user10", "t"), ("user1", "t2")):
        await Call(either, session, user).add(HumanMessage(f"{user} in {session}"))
    await Call(either, "t", "user1").clear()
    assert await Call(either, "t", "user1").messages() == []
    assert len(await Call(either, "t", "user10").messages()) == 1
    assert len(await Call(either, "t2", "user1").messages()) == 1
    with pytest.raises(NamespaceMissingError):
        PersistMemChatMessageHistory(either.memory, "t")


async def test_a_bad_message_stores_none_of_the_call(either) -> None:
    history = Call(either, "t")
    with pytest.raises(InvalidInputError, match=r"messages\[1\].content has a NUL"):
        await history.add(HumanMessage("fine"), HumanMessage("a\x00b"))
    with pytest.raises(InvalidInputError, match=r"additional_kwargs.<key 1> is of type object"):
        await history.add(HumanMessage("fine", additional_kwargs={"x": object()}))
    assert await history.messages() == []


async def test_a_message_with_an_id_is_stored_once_and_equal_ones_without_are_kept(either) -> None:
    history = Call(either, "t")
    for _ in range(2):
        await history.add(HumanMessage("ok", id="1"), HumanMessage("ok"))
    assert [message.id for message in await history.messages()] == ["1", None, None]


async def test_pages_are_counted_from_the_end(either) -> None:
    await Call(either, "t").add(*(HumanMessage(str(number)) for number in range(10)))
    assert [m.content for m in await Call(either, "t", limit=3).messages()] == ["7", "8", "9"]
    page = await either.conversations.messages("t", limit=3, offset=3, user_id="ada")
    assert [m.content for m in page] == ["4", "5", "6"]
    assert await either.conversations.messages("t", limit=0, user_id="ada") == []
    with pytest.raises(InvalidInputError, match="offset is -1"):
        await either.conversations.messages("t", offset=-1, user_id="ada")


async def test_a_history_is_read_page_by_page(either) -> None:
    call = Call(either, "t")
    await call.add(*(HumanMessage(str(number)) for number in range(45)))
    seen: list[Any] = []
    while page := await call.page(offset=len(seen)):
        seen = [*(message.content for message in page), *seen]
    assert seen == [str(number) for number in range(45)]
    assert [message.content for message in await call.page(2, offset=1)] == ["42", "43"]
    with pytest.raises(InvalidInputError, match="limit is -1"):
        await call.page(-1)


async def test_what_a_history_stored_is_learnt_when_the_thread_is_observed(either) -> None:
    await Call(either, "t").add(HumanMessage("I adopted a cat called Pixel"))
    assert await either.list(user_id="ada") == []
    assert (await either.observe([], thread_id="t", user_id="ada")).added == 1


async def test_it_serves_runnable_with_message_history_by_user_and_conversation(either) -> None:
    prompts: list[Any] = []

    def note(prompt: Any) -> Any:
        prompts.append(prompt.to_messages())
        return prompt

    model = GenericFakeChatModel(messages=iter([AIMessage("Hello Ada"), AIMessage("You are Ada")]))
    template = ChatPromptTemplate.from_messages([MessagesPlaceholder("history"), ("human", "{question}")])
    chain = RunnableWithMessageHistory(
        template | note | model,
        lambda user_id, conversation_id: PersistMemChatMessageHistory(either.memory, conversation_id, user_id=user_id),
        input_messages_key="question",
        history_messages_key="history",
        history_factory_config=[
            ConfigurableFieldSpec(id="user_id", annotation=str),
            ConfigurableFieldSpec(id="conversation_id", annotation=str),
        ],
    )
    config: Any = {"configurable": {"user_id": "ada", "conversation_id": "c1"}}
    for question in ("I am Ada", "Who am I?"):
        if either.asynchronous:
            await chain.ainvoke({"question": question}, config)
        else:
            chain.invoke({"question": question}, config)
    assert [message.content for message in prompts[1]] == ["I am Ada", "Hello Ada", "Who am I?"]
    assert len(await Call(either, "c1").messages()) == 4


def callers(messages: list[BaseMessage]) -> dict[str, list[int]]:
    """What each caller appended, in the order in which it is stored."""
    found: dict[str, list[int]] = {}
    for message in messages:
        caller, number = str(message.content).split()
        found.setdefault(caller, []).append(int(number))
    return found


def test_threads_that_append_at_once_lose_nothing_and_keep_each_callers_order(memory: PersistMem) -> None:
    def append(caller: int) -> None:
        history = PersistMemChatMessageHistory(memory, "t", user_id="ada")
        for number in range(0, 20, 2):
            history.add_messages([HumanMessage(f"{caller} {number}"), AIMessage(f"{caller} {number + 1}")])

    with ThreadPoolExecutor(8) as threads:
        list(threads.map(append, range(8)))
    messages = PersistMemChatMessageHistory(memory, "t", user_id="ada").messages
    assert callers(messages) == {str(caller): list(range(20)) for caller in range(8)}
    for question, answer in zip(messages[::2], messages[1::2], strict=True):  # what one call appended stays together
        assert callers([question, answer]).popitem()[1] in ([n, n + 1] for n in range(0, 20, 2))


async def test_tasks_that_append_at_once_lose_nothing_and_keep_each_callers_order(amemory: PersistMem) -> None:
    async def append(caller: int) -> None:
        history = PersistMemChatMessageHistory(amemory, "t", user_id="ada")
        for number in range(10):
            await history.aadd_messages([HumanMessage(f"{caller} {number}")])

    await asyncio.gather(*(append(caller) for caller in range(8)))
    messages = await PersistMemChatMessageHistory(amemory, "t", user_id="ada").aget_messages()
    assert callers(messages) == {str(caller): list(range(10)) for caller in range(8)}


async def test_an_async_history_never_blocks_the_loop(amemory: PersistMem) -> None:
    history = PersistMemChatMessageHistory(amemory, "t", user_id="ada")
    for blocking in (lambda: history.messages, lambda: history.add_user_message("x"), history.clear, history.page):
        with pytest.raises(UseAsyncMethodError):
            blocking()
    await history.aadd_messages([HumanMessage("x")])
    assert len(await history.aget_messages()) == 1


async def test_two_users_under_one_session_id_never_mix_in_one_chain(either) -> None:
    chain = RunnableWithMessageHistory(
        RunnableLambda(lambda messages: AIMessage(" | ".join(str(message.content) for message in messages))),
        lambda user_id, conversation_id: PersistMemChatMessageHistory(either.memory, conversation_id, user_id=user_id),
        history_factory_config=[
            ConfigurableFieldSpec(id="user_id", annotation=str),
            ConfigurableFieldSpec(id="conversation_id", annotation=str),
        ],
    )

    async def say(user_id: str, text: str) -> str:
        config: Any = {"configurable": {"user_id": user_id, "conversation_id": "same/id 🐈"}}
        said = [HumanMessage(text)]
        return str((await chain.ainvoke(said, config) if either.asynchronous else chain.invoke(said, config)).content)

    await say("ada", "I am Ada")
    await say("bob", "I am Bob")
    assert await say("ada", "Who am I?") == "I am Ada | I am Ada | Who am I?"
    assert await say("bob", "Who am I?") == "I am Bob | I am Bob | Who am I?"


def test_a_history_of_another_package_is_learnt_once(memory: PersistMem) -> None:
    other = ChatMessageHistory()
    other.add_messages([HumanMessage("I adopted a cat called Pixel"), AIMessage("Pixel is a lovely name for a cat")])
    assert memory.conversations.backfill(other, thread_id="old", user_id="ada").added == 2
    assert memory.conversations.backfill(other, thread_id="old", user_id="ada").stored == 0
    other.add_user_message("I adopted a cat called Pixel")
    assert memory.conversations.backfill(other, thread_id="old", user_id="ada").stored == 1


async def test_a_history_of_another_package_is_learnt_asynchronously_too(amemory: PersistMem) -> None:
    other = ChatMessageHistory()
    other.add_user_message("I adopted a cat called Pixel")
    assert (await amemory.conversations.abackfill(other, thread_id="old", user_id="ada")).added == 1


def in_a_file(folder: Path) -> BaseChatMessageHistory:
    return FileChatMessageHistory(str(folder / "history.json"))


def in_sqlite(folder: Path) -> BaseChatMessageHistory:
    # NullPool: a connection is closed after its use, and none is left to be closed with the engine.
    engine = create_engine(f"sqlite:///{folder / 'history.db'}", poolclass=NullPool)
    return SQLChatMessageHistory("old-session", connection=engine)


OLD: list[BaseMessage] = [
    HumanMessage("I adopted a cat called Pixel"),
    AIMessage("Pixel is a lovely name for a cat", response_metadata={"model": "m"}),
    HumanMessage("ok"),
    HumanMessage("I moved to Oslo", additional_kwargs={"timestamp": "2026-03-02T19:04:00+01:00"}),
    HumanMessage("ok"),
]


@pytest.mark.parametrize("other", [in_a_file, in_sqlite])
async def test_histories_of_langchain_community_are_learnt_from_in_both_colours(
    either, tmp_path: Path, other: Callable[[Path], BaseChatMessageHistory]
) -> None:
    async def learn() -> Any:
        history = other(tmp_path)  # opened anew, as the next run of a program would
        if either.asynchronous:
            return await either.memory.conversations.abackfill(history, thread_id="old", user_id="ada")
        return either.memory.conversations.backfill(history, thread_id="old", user_id="ada")

    other(tmp_path).add_messages(OLD)
    learnt = await learn()
    assert (learnt.stored, learnt.added) == (5, 3)
    assert (await learn()).stored == 0
    other(tmp_path).add_messages([HumanMessage("ok"), HumanMessage("I play the cello")])
    again = await learn()
    assert (again.stored, again.added) == (2, 1)
    (city, *_) = await either.recall("Which city did I move to?", user_id="ada")
    assert city.text == "I moved to Oslo"
    assert city.memory.valid_from == datetime(2026, 3, 2, 18, 4, tzinfo=UTC)
    kept = await Call(either, "old").messages()
    assert [message.content for message in kept] == [*(m.content for m in OLD), "ok", "I play the cello"]
    assert [message.content for message in other(tmp_path).messages] == [message.content for message in kept]


def test_a_history_that_lost_its_beginning_is_not_learnt_again(memory: PersistMem) -> None:
    other = ChatMessageHistory(messages=OLD)
    memory.conversations.backfill(other, thread_id="old", user_id="ada")
    shorten = ChatMessageHistory(messages=[*OLD[3:], HumanMessage("I play the cello")])
    assert memory.conversations.backfill(shorten, thread_id="old", user_id="ada").stored == 1


async def test_a_history_that_cannot_be_read_says_why(either) -> None:
    class Gone(ChatMessageHistory):
        def __getattribute__(self, name: str) -> Any:
            if name == "messages":
                raise ValueError("the file is gone")
            return super().__getattribute__(name)

    with pytest.raises(ValueError, match="the file is gone"):
        if either.asynchronous:
            await either.memory.conversations.abackfill(Gone(), thread_id="old", user_id="ada")
        else:
            either.memory.conversations.backfill(Gone(), thread_id="old", user_id="ada")


@pytest.mark.parametrize("limit", range(1, 13))
async def test_a_window_begins_at_a_users_message(either, limit: int) -> None:
    turns: list[Any] = [SystemMessage("You help.")]
    for number in range(3):
        turns += [
            HumanMessage(f"weather {number}?"),
            AIMessage("", tool_calls=[{"name": "w", "args": {}, "id": f"c{number}"}]),
            ToolMessage("rain", tool_call_id=f"c{number}"),
            AIMessage("It rains."),
        ]
    history = PersistMemChatMessageHistory(either.memory, "s", user_id="ada", limit=limit)
    if either.asynchronous:
        await history.aadd_messages(turns)
        window = await history.aget_messages()
    else:
        history.add_messages(turns)
        window = history.messages
    assert len(window) <= limit
    assert [message.type for message in window] == [message.type for message in turns[len(turns) - len(window) :]]
    assert not window or window[0].type == "human"
    assert bool(window) == (limit >= 4), "as soon as a whole turn fits"


async def test_one_string_is_no_list_of_messages(either) -> None:
    history = PersistMemChatMessageHistory(either.memory, "s", user_id="ada")
    with pytest.raises(InvalidInputError, match="messages is of type str; pass a list"):
        await (
            history.aadd_messages("hello") if either.asynchronous else asyncio.to_thread(history.add_messages, "hello")
        )  # type: ignore[arg-type]
    with pytest.raises(InvalidInputError, match="messages has more than 10,000 elements"):
        await either.conversations.add([HumanMessage("hello")] * 100_000, thread_id="s", user_id="ada")
    assert await either.conversations.messages("s", user_id="ada") == []
