"""The lower layer: every turn that says something is a memory of its own, whether or not a model learns from it.

A turn's id follows from its message, so that a retry, a second process and a fill-in make the same one.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from langchain_persistmem.errors import PersistMemError
from langchain_persistmem.language.off_record_requests import find_off_record
from langchain_persistmem.language.requests import is_request
from langchain_persistmem.language.small_talk import is_small_talk
from langchain_persistmem.language.statement_rules import find_statements
from langchain_persistmem.language.trust import find_suspicion
from langchain_persistmem.learning.background.missing_vectors import embed_or_postpone, note_missing
from langchain_persistmem.learning.decisions.consolidation import WAITS
from langchain_persistmem.learning.insert import ChangeResult, log
from langchain_persistmem.learning.turns.turns_follow_statements import follow_turns
from langchain_persistmem.postgres.answer import Answer
from langchain_persistmem.postgres.queries import consent, forget, messages, rewrites, search_index, work_leases
from langchain_persistmem.postgres.queries import turns as turn_queries
from langchain_persistmem.postgres.queries.rows import row_of
from langchain_persistmem.postgres.queries.turns import OpenMessage, OpenThread
from langchain_persistmem.postgres.queries.work_leases import Job
from langchain_persistmem.postgres.transaction import Transaction
from langchain_persistmem.runtime import generations, hnsw_upkeep
from langchain_persistmem.runtime.audit_log import MemoryIds, record
from langchain_persistmem.runtime.backend import Backend
from langchain_persistmem.runtime.consent_checks import may_learn
from langchain_persistmem.runtime.models.text_pieces import split_text
from langchain_persistmem.runtime.record_redaction import turn_to_learn
from langchain_persistmem.runtime.setup import ready
from langchain_persistmem.types.namespace import Namespace
from langchain_persistmem.types.records import TURNS_EXTRACTOR, Candidate, NewMemory, Provenance, Turn, Vector
from langchain_persistmem.types.results import MemoryChange

EDITED = "its message was edited"
REMOVED = "a statement that rested on it may have been rejected or erased before the upgrade"
_BEFORE = 6
"""Messages before the open ones that are looked at: a request not to remember may point back at them."""
LONGEST_TEXT = 100_000
"""Characters of a turn that are searched. The message itself is stored whole."""


@dataclass(frozen=True, slots=True)
class IndexResult:
    """The outcome of settling one batch of messages."""

    done: ChangeResult
    """Turns that have become memories: those that are listed, and those that wait for review."""
    skipped: int
    """Messages that were closed and became none."""
    more: bool
    """True if there were more open messages than one batch takes."""
    waiting: int = 0
    """Messages of the thread that are still to be learnt from."""


@dataclass(frozen=True, slots=True)
class _Settled:
    """A message with what becomes of it."""

    message: OpenMessage
    turn_id: UUID
    outcome: str
    candidate: Candidate | None
    """The memory that the turn becomes; None where it says nothing, or must not be remembered."""

    def row(self, *, closes: bool) -> dict[str, object]:
        """The row by which the message is settled; with ``closes``, for good where the rules find nothing in it."""
        return {
            "id": self.message.turn.id,
            "turn_id": str(self.turn_id),
            "outcome": self.outcome,
            "close": self.outcome == "off_record" or (closes and not self.is_for_rules),
        }

    @property
    def is_for_rules(self) -> bool:
        """True if the rules find statements in it, where no model learns from it."""
        return self.message.turn.role == "user" and bool(find_statements(self.message.turn.text))


@dataclass(frozen=True, slots=True)
class _Past:
    """The fate of messages that were stored before every turn was a memory."""

    linked: frozenset[UUID] = frozenset()
    """The turns that statements rest on."""
    removed_at: datetime | None = None
    """When statements were last rejected or purged, of which nothing else is left."""
    is_switched_on: bool = False
    """The turns were switched off, and are made again: lists show what they showed."""

    def knows(self, item: _Settled) -> bool:
        """True for a turn that somebody has learnt from: what was learnt is listed, or nothing."""
        return (item.message.is_learnt and not self.is_switched_on) or item.turn_id in self.linked

    def may_be_removed(self, item: _Settled) -> bool:
        """True for a turn whose statement may be among those that were removed."""
        return (
            item.message.is_learnt
            and item.turn_id not in self.linked
            and self.removed_at is not None
            and item.message.recorded_at < self.removed_at
        )


_NO_PAST = _Past()


class _OvertakenError(PersistMemError):
    """The namespace was erased meanwhile, or its person allows no learning any more: nothing is written."""


class _SettledError(PersistMemError):
    """Another process has settled some of the messages meanwhile: nothing is written, and they are read again."""


async def index_turns(
    backend: Backend,
    namespace: Namespace,
    thread_id: str,
    generation: UUID,
    *,
    open_thread: OpenThread | None = None,
    job: Job | None = None,
    limit: int | None = None,
    filling: bool = False,
    now: datetime,
) -> IndexResult | None:
    """Let the oldest unsettled messages of a thread become memories, so that recall finds them at once.

    Where no chat model learns from them afterwards, messages in which rules find nothing are closed too. With one they wait
    for it, and what waits can still be taken back: see :func:`withdraw_waiting`.

    Args:
        open_thread: what :func:`read_open` has just read.
        job: the thread's work, in the caller's hands: it is finished with the last messages, if nothing is left of it.
        limit: messages at most; by default as many as are learnt from at once.
        filling: they are filled in for an upgrade: no model is asked, vectors are made later, and nothing is closed.

    Returns:
        None if no message is open, or nothing may be learnt from them any more.

    Raises:
        EmbeddingError: the embedding model failed in a way that later attempts would not mend; nothing was written.
    """
    limit = limit or backend.settings.extract_turns
    if open_thread is None:
        async with backend.transaction(namespace, atomic=False) as tx:
            open_thread = await read_open(tx, backend, namespace, thread_id, limit=limit)
    if not open_thread.messages:
        return None
    settled, hidden_before = _settle(backend, open_thread.messages, open_thread.before, thread_id, generation)
    new = [item for item in settled if item.candidate is not None]
    pieces = [split_text(item.candidate.text) for item in new if item.candidate is not None]
    vectors = [() for _ in pieces] if filling else await embed_or_postpone(backend, pieces, later=True)
    more = len(open_thread.messages) == limit

    async def write(backend: Backend) -> IndexResult:
        async with backend.transaction(namespace) as tx:
            rows = [item.row(closes=backend.model_name is None and not filling) for item in settled]
            # One round trip tells all that the rest depends on; what is written then goes with the COMMIT.
            held = generations.hold(tx, backend, namespace, now=now)
            closed = turn_queries.settle_messages(tx, namespace, thread_id, rows, now=now)
            there = turn_queries.existing_turns(tx, namespace, [item.turn_id for item in new])
            count = messages.count_open(tx, namespace, thread_id)
            state, waiting = await held, await count
            if state.generation != generation or not may_learn(state.consent):
                raise _OvertakenError
            if await closed != len(rows):
                raise _SettledError
            if hidden_before:
                await _withdraw(tx, namespace, thread_id, hidden_before)
            is_old = filling or state.form == 1
            past = await _find_past(tx, namespace, new, is_switched_on=state.form != 1) if is_old else _NO_PAST
            existing = await there
            fresh = [
                (item, several) for item, several in zip(new, vectors, strict=True) if item.turn_id not in existing
            ]
            done = await _insert(tx, backend, namespace, fresh, past, now=now)
            # Status first: no turn is found while the statement on it is superseded, archived or waits for review.
            await follow_turns(tx, backend, namespace, sorted(past.linked), now=now)
            if filling:
                leased = timedelta(seconds=backend.settings.lease_seconds)
                await rewrites.move_rewrite(tx, namespace, "turns", None, done=len(rows), leased=leased)
            if job is not None and not more and not waiting:
                work_leases.finish_work(tx, job)
            record(tx, backend, namespace, "learnt", done.memory_ids.all, turns=len(rows), **done.memory_ids.counts)
        return IndexResult(done, len(settled) - len(new), more=more, waiting=waiting)

    try:
        return await backend.step(write)
    except _OvertakenError:
        return None
    except _SettledError:
        return IndexResult(ChangeResult(), 0, more=True)


def read_open(
    tx: Transaction, backend: Backend, namespace: Namespace, thread_id: str, *, limit: int | None = None
) -> Answer[OpenThread]:
    """Read the oldest messages of a thread that are not settled yet, as many as one batch takes."""
    limit = limit or backend.settings.extract_turns
    return turn_queries.messages_without_turn(tx, namespace, thread_id, limit=limit, before=_BEFORE)


def turn_id_of(generation: UUID, thread_id: str, message_id: str, version: int, recorded_at: datetime) -> UUID:
    """Derive the id of a turn: a UUID of version 7 with the time of its message, which nobody guesses without the generation.

    >>> from datetime import UTC
    >>> moment = datetime(2026, 11, 30, tzinfo=UTC)
    >>> one, again = (turn_id_of(UUID(int=1), "thread", "message", 1, moment) for _ in range(2))
    >>> one == again, one.version, one == turn_id_of(UUID(int=1), "thread", "message", 2, moment)
    (True, 7, False)
    """
    text = f"{generation}:{len(thread_id.encode())}:{thread_id}:{len(message_id.encode())}:{message_id}:{version}"
    random_bits = int.from_bytes(hashlib.sha256(text.encode()).digest()[:10]) >> 6  # 74 of them
    milliseconds = int(recorded_at.timestamp() * 1000)
    high, low = random_bits >> 62, random_bits & ((1 << 62) - 1)
    return UUID(int=milliseconds << 80 | 7 << 76 | high << 64 | 2 << 62 | low)


async def withdraw_waiting(
    tx: Transaction,
    namespace: Namespace,
    thread_id: str | None = None,
    ids: Sequence[str] | None = None,
    *,
    now: datetime,
) -> None:
    """Let what waits to be learnt from never be, and forget its turns: of the namespace, of a thread, or some of one.

    The caller holds the namespace's lock.
    """
    turn_ids = await consent.withhold_messages(tx, namespace, thread_id, ids, now=now)
    if turn_ids:
        await forget.erase_memories(tx, namespace, turn_ids)


def _settle(
    backend: Backend, messages: Sequence[OpenMessage], before: Sequence[Turn], thread_id: str, generation: UUID
) -> tuple[list[_Settled], list[str]]:
    """Decide what becomes of messages; and which messages before them are not to be remembered after all."""
    redaction = backend.settings.redaction
    turns = [turn_to_learn(redaction, message.turn) for message in messages]  # also those stored before it was set
    off_record = find_off_record([*before, *turns])
    settled: list[_Settled] = []
    for message, turn in zip(messages, turns, strict=True):
        turn_id = turn_id_of(generation, thread_id, turn.id, message.version, message.recorded_at)
        candidate = None
        if turn.id in off_record:
            outcome = "off_record"
        elif is_small_talk(turn.text):  # an empty text too, such as a call of tools
            outcome = "small_talk"
        else:
            outcome = "asks" if turn.role == "user" and is_request(turn.text) else "nothing"
            if backend.settings.turns:
                candidate = _candidate(turn, thread_id)
            else:
                outcome = "no_turn"
        settled.append(_Settled(message, turn_id, outcome, candidate))
    return settled, [turn.id for turn in before if turn.id in off_record]


def _candidate(turn: Turn, thread_id: str) -> Candidate:
    """A turn as a memory: the words as they were said, with their lines."""
    return Candidate(
        text=turn.text.strip()[:LONGEST_TEXT],
        kind="episodic",
        speaker=turn.speaker,
        valid_from=turn.sent_at,
        told_at=turn.sent_at,
        utc_offset=turn.utc_offset,
        date_precision="told",
        provenance=Provenance(
            source="user" if turn.role == "user" else "assistant",
            thread_id=thread_id,
            message_ids=(turn.id,),
            extractor=TURNS_EXTRACTOR,
        ),
    )


async def _insert(
    tx: Transaction,
    backend: Backend,
    namespace: Namespace,
    new: Sequence[tuple[_Settled, tuple[Vector, ...]]],
    past: _Past,
    *,
    now: datetime,
) -> ChangeResult:
    """Write turns that are no memories yet, with their vectors and terms."""
    model, settings = await ready(backend), backend.settings
    turns: list[tuple[dict[str, object], NewMemory]] = []
    waiting: dict[UUID, str] = {}
    for item, vectors in new:
        assert item.candidate is not None  # noqa: S101 - the caller has chosen those that have one
        memory = NewMemory(
            id=item.turn_id, key=str(item.turn_id), identity=b"", candidate=item.candidate, vectors=vectors,
            position=item.message.turn.position,
        )  # fmt: skip
        row = {**row_of(memory, now=now), "identity": None, "is_turn": True}
        # With a model lists show what it has learnt, and of what only asks nothing is to be known.
        row["listed"] = backend.model_name is None and item.outcome != "asks" and not past.knows(item)
        suspicion = find_suspicion(item.candidate)
        if suspicion is not None:
            row |= {"status": "quarantined", "review": suspicion, "listed": True}
            waiting[item.turn_id] = suspicion
        elif past.may_be_removed(item):
            row |= {"status": "withheld", "review": REMOVED}
        elif settings.approval == "learnt":
            # Without a model the turn is what is reviewed. With one its statements are, and it follows them.
            row |= {"status": "quarantined" if row["listed"] else "withheld", "review": WAITS}
            waiting |= {item.turn_id: WAITS} if row["listed"] else {}
        turns.append((row, memory))
    turn_queries.insert_turns(tx, namespace, [row for row, _ in turns])
    hnsw_upkeep.insert_vectors(tx, backend, namespace, {new.id: new.vectors for _, new in turns}, model=model)
    if not all(memory.vectors for _, memory in turns):
        await note_missing(tx, backend, namespace)
    active = [(row, memory) for row, memory in turns if row["status"] == "active"]
    terms = {memory.id: (memory.candidate.text, memory.candidate.speaker) for _, memory in active}
    search_index.insert_terms(tx, namespace, terms, language=settings.language)
    log(tx, backend, namespace, [(id, "quarantined", reason, None) for id, reason in waiting.items()], now=now)
    added = tuple(memory.id for row, memory in active if row["listed"])
    ids = MemoryIds(added=added, quarantined=tuple(waiting))
    changes = tuple(
        MemoryChange(
            change="quarantined" if memory.id in waiting else "added",
            text=memory.candidate.text,
            reason=waiting.get(memory.id),
            key=memory.key,
            memory_id=memory.id,
            message_ids=memory.candidate.provenance.message_ids,
            thread_id=memory.candidate.provenance.thread_id,
        )
        for _, memory in turns
        if memory.id in waiting or memory.id in added
    )
    return ChangeResult(added=len(added), quarantined=len(waiting), memory_ids=ids, changes=changes)


async def _find_past(tx: Transaction, namespace: Namespace, new: Sequence[_Settled], *, is_switched_on: bool) -> _Past:
    linked = await turn_queries.linked_turns(tx, namespace, [item.turn_id for item in new])
    return _Past(frozenset(linked), await rewrites.last_removal(tx, namespace), is_switched_on)


async def _withdraw(tx: Transaction, namespace: Namespace, thread_id: str, message_ids: Sequence[str]) -> None:
    """Erase what was remembered of messages that are not to be remembered after all; the messages themselves stay."""
    ids = await forget.memories_of_messages(tx, namespace, thread_id, message_ids)
    if ids:
        await forget.erase_memories(tx, namespace, ids)
    await turn_queries.set_outcomes(tx, namespace, thread_id, dict.fromkeys(message_ids, "off_record"))
