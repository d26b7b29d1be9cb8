"""Calls of the models: embedding, chat and re-ranking, with retries, a cache, redaction, and errors without text of a memory."""

import logging
import random
from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable, Mapping, Sequence
from functools import partial
from typing import TypeVar

from langchain_core.callbacks import BaseCallbackManager
from langchain_core.embeddings import Embeddings
from langchain_core.runnables import RunnableConfig
from langchain_core.runnables.config import ensure_config
from langgraph.constants import TAG_NOSTREAM

from langchain_persistmem.errors import ConfigurationError, EmbeddingError, ExtractionError
from langchain_persistmem.postgres import telemetry
from langchain_persistmem.postgres.queries.embedding_models import EmbeddingModel
from langchain_persistmem.runtime.models.model_names import Models
from langchain_persistmem.runtime.models.reranker import rerank
from langchain_persistmem.runtime.models.structured_output import StructuredOutput
from langchain_persistmem.runtime.models.vector_cache import Use, VectorCache
from langchain_persistmem.settings import Settings
from langchain_persistmem.types.recall_results import RankedCandidate
from langchain_persistmem.types.records import Vector
from langchain_persistmem.types.vectors import unit_vectors

logger = logging.getLogger(__name__)

T = TypeVar("T")

_FOR_THE_MOMENT = frozenset({408, 409, 425, 429})
_SERVER = 500
"""From here on, an HTTP status is the server's own trouble."""
_MISTAKES = (TypeError, ValueError, LookupError, AttributeError, NotImplementedError, ImportError)
"""Errors that another try does not mend."""
_LONGEST_PAUSE = 0.8  # seconds, before the last try; before each earlier one half as long

_UNUSABLE = frozenset({"LengthFinishReasonError", "OutputParserException", "JSONDecodeError", "ValidationError"})
"""By name, because their packages need not be installed: the model did answer, but not in the shape asked for."""


class ModelCalls(ABC):
    """The models as a flow awaits them: every call counts, retries and redacts.

    A subclass makes the calls that differ between sync and async.
    """

    def __init__(self, models: Models, settings: Settings) -> None:
        self.settings = settings
        self.embedding_name = models.embedding_name
        """The embedding model's name, or None for a store that searches by filters only."""
        self.model_name = models.chat_name
        """The chat model's name, or None where there is none."""
        self.shape = models.shape
        """The application's own shape of what the chat model extracts."""
        self.embedding_model: EmbeddingModel | None = None
        """The embedding model as the database knows it, once that was looked up."""
        # Private, since every call of a model has to go through the methods below.
        self._embeddings = models.embeddings
        self._cache = VectorCache(settings.embed_cache)
        self._model = models.chat
        self._reranker = models.reranker

    async def embed(self, texts: Sequence[str]) -> list[Vector]:
        """The texts' vectors, of length 1, in order.

        Raises:
            EmbeddingError: the model failed, or gave too few, unequal, zero or non-finite vectors.
        """
        model, size = self._embedder(), self.settings.embed_batch
        texts = [self._redact(text) for text in texts]
        vectors = self._cache.get("text", texts)
        missing = list(dict.fromkeys(text for text in texts if text not in vectors))
        for start in range(0, len(missing), size):
            batch = missing[start : start + size]
            with telemetry.model_call("embed") as seen:
                seen.count(len(batch))
                answer = await self._ask_model(
                    EmbeddingError,
                    "embedding texts",
                    partial(model.embed_documents, batch),
                    partial(model.aembed_documents, batch),
                )
            vectors |= self._remember("text", batch, answer)
        return [vectors[text] for text in texts]

    async def embed_query(self, query: str) -> Vector:
        """The vector of a question, which some models make differently."""
        model, query = self._embedder(), self._redact(query)
        vectors = self._cache.get("question", [query])
        if query not in vectors:
            with telemetry.model_call("embed_query") as seen:
                seen.count(1)
                answer = await self._ask_model(
                    EmbeddingError,
                    "embedding a query",
                    partial(model.embed_query, query),
                    partial(model.aembed_query, query),
                )
            vectors = self._remember("question", [query], [answer])
        return vectors[query]

    async def embed_queries(self, queries: Sequence[str]) -> list[Vector]:
        """The vectors of several questions, in order."""
        return await self._gather([partial(self.embed_query, query) for query in queries])

    async def ask(
        self, instructions: str, material: str, schema: Mapping[str, object], *, purpose: str = "extract"
    ) -> object:
        """The chat model's answer in the shape of a JSON schema; not validated.

        A model without structured output is asked for JSON in its text.

        Args:
            purpose: the name of the call in tracers, as ``persistmem_<purpose>``.

        Raises:
            ExtractionError: the model failed or its answer was no JSON.
        """
        if self._model is None:
            raise ConfigurationError("no chat model was given; pass model= to open()")
        messages = [("system", instructions), ("human", self._redact(material))]
        extractor = StructuredOutput(self._model, schema)
        with telemetry.model_call(purpose):
            return await self._ask_model(
                ExtractionError,
                "asking the chat model",
                lambda: extractor.invoke(messages, _quiet(purpose)),
                lambda: extractor.ainvoke(messages, _quiet(purpose)),
            )

    async def rerank(self, query: str, ranked: list[RankedCandidate]) -> list[RankedCandidate]:
        """The candidates in the order of the application's own re-ranker, if there is one."""
        if self._reranker is None:
            return ranked
        return await rerank(self._reranker, self._call, self._redact, query, ranked)

    @abstractmethod
    async def _pause(self, seconds: float) -> None: ...

    @abstractmethod
    async def _call(self, blocking: Callable[[], T], awaiting: Callable[[], Awaitable[T]]) -> T:
        """The result of one of the two, which do the same."""

    @abstractmethod
    async def _gather(self, calls: Sequence[Callable[[], Awaitable[T]]]) -> list[T]:
        """The results of ``calls``, in order."""

    async def _ask_model(
        self,
        failure: type[EmbeddingError] | type[ExtractionError],
        doing: str,
        blocking: Callable[[], T],
        awaiting: Callable[[], Awaitable[T]],
    ) -> T:
        """The result of a model's call, with our errors; an embedding model is asked again, a chat model has its own retries."""
        tries = self.settings.embed_attempts if failure is EmbeddingError else 1
        return await _call_provider(failure, doing, lambda: self._call(blocking, awaiting), self._pause, tries=tries)

    def _remember(self, use: Use, texts: Sequence[str], new_vectors: Sequence[Sequence[float]]) -> dict[str, Vector]:
        """The model's answer, checked and cached."""
        dimensions = self.embedding_model.dimensions if self.embedding_model else None
        vectors = unit_vectors(new_vectors, expected=len(texts), dimensions=dimensions)
        self._cache.put(use, texts, vectors)
        return dict(zip(texts, vectors, strict=True))

    def _redact(self, text: str) -> str:
        """Redact a text for a model. It may have been stored before redaction was switched on, so this is done on every
        way to a model.
        """
        return text if self.settings.redaction is None else self.settings.redaction.redact(text)

    def _embedder(self) -> Embeddings:
        if self._embeddings is None:
            raise ConfigurationError("no embedding model was given; pass index= with 'dims' and 'embed' to the store")
        return self._embeddings


