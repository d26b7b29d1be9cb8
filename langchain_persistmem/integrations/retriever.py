"""LangChain retrievers over the memories of whoever asks, and over the turns of their session; one object serves every user."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any, ClassVar

from langchain_core.callbacks import AsyncCallbackManagerForRetrieverRun, CallbackManagerForRetrieverRun
from langchain_core.documents import Document
from langchain_core.runnables import RunnableConfig

from langchain_persistmem.client.persistmem import PersistMem
from langchain_persistmem.integrations.memory_permission import amay_recall, may_recall
from langchain_persistmem.integrations.strict_retriever import StrictRetriever
from langchain_persistmem.language.search_terms.tokenization import cut_tokens
from langchain_persistmem.runtime.run_identity import (
    current_runtime,
    namespace_of_run,
    off_the_record,
    read_config,
    thread_if_any,
    thread_of,
)
from langchain_persistmem.types import validation
from langchain_persistmem.types.namespace import Namespace
from langchain_persistmem.types.recall_results import Recollection
from langchain_persistmem.types.records import Kind, Turn

_MOST = 1_000
_LATEST = 0.2
"""The worth of being the latest turn, in shares of the question's words; half of it for the turn before, and so on."""


class _RunRetriever(StrictRetriever):
    """Base of retrievers that read the user from each run, unless they were made for one."""

    memory: PersistMem
    """Opened with ``open()`` or, for async chains, ``aopen()``."""
    user_id: str | None = None
    """Only for a retriever that serves one user."""
    namespace: Namespace | None = None
    """The same, as a namespace."""

    def invoke(self, input: str, config: RunnableConfig | None = None, **kwargs: Any) -> list[Document]:
        """Find the documents that are relevant for ``input``, best first.

        Nothing in a run with ``off_the_record``, in a thread off the record, or while the person has paused memory.

        Raises:
            NamespaceMissingError: the run names no user.
            InvalidInputError: an argument is out of range, or no option of a call; the message names it.
            EmbeddingError: the query has no vector.
        """
        input = self.check_query(input)
        options, config = self.check_options(kwargs), read_config(config)
        if off_the_record(config, current_runtime()):
            return []
        return super().invoke(input, config, **options, **self._read(config))

    async def ainvoke(self, input: str, config: RunnableConfig | None = None, **kwargs: Any) -> list[Document]:
        """:meth:`invoke`, awaited."""
        input = self.check_query(input)
        options, config = self.check_options(kwargs), read_config(config)
        if off_the_record(config, current_runtime()):
            return []
        return await super().ainvoke(input, config, **options, **self._read(config))

    def _read(self, config: RunnableConfig) -> dict[str, Any]:
        """Read the facts of the run; LangChain does not hand its config on to the methods below."""
        return {"target": self._namespace_of(config), "thread_id": thread_if_any(config)}

    def _namespace_of(self, config: RunnableConfig | None) -> Namespace:
        if self.user_id is not None or self.namespace is not None:
            return self.memory.namespace_of(self.user_id, self.namespace)
        return namespace_of_run(self.memory.namespace, config or read_config(None), current_runtime())


class PersistMemRetriever(_RunRetriever):
    """Recall as a retriever, to stand in LCEL chains, in tools, and in ensembles beside one's documents.

    Whose memories: ``user_id`` or ``namespace`` if the retriever was made for one user; otherwise
    the run's, as in the graph nodes: the authenticated user, then ``user_id`` in the run's
    context, then in ``config["configurable"]``. Without any of them ``NamespaceMissingError`` is raised.

    A document's ``id`` is the memory's key; its ``metadata`` has ``namespace``, ``kind``,
    ``score`` (0 to 1), ``why`` (the parts of the score), ``provenance``, ``speaker``, ``valid_from``
    (ISO 8601) and the memory's ``value``.

    ``k``, ``kinds``, ``filter`` and ``threshold`` can be given for one call, as
    ``retriever.invoke(query, k=3)``, or be made configurable with LangChain's ``configurable_fields``.
    """

    call_options: ClassVar[tuple[str, ...]] = ("k", "kinds", "filter", "threshold")

    k: int = 10
    """At most so many documents, 1 to 1,000."""
    kinds: Sequence[Kind] | None = None
    """Only these kinds of memory."""
    filter: dict[str, Any] | None = None
    """Conditions on ``value``, as in LangGraph's store."""
    threshold: float | None = None
    """0 to 1; if even the best score is below it, there are no documents. By default ``Settings.threshold``."""

    def _get_relevant_documents(
        self, query: str, *, run_manager: CallbackManagerForRetrieverRun, k: int | None = None, **options: Any
    ) -> list[Document]:
        return [_document(recollection) for recollection in self.memory.recall(query, **self._options(k, **options))]

    async def _aget_relevant_documents(
        self, query: str, *, run_manager: AsyncCallbackManagerForRetrieverRun, k: int | None = None, **options: Any
    ) -> list[Document]:
        return [
            _document(recollection) for recollection in await self.memory.arecall(query, **self._options(k, **options))
        ]

    def _options(self, k: int | None, target: Namespace | None = None, **options: Any) -> dict[str, Any]:
        most = validation.count(self.k if k is None else k, "k", at_least=1, at_most=_MOST)
        own_options = {"kinds": self.kinds, "filter": self.filter, "threshold": self.threshold}
        return {"limit": most, "namespace": target or self._namespace_of(None), **own_options, **options}


