"""What recurs becomes a preference: counted from evidence, stated by the chat model, surer with each new occasion.

Without a chat model nothing is drawn: that somebody had sushi three times says nothing of what they like until
somebody understands it. Nothing is drawn twice: a preference knows its evidence, and what has been looked
through is looked through again only as the past of something new.
"""

import logging
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

from langchain_persistmem import lives
from langchain_persistmem.backend import Backend
from langchain_persistmem.engine import habits
from langchain_persistmem.engine.clusters import stars
from langchain_persistmem.engine.consolidation import Decision, decide
from langchain_persistmem.engine.evolution import apply, policy_of, what_is_known
from langchain_persistmem.engine.extraction import CapReached, spend
from langchain_persistmem.engine.keeping import log, prepare
from langchain_persistmem.engine.lineage import DERIVED
from langchain_persistmem.errors import ModelError, PersistMemError
from langchain_persistmem.namespace import Namespace
from langchain_persistmem.outcomes import Maintained
from langchain_persistmem.postgres import retention
from langchain_persistmem.postgres.transaction import Transaction
from langchain_persistmem.readiness import ready
from langchain_persistmem.recording import Touched, record
from langchain_persistmem.types import Candidate, Memory

logger = logging.getLogger(__name__)

_BATCH = 200
"""New episodes that are looked through, and written about, in one transaction."""
_NEAREST = 50
"""Other episodes that are considered as evidence with a new one."""


class _Erased(PersistMemError):
    """The namespace was erased, or the person forbade it, since the model was asked: nothing is written."""


@dataclass(slots=True)
class _Found:
    """What a batch of new episodes amounts to."""

    confirmed: dict[UUID, tuple[Memory, list[Memory]]] = field(default_factory=dict[UUID, tuple[Memory, list[Memory]]])
    """Known preferences by id, with what speaks for them; several groups may speak for one."""
    open: list[list[Memory]] = field(default_factory=list[list[Memory]])
    """Evidence of what is not known yet, oldest first."""


async def enrich(
    backend: Backend, namespace: Namespace, incarnation: UUID, *, dry_run: bool, now: datetime
) -> tuple[Maintained, bool]:
    """Look through what happened to the user since the last time, in batches, each in one transaction.

    Returns:
        What was done, or for a dry run would be asked about; and whether the models could be reached.
    """
    least = backend.settings.retention.habits
    preferences = confirmed = failed = 0
    after: UUID | None = None
    while least is not None and backend.model_name is not None:
        new, found = await _look(backend, namespace, after, least)
        if not new:
            break
        if dry_run:
            after = new[-1]
            preferences += len(found.open)
            confirmed += len(found.confirmed)
            continue
        asked = await _ask(backend, namespace, found.open, least)
        failed += asked.failed
        try:
            done = await _write(backend, namespace, incarnation, found, asked, new[-1], now=now)
        except ModelError as error:  # the embedding model: what was stated has no vector, and is asked for again
            logger.warning("a preference failed: %s", error)
            return Maintained(preferences=preferences, confirmed=confirmed, failed=failed + 1), False
        if done is None:
            break
        preferences, confirmed = preferences + done[0], confirmed + done[1]
        if asked.capped or not asked.reachable:
            return Maintained(
                preferences=preferences, confirmed=confirmed, failed=failed, postponed=int(asked.capped)
            ), asked.reachable
    return Maintained(preferences=preferences, confirmed=confirmed, failed=failed), True


async def _look(backend: Backend, namespace: Namespace, after: UUID | None, least: int) -> tuple[list[UUID], _Found]:
    """The next batch of new episodes, and what they are evidence of."""
    model, found = await ready(backend), _Found()
    similar = model.background_mean + backend.settings.retention.similar * model.background_deviation
    async with backend.transaction(namespace, atomic=False) as tx:
        new = await retention.unexamined(tx, namespace, after=after, derived=DERIVED, limit=_BATCH)
        if not new:
            return new, found
        near = await retention.recurring(
            tx, namespace, new, model=model, floor=similar, derived=DERIVED, limit=_NEAREST
        )
        groups = stars(near)
        ids = {id for group in groups for id in group}
        episodes = {each.id: each for each in await retention.memories_by_id(tx, namespace, sorted(ids))}
        known = await retention.habits_of(tx, namespace, extractor=habits.EXTRACTOR)
    for group in groups:
        evidence = sorted((episodes[id] for id in group if id in episodes), key=lambda each: (each.valid_from, each.id))
        _sort_in(found, evidence, known, least)
    return new, found


