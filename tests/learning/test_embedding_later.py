"""Embedding: once for a text, once more where the provider failed, later where it did not answer, anew for a new model."""

import asyncio
from typing import Any

import psycopg
import pytest
from langchain_core.embeddings import Embeddings

from langchain_persistmem import (
    ConfigurationError,
    EmbeddingError,
    EmbeddingMismatchError,
    LocalEmbeddings,
    PersistMem,
    PersistMemStore,
    Progress,
    Settings,
)
from tests.conftest import Either, Open


class UnreachableError(Exception):
    """What a provider raises when it does not answer."""

    status_code = 503


class Flaky(Embeddings):
    """The local model behind a provider that can be away, and that counts what it is asked for."""

    def __init__(self, model: LocalEmbeddings) -> None:
        self.model = model
        self.asked: list[str] = []
        self.away = 0
        """So many calls fail."""
        self.error: Exception = UnreachableError()

    def _answer(self, texts: list[str]) -> None:
        if self.away:
            self.away -= 1
            raise self.error
        self.asked += texts

    def embed_documents(self, texts: list[str]) -> list[list[float]]:
        self._answer(texts)
        return self.model.embed_documents(texts)

    def embed_query(self, text: str) -> list[float]:
        self._answer([text])
        return self.model.embed_query(text)


AWAY = 10**9
LOCAL = "LocalEmbeddings:all-MiniLM-L6-v2-int8:384"


@pytest.fixture
def open_with(either_with: Open) -> Open:
    """Opens memory in each colour in turn, with an embedding model of the test's and settings."""

    async def open_with(model: Embeddings, **settings: Any) -> Either:
        name = "turned" if isinstance(model, Turned) else LOCAL
        return await either_with(settings=Settings(embedding_model=name, **settings), embeddings=model)

    return open_with


@pytest.fixture
def flaky(embeddings: LocalEmbeddings) -> Flaky:
    return Flaky(embeddings)


async def test_the_model_is_asked_once_for_a_text(open_with: Open, flaky: Flaky) -> None:
    memory = await open_with(flaky)
    await memory.remember("I keep bees", user_id="maya")
    await memory.remember("I keep bees", user_id="tom")
    for _ in range(3):
        await memory.recall("Who keeps bees?", user_id="maya")
    await memory.context("Who keeps bees?", user_id="tom")
    assert sorted(flaky.asked) == ["I keep bees", "Who keeps bees?"]


async def test_a_question_is_not_taken_for_a_text(open_with: Open, flaky: Flaky) -> None:
    memory = await open_with(flaky)
    await memory.remember("bees", user_id="maya")
    await memory.recall("bees", user_id="maya")
    assert flaky.asked == ["bees", "bees"], "asymmetric models embed the two differently"


async def test_without_a_cache_the_model_is_asked_each_time(open_with: Open, flaky: Flaky) -> None:
    memory = await open_with(flaky, embed_cache=0)
    for _ in range(2):
        await memory.recall("bees", user_id="maya")
    assert flaky.asked == ["bees", "bees"]


async def test_a_provider_that_fails_for_the_moment_is_asked_again(open_with: Open, flaky: Flaky) -> None:
    memory = await open_with(flaky)
    flaky.away = 2
    await memory.remember("I keep bees", user_id="maya")
    (found, *_) = await memory.recall("bees", user_id="maya")
    assert found.score_parts.similarity > 0.5


@pytest.mark.parametrize(
    "error", [TypeError("no"), ValueError("no"), type("Denied", (Exception,), {"status_code": 401})()]
)
async def test_what_asking_again_does_not_mend_is_asked_once(open_with: Open, flaky: Flaky, error: Exception) -> None:
    memory = await open_with(flaky, embed_later=False)
    flaky.error, flaky.away = error, 1
    with pytest.raises(EmbeddingError):
        await memory.remember("I keep bees", user_id="maya")
    assert flaky.away == 0
    assert flaky.asked == []
    assert await memory.list(user_id="maya") == []


