"""Memories of long ago, time that passes, and whether all is whole afterwards."""

from datetime import UTC, datetime, timedelta
from typing import Any

import psycopg

from langchain_persistmem import Memory
from tests.conftest import Either

DAY = timedelta(days=1)
RUNS = [
    "I ran five kilometres along the river this morning",
    "Went for a run in the park today",
    "My morning run took 31 minutes",
    "I ran 10 km before breakfast",
]
OTHERS = ["I bought a new laptop", "The team meeting moved to Thursday"]


async def fill(either: Either, texts: list[str] | None = None, *, days: int = 90, user: str = "ada") -> list[Memory]:
    """Episodes, one for each day."""
    start = datetime.now(UTC) - days * DAY
    return [
        await either.remember(text, kind="episodic", valid_from=start + place * DAY, user_id=user)
        for place, text in enumerate(RUNS + OTHERS if texts is None else texts)
    ]


def rows(database: str, query: str) -> list[Any]:
    with psycopg.connect(database) as connection:
        return connection.execute(query.encode()).fetchall()


def whole(database: str) -> None:
    """Each current memory with text is in both indexes, no other is in either, and the sums are right."""
    off = """
        SELECT m.id FROM persistmem.memories m WHERE m.text IS NOT NULL AND (
            (m.status = 'active') IS DISTINCT FROM (SELECT bool_and(active) FROM persistmem.vectors v WHERE v.memory_id = m.id)
            OR (m.status = 'active') <> EXISTS (SELECT FROM persistmem.terms w WHERE w.memory_id = m.id))
        UNION ALL SELECT m.id FROM persistmem.memories m WHERE m.status = 'archived' AND m.superseded_by IS NOT NULL
            AND NOT EXISTS (SELECT FROM persistmem.memories s WHERE s.id = m.superseded_by)
        UNION ALL SELECT generation FROM persistmem.namespaces n WHERE documents <>
            (SELECT count(DISTINCT memory_id) FROM persistmem.terms w WHERE w.namespace = n.namespace)"""
    assert rows(database, off) == []


def later(database: str, days: float) -> None:
    """Days pass: whatever has a date is that much older."""
    columns = {
        "memories": ("valid_from", "recorded_at", "updated_at"),
        "uses": ("last_used_at",),
        "messages": ("sent_at", "recorded_at", "extracted_at"),
    }
    with psycopg.connect(database) as connection:
        for table, names in columns.items():
            moved = ", ".join(f"{name} = {name} - interval '{days} days'" for name in names)
            connection.execute(f"UPDATE persistmem.{table} SET {moved}".encode())