def _sort_in(found: _Found, evidence: list[Memory], known: Sequence[Memory], least: int) -> None:
    """Evidence for a preference that is known, or for one that may be; what a person has ended is not drawn again."""
    ids = {str(each.id) for each in evidence}
    related = [habit for habit in known if ids & habits.evidence_of(habit)]
    current = [habit for habit in related if habit.status == "active"]
    if current:
        if not ids <= habits.evidence_of(current[0]):
            found.confirmed.setdefault(current[0].id, (current[0], []))[1].extend(evidence)
        return
    ended = {id for habit in related for id in habits.evidence_of(habit)}
    left = [each for each in evidence if str(each.id) not in ended][-habits.MOST_SHOWN :]
    if habits.days(left) >= least:
        found.open.append(left)


@dataclass(slots=True)
class _Asked:
    """What the chat model made of the open evidence."""

    candidates: list[Candidate] = field(default_factory=list[Candidate])
    failed: int = 0
    capped: bool = False
    reachable: bool = True


async def _ask(backend: Backend, namespace: Namespace, groups: Sequence[Sequence[Memory]], least: int) -> _Asked:
    """One question for each group; it ends where the day's cap is reached or the model is not."""
    asked = _Asked()
    for evidence in groups:
        try:
            await spend(backend, namespace)
            answer = await backend.ask(habits.INSTRUCTIONS, habits.material(evidence), habits.SCHEMA, purpose="enrich")
            stated = habits.believed(answer, evidence, least=least, model=backend.model_name or "")
        except CapReached:
            asked.capped = True
            break
        except ModelError as error:
            logger.warning("asking about a habit failed: %s", error)
            asked.failed += 1
            if not getattr(error, "unusable_answer", False):
                asked.reachable = False
                break
            continue
        if stated is not None:
            asked.candidates.append(stated)
    return asked


async def _write(
    backend: Backend,
    namespace: Namespace,
    incarnation: UUID,
    found: _Found,
    asked: _Asked,
    last: UUID,
    *,
    now: datetime,
) -> tuple[int, int] | None:
    """Write preferences and evidence, and how far was looked, in one transaction.

    Returns:
        How many preferences are new, and how many have gained evidence; None if the namespace was erased meanwhile.
    """
    new = await prepare(backend, asked.candidates) if asked.candidates else []
    known = await what_is_known(backend, namespace, new, [], now=now)
    decisions = decide(new, known, await policy_of(backend))
    try:
        async with backend.transaction(namespace) as tx:
            life = await lives.hold(tx, backend, namespace, now=now)
            if life.incarnation != incarnation or not life.learns:
                raise _Erased
            done = await apply(tx, backend, namespace, await _still_founded(tx, namespace, decisions), now=now)
            confirmed = [each for each in found.confirmed.values() if await _confirm(tx, namespace, *each, now=now)]
            entries = [(habit.id, "reinforced", "it happened again", None) for habit, _ in confirmed]
            await log(tx, backend, namespace, entries, now=now)
            touched = done.touched + Touched(reinforced=tuple(habit.id for habit, _ in confirmed))
            await record(tx, backend, namespace, "enriched", touched.ids, **touched.counts)
            if not asked.capped and asked.reachable:
                await retention.mark_examined(tx, namespace, last)
    except _Erased:
        return None
    return done.added, len(confirmed) + done.reinforced


async def _still_founded(tx: Transaction, namespace: Namespace, decisions: Sequence[Decision]) -> list[Decision]:
    """The decisions whose evidence is all there still: what was erased while the model was asked leaves no trace."""
    ids = {id for each in decisions for id in each.new.candidate.provenance.memory_ids}
    there = {str(each.id) for each in await retention.memories_by_id(tx, namespace, sorted(map(UUID, ids)))}
    return [each for each in decisions if there.issuperset(each.new.candidate.provenance.memory_ids)]


async def _confirm(
    tx: Transaction, namespace: Namespace, habit: Memory, evidence: Sequence[Memory], *, now: datetime
) -> bool:
    """Add evidence to a preference; False if it is not current any more."""
    before = habits.evidence_of(habit)
    ids = [UUID(id) for id in {*before, *(str(each.id) for each in evidence)}]
    there = await retention.memories_by_id(tx, namespace, sorted(ids))
    value = {**habit.value, "evidence": [str(each.id) for each in there]}
    added = len({str(each.id) for each in there} - before)
    return added > 0 and await retention.add_evidence(
        tx, namespace, habit.id, value=value, added=added, confidence=habits.confidence(habits.days(there)), now=now
    )
