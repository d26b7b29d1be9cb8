"""Memories made from memories: a summary stands for its originals, a preference rests on its evidence.

Whoever erases one has to think of the other. A summary repeats words of its originals, so it goes with
any of them; and what a summary says goes for good only if its originals go with it.
"""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from langchain_persistmem.learning.insert import log
from langchain_persistmem.learning.turns.turns_follow_statements import follow
from langchain_persistmem.postgres.queries import changes, forget, retention, search_index
from langchain_persistmem.postgres.transaction import Transaction
from langchain_persistmem.runtime.backend import Backend
from langchain_persistmem.types.namespace import Namespace
from langchain_persistmem.types.records import HABITS_EXTRACTOR, SUMMARY_EXTRACTOR, Memory

DERIVED = (SUMMARY_EXTRACTOR, HABITS_EXTRACTOR)
"""Extractors of memories made from memories, which are never made into a summary, nor counted as evidence."""


async def bring_back(
    tx: Transaction,
    backend: Backend,
    namespace: Namespace,
    summaries: Sequence[UUID],
    *,
    but: Sequence[UUID] = (),
    reason: str,
    now: datetime,
) -> None:
    """Make the originals of summaries that go current again, apart from ``but``; the caller holds the namespace's lock."""
    back = await retention.unfold_summaries(tx, namespace, summaries, but=but, now=now)
    words = {memory.id: (memory.text or "", memory.speaker) for memory in back}
    await search_index.insert_terms(tx, namespace, words, language=backend.settings.language)
    await follow(tx, backend, namespace, [memory.id for memory in back], now=now)
    await log(tx, backend, namespace, [(memory.id, "restored", reason, None) for memory in back], now=now)


async def unfold(
    tx: Transaction, backend: Backend, namespace: Namespace, summary: UUID, *, but: Sequence[UUID], now: datetime
) -> None:
    """Take a summary back: its originals become current again, apart from ``but``, and it is erased, being theirs."""
    why = "the summary in its place was taken back"
    await bring_back(tx, backend, namespace, [summary], but=but, reason=why, now=now)
    await forget.erase_memories(tx, namespace, [summary])


async def summary_of(tx: Transaction, namespace: Namespace, original: Memory) -> UUID | None:
    """The summary that stands for ``original`` now; None if there is none, or something newer contradicts it."""
    if original.status != "archived" or original.superseded_by is None:
        return None
    summary = await changes.get_version(tx, namespace, original.superseded_by)
    if summary is None or summary.provenance.extractor != SUMMARY_EXTRACTOR or summary.status == "superseded":
        return None
    return summary.id
