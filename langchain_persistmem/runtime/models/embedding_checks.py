"""Checks of the embedding model against the database: its name, its dimensions, and sentences to measure it by."""

import math
from collections.abc import Sequence

from langchain_persistmem.errors import ConfigurationError, EmbeddingMismatchError
from langchain_persistmem.postgres.queries.embedding_models import EmbeddingModel
from langchain_persistmem.types.records import Vector

UNRELATED = (
    "I prefer tea to coffee in the morning.",
    "My sister is getting married next summer.",
    "The meeting has been moved to Thursday afternoon.",
    "We are looking for a new apartment closer to the office.",
    "I started learning the piano a few months ago.",
    "The car needs new brakes before the winter.",
    "He is allergic to peanuts.",
    "Our team finished the project ahead of schedule.",
    "I watched a great film about the ocean last night.",
    "The doctor said the results were fine.",
    "They adopted a small brown dog from the shelter.",
    "I have to renew my passport soon.",
    "She studies history at the university.",
    "We cooked pasta and a salad for dinner.",
    "The server runs Linux and a database.",
    "I run five kilometres twice a week.",
    "The flight to the coast was delayed by two hours.",
    "He collects old books and stamps.",
    "My budget for this month is already spent.",
    "Thanks, that sounds like a good idea!",
    "The garden is full of tomatoes this year.",
    "I felt nervous before the interview.",
    "Please send me the invoice by email.",
    "It was raining all weekend, so we stayed at home.",
)
"""Sentences with nothing in common: their cosines show what "no relation" looks like under a model."""


def check_dimensions(expected: int | None, actual: int | None) -> None:
    """Refuse a number of dimensions that is not the model's.

    Raises:
        ConfigurationError: it is another.
    """
    if expected is not None and expected != actual:
        raise ConfigurationError(
            f"index['dims'] is {expected}, but the embedding model's vectors have {actual} dimensions; set dims to {actual}"
        )


def registered(models: list[EmbeddingModel], name: str) -> EmbeddingModel | None:
    """The model of that name among those whose vectors are in the database; None if there are none yet.

    Raises:
        EmbeddingMismatchError: the vectors there are another model's.
    """
    for model in models:
        if model.name == name:
            return model
    if models:
        raise EmbeddingMismatchError(
            f"the memories here were embedded with {models[0].name!r} ({models[0].dimensions} dimensions), not with {name!r}, "
            f"and vectors of two models cannot be compared; open with that model, or have memories embedded anew: persistmem reembed. "
            f"If it is the same model under another name, pass Settings(embedding_model={models[0].name!r})"
        )
    return None


def background(vectors: Sequence[Vector]) -> tuple[float, float]:
    """Compute mean and deviation of the cosines among unrelated sentences: the baseline of a model."""
    cosines = [
        math.fsum(x * y for x, y in zip(vectors[i], vectors[j], strict=True))
        for i in range(len(vectors))
        for j in range(i)
    ]
    mean = math.fsum(cosines) / len(cosines)
    deviation = math.sqrt(math.fsum((cosine - mean) ** 2 for cosine in cosines) / len(cosines))
    return mean, max(deviation, 1e-3)  # a model that gives every text the same vector still gets a scale
