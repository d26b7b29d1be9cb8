"""One retriever serves every user, in LCEL chains and tools, in both colours, and passes LangChain's standard suite."""

import itertools
import traceback
from typing import Any

import pytest
from langchain_core.language_models import GenericFakeChatModel
from langchain_core.messages import AIMessage, HumanMessage, SystemMessage, ToolMessage
from langchain_core.prompts import ChatPromptTemplate
from langchain_core.runnables import ConfigurableField, RunnablePassthrough
from langchain_core.tools import create_retriever_tool
from langchain_tests.integration_tests import RetrieversIntegrationTests

from langchain_persistmem import (
    ConfigurationError,
    InvalidInputError,
    NamespaceMissingError,
    PersistMem,
    PersistMemEnsembleRetriever,
    PersistMemRetriever,
    PersistMemSessionRetriever,
)
from tests.support.hostile_values import HOSTILE, MARK

ADA = {"configurable": {"user_id": "ada"}}
BOB = {"configurable": {"user_id": "bob"}}


class TestStandardSuite(RetrieversIntegrationTests):
    """LangChain's own suite."""

    @pytest.fixture(autouse=True)
    def _memory(self, memory: PersistMem) -> None:
        for number in range(5):
            memory.remember(f"I planted apple tree number {number} in my garden", user_id="ada")
        self.memory = memory

    @property
    def retriever_constructor(self) -> type[PersistMemRetriever]:
        return PersistMemRetriever

    @property
    def retriever_constructor_params(self) -> dict[str, Any]:
        return {"memory": self.memory, "user_id": "ada"}

    @property
    def retriever_query_example(self) -> str:
        return "Which apple trees did I plant?"


async def ask(either: Any, runnable: Any, query: str, config: Any = None, **kwargs: Any) -> Any:
    return (
        await runnable.ainvoke(query, config, **kwargs)
        if either.asynchronous
        else runnable.invoke(query, config, **kwargs)
    )


async def fill(either: Any) -> PersistMemRetriever:
    await either.remember(
        "My cat is called Pixel", value={"text": "My cat is called Pixel", "about": "pets"}, user_id="ada"
    )
    await either.remember("My cat is called Otis", user_id="bob")
    await either.remember("I work as a nurse", user_id="ada")
    return PersistMemRetriever(memory=either.memory)


async def test_each_run_gets_the_memories_of_its_own_user(either) -> None:
    retriever = await fill(either)
    (ada, *_) = await ask(either, retriever, "What is my cat called?", ADA)
    (bob, *_) = await ask(either, retriever, "What is my cat called?", BOB)
    assert (ada.page_content, bob.page_content) == ("My cat is called Pixel", "My cat is called Otis")
    assert (await either.get(ada.id, user_id="ada")).text == ada.page_content
    assert ada.metadata["namespace"] == ("memories", "ada")
    assert ada.metadata["provenance"]["source"] == "user"
    assert 0 < ada.metadata["score"] <= 1
    assert ada.metadata["score_parts"]["meaning"] > 0


async def test_without_a_user_nothing_is_guessed(either) -> None:
    retriever = await fill(either)
    with pytest.raises(NamespaceMissingError, match="keys found: thread_id"):
        await ask(either, retriever, "What is my cat called?", {"configurable": {"thread_id": "t"}})
    with pytest.raises(InvalidInputError, match="k is 0"):
        await ask(either, retriever, "What is my cat called?", ADA, k=0)


async def test_options_of_a_call_come_before_the_retrievers(either) -> None:
    retriever = await fill(either)
    everything = await ask(either, retriever, "cat or work?", ADA, threshold=0)
    assert len(everything) == 2
    assert len(await ask(either, retriever, "cat or work?", ADA, threshold=0, k=1)) == 1
    (pet,) = await ask(either, retriever, "cat or work?", ADA, threshold=0, filter={"about": "pets"})
    assert pet.page_content == "My cat is called Pixel"
    assert await ask(either, retriever, "cat or work?", ADA, threshold=0, kinds=["episodic"]) == []


async def test_fields_can_be_configured_in_langchains_way(either) -> None:
    retriever = (await fill(either)).model_copy(update={"threshold": 0.0})
    configurable = retriever.configurable_fields(k=ConfigurableField(id="k"))
    assert len(await ask(either, configurable, "cat or work?", ADA)) == 2
    one = {"configurable": {"user_id": "ada", "k": 1}}
    assert len(await ask(either, configurable, "cat or work?", one)) == 1
    kinds = retriever.configurable_fields(kinds=ConfigurableField(id="kinds"))
    episodic = {"configurable": {"user_id": "ada", "kinds": ["episodic"]}}
    assert await ask(either, kinds, "cat or work?", episodic) == []


async def test_a_batch_of_many_users_keeps_them_apart(either) -> None:
    retriever = await fill(either)
    queries, runs = ["What is my cat called?"] * 8, [ADA, BOB] * 4
    if either.asynchronous:
        found = await retriever.abatch(queries, runs)
    else:
        found = retriever.batch(queries, runs)
    assert [documents[0].page_content for documents in found] == ["My cat is called Pixel", "My cat is called Otis"] * 4


