"""What becomes of candidates, given what is known: a decision for each, and nothing is done here; pure.

A model's claims about known memories count only where they can be checked: it may point at what it
was shown, and only at something related. It can end the validity of a memory, and never erase one.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Literal
from uuid import UUID

from langchain_persistmem.engine.trust import may_supersede, suspicion
from langchain_persistmem.types import Memory, NewMemory

Contradictions = Literal["newest", "both", "ask"]
"""What to do when a new statement contradicts a known one: the newest wins, both are kept with their times, or ask."""


@dataclass(frozen=True, slots=True)
class Add:
    """Nothing like it is known."""

    new: NewMemory


@dataclass(frozen=True, slots=True)
class Reinforce:
    """It is known already, and is confirmed."""

    new: NewMemory
    known: Memory


@dataclass(frozen=True, slots=True)
class Supersede:
    """It ends the validity of what is known."""

    new: NewMemory
    known: Memory


@dataclass(frozen=True, slots=True)
class Past:
    """It was true before something else was: kept in the history, not recalled as current."""

    new: NewMemory
    until: datetime
    successor: UUID


@dataclass(frozen=True, slots=True)
class Quarantine:
    """It waits for review, and is not recalled meanwhile."""

    new: NewMemory
    reason: str
    about: Memory | None = None


@dataclass(frozen=True, slots=True)
class Skip:
    """It is not kept."""

    new: NewMemory
    reason: str


Decision = Add | Reinforce | Supersede | Past | Quarantine | Skip


@dataclass(frozen=True, slots=True)
class Known:
    """What the database has near the candidates."""

    nearest: Mapping[UUID, Sequence[tuple[Memory, float]]]
    """By the id of a new memory: the memories most like it, with the cosine."""
    by_key: Mapping[str, Memory]
    shown: Mapping[UUID, Memory]
    """What the model was shown, and may refer to."""


@dataclass(frozen=True, slots=True)
class Policy:
    """The rules of a decision."""

    contradictions: Contradictions
    least_confidence: float
    """A candidate below it is not kept."""
    most_superseded: int
    """One answer of a model supersedes at most so many memories; the rest waits for review."""
    related: float
    """The cosine from which two statements have something to do with each other, under this embedder."""


def decide(new: Sequence[NewMemory], known: Known, policy: Policy) -> list[Decision]:
    """A decision for each of ``new``, in the order of their dates: of one key the latest is current."""
    decisions: list[Decision] = []
    gone: set[UUID] = set()
    keyed: dict[str, int] = {}
    for each in sorted(new, key=lambda one: one.candidate.valid_from):
        key = each.candidate.key
        place = keyed.get(key) if key is not None else None
        if place is None:
            decision = _decide(each, known, policy, gone)
        else:
            decision, decisions[place] = _succeed(each, decisions[place], policy)
        if isinstance(decision, Supersede):
            gone.add(decision.known.id)
            decision = Supersede(replace(each, key=decision.known.key), decision.known)
        if key is not None and isinstance(decision, Add | Supersede):
            keyed[key] = len(decisions)
        decisions.append(decision)
    return decisions


def _succeed(new: NewMemory, earlier: Decision, policy: Policy) -> tuple[Decision, Decision]:
    """A second statement under one key in one batch, and what becomes of the first, which was to be current."""
    if same_statement(new.candidate.text, earlier.new.candidate.text):
        return Skip(new, "it was said twice"), earlier
    if new.candidate.confidence < policy.least_confidence:
        return Skip(new, "the confidence is too low"), earlier
    suspicious = suspicion(new.candidate)
    if suspicious is not None:
        return Quarantine(new, suspicious), earlier
    if policy.contradictions == "ask":
        return Quarantine(new, "it contradicts what is known"), earlier
    if policy.contradictions == "both":
        return Add(replace(new, key=str(new.id))), earlier
    past = Past(earlier.new, new.candidate.valid_from, new.id)
    return (Supersede(new, earlier.known) if isinstance(earlier, Supersede) else Add(new)), past


def _decide(new: NewMemory, known: Known, policy: Policy, gone: set[UUID]) -> Decision:
    candidate = new.candidate
    if candidate.confidence < policy.least_confidence:
        return Skip(new, "the confidence is too low")
    suspicious = suspicion(candidate)
    if suspicious is not None:
        return Quarantine(new, suspicious)
    twin = _twin(new, known, policy)
    if twin is not None:
        return Reinforce(new, twin)
    target = _target(new, known, policy)
    if target is None:
        return Add(new)
    if target.id in gone:  # somebody else in this batch has replaced it: a second successor stands beside the first
        return Add(replace(new, key=str(new.id)))
    if not may_supersede(candidate.provenance.source, target.provenance.source):
        return Quarantine(new, "a less trusted source contradicts what is known", target)
    if len(gone) >= policy.most_superseded:
        return Quarantine(new, "too many memories would change at once", target)
    if policy.contradictions == "ask":
        return Quarantine(new, "it contradicts what is known", target)
    if policy.contradictions == "both":
        return Add(replace(new, key=str(new.id)))
    if candidate.valid_from < target.valid_from:
        return Past(new, target.valid_from, target.id)
    return Supersede(new, target)


def _twin(new: NewMemory, known: Known, policy: Policy) -> Memory | None:
    """The known memory that says the same."""
    candidate = new.candidate
    if candidate.kind == "episodic":  # what happened twice is two memories; the same turn has the same identity
        return None
    keyed = known.by_key.get(candidate.key) if candidate.key is not None else None
    if keyed is not None and same_statement(candidate.text, keyed.text or ""):
        return keyed
    for memory, _ in known.nearest.get(new.id, ()):
        if memory.kind == candidate.kind and same_statement(candidate.text, memory.text or ""):
            return memory
    if candidate.relation == "same":
        claimed = _claimed(new, known, policy)
        if claimed is not None and _figures(candidate.text) <= _figures(claimed.text or ""):
            return claimed
    return None


def _target(new: NewMemory, known: Known, policy: Policy) -> Memory | None:
    """The known memory that ends with this one."""
    candidate = new.candidate
    if candidate.key is not None and candidate.key in known.by_key:
        return known.by_key[candidate.key]
    return _claimed(new, known, policy) if candidate.relation == "replaces" else None


def _claimed(new: NewMemory, known: Known, policy: Policy) -> Memory | None:
    """What the candidate refers to, if it was shown, is of its kind, and has something to do with it."""
    about = new.candidate.about
    if about is None or about not in known.shown:
        return None
    memory = known.shown[about]
    near = {near.id: similarity for near, similarity in known.nearest.get(new.id, ())}
    if memory.kind != new.candidate.kind or near.get(about, 0.0) < policy.related:
        return None
    return memory


_WORD = re.compile(r"[^\W_]+")
_FILLERS = frozenset(
    {
        "a",
        "an",
        "the",
        "is",
        "are",
        "was",
        "were",
        "am",
        "be",
        "been",
        "to",
        "of",
        "in",
        "on",
        "at",
        "for",
        "and",
        "that",
    }
    | {"this", "it", "its", "with", "as", "by", "has", "have", "had", "do", "does", "did", "user", "s"}
)


def same_statement(one: str, other: str) -> bool:
    """Whether two statements differ in small words at most: cosines do not tell Oslo from Bergen, nor who likes whom."""
    mine, yours = _content(one), _content(other)
    return bool(mine) and mine == yours


def _content(text: str) -> tuple[str, ...]:
    return tuple(word for word in _WORD.findall(text.casefold()) if word not in _FILLERS)


def _figures(text: str) -> frozenset[str]:
    """Numbers, which make two statements different whatever else they share."""
    return frozenset(word for word in _WORD.findall(text) if any(map(str.isdigit, word)))
