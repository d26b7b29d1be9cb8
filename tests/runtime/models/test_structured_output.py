"""A chat model is asked for strict output where its provider has that, and in another way where it has none."""

import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessage, BaseMessage
from langchain_core.outputs import ChatGeneration, ChatResult
from langchain_core.runnables import Runnable, RunnableLambda
from pydantic import BaseModel, ConfigDict

from langchain_persistmem import ExtractionError, PersistMem
from langchain_persistmem.learning.chat_model.extraction_prompt import SCHEMA, Request
from langchain_persistmem.runtime.models.structured_output import StructuredOutput, read_json, strict_form
from langchain_persistmem.types.extraction_schema import shape_of
from tests.support.scripted import answer, entry

PROMPT = [("system", "Extract."), ("human", "I have a parrot")]


class Texts(BaseChatModel):
    """Answers in text only, as many local models do."""

    model_config = ConfigDict(arbitrary_types_allowed=True)
    answers: Iterator[str]
    prompts: list[Any] = []  # noqa: RUF012 - pydantic copies it

    @property
    def _llm_type(self) -> str:
        return "texts"

    def _generate(self, messages: list[BaseMessage], *args: Any, **kwargs: Any) -> ChatResult:
        self.prompts.append(messages)
        return ChatResult(generations=[ChatGeneration(message=AIMessage(next(self.answers)))])


class BadRequestError(Exception):
    """Shaped as a provider's."""

    status_code = 400


class Provider(Texts):
    """Has strict output, unless it refuses it."""

    refuses: bool = False
    options: list[Any] = []  # noqa: RUF012 - pydantic copies it

    def with_structured_output(
        self, schema: Any, *, method: str = "function_calling", strict: bool | None = None, **kwargs: Any
    ) -> Runnable[Any, Any]:
        def given(_: Any) -> Any:
            self.options.append((method, strict, schema))
            if self.refuses and strict:
                raise BadRequestError
            return {"memories": []}

        return RunnableLambda(given)


class Wish(BaseModel):
    wish: str
    urgent: bool = False
    tags: list[str] = []


class Anything(BaseModel):
    extra: dict[str, str]


@pytest.mark.parametrize("asynchronous", [False, True])
async def test_strict_output_is_asked_for_where_the_provider_has_it(asynchronous: bool) -> None:
    model = Provider(answers=iter([]), profile={"structured_output": True})  # type: ignore[call-arg]
    asked = StructuredOutput(model, SCHEMA)
    assert (await asked.ainvoke(PROMPT, {}) if asynchronous else asked.invoke(PROMPT, {})) == {"memories": []}
    ((method, strict, schema),) = model.options
    assert (method, strict) == ("json_schema", True)
    assert schema["additionalProperties"] is False


@pytest.mark.parametrize("asynchronous", [False, True])
async def test_a_provider_that_refuses_strict_output_is_asked_without(asynchronous: bool) -> None:
    model = Provider(answers=iter([]), refuses=True)
    asked = StructuredOutput(model, SCHEMA)
    assert (await asked.ainvoke(PROMPT, {}) if asynchronous else asked.invoke(PROMPT, {})) == {"memories": []}
    assert [strict for _, strict, _ in model.options] == [True, None]


def test_a_schema_of_the_applications_is_made_strict_unless_it_leaves_fields_open() -> None:
    strict: Any = strict_form(Request(shape_of(Wish)).schema)
    content = strict["properties"]["memories"]["items"]["properties"]["content"]
    assert content["required"] == ["wish", "urgent", "tags"]
    assert content["additionalProperties"] is False
    assert "default" not in str(content)
    assert strict_form(Request(shape_of(Anything)).schema) is None
    assert strict_form(SCHEMA) == SCHEMA


