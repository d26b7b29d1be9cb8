"""A queue for the connections of a pool: callers of one event loop wait for as long as others are served."""

import asyncio
from collections import deque
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

from langchain_persistmem.errors import StorageUnavailableError

_LOOKS = 2
"""So often nobody may have been served: once may be the event loop's own fault, which was too busy to read the answers."""


class ConnectionQueue:
    """As many turns at a time as a pool has connections.

    A pool alone gives up on whoever waits too long, however fast it serves: a thousand tasks that
    come at once would fail by their number. Here only a standstill is a failure.
    """

    def __init__(self, number: int, timeout: float) -> None:
        """``timeout``: seconds after which it is a standstill that nobody was served."""
        self._number = number
        self._timeout = timeout
        self._free = number
        self._waiting: deque[asyncio.Future[None]] = deque()
        self._served = 0
        self._seen = 0
        self._idle = 0
        self._watching = False

    @asynccontextmanager
    async def turn(self) -> AsyncGenerator[None]:
        """Wait for a turn; it lasts as long as the block.

        Raises:
            StorageUnavailableError: all connections are in use, and for ``timeout`` seconds nobody was done.
        """
        await self._take()
        served = True
        try:
            yield
        except StorageUnavailableError:  # a turn that ended so shows nobody that the server works
            served = False
            raise
        finally:
            self._served += served
            self._leave()

    async def _take(self) -> None:
        if self._free:
            self._free -= 1
            return
        turn = asyncio.get_running_loop().create_future()
        self._waiting.append(turn)
        self._watch()
        try:
            await turn
        except asyncio.CancelledError:
            if turn.done() and not turn.cancelled() and turn.exception() is None:
                self._leave()  # the turn had just come
            raise

    def _leave(self) -> None:
        while self._waiting:
            turn = self._waiting.popleft()
            if not turn.done():  # cancelled meanwhile
                turn.set_result(None)
                return
        self._free += 1

    def _watch(self) -> None:
        if not self._watching:
            self._watching, self._seen, self._idle = True, self._served, 0
            asyncio.get_running_loop().call_later(self._timeout / _LOOKS, self._look)

    def _look(self) -> None:
        self._watching = False
        if not any(not turn.done() for turn in self._waiting):
            return
        idle = self._idle + 1 if self._served == self._seen else 0
        if idle >= _LOOKS:
            self._give_up()
        else:
            self._watch()
            self._idle = idle

    def _give_up(self) -> None:
        for turn in self._waiting:
            if not turn.done():
                turn.set_exception(
                    StorageUnavailableError(
                        f"all {self._number} connections were in use for {self._timeout:g} s; "
                        "look for what blocks them, or raise Settings.pool_max"
                    )
                )
        self._waiting.clear()
