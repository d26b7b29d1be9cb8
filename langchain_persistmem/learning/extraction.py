"""Finding memories in stored turns: rules or one model call, then decisions, then one transaction.

Storing needs no model and was done before (``learning/background/learning_rounds.py``). What was stored and not looked at
yet stays open, so that a crash or a failing model delays memories and loses none.
"""

import logging
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from uuid import UUID

from langchain_persistmem.errors import ExtractionError
from langchain_persistmem.language.off_record_requests import find_off_record
from langchain_persistmem.learning.chat_model import extraction_prompt
from langchain_persistmem.learning.chat_model.daily_cap import spend
from langchain_persistmem.learning.chat_model.extraction_answer import Omission, OmissionReason, read_answer
from langchain_persistmem.learning.chat_model.extraction_input import (
    earlier_turns,
    nearest_memories,
    tool_outputs_near,
    worthwhile_turns,
)
from langchain_persistmem.learning.decisions.apply_decisions import ChangeResult
from langchain_persistmem.learning.decisions.consolidation import (
    LOW_CONFIDENCE,
    SAID_TWICE,
    UNSUPPORTED,
    Decision,
    Skip,
)
from langchain_persistmem.learning.decisions.existing_memories import decide_new
from langchain_persistmem.learning.insert import prepare
from langchain_persistmem.learning.rule_candidates import find_candidates
from langchain_persistmem.learning.write_extraction import OvertakenError, write
from langchain_persistmem.postgres.queries import messages
from langchain_persistmem.runtime.backend import Backend
from langchain_persistmem.runtime.record_redaction import turn_to_learn
from langchain_persistmem.types.namespace import Namespace
from langchain_persistmem.types.records import Candidate, Memory, Turn

logger = logging.getLogger(__name__)

_MOST_CHARS = 60_000
"""Characters of turns in one question, some 15,000 tokens: a batch of long turns is made of fewer."""
_SKIP_REASONS: Mapping[str, OmissionReason] = {
    SAID_TWICE: "said_twice",
    LOW_CONFIDENCE: "low_confidence",
    UNSUPPORTED: "unsupported",
}


@dataclass(frozen=True, slots=True)
class LearnResult:
    """The outcome of one batch of turns."""

    done: ChangeResult
    skipped: int
    """Turns that held nothing."""
    failed: tuple[str, ...]
    """Ids of the turns that the model gave no usable answer for, even alone; they are still open."""
    failure: ExtractionError | None
    more: bool
    """True if there were more open turns than one batch takes."""
    omissions: tuple[Omission, ...] = ()
    """Statements of the model that were dropped, with the reason."""


@dataclass(frozen=True, slots=True)
class _Extraction:
    """The candidates that the model, or the rules, found in some turns."""

    candidates: tuple[Candidate, ...]
    omissions: tuple[Omission, ...] = ()
    failed: tuple[str, ...] = ()
    failure: ExtractionError | None = None

    def __add__(self, other: "_Extraction") -> "_Extraction":
        return _Extraction(
            self.candidates + other.candidates,
            self.omissions + other.omissions,
            self.failed + other.failed,
            self.failure or other.failure,
        )


async def learn(
    backend: Backend, namespace: Namespace, thread_id: str, generation: UUID, *, now: datetime
) -> LearnResult | None:
    """Learn from the oldest open turns of a thread.

    Returns:
        None if no turns are open, or nothing may be learnt from them any more.

    Raises:
        CapReached: no model call is left for today; nothing was done.
        ExtractionError: the model cannot be reached; nothing was done.
        EmbeddingError: the same, for the embedding model.
    """
    most = backend.settings.extract_turns
    async with backend.transaction(namespace, atomic=False) as tx:
        count = messages.count_open(tx, namespace, thread_id)
        turns = await messages.messages_to_extract(tx, namespace, thread_id, limit=most)
        waiting = await count
    turns = cut(turns[: batch_size(waiting, most)])
    turns = [turn_to_learn(backend.settings.redaction, turn) for turn in turns]  # also those stored before it was set
    if not turns:
        return None
    extraction, shown = await _candidates(backend, namespace, turns, thread_id, now=now)
    new = await prepare(backend, extraction.candidates, later=backend.model_name is None)
    decisions = await decide_new(backend, namespace, new, shown, now=now)
    closing = [turn.id for turn in turns if turn.id not in extraction.failed]
    learnt_from = {id for candidate in extraction.candidates for id in candidate.provenance.message_ids}
    omissions = [_redact(backend, omission) for omission in (*extraction.omissions, *_skips(decisions))]
    try:
        done = await backend.step(
            write, namespace, thread_id, generation, decisions, closing, learnt_from, omissions, now=now
        )
    except OvertakenError as overtaken:
        return LearnResult(ChangeResult(), 0, (), None, more=True) if overtaken.again else None
    more = waiting > len(turns)
    skipped = len(closing) - len(learnt_from)
    return LearnResult(done, skipped, extraction.failed, extraction.failure, more, tuple(omissions))


