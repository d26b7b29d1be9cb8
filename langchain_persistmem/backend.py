"""What the engine may wait for: the database, the embedding model, the chat model.

The engine is written once, as ``async def`` over a :class:`Backend`. :class:`SyncBackend` answers
every await at once, so that a flow runs to its end in a single step, without a loop or a thread;
:class:`AsyncBackend` runs the same flow on the event loop. This file and
``postgres/transaction.py`` are the only ones that know the difference.
"""

import asyncio
from collections.abc import AsyncGenerator, Callable, Coroutine, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any, Concatenate, ParamSpec, Protocol, TypeVar, cast
from uuid import UUID

from langchain_core.callbacks import BaseCallbackManager
from langchain_core.embeddings import Embeddings
from langchain_core.runnables import Runnable, RunnableConfig
from langchain_core.runnables.config import ensure_config
from langchain_core.utils.uuid import uuid7
from langgraph.constants import TAG_NOSTREAM

from langchain_persistmem.errors import (
    ConfigurationError,
    EmbeddingFailed,
    ExtractionFailed,
    PersistMemError,
    StorageUnavailable,
    UseAsyncMethod,
)
from langchain_persistmem.model_failures import aguarded, guarded
from langchain_persistmem.models import Models
from langchain_persistmem.namespace import Reach
from langchain_persistmem.postgres.embedding_models import EmbeddingModel
from langchain_persistmem.postgres.transaction import (
    AsyncPool,
    SyncPool,
    Transaction,
    async_transaction,
    sync_transaction,
)
from langchain_persistmem.settings import Settings
from langchain_persistmem.shape import Shape
from langchain_persistmem.types import Vector
from langchain_persistmem.vectors import unit_vectors
from langchain_persistmem.waiting import Places

P = ParamSpec("P")
T = TypeVar("T")

_LOST_CONNECTIONS = 2
"""A server that restarts leaves the pool's idle connections dead, some of them only a moment later: so often are
they replaced and the flow, of which nothing was done, begun again."""


_QUERIES_AT_ONCE = 8
"""LangChain embeds questions one by one, and models may make them differently from texts: so many calls run at a time."""


class Backend(Protocol):
    """All that a flow may wait for. Nothing here holds a connection while a model works."""

    settings: Settings
    embedding_name: str | None
    """The embedding model's name, or None for a store that searches by filters only."""
    model_name: str | None
    """The chat model's name, or None where there is none."""
    shape: Shape | None
    """The application's own shape of what the chat model extracts."""
    embedding_model: EmbeddingModel | None
    """What the database knows of the embedding model, once that was looked up."""
    migrated: bool
    """Whether the schema was found up to date."""

    def transaction(
        self, reach: Reach, *, atomic: bool = True, snapshot: bool = False
    ) -> AbstractAsyncContextManager[Transaction]:
        """A connection that is to see ``reach`` and no further: all or nothing; with ``atomic=False`` single statements, for reads; with ``snapshot=True``
        reads that all see the database at one moment.
        """
        ...

    async def embed(self, texts: Sequence[str]) -> list[Vector]:
        """The texts' vectors, of length 1, in order.

        Raises:
            EmbeddingFailed: the model failed, or gave too few, unequal, zero or non-finite vectors.
        """
        ...

    async def embed_query(self, query: str) -> Vector:
        """The vector of a question, which some models make differently."""
        ...

    async def embed_queries(self, queries: Sequence[str]) -> list[Vector]:
        """The vectors of several questions, in order."""
        ...

    async def ask(self, instructions: str, material: str, schema: Mapping[str, object]) -> object:
        """The chat model's answer in the shape of a JSON schema; not validated.

        Raises:
            ExtractionFailed: the model failed or its answer was no JSON.
        """
        ...

    def new_id(self) -> UUID:
        """A new id, ordered by time (UUID version 7)."""
        ...

    def run(
        self, flow: "Callable[Concatenate[Backend, P], Coroutine[Any, Any, T]]", *args: P.args, **kwargs: P.kwargs
    ) -> T:
        """Run ``flow`` to its end, blocking."""
        ...

    async def arun(
        self, flow: "Callable[Concatenate[Backend, P], Coroutine[Any, Any, T]]", *args: P.args, **kwargs: P.kwargs
    ) -> T:
        """Run ``flow`` to its end, awaiting."""
        ...


