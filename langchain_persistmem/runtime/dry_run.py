"""A dry run: the same statements in the same transaction, counted, and then taken back.

So its counts are those of the real run, and cannot drift from it. Where a run takes many transactions, or asks a model,
a dry run counts with statements of its own instead, and says so.
"""

from collections.abc import AsyncGenerator
from contextlib import AbstractAsyncContextManager, asynccontextmanager

from langchain_persistmem.postgres.transaction import Transaction


class _UndoneError(Exception):
    """Ends the transaction of a dry run: leaving its block with an exception is what rolls it back."""


@asynccontextmanager
async def undo_if(
    dry_run: bool,
    transaction: AbstractAsyncContextManager[Transaction],
) -> AsyncGenerator[Transaction]:
    """Run the block in ``transaction``; with ``dry_run`` roll back at its end, and go on after it all the same."""
    try:
        async with transaction as tx:
            yield tx
            if dry_run:
                raise _UndoneError
    except _UndoneError:
        pass
