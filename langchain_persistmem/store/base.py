"""The base class of the sync and the async store: options and results."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime
from functools import partial, wraps
from inspect import iscoroutinefunction, signature
from typing import Any, ParamSpec, TypeVar, cast
from uuid import UUID

from langchain_core.embeddings import Embeddings
from langgraph.store.base import BaseStore, Item, NotProvided, Op, Result, TTLConfig

from langchain_persistmem.errors import InvalidInputError
from langchain_persistmem.runtime.backend import AsyncBackend, SyncBackend
from langchain_persistmem.store.index_and_ttl import (
    Config,
    StoreIndex,
    minutes,
    ttl_of,
)
from langchain_persistmem.store.indexed_texts import texts_of
from langchain_persistmem.store.ops import MAX_TEXT_CHARS, InvalidLabelError, check_labels, check_minutes, check_path
from langchain_persistmem.types import validation
from langchain_persistmem.types.namespace import Namespace
from langchain_persistmem.types.representation import is_a, plain, type_name

Deserializer = Callable[[bytes], dict[str, Any]]

_MINUTES = 5.0
"""The interval between two sweeps, unless the ``ttl`` sets one."""
_LARGEST_KEY = 10**1_024
"""No key has more than 1,024 bytes, and Python writes no number of more than 4,300 digits."""


P = ParamSpec("P")
T = TypeVar("T")


def _check_key(key: object, where: str) -> object:
    """Check a key before LangGraph makes a string of it."""
    key = plain(key)
    if not any(is_a(key, kind) for kind in (str, int, float, UUID)) or (is_a(key, int) and abs(key) > _LARGEST_KEY):
        raise InvalidInputError(f"{where} is of type {type_name(key)}; pass a string")
    return key


def _check_ttl(ttl: object, where: str) -> object:
    return ttl if is_a(ttl, NotProvided) else check_minutes(ttl, where)


def _check_new_namespace(labels: object, where: str) -> Namespace:
    namespace = check_labels(labels, where)
    if not namespace or namespace[0] == "langgraph":
        problem = "begins with 'langgraph', which LangGraph keeps for itself" if namespace else "is empty"
        raise InvalidLabelError(f"{where} {problem}; pass labels such as ('memories', 'ada')")
    return namespace


_CHECKS: Mapping[str, Callable[[object, str], object]] = {
    "namespace": check_labels,
    "namespace_prefix": check_labels,
    "prefix": lambda path, where: None if path is None else check_path(path, where),
    "suffix": lambda path, where: None if path is None else check_path(path, where),
    "key": _check_key,
    "ttl": _check_ttl,
}


def _check_first(method: Callable[P, T], **checks: Callable[[object, str], object]) -> Callable[P, T]:
    """Decorate a method of LangGraph's base class: it looks into its arguments, and quotes them, before ``batch`` is asked."""
    shape, checks = signature(method), {**_CHECKS, **checks}

    def check(*args: Any, **kwargs: Any) -> Any:
        try:
            binding = shape.bind(*args, **kwargs)
        except TypeError:  # the method itself says what is wrong with the call
            return method(*args, **kwargs)
        for name, value in binding.arguments.items():
            binding.arguments[name] = checks[name](value, name) if name in checks else plain(value)
        return method(*binding.args, **binding.kwargs)

    if iscoroutinefunction(method):

        @wraps(method)
        async def wrapper(*args: P.args, **kwargs: P.kwargs) -> Any:
            return await check(*args, **kwargs)

        return cast("Callable[P, T]", wrapper)

    return cast("Callable[P, T]", wraps(method)(check))


class Store(BaseStore):
    """LangGraph's store contract over the memories of one database.

    An item is a memory: items of this store are recalled, and remembered statements are items of
    this store. The text of an item is at the paths in ``fields`` (or ``put(index=...)``); for ``$``,
    the whole, it is ``value["text"]`` or ``value["content"]`` if there is one, else the JSON.
    ``value["kind"]`` and ``value["importance"]`` become the memory's kind and importance.

    In a batch all reads see one moment before its writes, the last put of a key wins, and either
    all writes happen or none. Expired items are never returned, swept or not.
    """

    supports_ttl = True
    index_config: Config | None
    """The ``index`` argument."""
    embeddings: Embeddings | None
    """The embedding model of a store that has its own."""
    _backend: SyncBackend | AsyncBackend

    get, aget = _check_first(BaseStore.get), _check_first(BaseStore.aget)
    search, asearch = _check_first(BaseStore.search), _check_first(BaseStore.asearch)
    put = _check_first(BaseStore.put, namespace=_check_new_namespace)
    aput = _check_first(BaseStore.aput, namespace=_check_new_namespace)
    delete, adelete = _check_first(BaseStore.delete), _check_first(BaseStore.adelete)
    list_namespaces = _check_first(BaseStore.list_namespaces)
    alist_namespaces = _check_first(BaseStore.alist_namespaces)

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
            # reembed() has no put that names the fields: the backend needs them to compute the texts again
            self._backend.item_texts = partial(texts_of, paths=options.fields, max_chars=MAX_TEXT_CHARS)

    def _flow(self, ops: Iterable[Op]) -> dict[str, Any]:
        return {
            "ops": validation.check_list(ops, "ops"),
            "index": self._index,
            "now": datetime.now(UTC),
            "generation_of": {},
        }

    def _load_values(self, results: list[Result]) -> list[Result]:
        if self._load is not None:
            for result in results:
                for item in result if isinstance(result, list) else [result]:
                    if isinstance(item, Item):
                        item.value = self._load(json.dumps(item.value, ensure_ascii=False).encode())
        return results

    def _sweep_seconds(self, minutes_between: float | None) -> float | None:
        """Return the seconds between two sweeps; None if the store does not sweep."""
        if minutes_between is not None:
            return 60 * minutes(minutes_between, "sweep_interval_minutes")
        if self.ttl_config is None:
            return None
        return 60 * (self.ttl_config.get("sweep_interval_minutes") or _MINUTES)

    @property
    def _dims(self) -> int | None:
        return self._index.dims if self._index else None

    @property
    def _sweeps_by_itself(self) -> bool:
        return bool(self.ttl_config and self.ttl_config.get("sweep_interval_minutes"))
