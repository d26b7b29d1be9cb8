"""One loaded embedding model for all tests of a process; a text is embedded once for all processes of a run.

``LocalEmbeddings`` promises the same vector for a text, alone and in any batch; the tests of that promise use models of
their own.
"""

import hashlib
import tempfile
from array import array
from collections.abc import Sequence
from functools import cache
from pathlib import Path
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


class Vectors:
    """The vectors that the model has made, by the numbers of a text's tokens: in memory, and as files for other processes."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._read = dict[tuple[int, ...], "array[float]"]()

    def get(self, tokens: tuple[int, ...]) -> "array[float] | None":
        if tokens not in self._read and (file := self._file(tokens)).exists():
            self._read[tokens] = array("f", file.read_bytes())
        return self._read.get(tokens)

    def add(self, tokens: tuple[int, ...], vector: Sequence[float]) -> None:
        self._read[tokens] = array("f", vector)
        with tempfile.NamedTemporaryFile(dir=self._folder, delete=False) as file:
            file.write(self._read[tokens].tobytes())
        Path(file.name).rename(self._file(tokens))  # at once, for whoever reads it meanwhile

    def _file(self, tokens: tuple[int, ...]) -> Path:
        return self._folder / hashlib.sha256(array("I", tokens).tobytes()).hexdigest()


def share_model(folder: Path) -> None:
    """Have every ``LocalEmbeddings`` use one model, and what it has made of a text before, in any process that has ``folder``."""
    folder.mkdir(exist_ok=True)
    vectors = Vectors(folder)

    def run(self: LocalEmbeddings, tokens: list[list[int]]) -> list[list[float]]:
        texts = [tuple(ids) for ids in tokens]
        new = [ids for ids in dict.fromkeys(texts) if vectors.get(ids) is None]
        for ids, vector in zip(new, _embed(self, [list(ids) for ids in new]) if new else (), strict=True):
            vectors.add(ids, vector)
        return [vector.tolist() for ids in texts if (vector := vectors.get(ids)) is not None]

    local_embeddings._session = cache(local_embeddings._session)
    local_embeddings._tokenizer = cache(local_embeddings._tokenizer)
    LocalEmbeddings._run = run  # type: ignore[method-assign]
