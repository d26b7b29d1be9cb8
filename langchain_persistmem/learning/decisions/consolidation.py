"""Decisions about candidates in the light of known memories: one for each, and nothing is done here; pure.

A model's claims about known memories count only where they can be checked: it may point at what it
was shown, and only at something related. It can end the validity of a memory, and never erase one.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Literal
from uuid import UUID

from langchain_persistmem.language.trust import find_suspicion, may_supersede
from langchain_persistmem.learning.decisions.fact_keys import own_key
from langchain_persistmem.learning.decisions.sameness import extends, is_repetition, repeats_claim, same_person
from langchain_persistmem.settings import Settings
from langchain_persistmem.types.records import Candidate, Memory, NewMemory

PINNED = "it would replace a pinned memory"
WAITS = "it was learnt, and waits for approval"
CONTRADICTS = "it contradicts what is known"
LESS_TRUSTED = "a less trusted source contradicts what is known"
SAID_TWICE = "it was said twice"
LOW_CONFIDENCE = "the confidence is too low"
UNSUPPORTED = "the user's words do not say so"
CONTRADICTED = "something newer contradicts it"
EXTENDED = "it was said again in full"
HAPPENED = "it has happened"

DOUBT_LOST = 0.5
"""The part of the doubt in a memory that goes with each confirmation, in the share of the new statement's confidence."""

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
    reason: str = CONTRADICTED
    """The reason for the log of changes."""

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


def policy_of(settings: Settings, background: tuple[float, float]) -> Policy:
    """The rules of a decision, with what "related" means under the embedder."""
    mean, deviation = background
    return Policy(
        contradictions=settings.contradictions,
        min_confidence=settings.min_confidence,
        max_superseded=settings.max_superseded,
        related=mean + 2 * deviation,
    )


def decide(new: Sequence[NewMemory], existing: ExistingMemories, policy: Policy) -> list[Decision]:
    """A decision for each of ``new``, in the order in which they were said: of one key the latest is current."""
    decisions: list[Decision] = []
    ended_ids: set[UUID] = set()
    keyed: dict[str, int] = {}
    for statement in sorted(new, key=lambda one: statement_time(one.candidate)):
        holders = {key: decisions[index].new.candidate for key, index in keyed.items()}
        own = own_key(statement, existing.by_key, holders)
        key = own.candidate.key
        index = keyed.get(key) if key is not None else None
        if index is not None:
            decision, decisions[index] = _decide_second(own, decisions[index], policy)
        elif any(_is_repeated(own.candidate, earlier) for earlier in decisions):
            decision = Skip(own, SAID_TWICE)
        else:
            decision = _decide(own, existing, policy, ended_ids)
        if isinstance(decision, Supersede | Reinforce):
            ended_ids.update(memory.id for memory in decision.ended)
        if key is not None and isinstance(decision, Add | Supersede):
            keyed[key] = len(decisions)
        decisions.append(decision)
    return decisions


def _is_repeated(candidate: Candidate, earlier: Decision) -> bool:
    """Tell if another statement of the batch says the same already, and is not left out itself."""
    first = earlier.new.candidate
    if isinstance(earlier, Skip) or candidate.doubt != first.doubt or candidate.relation != first.relation:
        return False
    return same_person(candidate, first) and is_repetition(candidate, first)


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
    if statement.kind != "episodic":
        return statement.valid_from
    if statement.told_at is not None:
        return statement.told_at
    moment_text = (statement.value or {}).get("said_at")  # as versions before wrote it
    if isinstance(moment_text, str):
        try:
            moment = datetime.fromisoformat(moment_text)
        except ValueError:
            return statement.valid_from
        return moment if moment.tzinfo is not None else moment.replace(tzinfo=UTC)
    return statement.valid_from


def ends_at(old: Memory, new: Candidate) -> datetime:
    """The time at which ``old`` ends because of ``new``: where that begins; for a plan, where it was given up, at the earliest."""
    return max(old.valid_from, statement_time(new) if old.kind == "episodic" else new.valid_from)


def has_come_true(plan: Memory, event: Candidate) -> bool:
    """Tell if ``event`` may be what a plan or a goal was about: it lay ahead then, and has happened by now."""
    told_at = statement_time(event)
    has_happened = event.kind == "episodic" and event.valid_from <= told_at and told_at > statement_time(plan)
    was_ahead = plan.kind == "episodic" and plan.valid_from > statement_time(plan)
    return has_happened and (was_ahead or "goal" in (plan.category, plan.value.get("type")))


def _decide_second(new: NewMemory, earlier: Decision, policy: Policy) -> tuple[Decision, Decision]:
    """A second statement under one key in one batch, and what becomes of the first, which was to be current."""
    if is_repetition(new.candidate, earlier.new.candidate):
        return Skip(new, SAID_TWICE), earlier
    if new.candidate.confidence < policy.min_confidence:
        return Skip(new, LOW_CONFIDENCE), earlier
    suspicious = new.candidate.doubt or find_suspicion(new.candidate)
    if suspicious is not None:
        return Quarantine(new, suspicious), earlier
    if policy.contradictions == "ask" or not may_supersede(
        new.candidate.provenance.source, earlier.new.candidate.provenance.source
    ):
        return Quarantine(new, CONTRADICTS), earlier
    if policy.contradictions == "both":
        return Add(replace(new, key=str(new.id))), earlier
    past = Past(earlier.new, new.candidate.valid_from, new.id)
    return (replace(earlier, new=new) if isinstance(earlier, Supersede) else Add(new)), past


