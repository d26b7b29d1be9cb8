"""Erasing for good: a plan first where it is asked for, then one transaction, then a receipt without content."""

import math
from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from langchain_persistmem.errors import InvalidInputError, MemoryNotFoundError
from langchain_persistmem.language.search_terms.query_terms import strip_light_words
from langchain_persistmem.learning.summary_originals import bring_back
from langchain_persistmem.postgres.queries import erasure_log, retention
from langchain_persistmem.postgres.queries import forget as forget_queries
from langchain_persistmem.postgres.transaction import Transaction
from langchain_persistmem.postgres.transaction_opening import undo_if
from langchain_persistmem.privacy import erase_person
from langchain_persistmem.recall.search import find_candidates
from langchain_persistmem.runtime import generations
from langchain_persistmem.runtime.audit_log import record
from langchain_persistmem.runtime.backend import Backend
from langchain_persistmem.runtime.setup import ready
from langchain_persistmem.settings import Ranking
from langchain_persistmem.types import validation
from langchain_persistmem.types.namespace import Namespace, Pattern, encode
from langchain_persistmem.types.recall_results import Question, RankedCandidate, Recollection
from langchain_persistmem.types.representation import quote
from langchain_persistmem.types.results import Receipt

_MARGIN = 0.6
"""A memory with at least this share of the best one's evidence is a candidate as well."""
_LITERAL = 0.8
"""A memory with at least this share of the best evidence by terms contains the words of the query: a longer text has less
evidence for the same words."""
_LENIENCE = 0.3
"""Evidence that a candidate may lack: the user sees the list, and can erase nothing that is not in it."""


@dataclass(frozen=True, slots=True)
class Plan:
    """The extent of an erasure: exactly one of keys, query and everything."""

    keys: Sequence[str] | None
    query: str | None
    everything: bool
    dry_run: bool
    limit: int
    shared_threads: bool = False
    """With everything: erase the checkpoints of shared threads, too."""
    patterns: Sequence[Pattern] = ()
    """With everything: the other namespaces that name the person."""


async def forget(backend: Backend, namespace: Namespace, plan: Plan, *, now: datetime) -> Receipt:
    """Erase memories by key, or everything of a namespace; with a query, only find candidates.

    A query never erases: it returns candidates, whose keys can then be given. A memory is erased with
    all its versions, the stored turns that it came from, and whatever else was learnt from these
    turns, so that it cannot be learnt again. A summary is erased with the memories that it stands for.
    Summaries and preferences that were made from an erased memory are erased too; the other memories
    behind such a summary become current again.

    Raises:
        InvalidInputError: none or several of keys, query and everything were given.
        MemoryNotFoundError: a key does not exist; nothing was erased.
    """
    if (plan.keys is not None) + (plan.query is not None) + bool(plan.everything) != 1:
        raise InvalidInputError("forget() takes exactly one of keys=[...], query='...' and everything=True")
    encode(namespace)
    await ready(backend)
    if plan.query is not None:  # a search is no decision: what is erased is named by key
        return await _candidates(backend, namespace, plan.query, limit=plan.limit, now=now)
    if plan.everything:
        return await erase_person.everything(
            backend,
            namespace,
            plan.patterns,
            shared_threads=plan.shared_threads,
            dry_run=plan.dry_run,
            now=now,
        )
    return await _keys(backend, namespace, () if plan.keys is None else plan.keys, dry_run=plan.dry_run, now=now)


async def _candidates(backend: Backend, namespace: Namespace, query: str, *, limit: int, now: datetime) -> Receipt:
    """Find the memories that a query means, duplicates of a text included.

    Archived memories are found as well, since the summary that replaced one may leave out what it said.
    """
    validation.count(limit, "limit", at_least=1, at_most=1000)
    recollections: dict[UUID, Recollection] = {}
    # "My" and "the" stand in every other memory: they say whose it is, and not what is meant.
    about = strip_light_words(query)
    for at in (None, now):
        question = Question(query=about, limit=limit, now=now, at=at, own_view=True)
        candidates = await find_candidates(backend, namespace, question)
        for candidate in select_meant(
            candidates.ranked, count=candidates.result.count, weights=backend.settings.ranking
        ):
            recollection = candidate.recollection()
            if at is None or recollection.memory.status == "archived":
                recollections.setdefault(candidate.row.id, recollection)
    best = sorted(recollections.values(), key=lambda candidate: (-candidate.score, candidate.memory.key))[:limit]
    return Receipt(erased=False, counts={"memories": len(best)}, candidates=tuple(best))


