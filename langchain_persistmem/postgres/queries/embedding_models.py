"""Statements on embedding models."""

from dataclasses import dataclass
from datetime import datetime

from langchain_persistmem.postgres.statements import statement
from langchain_persistmem.postgres.transaction import Transaction

COVERED_DIMENSIONS = 1024
"""Up to here a vector fits into the covering index: an entry of a btree is at most 2,704 bytes."""


@dataclass(frozen=True, kw_only=True, slots=True)
class EmbeddingModel:
    """The model whose vectors are compared, with what "no relation" looks like under it."""

    id: int
    name: str
    dimensions: int
    background_mean: float
    background_deviation: float

    @property
    def background(self) -> tuple[float, float]:
        """Mean and deviation of the cosines of unrelated sentences."""
        return self.background_mean, self.background_deviation

    @property
    def covered(self) -> bool:
        """Tell if its vectors lie in the covering index."""
        return self.dimensions <= COVERED_DIMENSIONS


async def list_models(tx: Transaction) -> list[EmbeddingModel]:
    """The models whose vectors are here."""
    return [EmbeddingModel(**row) for row in await tx.fetch(statement("list_models"), {})]


async def add_model(
    tx: Transaction, *, name: str, dimensions: int, background: tuple[float, float], now: datetime
) -> None:
    """Register a model; ``background`` is the mean and deviation of unrelated sentences' cosines."""
    mean, deviation = background
    parameters = {
        "name": name,
        "dimensions": dimensions,
        "background_mean": mean,
        "background_deviation": deviation,
        "now": now,
    }
    await tx.execute(statement("add_model"), parameters)
