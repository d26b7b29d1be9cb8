"""What the engine may wait for: the database, the embedding model, the chat model.

The engine is written once, as ``async def`` over a :class:`Backend`. :class:`SyncBackend` answers
every await at once, so that a flow runs to its end in a single step, without a loop or a thread;
:class:`AsyncBackend` runs the same flow on the event loop. This file and
``postgres/transaction.py`` are the only ones that know the difference.
"""

import asyncio
import time
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
    EmbeddingError,
    ExtractionError,
    PersistMemError,
    UseAsyncMethodError,
)
from langchain_persistmem.postgres import telemetry
from langchain_persistmem.postgres.pool_queue import Places
from langchain_persistmem.postgres.queries.embedding_models import EmbeddingModel
from langchain_persistmem.postgres.queries.row_security import reach_settings
from langchain_persistmem.postgres.retry import Patience, again, answered
from langchain_persistmem.postgres.transaction import (
    AsyncPool,
    Opening,
    SyncPool,
    Transaction,
    async_transaction,
    sync_transaction,
)
from langchain_persistmem.postgres.vector_index.search_plan import Arms
from langchain_persistmem.postgres.vector_index.unindexed import Written
from langchain_persistmem.runtime.model_errors import aguarded, guarded
from langchain_persistmem.runtime.models import Models
from langchain_persistmem.runtime.vector_cache import Use, VectorCache
from langchain_persistmem.settings import Settings
from langchain_persistmem.types.extraction_schema import Shape
from langchain_persistmem.types.namespace import Namespace, Reach
from langchain_persistmem.types.records import Vector
from langchain_persistmem.types.vectors import unit_vectors

