"""The daily cap on calls of the chat model (``Settings.model_calls_per_day``)."""

from datetime import datetime, timedelta

from langchain_persistmem.errors import ErasedError, PersistMemError
from langchain_persistmem.postgres.queries import daily_cap
from langchain_persistmem.postgres.queries.generations import hold_existing
from langchain_persistmem.runtime import generations
from langchain_persistmem.runtime.backend import Backend
from langchain_persistmem.runtime.setup import ready
from langchain_persistmem.types.namespace import Namespace


class CapReachedError(PersistMemError):
    """The namespace has had its model calls of today; the turns wait for tomorrow."""

    def __init__(self, until_tomorrow: timedelta) -> None:
        super().__init__()
        self.until_tomorrow = until_tomorrow


async def spend(backend: Backend, namespace: Namespace, *, now: datetime | None = None) -> None:
    """Count a call of the chat model against the day's cap, where there is one.

    Args:
        now: given where nothing may be known of the namespace yet, which then begins; otherwise what
            was erased meanwhile stays erased.

    Raises:
        CapReached: no call is left for today; none was counted.
        ErasedError: the namespace was erased meanwhile.
    """
    cap = backend.settings.model_calls_per_day
    if cap is None:
        return
    await ready(backend)
    async with backend.transaction(namespace, repeatable=True) as tx:  # a call too many is counted, never one too few
        if now is not None:
            await generations.hold(tx, backend, namespace, now=now)
        elif await hold_existing(tx, namespace) is None:
            raise ErasedError
        used, until_tomorrow = await daily_cap.spend_call(tx, namespace)
        if used > cap:
            raise CapReachedError(until_tomorrow)  # which takes the count back
