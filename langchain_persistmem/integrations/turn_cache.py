"""Cache of the context that the first model call of a turn got, so that its later calls get the same bytes."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass
from time import monotonic

from langchain_persistmem.postgres.connections.forks import ProcessLock
from langchain_persistmem.types.namespace import Namespace

Turn = tuple[Namespace, str | None, str | None, str]
"""The namespace, the thread, and the id and the text of the user's message."""

_PAUSE = 300.0
"""Seconds between two calls of the model after which no text is kept: by then the prompt caches of providers have
expired, so that the same bytes save nothing, and a turn that waited for a person should see changes."""
_MOST = 1_000


@dataclass(frozen=True, kw_only=True, slots=True)
class TurnContext:
    """The texts that a turn got, and the memories in them."""

    message_id: str | None
    """The user's message that it belongs to."""
    call: str | None
    """The execution of the model node that it was recalled for; middleware that tries again stays within one."""
    standing: str = ""
    """The part that stands whatever is asked."""
    relevant: str = ""
    """The part that fits the user's message."""
    keys: tuple[str, ...] = ()


class TurnContexts:
    """Contexts by turn, in this process only: never written to the database, dropped at the end of the run or after a pause."""

    def __init__(self) -> None:
        self._texts: OrderedDict[Turn, tuple[float, TurnContext]] = OrderedDict()
        self._lock = ProcessLock()

    def get(self, turn: Turn, *, answered: bool, call: str | None) -> TurnContext | None:
        """Return the context of a turn; None if it has to be recalled.

        A question without an answer yet begins a run, also where it was run before (a fork, or a retry
        of the whole): that is recalled anew, unless it is the same call, tried again.
        """
        with self._lock:
            self._sweep()
            if turn not in self._texts:
                return None
            _, context = self._texts[turn]
            if not answered and (call is None or context.call != call):
                return None
            self._texts[turn] = (monotonic(), context)
            self._texts.move_to_end(turn)
            return context

    def put(self, turn: Turn, context: TurnContext) -> None:
        """Store the context of a turn."""
        with self._lock:
            self._texts[turn] = (monotonic(), context)
            self._texts.move_to_end(turn)
            self._sweep()

    def take(self, turn: Turn) -> TurnContext | None:
        """Return the context of a turn and drop it: the run is over."""
        with self._lock:
            _, context = self._texts.pop(turn, (0.0, None))
            return context

    def _sweep(self) -> None:
        """Drop entries that are too old or too many; the oldest are first."""
        oldest = monotonic() - _PAUSE
        while self._texts:
            last_use, _ = next(iter(self._texts.values()))
            if last_use > oldest and len(self._texts) <= _MOST:
                return
            self._texts.popitem(last=False)
