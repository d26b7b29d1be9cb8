"""A chat message history over the same pool: lossless, idempotent, paged, apart for every user, in both colours."""

from datetime import UTC, datetime
from typing import Any

import pytest
from langchain_community.chat_message_histories import ChatMessageHistory
from langchain_core.language_models import GenericFakeChatModel
from langchain_core.messages import AIMessage, BaseMessage, HumanMessage, SystemMessage, ToolMessage
from langchain_core.prompts import ChatPromptTemplate, MessagesPlaceholder
from langchain_core.runnables import ConfigurableFieldSpec
from langchain_core.runnables.history import RunnableWithMessageHistory

from langchain_persistmem import (
    InvalidInput,
    NamespaceMissing,
    PersistMem,
    PersistMemChatMessageHistory,
    abackfill,
    backfill,
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


@pytest.mark.parametrize("session_id", ["a", "not-a-uuid", "t/1", "%", "ü 🐈", "x" * 1024])
async def test_messages_come_back_as_they_were_under_any_session_id(either, session_id: str) -> None:
    history = Call(either, session_id)
    assert await history.messages() == []
    await history.add(*MESSAGES[:2])
    await history.add(*MESSAGES[2:])
    assert await history.messages() == MESSAGES


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
    with pytest.raises(NamespaceMissing):
        PersistMemChatMessageHistory(either.memory, "t")


async def test_a_bad_message_stores_none_of_the_call(either) -> None:
    history = Call(either, "t")
    with pytest.raises(InvalidInput, match=r"messages\[1\].content has a NUL"):
        await history.add(HumanMessage("fine"), HumanMessage("a\x00b"))
    with pytest.raises(InvalidInput, match=r"additional_kwargs.x is of type object"):
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
    page = await either.messages("t", limit=3, offset=3, user_id="ada")
    assert [m.content for m in page] == ["4", "5", "6"]
    assert await either.messages("t", limit=0, user_id="ada") == []
    with pytest.raises(InvalidInput, match="offset is -1"):
        await either.messages("t", offset=-1, user_id="ada")


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


def test_a_history_of_another_package_is_learnt_once(memory: PersistMem) -> None:
    other = ChatMessageHistory()
    other.add_messages([HumanMessage("I adopted a cat called Pixel"), AIMessage("Pixel is a lovely name for a cat")])
    assert backfill(memory, other, thread_id="old", user_id="ada").added == 2
    assert backfill(memory, other, thread_id="old", user_id="ada").stored == 0
    other.add_user_message("I adopted a cat called Pixel")
    assert backfill(memory, other, thread_id="old", user_id="ada").stored == 1


async def test_a_history_of_another_package_is_learnt_asynchronously_too(amemory: PersistMem) -> None:
    other = ChatMessageHistory()
    other.add_user_message("I adopted a cat called Pixel")
    assert (await abackfill(amemory, other, thread_id="old", user_id="ada")).added == 1
