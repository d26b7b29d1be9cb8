"""With ``language="auto"`` each memory and each question is parsed as what it is; otherwise as the setting says."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from langchain_persistmem import Settings
from langchain_persistmem.language.text_search_configuration import choose_configuration


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Where did I go with my sister?", "english"),
        ("Wo habe ich mit meiner Schwester gewohnt?", "german"),
        ("Où est-ce que j'ai habité avec ma sœur ?", "french"),
        ("¿Dónde viví con mi hermana y por qué?", "spanish"),
        ("Dove ho abitato con mia sorella?", "italian"),
        ("Onde eu morei com minha irmã?", "portuguese"),
        ("Waar heb ik met mijn zus gewoond?", "dutch"),
        ("Где я жил с сестрой?", "russian"),
        ("Πού έμενα με την αδελφή μου;", "greek"),
        ("أين سكنت مع أختي؟", "arabic"),
        ("Missä minä asuin, ja kuka oli siellä?", "finnish"),
        ("我住在哪里？", "english"),
        ("Oslo", "english"),
        ("", "english"),
    ],
)
def test_a_text_is_parsed_as_what_it_is(text: str, expected: str) -> None:
    assert choose_configuration("auto", text) == expected
    assert choose_configuration("simple", text) == "simple"


@given(st.text())
def test_any_text_has_a_configuration(text: str) -> None:
    assert choose_configuration("auto", text)


async def test_each_language_is_found_by_another_form_of_its_words(either_with: Any) -> None:
    memory = await either_with(settings=Settings(language="auto"))
    said = {
        "Ich habe die Häuser am Hafen gemalt und mit dem Nachbarn gesprochen": "Wo ist das Haus, das ich gemalt habe?",
        "Les chevaux de la ferme que nous avons visitée": "Où est le cheval que nous avons visité ?",
        "The engines of the boats were repaired by my brother": "Who was repairing the engine of my boat?",
        "Мы купили новые велосипеды для детей": "Какой велосипед мы купили?",
        "我喜欢喝绿茶": "我喜欢什么绿茶？",
    }
    for text in said:
        await memory.remember(text, user_id="ada")
    for text, question in said.items():
        (best, *_) = await memory.recall(question, user_id="ada")
        assert best.text == text
        assert best.score_parts.terms > 0
        explained = await memory.explain(question, user_id="ada")
        assert sum(count > 0 for count in explained.terms.values()) >= 1
    store = memory.memory.store
    put, search = (store.aput, store.asearch) if memory.asynchronous else (store.put, store.search)
    done = put(("memories", "ada"), "k", {"text": "Der Garten hat die schönsten Bäume und ist groß"})
    if memory.asynchronous:
        await done
    found = search(("memories", "ada"), query="Wie ist der Baum im Garten?", limit=1)
    assert [each.key for each in (await found if memory.asynchronous else found)] == ["k"]