class _Models:
    """What the two backends share: the models and how their answers are checked."""

    def __init__(self, models: Models, settings: Settings) -> None:
        self.settings = settings
        self.embedding_name = models.embedding_name
        self.embedding_model: EmbeddingModel | None = None
        self.migrated = False
        self.model_name = models.chat_name
        self.shape = models.shape
        self._embeddings = models.embeddings
        self._model = models.chat

    def new_id(self) -> UUID:
        return uuid7()

    def _batches(self, texts: Sequence[str]) -> list[list[str]]:
        size = self.settings.embed_batch
        return [list(texts[start : start + size]) for start in range(0, len(texts), size)]

    def _dimensions(self) -> int | None:
        return self.embedding_model.dimensions if self.embedding_model else None

    def _embedder(self) -> Embeddings:
        if self._embeddings is None:
            raise ConfigurationError("no embedding model was given; pass index= with 'dims' and 'embed' to the store")
        return self._embeddings

    def _extractor(self, schema: Mapping[str, object]) -> "Runnable[Any, Any]":
        if self._model is None:
            raise ConfigurationError("no chat model was given; pass model= to open()")
        return cast("Runnable[Any, Any]", self._model.with_structured_output(dict(schema)))  # pyright: ignore[reportUnknownMemberType]


class SyncBackend(_Models):
    """The blocking backend: its awaits return at once."""

    def __init__(self, pool: SyncPool, models: Models, settings: Settings) -> None:
        super().__init__(models, settings)
        self.pool = pool

    def transaction(
        self, reach: Reach, *, atomic: bool = True, snapshot: bool = False
    ) -> AbstractAsyncContextManager[Transaction]:
        return sync_transaction(self.pool, atomic=atomic, snapshot=snapshot)

    async def embed(self, texts: Sequence[str]) -> list[Vector]:
        model, vectors = self._embedder(), list[Vector]()
        for batch in self._batches(texts):
            made = guarded(EmbeddingFailed, "embedding texts", lambda batch=batch: model.embed_documents(batch))
            vectors += unit_vectors(made, expected=len(batch), dimensions=self._dimensions())
        return vectors

    async def embed_query(self, query: str) -> Vector:
        model = self._embedder()
        made = guarded(EmbeddingFailed, "embedding a query", lambda: model.embed_query(query))
        return unit_vectors([made], expected=1, dimensions=self._dimensions())[0]

    async def embed_queries(self, queries: Sequence[str]) -> list[Vector]:
        return [await self.embed_query(query) for query in queries]

    async def ask(self, instructions: str, material: str, schema: Mapping[str, object]) -> object:
        extractor = self._extractor(schema)
        messages = [("system", instructions), ("human", material)]
        return guarded(ExtractionFailed, "asking the chat model", lambda: extractor.invoke(messages, _quiet()))

    def run(
        self, flow: Callable[Concatenate[Backend, P], Coroutine[Any, Any, T]], *args: P.args, **kwargs: P.kwargs
    ) -> T:
        for _ in range(_LOST_CONNECTIONS):
            try:
                return finished(flow(self, *args, **kwargs))
            except StorageUnavailable as error:
                if not error.nothing_was_done:
                    raise
            self.pool.check()
        return finished(flow(self, *args, **kwargs))

    async def arun(
        self, flow: Callable[Concatenate[Backend, P], Coroutine[Any, Any, T]], *args: P.args, **kwargs: P.kwargs
    ) -> T:
        return await asyncio.to_thread(self.run, flow, *args, **kwargs)


