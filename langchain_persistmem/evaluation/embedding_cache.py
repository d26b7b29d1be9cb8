"""A cache of embeddings, so that an interrupted evaluation embeds no text twice."""

from __future__ import annotations

import hashlib
import sqlite3
from array import array
from collections.abc import Callable, Sequence
from pathlib import Path

from langchain_core.embeddings import Embeddings


class EmbeddingCache(Embeddings):
    """An embedding model with its vectors in a SQLite file, by the model's name and the text.

    Args:
        model: the model for the texts that are not in the file.
        name: the model's name.
        path: the file; created if it does not exist.
    """

    def __init__(self, model: Embeddings, name: str, path: Path) -> None:
        self._model = model
        self._name = name
        self._file = sqlite3.connect(path, check_same_thread=False, isolation_level=None)
        self._file.execute("CREATE TABLE IF NOT EXISTS vectors (digest BLOB PRIMARY KEY, vector BLOB NOT NULL)")

    def close(self) -> None:
        """Close the file."""
        self._file.close()

    def embed_documents(self, texts: list[str]) -> list[list[float]]:
        return self._vectors("document", texts, self._model.embed_documents)

    def embed_query(self, text: str) -> list[float]:
        return self._vectors("query", [text], lambda texts: [self._model.embed_query(texts[0])])[0]

    def _vectors(
        self, use: str, texts: Sequence[str], embed: Callable[[list[str]], list[list[float]]]
    ) -> list[list[float]]:
        digests = [hashlib.sha256("\x1f".join((self._name, use, text)).encode()).digest() for text in texts]
        vectors = {digest: vector for digest in digests if (vector := self._read(digest)) is not None}
        missing = {digest: text for digest, text in zip(digests, texts, strict=True) if digest not in vectors}
        if missing:
            fresh = dict(zip(missing, embed(list(missing.values())), strict=True))
            rows = [(digest, array("d", vector).tobytes()) for digest, vector in fresh.items()]
            self._file.execute("BEGIN")
            self._file.executemany("INSERT OR IGNORE INTO vectors VALUES (?, ?)", rows)
            self._file.execute("COMMIT")
            vectors |= fresh
        return [vectors[digest] for digest in digests]

    def _read(self, digest: bytes) -> list[float] | None:
        row = self._file.execute("SELECT vector FROM vectors WHERE digest = ?", (digest,)).fetchone()
        return None if row is None else array("d", row[0]).tolist()