async def test_what_could_not_be_embedded_is_found_by_words_and_healed(open_with: Open, flaky: Flaky) -> None:
    memory = await open_with(flaky, embed_attempts=1, retry_seconds=0.01)
    await memory.remember("I play the cello", user_id="maya")
    flaky.away = AWAY
    kept = await memory.remember("My bees live behind the barn", user_id="maya")
    observed = await memory.observe([("user", "The honey was wonderful this year")], thread_id="t", user_id="maya")
    assert observed.added == 1
    flaky.away = 0
    assert kept.key in {each.memory.key for each in await memory.recall("bees behind the barn", user_id="maya")}
    await asyncio.sleep(0.05)
    worked = await memory.admin.process_pending()
    assert worked.vectors_added == 2
    (found, *_) = await memory.recall("Where are the insects that make honey?", user_id="maya", threshold=0.0)
    assert found.score_parts.similarity > 0.3
    assert (await memory.admin.process_pending()).vectors_added == 0


async def test_without_a_worker_the_next_writes_heal(open_with: Open, flaky: Flaky, database: str) -> None:
    memory = await open_with(flaky, embed_attempts=1, retry_seconds=0.01)
    flaky.away = 1
    await memory.remember("My bees live behind the barn", user_id="maya")
    await asyncio.sleep(0.05)
    await memory.remember("Tea, please", user_id="tom")
    assert _without_vectors(database) == 0


async def test_a_memory_that_was_superseded_before_it_was_healed_is_not_searched(
    open_with: Open, flaky: Flaky, database: str
) -> None:
    memory = await open_with(flaky, embed_attempts=1, retry_seconds=0.01)
    flaky.away = 1
    await memory.remember("I live in Oslo", key="home", user_id="maya")
    await memory.remember("I live in Bergen", key="home", user_id="maya")
    await asyncio.sleep(0.05)
    await memory.admin.process_pending()
    assert _without_vectors(database) == 0
    assert [each.text for each in await memory.recall("Where do I live?", user_id="maya", threshold=0.0)] == [
        "I live in Bergen"
    ]


async def test_nothing_comes_back_of_what_was_erased_before_it_was_healed(
    open_with: Open, flaky: Flaky, database: str
) -> None:
    memory = await open_with(flaky, embed_attempts=1, retry_seconds=0.01)
    flaky.away = 1
    await memory.remember("My bees live behind the barn", user_id="maya")
    await memory.forget(everything=True, user_id="maya")
    await asyncio.sleep(0.05)
    assert (await memory.admin.process_pending()).vectors_added == 0
    with psycopg.connect(database) as connection:
        assert connection.execute("SELECT count(*) FROM persistmem.namespaces").fetchone() == (0,)


async def test_a_provider_that_stays_away_is_asked_less_and_less_often(
    open_with: Open, flaky: Flaky, database: str
) -> None:
    memory = await open_with(flaky, embed_attempts=1, retry_seconds=0.01)
    flaky.away = AWAY
    await memory.remember("My bees live behind the barn", user_id="maya")
    await asyncio.sleep(0.05)
    await memory.admin.process_pending()
    with psycopg.connect(database) as connection:
        row = connection.execute("SELECT attempts, failure FROM persistmem.missing_vectors").fetchone()
    assert row is not None
    assert row[0] >= 1
    assert "UnreachableError" in row[1]
    assert "bees" not in row[1]


@pytest.mark.parametrize("spoilt", [[float("nan")] * 384, [0.0] * 384, [1.0] * 3])
async def test_a_vector_that_is_none_is_refused_and_nothing_is_kept(
    open_with: Open, flaky: Flaky, monkeypatch: pytest.MonkeyPatch, spoilt: list[float]
) -> None:
    memory = await open_with(flaky)
    await memory.remember("I play the cello", user_id="maya")
    monkeypatch.setattr(flaky.model, "embed_documents", lambda texts: [spoilt for _ in texts])
    with pytest.raises((EmbeddingError, EmbeddingMismatchError)):
        await memory.remember("I keep bees", user_id="maya")
    monkeypatch.undo()
    assert len(await memory.list(user_id="maya")) == 1
    await memory.remember("I keep bees", user_id="maya")


class Turned(Flaky):
    """Another model: the same vectors, turned round, so that the two must not be compared."""

    def embed_documents(self, texts: list[str]) -> list[list[float]]:
        return [vector[::-1] for vector in super().embed_documents(texts)]

    def embed_query(self, text: str) -> list[float]:
        return super().embed_query(text)[::-1]