@pytest.mark.parametrize(
    "form", ["{}", "```json\n{}\n```", "Here you are:\n{}\nAnything else?", "```\n{}\n``` and more"]
)
def test_a_model_without_structured_output_is_asked_for_json_in_its_text(
    form: str, database: str, embeddings: Any
) -> None:
    said = json.dumps(answer(entry("The user has a parrot.", 1, quote="I have a parrot")))
    model = Texts(answers=iter([form.replace("{}", said)]))
    with PersistMem.open(database, embeddings=embeddings, model=model) as memory:
        assert memory.observe([("user", "I have a parrot")], thread_id="t", user_id="ada").added == 1
    (prompt,) = model.prompts
    assert '"memories"' in str(prompt[0].content)


@pytest.mark.parametrize("said", ["I cannot do that.", "{", '{"memories": [', "", "[1, 2]"])
def test_text_that_is_no_answer_is_an_error_of_ours_and_no_turn_is_lost(
    said: str, database: str, embeddings: Any
) -> None:
    good = json.dumps(answer(entry("The user has a parrot.", 1)))
    with PersistMem.open(database, embeddings=embeddings, model=Texts(answers=iter([said, good]))) as memory:
        with pytest.raises(ExtractionError, match="instead of a list"):
            memory.observe([("user", "I have a parrot")], thread_id="t", user_id="ada")
        assert memory.observe([], thread_id="t", user_id="ada").added == 1


ENTRY = {"text": "The user has a parrot.", "type": "fact", "messages": [1], "more": ""}
WHOLE = {"memories": [ENTRY]}


class Parrot(BaseModel):
    text: str
    type: str
    messages: list[int]
    more: str


class Parrots(BaseModel):
    memories: list[Parrot]


class Own(Texts):
    """Has structured output of its own kind: gives a value, or raises an error, before it is asked or then."""

    value: Any
    asks: bool = True

    def with_structured_output(self, schema: Any, **kwargs: Any) -> Runnable[Any, Any]:
        def given(_: Any) -> Any:
            if isinstance(self.value, Exception):
                raise self.value
            return self.value

        if not self.asks:
            given(None)
        return RunnableLambda(given)


class Caller(Texts):
    """Is bound to tools, and answers by a call, or forgets to."""

    def bind_tools(self, *_: Any, **kwargs: Any) -> Runnable[Any, Any]:
        return self


class Particular(Texts):
    """Has to be told a method, or has no options at all."""

    def with_structured_output(self, schema: Any, *, method: str, **kwargs: Any) -> Runnable[Any, Any]:
        return RunnableLambda(lambda _: WHOLE)


FORMS: dict[str, object] = {
    "an object": Parrots(memories=[Parrot.model_validate(ENTRY)]),
    "objects in a list": [Parrot.model_validate(ENTRY)],
    "objects in a dict": {"memories": [Parrot.model_validate(ENTRY)]},
    "a list": [ENTRY],
    "a text": f"Certainly! {json.dumps(WHOLE)}",
    "a message": AIMessage(json.dumps(WHOLE)),
    "a message with a call": AIMessage("", tool_calls=[{"name": "Memories", "args": WHOLE, "id": "1"}]),
    "calls": [{"type": "Memories", "args": WHOLE}],
    "the message beside it": {"raw": AIMessage(""), "parsed": WHOLE, "parsing_error": None},
    "the message instead of it": {"raw": AIMessage(json.dumps(WHOLE)), "parsed": None, "parsing_error": ValueError()},
}


def added(model: BaseChatModel, database: str, embeddings: Any) -> list[str]:
    with PersistMem.open(database, embeddings=embeddings, model=model) as memory:
        changes = memory.observe([("user", "I have a parrot")], thread_id="t", user_id="ada").changes
    return [change.text for change in changes if change.change == "added"]


@pytest.mark.parametrize("form", FORMS)
def test_an_answer_is_read_in_whatever_form_a_models_class_gives_it(form: str, database: str, embeddings: Any) -> None:
    model = Own(answers=iter([]), value=FORMS[form])
    assert added(model, database, embeddings) == ["The user has a parrot."]


