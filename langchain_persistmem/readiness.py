"""Refusing to work on a database that is not ready."""

from langchain_persistmem.backend import Backend
from langchain_persistmem.errors import EmbeddingMismatch, SchemaOutOfDate
from langchain_persistmem.postgres import embedding_models
from langchain_persistmem.postgres.embedding_models import EmbeddingModel
from langchain_persistmem.postgres.migrate import missing_migrations


async def ready(backend: Backend) -> EmbeddingModel:
    """The embedding model as the database knows it; looked up once in the life of ``backend``.

    Raises:
        SchemaOutOfDate: setup() has not been run, or not since the last upgrade.
        EmbeddingMismatch: the database holds another model's vectors.
    """
    if backend.embedding_model is None:
        async with backend.transaction(atomic=False) as tx:
            missing = await missing_migrations(tx)
            if missing:
                raise SchemaOutOfDate(f"the database has not been through {missing[0]}; call setup() once")
            model = registered(await embedding_models.list_models(tx), backend.embedding_name)
        if model is None:
            raise SchemaOutOfDate("no embedding model is registered in this database; call setup() once")
        backend.embedding_model = model
    return backend.embedding_model


def registered(known: list[EmbeddingModel], name: str) -> EmbeddingModel | None:
    """The model of that name among those whose vectors are in the database; None if there are none yet.

    Raises:
        EmbeddingMismatch: the vectors there are another model's.
    """
    for model in known:
        if model.name == name:
            return model
    if known:
        raise EmbeddingMismatch(
            f"the memories here were embedded with {known[0].name!r} ({known[0].dimensions} dimensions), not with {name!r}, "
            f"and vectors of two models cannot be compared; open with that model, or use a fresh database. "
            f"If it is the same model under another name, pass Settings(embedding_model={known[0].name!r})"
        )
    return None
