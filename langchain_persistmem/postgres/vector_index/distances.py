"""The similarity of two vectors in SQL, by each distance that a store can have; all vectors are stored with length 1, and their norm."""

from collections.abc import Mapping
from typing import LiteralString

from psycopg import sql

from langchain_persistmem.types.vectors import Distance

_SIMILARITY: Mapping[Distance, LiteralString] = {
    "cosine": "-({embedding} <#> %(embedding)s::halfvec)",
    "inner_product": "-({embedding} <#> %(embedding)s::halfvec) * v.norm * %(norm)s::real",
    # of vectors of length a and b in directions that lie d apart: sqrt(a * b * d^2 + (a - b)^2), exactly 0 for the same
    "l2": "-sqrt(v.norm * %(norm)s::real * ({embedding} <-> %(embedding)s::halfvec) ^ 2 + (v.norm - %(norm)s::real) ^ 2)",
}


def similarity_by(distance: Distance, embedding: sql.Composable) -> sql.Composed:
    """SQL for the similarity to the parameter ``embedding``: the cosine, the inner product, or the negative Euclidean distance.

    Args:
        embedding: the column.
    """
    return sql.SQL(_SIMILARITY[distance]).format(embedding=embedding)
