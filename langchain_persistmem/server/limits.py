"""Limits of a request: its size, and how many may come in a while."""

from __future__ import annotations

import time
from collections import OrderedDict
from dataclasses import dataclass

from starlette.exceptions import HTTPException
from starlette.types import Message, Receive

_MOST_BUCKETS = 10_000


@dataclass(frozen=True, kw_only=True, slots=True)
class Limits:
    """The limits of one application."""

    requests_per_minute: int = 600
    """Of one caller, evenly or at once."""
    failures_per_minute: int = 30
    """Of one address, while nobody is logged in: guesses at tokens."""
    body_bytes: int = 2_000_000
    """The longest body of a request."""
    upload_bytes: int = 200_000_000
    """The longest export that is given back."""


class RateLimit:
    """Token buckets by name: each refills evenly, and holds at most a minute's worth."""

    def __init__(self, per_minute: int) -> None:
        self._per_minute = per_minute
        self._buckets: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def take(self, name: str, *, now: float | None = None) -> bool:
        """Take one from a bucket; False where it is empty."""
        moment = time.monotonic() if now is None else now
        tokens, at = self._buckets.pop(name, (float(self._per_minute), moment))
        tokens = min(self._per_minute, tokens + (moment - at) * self._per_minute / 60)
        is_allowed = tokens >= 1
        self._buckets[name] = (tokens - 1 if is_allowed else tokens, moment)
        # The one that was asked longest ago is the fullest: nothing is lost with it.
        if len(self._buckets) > _MOST_BUCKETS:
            self._buckets.popitem(last=False)
        return is_allowed


def too_large(at_most: int) -> str:
    """Return the message for a body that is too long."""
    return f"the request has more than {at_most:,} bytes; send it in several parts"


def bounded(receive: Receive, at_most: int) -> Receive:
    """Wrap ``receive`` so that a body whose length nobody has declared ends in 413 as well."""
    size = 0

    async def receive_within() -> Message:
        nonlocal size
        message = await receive()
        size += len(message.get("body", b""))
        if size > at_most:
            raise HTTPException(413, too_large(at_most))
        return message

    return receive_within
