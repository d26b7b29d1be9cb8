"""A question after a list gets all that belongs together, in the order of time where that is asked, and is told what was cut."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from langchain_persistmem.recall.context_parts.context_text import FORMS, Form
from langchain_persistmem.recall.context_parts.topics import topic_of

DAY = datetime(2026, 5, 1, 9, tzinfo=UTC)
BOOKS = ("Dune", "Emma", "Ulysses", "Beloved", "Ivanhoe", "Walden", "Candide", "Dracula", "Middlemarch", "Lolita", "Hamlet",
         "Faust", "Kim", "Rebecca", "Utopia")  # fmt: skip


async def test_a_list_has_more_than_the_best_ten(either: Any) -> None:
    for number in range(40):
        title = BOOKS[number % len(BOOKS)]
        await either.remember(f"I read volume {number} of {title} in the garden", user_id="ada")
    options = {"standing": "off", "user_id": "ada", "max_tokens": 5_000}
    one = await either.context("Which volume did I read in the garden?", **options)
    many = await either.context("Which volumes did I read in the garden?", **options)
    assert len(many.recollections) > len(one.recollections)
    assert len(many.recollections) == 40
    assert many.omission_count == 0


async def test_a_set_under_one_topic_comes_whole(either: Any) -> None:
    """Of these most share no word with the question, and little of its meaning."""
    foods = {"mushrooms": "I don't eat mushrooms", "shellfish": "Prawns make my lips swell", "dairy": "No cheese since 2019",
             "nuts": "Hazelnuts are out of the question", "wheat": "Wheat flour makes me sick"}  # fmt: skip
    for name, text in foods.items():
        await either.remember(text, key=f"food:{name}", user_id="ada")
    for number in range(60):
        await either.remember(
            f"The meeting number {number} with the bank was moved", key=f"meeting:{number}", user_id="ada"
        )
    made = await either.context("Which mushrooms and other foods don't I eat?", standing="off", user_id="ada")
    assert {f"food:{name}" for name in foods} <= {*made.keys}
    assert not [key for key in made.keys if key.startswith("meeting:")]
    forgotten = "food:nuts"
    await either.forget([forgotten], user_id="ada")
    made = await either.context("Which mushrooms and other foods don't I eat?", standing="off", user_id="ada")
    assert forgotten not in made.keys


async def test_a_set_keeps_to_kinds_filters_and_what_was_shown(either: Any) -> None:
    for number, name in enumerate(("mushrooms", "shellfish", "dairy")):
        await either.remember(f"I don't eat {name}", key=f"food:{name}", value={"part": number}, user_id="ada")
    question, options = "Which mushrooms and other foods don't I eat?", {"standing": "off", "user_id": "ada"}
    made = await either.context(question, filter={"part": 0}, **options)
    assert made.keys == ("food:mushrooms",)
    assert (await either.context(question, kinds=["episodic"], **options)).keys == ()
    made = await either.context(question, **options)
    assert (await either.context(question, shown=made.fingerprints, **options)).keys == ()


@pytest.mark.parametrize("form", FORMS)
async def test_an_order_is_told_in_the_order_of_time(form: Form, either: Any) -> None:
    """Facts and events are mixed, and were told in another order."""
    visits = {"Rome": 4, "Oslo": 1, "Cairo": 3, "Lima": 2}
    for city, day in visits.items():
        kind = "episodic" if day % 2 else "semantic"
        when = DAY + timedelta(days=day)
        await either.remember(f"I visited the city of {city}", kind=kind, valid_from=when, user_id="ada")
    question = "In what order did I visit the cities?"
    made = await either.context(question, standing="off", form=form, user_id="ada")
    order = sorted(visits, key=lambda city: visits[city])
    assert sorted(visits, key=made.text.index) == order
    assert [entry.text.rpartition(" ")[2] for entry in made.recollections] == order


@pytest.mark.parametrize("form", FORMS)
async def test_a_list_that_was_cut_says_so(form: Form, either: Any) -> None:
    for number in range(40):
        await either.remember(f"I read volume {number} of Dune in the garden", user_id="ada")
    question = "Which volumes did I read in the garden?"
    made = await either.context(question, standing="off", form=form, max_tokens=400, user_id="ada")
    assert made.tokens <= 400
    assert made.omission_count == 40 - len(made.recollections) > 0
    if form == "json":
        document = made.text.partition("\n")[2].rpartition("\n")[0]
        assert json.loads(document)["left_out"] == made.omission_count
    else:
        assert f"(and {made.omission_count} more were left out)" in made.text


async def test_a_list_of_what_nobody_spoke_of_is_empty(either: Any) -> None:
    for number in range(40):
        await either.remember(f"I read volume {number} of Dune in the garden", user_id="ada")
    assert (await either.context("Which spark plugs fit a tractor?", standing="off", user_id="ada")).text == ""


async def test_an_explanation_says_how_the_question_was_read(either: Any) -> None:
    await either.remember("I read Dune", user_id="ada")
    read = (await either.explain("In what order did I read the books?", user_id="ada")).interpretation
    assert (read.is_list, read.is_order) == (True, True)
    read = (await either.explain("Which book did I read?", user_id="ada")).interpretation
    assert (read.is_list, read.is_order) == (False, False)


@pytest.mark.parametrize(
    ("key", "topic"),
    [
        ("fact:food_seafood", "fact:food_"), ("fact:sister_first_name", "fact:sister_"), ("fact:diet", None), ("book:dune", "book:"),
        ("trip:2023:rome", "trip:2023:"), ("trip_rome", "trip_"), ("home", None), ("instruction:language", None), ("a:", None), ("", None),
        ("0190c1a2-5b7e-7c11-9a50-2f6d2ad0f001", None),
    ],
)  # fmt: skip
def test_a_topic_is_what_a_key_begins_with(key: str, topic: str | None) -> None:
    assert topic_of(key) == topic
