"""A column of a memory stands in every place where the columns stand; CONTRIBUTING.md lists these places."""

import re
from dataclasses import fields
from datetime import UTC, datetime
from uuid import uuid4

import psycopg
import pytest

from langchain_persistmem.postgres.queries.rows import row_of
from langchain_persistmem.postgres.statements import all_statements, part
from langchain_persistmem.privacy.export_file_checks import _COLUMNS
from langchain_persistmem.types.recall_results import RecallCandidate
from langchain_persistmem.types.records import Candidate, Memory, NewMemory, Provenance

INTERNAL = {"identity", "time_to_live", "listed"}
"""Nobody is shown these."""
OF_THE_PROVENANCE = {"source", "thread_id"}
"""They stand in a memory's provenance, which is read beside them."""
FOR_RANKING = {"position"}
"""Ranking reads it, and no memory shows it."""
KEPT_BY_A_PUT = {
    "namespace": "the item is found by it",
    "id": "it stays the same row",
    "key": "the item is found by it",
    "status": "only a current item is put again",
    "superseded_by": "a current one has none",
    "review": "a current one has none",
    "review_of": "a current one has none",
    "pinned": "it is the person's",
}


@pytest.fixture
def columns(database: str) -> dict[str, bool]:
    """The columns of a memory, each with whether it may be NULL."""
    with psycopg.connect(database) as connection:
        rows = connection.execute(
            "SELECT column_name, is_nullable = 'YES' FROM information_schema.columns "
            "WHERE table_schema = 'persistmem' AND table_name = 'memories'"
        ).fetchall()
    return dict(rows)


def names(text: str) -> list[str]:
    """The columns that an SQL list names."""
    return re.findall(r"(?:m\.)?(\w+)(?:::\w+)?(?:,|$)", text)


def test_what_is_written_is_every_column(columns: dict[str, bool]) -> None:
    listed = names(part("memory_columns").as_string(None))
    assert sorted([*listed, "namespace"]) == sorted(columns)


def test_what_is_read_is_every_column_but_the_internal_ones(columns: dict[str, bool]) -> None:
    assert sorted(names(part("memory").as_string(None))) == sorted(columns.keys() - INTERNAL)


def test_a_memory_has_a_field_for_what_is_read(columns: dict[str, bool]) -> None:
    shown = {field.name for field in fields(Memory)}
    assert shown == columns.keys() - INTERNAL - OF_THE_PROVENANCE - FOR_RANKING
    assert columns.keys() >= OF_THE_PROVENANCE | FOR_RANKING


def test_what_ranking_reads_is_read(columns: dict[str, bool]) -> None:
    measured = {"similarity", "lexical", "uses", "always", "turn_ids", "past_quotes", "build_memory"}
    assert set(RecallCandidate._fields) - measured <= columns.keys() - INTERNAL


def test_a_new_memory_has_a_value_wherever_one_is_needed(columns: dict[str, bool]) -> None:
    now = datetime.now(UTC)
    candidate = Candidate(text="I like tea", kind="semantic", provenance=Provenance(source="user"), valid_from=now)
    row = row_of(NewMemory(id=uuid4(), key="tea", identity=b"1", candidate=candidate, vectors=()), now=now)
    assert row.keys() <= columns.keys()
    needed = {name for name, nullable in columns.items() if not nullable} - {"namespace"}
    assert {name for name in needed if row.get(name) is not None} == needed


def test_an_item_that_is_put_again_says_what_becomes_of_every_column(columns: dict[str, bool]) -> None:
    assignments = all_statements()["put_items"].split("DO UPDATE SET", 1)[1].split("RETURNING", 1)[0]
    changed = set(re.findall(r"(?:^|,)\s*(\w+) = ", assignments))
    assert sorted([*changed, *KEPT_BY_A_PUT]) == sorted(columns)


def test_an_export_has_every_column(columns: dict[str, bool]) -> None:
    memory = _COLUMNS["memory"]
    elsewhere = {"used", "last_used_at", "prior_used_at", "vectors"}
    exported = {*memory.needed, *memory.optional} - elsewhere - {"minutes_to_live"} | {"time_to_live", "namespace"}
    assert exported == columns.keys()
    since_format_2 = {"is_turn", "listed"}
    needed = {name for name, nullable in columns.items() if not nullable} - {"namespace"}
    assert needed - since_format_2 == memory.needed.keys()
