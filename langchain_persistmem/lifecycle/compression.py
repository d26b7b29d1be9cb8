"""Compression: old memories that belong together are archived, and one summary takes their place.

A model works first, on what was read; then one transaction under the namespace's lock writes the summary and archives
the originals, if all of them are still current and the namespace has not been erased meanwhile.
"""

import logging
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from dataclasses import replace
from datetime import datetime, timedelta
from uuid import UUID

from langchain_persistmem.errors import ModelError, PersistMemError
from langchain_persistmem.language.trust import find_suspicion
from langchain_persistmem.learning.chat_model.daily_cap import CapReachedError, spend
from langchain_persistmem.learning.insert import change_of, insert, log, prepare
from langchain_persistmem.learning.summary_originals import DERIVED
from langchain_persistmem.learning.turns.turns_follow_statements import follow
from langchain_persistmem.lifecycle import summaries
from langchain_persistmem.lifecycle.clusters import clusters
from langchain_persistmem.postgres.queries import changes, retention, search_index
from langchain_persistmem.runtime import generations
from langchain_persistmem.runtime.audit_log import record
from langchain_persistmem.runtime.backend import Backend
from langchain_persistmem.runtime.consent_checks import may_learn
from langchain_persistmem.runtime.setup import ready
from langchain_persistmem.types.namespace import Namespace
from langchain_persistmem.types.records import Candidate, Kind, Memory, NewMemory
from langchain_persistmem.types.results import MaintainResult, MemoryChange

logger = logging.getLogger(__name__)

COMPRESSED: tuple[Kind, ...] = ("episodic", "semantic")
"""Instructions and profiles are not compressed: every word of theirs counts."""

IN_SUMMARY = "a summary stands in its place"

_WINDOW = 400
"""Memories, near in time, that are compared with each other at once: a large namespace needs no more RAM than a small one."""


class _OvertakenError(PersistMemError):
    """An original has changed, the namespace was erased, or the person forbade it, since the summary was begun."""


async def compress(
    backend: Backend, namespace: Namespace, generation: UUID, *, now: datetime
) -> tuple[MaintainResult, bool]:
    """Write a summary for each group of related old memories, each in a transaction of its own.

    A group whose model fails, or whose summary is not believed, stays as it is.

    Returns:
        The result, and whether the models could be reached.
    """
    result = MaintainResult()
    async with aclosing(find_related(backend, namespace, now=now)) as groups:
        async for originals in groups:
            try:
                new = await _prepare(backend, namespace, originals)
            except CapReachedError:  # the next group would hit the same cap: tomorrow goes on here
                return replace(result, postponed=1), True
            except ModelError as error:
                logger.warning("a summary failed: %s", error)
                result = replace(result, failed=result.failed + 1)
                if not getattr(error, "unusable_answer", False):  # no answer at all: the next one would fail as well
                    return result, False
                continue
            if new is None:
                result = replace(result, failed=result.failed + 1)
            elif await _write(backend, namespace, generation, new, originals, now=now):
                result = replace(
                    result,
                    summaries=result.summaries + 1,
                    compressed=result.compressed + len(originals),
                    changes=(*result.changes, _summary_added(new, namespace), *archived_into_summary(originals)),
                )
    return result, True


def archived_into_summary(originals: Sequence[Memory]) -> list[MemoryChange]:
    """What becomes of memories in whose place a summary stands."""
    return [change_of(memory, "archived", IN_SUMMARY) for memory in originals]


def _summary_added(summary: NewMemory, namespace: Namespace) -> MemoryChange:
    return MemoryChange(
        change="added", text=summary.candidate.text, key=summary.key, memory_id=summary.id, namespace=namespace
    )


async def _prepare(backend: Backend, namespace: Namespace, originals: Sequence[Memory]) -> NewMemory | None:
    """The summary with its vector; None if it reads like an attack."""
    candidate = await _summary(backend, namespace, originals)
    if find_suspicion(candidate) is not None:
        return None
    (new,) = await prepare(backend, [candidate])
    return new


async def find_related(backend: Backend, namespace: Namespace, *, now: datetime) -> AsyncGenerator[list[Memory]]:
    """Groups of old memories that belong together: of one kind, source and speaker; oldest first, window by window."""
    rules, model = backend.settings.retention, await ready(backend)
    if rules.compress_days is None:
        return
    before = now - timedelta(days=rules.compress_days)
    similar = model.background_mean + rules.similarity * model.background_deviation
    for kind in COMPRESSED:
        last: Memory | None = None
        while True:
            async with backend.transaction(namespace, atomic=False) as tx:
                window = await retention.compressible(
                    tx, namespace, kind, before=before, after=last, derived=DERIVED, limit=_WINDOW
                )
                ids = [memory.id for memory in window]
                pairs = await retention.similar_pairs(tx, namespace, ids, model=model, floor=similar / 2)
            alike = [pair for pair in pairs if _voice(window[pair[0]]) == _voice(window[pair[1]])]
            for group in clusters(
                alike, similar=similar, least=rules.compress_min_memories, most=rules.compress_max_memories
            ):
                yield [window[position] for position in group]
            if len(window) < _WINDOW:
                break
            last = window[-1]


def _voice(memory: Memory) -> tuple[str, str | None]:
    return memory.provenance.source, memory.speaker


async def _summary(backend: Backend, namespace: Namespace, originals: Sequence[Memory]) -> Candidate:
    """The summary of a group: the model's, or without one an extract. No connection is held."""
    longest = backend.settings.max_text_chars
    if backend.model_name is None:
        sentences = summaries.sentences(originals)
        vectors = await backend.embed([sentence for _, sentence in sentences])
        text = summaries.extract(sentences, vectors, originals)[:longest]
        return summaries.candidate(text, originals, model=None)
    await spend(backend, namespace)
    answer = await backend.ask(
        summaries.INSTRUCTIONS, summaries.material(originals), summaries.SCHEMA, purpose="compress"
    )
    text = summaries.parse_answer(answer, originals, max_chars=longest)
    return summaries.candidate(text, originals, model=backend.model_name)


async def _write(
    backend: Backend,
    namespace: Namespace,
    generation: UUID,
    new: NewMemory,
    originals: Sequence[Memory],
    *,
    now: datetime,
) -> bool:
    """Write the summary and archive the originals, all or nothing; False if somebody was faster."""
    ids = [original.id for original in originals]
    try:
        async with backend.transaction(namespace) as tx:
            state = await generations.hold(tx, backend, namespace, now=now)
            # The model worked without a lock. A summary of less than all of its originals would say too much: if one
            # has gone, was changed or pinned meanwhile, the group waits for the next run.
            current = await changes.still_active(tx, namespace, ids)
            whole = len(current) == len(ids) and not any(current.values())
            if state.generation != generation or not may_learn(state.consent) or not whole:
                raise _OvertakenError
            if new.key not in (await insert(tx, backend, namespace, [new], now=now)).added:
                raise _OvertakenError
            await changes.archive_memories(tx, namespace, ids, summary=new.id, now=now)
            await search_index.unindex_memories(tx, namespace, ids)
            await follow(tx, backend, namespace, ids, now=now)
            entries = [(id, "archived", IN_SUMMARY, new.id) for id in ids]
            await log(tx, backend, namespace, entries, now=now)
            await record(tx, backend, namespace, "compressed", [new.id, *ids], added=1, archived=len(ids))
    except _OvertakenError:
        return False
    return True
