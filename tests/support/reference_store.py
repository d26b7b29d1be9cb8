"""LangGraph's ``InMemoryStore`` with the documented differences: what our store has to answer.

The differences are in ``docs/explanation/what-the-store-does-differently.md``; each is in one place here.
"""

import asyncio
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from operator import ge, gt, le, lt
from typing import Any

import pytest
from langchain_core.embeddings import Embeddings
from langgraph.store import memory as in_memory
from langgraph.store.base import Item, ListNamespacesOp, SearchOp
from langgraph.store.memory import InMemoryStore

from langchain_persistmem import LocalEmbeddings, PersistMem, Settings
from langchain_persistmem.types.namespace import encode
from tests.store.test_store import model_of

Namespace = tuple[str, ...]
Place = tuple[Namespace, str]

FIELDS = ["text", "tags[*]", "deep.note"]
HALF_PRECISION = 1e-3
"""Vectors are stored with 11 bits for each component: a cosine moves by less than this."""


@dataclass(frozen=True)
class Number:
    """A number as JSON writes it: 1 is 1.0, and 1e23 is 10**23, which is not so among Python's floats."""

    exact: Decimal


@dataclass(frozen=True)
class Truth:
    """A truth value, which is no number."""

    value: bool


def typed(value: Any) -> Any:
    """``value`` with leaves that are equal only within one JSON type."""
    if isinstance(value, bool):
        return Truth(value)
    if isinstance(value, (int, float)):
        return Number(Decimal(repr(value)))
    if isinstance(value, Mapping):
        return {name: typed(inner) for name, inner in value.items()}
    return [typed(inner) for inner in value] if isinstance(value, (list, tuple)) else value


ORDERED: dict[str, Callable[[Any, Any], bool]] = {"$gt": gt, "$gte": ge, "$lt": lt, "$lte": le}
upstreams_operator = in_memory._apply_operator


def typed_operator(value: Any, operator: str, operand: Any) -> bool:
    """Numbers are ordered as numbers and strings as strings; everything else is in no order."""
    if operator in ("$in", "$nin"):  # unknown upstream
        return (value in operand) is (operator == "$in")
    if operator not in ORDERED:
        return upstreams_operator(value, operator, operand)
    if isinstance(value, Number) and isinstance(operand, Number):
        return ORDERED[operator](value.exact, operand.exact)
    return isinstance(value, str) and isinstance(operand, str) and ORDERED[operator](value, operand)


class Reference(InMemoryStore):
    """What the store should answer. Each method is a documented difference, or the clock that LangGraph's lacks."""

    def __init__(self, embeddings: Embeddings) -> None:
        super().__init__(index={"dims": 384, "embed": embeddings, "fields": FIELDS})
        self.step = 0
        self.changed: dict[Place, int] = {}
        self.created: dict[Place, int] = {}
        self.left: dict[Place, tuple[float, float]] = {}
        """Minutes to live, now and when it was put."""
        self.unswept: set[Place] = set()

    def _filter_items(self, op: SearchOp) -> list[tuple[Item, list[list[float]]]]:
        """Filters compare by type; the last changed comes first; a query leaves out what has no vector."""
        known = super()._filter_items(op._replace(filter=None, limit=10**9, offset=0))
        wanted = typed(op.filter or {})
        found = [
            (item, vectors)
            for item, vectors in known
            if all(in_memory._compare_values(typed(item.value).get(name), each) for name, each in wanted.items())
            and (vectors or not op.query)
        ]
        return sorted(
            found,
            key=lambda each: (
                -self.changed[each[0].namespace, each[0].key],
                each[0].key,
                encode(each[0].namespace),
            ),
        )

    def _extract_texts(self, put_ops: Any) -> Any:
        """A put replaces the old vectors; blank texts have none."""
        for namespace, key in put_ops:
            self._vectors[namespace].pop(key, None)
        return {text: places for text, places in super()._extract_texts(put_ops).items() if text.strip()}

    def _insertinmem_store(self, to_embed: Any, embeddings: Any) -> None:
        """A text may occur twice in a batch."""
        for places, embedding in zip(to_embed.values(), embeddings, strict=True):
            for namespace, key, path in places:
                self._vectors[namespace][key][path] = embedding

    def _apply_put_ops(self, put_ops: Any) -> None:
        """An update keeps created_at, what was put lives for its time, and a change has a place in the order."""
        super()._apply_put_ops(put_ops)
        self.step += 1
        for place, op in put_ops.items():
            self._forget(place)
            self.unswept.discard(place)
            if op.value is not None:
                self.changed[place] = self.step
                self.created.setdefault(place, self.step)
                if op.ttl is not None:
                    self.left[place] = (op.ttl, op.ttl)
            else:
                self.created.pop(place, None)

    def _handle_list_namespaces(self, op: ListNamespacesOp) -> list[Namespace]:
        """A namespace without an item is not listed, though it was read or had one."""
        for namespace in [namespace for namespace, items in self._data.items() if not items]:
            del self._data[namespace]
        return super()._handle_list_namespaces(op)

    def _forget(self, place: Place) -> None:
        self.changed.pop(place, None)
        self.left.pop(place, None)

    def was_read(self, items: Sequence[Any]) -> None:
        """What was read lives on."""
        for item in items:
            place = item.namespace, item.key
            if place in self.left:
                self.left[place] = (self.left[place][1],) * 2

    def pass_time(self, minutes: float) -> None:
        """What has no time left is gone, swept or not."""
        self.left = {place: (left - minutes, whole) for place, (left, whole) in self.left.items()}
        for namespace, key in [place for place, (left, _) in self.left.items() if left <= 0]:
            del self._data[namespace][key]
            self._vectors[namespace].pop(key, None)
            self._forget((namespace, key))
            self.created.pop((namespace, key))
            self.unswept.add((namespace, key))


