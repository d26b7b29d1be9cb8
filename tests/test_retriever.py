"""One retriever serves every user, in LCEL chains and tools, in both colours, and passes LangChain's standard suite."""

from typing import Any

import pytest
from langchain_core.language_models import GenericFakeChatModel
from langchain_core.messages import AIMessage
from langchain_core.prompts import ChatPromptTemplate
from langchain_core.runnables import ConfigurableField, RunnablePassthrough
from langchain_core.tools import create_retriever_tool
from langchain_tests.integration_tests import RetrieversIntegrationTests

from langchain_persistmem import InvalidInput, NamespaceMissing, PersistMem, PersistMemRetriever

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
    assert ada.metadata["why"]["meaning"] > 0


async def test_without_a_user_nothing_is_guessed(either) -> None:
    retriever = await fill(either)
    with pytest.raises(NamespaceMissing, match="keys found: thread_id"):
        await ask(either, retriever, "What is my cat called?", {"configurable": {"thread_id": "t"}})
    with pytest.raises(InvalidInput, match="limit is 0"):
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
