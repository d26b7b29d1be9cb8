"""One loaded embedding model for all tests of a process, which embeds each text once.

``LocalEmbeddings`` promises the same vector for a text, alone and in any batch; the tests of that promise use models of
their own.
"""

from array import array
from functools import cache
from typing import Any

from langchain_persistmem import LocalEmbeddings
from langchain_persistmem.runtime.models import local_embeddings

OWN: tuple[tuple[Any, str, Any], ...] = (
    (local_embeddings, "_session", local_embeddings._session),
    (local_embeddings, "_tokenizer", local_embeddings._tokenizer),
    (LocalEmbeddings, "_run", LocalEmbeddings._run),
)
"""What is replaced, and by what: each object loads a model, and embeds whatever it is given."""

_embed = LocalEmbeddings._run
_vectors: dict[tuple[int, ...], "array[float]"] = {}


def share_model() -> None:
    """Have every ``LocalEmbeddings`` of this process use one model, and what it has made of a text before."""
    local_embeddings._session = cache(local_embeddings._session)
    local_embeddings._tokenizer = cache(local_embeddings._tokenizer)
    LocalEmbeddings._run = _run  # type: ignore[method-assign]


def _run(self: LocalEmbeddings, tokens: list[list[int]]) -> list[list[float]]:
    texts = [tuple(ids) for ids in tokens]
    new = [ids for ids in dict.fromkeys(texts) if ids not in _vectors]
    if new:
        made = _embed(self, [list(ids) for ids in new])
        _vectors.update(zip(new, (array("f", vector) for vector in made), strict=True))
    return [_vectors[ids].tolist() for ids in texts]