async def _keys(
    backend: Backend, namespace: Namespace, keys: Sequence[str], *, dry_run: bool, now: datetime
) -> Receipt:
    keys = validation.names(keys, "keys")
    if not keys:
        return Receipt(erased=not dry_run, counts={})
    async with undo_if(dry_run, backend.transaction(namespace)) as tx:
        state = await generations.hold(tx, backend, namespace, now=now)
        versions = await forget_queries.erasable(tx, namespace, keys)
        missing = set(keys) - {key for _, key, _, _ in versions}
        if missing:
            raise MemoryNotFoundError(
                f"there is no memory with the key {quote(min(missing))} here; list() shows the keys"
            )
        # A summary repeats its originals: they go with it, and so do the turns that any of them came from.
        origins = [(id, thread, messages) for id, _, thread, messages in versions]
        for original in await retention.originals_of(tx, namespace, [id for id, _, _ in origins]):
            provenance = original.provenance
            origins.append((original.id, provenance.thread_id, provenance.message_ids))
        turns: dict[str, set[str]] = defaultdict(set)
        for _, thread_id, message_ids in origins:
            if thread_id is not None:
                turns[thread_id].update(message_ids)
        removal = await erase_with_turns(tx, backend, namespace, [id for id, _, _ in origins], turns, now=now)
        erasure = erasure_log.erasure_of(
            backend.new_id(), state.generation, removal.ids, removal.turns, removal.counts, now=now
        )
        await erasure_log.record_erasure(tx, erasure)
        remaining = await erasure_log.memories_there(tx, namespace, removal.ids)
        threads = await forget_queries.find_threads_with_checkpoints(tx, sorted(turns))
    return Receipt(
        erased=not dry_run,
        counts=removal.counts,
        ids=() if dry_run else (erasure.id,),
        verified=not dry_run and not remaining,
        remaining_traces=tuple(f"the checkpoints of thread {quote(thread_id)}" for thread_id in threads),
    )


def select_meant(candidates: Sequence[RankedCandidate], *, count: int, weights: Ranking) -> list[RankedCandidate]:
    """Select the candidates that a query means, by meaning and words alone.

    Neighbours in the conversation, age and use are left out: they make a memory a better answer to a question, and
    nobody wants it erased for that.

    Args:
        count: the memories among which they were found.
    """
    # The first two summands are those of meaning and words.
    evidence = {candidate.row.id: sum(candidate.parts[:2]) for candidate in candidates}
    words = {candidate.row.id: candidate.parts[1] for candidate in candidates}
    toss_up = weights.score_midpoint + weights.score_midpoint_per_log * math.log(max(count, 1))
    least = max(toss_up - _LENIENCE, _MARGIN * max(evidence.values(), default=0.0))
    # A memory with the words themselves is meant, whatever else it says: who asks for cousins means all twenty.
    literal = _LITERAL * max(words.values(), default=0.0)
    return [
        candidate
        for candidate in candidates
        if evidence[candidate.row.id] >= least or 0 < literal <= words[candidate.row.id]
    ]


@dataclass(frozen=True, slots=True)
class EraseResult:
    """The outcome of an erasure: rows by table, and the ids by which it is erased again after a restore."""

    counts: Mapping[str, int]
    ids: tuple[UUID, ...]
    turns: tuple[tuple[str, str], ...]
    """Thread and message id of each turn that these memories came from, whether it was still stored or not."""


async def erase_with_turns(
    tx: Transaction,
    backend: Backend,
    namespace: Namespace,
    memory_ids: Collection[UUID],
    turns: Mapping[str, Collection[str]],
    *,
    now: datetime,
) -> EraseResult:
    """Erase memories and turns, what else was learnt from the turns, and what was derived from any of it.

    The caller holds the namespace's lock.
    """
    ids, erased_turns = set(memory_ids), 0
    for thread_id, message_ids in sorted(turns.items()):
        ids.update(await forget_queries.memories_of_messages(tx, namespace, thread_id, sorted(message_ids)))
        erased_turns += await forget_queries.erase_messages(tx, namespace, thread_id, sorted(message_ids))
    ids.update(await _erase_derived(tx, backend, namespace, ids, now=now))
    counts = await forget_queries.erase_memories(tx, namespace, sorted(ids))
    await record(tx, backend, namespace, "forgotten", sorted(ids), turns=erased_turns)
    pairs = [(thread_id, id) for thread_id, message_ids in sorted(turns.items()) for id in sorted(message_ids)]
    return EraseResult({**counts, "messages": erased_turns}, tuple(sorted(ids)), tuple(pairs))


async def _erase_derived(
    tx: Transaction, backend: Backend, namespace: Namespace, ids: Collection[UUID], *, now: datetime
) -> list[UUID]:
    """Summaries and preferences made from what is erased, to be erased with it; other originals become current again."""
    derivations = await retention.derived_from(tx, namespace, sorted(ids))
    why = "the summary in its place was erased with another of its originals"
    await bring_back(tx, backend, namespace, derivations, but=sorted(ids), reason=why, now=now)
    return derivations
