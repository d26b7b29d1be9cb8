"""The choice of server for reads: the replica, unless it does not answer or has not come as far as this object's writes."""

import logging
import time
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager, AsyncExitStack

from langchain_persistmem.errors import ConfigurationError, StorageUnavailableError
from langchain_persistmem.postgres.queries import replication
from langchain_persistmem.postgres.transaction import Transaction

logger = logging.getLogger(__name__)

_AWAY_SECONDS = 5.0
"""Seconds for which a replica that did not answer is not asked again."""

_Begin = Callable[[], AbstractAsyncContextManager[Transaction]]


class Replica:
    """The state of a replica, as its backend knows it."""

    def __init__(self) -> None:
        self.has_written = False
        """This object may have written since it last asked how far the primary is."""
        self.position: str | None = None
        """The position in the primary's log that the replica has to reach; None where it has."""
        self._away_until = 0.0

    @property
    def is_away(self) -> bool:
        """Tell if it did not answer a moment ago."""
        return time.monotonic() < self._away_until

    def leave(self) -> None:
        """Let it be for some seconds."""
        self._away_until = time.monotonic() + _AWAY_SECONDS

    async def enter(
        self, stack: AsyncExitStack, *, begin: _Begin, begin_on_primary: _Begin, read_your_writes: bool
    ) -> Transaction | None:
        """Begin a read on the replica, to end with ``stack``; None where the primary has to read.

        Args:
            begin: opens a transaction on the replica.
            begin_on_primary: opens one on the primary, to ask how far it has come.
            read_your_writes: pass by a replica that does not show yet what was written through this object.

        Raises:
            ConfigurationError: positions are to be compared on Citus, where they say nothing.
        """
        if self.is_away:
            return None
        # The primary is asked once after a write, not before each read.
        if read_your_writes and self.has_written:
            async with begin_on_primary() as tx:
                self.has_written, self.position = False, await replication.write_position(tx)
        try:
            tx = await stack.enter_async_context(begin())
            if read_your_writes and tx.has_citus:
                raise ConfigurationError(
                    "on Citus a position in the coordinator's log says nothing of the other nodes; set "
                    "Settings.read_your_writes=False, or open without replica="
                )
            behind = self.position is not None and not await replication.has_replayed(tx, self.position)
        except StorageUnavailableError as error:
            logger.warning("the replica does not answer, and the primary reads instead: %s", error)
            self.leave()
            return None
        if behind:
            await stack.aclose()
            return None
        self.position = None
        return tx
