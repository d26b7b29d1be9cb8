"""Errors are ours, typed, helpful, and never carry the text of a memory."""

import copy
import inspect
import pickle
import traceback
from collections.abc import Iterator
from typing import Any

import psycopg
import pytest

import langchain_persistmem
from langchain_persistmem import (
    LocalEmbeddings,
    PersistMem,
    PersistMemError,
    PersistMemStore,
    Settings,
    StorageError,
    StorageUnavailableError,
    errors,
)
from tests.conftest import Open

SECRET = "my salary is 58400 euros"
CLASSES = [each for each in vars(errors).values() if inspect.isclass(each) and issubclass(each, PersistMemError)]


@pytest.mark.parametrize("kind", CLASSES)
def test_every_error_is_exported_has_a_default_message_and_survives_pickling(kind: type[PersistMemError]) -> None:
    assert getattr(langchain_persistmem, kind.__name__) is kind
    error = kind()
    assert str(error) == kind.__doc__.strip()
    for twin in (pickle.loads(pickle.dumps(kind("why"))), copy.copy(kind("why"))):
        assert type(twin) is kind
        assert str(twin) == "why"


def test_the_tree_in_the_docstring_is_the_tree_of_the_classes() -> None:
    drawn = {
        line.split("+--")[-1].split()[0]
        for line in errors.__doc__.splitlines()
        if line.startswith("    ") and line.strip()
    }
    assert drawn == {kind.__name__ for kind in CLASSES}


def chain(error: BaseException | None) -> Iterator[BaseException]:
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__


@pytest.mark.own_database
async def test_a_refused_row_is_not_quoted_anywhere_in_the_error(either, database: str) -> None:
    with psycopg.connect(database) as admin:
        admin.execute("ALTER TABLE persistmem.memories ADD CONSTRAINT no_salaries CHECK (text NOT LIKE '%salary%')")
    with pytest.raises(StorageError, match="no_salaries") as caught:
        await either.remember(SECRET, user_id="ada")
    for error in chain(caught.value):
        text = "".join(traceback.format_exception_only(error)) + repr(error.args) + repr(getattr(error, "diag", ""))
        assert SECRET not in text
        assert "Failing row" not in text
        pickle.dumps(error)
    assert await either.list(user_id="ada") == []


@pytest.mark.parametrize("write", [False, True])
async def test_connections_that_were_cut_are_replaced_without_a_visible_error(
    either, write: bool, database: str, server: str
) -> None:
    await either.remember("I like tea", user_id="ada")
    name = psycopg.conninfo.conninfo_to_dict(database)["dbname"]
    with psycopg.connect(server, autocommit=True) as admin:
        admin.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s", (name,))
    if write:
        await either.remember("I like coffee", user_id="ada")
    assert [each.text for each in await either.recall("Do I like tea?", limit=1, user_id="ada")] == ["I like tea"]
    assert len(await either.list(user_id="ada")) == 1 + write


async def test_a_server_that_stays_away_is_named(either_with: Open, monkeypatch: pytest.MonkeyPatch) -> None:
    either = await either_with(settings=Settings(connect_seconds=1.0))

    def gone(*_: object, **__: object) -> None:
        raise psycopg.OperationalError(f"server closed the connection while storing {SECRET}")

    monkeypatch.setattr(psycopg.Connection, "execute", gone)
    monkeypatch.setattr(psycopg.AsyncConnection, "execute", gone)
    with pytest.raises(StorageUnavailableError, match="check the server") as caught:
        await either.recall("tea", user_id="ada")
    assert all(SECRET not in str(error) for error in chain(caught.value))


async def test_what_is_used_after_it_was_closed_says_so(database: str, embeddings: LocalEmbeddings) -> None:
    with PersistMem.open(database, embeddings=embeddings) as memory:
        memory.remember("I like tea", user_id="ada")
    with PersistMemStore.from_conn_string(database) as store:
        store.get(("a",), "k")
    async with await PersistMem.aopen(database, embeddings=embeddings) as amemory:
        await amemory.aremember("I like tea", user_id="ada")
    thread: Any = {"configurable": {"thread_id": "t", "checkpoint_ns": ""}}
    for act in (
        lambda: memory.list(user_id="ada"),
        lambda: memory.remember("I like milk", user_id="ada"),
        lambda: store.get(("a",), "k"),
        lambda: memory.store.get(("a",), "k"),
        lambda: memory.checkpointer.get_tuple(thread),
    ):
        with pytest.raises(StorageUnavailableError, match="are closed"):
            act()
    with pytest.raises(StorageUnavailableError, match="are closed"):
        await amemory.alist(user_id="ada")


def test_a_blocking_call_on_an_async_object_names_the_one_to_await(database: str) -> None:
    import asyncio

    async def body() -> None:
        async with PersistMem.aopen(database, embeddings="local") as memory:
            with pytest.raises(errors.UseAsyncMethodError, match="arecall"):
                memory.recall("x", user_id="ada")
            with pytest.raises(asyncio.InvalidStateError):
                memory.close()

    asyncio.run(body())
