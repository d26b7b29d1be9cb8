"""Vectors in the form that is compared: finite, of one dimension, of length 1."""

import math
from collections.abc import Iterable, Sequence
from typing import Literal

from langchain_persistmem.errors import EmbeddingError, EmbeddingMismatchError
from langchain_persistmem.types.records import Vector

MAX_DIMENSIONS = 16_000
"""The most dimensions that pgvector's types hold."""

_SHORTEST, _LONGEST = 1e-37, 1e38  # the length is kept with single precision

Distance = Literal["cosine", "l2", "inner_product"]
"""The distance of a store's search: by cosine, Euclidean, or by inner product."""


class UnitVector(list[float]):
    """A vector of length 1, and the length that the embedding model gave it."""

    __slots__ = ("norm",)

    def __init__(self, components: Iterable[float], norm: float) -> None:
        super().__init__(components)
        self.norm = norm


def norm_of(vector: Vector) -> float:
    """Return the length that the embedding model gave ``vector``; 1 for a plain list."""
    return vector.norm if isinstance(vector, UnitVector) else 1.0


def unit_vectors(vectors: Sequence[Sequence[float]], *, expected: int, dimensions: int | None) -> list[UnitVector]:
    """Check the vectors of an embedding model and scale them to length 1.

    Args:
        vectors: one vector for each text.
        expected: the number of texts.
        dimensions: the dimension of what is stored already, or None if nothing is.

    Raises:
        EmbeddingError: too few or too many vectors, of unequal dimension, zero, not finite, or no vectors at all.
        EmbeddingMismatchError: another dimension than what is stored.
    """
    try:
        return _scale(vectors, expected=expected, dimensions=dimensions)
    except (TypeError, ValueError, OverflowError):
        pass  # not chained, as the message may quote the texts
    raise EmbeddingError("the embedding model gave no lists of numbers; nothing was stored, check its set-up")


def _scale(vectors: Sequence[Sequence[float]], *, expected: int, dimensions: int | None) -> list[UnitVector]:
    if len(vectors) != expected:
        raise EmbeddingError(
            f"the embedding model gave {len(vectors)} vectors for {expected} texts; nothing was stored"
        )
    size = dimensions or (len(vectors[0]) if vectors else 0)
    if size > MAX_DIMENSIONS:
        raise EmbeddingError(f"the embedding model has {size:,} dimensions, at most {MAX_DIMENSIONS:,} are possible")
    result: list[UnitVector] = []
    for position, vector in enumerate(vectors):
        if len(vector) != size or not size:
            kind = EmbeddingMismatchError if dimensions else EmbeddingError
            raise kind(
                f"vector {position} of the embedding model has {len(vector)} dimensions where {size} were expected; "
                "use the model that the database was set up with"
            )
        length = math.hypot(*vector)
        if not _SHORTEST <= length <= _LONGEST:  # false for NaN, too
            raise EmbeddingError(f"vector {position} of the embedding model is zero or not finite; nothing was stored")
        result.append(UnitVector([x / length for x in vector], length))
    return result