P = ParamSpec("P")
T = TypeVar("T")

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
    sees_everywhere: bool
    """Whether this role may see all namespaces at once; looked up with the schema."""
    heals: bool
    """Whether this process has kept memories without vectors, which are still to be made."""
    arms: Arms
    """Which way the searches of large namespaces took lately."""
    written: Written[Namespace]
    """What was written into large namespaces."""
    after_writing: "Callable[[Backend, Mapping[Namespace, int]], Coroutine[Any, Any, None]] | None"
    """What is to be done about that after the commit."""
    item_texts: Callable[[Mapping[str, Any]], Sequence[str]] | None
    """The texts of an item that its store indexes; None where that is the item's own text."""

    def transaction(
        self,
        reach: Reach,
        *,
        atomic: bool = True,
        snapshot: bool = False,
        read_committed: bool = False,
        repeatable: bool = False,
    ) -> AbstractAsyncContextManager[Transaction]:
        """A connection that is to see ``reach`` and no further, which the database enforces if row-level security is on.

        All or nothing; with ``atomic=False`` single statements, for reads; with ``snapshot=True`` reads that all see the
        database at one moment; with ``read_committed=True`` statements that see what others committed meanwhile.
        ``repeatable=True`` says that doing it twice is as good as once, should the answer to its COMMIT be lost.
        """
        ...

    async def embed(self, texts: Sequence[str]) -> list[Vector]:
        """The texts' vectors, of length 1, in order.

        Raises:
            EmbeddingError: the model failed, or gave too few, unequal, zero or non-finite vectors.
        """
        ...

    async def embed_query(self, query: str) -> Vector:
        """The vector of a question, which some models make differently."""
        ...

    async def embed_queries(self, queries: Sequence[str]) -> list[Vector]:
        """The vectors of several questions, in order."""
        ...

    async def ask(
        self, instructions: str, material: str, schema: Mapping[str, object], *, purpose: str = "extract"
    ) -> object:
        """The chat model's answer in the shape of a JSON schema; not validated.

        Args:
            purpose: what tracers show of the call, as ``persistmem_<purpose>``.

        Raises:
            ExtractionError: the model failed or its answer was no JSON.
        """
        ...

    def new_id(self) -> UUID:
        """A new id, ordered by time (UUID version 7)."""
        ...

    async def step(
        self, flow: "Callable[Concatenate[Backend, P], Coroutine[Any, Any, T]]", *args: P.args, **kwargs: P.kwargs
    ) -> T:
        """A part of a flow with a commit of its own; like a whole flow it is begun again if nothing of it was done.

        Without it, whatever fails after a flow's first commit fails the flow.
        """
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
        self.sees_everywhere = True
        self.heals = False
        self.arms = Arms()
        self.written = Written[Namespace]()
        self.after_writing: Callable[[Backend, Mapping[Namespace, int]], Coroutine[Any, Any, None]] | None = None
        self.item_texts: Callable[[Mapping[str, Any]], Sequence[str]] | None = None
        self.model_name = models.chat_name
        self.shape = models.shape
        self._embeddings = models.embeddings
        self._known = VectorCache(settings.embed_cache)
        self._model = models.chat

    def new_id(self) -> UUID:
        return uuid7()

    def _opening(self, reach: Reach, *, atomic: bool, snapshot: bool, read_committed: bool) -> Opening:
        """How a transaction begins, and all that it sets for itself: the one place that decides it."""
        settings = reach_settings(reach) if self.settings.row_level_security else {}
        if (
            not self.sees_everywhere and settings.get("persistmem.everywhere") == "on"
        ):  # it would find nothing, in silence
            raise ConfigurationError(
                "this needs to see all namespaces, which row-level security does not let this role do; use the role that "
                "`persistmem rls enable --everywhere-to` named"
            )
        return Opening(atomic=atomic, snapshot=snapshot, read_committed=read_committed, settings=settings)

    def _redacted(self, text: str) -> str:
        """Whatever way it came, also if it was stored before redaction was switched on: no model sees it unredacted."""
        return text if self.settings.redaction is None else self.settings.redaction.redact(text)

    def _unknown(self, texts: Sequence[str]) -> tuple[dict[str, Vector], list[list[str]]]:
        """The vectors that are known, and what the model is to be asked for, in batches."""
        known, size = self._known.known("text", texts), self.settings.embed_batch
        missing = list(dict.fromkeys(text for text in texts if text not in known))
        return known, [missing[start : start + size] for start in range(0, len(missing), size)]

    def _learnt(self, use: Use, texts: Sequence[str], made: Sequence[Sequence[float]]) -> dict[str, Vector]:
        """The model's answer, checked and kept."""
        vectors = unit_vectors(made, expected=len(texts), dimensions=self._dimensions())
        self._known.keep(use, texts, vectors)
        return dict(zip(texts, vectors, strict=True))

    def _patience(self, pool: SyncPool | AsyncPool) -> Patience:
        return Patience(self.settings.connect_seconds, at_once=pool.max_size)  # all of its connections may be dead

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
        self,
        reach: Reach,
        *,
        atomic: bool = True,
        snapshot: bool = False,
        read_committed: bool = False,
        repeatable: bool = False,
    ) -> AbstractAsyncContextManager[Transaction]:
        opening = self._opening(reach, atomic=atomic, snapshot=snapshot, read_committed=read_committed)
        writes = opening.atomic and not opening.snapshot
        return answered(
            lambda: sync_transaction(self.pool, opening),
            self._pause,
            Patience(self.settings.connect_seconds),
            writes=writes,
            repeatable=repeatable,
        )

    async def embed(self, texts: Sequence[str]) -> list[Vector]:
        model, tries = self._embedder(), self.settings.embed_attempts
        texts = [self._redacted(text) for text in texts]
        vectors, batches = self._unknown(texts)
        for batch in batches:
            with telemetry.model_call("embed") as seen:
                seen.count(len(batch))
                made = guarded(
                    EmbeddingError, "embedding texts", lambda batch=batch: model.embed_documents(batch), tries=tries
                )
            vectors |= self._learnt("text", batch, made)
        return [vectors[text] for text in texts]

    async def embed_query(self, query: str) -> Vector:
        model, query, tries = self._embedder(), self._redacted(query), self.settings.embed_attempts
        known = self._known.known("question", [query])
        if query not in known:
            with telemetry.model_call("embed_query") as seen:
                seen.count(1)
                made = guarded(EmbeddingError, "embedding a query", lambda: model.embed_query(query), tries=tries)
            known = self._learnt("question", [query], [made])
        return known[query]

    async def embed_queries(self, queries: Sequence[str]) -> list[Vector]:
        return [await self.embed_query(query) for query in queries]

    async def ask(
        self, instructions: str, material: str, schema: Mapping[str, object], *, purpose: str = "extract"
    ) -> object:
        extractor = self._extractor(schema)
        messages = [("system", instructions), ("human", self._redacted(material))]
        with telemetry.model_call(purpose):
            return guarded(
                ExtractionError, "asking the chat model", lambda: extractor.invoke(messages, _quiet(purpose))
            )

    def run(
        self, flow: Callable[Concatenate[Backend, P], Coroutine[Any, Any, T]], *args: P.args, **kwargs: P.kwargs
    ) -> T:
        with telemetry.operation(_name_of(flow)):
            return finished(self.step(flow, *args, **kwargs))

    async def arun(
        self, flow: Callable[Concatenate[Backend, P], Coroutine[Any, Any, T]], *args: P.args, **kwargs: P.kwargs
    ) -> T:
        return await asyncio.to_thread(self.run, flow, *args, **kwargs)

    async def step(
        self, flow: Callable[Concatenate[Backend, P], Coroutine[Any, Any, T]], *args: P.args, **kwargs: P.kwargs
    ) -> T:
        done = await again(lambda: flow(self, *args, **kwargs), self._pause, self._patience(self.pool))
        if self.after_writing is not None and (written := self.written.take()):
            await self.after_writing(self, written)
        return done

    async def _pause(self, seconds: float) -> None:
        time.sleep(seconds)  # noqa: ASYNC251 - there is no loop here