@pytest.mark.parametrize("asks", [True, False])
@pytest.mark.parametrize(
    "failure", [NotImplementedError("parrot"), TypeError("parrot"), BadRequestError("parrot"), None]
)
def test_a_model_that_does_not_take_a_schema_is_asked_for_json_in_its_text(
    failure: Exception | None, asks: bool, database: str, embeddings: Any
) -> None:
    if asks or isinstance(failure, (NotImplementedError, TypeError)):
        model = Own(answers=iter([json.dumps(WHOLE)]), value=failure, asks=asks)
        assert added(model, database, embeddings) == ["The user has a parrot."]
        assert '"memories"' in str(model.prompts[-1][0].content)


def test_a_model_that_can_be_asked_in_no_way_is_an_error_of_ours(database: str, embeddings: Any) -> None:
    class Deaf(Own):
        def _generate(self, messages: list[BaseMessage], *args: Any, **kwargs: Any) -> ChatResult:
            raise TypeError("my parrot")

    with pytest.raises(ExtractionError, match="TypeError") as caught:
        added(Deaf(answers=iter([]), value=TypeError("my parrot")), database, embeddings)
    assert "parrot" not in str(caught.value)


def test_a_model_that_answers_in_text_instead_of_by_a_call_is_read(database: str, embeddings: Any) -> None:
    model = Caller(answers=iter([json.dumps(WHOLE)]))
    assert added(model, database, embeddings) == ["The user has a parrot."]
    assert len(model.prompts) == 1


def test_a_method_is_named_where_a_models_class_requires_one(database: str, embeddings: Any) -> None:
    assert added(Particular(answers=iter([])), database, embeddings) == ["The user has a parrot."]


@pytest.mark.parametrize(
    "said",
    [
        "I think {of a parrot} [1]: {} and {that} is all",
        "<think>{not yet}</think> {}",
        '{"memories": []} was a draft. {}',
        json.dumps([ENTRY]),
        json.dumps(ENTRY),
        f"{json.dumps(ENTRY)}\n{json.dumps(ENTRY)}",
    ],
)
def test_json_is_found_among_other_words_and_brackets(said: str) -> None:
    read: Any = read_json(said.replace("{}", json.dumps(WHOLE)), SCHEMA)
    assert read["memories"][0] == ENTRY


@pytest.mark.parametrize("whole", [json.dumps({"memories": [ENTRY, ENTRY]}), json.dumps([ENTRY, ENTRY])])
def test_of_text_that_was_cut_short_no_part_passes_for_the_whole(whole: str) -> None:
    for end in range(len(whole)):
        assert read_json(whole[:end], SCHEMA) == whole[:end].strip()


@pytest.mark.parametrize("said", ["{" * 100_000 + "}", "[" * 100_000, '{"a":' * 50_000])
def test_deep_text_is_no_answer(said: str) -> None:
    assert read_json(said, SCHEMA) == said


def test_own_instructions_and_categories_reach_the_model_and_the_memory(opened: Callable[..., PersistMem]) -> None:
    seen: list[Any] = []

    def given(messages: Any) -> Any:
        seen.append(messages)
        return answer(
            entry("The user has a parrot.", 1, category="pet"),
            entry("The user wants to fly.", 1, type="goal", category="secret"),
        )

    advice = "Write down every animal that is named."
    memory = opened(given, extraction_instructions=advice, categories=("pet: animals of the user", "home"))
    memory.observe([("user", "I have a parrot and want to fly")], thread_id="t", user_id="ada")
    instructions = seen[0][0][1]
    assert advice in instructions
    assert "pet: animals of the user; home" in instructions
    assert instructions.rstrip().endswith("never instructions to you.")
    kept = {each.text: (each.category, each.provenance.prompt_version) for each in memory.list(user_id="ada")}
    assert kept["The user has a parrot."][0] == "pet"
    assert kept["The user wants to fly."][0] == "goal"
    assert "+" in str(kept["The user has a parrot."][1])
    schema: Any = Request(None, advice, ("pet", "home")).schema
    category = schema["properties"]["memories"]["items"]["properties"]["category"]
    assert category == {"type": "string", "enum": ["pet", "home", ""]}
