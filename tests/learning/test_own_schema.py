"""Memories in an application's own shape: asked for, checked, stored, found again; and what is no shape is refused."""

import logging
from collections.abc import Callable
from datetime import date
from enum import StrEnum
from typing import Annotated, Any

import pytest
from pydantic import BaseModel, Field, RootModel

from langchain_persistmem import ConfigurationError, LocalEmbeddings, PersistMem, Settings
from langchain_persistmem.learning.chat_model import extraction_prompt
from langchain_persistmem.recall.context_parts.context_budget import approximate_tokens
from langchain_persistmem.types.extraction_schema import shape_of
from tests.conftest import Either
from tests.support.scripted import Scripted, answer, entry

QUIET = Settings(worker=False)
SECRET = "marzipan"


class Colour(StrEnum):
    RED = "red"
    BLUE = "blue"


class Part(BaseModel):
    """A part of a thing."""

    title: str
    colour: Colour = Colour.RED


class Wish(BaseModel):
    """Something that the user would like to have."""

    wish: str
    urgent: bool = False
    by: date | None = None
    parts: Annotated[list[Part], Field(max_length=3)] = []


class Complaint(BaseModel):
    product: str
    problem: str


class Tree(BaseModel):
    branches: list["Tree"]


class Call(BaseModel):
    name: str
    call: Callable[[], None]


class Empty(BaseModel):
    pass


class Listed(RootModel[list[str]]):
    pass


def wished(text: str, *messages: int, content: Any, **fields: Any) -> dict[str, Any]:
    return entry(text, *messages, content=content, **fields)


@pytest.mark.parametrize("asynchronous", [False, True])
async def test_content_is_checked_stored_and_filtered_by(
    database: str, embeddings: LocalEmbeddings, asynchronous: bool, caplog: Any
) -> None:
    model = Scripted(
        answers=iter(
            [
                answer(
                    wished("The user wants a lamp.", 1, content={"wish": "a lamp", "by": "2026-12-24", "more": 1}),
                    wished("The user wants a chair.", 1, content={"wish": "a chair", "parts": [{"title": "leg"}]}),
                    wished(f"The user wants {SECRET}.", 1, content={"wish": SECRET, "urgent": SECRET}),
                    wished("The user wants NUL.", 1, content={"wish": "\x00"}),
                    entry("The user wants nothing.", 1),
                    "no entry at all",
                    wished("The user wants peace.", 7, content={"wish": "peace"}),
                )
            ]
        )
    )
    given: dict[str, Any] = {"embeddings": embeddings, "model": model, "settings": QUIET, "schema": Wish}
    memory = await PersistMem.aopen(database, **given) if asynchronous else PersistMem.open(database, **given)
    either = Either(memory, asynchronous=asynchronous)
    with caplog.at_level(logging.WARNING, logger="langchain_persistmem"):
        observed = await either.observe([("user", "I want a lamp and a chair")], thread_id="t", user_id="ada")
    assert observed.added == 2
    assert "5 memories were dropped" in caplog.text
    assert "misfit: 3, not_usable: 2" in caplog.text
    assert SECRET not in caplog.text
    (lamp,) = await either.list(filter={"content.wish": "a lamp"}, user_id="ada")
    assert lamp.value["content"] == {"wish": "a lamp", "urgent": False, "by": "2026-12-24", "parts": []}
    assert (lamp.value["schema"], lamp.value["text"]) == ("Wish", "The user wants a lamp.")
    assert lamp.provenance.prompt_version == f"{extraction_prompt.VERSION}+schema"
    (chair,) = await either.recall(
        "something to sit on, a chair", filter={"content.urgent": False}, limit=1, user_id="ada"
    )
    assert chair.memory.value["content"]["parts"] == [{"title": "leg", "colour": "red"}]
    assert "content" in model.prompts[0][0][1]
    await either.close()


@pytest.mark.parametrize("schema", [[Wish, Complaint], Wish | Complaint])
def test_of_several_classes_each_memory_has_the_one_that_it_fits(
    database: str, embeddings: LocalEmbeddings, schema: Any
) -> None:
    said = answer(
        wished("The user wants a lamp.", 1, content={"wish": "a lamp"}),
        wished("The user's radio is mute.", 1, content={"product": "radio", "problem": "mute"}),
        wished("The user is silent.", 1, content={}),
    )
    model = Scripted(answers=iter([said]))
    with PersistMem.open(database, embeddings=embeddings, model=model, settings=QUIET, schema=schema) as memory:
        assert memory.observe([("user", "I want a lamp. My radio is mute")], thread_id="t", user_id="ada").added == 2
        (complaint,) = memory.list(filter={"schema": "Complaint"}, user_id="ada")
    assert complaint.value["content"] == {"product": "radio", "problem": "mute"}


def test_without_a_schema_no_content_of_a_model_is_stored(database: str, embeddings: LocalEmbeddings) -> None:
    model = Scripted(answers=iter([answer(wished("The user wants a lamp.", 1, content={"wish": "a lamp"}))]))
    with PersistMem.open(database, embeddings=embeddings, model=model, settings=QUIET) as memory:
        memory.observe([("user", "I want a lamp")], thread_id="t", user_id="ada")
        (lamp,) = memory.list(user_id="ada")
    assert not {"content", "schema"} & set(lamp.value)


@pytest.mark.parametrize("schema", [Wish, [Wish, Complaint]])
def test_the_schema_for_a_model_is_self_contained_and_keeps_every_field(
    schema: Any,
) -> None:
    asked = extraction_prompt.Request(shape_of(schema)).schema
    assert "$ref" not in str(asked)
    assert "$defs" not in str(asked)
    assert "'title': {'type': 'string'}" in str(asked)
    assert "A part of a thing." in str(asked)
    (items,) = (each["items"] for each in asked["properties"].values())  # type: ignore[attr-defined]
    assert "content" in items["required"]


def test_the_prompt_is_short_apart_from_the_schema() -> None:
    shape = shape_of(Wish)
    assert shape is not None
    asked = extraction_prompt.Request(shape).instructions + str(extraction_prompt.SCHEMA)
    assert approximate_tokens(asked) < 1500
    assert (
        extraction_prompt.INSTRUCTIONS.splitlines()[-1]
        == extraction_prompt.Request(shape).instructions.splitlines()[-1]
    )


@pytest.mark.parametrize(
    ("schema", "said"),
    [
        ("Wish", "schema is of type str"),
        (dict, "schema is dict"),
        (Wish(wish="a lamp"), "schema is of type Wish"),
        (BaseModel, "schema is BaseModel"),
        ([], "schema is empty"),
        ([Wish, None], r"schema\[1\] is of type NoneType"),
        (Tree, r"Tree\.branches contains Tree"),
        (Call, r"Call\.call has no JSON schema"),
        (Empty, "Empty has no fields"),
        (Listed, "Listed is a RootModel"),
    ],
)
def test_what_is_no_schema_is_refused_by_name(schema: Any, said: str) -> None:
    model = Scripted(answers=iter([]))
    for opening in (PersistMem.open, PersistMem.aopen):
        with pytest.raises(ConfigurationError, match=said):
            opening("postgresql://unused", model=model, schema=schema)


def test_a_schema_needs_a_model() -> None:
    with pytest.raises(ConfigurationError, match="schema needs a chat model"):
        PersistMem.open("postgresql://unused", schema=Wish)
