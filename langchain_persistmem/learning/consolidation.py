"""Decisions about candidates in the light of known memories: one for each, and nothing is done here; pure.

A model's claims about known memories count only where they can be checked: it may point at what it
was shown, and only at something related. It can end the validity of a memory, and never erase one.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Literal, cast
from uuid import UUID

from langchain_persistmem.language.data import stop_words
from langchain_persistmem.language.subjects import Subject, find_subject, is_same_subject
from langchain_persistmem.language.trust import find_suspicion, may_supersede
from langchain_persistmem.types.records import Candidate, Memory, NewMemory

PINNED = "it would replace a pinned memory"
WAITS = "it was learnt, and waits for approval"
_WORD = re.compile(r"[^\W_]+")

Contradictions = Literal["newest", "both", "ask"]
"""The rule for a new statement that contradicts a known one: the newest wins, both stay with their times, or ask."""


@dataclass(frozen=True, slots=True)
class Add:
    """Nothing like it is known."""

    new: NewMemory


@dataclass(frozen=True, slots=True)
class Reinforce:
    """It is known already, and is confirmed."""

    new: NewMemory
    existing: Memory
    ended: tuple[Memory, ...] = ()
    """Memories that are not true any more, because of the one that was known already."""


@dataclass(frozen=True, slots=True)
class Supersede:
    """It ends the validity of what is known."""

    new: NewMemory
    existing: Memory
    also: tuple[Memory, ...] = ()
    """Memories that end with it: those the model points at beside the one under the key."""

    @property
    def ended(self) -> tuple[Memory, ...]:
        """Everything whose validity ends."""
        return (self.existing, *self.also)


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
class ExistingMemories:
    """The memories of the database that are near the candidates."""

    nearest: Mapping[UUID, Sequence[tuple[Memory, float]]]
    """By the id of a new memory: the memories most like it, with the cosine."""
    by_key: Mapping[str, Memory]
    visible: Mapping[UUID, Memory]
    """The memories that the model was shown, and may refer to."""


@dataclass(frozen=True, slots=True)
class Policy:
    """The rules of a decision."""

    contradictions: Contradictions
    min_confidence: float
    """A candidate below it is not kept."""
    max_superseded: int
    """One answer of a model supersedes at most so many memories; the rest waits for review."""
    related: float
    """The cosine from which two statements have something to do with each other, under this embedder."""


def decide(new: Sequence[NewMemory], known: ExistingMemories, policy: Policy) -> list[Decision]:
    """A decision for each of ``new``, in the order in which they were said: of one key the latest is current."""
    decisions: list[Decision] = []
    gone: set[UUID] = set()
    keyed: dict[str, int] = {}
    for statement in sorted(new, key=lambda one: statement_time(one.candidate)):
        own = _own(statement, known)
        key = own.candidate.key
        index = keyed.get(key) if key is not None else None
        if index is not None and not same_person(own.candidate, decisions[index].new.candidate):
            own, key, index = _without_key(own), None, None
        if index is None:
            decision = _decide(own, known, policy, gone)
        else:
            decision, decisions[index] = _decide_second(own, decisions[index], policy)
        if isinstance(decision, Supersede | Reinforce):
            gone.update(memory.id for memory in decision.ended)
        if key is not None and isinstance(decision, Add | Supersede):
            keyed[key] = len(decisions)
        decisions.append(decision)
    return decisions


def for_approval(decisions: Sequence[Decision]) -> list[Decision]:
    """The decisions where nobody is to be told anything that was learnt before somebody has approved it.

    What is known already is confirmed; what would change it, or be new, waits.
    """
    waiting: list[Decision] = []
    for decision in decisions:
        if isinstance(decision, Supersede):
            waiting.append(Quarantine(decision.new, WAITS, decision.existing))
        elif isinstance(decision, Add | Past):
            waiting.append(Quarantine(decision.new, WAITS))
        else:
            waiting.append(replace(decision, ended=()) if isinstance(decision, Reinforce) else decision)
    return waiting


def statement_time(statement: Candidate | Memory) -> datetime:
    """The time at which a statement was made, which for an event is not the day that it speaks of."""
    value = statement.value or {}
    moment_text = value.get("said_at") if statement.kind == "episodic" else None
    if isinstance(moment_text, str):
        try:
            moment = datetime.fromisoformat(moment_text)
        except ValueError:
            return statement.valid_from
        return moment if moment.tzinfo is not None else moment.replace(tzinfo=UTC)
    return statement.valid_from


def ends_at(known: Memory, new: Candidate) -> datetime:
    """The time at which ``known`` ends because of ``new``: where that begins; for a plan, where it was given up, at the earliest."""
    return max(known.valid_from, statement_time(new) if known.kind == "episodic" else new.valid_from)


def _own(new: NewMemory, known: ExistingMemories) -> NewMemory:
    """``new`` without its key, if somebody else's statement stands under it."""
    key = new.candidate.key
    rival = known.by_key.get(key) if key is not None else None
    return new if rival is None or same_person(new.candidate, rival) else _without_key(new)


