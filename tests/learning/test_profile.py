"""One document about a user, always in step with what is remembered."""

from collections.abc import Iterator
from typing import Any

import pytest
from pydantic import BaseModel, ConfigDict

from langchain_persistmem import InvalidInputError, PersistMem
from tests.support.scripted import Scripted, answer, entry


async def test_changes_are_merged_and_earlier_versions_stay(either: Any) -> None:
    assert (await either.profile(user_id="ada")).model_dump() == {
        "name": None, "preferences": [], "goals": [], "past_mistakes": [], "communication_style": None, "summary": None,
    }  # fmt: skip
    await either.update_profile({"name": "Ada", "home": {"city": "Oslo", "since": 2020}}, user_id="ada")
    await either.update_profile({"goals": ["run a marathon"], "home": {"city": "Rome", "since": None}}, user_id="ada")
    profile = await either.profile(user_id="ada")
    assert (profile.name, profile.goals, profile.home) == ("Ada", ["run a marathon"], {"city": "Rome"})
    now, before = await either.history.versions("profile", user_id="ada")
    assert (now.kind, before.value) == ("profile", {"name": "Ada", "home": {"city": "Oslo", "since": 2020}})
    await either.history.restore(before.id, user_id="ada")
    assert (await either.profile(user_id="ada")).goals == []
    assert (await either.profile(user_id="bob")).name is None


async def test_a_profile_that_does_not_fit_is_refused_without_quoting_it(either: Any) -> None:
    await either.update_profile({"name": "Ada"}, user_id="ada")
    with pytest.raises(InvalidInputError, match=r"goals: list_type") as caught:
        await either.update_profile({"goals": "my secret"}, user_id="ada")
    assert "secret" not in str(caught.value)
    with pytest.raises(InvalidInputError, match=r"changes\.<key 1>"):
        await either.update_profile({"x": float("nan")}, user_id="ada")
    assert len(await either.history.versions("profile", user_id="ada")) == 1


async def test_an_unchanged_profile_makes_no_version(either: Any) -> None:
    for _ in range(3):
        await either.update_profile({"name": "Ada"}, user_id="ada")
    assert len(await either.history.versions("profile", user_id="ada")) == 1


@pytest.fixture
def learning(database: str, embeddings: Any) -> Iterator[PersistMem]:
    first = answer(
        entry("The user is called Ada.", 1, key="name", value="Ada"),
        entry("The user prefers tea.", 1, type="preference", importance=0.9),
        entry("The user wants to run a marathon.", 1, type="goal"),
        entry("The user wants short answers.", 1, type="instruction", quote="keep your answers short"),
        entry("The user has a cat.", 1),
    )
    second = answer(entry("The user prefers coffee.", 1, type="preference", known="k1", change="replaces"))
    with PersistMem.open(database, embeddings=embeddings, model=Scripted(answers=iter([first, second]))) as memory:
        yield memory


def test_what_is_learnt_is_in_the_profile_and_goes_with_it(learning: PersistMem) -> None:
    learning.observe(
        [("user", "I am Ada, I prefer tea, keep your answers short, I train for a marathon")],
        thread_id="a",
        user_id="ada",
    )
    profile = learning.profile(user_id="ada").model_dump()
    assert profile["name"] == "Ada"
    assert profile["preferences"] == ["The user prefers tea."]
    assert profile["goals"] == ["The user wants to run a marathon."]
    assert profile["communication_style"] == "The user wants short answers."
    learning.update_profile({"name": "Countess", "preferences": ["silence"]}, user_id="ada")
    assert learning.profile(user_id="ada").model_dump()["preferences"] == ["silence", "The user prefers tea."]
    learning.observe([("user", "Not tea any more, coffee")], thread_id="a", user_id="ada")
    profile = learning.profile(user_id="ada").model_dump()
    assert (profile["name"], profile["preferences"]) == ("Countess", ["silence", "The user prefers coffee."])
    learning.forget(everything=True, user_id="ada")
    assert learning.profile(user_id="ada").model_dump()["preferences"] == []


def test_a_class_of_ones_own_is_checked_and_returned(database: str, embeddings: Any) -> None:
    class Patient(BaseModel):
        model_config = ConfigDict(extra="forbid")
        name: str = ""
        allergies: list[str] = []

    with PersistMem.open(database, embeddings=embeddings, profile=Patient) as memory:
        patient = memory.update_profile({"allergies": ["peanuts"]}, user_id="ada")
        assert isinstance(patient, Patient)
        assert patient.allergies == ["peanuts"]
        with pytest.raises(InvalidInputError, match="a field that Patient does not have: extra_forbidden"):
            memory.update_profile({"shoe_size": 40}, user_id="ada")


async def test_an_item_that_happens_to_have_the_key_is_no_profile(either: Any) -> None:
    await either.remember("The profile of the tyre is low.", key="profile", value={"goals": "no list"}, user_id="ada")
    assert (await either.profile(user_id="ada")).goals == []
    await either.update_profile({"name": "Ada"}, user_id="ada")
    assert (await either.profile(user_id="ada")).name == "Ada"
    assert len(await either.history.versions("profile", user_id="ada")) == 2
