"""The people that have memory, for whoever runs the database: figures and no content."""

from typing import Any

import pytest
from langchain_core.messages import HumanMessage

from langchain_persistmem import InvalidInputError, LocalEmbeddings, PersistMem, Person, Settings
from langchain_persistmem.types.namespace import fill, read, shape
from tests.conftest import Either

USERS = ["ada", "a/b", "50%", "ada.b", "ümit", "(x)", "a b", "z\nz"]


async def all_of(either: Either, limit: int) -> list[list[Person]]:
    """The pages one by one, to the first that is empty."""
    pages: list[list[Person]] = []
    after = None
    while page := await either.admin.people(after=after, limit=limit):
        pages.append(page)
        after = page[-1].namespace
    return pages


async def test_each_person_is_listed_once_with_their_own_figures(either: Either) -> None:
    for number, user in enumerate(USERS, 1):
        for memory in range(number):
            await either.remember(f"My number {memory} is {user}", user_id=user)
        await either.conversations.add([HumanMessage("Hello", id="m")], thread_id=f"t of {number}", user_id=user)
    await either.remember("My number 0 is ada, I said", key="k", user_id="ada")
    await either.remember("It is something else by now", key="k", user_id="ada")
    await either.privacy.set_consent("paused", user_id="50%")
    people = await either.admin.people()
    assert [person.namespace for person in people] == sorted((person.namespace for person in people), key="/".join)
    figures = {person.user_id: (person.memories, person.messages, person.threads) for person in people}
    assert figures == {user: (number + (user == "ada"), 1, 1) for number, user in enumerate(USERS, 1)}
    assert {person.user_id for person in people if person.consent != "allowed"} == {"50%"}


async def test_pages_hold_everybody_once(either: Either) -> None:
    for number in range(7):
        await either.remember("I like tea", user_id=f"u{number}")
    pages = await all_of(either, 3)
    assert [len(page) for page in pages] == [3, 3, 1]
    assert [person.user_id for page in pages for person in page] == [f"u{number}" for number in range(7)]


async def test_only_namespaces_of_the_templates_shape_are_people(either: Either) -> None:
    await either.remember("I like tea", user_id="ada")
    for other in (("memories", "ada", "notes"), ("memories",), ("memoriesX", "ada"), ("team", "blue")):
        await either.remember("I like tea", namespace=other)
    assert [person.namespace for person in await either.admin.people()] == [("memories", "ada")]


async def test_who_was_erased_is_nobody(either: Either) -> None:
    await either.remember("I like tea", user_id="ada")
    await either.forget(everything=True, user_id="ada")
    assert await either.admin.people() == []


@pytest.mark.parametrize("wrong", [{"limit": 0}, {"limit": 10_001}, {"limit": "all"}, {"after": ()}, {"after": "ada"}])
async def test_a_wrong_page_is_refused(either: Either, wrong: dict[str, Any]) -> None:
    with pytest.raises(InvalidInputError):
        await either.admin.people(**wrong)


def test_a_template_may_have_the_person_anywhere(database: str, embeddings: LocalEmbeddings) -> None:
    template = ("tenants", "t1", "user-{user_id}", "50% (all)")
    with PersistMem.open(database, embeddings=embeddings, settings=Settings(), namespace=template) as memory:
        for user in USERS:
            memory.remember("I like tea", user_id=user)
        memory.remember("I like tea", namespace=("tenants", "t1", "guest-ada", "50% (all)"))
        assert {person.user_id for person in memory.admin.people()} == set(USERS)


@pytest.mark.parametrize(
    "template", [("{user_id}",), ("m", "{user_id}"), ("x{user_id}y", "{agent}", ".*"), ("%", "{user_id}.")]
)
@pytest.mark.parametrize("user", USERS)
def test_a_name_is_read_as_it_was_filled(template: tuple[str, ...], user: str) -> None:
    names = {"user_id": user, "agent": "bot/1"}
    namespace = fill(template, names)
    assert read(template, namespace) == {name: value for name, value in names.items() if f"{{{name}}}" in str(template)}
    assert read(template, (*namespace, "deeper")) == {}
    assert shape(template)[0] + shape(template)[-1] == "^$"