@pytest.mark.own_database
async def test_a_new_model_takes_over_while_the_old_one_works(
    open_with: Open, flaky: Flaky, embeddings: LocalEmbeddings, database: str
) -> None:
    old = await open_with(flaky)
    await old.setup()
    for user in ("maya", "tom"):
        await old.remember(f"{user} keeps bees behind the barn", user_id=user)
        await old.remember("I live in Oslo", key="home", user_id=user)
        await old.remember("I live in Bergen", key="home", user_id=user)
    new = await open_with(Turned(embeddings))
    with pytest.raises(EmbeddingMismatchError, match="reembed"):
        await new.recall("bees", user_id="maya")

    done = await new.admin.reembed()
    assert (done.memories, done.pending) == (6, 0)
    for memory in (old, new):
        (found, *_) = await memory.recall("Where are the honey insects?", user_id="maya", threshold=0.0)
        assert found.text == "maya keeps bees behind the barn"
        assert found.score_parts.similarity > 0.2

    await old.remember("My cello is from Mittenwald", user_id="maya")  # by an application that was not changed yet
    (found, *_) = await new.recall("cello from Mittenwald", user_id="maya")
    assert found.text == "My cello is from Mittenwald", "found by its words until it is embedded"
    done = await new.admin.reembed(drop_others=True)
    assert (done.memories, done.dropped) == (1, 7)
    (found, *_) = await new.recall("string instrument", user_id="maya", threshold=0.0)
    assert found.score_parts.similarity > 0.2
    assert _models(database) == ["turned"]
    with psycopg.connect(database) as connection:
        searched = connection.execute(
            "SELECT count(*) FROM persistmem.vectors v JOIN persistmem.memories m ON m.namespace = v.namespace AND m.id = memory_id "
            "WHERE v.active <> (m.status = 'active')"
        ).fetchone()
    assert searched == (0,)


@pytest.mark.own_database
async def test_a_re_embedding_that_was_stopped_goes_on(
    open_with: Open, flaky: Flaky, embeddings: LocalEmbeddings, database: str
) -> None:
    old = await open_with(flaky)
    await old.setup()
    for number in range(5):
        await old.remember(f"Note number {number}", user_id="maya")
        await old.remember(f"Note number {number}", user_id="tom")
    model = Turned(embeddings)
    new = await open_with(model, embed_attempts=1, embed_batch=2, retry_seconds=0.01)

    def stop(_progress: Progress) -> None:
        model.away = AWAY

    done = await new.admin.reembed(progress=stop)
    assert done.pending == 2
    with pytest.raises(ConfigurationError, match="nothing was dropped"):
        await new.admin.reembed(drop_others=True)
    model.away = 0
    done = await new.admin.reembed(drop_others=True)
    assert done.pending == 0
    assert len(model.asked) == len(set(model.asked)), "nothing was embedded twice"
    assert _models(database) == ["turned"]


@pytest.mark.own_database
def test_items_of_a_store_are_embedded_by_the_fields_that_it_indexes(
    flaky: Flaky, embeddings: LocalEmbeddings, database: str
) -> None:
    index = {"fields": ["title", "tags[*]"]}
    with PersistMem.open(
        database, embeddings=flaky, store_index=index, settings=Settings(embedding_model=LOCAL)
    ) as old:
        old.setup()
        old.store.put(("books",), "one", {"title": "The sea", "tags": ["ships", "storms"], "text": "unrelated"})
    with PersistMem.open(
        database, embeddings=Turned(embeddings), store_index=index, settings=Settings(embedding_model="turned")
    ) as new:
        assert isinstance(new.store, PersistMemStore)
        assert new.admin.reembed(drop_others=True).memories == 1
        (found,) = new.store.search(("books",), query="ships")
    assert found.score is not None
    assert found.score > 0.9, "each field has a vector of its own"


def _without_vectors(database: str) -> int:
    with psycopg.connect(database) as connection:
        row = connection.execute(
            "SELECT count(*) FROM persistmem.memories m WHERE NOT EXISTS "
            "(SELECT FROM persistmem.vectors v WHERE v.namespace = m.namespace AND v.memory_id = m.id)"
        ).fetchone()
    assert row is not None
    return int(row[0])


def _models(database: str) -> list[str]:
    with psycopg.connect(database) as connection:
        return [row[0] for row in connection.execute("SELECT name FROM persistmem.embedding_models ORDER BY model")]
