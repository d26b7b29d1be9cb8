"""Making a database ready, and refusing to work on one that is not."""

import logging
from collections.abc import Sequence
from datetime import datetime

from langchain_persistmem.errors import ConfigurationError, SchemaOutOfDateError
from langchain_persistmem.language.language_files import languages
from langchain_persistmem.postgres.connections.timeouts import without_deadline
from langchain_persistmem.postgres.grants import repair_grants
from langchain_persistmem.postgres.migrate import migrate, migrations, missing_migrations
from langchain_persistmem.postgres.queries import embedding_models, rewrites
from langchain_persistmem.postgres.queries.embedding_models import EmbeddingModel
from langchain_persistmem.postgres.queries.row_security_switch import check_row_security, row_security
from langchain_persistmem.postgres.statements import all_statements, statement
from langchain_persistmem.postgres.transaction import Transaction
from langchain_persistmem.runtime.backend import Backend
from langchain_persistmem.runtime.hnsw_upkeep import create_indexes
from langchain_persistmem.runtime.models.embedding_checks import UNRELATED, background, check_dimensions, registered
from langchain_persistmem.types.namespace import EVERYWHERE, NOBODY

logger = logging.getLogger(__name__)


def load_files() -> None:
    """Read the files of statements, migrations and languages, which are kept from then on: an event loop must not wait for a disk."""
    all_statements()
    migrations()
    languages()


async def setup(backend: Backend, *, dimensions: int | None = None, now: datetime) -> list[str]:
    """Bring the schema up to date and register the embedding model, if there is one.

    Safe to run at every start and by many processes at once.

    Args:
        backend: the database and the models.
        dimensions: what the caller believes the embedding model's vectors to have.
        now: the time that is recorded.

    Returns:
        The migrations that were applied.

    Raises:
        ConfigurationError: the server lacks pgvector, the role may not create it, or ``dimensions`` is wrong.
        SchemaOutOfDateError: the database is newer than this code.
        EmbeddingMismatchError: the database holds another model's vectors.
    """
    with without_deadline():  # an index takes as long as it takes, and so does another process's setup()
        async with backend.transaction(EVERYWHERE, repeatable=True) as tx:
            migrations = await migrate(tx, now=now)
            await _repair(tx)
    if backend.embedding_name is None:
        return migrations
    # Each its own step: what is committed by now does not keep the next from another try.
    model = await backend.step(_find_model)
    if model is None:  # measured once in a database; never while a connection is held
        check_dimensions(dimensions, len((await backend.embed(UNRELATED))[0]))
        model = await backend.step(register, now=now)
    else:
        await backend.step(create_indexes, model)
    check_dimensions(dimensions, model.dimensions)
    return migrations


async def _find_model(backend: Backend) -> EmbeddingModel | None:
    """The backend's model as the database knows it."""
    async with backend.transaction(NOBODY, atomic=False) as tx:
        return registered(await embedding_models.list_models(tx), backend.embedding_name or "")


async def grant(backend: Backend) -> None:
    """Give the application's role and readers what they lack, LangGraph's checkpoint tables included."""
    async with backend.transaction(EVERYWHERE, repeatable=True) as tx:
        await tx.fetch(statement("lock_schema"), {})  # two processes cannot change one table's rights at once
        await _repair(tx)


async def _repair(tx: Transaction) -> None:
    """Grant what is missing, and say so."""
    grants = await repair_grants(tx)
    if grants:
        logger.info("setup() granted rights that were missing on: %s", ", ".join(dict.fromkeys(grants)))


async def register(backend: Backend, *, now: datetime) -> EmbeddingModel:
    """The backend's embedding model as the database knows it, registered if it is new, beside others if there are any.

    Raises:
        SchemaOutOfDateError: setup() has not been run, or not since the last upgrade.
        EmbeddingError: the model fails.
    """
    await migrated(backend)
    if backend.embedding_name is None:
        raise ConfigurationError("no embedding model was given; pass index= with 'dims' and 'embed' to the store")
    async with backend.transaction(NOBODY, atomic=False) as tx:
        names = {model.name for model in await embedding_models.list_models(tx)}
    if backend.embedding_name not in names:
        await backend.step(_add_model, backend.embedding_name, await backend.embed(UNRELATED), now=now)
    model = await backend.step(ready)
    await backend.step(create_indexes, model)
    return model


async def _add_model(backend: Backend, name: str, vectors: Sequence[Sequence[float]], *, now: datetime) -> None:
    async with backend.transaction(EVERYWHERE, repeatable=True) as tx:
        await embedding_models.add_model(
            tx, name=name, dimensions=len(vectors[0]), background=background(vectors), now=now
        )


async def migrated(backend: Backend) -> None:
    """Check that setup() has been run; looked up once for a ``backend``.

    Raises:
        SchemaOutOfDateError: setup() has not been run, or not since the last upgrade.
        ConfigurationError: row-level security is enabled, and ``Settings.row_level_security`` is not.
    """
    if not backend.migrated:
        async with backend.transaction(NOBODY, atomic=False) as tx:
            missing = await missing_migrations(tx)
            if missing:
                raise SchemaOutOfDateError(f"the database has not been through {missing[0]}; call setup() once")
            state = await row_security(tx)
        warning = check_row_security(state, is_enabled_here=backend.settings.row_level_security)
        if warning is not None:
            logger.warning("%s", warning)
        backend.sees_everywhere = state.everywhere
        if state.everywhere:  # who may not see all of them takes it that some are left
            async with backend.transaction(EVERYWHERE, atomic=False) as tx:
                backend.may_have_rewrites = await rewrites.has_rewrites(tx)
        backend.migrated = True


async def ready(backend: Backend) -> EmbeddingModel:
    """The embedding model as the database knows it; looked up once for a ``backend``.

    Raises:
        SchemaOutOfDateError: setup() has not been run, or not since the last upgrade.
        EmbeddingMismatchError: the database holds another model's vectors.
    """
    await migrated(backend)
    if backend.embedding_model is None:
        if backend.embedding_name is None:
            raise ConfigurationError("no embedding model was given; pass index= with 'dims' and 'embed' to the store")
        async with backend.transaction(NOBODY, atomic=False) as tx:
            model = registered(await embedding_models.list_models(tx), backend.embedding_name)
        if model is None:
            raise SchemaOutOfDateError("no embedding model is registered in this database; call setup() once")
        backend.embedding_model = model
    return backend.embedding_model
