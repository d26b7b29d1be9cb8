"""The worth of a memory, and the rules by which it fades: pure, every rule is in ``Settings.retention``.

Nothing here erases. A memory that fades is archived; it can be restored, and is erased only if a rule says so.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from langchain_persistmem.settings import Retention
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
    unsaid = _days(sign.stated_at, now)
    idle = min(unsaid, _days(sign.used_at, now)) if sign.used_at is not None else unsaid
    return (
        _IMPORTANCE * sign.importance
        + _CONFIDENCE * confidence_now(sign.confidence, days=unsaid, half_life_days=half_life_days)
        + _RECENCY * 0.5 ** (idle / half_life_days)
        + _USE * min(1.0, math.log1p(sign.uses) / math.log1p(_USES_AT_CEILING))
    )


def fading(usages: Sequence[Sign], retention: Retention, *, now: datetime) -> Mapping[UUID, str]:
    """The memories that are to be archived, with the reasons.

    First what has outlived its kind, then what is stale, then as many of the least worth as are over
    the cap. Instructions fade by their own age alone, and what is pinned never does.
    """
    reasons: dict[UUID, str] = {}
    ages = {
        "semantic": retention.semantic_days,
        "episodic": retention.episodic_days,
        "procedural": retention.procedural_days,
    }
    # Age before number: what fades by age anyway takes no place under the cap from what would stay.
    for sign in usages:
        max_age = ages.get(sign.kind)
        if sign.stays:
            continue
        if max_age is not None and _days(sign.stated_at, now) > max_age:
            reasons[sign.id] = "it has outlived its kind"
        elif sign.kind != "procedural" and _stale(sign, retention.stale_days, now):
            reasons[sign.id] = "nobody has said or used it for long"
    if retention.max_memories is not None:
        rest = [sign for sign in usages if sign.id not in reasons]
        loose = [sign for sign in rest if not sign.stays and sign.kind != "procedural"]
        by_worth = sorted(
            loose, key=lambda facts: (worth(facts, half_life_days=retention.half_life_days, now=now), facts.id)
        )
        over = max(0, len(rest) - retention.max_memories)
        reasons |= {sign.id: "there are too many memories" for sign in by_worth[:over]}
    return reasons


def _stale(sign: Sign, stale_days: float | None, now: datetime) -> bool:
    if stale_days is None:
        return False
    last = sign.stated_at if sign.used_at is None else max(sign.stated_at, sign.used_at)
    return _days(last, now) > stale_days


def _days(since: datetime, now: datetime) -> float:
    return max(0.0, (now - since).total_seconds()) / _DAY  # what lies ahead is not newer than now
