"""Making a database ready."""

from datetime import datetime

from langchain_persistmem.backend import Backend
from langchain_persistmem.postgres import embedding_models
from langchain_persistmem.postgres.migrate import migrate
from langchain_persistmem.readiness import ready, registered
from langchain_persistmem.vectors import background

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


async def setup(backend: Backend, *, now: datetime) -> list[str]:
    """Bring the schema up to date and register the embedding model; returns the migrations that were applied.

    Safe to run at every start and by many processes at once.

    Raises:
        ConfigurationError: the server lacks pgvector, or the role may not create it.
        SchemaOutOfDate: the database is newer than this code.
        EmbeddingMismatch: the database holds another model's vectors.
    """
    async with backend.transaction() as tx:
        applied = await migrate(tx, now=now)
    async with backend.transaction(atomic=False) as tx:
        model = registered(await embedding_models.list_models(tx), backend.embedding_name)
    if model is None:  # measured once in a database's life; never while a connection is held
        vectors = await backend.embed(UNRELATED)
        async with backend.transaction() as tx:
            await embedding_models.add_model(
                tx, name=backend.embedding_name, dimensions=len(vectors[0]), background=background(vectors), now=now
            )
    await ready(backend)
    return applied