def _without_key(new: NewMemory) -> NewMemory:
    return replace(new, key=str(new.id), candidate=replace(new.candidate, key=None))


def _decide_second(new: NewMemory, earlier: Decision, policy: Policy) -> tuple[Decision, Decision]:
    """A second statement under one key in one batch, and what becomes of the first, which was to be current."""
    if same_statement(new.candidate.text, earlier.new.candidate.text):
        return Skip(new, "it was said twice"), earlier
    if new.candidate.confidence < policy.min_confidence:
        return Skip(new, "the confidence is too low"), earlier
    suspicious = find_suspicion(new.candidate)
    if suspicious is not None:
        return Quarantine(new, suspicious), earlier
    if policy.contradictions == "ask" or not may_supersede(
        new.candidate.provenance.source, earlier.new.candidate.provenance.source
    ):
        return Quarantine(new, "it contradicts what is known"), earlier
    if policy.contradictions == "both":
        return Add(replace(new, key=str(new.id))), earlier
    past = Past(earlier.new, new.candidate.valid_from, new.id)
    return (Supersede(new, earlier.existing, earlier.also) if isinstance(earlier, Supersede) else Add(new)), past


def _decide(new: NewMemory, known: ExistingMemories, policy: Policy, gone: set[UUID]) -> Decision:
    candidate = new.candidate
    if candidate.confidence < policy.min_confidence:
        return Skip(new, "the confidence is too low")
    suspicious = find_suspicion(candidate)
    if suspicious is not None:
        return Quarantine(new, suspicious)
    twin = _twin(new, known, policy)
    targets = [memory for memory in _targets(new, known, policy) if twin is None or memory.id != twin.id]
    ended = [memory for memory in targets if _against(new, memory, policy, gone) is None]
    if twin is not None:
        return Reinforce(new, twin, tuple(ended[: policy.max_superseded - len(gone)]))
    if not targets:
        return Add(new)
    objection = _against(new, targets[0], policy, gone)
    if objection is not None:
        return objection
    if candidate.key is None:
        new = replace(new, key=targets[0].key)
    return Supersede(new, targets[0], tuple(ended[1 : policy.max_superseded - len(gone)]))


def _against(new: NewMemory, target: Memory, policy: Policy, gone: set[UUID]) -> Decision | None:
    """The decision that takes the place of ending ``target``; None if nothing speaks against ending it."""
    candidate = new.candidate
    if target.id in gone:  # somebody else in this batch has replaced it: a second successor stands beside the first
        return Add(replace(new, key=str(new.id)))
    if not may_supersede(candidate.provenance.source, target.provenance.source):
        return Quarantine(new, "a less trusted source contradicts what is known", target)
    if target.pinned:
        return Quarantine(new, PINNED, target)
    if len(gone) >= policy.max_superseded:
        return Quarantine(new, "too many memories would change at once", target)
    if policy.contradictions == "ask":
        return Quarantine(new, "it contradicts what is known", target)
    if policy.contradictions == "both":
        return Add(replace(new, key=str(new.id)))
    stated_at, known_since = statement_time(candidate), statement_time(target)
    if stated_at < known_since:
        return Past(new, known_since, target.id)
    if candidate.kind == "episodic" and target.kind != "episodic" and candidate.valid_from > stated_at:
        return Add(new)  # what is planned ends nothing yet
    return None