async def _call_provider(
    kind: type[EmbeddingError] | type[ExtractionError],
    doing: str,
    call: Callable[[], Awaitable[T]],
    pause: Callable[[float], Awaitable[None]],
    *,
    tries: int = 1,
) -> T:
    """The result of ``call``; what a provider raises becomes ours, without its text, which may quote a memory.

    Args:
        doing: the call in words, for the message.
        pause: waits so many seconds.
        tries: so often altogether, with pauses, where the provider failed for the moment.
    """
    while True:
        try:
            return await call()
        except Exception as error:  # noqa: BLE001 - whatever a provider raises, its text may quote a memory
            tries -= 1
            seconds, failure = _pause(error, tries), _failure(kind, doing, error)
        if seconds is None:
            raise failure  # outside the handler, so that the original is not its context
        await pause(seconds)


def _pause(error: Exception, tries: int) -> float | None:
    """Seconds until the next try; None where there is none left, or where asking again mends nothing."""
    status = getattr(error, "status_code", None)
    lasting = (
        status not in _FOR_THE_MOMENT and status < _SERVER if isinstance(status, int) else isinstance(error, _MISTAKES)
    )
    if tries <= 0 or lasting:
        return None
    return _LONGEST_PAUSE / 2 ** min(tries - 1, 5) * random.uniform(0.5, 1.0)  # noqa: S311 - who fails together should not return together


def _failure(kind: type[EmbeddingError] | type[ExtractionError], doing: str, error: Exception) -> Exception:
    status = getattr(error, "status_code", None)
    name = f"{type(error).__module__}.{type(error).__qualname__}"
    reason = f"{name}{f' (status {status})' if status else ''}"
    is_final = (
        "the turns are kept, the next call tries again" if kind is ExtractionError else "nothing was stored, try again"
    )
    failure = kind(f"{doing} failed: {reason}; {is_final}")
    if isinstance(failure, EmbeddingError):
        failure.provider_failed = not isinstance(error, _MISTAKES)
    if isinstance(failure, ExtractionError):
        failure.unusable_answer = type(error).__name__ in _UNUSABLE
    return failure


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
