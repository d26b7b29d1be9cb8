"""A pipeline is one transaction on Citus too, where its first statement is otherwise in none."""

from collections.abc import AsyncGenerator, Generator
from contextlib import asynccontextmanager, contextmanager
from typing import Any

import psycopg
import pytest
from psycopg.pq import TransactionStatus

from langchain_persistmem import LocalEmbeddings, PersistMem, Settings
from tests.conftest import Either
from tests.support.entry_points import READING, WRITING, filled

ENTRY_POINTS = {**READING, **WRITING}
WALKED = (
    "recall",
    "context",
    "observe",
    "nodes",
    "middleware",
    "store batch",
    "store put",
    "forget everything",
    "set_consent",
)


@pytest.fixture
def pipelines(monkeypatch: pytest.MonkeyPatch) -> list[list[str]]:
    """The statements of every pipeline of the test, in their order."""
    found: list[list[str]] = []
    open_pipelines: dict[int, list[str]] = {}

    def spied_sync(original: Any) -> Any:
        @contextmanager
        def pipeline(self: Any) -> Generator[Any]:
            found.append(open_pipelines.setdefault(id(self), _begun_before(self)))
            with original(self) as inner:
                yield inner
            open_pipelines.pop(id(self), None)

        return pipeline

    def spied_async(original: Any) -> Any:
        @asynccontextmanager
        async def pipeline(self: Any) -> AsyncGenerator[Any]:
            found.append(open_pipelines.setdefault(id(self), _begun_before(self)))
            async with original(self) as inner:
                yield inner
            open_pipelines.pop(id(self), None)

        return pipeline

    monkeypatch.setattr(psycopg.Connection, "pipeline", spied_sync(psycopg.Connection.pipeline))
    monkeypatch.setattr(psycopg.AsyncConnection, "pipeline", spied_async(psycopg.AsyncConnection.pipeline))
    for kind in (psycopg.Cursor, psycopg.AsyncCursor):
        original = kind.execute

        def execute(self: Any, query: Any, *args: Any, original: Any = original, **kwargs: Any) -> Any:
            if (sent := open_pipelines.get(id(self.connection))) is not None:
                sent.append(query.as_string(None) if hasattr(query, "as_string") else str(query))
            return original(self, query, *args, **kwargs)

        monkeypatch.setattr(kind, "execute", execute)
    return found


def _begun_before(connection: Any) -> list[str]:
    """The BEGIN of a transaction that an earlier round trip has begun."""
    return ["BEGIN"] if connection.info.transaction_status == TransactionStatus.INTRANS else []


def begins_right(pipeline: list[str]) -> bool:
    """Tell if it begins a transaction, or its first statement is of no table of ours."""
    first = pipeline[0] if pipeline else ""
    return first.startswith("BEGIN") or "persistmem." not in first


@pytest.mark.parametrize("colour", ["sync", "async"])
@pytest.mark.parametrize("row_level_security", [False, True])
async def test_no_pipeline_begins_with_a_table_of_ours(
    colour: str, row_level_security: bool, database: str, embeddings: LocalEmbeddings, pipelines: list[list[str]]
) -> None:
    settings = Settings(worker=False, row_level_security=row_level_security)
    with PersistMem.open(database, embeddings=embeddings, settings=settings) as memory:
        filled(memory, ["ada"])
        if colour == "sync":
            for entry_point in WALKED:
                await ENTRY_POINTS[entry_point](Either(memory, asynchronous=False), "ada")
    if colour == "async":
        async with PersistMem.aopen(database, embeddings=embeddings, settings=settings) as opened:
            for entry_point in WALKED:
                await ENTRY_POINTS[entry_point](Either(opened, asynchronous=True), "ada")
    assert sum(len(pipeline) > 1 for pipeline in pipelines) > len(WALKED)
    assert not [pipeline[0] for pipeline in pipelines if not begins_right(pipeline)]
    begun = [pipeline for pipeline in pipelines if any("put_checkpoint" in sent for sent in pipeline)]
    assert begun
    assert all(pipeline[-1] == "COMMIT" for pipeline in begun)


def test_a_pipeline_that_begins_with_one_is_found() -> None:
    assert not begins_right(["SELECT 1 FROM persistmem.namespaces", "COMMIT"])
    assert begins_right(["BEGIN", "SELECT 1 FROM persistmem.namespaces"])
