"""What was bought is found by asking for what somebody buys: irregular forms are one word, as regular ones are by stemming."""

from datetime import UTC, datetime, timedelta
from typing import Any

import psycopg
import pytest

from langchain_persistmem.language.search_terms.query_terms import find_irregular_forms, find_terms, irregular_groups


@pytest.mark.parametrize(
    ("asked", "expected"),
    [
        ("What did Ada buy?", ("buy bought",)),
        ("What has Ada bought and who was TEACHING her?", ("buy bought", "teach taught")),
        ("Which children fly, and which child flies?", ("child children", "fly flew flown")),
        ("What does Ada like?", ()),
        ("", ()),
    ],
)
def test_every_form_of_an_irregular_word_leads_to_all_of_them_once(asked: str, expected: tuple[str, ...]) -> None:
    assert find_irregular_forms(asked, "english") == expected


def test_only_english_questions_have_english_forms() -> None:
    for query, language in (("Was hat das Kind mit der Hand gemacht?", "auto"), ("What did I buy?", "german")):
        assert find_terms(query, language).groups == ()
    assert find_terms("What did I buy?", "auto") == find_terms("What did I buy?", "english")
    assert find_terms("What did I buy?", "english").groups == ("buy bought",)


def test_no_form_belongs_to_two_words_as_postgresql_stems_it(database: str) -> None:
    words_of: dict[str, set[str]] = {}
    with psycopg.connect(database) as connection:
        for group in set(irregular_groups()["english"].values()):
            for form in group.split():
                (lexemes,) = connection.execute("SELECT ts_lexize('english_stem', %s)", (form,)).fetchone() or ([],)
                assert lexemes, f"{form} is a stop word"
                words_of.setdefault(lexemes[0], set()).add(group)
    assert {stem: groups for stem, groups in words_of.items() if len(groups) > 1} == {}


async def test_what_was_bought_is_found_by_asking_for_what_somebody_buys(either: Any) -> None:
    for text in ("Ada bought a kettle", "Ada sells a lamp", "The bus is late"):
        await either.remember(text, user_id="ada")
    now = datetime.now(UTC) + timedelta(minutes=1)
    for at in (None, now):
        found = await either.recall("Who will buy it?", threshold=0.0, at=at, now=now, user_id="ada")
        assert {each.text: each.score_parts.terms > 0 for each in found} == {
            "Ada bought a kettle": True,
            "Ada sells a lamp": False,
            "The bus is late": False,
        }


async def test_the_forms_of_a_word_count_as_one_word_as_regular_ones_do(either: Any) -> None:
    for text in ("I buy tea", "She bought a lamp", "I paint bowls", "She painted a door", "The bus is late"):
        await either.remember(text, user_id="ada")

    async def words(query: str, at: datetime | None) -> list[float]:
        found = await either.recall(query, threshold=0.0, at=at, user_id="ada")
        return sorted(each.score_parts.terms for each in found)

    for at in (None, datetime.now(UTC) + timedelta(minutes=1)):
        irregular, regular = await words("Who will buy it?", at), await words("Who will paint it?", at)
        assert irregular == pytest.approx(regular)
        assert sum(each > 0 for each in irregular) == 2


async def test_an_explanation_says_which_forms_were_looked_up(either: Any) -> None:
    await either.remember("Ada bought a kettle", user_id="ada")
    explained = await either.explain("Who will buy it?", user_id="ada")
    assert explained.terms == {"buy": 0, "bought": 1}


async def test_what_is_left_out_is_weighed_by_the_forms_too(either: Any) -> None:
    await either.remember("Ada bought a kettle", key="kettle", user_id="ada")
    await either.remember("Ada has no kettle", key="kettle", user_id="ada")
    explained = await either.explain("Who will buy it?", threshold=0.0, user_id="ada")
    (old,) = (each for each in explained.omissions if each.reason == "superseded")
    assert old.score_parts.terms > 0
