"""The confirmation of a COMMIT whose answer was lost: the server is asked what became of it.

It may have been done or not. Every write leaves a signature in its namespace, by which the server knows it; so the write
counts exactly once.
"""

from collections.abc import AsyncGenerator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager

from langchain_persistmem.errors import StorageError, StorageUnavailableError
from langchain_persistmem.postgres.queries.namespaces import was_committed
from langchain_persistmem.postgres.retry import Backoff, Pause, note_commit
from langchain_persistmem.postgres.transaction import Signature, Transaction


@asynccontextmanager
async def confirm_commit(
    begin: Callable[[], AbstractAsyncContextManager[Transaction]],
    pause: Pause,
    backoff: Backoff,
    *,
    writes: bool,
    repeatable: bool = False,
) -> AsyncGenerator[Transaction]:
    """A transaction whose end is certain: where the answer to its COMMIT is lost, the server is asked what became of it.

    Args:
        begin: begins it.
        pause: waits so many seconds.
        backoff: for the question.
        writes: whether anything may be committed.
        repeatable: doing it twice is as good as doing it once.
    """
    failure: StorageUnavailableError | None = None
    try:
        async with begin() as tx:
            yield tx
    except StorageUnavailableError as error:
        if not error.unanswered:
            raise
        failure = error
    if failure is not None:
        signature, failure.unanswered = failure.unanswered, False
        # Without a signature nothing can be asked for: whether it was committed stays unknown.
        committed = await _was_committed(begin, signature, pause, backoff) if isinstance(signature, Signature) else None
        if not committed:
            failure.nothing_was_done = repeatable or committed is False
            raise failure
    if writes:
        note_commit()


class _UndoError(Exception):
    """Rolls back what the question itself wrote."""


async def _was_committed(
    begin: Callable[[], AbstractAsyncContextManager[Transaction]], signature: Signature, pause: Pause, backoff: Backoff
) -> bool | None:
    """Find out if the transaction was committed; None if that cannot be found out."""
    committed: bool | None = None
    while True:
        try:
            async with begin() as tx:
                committed = await was_committed(tx, signature)
                raise _UndoError
        except _UndoError:
            return committed
        except StorageError as error:
            seconds = backoff.pause(error) if error.nothing_was_done else None
        if seconds is None:
            return None
        await pause(seconds)