class AsyncBackend(_Models):
    """The asyncio backend; it belongs to the event loop that it was opened on."""

    def __init__(self, pool: AsyncPool, models: Models, settings: Settings) -> None:
        super().__init__(models, settings)
        self.pool = pool
        self._places = Places(pool.max_size, settings.connect_seconds)

    @asynccontextmanager
    async def transaction(
        self, reach: Reach, *, atomic: bool = True, snapshot: bool = False
    ) -> AsyncGenerator[Transaction]:
        async with (
            self._places.place(),
            async_transaction(self.pool, atomic=atomic, snapshot=snapshot) as transaction,
        ):
            yield transaction

    async def embed(self, texts: Sequence[str]) -> list[Vector]:
        model, vectors = self._embedder(), list[Vector]()
        for batch in self._batches(texts):
            made = await aguarded(EmbeddingFailed, "embedding texts", model.aembed_documents(batch))
            vectors += unit_vectors(made, expected=len(batch), dimensions=self._dimensions())
        return vectors

    async def embed_query(self, query: str) -> Vector:
        made = await aguarded(EmbeddingFailed, "embedding a query", self._embedder().aembed_query(query))
        return unit_vectors([made], expected=1, dimensions=self._dimensions())[0]

    async def embed_queries(self, queries: Sequence[str]) -> list[Vector]:
        if len(queries) == 1:
            return [await self.embed_query(queries[0])]
        free = asyncio.Semaphore(_QUERIES_AT_ONCE)

        async def embedded(query: str) -> Vector:
            async with free:
                return await self.embed_query(query)

        failure: BaseException | None = None
        try:
            async with asyncio.TaskGroup() as group:  # the first failure stops the others
                tasks = [group.create_task(embedded(query)) for query in queries]
        except* PersistMemError as failed:
            failure = failed.exceptions[0]
        else:
            return [task.result() for task in tasks]
        raise failure

    async def ask(self, instructions: str, material: str, schema: Mapping[str, object]) -> object:
        messages = [("system", instructions), ("human", material)]
        answer = self._extractor(schema).ainvoke(messages, _quiet())
        return await aguarded(ExtractionFailed, "asking the chat model", answer)

    def run(
        self, flow: Callable[Concatenate[Backend, P], Coroutine[Any, Any, T]], *args: P.args, **kwargs: P.kwargs
    ) -> T:
        name = flow.__name__.rstrip("_")  # list_ is list
        raise UseAsyncMethod(f"this object was opened with aopen() and cannot block; use: await ...a{name}(...)")

    async def arun(
        self, flow: Callable[Concatenate[Backend, P], Coroutine[Any, Any, T]], *args: P.args, **kwargs: P.kwargs
    ) -> T:
        for _ in range(_LOST_CONNECTIONS):
            try:
                return await flow(self, *args, **kwargs)
            except StorageUnavailable as error:
                if not error.nothing_was_done:
                    raise
            await self.pool.check()
        return await flow(self, *args, **kwargs)


def _quiet() -> RunnableConfig:
    """The config of our own model calls: no token of theirs enters a stream of the user's graph.

    The tag is LangGraph's way to say so. ``astream_events`` does not heed it, so the handlers that feed
    streams are left out; tracers and usage counters of the run stay.
    """
    callbacks = ensure_config().get("callbacks")
    if isinstance(callbacks, BaseCallbackManager):
        quiet = callbacks.copy()
        for handler in callbacks.handlers:
            if _feeds_a_stream(handler):
                quiet.remove_handler(handler)
    else:
        quiet = [handler for handler in callbacks or [] if not _feeds_a_stream(handler)]
    return {"run_name": "persistmem_extract", "tags": [TAG_NOSTREAM], "callbacks": quiet}


def _feeds_a_stream(handler: object) -> bool:
    """By the method that LangChain requires of them; their base class is private."""
    return hasattr(handler, "tap_output_iter")


def finished(coroutine: Coroutine[Any, Any, T]) -> T:
    """The result of a flow whose every await answers at once, so that one step brings it to its end."""
    try:
        coroutine.send(None)
    except StopIteration as done:
        return cast("T", done.value)
    coroutine.close()
    raise RuntimeError(f"{coroutine.__qualname__} waited for something that is not its backend")
