"""The cache of vectors: no model is asked twice for the same text."""

import hashlib
from array import array
from collections import OrderedDict
from collections.abc import Sequence
from typing import Literal

from langchain_persistmem.postgres.connections.forks import ProcessLock
from langchain_persistmem.types.records import Vector
from langchain_persistmem.types.vectors import UnitVector, norm_of

Use = Literal["text", "question"]
"""The use of a vector: some models make the vectors of questions differently."""


class VectorCache:
    """Up to ``size`` vectors by a hash of their texts, the longest unused dropped first; no text stays in memory.

    One object serves many threads.
    """

    def __init__(self, size: int) -> None:
        self._size = size
        self._vectors: OrderedDict[bytes, tuple[float, array[float]]] = OrderedDict()
        self._lock = ProcessLock()

    def get(self, use: Use, texts: Sequence[str]) -> dict[str, Vector]:
        """The vectors of those of ``texts`` that are stored."""
        vectors: dict[str, Vector] = {}
        with self._lock:
            for text in texts:
                digest = _digest(use, text)
                if digest in self._vectors:
                    self._vectors.move_to_end(digest)
                    norm, components = self._vectors[digest]
                    vectors[text] = UnitVector(components, norm)
        return vectors

    def put(self, use: Use, texts: Sequence[str], vectors: Sequence[Vector]) -> None:
        """Remember the vectors of ``texts``."""
        with self._lock:
            for text, vector in zip(texts, vectors, strict=True):
                self._vectors[_digest(use, text)] = norm_of(vector), array("d", vector)
            while len(self._vectors) > self._size:
                self._vectors.popitem(last=False)


def _digest(use: Use, text: str) -> bytes:
    return hashlib.sha256(f"{use}\x1f{text}".encode(errors="surrogatepass")).digest()
