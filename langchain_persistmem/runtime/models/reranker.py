"""An application's own re-ranker: its order in place of ours, its time limit, and the fall-back to our order."""

import asyncio
import logging
import threading
from collections.abc import Awaitable, Callable, Mapping, Sequence
from concurrent.futures import Future
from functools import partial
from typing import cast

from langchain_core.documents import BaseDocumentCompressor, Document

from langchain_persistmem.errors import ConfigurationError
from langchain_persistmem.postgres import telemetry
from langchain_persistmem.types.recall_results import RankedCandidate, Rerankable
from langchain_persistmem.types.representation import is_a, type_name

logger = logging.getLogger(__name__)

_MOST = 30
"""So many of the best are given to a re-ranker: what it costs grows with their number."""

_MOST_ABANDONED = 8
"""Blocking calls of a re-ranker that may go on behind their time limit: a thread cannot be stopped, so no more are begun."""

_MARK = "memory_id"
"""The metadata by which a document is known again: compressors copy documents, and keep this."""


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


Call = Callable[
    [Callable[[], Sequence[Document]], Callable[[], Awaitable[Sequence[Document]]]], Awaitable[Sequence[Document]]
]
"""Makes one of two calls that do the same, the blocking one or the other."""


async def rerank(
    reranker: Reranker, call: Call, redact: Callable[[str], str], query: str, ranked: list[RankedCandidate]
) -> list[RankedCandidate]:
    """The candidates, the best of them in the order of the re-ranker; scores stay.

    What it does not name comes behind what it does, in our order, which stands where it fails. Documents that are not known,
    and second ones of a memory, do not count.
    """
    best = {str(entry.row.id): entry for entry in ranked[:_MOST]}
    if not best:
        return ranked
    documents = documents_of({id: _rerankable(entry, redact) for id, entry in best.items()})
    order = await _ask(reranker, call, documents, redact(query))
    first = {id: best[id] for id in order if id in best}
    return [*first.values(), *(entry for id, entry in best.items() if id not in first), *ranked[_MOST:]]


async def _ask(reranker: Reranker, call: Call, documents: Sequence[Document], query: str) -> list[str]:
    """The ids as the re-ranker orders them; none where it failed or took too long, which is logged."""
    try:
        with telemetry.model_call("rerank") as seen:
            seen.count(len(documents))
            documents_in_order = await call(
                partial(reranker.rerank, documents, query), partial(reranker.arerank, documents, query)
            )
            return ids_of(documents_in_order)
    except TimeoutError:
        logger.warning("the re-ranker took longer than rerank_seconds, the order of recall stands")
    except Exception as error:  # noqa: BLE001 - whatever it raises, its text may quote a memory
        logger.warning("the re-ranker failed with %s, the order of recall stands", type(error).__qualname__)
    return []


def _rerankable(entry: RankedCandidate, redact: Callable[[str], str]) -> Rerankable:
    row = entry.row
    metadata = {"kind": row.kind, "valid_from": row.valid_from.isoformat()}
    if row.speaker:
        metadata["speaker"] = row.speaker
    return Rerankable(redact(row.text or ""), metadata)


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