async def test_it_stands_in_a_chain_where_another_retriever_stood(either) -> None:
    retriever = await fill(either)
    prompts: list[Any] = []

    def note(prompt: Any) -> Any:
        prompts.append(prompt)
        return prompt

    model = GenericFakeChatModel(messages=iter([AIMessage("Pixel.")]))
    template = ChatPromptTemplate.from_template("{memories}\n\n{question}")
    chain = {"memories": retriever, "question": RunnablePassthrough()} | template | note | model
    answer = await ask(either, chain, "What is my cat called?", ADA)
    assert answer.content == "Pixel."
    assert "My cat is called Pixel" in prompts[0].to_string()
    assert "Otis" not in prompts[0].to_string()


async def test_it_serves_as_a_tool(either) -> None:
    retriever = await fill(either)
    tool = create_retriever_tool(retriever, "memories", "What is known about the user")
    arguments = {"query": "What is my cat called?"}
    said = await tool.ainvoke(arguments, ADA) if either.asynchronous else tool.invoke(arguments, ADA)
    assert "My cat is called Pixel" in said


# what was said in the session

SAID = [
    HumanMessage("I adopted a cat called Pixel", id="1"),
    AIMessage("A lovely name for a cat", id="2"),
    HumanMessage("The bicycle shop on Main Street has a blue one", id="3"),
    AIMessage("Blue suits you", id="4"),
]


class TestSessionStandardSuite(RetrieversIntegrationTests):
    """LangChain's own suite, for the retriever over a session."""

    @pytest.fixture(autouse=True)
    def _memory(self, memory: PersistMem) -> None:
        memory.conversations.add(SAID, thread_id="t", user_id="ada")
        self.memory = memory

    @property
    def retriever_constructor(self) -> type[PersistMemSessionRetriever]:
        return PersistMemSessionRetriever

    @property
    def retriever_constructor_params(self) -> dict[str, Any]:
        return {"memory": self.memory, "user_id": "ada", "thread_id": "t"}

    @property
    def retriever_query_example(self) -> str:
        return "What is my cat called?"


def in_thread(thread_id: str, user_id: str = "ada") -> Any:
    return {"configurable": {"user_id": user_id, "thread_id": thread_id}}


async def session_of(either: Any, *said: Any, **options: Any) -> PersistMemSessionRetriever:
    await either.conversations.add(list(said or SAID), thread_id="t", user_id="ada")
    return PersistMemSessionRetriever(memory=either.memory, **options)


async def test_turns_that_share_words_with_the_question_come_first_and_then_the_latest(either) -> None:
    session = await session_of(either)
    found = await ask(either, session, "What is my cat called?", in_thread("t"))
    assert [document.id for document in found] == ["1", "2", "4", "3"]
    metadata = found[0].metadata
    assert (metadata["thread_id"], metadata["message_id"], metadata["role"]) == ("t", "1", "user")
    assert metadata["namespace"] == ("memories", "ada")
    assert metadata["sent_at"].endswith("+00:00")
    scores = [document.metadata["score"] for document in found]
    assert scores == sorted(scores, reverse=True)
    assert all(0 < score <= 1 for score in scores)
    latest = await ask(either, session, "And how much?", in_thread("t"))
    assert [document.id for document in latest] == ["4", "3", "2", "1"]


async def test_a_word_that_few_turns_have_counts_for_more(either) -> None:
    rare = [HumanMessage(f"the price of number {n} is the same", id=f"n{n}") for n in range(5)]
    session = await session_of(either, HumanMessage("a zebra", id="z"), *rare)
    (first, *_) = await ask(either, session, "the zebra", in_thread("t"))
    assert first.id == "z"


async def test_a_session_belongs_to_one_user_and_one_thread(either) -> None:
    session = await session_of(either)
    assert await ask(either, session, "cat?", in_thread("t", "bob")) == []
    assert await ask(either, session, "cat?", in_thread("u")) == []
    with pytest.raises(InvalidInputError, match="the run has no thread_id"):
        await ask(either, session, "cat?", ADA)
    with pytest.raises(NamespaceMissingError):
        await ask(either, session, "cat?", {"configurable": {"thread_id": "t"}})
    other = PersistMemSessionRetriever(memory=either.memory, thread_key="conversation_id")
    assert len(await ask(either, other, "cat?", {"configurable": {"user_id": "ada", "conversation_id": "t"}})) == 4
    with pytest.raises(InvalidInputError, match="the run has no conversation_id"):
        await ask(either, other, "cat?", in_thread("t"))


async def test_a_session_is_what_was_said_and_not_the_question_itself(either) -> None:
    said = [
        SystemMessage("cat"),
        ToolMessage("cat", tool_call_id="c"),
        AIMessage(""),
        *SAID[:1],
        HumanMessage("A cat?"),
    ]
    session = await session_of(either, *said)
    assert [document.id for document in await ask(either, session, "A cat? ", in_thread("t"))] == ["1"]
    assert len(await ask(either, session, "Another cat?", in_thread("t"))) == 2


