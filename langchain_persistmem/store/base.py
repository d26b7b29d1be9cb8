"""What the two stores share, whichever colour: their options, and the shape of their answers."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from functools import partial
from typing import Any

from langchain_core.embeddings import Embeddings
from langgraph.store.base import BaseStore, Item, Op, Result, TTLConfig

from langchain_persistmem.runtime.backend import AsyncBackend, SyncBackend
from langchain_persistmem.store.index import (
    Config,
    StoreIndex,
    minutes,
    ttl_of,
)
from langchain_persistmem.store.ops import MAX_TEXT_CHARS, texts_of

Deserializer = Callable[[bytes], dict[str, Any]]

_MINUTES = 5.0
"""Between two sweeps, where the ``ttl`` does not say."""


class Store(BaseStore):
    """What both colours share: LangGraph's store contract over the memories of one database.

    An item is a memory: what is put here is recalled, and what was remembered is found here. The
    text that an item is recalled by is what ``fields`` (or ``put(index=...)``) point at; for ``$``,
    the whole, that is ``value["text"]`` or ``value["content"]`` if there is one, else the JSON.
    ``value["kind"]`` and ``value["importance"]`` are honoured.

    In a batch all reads see one moment before its writes, the last put of a key wins, and either
    all writes happen or none. Expired items are never returned, whether they were swept or not.
    """

    supports_ttl = True
    index_config: Config | None
    """The ``index`` that was given."""
    embeddings: Embeddings | None
    """The embedding model, if this store has one of its own."""
    _backend: SyncBackend | AsyncBackend

    @property
    def backend(self) -> SyncBackend | AsyncBackend:
        """The database and the models, which another store can share."""
        return self._backend

    def _set(
        self, index: Config | None, options: StoreIndex | None, ttl: Config | None, load: Deserializer | None
    ) -> None:
        self.index_config = index
        self.ttl_config: TTLConfig | None = ttl_of(ttl)
        self._index = options
        self._load = load
        if options is not None and options.fields != StoreIndex().fields:
            # for vectors that are made anew, far from any put
            self._backend.item_texts = partial(texts_of, paths=options.fields, max_chars=MAX_TEXT_CHARS)

    def _flow(self, ops: Iterable[Op]) -> dict[str, Any]:
        return {"ops": list(ops), "index": self._index, "now": datetime.now(UTC), "seen": {}}

    def _loaded(self, results: list[Result]) -> list[Result]:
        if self._load is not None:
            for result in results:
                for item in result if isinstance(result, list) else [result]:
                    if isinstance(item, Item):
                        item.value = self._load(json.dumps(item.value, ensure_ascii=False).encode())
        return results

    def _sweep_seconds(self, given: float | None) -> float | None:
        """Seconds between two sweeps; None if nobody asked for any."""
        if given is not None:
            return 60 * minutes(given, "sweep_interval_minutes")
        if self.ttl_config is None:
            return None
        return 60 * (self.ttl_config.get("sweep_interval_minutes") or _MINUTES)

    @property
    def _dims(self) -> int | None:
        return self._index.dims if self._index else None

    @property
    def _sweeps_by_itself(self) -> bool:
        return bool(self.ttl_config and self.ttl_config.get("sweep_interval_minutes"))
