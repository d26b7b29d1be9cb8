"""What the engine may wait for: the database, the embedding model, the chat model.

The engine is written once, as ``async def`` over a :class:`Backend`. :class:`SyncBackend` answers
every await at once, so that a flow runs to its end in a single step, without a loop or a thread;
:class:`AsyncBackend` runs the same flow on the event loop. This file and
``postgres/transaction.py`` are the only ones that know the difference.
"""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from typing import Any, Concatenate, ParamSpec, Protocol, TypeVar, cast
from uuid import UUID

from langchain_core.runnables import Runnable, RunnableConfig
from langchain_core.utils.uuid import uuid7
from langgraph.constants import TAG_NOSTREAM

from langchain_persistmem.errors import (
    ConfigurationError,
    EmbeddingFailed,
    ExtractionFailed,
    StorageUnavailable,
    UseAsyncMethod,
)
from langchain_persistmem.models import Models
from langchain_persistmem.postgres.embedding_models import EmbeddingModel
from langchain_persistmem.postgres.transaction import (
    AsyncPool,
    SyncPool,
    Transaction,
    async_transaction,
    sync_transaction,
)
from langchain_persistmem.settings import Settings
from langchain_persistmem.types import Vector
from langchain_persistmem.vectors import unit_vectors

P = ParamSpec("P")
T = TypeVar("T")

_QUIET: RunnableConfig = {"run_name": "persistmem_extract", "tags": [TAG_NOSTREAM]}
"""Our own model calls never enter the token stream of the user's graph."""


_LOST_CONNECTIONS = 2
"""A server that restarts leaves the pool's idle connections dead, some of them only a moment later: so often are
they replaced and the flow, of which nothing was done, begun again."""


_UNUSABLE = frozenset({"LengthFinishReasonError", "OutputParserException", "JSONDecodeError", "ValidationError"})
"""By name, because their packages need not be installed: the model did answer, but not in the shape asked for."""


class Backend(Protocol):
    """All that a flow may wait for. Nothing here holds a connection while a model works."""

    settings: Settings
    embedding_name: str
    model_name: str | None
    """The chat model's name, or None where there is none."""
    embedding_model: EmbeddingModel | None
    """What the database knows of the embedding model, once that was looked up."""

    def transaction(self, *, atomic: bool = True) -> AbstractAsyncContextManager[Transaction]:
        """A connection: all or nothing, or with ``atomic=False`` single statements, for reads."""
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
        self.model_name = models.chat_name
        self._embeddings = models.embeddings
        self._model = models.chat

    def new_id(self) -> UUID:
        return uuid7()

    def _batches(self, texts: Sequence[str]) -> list[list[str]]:
        size = self.settings.embed_batch
        return [list(texts[start : start + size]) for start in range(0, len(texts), size)]

    def _dimensions(self) -> int | None:
        return self.embedding_model.dimensions if self.embedding_model else None

    def _extractor(self, schema: Mapping[str, object]) -> "Runnable[Any, Any]":
        if self._model is None:
            raise ConfigurationError("no chat model was given; pass model= to open()")
        return cast("Runnable[Any, Any]", self._model.with_structured_output(dict(schema)))  # pyright: ignore[reportUnknownMemberType]


