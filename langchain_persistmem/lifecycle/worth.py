"""The worth of a memory: importance, confidence, recency and use as one number; pure."""

import math
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from langchain_persistmem.types.records import Kind

_DAY = 86_400.0
_PINNED = 1.0
"""A memory of this importance stays current whatever its age."""
_LEAST_SHARE = 0.5
"""However old, an unconfirmed memory keeps this share of its confidence: silence is no contradiction."""
_USES_AT_CEILING = 20
_IMPORTANCE, _CONFIDENCE, _RECENCY, _USE = 0.4, 0.2, 0.2, 0.2


@dataclass(frozen=True, kw_only=True, slots=True)
class Sign:
    """The facts about a memory by which it fades or stays."""

    id: UUID
    kind: Kind
    importance: float
    confidence: float
    stated_at: datetime
    """The last time that it was said, confirmed or restored."""
    uses: int
    used_at: datetime | None
    """The last time that it was in a context."""
    pinned: bool = False

    @property
    def stays(self) -> bool:
        """True if no rule may archive it."""
        return self.pinned or self.importance >= _PINNED


def confidence_now(confidence: float, *, days: float, half_life_days: float) -> float:
    """The confidence that is left of a memory that nobody has confirmed for ``days``; at least half of it."""
    share = 0.5 ** (max(0.0, days) / half_life_days)
    return confidence * (_LEAST_SHARE + (1.0 - _LEAST_SHARE) * share)


def worth(sign: Sign, *, half_life_days: float, now: datetime) -> float:
    """0 to 1: importance counts most; then confidence, which fades; how lately it was said or used; how often used."""
    unsaid = days_between(sign.stated_at, now)
    idle = min(unsaid, days_between(sign.used_at, now)) if sign.used_at is not None else unsaid
    return (
        _IMPORTANCE * sign.importance
        + _CONFIDENCE * confidence_now(sign.confidence, days=unsaid, half_life_days=half_life_days)
        + _RECENCY * 0.5 ** (idle / half_life_days)
        + _USE * min(1.0, math.log1p(sign.uses) / math.log1p(_USES_AT_CEILING))
    )


def days_between(since: datetime, now: datetime) -> float:
    """Days since a moment; 0 for one that lies ahead."""
    return max(0.0, (now - since).total_seconds()) / _DAY  # what lies ahead is not newer than now
