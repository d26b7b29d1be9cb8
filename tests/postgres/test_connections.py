"""Connections: as many as are needed, no more than there are, and none that was never answered."""

import asyncio
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from langchain_persistmem import LocalEmbeddings, PersistMem, Settings
from langchain_persistmem.postgres.connections import pools
from tests.conftest import Open
from tests.postgres.test_grants import NEW_ROLE, READER, new_role

__all__ = ["new_role"]

CALLS, AT_ONCE = 200, 8


async def test_one_caller_at_a_time_has_one_connection(either_with: Open) -> None:
    """A pool whose only connection is still on its way would open a second one for whoever asks."""
    either = await either_with(settings=Settings(worker=False))
    await either.remember("I like tea", user_id="ada")
    await either.recall("tea", user_id="ada")
    assert either.memory.backend.pool.get_stats()["connections_num"] == 1


@pytest.mark.parametrize("asynchronous", [False, True], ids=["sync", "async"])
async def test_callers_share_the_connections_that_a_role_may_have_and_the_server_is_not_asked_for_each(
    new_role: NEW_ROLE,
    database: str,
    embeddings: LocalEmbeddings,
    monkeypatch: pytest.MonkeyPatch,
    asynchronous: bool,
) -> None:
    monkeypatch.setattr(pools, "_GROWTH_PAUSE", 3600.0)
    _, where = new_role(*READER, "ALTER ROLE {} CONNECTION LIMIT 2")
    with PersistMem.open(database, embeddings=embeddings, settings=Settings(worker=False)) as owner:
        owner.setup()  # grants a reader the rest
        owner.remember("I like tea", user_id="ada")
    options: dict[str, Any] = {
        "embeddings": embeddings,
        "settings": Settings(worker=False, pool_max=AT_ONCE, connect_seconds=200.0),
    }
    if asynchronous:
        async with PersistMem.aopen(where, **options) as memory:
            found = await asyncio.gather(*(memory.alist(user_id="ada") for _ in range(CALLS)))
            refused = memory.backend.pool.get_stats()["connections_errors"]
    else:
        with PersistMem.open(where, **options) as memory, ThreadPoolExecutor(AT_ONCE) as threads:
            found = list(threads.map(lambda _: memory.list(user_id="ada"), range(CALLS)))
            refused = memory.backend.pool.get_stats()["connections_errors"]
    assert [len(each) for each in found] == [1] * CALLS
    assert 0 < refused < AT_ONCE
