"""Opening a transaction on a connection of a pool, or single statements; and a dry run, which is rolled back."""

from collections.abc import AsyncGenerator
from contextlib import (
    AbstractAsyncContextManager,
    AsyncExitStack,
    asynccontextmanager,
    nullcontext,
    suppress,
)

import psycopg
import psycopg_pool
from psycopg.rows import DictRow

from langchain_persistmem.errors import ReplicaError
from langchain_persistmem.postgres.blocking import Blocking
from langchain_persistmem.postgres.connections.connection_setup import AsyncPool, Connection, SyncPool, check_autocommit
from langchain_persistmem.postgres.connections.forks import check_owner
from langchain_persistmem.postgres.connections.timeouts import NoSessionError
from langchain_persistmem.postgres.error_mapping import transaction_failure
from langchain_persistmem.postgres.transaction import AsyncTransaction, Opening, SyncTransaction, Transaction


def sync_transaction(pool: SyncPool, opening: Opening) -> AbstractAsyncContextManager[Transaction]:
    """A connection of ``pool`` in a transaction, or for single statements."""
    check_owner(pool)
    return _transaction(SyncTransaction, Blocking(pool.connection()), opening)


def async_transaction(pool: AsyncPool, opening: Opening) -> AbstractAsyncContextManager[Transaction]:
    """:func:`sync_transaction` for an asyncio pool."""
    check_owner(pool)
    return _transaction(AsyncTransaction, _check_out(pool), opening)


@asynccontextmanager
async def _transaction(
    kind: type[Transaction], checked_out: AbstractAsyncContextManager[Connection], opening: Opening
) -> AsyncGenerator[Transaction]:
    failure: BaseException | None = None
    tx: Transaction | None = None
    # An error of BEGIN or COMMIT is ours to translate here, and says less the further the transaction had come: once all
    # that a snapshot or a single statement reads is here, nothing can be lost any more.
    is_begun = committing = False
    try:
        async with checked_out as connection:
            check_autocommit(connection)
            tx = kind(connection, opening)
            if not tx.has_vectors:
                await tx.look_up_vectors()
            try:
                async with tx.begin() if opening.begins else nullcontext():
                    is_begun = True
                    yield tx
                    committing = True
                    if not opening.begins:
                        await tx.finish()
            except ReplicaError as error:
                await tx.leave_replica(error)
                raise
    except psycopg.Error as error:
        if not (committing and (opening.snapshot or not opening.begins)):
            # Until all statements ran, an error cannot be that of a COMMIT, and the signature is not asked after.
            signature = tx.signature if tx is not None and committing else None
            failure = transaction_failure(error, is_begun=is_begun, signature=signature)
    if failure is not None:
        raise failure


@asynccontextmanager
async def _check_out(pool: AsyncPool) -> AsyncGenerator[psycopg.AsyncConnection[DictRow]]:
    """A connection of ``pool``, until the block ends."""
    half = pool.timeout / 2
    async with AsyncExitStack() as stack:
        connection: psycopg.AsyncConnection[DictRow] | None = None
        with suppress(
            psycopg_pool.PoolTimeout, NoSessionError
        ):  # once may be the loop's own fault, which was too busy to look
            connection = await stack.enter_async_context(pool.connection(half))
        yield connection or await stack.enter_async_context(pool.connection(half))


class _UndoneError(Exception):
    """Ends the transaction of a dry run: leaving its block with an exception is what rolls it back."""


@asynccontextmanager
async def undo_if(
    dry_run: bool,
    transaction: AbstractAsyncContextManager[Transaction],
) -> AsyncGenerator[Transaction]:
    """Run the block in ``transaction``; with ``dry_run`` roll back at its end, and go on after it all the same.

    The counts of a dry run are so those of the real run, and cannot drift from it. Where a run takes many transactions, or asks
    a model, a dry run counts with statements of its own instead, and says so.
    """
    try:
        async with transaction as tx:
            yield tx
            if dry_run:
                raise _UndoneError
    except _UndoneError:
        pass
