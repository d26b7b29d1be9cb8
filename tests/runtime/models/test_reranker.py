"""A re-ranker orders what recall found; whatever it does, nothing is lost, nothing is added, and nobody waits for long."""

import asyncio
import logging
import threading
import time
from collections.abc import Awaitable, Callable, Sequence
from copy import deepcopy
from typing import Any

import pytest
from langchain_core.callbacks import Callbacks
from langchain_core.documents import BaseDocumentCompressor, Document
from pydantic import ConfigDict

from langchain_persistmem import ConfigurationError, LocalEmbeddings, PersistMem, Redaction, Settings
from tests.conftest import Either

FACTS = [f"I keep {animal} at home." for animal in ("a cat", "a dog", "bees", "two parrots", "a tortoise")]
QUERY = "Which animals do I keep at home?"

Order = Callable[[list[Document]], Any]


class ScriptedCompressor(BaseDocumentCompressor):
    """Answers by a function of the documents, and keeps what it was given."""

    model_config = ConfigDict(arbitrary_types_allowed=True)
    order: Order
    calls: list[tuple[list[Document], str]] = []  # noqa: RUF012 - pydantic copies it

    def compress_documents(
        self, documents: Sequence[Document], query: str, callbacks: Callbacks | None = None
    ) -> Sequence[Document]:
        self.calls.append((list(documents), query))
        return self.order(list(documents))


class NativeCompressor(ScriptedCompressor):
    """One with an asynchronous method of its own, which never answers."""

    ended: list[str] = []  # noqa: RUF012 - pydantic copies it

    async def acompress_documents(
        self, documents: Sequence[Document], query: str, callbacks: Callbacks | None = None
    ) -> Sequence[Document]:
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            self.ended.append("cancelled")
            raise
        return documents


Open = Callable[..., Awaitable[Either]]


@pytest.fixture(params=["sync", "async"])
async def reranked(request: pytest.FixtureRequest, database: str, embeddings: LocalEmbeddings) -> Any:
    """Opens memory in each colour in turn, with a re-ranker."""
    opened: list[Any] = []

    async def open_with(reranker: BaseDocumentCompressor, **settings: Any) -> Either:
        given: dict[str, Any] = {"embeddings": embeddings, "settings": Settings(**settings), "reranker": reranker}
        memory = (
            await PersistMem.aopen(database, **given)
            if request.param == "async"
            else PersistMem.open(database, **given)
        )
        opened.append(memory)
        either = Either(memory, asynchronous=request.param == "async")
        for fact in FACTS:
            await either.remember(fact, user_id="ada")
        return either

    yield open_with
    for memory in opened:
        await memory.aclose()


async def texts(either: Either, **options: Any) -> list[str]:
    return [found.text for found in await either.recall(QUERY, user_id="ada", threshold=0, **options)]


def copied(documents: list[Document]) -> list[Document]:
    """Copies with a score, as those of providers are."""
    return [
        Document(page_content=document.page_content, metadata=deepcopy(document.metadata) | {"relevance_score": 0.5})
        for document in documents
    ]


async def test_the_order_is_the_rerankers(reranked: Open) -> None:
    compressor = ScriptedCompressor(order=lambda documents: copied(documents)[::-1], calls=[])
    either = await reranked(compressor)
    found = await texts(either)
    (documents, query) = compressor.calls[0]
    assert query == QUERY
    assert found == [document.page_content for document in documents][::-1]
    assert sorted(found) == sorted(FACTS)
    assert {document.metadata["kind"] for document in documents} == {"semantic"}
    explained = await either.explain(QUERY, user_id="ada", threshold=0)
    assert [entry.text for entry in explained.recollections] == found


async def test_recall_gives_as_many_as_asked_for_of_the_new_order(reranked: Open) -> None:
    either = await reranked(ScriptedCompressor(order=lambda documents: documents[::-1], calls=[]))
    assert await texts(either, limit=2) == (await texts(either))[:2]


def drop_all_but_one(documents: list[Document]) -> list[Document]:
    return documents[3:4]


def double(documents: list[Document]) -> list[Document]:
    return [documents[3], documents[3], *copied(documents)[3:4]]


def add_foreign_ones(documents: list[Document]) -> list[Any]:
    return [Document(page_content="of another memory", id="x"), "no document", None, documents[3]]


def rewrite(documents: list[Document]) -> list[Document]:
    return [documents[3].model_copy(update={"page_content": "rewritten"})]


@pytest.mark.parametrize(
    "order",
    [drop_all_but_one, double, add_foreign_ones, rewrite],
)
async def test_what_a_reranker_drops_doubles_or_invents_changes_no_memory(order: Order, reranked: Open) -> None:
    compressor = ScriptedCompressor(order=order, calls=[])
    found = await texts(await reranked(compressor))
    ours = [document.page_content for document in compressor.calls[0][0]]
    assert found == [ours[3], *ours[:3], *ours[4:]]


