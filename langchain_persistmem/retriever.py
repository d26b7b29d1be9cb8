"""The memories of whoever asks, as a LangChain retriever: one object serves every user."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from langchain_core.callbacks import AsyncCallbackManagerForRetrieverRun, CallbackManagerForRetrieverRun
from langchain_core.documents import Document
from langchain_core.retrievers import BaseRetriever
from langchain_core.runnables import RunnableConfig
from langchain_core.runnables.config import ensure_config
from pydantic import ConfigDict

from langchain_persistmem.identity import current_runtime, whose_memory
from langchain_persistmem.namespace import Namespace
from langchain_persistmem.persistmem import PersistMem
from langchain_persistmem.types import Kind, Recollection


class PersistMemRetriever(BaseRetriever):
    """Recall as a retriever, to stand in LCEL chains, in tools, and in ensembles beside one's documents.

    Whose memories: ``user_id`` or ``namespace`` if the retriever was made for one user; otherwise
    the run's, as in the graph nodes: the authenticated user, then ``user_id`` in the run's
    context, then in ``config["configurable"]``. Without any of them ``NamespaceMissing`` is raised.

    A document's ``id`` is the memory's key; its ``metadata`` has ``namespace``, ``kind``,
    ``score`` (0 to 1), ``why`` (the parts of the score), ``provenance``, ``valid_from`` (ISO 8601)
    and the memory's ``value``.

    ``k``, ``kinds``, ``filter`` and ``threshold`` can be given for one call, as
    ``retriever.invoke(query, k=3)``, or be made configurable with LangChain's ``configurable_fields``.
    """

    model_config = ConfigDict(arbitrary_types_allowed=True)

    memory: PersistMem
    """Opened with ``open()`` or, for async chains, ``aopen()``."""
    k: int = 10
    """At most so many documents, 1 to 1,000."""
    kinds: Sequence[Kind] | None = None
    """Only these kinds of memory."""
    filter: dict[str, Any] | None = None
    """Conditions on ``value``, as in LangGraph's store."""
    threshold: float | None = None
    """0 to 1; if even the best score is below it, there are no documents. By default ``Settings.threshold``."""
    user_id: str | None = None
    """Only for a retriever that serves one user."""
    namespace: Namespace | None = None
    """The same, as a namespace."""

    def invoke(self, input: str, config: RunnableConfig | None = None, **kwargs: Any) -> list[Document]:
        """The memories that are relevant for ``input``, best first.

        Raises:
            NamespaceMissing: nobody said whose memories are meant.
            InvalidInput: an argument is out of range; the message names it.
            EmbeddingFailed: the query has no vector.
        """
        return super().invoke(input, config, **{"whose": self._whose(config), **kwargs})

    async def ainvoke(self, input: str, config: RunnableConfig | None = None, **kwargs: Any) -> list[Document]:
        """:meth:`invoke`, awaited."""
        return await super().ainvoke(input, config, **{"whose": self._whose(config), **kwargs})

    def _get_relevant_documents(
        self, query: str, *, run_manager: CallbackManagerForRetrieverRun, k: int | None = None, **options: Any
    ) -> list[Document]:
        return [_document(each) for each in self.memory.recall(query, **self._options(k, **options))]

    async def _aget_relevant_documents(
        self, query: str, *, run_manager: AsyncCallbackManagerForRetrieverRun, k: int | None = None, **options: Any
    ) -> list[Document]:
        return [_document(each) for each in await self.memory.arecall(query, **self._options(k, **options))]

    def _options(self, k: int | None, whose: Namespace | None = None, **given: Any) -> dict[str, Any]:
        ours = {"kinds": self.kinds, "filter": self.filter, "threshold": self.threshold}
        return {"limit": self.k if k is None else k, "namespace": whose or self._whose(None), **ours, **given}

    def _whose(self, config: RunnableConfig | None) -> Namespace:
        if self.user_id is not None or self.namespace is not None:
            return self.memory.whose(self.user_id, self.namespace)
        return whose_memory(self.memory.namespace, ensure_config(config), current_runtime())


def _document(recollection: Recollection) -> Document:
    memory = recollection.memory
    metadata = {
        "namespace": memory.namespace,
        "kind": memory.kind,
        "score": recollection.score,
        "why": asdict(recollection.why),
        "provenance": asdict(memory.provenance),
        "valid_from": memory.valid_from.isoformat(),
        "value": dict(memory.value),
    }
    return Document(id=memory.key, page_content=recollection.text, metadata=metadata)