def _decide(new: NewMemory, existing: ExistingMemories, policy: Policy, ended_ids: set[UUID]) -> Decision:
    candidate = new.candidate
    if candidate.confidence < policy.min_confidence:
        return Skip(new, LOW_CONFIDENCE)
    claim = _find_target(new, existing, policy)
    if claim is not None and candidate.relation == "same" and has_come_true(claim, candidate):
        # Whoever tells of it takes the plan for the same; to confirm the plan would lose that it has happened.
        candidate = replace(candidate, relation="replaces")
        new = replace(new, candidate=candidate)
    twin = _twin(new, existing, claim)
    if twin is not None and not candidate.is_supported:
        return Skip(new, UNSUPPORTED)
    suspicious = candidate.doubt or find_suspicion(candidate)
    if suspicious is not None:
        # What is known already needs no review, and words that nobody vouches for confirm nothing.
        return Quarantine(new, suspicious) if twin is None or candidate.doubt is None else Skip(new, UNSUPPORTED)
    if twin is None and claim is not None and candidate.relation == "same" and extends(candidate, claim):
        objection = _protects(new, claim, policy, ended_ids)
        return objection or Supersede(_heir(new, claim), claim, reason=EXTENDED)
    targets = [memory for memory in _targets(new, existing, claim) if twin is None or memory.id != twin.id]
    ended = [memory for memory in targets if _against(new, memory, policy, ended_ids) is None]
    if twin is not None:
        return Reinforce(new, twin, tuple(ended[: policy.max_superseded - len(ended_ids)]))
    if not targets:
        return Add(new)
    objection = _against(new, targets[0], policy, ended_ids)
    if objection is not None:
        return objection
    also = tuple(ended[1 : policy.max_superseded - len(ended_ids)])
    reason = HAPPENED if has_come_true(targets[0], candidate) else CONTRADICTED
    return Supersede(_heir(new, targets[0]), targets[0], also, reason)


def _heir(new: NewMemory, old: Memory) -> NewMemory:
    """``new`` under the key of what it takes the place of, unless it has one of its own."""
    return new if new.candidate.key is not None else replace(new, key=old.key)


def _against(new: NewMemory, target: Memory, policy: Policy, ended_ids: set[UUID]) -> Decision | None:
    """The decision that takes the place of ending ``target``; None if nothing speaks against ending it."""
    candidate = new.candidate
    objection = _protects(new, target, policy, ended_ids)
    if objection is not None:
        return objection
    if has_come_true(target, candidate):
        return None  # it contradicts nothing: a plan is over once it has happened
    if policy.contradictions == "ask":
        return Quarantine(new, CONTRADICTS, target)
    if policy.contradictions == "both":
        return Add(replace(new, key=str(new.id)))
    stated_at, old_time = statement_time(candidate), statement_time(target)
    if stated_at < old_time:
        return Past(new, old_time, target.id)
    if candidate.kind == "episodic" and target.kind != "episodic" and candidate.valid_from > stated_at:
        return Add(new)  # what is planned ends nothing yet
    return None


def _protects(new: NewMemory, target: Memory, policy: Policy, ended_ids: set[UUID]) -> Decision | None:
    """The decision where ``target`` may not get a successor, contradiction or not."""
    if (
        target.id in ended_ids
    ):  # somebody else in this batch has replaced it: a second successor stands beside the first
        return Add(replace(new, key=str(new.id)))
    if not may_supersede(new.candidate.provenance.source, target.provenance.source):
        return Quarantine(new, LESS_TRUSTED, target)
    if target.pinned:
        return Quarantine(new, PINNED, target)
    if len(ended_ids) >= policy.max_superseded:
        return Quarantine(new, "too many memories would change at once", target)
    return None


def _twin(new: NewMemory, existing: ExistingMemories, claim: Memory | None) -> Memory | None:
    """The known memory that says the same; what the model takes for replaced is never one."""
    candidate = new.candidate
    replaced = claim.id if claim is not None and candidate.relation == "replaces" else None
    keyed = existing.by_key.get(candidate.key) if candidate.key is not None else None
    near = [memory for memory, _ in existing.nearest.get(new.id, ())]
    for memory in [keyed, *near] if keyed is not None else near:
        if memory.id != replaced and same_person(candidate, memory) and is_repetition(candidate, memory):
            return memory
    repeats = claim is not None and candidate.relation == "same" and repeats_claim(candidate, claim)
    return claim if repeats else None


def _targets(new: NewMemory, existing: ExistingMemories, claim: Memory | None) -> list[Memory]:
    """The known memories that end with this one: what stands under its key, and what the model points at."""
    candidate = new.candidate
    keyed = existing.by_key.get(candidate.key) if candidate.key is not None else None
    claimed = claim if candidate.relation == "replaces" else None
    by_id = {memory.id: memory for memory in (keyed, claimed) if memory is not None}
    return list(by_id.values())


def _find_target(new: NewMemory, existing: ExistingMemories, policy: Policy) -> Memory | None:
    """The memory that the candidate refers to, if the model saw it, it is about the same person, and the two are related."""
    about = new.candidate.about
    if about is None or about not in existing.visible:
        return None
    memory = existing.visible[about]
    near = {near.id: similarity for near, similarity in existing.nearest.get(new.id, ())}
    if near.get(about, 0.0) < policy.related or not same_person(new.candidate, memory):
        return None
    return memory
