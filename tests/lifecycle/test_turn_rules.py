"""Turns that lists do not show have rules of their own, can be cleared with their thread, and be switched off and on again."""

from datetime import UTC, datetime, timedelta
from typing import Any

import psycopg
import pytest

from langchain_persistmem import ConfigurationError, PersistMem, Retention, Settings
from tests.support.scripted import Scripted, answer, entry

ADA: dict[str, Any] = {"user_id": "ada"}


def tell(memory: PersistMem, *texts: str, thread_id: str = "t") -> None:
    """One text a day, the last one today."""
    now = datetime.now(UTC)
    messages = [
        {"role": "user", "content": text, "id": text, "timestamp": (now - timedelta(days=days)).isoformat()}
        for days, text in zip(range(len(texts) - 1, -1, -1), texts, strict=True)
    ]
    memory.observe(messages, thread_id=thread_id, **ADA)


def turns(database: str) -> dict[str, str]:
    with psycopg.connect(database) as connection:
        return dict(connection.execute("SELECT text, status FROM persistmem.memories WHERE is_turn").fetchall())


def learning(database: str, embeddings: Any, *entries: Any, **settings: Any) -> PersistMem:
    return PersistMem.open(
        database,
        embeddings=embeddings,
        model=Scripted(answers=iter([answer(*entries)])),
        settings=Settings(worker=False, **settings),
    )


TOLD = ("I live in Hamburg", "I saw a film about ants", "I ate an apple pie", "I read about the moon")
HOME = entry("The user lives in Hamburg.", 1, quote="I live in Hamburg")


def test_turns_fade_by_age_or_number_unless_a_statement_rests_on_them(database: str, embeddings: Any) -> None:
    with learning(database, embeddings, HOME, retention=Retention(max_turns=2)) as memory:
        tell(memory, *TOLD)
        assert memory.admin.maintain(dry_run=True).archived == 1
        done = memory.admin.maintain()
        assert [change.reason for change in done.changes] == ["the turn is old, and no statement rests on it"]
    by_number = dict(zip(TOLD, ("active", "archived", "active", "active"), strict=True))
    assert turns(database) == by_number
    with learning(database, embeddings, retention=Retention(turns_days=0.5)) as memory:
        memory.admin.maintain()
    assert turns(database) == by_number | {TOLD[2]: "archived"}


def test_what_was_archived_by_them_is_purged(database: str, embeddings: Any) -> None:
    with learning(database, embeddings, retention=Retention(max_turns=1)) as memory:
        tell(memory, *TOLD)
        memory.admin.maintain()
    with psycopg.connect(database) as connection:
        connection.execute("UPDATE persistmem.memories SET updated_at = now() - interval '9 days'")
    with learning(database, embeddings, retention=Retention(purge_days=8)) as memory:
        assert memory.admin.maintain().purged == 3
    assert turns(database) == {TOLD[3]: "active"}


def test_clearing_a_conversation_can_take_its_turns(memory: PersistMem, database: str) -> None:
    tell(memory, "I live in Hamburg")
    tell(memory, "I like ants", thread_id="other")
    assert memory.conversations.clear("other", **ADA) == 1
    assert set(turns(database)) == {"I live in Hamburg", "I like ants"}
    tell(memory, "I like bees", thread_id="other")
    assert memory.conversations.clear("other", turns=True, **ADA) == 1
    assert set(turns(database)) == {"I live in Hamburg"}


def test_turns_are_dropped_and_come_again_under_their_ids(database: str, embeddings: Any) -> None:
    def rows() -> Any:
        with psycopg.connect(database) as connection:
            return [
                connection.execute(query).fetchall()
                for query in (
                    b"SELECT id, text, status, listed FROM persistmem.memories ORDER BY id",
                    b"SELECT * FROM persistmem.memory_turns ORDER BY 2, 3",
                )
            ]

    with learning(database, embeddings, HOME) as memory:
        tell(memory, *TOLD)
        before = rows()
        with pytest.raises(ConfigurationError, match=r"Settings\.turns"):
            memory.admin.maintain(drop_turns=True)
    with learning(database, embeddings, turns=False) as memory:
        assert memory.admin.maintain(drop_turns=True, dry_run=True).turns == 4
        assert rows() == before
        assert memory.admin.maintain(drop_turns=True).turns == 4
        assert turns(database) == {}
        assert rows()[1] == before[1]
        tell(memory, "I bought a tent")
        assert turns(database) == {}
    with learning(database, embeddings) as memory:
        memory.admin.maintain()
        assert turns(database).keys() == {*TOLD, "I bought a tent"}
        assert [row for row in rows()[0] if row[1] != "I bought a tent"] == before[0]
        assert memory.recall("What did I buy?", threshold=0, **ADA)[0].text == "I bought a tent"


@pytest.mark.parametrize("door", ["recall", "list"])
def test_without_a_model_lists_show_turns_again_after_they_were_dropped(
    database: str, embeddings: Any, door: str
) -> None:
    with PersistMem.open(database, embeddings=embeddings) as memory:
        tell(memory, "I live in Hamburg")
    with PersistMem.open(database, embeddings=embeddings, settings=Settings(turns=False)) as memory:
        memory.admin.maintain(drop_turns=True)
        assert memory.list(**ADA) == []
    with PersistMem.open(database, embeddings=embeddings) as memory:
        memory.admin.maintain()
        found = memory.list(**ADA) if door == "list" else memory.recall("Where do I live?", threshold=0, **ADA)
        assert [memory_.text for memory_ in found] == ["I live in Hamburg"]
