"""The rules of retention: which memories fade, and why; pure, every limit is in ``Settings.retention``.

Nothing here erases. A memory that fades is archived; it can be restored, and is erased only if a rule says so.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from uuid import UUID

from langchain_persistmem.lifecycle.worth import Sign, days_between, worth
from langchain_persistmem.settings import Retention

FADING = ("semantic_days", "episodic_days", "procedural_days", "stale_days", "max_memories", "turns_days", "max_turns")
"""The rules by which memories are archived."""


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