async def test_options_of_a_session_can_be_given_for_one_call(either) -> None:
    session = await session_of(either, k=3)
    assert len(await ask(either, session, "cat", in_thread("t"))) == 3
    assert [each.id for each in await ask(either, session, "cat", in_thread("t"), k=1)] == ["2"]
    assert {each.id for each in await ask(either, session, "cat", in_thread("t"), turns=2)} == {"3", "4"}
    with pytest.raises(InvalidInputError, match="turns is 0"):
        await ask(either, session, "cat", in_thread("t"), turns=0)
    with pytest.raises(InvalidInputError, match="k is 1001"):
        await ask(either, session, "cat", in_thread("t"), k=1001)


async def test_a_session_in_a_language_without_spaces_is_searched_too(either) -> None:
    session = await session_of(either, HumanMessage("我喜欢喝绿茶", id="tea"), *SAID[1:])
    (first, *_) = await ask(either, session, "你喜欢喝什么?", in_thread("t"))
    assert first.id == "tea"


async def test_a_session_takes_messages_without_an_id_of_their_own(either) -> None:
    session = await session_of(either, HumanMessage("My cat is called Pixel"))
    await either.observe([], thread_id="t", user_id="ada")
    (turn,) = await ask(either, session, "cat", in_thread("t"))
    (memory,) = await either.list(user_id="ada")
    assert memory.provenance.message_ids == (turn.id,)


OTHERS: dict[str, Any] = {
    "namespace": ("memories", "bob"),
    "user_id": "bob",
    "whose": ("memories", "bob"),
    "thread": "t1",
    "thread_id": "t1",
    "run": BOB,
    "run_manager": None,
    "memory": None,
    "at": None,
    "limit": 3,
}
"""Options that are no option of a call, of which several would name another person."""


@pytest.mark.parametrize("name", OTHERS)
@pytest.mark.parametrize("owner", [{}, {"user_id": "ada"}, {"namespace": ("memories", "ada")}])
async def test_a_call_names_nobody_and_every_option_of_others_is_refused(either, name: str, owner: Any) -> None:
    await either.remember("My cat is called Otis", user_id="bob")
    memory = PersistMemRetriever(memory=either.memory, **owner)
    session = PersistMemSessionRetriever(memory=either.memory, thread_id="t1", **owner)
    ensemble = PersistMemEnsembleRetriever(memory=memory, session=session, on_error="continue")
    for retriever in (memory, session, ensemble):
        for bound in (retriever, retriever.bind(**{name: OTHERS[name]})):
            options = {} if bound is not retriever else {name: OTHERS[name]}
            with pytest.raises(InvalidInputError, match=f"'{name}' is no option of a call"):
                await ask(either, bound, "What is my cat called?", ADA, **options)
    for child in ("memory", "session"):
        with pytest.raises(InvalidInputError, match=f"'{name}' is no option of a call"):
            await ask(either, ensemble, "What is my cat called?", ADA, options={child: {name: OTHERS[name]}})
    nested = PersistMemEnsembleRetriever(documents={"mine": ensemble}, on_error="continue")
    with pytest.raises(InvalidInputError, match=f"'{name}' is no option of a call"):
        await ask(either, nested, "cat", ADA, options={"mine": {"options": {"memory": {name: OTHERS[name]}}}})


@pytest.mark.parametrize("field", ["k", "user_id", "kinds", "threshold", "filter", "namespace"])
def test_a_field_of_a_wrong_type_is_refused_without_quoting_it(memory: PersistMem, field: str) -> None:
    with pytest.raises(ConfigurationError, match=f"PersistMemRetriever cannot be made: {field}") as caught:
        PersistMemRetriever(memory=memory, **{field: object() if field != "k" else "my secret"})
    assert "secret" not in str(caught.value)


class TestFields:
    """What a retriever is made with."""

    @pytest.mark.parametrize("kind", [PersistMemRetriever, PersistMemSessionRetriever, PersistMemEnsembleRetriever])
    def test_a_field_that_fails_or_has_no_end_is_refused_by_its_name_and_unquoted(self, kind: Any) -> None:
        memory: Any = object.__new__(PersistMem)
        fields: dict[str, Any] = {"memory": memory, "user_id": "ada"}
        if kind is PersistMemEnsembleRetriever:
            fields = {"memory": PersistMemRetriever(**fields)}
        faults: dict[tuple[str, str], str] = {}
        for field, (name, make) in itertools.product(kind.model_fields, HOSTILE.items()):
            try:
                kind(**{**fields, field: make()})
            except ConfigurationError as error:
                text = "".join(traceback.format_exception(error, limit=0))
                if field not in text:
                    faults[field, name] = f"does not name {field}: {text[:160]!r}"
                if MARK in text:
                    faults[field, name] = "quotes what was passed"
            except Exception as error:  # noqa: BLE001 - whatever else comes out is the finding
                faults[field, name] = f"not ours: {type(error).__name__}"
        assert faults == {}
