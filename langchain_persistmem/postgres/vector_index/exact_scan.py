"""The exact scan: all vectors of a namespace compared with the question, in the order of the index that covers them."""

from psycopg import sql

from langchain_persistmem.postgres.queries.embedding_models import EmbeddingModel

EVERY = 2**40
"""More than any namespace has."""


def vector_column(model: EmbeddingModel) -> sql.Identifier:
    """The column that holds the model's vectors: up to 1,024 dimensions the covering index has it too."""
    return sql.Identifier("embedding" if model.covered else "wide")