def _twin(new: NewMemory, known: ExistingMemories, policy: Policy) -> Memory | None:
    """The known memory that says the same."""
    candidate = new.candidate
    claimed = _find_target(new, known, policy) if candidate.relation == "same" else None
    if claimed is not None and claimed.kind != candidate.kind:
        claimed = None
    if candidate.kind == "episodic":  # what happened twice is two memories; the same turn has the same identity
        same_day = claimed is not None and claimed.valid_from.date() == candidate.valid_from.date()
        return claimed if same_day and adds_no_figure(candidate, claimed) else None
    keyed = known.by_key.get(candidate.key) if candidate.key is not None else None
    if keyed is not None and same_statement(candidate.text, keyed.text or ""):
        return keyed
    for memory, _ in known.nearest.get(new.id, ()):
        same = memory.kind == candidate.kind and same_statement(candidate.text, memory.text or "")
        if same and same_person(candidate, memory):
            return memory
    return claimed if adds_no_figure(candidate, claimed) else None


def _targets(new: NewMemory, known: ExistingMemories, policy: Policy) -> list[Memory]:
    """The known memories that end with this one: what stands under its key, and what the model points at."""
    candidate = new.candidate
    keyed = known.by_key.get(candidate.key) if candidate.key is not None else None
    claimed = _find_target(new, known, policy) if candidate.relation == "replaces" else None
    found = {memory.id: memory for memory in (keyed, claimed) if memory is not None}
    return list(found.values())


def _find_target(new: NewMemory, known: ExistingMemories, policy: Policy) -> Memory | None:
    """The memory that the candidate refers to, if the model saw it, it is about the same person, and the two are related."""
    about = new.candidate.about
    if about is None or about not in known.visible:
        return None
    memory = known.visible[about]
    near = {near.id: similarity for near, similarity in known.nearest.get(new.id, ())}
    if near.get(about, 0.0) < policy.related or not same_person(new.candidate, memory):
        return None
    return memory


def same_statement(one: str, other: str) -> bool:
    """Tell if two statements differ in small words at most: cosines do not tell Oslo from Bergen, nor who likes whom."""
    mine, yours = _content(one), _content(other)
    return bool(mine) and mine == yours


def _content(text: str) -> tuple[str, ...]:
    light = stop_words("statements")
    return tuple(word for word in _WORD.findall(text.casefold()) if word not in light)


def _figures(text: str) -> frozenset[str]:
    """Numbers, which make two statements different whatever else they share."""
    return frozenset(word for word in _WORD.findall(text) if any(map(str.isdigit, word)))


def same_person(one: Candidate, other: Candidate | Memory) -> bool:
    """Tell if two statements may be about the same person: "my sister" is not me, nor is who speaks after me."""
    if one.speaker and other.speaker and one.speaker != other.speaker:
        return False
    return is_same_subject(_subject(one), _subject(other))


def _subject(statement: Candidate | Memory) -> Subject:
    topics: object = (statement.value or {}).get("topics")
    names = (
        [topic for topic in cast("list[object]", topics) if isinstance(topic, str)] if isinstance(topics, list) else []
    )
    return find_subject(statement.text or "", [*names, *([statement.speaker] if statement.speaker else [])])


def adds_no_figure(candidate: Candidate, known: Memory | None) -> bool:
    """Tell if every number of the candidate is in the known memory: numbers make two statements different."""
    return known is not None and _figures(candidate.text) <= _figures(known.text or "")
