"""The objects behind ``embeddings=``, ``model=`` and ``reranker=``, by name or as they are."""

import asyncio
import threading
from collections.abc import Mapping, Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from importlib import import_module
from typing import Any, cast

from langchain_core.documents import BaseDocumentCompressor, Document
from langchain_core.embeddings import Embeddings
from langchain_core.language_models import BaseChatModel
from langgraph.store.base import ensure_embeddings
from langgraph.store.base.embed import EmbeddingsFunc, EmbeddingsLambda

from langchain_persistmem.errors import ConfigurationError, MissingDependencyError
from langchain_persistmem.settings import Settings
from langchain_persistmem.types.extraction_schema import Shape, shape_of
from langchain_persistmem.types.recall_results import Rerankable
from langchain_persistmem.types.representation import is_a, quote, type_name

_MOST_ABANDONED = 8
"""Blocking calls of a re-ranker that may go on behind their time limit: a thread cannot be stopped, so no more are begun."""

_MARK = "memory_id"
"""The metadata by which a document is known again: compressors copy documents, and keep this."""

LOCAL = "local"
"""``embeddings="local"``: the model that comes with the extra ``[local]`` and needs no network."""

_LONGEST_REASON = 300
"""Characters of LangChain's error, which goes on to list all its providers."""


class Reranker:
    """A document compressor with a time limit."""

    def __init__(self, compressor: BaseDocumentCompressor, seconds: float) -> None:
        self._compressor = compressor
        self._seconds = seconds
        self._running = threading.BoundedSemaphore(_MOST_ABANDONED)

    def rerank(self, documents: Sequence[Document], query: str) -> Sequence[Document]:
        """The documents as the compressor orders them.

        Raises:
            TimeoutError: it took too long.
        """
        return self._begin(documents, query).result(self._seconds)

    async def arerank(self, documents: Sequence[Document], query: str) -> Sequence[Document]:
        """:meth:`rerank` for asyncio: a compressor with an asynchronous method of its own is cancelled at the time limit."""
        # By default that method only puts the blocking one on the loop's threads, which a loop waits for when it closes.
        is_native = type(self._compressor).acompress_documents is not BaseDocumentCompressor.acompress_documents
        async with asyncio.timeout(self._seconds):
            if is_native:
                return await self._compressor.acompress_documents(documents, query)
            return await asyncio.wrap_future(self._begin(documents, query))

    def _begin(self, documents: Sequence[Document], query: str) -> Future[Sequence[Document]]:
        """Start a blocking call in a thread of its own, which ends with the process at the latest."""
        if not self._running.acquire(blocking=False):
            raise TimeoutError
        future: Future[Sequence[Document]] = Future()

        def call() -> None:
            try:
                documents_in_order = self._compressor.compress_documents(documents, query)
            except BaseException as error:  # noqa: BLE001 - whoever waits gets it
                _settle(future, error=error)
            else:
                _settle(future, documents_in_order)
            finally:
                self._running.release()

        threading.Thread(target=call, name="persistmem-reranker", daemon=True).start()
        return future


def _settle(
    future: Future[Sequence[Document]], documents: Sequence[Document] = (), error: BaseException | None = None
) -> None:
    if not future.set_running_or_notify_cancel():  # nobody waits any more
        return
    if error is None:
        future.set_result(documents)
    else:
        future.set_exception(error)


def documents_of(memories: Mapping[str, Rerankable]) -> list[Document]:
    """The memories as documents for a re-ranker."""
    return [
        Document(page_content=memory.text, id=id, metadata={**memory.metadata, _MARK: id})
        for id, memory in memories.items()
    ]


def ids_of(documents: object) -> list[str]:
    """The ids of the memories that a re-ranker's documents stand for, in their order.

    Raises:
        TypeError: these are no documents.
    """
    if not isinstance(documents, Sequence):
        raise TypeError
    ids: list[str] = []
    for document in cast("Sequence[object]", documents):
        if isinstance(document, Document):
            mark: object = cast("dict[str, object]", document.metadata).get(_MARK, document.id)
            ids += [mark] if isinstance(mark, str) else []
    return ids


@dataclass(frozen=True, slots=True)
class Models:
    """The models of one PersistMem, with the names under which the database knows them."""

    embeddings: Embeddings | None
    """None for a store that searches by filters only."""
    embedding_name: str | None
    chat: BaseChatModel | None
    chat_name: str | None
    shape: Shape | None = None
    """The application's own shape of what the chat model extracts."""
    reranker: Reranker | None = None
    """The application's own order of what was found."""


