"""Everyday requests have their facts in the context, told in passing and without a chat model."""

import pytest

from langchain_persistmem import LocalEmbeddings, PersistMem, Settings
from tests.evaluation.everyday_requests import SETS, measure


@pytest.mark.parametrize("name", SETS)
def test_a_request_for_help_has_its_fact_and_among_many_no_fewer_than_cosine_finds(
    name: str, database: str, embeddings: LocalEmbeddings
) -> None:
    requests = SETS[name]
    assert len(requests) == {"forty": 40, "twenty": 20}[name]
    with PersistMem.open(database, embeddings=embeddings, settings=Settings(worker=False)) as memory:
        few = measure(memory, embeddings, requests, facts=12, user_id="few")
        assert few.shown == len(requests)
        for facts in (60, 280):
            many = measure(memory, embeddings, requests, facts=facts, user_id=f"u{facts}")
            assert many.shown >= many.nearest > 0, f"among {facts}: {many}"
