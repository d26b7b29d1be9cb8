"""How a namespace's vectors are compared: all of them up to a size, beyond it those on a shortlist.

The shortlist is made of the signs of the vectors' dimensions (``vectors.sketch``), which lie in an index of their own and
are written with the vector. So there is no index to build, nothing to keep in step, and no moment at which a namespace
that grows changes over: each search decides for itself. The choice and its measurement: docs/decisions/0023.
"""

import math
from functools import cache
from typing import TYPE_CHECKING

from langchain_persistmem.postgres.queries.embedding_models import EmbeddingModel

if TYPE_CHECKING:
    from pgvector import HalfVector
else:
    try:
        from pgvector import HalfVector
    except ImportError:  # 0.3, which langchain-postgres pins
        from pgvector.psycopg import HalfVector

FEW = 8_000
"""Up to here all are compared: reading so many whole vectors from the covering index takes as long as the detour."""
FEW_WIDE = 400
"""The same for vectors that are too wide for the covering index, each of which is half a page of the table."""
SHORTEST = 300
"""Vectors on a shortlist at least. Among 96,000 sentences 200 held .986 of the true best 10, and 400 held .993."""
FOR_EACH = 5
"""Vectors on a shortlist for each memory that is asked for."""
SAMPLE = 256
"""Vectors, from half as many, that a shortlist begins with to show what is usual in the namespace."""
EVERY = 2**40
"""More than any namespace has."""


def few_of(model: EmbeddingModel) -> int:
    """Up to so many memories all of a namespace's vectors are compared."""
    return FEW if model.covered else FEW_WIDE


def shortlist(model: EmbeddingModel, *, wanted: int, filtered: bool) -> dict[str, object]:
    """The parameters of a search for the nearest ``wanted`` memories.

    Args:
        model: whose vectors are compared.
        wanted: how many memories are asked for.
        filtered: only some memories count. Then all of those are compared where that needs no look at the table.
    """
    few = EVERY if filtered and model.covered else few_of(model)
    return {
        "few": few,
        "shortlist": max(SHORTEST, FOR_EACH * wanted) + SAMPLE,
        "sample": SAMPLE / 2,
        "step": _step(model.dimensions),
    }


@cache
def _step(dimensions: int) -> HalfVector:
    """Half of what a dimension of a vector of length 1 usually has, in each: where the question's three levels part."""
    return HalfVector([0.5 / math.sqrt(dimensions)] * dimensions)