class PersistMemSessionRetriever(_RunRetriever):
    """Turns of the run's own thread: those that share words with the question, then the latest.

    The score is ``(coverage + recency) / 1.2``. ``coverage``: of the question's words that the considered
    turns have at all, the share that this turn has, a word counting for more the fewer of them have it.
    ``recency``: 0.2 for the latest turn, 0.1 for the one before, and so on. It decides where no words are
    shared: "and how much?" is about the latest turn.

    No model is asked, on purpose: the latest turns have no vectors before something was learnt from
    them, a session is short, and turns that are alike in meaning come from :class:`PersistMemRetriever`.
    Words are compared as they are written, capitals apart; "cat" does not find "cats".

    Which thread: ``thread_id``, or ``config["configurable"]["thread_id"]``. Whose: as for
    :class:`PersistMemRetriever`. A document's ``id`` is the message's; its ``metadata`` has ``namespace``,
    ``thread_id``, ``message_id``, ``role``, ``speaker``, ``sent_at`` (ISO 8601) and ``score`` (0 to 1).
    ``k`` and ``turns`` can be given for one call.
    """

    call_options: ClassVar[tuple[str, ...]] = ("k", "turns")

    k: int = 5
    """At most so many documents, 1 to 1,000."""
    turns: int = 50
    """Number of the thread's latest turns that are considered, 1 to 1,000; those of tools and the system do not
    count."""
    thread_id: str | None = None
    """Only for a retriever that serves one thread."""
    thread_key: str = "thread_id"
    """The thread's name in ``config["configurable"]``, such as ``"conversation_id"``."""

    def _get_relevant_documents(
        self, query: str, *, run_manager: CallbackManagerForRetrieverRun, **options: Any
    ) -> list[Document]:
        k, target, thread, latest = self._options(**options)
        if not may_recall(self.memory, thread, namespace=target):
            return []
        query = self._as_stored(query)
        return _rank_turns(
            query, self.memory.conversations.turns(thread, limit=latest, namespace=target), target, thread, k
        )

    async def _aget_relevant_documents(
        self, query: str, *, run_manager: AsyncCallbackManagerForRetrieverRun, **options: Any
    ) -> list[Document]:
        k, target, thread, latest = self._options(**options)
        if not await amay_recall(self.memory, thread, namespace=target):
            return []
        query = self._as_stored(query)
        return _rank_turns(
            query, await self.memory.conversations.aturns(thread, limit=latest, namespace=target), target, thread, k
        )

    def _read(self, config: RunnableConfig) -> dict[str, Any]:
        return {"target": self._namespace_of(config), "thread": self._thread(config)}

    def _as_stored(self, query: str) -> str:
        """Redact the query as the stored turns are."""
        redaction = self.memory.backend.settings.redaction
        return query if redaction is None else redaction.redact(query)

    def _thread(self, config: RunnableConfig | None) -> str:
        if self.thread_id is not None:
            return self.thread_id
        return thread_of(config or read_config(None), self.thread_key)

    def _options(
        self,
        k: int | None = None,
        turns: int | None = None,
        target: Namespace | None = None,
        thread: str | None = None,
    ) -> tuple[int, Namespace, str, int]:
        most = validation.count(self.k if k is None else k, "k", at_least=1, at_most=_MOST)
        latest = validation.count(self.turns if turns is None else turns, "turns", at_least=1, at_most=_MOST)
        return most, target or self._namespace_of(None), thread or self._thread(None), latest


def _document(recollection: Recollection) -> Document:
    memory = recollection.memory
    metadata = {
        "namespace": memory.namespace,
        "kind": memory.kind,
        "score": recollection.score,
        "score_parts": asdict(recollection.score_parts),
        "provenance": asdict(memory.provenance),
        "speaker": memory.speaker,
        "valid_from": memory.valid_from.isoformat(),
        "value": dict(memory.value),
    }
    return Document(id=memory.key, page_content=recollection.text, metadata=metadata)


def _rank_turns(query: str, turns: Sequence[Turn], namespace: Namespace, thread_id: str, k: int) -> list[Document]:
    """Rank turns, which come oldest first, and return the best ``k`` for ``query``."""
    conversation = [turn for turn in turns if turn.role in ("user", "assistant") and turn.text.strip()]
    if (
        conversation and conversation[-1].text.strip() == query.strip()
    ):  # the question itself, where it is stored before it is answered
        conversation.pop()
    question = _words(query)
    words = [_words(turn.text) for turn in conversation]
    turns_with = Counter(word for turn_words in words for word in turn_words)
    rarity = {word: math.log((len(conversation) + 1) / turns_with[word]) for word in question & turns_with.keys()}
    whole = sum(rarity.values())
    documents: list[Document] = []
    for age, (turn, turn_words) in enumerate(reversed(list(zip(conversation, words, strict=True)))):
        coverage = sum(rarity[word] for word in rarity.keys() & turn_words) / whole if whole else 0.0
        score = (coverage + _LATEST * 0.5**age) / (1 + _LATEST)
        documents.append(_turn_document(turn, namespace, thread_id, score))
    return sorted(documents, key=lambda document: -document.metadata["score"])[:k]


def _turn_document(turn: Turn, namespace: Namespace, thread_id: str, score: float) -> Document:
    metadata = {
        "namespace": namespace,
        "thread_id": thread_id,
        "message_id": turn.id,
        "role": turn.role,
        "speaker": turn.speaker,
        "sent_at": turn.sent_at.isoformat(),
        "score": score,
    }
    return Document(id=turn.id, page_content=turn.text, metadata=metadata)


def _words(text: str) -> set[str]:
    """Split ``text`` into the terms that search by words knows, without their stems."""
    return {
        form for token in cut_tokens(text) for form in (token.parts if token.is_run else (token.whole, *token.parts))
    }
