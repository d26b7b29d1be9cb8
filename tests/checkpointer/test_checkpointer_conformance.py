"""LangGraph's own conformance suite for checkpointers: every capability, in every shape that a saver can have."""

from collections.abc import AsyncGenerator
from typing import Any

import pytest
from langgraph.checkpoint.base import BaseCheckpointSaver
from langgraph.checkpoint.conformance import validate
from langgraph.checkpoint.conformance.capabilities import ALL_CAPABILITIES
from langgraph.checkpoint.conformance.initializer import checkpointer_test

from langchain_persistmem import AsyncPersistMemSaver, PersistMemSaver
from tests.checkpointer.test_checkpointer import async_pool_on, pool_on


async def saver_on(database: str, shape: str) -> "AsyncGenerator[BaseCheckpointSaver[Any]]":
    if shape == "async pool":
        async with async_pool_on(database) as async_pool:
            yield AsyncPersistMemSaver(async_pool)
    elif shape == "blocking pool":
        with pool_on(database) as pool:
            yield PersistMemSaver(pool)
    elif shape == "async pipeline":
        async with AsyncPersistMemSaver.from_conn_string(database, pipeline=True) as native:
            yield native
    else:
        with PersistMemSaver.from_conn_string(database, pipeline=True, prepare_threshold=None) as blocking:
            yield blocking


@pytest.mark.parametrize("shape", ["async pool", "blocking pool", "async pipeline", "blocking pipeline"])
async def test_every_capability_conforms(database: str, shape: str) -> None:
    @checkpointer_test(name=shape)
    async def registered() -> "AsyncGenerator[BaseCheckpointSaver[Any]]":
        async for saver in saver_on(database, shape):
            yield saver

    report = await validate(registered)
    assert {name for name, result in report.results.items() if result.detected} == {
        each.value for each in ALL_CAPABILITIES
    }
    assert [failure for result in report.results.values() for failure in result.failures] == []
    assert sum(result.tests_passed for result in report.results.values()) >= 81