class AsyncBackend(_Models):
    """The asyncio backend; it belongs to the event loop that it was opened on."""

    def __init__(self, pool: AsyncPool, models: Models, settings: Settings) -> None:
        super().__init__(models, settings)
        self.pool = pool
        self._places = Places(pool.max_size, settings.connect_seconds)

    @asynccontextmanager
    async def transaction(
        self,
        reach: Reach,
        *,
        atomic: bool = True,
        snapshot: bool = False,
        read_committed: bool = False,
        repeatable: bool = False,
    ) -> AsyncGenerator[Transaction]:
        opening = self._opening(reach, atomic=atomic, snapshot=snapshot, read_committed=read_committed)
        writes = opening.atomic and not opening.snapshot
        patience = Patience(self.settings.connect_seconds)
        async with answered(
            lambda: self._begun(opening), asyncio.sleep, patience, writes=writes, repeatable=repeatable
        ) as transaction:
            yield transaction

    @asynccontextmanager
    async def _begun(self, opening: Opening) -> AsyncGenerator[Transaction]:
        async with self._places.place(), async_transaction(self.pool, opening) as transaction:
            yield transaction

    async def embed(self, texts: Sequence[str]) -> list[Vector]:
        model, tries = self._embedder(), self.settings.embed_attempts
        texts = [self._redacted(text) for text in texts]
        vectors, batches = self._unknown(texts)
        for batch in batches:
            with telemetry.model_call("embed") as seen:
                seen.count(len(batch))
                made = await aguarded(
                    EmbeddingError, "embedding texts", lambda batch=batch: model.aembed_documents(batch), tries=tries
                )
            vectors |= self._learnt("text", batch, made)
        return [vectors[text] for text in texts]

    async def embed_query(self, query: str) -> Vector:
        model, query, tries = self._embedder(), self._redacted(query), self.settings.embed_attempts
        known = self._known.known("question", [query])
        if query not in known:
            with telemetry.model_call("embed_query") as seen:
                seen.count(1)
                made = await aguarded(
                    EmbeddingError, "embedding a query", lambda: model.aembed_query(query), tries=tries
                )
            known = self._learnt("question", [query], [made])
        return known[query]

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

    async def ask(
        self, instructions: str, material: str, schema: Mapping[str, object], *, purpose: str = "extract"
    ) -> object:
        messages = [("system", instructions), ("human", self._redacted(material))]
        extractor = self._extractor(schema)
        with telemetry.model_call(purpose):
            return await aguarded(
                ExtractionError, "asking the chat model", lambda: extractor.ainvoke(messages, _quiet(purpose))
            )

    def run(
        self, flow: Callable[Concatenate[Backend, P], Coroutine[Any, Any, T]], *args: P.args, **kwargs: P.kwargs
    ) -> T:
        raise UseAsyncMethodError(
            f"this object was opened with aopen() and cannot block; use: await ...a{_name_of(flow)}(...)"
        )

    async def arun(
        self, flow: Callable[Concatenate[Backend, P], Coroutine[Any, Any, T]], *args: P.args, **kwargs: P.kwargs
    ) -> T:
        with telemetry.operation(_name_of(flow)):
            return await self.step(flow, *args, **kwargs)

    async def step(
        self, flow: Callable[Concatenate[Backend, P], Coroutine[Any, Any, T]], *args: P.args, **kwargs: P.kwargs
    ) -> T:
        done = await again(lambda: flow(self, *args, **kwargs), asyncio.sleep, self._patience(self.pool))
        if self.after_writing is not None and (written := self.written.take()):
            await self.after_writing(self, written)
        return done


def _name_of(flow: Callable[..., object]) -> str:
    return flow.__name__.strip("_")  # list_ is list


def _quiet(purpose: str) -> RunnableConfig:
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
    return {
        "run_name": f"persistmem_{purpose}",
        "tags": [TAG_NOSTREAM],
        "metadata": {"persistmem_purpose": purpose},
        "callbacks": quiet,
    }


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