def models_of(
    embeddings: Embeddings | str,
    chat: BaseChatModel | str | None,
    settings: Settings,
    schema: object = None,
    reranker: BaseDocumentCompressor | None = None,
) -> Models:
    """Objects and names for what was given to ``open()``.

    Raises:
        ConfigurationError: one of them is no model, or the provider does not know the name; or no model can be asked
            for ``schema``; or the re-ranker is none.
        MissingDependencyError: an extra is not installed.
    """
    shape = shape_of(schema)
    if shape is not None and chat is None:
        raise ConfigurationError("schema needs a chat model, which fills it; pass model= as well")
    # Mistakes are reported before anything is opened.
    embedder = embeddings_of(embeddings)
    chat_model = chat_model_of(chat)
    return Models(
        embeddings=embedder,
        embedding_name=settings.embedding_model or name_of_embeddings(embeddings, embedder),
        chat=chat_model,
        chat_name=None if chat_model is None else (_provider_name(chat_model) or type(chat_model).__name__),
        shape=shape,
        reranker=reranker_of(reranker, settings.rerank_seconds),
    )


def embeddings_of(value: object) -> Embeddings:
    """The embeddings object, or what a function, a ``"provider:model"`` string or ``"local"`` stands for.

    Raises:
        ConfigurationError: it is none of these, or the provider does not know the name.
        MissingDependencyError: an extra is not installed.
    """
    if isinstance(value, Embeddings):
        return value
    if is_a(value, str) and str.__eq__(value, LOCAL):
        from langchain_persistmem.runtime.local_embeddings import LocalEmbeddings  # its packages are an extra

        return LocalEmbeddings()
    if callable(value) and not isinstance(value, type):  # a class is an object that somebody forgot to make
        return ensure_embeddings(cast("EmbeddingsFunc", value))
    expected = "any LangChain Embeddings, 'provider:model', or 'local'"
    return _make_with_langchain("embeddings", value, expected, "langchain.embeddings", "init_embeddings")


def chat_model_of(value: BaseChatModel | str | None) -> BaseChatModel | None:
    """The chat model, or the one that a ``"provider:model"`` string names.

    Raises:
        ConfigurationError: it is neither, or the provider does not know the name.
        MissingDependencyError: an extra is not installed.
    """
    if value is None or isinstance(value, BaseChatModel):
        return value
    expected = "a LangChain chat model or 'provider:model'"
    return _make_with_langchain("model", value, expected, "langchain.chat_models", "init_chat_model")


def name_of_embeddings(value: object, embedder: Embeddings) -> str:
    """The name that is stored with every vector: the string that was given, the function's name, or the class and its model."""
    if is_a(value, str) and not str.__eq__(value, LOCAL):
        return str.__str__(value)
    if isinstance(embedder, EmbeddingsLambda):  # its module would be another name for a script, "__main__"
        function: object = getattr(embedder, "func", None) or getattr(embedder, "afunc", None)
        return str(getattr(function, "__qualname__", type(function).__qualname__))
    parts = [type(embedder).__name__, _provider_name(embedder)]
    dimensions = getattr(embedder, "dimensions", None)
    if isinstance(dimensions, int):
        parts.append(str(dimensions))
    return ":".join(part for part in parts if part)


def _provider_name(model: object) -> str | None:
    """The provider's name of a model, under whichever attribute its class keeps it."""
    for attribute in ("model_name", "model", "model_id"):
        name = getattr(model, attribute, None)
        if isinstance(name, str) and name:
            return name
    return None


def _make_with_langchain(field: str, name: object, expected: str, module: str, function: str) -> Any:
    """The model that ``function`` of langchain's ``module`` makes of ``name``; langchain is an extra."""
    if not is_a(name, str) or not name:
        raise ConfigurationError(f"{field} is of type {type_name(name)}; pass {expected}")
    try:
        make = getattr(import_module(module), function)
    except ImportError as error:
        raise MissingDependencyError(
            f'{field}={quote(name)} needs the package langchain; run: pip install "langchain-persistmem[agents]"'
        ) from error
    name = str.__str__(name)
    try:
        return make(name)
    except ImportError as error:
        raise MissingDependencyError(f"{field}={quote(name)}: {error}") from error
    except ValueError as error:
        reason = str(error).replace(repr(name), quote(name))[:_LONGEST_REASON]
    # Outside the handler: LangChain's error quotes the name at whatever length.
    raise ConfigurationError(f"{field}={quote(name)}: {reason}")


def reranker_of(value: object, seconds: float) -> Reranker | None:
    """The re-ranker that was given to ``open()``.

    Raises:
        ConfigurationError: it is no document compressor.
    """
    if value is None:
        return None
    if not is_a(value, BaseDocumentCompressor):
        raise ConfigurationError(
            f"reranker is of type {type_name(value)}; pass a LangChain BaseDocumentCompressor, such as CrossEncoderReranker"
        )
    return Reranker(value, seconds)
