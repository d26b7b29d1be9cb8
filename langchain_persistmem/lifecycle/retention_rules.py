"""The rules of retention: what is archived, what is purged, and why; pure, every limit is in ``Settings.retention``.

A memory that fades is archived; it can be restored, and is purged only if a rule says so. ``retention.py`` carries it out.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from langchain_persistmem.lifecycle.worth import Sign, days_between, worth
from langchain_persistmem.settings import Retention

FADING = ("semantic_days", "episodic_days", "procedural_days", "stale_days", "max_memories", "turns_days", "max_turns")
"""The rules by which memories are archived."""


TURN_IS_OLD = "the turn is old, and no statement rests on it"


@dataclass(frozen=True, slots=True)
class Limits:
    """The moments before which something goes; None where no rule says so."""

    purged_before: datetime | None
    """Memories that were archived before are erased."""
    threads_before: datetime | None
    """So are conversations whose last message is older."""
    turns_before: datetime | None
    """Turns on which no statement rests, and that are older, are archived,"""
    most_turns: int | None
    """and so are those beyond this number."""

    @property
    def has_turns(self) -> bool:
        """Tell if a rule archives turns."""
        return self.turns_before is not None or self.most_turns is not None


def limits_of(retention: Retention, *, now: datetime) -> Limits:
    """The limits that the rules set at a moment."""

    def before(days: float | None) -> datetime | None:
        return None if days is None else now - timedelta(days=days)

    return Limits(
        purged_before=before(retention.purge_days),
        threads_before=before(retention.messages_days),
        turns_before=before(retention.turns_days),
        most_turns=retention.max_turns,
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
        if max_age is not None and days_between(sign.stated_at, now) > max_age:
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
    return days_between(last, now) > stale_days


def has_any_rule(rules: Retention) -> bool:
    """Tell if a rule may archive or erase anything that a person has told."""
    return any(getattr(rules, name) is not None for name in (*FADING, "purge_days", "messages_days"))
