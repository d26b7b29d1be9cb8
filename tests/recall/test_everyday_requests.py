"""Forty everyday requests: the one fact that each needs is in the context, though no word and little meaning lead to it."""

import tomllib
from itertools import islice, product
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from langchain_persistmem import LocalEmbeddings, PersistMem, Settings
from tests.support.scripted import Scripted, answer, entry

REQUESTS: list[dict[str, str]] = tomllib.loads(Path(__file__).with_name("everyday_requests.toml").read_text())[
    "requests"
]
UNRELATED = ("What is 17*23?", "Tell me a joke", "continue", "How do I sort a list in Python?")
"""Messages to which none of the facts has anything to say."""
_TELLING = 25
"""Characters at the end of a turn that tell its fact; rules may leave out what stands before."""
PEOPLE = (
    "My neighbour Nora", "My colleague Emil", "My cousin Lea", "My aunt Ruth", "My friend Tomas", "My uncle Henrik",
    "My old teacher Ms. Vang", "My flatmate Ines", "My boss Petra", "My sister-in-law Kari", "My godson Filip",
    "My landlord Mr. Moe", "My grandfather Aksel",
)  # fmt: skip
FACTS = (
    "collects stamps from Asia", "bought a red bicycle", "moved to Trondheim in May", "plays the cello", "keeps bees",
    "has run a small café since 2019", "speaks four languages", "was born in Lisbon", "repairs old radios",
    "sings in a choir on Tuesdays", "has a dog called Rufus", "works at the town hall", "studied chemistry",
    "spends every July on a farm", "is learning to sail", "writes a column for the paper", "grows tomatoes on the roof",
    "drives a yellow van", "lost a ring on the beach", "likes crossword puzzles",
)  # fmt: skip
OTHERS = [f"{person} {fact}." for fact, person in product(FACTS, PEOPLE)]


def model_of(*facts: list[dict[str, str]]) -> Scripted:
    """A model that makes of every turn its statement."""
    answers = [
        answer(
            *(
                entry(fact["statement"], number, type=fact["type"], quote=fact["turn"])
                for number, fact in enumerate(part, 1)
            )
        )
        for part in facts
    ]
    return Scripted(answers=iter(answers))


def open_memory(database: str, embeddings: LocalEmbeddings, *, model: Scripted | None) -> PersistMem:
    return PersistMem.open(database, embeddings=embeddings, model=model, settings=Settings(worker=False))


def tell(memory: PersistMem, facts: list[dict[str, str]], *, user_id: str, thread_id: str) -> None:
    messages: list[Any] = []
    for fact in facts:
        messages += [
            {"role": "user", "content": fact["turn"]},
            {"role": "assistant", "content": "Thanks for telling me!"},
        ]
    memory.observe(messages, thread_id=thread_id, user_id=user_id)


def a_dozen(number: int) -> list[dict[str, str]]:
    return [REQUESTS[(number + step) % len(REQUESTS)] for step in range(0, 36, 3)]


@pytest.mark.parametrize("mode", ["model", "no model"])
def test_each_of_forty_requests_has_its_fact_among_a_dozen(
    mode: str, database: str, embeddings: LocalEmbeddings
) -> None:
    assert len({fact["request"] for fact in REQUESTS}) == 40
    model = model_of(*(a_dozen(number) for number in range(40))) if mode == "model" else None
    missing: list[str] = []
    with open_memory(database, embeddings, model=model) as memory:
        for number, fact in enumerate(REQUESTS):
            tell(memory, a_dozen(number), user_id=f"u{number}", thread_id="told")
            context = memory.context(fact["request"], user_id=f"u{number}", thread_id="new")
            if (fact["statement"] if mode == "model" else fact["turn"][-_TELLING:]) not in context.text:
                missing.append(fact["request"])
            assert context.tokens <= Settings().context_tokens
    assert missing == []


@pytest.mark.parametrize("mode", ["model", "no model"])
def test_among_three_hundred_facts_no_fewer_are_found_than_among_the_ten_nearest(
    mode: str, database: str, embeddings: LocalEmbeddings
) -> None:
    others = [{"turn": text, "statement": f"The user's{text[2:]}", "type": "fact"} for text in islice(OTHERS, 260)]
    facts = [*REQUESTS, *others]
    # Told here and there, not one behind the other.
    mixed = [facts[(index * 67) % 300] for index in range(300)]
    parts = [mixed[begin : begin + 20] for begin in range(0, 300, 20)]
    told = "statement" if mode == "model" else "turn"
    with open_memory(database, embeddings, model=model_of(*parts) if mode == "model" else None) as memory:
        for number, part in enumerate(parts):
            tell(memory, part, user_id="ada", thread_id=f"t{number}")
        assert len(memory.list(limit=1000, user_id="ada")) >= 300
        vectors = np.asarray(embeddings.embed_documents([fact[told] for fact in facts]))
        vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
        shown = near = 0
        for number, fact in enumerate(REQUESTS):
            nearest = np.argsort(-(vectors @ np.asarray(embeddings.embed_query(fact["request"]))))[:10]
            near += number in nearest
            text = memory.context(fact["request"], user_id="ada", thread_id="new").text
            shown += fact[told][-_TELLING:] in text
        nothing = [memory.context(text, user_id="ada", thread_id="new").relevant for text in UNRELATED]
    assert shown >= near > 0, f"{shown} in the context, {near} among the ten nearest"
    assert nothing == [""] * len(UNRELATED)