def seen(item: Any) -> tuple[Any, ...]:
    """What two items have to share: JSON text tells -0.0 from 0, 1e16 from an int, and the order of keys."""
    return item and (item.namespace, item.key, json.dumps(item.value))


def answer(result: Any) -> Any:
    return (
        [each if isinstance(each, tuple) else seen(each) for each in result]
        if isinstance(result, list)
        else seen(result)
    )


def check_found(ours: Sequence[Any], theirs: Sequence[Any]) -> None:
    """The same items with the same scores, best first, as far as half precision tells."""
    scores = {seen(item): item.score for item in theirs}
    assert {seen(item) for item in ours} == set(scores)
    assert len(ours) == len(theirs)
    exact = [scores[seen(item)] for item in ours]
    if None in exact:
        assert [seen(item) for item in ours] == [seen(item) for item in theirs]
        assert {item.score for item in ours} == {None}
    else:
        assert [item.score for item in ours] == pytest.approx(exact, abs=HALF_PRECISION)
        assert [item.score for item in ours] == sorted((item.score for item in ours), reverse=True)


class Remembering(Embeddings):
    """The local model, asked once for each text."""

    def __init__(self, inner: Embeddings) -> None:
        self.inner = inner
        self.known: dict[str, list[float]] = {}

    def embed_documents(self, texts: list[str]) -> list[list[float]]:
        for text in texts:
            if text not in self.known:
                (self.known[text],) = self.inner.embed_documents([text])
        return [self.known[text] for text in texts]

    def embed_query(self, text: str) -> list[float]:
        return self.embed_documents([text])[0]


@pytest.fixture(scope="session")
def remembering(embeddings: LocalEmbeddings) -> Remembering:
    return Remembering(embeddings)


@pytest.fixture(params=["sync", "async"])
def call(request: pytest.FixtureRequest, database: str, remembering: Remembering) -> Iterator[Callable[..., Any]]:
    """``call("search", ...)`` in each colour in turn, on a store with the fields above."""
    settings = Settings(embedding_model=model_of(database))
    options: dict[str, Any] = {"embeddings": remembering, "settings": settings, "store_index": {"fields": FIELDS}}
    if request.param == "sync":
        with PersistMem.open(database, **options) as memory:
            store = memory.store
            yield lambda name, *args, **kwargs: getattr(store, name)(*args, **kwargs)
    else:
        with asyncio.Runner() as runner:

            async def opened() -> PersistMem:
                return await PersistMem.aopen(database, **options)

            memory = runner.run(opened())
            store = memory.store
            yield lambda name, *args, **kwargs: runner.run(getattr(store, f"a{name}")(*args, **kwargs))
            runner.run(memory.aclose())