def fail(documents: list[Document]) -> list[Document]:
    raise RuntimeError(f"quota exceeded for {documents[0].page_content}")


def answer_nothing(documents: list[Document]) -> Any:
    return None


def answer_a_number(documents: list[Document]) -> Any:
    return len(documents)


@pytest.mark.parametrize("order", [fail, answer_nothing, answer_a_number])
async def test_a_reranker_that_fails_leaves_our_order(
    order: Order, reranked: Open, caplog: pytest.LogCaptureFixture
) -> None:
    compressor = ScriptedCompressor(order=order, calls=[])
    with caplog.at_level(logging.WARNING):
        found = await texts(await reranked(compressor))
    assert found == [document.page_content for document in compressor.calls[0][0]]
    warnings = [record.getMessage() for record in caplog.records if "re-ranker" in record.getMessage()]
    assert len(warnings) == 1
    assert not any(fact in warnings[0] for fact in FACTS), "no text of a memory in the log"


async def test_a_reranker_that_hangs_is_not_waited_for(reranked: Open, caplog: pytest.LogCaptureFixture) -> None:
    release = threading.Event()
    compressor = ScriptedCompressor(order=lambda documents: release.wait(60) and documents[::-1], calls=[])
    with caplog.at_level(logging.WARNING):
        either = await reranked(compressor, rerank_seconds=0.05)
        for _ in range(12):  # more than may hang at a time
            found = await texts(either)
            while not compressor.calls:  # noqa: ASYNC110 - a busy machine may begin its thread after the time limit
                await asyncio.sleep(0.01)
            assert found == [document.page_content for document in compressor.calls[0][0]]
    release.set()
    assert any("rerank_seconds" in record.getMessage() for record in caplog.records)
    assert len(compressor.calls) <= 8, "calls that hang are not piled up"
    assert not [thread for thread in threading.enumerate() if "reranker" in thread.name and not thread.daemon]


async def test_an_asynchronous_call_is_cancelled_at_its_time_limit(database: str, embeddings: LocalEmbeddings) -> None:
    compressor = NativeCompressor(order=lambda documents: documents, ended=[])
    settings = Settings(rerank_seconds=0.05)
    async with PersistMem.aopen(database, embeddings=embeddings, settings=settings, reranker=compressor) as memory:
        await memory.aremember(FACTS[0], user_id="ada")
        assert [found.text for found in await memory.arecall(QUERY, user_id="ada")] == FACTS[:1]
    assert compressor.ended == ["cancelled"]


async def test_no_connection_is_held_while_a_reranker_works(reranked: Open) -> None:
    seen: list[int] = []

    def look(documents: list[Document]) -> list[Document]:
        pool = either.memory.backend.pool
        deadline = time.monotonic() + 10
        while pool.get_stats()["pool_available"] < 1 and time.monotonic() < deadline:
            time.sleep(0.01)
        seen.append(pool.get_stats()["pool_available"])
        return documents

    either = await reranked(ScriptedCompressor(order=look, calls=[]), pool_min=1, pool_max=1)
    await texts(either)
    assert seen == [1]


async def test_thirty_are_given_and_the_others_follow(reranked: Open) -> None:
    compressor = ScriptedCompressor(order=lambda documents: documents[::-1], calls=[])
    either = await reranked(compressor)
    for number in range(35):
        await either.remember(f"I keep animal number {number} at home.", user_id="ada")
    found = await texts(either, limit=100)
    documents = compressor.calls[-1][0]
    assert len(documents) == 30
    assert found[:30] == [document.page_content for document in documents][::-1]
    assert len(found) == 40


async def test_a_reranker_sees_no_text_unredacted(database: str, embeddings: LocalEmbeddings) -> None:
    with PersistMem.open(database, embeddings=embeddings) as memory:
        memory.remember("My mail is ada@example.org.", user_id="ada")
    compressor = ScriptedCompressor(order=lambda documents: documents, calls=[])
    settings = Settings(redaction=Redaction())
    with PersistMem.open(database, embeddings=embeddings, settings=settings, reranker=compressor) as memory:
        memory.recall("Is my mail ada@example.org?", user_id="ada", threshold=0)
    (documents, query) = compressor.calls[0]
    assert "ada@example.org" not in query + documents[0].page_content


async def test_a_context_takes_the_new_order(reranked: Open) -> None:
    compressor = ScriptedCompressor(order=lambda documents: documents[::-1], calls=[])
    either = await reranked(compressor, context_floor=0.0)
    await either.context(QUERY, user_id="ada", standing="off")
    assert len(compressor.calls) == 1


def test_what_is_no_compressor_is_refused_by_name() -> None:
    with pytest.raises(ConfigurationError, match="reranker"):
        PersistMem.open("postgresql://nowhere", reranker=object())  # type: ignore[arg-type]
