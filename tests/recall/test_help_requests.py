"""What of the user comes with a request for help, and with one for an explanation, whatever its scores are."""

from collections.abc import Sequence
from typing import Any

import pytest

from langchain_persistmem.recall.context_parts.help_requests import nearest_for_explanation, nearest_for_help
from langchain_persistmem.types.recall_results import RankedCandidate
from tests.recall.test_evidence import found, memory


def ranked(*texts: str, **fields: Any) -> list[RankedCandidate]:
    """In the order of their meaning."""
    rows = [
        found(memory(str(index), text, **{"kind": "episodic", **fields}), is_turn=True)
        for index, text in enumerate(texts)
    ]
    return [RankedCandidate(row, 0.1, 1.0, (3.0 - index / 100, *[0.0] * 10)) for index, row in enumerate(rows)]


def keys(entries: Sequence[RankedCandidate]) -> list[str]:
    return [entry.row.key for entry in entries]


NEIGHBOURS = [f"My neighbour Nora bought {number} bicycles." for number in range(30)]


def test_behind_the_nearest_come_more_of_what_the_user_told_of_themselves() -> None:
    entries = ranked(*NEIGHBOURS, "I have coeliac disease.", *NEIGHBOURS, "My back hurts.")
    assert keys(nearest_for_help(entries)) == [*map(str, range(20)), "30", "61"]


def test_an_explanation_comes_with_a_few_facts_of_the_user_and_nothing_of_others() -> None:
    entries = ranked(*NEIGHBOURS, *(f"I have learnt {number} languages." for number in range(9)))
    assert keys(nearest_for_explanation(entries, "Explain recursion.")) == ["30", "31", "32", "33", "34"]
    assert nearest_for_explanation(entries, "What is recursion?") == []


@pytest.mark.parametrize("source", ["assistant", "document"])
def test_what_the_user_did_not_tell_comes_with_neither(source: str) -> None:
    entries = [entry._replace(row=entry.row._replace(source=source)) for entry in ranked("I have coeliac disease.")]
    assert nearest_for_help(entries) == nearest_for_explanation(entries, "Explain recursion.") == []
