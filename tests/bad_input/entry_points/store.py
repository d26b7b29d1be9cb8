"""The arguments of the store's methods, and the items that they have put."""

from __future__ import annotations

from typing import Any

from tests.bad_input.corpus import (
    FILTERS,
    NAMESPACES,
    NUMBERS,
    TEXTS,
    VALUES,
)
from tests.bad_input.entry_points.entry_point import (
    NAME,
    USER,
    EntryPoint,
    fresh,
    nothing,
)
from tests.conftest import Either

_LASTING = {name: number for name, number in NUMBERS.items() if name != "smallest"}
"""An item that lives for 5e-324 minutes is gone before it is read."""


_PREFIXES = {name: given for name, given in NAMESPACES.items() if given is not None}
"""LangGraph itself goes through the prefix before a store sees it."""


async def put(
    memory: Either, *, namespace: Any = ("memories", USER), key: Any = None, value: Any = None, **more: Any
) -> Any:
    """Put an item and get it again."""
    key, value = fresh() if key is None else key, {"text": "a"} if value is None else value
    store = memory.memory.store
    if memory.asynchronous:
        await store.aput(namespace, key, value, **more)
        found = await store.aget(namespace, key)
    else:
        store.put(namespace, key, value, **more)
        found = store.get(namespace, key)
    return found and (found.key, found.value), (str(key), value)  # LangGraph makes a string of every key


async def search(memory: Either, **given: Any) -> None:
    """Search items."""
    store, prefix = memory.memory.store, given.pop("prefix", ("memories", USER))
    await store.asearch(prefix, **given) if memory.asynchronous else store.search(prefix, **given)


STORE = (
    EntryPoint("store.put: key", "key", NAME, lambda m, v: put(m, key=v) if v is not None else nothing()),
    EntryPoint(
        "store.put: value", "value", {n: v for n, v in VALUES.items() if v is not None}, lambda m, v: put(m, value=v)
    ),
    EntryPoint("store.put: namespace", "namespace", NAMESPACES, lambda m, v: put(m, namespace=v)),
    EntryPoint("store.put: ttl", "ttl", _LASTING, lambda m, v: put(m, ttl=v)),
    EntryPoint("store.search: filter", "filter", FILTERS, lambda m, v: search(m, filter=v)),
    EntryPoint("store.search: limit", "limit", NUMBERS, lambda m, v: search(m, limit=v)),
    EntryPoint("store.search: query", "query", TEXTS, lambda m, v: search(m, query=v)),
    EntryPoint("store.search: prefix", "namespace|prefix", _PREFIXES, lambda m, v: search(m, prefix=v)),
)