class SyncBackend(_Models):
    """The blocking backend: its awaits return at once."""

    def __init__(self, pool: SyncPool, models: Models, settings: Settings) -> None:
        super().__init__(models, settings)
        self.pool = pool

    def transaction(self, *, atomic: bool = True) -> AbstractAsyncContextManager[Transaction]:
        return sync_transaction(self.pool, atomic=atomic)

    async def embed(self, texts: Sequence[str]) -> list[Vector]:
        vectors: list[Vector] = []
        for batch in self._batches(texts):
            made = _guarded(
                EmbeddingFailed, "embedding texts", lambda batch=batch: self._embeddings.embed_documents(batch)
            )
            vectors += unit_vectors(made, expected=len(batch), dimensions=self._dimensions())
        return vectors

    async def embed_query(self, query: str) -> Vector:
        made = _guarded(EmbeddingFailed, "embedding a query", lambda: self._embeddings.embed_query(query))
        return unit_vectors([made], expected=1, dimensions=self._dimensions())[0]

    async def ask(self, instructions: str, material: str, schema: Mapping[str, object]) -> object:
        extractor = self._extractor(schema)
        messages = [("system", instructions), ("human", material)]
        return _guarded(ExtractionFailed, "asking the chat model", lambda: extractor.invoke(messages, _QUIET))

    def run(
        self, flow: Callable[Concatenate[Backend, P], Coroutine[Any, Any, T]], *args: P.args, **kwargs: P.kwargs
    ) -> T:
        for _ in range(_LOST_CONNECTIONS):
            try:
                return _finished(flow(self, *args, **kwargs))
            except StorageUnavailable as error:
                if not error.nothing_was_done:
                    raise
            self.pool.check()
        return _finished(flow(self, *args, **kwargs))

    async def arun(
        self, flow: Callable[Concatenate[Backend, P], Coroutine[Any, Any, T]], *args: P.args, **kwargs: P.kwargs
    ) -> T:
        return await asyncio.to_thread(self.run, flow, *args, **kwargs)


class AsyncBackend(_Models):
    """The asyncio backend; it belongs to the event loop that it was opened on."""

    def __init__(self, pool: AsyncPool, models: Models, settings: Settings) -> None:
        super().__init__(models, settings)
        self.pool = pool

    def transaction(self, *, atomic: bool = True) -> AbstractAsyncContextManager[Transaction]:
        return async_transaction(self.pool, atomic=atomic)

    async def embed(self, texts: Sequence[str]) -> list[Vector]:
        vectors: list[Vector] = []
        for batch in self._batches(texts):
            made = await _aguarded(EmbeddingFailed, "embedding texts", self._embeddings.aembed_documents(batch))
            vectors += unit_vectors(made, expected=len(batch), dimensions=self._dimensions())
        return vectors

    async def embed_query(self, query: str) -> Vector:
        made = await _aguarded(EmbeddingFailed, "embedding a query", self._embeddings.aembed_query(query))
        return unit_vectors([made], expected=1, dimensions=self._dimensions())[0]

    async def ask(self, instructions: str, material: str, schema: Mapping[str, object]) -> object:
        messages = [("system", instructions), ("human", material)]
        answer = self._extractor(schema).ainvoke(messages, _QUIET)
        return await _aguarded(ExtractionFailed, "asking the chat model", answer)

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


def _finished(coroutine: Coroutine[Any, Any, T]) -> T:
    """The result of a flow whose every await answers at once, so that one step brings it to its end."""
    try:
        coroutine.send(None)
    except StopIteration as done:
        return cast("T", done.value)
    coroutine.close()
    raise RuntimeError(f"{coroutine.__qualname__} waited for something that is not its backend")


def _guarded(ours: type[EmbeddingFailed] | type[ExtractionFailed], doing: str, call: Callable[[], T]) -> T:
    """The result of ``call``; what a provider raises becomes ours, without its text, which may quote a memory."""
    try:
        return call()
    except Exception as error:  # noqa: BLE001 - whatever a provider raises, its text may quote a memory
        failure = _failure(ours, doing, error)
    raise failure


async def _aguarded(ours: type[EmbeddingFailed] | type[ExtractionFailed], doing: str, answer: Awaitable[T]) -> T:
    try:
        return await answer
    except Exception as error:  # noqa: BLE001 - whatever a provider raises, its text may quote a memory
        failure = _failure(ours, doing, error)
    raise failure


def _failure(ours: type[EmbeddingFailed] | type[ExtractionFailed], doing: str, error: Exception) -> Exception:
    status = getattr(error, "status_code", None)
    name = f"{type(error).__module__}.{type(error).__qualname__}"
    reason = f"{name}{f' (status {status})' if status else ''}"
    kept = (
        "the turns are kept, the next call tries again" if ours is ExtractionFailed else "nothing was stored, try again"
    )
    failure = ours(f"{doing} failed: {reason}; {kept}")
    if isinstance(failure, ExtractionFailed):
        failure.unusable_answer = type(error).__name__ in _UNUSABLE
    return failure