def _redact(backend: Backend, omission: Omission) -> Omission:
    redaction = backend.settings.redaction
    return omission if redaction is None else replace(omission, text=redaction.redact(omission.text))


def _skips(decisions: Sequence[Decision]) -> list[Omission]:
    """The candidates that were left out in the light of what is known, with the reason as a word."""
    return [
        Omission(
            decision.new.candidate.text,
            _SKIP_REASONS.get(decision.reason, "not_usable"),
            decision.new.candidate.provenance.message_ids,
            decision.new.candidate.about,
        )
        for decision in decisions
        if isinstance(decision, Skip)
    ]


def _request(backend: Backend) -> extraction_prompt.Request:
    settings = backend.settings
    return extraction_prompt.Request(backend.shape, settings.extraction_instructions, settings.categories)


async def _candidates(
    backend: Backend, namespace: Namespace, turns: Sequence[Turn], thread_id: str, *, now: datetime
) -> tuple[_Extraction, Sequence[Memory]]:
    """Candidates, and the known memories that the model was shown for them."""
    off_record = find_off_record(turns)
    if backend.model_name is None:
        own = [turn for turn in turns if turn.id not in off_record]
        extraction = find_candidates(own, thread_id=thread_id, max_chars=backend.settings.max_text_chars)
        return _Extraction(tuple(extraction)), ()
    earlier = await earlier_turns(backend, namespace, turns, thread_id)
    worthwhile = worthwhile_turns(turns, earlier, off_record)
    if all(turn.role != "user" for turn in worthwhile):  # nothing in them could be believed: no call is paid for
        return _Extraction(()), ()
    shown = await nearest_memories(backend, namespace, worthwhile, now=now)
    tools = await tool_outputs_near(backend, namespace, turns, thread_id)
    extraction = await _extract(backend, namespace, worthwhile, thread_id, existing=shown, earlier=earlier, tools=tools)
    return extraction, shown


async def _extract(
    backend: Backend,
    namespace: Namespace,
    turns: Sequence[Turn],
    thread_id: str,
    *,
    existing: Sequence[Memory],
    earlier: Sequence[Turn],
    tools: Sequence[str],
) -> _Extraction:
    """The model's candidates: one call, unless its answer was cut short or misshapen; then each half is asked for.

    Neither half is shown the other: what the model cannot digest would spoil both.
    """
    try:
        await spend(backend, namespace)
        request = _request(backend)
        material = extraction_prompt.material(turns, existing, earlier)
        answer = await backend.ask(request.instructions, material, request.schema)
        reading = read_answer(
            answer,
            turns,
            thread_id=thread_id,
            model=backend.model_name or "",
            max_chars=backend.settings.max_text_chars,
            existing=existing,
            earlier=earlier,
            tools=tools,
            request=request,
        )
        if reading.omissions:
            counts = sorted(Counter(omission.reason for omission in reading.omissions).items())
            reasons = ", ".join(f"{reason}: {count}" for reason, count in counts)
            logger.warning(
                "%d memories were dropped of what the chat model found (%s)", len(reading.omissions), reasons
            )
        return _Extraction(tuple(reading.candidates), tuple(reading.omissions))
    except ExtractionError as error:
        if not error.unusable_answer:
            raise
        if len(turns) == 1:
            return _Extraction((), failed=(turns[0].id,), failure=error)
    # Halving finds the one turn that breaks the answer in few calls. Only the first half follows what was earlier.
    half = len(turns) // 2
    first = await _extract(backend, namespace, turns[:half], thread_id, existing=existing, earlier=earlier, tools=tools)
    second = await _extract(backend, namespace, turns[half:], thread_id, existing=existing, earlier=(), tools=tools)
    return first + second


def batch_size(waiting: int, most: int) -> int:
    """Turns of the next batch, so that batches are even: 41 turns are 21 and 20, not 40 and a last one without company.

    >>> batch_size(41, 40), batch_size(40, 40), batch_size(100, 40), batch_size(0, 40)
    (21, 40, 34, 1)
    """
    batches = max(1, -(-waiting // most))
    return max(1, -(-waiting // batches))


def cut(turns: Sequence[Turn]) -> list[Turn]:
    """The turns that one question takes by their length; one at least, and a very long one by itself."""
    batch: list[Turn] = []
    chars = 0
    for turn in turns:
        chars += len(turn.text)
        if batch and chars > _MOST_CHARS:
            break
        batch.append(turn)
    return batch
