"""Learning from a conversation: the turns are stored first, then memories are found in them.

Storing needs no model. What was stored and not looked at yet is found again by the next call on
the thread, so that a crash or a failing model delays memories and loses none.
"""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from langchain_persistmem.backend import Backend
from langchain_persistmem.engine import prompts
from langchain_persistmem.engine.conversations import check_turns
from langchain_persistmem.engine.remember import keep, prepare
from langchain_persistmem.engine.small_talk import is_small_talk
from langchain_persistmem.errors import ExtractionFailed, PersistMemError
from langchain_persistmem.namespace import Namespace
from langchain_persistmem.postgres import memories, messages, namespaces
from langchain_persistmem.readiness import ready
from langchain_persistmem.types import Candidate, Observed, Provenance, Turn


class _Overtaken(PersistMemError):
    """Somebody else has dealt with these turns, or erased them; this work is given up."""


async def observe(
    backend: Backend, namespace: Namespace, turns: Sequence[Turn], *, thread_id: str, used: Sequence[str], now: datetime
) -> Observed:
    """Store the turns that are new, learn from all of the thread that were not learnt from yet, count what was used.

    Args:
        used: keys of the memories that were in the model's context for these turns.

    Raises:
        InvalidInput: a turn cannot be stored; none was.
        ExtractionFailed: the model failed; the turns are stored and the next call learns from them.
        EmbeddingFailed: the same, for the embedding model.
    """
    check_turns(turns, namespace, thread_id)
    await ready(backend)
    async with backend.transaction() as tx:
        incarnation = await namespaces.hold_namespace(tx, namespace, incarnation=backend.new_id(), now=now)
        stored = await messages.insert_messages(tx, namespace, thread_id, turns, now=now) if turns else 0
        if used:
            await memories.record_uses(tx, namespace, used, now=now)
    added = reinforced = skipped = 0
    while True:
        batch = await _learn(backend, namespace, thread_id, incarnation, now=now)
        if batch is None:
            return Observed(stored=stored, added=added, reinforced=reinforced, skipped=skipped)
        added, reinforced, skipped = added + batch[0], reinforced + batch[1], skipped + batch[2]


async def unfinished(backend: Backend, namespace: Namespace) -> list[str]:
    """The threads of a namespace in which turns wait to be learnt from."""
    async with backend.transaction(atomic=False) as tx:
        return await messages.list_threads(tx, namespace)


async def _learn(
    backend: Backend, namespace: Namespace, thread_id: str, incarnation: UUID, *, now: datetime
) -> tuple[int, int, int] | None:
    """Learn from the oldest open turns; the numbers of added, reinforced and skipped, or None if none are open."""
    async with backend.transaction(atomic=False) as tx:
        open_turns = await messages.messages_to_extract(tx, namespace, thread_id, limit=backend.settings.extract_turns)
    if not open_turns:
        return None
    candidates = await _candidates(backend, open_turns, thread_id)
    position_of = {turn.id: turn.position for turn in open_turns}
    places = [
        position_of[candidate.provenance.message_ids[0]] if candidate.provenance.extractor == "turns" else None
        for candidate in candidates
    ]
    new = await prepare(backend, candidates, places)
    learnt_from = {id for candidate in candidates for id in candidate.provenance.message_ids}
    try:
        async with backend.transaction() as tx:
            life = await namespaces.hold_namespace(tx, namespace, incarnation=backend.new_id(), now=now)
            ids = [turn.id for turn in open_turns]
            closed = await messages.mark_extracted(tx, namespace, thread_id, ids, now=now)
            if life != incarnation or closed != len(ids):
                raise _Overtaken
            kept = await keep(tx, backend, namespace, new, now=now)
    except _Overtaken:
        return None
    return len(kept.added), len(kept.reinforced), len(open_turns) - len(learnt_from)


async def _candidates(backend: Backend, turns: Sequence[Turn], thread_id: str) -> list[Candidate]:
    worthwhile = [turn for turn in turns if turn.text.strip() and not is_small_talk(turn.text)]
    longest = backend.settings.max_text_chars
    if not worthwhile:
        return []
    if backend.model_name is None:
        return [_episode(turn, thread_id, longest) for turn in worthwhile]
    return await _asked(backend, worthwhile, thread_id, model=backend.model_name)


async def _asked(backend: Backend, turns: Sequence[Turn], thread_id: str, *, model: str) -> list[Candidate]:
    """The model's candidates: one call, unless its answer was cut short or misshapen; then each half is asked for."""
    try:
        answer = await backend.ask(prompts.INSTRUCTIONS, prompts.material(turns), prompts.SCHEMA)
        longest = backend.settings.max_text_chars
        return list(prompts.candidates(answer, turns, thread_id=thread_id, model=model, max_chars=longest))
    except ExtractionFailed as error:
        if not error.unusable_answer or len(turns) == 1:
            raise
    half = len(turns) // 2
    first = await _asked(backend, turns[:half], thread_id, model=model)
    return first + await _asked(backend, turns[half:], thread_id, model=model)


def _episode(turn: Turn, thread_id: str, longest: int) -> Candidate:
    """A turn as a dated memory of its own; very long ones are cut, the whole turn stays in the history."""
    return Candidate(
        text=" ".join(turn.text.split())[:longest],
        kind="episodic",
        speaker=turn.speaker,
        valid_from=turn.sent_at,
        provenance=Provenance(
            source="user" if turn.role == "user" else "assistant",
            thread_id=thread_id,
            message_ids=(turn.id,),
            extractor="turns",
        ),
    )
