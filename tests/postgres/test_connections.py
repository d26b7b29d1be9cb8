"""Connections: as many as are needed, and no more."""

from langchain_persistmem import Settings
from tests.conftest import Open


async def test_one_caller_at_a_time_has_one_connection(either_with: Open) -> None:
    """A pool whose only connection is still on its way would open a second one for whoever asks."""
    either = await either_with(settings=Settings(worker=False))
    await either.remember("I like tea", user_id="ada")
    await either.recall("tea", user_id="ada")
    assert either.memory.backend.pool.get_stats()["connections_num"] == 1
